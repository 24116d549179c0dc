//! `atelier project`: manages the projects of workspaces.

use clap::Subcommand;
use serde_json::{Value, json};

use super::workspace::Paths;
use crate::app::{by_name, projects};
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry, List, print_one, print_pages};
use crate::cli::{CliError, data, database, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::page::Slice;
use crate::domain::project::{Project, ProjectName, ProjectSearch};
use crate::error::{InField as _, Result as Done};
use crate::store::View;
use crate::store::data_dir::DataDir;

/// What can be done about projects. One is named by WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Create a project in a workspace, and print its id.
    #[command(after_help = "Examples:\n  atelier project create vision chatbot")]
    Create {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The name.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a project permanently.
    #[command(after_help = "Examples:\n  atelier project delete vision/chatbot --yes")]
    Delete {
        /// The project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        project: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// List projects.
    #[command(after_help = "Examples:\n  atelier project list\n  atelier project list --workspace vision --json")]
    List {
        /// Only those of this workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Rename a project.
    #[command(after_help = "Examples:\n  atelier project rename vision/chatbot assistant")]
    Rename {
        /// The project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        project: String,
        /// The new name.
        name: String,
    },
    /// Restrict a project to those who have a role binding on it, and to owners and administrators.
    #[command(after_help = "Examples:\n  atelier project restrict vision/chatbot")]
    Restrict {
        /// The project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        project: String,
    },
    /// Show a project.
    #[command(after_help = "Examples:\n  atelier project show vision/chatbot")]
    Show {
        /// The project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        project: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lift the restriction of a project.
    #[command(after_help = "Examples:\n  atelier project unrestrict vision/chatbot")]
    Unrestrict {
        /// The project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        project: String,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Create { workspace, name, json } => {
                create(&home, workspace, ProjectName::parse(&name).in_field("NAME")?, json)
            }
            Self::Delete { project, confirm } => delete(&home, &project, confirm),
            Self::List { workspace, options } => list(&home, workspace.as_deref(), &options),
            Self::Rename { project, name } => rename(&home, project, ProjectName::parse(&name).in_field("NAME")?),
            Self::Restrict { project } => {
                let path = data::write(&home, move |tx, actor| {
                    let row = Row::find(tx, actor, &project)?;
                    projects::restrict(tx, actor, row.project.id)?;
                    Ok(row.path())
                })?;
                say(&format!("the project {path} is restricted; `atelier binding add --project` gives a user access"));
                Ok(())
            }
            Self::Show { project, json } => {
                print_one(&data::read(&home, |view, actor| Row::find(view, actor, &project))?.to_json(), json)
            }
            Self::Unrestrict { project } => {
                let path = data::write(&home, move |tx, actor| {
                    let row = Row::find(tx, actor, &project)?;
                    projects::lift_restriction(tx, actor, row.project.id)?;
                    Ok(row.path())
                })?;
                say(&format!("the project {path} is no longer restricted"));
                Ok(())
            }
        }
    }
}

/// A project with the path of its workspace.
struct Row {
    project: Project,
    workspace: String,
    restricted: bool,
}

impl Row {
    fn of(view: &View, actor: &Actor, project: Project, paths: &mut Paths) -> Done<Self> {
        let workspace = paths.of(view, actor, project.workspace)?;
        let restricted = projects::is_restricted(view, actor, project.id)?;
        Ok(Self { project, workspace, restricted })
    }

    fn find(view: &View, actor: &Actor, text: &str) -> Done<Self> {
        Self::of(view, actor, by_name::project(view, actor, text)?.0, &mut Paths::default())
    }

    fn path(&self) -> String {
        format!("{}/{}", self.workspace, self.project.name.as_str())
    }
}

impl Entry<6> for Row {
    const HEAD: [&'static str; 6] = ["ID", "WORKSPACE", "NAME", "KIND", "RESTRICTED", "CREATED"];

    fn row(&self) -> [String; 6] {
        [
            self.project.id.to_string(),
            self.workspace.clone(),
            self.project.name.as_str().to_owned(),
            self.project.kind.as_str().to_owned(),
            if self.restricted { "yes" } else { "no" }.to_owned(),
            table::moment(Some(self.project.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.project.id.0,
            "name": self.project.name.as_str(),
            "workspace": self.workspace,
            "workspace_id": self.project.workspace.0,
            "kind": self.project.kind.as_str(),
            "restricted": self.restricted,
            "created_at": self.project.created_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.project.name.as_str()]
    }
}

fn list(home: &DataDir, workspace: Option<&str>, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let named = |name| store.read(|view| by_name::workspace(view, &actor, name));
        let workspace = workspace.map(named).transpose()?.map(|workspace| workspace.id);
        let search = ProjectSearch { workspace, name: options.filter.clone(), ..ProjectSearch::default() };
        let none = "there are no projects; `atelier project create WORKSPACE NAME` creates one";
        print_pages(store, options, none, |view, page| {
            let found = projects::page(view, &actor, &search, page)?;
            let mut paths = Paths::default();
            let rows = found.items.into_iter().map(|project| Row::of(view, &actor, project, &mut paths));
            Ok(Slice { items: rows.collect::<Done<_>>()?, next: found.next })
        })
    })
}

fn create(home: &DataDir, workspace: String, name: ProjectName, json: bool) -> Result<(), CliError> {
    let created = data::write(home, move |tx, actor| {
        let workspace = by_name::workspace(tx, actor, &workspace)?.id;
        let project = projects::create(tx, actor, workspace, &name)?;
        Row::of(tx, actor, project, &mut Paths::default())
    })?;
    if json {
        return print_one(&created.to_json(), true);
    }
    print(&format!("{}\n", created.project.id))?;
    say(&format!("the project {} is created", created.path()));
    Ok(())
}

fn rename(home: &DataDir, project: String, name: ProjectName) -> Result<(), CliError> {
    let renamed = data::write(home, move |tx, actor| {
        let id = by_name::project(tx, actor, &project)?.0.id;
        Row::of(tx, actor, projects::rename(tx, actor, id, &name)?, &mut Paths::default())
    })?;
    say(&format!("the project {} is now {}", renamed.project.id, renamed.path()));
    Ok(())
}

fn delete(home: &DataDir, project: &str, confirm: Confirm) -> Result<(), CliError> {
    let row = data::read(home, |view, actor| Row::find(view, actor, project))?;
    let id = row.project.id;
    confirm.ask(&format!("delete the project {} ({id})", row.path()))?;
    data::write(home, move |tx, actor| projects::delete(tx, actor, id))?;
    say(&format!("the project {} is deleted", row.path()));
    Ok(())
}
