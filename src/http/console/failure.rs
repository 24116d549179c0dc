//! How a page tells a refusal.

use crate::error::{AuthError, Error};

/// A refusal in words for people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Core(#[from] Error),
    /// A form that another site has sent.
    #[error("this form can be sent only from this server's own page")]
    Elsewhere(Elsewhere),
    /// A form whose token is missing, or of another browser or session.
    #[error("this form has expired, or your browser blocks cookies")]
    Stale,
    /// A page to go to after sign-in that is none of ours.
    #[error("this address leads to another site after you sign in")]
    LeadsAway,
    /// What a program asks for with which nobody can be sent back to it.
    #[error("{rule}")]
    BadRequest { rule: String },
    /// The browser is sent to another page first.
    #[error("continue at {to}")]
    Redirect {
        /// The address of the page.
        to: String,
    },
    /// A method that the page does not have.
    #[error("this page does not support the method; it supports {allowed}")]
    WrongMethod {
        /// The methods that it has.
        allowed: String,
    },
}

/// Why a form is taken for one of another site.
#[derive(Debug)]
pub struct Elsewhere {
    /// The origin of the page that sent it, as far as the browser says.
    pub(super) seen: Option<String>,
    /// The origin of this server's pages.
    pub(super) expected: String,
}

impl Elsewhere {
    /// What the browser said, and which setting to look at.
    pub(super) fn texts(&self) -> Vec<String> {
        let expected = &self.expected;
        let sent_by = match self.seen.as_deref() {
            Some("null") => "Your browser did not say which page sent it (Origin: null).".to_owned(),
            Some(seen) => format!("It was sent by a page at {seen}."),
            None => "It was sent by a page of another site.".to_owned(),
        };
        let settings = "If this was the server's own page, ask its administrator to set public_url to the address that \
                        people use, or to make the proxy pass the Host header on unchanged.";
        let policy =
            "A proxy that sets Referrer-Policy: no-referrer makes browsers hide the origin; use same-origin instead.";
        let mut texts = vec![format!("{sent_by} The pages of this server are at {expected}."), settings.to_owned()];
        if self.seen.as_deref() == Some("null") {
            texts.push(policy.to_owned());
        }
        texts
    }
}

impl Failure {
    /// Sends the browser to a page that leads on to `next`.
    pub(super) fn first_at(page: &str, next: &str) -> Self {
        Self::Redirect { to: format!("{page}?{}", query(&[("next", next)])) }
    }

    /// What the page is called, and what to do next.
    pub(super) fn advice(&self) -> (&'static str, &'static str) {
        match self {
            Self::Core(error) => match error {
                Error::Unauthenticated(AuthError::DeadLink) => {
                    ("This link is no longer valid", "Ask an administrator of this server for a new one.")
                }
                Error::Throttled { .. } | Error::TooMany { .. } => ("Too many attempts", "Wait, then reload the page."),
                Error::Busy { .. } => ("The server is busy", "Reload the page in a moment."),
                Error::Internal(_) => (
                    "Something went wrong",
                    "Try again. If it happens again, give the number above to an administrator of this server.",
                ),
                Error::Forbidden { .. } | Error::Exceeded => {
                    ("Not allowed", "Ask an administrator of this server to do it or to give you the permission.")
                }
                Error::NotFound { .. } => ("Not found", "It may have ended or been removed in the meantime."),
                Error::Invalid { .. }
                | Error::Refused { .. }
                | Error::Conflict { .. }
                | Error::TooLarge { .. }
                | Error::Unauthenticated(_) => ("This did not work", "Go back and try again."),
            },
            Self::Elsewhere(_) => ("This did not work", "Open the page on this server and fill in the form again."),
            Self::Stale => (
                "This did not work",
                "Go back, reload the page and send the form again; if cookies are blocked, allow them for this server.",
            ),
            Self::LeadsAway => {
                ("This did not work", "Someone may have created this link to mislead you. Sign in without it.")
            }
            Self::BadRequest { .. } => (
                "This app cannot be authorized",
                "You are not sent back to it, because it may not be what it claims to be. Report the message above to \
                 the operator of the app.",
            ),
            Self::Redirect { .. } => ("Continue", "Continue at the other page."),
            Self::WrongMethod { .. } => ("This did not work", "Open the page by its address."),
        }
    }
}
use super::paths::query;
