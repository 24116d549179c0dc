//! How a page tells a refusal.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::page;
use crate::error::{Error, Unproved, seconds_to_wait};
use crate::http::{request, routes};

/// A refusal in words for people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What the core refuses.
    #[error(transparent)]
    Core(#[from] Error),
    /// A form that another site has sent.
    #[error("this form can only be sent from this server's own page")]
    Elsewhere,
    /// A method that the page does not have.
    #[error("the page does not have this method; it has {allowed}")]
    WrongMethod {
        /// The methods that it has.
        allowed: String,
    },
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Core(error) => match error {
                Error::Unauthenticated(Unproved::DeadLink) => StatusCode::GONE,
                Error::Invalid { .. } | Error::Refused { .. } => StatusCode::BAD_REQUEST,
                Error::Unauthenticated(_) | Error::Forbidden { .. } | Error::Exceeded => StatusCode::FORBIDDEN,
                Error::NotFound { .. } => StatusCode::NOT_FOUND,
                Error::Conflict { .. } => StatusCode::CONFLICT,
                Error::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Elsewhere => StatusCode::FORBIDDEN,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut text = self.to_string();
        if let Self::Core(error @ Error::Internal(_)) = self {
            log::error!("{} {}", request::id(), error.chain());
            text = format!("{text}; the log knows it as request {}", request::id());
        }
        let mut answer = page::answer(self.status_code());
        match self {
            Self::Core(Error::Busy { retry_after } | Error::Throttled { retry_after }) => {
                answer.insert_header((RETRY_AFTER, seconds_to_wait(*retry_after)));
            }
            Self::WrongMethod { allowed } => {
                answer.insert_header((ALLOW, allowed.as_str()));
            }
            Self::Core(_) | Self::Elsewhere => {}
        }
        answer.body(page::words("This did not work", &text))
    }
}

/// Answers a method that a page does not have.
pub(super) async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(Failure::WrongMethod { allowed: routes::allowed(&super::routes(), &request) })
}
