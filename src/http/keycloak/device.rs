//! The device authorization endpoint (RFC 8628, section 3.1; contract, section 1.5).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::client_authentication::authenticated;
use super::form::Form;
use super::{Failure, Visitor};
use crate::app::identity::oauth::{devices, grants};
use crate::app::runtime::state::AppState;
use crate::domain::client::Grant;
use crate::http::request;

/// `POST /auth/realms/master/protocol/openid-connect/auth/device`, `POST /oauth2/device_authorization`
pub(super) async fn begin(
    state: Data<AppState>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let client = authenticated(&state, &visitor.origin, &request, &form)?;
    if !state.allows(&client, Grant::DeviceCode) {
        return Err(Failure::token("unauthorized_client", "Client not allowed for this grant"));
    }
    let issuer = state.issuers.reachable_issuer(&request::target(&request));
    let page = issuer.map_err(|error| Failure::token("invalid_request", error.to_string()))? + "/device";
    let scopes = grants::scopes(&client, form.text("scope")).map_err(Failure::Grant)?;
    let begun = devices::begin(&state, &visitor.origin, &client, &scopes).await.map_err(Failure::Grant)?;
    let user_code = begun.user_code.expose();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({
        "device_code": begun.device_code.expose(),
        "user_code": user_code,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "verification_uri": page,
        "expires_in": begun.life.as_secs(),
        "interval": begun.pause.as_secs(),
    })))
}
