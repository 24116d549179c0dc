//! The table `members`.

use rusqlite::{OptionalExtension, named_params};

use super::{Row, Tx, View, row};
use crate::domain::ids::{MemberId, OrganizationId, RoleId, UserId, WorkspaceId};
use crate::domain::member::{Member, Role};
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

/// Whether two users are members of a common workspace.
pub fn share_workspace(view: &View, one: UserId, other: UserId) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM members mine
             CROSS JOIN members theirs ON theirs.workspace_id = mine.workspace_id
             WHERE mine.user_id = :one AND theirs.user_id = :other)",
    )?;
    Ok(query.query_row(named_params! { ":one": one.0, ":other": other.0 }, |row| row.get(0))?)
}

/// The number of enabled people who own a workspace, without this user.
pub fn count_other_owners(view: &View, workspace: WorkspaceId, but: UserId) -> Result<i64> {
    let mut query = view.conn.prepare_cached(
        "SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.workspace_id = :workspace AND m.role = 'owner' AND m.user_id <> :but AND u.enabled = 1
             AND u.state = 'active' AND u.kind = 'person'",
    )?;
    Ok(query.query_row(named_params! { ":workspace": workspace.0, ":but": but.0 }, |row| row.get(0))?)
}

/// A user's memberships of the workspaces of an organization, or of all.
pub fn list_of(view: &View, user: UserId, organization: Option<OrganizationId>) -> Result<Vec<Member>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m JOIN users u ON u.id = m.user_id JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.user_id = :user AND (CAST(:organization AS INTEGER) IS NULL OR w.organization_id = :organization)
         ORDER BY m.workspace_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":user": user.0, ":organization": organization.map(|id| id.0) };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Whether a user is a member of fewer than `than` workspaces.
pub fn has_fewer_than(view: &View, user: UserId, than: u32) -> Result<bool> {
    let mut query = view
        .conn
        .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM members WHERE user_id = :user LIMIT 1 OFFSET :than - 1)")?;
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

pub fn delete(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("DELETE FROM members WHERE workspace_id = :workspace AND user_id = :user")?;
    query.execute(named_params! { ":workspace": workspace.0, ":user": user.0 })?;
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
        role: match row.get::<_, Option<i64>>("role_id")? {
            Some(id) => Role::Custom(RoleId(id)),
            None => row::text(row, "role", Role::predefined)?,
        },
        created_at: row::moment(row, "created_at")?,
    })
}
