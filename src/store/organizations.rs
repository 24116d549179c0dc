//! The tables `organizations` and `organization_members`.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fault::conflict;
use super::search::{self, SearchTable, Way};
use super::visibility::{self, Visibility};
use super::{Row, Tx, View, row};
use crate::domain::ids::{OrganizationId, OrganizationMemberId, UserId};
use crate::domain::noun::Noun;
use crate::domain::organization::{
    NewOrganization, Organization, OrganizationMember, OrganizationName, OrganizationRole,
};
use crate::domain::page::{Page, Slice};
use crate::domain::text::{Description, fold};
use crate::error::Result;

const COLUMNS: &str = "id, name, description, home, created_at";

pub fn find(view: &View, id: OrganizationId) -> Result<Option<Organization>> {
    let sql = format!("SELECT {COLUMNS} FROM organizations WHERE id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The organization with exactly this name.
pub fn find_by_name(view: &View, name: &str) -> Result<Option<Organization>> {
    let sql = format!("SELECT {COLUMNS} FROM organizations WHERE name = :name");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":name": name }, read).optional()?)
}

/// The id of the home organization; none before the first start is complete.
pub fn find_home_id(view: &View) -> Result<Option<OrganizationId>> {
    let mut query = view.conn.prepare_cached("SELECT id FROM organizations WHERE home = 1")?;
    Ok(query.query_row(&[], |row| row.get(0).map(OrganizationId)).optional()?)
}

/// The home organization; none before the first start is complete.
pub fn find_home(view: &View) -> Result<Option<Organization>> {
    find_home_id(view)?.map_or(Ok(None), |id| find(view, id))
}

/// A page of the organizations whose name contains this text in any case, ordered by id: those of one member or all.
pub fn page(view: &View, visibility: Visibility, name: Option<&str>, page: Page) -> Result<Slice<Organization>> {
    let (after, limit) = (page.after.unwrap_or(0), page.fetch_limit());
    let name = name.map(fold).unwrap_or_default();
    let me = visibility.user().map(|id| id.0);
    let all = |after, limit| {
        let sql = "SELECT id FROM organizations WHERE id > :after ORDER BY id LIMIT :limit";
        visibility::numbers(view, sql, named_params! { ":after": after, ":limit": limit }).map(Some)
    };
    let mine = |after, limit| {
        let sql = "SELECT organization_id FROM organization_members WHERE user_id = :me AND organization_id > :after
                   ORDER BY organization_id LIMIT :limit";
        visibility::numbers(view, sql, named_params! { ":me": me, ":after": after, ":limit": limit }).map(Some)
    };
    let named = |after, limit| search::by_name(view, (SearchTable::Organizations, &name), after, limit);
    let mut ways = Vec::new();
    match me {
        Some(_) => ways.push(Way::Ids(&mine, true)),
        None if name.is_empty() => ways.push(Way::Ids(&all, true)),
        None => {}
    }
    if !name.is_empty() {
        ways.push(Way::Ids(&named, me.is_none()));
    }
    let found = search::find((after, limit), &ways, |these, visible| {
        let me = me.filter(|_| !visible);
        let sql = format!(
            "SELECT {COLUMNS} FROM organizations o
             WHERE o.id IN (SELECT value FROM json_each(:these)) AND (:name = '' OR instr(o.name_key, :name) > 0)
                 AND (CAST(:me AS BIGINT) IS NULL OR EXISTS (
                     SELECT 1 FROM organization_members m WHERE m.organization_id = o.id AND m.user_id = :me))
             ORDER BY o.id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        let params = named_params! { ":these": row::numbers(these.iter().copied()), ":name": name, ":me": me };
        Ok(query.query_map(params, read)?.collect::<rusqlite::Result<Vec<_>>>()?)
    })?;
    Ok(Slice::from_rows(found, page, |organization| organization.id.0))
}

/// Inserts an organization. A conflict if the name is taken.
pub fn insert(tx: &Tx, new: &NewOrganization, home: bool) -> Result<Organization> {
    let sql = format!(
        "INSERT INTO organizations (name, name_key, description, home, created_at)
         VALUES (:name, :name_key, :description, :home, :now) RETURNING {COLUMNS}"
    );
    let mut query = tx.conn.prepare_cached(&sql)?;
    let params = named_params! {
        ":name": new.name.as_str(),
        ":name_key": fold(new.name.as_str()),
        ":description": new.description.as_str(),
        ":home": home,
        ":now": tx.now.micros(),
    };
    query.query_row(params, read).map_err(conflict(Noun::Organization, new.name.as_str()))
}

/// Writes an organization's name and description. A conflict if the name is taken.
pub fn update(tx: &Tx, organization: &Organization) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE organizations SET name = :name, name_key = :name_key, description = :description WHERE id = :id",
    )?;
    let params = named_params! {
        ":id": organization.id.0,
        ":name": organization.name.as_str(),
        ":name_key": fold(organization.name.as_str()),
        ":description": organization.description.as_str(),
    };
    query.execute(params).map_err(conflict(Noun::Organization, organization.name.as_str()))?;
    Ok(())
}

/// Deletes an organization with everything in it.
pub fn delete(tx: &Tx, id: OrganizationId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM organizations WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

pub fn bots(view: &View, id: OrganizationId) -> Result<Vec<UserId>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.user_id FROM organization_members m CROSS JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = :id AND u.kind = 'bot'",
    )?;
    let rows = query.query_map(named_params! { ":id": id.0 }, |row| row.get(0).map(UserId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn find_member(view: &View, organization: OrganizationId, user: UserId) -> Result<Option<OrganizationMember>> {
    let mut query = view.conn.prepare_cached(
        "SELECT id, organization_id, user_id, role FROM organization_members
         WHERE organization_id = :organization AND user_id = :user",
    )?;
    let params = named_params! { ":organization": organization.0, ":user": user.0 };
    Ok(query.query_row(params, read_member).optional()?)
}

/// A page of the members of an organization, ordered by user.
pub fn page_of_members(view: &View, organization: OrganizationId, page: Page) -> Result<Slice<OrganizationMember>> {
    let mut query = view.conn.prepare_cached(
        "SELECT id, organization_id, user_id, role FROM organization_members
         WHERE organization_id = :organization AND user_id > :after ORDER BY user_id LIMIT :limit",
    )?;
    let (after, limit) = (page.after.unwrap_or(0), page.fetch_limit());
    let params = named_params! { ":organization": organization.0, ":after": after, ":limit": limit };
    let found = query.query_map(params, read_member)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |member| member.user.0))
}

/// The role of a user in an organization; none if the user is not a member.
pub fn role(view: &View, organization: OrganizationId, user: UserId) -> Result<Option<OrganizationRole>> {
    Ok(find_member(view, organization, user)?.map(|member| member.role))
}

/// The roles of a user in those of these organizations that exist; none where the user is not a member.
pub fn roles_in(
    view: &View,
    user: Option<UserId>,
    organizations: impl Iterator<Item = OrganizationId>,
) -> Result<HashMap<OrganizationId, Option<OrganizationRole>>> {
    let mut query = view.conn.prepare_cached(
        "SELECT o.id, m.role FROM json_each(:organizations) j CROSS JOIN organizations o ON o.id = j.value
         LEFT JOIN organization_members m ON m.organization_id = o.id AND m.user_id = :user",
    )?;
    let organizations = row::numbers(organizations.map(|id| id.0));
    let params = named_params! { ":organizations": organizations, ":user": user.map(|id| id.0) };
    let read = |row: &Row| Ok((OrganizationId(row.get(0)?), row::parsed_if_any(row, 1)?));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The users of `:with`, each with a role of `:of` in an organization that both are members of.
///
/// It looks at few organizations: at those of `:of` if they are few, or else at those of the other user.
const SHARED_ROLES: &str = "SELECT j.value, CASE
    WHEN NOT EXISTS (SELECT 1 FROM organization_members WHERE user_id = :of LIMIT 1 OFFSET 15)
    THEN (SELECT mine.role FROM organization_members mine
          CROSS JOIN organization_members theirs
              ON theirs.organization_id = mine.organization_id AND theirs.user_id = j.value
          WHERE mine.user_id = :of LIMIT 1)
    ELSE (SELECT mine.role FROM organization_members theirs
          CROSS JOIN organization_members mine
              ON mine.organization_id = theirs.organization_id AND mine.user_id = :of
          WHERE theirs.user_id = j.value LIMIT 1) END
    FROM json_each(:with) j";

/// A role that one user has in an organization that another user is a member of too; none if they share none.
pub fn shared_role(view: &View, of: UserId, with: UserId) -> Result<Option<OrganizationRole>> {
    let mut query = view.conn.prepare_cached(SHARED_ROLES)?;
    let params = named_params! { ":of": of.0, ":with": row::numbers(std::iter::once(with.0)) };
    Ok(query.query_row(params, |row| row::parsed_if_any(row, 1))?)
}

/// Like [`shared_role`], with each of these users. Users who share no organization are left out.
pub fn shared_roles(
    view: &View,
    of: UserId,
    with: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, OrganizationRole>> {
    let mut query = view.conn.prepare_cached(SHARED_ROLES)?;
    let params = named_params! { ":of": of.0, ":with": row::numbers(with.map(|id| id.0)) };
    let read = |row: &Row| Ok((UserId(row.get(0)?), row::parsed_if_any(row, 1)?));
    let mut shared = HashMap::new();
    for found in query.query_map(params, read)? {
        let (user, role) = found?;
        shared.extend(role.map(|role| (user, role)));
    }
    Ok(shared)
}

/// Whether an enabled person other than this user is an admin of an organization.
pub fn has_other_admin(view: &View, organization: OrganizationId, but: UserId) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM organization_members m CROSS JOIN users u ON u.id = m.user_id
             WHERE m.organization_id = :organization AND m.role = 'admin' AND m.user_id <> :but AND u.enabled = 1
                 AND u.state = 'active' AND u.kind = 'person')",
    )?;
    let params = named_params! { ":organization": organization.0, ":but": but.0 };
    Ok(query.query_row(params, |row| row.get(0))?)
}

/// The organizations that this user is an admin of and no other enabled person is, in order.
pub fn administered_alone(view: &View, user: UserId) -> Result<Vec<OrganizationId>> {
    let mut query = view.conn.prepare_cached(
        "SELECT mine.organization_id FROM organization_members mine
         WHERE mine.user_id = :user AND mine.role = 'admin' AND NOT EXISTS (
             SELECT 1 FROM organization_members m CROSS JOIN users u ON u.id = m.user_id
             WHERE m.organization_id = mine.organization_id AND m.role = 'admin' AND m.user_id <> :user
                 AND u.enabled = 1 AND u.state = 'active' AND u.kind = 'person')
         ORDER BY mine.organization_id",
    )?;
    let rows = query.query_map(named_params! { ":user": user.0 }, |row| row.get(0).map(OrganizationId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Adds a user, who is in none of them, to these organizations.
pub fn insert_memberships(
    tx: &Tx,
    user: UserId,
    organizations: impl Iterator<Item = (OrganizationId, OrganizationRole)>,
) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at)
         SELECT CAST(value ->> 0 AS BIGINT), :user, value ->> 1, :now FROM json_each(:organizations, '$')",
    )?;
    let organizations = organizations.map(|(organization, role)| json!([organization.0, role.as_str()]));
    let organizations = organizations.collect::<Value>().to_string();
    query.execute(named_params! { ":user": user.0, ":organizations": organizations, ":now": tx.now.micros() })?;
    Ok(())
}

/// Makes a member of these organizations an admin of them.
pub fn promote(tx: &Tx, user: UserId, organizations: &[OrganizationId]) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE organization_members SET role = 'admin'
         WHERE user_id = :user AND organization_id IN (SELECT value FROM json_each(:organizations))",
    )?;
    let organizations = row::numbers(organizations.iter().map(|id| id.0));
    query.execute(named_params! { ":user": user.0, ":organizations": organizations })?;
    Ok(())
}

/// Adds a user to an organization, or changes a member's role.
pub fn upsert_member(
    tx: &Tx,
    organization: OrganizationId,
    user: UserId,
    role: OrganizationRole,
) -> Result<OrganizationMember> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at)
         VALUES (:organization, :user, :role, :now)
         ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role
         RETURNING id, organization_id, user_id, role",
    )?;
    let params = named_params! {
        ":organization": organization.0,
        ":user": user.0,
        ":role": role.as_str(),
        ":now": tx.now.micros(),
    };
    Ok(query.query_row(params, read_member)?)
}

pub fn delete_member(tx: &Tx, organization: OrganizationId, user: UserId) -> Result<()> {
    let mut query = tx
        .conn
        .prepare_cached("DELETE FROM organization_members WHERE organization_id = :organization AND user_id = :user")?;
    query.execute(named_params! { ":organization": organization.0, ":user": user.0 })?;
    Ok(())
}

/// A user's memberships of organizations, ordered by organization.
pub fn memberships(view: &View, user: UserId) -> Result<Vec<OrganizationMember>> {
    let mut query = view.conn.prepare_cached(
        "SELECT id, organization_id, user_id, role FROM organization_members
         WHERE user_id = :user ORDER BY organization_id",
    )?;
    Ok(query.query_map(named_params! { ":user": user.0 }, read_member)?.collect::<rusqlite::Result<_>>()?)
}

/// For each of these organizations the first admin to join among those who may sign in, without this user.
pub fn first_other_admins(
    view: &View,
    organizations: impl Iterator<Item = OrganizationId>,
    but: UserId,
) -> Result<HashMap<OrganizationId, (UserId, Uuid)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT j.value, u.id, u.uuid FROM json_each(:organizations) j CROSS JOIN users u ON u.id = (
             SELECT m.user_id FROM organization_members m CROSS JOIN users a ON a.id = m.user_id
             WHERE m.organization_id = j.value AND m.role = 'admin' AND m.user_id <> :but AND a.kind = 'person'
                 AND a.enabled = 1 AND a.state = 'active'
             ORDER BY m.id LIMIT 1)",
    )?;
    let organizations = row::numbers(organizations.map(|id| id.0));
    let params = named_params! { ":organizations": organizations, ":but": but.0 };
    let read = |row: &Row| Ok((OrganizationId(row.get(0)?), (UserId(row.get(1)?), row::uuid(row, 2)?)));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Removes a user from every organization. Returns how many there were.
pub fn delete_members_of(tx: &Tx, user: UserId) -> Result<usize> {
    let mut query = tx.conn.prepare_cached("DELETE FROM organization_members WHERE user_id = :user")?;
    Ok(query.execute(named_params! { ":user": user.0 })?)
}

pub(super) fn read(row: &Row) -> rusqlite::Result<Organization> {
    Ok(Organization {
        id: OrganizationId(row.get("id")?),
        name: row::text(row, "name", |text| Some(OrganizationName::stored(text)))?,
        description: row::text(row, "description", |text| Description::parse(text).ok())?,
        home: row.get("home")?,
        created_at: row::moment(row, "created_at")?,
    })
}

fn read_member(row: &Row) -> rusqlite::Result<OrganizationMember> {
    Ok(OrganizationMember {
        id: OrganizationMemberId(row.get("id")?),
        organization: OrganizationId(row.get("organization_id")?),
        user: UserId(row.get("user_id")?),
        role: row::parsed(row, "role")?,
    })
}
