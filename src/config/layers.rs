//! The layers of a configuration: a file, variables and flags. Each value remembers its source.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use super::error::ConfigError;
use super::keys::{self, Key, Kind};
use super::kubernetes;
use super::origin::{Origin, Origins};
use super::values::Config;

/// The variable that names the configuration file if no flag does.
pub const FILE_VARIABLE: &str = "ATELIER_CONFIG";

/// The tables of a file.
#[derive(Deserialize)]
struct Sections {
    backup: BTreeMap<String, Spanned<Value>>,
}

/// The value and the source of each key. A key that is set to `None` hides the value of a lower layer.
#[derive(Default)]
pub(super) struct Layers(BTreeMap<&'static str, (Option<Value>, Origin)>);

impl Layers {
    /// Adds the keys of a TOML file.
    pub(super) fn add_file(&mut self, path: &Path, named_by: &'static str) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            named_by,
            source,
        })?;
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();

        let table: BTreeMap<String, Spanned<Value>> = toml::from_str(&text).map_err(|error| {
            let Range { start, .. } = error.span().unwrap_or_default();
            let message = error.message().to_owned();
            ConfigError::Malformed { path: path.to_owned(), line: line(start), message }
        })?;
        let mut entries: Vec<(String, Spanned<Value>)> = table.into_iter().collect();
        // `[backup]` with `schedule` is `backup_schedule`.
        if let Ok(Sections { backup }) = toml::from_str(&text) {
            entries.retain(|(name, _)| name != "backup");
            entries.extend(backup.into_iter().map(|(name, value)| (format!("backup_{name}"), value)));
        }
        entries.sort_by_key(|(_, value)| value.span().start);
        for (name, value) in entries {
            let origin = Origin::File { path: path.to_owned(), line: line(value.span().start) };
            let key = find_key(&name, &name, &origin)?;
            if let Some((_, Origin::File { line, .. })) = self.0.get(key.name) {
                return Err(ConfigError::Wrong {
                    key: key.name,
                    rule: format!("must not be set twice; line {line} sets it, too"),
                    origin,
                });
            }
            self.add(key, key.checked(value.into_inner()), origin)?;
        }
        Ok(())
    }

    /// Adds the `ATELIER_*` variables and ignores all others. Returns the names of those that were skipped because
    /// Kubernetes has set them.
    pub(super) fn add_variables(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Vec<String>, ConfigError> {
        let mut ignored = Vec::new();
        for (variable, text) in variables {
            let Some(rest) = variable.strip_prefix("ATELIER_") else {
                continue;
            };
            if variable == FILE_VARIABLE || rest.starts_with("TEST_") {
                continue;
            }
            if kubernetes::is_of_service(rest, &text) {
                ignored.push(variable);
                continue;
            }
            let name = rest.to_ascii_lowercase();
            let origin = Origin::Variable(variable.clone());
            // Variable names are case-sensitive: `ATELIER_Log` is not `ATELIER_LOG`.
            let key = find_key(if rest.bytes().any(|b| b.is_ascii_lowercase()) { "" } else { &name }, rest, &origin)?;
            self.add_text(key, &text, origin)?;
        }
        ignored.sort_unstable();
        Ok(ignored)
    }

    /// Adds flags, each a key and a text. The texts of a repeated flag form a list.
    pub(super) fn add_flags<K: AsRef<str>>(
        &mut self,
        flags: impl IntoIterator<Item = (K, String)>,
    ) -> Result<(), ConfigError> {
        let mut lists: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        for (name, text) in flags {
            let name = name.as_ref();
            let origin = Origin::Flag(name.replace('_', "-"));
            let key = find_key(name, name, &origin)?;
            if key.kind == Kind::List {
                let list = lists.entry(key.name).or_default();
                list.extend((!text.is_empty()).then_some(Value::String(text)));
                self.0.insert(key.name, (Some(Value::Array(list.clone())), origin));
            } else {
                self.add_text(key, &text, origin)?;
            }
        }
        Ok(())
    }

    fn add_text(&mut self, key: &'static Key, text: &str, origin: Origin) -> Result<(), ConfigError> {
        if key.optional && text.is_empty() {
            self.0.insert(key.name, (None, origin));
            return Ok(());
        }
        self.add(key, key.value(text), origin)
    }

    fn add(&mut self, key: &'static Key, value: Result<Value, String>, origin: Origin) -> Result<(), ConfigError> {
        match value {
            Ok(value) => {
                self.0.insert(key.name, (Some(value), origin));
                Ok(())
            }
            Err(rule) => Err(ConfigError::Wrong { key: key.name, origin, rule }),
        }
    }

    /// The typed configuration. A key that no layer sets has its default.
    pub(super) fn into_config(self) -> Result<Config, ConfigError> {
        let mut table = Table::new();
        let mut origins = Origins::default();
        for (key, (value, origin)) in self.0 {
            origins.0.insert(key, origin);
            table.extend(value.map(|value| (key.to_owned(), value)));
        }
        let typed = serde_path_to_error::deserialize::<_, Config>(Value::Table(table));
        let mut config = typed.map_err(|error| {
            let path = error.path().to_string();
            let name = path.split(['[', '.']).next().unwrap_or_default();
            let key = keys::find(name).map_or("", |key| key.name);
            ConfigError::Wrong { key, origin: origins.of(key), rule: error.inner().message().to_owned() }
        })?;
        config.origins = origins;
        Ok(config)
    }
}

/// The key of that name. The error names an unknown key as it was written.
fn find_key(name: &str, written: &str, origin: &Origin) -> Result<&'static Key, ConfigError> {
    keys::find(name).ok_or_else(|| ConfigError::Unknown {
        name: written.to_owned(),
        origin: origin.clone(),
        near: keys::near(written),
    })
}
