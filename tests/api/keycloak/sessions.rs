//! Sessions of people and clients, and the clients themselves, as Keycloak's administration shows them.

use std::sync::OnceLock;

use serde_json::json;

use crate::world::{Person, World};

const ADMIN: &str = "/auth/admin/realms/master";
const NEED: &str = "you cannot see the OAuth clients of the account: only administrators can";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn of(person: &Person) -> String {
    format!("{ADMIN}/users/{}/sessions", person.uuid)
}

#[test]
fn a_session_is_shown_to_and_ended_by_its_user_and_an_administrator() {
    let (ada, bob, pia) = (&world().ada, &world().bob, world().new_member("pia"));
    let other = world().nobody.sign_in(&pia.email, &pia.password);
    let (first, second) = (pia.get(&of(&pia)).ok(), other.text("session_state"));
    assert_eq!(first.as_array().map(Vec::len), Some(2));
    assert_eq!(first[0]["id"], json!(second), "the newest first");
    assert_eq!(ada.get(&of(&pia)).ok(), first);
    let (start, last) = (first[0]["start"].as_i64(), first[0]["lastAccess"].as_i64());
    assert!(start.is_some_and(|millis| millis > 1_700_000_000_000) && last >= start);
    let mut shown = first[0].clone();
    for field in ["id", "start", "lastAccess", "clients"] {
        assert!(shown.as_object_mut().expect("a session").remove(field).is_some(), "{field}");
    }
    let rest = json!({ "username": pia.email, "userId": pia.uuid, "ipAddress": "127.0.0.1", "rememberMe": false });
    assert_eq!(shown, rest);
    let clients = first[0]["clients"].as_object().expect("clients");
    let (id, name) = clients.iter().next().expect("a client");
    assert_eq!((clients.len(), name), (1, &json!("sdk-client")));

    // The client is found by that id, with this session among its own.
    assert_eq!(ada.get(&format!("{ADMIN}/clients/{id}")).ok()["clientId"], json!("sdk-client"));
    let of_client = ada.get(&format!("{ADMIN}/clients/{id}/user-sessions?first=0&max=1")).ok();
    assert_eq!(of_client.as_array().map(Vec::len), Some(1));

    let end = |who: &Person, id: &str| who.send("DELETE", &format!("{ADMIN}/sessions/{id}"), &[], ());
    let refused = json!({ "error": "HTTP 403 Forbidden", "error_description": "you cannot end this session: only its \
                                                                               owner and administrators can" });
    assert_eq!(end(bob, &second).outcome(), (403, refused));
    assert_eq!(bob.get(&of(&pia)).status, 403);
    assert_eq!(bob.send("POST", &format!("{ADMIN}/users/{}/logout", pia.uuid), &[], "").status, 403);
    assert_eq!(world().nobody.with(&other.text("access_token")).get(&of(&pia)).status, 200);
    assert_eq!(end(&pia, &second).status, 204);
    assert_eq!(world().nobody.with(&other.text("access_token")).get(&of(&pia)).status, 401);
    for id in [second.as_str(), "nonsense"] {
        assert_eq!(end(ada, id).outcome(), (404, json!({ "error": "Session not found" })));
    }
    let answer = ada.send("POST", &format!("{ADMIN}/users/{}/logout", pia.uuid), &[], "");
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(pia.get(&of(&pia)).status, 401);
    assert_eq!(ada.get(&of(&pia)).ok(), json!([]));
}

#[test]
fn clients_are_shown_to_administrators_without_their_secrets() {
    let world = World::start();
    let secret = world.server.cli(&["client", "rotate-secret", "api-client", "--yes"]);
    let secret = String::from_utf8(secret.stdout).expect("a secret").trim_end().to_owned();
    assert!(secret.starts_with("atlc_"), "{secret}");
    let all = world.ada.get(&format!("{ADMIN}/clients"));
    assert!(!all.body.contains(&secret) && !all.body.contains("secret\":"), "{}", all.body);
    let all = all.ok();
    let ids: Vec<_> = all.as_array().expect("a list").iter().map(|client| client["clientId"].clone()).collect();
    assert_eq!(ids, ["admin-cli", "api-client", "arize-cli", "sdk-client"]);
    let one = world.ada.get(&format!("{ADMIN}/clients?clientId=arize-cli")).ok();
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    assert_eq!(one[0]["redirectUris"], json!(["http://127.0.0.1/callback"]));
    let part = world.ada.get(&format!("{ADMIN}/clients?clientId=-cli&search=true&first=1&max=5")).ok();
    assert_eq!((part[0]["clientId"].clone(), part.as_array().map(Vec::len)), (json!("api-client"), Some(3)));
    let api = world.ada.get(&format!("{ADMIN}/clients?clientId=api-client")).ok()[0]["id"].clone();
    let bot = world.ada.get(&format!("{ADMIN}/clients/{}/service-account-user", api.as_str().expect("an id"))).ok();
    assert_eq!(bot["username"], json!("service-account-api-client"));
    let none = format!("{ADMIN}/clients/{}/service-account-user", one[0]["id"].as_str().expect("an id"));
    assert_eq!(world.ada.get(&none).outcome(), (400, json!({ "error": "Service account not enabled for the client" })));
    assert_eq!(
        world.ada.get(&format!("{ADMIN}/clients/arize-cli")).outcome(),
        (404, json!({ "error": "Could not find client" }))
    );
    // The bot can be put into a workspace by its UUID, as other bots can.
    let place = world.bob.create("den");
    let body = json!({ "workspace_id": place, "user_id": bot["id"], "user_type": "collaborator" });
    assert_eq!(world.bob.post("/v1/api/workspaces/add_user", &body).outcome(), (200, json!({})));
    for path in ["", "/clients", "/clients/x"] {
        let answer = world.bob.get(&format!("{ADMIN}{path}"));
        assert!([403, 404].contains(&answer.status), "{path}");
    }
    let refused = json!({ "error": "HTTP 403 Forbidden", "error_description": NEED });
    assert_eq!(world.bob.get(&format!("{ADMIN}/clients")).outcome(), (403, refused.clone()));
    assert_eq!(world.bob.get("/auth/admin/serverinfo").outcome(), (403, refused));
}

#[test]
fn there_is_one_realm_and_its_public_key_is_public() {
    let (ada, nobody) = (&world().ada, &world().nobody);
    let realm = ada.get(ADMIN).ok();
    assert_eq!((realm["realm"].as_str(), realm["accessTokenLifespan"].as_i64()), (Some("master"), Some(300)));
    assert_eq!(ada.get("/auth/admin/realms").ok(), json!([realm]));
    assert_eq!(ada.get("/auth/admin/serverinfo").ok()["systemInfo"]["version"], json!(env!("CARGO_PKG_VERSION")));
    let about = nobody.get("/auth/realms/master").ok();
    let base = nobody.base();
    assert_eq!(about["token-service"], json!(format!("{base}/auth/realms/master/protocol/openid-connect")));
    assert!(about["public_key"].as_str().expect("a key").starts_with("MIIBIjANBgkqhkiG9w0BAQEF"), "{about}");
    for (method, path) in
        [("POST", "/auth/admin/realms"), ("PUT", ADMIN), ("POST", "/auth/admin/realms/master/clients")]
    {
        assert_eq!(ada.send(method, path, &[], "{}").status, 405, "{method} {path}");
    }
    assert_eq!(ada.get("/auth/admin/realms/other").status, 404);
}
