//! Token introspection (RFC 7662) and revocation (RFC 7009).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::client_authentication::authenticated;
use super::form::Form;
use super::{Failure, Visitor};
use crate::app::identity::oauth::groups;
use crate::app::identity::oauth::token_status::{self, Live};
use crate::app::runtime::state::AppState;
use crate::domain::client::Scopes;
use crate::domain::user::{User, UserKind};
use crate::error::Result;
use crate::http::request;
use crate::tokens::claims::BEARER;

/// `POST /auth/realms/master/protocol/openid-connect/token/introspect`, `POST /oauth2/introspect`
///
/// Every client with a secret may introspect every token.
pub(super) async fn introspect(
    state: Data<AppState>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let client = authenticated(&state, &visitor.origin, &request, &form)?;
    let token = form.needed("token")?;
    let live = token_status::introspect(&state, &client, token.expose()).map_err(Failure::Grant)?;
    let issuer = state.issuers.issuer(&request::target(&request));
    let description = match live {
        Some(live) => describe(&state, &live, &issuer).map_err(Failure::Grant)?,
        None => json!({ "active": false }),
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(description))
}

/// `POST /auth/realms/master/protocol/openid-connect/revoke`, `POST /oauth2/revoke`
pub(super) async fn revoke(
    state: Data<AppState>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let client = authenticated(&state, &visitor.origin, &request, &form)?;
    let token = form.needed("token")?;
    token_status::revoke(&state, &visitor.origin, &client, token.expose()).await.map_err(Failure::Grant)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish())
}

/// The response for a valid token: the fields of RFC 7662, section 2.2, those that Keycloak adds, and the groups.
fn describe(state: &AppState, live: &Live, issuer: &str) -> Result<Value> {
    let (user, session) = match live {
        Live::Access { user, session, .. } | Live::Refresh { user, session } => (user, session),
    };
    let client = token_status::client_of(session);
    let mut description = json!({
        "active": true,
        "iss": issuer,
        "sub": user.uuid,
        "username": username(user, client),
        "preferred_username": username(user, client),
        "email": user.email.as_str(),
        "email_verified": user.email_verified.is_some(),
        "client_id": client,
        "azp": client,
        "sid": session.uuid,
        "session_state": session.uuid,
        "acr": if session.second_factor { "2" } else { "1" },
    });
    let own = match live {
        Live::Access { said, .. } => json!({
            "exp": said.exp, "iat": said.iat, "jti": said.jti, "scope": said.scope,
            "aud": audience(&said.aud), "token_type": BEARER, "typ": BEARER,
        }),
        Live::Refresh { session, .. } => json!({
            "exp": session.idle_until.seconds(), "iat": session.last_used_at.seconds(), "scope": session.scope,
            "aud": issuer, "typ": "Refresh",
        }),
    };
    if let (Value::Object(description), Value::Object(own)) = (&mut description, own) {
        description.extend(own);
    }
    let scope = match live {
        Live::Access { said, .. } => &said.scope,
        Live::Refresh { session, .. } => &session.scope,
    };
    if let Some(groups) = groups::claim_of(state, user, client, &Scopes::parse_known(scope))? {
        description["groups"] = groups.into();
    }
    Ok(description)
}

/// One audience as a string, several as a list, as in the token.
fn audience(audiences: &[String]) -> Value {
    match audiences {
        [one] => one.as_str().into(),
        several => several.into(),
    }
}

fn username(user: &User, client: &str) -> String {
    match user.kind {
        UserKind::Person => user.email.to_string(),
        UserKind::Bot => format!("service-account-{client}"),
    }
}
