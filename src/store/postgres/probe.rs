//! For tests of any layer: databases of PostgreSQL in place of data files. Each has the path that its file would have.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use rusqlite::types::Value;

use super::address::Address;
use super::cluster::{cluster, with_bytes};
use super::connection::Connection;
use super::schema::SCHEMA;
use super::settings::Role;

/// A connection prepares at most so many statements for probes, because it keeps each of them.
const MAX_STATEMENTS: usize = 500;

/// The planner's own ways, which large statements of tests need.
const SETTINGS: &str = "
    RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin; RESET join_collapse_limit;
    RESET plan_cache_mode; SET synchronous_commit = off";

/// SQLite gives no id that is less than one that a row had, however the row came in.
const SEQUENCES: &str = "
    DO $$
    DECLARE one record;
    BEGIN
        FOR one IN SELECT table_name AS name, pg_get_serial_sequence('atelier.' || table_name, 'id') AS sequence
            FROM information_schema.columns WHERE table_schema = 'atelier' AND column_name = 'id' AND is_identity = 'YES'
        LOOP
            EXECUTE format('SELECT setval(%L, max(id)) FROM atelier.%I HAVING max(id) > coalesce((
                SELECT last_value FROM pg_sequences WHERE schemaname || ''.'' || sequencename = %L), 0)',
                one.sequence, one.name, one.sequence);
        END LOOP;
    END $$";

/// A database with the tables and without rows.
static TEMPLATE: LazyLock<String> = LazyLock::new(|| {
    let name = cluster().create_database();
    let script = ["BEGIN;\n", SCHEMA, "\nCOMMIT;\n", include_str!("../../../tests/support/of_sqlite.sql")];
    cluster().run(&name, &script.concat());
    name
});

/// The names of the databases, by path.
static DATABASES: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

thread_local! {
    static OWN: RefCell<Own> = const { RefCell::new(Own { open: None, created: Vec::new() }) };
}

/// The connection of a test, and its databases. They end with its thread.
struct Own {
    open: Option<Open>,
    created: Vec<String>,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.open = None;
        // One that is not dropped only takes space, until the server of the tests ends.
        let Ok(address) = Address::parse(&cluster().address("postgres")) else { return };
        let Ok(conn) = Connection::open(&address, Role::Writer) else { return };
        for name in &self.created {
            let _ = conn.run(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

struct Open {
    database: String,
    conn: Connection,
    statements: usize,
}

/// The database that a path stands for, if it stands for one.
pub(in crate::store) fn database(file: &Path) -> Option<String> {
    DATABASES.lock().unwrap_or_else(PoisonError::into_inner).get(file).cloned()
}

/// The address of the database that a path stands for. It is created if there is none.
pub(in crate::store) fn address(file: &Path) -> Address {
    let known = database(file);
    let name = known.unwrap_or_else(|| {
        let name = cluster().copy_database(&TEMPLATE);
        DATABASES.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), name.clone());
        OWN.with_borrow_mut(|own| own.created.push(name.clone()));
        name
    });
    Address::parse(&cluster().address(&name)).unwrap()
}

/// The rows of a query.
pub(in crate::store) fn rows(database: &str, sql: &str) -> Vec<Vec<Value>> {
    with(database, |open| {
        open.statements += 1;
        let run = || {
            open.conn.run("BEGIN")?;
            let statement = open.conn.prepare(&with_bytes(sql))?;
            let mut rows = open.conn.query(&statement, &[])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let width = statement.columns.len();
                all.push((0..width).map(|column| row.value(column).cloned()).collect::<Result<_, _>>()?);
            }
            drop(rows);
            open.conn.run("COMMIT")?;
            Ok::<_, rusqlite::Error>(all)
        };
        run().unwrap_or_else(|error| panic!("{error}: {sql}"))
    })
}

/// Changes rows as another process would: the change is counted, so that it is seen.
pub(in crate::store) fn execute(database: &str, sql: &str) {
    with(database, |open| {
        // A BEGIN in the text makes no second transaction.
        let all = format!("UPDATE meta SET generation = generation + 1, edition = edition + 1; {}", with_bytes(sql));
        open.conn.run(&all).unwrap_or_else(|error| panic!("{error}: {sql}"));
        if sql.contains("INSERT") {
            open.conn.run(SEQUENCES).unwrap();
        }
    });
}

/// Gives no id up to this one to a new row of a table.
pub(in crate::store) fn skip_ids(database: &str, table: &str, last: usize) {
    let sequence = format!("pg_get_serial_sequence('atelier.{table}', 'id')");
    let sql = format!(
        "SELECT setval({sequence}, {last}) WHERE {last} > coalesce((SELECT last_value FROM pg_sequences
             WHERE schemaname || '.' || sequencename = {sequence}), 0)"
    );
    rows(database, &sql);
}

/// Does this with a connection in a transaction.
pub(in crate::store) fn change(database: &str, work: impl FnOnce(&Connection)) {
    with(database, |open| {
        open.conn.run("BEGIN; UPDATE meta SET generation = generation + 1, edition = edition + 1").unwrap();
        work(&open.conn);
        open.conn.run("COMMIT").unwrap();
    });
}

fn with<T>(database: &str, work: impl FnOnce(&mut Open) -> T) -> T {
    OWN.with_borrow_mut(|Own { open, .. }| {
        let kept = open.take().filter(|open| open.database == database && open.statements < MAX_STATEMENTS);
        let open = open.insert(kept.unwrap_or_else(|| {
            let address = Address::parse(&cluster().address(database)).unwrap();
            let conn = Connection::open(&address, Role::Writer).unwrap();
            conn.run(SETTINGS).unwrap();
            Open { database: database.to_owned(), conn, statements: 0 }
        }));
        work(open)
    })
}

#[test]
fn bytes_are_written_in_postgresqls_way() {
    assert_eq!(with_bytes("SELECT x'00Ff', 'max', index'"), "SELECT CAST('\\x00Ff' AS BYTEA), 'max', index'");
    assert_eq!(with_bytes("x'' = x"), "CAST('\\x' AS BYTEA) = x");
}
