//! Connections that are made for a workspace.

use uuid::Uuid;

use crate::app::connections::{self, Named};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::connection::{Connection, NewConnection};
use crate::domain::ids::WorkspaceId;
use crate::domain::quota::Quota;
use crate::error::Result;
use crate::store::Tx;

/// Creates a connection and adds it to a workspace, in one write.
///
/// Requires what [`connections::create`] and [`connections::add_to_workspace`] require.
pub async fn create(state: &AppState, actor: &Actor, workspace: WorkspaceId, new: NewConnection) -> Result<Connection> {
    let permit = state.creations().permit(actor, Quota::Connections)?;
    let (uuid, sealed) = connections::seal(&state.master_key, &new)?;
    let (which, link) = (Named::Uuid(uuid), Uuid::new_v4());
    let create = move |tx: &Tx, actor: &Actor| {
        let created = connections::create_sealed(tx, actor, uuid, &new, &sealed)?;
        connections::add_to_workspace(tx, actor, workspace, &which, link)?;
        Ok(created)
    };
    let created = state.write_as(actor, create).await?;
    permit.use_up();
    Ok(created)
}
