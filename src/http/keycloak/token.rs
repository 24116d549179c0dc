//! The token endpoint (RFC 6749, section 3.2; contract, section 1.3).

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use uuid::Uuid;

use super::client_authentication::authenticated;
use super::form::Form;
use super::{Failure, Visitor};
use crate::app::identity::oauth::authorization_codes::{self, Presented};
use crate::app::identity::oauth::devices::{self, Polled};
use crate::app::identity::oauth::grants::{self, Granted};
use crate::app::identity::oauth::tokens::{self, Minted};
use crate::app::identity::oauth::{refresh, service_accounts};
use crate::app::identity::sign_in::{self, Attempt};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Origin;
use crate::domain::client::{Client, Grant, PkcePolicy};
use crate::http::{dialect, request};

/// The tokens (RFC 6749, section 5.1), with the fields that Keycloak adds.
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    /// The lifetime of the access token, in seconds.
    expires_in: i64,
    /// The time after which an unused refresh token expires, in seconds; 0 without a refresh token.
    refresh_expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(rename = "not-before-policy")]
    not_before_policy: i64,
    session_state: Uuid,
    scope: String,
}

/// `POST /auth/realms/master/protocol/openid-connect/token`, `POST /oauth2/token`
pub(super) async fn issue(
    state: Data<AppState>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let origin = visitor.origin;
    let client = authenticated(&state, &origin, &request, &form)?;
    let name = form.needed("grant_type")?.expose();
    let grant: Grant = name.parse().map_err(|_| Failure::token("unsupported_grant_type", "Unsupported grant_type"))?;
    if !state.allows(&client, grant) {
        return Err(Failure::token("unauthorized_client", "Client not allowed for this grant"));
    }
    let granted = match grant {
        Grant::AuthorizationCode => by_code(&state, &origin, &client, &form).await?,
        Grant::ClientCredentials => by_itself(&state, &origin, &client, &form).await?,
        Grant::DeviceCode => by_device_code(&state, &origin, &client, &form).await?,
        Grant::Password => by_password(&state, &origin, &client, &form).await?,
        Grant::RefreshToken => by_refresh_token(&state, &origin, &client, &form).await?,
    };
    dialect::name_actor(&request, &granted.user.email);
    let issuer = state.issuers.issuer(&request::target(&request));
    let (granted, minted) = tokens::mint_aside(&state, issuer, client, granted).await.map_err(Failure::Grant)?;
    let tokens = to_response(granted, &minted);
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache")).json(tokens))
}

async fn by_code(state: &AppState, origin: &Origin, client: &Client, form: &Form) -> Result<Granted, Failure> {
    let presented = Presented {
        code: form.needed("code")?.clone(),
        redirect_uri: form.needed("redirect_uri")?.expose().to_owned(),
        verifier: match client.pkce {
            PkcePolicy::Required => Some(form.needed("code_verifier")?.clone()),
            PkcePolicy::Optional => form.secret("code_verifier").cloned(),
        },
    };
    authorization_codes::trade(state, origin, client, presented).await.map_err(Failure::Grant)
}

async fn by_itself(state: &AppState, origin: &Origin, client: &Client, form: &Form) -> Result<Granted, Failure> {
    let scopes = grants::own_scopes(client, form.text("scope")).map_err(Failure::Grant)?;
    service_accounts::begin(state, origin, client, &scopes).await.map_err(Failure::Grant)
}

async fn by_device_code(state: &AppState, origin: &Origin, client: &Client, form: &Form) -> Result<Granted, Failure> {
    let code = form.needed("device_code")?;
    let polled = devices::poll(state, origin, client, code.expose()).await.map_err(Failure::Grant)?;
    // RFC 8628, section 3.5.
    match polled {
        Polled::Granted(granted) => Ok(*granted),
        Polled::Pending => Err(Failure::token("authorization_pending", "The authorization request is still pending")),
        Polled::SlowDown => Err(Failure::token("slow_down", "Slow down")),
        Polled::Denied => Err(Failure::token("access_denied", "The end user denied the authorization request")),
        Polled::Expired => Err(Failure::token("expired_token", "Device code is expired")),
    }
}

async fn by_password(state: &AppState, origin: &Origin, client: &Client, form: &Form) -> Result<Granted, Failure> {
    let attempt = Attempt {
        username: form.needed("username")?.expose().to_owned(),
        password: form.needed("password")?.clone(),
        totp: form.secret("totp").cloned(),
        client: client.clone(),
        scopes: grants::scopes(client, form.text("scope")).map_err(Failure::Grant)?,
    };
    sign_in::with_password(state, origin, attempt).await.map(Granted::from).map_err(Failure::Grant)
}

async fn by_refresh_token(state: &AppState, origin: &Origin, client: &Client, form: &Form) -> Result<Granted, Failure> {
    let (token, scope) = (form.needed("refresh_token")?, form.text("scope"));
    let refreshed = refresh::refresh(state, origin, client, token.expose(), scope).await;
    refreshed.map(Granted::from).map_err(Failure::Grant)
}

fn to_response(granted: Granted, minted: &Minted) -> Tokens {
    let Granted { session, scopes, refresh_token, .. } = granted;
    let lives = |until: i64| until - minted.issued_at.seconds();
    Tokens {
        access_token: minted.access_token.expose().to_owned(),
        expires_in: lives(minted.expires_at.seconds()),
        refresh_expires_in: refresh_token.as_ref().map_or(0, |_| lives(session.idle_until.seconds())),
        refresh_token: refresh_token.map(|token| token.expose().to_owned()),
        token_type: "Bearer",
        id_token: minted.id_token.as_ref().map(|token| token.expose().to_owned()),
        not_before_policy: 0,
        session_state: session.uuid,
        scope: scopes.to_string(),
    }
}
