//! The authorization endpoint: the request that a client sends through a browser, and the code that the browser brings
//! back (RFC 6749, section 4.1; OpenID Connect Core, section 3.1; RFC 9700, section 2.1).

mod request;

use std::time::Duration;

use serde_json::{Value, json};

pub(in crate::app) use request::granted;
pub use request::{Authorization, Fault, Prompt, Request, check};

use crate::app::audit;
use crate::app::identity::oauth::{approvals, consents};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::authorization_code::AuthorizationCode;
use crate::domain::quota::Quota;
use crate::domain::session::{BrowserId, Session};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::{self, Fingerprint, Kind};

/// The minimum time that a used code is kept while its session is live, so that a reuse is detected.
pub(in crate::app) const REMEMBERED: Duration = Duration::from_hours(24);
/// The maximum number of dead codes that each new code deletes, so that they do not accumulate.
const SWEEP: u32 = 8;

/// What a client still needs from the person before it gets a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// Consent to the requested scopes.
    Consent,
    /// Approval in this browser session.
    Approval,
}

/// The next thing that the client needs from the person, on a page, before it gets a code.
///
/// Built-in clients need no consent. With `prompt=consent` the consent is always needed; the caller has to know whether
/// the person has answered since.
pub fn needed(view: &View, actor: &Actor, session: &Session, requested: &Authorization) -> Result<Option<Needed>> {
    let Authorization { client, scopes, .. } = requested;
    if requested.prompt.consent || !consents::covers(view, actor, client, scopes)? {
        return Ok(Some(Needed::Consent));
    }
    let approved =
        !approvals::are_needed(client, &requested.redirect_uri) || approvals::cover(view, session, client, scopes)?;
    Ok((!approved).then_some(Needed::Approval))
}

/// Records that the person authorizes the client, permanently and in this browser session.
pub fn approve(tx: &Tx, actor: &Actor, session: &Session, requested: &Authorization) -> Result<()> {
    let Authorization { client, scopes, .. } = requested;
    if !client.built_in {
        consents::give(tx, actor, client, scopes)?;
    }
    if approvals::are_needed(client, &requested.redirect_uri) {
        approvals::give(tx, actor, session, client, scopes)?;
    }
    Ok(())
}

/// Creates a code for this browser on behalf of the person of the browser session. Returns the whole address that the
/// browser is redirected to, with `code`, `state`, `iss` (RFC 9207) and Keycloak's `session_state`.
///
/// Refused when the person has not consented or not approved it in this browser session, and when the client has been
/// removed or the redirect URI is no longer registered.
pub async fn grant(
    state: &AppState,
    actor: &Actor,
    (session, browser): (&Session, BrowserId),
    authorization: &Authorization,
    issuer: &str,
) -> Result<String> {
    let permit = state.creations().permit(actor, Quota::AuthorizationCodes)?;
    let (code, fingerprint) = opaque::mint(Kind::Code);
    let (session, requested) = (session.clone(), authorization.clone());
    let session_state = session.uuid.to_string();
    state.write_as(actor, move |tx, actor| insert(tx, actor, (&session, browser), &requested, &fingerprint)).await?;
    permit.use_up();
    Ok(authorization.answered(issuer, &[("code", code.expose()), ("session_state", &session_state)]))
}

fn insert(
    tx: &Tx,
    actor: &Actor,
    (session, browser): (&Session, BrowserId),
    requested: &Authorization,
    code: &Fingerprint,
) -> Result<()> {
    let person = consents::own(actor)?;
    if session.user != person.id {
        return Err(AuthError::SessionOver.into());
    }
    let user = store::users::find(tx, person.id)?.ok_or(AuthError::SessionOver)?;
    may_sign_in(&user)?;
    let client = store::clients::find(tx, &requested.client.id)?.ok_or(AuthError::BadClient)?;
    if !request::is_registered(&client, &requested.redirect_uri) {
        return Err(Error::Refused { rule: "the redirect URI is no longer registered for the client" });
    }
    if !consents::covers(tx, actor, &client, &requested.scopes)? {
        return Err(Error::Refused { rule: "the user has not authorized the client" });
    }
    if approvals::are_needed(&client, &requested.redirect_uri)
        && !approvals::cover(tx, session, &client, &requested.scopes)?
    {
        return Err(Error::Refused { rule: "the user has not authorized the client in this browser session" });
    }
    store::authorization_codes::delete_dead(tx, tx.now.before(REMEMBERED), SWEEP)?;
    let new = AuthorizationCode {
        client: client.id.clone(),
        user: person.id,
        redirect_uri: requested.redirect_uri.clone(),
        scopes: requested.scopes.intersection(&client.scopes),
        nonce: requested.nonce.clone(),
        code_challenge: requested.code_challenge.clone(),
        authenticated_at: session.authenticated_at,
        second_factor: session.second_factor,
        browser: Some(browser),
        expires_at: tx.now.after(AuthorizationCode::LIFE),
        used_at: None,
        session: None,
    };
    store::authorization_codes::insert(tx, code, &new)?;
    let after = json!({
        "client": client.id.as_str(),
        "scope": new.scopes.to_string(),
        "redirect_uri": new.redirect_uri,
        "expires_at": new.expires_at.to_string(),
    });
    audit::record(tx, actor, "authorizations.grant", (ObjectKind::Code, person.uuid), (Value::Null, after))
}

/// Refuses a user who may not sign in now, by any grant.
pub(in crate::app) fn may_sign_in(user: &User) -> Result<()> {
    if !user.may_authenticate() {
        return Err(AuthError::Disabled.into());
    }
    if user.must_change_password { Err(AuthError::NotSetUp.into()) } else { Ok(()) }
}

impl Authorization {
    /// Whether the person of this session need not sign in first. When the client requires a new sign-in, one counts
    /// that happened `since` the person was asked for it in this request.
    pub fn is_answered_by(&self, session: &Session, since: Option<Timestamp>, now: Timestamp) -> bool {
        let too_long_ago = |age| session.authenticated_at.after(age) <= now;
        let wants_another = self.prompt.login || self.prompt.select_account || self.max_age.is_some_and(too_long_ago);
        !wants_another || since.is_some_and(|since| session.authenticated_at >= since)
    }
}
