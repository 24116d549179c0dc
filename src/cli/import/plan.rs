//! What an import does with each row of a file: first a preview, then one transaction.
//!
//! The preview runs the import in a transaction that is rolled back, so it tells exactly what the verbs of the core
//! will do and refuse.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde_json::{Value, json};
use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};
use uuid::Uuid;

use super::link_file::LinkFile;
use crate::app::identity::oauth::clients::{self, NewClient};
use crate::app::imported_people::{self, Imported, ImportedPerson, Places, Step};
use crate::cli::progress::Progress;
use crate::cli::table::Table;
use crate::cli::{CliError, data, print, say};
use crate::domain::actor::Actor;
use crate::error::{Error, Result as Done};
use crate::store::data_dir::DataDir;
use crate::store::{Store, Tx};
use crate::tokens::opaque::Fingerprint;

/// How to import.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Options {
    /// Only print what would be done.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Import without asking.
    #[arg(long)]
    yes: bool,
    /// Import the other rows if some are refused; by default, one refused row prevents the import.
    #[arg(long)]
    skip_refused: bool,
    /// Print what is done as JSON.
    #[arg(long)]
    json: bool,
}

/// A row of a file.
#[derive(Debug)]
pub(super) struct Item {
    /// Where it is in the file: `line 3`.
    pub(super) place: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) work: Work,
    /// What is not imported of it, and why.
    pub(super) notes: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Work {
    Person(Box<ImportedPerson>),
    Client(Box<ImportedClient>),
    /// It is not imported, which is no fault. The notes have the reason.
    Skip,
    /// It cannot be imported, for these reasons.
    Refuse(Vec<String>),
}

#[derive(Debug)]
pub(super) struct ImportedClient {
    pub(super) new: NewClient,
    pub(super) secret: Option<Fingerprint>,
    /// The UUID of its bot, if it gets one.
    pub(super) bot: Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Action {
    Create,
    Invite,
    Add,
    Unchanged,
    Skip,
    Refuse,
}

/// The outcome of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) action: Action,
    /// The changes, or the reasons of a refusal.
    details: Vec<String>,
}

impl Row {
    fn new(action: Action, details: Vec<String>) -> Self {
        Self { action, details }
    }

    fn of_person(imported: &Imported) -> Self {
        let action = match imported.steps.first() {
            None => Action::Unchanged,
            Some(Step::Create) => Action::Create,
            Some(Step::Invite | Step::InviteAgain) => Action::Invite,
            Some(Step::AddSecondFactor | Step::AddToOrganization(..) | Step::AddToWorkspace(..)) => Action::Add,
        };
        Self::new(action, imported.details())
    }
}

impl Item {
    /// What is not imported, for this reason.
    pub(super) fn skipped(place: String, kind: &'static str, name: String, reason: String) -> Self {
        Self { place, kind, name, work: Work::Skip, notes: vec![reason] }
    }

    fn run(&self, tx: &Tx, actor: &Actor, places: &mut Places) -> Done<Row> {
        match &self.work {
            Work::Person(person) => Ok(match imported_people::import(tx, actor, person, places)? {
                Ok(imported) => Row::of_person(&imported),
                Err(reasons) => Row::new(Action::Refuse, reasons),
            }),
            Work::Client(client) => match register(tx, actor, client) {
                Ok(row) => Ok(row),
                Err(error) => Ok(Row::new(Action::Refuse, vec![imported_people::reason(error)?])),
            },
            Work::Skip => Ok(Row::new(Action::Skip, Vec::new())),
            Work::Refuse(reasons) => Ok(Row::new(Action::Refuse, reasons.clone())),
        }
    }
}

fn register(tx: &Tx, actor: &Actor, client: &ImportedClient) -> Done<Row> {
    match clients::get(tx, actor, &client.new.id) {
        Ok(_) => Ok(Row::new(Action::Unchanged, vec!["a client with this id is registered, and is kept".to_owned()])),
        Err(Error::NotFound { .. }) => {
            clients::register(tx, actor, &client.new, client.secret.as_ref(), client.bot)?;
            Ok(Row::new(Action::Create, Vec::new()))
        }
        Err(error) => Err(error),
    }
}

/// Prints what the import does with each row, asks, and does it in one transaction. `prepare` gets the rows before the
/// transaction, and makes the file of the links of those who are invited.
///
/// Refused without a change when a row is refused and is not to be skipped.
pub(super) fn carry_out(
    home: &DataDir,
    items: Vec<Item>,
    options: Options,
    prepare: impl FnOnce(&[Item], &[Row]) -> Result<Option<LinkFile>, CliError>,
) -> Result<(), CliError> {
    if !options.dry_run && !options.yes && !io::stdin().is_terminal() {
        let next = "add --yes to import, or --dry-run to see what would be done";
        return Err(CliError::Usage(format!("there is no terminal to ask on; {next}")));
    }
    let items = Arc::new(items);
    let rows = data::with_large_cache(home, |store| preview(store, &items))?;
    print(&if options.json { to_json(&items, &rows) } else { to_text(&items, &rows) })?;
    let refused = count(&rows, Action::Refuse);
    if refused > 0 && !options.skip_refused {
        return Err(CliError::Failed(format!(
            "{refused} of {} rows are refused, so nothing was imported; correct them, or add --skip-refused to import \
             the others",
            rows.len()
        )));
    }
    if options.dry_run {
        say(&format!("{}; nothing was changed", summary(&rows)));
        return Ok(());
    }
    if rows.iter().all(|row| matches!(row.action, Action::Unchanged | Action::Skip | Action::Refuse)) {
        say(&format!("{}; there is nothing to change", summary(&rows)));
        return Ok(());
    }
    // No data file is open meanwhile.
    if !options.yes && !confirmed(&summary(&rows))? {
        return Err(CliError::Failed("nothing was imported; answer y to import".to_owned()));
    }
    let link_file = prepare(&items, &rows)?;
    data::with_large_cache(home, |store| apply(store, &items, rows.clone()))?;
    if let Some(file) = link_file {
        file.keep();
    }
    say(&format!("imported: {}", summary(&rows)));
    Ok(())
}

/// Runs every row that is not left out, in their order.
fn run_all(tx: &Tx, items: &[Item], is_left_out: impl Fn(usize) -> bool, progress: &Progress) -> Done<Vec<Row>> {
    let (actor, mut places) = (Actor::operator(), Places::default());
    let mut rows = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        rows.push(if is_left_out(at) {
            Row::new(Action::Refuse, Vec::new())
        } else {
            item.run(tx, &actor, &mut places)?
        });
        progress.set(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    }
    Ok(rows)
}

fn progress(items: &[Item], what: &str) -> Progress {
    let progress = Progress::items(u64::try_from(items.len()).unwrap_or(u64::MAX));
    progress.name(what);
    progress
}

/// The outcome of each row. The transaction is rolled back.
fn preview(store: &Store, items: &Arc<Vec<Item>>) -> Result<Vec<Row>, CliError> {
    let found = Arc::new(Mutex::new(None));
    let (rows, items, progress) = (found.clone(), items.clone(), progress(items, "checking"));
    let rolled_back = store.write_and_wait(move |tx| -> Done<()> {
        let all = run_all(tx, &items, |_| false, &progress)?;
        *rows.lock().unwrap_or_else(PoisonError::into_inner) = Some(all);
        Err(Error::Refused { rule: "a preview is rolled back" })
    });
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (found, rolled_back) {
        (Some(rows), Err(Error::Refused { .. })) => Ok(rows),
        (_, Err(error)) => Err(error.into()),
        (_, Ok(())) => Err(CliError::Failed("the preview was not rolled back; run `atelier check`".to_owned())),
    }
}

/// Does what the preview has told.
fn apply(store: &Store, items: &Arc<Vec<Item>>, told: Vec<Row>) -> Result<(), CliError> {
    let (items, progress) = (items.clone(), progress(items, "importing"));
    let done = store.write_and_wait(move |tx| {
        let is_refused = |at: usize| told.get(at).is_some_and(|row| row.action == Action::Refuse);
        let rows = run_all(tx, &items, is_refused, &progress)?;
        let same = |(told, row): (&Row, &Row)| told.action == Action::Refuse || told == row;
        if told.len() == rows.len() && told.iter().zip(&rows).all(same) {
            return Ok(());
        }
        Err(Error::Refused { rule: "the data has changed since the preview, so nothing was imported; try again" })
    });
    Ok(done?)
}

fn confirmed(summary: &str) -> Result<bool, CliError> {
    say(&format!("{summary}; import? [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().take(100).read_line(&mut answer);
    read.map_err(|error| CliError::Failed(format!("cannot read the answer: {error}; nothing was imported")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn count(rows: &[Row], action: Action) -> usize {
    rows.iter().filter(|row| row.action == action).count()
}

/// The numbers of rows by what is done: `3 create, 1 unchanged`.
fn summary(rows: &[Row]) -> String {
    let counts = Action::iter().map(|action| (count(rows, action), <&str>::from(action)));
    let parts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "no rows".to_owned() } else { parts.join(", ") }
}

fn to_text(items: &[Item], rows: &[Row]) -> String {
    let line = |(item, row): (&Item, &Row)| {
        let details: Vec<&str> = row.details.iter().chain(&item.notes).map(String::as_str).collect();
        let action = <&str>::from(row.action).to_owned();
        [item.place.clone(), item.kind.to_owned(), item.name.clone(), action, details.join("; ")]
    };
    let lines: Vec<_> = items.iter().zip(rows).map(line).collect();
    Table::under(["WHERE", "KIND", "NAME", "ACTION", "DETAILS"]).page(&lines)
}

fn to_json(items: &[Item], rows: &[Row]) -> String {
    let row = |(item, row): (&Item, &Row)| {
        json!({
            "place": item.place,
            "kind": item.kind,
            "name": item.name,
            "action": <&str>::from(row.action),
            "details": row.details,
            "notes": item.notes,
        })
    };
    format!("{:#}\n", items.iter().zip(rows).map(row).collect::<Value>())
}
