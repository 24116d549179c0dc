//! What a bot may, whom it finds and who finds it; and what people are told of each other.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{service_key, space_of_bob, world};
use crate::arize::scene;
use crate::client::TOKEN;
use crate::world::{Person, World, fresh};

fn addresses(users: &Value) -> BTreeSet<String> {
    let texts = users.as_array().expect("a list").iter();
    texts.map(|user| user["email"].as_str().expect("an address").to_owned()).collect()
}

#[test]
fn a_service_key_has_no_role_in_the_account() {
    let world = &World::start();
    let dora = world.somebody("dora");
    let (space, _) = space_of_bob(world);
    let (robot, made, uuid) = service_key(world, &world.bob, &space, ["READ_ONLY", "READ_ONLY"]);
    let before = ["users", "workspaces", "roles", "keys", "organizations"].map(|table| world.database().count(table));
    for mode in ["NONE", "EMAIL_LINK", "TEMPORARY_PASSWORD"] {
        let body =
            json!({ "name": "X", "email": "x@example.com", "role": scene::role("ANNOTATOR"), "invite_mode": mode });
        scene::problem(&robot.post("/v2/users", &body), 403, "you cannot invite users");
    }
    assert_eq!(robot.post("/v1/api/users/invite", &json!({ "email": "x@example.com" })).status, 400);
    assert_eq!(robot.post("/auth/admin/realms/master/users", &json!({ "email": "x@example.com" })).status, 403);
    let home = scene::home(world);
    let new = json!({ "name": fresh("pen"), "organization_id": home });
    scene::problem(&robot.post("/v2/spaces", &new), 403, "you cannot create a space");
    assert_eq!(robot.post("/v1/api/workspaces/create", &json!({ "workspace_name": fresh("pen") })).status, 400);
    let insert = format!("mutation {{ insert_workspace_one(object: {{name: \"{}\"}}) {{ id }} }}", fresh("pen"));
    assert!(robot.post("/v1/graphql", &json!({ "query": insert })).ok()["errors"].is_array());
    for path in ["/v2/roles", "/v2/audit-logs", "/auth/admin/realms/master/clients"] {
        assert_eq!(robot.get(path).status, 403, "{path}");
    }
    let role = json!({ "name": fresh("role"), "permissions": ["SPACE_READ"] });
    assert_eq!(robot.post("/v2/roles", &role).status, 403);
    assert_eq!(robot.post("/v2/organizations", &json!({ "name": fresh("guild") })).status, 403);
    assert_eq!(robot.post("/v2/api-keys", &json!({ "name": "x" })).status, 403);
    let tables = ["users", "workspaces", "roles", "keys", "organizations"];
    assert_eq!(tables.map(|table| world.database().count(table)), before);

    // Of the people it finds those of its space, in every dialect, and nobody else of the organization.
    let near = BTreeSet::from([world.bob.email.clone(), world.carol.email.clone()]);
    assert_eq!(addresses(&robot.get("/v2/users").ok()["users"]), near);
    assert_eq!(addresses(&robot.get("/v2/users?email=example.com").ok()["users"]), near);
    assert_eq!(scene::walk(&robot, "/v2/users", "users").len(), 2);
    assert_eq!(addresses(&robot.get("/auth/admin/realms/master/users").ok()), near);
    assert_eq!(robot.get("/auth/admin/realms/master/users/count").ok(), json!(2));
    assert_eq!(addresses(&robot.get("/auth/admin/realms/master/users?search=carol").ok()).len(), 1);
    assert_eq!(robot.get("/auth/admin/realms/master/users?email=dora%40example.com").ok(), json!([]));
    let all = robot.post("/v1/api/users/query", &json!({})).ok();
    assert_eq!(all["users"].as_object().expect("people").len(), 2);
    let asked = robot.post("/v1/api/users/query", &json!({ "user_ids": [dora.uuid, world.bob.uuid] })).ok();
    assert!(asked["users"][&dora.uuid].is_null() && asked["users"][&world.bob.uuid].is_object());
    assert_eq!(robot.get(&format!("/auth/admin/realms/master/users/{}", dora.uuid)).status, 404);
    assert_eq!(robot.get(&format!("/v2/users/{}", scene::user(world, &dora))).status, 404);
    assert_eq!(robot.get(&format!("/v2/users/{}", scene::user(world, &world.bob))).status, 200);
    // Who leaves the space is not seen any more on the next request, and who joins it is.
    scene::join(world, &world.bob, &space, &dora, "READ_ONLY");
    assert_eq!(robot.get(&format!("/auth/admin/realms/master/users/{}", dora.uuid)).status, 200);
    let path = format!("/v2/spaces/{space}/users/{}", scene::user(world, &dora));
    scene::gone(&scene::delete(&world.bob, &path));
    assert_eq!(robot.get(&format!("/auth/admin/realms/master/users/{}", dora.uuid)).status, 404);
    // A workspace that it may read without being in it shows it nobody whom it does not find.
    let open = json!({ "name": fresh("open"), "organization_id": home, "is_private": false });
    scene::created(&world.bob.post("/v2/spaces", &open));
    let id: i64 = world.database().one("SELECT id FROM workspaces WHERE name = ?1", [open["name"].as_str()]);
    world.bob.add(id, &dora, "collaborator");
    let listed = robot.post("/v1/api/workspaces/list_users", &json!({ "workspace_id": id })).ok();
    let bob = json!({ "user_id": world.bob.uuid, "user_type": "OWNER" });
    assert_eq!(listed, json!({ "users": [bob] }), "bob, with whom it is elsewhere, and not dora");
    // What its places say, it does.
    assert_eq!(robot.get(&format!("/v2/spaces/{space}")).status, 200);
    assert_eq!(robot.get("/v2/organizations").ok()["organizations"].as_array().map(Vec::len), Some(1));
    assert_eq!(robot.get(&format!("/auth/admin/realms/master/users/{uuid}")).status, 200, "itself");
    assert_eq!(made["bot_user"]["account_role"], scene::role("MEMBER"), "as clients expect");
}

#[test]
fn a_service_key_makes_spaces_where_its_organization_role_says_so() {
    let (space, _) = space_of_bob(world());
    let home = scene::home(world());
    let (robot, _, _) = service_key(world(), &world().bob, &space, ["READ_ONLY", "MEMBER"]);
    let made = robot.post("/v2/spaces", &json!({ "name": fresh("pen"), "organization_id": home }));
    assert_eq!(made.status, 201, "{made:?}");
    let (_, elsewhere) = scene::stranger(world(), "elsa");
    let answer = robot.post("/v2/spaces", &json!({ "name": fresh("pen"), "organization_id": elsewhere }));
    scene::problem(&answer, 404, "the organization does not exist");
    let spaces = json!([{ "space_id": space }]);
    let mut body = json!({ "name": fresh("robot"), "key_type": "SERVICE", "account_role": scene::role("ADMIN"),
                           "organizations": [{ "org_id": home, "spaces": spaces }] });
    scene::problem(&world().ada.post("/v2/api-keys", &body), 422, "a service key has no role in the account");
    body["account_role"] = scene::role("MEMBER");
    scene::created(&world().ada.post("/v2/api-keys", &body));
}

#[test]
fn the_bot_of_a_client_has_no_role_in_the_account_unless_the_operator_gave_it_one() {
    let token = |name: &str, more: &[&str]| {
        let line =
            [&["client", "add", name, "--grant", "client_credentials", "--scope", "api", "--json"], more].concat();
        let made = world().server.cli(&line);
        assert!(made.status.success(), "{made:?}");
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let secret = made["client_secret"].as_str().or(made["secret"].as_str()).expect("a secret").to_owned();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", name),
            ("client_secret", secret.as_str()),
            ("scope", "api"),
        ];
        world().nobody.with(&world().nobody.form(TOKEN, &form).text("access_token"))
    };
    let plain = token("plain-robot", &[]);
    let body =
        json!({ "name": "X", "email": "y@example.com", "role": scene::role("MEMBER"), "invite_mode": "EMAIL_LINK" });
    assert_eq!(plain.post("/v2/users", &body).status, 403);
    assert_eq!(plain.get("/v2/users").ok()["users"], json!([]), "it is in no workspace");
    assert_eq!(plain.get("/auth/admin/realms/master/users").ok(), json!([]));
    let made = plain.post("/v1/api/workspaces/create", &json!({ "workspace_name": fresh("of-a-robot") }));
    assert_eq!(made.status, 200, "it is a member of the home organization: {made:?}");
    let governing = token("governing-robot", &["--service-role", "administrator"]);
    assert!(governing.get("/v2/users").ok()["users"].as_array().expect("people").len() > 2);
}

#[test]
fn keycloak_resolves_a_bot_by_its_id_as_a_service_account() {
    let (space, number) = space_of_bob(world());
    let (robot, made, uuid) = service_key(world(), &world().bob, &space, ["MEMBER", "READ_ONLY"]);
    let name = format!("service-account-{}", made["bot_user"]["name"].as_str().expect("a name"));
    let path = format!("/auth/admin/realms/master/users/{uuid}");
    assert!(world().carol.members(number).iter().any(|(id, _)| *id == uuid));
    for who in [&*world().bob, &*world().carol, &*world().ada, &robot] {
        let shown = who.get(&path).ok();
        assert_eq!((&shown["id"], &shown["username"], &shown["enabled"]), (&json!(uuid), &json!(name), &json!(true)));
        assert_eq!((&shown["emailVerified"], shown["createdTimestamp"].is_i64()), (&json!(false), true), "{shown}");
        assert_eq!(who.get(&format!("{path}/groups")).ok(), json!([]));
        assert_eq!(who.get(&format!("{path}/role-mappings/realm")).ok(), json!([]));
    }
    // It is in no list and no search, and no account that is managed.
    for query in ["", "?search=service-account", "?search=robot", "?email=bots.invalid&exact=false", "?max=1000"] {
        let listed = world().ada.get(&format!("/auth/admin/realms/master/users{query}"));
        assert!(!listed.body.contains(&uuid), "{query}");
    }
    assert_eq!(world().ada.put(&path, &json!({ "enabled": false })).status, 404);
    assert_eq!(scene::delete(&world().ada, &path).status, 404);
    let (gwen, _) = scene::stranger(world(), "gwendolyn");
    assert_eq!(gwen.get(&path).told(), (404, json!({ "error": "User not found" })));
    world().bob.send("PUT", &format!("/v2/api-keys/{}/revoke", scene::text(&made, "id")), &[], ());
    assert_eq!(world().ada.get(&path).status, 404, "once its key is revoked, it is gone");
}

#[test]
fn when_others_last_signed_in_is_for_administrators() {
    let (ada, bob, carol) = (&world().ada, &world().bob, &world().carol);
    let path = |who: &Person| format!("/auth/admin/realms/master/users/{}", who.uuid);
    let last = |shown: &Value| !shown["lastLogin"].is_null();
    assert!(last(&ada.get(&path(carol)).ok()) && last(&bob.get(&path(bob)).ok()));
    assert!(!last(&bob.get(&path(carol)).ok()) && !last(&bob.get(&path(ada)).ok()));
    let listed = bob.get("/auth/admin/realms/master/users?max=1000").ok();
    let queried = bob.post("/v1/api/users/query", &json!({})).ok();
    let listed = listed.as_array().expect("a list").iter();
    for shown in listed.chain(queried["users"].as_object().expect("people").values()) {
        assert_eq!(last(shown), shown["id"] == json!(bob.uuid), "{shown}");
    }
    let queried = ada.post("/v1/api/users/query", &json!({ "user_ids": [bob.uuid] })).ok();
    assert!(last(&queried["users"][&bob.uuid]));
}
