//! Moves models between workspaces.

use serde_json::json;

use crate::app::{audit, detached_tags, lookup};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{ModelId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx};

/// Moves a model with all its versions to another workspace of the organization. Tags of the former workspace are detached.
///
/// Requires an owner, an administrator or a named role with `ML_MODEL_DELETE` in both workspaces. Refused when one of them
/// is archived, when they belong to different organizations, and when the name is taken there.
pub fn move_to(tx: &Tx, actor: &Actor, id: ModelId, to: WorkspaceId) -> Result<()> {
    let missing = || Error::not_found(Noun::Model, id);
    let model = store::models::find(tx, id)?.ok_or_else(missing)?;
    let from = store::workspaces::find(tx, model.workspace)?.ok_or_else(missing)?;
    lookup::require_in(tx, actor, &from, Action::DeleteModel, Noun::Model, id)?;
    let to = lookup::workspace(tx, actor, to)?;
    lookup::require_workspace(tx, actor, &to, Action::DeleteModel)?;
    if from.id == to.id {
        return Ok(());
    }
    if from.organization != to.organization {
        return Err(Error::Refused { rule: "a model can be moved to {workspace}s of the same organization only" });
    }
    let detached = store::tags::detach_local_from_model(tx, id)?;
    store::models::update_workspace(tx, &model, to.id)?;
    detached_tags::record(
        tx,
        actor,
        ObjectKind::ModelVersion,
        detached.into_iter().map(|(version, tag)| (version.0, tag)),
    )?;
    let change = (json!({ "workspace": from.id.0 }), json!({ "workspace": to.id.0 }));
    audit::record(tx, actor, "models.move", (ObjectKind::Model, id), change)
}
