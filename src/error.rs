//! The errors of every use case, independent of any dialect.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::domain::field::Field;
use crate::domain::invalid::Invalid;
use crate::domain::noun::{self, Noun};
use crate::domain::quota::{self, Quota};
use crate::policy::Action;
use crate::policy::explanation::Change;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request was not done. Each dialect converts it to its own shape.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{field}: {}", noun::sentence(rule, "workspace"))]
    Invalid {
        field: Field,
        /// A template of [`noun::sentence`].
        rule: Cow<'static, str>,
    },
    /// There is no credential, or it is not valid now.
    #[error("{0}")]
    Unauthenticated(AuthError),
    /// The actor may see the object but not do this to it.
    #[error("{}", action.need("workspace"))]
    Forbidden {
        action: Action,
        /// Changes that would allow it, for actors who may read the rights on the object. Empty for all others.
        changes: Vec<Change>,
    },
    /// The object does not exist, or the actor may not see it.
    #[error("{what} {key} does not exist")]
    NotFound {
        what: Noun,
        /// The object's id or name, as the client sent it.
        key: String,
    },
    #[error("{what} {key} already exists")]
    Conflict { what: Noun, key: String },
    /// The object cannot be deleted, because something else needs it.
    #[error("{what} {key} is in use by {by}")]
    InUse {
        what: Noun,
        key: String,
        /// The other object, and what to do about it.
        by: String,
    },
    /// A valid request that the current state forbids.
    #[error("{}", noun::sentence(rule, "workspace"))]
    Refused {
        /// The rule that forbids it, a template of [`noun::sentence`].
        rule: &'static str,
    },
    /// The actor would grant more than they have: by a role, a binding, a key or an invitation.
    #[error("you cannot grant permissions that you do not have")]
    Exceeded,
    /// A body is larger than the maximum.
    #[error("body: {rule}")]
    TooLarge { rule: &'static str },
    /// The server's queue is full.
    #[error("the server is busy; try again in {} s", seconds_to_wait(*retry_after))]
    Busy { retry_after: Duration },
    /// There were too many failures from this account or address.
    #[error("too many failed attempts; try again in {} s", seconds_to_wait(*retry_after))]
    Throttled { retry_after: Duration },
    /// The actor has created too many of this kind in a short time.
    #[error("too many {what}; try again in {} s", seconds_to_wait(*retry_after))]
    TooMany { what: Quota, retry_after: Duration },
    /// The disk of the data file or the place of the files is full, or it fails.
    #[error("{fault}")]
    Disk {
        fault: DiskFault,
        /// For the log only.
        #[source]
        cause: InternalError,
    },
    /// The files of the organization would take more than the server allows.
    #[error(
        "the files of the organization may take at most {} in total; delete models that are no longer needed, or ask \
         an administrator of the server to raise organization_files",
        quota::size(*limit)
    )]
    FilesFull {
        /// In bytes.
        limit: u64,
    },
    /// A fault of the server, not of the client.
    #[error("internal error")]
    Internal(#[source] InternalError),
}

/// Why the disk of the data file, or the place of the files, could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskFault {
    #[error(
        "the disk of the server is full, so nothing was changed; ask an administrator of the server to free space on \
         it, then try again"
    )]
    Full,
    #[error(
        "the server cannot use the disk of its data; ask an administrator of the server to look at its log and its \
         disk, then try again"
    )]
    Failing,
    #[error(
        "the server cannot use its object storage; ask an administrator of the server to look at its log and the \
         settings of its files, then try again"
    )]
    Storage,
}

/// Why a credential was refused, as far as its bearer may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("a bearer token or an API key is required")]
    NoCredential,
    /// A key in a header of other products.
    #[error(
        "the header x-api-key is not read; send the API key as `Authorization: Bearer KEY`, or an access token in the \
         same header"
    )]
    KeyHeader,
    /// A user name and a password (RFC 7617) where a bearer token is needed.
    #[error(
        "Basic credentials are not accepted here; send an access token or an API key as `Authorization: Bearer TOKEN`"
    )]
    BasicScheme,
    /// An access token that is malformed, forged, expired or of another issuer.
    #[error("the access token is invalid or expired")]
    BadToken,
    /// An access token without the scope of the API.
    #[error(
        "the access token does not have the scope api: register the client for this scope (`atelier client update`), \
         and request it when you sign in"
    )]
    NoApi,
    /// An access token whose session has ended or expired.
    #[error("the session has ended; sign in again")]
    SessionOver,
    #[error("the API key does not exist")]
    UnknownKey,
    /// An API key that was revoked or has expired.
    #[error("the API key has been revoked or has expired")]
    DeadKey,
    /// An unknown email or a wrong password. The caller does not learn which.
    #[error("the email or the password is wrong")]
    WrongPassword,
    /// A valid credential of a disabled user.
    #[error("the account is disabled")]
    Disabled,
    /// A valid temporary password, which must be replaced first.
    #[error("the account needs a new password; sign in at the sign-in page to choose one")]
    NotSetUp,
    /// The API key of a user who must replace a temporary password first.
    #[error(
        "API keys of this account are on hold until its temporary password is replaced; sign in at the sign-in page to \
         choose a new password"
    )]
    KeyHeld,
    /// The API key of a user who may use the web pages only.
    #[error("this account can use the web pages only, not API keys")]
    PagesOnly,
    /// A link that is unknown, used or expired.
    #[error("the link has been used or has expired; ask for a new one")]
    DeadLink,
    /// A pending sign-in at the web pages that timed out or had too many wrong codes.
    #[error("the sign-in timed out or had too many wrong codes; start again")]
    HalfOver,
    /// A credential whose user must authenticate again, before a change that could lock them out.
    #[error(
        "confirm that it is you: this requires a sign-in with your password or a code within the last five minutes; \
         sign in again and retry"
    )]
    NotConfirmed,
    /// A wrong code of a second factor, or one that was used before.
    #[error("the code is wrong or has already been used")]
    WrongCode,
    /// A text that is not a refresh token, or one of another client.
    #[error("the refresh token is invalid")]
    BadRefreshToken,
    /// A refresh token whose session has ended, possibly because the token was reused after its exchange.
    #[error("the session of the refresh token has ended")]
    DeadRefreshToken,
    /// An unknown client, or a wrong, missing or unexpected client secret.
    #[error("the client is unknown or its secret is wrong")]
    BadClient,
    /// An authorization code that is unknown, used or expired, or belongs to another client, redirect address or
    /// verifier.
    #[error("the authorization code is invalid, has expired or has already been used")]
    BadCode,
    /// A device code that is unknown, used or of another client.
    #[error("the device code is unknown or has already been used")]
    BadDeviceCode,
    /// A user code that is unknown, used or expired.
    #[error("the code is unknown, has already been used or has expired")]
    DeadUserCode,
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        Self::Unauthenticated(error)
    }
}

/// The cause of an internal error, for the log only.
#[derive(Debug)]
pub struct InternalError(Box<dyn std::error::Error + Send + Sync>);

impl InternalError {
    /// The cause, if it has this type.
    pub fn get<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

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
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(InternalError(source.into()))
    }

    /// Whether it refuses what was asked. Other errors are about the caller, the load or the server.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Invalid { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::InUse { .. }
            | Self::Refused { .. }
            | Self::Exceeded => true,
            Self::Unauthenticated(_)
            | Self::TooLarge { .. }
            | Self::Busy { .. }
            | Self::Throttled { .. }
            | Self::TooMany { .. }
            | Self::Disk { .. }
            | Self::FilesFull { .. }
            | Self::Internal(_) => false,
        }
    }

    pub const fn forbidden(action: Action) -> Self {
        Self::Forbidden { action, changes: Vec::new() }
    }

    pub fn disk(fault: DiskFault, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Disk { fault, cause: InternalError(cause.into()) }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a caller hands over a number as easily as a text")]
    pub fn not_found(what: Noun, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    pub fn invalid(field: impl Into<Field>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field: field.into(), rule: rule.into() }
    }

    /// The error and its causes on one line, for the log.
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

/// The time to wait in whole seconds, rounded up, so that a client that waits so long is not too early.
pub fn seconds_to_wait(retry_after: Duration) -> u64 {
    (retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0)).max(1)
}

/// Adds the name of a field to the rule that its value breaks.
pub trait InField<T> {
    /// The error with this field: a [`Field`] of the core, or the client's own name.
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
    fn a_retry_after_is_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (1999, 2), (900_000, 900)] {
            assert_eq!(seconds_to_wait(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
        let busy = Error::Busy { retry_after: Duration::from_millis(1500) };
        assert_eq!(busy.to_string(), "the server is busy; try again in 2 s");
    }
}
