//! Data files with as many rows in each table, for lists of every kind of person.
//!
//! The binary creates the file. SQL fills it, because a million rows of each table take too long through the program.
//! The statements name only columns that every release has.

use std::fs;
use std::path::{Path, PathBuf};

use atelier::domain::password::Password;
use atelier::tokens::password;
use rusqlite::Connection;

use super::arguments::Arguments;
use super::bench::reusable_folder;
use super::error::Result;
use super::seed::{PASSWORD, begin};

/// The people who sign in, besides the administrator. Their row ids follow the administrator's.
pub const PEOPLE: [(&str, &str); 8] = [
    ("few", "member of three spaces"),
    ("many", "member of 1,000 spaces"),
    ("tenth", "admin of a tenth of the organizations"),
    ("wide", "member of a tenth of the organizations"),
    ("maker", "maker of half of the keys"),
    ("none", "in no organization and no space"),
    ("bound", "with a role without permissions on every space"),
    ("hollow", HOLLOW),
];

/// Somebody for whom no way through a list is short.
pub const HOLLOW: &str = "member of a tenth of the organizations, which are empty";

/// Increment this whenever the rows change.
const EDITION: u32 = 1;

/// The number of rows at the end of each table that a filter finds.
const RARE: u64 = 60;

/// A file with so many organizations, spaces, projects, people, keys, sessions and twice as many bindings, and ten times
/// as many rows in the audit log.
///
/// Half of the spaces are in the home organization, which everybody but some of [`PEOPLE`] is a member of; half of these
/// are private, and all of their projects are restricted. The others are one in each organization with an odd number, and
/// a quarter of their projects is restricted. Those that a filter
/// finds are the last of each table.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    pub rows: u64,
}

impl Crowd {
    /// A data directory with these rows. It must not be changed; take a copy instead.
    pub fn prepare(self, arguments: &Arguments) -> Result<PathBuf> {
        let scratch = tempfile::tempdir_in(reusable_folder()?)?;
        let home = scratch.path().join("data");
        begin(arguments, &home)?;
        // Files of another schema are other files.
        let version: i64 = open(&home)?.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let kept = reusable_folder()?.join(format!("crowd-{EDITION}-schema-{version}-{}", self.rows));
        if kept.exists() {
            return Ok(kept);
        }
        eprintln!("seeding {} rows of each table", self.rows);
        let conn = open(&home)?;
        conn.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -524288; BEGIN")?;
        let hash = password::hash(&Password::parse(PASSWORD)?)?;
        for (number, (name, _)) in (2..).zip(PEOPLE) {
            conn.execute(
                "INSERT INTO users (id, uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                                    password_hash, must_change_password, created_at)
                 VALUES (?1, printf('10000000-0000-4000-8000-%012d', ?1), ?2, ?2, '', '', 'person', 'active', 1, 1, 'member', ?3,
                         0, 0)",
                (number, format!("{name}@example.com"), hash.as_str()),
            )?;
        }
        conn.execute_batch(&script(self.rows))?;
        conn.execute_batch("COMMIT; PRAGMA journal_mode = WAL")?;
        drop(conn);
        fs::rename(&home, &kept)?;
        Ok(kept)
    }
}

fn open(home: &Path) -> Result<Connection> {
    Ok(Connection::open(home.join("atelier.db"))?)
}

/// The number of the last of [`PEOPLE`].
pub const LAST_OF_PEOPLE: u64 = 1 + PEOPLE.len() as u64;

/// The statements that fill the file. `u` is a number of a person who does not sign in, `s` of a space.
fn script(rows: u64) -> String {
    let numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :rows)";
    let text = format!(
        "
        INSERT INTO users (uuid, email, email_key, email_verified_by, email_verified_at, first_name, last_name, kind,
                           state, invited_until, enabled, developer, role, must_change_password, created_at)
        {numbers}
        SELECT printf('20000000-0000-4000-8000-%012d', n), printf('person-%07d@example.com', n),
               printf('person-%07d@example.com', n), iif(n > :rows - 4 * :rare, NULL, 'operator'),
               iif(n > :rows - 4 * :rare, NULL, 0), 'Ann', 'Bee', 'person',
               iif(n > :rows - 2 * :rare, 'invited', 'active'),
               CASE WHEN n > :rows - :rare THEN 4102444800000000 WHEN n > :rows - 2 * :rare THEN 7 END,
               n <= :rows - 4 * :rare OR n > :rows - 3 * :rare, 1, 'member', 0, 0
        FROM n;
        INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                           must_change_password, created_at)
        {numbers}
        SELECT printf('30000000-0000-4000-8000-%012d', n), printf('bot-%07d@bots.invalid', n),
               printf('bot-%07d@bots.invalid', n), '', '', 'bot', 'active', 1, 0, 'member', 0, 0
        FROM n WHERE n <= :rows / 4;
        INSERT INTO organizations (name, name_key, description, home, created_at)
        {numbers}
        SELECT printf('org-%07d', n), printf('org-%07d', n), '', 0, 0 FROM n WHERE n < :rows;
        INSERT INTO organization_members (organization_id, user_id, role, created_at)
        SELECT 1, id, 'member', 0 FROM users WHERE kind = 'person' AND id > 1 AND id NOT IN (4, 5, 7, 8, 9)
        UNION ALL SELECT id, 4, 'admin', 0 FROM organizations WHERE id % 10 = 3
        UNION ALL SELECT id, 5, 'member', 0 FROM organizations WHERE id % 10 = 5
        UNION ALL SELECT id, 9, 'member', 0 FROM organizations WHERE id % 10 = 6
        UNION ALL SELECT o.id, o.id + :people, 'member', 0 FROM organizations o WHERE o.id > 1;
        INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at,
                                ml_models_enabled)
        {numbers}
        SELECT iif(n % 2, n, 1), printf('space-%07d', n), printf('space-%07d', n), '', n / 2 % 2, 0, n + :people, 0, 0
        FROM n;
        INSERT INTO members (workspace_id, user_id, role, created_at)
        SELECT id, created_by, 'owner', 0 FROM workspaces
        UNION ALL SELECT id, 2, 'member', 0 FROM workspaces WHERE id IN (2, :rows / 2, :rows)
        UNION ALL SELECT id, 3, 'reader', 0 FROM workspaces WHERE id % max(:rows / 1000, 1) = 0;
        INSERT INTO roles (name, description, permissions, shows_workspaces, created_at, updated_at)
        {numbers} SELECT printf('role-%07d', n), '', zeroblob(24), 0, 0, 0 FROM n;
        INSERT INTO projects (workspace_id, name, name_key, kind, created_at, updated_at)
        SELECT id, name, name_key, 'application', 0, 0 FROM workspaces;
        INSERT INTO restrictions (project_id, created_at) SELECT id, 0 FROM projects WHERE id % 2 = 0 OR id % 8 = 3;
        INSERT INTO bindings (role_id, user_id, workspace_id, created_at, updated_at)
        SELECT (SELECT max(id) FROM roles), 8, id, 0, 0 FROM workspaces;
        INSERT INTO bindings (role_id, user_id, project_id, created_at, updated_at)
        SELECT (SELECT max(id) FROM roles), id + :people, id, 0, 0 FROM projects;
        INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at, expires_at,
                          revoked_at)
        SELECT id, 'key', CAST(printf('bot%029d', id) AS BLOB), 'atl_', '', 6, 0,
               CASE WHEN id > :bots - 2 * :rare AND id <= :bots - :rare THEN :lately END,
               iif(id > :bots - :rare, :lately, NULL)
        FROM users WHERE kind = 'bot';
        INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at, revoked_at)
        {numbers}
        SELECT iif(n % 3, n + :people, 6), 'key', CAST(printf('key%029d', n) AS BLOB), 'atl_', '',
               iif(n % 3, n + :people, 6), 0, iif(n > :rows * 3 / 4 - 3 * :rare AND n % 3 = 0, :lately, NULL)
        FROM n WHERE n <= :rows * 3 / 4;
        INSERT INTO members (workspace_id, user_id, role, created_at)
        SELECT 2, id, 'reader', 0 FROM users WHERE kind = 'bot' AND id > :bots - 2 * :rare;
        INSERT INTO sessions (uuid, user_id, client, scope, authenticated_at, second_factor, created_at, last_used_at,
                              idle_until, ends_at)
        {numbers}
        SELECT printf('40000000-0000-4000-8000-%012d', n), n + :people, 'admin-cli', 'openid', 0, 0, 0, 0,
               4102444800000000, 4102444800000000
        FROM n;
        INSERT INTO audit (at, actor, actor_id, credential, dialect, request_id, verb, kind, object)
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10 * :rows)
        SELECT (unixepoch() - 86400) * 1000000 - (10 * :rows - n) * 1000, 'somebody', iif(n % 2, 6, :people + 1 + n % 1000),
               '-', 'arize', '-',
               CASE WHEN n % 2 THEN 'keys.create' WHEN n < 40 THEN 'keys.revoke' ELSE 'workspaces.create' END, 'key', n
        FROM n;
        INSERT INTO audit (at, actor, actor_id, credential, dialect, request_id, verb, kind, object)
        SELECT (unixepoch() - 86400) * 1000000 - 10 * :rows * 1000, 'maker', 6, '-', 'arize', '-', 'workspaces.create',
               'workspace', n
        FROM (SELECT 1 AS n UNION SELECT 2);
        UPDATE audit_chain SET last_id = (SELECT max(id) FROM audit);
        "
    );
    let bots = rows + LAST_OF_PEOPLE + rows / 4;
    text.replace(":rows", &rows.to_string())
        .replace(":rare", &RARE.to_string())
        // Keys that ended long ago are deleted by the server.
        .replace(":lately", "((unixepoch() - 86400) * 1000000)")
        .replace(":people", &LAST_OF_PEOPLE.to_string())
        .replace(":bots", &bots.to_string())
}
