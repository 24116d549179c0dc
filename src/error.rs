//! Why something was not done, in words that belong to no dialect.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::domain::field::Field;
use crate::domain::invalid::Invalid;
use crate::domain::noun::{self, Noun};
use crate::domain::quota::Quota;
use crate::policy::Action;

/// The result of nearly everything.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done. Each dialect tells it in its own shape.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value breaks a rule.
    #[error("{field}: {rule}")]
    Invalid {
        /// The field.
        field: Field,
        /// The rule that its value breaks.
        rule: Cow<'static, str>,
    },
    /// There is no credential, or one that is not worth anything now.
    #[error("{0}")]
    Unauthenticated(AuthError),
    /// The actor may see the thing but not do this to it.
    #[error("{}", action.need("workspace"))]
    Forbidden {
        /// What was tried.
        action: Action,
    },
    /// There is no such thing, or none that the actor may see.
    #[error("{what} {key} does not exist")]
    NotFound {
        /// What kind of thing.
        what: Noun,
        /// Which one, as the client called it.
        key: String,
    },
    /// There is such a thing already.
    #[error("{what} {key} already exists")]
    Conflict {
        /// What kind of thing.
        what: Noun,
        /// Which one.
        key: String,
    },
    /// A lawful request that the state of things forbids.
    #[error("{}", noun::sentence(rule, "workspace"))]
    Refused {
        /// The rule that stands against it, a template of [`noun::sentence`].
        rule: &'static str,
    },
    /// Somebody would give more than they hold: by a role, a binding, a key or an invitation.
    #[error("you cannot grant permissions that you do not have")]
    Exceeded,
    /// A body is larger than it may be.
    #[error("body: {rule}")]
    TooLarge {
        /// How large it may be.
        rule: &'static str,
    },
    /// There is more to do than the server will queue.
    #[error("the server is busy; try again in {} s", seconds_to_wait(*retry_after))]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// There were too many failures from there.
    #[error("too many failed attempts; try again in {} s", seconds_to_wait(*retry_after))]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// Somebody has made too much in a short time.
    #[error("too many {what}; try again in {} s", seconds_to_wait(*retry_after))]
    TooMany {
        /// Of what.
        what: Quota,
        /// When to try again.
        retry_after: Duration,
    },
    /// Something broke that is no fault of the client.
    #[error("internal error")]
    Internal(#[source] InternalError),
}

/// What is wrong with a credential, as far as its bearer may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is none.
    #[error("a bearer token or an API key is required")]
    NoCredential,
    /// An access token that is malformed, forged, expired or somebody else's.
    #[error("the access token is invalid or expired")]
    BadToken,
    /// An access token that was not granted for the API.
    #[error(
        "the access token does not have the scope api: register the client for this scope (`atelier client update`), \
         and request it when you sign in"
    )]
    NoApi,
    /// An access token whose session was ended or ran out.
    #[error("the session has ended; sign in again")]
    SessionOver,
    /// No API key of that text.
    #[error("the API key does not exist")]
    UnknownKey,
    /// An API key that was revoked or has expired.
    #[error("the API key has been revoked or has expired")]
    DeadKey,
    /// An unknown name or a wrong password; which of them, nobody is told.
    #[error("the email or the password is wrong")]
    WrongPassword,
    /// The right credential of somebody who is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The right temporary password, in place of which another has to be chosen first.
    #[error("the account needs a new password; sign in at the sign-in page to choose one")]
    NotSetUp,
    /// The API key of somebody who has to choose another password first.
    #[error(
        "API keys of this account are on hold until its temporary password is replaced; sign in at the sign-in page to \
         choose a new password"
    )]
    KeyHeld,
    /// The API key of somebody who may use pages only.
    #[error("this account can use the web pages only, not API keys")]
    PagesOnly,
    /// A link that is unknown, used up or expired.
    #[error("the link has been used or has expired; ask for a new one")]
    DeadLink,
    /// A sign-in at the pages that was left half done for too long, or was given up after too many wrong codes.
    #[error("the sign-in timed out or had too many wrong codes; start again")]
    HalfOver,
    /// A credential of somebody who has to prove again who they are, for something that could lock them out.
    #[error(
        "confirm that it is you: this requires a sign-in with your password or a code within the last five minutes; \
         sign in again and retry"
    )]
    NotConfirmed,
    /// A code that is not that of the person's second factor, or was used before.
    #[error("the code is wrong or has already been used")]
    WrongCode,
    /// What is no refresh token, or another client's.
    #[error("the refresh token is invalid")]
    BadRefreshToken,
    /// A refresh token whose session is over, also because a token that had been exchanged was presented again.
    #[error("the session of the refresh token has ended")]
    DeadRefreshToken,
    /// A client that is unknown, gave the wrong secret or none, or one that it does not have.
    #[error("the client is unknown or its secret is wrong")]
    BadClient,
    /// An authorization code that is unknown, used, expired, or goes with another client, address or verifier.
    #[error("the authorization code is invalid, has expired or has already been used")]
    BadCode,
    /// A device code that is unknown, used up or another client's.
    #[error("the device code is unknown or has already been used")]
    BadDeviceCode,
    /// A typed user code that is unknown, used up or expired.
    #[error("the code is unknown, has already been used or has expired")]
    DeadUserCode,
}

impl From<AuthError> for Error {
    fn from(unproved: AuthError) -> Self {
        Self::Unauthenticated(unproved)
    }
}

/// What broke; for the log only.
#[derive(Debug)]
pub struct InternalError(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for InternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for InternalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Error {
    /// Something broke that is no fault of the client.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(InternalError(source.into()))
    }

    /// A thing does not exist.
    #[expect(clippy::needless_pass_by_value, reason = "a caller hands over a number as easily as a text")]
    pub fn not_found(what: Noun, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    /// A value breaks a rule.
    pub fn invalid(field: impl Into<Field>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field: field.into(), rule: rule.into() }
    }

    /// The error and what caused it, on one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        text
    }
}

/// How long to wait in whole seconds, rounded up, so that whoever waits that long is not too early.
pub fn seconds_to_wait(retry_after: Duration) -> u64 {
    (retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0)).max(1)
}

/// Adds the name of a field to what is wrong with its value.
pub trait InField<T> {
    /// The same, with the field, by the name that the client has for it or as the core knows it.
    fn in_field(self, field: impl Into<Field>) -> Result<T>;
}

impl<T> InField<T> for std::result::Result<T, Invalid> {
    fn in_field(self, field: impl Into<Field>) -> Result<T> {
        self.map_err(|invalid| Error::Invalid { field: field.into(), rule: invalid.rule })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (1999, 2), (900_000, 900)] {
            assert_eq!(seconds_to_wait(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
        let busy = Error::Busy { retry_after: Duration::from_millis(1500) };
        assert_eq!(busy.to_string(), "the server is busy; try again in 2 s");
    }
}
