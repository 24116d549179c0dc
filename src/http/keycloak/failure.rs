//! The refusals of this dialect: in the format of RFC 6749, section 5.2 at the token endpoint, and in Keycloak's
//! elsewhere.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

use crate::domain::field::Field;
use crate::domain::noun::Noun;
use crate::error::{AuthError, Error, seconds_to_wait};
use crate::http::nowhere::{self, KEYCLOAK_HINT};
use crate::http::request;

/// Keycloak's text for an unknown client or a wrong client secret.
const BAD_CLIENT: &str = "Invalid client or Invalid client credentials";

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A refusal of the token endpoint, with a code of RFC 6749, section 5.2.
    #[error("{error}: {description}")]
    Token { status: StatusCode, error: &'static str, description: String },
    /// An unknown client or failed client authentication (status 401 by RFC 6749, section 5.2).
    #[error("{BAD_CLIENT}")]
    Client {
        /// Whether the client used the `Authorization` header. The response then needs a `WWW-Authenticate` header.
        basic: bool,
    },
    /// An access token without the required scope (RFC 6750, section 3.1).
    #[error("Missing openid scope")]
    Scope,
    /// A refusal by the core at the token endpoint.
    #[error(transparent)]
    Grant(Error),
    /// A refusal by the core elsewhere.
    #[error(transparent)]
    Core(#[from] Error),
    /// A refusal by the core at the endpoints that describe a token, with the codes of RFC 6750, section 3.1.
    #[error(transparent)]
    Bearer(Error),
    /// A request to send email, which the server does not do.
    #[error("this server sends no email: `atelier user reset-link` prints a link with which the user sets a password")]
    NoMail,
    #[error("RESTEASY003210: Could not find resource for full path")]
    NoEndpoint,
    /// A Keycloak path without the prefix `/auth`, which is required here.
    #[error("Could not find resource for full path: {KEYCLOAK_HINT}; try {meant}")]
    NoPrefix {
        /// The path with the prefix.
        meant: String,
    },
    #[error("this endpoint does not support the method; it supports {allowed}")]
    WrongMethod { allowed: String },
}

impl Failure {
    /// A refusal of the token endpoint with status 400.
    pub(super) fn token(error: &'static str, description: impl Into<String>) -> Self {
        Self::Token { status: StatusCode::BAD_REQUEST, error, description: description.into() }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Token { status, .. } => *status,
            Self::Client { .. } => StatusCode::UNAUTHORIZED,
            Self::Scope => StatusCode::FORBIDDEN,
            Self::Grant(error) => match error {
                Error::Unauthenticated(reason) => match reason {
                    AuthError::WrongPassword | AuthError::BadClient => StatusCode::UNAUTHORIZED,
                    AuthError::Disabled
                    | AuthError::NotSetUp
                    | AuthError::KeyHeld
                    | AuthError::PagesOnly
                    | AuthError::DeadLink
                    | AuthError::HalfOver
                    | AuthError::NotConfirmed
                    | AuthError::WrongCode
                    | AuthError::BadRefreshToken
                    | AuthError::DeadRefreshToken
                    | AuthError::BadCode
                    | AuthError::BadDeviceCode
                    | AuthError::DeadUserCode
                    | AuthError::NoCredential
                    | AuthError::KeyHeader
                    | AuthError::BasicScheme
                    | AuthError::BadToken
                    | AuthError::NoApi
                    | AuthError::SessionOver
                    | AuthError::UnknownKey
                    | AuthError::DeadKey => StatusCode::BAD_REQUEST,
                },
                Error::Invalid { .. }
                | Error::Forbidden { .. }
                | Error::NotFound { .. }
                | Error::Conflict { .. }
                | Error::InUse { .. }
                | Error::Exceeded
                | Error::Refused { .. } => StatusCode::BAD_REQUEST,
                Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Error::Throttled { .. } | Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
                // RFC 6749 defines `temporarily_unavailable` as the 503 of OAuth. Its clients do not know 507.
                Error::Busy { .. } | Error::Disk { .. } | Error::FilesFull { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Core(error) | Self::Bearer(error) => match error {
                Error::Invalid { .. } | Error::Refused { .. } => StatusCode::BAD_REQUEST,
                Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
                Error::Forbidden { .. } | Error::Exceeded => StatusCode::FORBIDDEN,
                Error::NotFound { .. } => StatusCode::NOT_FOUND,
                Error::Conflict { .. } | Error::InUse { .. } => StatusCode::CONFLICT,
                Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Error::Throttled { .. } | Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Busy { .. } | Error::Disk { .. } | Error::FilesFull { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::NoMail => StatusCode::BAD_REQUEST,
            Self::NoEndpoint | Self::NoPrefix { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        let core = match self {
            Self::Grant(error) | Self::Core(error) | Self::Bearer(error) => Some(error),
            Self::Token { .. }
            | Self::Client { .. }
            | Self::Scope
            | Self::NoMail
            | Self::NoEndpoint
            | Self::NoPrefix { .. }
            | Self::WrongMethod { .. } => None,
        };
        let mut text = match core {
            Some(Error::Invalid { field, rule }) => format!("{}: {rule}", name(field)),
            Some(Error::Unauthenticated(reason)) => {
                keycloak_text(*reason).map_or_else(|| reason.to_string(), str::to_owned)
            }
            Some(_) | None => self.to_string(),
        };
        if let Some(error @ Error::Internal(_)) = core {
            log::error!("{} {}", request::id(), error.chain());
            text = format!("{text}; look in the server's log for request {}", request::id());
        }
        if let Some(
            Error::Busy { retry_after } | Error::Throttled { retry_after } | Error::TooMany { retry_after, .. },
        ) = core
        {
            response.insert_header((RETRY_AFTER, seconds_to_wait(*retry_after)));
        }
        match self {
            Self::Token { error, description, .. } => {
                response.json(json!({ "error": error, "error_description": description }))
            }
            Self::Client { basic } => {
                if *basic {
                    response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"master\", charset=\"UTF-8\""));
                }
                response.json(json!({ "error": "invalid_client", "error_description": text }))
            }
            Self::Scope => {
                let challenge = "Bearer realm=\"master\", error=\"insufficient_scope\", scope=\"openid\"";
                response.insert_header((WWW_AUTHENTICATE, challenge));
                response.json(json!({ "error": "insufficient_scope", "error_description": text }))
            }
            Self::Grant(error) => response.json(json!({ "error": code(error), "error_description": text })),
            Self::Core(Error::Unauthenticated(reason)) => {
                response.insert_header((WWW_AUTHENTICATE, challenge(*reason)));
                response.json(json!({ "error": "HTTP 401 Unauthorized", "error_description": text }))
            }
            Self::Bearer(Error::Unauthenticated(reason)) => {
                response.insert_header((WWW_AUTHENTICATE, challenge(*reason)));
                response.json(json!({ "error": "invalid_token", "error_description": text }))
            }
            Self::Core(Error::NotFound { what, .. }) => {
                response.json(json!({ "error": missing(*what).map_or(text, str::to_owned) }))
            }
            Self::Core(Error::Forbidden { .. } | Error::Exceeded) => {
                response.json(json!({ "error": "HTTP 403 Forbidden", "error_description": text }))
            }
            Self::Core(Error::Conflict { what: Noun::User, .. }) => {
                response.json(json!({ "errorMessage": "User exists with same username" }))
            }
            Self::NoMail => response.json(json!({ "errorMessage": text })),
            Self::Core(_) | Self::Bearer(_) | Self::NoEndpoint | Self::NoPrefix { .. } => {
                response.json(json!({ "error": text }))
            }
            Self::WrongMethod { allowed } => {
                response.insert_header((ALLOW, allowed.as_str()));
                response.json(json!({ "error": text }))
            }
        }
    }
}

/// The dialect's name of a field.
fn name(field: &Field) -> &str {
    match field {
        Field::Limit => "max",
        Field::MustChangePassword => "requiredActions",
        Field::AccessTokenLife
        | Field::AccountRole
        | Field::ClientId
        | Field::ExpiresAt
        | Field::Grants
        | Field::Id
        | Field::IdTokenHint
        | Field::Key
        | Field::ModelVersions
        | Field::On
        | Field::Organization
        | Field::Organizations
        | Field::Password
        | Field::Permissions
        | Field::PostLogoutRedirectUri
        | Field::PostLogoutRedirectUris
        | Field::Pkce
        | Field::RedirectUris
        | Field::Scope
        | Field::Secret
        | Field::ServiceRole
        | Field::SessionIdle
        | Field::SessionLife
        | Field::Tag
        | Field::Workspace
        | Field::Workspaces
        | Field::Named(_) => field.as_str(),
    }
}

/// Keycloak's text for a bad credential, if it has one. Clients match on these texts: `python-keycloak` signs in again
/// when it reads "Token is not active".
fn keycloak_text(reason: AuthError) -> Option<&'static str> {
    match reason {
        AuthError::WrongPassword => Some("Invalid user credentials"),
        AuthError::Disabled => Some("Account disabled"),
        AuthError::NotSetUp => Some("Account is not fully set up"),
        AuthError::BadRefreshToken => Some("Invalid refresh token"),
        AuthError::DeadRefreshToken => Some("Token is not active"),
        AuthError::BadCode => Some("Code not valid"),
        AuthError::BadDeviceCode => Some("Device code not valid"),
        AuthError::BadClient => Some(BAD_CLIENT),
        AuthError::NoCredential
        | AuthError::KeyHeader
        | AuthError::BasicScheme
        | AuthError::BadToken
        | AuthError::NoApi
        | AuthError::SessionOver
        | AuthError::UnknownKey
        | AuthError::DeadKey
        | AuthError::KeyHeld
        | AuthError::PagesOnly
        | AuthError::DeadLink
        | AuthError::HalfOver
        | AuthError::NotConfirmed
        | AuthError::WrongCode
        | AuthError::DeadUserCode => None,
    }
}

/// Keycloak's text for a missing resource, if it has one.
fn missing(what: Noun) -> Option<&'static str> {
    match what {
        Noun::User => Some("User not found"),
        Noun::Client => Some("Could not find client"),
        Noun::Session => Some("Session not found"),
        Noun::Audit
        | Noun::Backup
        | Noun::Connection
        | Noun::Consent
        | Noun::Credential
        | Noun::Key
        | Noun::Member
        | Noun::Model
        | Noun::ModelConfig
        | Noun::ModelVersion
        | Noun::Organization
        | Noun::Pipeline
        | Noun::PipelineVersion
        | Noun::Project
        | Noun::ProjectRestriction
        | Noun::Role
        | Noun::RoleAssignment
        | Noun::RoleBinding
        | Noun::SigningKey
        | Noun::Tag
        | Noun::Workspace => None,
    }
}

/// The challenge for a bearer token (RFC 6750, section 3.1). A request without a token gets no error code.
fn challenge(reason: AuthError) -> &'static str {
    match reason {
        AuthError::NoCredential | AuthError::KeyHeader | AuthError::BasicScheme => "Bearer realm=\"master\"",
        // RFC 9470, section 3.
        AuthError::NotConfirmed => {
            "Bearer realm=\"master\", error=\"insufficient_user_authentication\", max_age=\"300\""
        }
        AuthError::NoApi => "Bearer realm=\"master\", error=\"insufficient_scope\", scope=\"api\"",
        _ => "Bearer realm=\"master\", error=\"invalid_token\"",
    }
}

/// The error code of RFC 6749, section 5.2, or of section 4.1.2.1 if that section has none.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Unauthenticated(AuthError::BadClient) => "invalid_client",
        Error::Invalid { field: Field::Scope, .. } => "invalid_scope",
        Error::Unauthenticated(_) | Error::Refused { .. } | Error::NotFound { .. } => "invalid_grant",
        Error::Invalid { .. } | Error::Conflict { .. } | Error::InUse { .. } | Error::TooLarge { .. } => {
            "invalid_request"
        }
        Error::Forbidden { .. } | Error::Exceeded => "unauthorized_client",
        Error::Busy { .. }
        | Error::Throttled { .. }
        | Error::TooMany { .. }
        | Error::Disk { .. }
        | Error::FilesFull { .. } => "temporarily_unavailable",
        Error::Internal(_) => "server_error",
    }
}

pub(super) async fn no_endpoint() -> Result<HttpResponse, Failure> {
    Err(Failure::NoEndpoint)
}

/// Answers a path without the prefix of this dialect.
pub(super) async fn no_prefix(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(nowhere::meant_for_keycloak(request.path()).map_or(Failure::NoEndpoint, |meant| Failure::NoPrefix { meant }))
}
