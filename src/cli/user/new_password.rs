//! The new password of a user: given, or generated and printed once.

use serde_json::Value;

use super::to_json;
use crate::app::identity::passwords::{self, Owner};
use crate::app::users::{self, Named};
use crate::cli::password::Source;
use crate::cli::{CliError, data, print, say};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::error::InField as _;
use crate::store::Tx;
use crate::store::data_dir::DataDir;
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

/// Sets a new password, and ends the sessions of the user.
pub(super) fn set(
    home: &DataDir,
    who: Email,
    password: Option<Secret>,
    revoke_keys: bool,
    json: bool,
) -> Result<(), CliError> {
    let (new, user) = data::with(home, |store| {
        let (actor, who) = (Actor::operator(), Named::Email(who));
        let owner = Owner::from(&store.read(|view| users::named(view, &actor, &who))?);
        let new = NewPassword::from_text(password, &owner)?;
        let change = users::NewPassword { hash: new.hash.clone(), revoke_keys };
        let set = move |tx: &Tx| users::set_password(tx, &actor, &who, &change);
        let user = data::write_and_print(store, set, new.password_output(to_json, json), CliError::from)?;
        Ok((new, user))
    })?;
    let ended =
        if revoke_keys { "all sessions have ended and all API keys are revoked" } else { "all sessions have ended" };
    new.print_result(&to_json(&user), &format!("{} has a new password; {ended}", user.email), json)
}
