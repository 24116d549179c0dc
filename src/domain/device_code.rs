//! A device code, for which a program without a browser polls until a user has approved it elsewhere (RFC 8628).

use std::net::IpAddr;
use std::time::Duration;

use super::client::{ClientId, Scopes};
use super::ids::UserId;
use super::timestamp::Timestamp;

/// The request that a device code represents, and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    pub client: ClientId,
    pub scopes: Scopes,
    /// The address of the request.
    pub address: Option<IpAddr>,
    pub decision: Decision,
    /// The minimum interval between two polls.
    pub pause: Duration,
    /// The time of the last poll.
    pub polled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The decision of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Pending,
    Approved(Approval),
    Denied {
        by: UserId,
        /// The time at which that user had authenticated.
        authenticated_at: Timestamp,
    },
}

/// The user who approved, and the authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub by: UserId,
    /// The time at which that user had authenticated.
    pub authenticated_at: Timestamp,
    /// Whether a second factor was verified.
    pub second_factor: bool,
}

/// The result of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is no decision. The client polls again after the interval.
    Pending,
    /// There is no decision, and the poll came too early. The interval was increased.
    SlowDown,
    Denied,
    Expired,
    /// The user has approved. The client receives its tokens.
    Granted(Approval),
}

impl DeviceCode {
    /// The lifetime of a device code.
    pub const LIFE: Duration = Duration::from_mins(10);
    /// The initial poll interval, and the increase after each poll that comes too early (RFC 8628, section 3.5).
    pub const PAUSE: Duration = Duration::from_secs(5);
    /// The maximum poll interval. Even a client that never slows down can still complete.
    pub const MAX_PAUSE: Duration = Duration::from_mins(1);

    /// Records a poll at this time and returns its result.
    ///
    /// A decision is returned immediately, however early the poll comes. Only pending requests are slowed down.
    pub fn poll(&mut self, now: Timestamp) -> Answer {
        if self.has_ended(now) {
            return Answer::Expired;
        }
        match &self.decision {
            Decision::Denied { .. } => Answer::Denied,
            Decision::Approved(approval) => Answer::Granted(approval.clone()),
            Decision::Pending => {
                let early = self.polled_at.is_some_and(|last| now < last.after(self.pause));
                self.polled_at = Some(now);
                if !early {
                    return Answer::Pending;
                }
                self.pause = (self.pause + Self::PAUSE).min(Self::MAX_PAUSE);
                Answer::SlowDown
            }
        }
    }

    /// Whether a decision is still possible at this time.
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.has_ended(now) && self.decision == Decision::Pending
    }

    /// A code of the future, from before the clock was set back, has ended too. It would be valid for too long.
    fn has_ended(&self, now: Timestamp) -> bool {
        now >= self.expires_at || self.created_at.is_ahead_of(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code() -> DeviceCode {
        let start = Timestamp::from_micros(0);
        DeviceCode {
            client: ClientId::parse("sdk-client").unwrap(),
            scopes: Scopes::default(),
            address: None,
            decision: Decision::Pending,
            pause: DeviceCode::PAUSE,
            polled_at: None,
            created_at: start,
            expires_at: start.after(DeviceCode::LIFE),
        }
    }

    fn approval() -> Approval {
        Approval { by: UserId(1), authenticated_at: Timestamp::from_micros(0), second_factor: false }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Wait(u64),
        Poll,
        Decide(bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0_u64..30_000).prop_map(Step::Wait),
            5 => Just(Step::Poll),
            1 => any::<bool>().prop_map(Step::Decide),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        /// A model with only the rules of RFC 8628, section 3.5 gives the same results.
        #[test]
        fn a_pending_code_reaches_one_final_state(steps in steps()) {
            let mut code = code();
            let (mut now, mut last, mut pause) = (0_u64, None::<u64>, 5_000_u64);
            let mut decided = None::<bool>;
            for step in steps {
                let at = Timestamp::from_micros(i64::try_from(now).unwrap() * 1000);
                let over = now >= 600_000;
                prop_assert_eq!(code.is_open(at), !over && decided.is_none());
                match step {
                    Step::Wait(millis) => now += millis,
                    Step::Decide(yes) => if code.is_open(at) {
                        decided = Some(yes);
                        code.decision = if yes { Decision::Approved(approval()) } else {
                            Decision::Denied { by: UserId(1), authenticated_at: at }
                        };
                    },
                    Step::Poll => {
                        let expected = match decided {
                            _ if over => Answer::Expired,
                            Some(true) => Answer::Granted(approval()),
                            Some(false) => Answer::Denied,
                            None => {
                                let early = last.is_some_and(|last| now - last < pause);
                                last = Some(now);
                                if early { pause = (pause + 5_000).min(60_000); Answer::SlowDown } else { Answer::Pending }
                            }
                        };
                        prop_assert_eq!(code.poll(at), expected);
                    }
                }
            }
        }
    }
}
