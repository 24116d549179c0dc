//! `/v2/projects` and `/v2/resource-restrictions`.

use serde_json::json;

use super::scene::*;
use crate::world::World;

const PROJECTS: &str = "/v2/projects";
const RESTRICTIONS: &str = "/v2/resource-restrictions";

#[test]
fn a_project_is_created_found_renamed_and_deleted() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "Den 100%");
    let made = created(&world.bob.post(PROJECTS, &json!({ "name": "Größe", "space_id": den })));
    let id = text(&made, "id");
    let path = format!("{PROJECTS}/{id}");
    let whole = json!({
        "id": id, "name": "Größe", "space_id": den, "created_at": made["created_at"], "project_type": "APPLICATION",
    });
    assert_eq!(made, whole);
    assert_eq!(world.bob.get(&path).ok(), whole);
    project(&world.bob, &den, "valves");
    let found = |query: &str| names(&world.bob.get(&format!("{PROJECTS}?{query}")), "projects");
    assert_eq!(found(&format!("space_id={den}")), ["Größe", "valves"]);
    assert_eq!(found("space_name=den%20100%25&name=GR%C3%96"), ["Größe"]);
    assert_eq!(found("space_name=_"), [""; 0]);
    assert_eq!(found("project_type=APPLICATION").len(), 2);
    assert_eq!(found("project_type=HARNESS"), [""; 0]);
    assert_eq!(walk(&world.bob, PROJECTS, "projects").len(), 2);
    problem(&world.bob.get("/v2/projects?project_type=TOY"), 400, "project_type: ");
    problem(&world.carol.get(&format!("{PROJECTS}?space_id={den}")), 404, "space ");
    assert_eq!(walk(&world.carol, PROJECTS, "projects").len(), 0);

    assert_eq!(patch(&world.bob, &path, &json!({ "name": "pipes" })).text("name"), "pipes");
    for (body, status, detail) in [
        (json!({}), 422, "name"),
        (json!({ "name": " " }), 400, "name: "),
        (json!({ "name": "" }), 422, "name: "),
        (json!({ "name": "valves" }), 409, " already"),
        (json!({ "name": "x", "space_id": den }), 422, "space_id"),
    ] {
        problem(&patch(&world.bob, &path, &body), status, detail);
    }
    problem(&world.bob.post(PROJECTS, &json!({ "name": "valves", "space_id": den })), 409, " already");
    problem(&world.carol.post(PROJECTS, &json!({ "name": "x", "space_id": den })), 404, "space ");
    join(&world, &world.bob, &den, &world.carol, "READ_ONLY");
    problem(&world.carol.post(PROJECTS, &json!({ "name": "x", "space_id": den })), 403, "PROJECT_CREATE");
    problem(&patch(&world.carol, &path, &json!({ "name": "x" })), 403, "PROJECT_UPDATE");
    problem(&delete(&world.carol, &path), 403, "PROJECT_DELETE");
    gone(&delete(&world.bob, &path));
    problem(&world.bob.get(&path), 404, "project ");
}

#[test]
fn a_restricted_project_is_visible_only_with_a_binding() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    join(&world, &world.bob, &den, &world.carol, "MEMBER");
    let id = project(&world.bob, &den, "valves");
    let path = format!("{RESTRICTIONS}/{id}");
    let body = json!({ "resource_id": id });
    problem(&world.carol.post(RESTRICTIONS, &body), 403, "PROJECT_RESTRICT");
    problem(&delete(&world.bob, &path), 404, "restriction ");
    let made = world.bob.post(RESTRICTIONS, &body).ok();
    let whole = json!({ "resource_type": "PROJECT", "resource_id": id, "created_at": made["created_at"] });
    assert_eq!(made, whole);
    assert_eq!(world.bob.post(RESTRICTIONS, &body).ok(), whole, "again changes nothing");
    let listed = world.bob.get(RESTRICTIONS).ok();
    assert_eq!(listed, json!({ "resource_restrictions": [whole], "pagination": { "has_more": false } }));
    assert_eq!(walk(&world.bob, &format!("{RESTRICTIONS}?resource_type=PROJECT"), "resource_restrictions").len(), 1);
    for kind in ["DASHBOARD", "PROMPT"] {
        let path = format!("{RESTRICTIONS}?resource_type={kind}");
        assert_eq!(walk(&world.bob, &path, "resource_restrictions").len(), 0);
    }
    problem(&world.bob.get(&format!("{RESTRICTIONS}?resource_type=SPACE")), 400, "resource_type: ");
    problem(&world.bob.post(RESTRICTIONS, &json!({ "resource_id": den })), 400, "must be the id of a project");
    problem(&delete(&world.bob, &format!("{RESTRICTIONS}/{den}")), 400, "must be the id of a project");

    problem(&world.carol.get(&format!("{PROJECTS}/{id}")), 404, "project ");
    problem(&delete(&world.carol, &path), 404, "project ");
    assert_eq!(walk(&world.carol, RESTRICTIONS, "resource_restrictions").len(), 0);
    assert_eq!(walk(&world.carol, PROJECTS, "projects").len(), 0);
    let looker = named_role(&world, "looker", &["PROJECT_READ"]);
    let body = json!({
        "role_id": looker, "user_id": user(&world, &world.carol), "resource_type": "PROJECT", "resource_id": id,
    });
    created(&world.bob.post("/v2/role-bindings", &body));
    world.carol.get(&format!("{PROJECTS}/{id}")).ok();
    gone(&delete(&world.bob, &path));
}
