//! `atelier binding`: manages role bindings.

use std::cell::RefCell;

use clap::{ArgGroup, Subcommand};
use serde_json::{Value, json};

use super::workspace::Paths;
use crate::app::users::Named;
use crate::app::{bindings, by_name, projects, roles, users};
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry, List, Printer, each_page, print_one};
use crate::cli::member::account_name;
use crate::cli::{CliError, data, database, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::BindingId;
use crate::domain::page::Slice;
use crate::domain::role::{Binding, Resource};
use crate::domain::user::User;
use crate::error::Result as Done;
use crate::store::View;
use crate::store::data_dir::DataDir;

/// What can be done about role bindings.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Give a user a role on a workspace or a project, and print the id of the binding.
    #[command(
        after_help = "Examples:\n  atelier binding add tracer bob@example.com --workspace vision\n  atelier binding \
                            add reader bob@example.com --project vision/chatbot"
    )]
    #[command(group = ArgGroup::new("on").required(true).args(["workspace", "project"]))]
    Add {
        /// The role: its name or its id.
        role: String,
        /// The user's email address.
        email: String,
        /// The workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// The project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        #[arg(long)]
        project: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change the role of a binding.
    #[command(after_help = "Examples:\n  atelier binding change 3 reader")]
    Change {
        /// The id of the binding, as shown by the list.
        id: i64,
        /// The role: its name or its id.
        role: String,
    },
    /// List role bindings: those on workspaces, then those on projects.
    #[command(after_help = "Examples:\n  atelier binding list\n  atelier binding list --user bob@example.com --json")]
    #[command(group = ArgGroup::new("on").args(["workspace", "project"]))]
    List {
        /// Only those of the user with this email address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// Only those on this workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// Only those on this project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        #[arg(long)]
        project: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Remove a binding.
    #[command(after_help = "Examples:\n  atelier binding remove 3\n  atelier binding remove 3 --yes")]
    Remove {
        /// The id of the binding, as shown by the list.
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
            Self::Add { role, email, workspace, project, json } => {
                add(&home, role, &email, On { workspace, project }, json)
            }
            Self::Change { id, role } => {
                let row = data::write(&home, move |tx, actor| {
                    let role = by_name::role(tx, actor, &role)?.id;
                    let binding = bindings::change(tx, actor, BindingId(id), role)?;
                    Row::of(tx, actor, binding, &mut Paths::default())
                })?;
                say(&row.words());
                Ok(())
            }
            Self::List { user, workspace, project, options } => {
                list(&home, user.as_deref(), &On { workspace, project }, &options)
            }
            Self::Remove { id, confirm } => {
                let row = data::read(&home, |view, actor| {
                    let binding = bindings::visible(view, actor, BindingId(id))?;
                    Row::of(view, actor, binding, &mut Paths::default())
                })?;
                let (user, kind) = (account_name(&row.user), row.kind().0);
                confirm.ask(&format!("remove the role {} of {user} on the {kind} {} ({id})", row.role, row.on))?;
                data::write(&home, move |tx, actor| bindings::delete(tx, actor, BindingId(id)))?;
                say(&format!("binding {id} is removed"));
                Ok(())
            }
        }
    }
}

/// The workspace or project that somebody names.
struct On {
    workspace: Option<String>,
    project: Option<String>,
}

impl On {
    fn find(&self, view: &View, actor: &Actor) -> Done<Option<Resource>> {
        Ok(match (&self.workspace, &self.project) {
            (Some(text), _) => Some(Resource::Workspace(by_name::workspace(view, actor, text)?.id)),
            (None, Some(text)) => Some(Resource::Project(by_name::project(view, actor, text)?.0.id)),
            (None, None) => None,
        })
    }
}

/// A binding with the names of what it binds.
struct Row {
    binding: Binding,
    role: String,
    user: User,
    on: String,
}

impl Row {
    fn of(view: &View, actor: &Actor, binding: Binding, paths: &mut Paths) -> Done<Self> {
        let role = roles::visible(view, actor, binding.role)?.name;
        let user = users::principal(view, actor, &Named::Number(binding.user))?;
        let on = match binding.resource {
            Resource::Workspace(id) => paths.of(view, actor, id)?,
            Resource::Project(id) => {
                let (project, workspace) = projects::visible(view, actor, id)?;
                format!("{}/{}", paths.of(view, actor, workspace.id)?, project.name.as_str())
            }
        };
        Ok(Self { binding, role, user, on })
    }

    fn kind(&self) -> (&'static str, i64) {
        match self.binding.resource {
            Resource::Workspace(id) => ("workspace", id.0),
            Resource::Project(id) => ("project", id.0),
        }
    }

    fn words(&self) -> String {
        format!("{} has the role {} on the {} {}", account_name(&self.user), self.role, self.kind().0, self.on)
    }
}

impl Entry<6> for Row {
    const HEAD: [&'static str; 6] = ["ID", "USER", "ROLE", "ON", "NAME", "CREATED"];

    fn row(&self) -> [String; 6] {
        [
            self.binding.id.to_string(),
            account_name(&self.user),
            self.role.clone(),
            self.kind().0.to_owned(),
            self.on.clone(),
            table::moment(Some(self.binding.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        let (kind, id) = self.kind();
        json!({
            "id": self.binding.id.0,
            "user": self.user.email.as_str(),
            "user_id": self.user.uuid,
            "role": self.role,
            "role_id": self.binding.role.0,
            "on": kind,
            "on_id": id,
            "name": self.on,
            "created_at": self.binding.created_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.user.email.as_str(), &self.role, &self.on]
    }
}

fn list(home: &DataDir, user: Option<&str>, on: &On, options: &List) -> Result<(), CliError> {
    let (actor, who) = (Actor::operator(), user.map(|email| data::person(email, "--user")).transpose()?);
    data::with(home, |store| {
        let (of, only) = store.read(|view| {
            let user = who.as_ref().map(|who| users::named(view, &actor, who)).transpose()?;
            Ok((user.map(|user| user.id), on.find(view, &actor)?))
        })?;
        let printer = RefCell::new(Printer::new::<Row>(options));
        for on_projects in [false, true] {
            let read = |view: &View, page| {
                let found = bindings::page(view, &actor, on_projects, of, page)?;
                let mut paths = Paths::default();
                let fits = |binding: &Binding| only.is_none_or(|only| binding.resource == only);
                let rows = found.items.into_iter().filter(fits).map(|one| Row::of(view, &actor, one, &mut paths));
                Ok(Slice { items: rows.collect::<Done<Vec<_>>>()?, next: found.next })
            };
            each_page(store, read, |rows| printer.borrow_mut().print(rows))?;
        }
        printer.into_inner().finish("there are no role bindings; `atelier binding add ROLE EMAIL` adds one")
    })
}

fn add(home: &DataDir, role: String, email: &str, on: On, json: bool) -> Result<(), CliError> {
    let who = data::person(email, "EMAIL")?;
    let row = data::write(home, move |tx, actor| {
        let role = by_name::role(tx, actor, &role)?.id;
        let on = on.find(tx, actor)?.ok_or_else(|| crate::error::Error::internal("a binding on nothing"))?;
        Row::of(tx, actor, bindings::create(tx, actor, role, &who, on)?, &mut Paths::default())
    })?;
    if json {
        return print_one(&row.to_json(), true);
    }
    print(&format!("{}\n", row.binding.id))?;
    say(&row.words());
    Ok(())
}
