//! The first administrator, created at the first start with the configured password or a generated one.

use std::io::Write as _;
use std::path::Path;

use super::CliError;
use super::setup_file::FirstSetup;
use crate::app::identity::passwords::{self, Owner};
use crate::app::setup;
use crate::config::Config;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::user::{AccountRole, NewUser, PersonName};
use crate::error::Error;
use crate::store::data_dir::DataDir;
use crate::store::{Store, files};
use crate::tokens::password::{self, PasswordHash};

/// The administrator that was created.
pub(super) struct First {
    pub(super) email: Email,
    /// The password, if it was generated.
    pub(super) password: Option<Password>,
}

/// What the configuration says of the first start.
pub(super) struct Planned {
    first_setup: Option<FirstSetup>,
    email: Email,
    password: Password,
    generated: bool,
    hash: PasswordHash,
}

impl Planned {
    pub(super) fn read(config: &Config) -> Result<Self, CliError> {
        let first_setup = config.setup_file.as_deref().map(FirstSetup::read).transpose()?;
        let email = Email::parse(config.first_email())
            .map_err(|invalid| CliError::Usage(format!("admin_email {invalid}; correct it and start again")))?;
        let (password, generated) = match configured_password(config)? {
            Some(text) => (
                Password::parse(text.expose()).map_err(|invalid| {
                    CliError::Usage(format!("the first administrator's password {invalid}; choose another one"))
                })?,
                false,
            ),
            None => (password::generate(), true),
        };
        let hash = passwords::hash_here(&password, &Owner::from(&email)).map_err(|error| match error {
            Error::Invalid { rule, .. } => {
                CliError::Usage(format!("the first administrator's password {rule}; choose another one"))
            }
            error => CliError::Failed(format!("{}; free memory and start again", error.chain())),
        })?;
        Ok(Self { first_setup, email, password, generated, hash })
    }
}

/// Creates an administrator if there is none, with the configured password or a generated one that is printed once, and
/// applies the configured set-up file in the same write.
pub(super) fn first_administrator(config: &Config, home: &DataDir, store: &Store) -> Result<Option<First>, CliError> {
    if !setup::lacks_administrator(store)? {
        if let Some(path) = &config.setup_file {
            FirstSetup::finish(path, store);
            log::info!("{} is applied at the first start only; `atelier apply` applies it now", path.display());
        }
        return Ok(None);
    }
    let Planned { first_setup, email, password, generated, hash } = Planned::read(config)?;
    let note = home.first_admin();
    if generated {
        note_first_administrator(&note, &email, &password).map_err(|error| {
            CliError::Failed(format!(
                "cannot write {}: {error}; no administrator was created; free disk space and start again",
                note.display()
            ))
        })?;
    }
    let new = NewUser {
        email: email.clone(),
        first_name: PersonName::default(),
        last_name: PersonName::default(),
        role: AccountRole::Administrator,
    };
    let created = match &first_setup {
        None => setup::first_administrator(store, new, hash, generated),
        Some(first) => setup::first_administrator_and(store, new, hash, generated, first.apply(config)),
    };
    if let Err(error) = created {
        if generated {
            // The password in the file is not in use, so a file that cannot be removed does no harm.
            let _ = std::fs::remove_file(&note);
        }
        return Err(match first_setup {
            None => error.into(),
            Some(first) => first.failed(error),
        });
    }
    if let Some(first) = &first_setup {
        first.applied();
    }
    Ok(Some(First { email, password: generated.then_some(password) }))
}

fn configured_password(config: &Config) -> Result<Option<Secret>, CliError> {
    match &config.admin_password_file {
        Some(path) => super::password::read_file(path).map(Some),
        None => Ok(config.admin_password.clone()),
    }
}

/// Writes the password to a file. On failure, the file is removed.
fn note_first_administrator(path: &Path, email: &Email, password: &Password) -> std::io::Result<()> {
    let mut file = files::open_or_create(path)?;
    let mut write = || {
        if file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        let text = format!(
            "# The first administrator of this server. Sign in with this password at the sign-in page (/auth/sign-in), \
             which\n# asks you to choose your own password, then delete this file.\n{email}\n{}\n",
            password.expose()
        );
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().inspect_err(|_| {
        // The file contains no password, or a part of one.
        let _ = std::fs::remove_file(path);
    })
}
