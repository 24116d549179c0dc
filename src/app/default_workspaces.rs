//! The workspace that a person works in by default.

use serde_json::{Value, json};

use crate::app::{audit, lookup};
use crate::domain::actor::{Actor, Person};
use crate::domain::audit::ObjectKind;
use crate::domain::ids::WorkspaceId;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::store::{self, Tx, View};

/// The actor's default workspace and the number of the link to it. `None` without one that the actor may see.
pub fn find(view: &View, actor: &Actor) -> Result<Option<(i64, Workspace)>> {
    let Some(me) = actor.user() else { return Ok(None) };
    let Some((link, id)) = store::default_workspaces::find(view, me)? else { return Ok(None) };
    match lookup::workspace(view, actor, id) {
        Ok(workspace) => Ok(Some((link, workspace))),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets the actor's default workspace. Refused when the actor is not a member of it.
pub fn choose(tx: &Tx, actor: &Actor, workspace: WorkspaceId) -> Result<()> {
    let me = itself(actor)?;
    let workspace = lookup::workspace(tx, actor, workspace)?;
    if store::members::find(tx, workspace.id, me.id)?.is_none() {
        return Err(Error::Refused { rule: "a default workspace must be one that you are a member of" });
    }
    let before = store::default_workspaces::find(tx, me.id)?.map(|(_, id)| id);
    if before == Some(workspace.id) {
        return Ok(());
    }
    store::default_workspaces::upsert(tx, me.id, workspace.id)?;
    let before = before.map_or(Value::Null, |id| json!({ "default_workspace": id.0 }));
    let after = json!({ "default_workspace": workspace.id.0 });
    audit::record(tx, actor, "default_workspaces.choose", (ObjectKind::User, me.uuid), (before, after))
}

fn itself(actor: &Actor) -> Result<&Person> {
    actor.person().ok_or(Error::Refused { rule: "only people have a default workspace, not service accounts" })
}
