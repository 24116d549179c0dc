//! The table `users`.

use rusqlite::{OptionalExtension, ToSql, named_params};
use uuid::Uuid;

use super::circle::{self, Circle, IN_ORGANIZATIONS, IN_WORKSPACES};
use super::fault::conflict;
use super::listed_people::{Part, ids};
use super::search::{self, SearchTable, Way};
use super::{Row, Tx, View, row};
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{NewUser, PersonName, User, UserSearch, UserState, UserStatus, Verification};
use crate::error::{Error, Result};
use crate::tokens::password::PasswordHash;

pub(super) const COLUMNS: &str =
    "u.id, u.uuid, u.email, u.first_name, u.last_name, u.kind, u.state, u.invited_until, u.enabled,
    u.developer, u.must_change_password, u.role, u.created_at, u.last_sign_in_at, u.email_verified_by,
    u.email_verified_at";

pub fn find(view: &View, id: UserId) -> Result<Option<User>> {
    one(view, "u.id = :key AND u.kind = 'person'", &id.0)
}

pub fn find_by_uuid(view: &View, uuid: Uuid) -> Result<Option<User>> {
    one(view, "u.uuid = :key AND u.kind = 'person'", &uuid.to_string())
}

/// The person with this whole email address, in any case. A closed account has no email address any more.
pub fn find_by_email(view: &View, email: &str) -> Result<Option<User>> {
    one(view, "u.email_key = :key AND u.state <> 'blocked' AND u.kind = 'person'", &Email::fold(email))
}

/// The person or bot with this id.
pub fn find_principal(view: &View, id: UserId) -> Result<Option<User>> {
    one(view, "u.id = :key", &id.0)
}

/// The person or bot with this UUID.
pub fn find_principal_by_uuid(view: &View, uuid: Uuid) -> Result<Option<User>> {
    one(view, "u.uuid = :key", &uuid.to_string())
}

/// Whether the person's own row permits creating keys.
pub fn is_developer(view: &View, id: UserId) -> Result<bool> {
    let mut query = view.conn.prepare_cached("SELECT developer FROM users WHERE id = :id AND kind = 'person'")?;
    Ok(query.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional()?.unwrap_or(false))
}

fn one(view: &View, which: &str, key: &dyn ToSql) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE {which}");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":key": key }, read).optional()?)
}

/// Every person, oldest account first.
pub fn list(view: &View) -> Result<Vec<User>> {
    let mut found = Vec::new();
    for_each(view, |user| {
        found.push(user);
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` with every person, oldest account first.
pub fn for_each(view: &View, mut each: impl FnMut(User) -> Result<()>) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.kind = 'person' ORDER BY u.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    for user in query.query_map(&[], read)? {
        each(user?)?;
    }
    Ok(())
}

/// A page of every person, closed accounts included, oldest account first.
pub fn page_of_all(view: &View, page: Page) -> Result<Slice<User>> {
    let sql =
        format!("SELECT {COLUMNS} FROM users u WHERE u.kind = 'person' AND u.id > :after ORDER BY u.id LIMIT :limit");
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":after": page.after.unwrap_or(0), ":limit": page.fetch_limit() };
    let found = query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |user| user.id.0))
}

/// Every person who is an administrator, in no order.
pub fn list_administrators(view: &View) -> Result<Vec<User>> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.role = 'administrator' AND u.kind = 'person'");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(&[], read)?.collect::<rusqlite::Result<_>>()?)
}

/// A page of the people of a circle whose account is neither disabled nor closed, ordered by id.
pub fn page(view: &View, circle: Circle, search: &UserSearch, page: Page) -> Result<Slice<User>> {
    let wanted = |status| search.statuses.is_empty() || search.statuses.contains(&status);
    let (active, invited, expired) =
        (wanted(UserStatus::Active), wanted(UserStatus::Invited), wanted(UserStatus::Expired));
    let email = search.email.as_deref().map(Email::fold_part).unwrap_or_default();
    let now = view.now.micros();
    let mut parts = Vec::new();
    parts.extend(active.then_some(Part::Status("active")));
    parts.extend(invited.then_some(Part::Status("invited")));
    parts.extend(expired.then_some(Part::Status("expired")));
    parts.extend(expired.then_some(Part::Lapsing));

    let me = circle.user();
    let of_circle = |after, limit| circle::next(view, circle, after, limit);
    let of_status = |after, limit| ids(view, &parts, None, after, limit).map(Some);
    let every = |after, limit| circle::every(view, circle, after, limit);
    let named = |after, limit| search::by_name(view, (SearchTable::Users, &email), after, limit);
    let mut ways = Vec::new();
    if me.is_some() {
        ways.push(Way::Ids(&of_circle, true));
    }
    if me.is_some() && active {
        ways.push(Way::Every(&every));
    } else if me.is_some() || email.is_empty() || !search.statuses.is_empty() {
        ways.push(Way::Ids(&of_status, me.is_none()));
    }
    if !email.is_empty() {
        ways.push(Way::Ids(&named, me.is_none()));
    }
    let found = search::find((page.after.unwrap_or(0), page.fetch_limit()), &ways, |these, visible| {
        let me = me.filter(|_| !visible).map(|id| id.0);
        let in_circle = match circle {
            Circle::OfOrganizations(_) if !visible => IN_ORGANIZATIONS,
            Circle::OfWorkspaces(_) if !visible => IN_WORKSPACES,
            Circle::Everybody | Circle::OfOrganizations(_) | Circle::OfWorkspaces(_) => "TRUE",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM users u
             WHERE u.id IN (SELECT value FROM json_each(:these)) AND {MATCHES} AND {in_circle} ORDER BY u.id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        let these = row::numbers(these.iter().copied());
        let mut params: Vec<(&str, &dyn ToSql)> = vec![
            (":these", &these),
            (":email", &email),
            (":active", &active),
            (":invited", &invited),
            (":expired", &expired),
            (":now", &now),
        ];
        if me.is_some() {
            params.push((":me", &me));
        }
        Ok(query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?)
    })?;
    Ok(Slice::from_rows(found, page, |user| user.id.0))
}

/// The conditions of a search on a person.
const MATCHES: &str = "u.kind = 'person' AND u.enabled = 1 AND (:email = '' OR instr(u.email_key, :email) > 0)
    AND ((:active AND u.state = 'active') OR (:invited AND u.state = 'invited' AND u.invited_until > :now)
         OR (:expired AND u.state = 'invited' AND u.invited_until <= :now))";

/// Marks at most `limit` invitations that have expired. Returns how many there were.
pub fn mark_lapsed(tx: &Tx, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE users SET lapsed = 1 WHERE id IN (
             SELECT id FROM users WHERE state = 'invited' AND lapsed = 0 AND invited_until <= :now LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":now": tx.now.micros(), ":most": limit })?)
}

/// Calls `each` with the people with these UUIDs, oldest account first.
pub fn for_each_of(view: &View, uuids: &[Uuid], mut each: impl FnMut(User) -> Result<()>) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM users u
         WHERE u.kind = 'person' AND u.uuid IN (SELECT value FROM json_each(:uuids, '$')) ORDER BY u.id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    for user in query.query_map(named_params! { ":uuids": row::uuids(uuids) }, read)? {
        each(user?)?;
    }
    Ok(())
}

/// Whether an administrator other than this user may sign in.
pub fn has_other_administrator(view: &View, but: UserId) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM users
             WHERE role = 'administrator' AND enabled = 1 AND state = 'active' AND kind = 'person' AND id <> :but)",
    )?;
    Ok(query.query_row(named_params! { ":but": but.0 }, |row| row.get(0))?)
}

pub fn any(view: &View) -> Result<bool> {
    let mut query = view.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM users WHERE id > 0)")?;
    Ok(query.query_row(&[], |row| row.get(0))?)
}

/// Whether there is an administrator, enabled or not, whose account is not closed.
pub fn any_administrator(view: &View) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM users
                 WHERE role = 'administrator' AND state <> 'blocked' AND kind = 'person')",
    )?;
    Ok(query.query_row(&[], |row| row.get(0))?)
}

pub fn any_enabled_administrator(view: &View) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM users
             WHERE role = 'administrator' AND enabled = 1 AND state = 'active' AND kind = 'person')",
    )?;
    Ok(query.query_row(&[], |row| row.get(0))?)
}

/// The hash of a user's password; none if the user cannot sign in with a password.
pub fn password_hash(view: &View, id: UserId) -> Result<Option<PasswordHash>> {
    let mut query = view.conn.prepare_cached("SELECT password_hash FROM users WHERE id = :id")?;
    let text: Option<Option<String>> = query.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional()?;
    text.flatten().map(|text| PasswordHash::parse(&text).map_err(Error::internal)).transpose()
}

/// Inserts an active person whose email address nobody has verified. A conflict if the address is taken.
pub fn insert(tx: &Tx, new: &NewUser, uuid: Uuid, hash: Option<&PasswordHash>) -> Result<User> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
             password_hash, must_change_password, created_at)
         VALUES (:uuid, :email, :email_key, :first_name, :last_name, 'person', 'active', 1, 1, :role,
             :password_hash, 0, :now)
         RETURNING id, uuid, email, first_name, last_name, kind, state, invited_until, enabled, developer,
             must_change_password, role, created_at, last_sign_in_at, email_verified_by, email_verified_at",
    )?;
    query
        .query_row(
            named_params! {
                ":uuid": uuid.to_string(),
                ":email": new.email.as_str(),
                ":email_key": new.email.key(),
                ":first_name": new.first_name.as_str(),
                ":last_name": new.last_name.as_str(),
                ":role": new.role.as_str(),
                ":password_hash": hash.map(PasswordHash::as_str),
                ":now": tx.now.micros(),
            },
            read,
        )
        .map_err(conflict(Noun::User, new.email.as_str()))
}

/// Deletes those of these bots that are in no organization any more, with their keys. The bots of clients stay as long
/// as the clients do.
pub fn delete_bots_without_organization(tx: &Tx, bots: &[UserId]) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM users WHERE kind = 'bot' AND id IN (SELECT value FROM json_each(:bots))
             AND NOT EXISTS (SELECT 1 FROM organization_members m WHERE m.user_id = users.id)
             AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.service_user_id = users.id)",
    )?;
    query.execute(named_params! { ":bots": row::numbers(bots.iter().map(|id| id.0)) })?;
    Ok(())
}

/// Writes a user's profile, role and state. A conflict if the email address is taken. The folded text of an unchanged
/// address stays as it is, because an older file may have two addresses with the same current form.
pub fn update(tx: &Tx, user: &User) -> Result<()> {
    let until = match user.state {
        UserState::Invited { until } => Some(until.micros()),
        UserState::Active | UserState::Blocked => None,
    };
    let mut query = tx.conn.prepare_cached(
        "UPDATE users SET email = :email, email_key = iif(email = :email, email_key, :email_key), email_verified_by = :verified_by,
             email_verified_at = :verified_at, first_name = :first_name, last_name = :last_name,
             state = :state, invited_until = :until, lapsed = iif(invited_until IS NOT DISTINCT FROM :until, lapsed, 0),
             enabled = :enabled, developer = :developer,
             must_change_password = :must_change, role = :role
         WHERE id = :id",
    )?;
    query
        .execute(named_params! {
            ":id": user.id.0,
            ":email": user.email.as_str(),
            ":email_key": user.email.key(),
            ":verified_by": user.email_verified.map(|verified| verified.by.to_string()),
            ":verified_at": user.email_verified.map(|verified| verified.at.micros()),
            ":first_name": user.first_name.as_str(),
            ":last_name": user.last_name.as_str(),
            ":state": user.state.as_str(),
            ":until": until,
            ":enabled": user.enabled,
            ":developer": user.developer,
            ":must_change": user.must_change_password,
            ":role": user.role.as_str(),
        })
        .map_err(conflict(Noun::User, user.email.as_str()))?;
    Ok(())
}

/// Writes the hash of a user's password. Without a hash the user cannot sign in with a password.
pub fn update_password(tx: &Tx, id: UserId, hash: Option<&PasswordHash>) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE users SET password_hash = :hash WHERE id = :id")?;
    query.execute(named_params! { ":id": id.0, ":hash": hash.map(PasswordHash::as_str) })?;
    Ok(())
}

pub fn update_last_sign_in(tx: &Tx, id: UserId, at: Timestamp) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE users SET last_sign_in_at = :at WHERE id = :id")?;
    query.execute(named_params! { ":id": id.0, ":at": at.micros() })?;
    Ok(())
}

/// Reads the columns by their index in [`COLUMNS`], because every request reads a user.
pub(super) fn read(row: &Row) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.get(0)?),
        uuid: row::uuid(row, 1)?,
        email: row::text(row, 2, |text| Some(Email::stored(text)))?,
        first_name: row::text(row, 3, |text| Some(PersonName::stored(text)))?,
        last_name: row::text(row, 4, |text| Some(PersonName::stored(text)))?,
        kind: row::parsed(row, 5)?,
        state: read_state(row, 6)?,
        enabled: row.get(8)?,
        developer: row.get(9)?,
        must_change_password: row.get(10)?,
        role: row::parsed(row, 11)?,
        created_at: row::moment(row, 12)?,
        last_sign_in_at: row::moment_if_any(row, 13)?,
        email_verified: match row::moment_if_any(row, 15)? {
            Some(at) => Some(Verification { by: row::parsed(row, 14)?, at }),
            None => None,
        },
    })
}

/// Reads the two columns `state` and `invited_until`, starting at this index.
pub(super) fn read_state(row: &Row, first: usize) -> rusqlite::Result<UserState> {
    let until = row::moment_if_any(row, first + 1)?;
    row::text(row, first, |word| match word {
        "invited" => until.map(|until| UserState::Invited { until }),
        "active" => Some(UserState::Active),
        "blocked" => Some(UserState::Blocked),
        _ => None,
    })
}
