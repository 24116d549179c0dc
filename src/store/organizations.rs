//! The tables `organizations` and `organization_members`.

use rusqlite::{OptionalExtension, Row, named_params};

use super::fault::conflict;
use super::{Tx, View, row};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::organization::{Organization, OrganizationRole};
use crate::error::Result;

/// The home organization; none before the first start is through.
pub fn find_home(view: &View) -> Result<Option<Organization>> {
    let mut query = view.conn.prepare_cached("SELECT id, name FROM organizations WHERE home = 1")?;
    Ok(query.query_row([], read).optional()?)
}

/// Adds the home organization.
pub fn insert_home(tx: &Tx, name: &str) -> Result<Organization> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO organizations (name, home, created_at) VALUES (:name, 1, :now) RETURNING id, name",
    )?;
    query
        .query_row(named_params! { ":name": name, ":now": tx.now.micros() }, read)
        .map_err(conflict("organization", name))
}

/// The role of a user in an organization; none for an outsider.
pub fn role(view: &View, organization: OrganizationId, user: UserId) -> Result<Option<OrganizationRole>> {
    let mut query = view.conn.prepare_cached(
        "SELECT role FROM organization_members WHERE organization_id = :organization AND user_id = :user",
    )?;
    let params = named_params! { ":organization": organization.0, ":user": user.0 };
    Ok(query.query_row(params, |row| row::text(row, "role", OrganizationRole::from_word)).optional()?)
}

/// The role that one user has in an organization that another user is in too; none if they share none.
pub fn shared_role(view: &View, of: UserId, with: UserId) -> Result<Option<OrganizationRole>> {
    let mut query = view.conn.prepare_cached(
        "SELECT mine.role FROM organization_members mine
         JOIN organization_members theirs ON theirs.organization_id = mine.organization_id
         WHERE mine.user_id = :of AND theirs.user_id = :with
         ORDER BY mine.role LIMIT 1",
    )?;
    let params = named_params! { ":of": of.0, ":with": with.0 };
    Ok(query.query_row(params, |row| row::text(row, "role", OrganizationRole::from_word)).optional()?)
}

/// Puts a user into an organization, or gives a member this role.
pub fn put_member(tx: &Tx, organization: OrganizationId, user: UserId, role: OrganizationRole) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at)
         VALUES (:organization, :user, :role, :now)
         ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role",
    )?;
    query.execute(named_params! {
        ":organization": organization.0,
        ":user": user.0,
        ":role": role.word(),
        ":now": tx.now.micros(),
    })?;
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<Organization> {
    Ok(Organization { id: OrganizationId(row.get("id")?), name: row.get("name")? })
}
