//! Sign-out on request of a client (OpenID Connect RP-Initiated Logout 1.0).

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::audit;
use crate::app::identity::oauth::{clients, token_status};
use crate::app::identity::{sessions, sign_in};
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin, Person};
use crate::domain::audit::ObjectKind;
use crate::domain::client::Client;
use crate::domain::field::Field;
use crate::domain::session::BrowserId;
use crate::error::{Error, Result};
use crate::store::{self, Tx};

/// The parameters of a logout request, unchecked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub id_token_hint: Option<String>,
    pub client_id: Option<String>,
    pub post_logout_redirect_uri: Option<String>,
    pub state: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Logout {
    /// The user of the ID token.
    pub user: Option<Uuid>,
    /// The session of the ID token.
    pub session: Option<Uuid>,
    /// The client, if it is named.
    pub client: Option<Client>,
    /// The address that the browser is redirected to afterwards.
    pub to: Option<String>,
}

impl Logout {
    /// Whether the ID token names this person, whose confirmation is then not needed.
    pub fn is_of(&self, actor: &Actor) -> bool {
        self.user.is_some() && self.user == actor.person().map(|person| person.uuid)
    }
}

/// Checks a logout request. An expired ID token is a valid hint (section 4). An ID token of another server or another
/// client is not.
///
/// Refused when the hint is invalid, the client is unknown or not that of the hint, or the redirect address is not
/// registered for the client.
pub fn check(state: &AppState, request: &Request) -> Result<Logout> {
    let issuer = |issuer: &str| state.issuers.knows(issuer);
    let hint = match &request.id_token_hint {
        None => None,
        Some(raw) => {
            let hint = state.keyring()?.verify_hint(raw, &issuer);
            Some(hint.map_err(|_| Error::invalid(Field::IdTokenHint, "must be an ID token of this server"))?)
        }
    };
    let named = hint.as_ref().and_then(|hint| hint.azp.clone().or_else(|| hint.aud.first().cloned()));
    if let (Some(requested), Some(hint)) = (&request.client_id, &hint)
        && !hint.aud.contains(requested)
    {
        return Err(Error::invalid(Field::ClientId, "must be the client of the ID token"));
    }
    let client = match request.client_id.as_ref().or(named.as_ref()) {
        None => None,
        Some(id) => {
            let found = state.read_inline(|view| clients::find(view, id))?;
            Some(found.ok_or_else(|| Error::invalid(Field::ClientId, "must be a registered client"))?)
        }
    };
    let to = match &request.post_logout_redirect_uri {
        None => None,
        Some(uri) => {
            let known = |client: &Client| client.post_logout_redirect_uris.iter().any(|known| known.allows(uri));
            if !client.as_ref().is_some_and(known) {
                return Err(Error::invalid(Field::PostLogoutRedirectUri, "must be registered for the client"));
            }
            Some(with_state(uri, request.state.as_deref()))
        }
    };
    let (user, session) = hint.map_or((None, None), |hint| (Some(hint.sub), hint.sid));
    Ok(Logout { user, session, client, to })
}

/// Signs a person out of the browser and of the client. Ends the session of the browser, every session that the client
/// has of this person through this browser, and the session of the ID token if it names this person.
pub async fn leave(state: &AppState, actor: &Actor, browser: BrowserId, logout: &Logout) -> Result<()> {
    let (actor, logout) = (actor.clone(), logout.clone());
    state
        .write(move |tx| {
            if logout.is_of(&actor)
                && let Some(uuid) = logout.session
                && let Some(session) = store::sessions::find_by_uuid(tx, uuid)?
            {
                sessions::end(tx, &actor, "sessions.end", &session)?;
            }
            if let (Some(person), Some(client)) = (actor.person(), &logout.client) {
                end_through(tx, &actor, person, client, browser)?;
            }
            sign_in::sign_out(tx, &actor)
        })
        .await
}

fn end_through(tx: &Tx, actor: &Actor, person: &Person, client: &Client, browser: BrowserId) -> Result<()> {
    store::authorization_codes::delete_unused(tx, person.id, &client.id, browser)?;
    let ended = store::sessions::delete_through_browser(tx, person.id, &client.id, browser)?;
    if ended == 0 {
        return Ok(());
    }
    let before = json!({ "client": client.id.as_str(), "sessions": ended });
    audit::record(tx, actor, "sessions.end_through", (ObjectKind::User, person.uuid), (before, Value::Null))
}

/// Ends the session of the ID token, if it is live. For a browser in which nobody is signed in any more.
pub async fn end(state: &AppState, origin: &Origin, logout: &Logout) -> Result<()> {
    let Some(uuid) = logout.session else { return Ok(()) };
    let session = state.read_inline(|view| store::sessions::find_by_uuid(view, uuid))?;
    match session {
        Some(session) => token_status::end(state, origin, session, "sessions.end").await,
        None => Ok(()),
    }
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    // A form of texts cannot fail to serialize.
    let query = serde_urlencoded::to_string([("state", state)]).unwrap_or_default();
    format!("{uri}{}{query}", if uri.contains('?') { "&" } else { "?" })
}
