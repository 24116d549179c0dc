//! Prints what an import would do, or did.

use std::fmt::Write as _;

use serde_json::Value;

use crate::app::transfer::{Counts, Detail, MAX_RIGHTS, Report};
use crate::cli::table::Table;
use crate::cli::{CliError, print};

/// The maximum number of lines of each sort. JSON has up to 10000 new administrators and rights.
const MAX_SHOWN: usize = 20;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing: it is a preview.
    Preview,
    Imported,
    /// Nothing, because of a row.
    Refused,
}

pub(super) fn print_report(report: &Report, outcome: Outcome, as_json: bool) -> Result<(), CliError> {
    if as_json {
        let mut value = report.to_json();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("imported".to_owned(), Value::from(outcome == Outcome::Imported));
        }
        return print(&format!("{value:#}\n"));
    }
    print(&to_text(report))
}

fn to_text(report: &Report) -> String {
    let row = |name: &str, counts: Counts| {
        let numbers = [counts.created, counts.matched, counts.differ, counts.left_out, counts.refused];
        let [created, matched, differ, left_out, refused] = numbers.map(|number| number.to_string());
        [name.to_owned(), created, matched, differ, left_out, refused]
    };
    let rows = report.counts().map(|(kind, counts)| row(kind.as_str(), counts));
    let rows: Vec<_> = rows.chain(std::iter::once(row("total", report.total()))).collect();
    let mut text = Table::under(["KIND", "CREATED", "MATCHED", "DIFFER", "LEFT OUT", "REFUSED"]).page(&rows);
    for problem in &report.problems {
        let kind = problem.kind.map_or("", |kind| kind.as_str());
        let place = [kind, problem.field.as_str()].join(" ");
        // Writing to a String never fails.
        let _ = writeln!(text, "refused: line {}: {} {}", problem.line, place.trim(), problem.rule);
    }
    more(&mut text, report.problems.len() as u64, report.total().refused, "refused");
    let mut list = |what: &str, details: &[Detail], total: u64| {
        let shown = details.get(..MAX_SHOWN).unwrap_or(details);
        for one in shown {
            let name = if one.name.is_empty() { String::new() } else { format!(" {}", one.name) };
            let _ = writeln!(text, "{what}: line {}: {}{name}: {}", one.line, one.kind.as_str(), one.words);
        }
        more(&mut text, shown.len() as u64, total, what);
    };
    list("administrator", &report.administrators, report.number_of_administrators);
    list("rights", &report.rights, report.number_of_rights);
    list("differs", &report.differing, report.total().differ);
    list("left out", &report.left_out, report.total().left_out);
    if report.number_of_rights.max(report.number_of_administrators) > MAX_SHOWN as u64 {
        // Writing to a String never fails.
        let _ = writeln!(text, "--json lists up to {MAX_RIGHTS} administrators and rights");
    }
    text
}

fn more(text: &mut String, shown: u64, total: u64, what: &str) {
    if total > shown {
        // Writing to a String never fails.
        let _ = writeln!(text, "{what}: {} more", total - shown);
    }
}
