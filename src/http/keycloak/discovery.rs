//! The discovery document and the public keys, with which a client verifies tokens.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::Failure;
use crate::app::runtime::state::AppState;
use crate::domain::client::{Grant, Scope};
use crate::http::headers::PUBLIC;
use crate::http::request;
use crate::tokens::pkce::METHOD;

/// `GET /auth/realms/master/.well-known/openid-configuration` (OpenID Connect Discovery 1.0, section 3), and the same
/// document at the path of RFC 8414, section 3.
pub(super) async fn show(state: Data<AppState>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let issuer = state.issuers.reachable_issuer(&request::target(&request))?;
    let openid = |name: &str| format!("{issuer}/protocol/openid-connect/{name}");
    let grants: Vec<_> = Grant::ALL
        .into_iter()
        .filter(|grant| *grant != Grant::Password || state.password_grant)
        .map(Grant::as_str)
        .collect();
    let algorithms = [state.keyring()?.active().algorithm().to_string()];
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, PUBLIC)).json(json!({
        "issuer": issuer,
        "authorization_endpoint": openid("auth"),
        "token_endpoint": openid("token"),
        "device_authorization_endpoint": openid("auth/device"),
        "userinfo_endpoint": openid("userinfo"),
        "introspection_endpoint": openid("token/introspect"),
        "revocation_endpoint": openid("revoke"),
        "end_session_endpoint": openid("logout"),
        "jwks_uri": openid("certs"),
        "grant_types_supported": grants,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": [METHOD],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "scopes_supported": Scope::ALL.map(Scope::as_str),
        "acr_values_supported": ["1", "2"],
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "jti", "azp", "sid", "nonce", "acr", "at_hash",
            "email", "email_verified", "name", "preferred_username", "given_name", "family_name", "groups"],
    })))
}

/// `GET /auth/realms/master/protocol/openid-connect/certs` (RFC 7517, section 5).
pub(super) async fn certs(state: Data<AppState>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, PUBLIC)).json(state.keyring()?.jwks()))
}
