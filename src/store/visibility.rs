//! The workspaces that a user sees, found from the user's memberships, bindings and organizations.
//!
//! The cost of these queries grows with what the user has, not with the size of the file.

use rusqlite::named_params;

use super::{Params, View, row};
use crate::domain::ids::{OrganizationId, UserId};
use crate::error::Result;

/// The workspaces that a user sees, including those that the user has not joined.
#[derive(Clone, Copy, Debug)]
pub enum Visibility {
    /// Every workspace of the account.
    Everything,
    /// The workspaces that this user joined, those that a named role of the user shows, those of the user's
    /// organizations that are not private, and all of the organizations that the user is an admin of.
    Of(UserId),
}

impl Visibility {
    /// The user whom the view is limited to, if it is.
    pub(super) const fn user(self) -> Option<UserId> {
        match self {
            Self::Everything => None,
            Self::Of(user) => Some(user),
        }
    }
}

/// The maximum number of workspaces that a list of their contents starts from. A user who has more of them finds rows
/// soon enough by walking through all rows.
pub(super) const MAX_PLACES: u32 = 4096;

/// Where to look for the contents of workspaces.
#[derive(Clone, Debug)]
pub(super) enum Where {
    Anywhere,
    /// In these workspaces, at most [`MAX_PLACES`].
    In(Vec<i64>),
}

impl Where {
    /// The workspaces as the JSON text that `json_each` reads; none for [`Where::Anywhere`].
    pub(super) fn numbers(&self) -> Option<String> {
        match self {
            Self::Anywhere => None,
            Self::In(places) => Some(row::numbers(places.iter().copied())),
        }
    }
}

/// The ids of at most `limit` workspaces after this one that a user sees, in order.
pub(super) fn workspaces(
    view: &View,
    me: UserId,
    organization: Option<OrganizationId>,
    after: i64,
    limit: u32,
) -> Result<Vec<i64>> {
    let mut all = match organization {
        None => {
            let params = named_params! { ":me": me.0, ":after": after, ":most": limit };
            let mut all = joined(view, me, after, limit)?;
            let by_binding = "SELECT b.workspace_id FROM bindings b CROSS JOIN roles r ON r.id = b.role_id
                         WHERE b.user_id = :me AND b.workspace_id > :after AND r.shows_workspaces = 1
                         ORDER BY b.workspace_id LIMIT :most";
            all.extend(numbers(view, by_binding, params)?);
            all
        }
        Some(organization) => {
            let params = named_params! { ":me": me.0, ":after": after, ":most": limit, ":in": organization.0 };
            let joined = "SELECT m.workspace_id FROM members m CROSS JOIN workspaces w ON w.id = m.workspace_id
                          WHERE m.user_id = :me AND m.workspace_id > :after AND w.organization_id = :in
                          ORDER BY m.workspace_id LIMIT :most";
            let mut all = numbers(view, joined, params)?;
            let by_binding = "SELECT b.workspace_id FROM bindings b CROSS JOIN roles r ON r.id = b.role_id
                             CROSS JOIN workspaces w ON w.id = b.workspace_id
                         WHERE b.user_id = :me AND b.workspace_id > :after AND r.shows_workspaces = 1
                             AND w.organization_id = :in
                         ORDER BY b.workspace_id LIMIT :most";
            all.extend(numbers(view, by_binding, params)?);
            all
        }
    };
    for (place, governs) in organizations(view, me, organization)? {
        all.extend(if governs {
            of_organization(view, place, after, limit)?
        } else {
            not_private(view, place, after, limit)?
        });
    }
    Ok(in_order(all, limit))
}

/// The ids of the next workspaces that a user joined, in order.
fn joined(view: &View, me: UserId, after: i64, limit: u32) -> Result<Vec<i64>> {
    let sql = "SELECT workspace_id FROM members WHERE user_id = :me AND workspace_id > :after
               ORDER BY workspace_id LIMIT :most";
    numbers(view, sql, named_params! { ":me": me.0, ":after": after, ":most": limit })
}

/// The ids of the next workspaces of an organization, in order.
pub(super) fn of_organization(view: &View, place: OrganizationId, after: i64, limit: u32) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM workspaces WHERE organization_id = :in AND id > :after ORDER BY id LIMIT :most";
    numbers(view, sql, named_params! { ":in": place.0, ":after": after, ":most": limit })
}

/// The ids of the next workspaces of an organization that are not private, in order.
fn not_private(view: &View, place: OrganizationId, after: i64, limit: u32) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM workspaces WHERE organization_id = :in AND private = 0 AND id > :after
               ORDER BY id LIMIT :most";
    numbers(view, sql, named_params! { ":in": place.0, ":after": after, ":most": limit })
}

/// The organizations that a user is a member of, or only the given one, and whether the user is its admin.
fn organizations(view: &View, me: UserId, organization: Option<OrganizationId>) -> Result<Vec<(OrganizationId, bool)>> {
    let mut query = view
        .conn
        .prepare_cached("SELECT organization_id, role = 'admin' FROM organization_members WHERE user_id = :me")?;
    let rows = query.query_map(named_params! { ":me": me.0 }, |row| Ok((OrganizationId(row.get(0)?), row.get(1)?)))?;
    let all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(all.into_iter().filter(|(place, _)| organization.is_none_or(|meant| meant == *place)).collect())
}

/// The workspaces that may contain a project that the user sees: those that the user sees or has a binding in.
pub(super) fn where_seen(view: &View, visibility: Visibility) -> Result<Where> {
    let Visibility::Of(me) = visibility else { return Ok(Where::Anywhere) };
    let mut all = workspaces(view, me, None, 0, MAX_PLACES + 1)?;
    all.extend(where_bound(view, me)?);
    Ok(at_most(all))
}

/// The workspaces that may contain a binding or restriction that the user sees: those that the user owns or has a named
/// role in, and all of an organization that the user is an admin of.
pub(super) fn where_governed(view: &View, visibility: Visibility) -> Result<Where> {
    let Visibility::Of(me) = visibility else { return Ok(Where::Anywhere) };
    let sql = "SELECT workspace_id FROM members WHERE user_id = :me AND role IN ('owner', 'custom') LIMIT :most";
    let mut all = numbers(view, sql, named_params! { ":me": me.0, ":most": MAX_PLACES + 1 })?;
    all.extend(where_bound(view, me)?);
    for (place, governs) in organizations(view, me, None)? {
        if governs {
            all.extend(of_organization(view, place, 0, MAX_PLACES + 1)?);
        }
    }
    Ok(at_most(all))
}

/// The workspaces in which a user has a binding, on them or on a project.
fn where_bound(view: &View, me: UserId) -> Result<Vec<i64>> {
    let params = named_params! { ":me": me.0, ":most": MAX_PLACES + 1 };
    let sql = "SELECT workspace_id FROM bindings WHERE user_id = :me AND workspace_id IS NOT NULL LIMIT :most";
    let mut all = numbers(view, sql, params)?;
    let sql = "SELECT p.workspace_id FROM bindings b CROSS JOIN projects p ON p.id = b.project_id
               WHERE b.user_id = :me AND b.project_id IS NOT NULL LIMIT :most";
    all.extend(numbers(view, sql, params)?);
    Ok(all)
}

pub(super) fn at_most(all: Vec<i64>) -> Where {
    let all = in_order(all, u32::MAX);
    if all.len() > MAX_PLACES as usize { Where::Anywhere } else { Where::In(all) }
}

fn in_order(mut all: Vec<i64>, limit: u32) -> Vec<i64> {
    all.sort_unstable();
    all.dedup();
    all.truncate(limit as usize);
    all
}

fn numbers(view: &View, sql: &str, params: Params) -> Result<Vec<i64>> {
    let mut query = view.conn.prepare_cached(sql)?;
    Ok(query.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests;
