//! A move that is killed or stopped in the middle leaves the old side as it was, and nothing on the new one.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Place, database, dump, full, names, schemas};
use crate::support::postgres::Cluster;

/// Enough rows that a move can be met in the middle.
const MANY: &str = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
    INSERT INTO known_places SELECT 1001, 'place ' || i, i FROM n";

fn start(place: &Place, line: &str) -> Child {
    // Tests that run in the background ignore SIGINT, and so would their children.
    let mut command = Command::new("env");
    command.args(["--default-signal", env!("CARGO_BIN_EXE_atelier")]);
    command.current_dir(place.path()).args(line.split_whitespace());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let ends = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < ends, "not {what} for a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_copying(cluster: &Cluster, database: &str) -> bool {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE 'COPY \"known_places\"%';"
    );
    cluster.run("postgres", &sql).trim_end() == "1"
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", child.id())).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_move_to_the_server_that_ends_in_the_middle_leaves_nothing_there() {
    let place = full();
    place.sql(MANY);
    let (cluster, name, address) = database();
    let before = dump::of_file(&place.database());
    for word in ["KILL", "INT", "TERM"] {
        let child = start(&place, &format!("move --to {address} --yes"));
        wait_until("copying", || is_copying(cluster, &name));
        signal(&child, word);
        let (code, words) = ended(child);
        assert_eq!(code, if word == "KILL" { None } else { Some(1) }, "{word}");
        if word != "KILL" {
            assert!(words.contains("error: the move was stopped; nothing was changed; run it again"), "{}", words);
        }
        wait_until("rolled back", || schemas(cluster, &name).is_empty() && !is_copying(cluster, &name));
        assert_eq!(dump::of_file(&place.database()), before, "{word}");
        assert!(!place.data().join("atelier.db.moved").exists());
    }
    place.run(&format!("move --to {address} --yes")).good();
    dump::of_server(cluster, &name, "atelier", &before).assert_same_but_for_the_move(&before);
}

#[test]
fn a_move_back_that_ends_in_the_middle_leaves_no_data_file() {
    let place = full();
    place.sql(MANY);
    let (cluster, name, address) = database();
    let before = dump::of_file(&place.database());
    place.run(&format!("move --to {address} --yes")).good();
    let moved = dump::of_server(cluster, &name, "atelier", &before);
    let partial = place.data().join("atelier.db.moving");
    for word in ["HUP", "KILL"] {
        let child = start(&place, &format!("move --from {address} --yes"));
        wait_until("copying", || partial.exists());
        signal(&child, word);
        let (code, words) = ended(child);
        assert_eq!(code, if word == "KILL" { None } else { Some(1) }, "{word}: {words}");
        assert!(!place.database().exists());
        assert_eq!(partial.exists(), word == "KILL");
        assert_eq!(schemas(cluster, &name), "atelier");
    }
    assert_eq!(dump::of_server(cluster, &name, "atelier", &before), moved);
    place.run(&format!("move --from {address} --yes")).good();
    assert!(!names(&place.data()).contains(&"atelier.db.moving".to_owned()));
    dump::of_file(&place.database()).assert_same_but_for_the_move(&before);
}

#[test]
fn a_connection_that_ends_in_the_middle_leaves_everything_as_it_was() {
    let place = full();
    place.sql(MANY);
    let (cluster, name, address) = database();
    let before = dump::of_file(&place.database());
    let child = start(&place, &format!("move --to {address} --yes"));
    wait_until("copying", || is_copying(cluster, &name));
    let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';");
    cluster.run("postgres", &sql);
    let (code, words) = ended(child);
    assert_eq!(code, Some(1));
    assert!(words.contains("cannot move the table ") && words.contains("; nothing was changed"), "{words}");
    assert_eq!((dump::of_file(&place.database()), schemas(cluster, &name).as_str()), (before, ""));
}

/// The exit code, none after a signal, and what is on stderr.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}
