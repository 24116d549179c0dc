//! `atelier session`: lists and ends the sessions of users.

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::{session_list, sessions};
use crate::app::runtime::long_view::LongView;
use crate::app::users;
use crate::app::users::Named;
use crate::cli::data::address;
use crate::cli::{CliError, data, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::client::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::error::Result;
use crate::store::data_dir::DataDir;
use crate::store::{Tx, View};

/// What can be done about sessions.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// List the sessions of browsers and clients, newest first.
    List {
        /// Only sessions of the user with this email address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End one or more sessions; their tokens and cookies stop working immediately. For API keys, see `atelier key
    /// revoke`.
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
    },
}

impl Command {
    pub fn run(self, config: &Config) -> std::result::Result<(), CliError> {
        let home = DataDir::existing(&config.data_dir)?;
        match self {
            Self::List { user, json } => list(&home, user.as_deref(), json),
            Self::End { id: Some(id), .. } => end(&home, id),
            Self::End { user: Some(user), .. } => end_of(&home, &user),
            Self::End { .. } => end_all(&home),
        }
    }
}

/// A session and the email of its user.
type Row = (Session, String);

fn list(home: &DataDir, user: Option<&str>, json: bool) -> std::result::Result<(), CliError> {
    let whose = user.map(address).transpose()?.map(Named::Email);
    let found = data::with(home, |store| Ok(store.read(|view| find(view, whose.as_ref()))?))?;
    if json {
        return print(&format!("{:#}\n", found.iter().map(to_json).collect::<Value>()));
    }
    if found.is_empty() {
        say("nobody is signed in");
    }
    let row = |(session, email): &Row| {
        [
            session.uuid.to_string(),
            email.clone(),
            through(session).to_owned(),
            session.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
            table::moment(Some(session.created_at)),
            table::moment(Some(session.last_used_at)),
            table::moment(Some(session.idle_until.min(session.ends_at))),
        ]
    };
    let head = ["ID", "USER", "CLIENT", "ADDRESS", "CREATED", "LAST USED", "ENDS"];
    print(&table::under(head, found.iter().map(row).collect()))
}

fn find(view: &View, whose: Option<&Named>) -> Result<Vec<Row>> {
    let actor = Actor::operator();
    if let Some(whose) = whose {
        let user = users::named(view, &actor, whose)?;
        let sessions = session_list::list(&LongView::of(view), &actor, user.id)?;
        return Ok(sessions.into_iter().map(|session| (session, user.email.to_string())).collect());
    }
    let mut found: Vec<Row> = Vec::new();
    loop {
        let before = found.last().map_or(SessionId(i64::MAX), |(session, _)| session.id);
        let page = session_list::list_everybodys(view, &actor, before)?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

fn end(home: &DataDir, id: Uuid) -> std::result::Result<(), CliError> {
    data::with(home, |store| {
        let actor = Actor::operator();
        Ok(store.write_and_wait(move |tx| session_list::end(tx, &actor, id))?)
    })?;
    say(&format!("session {id} ended"));
    Ok(())
}

fn end_of(home: &DataDir, email: &str) -> std::result::Result<(), CliError> {
    let who = Named::Email(address(email)?);
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

fn end_all(home: &DataDir) -> std::result::Result<(), CliError> {
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
