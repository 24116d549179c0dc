//! Who has a named role, by a custom membership or by a binding.

use rusqlite::named_params;
use uuid::Uuid;

use super::{Row, View, row};
use crate::domain::ids::{RoleId, WorkspaceId};
use crate::error::Result;

/// A person or bot with a named role in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub user: Uuid,
    /// The email; for a bot, its name.
    pub name: String,
    pub workspace: (WorkspaceId, String),
    /// The name of the project, if the role is bound to one.
    pub project: Option<String>,
    /// Whether it is the role of a membership. Otherwise it is bound.
    pub is_member: bool,
}

/// The first of those who have a role: members, then bindings, each by number and at most `limit`.
pub fn first(view: &View, role: RoleId, limit: u32) -> Result<Vec<Holder>> {
    let members = "SELECT u.uuid, CASE u.kind WHEN 'bot' THEN u.first_name ELSE u.email END, w.id, w.name, NULL, 1
                   FROM members m CROSS JOIN users u ON u.id = m.user_id CROSS JOIN workspaces w ON w.id = m.workspace_id
                   WHERE m.role_id = :role ORDER BY m.id LIMIT :limit";
    let bindings = "SELECT u.uuid, CASE u.kind WHEN 'bot' THEN u.first_name ELSE u.email END, w.id, w.name, p.name, 0
                    FROM bindings b CROSS JOIN users u ON u.id = b.user_id LEFT JOIN projects p ON p.id = b.project_id
                        CROSS JOIN workspaces w ON w.id = b.place_id
                    WHERE b.role_id = :role ORDER BY b.id LIMIT :limit";
    let params = named_params! { ":role": role.0, ":limit": limit };
    let mut found = Vec::new();
    for sql in [members, bindings] {
        let mut query = view.conn.prepare_cached(sql)?;
        for holder in query.query_map(params, read)? {
            found.push(holder?);
        }
    }
    Ok(found)
}

fn read(row: &Row) -> rusqlite::Result<Holder> {
    Ok(Holder {
        user: row::uuid(row, 0)?,
        name: row.get(1)?,
        workspace: (WorkspaceId(row.get(2)?), row.get(3)?),
        project: row.get(4)?,
        is_member: row.get(5)?,
    })
}
