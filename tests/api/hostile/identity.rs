//! Emails and names that could be mistaken for those of another user.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::console::browser::{Browser, form};
use crate::support::Setup;
use crate::world::{Person, World, encoded, wait_for_log};

const ADMIN_USERS: &str = "/auth/admin/realms/master/users";
const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";
const USERINFO: &str = "/auth/realms/master/protocol/openid-connect/userinfo";
const INTROSPECT: &str = "/auth/realms/master/protocol/openid-connect/token/introspect";
const PASSWORD: &str = "a password that nobody guesses";
const NO_LINK: &str = "you can invite users by a link only: administrators can also set a password";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn invitation(email: &str, mode: &str) -> Value {
    json!({
        "name": "Somebody", "email": email, "invite_mode": mode, "role": { "type": "PREDEFINED", "name": "MEMBER" },
    })
}

fn delete(who: &Client, path: &str) -> u16 {
    who.send("DELETE", path, &[], ()).status
}

/// The user with an email as an administrator sees them; none if there is none.
fn shown(world: &World, email: &str) -> Option<Value> {
    let found = world.ada.get(&format!("{ADMIN_USERS}?email={}", encoded(email))).ok();
    found.as_array().expect("a list").first().cloned()
}

#[track_caller]
fn cli(world: &World, words: &[&str]) -> String {
    let out = world.server.cli(words);
    assert!(out.status.success(), "{words:?}: {out:?}");
    String::from_utf8(out.stdout).expect("text")
}

/// Chooses a password by the link of an invitation, which the operator prints.
#[track_caller]
fn accept(world: &World, email: &str) {
    let link = cli(world, &["user", "invite-link", email]);
    let token = link.trim().rsplit('=').next().expect("a token");
    let fields = [("link", token), ("password", PASSWORD), ("again", PASSWORD)];
    let answer = form(&world.nobody, "/auth/invitation", &fields);
    assert!(answer.status < 400, "{answer:?}");
}

/// The claims of a token, read without its signature.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("claims");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64");
    serde_json::from_slice(&bytes).expect("claims")
}

/// Whether an email is verified; every place that shows it must agree.
#[track_caller]
fn verified(world: &World, email: &str, password: &str) -> bool {
    let secret = std::fs::read_to_string(world.server.data_dir().join("introspector")).unwrap_or_else(|_| {
        let made = cli(world, &["client", "add", "introspector", "--confidential", "--grant", "client_credentials"]);
        std::fs::write(world.server.data_dir().join("introspector"), made.trim()).expect("a file");
        made.trim().to_owned()
    });
    let grant = [
        ("grant_type", "password"),
        ("client_id", "sdk-client"),
        ("scope", "openid email profile"),
        ("username", email),
        ("password", password),
    ];
    let tokens = world.nobody.form(TOKEN, &grant).ok();
    let access = tokens["access_token"].as_str().expect("a token");
    let me = world.nobody.with(access);
    let told = [
        ("access token", claims(access)["email_verified"].clone()),
        ("id token", claims(tokens["id_token"].as_str().expect("a token"))["email_verified"].clone()),
        ("userinfo", me.get(USERINFO).ok()["email_verified"].clone()),
        (
            "introspection",
            world
                .nobody
                .form(INTROSPECT, &[("client_id", "introspector"), ("client_secret", &secret), ("token", access)])
                .ok()["email_verified"]
                .clone(),
        ),
        ("administration", shown(world, email).expect("a person")["emailVerified"].clone()),
        ("brief", {
            let path = format!("{ADMIN_USERS}?briefRepresentation=true&email={}", encoded(email));
            world.ada.get(&path).ok()[0]["emailVerified"].clone()
        }),
        ("by id", {
            let id = shown(world, email).expect("a person")["id"].clone();
            world.ada.get(&format!("{ADMIN_USERS}/{}", id.as_str().expect("an id"))).ok()["emailVerified"].clone()
        }),
        ("users/query", {
            let id = shown(world, email).expect("a person")["id"].clone();
            let found = world.ada.post("/v1/api/users/query", &json!({ "user_ids": [id] })).ok();
            found["users"][id.as_str().expect("an id")]["emailVerified"].clone()
        }),
        ("command line", {
            let everybody: Value = serde_json::from_str(&cli(world, &["user", "list", "--json"])).expect("JSON");
            let everybody = everybody.as_array().expect("a list");
            let mut mine = everybody.iter().filter(|user| user["email"] == email && user["status"] != "deleted");
            mine.next_back().expect("a person")["email_verified"].clone()
        }),
    ];
    let first = told[0].1.as_bool().expect("yes or no");
    for (place, said) in &told {
        assert_eq!(said, &json!(first), "{place} of {email}: {told:?}");
    }
    first
}

// 1. Verification of emails.

#[test]
fn a_member_cannot_get_a_password_for_the_email_of_another_person() {
    let (world, bob) = (world(), &world().bob);
    let newest = world.database().newest_audit();
    for mode in ["TEMPORARY_PASSWORD", "NONE", "temporary-password", "none"] {
        for email in ["ceo@corp.example", "carol@example.com"] {
            let answer = bob.post("/v2/users", &invitation(email, mode));
            assert_eq!((answer.status, &answer.json()["detail"]), (403, &json!(NO_LINK)), "{mode} {email}");
        }
    }
    let others = [
        bob.post("/v1/api/users/invite", &json!({ "email": "ceo@corp.example", "password": PASSWORD })),
        bob.post(ADMIN_USERS, &json!({ "username": "ceo@corp.example", "enabled": true })),
    ];
    for answer in others {
        assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    }
    assert_eq!(shown(world, "ceo@corp.example"), None);
    assert_eq!(world.database().audit_after(newest), [""; 0].map(str::to_owned));
}

#[test]
fn an_email_is_verified_only_by_an_administrator_or_the_operator() {
    let world = World::start();
    let (ada, bob) = (&world.ada, &world.bob);
    assert!(verified(&world, &ada.email, &ada.password), "the first administrator is the operator's");
    assert!(verified(&world, &bob.email, &bob.password), "made by an administrator");

    // An invitation by a member does not verify, whoever follows its link.
    let email = "ceo@corp.example";
    assert_eq!(bob.post("/v2/users", &invitation(email, "EMAIL_LINK")).status, 201);
    accept(&world, email);
    assert!(!verified(&world, email, PASSWORD));
    let filtered = |verified: bool| world.ada.get(&format!("{ADMIN_USERS}?emailVerified={verified}&max=1000")).ok();
    let has = |list: &Value| list.as_array().expect("a list").iter().any(|user| user["email"] == email);
    assert!(has(&filtered(false)) && !has(&filtered(true)));
    let counted = world.ada.get(&format!("{ADMIN_USERS}/count?emailVerified=false")).ok();
    assert_eq!(counted, json!(1));

    // Only an administrator verifies and unverifies.
    let path = format!("{ADMIN_USERS}/{}", shown(&world, email).expect("a person")["id"].as_str().expect("an id"));
    assert_eq!(bob.put(&path, &json!({ "emailVerified": true })).status, 404, "a member does not even find them");
    let own = format!("{ADMIN_USERS}/{}", bob.uuid);
    assert_eq!(bob.put(&own, &json!({ "emailVerified": true })).status, 403);
    for (said, is) in [(true, true), (false, false), (true, true)] {
        assert_eq!(ada.put(&path, &json!({ "emailVerified": said })).status, 204);
        assert_eq!(verified(&world, email, PASSWORD), is);
    }
    // Changes of other fields keep it; a representation can be written back as it was read.
    assert_eq!(ada.put(&path, &json!({ "firstName": "Chief" })).status, 204);
    let mut whole = ada.get(&path).ok();
    whole["lastName"] = json!("Officer");
    assert_eq!(ada.put(&path, &whole).status, 204);
    assert!(verified(&world, email, PASSWORD));
    let by = "SELECT email_verified_by FROM users WHERE email = ?1";
    assert_eq!(world.database().rows(by, [email]), std::slice::from_ref(&ada.uuid));

    // So does the operator.
    cli(&world, &["user", "verify-email", email, "--undo"]);
    assert!(!verified(&world, email, PASSWORD));
    cli(&world, &["user", "verify-email", email]);
    assert!(verified(&world, email, PASSWORD));
    assert_eq!(world.database().rows(by, [email]), ["operator"]);
    let told = "SELECT CAST(before ->> 'email_verified' AS TEXT) IN ('1', 'true'),
                    CAST(after ->> 'email_verified' AS TEXT) IN ('1', 'true') FROM audit
                WHERE verb = 'users.change' AND actor = 'operator' ORDER BY id";
    assert_eq!(world.database().rows(told, []), ["1|0", "0|1"]);
}

#[test]
fn an_email_changed_by_an_administrator_is_verified() {
    let world = World::start();
    let (ada, bob) = (&world.ada, &world.bob);
    assert_eq!(bob.post("/v2/users", &invitation("eve@example.com", "EMAIL_LINK")).status, 201);
    accept(&world, "eve@example.com");
    let id = shown(&world, "eve@example.com").expect("a person")["id"].as_str().expect("an id").to_owned();
    let path = format!("{ADMIN_USERS}/{id}");
    let edit = |email: &str| {
        let body =
            json!({ "id": id, "firstName": "Eve", "lastName": "", "email": email, "enabled": true, "isAdmin": false });
        ada.post("/v1/api/user", &body).ok();
    };
    edit("EVE@example.com");
    assert!(!verified(&world, "EVE@example.com", PASSWORD), "the same address in other letters");
    edit("eva@example.com");
    assert!(verified(&world, "eva@example.com", PASSWORD));
    assert_eq!(ada.put(&path, &json!({ "email": "evi@example.com", "emailVerified": false })).status, 204);
    assert!(!verified(&world, "evi@example.com", PASSWORD));
    assert_eq!(ada.put(&path, &json!({ "email": "eve@example.com" })).status, 204);
    assert!(verified(&world, "eve@example.com", PASSWORD));
}

#[test]
fn a_new_account_is_verified_by_default() {
    let world = world();
    for (name, said, is) in [
        ("vera", json!(true), true),
        ("nora", json!(false), false),
        ("lisa", Value::Null, true),
        ("mute", json!({}), true),
    ] {
        let email = format!("{name}@verified.example");
        let mut body = json!({ "username": email, "enabled": true,
                               "credentials": [{ "type": "password", "value": PASSWORD, "temporary": false }] });
        if !said.is_object() {
            body["emailVerified"] = said;
        }
        assert_eq!(world.ada.post(ADMIN_USERS, &body).status, 201);
        assert_eq!(verified(world, &email, PASSWORD), is, "{name}");
    }
    cli(world, &["user", "add", "cli@verified.example", "--first-name", "C"]);
    assert_eq!(shown(world, "cli@verified.example").expect("a person")["emailVerified"], json!(true));
    for (email, mode) in [("link@verified.example", "EMAIL_LINK"), ("none@verified.example", "NONE")] {
        assert_eq!(world.ada.post("/v2/users", &invitation(email, mode)).status, 201);
        assert_eq!(shown(world, email).expect("a person")["emailVerified"], json!(true));
    }
    let service = world.ada.get(&format!("{ADMIN_USERS}?emailVerified=maybe"));
    assert_eq!(service.status, 400, "{service:?}");
}

// 30. The email of a deleted user.

/// The ways to create an account as an administrator, a member or the operator.
const WAYS: [&str; 6] = ["link", "none", "member", "wallaroo", "keycloak", "cli"];

#[track_caller]
fn make(world: &World, way: &str, email: &str) {
    let made = |answer: Answer| assert!(matches!(answer.status, 200 | 201), "{way}: {answer:?}");
    let with_password = json!({ "username": email, "enabled": true,
                                "credentials": [{ "type": "password", "value": PASSWORD }] });
    match way {
        "link" => made(world.ada.post("/v2/users", &invitation(email, "EMAIL_LINK"))),
        "none" => made(world.ada.post("/v2/users", &invitation(email, "NONE"))),
        "member" => made(world.bob.post("/v2/users", &invitation(email, "EMAIL_LINK"))),
        "wallaroo" => made(world.ada.post("/v1/api/users/invite", &json!({ "email": email, "password": PASSWORD }))),
        "keycloak" => made(world.ada.post(ADMIN_USERS, &with_password)),
        _ => drop(cli(world, &["user", "add", email])),
    }
}

#[test]
fn a_deleted_user_is_always_recreated_as_a_new_user() {
    let world = World::start();
    let (ada, nobody) = (&world.ada, &world.nobody);
    let workspace = ada.create("engines");
    for way in WAYS {
        let old = world.new_member(&format!("{way}-back"));
        ada.add(workspace, &old, "OWNER");
        ada.post(
            "/v1/api/user",
            &json!({ "id": old.uuid, "firstName": "Old", "lastName": "One", "email": old.email,
                                          "enabled": true, "isAdmin": true }),
        )
        .ok();
        let key = cli(&world, &["key", "create", "--user", &old.email]);
        let arize = ada.get(&format!("/v2/users?email={}", encoded(&old.email))).ok()["users"][0]["id"].clone();
        let arize = format!("/v2/users/{}", arize.as_str().expect("an id"));
        let keycloak = format!("{ADMIN_USERS}/{}", old.uuid);
        let default = format!("{} - Default Workspace", old.email);
        let default = format!("mutation {{ insert_workspace_one(object: {{ name: {default:?} }}) {{ id name }} }}");
        let default = json!({ "query": default });
        let work = old.post("/v1/graphql", &default).ok()["data"]["insert_workspace_one"].clone();
        assert!(work["id"].is_number(), "{work}");
        assert_eq!(delete(ada, &arize), 204);

        make(&world, way, &old.email);
        let new = shown(&world, &old.email).expect("a person");
        assert_ne!(new["id"], json!(old.uuid), "{way}");
        assert_eq!(new.get("realmRoles"), None, "{way}: no administrator any more");
        assert_eq!(new["totp"], json!(false));
        assert_eq!((ada.get(&arize).status, ada.get(&keycloak).status), (404, 404), "{way}");
        let everybody = ada.post("/v1/api/users/query", &json!({})).ok()["users"].clone();
        let everybody = everybody.as_object().expect("people by id");
        let ids = everybody.iter().filter(|(_, user)| user["email"] == old.email).map(|(id, _)| json!(id));
        assert_eq!(ids.collect::<Vec<_>>(), [new["id"].clone()], "{way}: one person has the address");
        assert_eq!(delete(ada, &arize), 204, "{way}: deleted is deleted");
        assert!(ada.members(workspace).iter().all(|(id, _)| *id != old.uuid && json!(id) != new["id"]), "{way}");
        // No credential of the old user works.
        assert_eq!(nobody.sign_in(&old.email, &old.password).status, 401, "{way}");
        assert_eq!(nobody.refresh(&old.refresh_token).status, 400, "{way}");
        assert_eq!(old.post("/v1/api/workspaces/list", &json!({})).status, 401, "{way}");
        assert_eq!(nobody.with(key.trim()).post("/v1/api/workspaces/list", &json!({})).status, 401, "{way}");
        // The email is taken again.
        let taken = ada.post("/v1/api/users/invite", &json!({ "email": old.email.to_uppercase() }));
        assert_eq!(taken.status, 400, "{way}: {taken:?}");
        assert_eq!(ada.post(ADMIN_USERS, &json!({ "username": old.email })).status, 409, "{way}");
        let of_old = "SELECT count(*) FROM audit WHERE object = ?1 AND verb = 'users.block'";
        assert_eq!(world.database().one::<i64>(of_old, [&old.uuid]), 1, "{way}: the audit still tells");

        if ["wallaroo", "keycloak"].contains(&way) {
            let again = Person::enter(nobody, &old.email, PASSWORD);
            let mine = again.post("/v1/api/workspaces/list", &json!({})).ok();
            assert_eq!(mine, json!({ "workspaces": [] }), "{way}");
            let other = again.post("/v1/graphql", &default).ok()["data"]["insert_workspace_one"].clone();
            assert_eq!(other["name"], work["name"], "{way}");
            assert_ne!(other["id"], work["id"], "{way}");
        }
    }
    // A third time, and both stay where they are.
    let old = world.new_member("thrice");
    for _ in 0..3 {
        let id = shown(&world, &old.email).expect("a person")["id"].as_str().expect("an id").to_owned();
        assert_eq!(delete(ada, &format!("{ADMIN_USERS}/{id}")), 204);
        assert_eq!(shown(&world, &old.email), None);
        make(&world, "wallaroo", &old.email);
    }
    let rows = "SELECT count(*), count(DISTINCT uuid) FROM users WHERE email_key = ?1";
    assert_eq!(world.database().rows(rows, [&old.email]), ["4|4"]);
}

#[test]
fn a_recovery_creates_a_new_user_instead_of_a_deleted_one() {
    let world = World::start();
    let old = world.new_member("rita");
    assert_eq!(delete(&world.ada, &format!("{ADMIN_USERS}/{}", old.uuid)), 204);
    let password = cli(&world, &["admin", "recover", &old.email, "--yes"]);
    let new = Person::enter(&world.nobody, &old.email, password.lines().next().expect("a password"));
    assert_ne!(new.uuid, old.uuid);
}

// 9. Spellings of emails and names.

#[test]
fn whitespace_around_an_email_is_ignored_everywhere() {
    let world = World::start();
    let (ada, nobody) = (&world.ada, &world.nobody);
    let padded = |email: &str| {
        [format!(" {email}"), format!("{email}\t"), format!("\u{a0}{email} \r\n"), format!("\u{3000}{email}")]
    };
    for email in padded("bob@example.com") {
        assert_eq!(nobody.sign_in(&email, &world.bob.password).status, 200, "{email:?}");
        let browser = Browser::new(nobody);
        assert_eq!(browser.sign_in(&email, &world.bob.password).status, 303, "{email:?}");
        let body = json!({ "email": email, "password": PASSWORD });
        assert_eq!(ada.post("/v1/api/users/invite", &body).status, 400, "{email:?} is taken");
        assert_eq!(ada.post(ADMIN_USERS, &json!({ "username": email })).status, 409, "{email:?}");
        assert_eq!(ada.post("/v2/users", &invitation(&email, "EMAIL_LINK")).status, 409, "{email:?}");
        assert_eq!(ada.post("/v1/api/users/deactivate", &json!({ "email": email })).status, 200, "{email:?}");
        assert_eq!(ada.post("/v1/api/users/activate", &json!({ "email": email })).status, 200, "{email:?}");
        assert_eq!(shown(&world, &email).expect("a person")["email"], "bob@example.com");
        let found = ada.get(&format!("/v2/users?email={}", encoded(&email))).ok();
        assert_eq!(found["users"].as_array().expect("a list").len(), 1, "{email:?}");
        cli(&world, &["user", "promote", &email]);
        cli(&world, &["user", "demote", &email, "--yes"]);
    }
    for (n, email) in padded("new@example.com").iter().enumerate() {
        let email = email.replace("new", &format!("new{n}"));
        assert_eq!(ada.post(ADMIN_USERS, &json!({ "email": email })).status, 201);
        let kept = world.database().rows("SELECT email, email_key FROM users ORDER BY id DESC LIMIT 1", []);
        assert_eq!(kept, [format!("new{n}@example.com|new{n}@example.com")]);
    }
    let out = world.server.cli(&["user", "add", "  cli@example.com\t", "--json"]);
    let made: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(made["email"], "cli@example.com");
}

#[test]
fn an_email_is_unique_in_every_spelling_of_its_domain_and_accents() {
    let world = World::start();
    let (ada, nobody) = (&world.ada, &world.nobody);
    let bob = [
        "bob@münchen.example",
        "bob@xn--mnchen-3ya.example",
        "BOB@XN--MNCHEN-3YA.EXAMPLE",
        "bob@MÜNCHEN.example",
        "bob@mu\u{308}nchen.example",
        "bob@münchen。example",
    ];
    let zoe = ["zo\u{eb}@example.com", "zoe\u{308}@example.com", "ZOE\u{308}@EXAMPLE.COM"];
    for spellings in [&bob[..], &zoe[..]] {
        let first = spellings[0];
        assert_eq!(ada.post("/v1/api/users/invite", &json!({ "email": first, "password": PASSWORD })).status, 200);
        let id = shown(&world, first).expect("a person")["id"].clone();
        for email in spellings {
            assert_eq!(nobody.sign_in(email, PASSWORD).status, 200, "{email}");
            assert_eq!(shown(&world, email).expect("a person")["id"], id, "{email}");
            for answer in [
                ada.post(ADMIN_USERS, &json!({ "username": email })),
                ada.post("/v2/users", &invitation(email, "EMAIL_LINK")),
                ada.post("/v2/users", &invitation(email, "NONE")),
            ] {
                assert_eq!(answer.status, 409, "{email}: {answer:?}");
            }
            assert_eq!(ada.post("/v1/api/users/invite", &json!({ "email": email })).status, 400, "{email}");
            assert!(!world.server.cli(&["user", "add", email]).status.success(), "{email}");
            let edit = ada.put(&format!("{ADMIN_USERS}/{}", world.carol.uuid), &json!({ "email": email }));
            assert_eq!(edit.status, 409, "{email}: {edit:?}");
            let found = ada.get(&format!("/v2/users?email={}", encoded(email))).ok();
            assert_eq!(found["users"].as_array().expect("a list").len(), 1, "{email}");
            cli(&world, &["user", "passwd", email, "--json"]);
            ada.put(
                &format!("{ADMIN_USERS}/{}/reset-password", id.as_str().expect("an id")),
                &json!({ "type": "password", "value": PASSWORD, "temporary": false }),
            );
        }
        for part in ["münch", "xn--mnchen-3ya.ex", "MU\u{308}N"] {
            let found = ada.get(&format!("/v2/users?email={}", encoded(part))).ok();
            assert_eq!(found["users"].as_array().expect("a list").len(), 1, "{part}");
        }
    }
    assert_eq!(world.database().one::<i64>("SELECT count(*) FROM users WHERE kind = 'person'", []), 5);
    for email in ["bob@xn--a.example", "bob@xn--", "a\u{37e}b@example.com", "bob@exa＠mple.com", "bob@münchen／example"]
    {
        assert_eq!(ada.post(ADMIN_USERS, &json!({ "username": email })).status, 400, "{email}");
    }
}

/// One of each kind of invisible character.
const INVISIBLE: [char; 16] = [
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{180e}',
    '\u{200b}',
    '\u{200d}',
    '\u{200e}',
    '\u{2028}',
    '\u{202e}',
    '\u{2066}',
    '\u{2800}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{ffa0}',
    '\u{e0041}',
];

/// Gives this name to everything that has one: a response for each way to do that.
fn create_and_rename(world: &World, space: &str, name: &str) -> Vec<(&'static str, Answer)> {
    let ada = &world.ada;
    let patch =
        |path: &str, body: &Value| ada.send("PATCH", path, &[("content-type", "application/json")], body.to_string());
    let named = json!({ "name": name });
    let home = ada.get("/v2/organizations").ok()["organizations"][0]["id"].clone();
    let made = |path: &str, body: Value| ada.post(path, &body).json()["id"].as_str().unwrap_or("none").to_owned();
    let role = made(
        "/v2/roles",
        json!({ "name": format!("r{}", world.database().newest_audit()), "permissions": ["SPACE_READ"] }),
    );
    let other = made("/v2/organizations", json!({ "name": format!("o{}", world.database().newest_audit()) }));
    let project =
        made("/v2/projects", json!({ "name": format!("p{}", world.database().newest_audit()), "space_id": space }));
    let graphql = format!("mutation {{ insert_workspace_one(object: {{ name: {} }}) {{ id }} }}", json!(name));
    vec![
        ("a space", ada.post("/v2/spaces", &json!({ "name": name, "organization_id": home }))),
        ("a space, renamed", patch(&format!("/v2/spaces/{space}"), &named)),
        ("a workspace", ada.post("/v1/api/workspaces/create", &json!({ "workspace_name": name }))),
        ("a workspace of GraphQL", {
            let mut answer = ada.post("/v1/graphql", &json!({ "query": graphql }));
            let status = if answer.json().get("errors").is_some() { 400 } else { answer.status };
            answer.status = status;
            answer
        }),
        ("an organization", ada.post("/v2/organizations", &named)),
        ("an organization, renamed", patch(&format!("/v2/organizations/{other}"), &named)),
        ("a role", ada.post("/v2/roles", &json!({ "name": name, "permissions": ["SPACE_READ"] }))),
        ("a role, renamed", patch(&format!("/v2/roles/{role}"), &named)),
        ("a project", ada.post("/v2/projects", &json!({ "name": name, "space_id": space }))),
        ("a project, renamed", patch(&format!("/v2/projects/{project}"), &named)),
        ("a key", ada.post("/v2/api-keys", &named)),
    ]
}

/// Gives this name to a user: a response for each way to do that.
fn name_a_user(world: &World, name: &str) -> Vec<(&'static str, Answer)> {
    let (ada, carol) = (&world.ada, &world.carol);
    let edit = |first: &str, last: &str| {
        let body = json!({ "id": carol.uuid, "firstName": first, "lastName": last, "email": carol.email, "enabled": true,
                           "isAdmin": false });
        ada.post("/v1/api/user", &body)
    };
    let mut invited = invitation("called@example.com", "EMAIL_LINK");
    invited["name"] = json!(name);
    let mut second = invitation("called@example.com", "EMAIL_LINK");
    second["name"] = json!(format!("Somebody {name}"));
    let path = format!("{ADMIN_USERS}/{}", carol.uuid);
    vec![
        ("first name, edited", edit(name, "")),
        ("last name, edited", edit("", name)),
        ("first name, put", ada.put(&path, &json!({ "firstName": name }))),
        ("last name, put", ada.put(&path, &json!({ "lastName": name }))),
        ("first name, made", ada.post(ADMIN_USERS, &json!({ "username": "called@example.com", "firstName": name }))),
        ("whole name, invited", ada.post("/v2/users", &invited)),
        ("last of two, invited", ada.post("/v2/users", &second)),
    ]
}

#[track_caller]
fn all_refused(answers: &[(&'static str, Answer)], name: &str, why: &str) {
    for (what, answer) in answers {
        // A workspace of Wallaroo's, and a role, have fewer characters yet.
        let shorter = ["a workspace", "a role", "a role, renamed"].contains(what);
        assert!(matches!(answer.status, 400 | 422), "{what} {name:?}: {answer:?}");
        assert!(shorter || answer.body.contains(why), "{what} {name:?}: {answer:?}");
    }
}

#[test]
fn names_and_emails_have_no_invisible_characters() {
    let world = World::start();
    let home = world.ada.get("/v2/organizations").ok()["organizations"][0]["id"].clone();
    let space = world.ada.post("/v2/spaces", &json!({ "name": "den", "organization_id": home })).json();
    let space = space["id"].as_str().expect("an id").to_owned();
    for c in INVISIBLE {
        let why = format!("must not contain the invisible character U+{:04X}", u32::from(c));
        let name = format!("De{c}n");
        all_refused(&create_and_rename(&world, &space, &name), &name, &why);
        all_refused(&name_a_user(&world, &name), &name, &why);
        let addresses = [format!("bo{c}b@example.com"), format!("bob@exam{c}ple.com"), format!("bob{c}@example.com")];
        for email in &addresses {
            let answers = [
                ("keycloak", world.ada.post(ADMIN_USERS, &json!({ "username": email }))),
                ("arize", world.ada.post("/v2/users", &invitation(email, "EMAIL_LINK"))),
                ("wallaroo", world.ada.post("/v1/api/users/invite", &json!({ "email": email }))),
                ("put", world.ada.put(&format!("{ADMIN_USERS}/{}", world.carol.uuid), &json!({ "email": email }))),
            ];
            for (what, answer) in &answers {
                assert!(matches!(answer.status, 400 | 422), "{what} {email:?}: {answer:?}");
                // A separator of lines is a blank as well.
                assert!(c.is_whitespace() || answer.body.contains(&why), "{what} {email:?}: {answer:?}");
            }
            assert!(!world.server.cli(&["user", "add", email]).status.success(), "{email:?}");
            assert_ne!(world.nobody.sign_in(email, &world.bob.password).status, 200, "{email:?}");
        }
        for words in [
            vec!["user", "add", "cli@example.com", "--first-name", &name],
            vec!["user", "add", "cli@example.com", "--last-name", &name],
            vec!["key", "create", "--user", "bob@example.com", "--name", &name],
            vec!["client", "add", "app", "--redirect-uri", "https://app.example.com/", "--name", &name],
        ] {
            let out = world.server.cli(&words);
            assert!(!out.status.success() && String::from_utf8_lossy(&out.stderr).contains(&why), "{out:?}");
        }
    }
    let people = "SELECT email, first_name, last_name FROM users WHERE kind = 'person' ORDER BY id";
    assert_eq!(
        world.database().rows(people, []),
        ["ada@example.com||", "bob@example.com||", "carol@example.com||"],
        "nothing has changed"
    );
    assert_eq!(world.database().rows("SELECT name FROM workspaces", []), ["den"]);
}

#[test]
fn names_are_normalized_and_unique() {
    let world = World::start();
    let ada = &world.ada;
    let home = ada.get("/v2/organizations").ok()["organizations"][0]["id"].clone();
    let (composed, apart) = ("Caf\u{e9}", "Cafe\u{301}");
    let space = ada.post("/v2/spaces", &json!({ "name": apart, "organization_id": home })).json();
    assert_eq!(space["name"], composed);
    let space = space["id"].as_str().expect("an id").to_owned();
    let bodies = [
        ("/v2/spaces", json!({ "organization_id": home })),
        ("/v2/organizations", json!({})),
        ("/v2/roles", json!({ "permissions": ["SPACE_READ"] })),
        ("/v2/projects", json!({ "space_id": space })),
    ];
    for (path, mut body) in bodies {
        body["name"] = json!(apart);
        let first = ada.post(path, &body);
        assert!(path == "/v2/spaces" || first.json()["name"] == composed, "{path}: {first:?}");
        for name in [composed, apart] {
            body["name"] = json!(name);
            assert_eq!(ada.post(path, &body).status, 409, "{path} {name:?}");
        }
        let found = ada.get(&format!("{path}?name={}", encoded(apart)));
        // Roles have no such filter.
        assert!(path == "/v2/roles" || found.ok().to_string().contains(composed), "{path}: {found:?}");
    }
    let query = |name: &str| {
        let text = format!("mutation {{ insert_workspace_one(object: {{ name: {} }}) {{ id }} }}", json!(name));
        ada.post("/v1/graphql", &json!({ "query": text })).json()
    };
    assert!(query(apart).get("errors").is_some() && query(composed).get("errors").is_some());
    ada.put(&format!("{ADMIN_USERS}/{}", world.bob.uuid), &json!({ "firstName": "Zoe\u{308}" }));
    assert_eq!(shown(&world, "bob@example.com").expect("a person")["firstName"], "Zo\u{eb}");
    for name in ["ZOE\u{308}", "zo\u{eb}"] {
        let found = ada.get(&format!("{ADMIN_USERS}?search={}", encoded(name))).ok();
        assert_eq!(found[0]["email"], "bob@example.com", "{name:?}");
    }
}

/// The steps of the schema up to the version before names were normalized.
const OLD_STEPS: [&str; 5] = [
    include_str!("../../../src/store/engine/steps/0001.sql"),
    include_str!("../../../src/store/engine/steps/0002.sql"),
    include_str!("../../../src/store/engine/steps/0003.sql"),
    include_str!("../../../src/store/engine/steps/0004.sql"),
    include_str!("../../../src/store/engine/steps/0005.sql"),
];

#[test]
fn an_upgrade_normalizes_names_and_reports_those_it_could_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    let conn = Connection::open(data.join("atelier.db")).expect("a file");
    for step in OLD_STEPS {
        conn.execute_batch(step).expect("a step");
    }
    let rows = "
        PRAGMA user_version = 5;
        INSERT INTO organizations (name, name_key, description, home, created_at) VALUES ('Home', 'home', '', 1, 5);
        INSERT INTO organizations (name, name_key, description, home, created_at)
            VALUES ('U3BhY2U6MTpiRnVM', 'u3bhy2u6mtpirnvm', '', 0, 5), ('e' || char(0x301), 'e' || char(0x301), '', 0, 5);
        INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                           must_change_password, created_at)
            VALUES ('6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11', 'bob@xn--mnchen-3ya.example', 'bob@xn--mnchen-3ya.example', '', '',
                    'person', 'active', 1, 1, 'member', 0, 5),
                   ('6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b12', 'e' || char(0x200b) || 've@example.com',
                    'e' || char(0x200b) || 've@example.com', 'E', 've', 'person', 'active', 1, 1, 'member', 0, 5);";
    conn.execute_batch(rows).expect("rows");
    drop(conn);
    let server = Setup::new().data_dir(&data).start();
    for (what, why) in [
        (r#"organization 2, "U3BhY2U6MTpiRnVM""#, "must not look like an id"),
        (r#"address of user 2, "e\u{200b}ve@example.com""#, "must not contain the invisible character U+200B"),
    ] {
        wait_for_log(&server, &format!("WARN left unchanged by the upgrade: {what}: {why}").replacen("WARN ", "", 1));
        let out = server.cli(&["check"]);
        let told = String::from_utf8_lossy(&out.stdout);
        assert!(told.contains(what) && told.contains(why) && out.status.success(), "{told}");
    }
    let everybody = String::from_utf8(server.cli(&["user", "list", "--json"]).stdout).expect("text");
    assert!(everybody.contains("\u{200b}") || everybody.contains("200b"), "nobody is lost: {everybody}");
    let out = server.cli(&["user", "passwd", "bob@münchen.example", "--json"]);
    let told: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let password = told["password"].as_str().expect("a password");
    assert_eq!(Client::new(server.base()).sign_in("bob@münchen.example", password).status, 200);
    let database = crate::support::database::Database::open(server.data_dir());
    assert_eq!(database.rows("SELECT name, name_key FROM organizations WHERE id = 3", []), ["\u{e9}|\u{e9}"]);
}

// 10. Names that look like ids.

#[test]
fn a_name_cannot_look_like_an_id() {
    let world = World::start();
    let home = world.ada.get("/v2/organizations").ok()["organizations"][0]["id"].clone();
    let space = world.ada.post("/v2/spaces", &json!({ "name": "den", "organization_id": home })).json();
    let space = space["id"].as_str().expect("an id").to_owned();
    let home = home.as_str().expect("an id").to_owned();
    let why = "must not look like an id";
    for id in
        [space.clone(), home, STANDARD.encode("Role:1:V4Ka"), STANDARD.encode("a:b"), STANDARD.encode("Model:1:ü")]
    {
        all_refused(&create_and_rename(&world, &space, &id), &id, why);
        all_refused(&name_a_user(&world, &id), &id, why);
        for words in [
            vec!["user", "add", "cli@example.com", "--first-name", &id],
            vec!["key", "create", "--user", "bob@example.com", "--name", &id],
            vec!["client", "add", "app", "--redirect-uri", "https://app.example.com/", "--name", &id],
        ] {
            let out = world.server.cli(&words);
            assert!(!out.status.success() && String::from_utf8_lossy(&out.stderr).contains(why), "{out:?}");
        }
    }
    // Texts that clients take for an id, though not of another kind.
    for id in ["Olga", "OjpY", "w6k6w6k=", "YTo=", "YTp=", "YTpi="] {
        let named = create_and_rename(&world, &space, id);
        let keys = |what: &&str| ["a key"].contains(what);
        for (what, answer) in named.iter().filter(|(what, _)| !keys(what)) {
            assert!(matches!(answer.status, 400 | 422), "{what} {id:?}: {answer:?}");
        }
    }
    for (what, answer) in name_a_user(&world, "6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11") {
        assert!(matches!(answer.status, 400 | 422), "{what}: {answer:?}");
    }
    let names = "SELECT name FROM workspaces UNION ALL SELECT name FROM projects WHERE name NOT LIKE 'p%'
                 UNION ALL SELECT name FROM roles WHERE predefined IS NULL AND name NOT LIKE 'r%'
                 UNION ALL SELECT name FROM organizations WHERE name NOT LIKE 'o%'";
    assert_eq!(world.database().rows(names, []), ["den", "Home"], "nothing has changed");

    // People are named by address or id, so whoever is called Olga is.
    let olga = world.ada.put(&format!("{ADMIN_USERS}/{}", world.carol.uuid), &json!({ "firstName": "Olga" }));
    assert_eq!(olga.status, 204, "{olga:?}");
    assert_eq!(world.ada.post("/v2/api-keys", &json!({ "name": "Olga" })).status, 201);
    for (n, name) in ["team", "data", "abcd", "production", "YTo", "U3BhY2U6MTpiRnV", "a:b", "Zoë"].iter().enumerate()
    {
        let body = json!({ "name": name, "space_id": space });
        assert_eq!(world.ada.post("/v2/projects", &body).status, 201, "{n} {name}");
    }
}
