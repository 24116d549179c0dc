//! Renders a failure as a page.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};

use super::page::{self, FormError, Link, Message};
use super::paths::{HOME, SIGN_IN};
use super::{Failure, brand};
use crate::error::{AuthError, DiskFault, Error, seconds_to_wait};
use crate::http::request;

/// The link of a page that leads nowhere else.
pub(super) fn way_on() -> Link {
    if request::is_signed_in() { Link::new(HOME, "Start page") } else { Link::new(SIGN_IN, "Sign in") }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Core(error) => match error {
                Error::Unauthenticated(AuthError::DeadLink) => StatusCode::GONE,
                Error::Invalid { .. } | Error::Refused { .. } => StatusCode::BAD_REQUEST,
                Error::Unauthenticated(_) | Error::Forbidden { .. } | Error::Exceeded => StatusCode::FORBIDDEN,
                Error::NotFound { .. } => StatusCode::NOT_FOUND,
                Error::Conflict { .. } | Error::InUse { .. } => StatusCode::CONFLICT,
                Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Error::Throttled { .. } | Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Disk { fault: DiskFault::Full, .. } | Error::FilesFull { .. } => {
                    StatusCode::INSUFFICIENT_STORAGE
                }
                Error::Busy { .. } | Error::Disk { fault: DiskFault::Failing | DiskFault::Storage, .. } => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::ForeignForm(_) | Self::StaleForm => StatusCode::FORBIDDEN,
            Self::ForeignDestination | Self::BadRequest { .. } => StatusCode::BAD_REQUEST,
            Self::Redirect { .. } => StatusCode::SEE_OTHER,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Redirect { to } = self {
            return page::see_other(to);
        }
        let (title, advice) = self.advice();
        let mut texts = vec![advice.to_owned()];
        if let Self::Core(error @ Error::Internal(_)) = self {
            log::error!("{} {}", request::id(), error.chain());
            texts.insert(0, format!("The server's log has the details under request {}.", request::id()));
        }
        if advice.contains("administrator") && !brand::get().contact.is_empty() {
            texts.push(format!("The administrator of this server: {}", brand::get().contact));
        }
        if let Self::ForeignForm(foreign) = self {
            texts.extend(foreign.texts());
        }
        let page = Message {
            title: title.to_owned(),
            form_error: Some(FormError::new("", self.to_string())),
            texts,
            links: vec![way_on()],
        };
        let text = page::rendered(&page).unwrap_or_else(|_| self.to_string());
        let mut response = page::response(self.status_code(), text);
        match self {
            Self::Core(
                Error::Busy { retry_after } | Error::Throttled { retry_after } | Error::TooMany { retry_after, .. },
            ) => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds_to_wait(*retry_after)));
            }
            Self::WrongMethod { allowed } => {
                if let Ok(allowed) = HeaderValue::from_str(allowed) {
                    response.headers_mut().insert(ALLOW, allowed);
                }
            }
            Self::Core(_)
            | Self::ForeignForm(_)
            | Self::StaleForm
            | Self::ForeignDestination
            | Self::BadRequest { .. }
            | Self::Redirect { .. } => {}
        }
        response
    }
}
