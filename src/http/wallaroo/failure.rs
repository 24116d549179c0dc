//! The errors of the dialect: `{"msg", "code"}`, where the code is the status.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::domain::noun::Noun;
use crate::error::{DiskFault, Error, seconds_to_wait};
use crate::http::bearer::challenge;
use crate::http::request;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Core(#[from] Error),
    /// Something missing, told with 400: the SDK shows the message of a 400 of this endpoint, and not of a 404.
    #[error(transparent)]
    Missing(Error),
    /// Something that atelier never has.
    #[error("{0}")]
    Never(&'static str),
    #[error("there is no endpoint at this path")]
    NoEndpoint,
    #[error("this endpoint does not support the method; it supports {allowed}")]
    WrongMethod {
        /// The supported methods.
        allowed: String,
    },
}

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refusal {
    /// The cause of the error, including the invalid field and the rule that it breaks, if any.
    #[schema(example = "workspace_name: must begin with a lowercase letter")]
    msg: String,
    /// The HTTP status.
    #[schema(example = 400)]
    code: u16,
}

/// What every operation that takes a credential may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only describes")]
pub(super) enum AlwaysRefusals {
    /// No valid credentials
    #[response(status = 401)]
    Unauthenticated(Refusal),
    /// Internal error
    #[response(status = 500)]
    Internal(Refusal),
    /// The server is busy, then there is a `Retry-After`, or it cannot use its disk
    #[response(status = 503)]
    Busy(Refusal),
    /// The disk of the server is full
    #[response(status = 507)]
    Full(Refusal),
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Core(error) => match error {
                Error::Invalid { .. }
                | Error::Forbidden { .. }
                | Error::Refused { .. }
                | Error::TooLarge { .. }
                | Error::Exceeded => StatusCode::BAD_REQUEST,
                Error::NotFound { what, .. } => of_noun(*what, StatusCode::NOT_FOUND),
                Error::Conflict { what, .. } => of_noun(*what, StatusCode::CONFLICT),
                Error::InUse { .. } => StatusCode::CONFLICT,
                Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
                // The SDK treats 507 as it treats 503: it says that the call failed.
                Error::Disk { fault: DiskFault::Full, .. } => StatusCode::INSUFFICIENT_STORAGE,
                Error::Busy { .. } | Error::Throttled { .. } | Error::Disk { fault: DiskFault::Failing, .. } => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Missing(_) => StatusCode::BAD_REQUEST,
            Self::Never(_) | Self::NoEndpoint => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        let mut msg = self.to_string();
        match self {
            Self::Core(
                Error::Busy { retry_after } | Error::Throttled { retry_after } | Error::TooMany { retry_after, .. },
            ) => {
                response.insert_header((RETRY_AFTER, seconds_to_wait(*retry_after)));
            }
            Self::Core(Error::Unauthenticated(auth_error)) => {
                response.insert_header((WWW_AUTHENTICATE, challenge(*auth_error)));
            }
            Self::Core(error @ Error::Internal(_)) => {
                log::error!("{} {}", request::id(), error.chain());
                msg = format!("{msg}; look in the server's log for request {}", request::id());
            }
            Self::WrongMethod { allowed } => {
                response.insert_header((ALLOW, allowed.as_str()));
            }
            Self::Core(_) | Self::Missing(_) | Self::Never(_) | Self::NoEndpoint => {}
        }
        response.json(Refusal { msg, code: status.as_u16() })
    }
}

/// The status of a missing or a conflicting object. For workspaces and users, Wallaroo answers 400; for their contents, as
/// HTTP says.
const fn of_noun(what: Noun, status: StatusCode) -> StatusCode {
    match what {
        Noun::Connection
        | Noun::Model
        | Noun::ModelConfig
        | Noun::ModelVersion
        | Noun::Pipeline
        | Noun::PipelineVersion
        | Noun::Tag => status,
        Noun::Audit
        | Noun::Client
        | Noun::Consent
        | Noun::Credential
        | Noun::Key
        | Noun::Member
        | Noun::Organization
        | Noun::Project
        | Noun::ProjectRestriction
        | Noun::Role
        | Noun::RoleAssignment
        | Noun::RoleBinding
        | Noun::Session
        | Noun::SigningKey
        | Noun::User
        | Noun::Workspace => StatusCode::BAD_REQUEST,
    }
}

impl Failure {
    /// An error of an endpoint of which the SDK shows the message only with a 400.
    pub(super) fn shown(error: Error) -> Self {
        if matches!(error, Error::NotFound { .. }) { Self::Missing(error) } else { Self::Core(error) }
    }
}

pub(super) async fn no_endpoint() -> Result<HttpResponse, Failure> {
    Err(Failure::NoEndpoint)
}
