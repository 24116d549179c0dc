//! The bots of the table `users`, and their memberships.

use std::collections::BTreeMap;

use rusqlite::named_params;
use uuid::Uuid;

use super::{Row, Tx, View, row};
use crate::domain::bot::{Bot, BotOrganization, BotWorkspace};
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, RoleId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::user::{AccountRole, PersonName};
use crate::error::{Error, Result};

/// The domain of bots' email addresses, which fill the column. It cannot receive mail (RFC 2606, section 2).
const DOMAIN: &str = "bots.invalid";

/// Inserts a bot of this name, without a password or memberships.
pub fn insert(tx: &Tx, uuid: Uuid, name: &str, role: AccountRole) -> Result<UserId> {
    let email = Email::parse(&format!("bot-{uuid}@{DOMAIN}")).map_err(Error::internal)?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
             must_change_password, created_at)
         VALUES (:uuid, :email, :email_key, :name, '', 'bot', 'active', 1, 0, :role, 0, :now)
         RETURNING id",
    )?;
    let params = named_params! {
        ":uuid": uuid.to_string(),
        ":email": email.as_str(),
        ":email_key": email.key(),
        ":name": truncated(name),
        ":role": role.as_str(),
        ":now": tx.now.micros(),
    };
    Ok(query.query_row(params, |row| row.get(0).map(UserId))?)
}

/// Writes the name and the account role of a bot.
pub fn update(tx: &Tx, id: UserId, name: &str, role: AccountRole) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("UPDATE users SET first_name = :name, role = :role WHERE id = :id AND kind = 'bot'")?;
    query.execute(named_params! { ":id": id.0, ":name": truncated(name), ":role": role.as_str() })?;
    Ok(())
}

/// Cuts a name to the maximum length.
fn truncated(name: &str) -> String {
    name.chars().take(PersonName::MAX_LENGTH).collect()
}

/// Blocks a bot permanently. Its memberships stay as a record, but without their custom roles, which could not be
/// deleted otherwise.
pub fn block(tx: &Tx, id: UserId) -> Result<()> {
    for sql in [
        "UPDATE users SET enabled = 0, state = 'blocked' WHERE id = :id AND kind = 'bot'",
        "UPDATE members SET role = 'reader', role_id = NULL WHERE user_id = :id AND role_id IS NOT NULL",
        "DELETE FROM bindings WHERE user_id = :id",
    ] {
        tx.conn.prepare_cached(sql)?.execute(named_params! { ":id": id.0 })?;
    }
    Ok(())
}

/// The number of memberships, and of bindings, with which a bot without keys is deleted.
const MAX_PLACES: u32 = 20;

/// Deletes those of these bots that have no key any more, unless something still needs them: a client acts as it, it is
/// an owner or an admin, it created something, or it has so many memberships that their deletion would take long.
pub fn delete_without_key(tx: &Tx, bots: &[UserId]) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM users WHERE kind = 'bot' AND id IN (SELECT value FROM json_each(:bots))
             AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.user_id = users.id)
             AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.service_user_id = users.id)
             AND NOT EXISTS (SELECT 1 FROM members m WHERE m.user_id = users.id AND m.role = 'owner')
             AND NOT EXISTS (SELECT 1 FROM members m WHERE m.user_id = users.id LIMIT 1 OFFSET :places)
             AND NOT EXISTS (SELECT 1 FROM organization_members m WHERE m.user_id = users.id AND m.role = 'admin')
             AND NOT EXISTS (SELECT 1 FROM organization_members m WHERE m.user_id = users.id LIMIT 1 OFFSET :places)
             AND NOT EXISTS (SELECT 1 FROM bindings b WHERE b.user_id = users.id LIMIT 1 OFFSET :places)
             AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = users.id)
             AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM models m WHERE m.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM model_versions v WHERE v.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM pipelines p WHERE p.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM pipeline_versions v WHERE v.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM projects p WHERE p.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM restrictions r WHERE r.created_by = users.id)
             AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.created_by = users.id)",
    )?;
    let bots = row::numbers(bots.iter().map(|id| id.0));
    query.execute(named_params! { ":bots": bots, ":places": MAX_PLACES })?;
    Ok(())
}

/// The bots with these ids, optionally with their memberships.
pub fn list(view: &View, ids: &[UserId], with_places: bool) -> Result<BTreeMap<UserId, Bot>> {
    let ids_json = row::numbers(ids.iter().map(|id| id.0));
    let mut query = view.conn.prepare_cached(
        "SELECT u.id, k.name FROM
             (SELECT id FROM users WHERE kind = 'bot' AND id IN (SELECT value FROM json_each(:ids))) u
         JOIN keys k ON k.user_id = u.id",
    )?;
    let read = |row: &Row| Ok(Bot { id: UserId(row.get("id")?), name: row.get("name")?, organizations: Vec::new() });
    let mut bots = BTreeMap::new();
    for bot in query.query_map(named_params! { ":ids": ids_json }, read)? {
        let bot = bot?;
        bots.insert(bot.id, bot);
    }
    if with_places {
        place_in_organizations(view, &ids_json, &mut bots)?;
        place_in_workspaces(view, &ids_json, &mut bots)?;
    }
    Ok(bots)
}

fn place_in_organizations(view: &View, ids_json: &str, bots: &mut BTreeMap<UserId, Bot>) -> Result<()> {
    let mut query = view.conn.prepare_cached(
        "SELECT user_id, organization_id, role FROM organization_members
         WHERE user_id IN (SELECT value FROM json_each(:ids)) ORDER BY user_id, organization_id",
    )?;
    let read = |row: &Row| {
        let place = BotOrganization {
            organization: OrganizationId(row.get("organization_id")?),
            role: row::parsed(row, "role")?,
            workspaces: Vec::new(),
        };
        Ok((UserId(row.get("user_id")?), place))
    };
    for found in query.query_map(named_params! { ":ids": ids_json }, read)? {
        let (bot, place) = found?;
        if let Some(bot) = bots.get_mut(&bot) {
            bot.organizations.push(place);
        }
    }
    Ok(())
}

fn place_in_workspaces(view: &View, ids_json: &str, bots: &mut BTreeMap<UserId, Bot>) -> Result<()> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.user_id, m.workspace_id, m.role, m.role_id, r.name, w.organization_id
         FROM (SELECT * FROM members WHERE user_id IN (SELECT value FROM json_each(:ids))) m
         JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN roles r ON r.id = m.role_id
         ORDER BY m.user_id, m.workspace_id",
    )?;
    let read = |row: &Row| {
        let place = BotWorkspace {
            workspace: WorkspaceId(row.get("workspace_id")?),
            role: match row.get::<_, Option<i64>>("role_id")? {
                Some(id) => Role::Custom(RoleId(id)),
                None => row::text(row, "role", Role::predefined)?,
            },
            named: row.get("name")?,
        };
        Ok((UserId(row.get("user_id")?), OrganizationId(row.get("organization_id")?), place))
    };
    for found in query.query_map(named_params! { ":ids": ids_json }, read)? {
        let (bot, inside, place) = found?;
        let organizations = bots.get_mut(&bot).map(|bot| &mut bot.organizations);
        if let Some(organization) = organizations.and_then(|all| all.iter_mut().find(|one| one.organization == inside))
        {
            organization.workspaces.push(place);
        }
    }
    Ok(())
}
