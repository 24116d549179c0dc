//! A sign-in: what refresh tokens and access tokens hang on.

use std::net::IpAddr;

use uuid::Uuid;

use super::client::ClientId;
use super::ids::{SessionId, UserId};
use super::timestamp::Timestamp;

/// A browser, by the SHA-256 of a cookie that it keeps from one sign-in to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrowserId(pub [u8; 32]);

/// A sign-in that lasts until it is ended, idle for too long, or too old.
#[derive(Clone, Debug)]
pub struct Session {
    /// The row.
    pub id: SessionId,
    /// The name that tokens know it by (`sid`).
    pub uuid: Uuid,
    /// Whose it is.
    pub user: UserId,
    /// The OAuth client that it was made through; none for a browser at the pages.
    pub client: Option<ClientId>,
    /// The scope that was granted.
    pub scope: String,
    /// What the client gave to find again in the id token.
    pub nonce: Option<String>,
    /// Where it was begun from.
    pub address: Option<IpAddr>,
    /// What the program called itself that began it.
    pub user_agent: Option<String>,
    /// When the person proved who they are.
    pub authenticated_at: Timestamp,
    /// Whether that was by more than a password.
    pub second_factor: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used to get tokens or to open a page.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used before.
    pub idle_until: Timestamp,
    /// When it ends in any case.
    pub ends_at: Timestamp,
}

impl Session {
    /// Whether the session may still be used at this moment.
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
        fn it_lives_until_the_first_of_its_ends(idle in -9_i64..9, end in -9_i64..9, now in -9_i64..9) {
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
