//! Lists: the options that all of them take, and their output page by page.

use clap::Args;
use serde_json::Value;

use crate::cli::{CliError, output, say, table};
use crate::domain::page::{Page, Slice};
use crate::domain::text::fold;
use crate::error::Result;
use crate::store::{Store, View};

/// The rows that are read at once.
pub(super) const PAGE: u32 = 500;

/// The options of every list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(id = "list_options")]
pub struct List {
    /// Only entries with this text in a name or an email address, in any case.
    #[arg(long, value_name = "TEXT", help_heading = "List")]
    pub filter: Option<String>,
    /// At most so many entries.
    #[arg(long, value_name = "N", help_heading = "List", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Print JSON.
    #[arg(long, help_heading = "List")]
    pub json: bool,
}

/// An entry of a list.
pub(super) trait Entry<const N: usize> {
    /// The head of its table.
    const HEAD: [&'static str; N];

    fn row(&self) -> [String; N];

    fn to_json(&self) -> Value;

    /// The texts that a filter looks into.
    fn texts(&self) -> Vec<&str>;
}

/// Prints a list as it is read.
pub(super) struct Printer<'l, const N: usize> {
    options: &'l List,
    filter: Option<String>,
    table: table::Table<N>,
    printed: u64,
    has_more: bool,
}

impl<'l, const N: usize> Printer<'l, N> {
    pub(super) fn new<E: Entry<N>>(options: &'l List) -> Self {
        let filter = options.filter.as_deref().map(fold);
        Self { options, filter, table: table::Table::under(E::HEAD), printed: 0, has_more: false }
    }

    /// Prints some entries. Returns whether more are wanted.
    pub(super) fn print<E: Entry<N>>(&mut self, entries: &[E]) -> Result<bool, CliError> {
        let mut shown = Vec::new();
        for entry in entries.iter().filter(|entry| self.fits(*entry)) {
            if self.options.limit.is_some_and(|limit| self.printed + shown.len() as u64 >= limit) {
                self.has_more = true;
                break;
            }
            shown.push(entry);
        }
        let text = if self.options.json {
            let mut text = String::new();
            for (at, entry) in shown.iter().enumerate() {
                text.push_str(if self.printed == 0 && at == 0 { "[\n  " } else { ",\n  " });
                text.push_str(&format!("{:#}", entry.to_json()).replace('\n', "\n  "));
            }
            text
        } else {
            self.table.page(&shown.iter().map(|entry| entry.row()).collect::<Vec<_>>())
        };
        self.printed += shown.len() as u64;
        Ok(output::print_on(&text)? && !self.has_more)
    }

    fn fits<E: Entry<N>>(&self, entry: &E) -> bool {
        let Some(filter) = &self.filter else { return true };
        entry.texts().into_iter().any(|text| fold(text).contains(filter.as_str()))
    }

    /// Ends the list. `empty` is said if there are no entries at all.
    pub(super) fn finish(self, empty: &str) -> Result<(), CliError> {
        if self.options.json {
            output::print(if self.printed == 0 { "[]\n" } else { "\n]\n" })?;
        }
        match (self.printed, &self.filter) {
            (0, None) if !self.options.json => say(empty),
            (0, Some(_)) => say("nothing has the text of --filter in its name or email address"),
            _ => {}
        }
        if self.has_more {
            say(&format!("only the first {} are shown; a larger --limit shows more", self.printed));
        }
        Ok(())
    }
}

/// Prints a list that is read in pages, each in a snapshot of its own, so that a slow reader holds up nobody.
pub(super) fn print_pages<E: Entry<N>, const N: usize>(
    store: &Store,
    options: &List,
    empty: &str,
    read: impl Fn(&View, Page) -> Result<Slice<E>>,
) -> Result<(), CliError> {
    let mut printer = Printer::new::<E>(options);
    each_page(store, read, |entries| printer.print(entries))?;
    printer.finish(empty)
}

/// Calls `each` with the entries of each page, until it wants no more.
pub(super) fn each_page<E>(
    store: &Store,
    read: impl Fn(&View, Page) -> Result<Slice<E>>,
    mut each: impl FnMut(&[E]) -> Result<bool, CliError>,
) -> Result<(), CliError> {
    let mut page = Page { after: None, limit: PAGE };
    loop {
        let slice = store.read(|view| read(view, page))?;
        if !each(&slice.items)? || slice.next.is_none() {
            return Ok(());
        }
        page.after = slice.next;
    }
}

/// Prints one entry: as JSON, or as a table of its fields.
pub(super) fn print_one(value: &Value, json: bool) -> Result<(), CliError> {
    if json {
        return output::print(&format!("{value:#}\n"));
    }
    // An item of a list is a word, or a name with a role.
    let item = |item: &Value| match (item.as_str(), item["name"].as_str(), item["role"].as_str()) {
        (Some(word), _, _) => word.to_owned(),
        (None, Some(name), Some(role)) => format!("{name} ({role})"),
        (None, _, _) => item.to_string(),
    };
    let plain = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => {
            let between = if items.iter().all(Value::is_string) { " " } else { ", " };
            items.iter().map(item).collect::<Vec<_>>().join(between)
        }
        Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    let rows: Vec<[String; 2]> =
        value.as_object().into_iter().flatten().map(|(name, value)| [name.clone(), plain(value)]).collect();
    output::print(&table::lines(&rows))
}
