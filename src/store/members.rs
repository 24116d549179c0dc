//! The table `members`.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{OptionalExtension, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Row, Tx, View, row};
use crate::domain::ids::{MemberId, OrganizationId, RoleId, UserId, WorkspaceId};
use crate::domain::member::{Member, Role};
use crate::domain::page::Page;
use crate::error::Result;

const COLUMNS: &str = "m.id, m.workspace_id, m.user_id, m.role, m.role_id, m.created_at, u.uuid";

pub fn find(view: &View, workspace: WorkspaceId, user: UserId) -> Result<Option<Member>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.workspace_id = :workspace AND m.user_id = :user"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":workspace": workspace.0, ":user": user.0 }, read).optional()?)
}

/// Calls `each` with the members of a workspace, in any order. Bots are included until their key is revoked.
pub fn for_each(view: &View, workspace: WorkspaceId, mut each: impl FnMut(Member) -> Result<()>) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.workspace_id = :workspace AND (u.kind = 'person' OR u.enabled = 1)"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    for member in query.query_map(named_params! { ":workspace": workspace.0 }, read)? {
        each(member?)?;
    }
    Ok(())
}

/// A page of the members of a workspace, ordered by user. Bots are included until their key is revoked.
pub fn page(view: &View, workspace: WorkspaceId, page: Page) -> Result<Vec<Member>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m CROSS JOIN users u ON u.id = m.user_id
         WHERE m.workspace_id = :workspace AND m.user_id > :after AND (u.kind = 'person' OR u.enabled = 1)
         ORDER BY m.user_id LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let (after, limit) = (page.after.unwrap_or(0), page.fetch_limit());
    let params = named_params! { ":workspace": workspace.0, ":after": after, ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Those of the users of `:others` who are members of a workspace that `:one` is a member of too.
///
/// It looks at few workspaces: at those of `:one` if they are few, or else at those of the other user.
const SHARING_WORKSPACE: &str = "SELECT j.value FROM json_each(:others) j WHERE CASE
    WHEN NOT EXISTS (SELECT 1 FROM members WHERE user_id = :one LIMIT 1 OFFSET 15)
    THEN EXISTS (SELECT 1 FROM members mine
                 CROSS JOIN members theirs ON theirs.workspace_id = mine.workspace_id AND theirs.user_id = j.value
                 WHERE mine.user_id = :one)
    ELSE EXISTS (SELECT 1 FROM members theirs
                 CROSS JOIN members mine ON mine.workspace_id = theirs.workspace_id AND mine.user_id = :one
                 WHERE theirs.user_id = j.value) END";

/// Whether two users are members of a common workspace.
pub fn share_workspace(view: &View, one: UserId, other: UserId) -> Result<bool> {
    let mut query = view.conn.prepare_cached(SHARING_WORKSPACE)?;
    let others = row::numbers(std::iter::once(other.0));
    Ok(query.exists(named_params! { ":one": one.0, ":others": others })?)
}

/// Those of these users who are members of a workspace that this one is a member of too.
pub fn sharing_workspace(view: &View, one: UserId, others: impl Iterator<Item = UserId>) -> Result<BTreeSet<UserId>> {
    let mut query = view.conn.prepare_cached(SHARING_WORKSPACE)?;
    let params = named_params! { ":one": one.0, ":others": row::numbers(others.map(|id| id.0)) };
    Ok(query.query_map(params, |row| row.get(0).map(UserId))?.collect::<rusqlite::Result<_>>()?)
}

/// Whether an enabled person other than this user owns a workspace.
pub fn has_other_owner(view: &View, workspace: WorkspaceId, but: UserId) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM members m CROSS JOIN users u ON u.id = m.user_id
             WHERE m.workspace_id = :workspace AND m.role = 'owner' AND m.user_id <> :but AND u.enabled = 1
                 AND u.state = 'active' AND u.kind = 'person')",
    )?;
    Ok(query.query_row(named_params! { ":workspace": workspace.0, ":but": but.0 }, |row| row.get(0))?)
}

/// Whether one of these workspaces is owned by no enabled person.
pub fn any_without_owner(view: &View, workspaces: impl Iterator<Item = WorkspaceId>) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM json_each(:workspaces) j WHERE NOT EXISTS (
             SELECT 1 FROM members m CROSS JOIN users u ON u.id = m.user_id
             WHERE m.workspace_id = j.value AND m.role = 'owner' AND u.enabled = 1 AND u.state = 'active'
                 AND u.kind = 'person'))",
    )?;
    let workspaces = row::numbers(workspaces.map(|id| id.0));
    Ok(query.query_row(named_params! { ":workspaces": workspaces }, |row| row.get(0))?)
}

/// The workspaces that this user owns and no other enabled person does, with their organizations, ordered by id: those
/// of one organization, or all.
pub fn owned_alone(
    view: &View,
    user: UserId,
    organization: Option<OrganizationId>,
) -> Result<Vec<(WorkspaceId, OrganizationId)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.workspace_id, w.organization_id FROM members m CROSS JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.user_id = :user AND m.role = 'owner'
             AND (CAST(:organization AS BIGINT) IS NULL OR w.organization_id = :organization)
             AND NOT EXISTS (
                 SELECT 1 FROM members o CROSS JOIN users u ON u.id = o.user_id
                 WHERE o.workspace_id = m.workspace_id AND o.role = 'owner' AND o.user_id <> :user AND u.enabled = 1
                     AND u.state = 'active' AND u.kind = 'person')
         ORDER BY m.workspace_id",
    )?;
    let params = named_params! { ":user": user.0, ":organization": organization.map(|id| id.0) };
    let read = |row: &Row| Ok((WorkspaceId(row.get(0)?), OrganizationId(row.get(1)?)));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` members of these workspaces: all that [`list`] returns, or those with these UUIDs among them.
pub fn list_in(view: &View, workspaces: &[WorkspaceId], users: Option<&[Uuid]>, limit: u32) -> Result<Vec<Member>> {
    let workspaces = row::numbers(workspaces.iter().map(|id| id.0));
    let found = match users {
        None => {
            let sql = format!(
                "SELECT {COLUMNS} FROM json_each(:workspaces) j CROSS JOIN members m ON m.workspace_id = j.value
                 CROSS JOIN users u ON u.id = m.user_id
                 WHERE u.kind = 'person' OR u.enabled = 1 LIMIT :most"
            );
            let mut query = view.conn.prepare_cached(&sql)?;
            let params = named_params! { ":workspaces": workspaces, ":most": limit };
            query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?
        }
        Some(users) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM json_each(:users, '$') j CROSS JOIN users u ON u.uuid = j.value
                 CROSS JOIN members m ON m.user_id = u.id
                     AND m.workspace_id IN (SELECT value FROM json_each(:workspaces))
                 WHERE u.kind = 'person' OR u.enabled = 1 LIMIT :most"
            );
            let mut query = view.conn.prepare_cached(&sql)?;
            let params = named_params! { ":workspaces": workspaces, ":users": row::uuids(users), ":most": limit };
            query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?
        }
    };
    Ok(found)
}

/// The present roles of pairs of a workspace and a user. Pairs that are no membership are left out.
pub fn roles_of(view: &View, pairs: &[(WorkspaceId, UserId)]) -> Result<HashMap<WorkspaceId, Role>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.workspace_id, m.role, m.role_id FROM json_each(:pairs, '$') j
         CROSS JOIN members m ON m.workspace_id = CAST(j.value ->> 0 AS BIGINT)
             AND m.user_id = CAST(j.value ->> 1 AS BIGINT)",
    )?;
    let read = |row: &Row| Ok((WorkspaceId(row.get(0)?), read_role(row)?));
    Ok(query.query_map(named_params! { ":pairs": pairs_json(pairs) }, read)?.collect::<rusqlite::Result<_>>()?)
}

fn pairs_json(pairs: &[(WorkspaceId, UserId)]) -> String {
    pairs.iter().map(|(workspace, user)| json!([workspace.0, user.0])).collect::<Value>().to_string()
}

/// A user's memberships of the workspaces of an organization, or of all.
pub fn list_of(view: &View, user: UserId, organization: Option<OrganizationId>) -> Result<Vec<Member>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m JOIN users u ON u.id = m.user_id JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.user_id = :user AND (CAST(:organization AS BIGINT) IS NULL OR w.organization_id = :organization)
         ORDER BY m.workspace_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":user": user.0, ":organization": organization.map(|id| id.0) };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Whether a user is a member of fewer than `than` workspaces.
pub fn has_fewer_than(view: &View, user: UserId, than: u32) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM members WHERE user_id = :user LIMIT 1 OFFSET CAST(:than AS BIGINT) - 1)",
    )?;
    Ok(query.query_row(named_params! { ":user": user.0, ":than": than }, |row| row.get(0))?)
}

/// Adds a user to a workspace, or changes a member's role.
pub fn upsert(tx: &Tx, workspace: WorkspaceId, user: UserId, role: Role) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO members (workspace_id, user_id, role, role_id, created_at)
         VALUES (:workspace, :user, :role, :role_id, :now)
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role, role_id = excluded.role_id",
    )?;
    query.execute(named_params! {
        ":workspace": workspace.0,
        ":user": user.0,
        ":role": role.as_str(),
        ":role_id": role.custom().map(|id| id.0),
        ":now": tx.now.micros(),
    })?;
    Ok(())
}

/// Makes each user of these pairs an owner of the workspace.
pub fn upsert_owners(tx: &Tx, pairs: &[(WorkspaceId, UserId)]) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), 'owner', :now
         FROM json_each(:pairs, '$') WHERE true
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role, role_id = excluded.role_id",
    )?;
    query.execute(named_params! { ":pairs": pairs_json(pairs), ":now": tx.now.micros() })?;
    Ok(())
}

/// Adds a user, who is in none of them, to these workspaces.
pub fn insert_many(tx: &Tx, user: UserId, places: impl Iterator<Item = (WorkspaceId, Role)>) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO members (workspace_id, user_id, role, role_id, created_at)
         SELECT CAST(value ->> 0 AS BIGINT), :user, value ->> 1, CAST(value ->> 2 AS BIGINT), :now
         FROM json_each(:places, '$')",
    )?;
    let places = places.map(|(workspace, role)| json!([workspace.0, role.as_str(), role.custom().map(|id| id.0)]));
    let places = places.collect::<Value>().to_string();
    query.execute(named_params! { ":user": user.0, ":places": places, ":now": tx.now.micros() })?;
    Ok(())
}

/// Deletes these memberships. A default workspace that a user leaves ends with them.
pub fn delete_many(tx: &Tx, ids: impl Iterator<Item = MemberId>) -> Result<()> {
    let ids = row::numbers(ids.map(|id| id.0));
    for sql in [
        "DELETE FROM default_workspaces WHERE id IN (
             SELECT d.id FROM json_each(:ids) j CROSS JOIN members m ON m.id = j.value
             CROSS JOIN default_workspaces d ON d.user_id = m.user_id
             WHERE d.workspace_id = m.workspace_id)",
        "DELETE FROM members WHERE id IN (SELECT value FROM json_each(:ids))",
    ] {
        tx.conn.prepare_cached(sql)?.execute(named_params! { ":ids": ids })?;
    }
    Ok(())
}

/// Removes a user from every workspace. Returns how many there were.
pub fn delete_of(tx: &Tx, user: UserId) -> Result<usize> {
    tx.conn
        .prepare_cached("DELETE FROM default_workspaces WHERE user_id = :user")?
        .execute(named_params! { ":user": user.0 })?;
    let mut query = tx.conn.prepare_cached("DELETE FROM members WHERE user_id = :user")?;
    Ok(query.execute(named_params! { ":user": user.0 })?)
}

fn read(row: &Row) -> rusqlite::Result<Member> {
    Ok(Member {
        id: MemberId(row.get("id")?),
        workspace: WorkspaceId(row.get("workspace_id")?),
        user: UserId(row.get("user_id")?),
        uuid: row::uuid(row, "uuid")?,
        role: read_role(row)?,
        created_at: row::moment(row, "created_at")?,
    })
}

/// Reads the two columns `role` and `role_id`.
pub(super) fn read_role(row: &Row) -> rusqlite::Result<Role> {
    match row.get::<_, Option<i64>>("role_id")? {
        Some(id) => Ok(Role::Custom(RoleId(id))),
        None => row::text(row, "role", Role::predefined),
    }
}
