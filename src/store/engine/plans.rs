//! For tests: checks that the cost of no statement of the program grows with a table.
//!
//! The statements are read from the sources, so that each is checked even if no test runs it. Every connection of every
//! test is traced, so that a statement that is built in a way that is not parsed here is found too.

mod pages;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use syn::Lit;

use super::{Conn, Tx};
use crate::store::transfer::staging;

/// Tables that do not grow with use: an operator fills them, or the program keeps them short.
pub(in crate::store) const SMALL_TABLES: [&str; 6] =
    ["meta", "clients", "signing_keys", "name_changes", "sqlite_schema", "sqlite_sequence"];

/// Statements that read a whole table or sort on purpose: a part that identifies them, and the reason.
pub(in crate::store) const EXCEPTIONS: [(&str, &str); 12] = [
    ("SELECT count(*) FROM (SELECT 1 FROM audit WHERE verb = :verb", "it counts a bounded number of rows of the index"),
    ("WHERE status IS NOT NULL ORDER BY id LIMIT 1 OFFSET :skip", "Keycloak's pages begin at a number of rows"),
    (" WHERE true", "every row goes, to end the sessions of everybody"),
    ("sum(size) AS found FROM", "`atelier check` adds up the files of every organization"),
    ("GROUP BY v.sha256) f)", "it sorts the files of the workspace that moves"),
    ("coalesce(sum(file_bytes), 0)", "an administrator's page adds up a number of each organization"),
    ("OR EXISTS (SELECT 1 FROM second_factors)", "it ends at the first row"),
    ("FROM signing_keys ORDER BY state <> 'active'", "it sorts a handful of rows"),
    ("FROM users u WHERE u.kind = 'person' ORDER BY u.id", "the list of those who have no pages shows everybody"),
    ("FROM users u WHERE u.kind = 'person' AND (u.id = :me OR u.id IN (", "it shows all that it sorts"),
    ("u.uuid IN (SELECT value FROM json_each(:uuids, '$')) ORDER BY u.id", "it shows all that it sorts"),
    ("r.predefined IN ('owner', 'member', 'reader', 'annotator') ORDER BY r.id", "it sorts four rows"),
];

/// The beginnings of statements that only tests run.
const OF_TESTS: [&str; 9] = [
    "CREATE TABLE note",
    "INSERT INTO note",
    "UPDATE note",
    "SELECT text FROM note",
    "CREATE TABLE t",
    "DELETE FROM users",
    "UPDATE meta SET generation = 0",
    "SELECT generation FROM meta",
    "SELECT sql FROM sqlite_schema",
];

/// Every statement of the program, with the file that contains it. Those of PostgreSQL alone are not among them.
pub(in crate::store) static STATEMENTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if name != "tests" && name != "postgres" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs")
                && !["tests.rs", "plans.rs", "pages.rs", "probe.rs"].contains(&name.as_str())
            {
                let text = fs::read_to_string(&path).unwrap();
                let source = Source::read(&(text.clone() + &imported_constants(&text, path.parent().unwrap())));
                all.extend(source.statements().into_iter().map(|sql| (sql, name.clone())));
            }
        }
    }
    all
});

/// The constants that a source file imports from a file beside it: `use super::users::{COLUMNS, read};`.
fn imported_constants(source: &str, folder: &Path) -> String {
    let mut constants = String::new();
    for line in source.lines().filter_map(|line| line.strip_prefix("use super::")) {
        let Some((file, names)) = line.split_once("::") else { continue };
        let Ok(theirs) = fs::read_to_string(folder.join(file).with_extension("rs")) else { continue };
        let names = names.split(|c: char| !c.is_alphanumeric() && c != '_');
        for name in names.filter(|name| name.len() > 1 && **name == name.to_uppercase()) {
            let (_, constant) = theirs.split_once(&format!("const {name}: ")).unwrap();
            let (constant, _) = constant.split_once(';').unwrap();
            constants.extend(["\nconst ", name, ": ", constant, ";\n"]);
        }
    }
    constants
}

/// A token of a source file.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Word(String),
    Sign(char),
}

fn tokenize(tokens: TokenStream, pieces: &mut Vec<Piece>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(name) => pieces.push(Piece::Word(name.to_string())),
            // Doc comments are attributes to the compiler.
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                tokens.next_if(|next| matches!(next, TokenTree::Punct(next) if next.as_char() == '!'));
                tokens.next_if(|next| matches!(next, TokenTree::Group(next) if next.delimiter() == Delimiter::Bracket));
            }
            TokenTree::Punct(sign) => pieces.push(Piece::Sign(sign.as_char())),
            TokenTree::Literal(literal) => {
                if let Lit::Str(text) = Lit::new(literal) {
                    pieces.push(Piece::Text(text.value()));
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::Parenthesis | Delimiter::None => ('(', ')'),
                };
                pieces.push(Piece::Sign(open));
                tokenize(group.stream(), pieces);
                pieces.push(Piece::Sign(close));
            }
        }
    }
}

/// A source file without its comments and its tests.
struct Source(Vec<Piece>);

impl Source {
    fn read(source: &str) -> Self {
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let mut pieces = Vec::new();
        tokenize(source.parse().unwrap(), &mut pieces);
        Self(pieces)
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.0.get(at) {
            Some(Piece::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn statements(&self) -> BTreeSet<String> {
        let begins = |text: &str| {
            let first = text.split_whitespace().next().unwrap_or_default();
            ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"].contains(&first)
        };
        let mut all = BTreeSet::new();
        for (at, piece) in self.0.iter().enumerate() {
            if let Piece::Text(text) = piece
                && begins(text)
            {
                all.extend(self.expanded(text, at).iter().map(|sql| normalized(sql)));
            }
        }
        all
    }

    /// A text with each possible value in its placeholders.
    fn expanded(&self, text: &str, at: usize) -> Vec<String> {
        let Some((head, (name, tail))) =
            text.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)))
        else {
            return vec![text.to_owned()];
        };
        let values = self.values(name, at);
        assert!(!values.is_empty(), "nobody knows what {{{name}}} is in: {text}");
        // A placeholder has the same value wherever it is in the statement.
        let (head, tail) = (head.to_owned(), tail.to_owned());
        let gap = format!("{{{name}}}");
        values
            .iter()
            .flat_map(|filling| self.expanded(&[&head, filling, &*tail.replace(&gap, filling)].concat(), at))
            .collect()
    }

    /// The possible values of a name: a constant, the last variable of that name above, or the arguments of a function.
    fn values(&self, name: &str, at: usize) -> Vec<String> {
        let is = |at: usize, word: &str| self.word(at) == Some(word);
        if let Some(from) = (0..self.0.len()).find(|at| is(*at, "const") && is(at + 1, name)) {
            return self.texts(from, from);
        }
        if let Some(from) = (0..at).rev().find(|at| is(*at, "let") && is(at + 1, name)) {
            return self.texts(from, from);
        }
        let Some(parameter) = (0..at).rev().find(|at| is(*at, name) && self.0[at + 1] == Piece::Sign(':')) else {
            return Vec::new();
        };
        let function = (0..parameter).rev().find(|at| is(*at, "fn")).map(|at| self.word(at + 1).unwrap());
        let calls = (1..self.0.len()).filter(|at| self.word(*at) == function && !is(at - 1, "fn"));
        calls.flat_map(|call| self.texts(call, call).into_iter().take(1)).collect()
    }

    /// The texts up to the end of the expression, including those of named constants.
    fn texts(&self, from: usize, at: usize) -> Vec<String> {
        let mut depth = 0;
        let mut texts = Vec::new();
        for piece in &self.0[from..] {
            match piece {
                Piece::Sign('{' | '(' | '[') => depth += 1,
                Piece::Sign('}' | ')' | ']') => depth -= 1,
                Piece::Sign(';') if depth == 0 => break,
                Piece::Text(text) => texts.push(text.clone()),
                Piece::Word(word)
                    if word.len() > 1 && *word == word.to_uppercase() && self.word(from + 1) != Some(word) =>
                {
                    texts.extend(self.values(word, at));
                }
                Piece::Sign(_) | Piece::Word(_) => {}
            }
            if depth < 0 {
                break;
            }
        }
        texts
    }
}

fn without_comments(sql: &str) -> String {
    sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n")
}

fn normalized(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The steps of a statement's plan whose cost grows with a table; empty if there are none.
fn faults(conn: &Connection, sql: &str) -> Vec<String> {
    let mut query = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let steps = query.raw_query().mapped(|row| row.get::<_, String>("detail")).map(Result::unwrap);
    steps.filter(|step| grows(step)).collect()
}

fn grows(step: &str) -> bool {
    if step.contains("USE TEMP B-TREE") || step.contains("AUTOMATIC") {
        return true;
    }
    let Some(rest) = step.strip_prefix("SCAN ") else { return false };
    let table = rest.split(' ').next().unwrap_or_default();
    !(rest == "CONSTANT ROW" || rest.contains("VIRTUAL TABLE") || SMALL_TABLES.contains(&table))
}

/// Ends the test process if an unknown statement is run.
pub(in crate::store) fn trace(conn: &Connection) {
    let codes = TraceEventCodes::SQLITE_TRACE_STMT | TraceEventCodes::SQLITE_TRACE_PROFILE;
    conn.trace_v2(codes, Some(look));
}

thread_local! {
    /// The statements that this thread has run.
    static RUN: Cell<u64> = const { Cell::new(0) };
}

/// The number of statements that this thread has run to their end so far. Triggers and cascades are parts of them.
pub(crate) fn statements_run() -> u64 {
    RUN.get()
}

/// The number of rows that the connection of a write has changed so far, with those of triggers and cascades.
///
/// PostgreSQL does not tell those of triggers and cascades.
pub(crate) fn rows_changed(tx: &Tx) -> u64 {
    match tx.conn {
        Conn::Sqlite(conn) => conn.total_changes(),
        Conn::Postgres(conn) => conn.total_changes(),
    }
}

/// Counts a statement that this thread has run on PostgreSQL.
pub(in crate::store) fn count() {
    RUN.set(RUN.get() + 1);
}

fn look(event: TraceEvent) {
    match event {
        TraceEvent::Stmt(statement, _) => check_statement(&statement.sql()),
        TraceEvent::Profile(..) => RUN.set(RUN.get() + 1),
        _ => {}
    }
}

fn check_statement(sql: &str) {
    let sql = normalized(&without_comments(sql));
    let known = STATEMENTS.contains_key(&sql) || is_not_of_the_program(&sql);
    if !known {
        let report = format!(
            "\nsrc/store/engine/plans.rs does not know a statement that was run. One of the program has to stand in src/store \
             as a text that begins with its verb; one of a test, in OF_TESTS.\n{sql}\n"
        );
        let _ = std::io::stderr().write_all(report.as_bytes());
        std::process::exit(101);
    }
}

/// Statements that set up a connection or the schema, or that belong to a test.
fn is_not_of_the_program(sql: &str) -> bool {
    static SCHEMA: LazyLock<String> =
        LazyLock::new(|| normalized(&without_comments(&(super::schema::scripts().concat() + staging::SCHEMA))));
    let verb = sql.split(' ').next().unwrap_or_default();
    ["PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "EXPLAIN", "ANALYZE", "VACUUM"].contains(&verb)
        // SQLite's own queries, and its statistics.
        || ["sqlite_master", "sqlite_stat"].iter().any(|own| sql.contains(own))
        || OF_TESTS.iter().any(|begin| sql.starts_with(begin))
        || SCHEMA.contains(sql)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::store::engine::{open, schema};

    pub(super) fn file() -> (Connection, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("atelier.db");
        std::fs::write(&path, "").unwrap();
        let mut conn = open::for_writing(&path, 512).unwrap();
        schema::bring_up_to_date(&mut conn).unwrap();
        // The rows of a file that is imported are in a temporary file.
        conn.execute_batch(staging::SCHEMA).unwrap();
        (conn, folder)
    }

    #[test]
    fn no_statement_scans_a_growing_table() {
        let (conn, _folder) = file();
        let mut report = String::new();
        let mut needed = BTreeSet::new();
        for (sql, file) in STATEMENTS.iter() {
            let faults = faults(&conn, sql);
            // Without a condition every row goes, which the text shows.
            let is_truncation = sql.starts_with("DELETE FROM ") && !sql.contains(" WHERE ");
            if faults.is_empty() || is_truncation {
                continue;
            }
            match EXCEPTIONS.iter().find(|(words, _)| sql.contains(words)) {
                Some((words, _)) => drop(needed.insert(*words)),
                None => drop(writeln!(report, "{file}: {sql}\n    {}", faults.join("\n    "))),
            }
        }
        assert!(report.is_empty(), "statements that read a whole table or sort:\n{report}");
        let unused: Vec<_> = EXCEPTIONS.iter().filter(|(words, _)| !needed.contains(words)).collect();
        assert!(unused.is_empty(), "no exception is needed for {unused:?}");
    }

    #[test]
    fn a_bad_statement_is_detected() {
        let (conn, _folder) = file();
        for sql in [
            "SELECT id FROM workspaces WHERE instr(name_key, :name) > 0",
            "SELECT w.id FROM workspaces w WHERE w.description = :text ORDER BY w.id",
            "SELECT id FROM workspaces WHERE organization_id = :in ORDER BY created_at",
            "UPDATE users SET enabled = 0 WHERE first_name = :name",
            "DELETE FROM bindings WHERE updated_at < :now",
            "SELECT a.id FROM models a JOIN pipelines b ON b.updated_at = a.updated_at WHERE a.id = :id",
        ] {
            assert!(!faults(&conn, sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn every_form_of_statement_is_parsed() {
        let source = r#"
            const COLUMNS: &str = "a.id, a.\"b\"";
            /// "SELECT in a comment"
            fn find(which: &str) { let sql = format!("SELECT {COLUMNS} FROM a WHERE {which}"); 'x'; '"'; }
            fn others<'a>() { find("a.id = 1"); find("a.id = 2") }
            fn page() {
                let also = match visibility { One => "", Two => "AND c = 'd'" };
                let sql = format!("SELECT {also} FROM a
                    {also}");
                for sql in ["DELETE FROM a", "UPDATE a SET b = 1"] {}
            }
        "#;
        let found = Source::read(source).statements();
        let expected = [
            "DELETE FROM a",
            "SELECT AND c = 'd' FROM a AND c = 'd'",
            "SELECT FROM a",
            "SELECT a.id, a.\"b\" FROM a WHERE a.id = 1",
            "SELECT a.id, a.\"b\" FROM a WHERE a.id = 2",
            "UPDATE a SET b = 1",
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_statements_are_found() {
        assert!(STATEMENTS.len() > 150, "{}", STATEMENTS.len());
        let files: BTreeSet<_> = STATEMENTS.values().collect();
        for file in ["workspaces.rs", "users.rs", "search.rs", "keys.rs", "audit.rs"] {
            assert!(files.contains(&file.to_owned()), "{file}");
        }
        assert!(STATEMENTS.len() < open::MAX_CACHED_STATEMENTS, "a connection keeps fewer statements than there are");
        assert!(is_not_of_the_program("PRAGMA optimize") && !is_not_of_the_program("SELECT 1 FROM workspaces"));
    }
}
