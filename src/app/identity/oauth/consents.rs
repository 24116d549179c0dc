//! Consents of people to clients that act on their behalf.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::audit;
use crate::app::identity::oauth::clients;
use crate::domain::actor::{Actor, Person};
use crate::domain::audit::ObjectKind;
use crate::domain::client::{Client, ClientId, Scopes};
use crate::domain::consent::Consent;
use crate::domain::noun::Noun;
use crate::domain::timestamp::Timestamp;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx, View};

/// The person's consents to at most `limit` clients after this one, by client.
pub fn page(view: &View, actor: &Actor, after: Option<&ClientId>, limit: u32) -> Result<Vec<Consent>> {
    let mut consents = Vec::new();
    for (client, scopes, created_at) in store::consents::page(view, own(actor)?.id, after, limit)? {
        if let Some(client) = store::clients::find(view, &client)? {
            consents.push(Consent { client, scopes, created_at });
        }
    }
    Ok(consents)
}

/// A person who authorized a client.
#[derive(Clone, Debug)]
pub struct Authorizer {
    pub user: Uuid,
    pub email: String,
    pub scopes: Scopes,
    pub since: Timestamp,
}

/// The first people who authorized a client, by account number.
///
/// Requires an administrator.
pub fn first_of(view: &View, actor: &Actor, client: &ClientId, limit: u32) -> Result<Vec<Authorizer>> {
    clients::get(view, actor, client)?;
    let found = store::consents::first_of(view, client, limit)?;
    Ok(found.into_iter().map(|(user, email, scopes, since)| Authorizer { user, email, scopes, since }).collect())
}

/// Withdraws the person's consent to a client, in every browser session too, and ends the client's sessions on behalf
/// of the person.
///
/// Refused when there is no consent.
pub fn withdraw(tx: &Tx, actor: &Actor, client: &ClientId) -> Result<()> {
    let person = own(actor)?;
    let scopes = store::consents::find(tx, person.id, client)?
        .ok_or_else(|| Error::not_found(Noun::Consent, client.as_str()))?;
    store::consents::delete(tx, person.id, client)?;
    store::approvals::delete_of(tx, person.id, client)?;
    let ended = store::sessions::delete_through(tx, person.id, client)?;
    let before = json!({ "scope": scopes.to_string(), "sessions": ended });
    audit::record(tx, actor, "consents.withdraw", (ObjectKind::Consent, object(person, client)), (before, Value::Null))
}

/// Adds scopes to a person's consent. Nothing changes if it contains them already.
pub(in crate::app) fn give(tx: &Tx, actor: &Actor, client: &Client, scopes: &Scopes) -> Result<()> {
    let person = own(actor)?;
    let before = store::consents::find(tx, person.id, &client.id)?;
    if before.as_ref().is_some_and(|granted| scopes.is_subset(granted)) {
        return Ok(());
    }
    let after = before.as_ref().map_or_else(|| scopes.clone(), |granted| granted.union(scopes));
    store::consents::upsert(tx, person.id, &client.id, &after)?;
    let to_json = |scopes: &Scopes| json!({ "scope": scopes.to_string() });
    let change = (before.as_ref().map_or(Value::Null, to_json), to_json(&after));
    audit::record(tx, actor, "consents.give", (ObjectKind::Consent, object(person, &client.id)), change)
}

/// Whether the person's consent contains these scopes. A built-in client needs no consent.
pub(in crate::app) fn covers(view: &View, actor: &Actor, client: &Client, scopes: &Scopes) -> Result<bool> {
    if client.built_in {
        return Ok(true);
    }
    let granted = store::consents::find(view, own(actor)?.id, &client.id)?;
    Ok(granted.is_some_and(|granted| scopes.is_subset(&granted)))
}

/// The acting person. Only people can consent.
pub(in crate::app) fn own(actor: &Actor) -> Result<&Person> {
    actor.person().ok_or_else(|| AuthError::NoCredential.into())
}

fn object(person: &Person, client: &ClientId) -> String {
    format!("{}/{client}", person.uuid)
}
