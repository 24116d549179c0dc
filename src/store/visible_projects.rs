//! The projects that a user sees, found from what the user has.

use rusqlite::{ToSql, named_params};

use super::visibility::{self, Visibility};
use super::{View, search};
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::project::ProjectKind;
use crate::error::Result;

/// The projects that a user may be able to see.
pub(super) const MAY_BE_VISIBLE: &str =
    "(:bindings AND EXISTS (SELECT 1 FROM bindings b JOIN roles r ON r.id = b.role_id
             WHERE b.user_id = :me AND b.project_id = p.id AND (r.reads_projects = 1 OR r.restricts_projects = 1))
    OR :bindings AND EXISTS (SELECT 1 FROM bindings b JOIN roles r ON r.id = b.role_id
               WHERE b.user_id = :me AND b.workspace_id = p.workspace_id
                   AND (r.restricts_projects = 1 OR (r.reads_projects = 1 AND p.restricted = 0)))
    OR :workspaces AND EXISTS (SELECT 1 FROM members m LEFT JOIN roles r ON r.id = m.role_id
               WHERE m.workspace_id = p.workspace_id AND m.user_id = :me
                   AND (m.role = 'owner' OR r.restricts_projects = 1
                        OR (p.restricted = 0 AND (m.role <> 'custom' OR r.reads_projects = 1))))
    OR :organizations AND EXISTS (SELECT 1 FROM organization_members o
               WHERE o.organization_id = p.organization_id AND o.user_id = :me
                   AND (o.role = 'admin' OR (p.private = 0 AND p.restricted = 0))))";

/// A part of the projects that a user sees, which an index contains in order.
pub(super) enum Part {
    /// Of a workspace: those that are restricted, or the others.
    Of(i64, bool),
    /// Of an organization: whether they are restricted, and whether their workspace is private.
    In(OrganizationId, bool, bool),
    /// Those that a user is bound to by a role.
    Bound(UserId, i64),
}

/// The ids of the next projects of some parts, in order.
pub(super) fn parts(view: &View, parts: &[Part], after: i64, limit: u32) -> Result<Vec<i64>> {
    search::merged(parts, after, limit, |part, after, limit| match part {
        Part::Of(workspace, restricted) => visibility::numbers(
            view,
            "SELECT id FROM projects WHERE workspace_id = :in AND restricted = :restricted AND id > :after
             ORDER BY id LIMIT :limit",
            named_params! { ":in": workspace, ":restricted": restricted, ":after": after, ":limit": limit },
        ),
        Part::In(organization, restricted, private) => visibility::numbers(
            view,
            "SELECT id FROM projects WHERE organization_id = :in AND restricted = :restricted AND private = :private
                 AND id > :after
             ORDER BY id LIMIT :limit",
            named_params! {
                ":in": organization.0, ":restricted": restricted, ":private": private, ":after": after, ":limit": limit,
            },
        ),
        Part::Bound(me, role) => visibility::numbers(
            view,
            "SELECT project_id FROM bindings
             WHERE user_id = :me AND role_id = :role AND workspace_id IS NULL AND project_id > :after
             ORDER BY project_id LIMIT :limit",
            named_params! { ":me": me.0, ":role": role, ":after": after, ":limit": limit },
        ),
    })
}

/// The parts that contain all projects that a user sees. Returns none if there are more than `most` workspaces and
/// organizations.
pub(super) fn parts_of(view: &View, me: UserId, most: u32) -> Result<Option<Vec<Part>>> {
    let Some(memberships) = visibility::memberships(view, me, most)? else { return Ok(None) };
    let Some(places) = visibility::places(view, me, most)? else { return Ok(None) };
    let Some(mut all) = bound(view, me, most)? else { return Ok(None) };
    for (organization, governs) in memberships {
        all.push(Part::In(organization, false, false));
        if governs {
            all.extend([Part::In(organization, false, true)]);
            all.extend([false, true].map(|private| Part::In(organization, true, private)));
        }
    }
    for place in places {
        all.extend(place.reads_projects.then_some(Part::Of(place.id, false)));
        all.extend(place.restricts_projects.then_some(Part::Of(place.id, true)));
    }
    Ok(Some(all))
}

/// The parts of the projects that a user is bound to themselves. Returns none if the user has more than `most` roles.
pub(super) fn bound(view: &View, me: UserId, most: u32) -> Result<Option<Vec<Part>>> {
    let Some(roles) = visibility::roles(view, me, most)? else { return Ok(None) };
    let roles = roles.into_iter().filter(|role| role.reads_projects || role.restricts_projects);
    Ok(Some(roles.map(|role| Part::Bound(me, role.id)).collect()))
}

/// The parts that contain all projects of a workspace that a user sees. Some may contain projects of others. Returns
/// none if the user has more than `most` roles.
pub(super) fn parts_in(
    view: &View,
    visibility: Visibility,
    workspace: WorkspaceId,
    most: u32,
) -> Result<Option<Vec<Part>>> {
    let Visibility::Of(me) = visibility else {
        return Ok(Some(vec![Part::Of(workspace.0, false), Part::Of(workspace.0, true)]));
    };
    let place = visibility::place(view, me, workspace)?;
    let Some(mut all) = bound(view, me, most)? else { return Ok(None) };
    all.extend(place.reads_projects.then_some(Part::Of(workspace.0, false)));
    all.extend(place.restricts_projects.then_some(Part::Of(workspace.0, true)));
    Ok(Some(all))
}

/// The ids of the next projects of one kind or of all, in order.
pub(super) fn of_kind(view: &View, kind: Option<ProjectKind>, after: i64, limit: u32) -> Result<Vec<i64>> {
    let Some(kind) = kind else {
        let sql = "SELECT id FROM projects WHERE id > :after ORDER BY id LIMIT :limit";
        return visibility::numbers(view, sql, named_params! { ":after": after, ":limit": limit });
    };
    let sql = "SELECT id FROM projects WHERE kind = :kind AND id > :after ORDER BY id LIMIT :limit";
    visibility::numbers(view, sql, named_params! { ":kind": kind.as_str(), ":after": after, ":limit": limit })
}

/// Looks at the next projects, of one kind or of all: whether a user may be able to see them.
pub(super) fn every(
    view: &View,
    me: UserId,
    kind: Option<ProjectKind>,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, bool)>> {
    let has = visibility::has(view, me)?;
    let mut params: Vec<(&str, &dyn ToSql)> = vec![
        (":after", &after),
        (":limit", &limit),
        (":me", &me.0),
        (":organizations", &has.organizations),
        (":workspaces", &has.workspaces),
        (":bindings", &has.bindings),
    ];
    let Some(kind) = kind.map(ProjectKind::as_str) else {
        let sql = format!(
            "SELECT p.id, iif({MAY_BE_VISIBLE}, 1, 0) FROM projects p WHERE p.id > :after ORDER BY p.id LIMIT :limit"
        );
        return visibility::flagged(view, &sql, &params);
    };
    let sql = format!(
        "SELECT p.id, iif({MAY_BE_VISIBLE}, 1, 0) FROM projects p WHERE p.kind = :kind AND p.id > :after
         ORDER BY p.id LIMIT :limit"
    );
    params.push((":kind", &kind));
    visibility::flagged(view, &sql, &params)
}
