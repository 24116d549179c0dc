//! All rows of all tables, read without atelier.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::support::postgres::Cluster;

/// The tables that a move leaves out.
const LEFT_OUT: [&str; 1] = ["name_changes"];

/// The rows of each table in the order of their text.
#[derive(Debug, PartialEq, Eq)]
pub struct Dump(pub BTreeMap<String, Vec<String>>, BTreeMap<String, Vec<(String, String)>>);

/// The columns of a table with their types, but for those of one database.
fn columns(conn: &Connection, table: &str) -> Vec<(String, String)> {
    let mut query = conn.prepare("SELECT name, type FROM pragma_table_xinfo(?1) WHERE name <> 'stamp'").unwrap();
    let rows = query.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

pub fn of_file(path: &Path) -> Dump {
    let conn = Connection::open(path).unwrap();
    let mut query = conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut dump = Dump(BTreeMap::new(), BTreeMap::new());
    for table in tables {
        if LEFT_OUT.contains(&table.as_str()) || table.starts_with("sqlite_stat") {
            continue;
        }
        let columns = columns(&conn, &table);
        let list = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let mut query = conn.prepare(&format!("SELECT {list} FROM {table}")).unwrap();
        let mut rows = query.query([]).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns.len()).map(|index| match row.get_ref(index).unwrap() {
                ValueRef::Null => "null".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => hex(&number.to_be_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => format!("x{}", hex(bytes)),
            });
            lines.push(values.collect::<Vec<_>>().join("|"));
        }
        lines.sort();
        dump.0.insert(table.clone(), lines);
        dump.1.insert(table, columns);
    }
    dump
}

/// The same tables and columns of a database of PostgreSQL.
pub fn of_server(cluster: &Cluster, database: &str, schema: &str, like: &Dump) -> Dump {
    let mut script = String::new();
    for (table, columns) in like.1.iter().filter(|(table, _)| *table != "sqlite_sequence") {
        let values = columns.iter().map(|(name, kind)| {
            let value = match kind.as_str() {
                "INTEGER" => format!("\"{name}\"::text"),
                "REAL" => format!("encode(float8send(\"{name}\"), 'hex')"),
                "TEXT" => format!("'x' || encode(convert_to(\"{name}\", 'UTF8'), 'hex')"),
                _ => format!("'x' || encode(\"{name}\", 'hex')"),
            };
            format!("coalesce({value}, 'null')")
        });
        let values = values.collect::<Vec<_>>().join(", ");
        write!(script, "SELECT '{table} ' || concat_ws('|', {values}) FROM {schema}.\"{table}\";").unwrap();
    }
    let mut dump = Dump(BTreeMap::new(), like.1.clone());
    for line in cluster.run(database, &script).lines() {
        let (table, row) = line.split_once(' ').unwrap();
        dump.0.entry(table.to_owned()).or_default().push(row.to_owned());
    }
    dump.0.values_mut().for_each(|rows| rows.sort());
    dump
}

impl Dump {
    /// Whether this has the rows of another one, and what a move adds: a row in the audit, and its traces.
    pub fn assert_same_but_for_the_move(&self, before: &Self) {
        for (table, rows) in &before.0 {
            match table.as_str() {
                "audit" => {
                    let added: Vec<_> = self.0[table].iter().filter(|row| !rows.contains(row)).collect();
                    assert!(rows.iter().all(|row| self.0[table].contains(row)), "{table}");
                    assert!((1..=2).contains(&added.len()), "{added:?}");
                    let verb = hex(b"databases.move");
                    assert!(added.iter().all(|row| row.contains(&verb)), "{added:?}");
                }
                // The secret is the same.
                "meta" => assert_eq!(self.0[table][0].split('|').nth(2), rows[0].split('|').nth(2)),
                "audit_chain" => assert_eq!(self.0[table].len(), 1),
                "sqlite_sequence" => {
                    let Some(found) = self.0.get(table) else { continue };
                    let without_audit = |rows: &[String]| -> Vec<String> {
                        rows.iter().filter(|row| !row.starts_with(&format!("x{}|", hex(b"audit")))).cloned().collect()
                    };
                    assert_eq!(without_audit(found), without_audit(rows));
                }
                _ => assert_eq!(&self.0[table], rows, "{table}"),
            }
        }
    }
}
