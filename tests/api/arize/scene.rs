//! Shared helpers of the tests of the dialect: ids, a user of another organization, and assertions on responses.

use std::collections::BTreeSet;

use atelier::tokens::tags::TagKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::world::{Person, World};

/// The public id of a row (contract, section 4).
pub fn id(world: &World, kind: &str, row: i64) -> String {
    let secret: Vec<u8> = world.database().one("SELECT secret FROM meta", []);
    let text = format!("{kind}:{row}");
    let length = 8 + (3 - (text.len() + 9) % 3) % 3;
    STANDARD.encode(format!("{text}:{}", TagKey::new(&secret).tag("id", &text, length)))
}

/// A person's public id.
pub fn user(world: &World, who: &Person) -> String {
    id(world, "User", world.database().one("SELECT id FROM users WHERE email = ?1", [&who.email]))
}

/// The home organization's public id.
pub fn home(world: &World) -> String {
    id(world, "Organization", 1)
}

/// A predefined role.
pub fn role(name: &str) -> Value {
    json!({ "type": "PREDEFINED", "name": name })
}

/// Creates a user who is a member of their own organization and not of the home organization.
pub fn stranger(world: &World, name: &str) -> (Person, String) {
    let who = world.new_member(name);
    let organization = organization(world, &format!("of {name}"));
    add_to_organization(world, &organization, &who, "ADMIN");
    let path = format!("/v2/organizations/{}/users/{}", home(world), user(world, &who));
    gone(&delete(&world.ada, &path));
    (who, organization)
}

/// Creates an organization and returns its id.
#[track_caller]
pub fn organization(world: &World, name: &str) -> String {
    text(&created(&world.ada.post("/v2/organizations", &json!({ "name": name }))), "id")
}

/// Adds a member to an organization.
#[track_caller]
pub fn add_to_organization(world: &World, organization: &str, who: &Person, name: &str) {
    let body = json!({ "user_id": user(world, who), "role": role(name) });
    world.ada.post(&format!("/v2/organizations/{organization}/users"), &body).ok();
}

/// Creates a space and returns its id.
#[track_caller]
pub fn space(who: &Client, organization: &str, name: &str) -> String {
    let body = json!({ "name": name, "organization_id": organization, "is_private": true });
    text(&created(&who.post("/v2/spaces", &body)), "id")
}

/// Adds a member to a space.
#[track_caller]
pub fn join(world: &World, by: &Client, space: &str, who: &Person, name: &str) {
    let body = json!({ "user_id": user(world, who), "role": role(name) });
    by.post(&format!("/v2/spaces/{space}/users"), &body).ok();
}

/// Creates a role and returns its id.
#[track_caller]
pub fn named_role(world: &World, name: &str, permissions: &[&str]) -> String {
    let body = json!({ "name": name, "permissions": permissions });
    text(&created(&world.ada.post("/v2/roles", &body)), "id")
}

/// Creates a project and returns its id.
#[track_caller]
pub fn project(who: &Client, space: &str, name: &str) -> String {
    text(&created(&who.post("/v2/projects", &json!({ "name": name, "space_id": space }))), "id")
}

pub fn patch(who: &Client, path: &str, body: &Value) -> Answer {
    who.send("PATCH", path, &[("content-type", "application/json")], body.to_string())
}

pub fn delete(who: &Client, path: &str) -> Answer {
    who.send("DELETE", path, &[], ())
}

/// The body of a 201.
#[track_caller]
pub fn created(answer: &Answer) -> Value {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// A 204 has no body.
#[track_caller]
pub fn gone(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
}

/// A text in a body.
#[track_caller]
pub fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_else(|| panic!("no text {field}: {body}")).to_owned()
}

/// The fields of a thing.
pub fn fields(body: &Value) -> BTreeSet<&str> {
    body.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Asserts a refusal with exactly five fields and this detail.
#[track_caller]
pub fn problem(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let body = answer.json();
    assert_eq!(fields(&body), BTreeSet::from(["detail", "instance", "status", "title", "type"]));
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        422 => "Unprocessable Entity",
        _ => panic!("{answer:?}"),
    };
    assert_eq!((&body["status"], &body["title"]), (&json!(status), &json!(title)));
    assert_eq!(text(&body, "type"), format!("urn:atelier:problem:{}", title.to_lowercase().replace(' ', "-")));
    let request = answer.header("x-request-id").expect("an id");
    assert_eq!(text(&body, "instance"), format!("urn:uuid:{request}"));
    assert!(text(&body, "detail").contains(detail), "{detail:?} is not in {body}");
}

/// The names in a list.
#[track_caller]
pub fn names(answer: &Answer, plural: &str) -> Vec<String> {
    let body = answer.ok();
    let items = body[plural].as_array().unwrap_or_else(|| panic!("no list {plural}: {body}"));
    items.iter().map(|item| text(item, "name")).collect()
}

/// Every id of a list, in pages of one.
#[track_caller]
pub fn walk(who: &Client, path: &str, plural: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let body = who.get(&format!("{path}{sign}limit=1{cursor}")).ok();
        for item in body[plural].as_array().expect("a list") {
            seen.push(text(item, if plural == "resource_restrictions" { "resource_id" } else { "id" }));
        }
        let pagination = &body["pagination"];
        if pagination["has_more"] == json!(false) {
            assert_eq!(fields(pagination), BTreeSet::from(["has_more"]));
            return seen;
        }
        assert_eq!(body[plural].as_array().map(Vec::len), Some(1), "a page that is not the last is full");
        cursor = format!("&cursor={}", text(pagination, "next_cursor"));
    }
}
