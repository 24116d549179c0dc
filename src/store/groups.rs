//! The names of the places where a user is a member, for the groups that other programs read.

use rusqlite::named_params;

use super::{Row, View, row};
use crate::domain::ids::UserId;
use crate::domain::member::Role;
use crate::error::Result;

/// A membership of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub organization: String,
    pub workspace: String,
    /// The name of the role.
    pub role: String,
    pub is_custom: bool,
    pub archived: bool,
}

/// The names of the organizations of a user, the oldest first.
pub fn organizations(view: &View, user: UserId, limit: u32) -> Result<Vec<String>> {
    let mut query = view.conn.prepare_cached(
        "SELECT o.name FROM organization_members m CROSS JOIN organizations o ON o.id = m.organization_id
         WHERE m.user_id = :user ORDER BY m.organization_id LIMIT :limit",
    )?;
    let params = named_params! { ":user": user.0, ":limit": limit };
    Ok(query.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// The memberships of a user in workspaces, the oldest workspace first.
pub fn places(view: &View, user: UserId, limit: u32) -> Result<Vec<Place>> {
    let mut query = view.conn.prepare_cached(
        "SELECT o.name, w.name, m.role, (SELECT r.name FROM roles r WHERE r.id = m.role_id), w.archived
         FROM members m
         CROSS JOIN workspaces w ON w.id = m.workspace_id
         CROSS JOIN organizations o ON o.id = w.organization_id
         WHERE m.user_id = :user ORDER BY m.workspace_id LIMIT :limit",
    )?;
    let read = |row: &Row| {
        let named: Option<String> = row.get(3)?;
        let predefined = row::text(row, 2, |word| Some(Role::predefined(word).map(Role::as_str)))?;
        let is_custom = predefined.is_none();
        let role = predefined.map(str::to_owned).or(named).unwrap_or_default();
        Ok(Place { organization: row.get(0)?, workspace: row.get(1)?, role, is_custom, archived: row.get(4)? })
    };
    let params = named_params! { ":user": user.0, ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}
