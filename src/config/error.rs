//! The errors of a configuration. Every message ends with the next step.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::origin::Origin;

#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {}: {source}; check the path that {named_by} gives", path.display())]
    Unreadable {
        path: PathBuf,
        /// The flag or variable that names the file.
        named_by: &'static str,
        source: io::Error,
    },
    /// The file is not TOML.
    #[error(
        "{}:{line} is not valid TOML: {message}; correct line {line}, or start again from config.example.toml",
        path.display()
    )]
    Malformed {
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The parser's message. It does not quote the line, which may contain a secret.
        message: String,
    },
    /// The key does not exist.
    #[error("unknown key `{name}` ({origin}); {}", suggestion(origin, near))]
    Unknown {
        name: String,
        origin: Origin,
        /// Keys with similar names, the most similar first.
        near: Vec<&'static str>,
    },
    /// The value of a key breaks its rule.
    #[error("`{key}` ({origin}) {rule}; {}", origin.next_step())]
    Wrong {
        key: &'static str,
        /// The source of the value.
        origin: Origin,
        /// The rule, starting with "must".
        rule: String,
    },
}

impl ConfigError {
    /// The rule that a value breaks, starting with "must".
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Wrong { rule, .. } => Some(rule),
            Self::Unreadable { .. } | Self::Malformed { .. } | Self::Unknown { .. } => None,
        }
    }
}

fn suggestion(origin: &Origin, near: &[&'static str]) -> String {
    let spell = |key: &&str| match origin {
        Origin::Variable(_) => format!("ATELIER_{}", key.to_ascii_uppercase()),
        Origin::Flag(_) => format!("--{}", key.replace('_', "-")),
        Origin::File { .. } | Origin::Default => (*key).to_owned(),
    };
    let remove = match origin {
        Origin::Variable(name) => format!("unset {name}"),
        Origin::Flag(name) => format!("remove --{name}"),
        Origin::File { line, .. } => format!("remove line {line}"),
        Origin::Default => "remove it".to_owned(),
    };
    if near.is_empty() {
        return format!("{remove} (config.example.toml lists every key)");
    }
    let near: Vec<String> = near.iter().map(spell).collect();
    format!("write {} or {remove} (config.example.toml lists every key)", near.join(", "))
}
