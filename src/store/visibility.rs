//! The workspaces that a user sees, found from the user's memberships, bindings and organizations.
//!
//! The cost of these queries grows with what the user has, not with the size of the file.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, named_params};

use super::{Params, View, search};
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
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

/// A part of the workspaces that a user sees.
enum Part {
    Joined,
    /// Those that the user is bound to by this role.
    Bound(i64),
    All(OrganizationId),
    NotPrivate(OrganizationId),
}

impl Part {
    fn of(organization: OrganizationId, governs: bool) -> Self {
        if governs { Self::All(organization) } else { Self::NotPrivate(organization) }
    }
}

/// The ids of the next workspaces that a user sees, in order. Returns none if the user is in more than `limit`
/// organizations, or has more roles.
pub(super) fn workspaces(view: &View, me: UserId, after: i64, limit: u32) -> Result<Option<Vec<i64>>> {
    let Some(memberships) = memberships(view, me, limit)? else { return Ok(None) };
    let Some(mut parts) = joined_or_bound(view, me, limit)? else { return Ok(None) };
    parts.extend(memberships.into_iter().map(|(organization, governs)| Part::of(organization, governs)));
    part_of(view, me, &parts, after, limit).map(Some)
}

/// The parts of a user who is in no organization. Returns none if the user has more than `most` roles.
fn joined_or_bound(view: &View, me: UserId, most: u32) -> Result<Option<Vec<Part>>> {
    let Some(roles) = roles(view, me, most)? else { return Ok(None) };
    let bound = roles.into_iter().filter(|role| role.shows_workspaces).map(|role| Part::Bound(role.id));
    Ok(Some([Part::Joined].into_iter().chain(bound).collect()))
}

/// Ids among which are all workspaces of an organization that a user sees: the next ones, in order. Returns none if the
/// user has more than `limit` roles.
pub(super) fn workspaces_in(
    view: &View,
    me: UserId,
    organization: OrganizationId,
    after: i64,
    limit: u32,
) -> Result<Option<Vec<i64>>> {
    let mut query = view.conn.prepare_cached(
        "SELECT role = 'admin' FROM organization_members WHERE organization_id = :in AND user_id = :me",
    )?;
    let params = named_params! { ":in": organization.0, ":me": me.0 };
    let governs = query.query_row(params, |row| row.get(0)).optional()?;
    let parts = if governs == Some(true) {
        vec![Part::All(organization)]
    } else {
        let Some(mut parts) = joined_or_bound(view, me, limit)? else { return Ok(None) };
        parts.extend(governs.map(|_| Part::NotPrivate(organization)));
        parts
    };
    part_of(view, me, &parts, after, limit).map(Some)
}

fn part_of(view: &View, me: UserId, parts: &[Part], after: i64, limit: u32) -> Result<Vec<i64>> {
    search::merged(parts, after, limit, |part, after, limit| match part {
        Part::Joined => joined(view, me, after, limit),
        Part::Bound(role) => bound(view, (me, *role), after, limit),
        Part::All(organization) => of_organization(view, *organization, after, limit),
        Part::NotPrivate(organization) => not_private(view, *organization, after, limit),
    })
}

/// The ids of the next workspaces that a user is bound to by a role, in order.
fn bound(view: &View, (me, role): (UserId, i64), after: i64, limit: u32) -> Result<Vec<i64>> {
    let sql = "SELECT workspace_id FROM bindings WHERE user_id = :me AND role_id = :role AND workspace_id > :after
               ORDER BY workspace_id LIMIT :most";
    numbers(view, sql, named_params! { ":me": me.0, ":role": role, ":after": after, ":most": limit })
}

/// The ids of the next workspaces that a user joined, in order.
pub(super) fn joined(view: &View, me: UserId, after: i64, limit: u32) -> Result<Vec<i64>> {
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

/// The organizations that a user is a member of, and whether the user is their admin. Returns none if there are more
/// than `most`.
pub(super) fn memberships(view: &View, me: UserId, most: u32) -> Result<Option<Vec<(OrganizationId, bool)>>> {
    let mut query = view.conn.prepare_cached(
        "SELECT organization_id, role = 'admin' FROM organization_members WHERE user_id = :me LIMIT :most",
    )?;
    let params = named_params! { ":me": me.0, ":most": most.saturating_add(1) };
    let rows = query.query_map(params, |row| Ok((OrganizationId(row.get(0)?), row.get(1)?)))?;
    let all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok((all.len() <= most as usize).then_some(all))
}

/// What a user may do in a workspace, by membership or by a binding on the workspace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) id: i64,
    /// Read the projects that are not restricted.
    pub(super) reads_projects: bool,
    /// Restrict projects, and therefore see restricted ones.
    pub(super) restricts_projects: bool,
    pub(super) reads_bindings: bool,
}

/// A named role, as far as lists ask for its permissions.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
pub(super) struct Role {
    pub(super) id: i64,
    shows_workspaces: bool,
    pub(super) reads_projects: bool,
    pub(super) restricts_projects: bool,
    pub(super) reads_bindings: bool,
}

/// The roles by which a user is bound to anything. Each is one step in the index, whatever bindings the user has.
/// Returns none if there are more than `most`.
pub(super) fn roles(view: &View, me: UserId, most: u32) -> Result<Option<Vec<Role>>> {
    let mut query =
        view.conn.prepare_cached("SELECT min(role_id) FROM bindings WHERE user_id = :me AND role_id > :last")?;
    let mut flags = view.conn.prepare_cached(
        "SELECT id, shows_workspaces, reads_projects, restricts_projects, reads_bindings FROM roles WHERE id = :id",
    )?;
    let mut all: Vec<Role> = Vec::new();
    loop {
        let last = all.last().map_or(0, |role| role.id);
        let next: Option<i64> = query.query_row(named_params! { ":me": me.0, ":last": last }, |row| row.get(0))?;
        let Some(next) = next else { return Ok(Some(all)) };
        if all.len() >= most as usize {
            return Ok(None);
        }
        all.push(flags.query_row(named_params! { ":id": next }, |row| {
            Ok(Role {
                id: row.get(0)?,
                shows_workspaces: row.get(1)?,
                reads_projects: row.get(2)?,
                restricts_projects: row.get(3)?,
                reads_bindings: row.get(4)?,
            })
        })?);
    }
}

/// The workspaces that a user joined, and those with a role that allows any of this, each once. Returns none if there
/// are more than `most`, or more roles.
pub(super) fn places(view: &View, me: UserId, most: u32) -> Result<Option<Vec<Place>>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.workspace_id, m.role <> 'custom' OR r.reads_projects = 1,
             m.role = 'owner' OR coalesce(r.restricts_projects, 0) = 1,
             m.role = 'owner' OR coalesce(r.reads_bindings, 0) = 1
         FROM members m LEFT JOIN roles r ON r.id = m.role_id WHERE m.user_id = :me LIMIT :most",
    )?;
    let params = named_params! { ":me": me.0, ":most": most.saturating_add(1) };
    let rows = query.query_map(params, |row| {
        let id = row.get(0)?;
        let (reads_projects, restricts_projects, reads_bindings) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((id, Place { id, reads_projects, restricts_projects, reads_bindings }))
    })?;
    let mut all: BTreeMap<i64, Place> = rows.collect::<rusqlite::Result<_>>()?;
    let Some(roles) = roles(view, me, most)? else { return Ok(None) };
    for role in roles.iter().filter(|role| role.reads_projects || role.restricts_projects || role.reads_bindings) {
        for id in bound(view, (me, role.id), 0, most.saturating_add(1))? {
            let place = all.entry(id).or_insert(Place { id, ..Place::default() });
            place.reads_projects |= role.reads_projects;
            place.restricts_projects |= role.restricts_projects;
            place.reads_bindings |= role.reads_bindings;
        }
        if all.len() > most as usize {
            return Ok(None);
        }
    }
    Ok((all.len() <= most as usize).then(|| all.into_values().collect()))
}

/// Whether a user has anything of these kinds. A statement that checks very many rows need not look for what the user
/// has none of.
pub(super) struct Has {
    pub(super) organizations: bool,
    pub(super) workspaces: bool,
    pub(super) bindings: bool,
}

pub(super) fn has(view: &View, me: UserId) -> Result<Has> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM organization_members WHERE user_id = :me),
             EXISTS (SELECT 1 FROM members WHERE user_id = :me), EXISTS (SELECT 1 FROM bindings WHERE user_id = :me)",
    )?;
    Ok(query.query_row(named_params! { ":me": me.0 }, |row| {
        Ok(Has { organizations: row.get(0)?, workspaces: row.get(1)?, bindings: row.get(2)? })
    })?)
}

/// What a user may do in one workspace, including what the role in its organization allows.
pub(super) fn place(view: &View, me: UserId, workspace: WorkspaceId) -> Result<Place> {
    let mut place = Place { id: workspace.0, ..Place::default() };
    for sql in [
        "SELECT o.role = 'admin' OR w.private = 0, o.role = 'admin'
         FROM workspaces w CROSS JOIN organization_members o ON o.organization_id = w.organization_id
         WHERE w.id = :workspace AND o.user_id = :me",
        "SELECT m.role <> 'custom' OR r.reads_projects = 1, m.role = 'owner' OR coalesce(r.restricts_projects, 0) = 1
         FROM members m LEFT JOIN roles r ON r.id = m.role_id WHERE m.workspace_id = :workspace AND m.user_id = :me",
        "SELECT r.reads_projects, r.restricts_projects FROM bindings b CROSS JOIN roles r ON r.id = b.role_id
         WHERE b.user_id = :me AND b.workspace_id = :workspace",
    ] {
        let mut query = view.conn.prepare_cached(sql)?;
        let params = named_params! { ":workspace": workspace.0, ":me": me.0 };
        for found in query.query_map(params, |row| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?)))? {
            let (reads, restricts) = found?;
            place.reads_projects |= reads;
            place.restricts_projects |= restricts;
        }
    }
    Ok(place)
}

pub(super) fn numbers(view: &View, sql: &str, params: Params) -> Result<Vec<i64>> {
    let mut query = view.conn.prepare_cached(sql)?;
    Ok(query.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// Ids, and whether the user sees the rows.
pub(super) fn flagged(view: &View, sql: &str, params: Params) -> Result<Vec<(i64, bool)>> {
    let mut query = view.conn.prepare_cached(sql)?;
    Ok(query.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests;
