//! A sign-in session, which owns refresh tokens and access tokens.

use std::net::IpAddr;
use std::time::Duration;

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
    /// The last stored time at which it issued tokens or opened a page: at most an hour before the last use.
    pub last_used_at: Timestamp,
    /// The end if it is not used before.
    pub idle_until: Timestamp,
    /// The end in any case.
    pub ends_at: Timestamp,
}

impl Session {
    /// The minimum time between two stored uses. It is shorter where the maximum idle time is short.
    pub const NOTED_EVERY: Duration = Duration::from_hours(1);

    /// Uses the session at this time, after which it may be idle for so long. Returns whether the use has to be stored:
    /// at most once in [`Session::NOTED_EVERY`] or a tenth of the idle time. A use that is not stored changes nothing.
    ///
    /// The session was seen at its last use. If the clock shows an earlier time, it was set back, and the session must
    /// not end sooner when the clock is right again.
    pub fn note_use(&mut self, now: Timestamp, idle: Duration) -> bool {
        let seen = now.max(self.last_used_at);
        let until = seen.after(idle).min(self.ends_at);
        let step = Self::NOTED_EVERY.min(idle / 10);
        let moved = self.idle_until.until(until).max(until.until(self.idle_until));
        let is_due = self.last_used_at.after(step) <= seen || moved >= step;
        if is_due {
            (self.last_used_at, self.idle_until) = (seen, until);
        }
        is_due
    }

    /// Whether the session is valid at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.idle_until && now < self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A session that was used at second 0, and may be idle for a day and live for ten.
    fn session() -> Session {
        let start = Timestamp::from_seconds(0);
        Session {
            id: SessionId(1),
            uuid: Uuid::nil(),
            user: UserId(1),
            client: None,
            scope: String::new(),
            nonce: None,
            address: None,
            user_agent: None,
            authenticated_at: start,
            second_factor: false,
            last_used_at: start,
            created_at: start,
            idle_until: start.after(DAY),
            ends_at: start.after(DAY * 10),
        }
    }

    const DAY: Duration = Duration::from_hours(24);
    const HOUR: i64 = 3600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_use_is_stored_once_an_hour() {
        let mut session = session();
        let stored: Vec<_> = (1..=36).filter(|five| session.note_use(at(five * 300), DAY)).collect();
        assert_eq!(stored, [12, 24, 36]);
        assert_eq!((session.last_used_at, session.idle_until), (at(3 * HOUR), at(27 * HOUR)));
    }

    #[test]
    fn a_use_is_stored_sooner_where_little_idle_time_is_left() {
        let mut session = session();
        let idle = Duration::from_mins(30);
        session.idle_until = at(1800);
        assert!(!session.note_use(at(179), idle) && session.note_use(at(180), idle));
        assert_eq!(session.idle_until, at(1980));
        // The idle time of its client was changed.
        assert!(session.note_use(at(181), Duration::from_mins(10)));
        assert_eq!(session.idle_until, at(781));
    }

    #[test]
    fn a_clock_that_was_set_back_shortens_nothing() {
        let mut session = session();
        assert!(session.note_use(at(2 * HOUR), DAY));
        assert!(!session.note_use(at(-400 * 24 * HOUR), DAY));
        assert_eq!((session.last_used_at, session.idle_until), (at(2 * HOUR), at(26 * HOUR)));
        assert!(session.is_live(at(25 * HOUR)));
    }

    proptest! {
        #[test]
        fn a_session_ends_at_most_an_hour_before_its_idle_time(uses in proptest::collection::vec(-9999_i64..99_999, 1..20)) {
            let mut session = session();
            let mut seen = 0;
            for now in uses {
                session.note_use(at(now), DAY);
                seen = now.max(seen);
                prop_assert!(session.is_live(at(seen + 23 * HOUR - 1)) && !session.is_live(at(seen + 24 * HOUR)));
            }
        }

        #[test]
        fn a_session_is_valid_until_its_earliest_end(idle in -9_i64..9, end in -9_i64..9, now in -9_i64..9) {
            let [idle_until, ends_at, now_at] = [idle, end, now].map(Timestamp::from_micros);
            let session = Session { idle_until, ends_at, ..session() };
            prop_assert_eq!(session.is_live(now_at), now < idle.min(end));
        }
    }
}
