//! `/v2/audit-logs`.

use serde_json::{Value, json};

use super::scene::*;
use crate::world::World;

const LOGS: &str = "/v2/audit-logs";

fn operations(world: &World, query: &str) -> Vec<String> {
    let body = world.ada.get(&format!("{LOGS}?{query}")).ok();
    body["logs"].as_array().expect("a list").iter().map(|log| text(log, "operation_name")).collect()
}

#[test]
fn administrators_read_changes_newest_first() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    patch(&world.bob, &format!("/v2/spaces/{den}"), &json!({ "description": "d" })).ok();
    let bob = user(&world, &world.bob);
    problem(&world.bob.get(LOGS), 403, "administrator");

    let log = &world.ada.get(&format!("{LOGS}?limit=1")).ok()["logs"][0];
    let row: i64 = world.database().newest_audit();
    let whole = json!({
        "id": id(&world, "AuditLog", row), "user_id": bob, "ip": "127.0.0.1", "operation_type": "MUTATION",
        "operation_name": "workspaces.change", "operation_text": "workspaces.change workspace 1",
        "variables": log["variables"], "created_at": log["created_at"],
    });
    assert_eq!(log, &whole);
    let variables: Value = serde_json::from_str(&text(log, "variables")).expect("a JSON text");
    assert_eq!(variables["before"]["description"], json!(""));
    assert_eq!(variables["after"]["description"], json!("d"));

    let rows = world.database().count("audit");
    assert_eq!(walk(&world.ada, LOGS, "logs").len(), usize::try_from(rows).expect("a number"));
    let of_bob = operations(&world, &format!("user_id={bob}"));
    assert_eq!(of_bob, ["workspaces.change", "workspaces.create", "sessions.begin"]);
    let two = "operation_name=workspaces.create&operation_name=workspaces.change&operation_name=nonsense";
    assert_eq!(operations(&world, two), ["workspaces.change", "workspaces.create"]);
    assert_eq!(operations(&world, "operation_name=workspaces"), [""; 0], "names are exact");
    assert_eq!(operations(&world, "operation_type=MUTATION&limit=1"), ["workspaces.change"]);
    assert_eq!(operations(&world, "operation_type=QUERY"), [""; 0]);
    // The server itself has no account; the id that it is shown by finds what it did.
    let server = id(&world, "User", 0);
    assert_eq!(
        operations(&world, &format!("user_id={server}")),
        ["users.create", "signing_keys.create", "signing_keys.create", "organizations.create"]
    );
}

#[test]
fn every_format_of_a_timestamp_is_accepted() {
    let world = World::start();
    world.database().write("UPDATE audit SET at = 1720716810000000 WHERE id = 1", []);
    let found = |query: &str| operations(&world, query).len();
    assert_eq!(operations(&world, "operation_name=organizations.create"), [""; 0], "30 days and no more");
    for moment in [
        "2024-07-11T16%3A53%3A30.000000%2B0000",
        "2024-07-11T16%3A53%3A30.000000",
        "2024-07-11T16:53:30Z",
        "2024-07-11T18:53:30%2B02:00",
        "2024-07-11T18:53:30+0200",
    ] {
        assert_eq!(found(&format!("end_time={moment}")), 1, "{moment}");
        assert_eq!(found(&format!("start_time={moment}&end_time={moment}")), 1, "both ends are included");
    }
    assert_eq!(found("start_time=2024-07-11T16:53:30.000001Z&end_time=2024-07-12T00:00:00Z"), 0);
    for (query, field) in [
        ("start_time=yesterday", "start_time: "),
        ("end_time=", "end_time: "),
        ("user_id=x", "user_id: "),
        ("operation_type=DANCE", "operation_type: "),
        ("operation_name=", "operation_name: "),
        (&"operation_name=x&".repeat(21), "operation_name: "),
        (&format!("operation_name={}", "x".repeat(256)), "operation_name: "),
        ("who=x", "who: "),
    ] {
        problem(&world.ada.get(&format!("{LOGS}?{query}")), 400, field);
    }
}
