//! `/v1/api/connections/*`.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::client::{Answer, Client, refused};
use crate::world::{World, fresh};

const CREATE: &str = "/v1/api/connections/create";
const LIST: &str = "/v1/api/connections/list";
const GET: &str = "/v1/api/connections/get";
const GET_BY_ID: &str = "/v1/api/connections/get_by_id";
const ADD: &str = "/v1/api/connections/add_to_workspace";
const REMOVE: &str = "/v1/api/connections/remove_from_workspace";
const DELETE: &str = "/v1/api/connections/delete";

/// The details of every connection here, with an order of keys and numbers that a parser would change.
const DETAILS: &str = r#"{"token": "hunter2-secret", "port":5432.10,"a":[12345678901234567890123]}"#;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn create(who: &Client, name: &str) -> Answer {
    let body = format!(r#"{{"name":"{name}","type":"HTTP","details":{DETAILS}}}"#);
    who.send("POST", CREATE, &[("content-type", "application/json")], body)
}

/// Creates a connection and returns its id.
#[track_caller]
fn connection(who: &Client, name: &str) -> String {
    create(who, name).text("id")
}

#[track_caller]
fn missing(answer: &Answer, key: &str) {
    let msg = format!("connection {key} does not exist");
    assert_eq!(answer.outcome(), (404, json!({ "msg": msg, "code": 404 })));
}

#[track_caller]
fn gone(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
}

/// The names of the connections that a request finds.
#[track_caller]
fn names(who: &Client, question: &Value) -> Vec<String> {
    let answer = who.post(LIST, question).ok();
    let list = answer["connections"].as_array().expect("a list");
    list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_connection_is_created_found_linked_and_deleted() {
    let (world, name) = (World::start(), "store");
    let made = create(&world.bob, name).ok();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(made, json!({ "id": id }));
    let found = world.bob.post(GET_BY_ID, &json!({ "id": id }));
    let created_at = found.text("created_at");
    let whole = |workspaces: &str| {
        format!(
            r#"{{"id":"{id}","name":"{name}","type":"HTTP","details":{DETAILS},"created_at":"{created_at}","workspace_names":[{workspaces}]}}"#
        )
    };
    assert!(created_at.ends_with("+00:00"), "{created_at}");
    assert_eq!((found.status, found.body.as_str()), (200, whole("").as_str()), "the details as they were sent");
    assert_eq!(world.bob.post(GET, &json!({ "name": name })).body, whole(""));
    assert_eq!(world.bob.post(LIST, &json!({})).body, format!(r#"{{"connections":[{}]}}"#, whole("")));
    let taken = json!({ "msg": "connection store already exists", "code": 409 });
    for who in [&world.bob, &world.carol] {
        assert_eq!(create(who, name).outcome(), (409, taken.clone()));
    }

    let place = world.bob.create("engines");
    let link = json!({ "workspace_id": place, "connection_id": id });
    assert_eq!(names(&world.bob, &json!({ "workspace_id": place })), [""; 0]);
    let linked = world.bob.post(ADD, &link).ok();
    assert_ne!(linked["id"], json!(id), "the id of the link");
    assert_eq!(world.bob.post(ADD, &link).ok(), linked, "again changes nothing");
    let listed = world.bob.post(LIST, &json!({ "workspace_id": place }));
    assert_eq!(listed.body, format!(r#"{{"connections":[{}]}}"#, whole(r#""engines""#)));
    assert_eq!(world.bob.post(LIST, &json!({ "workspace_id": null })).body, listed.body);
    gone(&world.bob.post(REMOVE, &link));
    gone(&world.bob.post(REMOVE, &link));
    assert_eq!(names(&world.bob, &json!({ "workspace_id": place })), [""; 0]);
    world.bob.post(ADD, &link).ok();
    gone(&world.bob.post(DELETE, &json!({ "name": name })));
    missing(&world.bob.post(DELETE, &json!({ "name": name })), name);
    missing(&world.bob.post(GET_BY_ID, &json!({ "id": id })), &id);
    assert_eq!(world.database().count("connection_workspaces"), 0);

    let secret: i64 = world.database().one("SELECT count(*) FROM audit WHERE before || after LIKE '%hunter2%'", []);
    assert_eq!(secret, 0, "the audit has no details");
    assert!(!world.server.log().contains("hunter2"), "the log has no details");
}

#[test]
fn null_and_absent_details_are_null() {
    let world = world();
    for body in [json!({ "details": null }), json!({})] {
        let (mut body, name) = (body, fresh("plain"));
        body["name"] = json!(name);
        body["type"] = json!("free text: any");
        world.bob.post(CREATE, &body).ok();
        let found = world.bob.post(GET, &json!({ "name": name })).ok();
        assert_eq!((&found["details"], &found["type"]), (&Value::Null, &json!("free text: any")));
    }
}

#[test]
fn a_malformed_request_names_the_field_and_changes_nothing() {
    let world = world();
    let valid = json!({ "name": fresh("x"), "type": "t", "details": {} });
    for (field, value, rule) in [
        ("name", json!(""), "name: must not be empty"),
        ("name", json!(" x"), "name: must not begin or end"),
        ("name", json!("x".repeat(256)), "name: must have at most 255 characters"),
        ("name", json!("a\u{200b}b"), "name: must not contain the invisible"),
        ("name", Value::Null, "name: "),
        ("type", json!(""), "type: must not be empty"),
        ("type", json!("x".repeat(256)), "type: must have at most 255 characters"),
        ("type", json!(7), "type: "),
        ("details", json!([]), "details: must be a JSON object or null"),
        ("details", json!("hunter2-secret"), "details: must be a JSON object or null"),
        ("details", json!({ "k": "x".repeat(64 * 1024) }), "details: must have at most 64 KiB"),
    ] {
        let mut body = valid.clone();
        body[field] = value;
        let (status, told) = world.bob.post(CREATE, &body).outcome();
        let msg = told["msg"].as_str().expect("a message");
        assert!(status == 400 && told["code"] == json!(400) && msg.starts_with(rule), "{rule:?}: {told}");
        assert!(!msg.contains("hunter2"), "{msg}");
    }
    let deep = format!(r#"{{"name":"x","type":"t","details":{{"k":{}{}}}}}"#, "[".repeat(200), "]".repeat(200));
    assert_eq!(world.bob.send("POST", CREATE, &[], deep).status, 400);
    for (path, body) in [
        (CREATE, json!({})),
        (GET, json!({})),
        (GET_BY_ID, json!({ "id": 7 })),
        (GET_BY_ID, json!({ "id": "store" })),
        (LIST, json!({ "workspace_id": "7" })),
        (ADD, json!({ "workspace_id": 1 })),
        (REMOVE, json!({ "connection_id": "x", "workspace_id": 1 })),
        (DELETE, json!({ "name": 1 })),
    ] {
        let answer = world.bob.post(path, &body);
        assert_eq!(answer.status, 400, "{path} {body}: {answer:?}");
    }
}

#[test]
fn connections_of_others_are_neither_seen_nor_changed() {
    let (world, name) = (world(), fresh("private"));
    let stranger = world.new_member(&fresh("stranger"));
    let id = connection(&world.bob, &name);
    let (theirs, mine) = (world.bob.create(&fresh("theirs")), stranger.create(&fresh("mine")));
    world.bob.post(ADD, &json!({ "workspace_id": theirs, "connection_id": id })).ok();
    let before = world.bob.post(GET, &json!({ "name": name })).ok();
    let unknown = "11111111-2222-4333-8444-555555555555";
    for who in [&stranger, &world.carol] {
        missing(&who.post(GET, &json!({ "name": name })), &name);
        missing(&who.post(GET_BY_ID, &json!({ "id": id })), &id);
        missing(&who.post(GET_BY_ID, &json!({ "id": unknown })), unknown);
        missing(&who.post(DELETE, &json!({ "name": name })), &name);
        assert!(!names(who, &json!({})).contains(&name));
        let (status, told) = who.post(LIST, &json!({ "workspace_id": theirs })).outcome();
        assert_eq!((status, told), refused(&format!("workspace {theirs} does not exist")));
        let (status, told) = who.post(REMOVE, &json!({ "workspace_id": theirs, "connection_id": id })).outcome();
        assert_eq!((status, told), refused(&format!("workspace {theirs} does not exist")));
        // The SDK takes a 400 of this endpoint for a success.
        let told = who.post(ADD, &json!({ "workspace_id": theirs, "connection_id": id })).outcome();
        assert_eq!(told, (404, json!({ "msg": format!("workspace {theirs} does not exist"), "code": 404 })));
    }
    for which in [id.as_str(), unknown] {
        missing(&stranger.post(ADD, &json!({ "workspace_id": mine, "connection_id": which })), which);
        missing(&stranger.post(REMOVE, &json!({ "workspace_id": mine, "connection_id": which })), which);
    }
    assert!(names(&world.ada, &json!({})).contains(&name), "administrators see all");
    world.bob.add(theirs, &stranger, "COLLABORATOR");
    assert_eq!(stranger.post(GET, &json!({ "name": name })).ok(), before, "members of its workspace see it");
    let told = stranger.post(DELETE, &json!({ "name": name })).outcome();
    let msg = "you cannot delete this connection: only the user who created it and administrators can";
    assert_eq!(told, refused(msg));
    stranger.post(ADD, &json!({ "workspace_id": mine, "connection_id": id })).ok();
    assert_eq!(world.bob.post(GET, &json!({ "name": name })).ok(), before, "he does not learn of the other workspace");
    for path in [CREATE, LIST, GET, GET_BY_ID, ADD, REMOVE, DELETE] {
        assert_eq!(world.nobody.post(path, &json!({})).status, 401, "{path}");
    }
}
