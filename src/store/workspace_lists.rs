//! The lists of workspaces in another order than by number.

use rusqlite::{ToSql, named_params};

use super::visibility::{self, Visibility};
use super::workspaces::IS_VISIBLE;
use super::{Row, View, row};
use crate::domain::ids::{UserId, WorkspaceId};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// The workspaces that a list is taken from.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    Visible(Visibility),
    /// Those that this user joined.
    Joined(UserId),
}

/// A workspace, as far as lists are ordered and filtered by it.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: WorkspaceId,
    /// The name as searches compare it.
    pub key: String,
    pub archived: bool,
    /// Whether the user sees it.
    pub visible: bool,
}

/// All workspaces of a scope by number, if there are at most `most`.
pub fn few(view: &View, scope: Scope, most: u32) -> Result<Option<Vec<Candidate>>> {
    let limit = most.saturating_add(1);
    let ids = match scope {
        Scope::Visible(Visibility::Everything) => {
            let sql = "SELECT id FROM workspaces WHERE id > 0 ORDER BY id LIMIT :limit";
            visibility::numbers(view, sql, named_params! { ":limit": limit })?
        }
        Scope::Visible(Visibility::Of(me)) => match visibility::workspaces(view, me, 0, limit)? {
            Some(ids) => ids,
            None => return Ok(None),
        },
        Scope::Joined(me) => visibility::joined(view, me, 0, limit)?,
    };
    if ids.len() > most as usize {
        return Ok(None);
    }
    let mut query = view.conn.prepare_cached(
        "SELECT w.id, w.name_key, w.archived, 1 FROM json_each(:these) j CROSS JOIN workspaces w ON w.id = j.value",
    )?;
    let these = row::numbers(ids.into_iter());
    Ok(Some(query.query_map(named_params! { ":these": these }, read)?.collect::<rusqlite::Result<_>>()?))
}

/// Looks at the next workspaces of a scope before one, the newest first.
pub fn newest(view: &View, scope: Scope, before: i64, limit: u32) -> Result<Vec<Candidate>> {
    let (mut params, sql): (Vec<(&str, &dyn ToSql)>, String) = (
        vec![(":before", &before), (":limit", &limit)],
        match scope {
            Scope::Visible(Visibility::Everything) => "SELECT w.id, w.name_key, w.archived, 1 FROM workspaces w
                WHERE w.id < :before ORDER BY w.id DESC LIMIT :limit"
                .to_owned(),
            Scope::Visible(Visibility::Of(_)) => format!(
                "SELECT w.id, w.name_key, w.archived, iif({IS_VISIBLE}, 1, 0) FROM workspaces w
                 WHERE w.id < :before ORDER BY w.id DESC LIMIT :limit"
            ),
            Scope::Joined(_) => "SELECT w.id, w.name_key, w.archived, 1
                FROM members m CROSS JOIN workspaces w ON w.id = m.workspace_id
                WHERE m.user_id = :me AND m.workspace_id < :before ORDER BY m.workspace_id DESC LIMIT :limit"
                .to_owned(),
        },
    );
    let (me, has) = match scope {
        Scope::Visible(Visibility::Everything) => (0, None),
        Scope::Visible(Visibility::Of(me)) => (me.0, Some(visibility::has(view, me)?)),
        Scope::Joined(me) => (me.0, None),
    };
    if me != 0 {
        params.push((":me", &me));
    }
    if let Some(has) = &has {
        params.extend_from_slice(&[
            (":organizations", &has.organizations),
            (":workspaces", &has.workspaces),
            (":bindings", &has.bindings),
        ]);
    }
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row) -> rusqlite::Result<Candidate> {
    Ok(Candidate { id: WorkspaceId(row.get(0)?), key: row.get(1)?, archived: row.get(2)?, visible: row.get(3)? })
}

/// When something was last added to each of these workspaces, or when the workspace was created: a member, a version of a
/// model or a pipeline, a connection, a tag, or a project that is not restricted.
///
/// Looks only at the newest 100 models, pipelines and connections and the newest 1000 users of a workspace, so that a
/// page of a list costs little.
pub fn last_added(view: &View, ids: &[WorkspaceId]) -> Result<Vec<(WorkspaceId, Timestamp)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT w.id, w.created_at,
             (SELECT created_at FROM members WHERE id = (SELECT max(id) FROM
                 (SELECT id FROM members WHERE workspace_id = w.id ORDER BY user_id DESC LIMIT :users) n)),
             (SELECT max(at) FROM (SELECT
                 (SELECT v.created_at FROM model_versions v WHERE v.model_id = m.id ORDER BY v.id DESC LIMIT 1) AS at
                 FROM models m WHERE m.workspace_id = w.id ORDER BY m.id DESC LIMIT :most) n),
             (SELECT max(at) FROM (SELECT
                 (SELECT v.created_at FROM pipeline_versions v WHERE v.pipeline_id = p.id ORDER BY v.id DESC LIMIT 1) AS at
                 FROM pipelines p WHERE p.workspace_id = w.id ORDER BY p.id DESC LIMIT :most) n),
             (SELECT max(created_at) FROM (SELECT created_at FROM connection_workspaces
                 WHERE workspace_id = w.id ORDER BY connection_id DESC LIMIT :most) n),
             (SELECT created_at FROM tags WHERE workspace_id = w.id ORDER BY id DESC LIMIT 1),
             (SELECT created_at FROM projects WHERE workspace_id = w.id AND restricted = 0 ORDER BY id DESC LIMIT 1)
         FROM json_each(:these) j CROSS JOIN workspaces w ON w.id = j.value",
    )?;
    let read = |row: &Row| {
        let mut last = row.get::<_, i64>(1)?;
        for column in 2..=7 {
            last = last.max(row.get::<_, Option<i64>>(column)?.unwrap_or(last));
        }
        Ok((WorkspaceId(row.get(0)?), Timestamp::from_micros(last)))
    };
    let these = row::numbers(ids.iter().map(|id| id.0));
    Ok(query
        .query_map(named_params! { ":these": these, ":users": 1000, ":most": 100 }, read)?
        .collect::<rusqlite::Result<_>>()?)
}
