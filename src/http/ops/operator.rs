//! The callers of `/metrics` and `/status`: administrators with a bearer credential, and the command line of the same
//! machine with the key in the lock file.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use serde_json::json;

use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::{DiskFault, Error, seconds_to_wait};
use crate::http::bearer::challenge;
use crate::http::dialect::{Caller, Dialect};
use crate::http::request;

struct Ops;

impl Dialect for Ops {
    const NAME: &'static str = "ops";
    type Failure = Failure;
}

/// Who asks. Whether it is an administrator is decided by `app`.
pub(super) struct Operator(pub(super) Actor);

impl FromRequest for Operator {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>();
        let is_local = state.zip(Ops::credential(request));
        if is_local.is_some_and(|(state, credential)| state.installation.is_local_key(credential)) {
            return ready(Ok(Self(Actor::operator())));
        }
        let caller = Caller::<Ops>::from_request(request, payload).into_inner();
        ready(caller.map(|caller| Self(caller.proved.actor)))
    }
}

/// A refusal, as JSON with one sentence.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Failure(#[from] Error);

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match &self.0 {
            Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Error::Forbidden { .. } | Error::NotFound { .. } | Error::Exceeded => StatusCode::FORBIDDEN,
            Error::Invalid { .. } | Error::Refused { .. } => StatusCode::BAD_REQUEST,
            Error::Conflict { .. } | Error::InUse { .. } => StatusCode::CONFLICT,
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Throttled { .. } | Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Disk { fault: DiskFault::Full, .. } | Error::FilesFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Error::Busy { .. } | Error::Disk { fault: DiskFault::Failing | DiskFault::Storage, .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match &self.0 {
            Error::Unauthenticated(why) => {
                response.insert_header((WWW_AUTHENTICATE, challenge(*why)));
            }
            Error::Busy { retry_after } | Error::Throttled { retry_after } | Error::TooMany { retry_after, .. } => {
                response.insert_header((RETRY_AFTER, seconds_to_wait(*retry_after)));
            }
            error @ Error::Internal(_) => log::error!("{} {}", request::id(), error.chain()),
            Error::Invalid { .. }
            | Error::Forbidden { .. }
            | Error::NotFound { .. }
            | Error::Conflict { .. }
            | Error::InUse { .. }
            | Error::Refused { .. }
            | Error::Exceeded
            | Error::TooLarge { .. }
            | Error::Disk { .. }
            | Error::FilesFull { .. } => {}
        }
        response.json(json!({ "error": self.to_string() }))
    }
}
