//! The token endpoint (RFC 6749, section 3.2; contract, section 1.3).

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use uuid::Uuid;

use super::form::Form;
use super::{Failure, Visitor};
use crate::app::desk::Desk;
use crate::app::sign_in::{self, Attempt, SignedIn};
use crate::app::{clients, sessions};
use crate::domain::actor::{Actor, Origin};
use crate::domain::client::{Client, Grant};
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::error::Unproved;
use crate::http::{dialect, request};
use crate::tokens::opaque::{self, Kind};

/// What is granted, whatever is asked for (RFC 6749, section 3.3 lets the server say so in the answer).
const SCOPE: &str = "email profile";

/// The tokens (RFC 6749, section 5.1), with what Keycloak adds.
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    /// Seconds that the access token lives.
    expires_in: i64,
    /// Seconds that the refresh token lives unless it is used.
    refresh_expires_in: i64,
    refresh_token: String,
    token_type: &'static str,
    #[serde(rename = "not-before-policy")]
    not_before_policy: i64,
    session_state: Uuid,
    scope: String,
}

/// `POST /auth/realms/master/protocol/openid-connect/token`
pub(super) async fn issue(
    desk: Data<Desk>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let client = form.text("client_id").ok_or_else(Failure::invalid_client)?;
    let client = desk.glance(|view| clients::find(view, client)).map_err(Failure::Grant)?;
    let client = client.filter(|client| !client.confidential).ok_or_else(Failure::invalid_client)?;
    let word = form.needed("grant_type")?.expose();
    let grant =
        Grant::from_word(word).ok_or_else(|| Failure::token("unsupported_grant_type", "Unsupported grant_type"))?;
    if !desk.allows(&client, grant) {
        return Err(Failure::token("unauthorized_client", "Client not allowed for this grant"));
    }
    let signed_in = match grant {
        Grant::Password => by_password(&desk, visitor.origin, &client, &form).await?,
        Grant::RefreshToken => by_refresh_token(&desk, visitor.origin, &client, &form).await?,
        Grant::AuthorizationCode | Grant::ClientCredentials | Grant::DeviceCode => {
            return Err(Failure::token("unsupported_grant_type", "Unsupported grant_type"));
        }
    };
    dialect::name_actor(&request, &signed_in.user.email);
    let tokens = tokens(&desk, &desk.issuers.issuer(request::host(&request)), signed_in)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache")).json(tokens))
}

async fn by_password(desk: &Desk, origin: Origin, client: &Client, form: &Form) -> Result<SignedIn, Failure> {
    let attempt = Attempt {
        username: form.needed("username")?.expose().to_owned(),
        password: form.needed("password")?.clone(),
        totp: form.text("totp").map(Secret::new),
        client: client.id.clone(),
        scope: SCOPE.to_owned(),
    };
    sign_in::with_password(desk, &origin, attempt).await.map_err(Failure::Grant)
}

async fn by_refresh_token(desk: &Desk, origin: Origin, client: &Client, form: &Form) -> Result<SignedIn, Failure> {
    let refresh_token = form.needed("refresh_token")?.clone();
    let fingerprint = opaque::parse(Kind::Refresh, refresh_token.expose())
        .ok_or_else(|| Failure::Grant(Unproved::BadRefreshToken.into()))?;
    let (actor, client, lifetimes) = (Actor::nobody(origin), client.id.clone(), desk.lifetimes);
    let refreshed = desk.write(move |tx| sessions::refresh(tx, &actor, &fingerprint, &client, &lifetimes)).await;
    let (user, session) = refreshed.map_err(Failure::Grant)?;
    Ok(SignedIn { user, session, refresh_token })
}

fn tokens(desk: &Desk, issuer: &str, signed_in: SignedIn) -> Result<Tokens, Failure> {
    let SignedIn { user, session, refresh_token } = signed_in;
    let now = Timestamp::now();
    let token = sessions::access_token(desk, issuer, &user, &session, now).map_err(Failure::Grant)?;
    Ok(Tokens {
        access_token: token.text.expose().to_owned(),
        expires_in: token.expires_at.seconds() - now.seconds(),
        refresh_expires_in: session.idle_until.seconds() - now.seconds(),
        refresh_token: refresh_token.expose().to_owned(),
        token_type: "Bearer",
        not_before_policy: 0,
        session_state: session.uuid,
        scope: session.scope,
    })
}
