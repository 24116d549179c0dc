//! Authenticates the caller of a request again, when its work begins. The body and the write queue lie between the head
//! of a request and its work; meanwhile the credential may have ended, or the person's role may have changed.

use std::sync::{Arc, Mutex, PoisonError};

use crate::app::identity::sessions;
use crate::app::keys;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Credential};
use crate::error::{Error, Result};
use crate::store::{Tx, View};

const ROLLED_BACK_RULE: &str = "the write is rolled back";

/// Rolls a write back that is not to be kept.
const ROLLED_BACK: Error = Error::Refused { rule: ROLLED_BACK_RULE };

/// The actor according to the current data. Refused when the credential has ended.
pub(in crate::app) fn recheck(view: &View, actor: &Actor) -> Result<Actor> {
    let person = match actor.credential {
        Credential::Key(id) => sessions::person(&keys::recheck(view, id)?),
        Credential::Session(id) => sessions::recheck_person(view, id)?,
        Credential::Password | Credential::Link | Credential::Console | Credential::Server => return Ok(actor.clone()),
    };
    Ok(sessions::acting_person(actor, person))
}

impl AppState {
    /// Reads on behalf of an actor, whose credential and role are read again first. For requests whose body had to be
    /// read before.
    ///
    /// Refused when the credential has ended meanwhile.
    pub async fn read_as<T, F>(&self, actor: &Actor, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&View, &Actor) -> Result<T> + Send + 'static,
    {
        let actor = actor.clone();
        self.read_blocking(move |view| work(view, &recheck(view, &actor)?)).await
    }

    /// Writes on behalf of an actor, whose credential and role are read again in the write.
    ///
    /// Refused when the credential has ended meanwhile.
    pub async fn write_as<T, F>(&self, actor: &Actor, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
    {
        let actor = actor.clone();
        self.write(move |tx| work(tx, &recheck(tx, &actor)?)).await
    }

    /// Writes on behalf of an actor like [`AppState::write_as`], but keeps the write only if `keeps` accepts its
    /// result. Returns the result either way: a write that is not kept is a preview of what it would do.
    pub async fn try_as<T, F, K>(&self, actor: &Actor, work: F, keeps: K) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
        K: Fn(&T) -> bool + Send + 'static,
    {
        let result = Arc::new(Mutex::new(None));
        let place = result.clone();
        let attempt = move |tx: &Tx, actor: &Actor| {
            let done = work(tx, actor)?;
            let is_kept = keeps(&done);
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            if is_kept { Ok(()) } else { Err(ROLLED_BACK) }
        };
        let written = self.write_as(actor, attempt).await;
        let result = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, written) {
            (Some(result), Ok(()) | Err(Error::Refused { rule: ROLLED_BACK_RULE })) => Ok(result),
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(Error::internal("a write without a result")),
        }
    }
}
