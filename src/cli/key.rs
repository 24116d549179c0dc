//! `atelier key`: manages API keys.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::keys::{self, NewKey};
use crate::app::runtime::long_view::LongView;
use crate::app::users::Named;
use crate::cli::serve::key_rules;
use crate::cli::{CliError, data, flags, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::field::Field;
use crate::domain::ids::KeyId;
use crate::domain::key::{Key, KeyKind, KeyName, KeyRules};
use crate::domain::secret::Secret;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, InField};
use crate::store::Tx;
use crate::store::data_dir::DataDir;
use crate::store::keys::StoredSecret;
use crate::tokens::opaque::{Kind, mint, redacted};

/// What can be done about API keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Create an API key and print only it; it is not shown again.
    Create {
        /// The email address of the user that it acts for.
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// The name.
        #[arg(long, default_value = "command line")]
        name: String,
        /// The description.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// The lifetime, such as 90d; by default it never expires.
        #[arg(long, value_name = "DURATION", value_parser = flags::duration)]
        expires: Option<Duration>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List API keys, without their secrets.
    List {
        /// Only the keys of the user with this email address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API key, effective immediately.
    Revoke {
        /// The id of the key, as shown by the list.
        id: i64,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = DataDir::existing(&config.data_dir)?;
        match self {
            Self::Create { user, name, description, expires, json } => {
                let (secret, fingerprint) = mint(Kind::Key);
                let new = NewKey {
                    name: KeyName::parse(&name).in_field("--name")?,
                    description: Description::parse(&description).in_field("--description")?,
                    secret: StoredSecret { fingerprint, redacted: redacted(secret.expose()) },
                    expires_at: expires.map(|life| Timestamp::now().after(life)),
                };
                create(&home, key_rules(config), owner(&user)?, new, secret, json)
            }
            Self::List { user, json } => list(&home, user.as_deref(), json),
            Self::Revoke { id } => revoke(&home, KeyId(id)),
        }
    }
}

fn owner(email: &str) -> Result<Named, CliError> {
    Ok(Named::Email(Email::parse(email).in_field("--user")?))
}

fn create(
    home: &DataDir,
    rules: KeyRules,
    user: Named,
    new: NewKey,
    secret: Secret,
    json: bool,
) -> Result<(), CliError> {
    let text = move |key: &Key| {
        if !json {
            return Some(format!("{}\n", secret.expose()));
        }
        let mut value = to_json(key, key.created_at);
        if let Some(members) = value.as_object_mut() {
            members.insert("secret".to_owned(), secret.expose().into());
        }
        Some(format!("{value:#}\n"))
    };
    let key = data::with(home, |store| {
        let actor = Actor::operator();
        let create = move |tx: &Tx| keys::create(tx, &actor, &rules, &user, &new);
        data::write_and_print(store, create, text, |error| in_flags(error).into())
    })?;
    if !json {
        let end = key.expires_at.map_or_else(|| "it is revoked".to_owned(), |end| table::moment(Some(end)));
        say(&format!("key {} acts for {} until {end}; the key on stdout is shown only once", key.id, key.email));
    }
    Ok(())
}

fn list(home: &DataDir, user: Option<&str>, json: bool) -> Result<(), CliError> {
    let of = user.map(owner).transpose()?;
    let read = |store: &crate::store::Store| {
        Ok(store.read(|view| Ok((keys::list(&LongView::of(view), &Actor::operator(), of.as_ref())?, view.now)))?)
    };
    let (keys, now) = data::with(home, read)?;
    if json {
        return print(&format!("{:#}\n", keys.iter().map(|key| to_json(key, now)).collect::<Value>()));
    }
    if keys.is_empty() {
        say("there are no API keys; `atelier key create --user EMAIL` creates one");
    }
    let row = |key: &Key| {
        [
            key.id.to_string(),
            key.kind.as_str().to_owned(),
            owner_email(key).to_owned(),
            key.name.as_str().to_owned(),
            key.redacted.clone(),
            table::moment(Some(key.created_at)),
            table::moment(key.expires_at),
            table::moment(key.last_used_at),
            key.state(now).as_str().to_owned(),
        ]
    };
    let head = ["ID", "TYPE", "USER", "NAME", "KEY", "CREATED", "EXPIRES", "LAST USED", "STATUS"];
    print(&table::under(head, keys.iter().map(row).collect()))
}

fn revoke(home: &DataDir, id: KeyId) -> Result<(), CliError> {
    data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| keys::revoke(tx, &actor, id))?)
    })?;
    say(&format!("key {id} revoked"));
    Ok(())
}

/// The email of a key's user. The email of a bot has no meaning, so it is not shown.
fn owner_email(key: &Key) -> &str {
    match key.kind {
        KeyKind::User => key.email.as_str(),
        KeyKind::Service => "-",
    }
}

/// Replaces the name of a field by its flag.
fn in_flags(error: Error) -> Error {
    match error {
        Error::Invalid { field: Field::ExpiresAt, rule } => Error::invalid("--expires", rule),
        other => other,
    }
}

fn to_json(key: &Key, now: Timestamp) -> Value {
    json!({
        "id": key.id.0,
        "type": key.kind.as_str(),
        "user": (key.kind == KeyKind::User).then(|| key.email.as_str()),
        "name": key.name.as_str(),
        "description": key.description.as_str(),
        "key": key.redacted,
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|moment| moment.to_string()),
        "revoked_at": key.revoked_at.map(|moment| moment.to_string()),
        "last_used_at": key.last_used_at.map(|moment| moment.to_string()),
        "status": key.state(now).as_str(),
    })
}
