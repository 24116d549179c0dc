//! The table `audit`.

use rusqlite::named_params;
use serde_json::Value;

use super::Tx;
use crate::domain::actor::{Actor, Who};
use crate::domain::audit::Entry;
use crate::error::Result;

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
