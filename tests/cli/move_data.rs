//! `atelier move`: everything goes from the data file into PostgreSQL and back, or nothing does.

mod dump;
mod killed;
mod refused;

use std::fs;

use serde_json::Value;

use super::{Place, mode, names, run_in};
use crate::support::Setup;
use crate::support::postgres::{Cluster, cluster};

/// A database that is empty, and its address.
fn database() -> (&'static Cluster, String, String) {
    let cluster = cluster();
    let name = cluster.create_database();
    let address = cluster.address(&name);
    (cluster, name, address)
}

/// A directory with at least one row in each table.
fn full() -> Place {
    let place = Place::with_ada();
    place.sql(include_str!("move_data/rows.sql"));
    place
}

fn schemas(cluster: &Cluster, database: &str) -> String {
    let sql = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'atelier%' ORDER BY 1;";
    cluster.run(database, sql).trim_end().to_owned()
}

#[test]
fn everything_goes_there_and_back_as_it_was() {
    let place = full();
    let (cluster, name, address) = database();
    fs::write(place.data().join("master.key"), "key").unwrap();
    let before = dump::of_file(&place.database());
    let empty: Vec<_> = before.0.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table).collect();
    assert!(empty.is_empty(), "rows.sql must have rows of {empty:?}");

    let there = place.run(&format!("move --to {address} --yes --json")).good();
    let report: Value = serde_json::from_str(&there.out).unwrap();
    let counted = report["tables"].as_object().unwrap();
    let tables = before.0.keys().filter(|table| *table != "sqlite_sequence");
    assert_eq!(counted.keys().collect::<Vec<_>>(), tables.clone().collect::<Vec<_>>());
    for table in tables {
        assert_eq!(counted[table], before.0[table].len(), "{table}");
    }
    assert_eq!(names(&place.data()), ["atelier.db.moved", "atelier.lock", "master.key"]);
    assert_eq!(mode(&place.data().join("atelier.db.moved")), 0o600);
    assert!(there.err.contains("atelier.db.moved; remove it once everything works"), "{}", there.err);
    assert!(there.err.contains("master.key (master_key_file)"), "{}", there.err);
    assert!(there.err.contains(&format!("set database = \"{address}\"")), "{}", there.err);
    assert_eq!(dump::of_file(&place.data().join("atelier.db.moved")), before);
    let moved = dump::of_server(cluster, &name, "atelier", &before);
    moved.assert_same_but_for_the_move(&before);
    let tables = cluster.run(&name, "SELECT tablename FROM pg_tables WHERE schemaname = 'atelier' ORDER BY 1;");
    let known: Vec<_> = tables.lines().filter(|table| !["failures", "nodes"].contains(table)).collect();
    assert_eq!(known, before.0.keys().filter(|table| *table != "sqlite_sequence").collect::<Vec<_>>());
    let disabled = "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D';";
    assert_eq!(cluster.run(&name, disabled).trim_end(), "0");

    // The indexes are those of a server's own database.
    let own = cluster.create_database();
    cluster.run(&own, &format!("BEGIN;\n{}\nCOMMIT;", include_str!("../../schema.postgres.sql")));
    let indexes = |database: &str| {
        let sql = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'atelier' ORDER BY 1;";
        cluster.run(database, sql)
    };
    assert_eq!(indexes(&name), indexes(&own));

    let back = place.run(&format!("move --from {address} --yes")).good();
    assert!(back.out.contains("users\t4\n"), "{}", back.out);
    assert!(back.err.contains("is atelier_moved now; drop it once everything works"), "{}", back.err);
    assert_eq!(schemas(cluster, &name), "atelier_moved");
    assert_eq!(names(&place.data()), ["atelier.db", "atelier.db.moved", "atelier.lock", "master.key"]);
    assert_eq!(mode(&place.database()), 0o600);
    dump::of_file(&place.database()).assert_same_but_for_the_move(&before);

    let rows = place.run("audit list --json").good().out;
    assert_eq!(rows.matches("\"databases.move\"").count(), 2, "{rows}");
    place.run("audit verify").good();
    let triggers = |file: &str| {
        let conn = rusqlite::Connection::open(place.data().join(file)).unwrap();
        let sql = "SELECT group_concat(type || name || coalesce(sql, ''), char(10) ORDER BY name) FROM sqlite_schema";
        conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(triggers("atelier.db"), triggers("atelier.db.moved"));
    // And there once more.
    fs::remove_file(place.data().join("atelier.db.moved")).unwrap();
    let run = place.run(&format!("move --to {address} --yes"));
    assert!(run.err.contains("`DROP SCHEMA atelier_moved CASCADE` in psql, and try again"), "{}", run.err);
    cluster.run(&name, "DROP SCHEMA atelier_moved CASCADE;");
    place.run(&format!("move --to {address} --yes")).good();
    place.run(&format!("move --from {address} --yes")).good();
    assert_eq!(place.run("workspace create after --owner ada@example.com").good().out, "5001\n");
}

#[test]
fn no_id_is_used_again() {
    let place = full();
    let (cluster, name, address) = database();
    place.run(&format!("move --to {address} --yes")).good();
    let next = |table: &str| {
        let sql = format!("SELECT nextval(pg_get_serial_sequence('atelier.{table}', 'id'));");
        cluster.run(&name, &sql).trim_end().to_owned()
    };
    assert_eq!((next("workspaces").as_str(), next("users").as_str()), ("5001", "1004"));
    place.run(&format!("move --from {address} --yes")).good();
    let conn = rusqlite::Connection::open(place.database()).unwrap();
    let last = |table: &str| {
        conn.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [table], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((last("workspaces"), last("users"), last("connection_workspaces")), (5001, 1004, i64::MAX));
}

#[test]
fn a_rehearsal_changes_nothing() {
    let place = full();
    let (cluster, name, address) = database();
    let before = fs::read(place.database()).unwrap();
    let run = place.run(&format!("move --to {address} --dry-run")).good();
    assert!(run.err.contains("nothing was changed; "), "{}", run.err);
    assert!(run.out.contains("users\t4\n"), "{}", run.out);
    assert_eq!((schemas(cluster, &name).as_str(), fs::read(place.database()).unwrap() == before), ("", true));

    place.run(&format!("move --to {address} --yes")).good();
    let other = Place::new();
    other.run(&format!("move --from {address} --dry-run --data-dir new")).good();
    assert_eq!(names(&other.path().join("new")), ["atelier.lock"]);
    assert_eq!(schemas(cluster, &name), "atelier");
    other.run(&format!("move --from {address} --yes --data-dir new")).good();
    assert_eq!(mode(&other.path().join("new")), 0o700);
    assert_eq!(names(&other.path().join("new")), ["atelier.db", "atelier.lock"]);
}

#[test]
fn keys_and_public_ids_stay_good() {
    let place = Place::with_ada();
    let (_, _, address) = database();
    let mut server = Setup::new().data_dir(place.data()).start();
    place.run("workspace create vision --owner ada@example.com").good();
    let key = place.run("key create --user ada@example.com --name script").good().out;
    let spaces = |base: &str| {
        let url = format!("{base}/v2/spaces");
        let bearer = format!("Bearer {}", key.trim());
        ureq::get(&url).header("Authorization", &bearer).call().unwrap().into_body().read_to_string().unwrap()
    };
    let before = spaces(server.base());
    assert!(before.contains("vision"), "{before}");
    server.stop();
    place.run(&format!("move --to {address} --yes")).good();

    let mut server = Setup::new().data_dir(place.data()).database(&address).start();
    assert_eq!(spaces(server.base()), before);
    let run = place.run(&format!("move --from {address} --yes"));
    assert!(run.err.contains("is using ") || run.err.contains("connections of atelier to"), "{}", run.err);
    server.stop();
    let run = run_in(place.path(), "audit verify", "", &[("ATELIER_DATABASE", &address)]).good();
    assert!(!run.err.contains("error"), "{}", run.err);
    place.run(&format!("move --from {address} --yes")).good();

    let mut server = Setup::new().data_dir(place.data()).start();
    assert_eq!(spaces(server.base()), before);
    server.stop();
    place.run("audit verify").good();
    place.run("check").good();
}
