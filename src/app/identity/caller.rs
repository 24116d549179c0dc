//! Authenticates the caller of a request again, when its work begins. The body and the write queue lie between the head
//! of a request and its work; meanwhile the credential may have ended, or the person's role may have changed.

use crate::app::identity::sessions;
use crate::app::keys;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Credential};
use crate::error::Result;
use crate::store::{Tx, View};

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
}
