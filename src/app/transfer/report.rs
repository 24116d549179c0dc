//! What an import would do, or did.

use serde_json::{Map, Value, json};

use crate::domain::transfer::Kind;

/// The maximum number of details of each sort. Further ones are only counted.
const MAX_DETAILS: usize = 20;

/// The maximum number of new administrators, and of rights.
pub const MAX_RIGHTS: usize = 10_000;

/// The rows of a kind, by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: u64,
    /// There under the same natural key, with the same fields.
    pub matched: u64,
    /// There under the same natural key, with other fields. Nothing of them is changed.
    pub differ: u64,
    pub left_out: u64,
    pub refused: u64,
}

impl Counts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A row that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: i64,
    pub kind: Option<Kind>,
    /// Empty if the rule is about the whole row.
    pub field: String,
    pub rule: String,
}

/// A row that differs or is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    pub line: i64,
    pub kind: Kind,
    /// A name by which a person recognizes the row.
    pub name: String,
    /// The fields that differ, or the reason.
    pub words: String,
}

/// The outcome of each row of a file.
#[derive(Clone, Debug, Default)]
pub struct Report {
    counts: Vec<Counts>,
    pub problems: Vec<Problem>,
    pub differing: Vec<Detail>,
    pub left_out: Vec<Detail>,
    /// The new users who are administrators.
    pub administrators: Vec<Detail>,
    pub number_of_administrators: u64,
    /// What people who exist here get, and what new people get in workspaces, projects and organizations that exist here.
    pub rights: Vec<Detail>,
    pub number_of_rights: u64,
}

impl Report {
    pub fn new() -> Self {
        Self { counts: vec![Counts::default(); Kind::ALL.len()], ..Self::default() }
    }

    pub(super) fn count(&mut self, kind: Kind, add: impl FnOnce(&mut Counts)) {
        if let Some(counts) = self.counts.get_mut(kind as usize) {
            add(counts);
        }
    }

    pub(super) fn refuse(&mut self, line: i64, kind: Option<Kind>, field: &str, rule: impl Into<String>) {
        if let Some(kind) = kind {
            self.count(kind, |counts| counts.refused += 1);
        }
        if self.problems.len() < MAX_DETAILS {
            self.problems.push(Problem { line, kind, field: printable(field), rule: printable(&rule.into()) });
        }
    }

    pub(super) fn differs(&mut self, detail: Detail) {
        self.count(detail.kind, |counts| counts.differ += 1);
        push(&mut self.differing, detail, MAX_DETAILS);
    }

    pub(super) fn leave_out(&mut self, detail: Detail) {
        self.count(detail.kind, |counts| counts.left_out += 1);
        push(&mut self.left_out, detail, MAX_DETAILS);
    }

    pub(super) fn administrator(&mut self, detail: Detail) {
        self.number_of_administrators += 1;
        push(&mut self.administrators, detail, MAX_RIGHTS);
    }

    pub(super) fn right(&mut self, detail: Detail) {
        self.number_of_rights += 1;
        push(&mut self.rights, detail, MAX_RIGHTS);
    }

    /// The counts of the kinds of which there are rows.
    pub fn counts(&self) -> impl Iterator<Item = (Kind, Counts)> + '_ {
        Kind::ALL.into_iter().zip(self.counts.iter().copied()).filter(|(_, counts)| !counts.is_empty())
    }

    pub fn total(&self) -> Counts {
        self.counts.iter().fold(Counts::default(), |sum, counts| Counts {
            created: sum.created + counts.created,
            matched: sum.matched + counts.matched,
            differ: sum.differ + counts.differ,
            left_out: sum.left_out + counts.left_out,
            refused: sum.refused + counts.refused,
        })
    }

    /// Whether a row breaks a rule, so that nothing can be imported.
    pub fn is_refused(&self) -> bool {
        !self.problems.is_empty() || self.total().refused > 0
    }

    pub fn to_json(&self) -> Value {
        let counts: Map<_, _> =
            self.counts().map(|(kind, counts)| (kind.as_str().to_owned(), to_json(counts))).collect();
        let details = |all: &[Detail]| -> Value {
            let detail = |one: &Detail| json!({ "line": one.line, "kind": one.kind.as_str(), "name": one.name, "words": one.words });
            all.iter().map(detail).collect()
        };
        let problem = |one: &Problem| json!({ "line": one.line, "kind": one.kind.map(Kind::as_str), "field": one.field, "rule": one.rule });
        json!({
            "counts": counts,
            "total": to_json(self.total()),
            "refused": self.problems.iter().map(problem).collect::<Value>(),
            "differ": details(&self.differing),
            "left_out": details(&self.left_out),
            "administrators": details(&self.administrators),
            "number_of_administrators": self.number_of_administrators,
            "rights": details(&self.rights),
            "number_of_rights": self.number_of_rights,
        })
    }
}

/// A text that may have parts of a hostile file, without characters that a terminal obeys.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn push(all: &mut Vec<Detail>, detail: Detail, max: usize) {
    if all.len() < max {
        all.push(detail);
    }
}

fn to_json(counts: Counts) -> Value {
    json!({
        "created": counts.created,
        "matched": counts.matched,
        "differ": counts.differ,
        "left_out": counts.left_out,
        "refused": counts.refused,
    })
}
