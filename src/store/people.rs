//! Search for people: rows of the table `users`, and whether they have a second factor.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::circle::{self, Circle, IN_ORGANIZATIONS, IN_WORKSPACES};
use super::listed_people::{self, Part};
use super::search::{self, SearchTable, Way};
use super::users::{COLUMNS, read};
use super::{Row, View, row, users, visibility};
use crate::domain::ids::UserId;
use crate::domain::page::{Page, Slice};
use crate::domain::people::PeopleSearch;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{User, UserStatus};
use crate::error::Result;

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
    if limit == 0 {
        return Ok(Vec::new());
    }
    // The first people of everybody are skipped in the index, without reading them.
    let first = match circle {
        Circle::Everybody if search.is_empty() => {
            let sql = "SELECT id FROM users WHERE status IS NOT NULL ORDER BY id LIMIT 1 OFFSET :skip";
            visibility::numbers(view, sql, named_params! { ":skip": whole(skip) })?.first().map(|id| (id - 1, 0))
        }
        Circle::Everybody | Circle::OfOrganizations(_) | Circle::OfWorkspaces(_) => Some((0, skip)),
    };
    let Some((after, skip)) = first else { return Ok(Vec::new()) };
    let found = matching(view, circle, search, after, skip.saturating_add(limit))?;
    these(view, found.into_iter().skip(skip).take(limit))
}

/// A page of the people of a search whose account is not closed, ordered by id.
pub fn page(view: &View, circle: Circle, search: &PeopleSearch, page: Page) -> Result<Slice<User>> {
    let limit = page.fetch_limit() as usize;
    let found = matching(view, circle, search, page.after.unwrap_or(0), limit)?;
    Ok(Slice::from_rows(these(view, found.into_iter().take(limit))?, page, |user| user.id.0))
}

/// The users with these ids, ordered by id.
fn these(view: &View, ids: impl Iterator<Item = i64>) -> Result<Vec<User>> {
    let sql =
        format!("SELECT {COLUMNS} FROM users u WHERE u.id IN (SELECT value FROM json_each(:these)) ORDER BY u.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(named_params! { ":these": row::numbers(ids) }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The number of people of a search whose account is not closed.
pub fn count(view: &View, circle: Circle, search: &PeopleSearch) -> Result<usize> {
    if let Some(address) = search.address() {
        return Ok(by_address(view, circle, search, address, (0, 1))?.len());
    }
    if matches!(circle, Circle::Everybody) && search.is_empty() {
        let mut query = view.conn.prepare_cached("SELECT count(*) FROM users WHERE status IS NOT NULL AND id > 0")?;
        return Ok(query.query_row(&[], |row| row.get::<_, u32>(0))? as usize);
    }
    Ok(matching(view, circle, search, 0, usize::MAX)?.len())
}

/// The ids of the people of a search after this one, in order: the first `limit`, or more.
fn matching(view: &View, circle: Circle, search: &PeopleSearch, after: i64, limit: usize) -> Result<Vec<i64>> {
    let statuses: &[Part] = match (search.status, search.enabled) {
        (Some(UserStatus::Active), _) => &[Part::Status("active")],
        (Some(UserStatus::Invited), _) => &[Part::Status("invited")],
        (Some(UserStatus::Expired), _) => &[Part::Status("expired"), Part::Lapsing],
        (Some(UserStatus::Blocked), _) => &[],
        (None, None) => {
            &[Part::Status("active"), Part::Status("invited"), Part::Status("expired"), Part::Status("disabled")]
        }
        (None, Some(true)) => &[Part::Status("active"), Part::Status("invited"), Part::Status("expired")],
        (Some(UserStatus::Disabled), _) | (None, Some(false)) => &[Part::Status("disabled")],
    };
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let me = circle.user();
    let text = search.text();
    let of_circle = |after, limit| circle::next(view, circle, after, limit);
    let of_status = |after, limit| listed_people::ids(view, statuses, search.email_verified, after, limit).map(Some);
    let every = |after, limit| circle::every(view, circle, after, limit);
    let named = |after, limit| search::by_name(view, (SearchTable::Users, text), after, limit);
    let mut ways = Vec::new();
    if me.is_some() {
        ways.push(Way::Ids(&of_circle, true));
    }
    if search.enabled == Some(false) || search.email_verified.is_some() || search.status.is_some() {
        ways.push(Way::Ids(&of_status, me.is_none()));
    } else if me.is_some() || text.is_empty() {
        ways.push(Way::Every(&every));
    }
    if !text.is_empty() {
        ways.push(Way::Ids(&named, me.is_none()));
    }
    search::find((after, limit), &ways, |these, visible| {
        let any_status = search.enabled != Some(true) && search.status.is_none();
        if visible && me.is_none() && search.has_no_text() && any_status {
            return Ok(these.to_vec());
        }
        let me = me.filter(|_| !visible).map(|id| id.0);
        let in_circle = match circle {
            Circle::OfOrganizations(_) if !visible => IN_ORGANIZATIONS,
            Circle::OfWorkspaces(_) if !visible => IN_WORKSPACES,
            Circle::Everybody | Circle::OfOrganizations(_) | Circle::OfWorkspaces(_) => "TRUE",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM users u
             WHERE u.id IN (SELECT value FROM json_each(:these)) AND u.status IS NOT NULL AND {in_circle} ORDER BY u.id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        let these = row::numbers(these.iter().copied());
        let mut params: Vec<(&str, &dyn ToSql)> = vec![(":these", &these)];
        if me.is_some() {
            params.push((":me", &me));
        }
        let mut found = Vec::new();
        for user in query.query_map(params.as_slice(), read)? {
            let user = user?;
            let has_status = search.status.is_none_or(|status| user.status(view.now) == status);
            if has_status && search.matches(&user) {
                found.push(user.id.0);
            }
        }
        Ok(found)
    })
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The person of a search for a whole address. There is at most one.
fn by_address(
    view: &View,
    circle: Circle,
    search: &PeopleSearch,
    address: &str,
    (skip, limit): (usize, usize),
) -> Result<Vec<User>> {
    let in_circle = match circle {
        Circle::Everybody => "TRUE",
        Circle::OfOrganizations(_) => IN_ORGANIZATIONS,
        Circle::OfWorkspaces(_) => IN_WORKSPACES,
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM users u
         WHERE u.email_key = :address AND u.kind = 'person' AND u.state <> 'blocked' AND {in_circle}"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let me = circle.user().map(|id| id.0);
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":address", &address)];
    if me.is_some() {
        params.push((":me", &me));
    }
    let found = query.query_row(params.as_slice(), read).optional()?.filter(|user| search.matches(user));
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

#[cfg(test)]
mod tests;
