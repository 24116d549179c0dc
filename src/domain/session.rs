//! A sign-in session, which owns refresh tokens and access tokens.

use std::net::IpAddr;

use uuid::Uuid;

use super::client::ClientId;
use super::ids::{SessionId, UserId};
use super::timestamp::Timestamp;

/// The identity of a browser: the SHA-256 of a cookie that remains from one sign-in to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrowserId(pub [u8; 32]);

/// A session. It ends when it is revoked, or after its maximum idle time or lifetime.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    /// The session id in tokens (`sid`).
    pub uuid: Uuid,
    pub user: UserId,
    /// The OAuth client. `None` for a browser at the pages.
    pub client: Option<ClientId>,
    pub scope: String,
    /// The nonce of the request, returned in the ID token.
    pub nonce: Option<String>,
    /// The address that started it.
    pub address: Option<IpAddr>,
    /// The `User-Agent` that started it.
    pub user_agent: Option<String>,
    pub authenticated_at: Timestamp,
    /// Whether a second factor was verified.
    pub second_factor: bool,
    pub created_at: Timestamp,
    /// The time at which it last issued tokens or opened a page.
    pub last_used_at: Timestamp,
    /// The end if it is not used before.
    pub idle_until: Timestamp,
    /// The end in any case.
    pub ends_at: Timestamp,
}

impl Session {
    /// Whether the session is valid at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.idle_until && now < self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_session_is_valid_until_its_earliest_end(idle in -9_i64..9, end in -9_i64..9, now in -9_i64..9) {
            let session = Session {
                id: SessionId(1),
                uuid: Uuid::nil(),
                user: UserId(1),
                client: None,
                scope: String::new(),
                nonce: None,
                address: None,
                user_agent: None,
                authenticated_at: Timestamp::from_micros(-9),
                second_factor: false,
                last_used_at: Timestamp::from_micros(-9),
                created_at: Timestamp::from_micros(-9),
                idle_until: Timestamp::from_micros(idle),
                ends_at: Timestamp::from_micros(end),
            };
            prop_assert_eq!(session.is_live(Timestamp::from_micros(now)), now < idle.min(end));
        }
    }
}
