//! The people whom a user can find: everybody, or those with whom the user shares an organization or workspace.

use rusqlite::{ToSql, named_params};

use super::{View, search, visibility};
use crate::domain::ids::UserId;
use crate::error::Result;

/// The people that a list contains.
#[derive(Clone, Copy, Debug)]
pub enum Circle {
    Everybody,
    /// This user, and those who share an organization with them.
    OfOrganizations(UserId),
    /// This user, and those who share a workspace with them.
    OfWorkspaces(UserId),
}

impl Circle {
    /// The user whom the circle is limited to, if it is.
    pub(super) const fn user(self) -> Option<UserId> {
        match self {
            Self::Everybody => None,
            Self::OfOrganizations(me) | Self::OfWorkspaces(me) => Some(me),
        }
    }
}

/// The condition that the user `u` shares an organization with the user `:me`. It starts from the organizations of `u`,
/// because most people are in few, while `:me` may be in very many.
pub(super) const IN_ORGANIZATIONS: &str = "(u.id = :me OR EXISTS (
    SELECT 1 FROM organization_members theirs
    CROSS JOIN organization_members mine ON mine.organization_id = theirs.organization_id
    WHERE theirs.user_id = u.id AND mine.user_id = :me))";

/// The condition that the user `u` shares a workspace with the bot `:me`, which is in few.
pub(super) const IN_WORKSPACES: &str = "(u.id = :me OR EXISTS (
    SELECT 1 FROM members mine
    CROSS JOIN members theirs ON theirs.workspace_id = mine.workspace_id
    WHERE mine.user_id = :me AND theirs.user_id = u.id))";

/// Looks at the next people whose account is not closed: whether they are in a limited circle.
pub(super) fn every(view: &View, circle: Circle, after: i64, limit: u32) -> Result<Vec<(i64, bool)>> {
    let in_circle = match circle {
        Circle::Everybody => "TRUE",
        Circle::OfOrganizations(_) => IN_ORGANIZATIONS,
        Circle::OfWorkspaces(_) => IN_WORKSPACES,
    };
    let sql = format!(
        "SELECT u.id, iif({in_circle}, 1, 0) FROM users u WHERE u.status IS NOT NULL AND u.id > :after ORDER BY u.id LIMIT :limit"
    );
    let me = circle.user().map(|id| id.0);
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit)];
    if me.is_some() {
        params.push((":me", &me));
    }
    visibility::flagged(view, &sql, &params)
}

/// The ids of the next people and bots of a limited circle, in order. Returns none if the user is in more than `limit`
/// organizations or workspaces, and for [`Circle::Everybody`].
pub(super) fn next(view: &View, circle: Circle, after: i64, limit: u32) -> Result<Option<Vec<i64>>> {
    let (places, people, me) = match circle {
        Circle::Everybody => return Ok(None),
        Circle::OfOrganizations(me) => (
            "SELECT organization_id FROM organization_members WHERE user_id = :me LIMIT :most",
            "SELECT user_id FROM organization_members WHERE organization_id = :in AND user_id > :after
             ORDER BY user_id LIMIT :most",
            me,
        ),
        Circle::OfWorkspaces(me) => (
            "SELECT workspace_id FROM members WHERE user_id = :me LIMIT :most",
            "SELECT user_id FROM members WHERE workspace_id = :in AND user_id > :after ORDER BY user_id LIMIT :most",
            me,
        ),
    };
    let most = limit.saturating_add(1);
    let places = visibility::numbers(view, places, named_params! { ":me": me.0, ":most": most })?;
    if places.len() > limit as usize {
        return Ok(None);
    }
    let lists: Vec<_> = places.into_iter().map(Some).chain([None]).collect();
    let found = search::merged(&lists, after, limit, |place, after, limit| match place {
        Some(place) => {
            visibility::numbers(view, people, named_params! { ":in": place, ":after": after, ":most": limit })
        }
        None => Ok(Some(me.0).filter(|me| *me > after).into_iter().collect()),
    })?;
    Ok(Some(found))
}
