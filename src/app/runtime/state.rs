//! The desk: what every dialect works with. It holds the store, the keys and the pools of threads.

use std::sync::Arc;

use crate::app::identity::signing_keys;
use crate::app::runtime::answers::Answers;
use crate::app::runtime::creations::Creations;
use crate::app::runtime::credential_cache::CredentialCache;
use crate::app::runtime::issuers::Issuers;
use crate::app::runtime::key_ring::{InForce, LiveRing};
use crate::app::runtime::pool::{Lane, Pool};
use crate::app::runtime::refusals::Refusals;
use crate::app::runtime::throttle::Throttle;
use crate::domain::client::{Client, Grant};
use crate::domain::key::KeyRules;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::store::{DataVersion, Store, Tx, View};
use crate::tokens::keyring::KeyRing;
use crate::tokens::seal::MasterKey;
use crate::tokens::tags::TagKey;

/// The desk; cloning it gives another handle to the same.
#[derive(Clone)]
pub struct AppState(Arc<Furnished>);

struct Furnished {
    fittings: Fittings,
    /// What was told of refused sign-ins lately.
    refusals: Refusals,
    /// What everybody has made lately.
    creations: Creations,
    ring: LiveRing,
    credential_cache: CredentialCache,
    answers: Answers,
}

/// What stands on the desk.
pub struct Fittings {
    /// The data.
    pub store: Store,
    /// The key that secrets are sealed under which have to be read again.
    pub vault: Arc<MasterKey>,
    /// How the keys are to be that tokens are signed with.
    pub key_plan: signing_keys::Plan,
    /// The pool that hashes passwords.
    pub hashery: Pool,
    /// The pool that signs tokens.
    pub signers: Pool,
    /// The pool that reads what may be much: fewer threads than there are readers, so that a glance never waits for them.
    pub long_readers: Pool,
    /// The secret that the tags of public ids are derived from.
    pub tags: TagKey,
    /// What slows down those who guess.
    pub throttle: Throttle,
    /// How many bytes of answers are remembered.
    pub answer_memory: usize,
    /// Who the server says it is.
    pub issuers: Issuers,
    /// How long things last.
    pub lifetimes: Lifetimes,
    /// What the account allows of API keys.
    pub key_rules: KeyRules,
    /// Whether clients may hand over a password for a token.
    pub password_grant: bool,
    /// Whether administrators must have a second factor.
    pub administrators_need_second_factor: bool,
}

impl std::ops::Deref for AppState {
    type Target = Fittings;

    fn deref(&self) -> &Fittings {
        &self.0.fittings
    }
}

impl AppState {
    /// A desk with these fittings.
    pub fn new(fittings: Fittings) -> Self {
        let answers = Answers::new(fittings.answer_memory);
        let (refusals, creations) = (Refusals::new(), Creations::new());
        let (ring, credential_cache) = (LiveRing::default(), CredentialCache::new());
        Self(Arc::new(Furnished { fittings, refusals, creations, ring, credential_cache, answers }))
    }

    /// The keys that tokens are signed with, as of this moment; a glance of its own, so not for within a read.
    ///
    /// Refused when there are none, or the vault's key does not open them.
    pub fn keyring(&self) -> Result<Arc<KeyRing>> {
        self.keys_in_force(self.store.data_version()?).map(|keys| keys.ring)
    }

    /// The same, with what tells whether they are still the same, as of the moment at which the file had this version.
    pub(in crate::app) fn keys_in_force(&self, pulse: DataVersion) -> Result<InForce> {
        self.0.ring.current(&self.store, pulse, &self.vault)
    }

    pub(in crate::app) fn credential_cache(&self) -> &CredentialCache {
        &self.0.credential_cache
    }

    /// What was answered before.
    pub(in crate::app) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Makes the signing keys as they are to be, and tells when to look again.
    pub async fn keep_up_keys(&self) -> Result<Timestamp> {
        let desk = self.clone();
        let work = move || signing_keys::keep_up(&desk.store, &desk.vault, desk.key_plan);
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }

    /// Whether a client may get tokens this way.
    pub fn allows(&self, client: &Client, grant: Grant) -> bool {
        client.may(grant) && (grant != Grant::Password || self.password_grant)
    }

    /// What was told of refused sign-ins lately.
    pub(in crate::app) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// What everybody has made lately.
    pub(in crate::app) fn creations(&self) -> &Creations {
        &self.0.creations
    }

    /// Reads what is found at once by an index, on the calling thread.
    pub fn read_inline<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        self.store.read(work)
    }

    /// Reads what may be much, on a thread that may take its time.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&View) -> Result<T> + Send + 'static,
    {
        let store = self.store.clone();
        self.long_readers.run(Lane::Server, move || store.read(work)).await?
    }

    /// Writes; the answer comes once the write is on the disk.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        self.store.write(work).await
    }
}
