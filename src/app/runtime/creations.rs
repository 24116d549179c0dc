//! How much one person, or one address without a person, may make within a minute: what costs others room or attention.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::app::runtime::budget::{Budget, Rate};
use crate::app::runtime::places::network;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin, Who};
use crate::domain::ids::UserId;
use crate::domain::quota::Quota;
use crate::domain::user::AccountRole;
use crate::error::{Error, Result};

/// What a member, or an address, may make of each kind: sixty at once, and then sixty a minute.
pub const MEMBER: Rate = Rate { burst: 60, gap: Duration::from_secs(1) };

/// The same for administrators, who make them for a whole team and by scripts.
pub const ADMINISTRATOR: Rate = Rate { burst: 300, gap: Duration::from_millis(200) };

/// The most that are remembered at once. Each is forgotten a minute after its last creation.
const MAX_MAKERS: usize = 65_536;

/// Who makes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Maker {
    User(UserId),
    Network(IpAddr),
}

/// What everybody has made lately.
#[derive(Debug)]
pub(in crate::app) struct Creations {
    most: usize,
    budgets: Mutex<HashMap<(Quota, Maker), Budget>>,
}

/// Leave to make one thing. Unless it is used up, it is given back.
#[must_use]
#[derive(Debug)]
pub struct Permit<'a> {
    of: Option<(&'a Creations, (Quota, Maker), Rate)>,
}

/// Leave for the actor to make one more. Without limit for the operator.
///
/// Refused when the actor has made too many within a minute.
pub fn permit<'a>(desk: &'a AppState, actor: &Actor, what: Quota) -> Result<Permit<'a>> {
    match &actor.who {
        Who::Person(person) => {
            let rate = if person.role == AccountRole::Administrator { ADMINISTRATOR } else { MEMBER };
            desk.creations().permit(what, Maker::User(person.id), rate, Instant::now())
        }
        Who::Operator => Ok(Permit { of: None }),
        Who::Nobody => permit_at(desk, &actor.origin, what),
    }
}

/// Leave for those at an address who have not said who they are.
pub(in crate::app) fn permit_at<'a>(desk: &'a AppState, origin: &Origin, what: Quota) -> Result<Permit<'a>> {
    match origin.address {
        Some(address) => desk.creations().permit(what, Maker::Network(network(address)), MEMBER, Instant::now()),
        None => Ok(Permit { of: None }),
    }
}

impl Creations {
    pub(in crate::app) fn new() -> Self {
        Self { most: MAX_MAKERS, budgets: Mutex::default() }
    }

    fn permit(&self, what: Quota, maker: Maker, rate: Rate, now: Instant) -> Result<Permit<'_>> {
        let mut budgets = self.budgets();
        if budgets.len() >= self.most && !budgets.contains_key(&(what, maker)) {
            budgets.retain(|_, budget| !budget.is_full(now));
            if budgets.len() >= self.most {
                return Err(Error::TooMany { what, retry_after: Duration::from_mins(1) });
            }
        }
        let budget = budgets.entry((what, maker)).or_insert_with(|| Budget::new(now));
        let retry_after = budget.wait(rate, now);
        if !retry_after.is_zero() {
            return Err(Error::TooMany { what, retry_after });
        }
        budget.take(rate, now);
        drop(budgets);
        Ok(Permit { of: Some((self, (what, maker), rate)) })
    }

    fn budgets(&self) -> MutexGuard<'_, HashMap<(Quota, Maker), Budget>> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The thing was made.
    pub fn use_up(mut self) {
        self.of = None;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some((creations, key, rate)) = self.of.take()
            && let Some(budget) = creations.budgets().get_mut(&key)
        {
            budget.give_back(rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: Maker = Maker::User(UserId(7));

    #[test]
    fn a_burst_is_free_and_then_one_grows_after_each_gap() {
        let (creations, start) = (Creations::new(), Instant::now());
        let make = |maker, now| creations.permit(Quota::Keys, maker, MEMBER, now).map(Permit::use_up);
        for _ in 0..MEMBER.burst {
            make(BOB, start).unwrap();
        }
        match make(BOB, start) {
            Err(Error::TooMany { retry_after, .. }) => assert_eq!(retry_after, MEMBER.gap),
            other => panic!("{other:?}"),
        }
        make(Maker::User(UserId(8)), start).expect("nobody else is held up");
        creations.permit(Quota::People, BOB, MEMBER, start).map(Permit::use_up).expect("each kind counts apart");
        make(BOB, start + MEMBER.gap).unwrap();
        assert!(make(BOB, start + MEMBER.gap).is_err());
    }

    #[test]
    fn what_was_not_made_in_the_end_does_not_count() {
        let (creations, now) = (Creations::new(), Instant::now());
        for _ in 0..1000 {
            drop(creations.permit(Quota::Keys, BOB, MEMBER, now).unwrap());
        }
        let held: Vec<_> = (0..60).map(|_| creations.permit(Quota::Keys, BOB, MEMBER, now).unwrap()).collect();
        assert!(creations.permit(Quota::Keys, BOB, MEMBER, now).is_err(), "what is under way counts");
        drop(held);
    }

    #[test]
    fn the_memory_is_bounded_and_nobody_is_forgotten_too_early() {
        let (creations, start) = (Creations { most: 3, ..Creations::new() }, Instant::now());
        let make = |n, now| creations.permit(Quota::Keys, Maker::User(UserId(n)), MEMBER, now).map(Permit::use_up);
        for n in 0..3 {
            make(n, start).unwrap();
        }
        assert!(make(3, start).is_err() && make(2, start).is_ok());
        make(3, start + 2 * MEMBER.gap).unwrap();
        assert!(creations.budgets().len() <= 3);
    }
}
