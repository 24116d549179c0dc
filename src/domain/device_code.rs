//! A device code: a program without a browser waits for it until a person elsewhere has decided (RFC 8628).

use std::net::IpAddr;
use std::time::Duration;

use super::client::{ClientId, Scopes};
use super::ids::UserId;
use super::timestamp::Timestamp;

/// What a device code stands for, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// The client that waits.
    pub client: ClientId,
    /// What it asks for.
    pub scopes: Scopes,
    /// Where it was asked for.
    pub address: Option<IpAddr>,
    /// What has been decided.
    pub decision: Decision,
    /// How long the client has to wait between two polls.
    pub pause: Duration,
    /// When it polled last.
    pub polled_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a person has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Pending,
    /// To let the client in.
    Approved(Approval),
    /// Not to.
    Denied {
        /// Who.
        by: UserId,
        /// When that person had proved who they are.
        authenticated_at: Timestamp,
    },
}

/// Who lets a client in, and how they proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub by: UserId,
    /// When that person had proved who they are.
    pub authenticated_at: Timestamp,
    /// Whether that was by more than a password.
    pub second_factor: bool,
}

/// What a poll is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is decided; poll again after the pause.
    Pending,
    /// Nothing is decided, and the poll came too early; the pause has grown.
    SlowDown,
    /// The person has said no.
    Denied,
    /// It took too long.
    Expired,
    /// The person has said yes: here are the tokens.
    Granted(Approval),
}

impl DeviceCode {
    /// How long it lasts.
    pub const LIFE: Duration = Duration::from_mins(10);
    /// How long a client has to wait between two polls at first, and by how much more after each that came too early
    /// (RFC 8628, section 3.5).
    pub const PAUSE: Duration = Duration::from_secs(5);
    /// The longest pause, so that a client that never slows down is not kept from the end.
    pub const LONGEST_PAUSE: Duration = Duration::from_mins(1);

    /// Takes a poll at this moment and tells the answer.
    ///
    /// What was decided is told at once, however early the poll comes: only waiting has a pace.
    pub fn poll(&mut self, now: Timestamp) -> Answer {
        if now >= self.expires_at {
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
                self.pause = (self.pause + Self::PAUSE).min(Self::LONGEST_PAUSE);
                Answer::SlowDown
            }
        }
    }

    /// Whether somebody may still decide at this moment.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.decision == Decision::Pending
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
        /// A model that keeps only the numbers of RFC 8628, section 3.5 says the same after every step.
        #[test]
        fn it_goes_from_pending_to_one_end_and_stays_there(steps in steps()) {
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
