//! Search for people: rows of the table `users`, and whether they have a second factor.

use rusqlite::{OptionalExtension, named_params};

use super::circle::Circle;
use super::users::{COLUMNS, read};
use super::{Row, View, row, users};
use crate::domain::ids::UserId;
use crate::domain::people::PeopleSearch;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::error::Result;

/// Everybody, or those who share an organization with a user.
const IN_ORGANIZATIONS: &str = "(CAST(:me AS INTEGER) IS NULL OR u.id = :me OR EXISTS (
    SELECT 1 FROM organization_members mine
    JOIN organization_members theirs ON theirs.organization_id = mine.organization_id
    WHERE mine.user_id = :me AND theirs.user_id = u.id))";

/// Those who share a workspace with a user.
const IN_WORKSPACES: &str = "(CAST(:me AS INTEGER) IS NULL OR u.id = :me OR EXISTS (
    SELECT 1 FROM members mine
    CROSS JOIN members theirs ON theirs.workspace_id = mine.workspace_id
    WHERE mine.user_id = :me AND theirs.user_id = u.id))";

/// Calls `each` with every person of a circle, oldest account first.
pub fn for_each(view: &View, circle: Circle, mut each: impl FnMut(User) -> Result<()>) -> Result<()> {
    let sql = match circle {
        Circle::Everybody => return users::for_each(view, each),
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
    for user in query.query_map(named_params! { ":me": circle.user().map(|id| id.0) }, read)? {
        each(user?)?;
    }
    Ok(())
}

/// The people of a search whose account is not closed, oldest account first: at most `limit`, after skipping `skip`.
pub fn search(view: &View, circle: Circle, search: &PeopleSearch, skip: usize, limit: usize) -> Result<Vec<User>> {
    if let Some(address) = search.address() {
        return by_address(view, circle, search, address, (skip, limit));
    }
    let visible = match circle {
        Circle::Everybody | Circle::OfOrganizations(_) => IN_ORGANIZATIONS,
        Circle::OfWorkspaces(_) => IN_WORKSPACES,
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM users u
         WHERE u.kind = 'person' AND u.state <> 'blocked'
             AND {visible}
         ORDER BY u.id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":me": circle.user().map(|id| id.0) };
    let mut found = Vec::new();
    let mut passed = 0;
    for user in query.query_map(params, read)? {
        let user = user?;
        if found.len() == limit {
            break;
        }
        if search.matches(&user) {
            if passed < skip {
                passed += 1;
            } else {
                found.push(user);
            }
        }
    }
    Ok(found)
}

/// The person of a search for a whole address. There is at most one.
fn by_address(
    view: &View,
    circle: Circle,
    search: &PeopleSearch,
    address: &str,
    (skip, limit): (usize, usize),
) -> Result<Vec<User>> {
    let visible = match circle {
        Circle::Everybody | Circle::OfOrganizations(_) => IN_ORGANIZATIONS,
        Circle::OfWorkspaces(_) => IN_WORKSPACES,
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM users u
         WHERE u.email_key = :address AND u.kind = 'person' AND u.state <> 'blocked'
             AND {visible}"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":address": address, ":me": circle.user().map(|id| id.0) };
    let found = query.query_row(params, read).optional()?.filter(|user| search.matches(user));
    Ok(found.into_iter().skip(skip).take(limit).collect())
}

/// Those of these users who have a second factor, each with the time of its confirmation.
pub fn second_factors(view: &View, of: &[UserId]) -> Result<Vec<(UserId, Timestamp)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT user_id, confirmed_at FROM second_factors
         WHERE confirmed_at IS NOT NULL AND user_id IN (SELECT value FROM json_each(:ids)) ORDER BY user_id",
    )?;
    let ids = row::numbers(of.iter().map(|id| id.0));
    let read = |row: &Row| Ok((UserId(row.get("user_id")?), row::moment(row, "confirmed_at")?));
    Ok(query.query_map(named_params! { ":ids": ids }, read)?.collect::<rusqlite::Result<_>>()?)
}
