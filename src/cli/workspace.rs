//! `atelier workspace`: manages workspaces.

mod list;
mod placed;
mod settings;

use clap::{Subcommand, ValueEnum};

use crate::app::{by_name, workspaces};
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry as _, List, print_one};
use crate::cli::{CliError, data, database, print, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::text::Description;
use crate::domain::workspace::{NewWorkspace, Workspace, WorkspaceChange, WorkspaceName};
use crate::error::{InField as _, Result as Done};
use crate::store::Tx;
use crate::store::data_dir::DataDir;

pub(super) use placed::{Paths, Placed};

/// What can be done about workspaces. One is named by its name, by ORG/NAME, or by its id.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Archive a workspace: it can be read, but nothing in it can be changed until it is restored.
    ///
    /// It stays in the lists, its name stays taken, and members and keys can still be removed.
    #[command(after_help = "Examples:\n  atelier workspace archive vision")]
    Archive {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
    },
    /// Create a workspace, and print its id. Its owner is the first member.
    #[command(
        after_help = "Examples:\n  atelier workspace create vision --owner ada@example.com\n  atelier workspace \
                            create nlp --owner ada@example.com --organization Lab --privacy organization"
    )]
    Create {
        /// The name.
        name: String,
        /// The email address of the owner, who must be a member of the organization.
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// The organization, by name or id; the home organization by default.
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
        /// The description.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// Who may see it.
        #[arg(long, value_name = "WHO", default_value = "private")]
        privacy: Privacy,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a workspace permanently, with all models, pipelines and projects in it.
    #[command(after_help = "Examples:\n  atelier workspace delete vision\n  atelier workspace delete Lab/nlp --yes")]
    Delete {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Change the description of a workspace.
    #[command(after_help = "Examples:\n  atelier workspace describe vision \"Models that see\"")]
    Describe {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The description; an empty one removes it.
        description: String,
    },
    /// List workspaces.
    #[command(
        after_help = "Examples:\n  atelier workspace list\n  atelier workspace list --organization Lab --filter \
                            vis --json\n  atelier workspace list --archived"
    )]
    List {
        /// Only those of this organization, by name or id.
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
        /// Only archived ones.
        #[arg(long)]
        archived: bool,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Change who may see a workspace.
    #[command(after_help = "Examples:\n  atelier workspace privacy vision organization")]
    Privacy {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// Who may see it.
        who: Privacy,
    },
    /// Rename a workspace.
    #[command(after_help = "Examples:\n  atelier workspace rename vision eyes")]
    Rename {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The new name.
        name: String,
    },
    /// Restore an archived workspace, as it was.
    #[command(after_help = "Examples:\n  atelier workspace restore vision")]
    Restore {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
    },
    /// Change the settings that clients store with a workspace; omitted ones stay unchanged, an empty text removes one.
    #[command(after_help = "Examples:\n  atelier workspace set vision --ml-models yes --gradient-start-color #1e90ff")]
    Set {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The settings.
        #[command(flatten)]
        options: Box<settings::Options>,
    },
    /// Show a workspace.
    #[command(after_help = "Examples:\n  atelier workspace show vision --json")]
    Show {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Who may see a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Privacy {
    /// Its members, and administrators.
    Private,
    /// Everybody in its organization.
    Organization,
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Archive { workspace } => {
                let changed = archive(&home, workspace, workspaces::archive)?;
                let next = "`atelier workspace restore` restores it";
                say(&format!("the workspace {} is archived, so nothing in it can be changed; {next}", changed.path()));
                Ok(())
            }
            Self::Create { name, owner, organization, description, privacy, json } => {
                let new = NewWorkspace {
                    name: WorkspaceName::parse(&name).in_field("NAME")?,
                    organization: None,
                    description: Description::parse(&description).in_field("--description")?,
                    private: privacy == Privacy::Private,
                };
                create(&home, new, organization, &owner, json)
            }
            Self::Delete { workspace, confirm } => delete(&home, &workspace, confirm),
            Self::Describe { workspace, description } => {
                let description = Some(Description::parse(&description).in_field("DESCRIPTION")?);
                let changed = change(&home, workspace, WorkspaceChange { description, ..WorkspaceChange::default() })?;
                say(&format!("the workspace {} has a new description", changed.path()));
                Ok(())
            }
            Self::List { organization, archived, options } => {
                list::list(&home, organization.as_deref(), archived, &options)
            }
            Self::Privacy { workspace, who } => {
                let private = Some(who == Privacy::Private);
                let changed = change(&home, workspace, WorkspaceChange { private, ..WorkspaceChange::default() })?;
                let who = if changed.workspace.private { "its members" } else { "everybody in its organization" };
                say(&format!("{who} may see the workspace {}", changed.path()));
                Ok(())
            }
            Self::Rename { workspace, name } => {
                let name = Some(WorkspaceName::parse(&name).in_field("NAME")?);
                let changed = change(&home, workspace, WorkspaceChange { name, ..WorkspaceChange::default() })?;
                say(&format!("the workspace {} is now {}", changed.workspace.id, changed.path()));
                Ok(())
            }
            Self::Restore { workspace } => {
                let changed = archive(&home, workspace, workspaces::restore)?;
                say(&format!("the workspace {} is restored and can be changed", changed.path()));
                Ok(())
            }
            Self::Set { workspace, options } => {
                let changed = change(&home, workspace, options.to_change()?)?;
                say(&format!("the workspace {} has the new settings", changed.path()));
                Ok(())
            }
            Self::Show { workspace, json } => {
                let found = data::read(&home, |view, actor| Placed::find(view, actor, &workspace))?;
                let mut value = found.to_json();
                settings::add_to(&mut value, &found.workspace.settings);
                print_one(&value, json)
            }
        }
    }
}

fn create(
    home: &DataDir,
    new: NewWorkspace,
    organization: Option<String>,
    owner: &str,
    json: bool,
) -> Result<(), CliError> {
    let owner = data::person(owner, "--owner")?;
    let created = data::write(home, move |tx, actor| {
        let mut new = new.clone();
        if let Some(name) = &organization {
            new.organization = Some(by_name::organization(tx, actor, name)?.id);
        }
        Placed::of(tx, actor, workspaces::create_for(tx, actor, &new, &owner)?)
    })?;
    if json {
        return print_one(&created.to_json(), true);
    }
    print(&format!("{}\n", created.workspace.id))?;
    say(&format!("the workspace {} is created; `atelier member add` adds members", created.path()));
    Ok(())
}

fn archive(
    home: &DataDir,
    text: String,
    verb: fn(&Tx, &Actor, WorkspaceId) -> Done<Workspace>,
) -> Result<Placed, CliError> {
    data::write(home, move |tx, actor| {
        let id = by_name::workspace(tx, actor, &text)?.id;
        Placed::of(tx, actor, verb(tx, actor, id)?)
    })
}

fn change(home: &DataDir, text: String, change: WorkspaceChange) -> Result<Placed, CliError> {
    data::write(home, move |tx, actor| {
        let id = by_name::workspace(tx, actor, &text)?.id;
        Placed::of(tx, actor, workspaces::change(tx, actor, id, &change)?)
    })
}

fn delete(home: &DataDir, text: &str, confirm: Confirm) -> Result<(), CliError> {
    let found = data::read(home, |view, actor| Placed::find(view, actor, text))?;
    let id = found.workspace.id;
    confirm.ask(&format!("delete the workspace {} ({id}) with everything in it", found.path()))?;
    data::write(home, move |tx, actor| workspaces::delete(tx, actor, id))?;
    say(&format!("the workspace {} is deleted", found.path()));
    Ok(())
}
