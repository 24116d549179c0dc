//! The data file as a command works on it: opened beside a server that may be running, closed again in any case.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::{CliError, once};
use crate::domain::noun::Noun;
use crate::error::{Error, Result as Done};
use crate::store::data_dir::DataDir;
use crate::store::{Sizes, Store, Tx};

/// A command reads and writes little.
const SIZES: Sizes = Sizes { readers: 1, write_queue: 4, page_cache_kib: 512, search_memory: 0 };

/// Opens the data file, does the work and closes it.
pub(super) fn with<T>(home: &DataDir, work: impl FnOnce(&Store) -> Result<T, CliError>) -> Result<T, CliError> {
    let store = Store::open_beside(home, SIZES)?;
    let done = work(&store);
    store.close();
    done
}

/// Does a write that makes a secret, and prints the secret, if the text has one, before the write is committed: one that
/// nobody could read is never made.
pub(super) fn write_and_print<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&Tx) -> Done<T> + Send + 'static,
    text: impl Fn(&T) -> Option<String> + Send + 'static,
    trouble: impl FnOnce(Error) -> CliError,
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
            let (CliError::Failed(words) | CliError::Usage(words)) = trouble(error);
            Err(CliError::Failed(format!("{words}; the secret on stdout is not valid")))
        }
        (Err(error), None) => Err(trouble(error)),
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let next = match &error {
            Error::Invalid { .. } => return Self::Usage(format!("{error}; correct it and try again")),
            Error::NotFound { what, .. } => list_of(*what),
            Error::Conflict { what: Noun::Client, .. } => "`atelier client show ID` shows it",
            Error::Conflict { .. } => "`atelier user list` shows who has it",
            // The rules of these two, and how long to wait, are the next step.
            Error::Refused { .. }
            | Error::Exceeded
            | Error::Forbidden { .. }
            | Error::Busy { .. }
            | Error::TooLarge { .. }
            | Error::Throttled { .. }
            | Error::TooMany { .. } => {
                return Self::Failed(error.to_string());
            }
            Error::Unauthenticated(_) => "run this command as the user that runs the server",
            Error::Internal(_) => return Self::Failed(format!("{}; run `atelier check` for details", broken(&error))),
        };
        Self::Failed(format!("{error}; {next}"))
    }
}

/// Where to find the right name of something.
fn list_of(what: Noun) -> &'static str {
    match what {
        Noun::Key => "`atelier key list` shows all keys",
        Noun::Client => "`atelier client list` shows all clients",
        Noun::Audit
        | Noun::Consent
        | Noun::Credential
        | Noun::Member
        | Noun::Organization
        | Noun::Project
        | Noun::ProjectRestriction
        | Noun::Role
        | Noun::RoleAssignment
        | Noun::RoleBinding
        | Noun::Session
        | Noun::SigningKey
        | Noun::User
        | Noun::Workspace => "`atelier user list` shows all users",
    }
}

/// What broke and why, on one line; on the command line nobody else is to be kept from knowing it.
pub(super) fn broken(error: &Error) -> String {
    let chain = error.chain();
    chain.strip_prefix("internal error: ").unwrap_or(&chain).to_owned()
}

/// Refused because of how things stand: the rule, and what to do about it.
pub(super) fn or_refused(next: &'static str) -> impl Fn(Error) -> CliError {
    move |error| match error {
        Error::Refused { .. } => CliError::Failed(format!("{error}; {next}")),
        other => other.into(),
    }
}
