//! The table `audit`.

use rusqlite::{Row, named_params};
use serde_json::Value;

use super::{Tx, View, row};
use crate::domain::actor::{Actor, Who};
use crate::domain::audit::{AuditSearch, Entry, NO_ACCOUNT, Recorded};
use crate::domain::ids::{AuditId, UserId};
use crate::domain::page::{Page, Slice};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// The rows of a search between two moments, both included, the newest first.
pub fn page(
    view: &View,
    (from, until): (Timestamp, Timestamp),
    search: &AuditSearch,
    page: Page,
) -> Result<Slice<Recorded>> {
    let by = match search.by {
        None => "",
        Some(NO_ACCOUNT) => "AND actor_id IS NULL",
        Some(_) => "AND actor_id = :by",
    };
    let sql = format!(
        "SELECT id, at, actor_id, address, verb, kind, object, before, after FROM audit
         WHERE id < :before AND at BETWEEN :from AND :until
             AND (:verbs IS NULL OR verb IN (SELECT value FROM json_each(:verbs))) {by}
         ORDER BY id DESC LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let before = page.after.unwrap_or(i64::MAX);
    let (from, until, look_for) = (from.micros(), until.micros(), page.look_for());
    let verbs = (!search.verbs.is_empty()).then(|| Value::from(search.verbs.clone()).to_string());
    let user = search.by.filter(|user| *user != NO_ACCOUNT).map(|user| user.0);
    let mut params: Vec<(&str, &dyn rusqlite::ToSql)> =
        vec![(":before", &before), (":from", &from), (":until", &until), (":verbs", &verbs), (":limit", &look_for)];
    if user.is_some() {
        params.push((":by", &user));
    }
    let found = query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::cut(found, page, |recorded| recorded.id.0))
}

/// Adds one row: who did what.
pub fn insert(tx: &Tx, actor: &Actor, entry: &Entry) -> Result<()> {
    let name = match &actor.who {
        Who::Person(person) => person.email.as_str(),
        Who::Operator => "operator",
        Who::Nobody => "nobody",
    };
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO audit (at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, after)
         VALUES (:at, :actor, :actor_id, :credential, :dialect, :address, :request_id, :verb, :kind, :object, :before, :after)",
    )?;
    query.execute(named_params! {
        ":at": tx.now.micros(),
        ":actor": name,
        ":actor_id": actor.user().map(|id| id.0),
        ":credential": actor.credential.words(),
        ":dialect": actor.origin.dialect,
        ":address": actor.origin.address.map(|address| address.to_string()),
        ":request_id": actor.origin.request.to_string(),
        ":verb": entry.verb,
        ":kind": entry.kind.word(),
        ":object": entry.object,
        ":before": json(&entry.before),
        ":after": json(&entry.after),
    })?;
    Ok(())
}

fn json(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

fn read(row: &Row) -> rusqlite::Result<Recorded> {
    Ok(Recorded {
        id: AuditId(row.get("id")?),
        at: row::moment(row, "at")?,
        by: row.get::<_, Option<i64>>("actor_id")?.map(UserId),
        address: row.get("address")?,
        verb: row.get("verb")?,
        kind: row.get("kind")?,
        object: row.get("object")?,
        before: row.get("before")?,
        after: row.get("after")?,
    })
}
