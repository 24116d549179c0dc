//! The current signing keys, whichever process rotates them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::identity::signing_keys::unseal;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::store::signing_keys::{Record, State};
use crate::store::{self, DataVersion, Store, View};
use crate::tokens::keyring::KeyRing;
use crate::tokens::seal::MasterKey;
use crate::tokens::signing::SigningKey;

/// A cached key ring. It is rebuilt when a commit of any process has changed the keys, or when the last token of a
/// retired key has expired.
#[derive(Default)]
pub(in crate::app) struct LiveRing(Mutex<Option<Seen>>);

#[derive(Clone)]
pub(in crate::app) struct InForce {
    pub ring: Arc<KeyRing>,
    /// Unique in this process: no ring with other keys has the same number.
    pub edition: u64,
    /// How long the ring is valid if nobody changes it: a retired key expires by itself.
    pub until: Timestamp,
}

struct Seen {
    version: DataVersion,
    /// The rows of the keys, the active key first.
    states: Vec<(String, State)>,
    /// The opened keys, because opening one is slow.
    keys: HashMap<String, Arc<SigningKey>>,
    ring: InForce,
}

impl LiveRing {
    /// The ring at this data version, or a later one.
    ///
    /// Refused when there is no key, or a key does not open.
    pub(in crate::app) fn current(&self, store: &Store, version: DataVersion, master: &MasterKey) -> Result<InForce> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = place.as_ref()
            && seen.version == version
            && Timestamp::now() < seen.ring.until
        {
            return Ok(seen.ring.clone());
        }
        // A failure must not reset the number.
        let seen = store.read(|view| look(view, version, master, place.as_ref()))?;
        Ok(place.insert(seen).ring.clone())
    }
}

fn look(view: &View, version: DataVersion, master: &MasterKey, before: Option<&Seen>) -> Result<Seen> {
    let mut records = store::signing_keys::list(view)?;
    records.retain(|record| record.verifies(view.now));
    let until = records.iter().filter_map(Record::ends_at).min().unwrap_or(Timestamp::LATEST);
    let states: Vec<_> = records.into_iter().map(|record| (record.kid, record.state)).collect();
    if let Some(seen) = before
        && seen.states == states
    {
        let ring = InForce { until, ..seen.ring.clone() };
        return Ok(Seen { version, states, keys: seen.keys.clone(), ring });
    }
    let known = |kid| before.and_then(|seen| seen.keys.get(kid));
    let mut keys = HashMap::new();
    for (kid, _) in &states {
        let key = match known(kid) {
            Some(key) => key.clone(),
            None => Arc::new(unseal(view, master, kid)?),
        };
        keys.insert(kid.clone(), key);
    }
    let key = |(kid, _): &(String, State)| keys.get(kid);
    let active = states.iter().find(|(_, state)| *state == State::Active).and_then(key);
    let active = active.ok_or_else(|| Error::internal("there is no active signing key"))?;
    let others = states.iter().filter_map(key).map(|key| key.public().clone());
    let ring = Arc::new(KeyRing::new(active.clone(), others));
    let edition = before.map_or(0, |seen| seen.ring.edition + 1);
    Ok(Seen { version, states, keys, ring: InForce { ring, edition, until } })
}
