//! `atelier admin`: restores the access of an administrator.

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

use super::user::{self, NewPassword};
use super::{CliError, data, database, say};
use crate::app::identity::passwords::Owner;
use crate::app::identity::recovery::{self, Recovered, Whom};
use crate::app::{setup, users};
use crate::cli::confirm::Confirm;
use crate::cli::password::Source;
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::key::Key;
use crate::error::InField;
use crate::store::Tx;
use crate::store::data_dir::DataDir;

/// What can be done about administrators.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Restore the access of an administrator: print a new password once. The account is enabled and made an
    /// administrator, its second factor is removed, its sessions and links end, and its API keys are revoked. Service
    /// keys that the administrator created keep working; they are listed so that you can revoke them.
    #[command(
        after_help = "Examples:\n  atelier admin recover\n  atelier admin recover ada@example.com --keep-keys --yes"
    )]
    Recover {
        /// The administrator's email address; the account is created if it does not exist. The first administrator by
        /// default.
        email: Option<String>,
        /// Keep the administrator's API keys.
        #[arg(long)]
        keep_keys: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let Self::Recover { email, keep_keys, json, confirm } = self;
        let whom = match email {
            Some(email) => Whom::Named(data::address(&email)?),
            None => Whom::AnyOr(Email::parse(config.first_email()).in_field("admin_email")?),
        };
        let home = database::existing(config)?;
        if let Some(user) = data::read(&home, |view, actor| recovery::find(view, actor, &whom))? {
            let keys = if keep_keys { "" } else { " and revoke all API keys" };
            confirm.ask(&format!(
                "replace the password of {}, end all sessions, remove the second factor{keys}",
                user.email
            ))?;
        }
        recover(&home, whom, keep_keys, json)
    }
}

fn recover(home: &DataDir, whom: Whom, keep_keys: bool, json: bool) -> Result<(), CliError> {
    let (Whom::Named(email) | Whom::AnyOr(email)) = &whom;
    let password = NewPassword::of(&Source::default(), &Owner::from(email))?;
    let new = users::NewPassword { hash: password.hash.clone(), revoke_keys: !keep_keys };
    let recovered = data::with(home, |store| {
        setup::settle(store)?;
        let (actor, uuid) = (Actor::operator(), Uuid::new_v4());
        let recover = move |tx: &Tx| recovery::recover(tx, &actor, &whom, uuid, &new);
        let refused = data::or_refused("give the email address of another administrator, or a new one");
        data::write_and_print(store, recover, password.password_output(to_json, json), refused)
    })?;
    let email = &recovered.user.email;
    let done = if recovered.created {
        format!("{email} is a new administrator")
    } else {
        let ended = if keep_keys {
            "all their sessions have ended; their API keys still work"
        } else {
            "all their sessions have ended and all their API keys are revoked"
        };
        format!("{email} is an enabled administrator without a second factor, and {ended}")
    };
    let keys = recovered.service_keys.iter();
    password.print_result(&to_json(&recovered), &done, json)?;
    if !json && !recovered.service_keys.is_empty() {
        let named: Vec<String> = keys.map(|key| format!("{} ({})", key.id, key.name.as_str())).collect();
        say(&format!(
            "service keys that {email} created still work: {}; `atelier key revoke ID` revokes one",
            named.join(", ")
        ));
    }
    Ok(())
}

fn to_json(recovered: &Recovered) -> Value {
    let mut value = user::to_json(&recovered.user);
    let key = |key: &Key| json!({ "id": key.id.0, "name": key.name.as_str() });
    value["service_keys"] = recovered.service_keys.iter().map(key).collect();
    value
}
