//! The lifetimes of access tokens, sessions and cookies.

use std::time::Duration;

use super::client::{Client, Scope, Scopes};

#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    pub access_token: Duration,
    /// The maximum idle time of a session.
    pub session_idle: Duration,
    /// The maximum lifetime of a session.
    pub session_life: Duration,
    /// The maximum idle time of an offline session (`offline_access`).
    pub offline_idle: Duration,
    /// The maximum lifetime of an offline session.
    pub offline_life: Duration,
    /// The maximum idle time of a browser session, in which no page is opened.
    pub browser_idle: Duration,
    /// The maximum lifetime of a browser session.
    pub browser_life: Duration,
}

impl Lifetimes {
    /// The lifetimes for a client, with its own settings where it has some.
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
