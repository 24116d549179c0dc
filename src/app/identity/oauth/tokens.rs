//! The tokens of a session: access and ID tokens, which are signed and not stored.

use crate::app::identity::oauth::grants::Granted;
use crate::app::identity::oauth::groups;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::domain::client::{Client, Scope, Scopes};
use crate::domain::lifetimes::Lifetimes;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, User, UserKind};
use crate::error::{Error, Result};
use crate::tokens::claims::{API, AccessClaims, Facts};
use crate::tokens::id_claims::{IdClaims, IdFacts};

#[derive(Debug)]
pub struct Minted {
    pub access_token: Secret,
    /// The ID token, if `openid` was granted to a person.
    pub id_token: Option<Secret>,
    pub issued_at: Timestamp,
    /// When they expire: never after the session.
    pub expires_at: Timestamp,
}

/// Mints the tokens of a grant in the pool for signing, because one signature takes as long as many answers.
///
/// Refused as busy when the queue is full.
pub async fn mint_aside(
    state: &AppState,
    issuer: String,
    client: Client,
    granted: Granted,
) -> Result<(Granted, Minted)> {
    let theirs = state.clone();
    let sign = move || {
        let minted = mint(&theirs, &issuer, &client, (&granted.user, &granted.session), &granted.scopes);
        minted.map(|minted| (granted, minted))
    };
    state.signing_pool.run(Lane::Server, sign).await?
}

/// Mints the tokens of this client's session for these scopes.
pub(in crate::app) fn mint(
    state: &AppState,
    issuer: &str,
    client: &Client,
    (user, session): (&User, &Session),
    scopes: &Scopes,
) -> Result<Minted> {
    let now = Timestamp::now();
    let life = Lifetimes::of(&state.lifetimes, client, scopes).access_token;
    let expires_at = now.after(life).min(session.ends_at);
    let words = scopes.to_string();
    let audience = audience(client, scopes);
    let claims = AccessClaims::new(&Facts {
        user: user.uuid,
        email: user.email.as_str(),
        email_verified: user.email_verified.is_some(),
        first_name: user.first_name.as_str(),
        last_name: user.last_name.as_str(),
        administrator: user.role == AccountRole::Administrator,
        client: client.id.as_str(),
        audience: &audience,
        service: user.kind == UserKind::Bot,
        second_factor: session.second_factor,
        scope: &words,
        session: session.uuid,
        issuer,
        now: now.seconds(),
        lifetime: expires_at.seconds() - now.seconds(),
    });
    let ring = state.keyring()?;
    let access_token = ring.mint(&claims).map_err(Error::internal)?;
    let id_token = if scopes.has(Scope::OpenId) && user.kind == UserKind::Person {
        let groups = groups::claim(state, user, client, scopes)?;
        let claims = IdClaims::new(&IdFacts {
            user,
            scopes,
            groups: groups.as_deref(),
            client: client.id.as_str(),
            session: session.uuid,
            nonce: session.nonce.as_deref(),
            authenticated_at: session.authenticated_at.seconds(),
            second_factor: session.second_factor,
            access_token: (access_token.expose(), ring.active().algorithm()),
            issuer,
            now: now.seconds(),
            expires_at: expires_at.seconds(),
        });
        Some(ring.mint_id(&claims).map_err(Error::internal)?)
    } else {
        None
    };
    Ok(Minted { access_token, id_token, issued_at: now, expires_at })
}

/// The audience of an access token: its client, and with the scope `api` the API too. The built-in clients serve only
/// programs of the API, which know no other audience.
fn audience<'a>(client: &'a Client, scopes: &Scopes) -> Vec<&'a str> {
    let api = scopes.has(Scope::Api).then_some(API);
    let own = (api.is_none() || !client.built_in).then_some(client.id.as_str());
    api.into_iter().flatten().chain(own).collect()
}
