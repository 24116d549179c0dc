//! `atelier key`: manages API keys.

mod output;
mod refresh;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use clap::{ArgGroup, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use crate::app::by_name;
use crate::app::keys::{self, NewKey};
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::users::Named;
use crate::cli::confirm::Confirm;
use crate::cli::flags::{self, When};
use crate::cli::list::{Entry, List, Printer, each_page, print_pages};
use crate::cli::serve::key_rules;
use crate::cli::{CliError, data, database, member, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::{KeyId, OrganizationId, WorkspaceId};
use crate::domain::key::{Key, KeyKind, KeyName, KeyRules, KeySearch};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::secret::Secret;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::AccountRole;
use crate::error::{InField, Result as Done};
use crate::store::data_dir::DataDir;
use crate::store::keys::StoredSecret;
use crate::store::{Tx, View};
use crate::tokens::opaque::{Kind, mint, redacted};
use output::{in_flags, in_words, owner_email, secret_output, to_json};

/// What can be done about API keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Create an API key and print only it; it is not shown again.
    #[command(
        after_help = "Examples:\n  atelier key create --user ada@example.com --name laptop --expires 90d\n  atelier \
                            key create --user ada@example.com --expires 2027-01-31 --json\n  atelier key create \
                            --workspace vision --role reader --name nightly"
    )]
    #[command(group = ArgGroup::new("whose").required(true).args(["user", "workspace"]))]
    Create {
        /// The email address of the user that it acts for.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// For a service key, which acts for no user: a workspace that it may use, by its name, ORG/NAME, or its id;
        /// repeatable.
        #[arg(long)]
        workspace: Vec<String>,
        /// The role of a service key in its workspaces: owner, member, reader, annotator, or the name or id of a custom
        /// one; member by default.
        #[arg(long, conflicts_with = "user")]
        role: Option<String>,
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
    #[command(
        after_help = "Examples:\n  atelier key list\n  atelier key list --user ada@example.com --json\n  atelier \
                            key list --workspace vision"
    )]
    List {
        /// Only the keys of the user with this email address.
        #[arg(long, value_name = "EMAIL", conflicts_with = "workspace")]
        user: Option<String>,
        /// Only the service keys of this workspace: its name, ORG/NAME, or its id; the valid ones first.
        #[arg(long)]
        workspace: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Replace the secret of an API key, and print only the new one; the key keeps its id, and expires no later than
    /// before.
    #[command(
        visible_alias = "renew",
        after_help = "Examples:\n  atelier key refresh 7\n  atelier key refresh 7 --grace 1h --yes"
    )]
    Refresh {
        /// The id of the key, as shown by the list.
        id: i64,
        /// How long the old secret stays valid, such as 10m, at most 24h; by default it stops working immediately.
        #[arg(long, value_name = "DURATION", value_parser = flags::duration)]
        grace: Option<Duration>,
        /// When it expires, as in `key create`, not later than before; by default as before.
        #[arg(long, value_name = "WHEN", value_parser = When::parse)]
        expires: Option<When>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Revoke an API key, effective immediately.
    #[command(after_help = "Examples:\n  atelier key revoke 7\n  atelier key revoke 7 --yes")]
    Revoke {
        /// The id of the key, as shown by the list.
        id: i64,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Create { user, workspace, role, name, description, expires, json } => {
                let (secret, fingerprint) = mint(Kind::Key);
                let new = NewKey {
                    name: KeyName::parse(&name).in_field("--name")?,
                    description: Description::parse(&description).in_field("--description")?,
                    secret: StoredSecret { fingerprint, redacted: redacted(secret.expose()) },
                    expires_at: expires.map(When::ahead),
                };
                let owner = match user {
                    Some(user) => Owner::Person(owner(&user)?),
                    None => Owner::Service(Uuid::new_v4(), workspace, role.unwrap_or_else(|| "member".to_owned())),
                };
                create(&home, key_rules(config), owner, new, secret, json)
            }
            Self::List { user, workspace, options } => list(&home, user.as_deref(), workspace.as_deref(), &options),
            Self::Refresh { id, grace, expires, json, confirm } => {
                let refresh = refresh::Refresh { id: KeyId(id), grace, expires_at: expires.map(When::ahead) };
                refresh::run(&home, key_rules(config), &refresh, confirm, json)
            }
            Self::Revoke { id, confirm } => revoke(&home, KeyId(id), confirm),
        }
    }
}

fn owner(email: &str) -> Result<Named, CliError> {
    Ok(Named::Email(Email::parse(email).in_field("--user")?))
}

/// Who a new key acts for.
enum Owner {
    Person(Named),
    /// A new service with this UUID, in these workspaces, with this role.
    Service(Uuid, Vec<String>, String),
}

impl Owner {
    fn create(&self, tx: &Tx, actor: &Actor, rules: &KeyRules, new: &NewKey) -> Done<Key> {
        match self {
            Self::Person(who) => keys::create(tx, actor, rules, who, new),
            Self::Service(uuid, workspaces, role) => {
                let role = member::role(tx, actor, role)?;
                let mut places: BTreeMap<OrganizationId, Vec<(WorkspaceId, Role)>> = BTreeMap::new();
                for name in workspaces {
                    let workspace = by_name::workspace(tx, actor, name)?;
                    places.entry(workspace.organization).or_default().push((workspace.id, role));
                }
                let grant = |(organization, workspaces)| Grant {
                    organization: Some(organization),
                    role: OrganizationRole::Member,
                    workspaces,
                };
                let organizations = places.into_iter().map(grant).collect();
                let grants = Grants { account: AccountRole::Member, organizations };
                service_keys::create(tx, actor, rules, *uuid, new, &grants).map(|(key, _)| key)
            }
        }
    }
}

fn create(
    home: &DataDir,
    rules: KeyRules,
    owner: Owner,
    new: NewKey,
    secret: Secret,
    json: bool,
) -> Result<(), CliError> {
    let key = data::with(home, |store| {
        let actor = Actor::operator();
        let create = move |tx: &Tx| owner.create(tx, &actor, &rules, &new);
        data::write_and_print(store, create, secret_output(secret, json), |error| in_flags(error).into())
    })?;
    if !json {
        let end = key.expires_at.map_or_else(|| "it is revoked".to_owned(), |end| table::moment(Some(end)));
        let whose = match key.kind {
            KeyKind::User => format!("key {} acts for {}", key.id, key.email),
            KeyKind::Service => format!("the service key {} is valid", key.id),
        };
        say(&format!("{whose} until {end}; the key on stdout is shown only once"));
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

fn list(home: &DataDir, user: Option<&str>, workspace: Option<&str>, options: &List) -> Result<(), CliError> {
    let (actor, of) = (Actor::operator(), user.map(owner).transpose()?);
    data::with(home, |store| {
        let Some(workspace) = workspace else {
            return print_pages(store, options, NONE, |view, page| {
                let found = match &of {
                    Some(who) => keys::page_of(view, &actor, who, page)?,
                    None => keys::page_of_all(view, &actor, page)?,
                };
                Ok(found.map(|key| Row(key, view.now)))
            });
        };
        let workspace = store.read(|view| by_name::workspace(view, &actor, workspace))?.id;
        let printer = RefCell::new(Printer::new::<Row>(options));
        for live in [true, false] {
            let search = KeySearch { kind: Some(KeyKind::Service), live, workspace: Some(workspace), user: None };
            let read =
                |view: &View, page| Ok(keys::page(view, &actor, &search, page)?.map(|(key, _)| Row(key, view.now)));
            each_page(store, read, |rows| printer.borrow_mut().print(rows))?;
        }
        printer.into_inner().finish("the workspace has no service keys; `atelier key create --workspace` creates one")
    })
}

fn revoke(home: &DataDir, id: KeyId, confirm: Confirm) -> Result<(), CliError> {
    let key = data::read(home, |view, actor| keys::controlled(view, actor, id))?;
    confirm.ask(&format!("revoke {}", in_words(&key)))?;
    data::write(home, move |tx, actor| keys::revoke(tx, actor, id))?;
    say(&format!("key {id} revoked"));
    Ok(())
}
