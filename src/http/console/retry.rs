//! Shows a form again after an error that the user can correct.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};

use super::Failure;
use super::page::FormError;
use crate::error::{AuthError, Error, seconds_to_wait};

/// The error text for a wrong code of a second factor.
pub(super) const WRONG_CODE: &str = "the code is wrong, has expired or has already been used";

/// Shows the form again if the user can correct the error or retry later; returns every other error.
pub(super) fn show_again(
    error: Error,
    wrong_credential: &'static str,
    show_form: impl FnOnce(FormError, StatusCode) -> Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Failure> {
    match error {
        Error::Unauthenticated(AuthError::WrongPassword | AuthError::WrongCode) => {
            show_form(FormError::new("", wrong_credential), StatusCode::FORBIDDEN)
        }
        Error::Unauthenticated(AuthError::Disabled) => show_form(
            FormError::new("", "this account is disabled; ask an administrator to enable it"),
            StatusCode::FORBIDDEN,
        ),
        Error::Unauthenticated(AuthError::NotSetUp) => {
            let text = "this invitation has not been accepted yet; follow the link in it, or ask an administrator for \
                        a new one";
            show_form(FormError::new("", text), StatusCode::FORBIDDEN)
        }
        Error::Throttled { retry_after } => {
            let text =
                format!("too many failed attempts; try again in {}", duration_text(seconds_to_wait(retry_after)));
            let mut response = show_form(FormError::new("", text), StatusCode::TOO_MANY_REQUESTS)?;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds_to_wait(retry_after)));
            Ok(response)
        }
        error => Err(error.into()),
    }
}

/// A waiting time for people.
fn duration_text(seconds: u64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
