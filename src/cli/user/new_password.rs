//! The new password of a user: given, or generated and printed once.

use serde_json::Value;

use crate::app::identity::passwords::{self, Owner};
use crate::cli::password::Source;
use crate::cli::{CliError, print, say};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::error::InField as _;
use crate::tokens::password::{PasswordHash, generate};

/// A new password, and whether it was generated and so must be printed.
pub(in crate::cli) struct NewPassword {
    password: Password,
    pub(in crate::cli) hash: PasswordHash,
    generated: bool,
}

impl NewPassword {
    pub(in crate::cli) fn of(source: &Source, owner: &Owner) -> Result<Self, CliError> {
        Self::from_text(source.read()?, owner)
    }

    /// The same with a password that was already read.
    pub(super) fn from_text(text: Option<Secret>, owner: &Owner) -> Result<Self, CliError> {
        let generated = text.is_none();
        let password = match text {
            Some(text) => Password::parse(text.expose()).in_field("password")?,
            None => generate(),
        };
        let hash = passwords::hash_here(&password, owner)?;
        Ok(Self { password, hash, generated })
    }

    /// The output if the password was generated: the password alone, or everything in JSON.
    pub(in crate::cli) fn password_output<T>(
        &self,
        to_json: impl Fn(&T) -> Value + Send + 'static,
        json: bool,
    ) -> impl Fn(&T) -> Option<String> + Send + 'static {
        let password = self.generated.then(|| self.password.clone());
        move |done| {
            let password = password.as_ref()?.expose();
            if !json {
                return Some(format!("{password}\n"));
            }
            let mut value = to_json(done);
            if let Some(members) = value.as_object_mut() {
                members.insert("password".to_owned(), password.into());
            }
            Some(format!("{value:#}\n"))
        }
    }

    /// Prints the user, unless the user was already printed with the password. Without JSON, only messages are printed.
    pub(in crate::cli) fn print_result(&self, value: &Value, done: &str, json: bool) -> Result<(), CliError> {
        if json {
            return if self.generated { Ok(()) } else { print(&format!("{value:#}\n")) };
        }
        if self.generated {
            say(&format!("{done}; the password on stdout is shown only once"));
        } else {
            say(done);
        }
        Ok(())
    }
}
