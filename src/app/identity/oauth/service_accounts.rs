//! Service accounts: the bots of clients that act on their own behalf (RFC 6749, section 4.4) and of service keys.

use uuid::Uuid;

use crate::app::identity::oauth::authorizations;
use crate::app::identity::oauth::grants::Granted;
use crate::app::identity::sessions::{self, NewSession};
use crate::app::lookup;
use crate::app::runtime::sign_in_counts::SignInKind;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin};
use crate::domain::client::{Client, ClientId, Scopes};
use crate::domain::noun::Noun;
use crate::domain::user::{User, UserKind, UserState};
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx, View};

/// A bot and its client. No client if the bot belongs to a service key.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    pub user: User,
    pub client: Option<ClientId>,
}

/// The bot with this UUID. Refused when the actor may not find it, and when it was blocked for good.
pub fn get(view: &View, actor: &Actor, uuid: Uuid) -> Result<ServiceAccount> {
    let user = lookup::principal(view, actor, &lookup::Named::Uuid(uuid))?;
    if user.kind != UserKind::Bot || user.state == UserState::Blocked {
        return Err(Error::not_found(Noun::User, uuid));
    }
    let client = store::clients::find_by_service_user(view, user.id)?;
    Ok(ServiceAccount { user, client })
}

/// Begins a session of the client itself, which lasts as long as its access token. It has no refresh token, because the
/// client can authenticate again at any time (RFC 6749, section 4.4.3).
///
/// Refused when the client has no service account, and when that is blocked.
pub async fn begin(state: &AppState, origin: &Origin, client: &Client, scopes: &Scopes) -> Result<Granted> {
    let no_account = Error::Refused { rule: "the client has no service account; register it for client_credentials" };
    // A public client cannot authenticate.
    let bot = client.service_user.filter(|_| client.confidential).ok_or(no_account)?;
    let actor = Actor::nobody(origin.clone());
    let new = NewSession::through(client, scopes, &state.lifetimes).short();
    let begin = move |tx: &Tx| {
        let user = store::users::find_principal(tx, bot)?.ok_or(AuthError::Disabled)?;
        authorizations::may_sign_in(&user)?;
        let session = sessions::begin_of_bot(tx, &actor, &user, &new)?;
        Ok(Granted::begun(user, session, None))
    };
    let granted = state.write(begin).await?;
    state.sign_in_counts().count(SignInKind::ClientCredentials);
    Ok(granted)
}
