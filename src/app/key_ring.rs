//! The ring of signing keys as it is at this moment, whoever rotates them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::signing_keys::unseal;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::store::signing_keys::{Record, State};
use crate::store::{self, Store, View, health};
use crate::tokens::keyring::KeyRing;
use crate::tokens::seal::MasterKey;
use crate::tokens::signing::SigningKey;

/// The ring as it was last put together. It is put together anew when a commit of any process has changed the keys, or
/// the last token of a retired one has ended.
#[derive(Default)]
pub(super) struct LiveRing(Mutex<Option<Seen>>);

struct Seen {
    /// The generation at which it was found to be so.
    generation: i64,
    /// Until when it is so unless somebody changes it: a retired key drops out by itself.
    until: Timestamp,
    /// What is on the ring, the active key first.
    states: Vec<(String, State)>,
    /// The keys themselves, for opening one takes its time.
    keys: HashMap<String, Arc<SigningKey>>,
    ring: Arc<KeyRing>,
}

impl LiveRing {
    /// The ring of this moment.
    ///
    /// Refused when a key does not open or there is none.
    pub(super) fn current(&self, store: &Store, master: &MasterKey) -> Result<Arc<KeyRing>> {
        let (generation, now) = store.read(|view| Ok((health::generation(view)?, view.now)))?;
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = place.as_ref()
            && seen.generation == generation
            && now < seen.until
        {
            return Ok(seen.ring.clone());
        }
        let seen = store.read(|view| look(view, master, place.take()))?;
        Ok(place.insert(seen).ring.clone())
    }
}

fn look(view: &View, master: &MasterKey, before: Option<Seen>) -> Result<Seen> {
    let mut records = store::signing_keys::list(view)?;
    records.retain(|record| record.verifies(view.now));
    let generation = health::generation(view)?;
    let until = records.iter().filter_map(Record::ends_at).min().unwrap_or(Timestamp::LATEST);
    let states: Vec<_> = records.into_iter().map(|record| (record.kid, record.state)).collect();
    let known = match before {
        Some(seen) if seen.states == states => return Ok(Seen { generation, until, ..seen }),
        Some(seen) => seen.keys,
        None => HashMap::new(),
    };
    let mut keys = HashMap::new();
    for (kid, _) in &states {
        let key = match known.get(kid) {
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
    Ok(Seen { generation, until, states, keys, ring })
}
