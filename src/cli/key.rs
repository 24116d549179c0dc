//! `atelier key`: API keys.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::keys::{self, NewKey};
use crate::app::users::Named;
use crate::cli::{Trouble, data, flags, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::KeyId;
use crate::domain::key::{Key, KeyName};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, InField};
use crate::store::home::Home;
use crate::tokens::opaque::{Kind, mint, redacted};

/// What can be done about API keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Make a key and print it, alone; it is not shown again.
    Create {
        /// The e-mail address of the person it acts for.
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// A name to know it by.
        #[arg(long, default_value = "command line")]
        name: String,
        /// How long it works, such as 90d; without it, until it is revoked.
        #[arg(long, value_name = "DURATION", value_parser = flags::duration)]
        expires: Option<Duration>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List keys, without their secrets.
    List {
        /// Only the keys of the person with this e-mail address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key; it is refused from its next use on.
    Revoke {
        /// The key's id, as the list shows it.
        id: i64,
    },
}

impl Command {
    /// Does it to the server of that configuration.
    pub fn run(self, config: &Config) -> Result<(), Trouble> {
        let home = Home::existing(&config.data_dir)?;
        match self {
            Self::Create { user, name, expires, json } => {
                let name = KeyName::parse(&name).in_field("--name")?;
                create(&home, owner(&user)?, name, expires, json)
            }
            Self::List { user, json } => list(&home, user.as_deref(), json),
            Self::Revoke { id } => revoke(&home, KeyId(id)),
        }
    }
}

fn owner(email: &str) -> Result<Named, Trouble> {
    Ok(Named::Email(Email::parse(email).in_field("--user")?))
}

fn create(home: &Home, user: Named, name: KeyName, expires: Option<Duration>, json: bool) -> Result<(), Trouble> {
    let (secret, fingerprint) = mint(Kind::Key);
    let expires_at = expires.map(|life| Timestamp::now().after(life));
    let new = NewKey { user, name, fingerprint, redacted: redacted(secret.expose()), expires_at };
    let key = data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| keys::create(tx, &actor, &new)).map_err(in_flags)?)
    })?;
    if json {
        let mut told = told(&key, key.created_at);
        if let Some(members) = told.as_object_mut() {
            members.insert("secret".to_owned(), secret.expose().into());
        }
        return print(&format!("{told:#}\n"));
    }
    print(&format!("{}\n", secret.expose()))?;
    let end = key.expires_at.map_or_else(|| "it is revoked".to_owned(), |end| table::moment(Some(end)));
    say(&format!("key {} acts for {} until {end}; the key on stdout is shown this once", key.id, key.email));
    Ok(())
}

fn list(home: &Home, user: Option<&str>, json: bool) -> Result<(), Trouble> {
    let of = user.map(owner).transpose()?;
    let read = |store: &crate::store::Store| {
        Ok(store.read(|view| Ok((keys::list(view, &Actor::operator(), of.as_ref())?, view.now)))?)
    };
    let (keys, now) = data::with(home, read)?;
    if json {
        return print(&format!("{:#}\n", keys.iter().map(|key| told(key, now)).collect::<Value>()));
    }
    if keys.is_empty() {
        say("there are no keys; `atelier key create --user EMAIL` makes one");
    }
    let row = |key: &Key| {
        [
            key.id.to_string(),
            key.email.to_string(),
            key.name.as_str().to_owned(),
            key.redacted.clone(),
            table::moment(Some(key.created_at)),
            table::moment(key.expires_at),
            table::moment(key.last_used_at),
            key.state(now).word().to_owned(),
        ]
    };
    let head = ["ID", "USER", "NAME", "KEY", "CREATED", "EXPIRES", "LAST USED", "STATUS"];
    print(&table::under(head, keys.iter().map(row).collect()))
}

fn revoke(home: &Home, id: KeyId) -> Result<(), Trouble> {
    data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| keys::revoke(tx, &actor, id))?)
    })?;
    say(&format!("key {id} is revoked"));
    Ok(())
}

/// Calls a field as its flag is called.
fn in_flags(error: Error) -> Error {
    match error {
        Error::Invalid { field, rule } if field == "expires_at" => Error::invalid("--expires", rule),
        other => other,
    }
}

fn told(key: &Key, now: Timestamp) -> Value {
    json!({
        "id": key.id.0,
        "user": key.email.as_str(),
        "name": key.name.as_str(),
        "key": key.redacted,
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|moment| moment.to_string()),
        "revoked_at": key.revoked_at.map(|moment| moment.to_string()),
        "last_used_at": key.last_used_at.map(|moment| moment.to_string()),
        "status": key.state(now).word(),
    })
}
