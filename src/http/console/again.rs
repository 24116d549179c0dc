//! Shows a form again after an error that the user can correct.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};

use super::Failure;
use super::page::Wrong;
use crate::error::{AuthError, Error, seconds_to_wait};

/// The error text for a wrong code of a second factor.
pub(super) const WRONG_CODE: &str = "the code is wrong, has expired or has already been used";

/// Shows the form again if the user can correct the error or retry later; returns every other error.
pub(super) fn refused(
    error: Error,
    unproved: &'static str,
    again: impl FnOnce(Wrong, StatusCode) -> Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Failure> {
    match error {
        Error::Unauthenticated(AuthError::WrongPassword | AuthError::WrongCode) => {
            again(Wrong::new("", unproved), StatusCode::FORBIDDEN)
        }
        Error::Unauthenticated(AuthError::Disabled) => {
            again(Wrong::new("", "this account is disabled; ask an administrator to enable it"), StatusCode::FORBIDDEN)
        }
        Error::Unauthenticated(AuthError::NotSetUp) => {
            let text = "this invitation has not been accepted yet; follow the link in it, or ask an administrator for \
                        a new one";
            again(Wrong::new("", text), StatusCode::FORBIDDEN)
        }
        Error::Throttled { retry_after } => {
            let text = format!("too many failed attempts; try again in {}", waiting(seconds_to_wait(retry_after)));
            let mut answer = again(Wrong::new("", text), StatusCode::TOO_MANY_REQUESTS)?;
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds_to_wait(retry_after)));
            Ok(answer)
        }
        error => Err(error.into()),
    }
}

/// A waiting time for people.
fn waiting(seconds: u64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
