//! Do the layers know only what they may? Reads the words of every file under `src`.
//!
//! `domain <- policy <- store <- app <- { http, cli } <- main`: a layer knows what stands left of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the files fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use atelier::domain::audit::ObjectKind;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use strum::VariantNames;

/// Which layers a layer knows besides itself.
const KNOWS: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("policy", &["domain"]),
    ("error", &["domain", "policy"]),
    ("tokens", &["domain"]),
    ("config", &["domain"]),
    ("files", &["domain", "error", "tokens"]),
    ("store", &["domain", "policy", "error", "tokens"]),
    ("app", &["domain", "policy", "error", "tokens", "files", "store"]),
    ("http", &["domain", "policy", "error", "tokens", "store", "app"]),
    ("cli", &["domain", "policy", "error", "tokens", "config", "files", "store", "app"]),
    ("main", &["cli"]),
    ("lib", &["domain", "policy", "error", "tokens", "config", "files", "store", "app", "http", "cli"]),
];

/// Which crates only one layer knows.
const HOMES: [(&str, &[&str]); 6] = [
    ("store", &["rusqlite", "r2d2", "r2d2_sqlite"]),
    ("http", &["actix_web", "actix_http", "actix_multipart", "askama", "async_graphql", "qrcodegen", "utoipa"]),
    ("files", &["object_store"]),
    ("app", &["zstd"]),
    ("cli", &["clap", "clap_complete", "clap_mangen"]),
    ("tokens", &["argon2", "aws_lc_rs", "crc32fast", "jsonwebtoken"]),
];

/// What layers without input and output do not touch, their tests aside.
const PURE: [&str; 2] = ["domain", "policy"];
const IMPURE: [&[&str]; 8] = [
    &["tokio"],
    &["log"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "process"],
    &["std", "sync"],
    &["std", "thread"],
];

/// Edges that are against the rule for a reason: from a place, to a place.
const ALLOWED: [(&str, &str); 7] = [
    // The server is started from the command line.
    ("cli::serve", "http"),
    // Its sockets and its certificate are opened before anything else is.
    ("cli::sockets", "http"),
    ("cli::certificate", "http"),
    // It is told how its pages look, which the check of the configuration judges, too.
    ("cli::brand", "http::console"),
    // A test of the default bounds asks for the defaults.
    ("http::wallaroo::graphql::tests", "config"),
    // The pages of the documents show the description of each dialect.
    ("http::ops::documents", "http::wallaroo"),
    ("http::ops::documents", "http::arize"),
];

/// The most lines of a file, its tests at the end not counted, and of a file of tests.
const LONGEST: usize = 350;
const LONGEST_TESTS: usize = 600;

/// Files that are longer for a reason.
const LONG: [(&str, &str); 1] =
    [("policy.rs", "all of judgement on one page: each action with its sentence, and one match")];

/// One file: its path under `src`, and its words without comments and literals.
struct Source {
    modules: Vec<String>,
    words: Vec<String>,
}

/// The names, the double colons and every other sign, without comments and literals.
fn words(tokens: TokenStream, words: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(name) => words.push(name.to_string()),
            TokenTree::Punct(sign) if sign.as_char() == ':' && sign.spacing() == Spacing::Joint => {
                words.push("::".to_owned());
                tokens.next_if(|next| matches!(next, TokenTree::Punct(next) if next.as_char() == ':'));
            }
            TokenTree::Punct(sign) => words.push(sign.to_string()),
            TokenTree::Literal(_) => {}
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                words.push(open.to_owned());
                self::words(group.stream(), words);
                words.push(close.to_owned());
            }
        }
    }
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let mut found = Vec::new();
        words(text.parse().unwrap(), &mut found);
        Self { modules: path.split('/').map(str::to_owned).collect(), words: found }
    }

    fn layer(&self) -> &str {
        &self.modules[0]
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.words.get(at).is_some_and(|found| found == word)
    }

    /// Every path that the file names, from the root: `crate::store::users` or `rusqlite::Row`.
    fn paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        // The modules inside the file that the place is in, each with the depth of its brace.
        let (mut inside, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
        let mut at = 0;
        while at < self.words.len() {
            match self.words[at].as_str() {
                "mod" if self.is(at + 2, "{") => inside.push((self.words[at + 1].clone(), depth)),
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    inside.retain(|(_, outer)| *outer < depth);
                }
                _ => {}
            }
            let begins = at == 0 || self.words[at - 1] != "::";
            let is_use = at > 0 && (self.words[at - 1] == "use" || self.is(at.wrapping_sub(2), "extern"));
            if begins && (is_use || self.is(at + 1, "::")) {
                let here: Vec<String> =
                    self.modules.iter().cloned().chain(inside.iter().map(|(name, _)| name.clone())).collect();
                let mut ends = Vec::new();
                self.tree(at, &[], &mut ends);
                // `use<'a>` of a return type names nothing.
                let named = ends.into_iter().filter(|path| !path.is_empty());
                found.extend(named.map(|path| rooted(&path, &here)));
            }
            at += 1;
        }
        found
    }

    /// Reads a path, or the tree of a `use`, and gives each of its ends; tells where it stops.
    fn tree(&self, mut at: usize, stem: &[String], ends: &mut Vec<Vec<String>>) -> usize {
        let mut path = stem.to_vec();
        while let Some(word) = self.words.get(at) {
            if word == "{" {
                at += 1;
                while at < self.words.len() && !self.is(at, "}") {
                    at = if self.is(at, ",") { at + 1 } else { self.tree(at, &path, ends).max(at + 1) };
                }
                return at + 1;
            }
            if word == "*" || word.chars().all(|c| c.is_alphanumeric() || c == '_') {
                path.push(word.clone());
                at += 1;
            }
            if !self.is(at, "::") {
                break;
            }
            at += 1;
        }
        if self.is(at, "as") {
            at += 2;
        }
        ends.push(path);
        at
    }
}

/// The path from the root: `crate` stands first for what is ours.
fn rooted(path: &[String], here: &[String]) -> Vec<String> {
    let mut rest = path.iter().peekable();
    let mut base: Vec<String> = match rest.peek().map(|first| first.as_str()) {
        Some("crate" | "atelier") => {
            rest.next();
            Vec::new()
        }
        Some("self") => {
            rest.next();
            here.to_vec()
        }
        Some("super") => here.to_vec(),
        _ => return path.to_vec(),
    };
    while rest.next_if(|word| *word == "super").is_some() {
        base.pop();
    }
    [vec!["crate".to_owned()], base, rest.cloned().collect()].concat()
}

/// What a file knows that it may not.
fn faults(path: &str, text: &str) -> BTreeSet<String> {
    let source = Source::new(path, text);
    let Some((_, knows)) = KNOWS.iter().find(|(layer, _)| *layer == source.layer()) else {
        return BTreeSet::from([format!("{path}: {} is no layer", source.layer())]);
    };
    let place = source.modules.join("::");
    let within = |place: &str, what: &str| place == what || place.starts_with(&format!("{what}::"));
    let mut faults = BTreeSet::new();
    for target in source.paths() {
        let name = target.join("::");
        if target[0] != "crate" {
            let home = HOMES.iter().find(|(_, crates)| crates.contains(&target[0].as_str()));
            if home.is_some_and(|(home, _)| *home != source.layer()) {
                faults.insert(format!("{path}: {} is not for {}", target[0], source.layer()));
            }
            let impure = IMPURE.iter().any(|what| target.iter().take(what.len()).eq(what.iter()));
            if impure && !is_tests(path) && PURE.contains(&source.layer()) {
                faults.insert(format!("{path}: {name} is not for {}", source.layer()));
            }
            continue;
        }
        let Some(layer) = target.get(1).filter(|layer| KNOWS.iter().any(|(known, _)| known == layer)) else { continue };
        let ours = target[1..].join("::");
        if ALLOWED.iter().any(|(from, to)| within(&place, from) && within(&ours, to)) {
            continue;
        }
        if layer != source.layer() && !knows.contains(&layer.as_str()) {
            faults.insert(format!("{path}: {} must not know {layer} ({name})", source.layer()));
        }
        let dialect = |modules: &[String]| modules.get(1).filter(|name| dialects().contains(*name)).cloned();
        if layer == "http" && source.layer() == "http" {
            let (from, to) = (dialect(&source.modules), dialect(&target[1..]));
            if from.is_some() && to.is_some() && from != to {
                faults.insert(format!("{path}: a dialect must not know another ({name})"));
            }
        }
    }
    faults
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The folders under `src/http`. A folder without a `mod.rs` is of a file beside it.
fn dialects() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("http")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().join("mod.rs").exists());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Every file under `src`, by its path there.
fn sources() -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_layer_uses_only_allowed_modules() {
    let sources = sources();
    assert!(sources.len() > 60, "the files are found");
    let faults: Vec<_> = sources.iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let edges: usize = sources.iter().map(|(path, text)| Source::new(path, text).paths().len()).sum();
    assert!(edges > 1_000, "the paths are found: {edges}");
}

#[test]
fn every_exception_is_needed() {
    let within = |place: &str, what: &str| place == what || place.starts_with(&format!("{what}::"));
    for (from, to) in ALLOWED {
        let needed = sources().iter().any(|(path, text)| {
            let source = Source::new(path, text);
            within(&source.modules.join("::"), from)
                && source.paths().iter().any(|path| path[0] == "crate" && within(&path[1..].join("::"), to))
        });
        assert!(needed, "nothing in {from} knows {to} any more");
    }
}

/// The OpenAPI document of a dialect has one schema for each name: of two structs with one name it describes one.
#[test]
fn a_schema_of_a_dialect_has_a_name_of_its_own() {
    let mut places = std::collections::BTreeMap::<(String, String), Vec<String>>::new();
    for (path, text) in sources() {
        let Some((dialect, _)) = path.strip_prefix("http/").and_then(|rest| rest.split_once('/')) else { continue };
        for item in text.split("ToSchema)]").skip(1) {
            let mut words = item.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
            let name = words.find(|word| ["struct", "enum"].contains(word)).and_then(|_| words.next());
            let place = (dialect.to_owned(), name.unwrap_or_default().to_owned());
            places.entry(place).or_default().push(path.clone());
        }
    }
    let shared: Vec<_> = places.iter().filter(|(_, paths)| paths.len() > 1).collect();
    assert!(
        places.len() > 50 && shared.is_empty(),
        "{} schemas; these names are taken twice: {shared:?}",
        places.len()
    );
}

/// The names of fields on the wire are the dialects'; the core has `domain::field::Field`.
#[test]
fn the_core_leaves_the_names_of_fields_to_the_dialects() {
    let layers = ["domain/", "store/", "app/"];
    let named: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| layers.iter().any(|layer| path.starts_with(layer)) && !is_tests(path))
        .filter(|(_, text)| {
            let code: String = text[..text.find("\n#[cfg(test)]").unwrap_or(text.len())].split_whitespace().collect();
            ["Error::invalid(\"", "in_field(\"", "Field::from(", "Field::Named(\""]
                .iter()
                .any(|name| code.contains(name))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(named.is_empty(), "{named:?} name fields by texts");
}

/// Whatever a person could have made without end has a verb that counts it. Dialects call that verb, not the write within,
/// which counts nothing; `app::creations` itself is private.
#[test]
fn dialects_create_only_through_verbs_with_a_limit() {
    let without_limit = [
        ("people", "create"),
        ("people", "reset_password"),
        ("users", "create"),
        ("users", "create_to_reset"),
        ("users", "set_password"),
        ("invitations", "invite"),
        ("invitations", "renew"),
        ("links", "make"),
        ("links", "request_reset"),
        ("keys", "create"),
        ("keys", "refresh"),
        ("service_keys", "create"),
        ("tags", "create"),
        ("tags", "create_shared"),
    ];
    let sources = sources();
    for (module, verb) in without_limit {
        let stands_in = |path: &str| {
            path.starts_with("app/") && [".rs", "/"].iter().any(|end| path.contains(&format!("/{module}{end}")))
        };
        let mut homes = sources.iter().filter(|(path, _)| stands_in(path) && !is_tests(path));
        assert!(homes.any(|(_, text)| text.contains(&format!("pub fn {verb}("))), "no {module}::{verb}");
        // The tables of routes name handlers, which are called alike.
        for (path, text) in sources.iter().filter(|(path, _)| path.starts_with("http/") && !path.ends_with("mod.rs")) {
            let source = Source::new(path, text);
            let names = |path: &Vec<String>| path.ends_with(&[module.to_owned(), verb.to_owned()]);
            assert!(!source.paths().iter().any(names), "{path} calls {module}::{verb}, which has no limit");
        }
    }
}

/// Types of rusqlite in whose place the facade of the store has its own (`src/store/engine/conn.rs`).
const BEHIND_THE_FACADE: [&str; 9] =
    ["CachedStatement", "Connection", "Params", "Row", "RowIndex", "Rows", "Savepoint", "Statement", "Transaction"];

#[test]
fn only_the_engine_names_a_connection_of_sqlite() {
    let names_one = |path: &str, text: &str| {
        let paths = Source::new(path, text).paths();
        paths.iter().any(|path| path[0] == "rusqlite" && path.iter().any(|name| BEHIND_THE_FACADE.contains(&&**name)))
    };
    for (path, text) in sources() {
        if !path.starts_with("store/engine/") && !is_tests(&path) {
            assert!(!names_one(&path, &text), "{path} names a type of rusqlite that the facade has in its place");
        }
    }
    assert!(names_one("store/a.rs", "use rusqlite::{ToSql, Row};"));
    assert!(!names_one("store/a.rs", "use rusqlite::ToSql; use super::Row;"));
}

fn is_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// How many lines a file has before the tests at its end.
fn length(text: &str) -> usize {
    text.find("\n#[cfg(test)]\nmod tests {").map_or(text, |end| &text[..end]).lines().count()
}

#[test]
fn no_file_is_too_long() {
    for (path, text) in sources() {
        let (found, longest) =
            if is_tests(&path) { (text.lines().count(), LONGEST_TESTS) } else { (length(&text), LONGEST) };
        let listed = LONG.iter().any(|(known, _)| *known == path);
        assert!(listed || found <= longest, "{path} has {found} lines; {longest} are enough for one noun");
        assert!(!listed || found > longest, "{path} is short again; strike it off the list");
    }
}

#[path = "architecture/addresses.rs"]
mod addresses;
#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/engines.rs"]
mod engines;
#[path = "architecture/long_lists.rs"]
mod long_lists;
#[path = "architecture/planted.rs"]
mod planted;

/// The verbs of the audit in the sources: texts such as `keys.create`, which nothing else in these files looks like.
fn audit_verbs() -> BTreeSet<String> {
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut verbs = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let quoted =
                code.split('"').filter(|text| text.split_once('.').is_some_and(|(a, b)| is_name(a) && is_name(b)));
            verbs.extend(quoted.map(str::to_owned));
        }
    }
    verbs
}

#[test]
fn the_page_on_audit_verbs_has_every_verb_of_the_audit_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/audit-verbs.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| verb | what was done |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with("| `"));
    let told: BTreeSet<String> = rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    let verbs = audit_verbs();
    assert!(verbs.len() > 60, "{verbs:?}");
    let untold: Vec<_> = verbs.difference(&told).collect();
    assert!(untold.is_empty(), "docs/reference/audit-verbs.md has no row for {untold:?}");
    let stale: Vec<_> = told.difference(&verbs).collect();
    assert!(stale.is_empty(), "docs/reference/audit-verbs.md has rows for verbs that are no more: {stale:?}");
}

#[test]
fn the_page_on_the_security_log_has_every_kind_and_finding() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/security-log.md");
    let page = fs::read_to_string(page).unwrap();
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let findings = read("src/cli/audit.rs");
    let findings =
        findings.split("fn kind(").nth(1).unwrap().split("\nfn ").next().unwrap().split("\n///").next().unwrap();
    let findings = findings.split('"').skip(1).step_by(2);
    for word in ObjectKind::VARIANTS.iter().copied().chain(findings) {
        assert!(page.contains(&format!("`{word}`")), "docs/reference/security-log.md does not tell of {word:?}");
    }
}
