//! The table `audit`.

pub mod chain;
pub(in crate::store) mod end;
mod fault;
pub mod of_workspace;
pub mod old;

use rusqlite::{OptionalExtension, ToSql, named_params};
use serde_json::Value;

use super::{Row, Tx, View, row};
use crate::domain::actor::{Actor, Who};
use crate::domain::audit::{AuditSearch, Change, Entry, NO_ACCOUNT, ObjectKind, Recorded};
use crate::domain::ids::{AuditId, UserId};
use crate::domain::page::{Page, Slice};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// The rows of a search between two times, both included, newest first.
///
/// A search for some verbs or for a user looks into the index once for each verb, so that a search for rare rows need
/// not look at all others.
pub fn page(
    view: &View,
    (from, until): (Timestamp, Timestamp),
    search: &AuditSearch,
    page: Page,
) -> Result<Slice<Recorded>> {
    let last = match page.after {
        None => None,
        Some(id) => match moment(view, id)? {
            Some(last) => Some(last),
            // The row was deleted meanwhile because of its age, and so were all older ones.
            None => return Ok(Slice { items: Vec::new(), next: None }),
        },
    };
    let end = last.filter(|last| last.0 <= until.micros()).unwrap_or((until.micros(), i64::MAX));
    let mut found = Vec::new();
    match search.by {
        None if search.verbs.is_empty() => found = before(view, from, end, None, None, page)?,
        Some(by) if search.verbs.is_empty() => {
            for verb in verbs_of(view, by)? {
                found.extend(before(view, from, end, Some(&verb), Some(by), page)?);
            }
        }
        by => {
            for verb in &search.verbs {
                found.extend(before(view, from, end, Some(verb), by, page)?);
            }
        }
    }
    found.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
    found.dedup();
    found.truncate(page.fetch_limit() as usize);
    Ok(Slice::from_rows(rows(view, &found)?, page, |recorded| recorded.id.0))
}

/// The time and the id of a row, by which rows are ordered.
type Moment = (i64, i64);

fn moment(view: &View, id: i64) -> Result<Option<Moment>> {
    let mut query = view.conn.prepare_cached("SELECT at, id FROM audit WHERE id = :id")?;
    Ok(query.query_row(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// The verbs of the rows of a user. Each is one step in the index, whatever rows the user has.
fn verbs_of(view: &View, by: UserId) -> Result<Vec<String>> {
    let by_is = if by == NO_ACCOUNT { "actor_id IS NULL" } else { "actor_id = :by" };
    let sql = format!("SELECT verb FROM audit WHERE {by_is} AND verb > :verb ORDER BY verb LIMIT 1");
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut all: Vec<String> = Vec::new();
    loop {
        let last = all.last().map_or("", String::as_str);
        let mut params: Vec<(&str, &dyn ToSql)> = vec![(":verb", &last)];
        if by != NO_ACCOUNT {
            params.push((":by", &by.0));
        }
        match query.query_row(params.as_slice(), |row| row.get(0)).optional()? {
            Some(verb) => all.push(verb),
            None => return Ok(all),
        }
    }
}

/// The row with this number.
pub fn find(view: &View, id: AuditId) -> Result<Option<Recorded>> {
    match moment(view, id.0)? {
        Some(place) => Ok(rows(view, &[place])?.pop()),
        None => Ok(None),
    }
}

/// All verbs that rows have, in order. Each is one step in the index.
pub fn verbs(view: &View) -> Result<Vec<String>> {
    let mut query = view.conn.prepare_cached("SELECT verb FROM audit WHERE verb > :verb ORDER BY verb LIMIT 1")?;
    let mut all: Vec<String> = Vec::new();
    loop {
        let last = all.last().map_or("", String::as_str);
        match query.query_row(named_params! { ":verb": last }, |row| row.get(0)).optional()? {
            Some(verb) => all.push(verb),
            None => return Ok(all),
        }
    }
}

/// The rows from one time to another, newest first, before row `before` at the last one: of all verbs, or of one verb
/// and perhaps one user.
fn before(
    view: &View,
    from: Timestamp,
    (until, before): Moment,
    verb: Option<&str>,
    by: Option<UserId>,
    page: Page,
) -> Result<Vec<Moment>> {
    let only = match (verb, by) {
        (None, _) => "",
        (Some(_), None) => "AND verb = :verb",
        (Some(_), Some(NO_ACCOUNT)) => "AND verb = :verb AND actor_id IS NULL",
        (Some(_), Some(_)) => "AND verb = :verb AND actor_id = :by",
    };
    let sql = format!(
        "SELECT at, id FROM audit
         WHERE at >= :from AND at <= :until AND (at < :until OR id < :before) {only}
         ORDER BY at DESC, id DESC LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let (from, limit) = (from.micros(), page.fetch_limit());
    let user = by.filter(|user| *user != NO_ACCOUNT).map(|user| user.0);
    let mut params: Vec<(&str, &dyn ToSql)> =
        vec![(":from", &from), (":until", &until), (":before", &before), (":limit", &limit)];
    if verb.is_some() {
        params.push((":verb", &verb));
    }
    if user.is_some() {
        params.push((":by", &user));
    }
    let rows = query.query_map(params.as_slice(), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The rows with these ids, in this order.
pub fn rows_of(view: &View, ids: &[AuditId]) -> Result<Vec<Recorded>> {
    rows(view, &ids.iter().map(|id| (0, id.0)).collect::<Vec<_>>())
}

/// The rows at these moments, in this order.
fn rows(view: &View, places: &[Moment]) -> Result<Vec<Recorded>> {
    let mut query = view.conn.prepare_cached(
        "SELECT id, at, actor_id, actor, address, verb, kind, object, before, after FROM audit WHERE id = :id",
    )?;
    let mut found = Vec::with_capacity(places.len());
    for (_, id) in places {
        found.push(query.query_row(named_params! { ":id": id }, read)?);
    }
    Ok(found)
}

/// Appends a row to the chain.
pub fn insert(tx: &Tx, actor: &Actor, entry: &Entry) -> Result<()> {
    tx.verb.set(Some(entry.verb));
    let columns = named_params! {
        ":at": tx.now.micros(),
        ":actor": name(actor),
        ":actor_id": actor.user().map(|id| id.0),
        ":credential": actor.credential.to_text(),
        ":dialect": actor.origin.dialect,
        ":address": actor.origin.address.map(|address| address.to_string()),
        ":request_id": actor.origin.request.to_string(),
        ":verb": entry.verb,
        ":kind": entry.kind.as_str(),
        ":object": entry.object,
        ":before": json(&entry.before),
        ":after": json(&entry.after),
    };
    chain::append(tx, columns)
}

/// Appends a row for each of these changes to the chain.
pub fn insert_all(
    tx: &Tx,
    actor: &Actor,
    (verb, kind): (&'static str, ObjectKind),
    changes: impl Iterator<Item = Change>,
) -> Result<()> {
    tx.verb.set(Some(verb));
    let columns = named_params! {
        ":at": tx.now.micros(),
        ":actor": name(actor),
        ":actor_id": actor.user().map(|id| id.0),
        ":credential": actor.credential.to_text(),
        ":dialect": actor.origin.dialect,
        ":address": actor.origin.address.map(|address| address.to_string()),
        ":request_id": actor.origin.request.to_string(),
        ":verb": verb,
        ":kind": kind.as_str(),
    };
    chain::append_all(tx, columns, changes.map(|change| (change.object, json(&change.before), json(&change.after))))
}

fn name(actor: &Actor) -> &str {
    match &actor.who {
        Who::Person(person) => person.email.as_str(),
        Who::Operator => "operator",
        Who::Nobody => "nobody",
    }
}

fn json(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

fn read(row: &Row) -> rusqlite::Result<Recorded> {
    Ok(Recorded {
        id: AuditId(row.get("id")?),
        at: row::moment(row, "at")?,
        by: row.get::<_, Option<i64>>("actor_id")?.map(UserId),
        name: row.get("actor")?,
        address: row.get("address")?,
        verb: row.get("verb")?,
        kind: row.get("kind")?,
        object: row.get("object")?,
        before: row.get("before")?,
        after: row.get("after")?,
    })
}
