//! `/v2/role-bindings`.

use serde_json::json;

use super::scene::*;
use crate::world::World;

const BINDINGS: &str = "/v2/role-bindings";

#[test]
fn a_binding_is_made_found_changed_and_taken_away() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    let valves = project(&world.bob, &den, "valves");
    let looker = named_role(&world, "looker", &["SPACE_READ", "PROJECT_READ"]);
    let other = named_role(&world, "other", &["DATASET_READ"]);
    let carol = user(&world, &world.carol);
    let body = json!({ "role_id": looker, "user_id": carol, "resource_type": "SPACE", "resource_id": den });
    problem(&world.carol.get(&format!("/v2/spaces/{den}")), 404, "space ");
    let made = created(&world.bob.post(BINDINGS, &body));
    let id = text(&made, "id");
    let path = format!("{BINDINGS}/{id}");
    let whole = json!({
        "id": id, "role_id": looker, "user_id": carol, "resource_type": "SPACE", "resource_id": den,
        "created_at": made["created_at"], "updated_at": made["created_at"],
    });
    assert_eq!(made, whole);
    assert_eq!(world.bob.get(&path).ok(), whole);
    world.carol.get(&format!("/v2/spaces/{den}")).ok();
    problem(&world.bob.post(BINDINGS, &body), 409, " already");

    let on_project = json!({ "role_id": looker, "user_id": carol, "resource_type": "PROJECT", "resource_id": valves });
    let on_project = text(&created(&world.bob.post(BINDINGS, &on_project)), "id");
    assert_eq!(walk(&world.bob, &format!("{BINDINGS}?resource_type=SPACE"), "role_bindings"), [id.as_str()]);
    assert_eq!(walk(&world.bob, &format!("{BINDINGS}?resource_type=PROJECT"), "role_bindings"), [on_project]);
    let of = |who: &str| format!("{BINDINGS}?resource_type=SPACE&user_id={who}");
    assert_eq!(walk(&world.bob, &of(&carol), "role_bindings").len(), 1);
    assert_eq!(walk(&world.bob, &of(&user(&world, &world.bob)), "role_bindings").len(), 0);
    // Carol may not see bindings: her list is empty, and to her there is none.
    assert_eq!(walk(&world.carol, &format!("{BINDINGS}?resource_type=SPACE"), "role_bindings").len(), 0);
    problem(&world.carol.get(&path), 404, "role binding ");
    problem(&delete(&world.carol, &path), 404, "role binding ");
    problem(&patch(&world.carol, &path, &json!({ "role_id": other })), 404, "role binding ");

    assert_eq!(patch(&world.bob, &path, &json!({ "role_id": other })).text("role_id"), other);
    problem(&patch(&world.bob, &path, &json!({ "resource_id": den })), 422, "resource_id");
    gone(&delete(&world.bob, &path));
    problem(&delete(&world.bob, &path), 404, "role binding ");
    problem(&world.carol.get(&format!("/v2/spaces/{den}")), 404, "space ");
}

#[test]
fn what_stands_against_a_binding() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    let valves = project(&world.bob, &den, "valves");
    let looker = named_role(&world, "looker", &["SPACE_READ"]);
    let mighty = named_role(&world, "mighty", &["SPACE_READ", "USER_DELETE"]);
    let carol = user(&world, &world.carol);
    let (olga, _) = stranger(&world, "olga");
    let olga_id = user(&world, &olga);
    let body = |role: &str, user: &str, kind: &str, resource: &str| json!({ "role_id": role, "user_id": user, "resource_type": kind, "resource_id": resource });
    for (body, status, detail) in [
        (body(&looker, &carol, "PROJECT", &den), 400, "resource_id: must be the id of a project"),
        (body(&looker, &carol, "SPACE", &valves), 400, "resource_id: must be the id of a space"),
        (body(&looker, &carol, "SPACE", "x"), 400, "resource_id: "),
        (body(&looker, &carol, "DASHBOARD", &den), 422, "resource_type: "),
        (body(&den, &carol, "SPACE", &den), 404, "role "),
        (body(&looker, &den, "SPACE", &den), 404, "user "),
        (body(&looker, &olga_id, "SPACE", &den), 404, "user "),
        (body(&mighty, &carol, "SPACE", &den), 422, "you cannot grant permissions"),
        (body(&looker, &carol, "SPACE", &id(&world, "Space", 99)), 403, "ROLE_BINDING_CREATE"),
    ] {
        problem(&world.bob.post(BINDINGS, &body), status, detail);
    }
    problem(
        &world.ada.post(BINDINGS, &body(&looker, &olga_id, "SPACE", &den)),
        400,
        "not a member of the space's organization",
    );
    for who in [&world.carol, &olga] {
        problem(&who.post(BINDINGS, &body(&looker, &carol, "SPACE", &den)), 403, "ROLE_BINDING_CREATE");
    }
    problem(&world.bob.get(BINDINGS), 400, "resource_type: ");
    problem(&world.bob.get(&format!("{BINDINGS}?resource_type=PROMPT")), 400, "resource_type: ");
    problem(&world.bob.get(&format!("{BINDINGS}?resource_type=SPACE&user_id={olga_id}")), 404, "user ");
    assert_eq!(world.database().count("bindings"), 0);
}
