//! The list of configuration keys, read from `config.example.toml`, which documents each key and its default.
//!
//! A test, not the compiler, proves that the list and the fields of [`Config`](super::Config) are the same.

use std::sync::LazyLock;
use std::time::Duration;

use toml::Value;

use super::text_form::TextForm;

/// The example file: every key with its help text and its default.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// The type of a value in its text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A text such as `15m`.
    Duration,
    /// A text such as `1MiB`.
    Size,
    Integer,
    Boolean,
    List,
}

#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The name in the file, such as `keep_alive`.
    pub name: &'static str,
    /// One sentence on the reason to set the key.
    pub help: &'static str,
    pub kind: Kind,
    /// The default as written in the file, or an example if there is no default.
    pub example: &'static str,
    /// Whether the key may be absent.
    pub optional: bool,
    /// The heading above it in the file.
    pub section: &'static str,
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let (mut above, mut section, mut all) = ("", "", Vec::new());
    for line in EXAMPLE.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        all.extend(Key::parse(section, above, line));
        above = line;
    }
    all
});

/// Every key, in the order of the example file.
pub fn all() -> &'static [Key] {
    &KEYS
}

pub fn find(name: &str) -> Option<&'static Key> {
    all().iter().find(|key| key.name == name)
}

/// The help text of a key, empty for an unknown name.
pub fn help(name: &str) -> &'static str {
    find(name).map_or("", |key| key.help)
}

/// The keys with names similar to a misspelled one, the most similar first.
pub fn near(name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let mut near: Vec<(usize, &str)> = all()
        .iter()
        .map(|key| (strsim::levenshtein(&name, key.name), key.name))
        .filter(|(far, key)| {
            *far <= (key.len() / 3).max(1) || name.len() > 3 && (key.contains(&name) || name.contains(key))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, key)| key).take(3).collect()
}

impl Key {
    /// Parses `name = value` or `#name = value`, with the comment line above it.
    fn parse(section: &'static str, above: &'static str, line: &'static str) -> Option<Self> {
        let (optional, line) = line.strip_prefix('#').map_or((false, line), |rest| (true, rest));
        let (name, example) = line.split_once(" = ")?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return None;
        }
        let kind = match example.as_bytes().first()? {
            b'[' => Kind::List,
            b't' | b'f' => Kind::Boolean,
            b'0'..=b'9' => Kind::Integer,
            _ if Duration::parse(example.trim_matches('"')).is_some() => Kind::Duration,
            _ if usize::parse(example.trim_matches('"')).is_some() => Kind::Size,
            _ => Kind::Text,
        };
        let help = above.strip_prefix("# ").unwrap_or("");
        Some(Self { name, help, kind, example, optional, section })
    }

    /// The environment variable: `ATELIER_KEEP_ALIVE`.
    pub fn variable(&self) -> String {
        format!("ATELIER_{}", self.name.to_ascii_uppercase())
    }

    /// The flag: `keep-alive`.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Parses the text of a variable or a flag as a value of this kind.
    pub(super) fn value(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Text | Kind::Duration | Kind::Size => Some(Value::String(text.to_owned())),
            Kind::Integer => text.parse().ok().map(Value::Integer),
            Kind::Boolean => text.parse().ok().map(Value::Boolean),
            Kind::List => Some(Value::Array(list(text))),
        };
        self.checked(value.ok_or_else(|| self.rule())?)
    }

    /// The value, if it has this key's kind.
    pub(super) fn checked(&self, value: Value) -> Result<Value, String> {
        let fits = match self.kind {
            Kind::Text | Kind::Duration | Kind::Size => value.is_str(),
            Kind::Integer => value.as_integer().is_some_and(|n| u32::try_from(n).is_ok()),
            Kind::Boolean => value.is_bool(),
            Kind::List => value.as_array().is_some_and(|list| list.iter().all(Value::is_str)),
        };
        if fits { Ok(value) } else { Err(self.rule()) }
    }

    fn rule(&self) -> String {
        match self.kind {
            Kind::Text => format!("must be a string such as {}", self.example),
            Kind::Duration => format!("must be {}", Duration::RULE),
            Kind::Size => format!("must be {}", usize::RULE),
            Kind::Integer => format!("must be a whole number from 0 to {}", u32::MAX),
            Kind::Boolean => "must be true or false".to_owned(),
            Kind::List => "must be a list of strings".to_owned(),
        }
    }
}

/// Splits a text at commas.
fn list(text: &str) -> Vec<Value> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Value::String(part.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_derived_from_the_example() {
        let kind = |name| find(name).unwrap().kind;
        assert_eq!(kind("data_dir"), Kind::Text);
        assert_eq!(kind("listen"), Kind::List);
        assert_eq!(kind("workers"), Kind::Integer);
        assert_eq!(kind("max_body"), Kind::Size);
        assert_eq!(kind("keep_alive"), Kind::Duration);
        assert_eq!(kind("password_grant"), Kind::Boolean);
        assert!(find("public_url").unwrap().optional);
        assert!(!find("log").unwrap().optional);
    }

    #[test]
    fn similar_names_are_found() {
        assert_eq!(near("keepalive"), ["keep_alive"]);
        assert_eq!(near("data-dir"), ["data_dir"]);
        assert_eq!(near("DATADIR"), ["data_dir"]);
        assert_eq!(near("password"), ["admin_password", "password_grant", "password_queue"]);
        assert!(near("zzz").is_empty());
    }
}
