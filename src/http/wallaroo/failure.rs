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
    /// An error at an endpoint of which the SDK understands another status than of the others.
    #[error("{1}")]
    As(StatusCode, Error),
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
    /// The disk of the server is full, or the files of the organization take all that they may
    #[response(status = 507)]
    Full(Refusal),
}

impl Failure {
    /// For an endpoint of which the SDK shows the message of a 400 only.
    pub(super) fn missing_as_400(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::As(StatusCode::BAD_REQUEST, error),
            error => Self::Core(error),
        }
    }

    /// For an endpoint where the SDK takes 400 for a success.
    pub(super) fn never_400(error: Error) -> Self {
        let status = match error {
            Error::Forbidden { .. } => StatusCode::FORBIDDEN,
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::Refused { .. } => StatusCode::CONFLICT,
            error => return Self::Core(error),
        };
        Self::As(status, error)
    }
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
                Error::Disk { fault: DiskFault::Full, .. } | Error::FilesFull { .. } => {
                    StatusCode::INSUFFICIENT_STORAGE
                }
                Error::Busy { .. }
                | Error::Throttled { .. }
                | Error::Disk { fault: DiskFault::Failing | DiskFault::Storage, .. } => StatusCode::SERVICE_UNAVAILABLE,
                Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::As(status, _) => *status,
            Self::Never(_) | Self::NoEndpoint => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        let mut msg = self.to_string();
        let error = match self {
            Self::Core(error) | Self::As(_, error) => Some(error),
            Self::Never(_) | Self::NoEndpoint | Self::WrongMethod { .. } => None,
        };
        if let Some(
            Error::Busy { retry_after } | Error::Throttled { retry_after } | Error::TooMany { retry_after, .. },
        ) = error
        {
            response.insert_header((RETRY_AFTER, seconds_to_wait(*retry_after)));
        }
        if let Some(Error::Unauthenticated(auth_error)) = error {
            response.insert_header((WWW_AUTHENTICATE, challenge(*auth_error)));
        }
        if let Some(error @ Error::Internal(_)) = error {
            log::error!("{} {}", request::id(), error.chain());
            msg = format!("{msg}; look in the server's log for request {}", request::id());
        }
        if let Self::WrongMethod { allowed } = self {
            response.insert_header((ALLOW, allowed.as_str()));
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
        | Noun::Backup
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

pub(super) async fn no_endpoint() -> Result<HttpResponse, Failure> {
    Err(Failure::NoEndpoint)
}
