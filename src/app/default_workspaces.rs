//! The workspace that a person works in unless told otherwise.

use serde_json::{Value, json};

use super::{audit, organizations, workspaces};
use crate::domain::actor::{Actor, Person};
use crate::domain::audit::ObjectKind;
use crate::domain::workspace::{NewWorkspace, Workspace};
use crate::error::{Error, Result};
use crate::store::{self, Tx, View};

/// The actor's default workspace with the number of the link; none if there is none that they may still see.
pub fn find(view: &View, actor: &Actor) -> Result<Option<(i64, Workspace)>> {
    let Some(me) = actor.user() else { return Ok(None) };
    let Some((link, id)) = store::default_workspaces::find(view, me)? else { return Ok(None) };
    match workspaces::visible(view, actor, id) {
        Ok(workspace) => Ok(Some((link, workspace))),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the actor's default workspace, or makes the one of that name that the actor is in already the default.
///
/// Refused when the name belongs to a workspace that the actor is not in.
pub fn open(tx: &Tx, actor: &Actor, new: &NewWorkspace) -> Result<Workspace> {
    let me = itself(actor)?;
    let home = organizations::home(tx)?;
    let workspace = match store::workspaces::find_by_name(tx, home.id, &new.name)? {
        None => workspaces::create(tx, actor, new)?,
        Some(found) if store::members::find(tx, found.id, me.id)?.is_some() => found,
        Some(_) => return Err(Error::Conflict { what: "workspace", key: new.name.as_str().to_owned() }),
    };
    let before = store::default_workspaces::find(tx, me.id)?.map(|(_, id)| id);
    if before != Some(workspace.id) {
        store::default_workspaces::put(tx, me.id, workspace.id)?;
        let before = before.map_or(Value::Null, |id| json!({ "default_workspace": id.0 }));
        let after = json!({ "default_workspace": workspace.id.0 });
        audit::record(tx, actor, "default_workspaces.open", (ObjectKind::User, me.uuid), (before, after))?;
    }
    store::workspaces::find(tx, workspace.id)?.ok_or_else(|| Error::not_found("workspace", workspace.id))
}

fn itself(actor: &Actor) -> Result<&Person> {
    actor.person().ok_or(Error::Refused { rule: "only a person has a default workspace" })
}
