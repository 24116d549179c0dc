//! The contents of workspaces: the tables `models`, `model_versions` and `pipelines`.

use std::collections::HashMap;

use rusqlite::named_params;

use super::{View, row};
use crate::domain::ids::{ModelId, ModelVersionId, PipelineId, WorkspaceId};
use crate::domain::workspace::Contents;
use crate::error::Result;

/// The versions of a workspace with their models, and its pipelines.
type Found = (Vec<(i64, i64)>, Vec<i64>);

/// The contents of each of these workspaces: the versions by model, and then by number; the pipelines by number. An empty
/// workspace has no entry.
pub fn of_many(view: &View, workspaces: &[WorkspaceId]) -> Result<HashMap<WorkspaceId, Contents>> {
    let ids = row::numbers(workspaces.iter().map(|id| id.0));
    let mut found: HashMap<WorkspaceId, Found> = HashMap::new();
    let mut query = view.conn.prepare_cached(
        "SELECT m.workspace_id, m.id, v.id FROM json_each(:ids) j
         CROSS JOIN models m ON m.workspace_id = j.value JOIN model_versions v ON v.model_id = m.id
         UNION ALL
         SELECT p.workspace_id, p.id, NULL FROM json_each(:ids) j
         CROSS JOIN pipelines p ON p.workspace_id = j.value",
    )?;
    let mut rows = query.query(named_params! { ":ids": ids })?;
    while let Some(row) = rows.next()? {
        let (versions, pipelines) = found.entry(WorkspaceId(row.get(0)?)).or_default();
        match row.get(2)? {
            Some(version) => versions.push((row.get(1)?, version)),
            None => pipelines.push(row.get(1)?),
        }
    }
    let contents = |(mut versions, mut pipelines): Found| {
        versions.sort_unstable();
        pipelines.sort_unstable();
        Contents {
            model_versions: versions.into_iter().map(|(_, version)| ModelVersionId(version)).collect(),
            pipelines: pipelines.into_iter().map(PipelineId).collect(),
        }
    };
    Ok(found.into_iter().map(|(workspace, found)| (workspace, contents(found))).collect())
}

/// A model of a workspace.
#[derive(Clone, Debug)]
pub struct ModelRow {
    pub id: ModelId,
    /// Unique in the workspace.
    pub name: String,
    /// Microseconds since 1970.
    pub created_at: i64,
    /// Microseconds since 1970.
    pub updated_at: i64,
    /// Oldest first.
    pub versions: Vec<ModelVersionId>,
}

/// The models of a workspace with their versions, ordered by id.
pub fn models(view: &View, workspace: WorkspaceId) -> Result<Vec<ModelRow>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.id, m.name, m.created_at, m.updated_at, v.id FROM models m
         LEFT JOIN model_versions v ON v.model_id = m.id
         WHERE m.workspace_id = :workspace ORDER BY m.id, v.id",
    )?;
    let mut rows = query.query(named_params! { ":workspace": workspace.0 })?;
    let mut models: Vec<ModelRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let id = ModelId(row.get(0)?);
        if models.last().is_none_or(|last| last.id != id) {
            models.push(ModelRow {
                id,
                name: row.get(1)?,
                created_at: row.get(2)?,
                updated_at: row.get(3)?,
                versions: Vec::new(),
            });
        }
        if let (Some(model), Some(version)) = (models.last_mut(), row.get::<_, Option<i64>>(4)?) {
            model.versions.push(ModelVersionId(version));
        }
    }
    Ok(models)
}

/// The pipelines of a workspace, ordered by id.
pub fn pipelines(view: &View, workspace: WorkspaceId) -> Result<Vec<PipelineId>> {
    let mut query = view.conn.prepare_cached("SELECT id FROM pipelines WHERE workspace_id = :workspace ORDER BY id")?;
    let rows = query.query_map(named_params! { ":workspace": workspace.0 }, |row| row.get(0).map(PipelineId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
