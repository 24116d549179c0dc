//! `atelier connection`: manages connections to data sources. Their details are secret: they are read from a file or stdin,
//! and printed only on request.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::workspace::Placed;
use crate::app::connections::{self, Named};
use crate::app::identity::signing_keys;
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry, List, print_one, print_pages};
use crate::cli::{CliError, data, database, json_file, master_key, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::connection::{Connection, ConnectionDetails, ConnectionKind, ConnectionName, NewConnection};
use crate::domain::workspace::WorkspaceName;
use crate::error::InField as _;
use crate::store::Tx;
use crate::store::data_dir::DataDir;

/// What can be done about connections. One is named by its name or its UUID.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Create a connection, and print its UUID. `link` adds it to a workspace.
    #[command(
        after_help = "Examples:\n  atelier connection create warehouse --type SNOWFLAKE --details-file warehouse.json\n  \
                      atelier connection create bucket --type S3 --details-stdin < bucket.json"
    )]
    Create {
        /// The name.
        name: String,
        /// The type, in the words of those who use it, such as S3.
        #[arg(long = "type", value_name = "TYPE")]
        kind: String,
        /// Where the details come from; none by default.
        #[command(flatten)]
        details: Details,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a connection permanently, also from its workspaces.
    #[command(
        after_help = "Examples:\n  atelier connection delete warehouse\n  atelier connection delete warehouse --yes"
    )]
    Delete {
        /// The connection: its name or its UUID.
        connection: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Add a connection to a workspace, whose members can then read its details.
    #[command(after_help = "Examples:\n  atelier connection link warehouse vision")]
    Link {
        /// The connection: its name or its UUID.
        connection: String,
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
    },
    /// List connections, without their details.
    #[command(after_help = "Examples:\n  atelier connection list\n  atelier connection list --workspace vision --json")]
    List {
        /// Only those of this workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Show a connection, without its details by default.
    #[command(after_help = "Examples:\n  atelier connection show warehouse\n  atelier connection show warehouse \
                            --with-details --json")]
    Show {
        /// The connection: its name or its UUID.
        connection: String,
        /// Print its details, too, which are secret.
        #[arg(long)]
        with_details: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove a connection from a workspace.
    #[command(after_help = "Examples:\n  atelier connection unlink warehouse vision --yes")]
    Unlink {
        /// The connection: its name or its UUID.
        connection: String,
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
}

/// Where the details of a new connection come from. Arguments are visible to other users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct Details {
    /// Read the details from a file with a JSON object.
    #[arg(long, value_name = "FILE")]
    details_file: Option<PathBuf>,
    /// Read the details from stdin.
    #[arg(long)]
    details_stdin: bool,
}

impl Details {
    fn read(&self) -> Result<ConnectionDetails, CliError> {
        let (text, flag) = match (&self.details_file, self.details_stdin) {
            (Some(path), _) => (json_file::read(path, ConnectionDetails::MAX_SIZE)?, "--details-file"),
            (None, true) => (json_file::read_stdin(ConnectionDetails::MAX_SIZE)?, "--details-stdin"),
            (None, false) => ("null".to_owned(), "--details-file"),
        };
        Ok(ConnectionDetails::parse(&text).in_field(flag)?)
    }
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Create { name, kind, details, json } => {
                let new = NewConnection {
                    name: ConnectionName::parse(&name).in_field("NAME")?,
                    kind: ConnectionKind::parse(&kind).in_field("--type")?,
                    details: details.read()?,
                };
                create(config, &home, new, json)
            }
            Self::Delete { connection, confirm } => delete(&home, &connection, confirm),
            Self::Link { connection, workspace } => {
                let (name, path) = data::write(&home, move |tx, actor| {
                    let placed = Placed::find(tx, actor, &workspace)?;
                    let (found, _) = connections::find(tx, actor, &named(&connection))?;
                    let which = Named::Uuid(found.uuid);
                    connections::add_to_workspace(tx, actor, placed.workspace.id, &which, Uuid::new_v4())?;
                    Ok((found.name, placed.path()))
                })?;
                say(&format!("the members of the workspace {path} can read the connection {}", name.as_str()));
                Ok(())
            }
            Self::List { workspace, options } => list(&home, workspace.as_deref(), &options),
            Self::Show { connection, with_details, json } => show(config, &home, &connection, with_details, json),
            Self::Unlink { connection, workspace, confirm } => unlink(&home, &connection, &workspace, confirm),
        }
    }
}

fn named(text: &str) -> Named {
    Uuid::parse_str(text).map_or_else(|_| Named::Name(text.to_owned()), Named::Uuid)
}

/// A connection and the names of its workspaces.
type Row = (Connection, Vec<WorkspaceName>);

impl Entry<5> for Row {
    const HEAD: [&'static str; 5] = ["ID", "NAME", "TYPE", "WORKSPACES", "CREATED"];

    fn row(&self) -> [String; 5] {
        let (connection, workspaces) = self;
        [
            connection.uuid.to_string(),
            connection.name.as_str().to_owned(),
            connection.kind.as_str().to_owned(),
            workspaces.len().to_string(),
            table::moment(Some(connection.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        let (connection, workspaces) = self;
        json!({
            "id": connection.uuid,
            "name": connection.name.as_str(),
            "type": connection.kind.as_str(),
            "workspaces": workspaces.iter().map(WorkspaceName::as_str).collect::<Value>(),
            "created_at": connection.created_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.0.name.as_str()]
    }
}

fn list(home: &DataDir, workspace: Option<&str>, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let placed = |name| store.read(|view| Placed::find(view, &actor, name));
        let workspace = workspace.map(placed).transpose()?.map(|placed| placed.workspace.id);
        let none = "there are no connections; `atelier connection create NAME --type TYPE` creates one";
        print_pages(store, options, none, |view, page| connections::page(view, &actor, workspace, page))
    })
}

fn show(config: &Config, home: &DataDir, text: &str, with_details: bool, json: bool) -> Result<(), CliError> {
    let (actor, which) = (Actor::operator(), named(text));
    let value = data::with(home, |store| {
        if !with_details {
            return Ok(store.read(|view| connections::find(view, &actor, &which))?.to_json());
        }
        let master = master_key::load(config, home, store)?;
        let found = store.read(|view| connections::get(view, &actor, &master, &which))?;
        let mut value = (found.connection, found.workspaces).to_json();
        value["details"] = found.details.expose().to_value();
        Ok(value)
    })?;
    print_one(&value, json)
}

fn create(config: &Config, home: &DataDir, new: NewConnection, json: bool) -> Result<(), CliError> {
    let created = data::with(home, |store| {
        signing_keys::required(store)?;
        let (actor, master) = (Actor::operator(), master_key::load(config, home, store)?);
        Ok(store.write_and_wait(move |tx: &Tx| connections::create_in(tx, &actor, &master, &new))?)
    })?;
    let (uuid, name) = (created.uuid, created.name.clone());
    if json {
        return print_one(&(created, Vec::new()).to_json(), true);
    }
    print(&format!("{uuid}\n"))?;
    say(&format!("the connection {} is created; `atelier connection link` adds it to a workspace", name.as_str()));
    Ok(())
}

fn delete(home: &DataDir, text: &str, confirm: Confirm) -> Result<(), CliError> {
    let (found, workspaces) = data::read(home, |view, actor| connections::find(view, actor, &named(text)))?;
    let name = found.name.as_str();
    let places = if workspaces.is_empty() { "" } else { " and remove it from its workspaces" };
    confirm.ask(&format!("delete the connection {name}{places}"))?;
    let which = Named::Uuid(found.uuid);
    data::write(home, move |tx, actor| connections::delete(tx, actor, &which))?;
    say(&format!("the connection {name} is deleted"));
    Ok(())
}

fn unlink(home: &DataDir, text: &str, workspace: &str, confirm: Confirm) -> Result<(), CliError> {
    let (found, placed) = data::read(home, |view, actor| {
        let placed = Placed::find(view, actor, workspace)?;
        Ok((connections::find(view, actor, &named(text))?.0, placed))
    })?;
    let (name, path) = (found.name.as_str(), placed.path());
    let undo = format!("atelier connection link {name:?} {path:?}");
    confirm.ask_undoable(&format!("remove the connection {name} from the workspace {path}"), &undo)?;
    let (which, id) = (Named::Uuid(found.uuid), placed.workspace.id);
    data::write(home, move |tx, actor| connections::remove_from_workspace(tx, actor, id, &which))?;
    say(&format!("the connection {name} is not in the workspace {path}"));
    Ok(())
}
