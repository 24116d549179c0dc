//! `atelier session`: lists and ends the sessions of users.

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::{session_list, sessions};
use crate::app::users;
use crate::app::users::Named;
use crate::cli::confirm::Confirm;
use crate::cli::data::address;
use crate::cli::list::{Entry, List, print_pages};
use crate::cli::{CliError, data, database, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::client::ClientId;
use crate::domain::session::Session;
use crate::store::Tx;
use crate::store::data_dir::DataDir;

/// What can be done about sessions.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// List the sessions of browsers and clients, newest first.
    #[command(after_help = "Examples:\n  atelier session list\n  atelier session list --user ada@example.com --json")]
    List {
        /// Only sessions of the user with this email address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// End one or more sessions; their tokens and cookies stop working immediately. For API keys, see `atelier key
    /// revoke`.
    #[command(
        after_help = "Examples:\n  atelier session end 6f1c1d1e-0f5e-4b8e-9d0a-2d4c6b8a0e1f\n  atelier session end \
                            --user ada@example.com\n  atelier session end --all --yes"
    )]
    #[command(group = clap::ArgGroup::new("which").required(true).args(["id", "user", "all"]))]
    End {
        /// The id of the session, as shown by the list.
        id: Option<Uuid>,
        /// All sessions of the user with this email address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// All sessions of all users, and all pending codes and sign-ins.
        #[arg(long)]
        all: bool,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::List { user, options } => list(&home, user.as_deref(), &options),
            Self::End { id: Some(id), confirm, .. } => end(&home, id, confirm),
            Self::End { user: Some(user), confirm, .. } => end_of(&home, &user, confirm),
            Self::End { confirm, .. } => end_all(&home, confirm),
        }
    }
}

/// A session and the email of its user.
type Row = (Session, String);

impl Entry<7> for Row {
    const HEAD: [&'static str; 7] = ["ID", "USER", "CLIENT", "ADDRESS", "CREATED", "LAST USED", "ENDS"];

    fn row(&self) -> [String; 7] {
        let (session, email) = self;
        [
            session.uuid.to_string(),
            email.clone(),
            through(session).to_owned(),
            session.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
            table::moment(Some(session.created_at)),
            table::moment(Some(session.last_used_at)),
            table::moment(Some(session.idle_until.min(session.ends_at))),
        ]
    }

    fn to_json(&self) -> Value {
        to_json(self)
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.1, through(&self.0)]
    }
}

pub(super) fn list(home: &DataDir, user: Option<&str>, options: &List) -> Result<(), CliError> {
    let (actor, whose) = (Actor::operator(), user.map(address).transpose()?.map(Named::Email));
    data::with(home, |store| {
        print_pages(store, options, "nobody is signed in", |view, page| {
            session_list::page(view, &actor, whose.as_ref(), page)
        })
    })
}

fn end(home: &DataDir, id: Uuid, confirm: Confirm) -> Result<(), CliError> {
    let user = data::read(home, |view, actor| {
        let session = session_list::live(view, actor, id)?;
        users::principal(view, actor, &Named::Number(session.user))
    })?;
    confirm.ask(&format!("end the session {id} of {}", user.email))?;
    data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| session_list::end(tx, &actor, id))?)
    })?;
    say(&format!("session {id} ended"));
    Ok(())
}

fn end_of(home: &DataDir, email: &str, confirm: Confirm) -> Result<(), CliError> {
    let who = Named::Email(address(email)?);
    let user = data::read(home, |view, actor| users::named(view, actor, &who))?;
    confirm.ask(&format!("end all sessions of {}", user.email))?;
    let (email, ended) = data::with(home, |store| {
        let actor = Actor::operator();
        let end = move |tx: &Tx| {
            let user = users::named(tx, &actor, &who)?;
            Ok((user.email.to_string(), sessions::end_all(tx, &actor, user.id)?))
        };
        Ok(store.write_and_wait(end)?)
    })?;
    say(&format!("{email} is signed out everywhere; {}", how_many(ended)));
    Ok(())
}

fn end_all(home: &DataDir, confirm: Confirm) -> Result<(), CliError> {
    confirm.ask("end all sessions of all users, and all pending codes and sign-ins")?;
    let ended = data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| sessions::end_everybodys(tx, &actor))?)
    })?;
    say(&format!("all users are signed out; {}; API keys still work", how_many(ended)));
    Ok(())
}

fn how_many(ended: usize) -> String {
    if ended == 1 { "1 session ended".to_owned() } else { format!("{ended} sessions ended") }
}

fn through(session: &Session) -> &str {
    session.client.as_ref().map_or("browser", ClientId::as_str)
}

fn to_json((session, email): &Row) -> Value {
    json!({
        "id": session.uuid.to_string(),
        "user": email,
        "client": session.client.as_ref().map(ClientId::as_str),
        "address": session.address.map(|address| address.to_string()),
        "user_agent": session.user_agent,
        "created_at": session.created_at.to_string(),
        "last_used_at": session.last_used_at.to_string(),
        "ends_at": session.idle_until.min(session.ends_at).to_string(),
    })
}
