//! Bounds the memory of long responses that are built or wait to be sent, so that slow readers cannot fill the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::ids::UserId;
use crate::error::{Error, Result};

/// The `Retry-After` of a refusal.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A response of up to this size may use the whole memory, a larger one seven eighths of it. A large response that is
/// read slowly therefore leaves room for the usual lists of others.
const SMALL: usize = 1 << 20;

/// The memory of all long responses, over all connections. Cloning it gives another handle to the same memory.
#[derive(Clone, Debug)]
pub struct UnsentMemory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The limit of all responses together, in bytes.
    total: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_user: HashMap<Option<UserId>, usize>,
}

impl UnsentMemory {
    pub fn new(total: usize) -> Self {
        Self(Arc::new(Inner { total, taken: Mutex::default() }))
    }

    /// A share for a response to this user. It holds no memory yet.
    pub(in crate::app) fn share(&self, user: Option<UserId>) -> Share {
        Share { memory: self.clone(), user, held: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory that one response holds. Dropping it releases the memory.
#[derive(Debug)]
pub struct Share {
    memory: UnsentMemory,
    user: Option<UserId>,
    held: usize,
}

impl Share {
    /// Takes more memory.
    ///
    /// Refused for good when the response is too long even if nothing else waits, and for now when other responses hold
    /// too much memory: all of them together, or the responses of this user more than half of it.
    pub(in crate::app) fn grow(&mut self, more: usize) -> Result<()> {
        let (total, held) = (self.memory.0.total, self.held + more);
        let large = total / 8 * 7;
        if held > large {
            return Err(Error::Refused {
                rule: "the response is longer than the server's unsent_memory allows; ask for less at a time, or raise \
                       unsent_memory",
            });
        }
        let mut taken = self.memory.taken();
        let of_user = taken.by_user.get(&self.user).copied().unwrap_or_default();
        let is_small = held <= SMALL;
        let fits = taken.total + more <= if is_small { total } else { large };
        // A response that is the user's only one may take all of it.
        let is_fair = is_small || of_user == self.held || of_user + more <= total / 2;
        if !fits || !is_fair {
            return Err(Error::Busy { retry_after: RETRY_AFTER });
        }
        taken.total += more;
        taken.by_user.insert(self.user, of_user + more);
        self.held = held;
        Ok(())
    }

    /// Releases what was sent, at most what the response holds.
    pub(in crate::app) fn shrink(&mut self, less: usize) {
        let less = less.min(self.held);
        if less == 0 {
            return;
        }
        self.held -= less;
        let mut taken = self.memory.taken();
        taken.total -= less;
        if let Some(of_user) = taken.by_user.get_mut(&self.user) {
            *of_user -= less;
            if *of_user == 0 {
                taken.by_user.remove(&self.user);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: usize = 1 << 20;

    fn is_busy(result: &Result<()>) -> bool {
        matches!(result, Err(Error::Busy { .. }))
    }

    #[test]
    fn the_only_answer_of_a_user_may_take_nearly_all_and_a_second_one_waits() {
        let memory = UnsentMemory::new(64 * MIB);
        let (mut one, mut second) = (memory.share(Some(UserId(1))), memory.share(Some(UserId(1))));
        one.grow(50 * MIB).unwrap();
        assert!(is_busy(&second.grow(2 * MIB)), "beyond half of it");
        second.grow(MIB / 2).expect("a usual list");
        assert!(matches!(one.grow(7 * MIB), Err(Error::Refused { .. })), "no waiting makes room for it");
        drop(one);
        second.grow(2 * MIB).expect("what is dropped is free");
    }

    #[test]
    fn a_large_answer_leaves_room_for_the_small_ones_of_others() {
        let memory = UnsentMemory::new(64 * MIB);
        let (mut large, mut other, mut small) =
            (memory.share(Some(UserId(1))), memory.share(Some(UserId(2))), memory.share(Some(UserId(2))));
        large.grow(56 * MIB).unwrap();
        assert!(is_busy(&other.grow(2 * MIB)));
        small.grow(MIB).unwrap();
        large.shrink(10 * MIB);
        other.grow(2 * MIB).expect("what is sent is free");
    }

    proptest! {
        #[test]
        fn shares_never_exceed_the_total(
            steps in proptest::collection::vec((0..8_usize, 0..3_i64, 0..3 * MIB, 0..4_u8), 0..100),
        ) {
            let total = 8 * MIB;
            let memory = UnsentMemory::new(total);
            let mut shares: Vec<Option<Share>> = (0..8).map(|_| None).collect();
            for (at, number, bytes, step) in steps {
                let share = shares[at].get_or_insert_with(|| memory.share(Some(UserId(number))));
                let before = share.held;
                match step {
                    0 => shares[at] = None,
                    1 => {
                        share.shrink(bytes);
                        prop_assert_eq!(share.held, before.saturating_sub(bytes));
                    }
                    _ => {
                        let grown = share.grow(bytes).is_ok();
                        prop_assert_eq!(share.held, if grown { before + bytes } else { before });
                    }
                }
                let held: usize = shares.iter().flatten().map(|share| share.held).sum();
                prop_assert_eq!(memory.taken().total, held);
                prop_assert!(held <= total);
            }
            drop(shares);
            prop_assert_eq!(memory.taken().total, 0);
            prop_assert!(memory.taken().by_user.is_empty());
        }
    }
}
