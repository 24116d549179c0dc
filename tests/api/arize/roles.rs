//! `/v2/roles`.

use serde_json::json;

use super::scene::*;
use crate::world::World;

const ROLES: &str = "/v2/roles";

#[test]
fn a_role_is_created_changed_and_deleted() {
    let world = World::start();
    let body = json!({ "name": "Looker (v1)", "permissions": ["SPACE_READ", "DATASET_READ", "SPACE_READ"] });
    let made = created(&world.ada.post(ROLES, &body));
    let id = text(&made, "id");
    let path = format!("{ROLES}/{id}");
    // A description that is empty is left out, and permissions come in the order of their names.
    let whole = json!({
        "id": id, "name": "Looker (v1)", "permissions": ["DATASET_READ", "SPACE_READ"], "is_predefined": false,
        "created_at": made["created_at"], "updated_at": made["created_at"],
    });
    assert_eq!(made, whole);
    assert_eq!(world.bob.get(&path).ok(), whole);
    let change = json!({ "description": "d", "permissions": ["project_read"] });
    let shown = patch(&world.ada, &path, &change).ok();
    assert_eq!((&shown["description"], &shown["permissions"]), (&json!("d"), &json!(["PROJECT_READ"])));
    assert!(text(&shown, "updated_at") > text(&made, "updated_at"));
    let cleared = patch(&world.ada, &path, &json!({ "description": null })).ok();
    assert_eq!(cleared.get("description"), None);
    for (body, status, detail) in [
        (json!({}), 400, "at least one field"),
        (json!({ "name": " " }), 400, "name: "),
        (json!({ "name": "a*b" }), 422, "name: "),
        (json!({ "permissions": [] }), 422, "permissions: must not be empty"),
        (json!({ "permissions": ["SPACE_READ", "FLY"] }), 422, "permissions[1]: "),
        (json!({ "is_predefined": true }), 422, "is_predefined"),
    ] {
        problem(&patch(&world.ada, &path, &body), status, detail);
    }
    problem(&world.ada.post(ROLES, &json!({ "name": "x", "permissions": [] })), 422, "permissions: ");
    problem(&world.ada.post(ROLES, &json!({ "name": "x" })), 422, "permissions");
    problem(&world.ada.post(ROLES, &json!({ "name": "Looker (v1)", "permissions": ["TAG_READ"] })), 409, " already");
    for answer in [
        world.bob.post(ROLES, &json!({ "name": "x", "permissions": ["TAG_READ"] })),
        patch(&world.bob, &path, &json!({ "name": "x" })),
        delete(&world.bob, &path),
    ] {
        problem(&answer, 403, "administrator");
    }
    gone(&delete(&world.ada, &path));
    problem(&world.ada.get(&path), 404, "role ");
}

#[test]
fn predefined_roles_are_listed_and_cannot_be_changed() {
    let world = World::start();
    let listed = |query: &str| names(&world.bob.get(&format!("{ROLES}{query}")), "roles");
    let predefined = ["ADMIN", "MEMBER", "READ_ONLY", "ANNOTATOR"];
    assert_eq!(listed(""), predefined);
    named_role(&world, "ADMIN", &["TAG_READ"]);
    assert_eq!(listed("?is_predefined=true"), predefined);
    assert_eq!(listed("?is_predefined=false"), ["ADMIN"]);
    problem(&world.bob.get("/v2/roles?is_predefined=maybe"), 400, "is_predefined: ");
    let ids = walk(&world.bob, ROLES, "roles");
    assert_eq!(ids.len(), 5);
    for id in &ids[..4] {
        let rule = "a predefined role cannot be changed or deleted";
        problem(&patch(&world.ada, &format!("{ROLES}/{id}"), &json!({ "name": "x" })), 400, rule);
        problem(&delete(&world.ada, &format!("{ROLES}/{id}")), 400, rule);
    }
}

#[test]
fn a_role_in_use_cannot_be_deleted() {
    let world = World::start();
    let looker = named_role(&world, "looker", &["SPACE_READ"]);
    let den = space(&world.bob, &home(&world), "den");
    let carol = user(&world, &world.carol);
    let custom = json!({ "user_id": carol, "role": { "type": "CUSTOM", "id": looker } });
    world.bob.post(&format!("/v2/spaces/{den}/users"), &custom).ok();
    problem(&delete(&world.ada, &format!("{ROLES}/{looker}")), 409, "still assigned to users");
    gone(&delete(&world.bob, &format!("/v2/spaces/{den}/users/{carol}")));
    gone(&delete(&world.ada, &format!("{ROLES}/{looker}")));
}
