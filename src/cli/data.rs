//! Access to the data file for commands. A server may use the file at the same time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::app::users::Named;
use crate::app::workspaces::ARCHIVED;
use crate::cli::{CliError, once, upgrade_progress};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::noun::Noun;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::error::{DiskFault, Error, InField as _, Result as Done};
use crate::store::data_dir::DataDir;
use crate::store::{Sizes, Store, Tx, View};

/// The sizes of a short command.
const SIZES: Sizes =
    Sizes { readers: 1, write_queue: 4, page_cache_kib: 512, search_memory: 0, max_read: None, max_write: None };

/// Parses an email address of the command line.
pub(super) fn address(email: &str) -> Result<Email, CliError> {
    Ok(Email::parse(email).in_field("EMAIL")?)
}

/// A person whom the command line names by email address.
pub(super) fn person(email: &str, field: &'static str) -> Result<Named, CliError> {
    Ok(Named::Email(Email::parse(email).in_field(field)?))
}

/// The status of an account now.
pub(super) fn status(user: &User) -> &'static str {
    user.status(Timestamp::now()).as_str()
}

/// Opens the data file, runs the work and always closes it.
pub(super) fn with<T>(home: &DataDir, work: impl FnOnce(&Store) -> Result<T, CliError>) -> Result<T, CliError> {
    with_sizes(home, SIZES, work)
}

/// Like [`with`], for a write of many rows, which reads the pages again that do not fit into the cache.
pub(super) fn with_large_cache<T>(
    home: &DataDir,
    work: impl FnOnce(&Store) -> Result<T, CliError>,
) -> Result<T, CliError> {
    with_sizes(home, Sizes { page_cache_kib: 64 << 10, ..SIZES }, work)
}

fn with_sizes<T>(
    home: &DataDir,
    sizes: Sizes,
    work: impl FnOnce(&Store) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let store = Store::open_beside_watched(home, sizes, &upgrade_progress::watcher())?;
    let done = work(&store);
    store.close();
    done
}

/// Reads as the operator.
pub(super) fn read<T>(home: &DataDir, work: impl FnOnce(&View, &Actor) -> Done<T>) -> Result<T, CliError> {
    with(home, |store| Ok(store.read(|view| work(view, &Actor::operator()))?))
}

/// Writes as the operator.
pub(super) fn write<T: Send + 'static>(
    home: &DataDir,
    work: impl Fn(&Tx, &Actor) -> Done<T> + Send + 'static,
) -> Result<T, CliError> {
    with(home, |store| Ok(store.write_and_wait(move |tx| work(tx, &Actor::operator()))?))
}

/// Runs a write that creates a secret, and prints the text with the secret, if there is one, before the commit. If it
/// cannot be printed, nothing is changed.
pub(super) fn write_and_print<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&Tx) -> Done<T> + Send + 'static,
    text: impl Fn(&T) -> Option<String> + Send + 'static,
    map_error: impl FnOnce(Error) -> CliError,
) -> Result<T, CliError> {
    let printed = Arc::new(Mutex::new(None));
    let note = printed.clone();
    let done = store.write_and_wait(move |tx| {
        let done = work(tx)?;
        if let Some(text) = text(&done) {
            let outcome = once::print(text);
            let is_printed = outcome.is_ok();
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            if !is_printed {
                return Err(Error::internal("cannot print the secret"));
            }
        }
        Ok(done)
    });
    let printed = printed.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (done, printed) {
        (Ok(done), _) => Ok(done),
        (Err(_), Some(Err(reason))) => {
            Err(CliError::Failed(format!("cannot print the secret: {reason}; nothing was changed; try again")))
        }
        (Err(error), Some(Ok(()))) => {
            let (CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words)) = map_error(error);
            Err(CliError::Failed(format!("{words}; the secret on stdout is not valid")))
        }
        (Err(error), None) => Err(map_error(error)),
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let next = match &error {
            Error::Invalid { .. } => return Self::Usage(format!("{error}; correct it and try again")),
            Error::NotFound { what, .. } => list_of(*what),
            Error::Conflict { what: Noun::RoleAssignment, key } => {
                return Self::Failed(format!(
                    "the role {key} is in use; remove its bindings and members first, which `atelier binding list` and \
                     `atelier member list` show"
                ));
            }
            Error::Conflict { what, .. } => holder_of(*what),
            Error::Refused { rule } if *rule == ARCHIVED => "`atelier workspace restore` does",
            // The rule of the error, or the time to wait, is the next step.
            Error::Refused { .. }
            | Error::InUse { .. }
            | Error::Exceeded
            | Error::Forbidden { .. }
            | Error::Busy { .. }
            | Error::TooLarge { .. }
            | Error::FilesFull { .. }
            | Error::Throttled { .. }
            | Error::TooMany { .. } => {
                return Self::Failed(error.to_string());
            }
            Error::Unauthenticated(_) => "run this command as the user that runs the server",
            Error::Disk { fault: DiskFault::Full, cause } => {
                return Self::Failed(format!(
                    "nothing was changed: {cause}; free space on the disk of the data directory"
                ));
            }
            Error::Disk { fault: DiskFault::Storage, cause } => {
                return Self::Failed(format!("{cause}; check the settings that begin with files, and the network"));
            }
            Error::Disk { fault: DiskFault::Failing, cause } => {
                return Self::Failed(format!("{cause}; check the disk of the data directory, and run `atelier check`"));
            }
            Error::Internal(_) => {
                return Self::Failed(format!("{}; run `atelier check` for details", error_details(&error)));
            }
        };
        Self::Failed(format!("{error}; {next}"))
    }
}

/// The command that lists the valid names.
fn list_of(what: Noun) -> &'static str {
    match what {
        Noun::Client => "`atelier client list` shows all clients",
        Noun::Connection => "`atelier connection list` shows all connections",
        Noun::Key => "`atelier key list` shows all keys",
        Noun::Member => "`atelier member list WORKSPACE` or `atelier org members ORG` shows all members",
        Noun::Model | Noun::ModelVersion => "`atelier model list` shows all models with their versions",
        Noun::Organization => "`atelier org list` shows all organizations",
        Noun::Pipeline => "`atelier pipeline list` shows all pipelines; name one as WORKSPACE/NAME or by its id",
        Noun::PipelineVersion => "`atelier pipeline versions PIPELINE` shows all versions",
        Noun::Project => "`atelier project list` shows all projects; name one as WORKSPACE/NAME or by its id",
        Noun::ProjectRestriction => "`atelier project list` shows which projects are restricted",
        Noun::Role => "`atelier role list` shows all roles",
        Noun::RoleBinding => "`atelier binding list` shows all bindings",
        Noun::Session => "`atelier session list` shows all sessions",
        Noun::SigningKey => "`atelier signing-key list` shows all signing keys",
        Noun::Tag => "`atelier tag list` shows all tags",
        Noun::Workspace => "`atelier workspace list` shows all workspaces",
        Noun::Audit
        | Noun::Backup
        | Noun::Consent
        | Noun::Credential
        | Noun::ModelConfig
        | Noun::RoleAssignment
        | Noun::User => "`atelier user list` shows all users",
    }
}

/// The command that shows what already has a name.
fn holder_of(what: Noun) -> &'static str {
    match what {
        Noun::Client => "`atelier client show ID` shows it",
        Noun::Connection => "choose another name; `atelier connection list` shows all connections",
        Noun::Model => "`atelier model list` shows it",
        Noun::Organization => "choose another name; `atelier org list` shows all organizations",
        Noun::Pipeline => "choose another name; `atelier pipeline list` shows all pipelines",
        Noun::Project => "choose another name; `atelier project list` shows all projects",
        Noun::Role => "choose another name; `atelier role list` shows all roles",
        Noun::RoleBinding => "`atelier binding list` shows it, `atelier binding change` changes its role",
        Noun::Tag => "choose another name; `atelier tag list` shows all tags",
        Noun::Workspace => "choose another name; `atelier workspace list` shows all workspaces",
        Noun::Audit
        | Noun::Backup
        | Noun::Consent
        | Noun::Credential
        | Noun::Key
        | Noun::Member
        | Noun::ModelConfig
        | Noun::ModelVersion
        | Noun::PipelineVersion
        | Noun::ProjectRestriction
        | Noun::RoleAssignment
        | Noun::Session
        | Noun::SigningKey
        | Noun::User => "`atelier user list` shows who has it",
    }
}

/// The error and its cause on one line. The operator may see the details.
pub(super) fn error_details(error: &Error) -> String {
    let chain = error.chain();
    chain.strip_prefix("internal error: ").unwrap_or(&chain).to_owned()
}

/// Adds the next step to a refusal.
pub(super) fn or_refused(next: &'static str) -> impl Fn(Error) -> CliError {
    move |error| match error {
        Error::Refused { .. } => CliError::Failed(format!("{error}; {next}")),
        other => other.into(),
    }
}
