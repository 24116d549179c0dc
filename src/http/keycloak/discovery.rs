//! What a verifier needs to know: the discovery document and the public keys.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::Failure;
use crate::app::desk::Desk;
use crate::domain::client::Grant;
use crate::http::request;

/// `GET /auth/realms/master/.well-known/openid-configuration` (OpenID Connect Discovery 1.0, section 3).
pub(super) async fn show(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let issuer = desk.issuers.issuer(request::host(&request));
    let grants: Vec<_> = Grant::ALL
        .into_iter()
        .filter(|grant| matches!(grant, Grant::RefreshToken) || *grant == Grant::Password && desk.password_grant)
        .map(Grant::word)
        .collect();
    Ok(HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/protocol/openid-connect/token"),
        "jwks_uri": format!("{issuer}/protocol/openid-connect/certs"),
        "grant_types_supported": grants,
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [desk.keyring()?.active().algorithm().to_string()],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["email", "profile"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", "azp", "sid", "email", "email_verified", "name",
            "preferred_username", "given_name", "family_name"],
    })))
}

/// `GET /auth/realms/master/protocol/openid-connect/certs` (RFC 7517, section 5).
pub(super) async fn certs(desk: Data<Desk>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(desk.keyring()?.jwks()))
}
