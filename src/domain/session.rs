//! A sign-in: what refresh tokens and access tokens hang on.

use uuid::Uuid;

use super::ids::{SessionId, UserId};
use super::timestamp::Timestamp;

/// A sign-in that lasts until it is ended, idle for too long, or too old.
#[derive(Clone, Debug)]
pub struct Session {
    /// The row.
    pub id: SessionId,
    /// The name that tokens know it by (`sid`).
    pub uuid: Uuid,
    /// Whose it is.
    pub user: UserId,
    /// The OAuth client that it was made through.
    pub client: String,
    /// The scope that was granted.
    pub scope: String,
    /// When it began.
    pub created_at: Timestamp,
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
