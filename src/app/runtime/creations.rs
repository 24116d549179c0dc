//! Limits what one user, or one network without a user, may create within a minute: whatever takes memory, disk or the
//! attention of others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::app::runtime::budget::{Budget, Rate};
use crate::app::runtime::places::network;
use crate::domain::actor::{Actor, Origin, Who};
use crate::domain::ids::UserId;
use crate::domain::quota::Quota;
use crate::domain::user::AccountRole;
use crate::error::{Error, Result};

/// The limit of each kind for a member or a network: sixty at once, then sixty a minute.
pub const MEMBER: Rate = Rate { burst: 60, gap: Duration::from_secs(1) };

/// The limit for administrators, who create things for a whole team and by scripts.
pub const ADMINISTRATOR: Rate = Rate { burst: 300, gap: Duration::from_millis(200) };

/// The maximum number of creators and kinds in memory. Each is dropped a minute after its last creation.
const MAX_CREATORS: usize = 65_536;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Creator {
    User(UserId),
    Network(IpAddr),
}

#[derive(Debug)]
pub(in crate::app) struct Creations {
    max: usize,
    budgets: Mutex<HashMap<(Quota, Creator), Budget>>,
}

/// A permit to create one thing. Dropping it unused returns it to the budget.
#[must_use]
#[derive(Debug)]
pub(in crate::app) struct Permit<'a> {
    of: Option<(&'a Creations, (Quota, Creator), Rate)>,
}

impl Creations {
    pub(in crate::app) fn new() -> Self {
        Self { max: MAX_CREATORS, budgets: Mutex::default() }
    }

    /// Permits the actor to create one more; the operator has no limit.
    ///
    /// Refused when the actor has created too many within a minute.
    pub(in crate::app) fn permit(&self, actor: &Actor, what: Quota) -> Result<Permit<'_>> {
        match &actor.who {
            Who::Person(person) => {
                let rate = if person.role == AccountRole::Administrator { ADMINISTRATOR } else { MEMBER };
                self.take(what, Creator::User(person.id), rate, Instant::now())
            }
            Who::Operator => Ok(Permit { of: None }),
            Who::Nobody => self.permit_at(&actor.origin, what),
        }
    }

    /// Permits one more to those at an address who are not signed in.
    pub(in crate::app) fn permit_at(&self, origin: &Origin, what: Quota) -> Result<Permit<'_>> {
        match origin.address {
            Some(address) => self.take(what, Creator::Network(network(address)), MEMBER, Instant::now()),
            None => Ok(Permit { of: None }),
        }
    }

    fn take(&self, what: Quota, creator: Creator, rate: Rate, now: Instant) -> Result<Permit<'_>> {
        let mut budgets = self.budgets();
        if budgets.len() >= self.max && !budgets.contains_key(&(what, creator)) {
            budgets.retain(|_, budget| !budget.is_full(now));
            if budgets.len() >= self.max {
                return Err(Error::TooMany { what, retry_after: Duration::from_mins(1) });
            }
        }
        let budget = budgets.entry((what, creator)).or_insert_with(|| Budget::new(now));
        let retry_after = budget.wait(rate, now);
        if !retry_after.is_zero() {
            return Err(Error::TooMany { what, retry_after });
        }
        budget.take(rate, now);
        drop(budgets);
        Ok(Permit { of: Some((self, (what, creator), rate)) })
    }

    fn budgets(&self) -> MutexGuard<'_, HashMap<(Quota, Creator), Budget>> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    pub(in crate::app) fn use_up(mut self) {
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

    const BOB: Creator = Creator::User(UserId(7));

    #[test]
    fn a_burst_is_free_and_then_one_grows_after_each_gap() {
        let (creations, start) = (Creations::new(), Instant::now());
        let make = |creator, now| creations.take(Quota::Keys, creator, MEMBER, now).map(Permit::use_up);
        for _ in 0..MEMBER.burst {
            make(BOB, start).unwrap();
        }
        match make(BOB, start) {
            Err(Error::TooMany { retry_after, .. }) => assert_eq!(retry_after, MEMBER.gap),
            other => panic!("{other:?}"),
        }
        make(Creator::User(UserId(8)), start).expect("nobody else is held up");
        creations.take(Quota::People, BOB, MEMBER, start).map(Permit::use_up).expect("each kind counts apart");
        make(BOB, start + MEMBER.gap).unwrap();
        assert!(make(BOB, start + MEMBER.gap).is_err());
    }

    #[test]
    fn what_was_not_made_in_the_end_does_not_count() {
        let (creations, now) = (Creations::new(), Instant::now());
        for _ in 0..1000 {
            drop(creations.take(Quota::Keys, BOB, MEMBER, now).unwrap());
        }
        let held: Vec<_> = (0..60).map(|_| creations.take(Quota::Keys, BOB, MEMBER, now).unwrap()).collect();
        assert!(creations.take(Quota::Keys, BOB, MEMBER, now).is_err(), "what is under way counts");
        drop(held);
    }

    #[test]
    fn the_memory_is_bounded_and_nobody_is_forgotten_too_early() {
        let (creations, start) = (Creations { max: 3, ..Creations::new() }, Instant::now());
        let make = |n, now| creations.take(Quota::Keys, Creator::User(UserId(n)), MEMBER, now).map(Permit::use_up);
        for n in 0..3 {
            make(n, start).unwrap();
        }
        assert!(make(3, start).is_err() && make(2, start).is_ok());
        make(3, start + 2 * MEMBER.gap).unwrap();
        assert!(creations.budgets().len() <= 3);
    }
}
