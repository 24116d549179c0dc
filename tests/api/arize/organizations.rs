//! `/v2/organizations`.

use serde_json::json;

use super::scene::*;
use crate::world::{World, encoded};

const ORGANIZATIONS: &str = "/v2/organizations";

#[test]
fn an_organization_is_created_found_changed_and_deleted() {
    let world = World::start();
    let made = created(&world.ada.post(ORGANIZATIONS, &json!({ "name": "Ärzte", "description": "d" })));
    let id = text(&made, "id");
    let path = format!("{ORGANIZATIONS}/{id}");
    let whole = json!({ "id": id, "name": "Ärzte", "description": "d", "created_at": made["created_at"] });
    assert_eq!(made, whole);
    assert_eq!(world.ada.get(&path).ok(), whole);
    assert_eq!(names(&world.ada.get(ORGANIZATIONS), "organizations"), ["Home", "Ärzte"]);
    assert_eq!(walk(&world.ada, ORGANIZATIONS, "organizations"), [home(&world), id.clone()]);
    let search =
        |part: &str| names(&world.ada.get(&format!("{ORGANIZATIONS}?name={}", encoded(part))), "organizations");
    assert_eq!((search("äRZ"), search("%")), (vec!["Ärzte".to_owned()], vec![]));
    // Bob is in the home organization alone.
    assert_eq!(names(&world.bob.get(ORGANIZATIONS), "organizations"), ["Home"]);
    for answer in [world.bob.get(&path), patch(&world.bob, &path, &json!({ "name": "x" })), delete(&world.bob, &path)] {
        problem(&answer, 404, "organization ");
    }
    assert_eq!(patch(&world.ada, &path, &json!({ "description": null })).text("description"), "");
    patch(&world.ada, &path, &json!({ "description": "x" })).ok();
    assert_eq!(patch(&world.ada, &path, &json!({ "description": "" })).text("description"), "");
    for (body, status, detail) in [
        (json!({}), 400, "at least one field"),
        (json!({ "name": "  " }), 400, "name: must not be blank"),
        (json!({ "name": "" }), 422, "name: "),
        (json!({ "name": "Home" }), 409, " already"),
        (json!({ "home": true }), 422, "home"),
    ] {
        problem(&patch(&world.ada, &path, &body), status, detail);
    }
    problem(&world.ada.post(ORGANIZATIONS, &json!({ "name": "Home" })), 409, " already");
    problem(&world.ada.post(ORGANIZATIONS, &json!({ "name": " " })), 400, "name: ");
    problem(&world.bob.post(ORGANIZATIONS, &json!({ "name": "mine" })), 403, "administrator");
    problem(&delete(&world.ada, &format!("{ORGANIZATIONS}/{}", home(&world))), 400, "home organization");
    problem(&delete(&world.bob, &format!("{ORGANIZATIONS}/{}", home(&world))), 403, "admin");
    space(&world.ada, &id, "inside");
    gone(&delete(&world.ada, &path));
    assert_eq!(world.database().count("workspaces"), 0);
    problem(&world.ada.get(&path), 404, "organization ");
}

#[test]
fn members_are_added_get_another_role_and_are_removed_from_every_space() {
    let world = World::start();
    let id = organization(&world, "works");
    let path = format!("{ORGANIZATIONS}/{id}/users");
    let bob = user(&world, &world.bob);
    let made = world.ada.post(&path, &json!({ "user_id": bob, "role": role("MEMBER") })).ok();
    let whole = json!({ "id": made["id"], "user_id": bob, "organization_id": id, "role": role("MEMBER") });
    assert_eq!(made, whole);
    let again = json!({ "user_id": bob, "role": { "type": "predefined", "name": "read-only" } });
    assert_eq!(world.ada.post(&path, &again).ok()["role"], role("READ_ONLY"));
    let looker = named_role(&world, "looker", &["SPACE_READ"]);
    for (body, status, detail) in [
        (json!({ "user_id": bob, "role": { "type": "CUSTOM", "id": looker } }), 422, "custom roles are not supported"),
        (json!({ "user_id": bob, "role": role("OWNER") }), 422, "role.name"),
        (json!({ "user_id": bob, "role": role("ANNOTATOR") }), 400, "annotator"),
        (json!({ "user_id": looker, "role": role("MEMBER") }), 404, "user "),
        (json!({ "user_id": user(&world, &world.ada), "role": role("MEMBER") }), 400, "at least one admin"),
    ] {
        problem(&world.ada.post(&path, &body), status, detail);
    }
    problem(&world.bob.post(&path, &json!({ "user_id": bob, "role": role("ADMIN") })), 403, "admin");
    problem(&world.carol.post(&path, &json!({ "user_id": bob, "role": role("ADMIN") })), 404, "organization ");

    let inside = space(&world.ada, &id, "inside");
    join(&world, &world.ada, &inside, &world.bob, "MEMBER");
    world.bob.get(&format!("/v2/spaces/{inside}")).ok();
    gone(&delete(&world.ada, &format!("{path}/{bob}")));
    problem(&world.bob.get(&format!("/v2/spaces/{inside}")), 404, "space ");
    problem(&delete(&world.ada, &format!("{path}/{bob}")), 404, "member ");
    let ada = user(&world, &world.ada);
    problem(&delete(&world.ada, &format!("{path}/{ada}")), 400, "at least one admin");
}
