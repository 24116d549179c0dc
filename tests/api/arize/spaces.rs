//! `/v2/spaces`.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::json;

use super::scene::*;
use crate::world::{World, encoded, fresh};

const SPACES: &str = "/v2/spaces";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

#[test]
fn a_space_is_shown_whole() {
    let world = world();
    let name = fresh("Größe & more");
    let body = json!({ "name": name, "organization_id": home(world), "description": "what for" });
    let made = created(&world.bob.post(SPACES, &body));
    let whole = json!({
        "id": made["id"], "name": name, "description": "what for", "created_at": made["created_at"],
        "is_private": false, "organization_id": home(world), "ml_models_enabled": false,
        "gradient_start_color": null, "gradient_end_color": null, "default_llm_integration": null,
        "default_agent_runtime": null,
    });
    assert_eq!(made, whole);
    let at = text(&made, "created_at");
    assert!(at.len() == 27 && at.ends_with('Z'), "{at}");
    let path = format!("{SPACES}/{}", text(&made, "id"));
    // What is not private, the whole organization reads.
    for who in [&world.bob, &world.carol, &world.ada] {
        assert_eq!(who.get(&path).ok(), whole);
    }
    assert_eq!(world.nobody.get(&path).header("www-authenticate"), Some("Bearer"));
    problem(&world.nobody.get(&path), 401, "a bearer token or an API key is required");
}

#[test]
fn pages_of_one_show_everything_once_while_rows_come_and_go() {
    let world = World::start();
    let home = home(&world);
    let made: Vec<String> = (0..5).map(|n| space(&world.bob, &home, &format!("s{n}"))).collect();
    assert_eq!(walk(&world.bob, SPACES, "spaces"), made);
    assert_eq!(walk(&world.ada, SPACES, "spaces"), made);
    assert_eq!(walk(&world.carol, SPACES, "spaces"), [""; 0]);

    let first = world.bob.get(&format!("{SPACES}?limit=2")).ok();
    let cursor = text(&first["pagination"], "next_cursor");
    gone(&delete(&world.bob, &format!("{SPACES}/{}", made[1])));
    gone(&delete(&world.bob, &format!("{SPACES}/{}", made[2])));
    space(&world.bob, &home, "s5");
    let next = world.bob.get(&format!("{SPACES}?limit=2&cursor={cursor}"));
    assert_eq!(names(&next, "spaces"), ["s3", "s4"]);
    // A cursor of one list is none of another.
    problem(&world.bob.get(&format!("/v2/organizations?cursor={cursor}")), 400, "cursor: ");
}

#[test]
fn a_name_is_searched_for_literally_and_in_any_case() {
    let world = World::start();
    for name in ["ÄPFEL 100%", "äpfel_1", "Привет", "plain"] {
        space(&world.bob, &home(&world), name);
    }
    let found = |part: &str| names(&world.bob.get(&format!("{SPACES}?name={}", encoded(part))), "spaces");
    assert_eq!(found("äPFEL"), ["ÄPFEL 100%", "äpfel_1"]);
    assert_eq!(found("%"), ["ÄPFEL 100%"]);
    assert_eq!(found("_"), ["äpfel_1"]);
    assert_eq!(found("ПРИВЕТ"), ["Привет"]);
    assert_eq!(found("'"), [""; 0]);
    assert_eq!(found("").len(), 4);
    let other = organization(&world, "other");
    space(&world.ada, &other, "elsewhere");
    assert_eq!(names(&world.ada.get(&format!("{SPACES}?org_id={other}")), "spaces"), ["elsewhere"]);
    problem(&world.bob.get(&format!("{SPACES}?org_id={other}")), 404, "does not exist");
}

#[test]
fn what_is_malformed_is_a_400_and_an_id_of_another_kind_a_404() {
    let world = world();
    let long = format!("name={}", "x".repeat(256));
    for (query, field) in [
        ("cursor=forged", "cursor: "),
        ("cursor=NDI6QUFBQUFBQUFBQUFBQUFBQQ", "cursor: "),
        ("limit=0", "limit: "),
        ("limit=101", "limit: "),
        ("limit=x", "limit: "),
        ("limit=1&limit=2", "limit: "),
        ("org_id=nonsense", "org_id: "),
        ("nmae=x", "nmae: "),
        (&long, "name: "),
    ] {
        problem(&world.bob.get(&format!("{SPACES}?{query}")), 400, field);
    }
    for id in ["1", "space", "U3BhY2U", "%20", "YWJj"] {
        problem(&world.bob.get(&format!("{SPACES}/{id}")), 400, "space_id: ");
    }
    let forged = "U3BhY2U6MTpBQUFBQUFBQQ%3D%3D";
    for id in [home(world).as_str(), user(world, &world.bob).as_str(), forged, &id(world, "Space", 999_999)] {
        problem(&world.bob.get(&format!("{SPACES}/{id}")), 404, "space ");
        problem(&delete(&world.bob, &format!("{SPACES}/{id}")), 404, "space ");
    }
}

#[test]
fn a_body_that_does_not_fit_is_a_422_and_a_taken_name_a_409() {
    let world = world();
    let name = fresh("taken");
    let id = space(&world.bob, &home(world), &name);
    let path = format!("{SPACES}/{id}");
    let organization_id = home(world);
    for (body, status, detail) in [
        (json!({ "organization_id": organization_id }), 422, "name"),
        (json!({ "name": "x" }), 422, "organization_id"),
        (json!({ "name": "", "organization_id": organization_id }), 422, "name: must not be empty"),
        (json!({ "name": " ", "organization_id": organization_id }), 400, "name: must not be blank"),
        (json!({ "name": "x".repeat(256), "organization_id": organization_id }), 422, "name: must have at most 255"),
        (json!({ "name": 7, "organization_id": organization_id }), 422, "name: "),
        (json!({ "name": "x", "organization_id": organization_id, "id": "x" }), 422, "id"),
        (
            json!({ "name": "x", "organization_id": organization_id, "description": "x".repeat(1001) }),
            422,
            "description: ",
        ),
        (json!({ "name": "x", "organization_id": "nonsense" }), 400, "organization_id: "),
        (json!({ "name": "x", "organization_id": id }), 404, "organization "),
        (json!({ "name": name, "organization_id": organization_id }), 409, " already"),
    ] {
        problem(&world.bob.post(SPACES, &body), status, detail);
    }
    let other = space(&world.bob, &home(world), &fresh("other"));
    for (body, status, detail) in [
        (json!({}), 400, "body: must have at least one field"),
        (json!({ "created_at": "x" }), 422, "created_at"),
        (json!({ "name": " " }), 400, "name: "),
        (json!({ "default_llm_integration": { "integration_id": "x" } }), 422, "model_name"),
        (json!({ "name": name }), 409, " already"),
    ] {
        problem(&patch(&world.bob, &format!("{SPACES}/{other}"), &body), status, detail);
    }
    let answer = world.bob.send("PATCH", &path, &[("content-type", "application/json")], "{");
    problem(&answer, 400, "body: must be valid JSON");
    assert_eq!(world.bob.get(&path).text("name"), name, "nothing has changed");
}

#[test]
fn null_and_an_empty_text_clear() {
    let world = world();
    let id = space(&world.bob, &home(world), &fresh("cleared"));
    let path = format!("{SPACES}/{id}");
    let full = json!({
        "description": "x", "is_private": true, "ml_models_enabled": true, "gradient_start_color": "#fff",
        "gradient_end_color": "#000", "default_agent_runtime": { "integration_id": "i" },
        "default_llm_integration": { "integration_id": "i", "model_name": "m" },
    });
    let shown = patch(&world.bob, &path, &full).ok();
    for (field, value) in full.as_object().expect("an object") {
        assert_eq!(&shown[field], value, "{field}");
    }
    for value in [json!(null), json!("")] {
        patch(&world.bob, &path, &json!({ "description": "x" })).ok();
        assert_eq!(patch(&world.bob, &path, &json!({ "description": value })).text("description"), "");
    }
    for field in ["gradient_start_color", "gradient_end_color", "default_agent_runtime", "default_llm_integration"] {
        assert_eq!(patch(&world.bob, &path, &json!({ field: null })).ok()[field], json!(null), "{field}");
    }
}

#[test]
fn what_clients_keep_about_a_space_is_bounded() {
    let world = world();
    let path = format!("{SPACES}/{}", space(&world.bob, &home(world), &fresh("bounded")));
    let settings = |text: &str| {
        [
            ("gradient_start_color", json!({ "gradient_start_color": text })),
            ("gradient_end_color", json!({ "gradient_end_color": text })),
            (
                "default_llm_integration.integration_id",
                json!({ "default_llm_integration": { "integration_id": text, "model_name": "m" } }),
            ),
            (
                "default_llm_integration.model_name",
                json!({ "default_llm_integration": { "integration_id": "i", "model_name": text } }),
            ),
            ("default_agent_runtime.integration_id", json!({ "default_agent_runtime": { "integration_id": text } })),
        ]
    };
    for (_, body) in settings(&"é".repeat(255)) {
        patch(&world.bob, &path, &body).ok();
    }
    let shown = world.bob.get(&path).ok();
    for text in ["é".repeat(256), "a\0b".to_owned(), "a\nb".to_owned()] {
        for (field, body) in settings(&text) {
            problem(&patch(&world.bob, &path, &body), 422, &format!("{field}: must "));
        }
    }
    assert_eq!(world.bob.get(&path).ok(), shown, "nothing has changed");
}

#[test]
fn an_array_is_no_object_within_another_either() {
    let world = world();
    let id = space(&world.bob, &home(world), &fresh("arrays"));
    let path = format!("{SPACES}/{id}");
    let carol = user(world, &world.carol);
    let role = json!(["PREDEFINED", "MEMBER", null]);
    let body = json!({ "user_id": carol, "role": role });
    problem(&world.bob.post(&format!("{path}/users"), &body), 422, "role: invalid type: sequence");
    let body = json!({ "default_llm_integration": ["i", "m"] });
    problem(&patch(&world.bob, &path, &body), 422, "default_llm_integration: invalid type: sequence");
    let body = json!({ "default_agent_runtime": ["i"] });
    problem(&patch(&world.bob, &path, &body), 422, "default_agent_runtime: invalid type: sequence");
    for (organizations, field) in [
        (json!([[home(world), null, [{ "space_id": id }]]]), "organizations[0]"),
        (json!([{ "org_id": home(world), "spaces": [[id, null]] }]), "organizations[0].spaces[0]"),
    ] {
        let body = json!({ "name": "k", "key_type": "SERVICE", "organizations": organizations });
        let told = format!("{field}: invalid type: sequence");
        problem(&world.bob.post("/v2/api-keys", &body), 422, &told);
    }
}

#[test]
fn a_private_space_is_seen_by_its_members_and_those_who_govern() {
    let world = World::start();
    let id = space(&world.bob, &home(&world), "den");
    let path = format!("{SPACES}/{id}");
    let (olga, _) = stranger(&world, "olga");
    problem(&world.carol.get(&path), 404, "does not exist");
    problem(&olga.get(&path), 404, "does not exist");
    assert_eq!(names(&world.ada.get(SPACES), "spaces"), ["den"]);
    join(&world, &world.bob, &id, &world.carol, "READ_ONLY");
    world.carol.get(&path).ok();
    problem(&patch(&world.carol, &path, &json!({ "is_private": false })), 403, "SPACE_UPDATE");
    gone(&delete(&world.bob, &format!("{path}/users/{}", user(&world, &world.carol))));
    problem(&world.carol.get(&path), 404, "does not exist");
    patch(&world.bob, &path, &json!({ "is_private": false })).ok();
    world.carol.get(&path).ok();
    problem(&olga.get(&path), 404, "does not exist");
    // In Wallaroo's list an ordinary person finds what they joined.
    let listed = world.carol.post("/v1/api/workspaces/list", &json!({})).ok();
    assert_eq!(listed["workspaces"], json!([]));
}

#[test]
fn a_member_is_put_in_and_given_another_role_by_the_same_call() {
    let world = world();
    let id = space(&world.bob, &home(world), &fresh("upsert"));
    let path = format!("{SPACES}/{id}/users");
    let carol = user(world, &world.carol);
    let made = world.bob.post(&path, &json!({ "user_id": carol, "role": role("MEMBER") })).ok();
    let whole = json!({ "id": made["id"], "user_id": carol, "space_id": id, "role": role("MEMBER") });
    assert_eq!(made, whole);
    // Older spellings are read too.
    let lower = json!({ "user_id": carol, "role": { "type": "predefined", "name": "read-only" } });
    let again = world.bob.post(&path, &lower).ok();
    assert_eq!((&again["id"], &again["role"]), (&made["id"], &role("READ_ONLY")));
    let looker = named_role(world, &fresh("looker"), &["SPACE_READ"]);
    let custom = json!({ "user_id": carol, "role": { "type": "CUSTOM", "id": looker } });
    let shown = world.bob.post(&path, &custom).ok();
    assert_eq!(fields(&shown["role"]), BTreeSet::from(["type", "id", "name"]));
    problem(&world.carol.post(&path, &json!({ "user_id": carol, "role": role("ADMIN") })), 403, "owner");

    for (body, status, detail) in [
        (json!({ "user_id": carol, "role": role("OWNER") }), 422, "role.name: "),
        (json!({ "user_id": carol, "role": "MEMBER" }), 422, "role"),
        (json!({ "user_id": carol, "role": { "type": "PREDEFINED" } }), 422, "role"),
        (json!({ "user_id": carol, "role": { "type": "CUSTOM" } }), 422, "role.id"),
        (json!({ "user_id": carol, "role": { "type": "CUSTOM", "id": carol } }), 404, "role "),
        (json!({ "user_id": "x", "role": role("MEMBER") }), 400, "user_id: "),
        (json!({ "user_id": id, "role": role("MEMBER") }), 404, "user "),
        (json!({ "user_id": carol, "role": role("ANNOTATOR") }), 400, "annotator"),
        (json!({ "user_id": user(world, &world.bob), "role": role("MEMBER") }), 400, "at least one owner"),
    ] {
        problem(&world.bob.post(&path, &body), status, detail);
    }
    let (olga, _) = stranger(world, &fresh("olga"));
    let hers = json!({ "user_id": user(world, &olga), "role": role("MEMBER") });
    problem(&world.ada.post(&path, &hers), 400, "not a member of the space's organization");
    problem(&world.bob.post(&path, &hers), 404, "user ");
    problem(&delete(&world.bob, &format!("{path}/{}", user(world, &world.bob))), 400, "at least one owner");
    gone(&delete(&world.bob, &format!("{path}/{carol}")));
    problem(&delete(&world.bob, &format!("{path}/{carol}")), 404, "member ");
}

#[test]
fn an_annotator_of_the_account_is_an_annotator_and_nothing_else() {
    let world = world();
    let id = space(&world.bob, &home(world), &fresh("annotated"));
    let path = format!("{SPACES}/{id}/users");
    let who = world.somebody(&fresh("anna"));
    world.database().write("UPDATE users SET role = 'annotator' WHERE email = ?1", [&who.email]);
    let put = |name: &str| world.bob.post(&path, &json!({ "user_id": user(world, &who), "role": role(name) }));
    for name in ["ADMIN", "MEMBER", "READ_ONLY"] {
        problem(&put(name), 400, "annotator");
    }
    assert_eq!(put("ANNOTATOR").ok()["role"], role("ANNOTATOR"));
}

#[test]
fn a_space_goes_with_everything_in_it() {
    let world = World::start();
    let id = space(&world.bob, &home(&world), "den");
    join(&world, &world.bob, &id, &world.carol, "MEMBER");
    let valves = project(&world.carol, &id, "valves");
    world.bob.post("/v2/resource-restrictions", &json!({ "resource_id": valves })).ok();
    problem(&delete(&world.carol, &format!("{SPACES}/{id}")), 403, "SPACE_DELETE");
    gone(&delete(&world.bob, &format!("{SPACES}/{id}")));
    problem(&world.bob.get(&format!("/v2/projects/{valves}")), 404, "project ");
    problem(&delete(&world.bob, &format!("{SPACES}/{id}")), 404, "space ");
    let database = world.database();
    for table in ["workspaces", "members", "projects", "restrictions"] {
        assert_eq!(database.count(table), 0, "{table}");
    }
}
