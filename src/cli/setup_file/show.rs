//! Shows a plan: as a diff for people, or as JSON.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use serde_json::{Map, Value, json};

use super::secrets::SecretFiles;
use crate::app::declared_setup::{Change, NewSecret, Plan, Sign};

/// The maximum number of characters of a value in the diff. JSON has it whole.
const MAX_SHOWN: usize = 160;

/// Whether stdout shows colors: a terminal, unless `NO_COLOR` is set (no-color.org).
pub(super) fn has_colors() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The plan as a diff, with a sign before each thing: `+` created, `~` changed, `-` removed.
pub(super) fn diff(plan: &Plan, secrets: &SecretFiles, colors: bool) -> String {
    let mut text = String::new();
    for (change, secret) in plan.changes_with_secrets() {
        let (sign, color) = match change.sign {
            Sign::Create => ('+', "32"),
            Sign::Change => ('~', "33"),
            Sign::Remove => ('-', "31"),
        };
        let mut line = format!("{sign} {} {:?}", change.kind, change.name);
        if let Some(place) = &change.inside {
            let _ = write!(line, " in {place:?}");
        }
        let _ = if colors { writeln!(text, "\u{1b}[{color}m{line}\u{1b}[0m") } else { writeln!(text, "{line}") };
        for field in &change.fields {
            let _ = match (&field.from, &field.to) {
                (Some(from), Some(to)) => {
                    writeln!(text, "    {}: {} -> {}", field.name, short(from), short(to))
                }
                (None, Some(to)) => writeln!(text, "    {}: {}", field.name, short(to)),
                (Some(from), None) => writeln!(text, "    {}: {}", field.name, short(from)),
                (None, None) => Ok(()),
            };
        }
        if change.destructive && change.sign == Sign::Change {
            let _ = writeln!(text, "    takes rights away");
        }
        if let Some(secret) = secret {
            let _ = match secrets.path(secret) {
                Some(path) => writeln!(text, "    its secret goes to {:?}", path.display().to_string()),
                None => writeln!(text, "    its secret needs a file: set secret_file, or give --secrets-dir"),
            };
        }
        if !change.loses.is_empty() {
            let counts: Vec<_> = change.loses.iter().map(|(kind, count)| counted(*count, kind)).collect();
            let _ = writeln!(text, "    deletes {}", counts.join(", "));
        }
    }
    text
}

/// `1 model`, `2 models`.
fn counted(count: usize, kinds: &str) -> String {
    let kind = if count == 1 { kinds.strip_suffix('s').unwrap_or(kinds) } else { kinds };
    format!("{count} {kind}")
}

/// A value in quotes, cut if it is long.
fn short(text: &str) -> String {
    if text.chars().count() <= MAX_SHOWN {
        return format!("{text:?}");
    }
    let cut: String = text.chars().take(MAX_SHOWN).collect();
    format!("{cut:?}...")
}

/// How many things are created, changed and removed, and how many of the changes take rights away.
pub(super) fn summary(plan: &Plan) -> String {
    let count = |sign| plan.changes().filter(|change| change.sign == sign).count();
    let [created, changed, removed] = [Sign::Create, Sign::Change, Sign::Remove].map(count);
    let lowered = plan.changes().filter(|change| change.destructive && change.sign == Sign::Change).count();
    let lowered = if lowered == 0 { String::new() } else { format!(" ({lowered} of them take rights away)") };
    format!("{created} to create, {changed} to change{lowered}, {removed} to remove")
}

pub(super) fn to_json(plan: &Plan, secrets: &SecretFiles, applied: bool) -> Value {
    let all: Vec<Value> =
        plan.changes_with_secrets().map(|(change, secret)| change_to_json(change, secret, secrets)).collect();
    json!({ "changes": all, "kept": plan.kept, "applied": applied })
}

fn change_to_json(change: &Change, secret: Option<&NewSecret>, secrets: &SecretFiles) -> Value {
    let fields: Map<String, Value> = change
        .fields
        .iter()
        .map(|field| (field.name.to_owned(), json!({ "from": field.from, "to": field.to })))
        .collect();
    let loses: Map<String, Value> =
        change.loses.iter().map(|(kind, count)| ((*kind).to_owned(), json!(count))).collect();
    let path = secret.and_then(|secret| secrets.path(secret)).map(|path| path.display().to_string());
    json!({
        "action": change.sign.as_str(),
        "kind": change.kind,
        "name": change.name,
        "in": change.inside,
        "fields": fields,
        "deletes": loses,
        "destructive": change.destructive,
        "secret_file": path,
    })
}
