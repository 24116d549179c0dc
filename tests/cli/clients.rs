//! `atelier client`.

use std::fs;

use serde_json::json;

use crate::Place;

const ADD: &str = "client add grafana --redirect-uri https://grafana.example/login --name Grafana";

#[test]
fn a_clients_secret_is_printed_alone_and_kept_as_a_fingerprint() {
    let place = Place::with_ada();
    let run = place.run(ADD).good();
    let (words, recipe) = run.err.split_once('\n').unwrap();
    assert_eq!(words, "client grafana registered; the secret on stdout is shown only once");
    for line in ["for the configuration of Another app:", "Client id      grafana", "Client secret  YOUR_SECRET"] {
        assert!(recipe.lines().any(|told| told == line), "{recipe}");
    }
    assert!(recipe.contains("http://127.0.0.1:8787/auth/realms/master/.well-known/openid-configuration"), "{recipe}");
    let secret = run.out.strip_suffix('\n').unwrap();
    assert!(secret.starts_with("atlc_") && secret.len() == 53, "{secret}");
    let next = place.run("client rotate-secret grafana --yes").good();
    assert_eq!(next.err, "client grafana has a new secret; the secret on stdout is shown only once\n");
    assert_ne!(next.out, run.out);
    for secret in [secret, next.out.trim_end()] {
        let file = fs::read(place.database()).unwrap();
        assert!(!file.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
        for line in ["client list", "client list --json", "client show grafana", "client show grafana --json"] {
            assert!(!place.run(line).good().out.contains(secret), "{line}");
        }
    }
    place.run(ADD).refused(1, "client grafana already exists; `atelier client show ID` shows it");
}

#[test]
fn a_client_is_shown_as_registered() {
    let place = Place::with_ada();
    let line = "client add app --public --redirect-uri com.example.app:/cb --redirect-uri http://127.0.0.1/cb \
                --post-logout-redirect-uri https://a.example/bye --grant authorization_code --grant device_code \
                --scope openid --scope email --refresh reusable --access-token-life 2m --session-idle 1h \
                --session-life 1d --json";
    let mut made = place.json(line);
    assert_eq!(place.json("client show app --json"), made);
    let fields = made.as_object_mut().unwrap();
    for field in ["created_at", "updated_at"] {
        assert!(fields.remove(field).unwrap().as_str().unwrap().ends_with("+00:00"), "{field}");
    }
    let told = json!({
        "id": "app", "name": "app", "kind": "public", "built_in": false, "grants": ["authorization_code", "device_code"],
        "scopes": ["openid", "email"], "redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb"],
        "post_logout_redirect_uris": ["https://a.example/bye"], "refresh": "reusable", "access_token_life": 120,
        "pkce": "required", "groups": [],
        "session_idle": 3600, "session_life": 86400, "service_user": null, "service_role": null,
    });
    assert_eq!(made, told);

    let update = "client update app --name App --no-post-logout-redirect-uri --access-token-life default";
    assert_eq!(place.run(update).good().err, "client app updated\n");
    let after = place.json("client show app --json");
    assert_eq!((&after["name"], &after["access_token_life"]), (&json!("App"), &json!(null)));
    assert_eq!((&after["post_logout_redirect_uris"], &after["session_idle"]), (&json!([]), &json!(3600)));
    let text = place.run("client list").good().out;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("ID          NAME                     KIND"), "{}", lines[0]);
    assert_eq!(lines.len(), 6);
    let cells = |line: &str| line.split_whitespace().rev().take(2).map(str::to_owned).collect::<Vec<_>>();
    for line in &lines[1..] {
        // Whether it is built in, and whether it reaches the API.
        let expected = if line.starts_with("app ") { ["no", "no"] } else { ["yes", "yes"] };
        assert_eq!(cells(line), expected, "{line}");
    }
    assert_eq!(place.run("client remove app --yes").good().err, "client app removed; its sessions have ended\n");
    place.run("client show app").refused(1, "client app does not exist; `atelier client list` shows all clients");
}

#[test]
fn a_client_reaches_the_api_only_if_allowed() {
    let place = Place::with_ada();
    let made = place.json("client add plain --public --redirect-uri https://a.example/cb --json");
    assert_eq!(made["scopes"], json!(["openid", "email", "profile", "offline_access", "groups"]), "all but api");
    let made = place.json("client add robot --grant client_credentials --scope api --json");
    assert_eq!(made["scopes"], json!(["api"]));
    let given = place.json("client update plain --scope openid --scope email --scope api --json");
    assert_eq!(given["scopes"], json!(["openid", "email", "api"]));
    assert!(place.run("client show plain").good().out.contains("openid email api"));
    let taken = place.json("client update plain --scope openid --json");
    assert_eq!(taken["scopes"], json!(["openid"]));
    for line in ["client add --help", "client update --help"] {
        assert!(place.run(line).good().out.contains("only if it requests `api`"), "{line}");
    }
    let rule =
        "ID: must not be master-realm or account: these names are reserved for the API; correct it and try again";
    for id in ["master-realm", "account"] {
        place.run(&format!("client add {id} --grant password")).refused(2, rule);
    }
}

#[test]
fn a_service_is_a_bot_with_a_role() {
    let place = Place::with_ada();
    let line = "client add robot --grant client_credentials --service-role administrator --json";
    let made = place.json(line);
    assert!(made["secret"].as_str().unwrap().starts_with("atlc_"));
    assert_eq!(
        (made["service_role"].as_str(), made["service_user"].as_str().map(str::len)),
        (Some("administrator"), Some(36))
    );
    assert!(place.json("user list --json").as_array().unwrap().len() == 1, "a bot stands in no list of people");
    let run = place.run("client update robot --service-role member").good();
    let told = format!(
        "client robot updated\non its own behalf it acts as the user {}, with the role member\n",
        made["service_user"].as_str().unwrap()
    );
    assert_eq!(run.err, told);
    // The built-in one gets its bot with its secret.
    assert_eq!(place.json("client show api-client --json")["service_user"], json!(null));
    let first = place.json("client rotate-secret api-client --json --yes");
    let again = place.json("client rotate-secret api-client --json --yes");
    assert_eq!((first["service_role"].as_str(), &again["service_user"]), (Some("member"), &first["service_user"]));
    assert_ne!(first["secret"], again["secret"]);
}

#[test]
fn an_inconsistent_client_is_refused() {
    let place = Place::with_ada();
    for (line, words) in [
        ("client add x", "--redirect-uri: must not be empty: authorization_code requires a redirect URI"),
        (
            "client add x --grant refresh_token",
            "--grant: must contain a grant that starts a session, not refresh_token alone",
        ),
        (
            "client add x --public --grant client_credentials",
            "--grant: must not contain client_credentials: a public client has no secret",
        ),
        (
            "client add x --grant magic",
            "--grant: must be authorization_code, refresh_token, device_code, client_credentials or password",
        ),
        ("client add x --scope all", "--scope: must be openid, email, profile, offline_access, groups or api"),
        ("client add x --refresh never", "--refresh: must be rotating or reusable"),
        ("client add x --service-role ui_only", "--service-role: must be member or administrator"),
        (
            "client add x --grant password --service-role member",
            "--service-role: requires the grant client_credentials, which this client does not have",
        ),
        (
            "client add x --redirect-uri https://*.example/",
            "--redirect-uri: must be a URI in plain ASCII, without a fragment, wildcards or spaces",
        ),
        (
            "client add x --redirect-uri https://a.example/ --redirect-uri https://a.example/",
            "--redirect-uri: must not contain the same URI twice",
        ),
        (
            "client add x --grant password --access-token-life 500ms",
            "--access-token-life: must be a whole number of seconds, from 1s to 10 years",
        ),
        ("client add a@b", "ID: must have 1 to 128 characters, each of them one of a-z, A-Z, 0-9, ., _, :, / and -"),
    ] {
        place.run(line).refused(2, &format!("{words}; correct it and try again"));
    }
    assert_eq!(place.json("client list --json").as_array().unwrap().len(), 4);
    let exposed = place.run("client add lan --public --redirect-uri http://grafana.lan/cb").good();
    let warning = "warning: http://grafana.lan/cb is not https: others on the network can read what is sent to it\n";
    assert!(exposed.err.starts_with(warning) && exposed.out.is_empty(), "{}", exposed.err);
    place.run("client rotate-secret lan --yes").refused(1, "a public client has no secret");
}

#[test]
fn only_the_lifetimes_of_a_built_in_client_can_change() {
    let place = Place::with_ada();
    let rule = "only the lifetimes and the secret of a built-in client can be changed";
    for change in
        ["--grant password", "--redirect-uri https://evil.example/", "--name x", "--scope openid", "--refresh rotating"]
    {
        place.run(&format!("client update sdk-client {change}")).refused(1, rule);
    }
    place.run("client remove sdk-client --yes").refused(1, "a built-in client cannot be removed");
    place.run("client update sdk-client --access-token-life 2m --session-idle 3h").good();
    assert_eq!(place.json("client show sdk-client --json")["access_token_life"], json!(120));
}

#[test]
fn the_lines_for_a_program_name_it_and_its_address() {
    let place = Place::with_ada();
    let line = "client add hub --recipe jupyterhub --redirect-uri https://hub.example/hub/oauth_callback \
                --group administrators=admin --group Home/vision:owner=lead";
    let run = place.run(line).good();
    let logout = "logout_redirect_url = \"http://127.0.0.1:8787/auth/realms/master/protocol/openid-connect/logout\"";
    let client = "c.GenericOAuthenticator.client_id = \"hub\"";
    for words in [client, "https://hub.example/hub/oauth_callback", "\"groups\"", logout] {
        assert!(run.err.contains(words), "{}", run.err);
    }
    assert_eq!(run.out.lines().count(), 1, "the secret stands alone");
    let groups = json!(["Home/vision:owner=lead", "administrators=admin"]);
    assert_eq!(place.json("client show hub --json")["groups"], groups);
    assert_eq!(place.json("client set hub --no-group --json")["groups"], json!([]));
    let rule = "--recipe: must be one of generic, grafana, oauth2-proxy, jupyterhub, mlflow, apache";
    place
        .run("client add x --recipe x --redirect-uri https://x.example/")
        .refused(2, &format!("{rule}; correct it and try again"));
    let rule = "--group: must be GROUP=NAME, such as acme/fraud:owner=Admin; correct it and try again";
    place.run("client set hub --group x").refused(2, rule);
}
