//! Generates the parts of the reference that come from the code.

use std::fmt::Write as _;
use std::fs;

use atelier::cli::Cli;
use clap::{Arg, Command, CommandFactory as _};

use crate::root;

/// The marker before a generated part.
pub const BEGIN: &str = "<!-- generated: ATELIER_TEST_BLESS=1 cargo test --test docs -->";
/// The marker after it.
pub const END: &str = "<!-- end of the generated part -->";

/// Every command with its arguments and flags, from clap.
pub fn cli() -> String {
    let mut root = Cli::command();
    root.build();
    let mut page = String::new();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        describe(&mut page, command, "atelier", 2);
    }
    page
}

fn describe(page: &mut String, command: &Command, before: &str, depth: usize) {
    let name = format!("{before} {}", command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(page, "{} {name}\n\n{}\n", "#".repeat(depth), sentence(&about));
    let inner: Vec<&Command> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
    // `atelier backup FILE` is a command beside `atelier backup list`.
    if inner.is_empty() || command.get_positionals().next().is_some() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").lines().next().unwrap_or_default();
        let _ = writeln!(page, "```console\n{}\n```\n", usage.trim());
        // The configuration has its own page; the server's location stands once at the top.
        let arguments: Vec<&Arg> = command.get_arguments().filter(|argument| is_own(argument)).collect();
        if !arguments.is_empty() {
            let _ = writeln!(page, "| argument | meaning |\n|---|---|");
            for argument in arguments {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let _ = writeln!(page, "| `{}` | {} |", spelled(argument), cell(&help));
            }
            page.push('\n');
        }
    }
    for inner in inner {
        describe(page, inner, &name, depth + 1);
    }
}

/// Whether an argument is the command's own: no key of the configuration, and none that every command has.
fn is_own(argument: &Arg) -> bool {
    let name = argument.get_id().as_str();
    !argument.is_hide_set()
        && !matches!(name, "config" | "help" | "version")
        && !keys().iter().any(|key| key.name == name)
}

fn spelled(argument: &Arg) -> String {
    let value = || argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    match argument.get_long() {
        Some(long) if argument.get_action().takes_values() => format!("--{long} {}", value()),
        Some(long) => format!("--{long}"),
        None => value(),
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

struct Key {
    section: String,
    help: String,
    name: String,
    value: String,
    optional: bool,
}

/// The keys of `config.example.toml`, in their order: a comment, then `key = value`, or `#key = example`.
fn keys() -> Vec<Key> {
    let file = fs::read_to_string(root().join("config.example.toml")).expect("the example is readable");
    let (mut section, mut help, mut keys) = (String::new(), String::new(), Vec::new());
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut section);
        } else if let Some(text) = line.strip_prefix("# ") {
            text.clone_into(&mut help);
        } else if let Some((name, value)) = line.split_once(" = ") {
            let optional = name.starts_with('#');
            let (name, value) = (name.trim_start_matches('#').to_owned(), value.to_owned());
            keys.push(Key { section: section.clone(), help: help.clone(), name, value, optional });
        }
    }
    assert!(keys.len() > 30, "{} keys were found", keys.len());
    keys
}

/// Every key with its default, its flag and its variable, from `config.example.toml`.
pub fn configuration() -> String {
    let (mut page, mut section) = (String::new(), String::new());
    for key in keys() {
        if key.section != section {
            let _ = writeln!(page, "\n## {}\n\n| key | default | meaning |\n|---|---|---|", key.section);
            section.clone_from(&key.section);
        }
        let default = if key.optional { "(not set)".to_owned() } else { format!("`{}`", key.value) };
        let example = if key.optional { format!(" Example: `{}`.", key.value) } else { String::new() };
        let _ = writeln!(page, "| `{}` | {default} | {}{example} |", key.name, cell(&key.help));
    }
    page
}

/// The people of the golden grid who are everyday ones; the others are special cases.
const EVERYDAY: [&str; 9] =
    ["stranger", "outsider", "colleag.", "annotat.", "reader", "member", "owner", "orgadmin", "admin"];

/// Who may do what, from the golden grid of judgement.
pub fn permissions() -> String {
    let grid = fs::read_to_string(root().join("tests/golden/policy.txt")).expect("the grid is readable");
    let short = grid.split("\n1. In short\n").nth(1).and_then(|rest| rest.split("\n2. ").next());
    let short = short.expect("the grid has a section in short");
    let (legend, table) = short.trim_start().split_once("\n\n").expect("a legend stands before the table");
    let people: Vec<(&str, &str)> =
        legend.lines().filter_map(|line| line.split_at_checked(10)).map(|(a, b)| (a.trim(), b.trim())).collect();
    let mut lines = table.lines();
    let columns = columns(lines.next().expect("the table has a head"), &people);
    assert_eq!(columns, people.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "the legend names every column");

    let rows: Vec<Option<(String, Vec<&str>)>> = lines.map(row).collect();
    let mut page = String::from("## Who is who\n\n| name | who it is |\n|---|---|\n");
    for (name, meaning) in &people {
        let _ = writeln!(page, "| {} | {meaning} |", plain(name));
    }
    for (title, everyday) in [("Everyday roles", true), ("Special cases", false)] {
        let chosen: Vec<usize> = (0..columns.len()).filter(|at| EVERYDAY.contains(&columns[*at]) == everyday).collect();
        let names: Vec<String> = chosen.iter().map(|at| plain(columns[*at])).collect();
        let head = format!("| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
        let _ = write!(page, "\n## {title}\n\n{head}");
        for entry in &rows {
            match entry {
                Some((action, marks)) => {
                    let marks: Vec<&str> = chosen.iter().map(|at| sign(marks[*at])).collect();
                    let _ = writeln!(page, "| {action} | {} |", marks.join(" | "));
                }
                None => {
                    let _ = write!(page, "\n{head}");
                }
            }
        }
    }
    added(&mut page, &grid);
    archived(&mut page, &grid);
    page
}

/// The names of the columns: `ui only` and `shut out` have a blank, so they are found by the legend.
fn columns<'a>(head: &str, people: &[(&'a str, &str)]) -> Vec<&'a str> {
    let mut found: Vec<(usize, &str)> =
        people.iter().filter_map(|(name, _)| Some((head.find(&format!(" {name}"))?, *name))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).collect()
}

/// A row of the grid: the action in words, and a mark for each column. An empty line is none.
fn row(line: &str) -> Option<(String, Vec<&str>)> {
    let mut words = line.split_whitespace();
    let action = words.next()?;
    let mut text = String::new();
    for letter in action.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(if text.is_empty() { vec![letter] } else { letter.to_lowercase().collect() });
    }
    Some((text, words.collect()))
}

fn sign(mark: &str) -> &'static str {
    match mark {
        "+" => "yes",
        "-" => "no",
        "." => "hidden",
        other => panic!("{other:?} is no mark of the grid"),
    }
}

fn plain(name: &str) -> String {
    match name {
        "colleag." => "colleague".to_owned(),
        "annotat." => "annotator".to_owned(),
        "orgadmin" => "organization admin".to_owned(),
        "admin" => "administrator".to_owned(),
        name => name.to_owned(),
    }
}

/// What a permission adds, and how many the roles of a workspace hold.
fn added(page: &mut String, grid: &str) {
    let section = grid.split("\n5. ").nth(1).and_then(|rest| rest.split("\n6. ").next());
    let section = section.expect("the grid has a section about permissions");
    let _ = writeln!(page, "\n## What a permission adds\n\n| permission | allows |\n|---|---|");
    for line in section.lines() {
        if let Some((permission, actions)) = line.split_once("  ").filter(|(name, _)| name.contains('_')) {
            let actions: Vec<String> = actions.split(',').filter_map(|action| Some(row(action)?.0)).collect();
            let _ = writeln!(page, "| `{permission}` | {} |", actions.join(", "));
        }
    }
    let _ = writeln!(page, "\n## What the roles of a workspace hold\n\n| role | permissions |\n|---|---|");
    let roles = section.split("hold\n").nth(1).expect("the grid says what roles hold");
    for line in roles.lines().filter(|line| !line.is_empty()) {
        let (role, count) = line.split_once(' ').expect("a role and a count");
        let _ = writeln!(page, "| {role} | {} |", count.trim());
    }
}

/// What an archived workspace refuses.
fn archived(page: &mut String, grid: &str) {
    let section = grid.split("\n6. ").nth(1).expect("the grid has a section about archived workspaces");
    let _ = writeln!(page, "\n## What an archived workspace refuses to everybody\n");
    for (action, _) in section.lines().skip(1).filter_map(row) {
        let _ = writeln!(page, "- {action}");
    }
    let _ = writeln!(page, "\nAll else stays possible: [archived workspaces](contents.md#archived-workspaces).");
}
