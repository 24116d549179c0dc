//! The keys that sign tokens: the active key signs, the next key is published ahead, and retired keys still verify for
//! a while.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{audit, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::noun::Noun;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::signing_keys::{Record, SealedKey, State};
use crate::store::{self, Store, Tx, View};
use crate::tokens::seal::MasterKey;
use crate::tokens::signing::{Algorithm, SigningKey};

/// The maximum number of attempts at a change when another process changes the keys meanwhile.
const MAX_TRIES: u32 = 5;

const NONE_YET: Error = Error::Refused { rule: "there is no signing key yet; start the server once to create it" };

/// The server's settings for its keys.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub algorithm: Algorithm,
    /// The size of an RSA key, in bits.
    pub rsa_bits: u32,
    /// How long a key signs.
    pub life: Duration,
    /// How long an access token is valid, unless its client has its own lifetime.
    pub token_life: Duration,
}

/// The keys after a rotation.
#[derive(Clone, Debug)]
pub struct Rotated {
    pub active: String,
    pub next: String,
    /// The key that signed until now.
    pub retired: Option<String>,
}

/// Every signing key: the active one, the next one, and the retired ones, the last first.
pub fn list(view: &View) -> Result<Vec<Record>> {
    store::signing_keys::list(view)
}

/// Whether the file contains anything that only its master key opens. A new master key must not replace that one.
pub fn anything_sealed(view: &View) -> Result<bool> {
    store::signing_keys::anything_sealed(view)
}

/// Refused when no server has created a signing key yet.
pub fn required(store: &Store) -> Result<()> {
    store.read(|view| Keys::of(view)?.active.ok_or(NONE_YET).map(drop))
}

/// Checks that a master key opens a signing key. Refused with the reason.
pub fn prove(master: &MasterKey, key: &SealedKey) -> Result<()> {
    opened(master, key.algorithm, &key.kid, &key.sealed).map(drop)
}

/// The signing key with this name, opened.
pub(in crate::app) fn unseal(view: &View, master: &MasterKey, kid: &str) -> Result<SigningKey> {
    let record = store::signing_keys::list(view)?.into_iter().find(|record| record.kid == kid);
    let (Some(record), Some(sealed)) = (record, store::signing_keys::sealed(view, kid)?) else {
        return Err(Error::not_found(Noun::SigningKey, kid));
    };
    opened(master, record.algorithm, kid, &sealed)
}

fn opened(master: &MasterKey, algorithm: Algorithm, kid: &str, sealed: &[u8]) -> Result<SigningKey> {
    let der = master.open(kid, sealed).map_err(Error::internal)?;
    SigningKey::from_pkcs8(algorithm, &der).map_err(Error::internal)
}

/// Brings the keys in line with the plan: an active and a next key of the right algorithm and size, an active key that
/// is not too old, no retired key whose last token has expired. Returns when to check again. Writes only what differs;
/// concurrent calls do nothing twice.
///
/// Refused when the keys were sealed with another master key.
pub fn keep_up(store: &Store, master: &MasterKey, plan: Plan) -> Result<Timestamp> {
    for _ in 0..MAX_TRIES {
        let (lack, due) = store.read(|view| {
            let keys = Keys::of(view)?;
            let lack = keys.lack(&plan, view)?;
            if lack.is_some() {
                prove_active(view, master, &keys)?;
            }
            Ok((lack, keys.due(&plan)))
        })?;
        let Some(lack) = lack else { return Ok(due) };
        let prepared = prepare(lack, master, plan.algorithm, plan.rsa_bits)?;
        store.write_and_wait(move |tx| {
            let keys = Keys::of(tx)?;
            // Another process may have done it meanwhile, or there may be more to do now.
            if keys.lack(&plan, tx)?.is_some_and(|lack| lack <= prepared.len()) {
                keys.settle(tx, &Actor::server(), &plan, &prepared)?;
            }
            Ok(())
        })?;
    }
    // There is more to do already, which can wait until the next check.
    Ok(Timestamp::now())
}

/// Activates the next key and creates another next key, of the same algorithm and, for RSA, of this size in bits.
///
/// Requires an administrator. Refused when no server has created a key yet, and when the keys were sealed with another
/// master key.
pub fn rotate(store: &Store, master: &MasterKey, actor: &Actor, rsa_bits: u32) -> Result<Rotated> {
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::SigningKey, "of the server")?;
    for _ in 0..MAX_TRIES {
        let (active, next) = store.read(|view| {
            let keys = Keys::of(view)?;
            prove_active(view, master, &keys)?;
            Ok((keys.active.ok_or(NONE_YET)?, keys.next))
        })?;
        let lack = 1 + usize::from(next.is_none());
        let spares = prepare(lack, master, active.algorithm, rsa_bits)?;
        let actor = actor.clone();
        let rotated = store.write_and_wait(move |tx| {
            let keys = Keys::of(tx)?;
            sweep(tx, &actor, &keys.retired)?;
            if keys.active.as_ref() != Some(&active) || keys.next != next {
                return Ok(None);
            }
            let max_life = active.token_life.max(store::signing_keys::longest_client_token(tx)?.unwrap_or_default());
            succeed(tx, &actor, &keys, max_life, &spares).map(Some)
        })?;
        if let Some(rotated) = rotated {
            return Ok(rotated);
        }
    }
    Err(Error::Refused { rule: "another process is rotating the keys; try again" })
}

#[derive(Debug, Default)]
struct Keys {
    active: Option<Record>,
    next: Option<Record>,
    retired: Vec<Record>,
}

impl Plan {
    /// Whether a key has the right algorithm and size.
    fn fits(&self, key: &Record) -> bool {
        key.algorithm == self.algorithm && (key.algorithm != Algorithm::Rs256 || key.rsa_bits == Some(self.rsa_bits))
    }
}

impl Keys {
    fn of(view: &View) -> Result<Self> {
        let mut keys = Self::default();
        for record in store::signing_keys::list(view)? {
            match record.state {
                State::Active => keys.active = Some(record),
                State::Next => keys.next = Some(record),
                State::Retired => keys.retired.push(record),
            }
        }
        Ok(keys)
    }

    /// The active key, if it has the right algorithm and size and is not too old. If the clock was set back since it was
    /// activated, its age is unknown, and it is replaced.
    fn good(&self, plan: &Plan, now: Timestamp) -> Option<&Record> {
        let good = |key: &&Record| plan.fits(key) && now < end_of(key, plan) && !begin_of(key).is_ahead_of(now);
        self.active.as_ref().filter(good)
    }

    /// The number of new keys that the plan requires. `None` if nothing has to change.
    fn lack(&self, plan: &Plan, view: &View) -> Result<Option<usize>> {
        let usable = usize::from(self.next.as_ref().is_some_and(|next| plan.fits(next)));
        let Some(good) = self.good(plan, view.now) else { return Ok(Some(2 - usable)) };
        let stale = self.retired.iter().any(|key| !key.verifies(view.now) || retired_ahead(key, view.now));
        let short = good.token_life < max_token_life(view, plan)?;
        Ok((usable == 0 || stale || short).then_some(1 - usable))
    }

    fn settle(&self, tx: &Tx, actor: &Actor, plan: &Plan, spares: &[SealedKey]) -> Result<()> {
        sweep(tx, actor, &self.retired)?;
        let max_life = max_token_life(tx, plan)?;
        let mut keys = Self { active: self.active.clone(), next: self.next.clone(), retired: Vec::new() };
        if let Some(other) = keys.next.take_if(|next| !plan.fits(next)) {
            delete(tx, actor, &other)?;
        }
        match self.good(plan, tx.now) {
            None => succeed(tx, actor, &keys, max_life, spares).map(drop),
            Some(good) => {
                if keys.next.is_none() {
                    create(tx, actor, spares.first())?;
                }
                if good.token_life < max_life {
                    store::signing_keys::update_token_life(tx, &good.kid, max_life)?;
                }
                Ok(())
            }
        }
    }

    /// When the next change is due by time alone.
    fn due(&self, plan: &Plan) -> Timestamp {
        let ends = self.retired.iter().filter_map(Record::ends_at);
        ends.chain(self.active.iter().map(|key| end_of(key, plan))).min().unwrap_or(Timestamp::LATEST)
    }
}

fn begin_of(active: &Record) -> Timestamp {
    active.activated_at.unwrap_or(active.created_at)
}

fn end_of(active: &Record, plan: &Plan) -> Timestamp {
    begin_of(active).after(plan.life)
}

/// Whether the clock was set back since the key was retired, so that its end is too late.
fn retired_ahead(retired: &Record, now: Timestamp) -> bool {
    retired.retired_at.is_some_and(|at| at.is_ahead_of(now))
}

/// The longest lifetime of a token that is signed from now on. An ID token never outlives its access token.
fn max_token_life(view: &View, plan: &Plan) -> Result<Duration> {
    let max_life = store::signing_keys::longest_client_token(view)?.unwrap_or_default().max(plan.token_life);
    // Round up, because whole seconds are stored.
    Ok(Duration::from_secs(max_life.as_secs() + u64::from(max_life.subsec_nanos() > 0)))
}

/// Retires the active key, activates the next one and creates another next key. Without a next key, activates a spare.
fn succeed(tx: &Tx, actor: &Actor, keys: &Keys, max_life: Duration, spares: &[SealedKey]) -> Result<Rotated> {
    let mut spares = spares.iter();
    let active = match &keys.next {
        Some(next) => next.kid.clone(),
        None => create(tx, actor, spares.next())?,
    };
    if let Some(before) = &keys.active {
        if before.token_life < max_life {
            store::signing_keys::update_token_life(tx, &before.kid, max_life)?;
        }
        store::signing_keys::retire(tx, &before.kid)?;
    }
    store::signing_keys::activate(tx, &active, max_life)?;
    let retired = keys.active.as_ref().map(|key| key.kid.clone());
    if retired.is_some() {
        let change = (json!({ "active": retired }), json!({ "active": active }));
        audit::record(tx, actor, "signing_keys.rotate", (ObjectKind::SigningKey, &active), change)?;
    }
    let next = create(tx, actor, spares.next())?;
    Ok(Rotated { active, next, retired })
}

fn create(tx: &Tx, actor: &Actor, spare: Option<&SealedKey>) -> Result<String> {
    let key = spare.ok_or_else(|| Error::internal("no next signing key exists"))?;
    store::signing_keys::insert(tx, key)?;
    let after = json!({ "algorithm": key.algorithm.as_str(), "rsa_bits": key.rsa_bits });
    audit::record(tx, actor, "signing_keys.create", (ObjectKind::SigningKey, &key.kid), (Value::Null, after))?;
    Ok(key.kid.clone())
}

fn delete(tx: &Tx, actor: &Actor, key: &Record) -> Result<()> {
    store::signing_keys::delete(tx, &key.kid)?;
    let before = json!({ "algorithm": key.algorithm.as_str(), "state": key.state.as_str() });
    audit::record(tx, actor, "signing_keys.delete", (ObjectKind::SigningKey, &key.kid), (before, Value::Null))
}

/// Deletes the keys whose last token has expired. A key that was retired before the clock was set back counts as retired
/// now.
fn sweep(tx: &Tx, actor: &Actor, retired: &[Record]) -> Result<()> {
    retired
        .iter()
        .filter(|key| retired_ahead(key, tx.now))
        .try_for_each(|key| store::signing_keys::retire(tx, &key.kid))?;
    retired.iter().filter(|key| !key.verifies(tx.now)).try_for_each(|key| delete(tx, actor, key))
}

/// Afterwards, a key that was sealed with another master key could not be told apart from the older keys.
fn prove_active(view: &View, master: &MasterKey, keys: &Keys) -> Result<()> {
    let Some(active) = &keys.active else { return Ok(()) };
    unseal(view, master, &active.kid).map(drop)
}

/// Creates and seals this many keys. This is slow, and therefore done before the write.
fn prepare(count: usize, master: &MasterKey, algorithm: Algorithm, rsa_bits: u32) -> Result<Vec<SealedKey>> {
    let make = || {
        let key = SigningKey::generate_of_size(algorithm, rsa_bits).map_err(Error::internal)?;
        let der = key.to_pkcs8().map_err(Error::internal)?;
        let sealed = master.seal(key.kid(), der.as_bytes()).map_err(Error::internal)?;
        let rsa_bits = (algorithm == Algorithm::Rs256).then_some(rsa_bits);
        Ok(SealedKey { kid: key.kid().to_owned(), algorithm, sealed, rsa_bits })
    };
    (0..count).map(|_| make()).collect()
}
