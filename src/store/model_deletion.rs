//! Deletes models and their versions, and finds what stands in the way.

use std::collections::{HashMap, HashSet};

use rusqlite::named_params;
use uuid::Uuid;

use super::{Tx, View, row};
use crate::domain::ids::{ModelId, ModelVersionId, PipelineId, WorkspaceId};
use crate::error::Result;

/// The versions of a model, oldest first.
pub fn versions(view: &View, model: ModelId) -> Result<Vec<(ModelVersionId, Uuid)>> {
    let mut query = view
        .conn
        .prepare_cached("SELECT v.id, v.uuid FROM model_versions v WHERE v.model_id = :model ORDER BY v.id")?;
    let rows = query
        .query_map(named_params! { ":model": model.0 }, |row| Ok((ModelVersionId(row.get(0)?), row::uuid(row, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A pipeline of the workspace whose newest version names one of these versions of models.
#[derive(Clone, Debug)]
pub struct Use {
    pub version: Uuid,
    pub pipeline: PipelineId,
    pub pipeline_name: String,
}

/// One use of these versions of models, if there is any.
pub fn find_use(view: &View, workspace: WorkspaceId, versions: &[Uuid]) -> Result<Option<Use>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.model_uuid, p.id, p.name FROM json_each(:versions, '$') j
         CROSS JOIN pipeline_version_models u ON u.model_uuid = j.value
         JOIN pipeline_versions n ON n.id = u.pipeline_version_id
         JOIN pipelines p ON p.id = n.pipeline_id
         WHERE p.workspace_id = :workspace
           AND NOT EXISTS (SELECT 1 FROM pipeline_versions o WHERE o.pipeline_id = n.pipeline_id AND o.id > n.id)",
    )?;
    let mut rows = query.query(named_params! { ":versions": row::uuids(versions), ":workspace": workspace.0 })?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Use { version: row::uuid(&row, 0)?, pipeline: PipelineId(row.get(1)?), pipeline_name: row.get(2)? }))
}

/// The bytes that organizations no longer use once these versions are deleted: each file once, and none that another
/// version of the same organization has.
pub fn bytes(view: &View, versions: &[ModelVersionId]) -> Result<u64> {
    let deleted: HashSet<i64> = versions.iter().map(|id| id.0).collect();
    let mut query = view.conn.prepare_cached(
        "SELECT v.organization_id, v.sha256, v.size FROM json_each(:ids) j
         CROSS JOIN model_versions v ON v.id = j.value WHERE v.sha256 IS NOT NULL",
    )?;
    let mut files: HashMap<(i64, [u8; 32]), u64> = HashMap::new();
    let mut rows = query.query(named_params! { ":ids": row::numbers(versions.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        files.insert((row.get(0)?, row.get(1)?), row::unsigned(&row, 2)?);
    }
    let mut query = view.conn.prepare_cached(
        "SELECT v.id FROM model_versions v WHERE v.sha256 = :sha256 AND v.organization_id = :organization",
    )?;
    let mut bytes = 0;
    for ((organization, sha256), size) in files {
        let mut rows = query.query(named_params! { ":sha256": sha256.as_slice(), ":organization": organization })?;
        let mut is_kept = false;
        while let Some(row) = rows.next()? {
            if !deleted.contains(&row.get(0)?) {
                is_kept = true;
                break;
            }
        }
        if !is_kept {
            bytes += size;
        }
    }
    Ok(bytes)
}

/// Deletes a model with all its versions.
pub fn delete(tx: &Tx, model: ModelId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM models WHERE id = :id")?;
    query.execute(named_params! { ":id": model.0 })?;
    Ok(())
}

pub fn delete_version(tx: &Tx, version: ModelVersionId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM model_versions WHERE id = :id")?;
    query.execute(named_params! { ":id": version.0 })?;
    Ok(())
}

pub fn has_versions(view: &View, model: ModelId) -> Result<bool> {
    let mut query =
        view.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM model_versions v WHERE v.model_id = :model)")?;
    Ok(query.query_row(named_params! { ":model": model.0 }, |row| row.get(0))?)
}
