//! Signing out: by a refresh token, as Keycloak's clients do, or in a browser, which is redirected to the console's
//! page.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::client_authentication::authenticated;
use super::form::Form;
use super::{Failure, Visitor};
use crate::app::identity::oauth::token_status;
use crate::app::runtime::state::AppState;

const PAGE: &str = "/auth/sign-out";

/// `POST /auth/realms/master/protocol/openid-connect/logout`
pub(super) async fn end(
    state: Data<AppState>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let Some(token) = form.secret("refresh_token") else {
        let parameters = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];
        let sent: Vec<_> = parameters.into_iter().filter_map(|name| Some((name, form.text(name)?))).collect();
        // Strings can always be form-encoded.
        return Ok(to_page(&serde_urlencoded::to_string(sent).unwrap_or_default()));
    };
    let client = authenticated(&state, &visitor.origin, &request, &form)?;
    token_status::sign_out(&state, &visitor.origin, &client, token.expose()).await.map_err(Failure::Grant)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /auth/realms/master/protocol/openid-connect/logout`
pub(super) async fn begin(request: HttpRequest) -> HttpResponse {
    to_page(request.query_string())
}

fn to_page(query: &str) -> HttpResponse {
    let joint = if query.is_empty() { "" } else { "?" };
    HttpResponse::SeeOther().insert_header((LOCATION, format!("{PAGE}{joint}{query}"))).finish()
}
