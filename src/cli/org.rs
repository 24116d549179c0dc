//! `atelier org`: manages organizations and their members.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::{by_name, organizations};
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry, List, print_one, print_pages};
use crate::cli::member::account_name;
use crate::cli::{CliError, data, database, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::organization::{
    NewOrganization, Organization, OrganizationChange, OrganizationMember, OrganizationName, OrganizationRole,
    OrganizationSearch,
};
use crate::domain::text::Description;
use crate::domain::user::User;
use crate::error::InField as _;
use crate::store::data_dir::DataDir;

/// What can be done about organizations. One is named by its name or its id.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Add a user to an organization, or change the role that the user has there.
    #[command(after_help = "Examples:\n  atelier org add-member Lab bob@example.com\n  atelier org add-member Lab \
                            ada@example.com --role admin")]
    AddMember {
        /// The organization: its name or its id.
        org: String,
        /// The user's email address.
        email: String,
        /// The role in the organization: admin, member, reader or annotator.
        #[arg(long, default_value = "member")]
        role: String,
    },
    /// Create an organization, and print its id.
    #[command(after_help = "Examples:\n  atelier org create Lab --description \"The research group\"")]
    Create {
        /// The name.
        name: String,
        /// The description.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete an organization permanently, with its workspaces and everything in them.
    #[command(after_help = "Examples:\n  atelier org delete Lab\n  atelier org delete Lab --yes")]
    Delete {
        /// The organization: its name or its id.
        org: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Change the description of an organization.
    #[command(after_help = "Examples:\n  atelier org describe Lab \"The research group\"")]
    Describe {
        /// The organization: its name or its id.
        org: String,
        /// The description; an empty one removes it.
        description: String,
    },
    /// List organizations.
    #[command(after_help = "Examples:\n  atelier org list --json")]
    List {
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// List the members of an organization.
    #[command(after_help = "Examples:\n  atelier org members Lab --filter @example.com")]
    Members {
        /// The organization: its name or its id.
        org: String,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Remove a user from an organization, with its workspaces and the role bindings there.
    #[command(after_help = "Examples:\n  atelier org remove-member Lab bob@example.com --yes")]
    RemoveMember {
        /// The organization: its name or its id.
        org: String,
        /// The user's email address.
        email: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Rename an organization.
    #[command(after_help = "Examples:\n  atelier org rename Lab Research")]
    Rename {
        /// The organization: its name or its id.
        org: String,
        /// The new name.
        name: String,
    },
    /// Show an organization.
    #[command(after_help = "Examples:\n  atelier org show Lab")]
    Show {
        /// The organization: its name or its id.
        org: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::AddMember { org, email, role } => add_member(&home, org, &email, &role),
            Self::Create { name, description, json } => {
                let new = NewOrganization {
                    name: OrganizationName::parse(&name).in_field("NAME")?,
                    description: Description::parse(&description).in_field("--description")?,
                };
                create(&home, new, json)
            }
            Self::Delete { org, confirm } => delete(&home, &org, confirm),
            Self::Describe { org, description } => {
                let description = Some(Description::parse(&description).in_field("DESCRIPTION")?);
                let changed = change(&home, org, OrganizationChange { name: None, description })?;
                say(&format!("the organization {} has a new description", changed.name.as_str()));
                Ok(())
            }
            Self::List { options } => list(&home, &options),
            Self::Members { org, options } => members(&home, &org, &options),
            Self::RemoveMember { org, email, confirm } => remove_member(&home, &org, &email, confirm),
            Self::Rename { org, name } => {
                let name = Some(OrganizationName::parse(&name).in_field("NAME")?);
                let changed = change(&home, org, OrganizationChange { name, description: None })?;
                say(&format!("the organization {} is now {}", changed.id, changed.name.as_str()));
                Ok(())
            }
            Self::Show { org, json } => {
                let found = data::read(&home, |view, actor| by_name::organization(view, actor, &org))?;
                print_one(&found.to_json(), json)
            }
        }
    }
}

impl Entry<4> for Organization {
    const HEAD: [&'static str; 4] = ["ID", "NAME", "HOME", "CREATED"];

    fn row(&self) -> [String; 4] {
        [
            self.id.to_string(),
            self.name.as_str().to_owned(),
            if self.home { "yes" } else { "no" }.to_owned(),
            table::moment(Some(self.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id.0,
            "name": self.name.as_str(),
            "description": self.description.as_str(),
            "home": self.home,
            "created_at": self.created_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.name.as_str()]
    }
}

fn list(home: &DataDir, options: &List) -> Result<(), CliError> {
    let (actor, search) = (Actor::operator(), OrganizationSearch { name: options.filter.clone() });
    let none = "there are no organizations; the first start of `atelier serve` creates the home organization";
    data::with(home, |store| {
        print_pages(store, options, none, |view, page| organizations::page(view, &actor, &search, page))
    })
}

impl Entry<4> for (OrganizationMember, User) {
    const HEAD: [&'static str; 4] = ["EMAIL", "NAME", "ROLE", "STATUS"];

    fn row(&self) -> [String; 4] {
        let (member, user) = self;
        let role = member.role.as_str().to_owned();
        [account_name(user), user.name(), role, data::status(user).to_owned()]
    }

    fn to_json(&self) -> Value {
        let (member, user) = self;
        json!({
            "user": user.email.as_str(),
            "user_id": user.uuid,
            "type": user.kind.as_str(),
            "role": member.role.as_str(),
            "status": data::status(user),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.1.email.as_str(), self.1.first_name.as_str(), self.1.last_name.as_str()]
    }
}

fn members(home: &DataDir, org: &str, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let id = store.read(|view| by_name::organization(view, &actor, org))?.id;
        let none = "the organization has no members; `atelier org add-member` adds one";
        print_pages(store, options, none, |view, page| organizations::page_of_members(view, &actor, id, page))
    })
}

fn create(home: &DataDir, new: NewOrganization, json: bool) -> Result<(), CliError> {
    let created = data::write(home, move |tx, actor| organizations::create(tx, actor, &new))?;
    if json {
        return print_one(&created.to_json(), true);
    }
    print(&format!("{}\n", created.id))?;
    let name = created.name.as_str();
    // Digits are an id.
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let named = if is_number { created.id.to_string() } else { format!("{name:?}") };
    say(&format!(
        "the organization {name} is created; `atelier org add-member {named} EMAIL --role admin` adds an admin"
    ));
    Ok(())
}

fn change(home: &DataDir, org: String, change: OrganizationChange) -> Result<Organization, CliError> {
    data::write(home, move |tx, actor| {
        let id = by_name::organization(tx, actor, &org)?.id;
        organizations::change(tx, actor, id, &change)
    })
}

fn delete(home: &DataDir, org: &str, confirm: Confirm) -> Result<(), CliError> {
    let found = data::read(home, |view, actor| by_name::organization(view, actor, org))?;
    let (id, name) = (found.id, found.name.as_str());
    confirm.ask(&format!("delete the organization {name} ({id}) with its workspaces and everything in them"))?;
    data::write(home, move |tx, actor| organizations::delete(tx, actor, id))?;
    say(&format!("the organization {name} is deleted"));
    Ok(())
}

fn add_member(home: &DataDir, org: String, email: &str, role: &str) -> Result<(), CliError> {
    let who = data::person(email, "EMAIL")?;
    let role: OrganizationRole = role.parse().map_err(|_| {
        let known: Vec<&str> = OrganizationRole::ALL.into_iter().map(OrganizationRole::as_str).collect();
        CliError::Usage(format!("--role: must be one of {}, not {role:?}; correct it and try again", known.join(", ")))
    })?;
    let name = data::write(home, move |tx, actor| {
        let organization = by_name::organization(tx, actor, &org)?;
        organizations::upsert_member(tx, actor, organization.id, &who, role)?;
        Ok(organization.name.as_str().to_owned())
    })?;
    say(&format!("{email} is in the organization {name} as {}", role.as_str()));
    Ok(())
}

fn remove_member(home: &DataDir, org: &str, email: &str, confirm: Confirm) -> Result<(), CliError> {
    let who = data::person(email, "EMAIL")?;
    let found = data::read(home, |view, actor| by_name::organization(view, actor, org))?;
    let (id, name) = (found.id, found.name.as_str());
    confirm.ask(&format!("remove {email} from the organization {name}, its workspaces and the role bindings there"))?;
    data::write(home, move |tx, actor| organizations::remove_member(tx, actor, id, &who))?;
    say(&format!("{email} is no longer in the organization {name}"));
    Ok(())
}
