//! Replaces the master key, which seals every secret that has to be readable again.

use serde_json::json;

use crate::app::audit::checkpoint;
use crate::app::identity::second_factors;
use crate::app::{audit, connections};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::UserId;
use crate::error::{Error, Result};
use crate::store::{self, Tx, View};
use crate::tokens::seal::MasterKey;

/// The number of second factors in one read.
const PAGE: u32 = 500;

/// The number of secrets that were sealed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    pub signing_keys: usize,
    pub second_factors: usize,
    pub connections: usize,
}

/// Whether there are signing keys and a key opens all of them. Everything else is sealed with the same key.
pub fn opens_all(view: &View, key: &MasterKey) -> Result<bool> {
    let all = store::signing_keys::list_sealed(view)?;
    Ok(!all.is_empty() && all.iter().all(|sealed| crate::app::identity::signing_keys::prove(key, sealed).is_ok()))
}

/// Seals everything with another key, in one write: a file is never sealed with two keys. Secrets that the other key
/// has sealed already stay unchanged.
///
/// Requires the operator. Refused, with nothing changed, when the key does not open a secret.
pub fn reseal(tx: &Tx, actor: &Actor, from: &MasterKey, to: &MasterKey) -> Result<Resealed> {
    let mut done = Resealed::default();
    let anew = |what: &str, context: &str, sealed: &[u8]| {
        if to.has_sealed(sealed) {
            return Ok(None);
        }
        let plain = from.open(context, sealed).map_err(|error| Error::internal(format!("{what}: {error}")))?;
        to.seal(context, &plain).map(Some).map_err(Error::internal)
    };
    for key in store::signing_keys::list_sealed(tx)? {
        if let Some(sealed) = anew(&format!("the signing key {}", key.kid), &key.kid, &key.sealed)? {
            store::signing_keys::update_sealed(tx, &key.kid, &sealed)?;
            done.signing_keys += 1;
        }
    }
    let mut after = UserId(0);
    loop {
        let page = store::second_factors::list_sealed(tx, after, PAGE)?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        let mut resealed = Vec::new();
        for (user, uuid, sealed) in page {
            let what = format!("the second factor of the user {uuid}");
            let sealed = anew(&what, &second_factors::context(uuid), &sealed)?;
            resealed.extend(sealed.map(|sealed| (user, sealed)));
        }
        store::second_factors::update_sealed(tx, &resealed)?;
        done.second_factors += resealed.len();
    }
    connections::for_each_sealed(tx, |page| {
        let mut resealed = Vec::new();
        for (connection, context) in page {
            let what = format!("the connection {}", connection.uuid);
            let sealed = anew(&what, &context, &connection.sealed)?;
            resealed.extend(sealed.map(|sealed| (connection.id, sealed)));
        }
        done.connections += resealed.len();
        store::connections::update_sealed(tx, &resealed)
    })?;
    checkpoint::reseal(tx, from, to)?;
    let after = json!({
        "key": to.id(),
        "signing_keys": done.signing_keys,
        "second_factors": done.second_factors,
        "connections": done.connections,
    });
    let change = (json!({ "key": from.id() }), after);
    audit::record(tx, actor, "master_key.rotate", (ObjectKind::MasterKey, to.id()), change)?;
    Ok(done)
}
