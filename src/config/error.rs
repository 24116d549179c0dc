//! What can be wrong with a configuration. Every message ends with the next step.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::origin::Origin;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}; check the path that {named_by} gives", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The flag or variable that names it.
        named_by: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error(
        "{}:{line} is not valid TOML: {message}; correct line {line}, or start again from config.example.toml",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser says; it does not quote the line, which may hold a secret.
        message: String,
    },
    /// There is no such key.
    #[error("unknown key `{name}` ({origin}); {}", suggestion(origin, near))]
    Unknown {
        /// The name as it was given.
        name: String,
        /// Where it was given.
        origin: Origin,
        /// Keys with names like it, the nearest first.
        near: Vec<&'static str>,
    },
    /// A key has a value that breaks its rule.
    #[error("`{key}` ({origin}) {rule}; {}", origin.next_step())]
    Wrong {
        /// The key.
        key: &'static str,
        /// Where its value comes from.
        origin: Origin,
        /// The rule, starting with "must".
        rule: String,
    },
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
