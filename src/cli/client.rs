//! `atelier client`: manages OAuth clients.

mod list;
mod recipe;
mod traits;

use clap::Subcommand;
use uuid::Uuid;

use crate::app::identity::oauth::clients::{self, ClientChange, NewClient, Registered};
use crate::app::identity::oauth::recipes::Recipe;
use crate::cli::confirm::Confirm;
use crate::cli::list::{List, print_one};
use crate::cli::{CliError, data, database, print, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::client::{Client, ClientId, ClientName, Grant};
use crate::domain::field::Field;
use crate::domain::group::GroupNames;
use crate::domain::secret::Secret;
use crate::error::{Error, InField};
use crate::store::data_dir::DataDir;
use crate::store::{self, Tx};
use crate::tokens::opaque::{Kind, mint};
use list::to_json;
use traits::Traits;

/// What can be done about clients.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Register a client; for a confidential client, print only the secret, which is not shown again.
    #[command(after_help = "Examples:\n  atelier client add grafana --recipe grafana --redirect-uri \
                      https://grafana.example.com/login/generic_oauth\n  atelier client add cli --public --grant \
                      device_code")]
    Add {
        /// The `client_id`.
        id: String,
        /// The name that users see; the id by default.
        #[arg(long)]
        name: Option<String>,
        /// A confidential client, which can keep a secret, such as an app on a server; this is the default.
        #[arg(long, conflicts_with = "public")]
        confidential: bool,
        /// A public client, which cannot keep a secret, such as an app on a user's machine.
        #[arg(long)]
        public: bool,
        /// What is common to adding and changing one.
        #[command(flatten)]
        traits: Box<Traits>,
        /// Whose configuration to print: generic, grafana, oauth2-proxy, jupyterhub, mlflow or apache.
        #[arg(long, value_name = "PROGRAM", default_value = "generic")]
        recipe: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List clients, without their secrets.
    #[command(after_help = "Examples:\n  atelier client list --json")]
    List {
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Show a client, without its secret, with the UUID of the bot that it acts as on its own behalf.
    #[command(after_help = "Examples:\n  atelier client show grafana")]
    Show {
        /// The `client_id`.
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a client; omitted options stay unchanged, and a given list replaces the current one.
    #[command(
        visible_alias = "set",
        after_help = "Examples:\n  atelier client update grafana --name Grafana\n  atelier client update grafana --group \
                      'acme/fraud:owner=Admin' --group administrators=GrafanaAdmin"
    )]
    Update {
        /// The `client_id`.
        id: String,
        /// The name that users see.
        #[arg(long)]
        name: Option<String>,
        /// What is common to adding and changing one.
        #[command(flatten)]
        traits: Box<Traits>,
        /// Remove all redirect URIs.
        #[arg(long, conflicts_with = "redirect_uri")]
        no_redirect_uri: bool,
        /// Remove all post-logout redirect URIs.
        #[arg(long, conflicts_with = "post_logout_redirect_uri")]
        no_post_logout_redirect_uri: bool,
        /// Remove the names of all groups.
        #[arg(long, conflicts_with = "group")]
        no_group: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove a client with its sessions; its bot is blocked permanently.
    #[command(after_help = "Examples:\n  atelier client remove grafana\n  atelier client remove grafana --yes")]
    Remove {
        /// The `client_id`.
        id: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Create a new secret and print only it; the old one stops working immediately.
    #[command(
        after_help = "Examples:\n  atelier client rotate-secret grafana\n  atelier client rotate-secret grafana --yes"
    )]
    RotateSecret {
        /// The `client_id`.
        id: String,
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
        let home = database::existing(config)?;
        match self {
            Self::Add { id, name, confidential: _, public, traits, recipe, json } => {
                let id = named(&id)?;
                let name = ClientName::parse(name.as_deref().unwrap_or(id.as_str())).in_field("--name")?;
                let settings = traits.of_change()?;
                let recipe = Recipe::parse(&recipe).ok_or_else(|| {
                    let words = Recipe::ALL.map(Recipe::as_str).join(", ");
                    Error::invalid("--recipe", format!("must be one of {words}"))
                })?;
                let client = add(&home, NewClient { id, name, confidential: !public, settings }, json)?;
                if !json && client.may(Grant::AuthorizationCode) {
                    recipe::print(config, &client, recipe);
                }
                Ok(())
            }
            Self::List { options } => list::list(&home, &options),
            Self::Show { id, json } => show(&home, &named(&id)?, json),
            Self::Update { id, name, traits, no_redirect_uri, no_post_logout_redirect_uri, no_group, json } => {
                let mut change = traits.of_change()?;
                change.name = name.map(|name| ClientName::parse(&name)).transpose().in_field("--name")?;
                if no_redirect_uri {
                    change.redirect_uris = Some(Vec::new());
                }
                if no_post_logout_redirect_uri {
                    change.post_logout_redirect_uris = Some(Vec::new());
                }
                if no_group {
                    change.groups = Some(GroupNames::default());
                }
                if change == ClientChange::default() {
                    let words = "nothing to change; give an option, see `atelier client update --help`";
                    return Err(CliError::Usage(words.to_owned()));
                }
                update(&home, named(&id)?, change, json)
            }
            Self::Remove { id, confirm } => remove(&home, named(&id)?, confirm),
            Self::RotateSecret { id, json, confirm } => rotate_secret(&home, named(&id)?, json, confirm),
        }
    }
}

fn named(id: &str) -> Result<ClientId, Error> {
    ClientId::parse(id).in_field("ID")
}

fn add(home: &DataDir, new: NewClient, json: bool) -> Result<Client, CliError> {
    let (secret, fingerprint) = mint(Kind::ClientSecret);
    let secret = new.confidential.then_some(secret);
    let has_secret = secret.is_some();
    let done = data::with(home, |store| {
        crate::app::setup::settle(store)?;
        let (actor, bot) = (Actor::operator(), Uuid::new_v4());
        let add = move |tx: &Tx| clients::register(tx, &actor, &new, new.confidential.then_some(&fingerprint), bot);
        data::write_and_print(store, add, secret_output(secret, json), |error| in_flags(error).into())
    })?;
    warn(&done.client);
    print_result(&done, has_secret, &format!("client {} registered", done.client.id), json)?;
    Ok(done.client)
}

fn show(home: &DataDir, id: &ClientId, json: bool) -> Result<(), CliError> {
    print_one(&to_json(&data::read(home, |view, actor| clients::get(view, actor, id))?), json)
}

fn update(home: &DataDir, id: ClientId, change: ClientChange, json: bool) -> Result<(), CliError> {
    let done = data::with(home, |store| {
        let (actor, bot) = (Actor::operator(), Uuid::new_v4());
        let update = move |tx: &Tx| clients::change(tx, &actor, &id, &change, bot);
        Ok(store.write_and_wait(update).map_err(in_flags)?)
    })?;
    warn(&done.client);
    print_result(&done, false, &format!("client {} updated", done.client.id), json)
}

fn remove(home: &DataDir, id: ClientId, confirm: Confirm) -> Result<(), CliError> {
    data::read(home, |view, actor| clients::get(view, actor, &id))?;
    confirm.ask(&format!("remove the client {id} with its sessions"))?;
    let said = format!("client {id} removed; its sessions have ended");
    data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| clients::remove(tx, &actor, &id))?)
    })?;
    say(&said);
    Ok(())
}

fn rotate_secret(home: &DataDir, id: ClientId, json: bool, confirm: Confirm) -> Result<(), CliError> {
    let has_secret = data::read(home, |view, actor| {
        clients::get(view, actor, &id)?;
        Ok(store::clients::secret(view, &id)?.is_some())
    })?;
    if has_secret {
        confirm.ask(&format!("replace the secret of the client {id}, so that the old one stops working"))?;
    }
    let (secret, fingerprint) = mint(Kind::ClientSecret);
    let done = data::with(home, |store| {
        crate::app::setup::settle(store)?;
        let (actor, bot) = (Actor::operator(), Uuid::new_v4());
        let renew = move |tx: &Tx| clients::renew_secret(tx, &actor, &id, &fingerprint, bot);
        data::write_and_print(store, renew, secret_output(Some(secret), json), CliError::from)
    })?;
    print_result(&done, true, &format!("client {} has a new secret", done.client.id), json)
}

/// The output for a client with a new secret: the secret alone, or everything in JSON.
fn secret_output(secret: Option<Secret>, json: bool) -> impl Fn(&Registered) -> Option<String> + Send + 'static {
    move |done| {
        let secret = secret.as_ref()?.expose();
        if !json {
            return Some(format!("{secret}\n"));
        }
        let mut value = to_json(done);
        if let Some(members) = value.as_object_mut() {
            members.insert("secret".to_owned(), secret.into());
        }
        Some(format!("{value:#}\n"))
    }
}

/// Prints the client, unless it was already printed with its secret. Without JSON, only messages are printed.
fn print_result(done: &Registered, has_secret: bool, message: &str, json: bool) -> Result<(), CliError> {
    if json {
        return if has_secret { Ok(()) } else { print(&format!("{:#}\n", to_json(done))) };
    }
    if has_secret {
        say(&format!("{message}; the secret on stdout is shown only once"));
    } else {
        say(message);
    }
    if let Some(bot) = &done.service {
        say(&format!("on its own behalf it acts as the user {}, with the role {}", bot.uuid, bot.role.as_str()));
    }
    Ok(())
}

/// Warns about settings that are allowed but insecure.
fn warn(client: &Client) {
    for uri in client.redirect_uris.iter().chain(&client.post_logout_redirect_uris).filter(|uri| uri.is_exposed()) {
        say(&format!("warning: {} is not https: others on the network can read what is sent to it", uri.as_str()));
    }
}

/// Replaces the name of a field by its flag.
fn in_flags(error: Error) -> Error {
    match error {
        Error::Invalid { field, rule } => {
            let flag = match field {
                Field::AccessTokenLife => "--access-token-life",
                Field::Grants => "--grant",
                Field::Id => "ID",
                Field::PostLogoutRedirectUris => "--post-logout-redirect-uri",
                Field::Pkce => "--pkce",
                Field::RedirectUris => "--redirect-uri",
                Field::ServiceRole => "--service-role",
                Field::SessionIdle => "--session-idle",
                Field::SessionLife => "--session-life",
                Field::AccountRole
                | Field::ClientId
                | Field::ExpiresAt
                | Field::IdTokenHint
                | Field::Key
                | Field::Limit
                | Field::ModelVersions
                | Field::MustChangePassword
                | Field::On
                | Field::Organization
                | Field::Organizations
                | Field::Password
                | Field::Permissions
                | Field::PostLogoutRedirectUri
                | Field::Scope
                | Field::Secret
                | Field::Workspace
                | Field::Tag
                | Field::Workspaces
                | Field::Named(_) => return Error::Invalid { field, rule },
            };
            Error::invalid(flag, rule)
        }
        other => other,
    }
}
