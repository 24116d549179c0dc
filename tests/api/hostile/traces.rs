//! What is left in the log and in the audit, and whether it can be altered.

use std::thread;

use serde_json::{Value, json};

use crate::client::Client;
use crate::support::Server;
use crate::world::World;

/// What `atelier LINE` prints on the data of a server, and whether it went well.
fn cli(server: &Server, line: &str) -> (bool, String, String) {
    let output = server.cli(&line.split_whitespace().collect::<Vec<_>>());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// What a command prints that went well.
fn good(server: &Server, line: &str) -> String {
    let (is_good, out, err) = cli(server, line);
    assert!(is_good, "{line}: {err}");
    out.trim_end().to_owned()
}

fn verdict(server: &Server) -> Value {
    serde_json::from_str(&cli(server, "audit verify --json").1).expect("JSON")
}

#[test]
fn the_audit_is_one_chain_whoever_writes_at_once() {
    let world = World::start();
    let tasks = 6;
    thread::scope(|scope| {
        for task in 0..tasks {
            let (ada, nobody) = (&world.ada, &world.nobody);
            scope.spawn(move || {
                let ada: Client = nobody.with(ada.credential());
                for number in 0..20 {
                    let name = format!("chain-{task}-{number}");
                    let made = ada.post("/v1/api/workspaces/create", &json!({ "workspace_name": name }));
                    assert_eq!(made.status, 200, "{made:?}");
                    // A write that fails in the same batch leaves no gap.
                    let refused = ada.post("/v1/api/workspaces/create", &json!({ "workspace_name": name }));
                    assert_ne!(refused.json()["workspace_id"].as_i64(), Some(0));
                }
            });
        }
        scope.spawn(|| {
            for number in 0..6 {
                good(&world.server, &format!("user add chain{number}@example.com"));
                let told = verdict(&world.server);
                assert_eq!(told["sound"], true, "{told:#}");
            }
        });
    });
    let told = verdict(&world.server);
    assert_eq!(told["sound"], true, "{told:#}");
    let database = world.database();
    assert_eq!(told["rows"], database.count("audit"));
    assert_eq!(database.one::<i64>("SELECT count(*) FROM audit WHERE verb = 'workspaces.create'", []), tasks * 20);
    assert_eq!(database.one::<i64>("SELECT count(*) FROM audit WHERE hash IS NULL", []), 0);
    assert_eq!(database.one::<i64>("SELECT max(id) - min(id) + 1 - count(*) FROM audit", []), 0);

    database.write("UPDATE audit SET after = '{}' WHERE verb = 'users.create' AND id > 20", []);
    let told = verdict(&world.server);
    assert_eq!((&told["sound"], &told["faults"][0]["fault"]), (&json!(false), &json!("changed")), "{told:#}");
}

#[test]
fn the_log_tells_the_hash_of_the_newest_audit_row_at_both_ends() {
    let mut world = World::start();
    let head = good(&world.server, "audit verify");
    assert!(!world.server.log().contains(&head), "it is another one than at the start");
    good(&world.server, &format!("audit verify --expect {}", hash_in(&world.server.log())));
    assert!(world.server.stop().success());
    assert_eq!(hash_in(&world.server.log()), head);
}

/// The last hash that a log tells.
fn hash_in(log: &str) -> String {
    let line = log.lines().rev().find(|line| line.contains("audit: the newest row is ")).expect("a line");
    line.rsplit(' ').next().expect("a hash").to_owned()
}
