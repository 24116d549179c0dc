//! The cache of verified credentials. A signature is valid for as long as the same signing keys are in force, a principal for
//! the data version that it was read at, and neither for longer than the credential. Only valid credentials are cached, so
//! strangers cannot fill it.

use crate::domain::actor::{Credential, Person};
use crate::domain::ids::KeyId;
use crate::domain::timestamp::Timestamp;
use crate::store::DataVersion;
use crate::store::versioned_cache::VersionedCache;
use crate::tokens::keyring::Verified;
use crate::tokens::opaque::Fingerprint;

/// The maximum number of entries of each kind.
const CAPACITY: usize = 16 * 1024;

pub(in crate::app) struct CredentialCache {
    /// The claims of access tokens with a valid signature, by the edition of the signing keys.
    pub(in crate::app) signed: VersionedCache<Fingerprint, u64, Verified>,
    pub(in crate::app) principals: VersionedCache<Fingerprint, DataVersion, CachedPrincipal>,
}

#[derive(Clone)]
pub(in crate::app) struct CachedPrincipal {
    pub(in crate::app) person: Person,
    pub(in crate::app) credential: Credential,
    pub(in crate::app) until: Timestamp,
    /// The API key, and from when on its use has to be recorded again.
    pub(in crate::app) note: Option<(KeyId, Timestamp)>,
}

impl CredentialCache {
    pub(in crate::app) fn new() -> Self {
        Self { signed: VersionedCache::new(CAPACITY), principals: VersionedCache::new(CAPACITY) }
    }
}
