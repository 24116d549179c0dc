//! The result of a check: its severity, and the next step.

use serde_json::{Value, json};
use strum::IntoStaticStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Level {
    Ok,
    /// It works, but should be improved.
    Warning,
    /// It is broken, or prevents the start of the server.
    Fault,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The subject of the check. Scripts read these names, so they must not change.
    pub what: &'static str,
    pub level: Level,
    pub found: String,
    /// The next step, if the level is not `Ok`.
    pub next: Option<String>,
}

impl Finding {
    pub fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, level: Level::Ok, found: found.into(), next: None }
    }

    pub fn warning(what: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, level: Level::Warning, found: found.into(), next: Some(next.into()) }
    }

    pub fn fault(what: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, level: Level::Fault, found: found.into(), next: Some(next.into()) }
    }

    /// `{"what", "level", "found", "next"}`.
    pub fn to_json(&self) -> Value {
        json!({ "what": self.what, "level": self.level.as_str(), "found": self.found, "next": self.next })
    }
}
