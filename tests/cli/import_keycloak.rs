//! `atelier import keycloak`.

use std::fs;

use serde_json::{Value, json};

use crate::Place;
use crate::import_people::{Scene, client};
use crate::support::database::Database;

/// A password credential as Keycloak exports it.
fn password(value: &str, algorithm: &str, iterations: u32, parameters: &Value) -> Value {
    let salt = "MDEyMzQ1Njc4OWFiY2RlZg==";
    json!({
        "id": "5f5a7c1e-5b1d-4a0e-9d5c-2d9c0f6d6a11", "type": "password", "userLabel": "My password",
        "createdDate": 1_700_000_000_000_u64,
        "secretData": json!({"value": value, "salt": salt, "additionalParameters": {}}).to_string(),
        "credentialData": json!({"hashIterations": iterations, "algorithm": algorithm,
                                 "additionalParameters": parameters}).to_string(),
    })
}

fn user(id: u32, name: &str, more: &Value) -> Value {
    let mut user = json!({
        "id": format!("0b0c0d0e-0000-4000-8000-00000000000{id}"), "username": name,
        "email": format!("{name}@example.com"), "firstName": name, "lastName": "Smith", "emailVerified": true,
        "createdTimestamp": 1_700_000_000_000_u64, "enabled": true, "totp": false, "credentials": [],
        "disableableCredentialTypes": [], "requiredActions": [], "realmRoles": ["default-roles-lab"], "notBefore": 0,
        "groups": [],
    });
    for (key, value) in more.as_object().unwrap() {
        user[key] = value.clone();
    }
    user
}

/// A realm as `kc.sh export --users realm_file` writes it (`RealmRepresentation`).
fn realm() -> Value {
    // Made with the reference implementation of argon2 (argon2-cffi: hash_secret_raw(b'ada likes engines', salt, 5, 7168,
    // 1, 32, Type.ID)) and with Python's hashlib.pbkdf2_hmac; the salt is b'0123456789abcdef'.
    let argon2 = password(
        "oPOLUFtA8mvtIbvYrh0Qu3t61Du5tvJ4fzbwa8gx984=",
        "argon2",
        5,
        &json!({"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}),
    );
    let sha1 = "miM2eDSGmU+tfhltixmri/PVLpzul0TU3u9ZBe5uxmlaMZ6rR71jguMvFWTT9o9jtiyGGdOgcra4f/wmMjThOA==";
    let sha256 = "xvl2CEiTa52Ned9z7I8D9a7QsgQDhm3JcEYTP8Rv0ICfkZEvKJ/1hXdusA6Xj+DZwxpi1iWVToKPcChfF0ypAA==";
    let sha512 = "+bz0pzF7UZZOlMjUEYvYnNmaQcUzH5GtjU7/4i+PhkALM04UTzKOelWuVUrsWjuw6FnjGISixHi3jqcOWUxr5g==";
    let otp = json!({
        "type": "otp", "userLabel": "phone", "secretData": json!({"value": "12345678901234567890"}).to_string(),
        "credentialData": json!({"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"})
            .to_string(),
    });
    json!({
        "id": "lab", "realm": "lab", "displayName": "Lab", "enabled": true, "sslRequired": "external",
        "accessTokenLifespan": 300, "defaultSignatureAlgorithm": "RS256",
        "roles": {"realm": [{"id": "1", "name": "boss", "composite": false, "clientRole": false}], "client": {}},
        "groups": [{
            "id": "g1", "name": "ml", "path": "/ml", "attributes": {}, "realmRoles": [], "clientRoles": {},
            "subGroups": [
                {"id": "g2", "name": "fraud", "path": "/ml/fraud", "realmRoles": ["seer"], "subGroups": []},
                {"id": "g3", "name": "secret", "path": "/ml/secret", "realmRoles": [], "subGroups": []},
            ],
        }],
        "users": [
            user(1, "alice", &json!({"credentials": [argon2], "realmRoles": ["boss", "offline_access"],
                                     "groups": ["/ml", "/ml/fraud"]})),
            user(2, "bob", &json!({"credentials": [password(sha1, "pbkdf2", 20_000, &json!({}))],
                                   "groups": ["/ml/fraud", "/ml/secret"], "username": "bobby"})),
            user(3, "carol", &json!({"credentials": [password(sha256, "pbkdf2-sha256", 27_500, &json!({})), otp],
                                     "requiredActions": ["VERIFY_EMAIL"], "emailVerified": false,
                                     "attributes": {"phone": ["1"]}})),
            user(4, "dora", &json!({"credentials": [password(sha512, "pbkdf2-sha512", 210_000, &json!({}))],
                                    "requiredActions": ["UPDATE_PASSWORD"]})),
            user(5, "erin", &json!({"enabled": false, "federatedIdentities": [{"identityProvider": "google"}]})),
            user(6, "robot", &json!({"serviceAccountClientId": "robot", "email": null})),
        ],
        "scopeMappings": [{"clientScope": "offline_access", "roles": ["offline_access"]}],
        "clients": [
            {"id": "c0", "clientId": "account", "name": "${client_account}", "publicClient": true},
            {"id": "c1", "clientId": "grafana", "name": "Grafana", "rootUrl": "https://grafana.example/",
             "enabled": true, "clientAuthenticatorType": "client-secret", "secret": "Zk3vB8qLr2XyW9tNc5HsJd7PmGfA4uEo",
             "redirectUris": ["/login/generic_oauth", "https://old.example/*"], "webOrigins": ["https://grafana.example"],
             "standardFlowEnabled": true, "implicitFlowEnabled": true, "directAccessGrantsEnabled": true,
             "serviceAccountsEnabled": false, "publicClient": false, "protocol": "openid-connect",
             "attributes": {"post.logout.redirect.uris": "+", "oauth2.device.authorization.grant.enabled": "true"}},
            {"id": "c2", "clientId": "robot", "secret": "a1b2c3d4-a1b2-c3d4-e5f6-a1b2c3d4e5f6", "redirectUris": [],
             "standardFlowEnabled": false, "serviceAccountsEnabled": true, "publicClient": false},
            {"id": "c3", "clientId": "spa", "redirectUris": ["http://127.0.0.1/cb"], "publicClient": true},
            {"id": "c4", "clientId": "saml", "protocol": "saml", "redirectUris": ["https://s.example/"]},
            {"id": "c5", "clientId": "api", "bearerOnly": true, "publicClient": false, "secret": "**********"},
        ],
        "components": {}, "keycloakVersion": "26.0.7",
    })
}

const MAP: &str = r#"
[[group]]
path = "/ml/fraud"
workspace = "fraud"
role = "owner"

[[group]]
path = "/ml"
workspace = "vision"

[[role]]
name = "boss"
account_role = "administrator"

[[role]]
name = "seer"
workspace = "vision"
role = "reader"
"#;

const PASSWORDS: [(&str, &str); 2] = [("alice", "ada likes engines"), ("bob", "bob likes boats")];

fn hash_of(scene: &Scene, name: &str) -> String {
    scene.rows(&format!("SELECT password_hash FROM users WHERE email = '{name}@example.com'")).remove(0)
}

#[test]
fn people_sign_in_with_their_old_passwords_which_are_hashed_anew() {
    let scene = Scene::new();
    scene.write("realm.json", realm().to_string());
    scene.write("map.toml", MAP);
    let run = scene.run("import keycloak realm.json --groups map.toml --yes").good();
    assert!(run.err.ends_with("imported: 8 create, 5 skip\n"), "{}\n{}", run.out, run.err);
    for (name, right) in PASSWORDS {
        let email = format!("{name}@example.com");
        assert!(!hash_of(&scene, name).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        for wrong in ["a wrong guess", ""] {
            assert!(scene.sign_in(&[("username", &email), ("password", wrong)]).is_err());
        }
        let old = hash_of(&scene, name);
        scene.sign_in(&[("username", &email), ("password", right)]).unwrap();
        let ours = hash_of(&scene, name);
        assert!(old != ours && ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ours}");
        scene.sign_in(&[("username", &email), ("password", right)]).unwrap();
        assert_eq!(hash_of(&scene, name), ours, "once");
    }
    // A second factor is asked for, and the hash is ours only after a whole sign-in.
    let carol = [("username", "carol@example.com"), ("password", "carol likes cars")];
    assert_eq!(scene.sign_in(&carol), Err(401));
    assert!(hash_of(&scene, "carol").starts_with("$pbkdf2-sha256$i=27500$"));
    let code = totp_now(&scene);
    scene.sign_in(&[carol[0], carol[1], ("totp", &code)]).unwrap();
    assert!(hash_of(&scene, "carol").starts_with("$argon2id$v=19$m=19456,"));
    // Somebody who must choose a new password gets no tokens until then.
    assert!(scene.sign_in(&[("username", "dora@example.com"), ("password", "dora likes dogs")]).is_err());
    assert_eq!(scene.rows("SELECT email FROM users WHERE must_change_password = 1"), ["dora@example.com"]);
    assert_eq!(scene.rows("SELECT email FROM users WHERE enabled = 0"), ["erin@example.com"]);

    assert_eq!(scene.workspaces_of("alice@example.com"), ["fraud owner", "vision member"], "the strongest role");
    assert_eq!(scene.workspaces_of("bob@example.com"), ["fraud owner", "vision reader"], "by the role of the group");
    assert_eq!(scene.rows("SELECT email FROM users WHERE role = 'administrator' AND id > 1"), ["alice@example.com"]);
    let verified = "SELECT email FROM users WHERE email_verified_at IS NULL AND kind = 'person'";
    assert_eq!(scene.rows(verified), ["carol@example.com"]);
    let id = "SELECT uuid FROM users WHERE email = 'alice@example.com'";
    assert_eq!(scene.rows(id), ["0b0c0d0e-0000-4000-8000-000000000001"], "apps know people by it");

    let audited = scene.count("audit");
    let again = scene.run("import keycloak realm.json --groups map.toml --yes").good();
    assert!(again.err.ends_with("8 unchanged, 5 skip; there is nothing to change\n"), "{}", again.err);
    assert_eq!(scene.count("audit"), audited);
    scene.run("audit verify").good();
}

/// The current code of the secret `12345678901234567890`, of the tool that people have for it.
fn totp_now(scene: &Scene) -> String {
    let script = "import hmac, hashlib, struct, time\n\
                  mac = hmac.new(b'12345678901234567890', struct.pack('>Q', int(time.time()) // 30), 'sha1').digest()\n\
                  at = mac[-1] & 15\n\
                  print('%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000))";
    let run = std::process::Command::new("python3").arg("-c").arg(script).current_dir(scene.files.path()).output();
    String::from_utf8(run.unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn the_preview_tells_what_becomes_of_each_row() {
    let scene = Scene::new();
    scene.write("realm.json", realm().to_string());
    let rows = scene.json("import keycloak realm.json --dry-run --json");
    let row = |kind: &str, name: &str| {
        let found = rows.as_array().unwrap().iter().find(|row| row["kind"] == kind && row["name"] == name);
        found.unwrap_or_else(|| panic!("{kind} {name}: {rows:#}"))
    };
    let notes = |kind: &str, name: &str| row(kind, name)["notes"].as_array().unwrap().clone();
    assert_eq!(row("user", "alice@example.com")["action"], "create");
    let told = [json!("signs in by email, not as alice")];
    assert_eq!(notes("user", "alice@example.com"), told, "nobody is an administrator without a map");
    assert_eq!(notes("user", "bob@example.com"), [json!("signs in by email, not as bobby")]);
    let lost = "not imported: required action VERIFY_EMAIL, attributes phone";
    assert_eq!(notes("user", "carol@example.com"), [json!("signs in by email, not as carol"), json!(lost)]);
    assert_eq!(row("user", "carol@example.com")["details"], json!(["with the authenticator app"]));
    let erin = [
        "disabled, as in Keycloak",
        "no password; `atelier user reset-link EMAIL` makes a link to set one",
        "signs in by email, not as erin",
        "not imported: sign-in by another provider",
    ];
    assert_eq!(notes("user", "erin@example.com"), erin.map(|note| json!(note)));
    assert_eq!(notes("user", "robot"), [json!("is the service account of the client robot, which gets a bot")]);
    for (kind, name, note) in [
        ("group", "/ml/fraud", "is not in the map; 2 users have it"),
        ("group", "/ml/secret", "is not in the map; 1 users have it"),
        ("role", "boss", "is not in the map; 1 users have it"),
        ("client", "account", "is a part of Keycloak"),
        ("client", "saml", "does not use OpenID Connect"),
        ("client", "api", "only accepts tokens, for which it needs no registration"),
    ] {
        assert_eq!((&row(kind, name)["action"], notes(kind, name)), (&json!("skip"), vec![json!(note)]));
    }
    let grafana = [
        "redirect URI https://old.example/* is not imported: it has a wildcard",
        "the implicit flow is not imported: it is not secure",
        "not imported: web origins https://grafana.example",
    ];
    assert_eq!(notes("client", "grafana"), grafana.map(|note| json!(note)));
    assert_eq!(scene.count("users"), 1, "a preview changes nothing");
}

#[test]
fn clients_go_on_with_their_secrets() {
    let scene = Scene::new();
    scene.write("realm.json", realm().to_string());
    scene.run("import keycloak realm.json --yes").good();
    let grafana = scene.json("client show grafana --json");
    assert_eq!(grafana["redirect_uris"], json!(["https://grafana.example/login/generic_oauth"]));
    assert_eq!(grafana["post_logout_redirect_uris"], grafana["redirect_uris"]);
    assert_eq!((&grafana["kind"], &grafana["name"]), (&json!("confidential"), &json!("Grafana")));
    let grants = json!(["authorization_code", "device_code", "password", "refresh_token"]);
    assert_eq!(grafana["grants"], grants);
    assert_eq!(scene.json("client show spa --json")["kind"], json!("public"));
    let robot = scene.json("client show robot --json");
    assert_eq!(robot["service_user"], json!("0b0c0d0e-0000-4000-8000-000000000006"));
    let token = |secret: &str| {
        let url = format!("{}/auth/realms/master/protocol/openid-connect/token", scene.server.base());
        let form = [("client_id", "robot"), ("client_secret", secret), ("grant_type", "client_credentials")];
        client().post(url).send_form(form).unwrap().status().as_u16()
    };
    assert_eq!(token("a1b2c3d4-a1b2-c3d4-e5f6-a1b2c3d4e5f6"), 200);
    assert_eq!(token("a1b2c3d4-a1b2-c3d4-e5f6-a1b2c3d4e5f7"), 401);
    assert!(!Database::open(scene.server.data_dir()).contains("a1b2c3d4-a1b2-c3d4-e5f6-a1b2c3d4e5f6"));
}

#[test]
fn hostile_exports_are_refused_or_told() {
    let place = Place::with_ada();
    let write = |text: &str| fs::write(place.path().join("realm.json"), text).unwrap();
    for (text, words) in [
        ("", "EOF while parsing"),
        ("{\"users\": [{\"email\": 7}]}", "users[0].email: invalid type: integer `7`"),
        ("{\"users\": [{\"email\": \"a@example.com\"", "EOF while parsing"),
        ("[{\"realm\": \"a\"}]", "the file must be the JSON of one realm"),
        ("{\"realm\": \"a\"} {\"realm\": \"b\"}", "trailing characters"),
        (&format!("{{\"groups\": {}", "[{\"subGroups\": ".repeat(200)), "recursion limit exceeded"),
        (&format!("{{\"users\": [{}{{}}]}}", "{},".repeat(10_000)), "at most 10000 can be imported at once"),
    ] {
        write(text);
        let run = place.run("import keycloak realm.json --yes");
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(run.err.contains(words), "{}", run.err);
    }
    let costly = password("eHh4eHh4eHh4eHh4eHh4eA==", "pbkdf2-sha512", 2_000_000_000, &json!({}));
    let huge = password(
        "eHh4eHh4eHh4eHh4eHh4eA==",
        "argon2",
        1,
        &json!({"memory": ["4194304"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}),
    );
    let users = json!({"users": [
        user(1, "alice", &json!({"credentials": [costly]})),
        user(2, "bob", &json!({"credentials": [huge]})),
        user(3, "nobody", &json!({"email": null})),
        user(4, "evil", &json!({"email": "<script>\n@example.com", "firstName": "a\u{202e}b"})),
        user(5, "twin", &json!({"email": "ALICE@example.com"})),
        user(6, "long", &json!({"lastName": "x".repeat(256)})),
        user(1, "thief", &json!({})),
    ], "clients": [
        {"clientId": "short", "secret": "hunter2-hunter2", "redirectUris": ["https://a.example/cb"]},
        {"clientId": "masked", "secret": "**********", "redirectUris": ["https://a.example/cb"]},
        {"clientId": "wild", "publicClient": true, "redirectUris": ["*"]},
        {"clientId": "master-realm", "publicClient": true, "redirectUris": ["https://a.example/cb"]},
        {"clientId": "a b", "publicClient": true, "redirectUris": ["https://a.example/cb"]},
    ]});
    write(&users.to_string());
    let run = place.run("import keycloak realm.json --dry-run");
    assert_eq!(run.code, 1);
    for words in [
        "its hash must require at most 6000000 iterations",
        "its hash must have a number of memory in KiB from 8 to 262144",
        "has no email, by which people sign in here",
        "email must be an email address such as ada@example.com",
        "firstName must not contain the invisible character U+202E",
        "has the same email as users[0]",
        "lastName must have at most 255 characters",
        "user with the id 0b0c0d0e-0000-4000-8000-000000000001 already exists",
        "has a secret of less than 20 characters",
        "has a masked secret",
        "none of its flows can be used here",
        "these names are reserved for the API",
        "clientId must have 1 to 128 characters",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    assert!(!run.out.contains("hunter2") && !run.out.contains("eHh4") && !run.out.contains("<script>\n"));
    assert!(run.err.contains("10 of 12 rows are refused"), "{}", run.err);
    let run = place.run("import keycloak realm.json --yes --skip-refused").good();
    assert!(run.err.ends_with("imported: 2 create, 10 refuse\n"), "{}", run.err);
}

#[test]
fn a_map_is_checked() {
    let place = Place::with_ada();
    fs::write(place.path().join("realm.json"), realm().to_string()).unwrap();
    for (map, words) in [
        ("[[group]]\npath = \"ml\"\nworkspace = \"a\"", "group ml: the path must begin with a slash"),
        ("[[group]]\npath = \"/ml\"", "must have a workspace, an organization or an account_role"),
        ("[[group]]\npath = \"/ml\"\nworkspace = \"a\"\nrole = \"boss\"", "role must be one of owner, member, reader"),
        ("[[role]]\nname = \"a\"\naccount_role = \"root\"", "account_role must be one of administrator, member"),
        ("[[role]]\nname = \"a\"\naccount_role = \"member\"\nworkspace = \"b\"", "account_role must be alone"),
        ("[[role]]\nname = \"a\"\nwrokspace = \"b\"", "unknown field `wrokspace`"),
        ("[[roles]]\nname = \"a\"", "unknown field `roles`"),
        ("[[role]\n", "line 1: unclosed array table"),
    ] {
        fs::write(place.path().join("map.toml"), map).unwrap();
        let run = place.run("import keycloak realm.json --groups map.toml --yes");
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(run.err.contains("map.toml cannot be imported") && run.err.contains(words), "{}", run.err);
    }
    // An app's secret needs the master key, which a server makes at its first start.
    let run = place.run("import keycloak realm.json --yes");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("master.key"), "{}", run.err);
    assert_eq!(place.json("user list --json").as_array().unwrap().len(), 1);
}
