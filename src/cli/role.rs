//! `atelier role`: manages named roles.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::by_name;
use crate::app::roles::{self, NewRole, RoleChange};
use crate::cli::backup::several;
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry, List, print_one, print_pages};
use crate::cli::{CliError, data, database, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{NamedRole, RoleName};
use crate::domain::text::Description;
use crate::error::InField as _;
use crate::store::data_dir::DataDir;

/// What can be done about roles. One is named by its name or its id.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Change a role for everybody who has it; omitted options stay unchanged, and given permissions replace the
    /// current ones.
    #[command(after_help = "Examples:\n  atelier role change tracer --name Tracer\n  atelier role change tracer \
                            --permission PROJECT_READ --permission PROJECT_SPAN_READ")]
    Change {
        /// The role: its name or its id.
        role: String,
        /// The new name.
        #[arg(long)]
        name: Option<String>,
        /// The new description.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// A permission, such as `PROJECT_READ`; more than one is allowed.
        #[arg(long, value_name = "PERMISSION", value_parser = permission)]
        permission: Vec<Permission>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create a role, and print its id.
    #[command(after_help = "Examples:\n  atelier role create tracer --permission PROJECT_READ --permission \
                            PROJECT_SPAN_READ")]
    Create {
        /// The name.
        name: String,
        /// The description.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// A permission, such as `PROJECT_READ`; more than one is allowed.
        #[arg(long, value_name = "PERMISSION", value_parser = permission, required = true)]
        permission: Vec<Permission>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a role that nobody has.
    #[command(after_help = "Examples:\n  atelier role delete tracer --yes")]
    Delete {
        /// The role: its name or its id.
        role: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// List roles: the predefined and the custom ones.
    #[command(after_help = "Examples:\n  atelier role list --json")]
    List {
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Show a role with its permissions.
    #[command(after_help = "Examples:\n  atelier role show owner")]
    Show {
        /// The role: its name or its id.
        role: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Parses the name of a permission. The error names those like it.
fn permission(name: &str) -> Result<Permission, String> {
    let name = name.trim().to_uppercase().replace('-', "_");
    Permission::from_name(&name).ok_or_else(|| {
        let mut near: Vec<(usize, &str)> = Permission::all()
            .map(|known| (strsim::levenshtein(&name, known.name()), known.name()))
            .filter(|(far, _)| *far <= name.len() / 2)
            .collect();
        near.sort_unstable();
        let near: Vec<&str> = near.into_iter().take(3).map(|(_, name)| name).collect();
        let near = if near.is_empty() { String::new() } else { format!("; like it are {}", near.join(", ")) };
        format!("is not a permission{near}; `atelier role show owner` lists all of a workspace")
    })
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Change { role, name, description, permission, json } => {
                let permissions: PermissionSet = permission.into_iter().collect();
                let change = RoleChange {
                    name: name.map(|name| RoleName::parse(&name)).transpose().in_field("--name")?,
                    description: description
                        .map(|text| Description::parse(&text))
                        .transpose()
                        .in_field("--description")?,
                    permissions: (!permissions.is_empty()).then_some(permissions),
                };
                if change.name.is_none() && change.description.is_none() && change.permissions.is_none() {
                    return Err(CliError::Usage(
                        "nothing to change; give --name, --description or --permission".to_owned(),
                    ));
                }
                self::change(&home, role, change, json)
            }
            Self::Create { name, description, permission, json } => {
                let new = NewRole {
                    name: RoleName::parse(&name).in_field("NAME")?,
                    description: Description::parse(&description).in_field("--description")?,
                    permissions: permission.into_iter().collect(),
                };
                create(&home, new, json)
            }
            Self::Delete { role, confirm } => delete(&home, &role, confirm),
            Self::List { options } => list(&home, &options),
            Self::Show { role, json } => {
                print_one(&data::read(&home, |view, actor| by_name::role(view, actor, &role))?.to_json(), json)
            }
        }
    }
}

impl Entry<5> for NamedRole {
    const HEAD: [&'static str; 5] = ["ID", "NAME", "KIND", "PERMISSIONS", "UPDATED"];

    fn row(&self) -> [String; 5] {
        [
            self.id.to_string(),
            self.name.clone(),
            if self.predefined.is_some() { "predefined" } else { "custom" }.to_owned(),
            self.permissions.iter().count().to_string(),
            table::moment(Some(self.updated_at)),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id.0,
            "name": self.name,
            "description": self.description,
            "predefined": self.predefined.is_some(),
            "permissions": self.permissions.iter().map(Permission::name).collect::<Value>(),
            "created_at": self.created_at.to_string(),
            "updated_at": self.updated_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.name]
    }
}

fn list(home: &DataDir, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    let none = "there are no roles; the first start of `atelier serve` creates the predefined ones";
    data::with(home, |store| print_pages(store, options, none, |view, page| roles::page(view, &actor, None, page)))
}

fn create(home: &DataDir, new: NewRole, json: bool) -> Result<(), CliError> {
    let (created, is_found) = data::write(home, move |tx, actor| {
        let created = roles::create(tx, actor, &new)?;
        let found = by_name::role(tx, actor, &created.name);
        let is_found = found.is_ok_and(|found| found.id == created.id);
        Ok((created, is_found))
    })?;
    if json {
        return print_one(&created.to_json(), true);
    }
    print(&format!("{}\n", created.id))?;
    say(&format!("the role {} is created; `atelier binding add` gives it to a user", created.name));
    if !is_found {
        say(&format!(
            "commands take {:?} for another role or an id; name this one by its id, {}",
            created.name, created.id
        ));
    }
    Ok(())
}

fn change(home: &DataDir, role: String, change: RoleChange, json: bool) -> Result<(), CliError> {
    let changed = data::write(home, move |tx, actor| {
        let id = by_name::role(tx, actor, &role)?.id;
        roles::change(tx, actor, id, &change)
    })?;
    if json {
        return print_one(&changed.to_json(), true);
    }
    say(&format!("the role {} has {}", changed.name, several(changed.permissions.iter().count(), "permission")));
    Ok(())
}

fn delete(home: &DataDir, role: &str, confirm: Confirm) -> Result<(), CliError> {
    let found = data::read(home, |view, actor| by_name::role(view, actor, role))?;
    let id = found.id;
    confirm.ask(&format!("delete the role {} ({id})", found.name))?;
    data::write(home, move |tx, actor| roles::delete(tx, actor, id))?;
    say(&format!("the role {} is deleted", found.name));
    Ok(())
}
