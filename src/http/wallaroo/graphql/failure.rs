//! The responses of the GraphQL endpoint: `{"data"}`, or `{"errors": [{"message", "extensions"}]}` as Hasura has it.

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use async_graphql::{PathSegment, Response, ServerError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::noun::Noun;
use crate::error::{DiskFault, Error, seconds_to_wait};
use crate::http::{bearer, request};

/// The maximum number of errors in a response.
const MAX_ERRORS: usize = 10;

/// An error before the document was executed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(in crate::http) struct Failure(#[from] Error);

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        status(&self.0)
    }

    fn error_response(&self) -> HttpResponse {
        Answer::from_error(&self.0, "$").into()
    }
}

/// The response: `data`, or `errors` if nothing was done.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct Answer {
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    data: Option<async_graphql::Value>,
    /// The errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Told>,
    #[serde(skip)]
    #[schema(ignore)]
    status: StatusCode,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<u64>,
    #[serde(skip)]
    #[schema(ignore)]
    challenge: Option<&'static str>,
}

/// An error.
#[derive(Debug, Serialize, ToSchema)]
struct Told {
    /// The cause of the error, including the invalid field and the rule that it breaks, if any.
    #[schema(example = "object.name: must not be empty")]
    message: String,
    extensions: Extensions,
}

/// The location and the code of an error.
#[derive(Debug, Serialize, ToSchema)]
struct Extensions {
    /// The location: a path that begins with `$`.
    #[schema(example = "$.selectionSet.insert_workspace_one.args.object.name")]
    path: String,
    /// The code: `validation-failed`, `permission-error`, `not-found`, `constraint-violation`, `invalid-jwt` or
    /// `unexpected`.
    #[schema(example = "validation-failed")]
    code: &'static str,
    /// The id of the request in the server's log.
    request_id: Uuid,
}

impl Answer {
    fn from_error(error: &Error, path: &str) -> Self {
        Self {
            data: None,
            errors: vec![Told::new(error, path)],
            status: status(error),
            retry_after: retry_after(error),
            challenge: challenge(error),
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        if response.errors.is_empty() {
            return Self { data: Some(response.data), errors: Vec::new(), ..Self::default() };
        }
        let core = || response.errors.iter().filter_map(|error| error.source::<Error>());
        Self {
            data: None,
            errors: response.errors.iter().take(MAX_ERRORS).map(Told::from).collect(),
            status: core().map(status).max().unwrap_or(StatusCode::OK),
            retry_after: core().filter_map(retry_after).max(),
            challenge: core().find_map(challenge),
        }
    }
}

impl From<Answer> for HttpResponse {
    fn from(answer: Answer) -> Self {
        let mut response = HttpResponse::build(answer.status);
        if let Some(seconds) = answer.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(challenge) = answer.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.json(answer)
    }
}

impl Told {
    fn new(error: &Error, path: &str) -> Self {
        let (code, message) = match error {
            Error::Invalid { .. } | Error::TooLarge { .. } => ("validation-failed", error.to_string()),
            Error::Unauthenticated(_) => ("invalid-jwt", error.to_string()),
            Error::Forbidden { .. } | Error::Exceeded => ("permission-error", error.to_string()),
            Error::NotFound { .. } => ("not-found", error.to_string()),
            Error::Conflict { what, .. } => ("constraint-violation", conflict(*what, error)),
            Error::Refused { .. } | Error::InUse { .. } => ("constraint-violation", error.to_string()),
            Error::Busy { .. }
            | Error::Throttled { .. }
            | Error::TooMany { .. }
            | Error::Disk { .. }
            | Error::FilesFull { .. } => ("unexpected", error.to_string()),
            Error::Internal(_) => {
                log::error!("{} {}", request::id(), error.chain());
                ("unexpected", error.to_string())
            }
        };
        let path = match error {
            Error::TooLarge { .. } => "$.body".to_owned(),
            Error::Invalid { field, .. } if path == "$" => format!("$.{field}"),
            Error::Invalid { field, .. } => format!("{path}.args.{field}"),
            _ => path.to_owned(),
        };
        Self { message, extensions: Extensions { path, code, request_id: request::id() } }
    }
}

/// The message of PostgreSQL, as Hasura returns it, for a name of a workspace that is already in use.
const NAME_IS_TAKEN: &str =
    r#"Uniqueness violation. duplicate key value violates unique constraint "workspace_name_key""#;

fn conflict(what: Noun, error: &Error) -> String {
    match what {
        Noun::Workspace => NAME_IS_TAKEN.to_owned(),
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
        | Noun::RoleAssignment
        | Noun::RoleBinding
        | Noun::Session
        | Noun::SigningKey
        | Noun::Tag
        | Noun::User => error.to_string(),
    }
}

impl From<&ServerError> for Told {
    fn from(error: &ServerError) -> Self {
        let path = path(&error.path);
        match error.source::<Error>() {
            Some(core) => Self::new(core, &path),
            // An error that the GraphQL engine found in the document.
            None => Self {
                message: error.message.clone(),
                extensions: Extensions { path, code: "validation-failed", request_id: request::id() },
            },
        }
    }
}

/// The path of a field as Hasura writes it: `$.selectionSet.workspace_by_pk.selectionSet.name`.
fn path(segments: &[PathSegment]) -> String {
    let mut path = "$".to_owned();
    for segment in segments {
        match segment {
            PathSegment::Field(name) => path.extend([".selectionSet.", name]),
            PathSegment::Index(index) => path.extend(["[", &index.to_string(), "]"]),
        }
    }
    path
}

/// The status of an error: 200, unless the client must sign in or retry later.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { .. }
        | Error::Forbidden { .. }
        | Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::InUse { .. }
        | Error::Refused { .. }
        | Error::Exceeded
        | Error::TooLarge { .. }
        | Error::Internal(_) => StatusCode::OK,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        // `gql` reads the errors of a response of any status.
        Error::Disk { fault: DiskFault::Full, .. } | Error::FilesFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
        Error::Busy { .. }
        | Error::Throttled { .. }
        | Error::Disk { fault: DiskFault::Failing | DiskFault::Storage, .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
    }
}

fn challenge(error: &Error) -> Option<&'static str> {
    if let Error::Unauthenticated(auth_error) = error { Some(bearer::challenge(*auth_error)) } else { None }
}

fn retry_after(error: &Error) -> Option<u64> {
    match error {
        Error::Busy { retry_after } | Error::Throttled { retry_after } | Error::TooMany { retry_after, .. } => {
            Some(seconds_to_wait(*retry_after))
        }
        Error::Invalid { .. }
        | Error::Unauthenticated(_)
        | Error::Forbidden { .. }
        | Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::InUse { .. }
        | Error::Refused { .. }
        | Error::Exceeded
        | Error::TooLarge { .. }
        | Error::Disk { .. }
        | Error::FilesFull { .. }
        | Error::Internal(_) => None,
    }
}
