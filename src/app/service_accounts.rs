//! Clients that act on their own behalf (RFC 6749, section 4.4): as the bot that goes with them.

use super::authorizations;
use super::desk::Desk;
use super::grants::Granted;
use super::sessions::{self, NewSession};
use crate::domain::actor::{Actor, Origin};
use crate::domain::client::{Client, Scopes};
use crate::error::{Error, Result, Unproved};
use crate::store;

/// Begins a session of the client's own, which lasts as long as its access token: the client can always prove again who
/// it is, so it gets no refresh token (RFC 6749, section 4.4.3).
///
/// Refused when the client has nothing to act as, or that is blocked.
pub async fn begin(desk: &Desk, origin: &Origin, client: &Client, scopes: &Scopes) -> Result<Granted> {
    let no_account = Error::Refused { rule: "the client has no service account" };
    // A public client cannot prove that it is the one.
    let bot = client.service_user.filter(|_| client.confidential).ok_or(no_account)?;
    let actor = Actor::nobody(origin.clone());
    let new = NewSession::through(client, scopes, &desk.lifetimes).short();
    desk.write(move |tx| {
        let user = store::users::find_principal(tx, bot)?.ok_or(Unproved::Disabled)?;
        authorizations::enters(&user)?;
        let session = sessions::begin(tx, &actor, &user, &new)?;
        Ok(Granted::begun(user, session, None))
    })
    .await
}
