//! The table `default_workspaces`.

use rusqlite::{OptionalExtension, named_params};

use super::{Tx, View};
use crate::domain::ids::{UserId, WorkspaceId};
use crate::error::Result;

/// The default workspace of a user, with the id of its row in this table.
pub fn find(view: &View, user: UserId) -> Result<Option<(i64, WorkspaceId)>> {
    let mut query =
        view.conn.prepare_cached("SELECT id, workspace_id FROM default_workspaces WHERE user_id = :user")?;
    let row = query.query_row(named_params! { ":user": user.0 }, |row| Ok((row.get(0)?, WorkspaceId(row.get(1)?))));
    Ok(row.optional()?)
}

pub fn upsert(tx: &Tx, user: UserId, workspace: WorkspaceId) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO default_workspaces (user_id, workspace_id) VALUES (:user, :workspace)
         ON CONFLICT (user_id) DO UPDATE SET workspace_id = excluded.workspace_id",
    )?;
    query.execute(named_params! { ":user": user.0, ":workspace": workspace.0 })?;
    Ok(())
}
