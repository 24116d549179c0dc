//! Signing out at the asking of a client (OpenID Connect RP-Initiated Logout 1.0).

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

/// What a client asks for, as it came.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the parameter of its name")]
pub struct Request {
    pub id_token_hint: Option<String>,
    pub client_id: Option<String>,
    pub post_logout_redirect_uri: Option<String>,
    pub state: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Logout {
    /// Whom the id token names.
    pub user: Option<Uuid>,
    /// The session that the id token was made in.
    pub session: Option<Uuid>,
    /// The client that asks, where it says who it is.
    pub client: Option<Client>,
    /// Where the browser is sent afterwards.
    pub to: Option<String>,
}

impl Logout {
    /// Whether the id token names this very person, who then need not be asked.
    pub fn is_of(&self, actor: &Actor) -> bool {
        self.user.is_some() && self.user == actor.person().map(|person| person.uuid)
    }
}

/// Judges what a client asks for. An id token that has expired is a good hint (section 4), one of another server or of
/// another client is none.
///
/// Refused when the hint is bad, the client is unknown or not that of the hint, or it may not have a browser sent there.
pub fn check(desk: &AppState, request: &Request) -> Result<Logout> {
    let issuer = |issuer: &str| desk.issuers.knows(issuer);
    let hint = match &request.id_token_hint {
        None => None,
        Some(raw) => {
            let hint = desk.keyring()?.verify_hint(raw, &issuer);
            Some(hint.map_err(|_| Error::invalid(Field::IdTokenHint, "must be an ID token of this server"))?)
        }
    };
    let named = hint.as_ref().and_then(|hint| hint.azp.clone().or_else(|| hint.aud.first().cloned()));
    if let (Some(asked), Some(hint)) = (&request.client_id, &hint)
        && !hint.aud.contains(asked)
    {
        return Err(Error::invalid(Field::ClientId, "must be the client of the ID token"));
    }
    let client = match request.client_id.as_ref().or(named.as_ref()) {
        None => None,
        Some(id) => {
            let found = desk.read_inline(|view| clients::find(view, id))?;
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

/// Signs somebody out of their browser, and of the client that asks for it: ends the session of the browser, every one
/// that the client has of this person through this browser, and the one that an id token of this very person was made in.
pub async fn leave(desk: &AppState, actor: &Actor, browser: BrowserId, logout: &Logout) -> Result<()> {
    let (actor, logout) = (actor.clone(), logout.clone());
    desk.write(move |tx| {
        if logout.is_of(&actor)
            && let Some(uuid) = logout.session
            && let Some(session) = store::sessions::find_by_uuid(tx, uuid)?
        {
            sessions::cut(tx, &actor, "sessions.end", &session)?;
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

/// Ends the session that the id token was made in, if it lasts: for a browser in which nobody is signed in any more.
pub async fn end(desk: &AppState, origin: &Origin, logout: &Logout) -> Result<()> {
    let Some(uuid) = logout.session else { return Ok(()) };
    let session = desk.read_inline(|view| store::sessions::find_by_uuid(view, uuid))?;
    match session {
        Some(session) => token_status::end(desk, origin, session, "sessions.end").await,
        None => Ok(()),
    }
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    // Texts cannot fail to be written as a form.
    let query = serde_urlencoded::to_string([("state", state)]).unwrap_or_default();
    format!("{uri}{}{query}", if uri.contains('?') { "&" } else { "?" })
}
