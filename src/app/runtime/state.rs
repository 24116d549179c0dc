//! The state that every handler works with: the store, the keys, the pools, the caches and the limits.

use std::sync::Arc;
use std::time::Duration;

use crate::app::identity::signing_keys;
use crate::app::runtime::client_origins::ClientOrigins;
use crate::app::runtime::creations::Creations;
use crate::app::runtime::credential_cache::CredentialCache;
use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::installation::Installation;
use crate::app::runtime::issuers::Issuers;
use crate::app::runtime::key_ring::{InForce, LiveRing};
use crate::app::runtime::log_limiter::LogLimiter;
use crate::app::runtime::pool::{Lane, Pool};
use crate::app::runtime::refusals::Refusals;
use crate::app::runtime::response_cache::ResponseCache;
use crate::app::runtime::sign_in_counts::SignInCounts;
use crate::app::runtime::throttle::Throttle;
use crate::app::runtime::unsent_memory::UnsentMemory;
use crate::domain::client::{Client, Grant};
use crate::domain::key::KeyRules;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::retention::Retention;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::store::{DataVersion, Store, Tx, View};
use crate::tokens::keyring::KeyRing;
use crate::tokens::seal::MasterKey;
use crate::tokens::tags::TagKey;

/// Cloning it gives another handle to the same state.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    fields: Fields,
    sign_in_counts: SignInCounts,
    refusals: Refusals,
    creations: Creations,
    ring: LiveRing,
    credential_cache: CredentialCache,
    response_cache: ResponseCache,
    client_origins: ClientOrigins,
    warnings: LogLimiter,
}

/// The time between two log lines with the same warning.
const WARNED_EVERY: Duration = Duration::from_hours(1);

pub struct Fields {
    pub store: Store,
    pub installation: Installation,
    /// Seals the secrets that have to be read again.
    pub master_key: Arc<MasterKey>,
    /// When to rotate the signing keys, and their algorithm.
    pub key_plan: signing_keys::Plan,
    pub password_pool: Pool,
    pub signing_pool: Pool,
    /// Reads long lists. It has fewer threads than there are readers, so inline reads never wait for it.
    pub read_pool: Pool,
    /// Builds answers that are longer than a first attempt, one at a time.
    pub list_pool: Pool,
    pub unsent_memory: UnsentMemory,
    pub files: Arc<FileStorage>,
    /// Reads and writes the bytes of files.
    pub file_pool: Pool,
    /// Brings received files to their place, and removes files.
    pub place_pool: Pool,
    /// The key of the tags of public ids.
    pub tags: TagKey,
    pub throttle: Throttle,
    /// The maximum size of the response cache in bytes.
    pub response_cache_size: usize,
    pub issuers: Issuers,
    pub lifetimes: Lifetimes,
    /// Who may have API keys, and for how long.
    pub key_rules: KeyRules,
    pub retention: Retention,
    /// Whether clients may exchange a password for a token (RFC 6749, section 4.3).
    pub password_grant: bool,
    pub administrators_need_second_factor: bool,
}

impl std::ops::Deref for AppState {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0.fields
    }
}

impl AppState {
    pub fn new(fields: Fields) -> Self {
        let response_cache = ResponseCache::new(fields.response_cache_size);
        let (sign_in_counts, refusals, creations) = (SignInCounts::default(), Refusals::new(), Creations::new());
        let (ring, credential_cache) = (LiveRing::default(), CredentialCache::new());
        let (client_origins, warnings) = (ClientOrigins::default(), LogLimiter::new(WARNED_EVERY));
        Self(Arc::new(Inner {
            fields,
            sign_in_counts,
            refusals,
            creations,
            ring,
            credential_cache,
            response_cache,
            client_origins,
            warnings,
        }))
    }

    /// The current signing keys. It begins a read of its own, so it must not be called within one.
    ///
    /// Refused when there is no key, or the master key does not open them.
    pub fn keyring(&self) -> Result<Arc<KeyRing>> {
        self.keys_in_force(self.store.data_version()?).map(|keys| keys.ring)
    }

    /// The signing keys at this data version, and for how long they are valid.
    pub(in crate::app) fn keys_in_force(&self, version: DataVersion) -> Result<InForce> {
        self.0.ring.current(&self.store, version, &self.master_key)
    }

    /// Whether a client has a redirect URI at this origin, as browsers write it. `version` is the data version, where it
    /// is known already.
    pub async fn is_client_origin(&self, version: Option<DataVersion>, origin: &str) -> Result<bool> {
        let version = match version {
            Some(version) => version,
            None => self.store.awaited_data_version().await?,
        };
        self.0.client_origins.contain((&self.store, &self.read_pool), version, origin).await
    }

    pub(in crate::app) fn credential_cache(&self) -> &CredentialCache {
        &self.0.credential_cache
    }

    pub(in crate::app) fn response_cache(&self) -> &ResponseCache {
        &self.0.response_cache
    }

    /// Creates and rotates the signing keys as planned; returns when to call it again.
    pub async fn keep_up_keys(&self) -> Result<Timestamp> {
        let (store, master_key, plan) = (self.store.clone(), self.master_key.clone(), self.key_plan);
        let work = move || signing_keys::keep_up(&store, &master_key, plan);
        self.read_pool.run(Lane::Server, work).await?
    }

    /// Whether a client may use this grant.
    pub fn allows(&self, client: &Client, grant: Grant) -> bool {
        client.may(grant) && (grant != Grant::Password || self.password_grant)
    }

    pub(in crate::app) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// Limits warnings that requests repeat.
    pub(in crate::app) fn warnings(&self) -> &LogLimiter {
        &self.0.warnings
    }

    pub(in crate::app) fn sign_in_counts(&self) -> &SignInCounts {
        &self.0.sign_in_counts
    }

    pub(in crate::app) fn creations(&self) -> &Creations {
        &self.0.creations
    }

    /// Runs a short read on the calling thread.
    pub fn read_inline<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        self.store.read(work)
    }

    /// Runs a read that may take long on the read pool.
    pub async fn read_blocking<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&View) -> Result<T> + Send + 'static,
    {
        let store = self.store.clone();
        self.read_pool.run(Lane::Server, move || store.read(work)).await?
    }

    /// Returns once the write is on the disk.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        self.store.write(work).await
    }
}
