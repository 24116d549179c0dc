//! The refusals of the pages and the texts that people read.

use crate::error::{AuthError, DiskFault, Error};

/// A refusal and its text for people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Core(#[from] Error),
    /// A form that another site has sent.
    #[error("this form can be sent only from this server's own page")]
    ForeignForm(ForeignForm),
    /// A form without a token, or with the token of another browser or session.
    #[error("this form has expired, or your browser blocks cookies")]
    StaleForm,
    /// A page on another site as the destination after sign-in.
    #[error("this address leads to another site after you sign in")]
    ForeignDestination,
    /// An authorization request that is invalid in a way that forbids a redirect to the client.
    #[error("{rule}")]
    BadRequest { rule: String },
    #[error("continue at {to}")]
    Redirect { to: String },
    #[error("this page does not support the method; it supports {allowed}")]
    WrongMethod { allowed: String },
}

/// The reason why a form counts as sent by another site.
#[derive(Debug)]
pub struct ForeignForm {
    /// The origin that the browser names, if any.
    pub(super) seen: Option<String>,
    pub(super) expected: String,
}

impl ForeignForm {
    /// The origins, and the setting to check.
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
    /// Redirects to a page that leads to `next`.
    pub(super) fn redirect(page: &str, next: &str) -> Self {
        Self::Redirect { to: format!("{page}?{}", query(&[("next", next)])) }
    }

    /// The title of the page, and the next step.
    pub(super) fn advice(&self) -> (&'static str, &'static str) {
        match self {
            Self::Core(error) => match error {
                Error::Unauthenticated(AuthError::DeadLink) => {
                    ("This link is no longer valid", "Ask an administrator of this server for a new one.")
                }
                Error::Throttled { .. } | Error::TooMany { .. } => ("Too many attempts", "Wait, then reload the page."),
                Error::Busy { .. } => ("The server is busy", "Reload the page in a moment."),
                Error::Disk { fault: DiskFault::Full, .. } => {
                    ("The disk of the server is full", "Reload the page once an administrator has freed space.")
                }
                Error::Disk { fault: DiskFault::Failing | DiskFault::Storage, .. } => {
                    ("The server cannot use its disk", "Reload the page once an administrator has repaired it.")
                }
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
                | Error::InUse { .. }
                | Error::TooLarge { .. }
                | Error::FilesFull { .. }
                | Error::Unauthenticated(_) => ("This did not work", "Go back and try again."),
            },
            Self::ForeignForm(_) => ("This did not work", "Open the page on this server and fill in the form again."),
            Self::StaleForm => (
                "This did not work",
                "Go back, reload the page and send the form again; if cookies are blocked, allow them for this server.",
            ),
            Self::ForeignDestination => {
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
