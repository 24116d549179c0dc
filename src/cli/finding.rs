//! A finding of `atelier check`: its severity, and the next step.

use serde_json::{Value, json};
use strum::IntoStaticStr;

use crate::cli::table;

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Level {
    Ok,
    /// It works, but should be improved.
    Warning,
    /// It is broken, or prevents the start of the server.
    Fault,
}

impl Level {
    fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The subject of the check. Scripts read these names, so they must not change.
    pub(super) what: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    /// The next step, if the level is not `Ok`.
    pub(super) next: Option<String>,
}

impl Finding {
    pub(super) fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, level: Level::Ok, found: found.into(), next: None }
    }

    pub(super) fn warning(what: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, level: Level::Warning, found: found.into(), next: Some(next.into()) }
    }

    pub(super) fn fault(what: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, level: Level::Fault, found: found.into(), next: Some(next.into()) }
    }

    /// `{"what", "level", "found", "next"}`.
    pub(super) fn to_json(&self) -> Value {
        json!({ "what": self.what, "level": self.level.as_str(), "found": self.found, "next": self.next })
    }
}

pub(super) fn lines(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        let next = finding.next.as_ref().map(|next| format!("; {next}")).unwrap_or_default();
        [finding.level.as_str().to_owned(), finding.what.to_owned(), finding.found.clone() + &next]
    };
    table::lines(&findings.iter().map(row).collect::<Vec<_>>())
}
