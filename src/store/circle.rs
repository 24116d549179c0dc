//! The people whom somebody finds: everybody, or those with whom they have a place in common.

use rusqlite::named_params;

use super::users::{COLUMNS, read};
use super::{View, users};
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::error::Result;

/// Of whose people a list is.
#[derive(Clone, Copy, Debug)]
pub enum Circle {
    /// Of all.
    Everybody,
    /// This user, and those who share an organization with them.
    OfOrganizations(UserId),
    /// This user, and those who share a workspace with them.
    OfWorkspaces(UserId),
}

impl Circle {
    /// Whose it is, where it has a limit.
    pub(super) const fn user(self) -> Option<UserId> {
        match self {
            Self::Everybody => None,
            Self::OfOrganizations(me) | Self::OfWorkspaces(me) => Some(me),
        }
    }
}

/// Every person of a circle, the oldest account first.
pub fn list(view: &View, circle: Circle) -> Result<Vec<User>> {
    let sql = match circle {
        Circle::Everybody => return users::list(view),
        Circle::OfOrganizations(_) => format!(
            "SELECT {COLUMNS} FROM users u
             WHERE u.kind = 'person' AND (u.id = :me OR u.id IN (
                 SELECT theirs.user_id FROM organization_members mine
                 JOIN organization_members theirs ON theirs.organization_id = mine.organization_id
                 WHERE mine.user_id = :me))
             ORDER BY u.id"
        ),
        Circle::OfWorkspaces(_) => format!(
            "SELECT {COLUMNS} FROM users u
             WHERE u.kind = 'person' AND (u.id = :me OR u.id IN (
                 SELECT theirs.user_id FROM members mine
                 CROSS JOIN members theirs ON theirs.workspace_id = mine.workspace_id
                 WHERE mine.user_id = :me))
             ORDER BY u.id"
        ),
    };
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":me": circle.user().map(|id| id.0) };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}
