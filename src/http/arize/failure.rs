//! The errors of the dialect: problem+json of exactly five fields (RFC 9457; contract, section 2).

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::explanations;
use crate::domain::field::Field;
use crate::domain::noun::{self, Noun};
use crate::error::{DiskFault, Error, seconds_to_wait};
use crate::http::bearer::challenge;
use crate::http::request;

pub(super) const PROBLEM: &str = "application/problem+json";

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Core(#[from] Error),
    /// A malformed id, cursor or parameter, a body that is not JSON, or one that asks for nothing.
    #[error("{field}: {rule}")]
    Malformed {
        /// The field's name in this dialect.
        field: String,
        rule: String,
    },
    #[error("there is no endpoint at this path")]
    NoEndpoint,
    #[error("this endpoint does not support the method; it supports {allowed}")]
    WrongMethod {
        /// The supported methods.
        allowed: String,
    },
}

impl Failure {
    pub(super) fn malformed(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Malformed { field: field.into(), rule: rule.into() }
    }

    /// A change without any field.
    pub(super) fn no_field() -> Self {
        Self::malformed("body", "must have at least one field")
    }
}

impl Failure {
    /// The cause, in the dialect's words. Row numbers are omitted, because they mean nothing to its clients.
    fn detail(&self) -> String {
        match self {
            Self::Core(Error::Invalid { field, rule }) => {
                format!("{}: {}", field_name(field), noun::sentence(rule, noun_name(Noun::Workspace)))
            }
            Self::Core(Error::Forbidden { action, changes }) => {
                let word = noun_name(Noun::Workspace);
                match explanations::needs(*action, changes) {
                    Some(needs) => format!("{}; {}", action.need(word), noun::sentence(&needs, word)),
                    None => action.need(word),
                }
            }
            Self::Core(Error::Refused { rule }) => noun::sentence(rule, noun_name(Noun::Workspace)),
            Self::Core(Error::NotFound { what, .. }) => format!("the {} does not exist", noun_name(*what)),
            Self::Core(Error::Conflict { what, key }) => conflict(*what, key),
            Self::Core(_) | Self::Malformed { .. } | Self::NoEndpoint | Self::WrongMethod { .. } => self.to_string(),
        }
    }
}

fn conflict(what: Noun, key: &str) -> String {
    match what {
        Noun::RoleAssignment => {
            "the role is still assigned to users; remove its bindings and memberships first".to_owned()
        }
        Noun::RoleBinding => {
            "user_id: this user already has a role on the resource; update or delete that role binding instead"
                .to_owned()
        }
        Noun::User => format!("email: {key} is already used by another user"),
        Noun::Audit
        | Noun::Backup
        | Noun::Client
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
        | Noun::Session
        | Noun::SigningKey
        | Noun::Tag
        | Noun::Workspace => format!("name: a {} with the name {key} already exists", noun_name(what)),
    }
}

pub(super) fn field_name(field: &Field) -> &str {
    match field {
        Field::Key => "api_key_id",
        Field::Organization => "org_id",
        Field::Tag => "tag_ids",
        Field::Workspace => "space_id",
        Field::Workspaces => "spaces",
        Field::AccessTokenLife
        | Field::AccountRole
        | Field::ClientId
        | Field::ExpiresAt
        | Field::Grants
        | Field::Id
        | Field::IdTokenHint
        | Field::Limit
        | Field::ModelVersions
        | Field::MustChangePassword
        | Field::On
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
        | Field::Named(_) => field.as_str(),
    }
}

pub(super) fn noun_name(what: Noun) -> &'static str {
    match what {
        Noun::Workspace => "space",
        Noun::Key => "API key",
        Noun::Audit
        | Noun::Backup
        | Noun::Client
        | Noun::Connection
        | Noun::Consent
        | Noun::Credential
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
        | Noun::Session
        | Noun::SigningKey
        | Noun::Tag
        | Noun::User => what.as_str(),
    }
}

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The type of the error, as a URI.
    #[serde(rename = "type")]
    #[schema(example = "urn:atelier:problem:not-found")]
    kind: String,
    /// The name of the status.
    #[schema(example = "Not Found")]
    title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// The cause of the error, including the invalid field and the rule that it breaks, if any.
    detail: String,
    /// The id of the request in the server's log.
    #[schema(example = "urn:uuid:6f1a4c1e-6d7b-4b57-9c36-0a5c7b1f0d3e")]
    instance: String,
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Core(error) => match error {
                Error::Invalid { .. } | Error::Exceeded => StatusCode::UNPROCESSABLE_ENTITY,
                Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
                Error::Forbidden { .. } => StatusCode::FORBIDDEN,
                Error::NotFound { .. } => StatusCode::NOT_FOUND,
                Error::Conflict { .. } | Error::InUse { .. } => StatusCode::CONFLICT,
                Error::Refused { .. } => StatusCode::BAD_REQUEST,
                // The SDK raises the same exception, with the text, for every status from 500 to 599.
                Error::Disk { fault: DiskFault::Full, .. } | Error::FilesFull { .. } => {
                    StatusCode::INSUFFICIENT_STORAGE
                }
                Error::Busy { .. } | Error::Disk { fault: DiskFault::Failing | DiskFault::Storage, .. } => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Error::Throttled { .. } | Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::NoEndpoint => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, PROBLEM));
        match self {
            Self::Core(
                Error::Busy { retry_after } | Error::Throttled { retry_after } | Error::TooMany { retry_after, .. },
            ) => {
                response.insert_header((RETRY_AFTER, seconds_to_wait(*retry_after)));
            }
            Self::Core(Error::Unauthenticated(auth_error)) => {
                response.insert_header((WWW_AUTHENTICATE, challenge(*auth_error)));
            }
            Self::Core(error @ Error::Internal(_)) => log::error!("{} {}", request::id(), error.chain()),
            Self::WrongMethod { allowed } => {
                response.insert_header((ALLOW, allowed.as_str()));
            }
            Self::Core(_) | Self::Malformed { .. } | Self::NoEndpoint => {}
        }
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        let problem = Problem {
            kind: format!("urn:atelier:problem:{}", title.to_lowercase().replace(' ', "-")),
            title,
            status: status.as_u16(),
            detail: self.detail(),
            instance: format!("urn:uuid:{}", request::id()),
        };
        // `json` would set another content type.
        response.body(serde_json::to_string(&problem).unwrap_or_default())
    }
}

pub(super) async fn no_endpoint() -> Result<HttpResponse, Failure> {
    Err(Failure::NoEndpoint)
}
