//! `atelier key`: manages API keys.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::keys::{self, NewKey};
use crate::app::runtime::long_view::LongView;
use crate::app::users::Named;
use crate::cli::flags::When;
use crate::cli::list::{Entry, List, Printer, print_pages};
use crate::cli::serve::key_rules;
use crate::cli::{CliError, data, say, table};
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
use crate::store::data_dir::DataDir;
use crate::store::keys::StoredSecret;
use crate::store::{Tx, View};
use crate::tokens::opaque::{Kind, mint, redacted};

/// What can be done about API keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Create an API key and print only it; it is not shown again.
    #[command(
        after_help = "Examples:\n  atelier key create --user ada@example.com --name laptop --expires 90d\n  atelier \
                            key create --user ada@example.com --expires 2027-01-31 --json"
    )]
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
        /// When it expires: a duration such as 90d, a date such as 2027-01-31, which is its start in UTC, or a time such
        /// as 2027-01-31T12:00:00Z; by default never.
        #[arg(long, value_name = "WHEN", value_parser = When::parse)]
        expires: Option<When>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List API keys, without their secrets.
    #[command(after_help = "Examples:\n  atelier key list\n  atelier key list --user ada@example.com --json")]
    List {
        /// Only the keys of the user with this email address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Revoke an API key, effective immediately.
    #[command(after_help = "Examples:\n  atelier key revoke 7")]
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
                    expires_at: expires.map(When::ahead),
                };
                create(&home, key_rules(config), owner(&user)?, new, secret, json)
            }
            Self::List { user, options } => list(&home, user.as_deref(), &options),
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

/// A key, and the time at which it was read.
struct Row(Key, Timestamp);

impl Entry<9> for Row {
    const HEAD: [&'static str; 9] = ["ID", "TYPE", "USER", "NAME", "KEY", "CREATED", "EXPIRES", "LAST USED", "STATUS"];

    fn row(&self) -> [String; 9] {
        let Self(key, now) = self;
        [
            key.id.to_string(),
            key.kind.as_str().to_owned(),
            owner_email(key).to_owned(),
            key.name.as_str().to_owned(),
            key.redacted.clone(),
            table::moment(Some(key.created_at)),
            table::moment(key.expires_at),
            table::moment(key.last_used_at),
            key.state(*now).as_str().to_owned(),
        ]
    }

    fn to_json(&self) -> Value {
        to_json(&self.0, self.1)
    }

    fn texts(&self) -> Vec<&str> {
        vec![owner_email(&self.0), self.0.name.as_str()]
    }
}

const NONE: &str = "there are no API keys; `atelier key create --user EMAIL` creates one";

fn list(home: &DataDir, user: Option<&str>, options: &List) -> Result<(), CliError> {
    let (actor, of) = (Actor::operator(), user.map(owner).transpose()?);
    data::with(home, |store| {
        if of.is_none() {
            return print_pages(store, options, NONE, |view, page| {
                Ok(keys::page_of_all(view, &actor, page)?.map(|key| Row(key, view.now)))
            });
        }
        let read = |view: &View| {
            let keys = keys::list(&LongView::of(view), &actor, of.as_ref())?;
            Ok(keys.into_iter().map(|key| Row(key, view.now)).collect::<Vec<_>>())
        };
        let mut printer = Printer::new::<Row>(options);
        printer.print(&store.read(read)?)?;
        printer.finish(NONE)
    })
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
