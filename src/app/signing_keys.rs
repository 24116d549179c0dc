//! The keys that tokens are signed with.

use serde_json::{Value, json};

use super::audit;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::error::{Error, Result};
use crate::store::signing_keys::SealedKey;
use crate::store::{self, Store, Tx, View};
use crate::tokens::keyring::KeyRing;
use crate::tokens::seal::MasterKey;
use crate::tokens::signing::{Algorithm, SigningKey};

/// Whether there are signing keys already, so that their master key must not be made anew.
pub fn any(view: &View) -> Result<bool> {
    Ok(!store::signing_keys::list(view)?.is_empty())
}

/// The key ring of the data file, in which the newest key of this algorithm signs; makes that key if there is none.
///
/// Refused when the master key is not the one that the keys were sealed under.
pub fn ring(store: &Store, master: &MasterKey, algorithm: Algorithm) -> Result<KeyRing> {
    let mut keys = store.read(|view| {
        let sealed = store::signing_keys::list(view)?;
        sealed.iter().map(|key| unseal(master, key)).collect::<Result<Vec<_>>>()
    })?;
    let active = match keys.iter().position(|key| key.algorithm() == algorithm) {
        Some(place) => keys.remove(place),
        None => make(store, master, algorithm)?,
    };
    Ok(KeyRing::new(active, keys.into_iter().map(|key| key.public().clone())))
}

/// Proves that a master key opens a signing key; refused with the reason why it does not.
pub fn prove(master: &MasterKey, key: &SealedKey) -> Result<()> {
    unseal(master, key).map(drop)
}

fn unseal(master: &MasterKey, key: &SealedKey) -> Result<SigningKey> {
    let algorithm = Algorithm::parse(&key.algorithm).map_err(Error::internal)?;
    let der = master.open(&key.kid, &key.sealed).map_err(Error::internal)?;
    SigningKey::from_pkcs8(algorithm, &der).map_err(Error::internal)
}

fn make(store: &Store, master: &MasterKey, algorithm: Algorithm) -> Result<SigningKey> {
    let key = SigningKey::generate(algorithm).map_err(Error::internal)?;
    let der = key.to_pkcs8().map_err(Error::internal)?;
    let sealed = SealedKey {
        kid: key.kid().to_owned(),
        algorithm: algorithm.to_string(),
        sealed: master.seal(key.kid(), der.as_bytes()).map_err(Error::internal)?,
    };
    let actor = Actor::server();
    store.write_and_wait(move |tx| insert(tx, &actor, &sealed))?;
    Ok(key)
}

fn insert(tx: &Tx, actor: &Actor, key: &SealedKey) -> Result<()> {
    store::signing_keys::insert(tx, key)?;
    let after = json!({ "algorithm": key.algorithm });
    audit::record(tx, actor, "signing_keys.create", (ObjectKind::SigningKey, &key.kid), (Value::Null, after))
}
