//! The rows of the audit log that are about one workspace. No index leads to them, so that a search looks at a limited
//! number of rows.

use rusqlite::named_params;

use crate::domain::ids::WorkspaceId;
use crate::error::Result;
use crate::store::{Row, View};

/// The object as a number; none if it is something else. PostgreSQL fails to convert other texts.
const NUMBER: &str =
    "CAST(iif(ltrim(a.object, '0123456789') = '', nullif(substr(a.object, 1, 18), ''), NULL) AS BIGINT)";

/// Looks at the next rows before one, the newest first: their ids, and whether each is about the workspace, a member of
/// it or something in it.
///
/// A value of JSON is a number or a text to SQLite, and always a text to PostgreSQL; `|| ''` makes it a text for both.
pub fn before(view: &View, workspace: WorkspaceId, before: i64, limit: u32) -> Result<Vec<(i64, bool)>> {
    let mut query = view.conn.prepare_cached(&format!(
        "SELECT a.id, CASE a.kind
             WHEN 'workspace' THEN a.object = :text
             WHEN 'member' THEN substr(a.object, 1, length(:text) + 1) = :text || '/'
             WHEN 'project' THEN a.before ->> 'workspace' || '' = :text OR a.after ->> 'workspace' || '' = :text
                 OR EXISTS (SELECT 1 FROM projects p WHERE p.id = {NUMBER} AND p.workspace_id = :workspace)
             WHEN 'model' THEN a.before ->> 'workspace' || '' = :text OR a.after ->> 'workspace' || '' = :text
             WHEN 'model_version' THEN a.before ->> 'workspace' || '' = :text OR a.after ->> 'workspace' || '' = :text
                 OR EXISTS (SELECT 1 FROM model_versions v JOIN models m ON m.id = v.model_id
                            WHERE v.id = {NUMBER} AND m.workspace_id = :workspace)
             WHEN 'pipeline' THEN a.before ->> 'workspace' || '' = :text OR a.after ->> 'workspace' || '' = :text
                 OR EXISTS (SELECT 1 FROM pipelines p WHERE p.id = {NUMBER} AND p.workspace_id = :workspace)
             WHEN 'pipeline_version' THEN EXISTS (
                 SELECT 1 FROM pipelines p WHERE p.id = CAST(coalesce(a.after, a.before) ->> 'pipeline' AS BIGINT)
                     AND p.workspace_id = :workspace)
             WHEN 'tag' THEN a.before ->> 'workspace' || '' = :text OR a.after ->> 'workspace' || '' = :text
             WHEN 'connection' THEN a.before ->> 'workspace' || '' = :text OR a.after ->> 'workspace' || '' = :text
             WHEN 'binding' THEN coalesce(a.after, a.before) -> 'on' ->> 'workspace' || '' = :text
             ELSE false END
         FROM audit a WHERE a.id < :before ORDER BY a.id DESC LIMIT :limit",
    ))?;
    let params = named_params! {
        ":text": workspace.0.to_string(),
        ":workspace": workspace.0,
        ":before": before,
        ":limit": limit,
    };
    let read = |row: &Row| Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?.unwrap_or(false)));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}
