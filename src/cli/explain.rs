//! `atelier explain`: why a user may do something, or may not.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::explanations::{self, Explained, Kind, Named, Object, Reason, Remedy, Thing, kinds};
use crate::cli::table::Table;
use crate::cli::{CliError, data, database, print};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::field::Field;
use crate::domain::noun;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user::UserKind;
use crate::error::Error;
use crate::policy::subject::near;
use crate::policy::{Action, Decision};
use crate::store::View;

/// The word for a workspace.
const WORKSPACE: &str = "workspace";

pub(super) const EXAMPLES: &str = "Examples:\n  \
     atelier explain --user bob@example.com --action update-workspace --on workspace:vision\n  \
     atelier explain --user bob@example.com --action create-user --on account\n\n\
     OBJECT is `account`, or one of organization:NAME, workspace:NAME, project:WORKSPACE/NAME, model:WORKSPACE/NAME, \
     pipeline:WORKSPACE/NAME, tag:ID, connection:NAME, role:NAME and user:EMAIL. A number is an id.";

/// The question.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Question {
    /// The email address of the user; the UUID for the bot of a service key.
    #[arg(long, value_name = "EMAIL", required_unless_present = "actions")]
    user: Option<String>,
    /// The action, such as update-workspace; `atelier explain --actions` lists all.
    #[arg(long, value_name = "ACTION", value_parser = action, required_unless_present = "actions")]
    action: Option<Action>,
    /// The object: `account`, or KIND:NAME or KIND:ID, such as `workspace:vision`.
    #[arg(long, value_name = "OBJECT", value_parser = object, required_unless_present = "actions")]
    on: Option<Thing>,
    /// List the actions, and the kinds of objects that each is about.
    #[arg(long, conflicts_with_all = ["user", "action", "on", "exit_code"])]
    actions: bool,
    /// Exit with 1 unless it is allowed.
    #[arg(long)]
    exit_code: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn action(word: &str) -> Result<Action, String> {
    word.parse().map_err(|_| {
        let near: Vec<&str> = near(word).into_iter().map(Action::as_str).collect();
        let hint = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(", ")) };
        format!("is not an action; {hint}`atelier explain --actions` lists all")
    })
}

fn object(text: &str) -> Result<Thing, String> {
    Thing::parse(text, WORKSPACE).map_err(|invalid| invalid.to_string())
}

impl Question {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let (Some(user), Some(action), Some(on)) = (self.user, self.action, self.on) else {
            return list(self.json);
        };
        let who = match Uuid::parse_str(&user) {
            Ok(uuid) => Named::Uuid(uuid),
            Err(_) => Named::Email(data::address(&user)?),
        };
        let home = database::existing(config)?;
        let ask = |view: &View| explanations::explain(view, &Actor::operator(), &who, action, &on);
        let found = data::with(&home, |store| store.read(ask).map_err(|error| or_next(error, on.kind)))?;
        print(&if self.json { format!("{:#}\n", to_json(&found)) } else { to_text(&found) })?;
        if self.exit_code && found.decision != Decision::Allowed {
            let words = format!("{} is not allowed; the answer on stdout says why", action.as_str());
            return Err(CliError::Failed(words));
        }
        Ok(())
    }
}

/// Adds the next step to an error.
fn or_next(error: Error, kind: Kind) -> CliError {
    match error {
        Error::Invalid { field: Field::On, rule } => {
            CliError::Usage(format!("--on {}; correct it and try again", noun::sentence(&rule, WORKSPACE)))
        }
        Error::NotFound { what, key } if kind != Kind::User && what != noun::Noun::User => {
            CliError::Failed(format!("{what} {key} does not exist; check the spelling, or use its id"))
        }
        other => other.into(),
    }
}

fn list(json: bool) -> Result<(), CliError> {
    if json {
        let all = Action::ALL.iter().map(|action| {
            let kinds: Vec<&str> = kinds(*action).iter().map(|kind| kind.as_str()).collect();
            json!({ "action": action.as_str(), "on": kinds })
        });
        return print(&format!("{:#}\n", all.collect::<Value>()));
    }
    let row = |action: &Action| {
        let kinds: Vec<&str> = kinds(*action).iter().map(|kind| kind.as_str()).collect();
        [action.as_str().to_owned(), kinds.join(", ")]
    };
    print(&Table::under(["ACTION", "ON"]).page(&Action::ALL.iter().map(row).collect::<Vec<_>>()))
}

const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::Forbidden => "forbidden",
        Decision::Hidden => "hidden",
    }
}

fn to_text(found: &Explained) -> String {
    let who = match found.user.kind {
        UserKind::Person => found.user.email.to_string(),
        UserKind::Bot => format!("the service key {} ({})", found.user.name(), found.user.uuid),
    };
    let (id, name) = key(&found.object);
    let on = match (id, name) {
        (Some(id), Some(name)) if id != name => format!("{} {name} ({id})", found.object.kind()),
        (_, Some(name)) => format!("{} {name}", found.object.kind()),
        (_, None) => found.object.kind().to_string(),
    };
    let outcome = match found.decision {
        Decision::Allowed => "may do this",
        Decision::Forbidden => "may not do this",
        Decision::Hidden => "does not see it, so it is reported as missing",
    };
    let mut text = format!("{}\n{} on {on}: {who} {outcome}\n", word(found.decision), found.action.as_str());
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            // Writing to a String never fails.
            let _ = write!(text, "\n{title}\n");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
    };
    let reason = |reason: &Reason| {
        let binding = reason.binding.map_or_else(String::new, |id| format!(" (binding {id})"));
        format!("{}{binding}", noun::sentence(&reason.text, WORKSPACE))
    };
    section("Why:", found.reasons.iter().map(reason).collect());
    let change = |change: &Remedy| noun::sentence(&change.text, WORKSPACE);
    section("Any of these would allow it:", found.changes.iter().map(change).collect());
    text
}

/// The id and the name of an object.
fn key(object: &Object) -> (Option<String>, Option<String>) {
    let (id, name) = match object {
        Object::Account => return (None, None),
        Object::Organization(one) => (one.id.to_string(), one.name.as_str()),
        Object::Workspace(one) => (one.id.to_string(), one.name.as_str()),
        Object::Project(one, _) => (one.id.to_string(), one.name.as_str()),
        Object::Model(one, _) => (one.id.to_string(), one.name.as_str()),
        Object::Pipeline(one, _) => (one.id.to_string(), one.name.as_str()),
        Object::Tag(one, _) | Object::SharedTag(one) => (one.id.to_string(), one.name.as_str()),
        Object::Connection(one) => (one.uuid.to_string(), one.name.as_str()),
        Object::Role(one) => (one.id.to_string(), one.name.as_str()),
        Object::User(one) => (one.uuid.to_string(), one.email.as_str()),
    };
    (Some(id), Some(name.to_owned()))
}

fn names(permissions: PermissionSet) -> Vec<&'static str> {
    permissions.iter().map(Permission::name).collect()
}

fn to_json(found: &Explained) -> Value {
    let (id, name) = key(&found.object);
    let reason = |reason: &Reason| {
        json!({
            "type": reason.kind,
            "text": noun::sentence(&reason.text, WORKSPACE),
            "role": reason.role,
            "permissions": names(reason.permissions),
            "binding": reason.binding.map(|id| id.0),
            "sufficient": reason.sufficient,
        })
    };
    let change = |change: &Remedy| {
        json!({
            "type": change.kind,
            "text": noun::sentence(&change.text, WORKSPACE),
            "roles": change.roles,
            "permissions": names(change.permissions),
        })
    };
    json!({
        "decision": word(found.decision),
        "user": { "id": found.user.uuid, "email": found.user.email.as_str() },
        "action": found.action.as_str(),
        "on": { "type": found.object.kind().as_str(), "id": id, "name": name },
        "reasons": found.reasons.iter().map(reason).collect::<Value>(),
        "changes": found.changes.iter().map(change).collect::<Value>(),
    })
}
