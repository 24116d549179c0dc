//! The caller of a request as of this moment. Between the head of a request and its work lie its body and the queue of
//! writes; meanwhile the credential may have ended, or the person may have another role.

use crate::app::identity::sessions;
use crate::app::keys;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Credential};
use crate::error::Result;
use crate::store::{Tx, View};

/// The actor as they are now. Refused when their credential has ended.
pub(in crate::app) fn still(view: &View, actor: &Actor) -> Result<Actor> {
    let person = match actor.credential {
        Credential::Key(id) => sessions::person(&keys::still(view, id)?),
        Credential::Session(id) => sessions::person_still(view, id)?,
        Credential::Password | Credential::Link | Credential::Console | Credential::Server => return Ok(actor.clone()),
    };
    Ok(sessions::acting_person(actor, person))
}

impl AppState {
    /// Reads as somebody, with the right of entry and the role that they have at that moment; for whoever's request had
    /// to be awaited to its end before.
    ///
    /// Refused when their credential has ended meanwhile.
    pub async fn read_as<T, F>(&self, actor: &Actor, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&View, &Actor) -> Result<T> + Send + 'static,
    {
        let actor = actor.clone();
        self.read_blocking(move |view| work(view, &still(view, &actor)?)).await
    }

    /// Writes as somebody, with the right of entry and the role that they have when it is the write's turn.
    ///
    /// Refused when their credential has ended meanwhile.
    pub async fn write_as<T, F>(&self, actor: &Actor, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
    {
        let actor = actor.clone();
        self.write(move |tx| work(tx, &still(tx, &actor)?)).await
    }
}
