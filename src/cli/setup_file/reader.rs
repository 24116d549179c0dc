//! Reads a TOML file value by value, and collects every fault with its line and path.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::app::declared_setup::{At, Fault};

/// The maximum number of faults that are collected.
const MAX_FAULTS: usize = 1000;

/// The lines of a file, and the faults in it so far.
pub(super) struct Faults {
    /// Where each line begins.
    lines: Vec<usize>,
    found: Vec<Fault>,
}

impl Faults {
    pub(super) fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { lines: std::iter::once(0).chain(ends).collect(), found: Vec::new() }
    }

    pub(super) fn into_found(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|fault| fault.at.line);
        self.found
    }

    pub(super) fn at(&self, span: &Range<usize>, path: String) -> At {
        At { line: self.lines.partition_point(|begin| *begin <= span.start), path }
    }

    pub(super) fn add(&mut self, at: At, rule: impl Into<String>) {
        if self.found.len() < MAX_FAULTS {
            self.found.push(Fault { at, rule: rule.into() });
        }
    }
}

/// A table of the file. Each key is taken once; those that are left are unknown.
pub(super) struct Table<'f, 't> {
    faults: &'f mut Faults,
    pub(super) at: At,
    entries: Vec<(&'t Spanned<Cow<'t, str>>, &'t Spanned<DeValue<'t>>)>,
    known: Vec<&'static str>,
}

impl<'f, 't> Table<'f, 't> {
    pub(super) fn new(faults: &'f mut Faults, at: At, table: &'t DeTable<'t>) -> Self {
        let mut entries: Vec<_> = table.iter().collect();
        // The parser sorts by name; people read in the order of the file.
        entries.sort_by_key(|(key, _)| key.span().start);
        Self { faults, at, entries, known: Vec::new() }
    }

    /// The place of a value in this table.
    fn inside(&self, span: &Range<usize>, key: &str) -> At {
        let path = if self.at.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at.path) };
        self.faults.at(span, path)
    }

    fn take(&mut self, key: &'static str) -> Option<(At, &'t DeValue<'t>)> {
        self.known.push(key);
        let index = self.entries.iter().position(|(name, _)| name.get_ref() == key)?;
        let (_, value) = self.entries.remove(index);
        Some((self.inside(&value.span(), key), value.get_ref()))
    }

    pub(super) fn fault(&mut self, key: &str, rule: impl Into<String>) {
        let path = if self.at.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at.path) };
        self.faults.add(At { path, line: self.at.line }, rule);
    }

    /// A text that this function parses.
    pub(super) fn text<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let (at, value) = self.take(key)?;
        let Some(text) = value.as_str() else {
            self.faults.add(at, format!("must be a string, not {}", kind(value)));
            return None;
        };
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(rule) => {
                self.faults.add(at, rule.to_string());
                None
            }
        }
    }

    /// The same for a key that every entry has.
    pub(super) fn required<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.entries.iter().any(|(name, _)| name.get_ref() == key) {
            self.known.push(key);
            self.fault(key, "is missing");
            return None;
        }
        self.text(key, parse)
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let (at, value) = self.take(key)?;
        let found = value.as_bool();
        if found.is_none() {
            self.faults.add(at, format!("must be true or false, not {}", kind(value)));
        }
        found
    }

    /// A date and time, as a string or as TOML has it.
    pub(super) fn moment<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let (at, value) = self.take(key)?;
        let text = match (value.as_str(), value.as_datetime()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(moment)) => moment.to_string(),
            (None, None) => {
                self.faults.add(at, format!("must be a date and time, not {}", kind(value)));
                return None;
            }
        };
        parse(&text).map_err(|rule| self.faults.add(at, rule.to_string())).ok()
    }

    /// A list of texts, if all of them are well-formed.
    pub(super) fn list<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let (at, value) = self.take(key)?;
        let Some(items) = value.as_array() else {
            self.faults.add(at, format!("must be a list of strings, not {}", kind(value)));
            return None;
        };
        let mut parsed = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = self.faults.at(&item.span(), format!("{}[{index}]", at.path));
            match item.get_ref().as_str().map(&parse) {
                None => self.faults.add(at, format!("must be a string, not {}", kind(item.get_ref()))),
                Some(Err(rule)) => self.faults.add(at, rule.to_string()),
                Some(Ok(value)) => parsed.push(value),
            }
        }
        (parsed.len() == items.len()).then_some(parsed)
    }

    /// A list of at most so many tables, each read by this function. What it leaves is unknown.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Table<'_, 't>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let (at, value) = self.take(key)?;
        let Some(items) = value.as_array() else {
            self.faults.add(at, format!("must be a list of tables ([[{key}]]), not {}", kind(value)));
            return None;
        };
        if items.len() > max {
            self.faults.add(at, format!("must have at most {max} entries, not {}", items.len()));
            return None;
        }
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = self.faults.at(&item.span(), format!("{}[{index}]", at.path));
            let Some(table) = item.get_ref().as_table() else {
                self.faults.add(at, format!("must be a table, not {}", kind(item.get_ref())));
                continue;
            };
            let mut table = Table::new(self.faults, at, table);
            all.extend(read(&mut table));
            table.finish();
        }
        Some(all)
    }

    /// A table whose keys are names: each key and value, read by this function.
    pub(super) fn entries<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Faults, At, &str, &'t DeValue<'t>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let (at, value) = self.take(key)?;
        let Some(table) = value.as_table() else {
            self.faults.add(at, format!("must be a table of names, not {}", kind(value)));
            return None;
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut all = Vec::new();
        for (name, value) in entries {
            let at = self.faults.at(&name.span(), format!("{}.{}", at.path, shown(name.get_ref())));
            all.extend(read(self.faults, at, name.get_ref(), value.get_ref()));
        }
        Some(all)
    }

    /// The value of a key as it is.
    pub(super) fn value(&mut self, key: &'static str) -> Option<(At, &'t DeValue<'t>)> {
        self.take(key)
    }

    pub(super) fn faults(&mut self) -> &mut Faults {
        self.faults
    }

    /// Refuses the keys that nobody has taken.
    pub(super) fn finish(mut self) {
        for (key, _) in std::mem::take(&mut self.entries) {
            let at = self.inside(&key.span(), &shown(key.get_ref()));
            let near = self.known.iter().filter(|known| strsim::levenshtein(key.get_ref(), known) <= 2);
            let rule = match near.min_by_key(|known| strsim::levenshtein(key.get_ref(), known)) {
                Some(near) => format!("is not a key of a set-up file here; write {near}"),
                None => format!("is not a key of a set-up file here; the keys are {}", self.known.join(", ")),
            };
            self.faults.add(at, rule);
        }
    }
}

/// A name of the file in a path, without what would disturb a terminal.
fn shown(name: &str) -> String {
    let is_plain = !name.is_empty() && !name.chars().any(|c| c.is_control() || c == '"' || c.is_whitespace());
    if is_plain { name.to_owned() } else { format!("{name:?}") }
}

/// The kind of a value, in words.
pub(super) fn kind(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
