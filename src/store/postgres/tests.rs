//! The schema and the statements on a real PostgreSQL.

mod catalogue;
mod freshness;
mod functions;
mod line;
mod rules;
mod statements;

use super::cluster;

const SCHEMA: &str = include_str!("../../../schema.postgres.sql");

/// A new database with the schema.
fn database() -> String {
    let name = cluster::cluster().create_database();
    run(&name, &format!("BEGIN;\n{SCHEMA}\nCOMMIT;\nALTER DATABASE {name} SET search_path = atelier;"));
    name
}

/// Runs a script. Fails at the first error.
fn run(database: &str, script: &str) -> String {
    cluster::cluster().run(database, script)
}
