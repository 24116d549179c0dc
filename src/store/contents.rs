//! The contents of workspaces: the tables `models`, `model_versions` and `pipelines`.

use std::collections::HashMap;

use rusqlite::named_params;

use super::{View, row};
use crate::domain::ids::{ModelVersionId, PipelineId, WorkspaceId};
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
