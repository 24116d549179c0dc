//! `/v2/tags` and `/v2/projects/{id}/tags`.

use serde_json::{Value, json};

use super::scene::*;
use crate::client::{Answer, Client};
use crate::world::World;

const TAGS: &str = "/v2/tags";

fn detach(who: &Client, path: &str, body: &Value) -> Answer {
    who.send("DELETE", path, &[("content-type", "application/json")], body.to_string())
}

/// Creates a tag and returns its id.
#[track_caller]
fn tag(who: &Client, space: &str, name: &str) -> String {
    text(&created(&who.post(TAGS, &json!({ "name": name, "space_id": space }))), "id")
}

#[test]
fn a_tag_is_created_changed_and_deleted() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    let body = json!({ "name": " Größe ", "space_id": den, "description": "how big", "color": "pine" });
    let made = created(&world.bob.post(TAGS, &body));
    let id = text(&made, "id");
    assert!(id.starts_with("VGFnOj"), "{id} is of a Tag");
    let mut whole = json!({
        "id": id, "name": "Größe", "description": "how big", "color": "PINE", "space_id": den,
        "created_at": made["created_at"], "updated_at": made["created_at"],
    });
    assert_eq!(made, whole);
    let path = format!("{TAGS}/{id}");
    let changed = patch(&world.bob, &path, &json!({ "name": "GRÖSSE", "color": null })).ok();
    assert!(text(&changed, "updated_at") > text(&made, "updated_at"));
    whole["name"] = "GRÖSSE".into();
    whole["color"] = Value::Null;
    whole["updated_at"] = changed["updated_at"].clone();
    assert_eq!(changed, whole);
    assert_eq!(patch(&world.bob, &path, &json!({ "name": "GRÖSSE" })).ok(), whole, "nothing changed");
    whole["description"] = Value::Null;
    let cleared = patch(&world.bob, &path, &json!({ "description": "" })).ok();
    whole["updated_at"] = cleared["updated_at"].clone();
    assert_eq!(cleared, whole);
    let plain = created(&world.bob.post(TAGS, &json!({ "name": "x".repeat(100), "space_id": den })));
    assert_eq!((&plain["description"], &plain["color"]), (&Value::Null, &Value::Null));

    for (body, status, detail) in [
        (json!({}), 400, "at least one field"),
        (json!({ "name": null }), 400, "at least one field"),
        (json!({ "name": "x", "label": "y" }), 400, "label: is not a field"),
        (json!({ "updated_at": "2026-01-01T00:00:00Z" }), 400, "updated_at: is not a field"),
        (json!({ "name": "  " }), 400, "name: "),
        (json!({ "name": "" }), 422, "name: "),
        (json!({ "name": "x".repeat(101) }), 422, "name: must have at most 100"),
        (json!({ "name": "a\u{200b}" }), 422, "name: "),
        (json!({ "name": 1 }), 422, "name"),
        (json!({ "color": "MAUVE" }), 422, "color: must be one of the 19 colors"),
        (json!({ "description": "x".repeat(1001) }), 422, "description: "),
        (json!({ "name": "X".repeat(100) }), 409, "already"),
        (json!([]), 422, "body: "),
    ] {
        problem(&patch(&world.bob, &path, &body), status, detail);
    }
    for (body, status, detail) in [
        (json!({ "space_id": den }), 422, "name"),
        (json!({ "name": "x" }), 422, "space_id"),
        (json!({ "name": "x", "space_id": "den" }), 400, "space_id: "),
        (json!({ "name": "grösse", "space_id": den }), 409, "already"),
        (json!({ "name": "x", "space_id": den, "id": "1" }), 400, "id: is not a field"),
        (json!({ "name": "x", "space_id": den, "color": "" }), 422, "color: "),
    ] {
        problem(&world.bob.post(TAGS, &body), status, detail);
    }
    gone(&delete(&world.bob, &path));
    problem(&delete(&world.bob, &path), 404, "the tag does not exist");
    problem(&delete(&world.bob, "/v2/tags/1"), 400, "tag_id: ");
    problem(&patch(&world.bob, &path, &json!({ "name": "x" })), 404, "the tag does not exist");
}

#[test]
fn tags_are_attached_to_a_project_listed_and_detached() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    let project = project(&world.bob, &den, "valves");
    let path = format!("/v2/projects/{project}/tags");
    let none = json!({ "tags": [], "pagination": { "has_more": false } });
    assert_eq!(world.bob.get(&path).ok(), none);
    let [one, two] = ["one", "two"].map(|name| tag(&world.bob, &den, name));
    let attached = world.bob.post(&path, &json!({ "tag_ids": [one] })).ok();
    let whole = json!({
        "id": one, "name": "one", "description": null, "color": null, "space_id": den,
        "created_at": attached["tags"][0]["created_at"], "updated_at": attached["tags"][0]["updated_at"],
    });
    assert_eq!(attached, json!({ "tags": [whole], "pagination": { "has_more": false } }));
    assert_eq!(names(&world.bob.post(&path, &json!({ "tag_ids": [one, two, two] })), "tags"), ["two", "one"]);
    patch(&world.bob, &format!("{TAGS}/{one}"), &json!({ "name": "uno" })).ok();
    assert_eq!(names(&world.bob.get(&path), "tags"), ["uno", "two"], "the last updated is first");

    let pit = space(&world.bob, &home(&world), "pit");
    let far = tag(&world.bob, &pit, "far");
    let unknown = id(&world, "Tag", 999);
    for (body, status, detail) in [
        (json!({ "tag_ids": [] }), 422, "tag_ids: must contain 1 to 100 ids"),
        (json!({ "tag_ids": vec![&one; 101] }), 422, "tag_ids: must contain 1 to 100 ids"),
        (json!({}), 422, "tag_ids"),
        (json!({ "tag_ids": "one" }), 422, "tag_ids"),
        (json!({ "tag_ids": ["one"] }), 400, "tag_ids: "),
        (json!({ "tag_ids": [one, far] }), 422, "tag_ids: must belong to the space of what is tagged"),
        (json!({ "tag_ids": [one, unknown] }), 404, "the tag does not exist"),
        (json!({ "tag_ids": [den] }), 404, "the tag does not exist"),
        (json!({ "tag_ids": [one], "more": 1 }), 422, "more"),
    ] {
        problem(&world.bob.post(&path, &body), status, detail);
    }
    for (body, status, detail) in [
        (json!({ "tag_ids": [] }), 422, "tag_ids: must contain 1 to 100 ids"),
        (json!({ "tag_ids": ["one"] }), 400, "tag_ids: "),
        (json!({ "tag_ids": [one], "more": 1 }), 400, "more: is not a field"),
    ] {
        problem(&detach(&world.bob, &path, &body), status, detail);
    }
    let detached = detach(&world.bob, &path, &json!({ "tag_ids": [far, one, unknown] })).ok();
    assert_eq!(detached, json!({ "completed": false, "deleted": [one], "not_deleted": [far, unknown] }));
    let detached = detach(&world.bob, &path, &json!({ "tag_ids": [two] })).ok();
    assert_eq!(detached, json!({ "completed": true, "deleted": [two], "not_deleted": [] }));
    assert_eq!(world.bob.get(&path).ok(), none);

    // The SDK 8.51 and 8.52 read other names.
    let older = [
        ("content-type", "application/json"),
        ("sdk-package-name", "arize"),
        ("sdk-language", "python"),
        ("sdk-version", "8.52.1"),
    ];
    world.bob.post(&path, &json!({ "tag_ids": [one] })).ok();
    let body = json!({ "tag_ids": [one, two] }).to_string();
    let removed = world.bob.send("DELETE", &path, &older, body).ok();
    assert_eq!(removed, json!({ "removed": [one], "not_found": [two] }));

    world.bob.post(&path, &json!({ "tag_ids": [one, two] })).ok();
    gone(&delete(&world.bob, &format!("{TAGS}/{two}")));
    assert_eq!(names(&world.bob.get(&path), "tags"), ["uno"], "a deleted tag is attached to nothing");
}

#[test]
fn tags_of_others_are_neither_seen_nor_changed() {
    let world = World::start();
    let (eve, elsewhere) = stranger(&world, "eve");
    let den = space(&world.bob, &home(&world), "den");
    let project = project(&world.bob, &den, "valves");
    let live = tag(&world.bob, &den, "live");
    let path = format!("/v2/projects/{project}/tags");
    let ids = json!({ "tag_ids": [live] });
    world.bob.post(&path, &ids).ok();
    let before = world.bob.get(&path).ok();
    for (who, organization) in [(&eve, &elsewhere), (&world.carol, &home(&world))] {
        problem(&who.post(TAGS, &json!({ "name": "x", "space_id": den })), 404, "the space does not exist");
        problem(&patch(who, &format!("{TAGS}/{live}"), &json!({ "name": "x" })), 404, "the tag does not exist");
        problem(&delete(who, &format!("{TAGS}/{live}")), 404, "the tag does not exist");
        problem(&who.get(&path), 404, "the project does not exist");
        problem(&who.post(&path, &ids), 404, "the project does not exist");
        problem(&detach(who, &path, &ids), 404, "the project does not exist");
        // Somebody else's tag does not exist for those with a project of their own either.
        let mine = space(who, organization, "mine");
        let mine = self::project(who, &mine, "valves");
        let mine = format!("/v2/projects/{mine}/tags");
        problem(&who.post(&mine, &ids), 404, "the tag does not exist");
        let detached = detach(who, &mine, &ids).ok();
        assert_eq!(detached, json!({ "completed": false, "deleted": [], "not_deleted": [live] }));
    }
    let nobody = &world.nobody;
    for answer in [nobody.get(&path), nobody.post(&path, &ids), nobody.post(TAGS, &json!({}))] {
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    join(&world, &world.bob, &den, &world.carol, "READ_ONLY");
    assert_eq!(world.carol.get(&path).ok(), before);
    problem(&world.carol.post(TAGS, &json!({ "name": "x", "space_id": den })), 403, "TAG_CREATE");
    problem(&patch(&world.carol, &format!("{TAGS}/{live}"), &json!({ "name": "x" })), 403, "TAG_UPDATE");
    problem(&delete(&world.carol, &format!("{TAGS}/{live}")), 403, "TAG_DELETE");
    problem(&world.carol.post(&path, &ids), 403, "PROJECT_UPDATE");
    problem(&detach(&world.carol, &path, &ids), 403, "PROJECT_UPDATE");
    assert_eq!(world.bob.get(&path).ok(), before);
    gone(&delete(&world.bob, &format!("/v2/spaces/{den}")));
    let left: i64 = world.database().one("SELECT count(*) FROM tags WHERE name = 'live'", []);
    assert_eq!((left, world.database().count("project_tags")), (0, 0));
}
