//! Access to the data file for commands. A server may use the file at the same time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::{CliError, once, upgrade_progress};
use crate::domain::email::Email;
use crate::domain::noun::Noun;
use crate::error::{DiskFault, Error, InField as _, Result as Done};
use crate::store::data_dir::DataDir;
use crate::store::{Sizes, Store, Tx};

/// The sizes of a short command.
const SIZES: Sizes = Sizes { readers: 1, write_queue: 4, page_cache_kib: 512, search_memory: 0, max_read: None };

/// Parses an email address of the command line.
pub(super) fn address(email: &str) -> Result<Email, CliError> {
    Ok(Email::parse(email).in_field("EMAIL")?)
}

/// Opens the data file, runs the work and always closes it.
pub(super) fn with<T>(home: &DataDir, work: impl FnOnce(&Store) -> Result<T, CliError>) -> Result<T, CliError> {
    let store = Store::open_beside_watched(home, SIZES, &upgrade_progress::watcher())?;
    let done = work(&store);
    store.close();
    done
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
            Error::Conflict { what: Noun::Client, .. } => "`atelier client show ID` shows it",
            Error::Conflict { .. } => "`atelier user list` shows who has it",
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
        Noun::Key => "`atelier key list` shows all keys",
        Noun::Client => "`atelier client list` shows all clients",
        Noun::Audit
        | Noun::Connection
        | Noun::Consent
        | Noun::Credential
        | Noun::Member
        | Noun::Model
        | Noun::ModelConfig
        | Noun::ModelVersion
        | Noun::Organization
        | Noun::Pipeline
        | Noun::PipelineVersion
        | Noun::Project
        | Noun::ProjectRestriction
        | Noun::Role
        | Noun::RoleAssignment
        | Noun::RoleBinding
        | Noun::Session
        | Noun::SigningKey
        | Noun::Tag
        | Noun::User
        | Noun::Workspace => "`atelier user list` shows all users",
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
