//! How long access tokens, sessions and cookies last.

use std::time::Duration;

use super::client::{Client, Scope, Scopes};

/// How long things last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access_token: Duration,
    /// A session that nobody uses.
    pub session_idle: Duration,
    /// A session in any case.
    pub session_life: Duration,
    /// A session that nobody uses, where the client was let in for longer than a sign-in (`offline_access`).
    pub offline_idle: Duration,
    /// Such a session in any case.
    pub offline_life: Duration,
    /// A browser's session in which no page is opened.
    pub browser_idle: Duration,
    /// A browser's session in any case.
    pub browser_life: Duration,
}

impl Lifetimes {
    /// How long things of a client last: its own lifetimes where it has some.
    #[must_use]
    pub fn of(&self, client: &Client, scopes: &Scopes) -> Self {
        let (idle, life) = if scopes.has(Scope::OfflineAccess) {
            (self.offline_idle, self.offline_life)
        } else {
            (self.session_idle, self.session_life)
        };
        Self {
            access_token: client.access_token_life.unwrap_or(self.access_token),
            session_idle: client.session_idle.unwrap_or(idle),
            session_life: client.session_life.unwrap_or(life),
            ..*self
        }
    }
}
