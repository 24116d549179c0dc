//! The source of a configuration value.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    Default,
    File {
        /// The path of the file, as it was written.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A variable, by its name.
    Variable(String),
    /// A flag, without its dashes.
    Flag(String),
}

impl Origin {
    /// The advice for a wrong value from this source.
    pub(super) fn next_step(&self) -> String {
        match self {
            Self::Default => "set it to another value".to_owned(),
            Self::File { path, line } => {
                format!("correct line {line} of {} (config.example.toml lists every key)", path.display())
            }
            Self::Variable(name) => format!("correct or unset the variable {name}"),
            Self::Flag(name) => format!("give --{name} another value"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// The source of each value that is not a default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(pub(super) BTreeMap<&'static str, Origin>);

impl Origins {
    pub fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or_default()
    }
}
