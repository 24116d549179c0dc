//! `atelier user`: manages users.

mod link;

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::passwords::Owner;
use crate::app::identity::{passwords, second_factors};
use crate::app::runtime::long_view::LongView;
use crate::app::users::Named;
use crate::app::{setup, users};
use crate::cli::data::{self, or_refused};
use crate::cli::password::Source;
use crate::cli::{CliError, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::link::Purpose;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, NewUser, PersonName, User, UserChange};
use crate::error::{Error, InField};
use crate::store::Tx;
use crate::store::data_dir::DataDir;
use crate::tokens::password::{PasswordHash, generate};

/// The next step if the rule on administrators prevents a change.
const ANOTHER_FIRST: &str = "create another one first with `atelier user promote` or `atelier user enable`";

/// What can be done about people.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Add a user; by default, a password is generated and printed once.
    Add {
        /// The user's email address, which is used to sign in.
        email: String,
        /// First name.
        #[arg(long, value_name = "NAME")]
        first_name: Option<String>,
        /// Last name.
        #[arg(long, value_name = "NAME")]
        last_name: Option<String>,
        /// Make the user an administrator.
        #[arg(long)]
        admin: bool,
        /// Where the password comes from.
        #[command(flatten)]
        password: Source,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List all users.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set a new password and end the user's sessions; by default, the password is generated and printed once.
    Passwd {
        /// The user's email address.
        email: String,
        /// Where the password comes from.
        #[command(flatten)]
        password: Source,
        /// Also revoke the user's API keys.
        #[arg(long)]
        revoke_keys: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print only a link with which an invited user sets a password; valid once, for 72 hours.
    InviteLink {
        /// The user's email address.
        email: String,
    },
    /// Print only a link with which a user resets the password; valid once, for 30 minutes.
    ResetLink {
        /// The user's email address.
        email: String,
        /// Revoke the user's API keys now. The page behind the link offers this, too.
        #[arg(long)]
        revoke_keys: bool,
    },
    /// Remove the second factor of a user who has lost it, and end the user's sessions.
    ResetMfa {
        /// The user's email address.
        email: String,
    },
    /// Re-enable a user.
    Enable {
        /// The user's email address.
        email: String,
    },
    /// Disable a user: end all sessions and reject all API keys immediately.
    Disable {
        /// The user's email address.
        email: String,
    },
    /// Mark a user's email address as verified, for apps that link accounts by email address.
    VerifyEmail {
        /// The user's email address.
        email: String,
        /// Mark it as not verified instead.
        #[arg(long)]
        undo: bool,
    },
    /// Make a user an administrator.
    Promote {
        /// The user's email address.
        email: String,
    },
    /// Make an administrator a member.
    Demote {
        /// The user's email address.
        email: String,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let place = &config.data_dir;
        let state = |enabled| UserChange { enabled: Some(enabled), ..UserChange::default() };
        let administrator = |yes| UserChange { administrator: Some(yes), ..UserChange::default() };
        match self {
            Self::Add { email, first_name, last_name, admin, password, json } => {
                let name = |raw: Option<String>| PersonName::parse(raw.as_deref().unwrap_or_default());
                let new = NewUser {
                    email: data::address(&email)?,
                    first_name: name(first_name).in_field("--first-name")?,
                    last_name: name(last_name).in_field("--last-name")?,
                    role: if admin { AccountRole::Administrator } else { AccountRole::Member },
                };
                let password = NewPassword::of(&password, &Owner::from(&new))?;
                add(&create_if_absent(place)?, new, &password, json)
            }
            Self::List { json } => list(&DataDir::existing(place)?, json),
            Self::Passwd { email, password, revoke_keys, json } => {
                let (home, email) = (DataDir::existing(place)?, data::address(&email)?);
                set_password(&home, email, password.read()?, revoke_keys, json)
            }
            Self::InviteLink { email } => link::make(config, &email, Purpose::Invitation, false),
            Self::ResetLink { email, revoke_keys } => link::make(config, &email, Purpose::PasswordReset, revoke_keys),
            Self::ResetMfa { email } => reset_second_factor(&DataDir::existing(place)?, &email),
            Self::Enable { email } => change(&DataDir::existing(place)?, &email, state(true)),
            Self::Disable { email } => change(&DataDir::existing(place)?, &email, state(false)),
            Self::VerifyEmail { email, undo } => verify(&DataDir::existing(place)?, &email, !undo),
            Self::Promote { email } => change(&DataDir::existing(place)?, &email, administrator(true)),
            Self::Demote { email } => change(&DataDir::existing(place)?, &email, administrator(false)),
        }
    }
}

/// A new password, and whether it was generated and so must be printed.
pub(super) struct NewPassword {
    password: Password,
    pub(super) hash: PasswordHash,
    generated: bool,
}

impl NewPassword {
    pub(super) fn of(source: &Source, owner: &Owner) -> Result<Self, CliError> {
        Self::from_text(source.read()?, owner)
    }

    /// The same with a password that was already read.
    fn from_text(text: Option<Secret>, owner: &Owner) -> Result<Self, CliError> {
        let generated = text.is_none();
        let password = match text {
            Some(text) => Password::parse(text.expose()).in_field("password")?,
            None => generate(),
        };
        let hash = passwords::hash_here(&password, owner)?;
        Ok(Self { password, hash, generated })
    }

    /// The output if the password was generated: the password alone, or everything in JSON.
    pub(super) fn password_output<T>(
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
    pub(super) fn print_result(&self, value: &Value, done: &str, json: bool) -> Result<(), CliError> {
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

/// Creates the data directory if it is absent, because a first user may be added before a server runs. The message
/// reveals a misspelled path.
fn create_if_absent(place: &Path) -> Result<DataDir, CliError> {
    let absent = !DataDir::at(place).database().exists();
    let home = DataDir::open(place)?;
    if absent {
        say(&format!("created the data directory {}; `atelier serve` starts a server on it", place.display()));
    }
    Ok(home)
}

fn add(home: &DataDir, new: NewUser, password: &NewPassword, json: bool) -> Result<(), CliError> {
    let hash = password.hash.clone();
    let user = data::with(home, |store| {
        setup::settle(store)?;
        let (actor, uuid) = (Actor::operator(), Uuid::new_v4());
        let create = move |tx: &Tx| users::create(tx, &actor, &new, uuid, Some(&hash));
        data::write_and_print(store, create, password.password_output(to_json, json), CliError::from)
    })?;
    password.print_result(&to_json(&user), &format!("added {} as {}", user.email, user.role.as_str()), json)
}

fn list(home: &DataDir, json: bool) -> Result<(), CliError> {
    let mut everybody = Vec::new();
    let mut add = |user: &User| {
        everybody.push(user.clone());
        Ok(())
    };
    data::with(home, |store| {
        Ok(store.read(|view| users::for_each(&LongView::of(view), &Actor::operator(), &mut add))?)
    })?;
    if json {
        return print(&format!("{:#}\n", everybody.iter().map(to_json).collect::<Value>()));
    }
    if everybody.is_empty() {
        say("there are no users yet; `atelier serve` creates an administrator, `atelier user add` adds a user");
    }
    let row = |user: &User| {
        [
            user.uuid.to_string(),
            user.email.to_string(),
            format!("{} {}", user.first_name.as_str(), user.last_name.as_str()).trim().to_owned(),
            user.role.as_str().to_owned(),
            status(user).to_owned(),
            if user.email_verified.is_some() { "yes" } else { "no" }.to_owned(),
            table::moment(Some(user.created_at)),
            table::moment(user.last_sign_in_at),
        ]
    };
    let head = ["ID", "EMAIL", "NAME", "ROLE", "STATUS", "VERIFIED", "CREATED", "LAST SIGN-IN"];
    print(&table::under(head, everybody.iter().map(row).collect()))
}

fn set_password(
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

fn reset_second_factor(home: &DataDir, email: &str) -> Result<(), CliError> {
    let who = Named::Email(data::address(email)?);
    let (user, had_one) = data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| second_factors::reset(tx, &actor, &who))?)
    })?;
    if had_one {
        say(&format!("the second factor of {} was removed; all sessions have ended", user.email));
    } else {
        say(&format!("{} has no second factor; nothing was changed", user.email));
    }
    Ok(())
}

fn change(home: &DataDir, email: &str, change: UserChange) -> Result<(), CliError> {
    let who = Named::Email(data::address(email)?);
    let user = data::with(home, |store| {
        let actor = Actor::operator();
        let changed = store.write_and_wait(move |tx| users::change(tx, &actor, &who, &change));
        changed.map_err(|error| match error {
            Error::Refused { rule } if rule == users::KEEPS_AN_ADMINISTRATOR => or_refused(ANOTHER_FIRST)(error),
            other => other.into(),
        })
    })?;
    let state = if user.enabled { "enabled" } else { "disabled" };
    say(&format!("{} is {state}, {}", user.email, user.role.as_str()));
    Ok(())
}

fn verify(home: &DataDir, email: &str, verified: bool) -> Result<(), CliError> {
    let who = Named::Email(data::address(email)?);
    let change = UserChange { email_verified: Some(verified), ..UserChange::default() };
    let user = data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| users::change(tx, &actor, &who, &change))?)
    })?;
    say(&format!("the address {} is {}", user.email, if verified { "verified" } else { "not verified" }));
    Ok(())
}

fn status(user: &User) -> &'static str {
    user.status(Timestamp::now()).as_str()
}

pub(super) fn to_json(user: &User) -> Value {
    json!({
        "id": user.uuid.to_string(),
        "email": user.email.as_str(),
        "email_verified": user.email_verified.is_some(),
        "email_verified_by": user.email_verified.map(|verified| verified.by.to_string()),
        "email_verified_at": user.email_verified.map(|verified| verified.at.to_string()),
        "first_name": user.first_name.as_str(),
        "last_name": user.last_name.as_str(),
        "role": user.role.as_str(),
        "enabled": user.enabled,
        "status": status(user),
        "created_at": user.created_at.to_string(),
        "last_sign_in_at": user.last_sign_in_at.map(|moment| moment.to_string()),
    })
}
