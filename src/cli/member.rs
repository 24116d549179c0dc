//! `atelier member`: manages the members of workspaces.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::{Value, json};

use super::workspace::Placed;
use crate::app::users::Named;
use crate::app::{by_name, members, roles};
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry, List, print_pages};
use crate::cli::{CliError, data, database, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::RoleId;
use crate::domain::member::{Member, Role};
use crate::domain::noun::Noun;
use crate::domain::page::Slice;
use crate::domain::user::{User, UserKind};
use crate::error::{Error, Result as Done};
use crate::store::View;
use crate::store::data_dir::DataDir;

/// What can be done about the members of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Add a user to a workspace. The user must be a member of its organization.
    #[command(after_help = "Examples:\n  atelier member add vision bob@example.com\n  atelier member add Lab/nlp \
                            ada@example.com --role owner")]
    Add {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The user's email address.
        email: String,
        /// The role: owner, member, reader, annotator, or the name or id of a custom one.
        #[arg(long, default_value = "member")]
        role: String,
    },
    /// List the members of a workspace.
    #[command(after_help = "Examples:\n  atelier member list vision\n  atelier member list vision --filter bob --json")]
    List {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Remove a user from a workspace, with the role bindings there.
    #[command(
        after_help = "Examples:\n  atelier member remove vision bob@example.com\n  atelier member remove vision \
                            bob@example.com --yes"
    )]
    Remove {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The user's email address.
        email: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Change the role of a member.
    #[command(after_help = "Examples:\n  atelier member set-role vision bob@example.com reader")]
    SetRole {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The user's email address.
        email: String,
        /// The role: owner, member, reader, annotator, or the name or id of a custom one.
        role: String,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Add { workspace, email, role } => put(&home, workspace, &email, role, false),
            Self::List { workspace, options } => list(&home, &workspace, &options),
            Self::Remove { workspace, email, confirm } => remove(&home, &workspace, &email, confirm),
            Self::SetRole { workspace, email, role } => put(&home, workspace, &email, role, true),
        }
    }
}

/// A member with the account and the name of the role.
struct Row {
    member: Member,
    user: User,
    role: String,
}

/// The email address of a person. That of a bot has no meaning, so a dash is shown.
pub(super) fn account_name(user: &User) -> String {
    match user.kind {
        UserKind::Person => user.email.to_string(),
        UserKind::Bot => "-".to_owned(),
    }
}

impl Entry<6> for Row {
    const HEAD: [&'static str; 6] = ["EMAIL", "NAME", "TYPE", "ROLE", "STATUS", "SINCE"];

    fn row(&self) -> [String; 6] {
        [
            account_name(&self.user),
            self.user.name(),
            self.user.kind.as_str().to_owned(),
            self.role.clone(),
            data::status(&self.user).to_owned(),
            table::moment(Some(self.member.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "user": self.user.email.as_str(),
            "user_id": self.user.uuid,
            "type": self.user.kind.as_str(),
            "role": self.role,
            "role_id": self.member.role.custom().map(|id| id.0),
            "workspace_id": self.member.workspace.0,
            "status": data::status(&self.user),
            "created_at": self.member.created_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.user.email.as_str(), self.user.first_name.as_str(), self.user.last_name.as_str()]
    }
}

/// The names of custom roles, each read once.
#[derive(Default)]
struct RoleNames(BTreeMap<RoleId, String>);

impl RoleNames {
    fn of(&mut self, view: &View, actor: &Actor, role: Role) -> Done<String> {
        let Some(id) = role.custom() else { return Ok(role.as_str().to_owned()) };
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let name = roles::visible(view, actor, id)?.name;
        self.0.insert(id, name.clone());
        Ok(name)
    }
}

fn list(home: &DataDir, workspace: &str, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let id = store.read(|view| by_name::workspace(view, &actor, workspace))?.id;
        let none = "the workspace has no members; `atelier member add WORKSPACE EMAIL` adds one";
        print_pages(store, options, none, |view, page| {
            let found = members::page(view, &actor, id, page)?;
            let (mut names, mut items) = (RoleNames::default(), Vec::with_capacity(found.items.len()));
            for (member, user) in found.items {
                let role = names.of(view, &actor, member.role)?;
                items.push(Row { member, user, role });
            }
            Ok(Slice { items, next: found.next })
        })
    })
}

/// A role of a member, by the name of a predefined one, or by the name or id of a custom one.
pub(super) fn role(view: &View, actor: &Actor, text: &str) -> Done<Role> {
    match Role::predefined(text) {
        Some(role) => Ok(role),
        None => Ok(Role::Custom(by_name::role(view, actor, text)?.id)),
    }
}

fn put(home: &DataDir, workspace: String, email: &str, text: String, is_member: bool) -> Result<(), CliError> {
    let who = data::person(email, "EMAIL")?;
    let done = data::write(home, move |tx, actor| {
        let placed = Placed::find(tx, actor, &workspace)?;
        let id = placed.workspace.id;
        let role = role(tx, actor, &text)?;
        match members::find(tx, actor, id, &who)? {
            Some(before) if !is_member && before.role != role => {
                return Err(Error::Refused { rule: ALREADY_A_MEMBER });
            }
            None if is_member => return Err(not_a_member(&who)),
            Some(_) | None => {}
        }
        let member = members::upsert(tx, actor, id, &who, role)?;
        Ok((placed.path(), RoleNames::default().of(tx, actor, member.role)?))
    });
    let (path, role) = done?;
    say(&format!("{email} is in the workspace {path} as {role}"));
    Ok(())
}

const ALREADY_A_MEMBER: &str =
    "the user is a member with another role already; `atelier member set-role WORKSPACE EMAIL ROLE` changes it";

fn not_a_member(who: &Named) -> Error {
    let Named::Email(email) = who else { return Error::internal("a member is named by email") };
    Error::not_found(Noun::Member, email)
}

fn remove(home: &DataDir, workspace: &str, email: &str, confirm: Confirm) -> Result<(), CliError> {
    let who = data::person(email, "EMAIL")?;
    let (id, path) = data::read(home, |view, actor| {
        let placed = Placed::find(view, actor, workspace)?;
        let member = members::find(view, actor, placed.workspace.id, &who)?;
        member.map(|member| (member.workspace, placed.path())).ok_or_else(|| not_a_member(&who))
    })?;
    confirm.ask(&format!("remove {email} from the workspace {path} and the role bindings there"))?;
    data::write(
        home,
        move |tx, actor| {
            if members::remove(tx, actor, id, &who)? { Ok(()) } else { Err(not_a_member(&who)) }
        },
    )?;
    say(&format!("{email} is no longer in the workspace {path}"));
    Ok(())
}
