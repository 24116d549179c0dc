//! Bounds the memory of bodies that are being received, so that slow senders cannot fill the server.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::connections::Client;
use crate::error::{Error, Result};

/// The `Retry-After` of a refusal.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The memory of all bodies that are being received, over all connections.
#[derive(Debug)]
pub(super) struct BodyMemory {
    /// The limit of all bodies together, in bytes.
    total: usize,
    /// The limit of all large bodies together, in bytes. The rest is reserved for small bodies, above all for sign-in.
    large: usize,
    /// The maximum size of a small body, in bytes.
    small: usize,
    /// The limit of all bodies from one client, in bytes.
    per_client: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_client: HashMap<Client, usize>,
}

impl BodyMemory {
    /// `total` is raised where needed, so that bodies of the size `max_body` from more than one address fit.
    pub(super) fn new(total: usize, max_body: usize, small: usize) -> Self {
        let total = total.max(max_body.saturating_mul(2));
        let large = (total / 4 * 3).max(max_body);
        Self { total, large, small, per_client: (total / 4).max(max_body), taken: Mutex::default() }
    }

    /// A share for a body from this client. It holds no memory yet.
    pub(super) fn share(&self, client: Client) -> Share<'_> {
        Share { memory: self, client, held: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory that one body holds. Dropping it releases the memory.
#[derive(Debug)]
pub(super) struct Share<'m> {
    memory: &'m BodyMemory,
    client: Client,
    held: usize,
}

impl Share<'_> {
    /// Grows the share to this many bytes in total. Refuses while other bodies hold too much memory.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<()> {
        let Some(more) = bytes.checked_sub(self.held).filter(|more| *more > 0) else { return Ok(()) };
        let memory = self.memory;
        let bound = if bytes > memory.small { memory.large } else { memory.total };
        let mut taken = memory.taken();
        let of_client = taken.by_client.get(&self.client).copied().unwrap_or_default();
        if taken.total + more > bound || of_client + more > memory.per_client {
            return Err(Error::Busy { retry_after: RETRY_AFTER });
        }
        taken.total += more;
        taken.by_client.insert(self.client, of_client + more);
        self.held = bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.held == 0 {
            return;
        }
        let mut taken = self.memory.taken();
        taken.total -= self.held;
        if let Some(of_client) = taken.by_client.get_mut(&self.client) {
            *of_client -= self.held;
            if *of_client == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(number: u8) -> Client {
        Client::of([192, 0, 2, number].into())
    }

    #[test]
    fn one_address_cannot_use_the_memory_of_others() {
        let memory = BodyMemory::new(1000, 100, 10);
        let mut one: Vec<_> = (0..4).map(|_| memory.share(client(1))).collect();
        let grown = one.iter_mut().filter_map(|share| share.grow_to(100).ok()).count();
        assert_eq!(grown, 2, "a quarter of it");
        assert!(memory.share(client(2)).grow_to(100).is_ok());
        drop(one);
        assert!(memory.share(client(1)).grow_to(100).is_ok(), "what is dropped is free");
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let memory = BodyMemory::new(1000, 100, 10);
        let mut large: Vec<_> = (0..20).map(|number| memory.share(client(number))).collect();
        let grown = large.iter_mut().filter_map(|share| share.grow_to(100).ok()).count();
        assert_eq!(grown, 7, "three quarters of it");
        assert!(memory.share(client(99)).grow_to(11).is_ok() && memory.share(client(99)).grow_to(100).is_err());
        let mut small: Vec<_> = (0..40).map(|number| memory.share(client(number))).collect();
        assert_eq!(small.iter_mut().filter_map(|share| share.grow_to(10).ok()).count(), 30);
    }

    #[test]
    fn the_largest_body_always_fits() {
        let memory = BodyMemory::new(10, 1000, 16);
        let (mut one, mut other) = (memory.share(client(1)), memory.share(client(2)));
        assert!(one.grow_to(1000).is_ok());
        assert!(other.grow_to(16).is_ok());
    }

    proptest! {
        #[test]
        fn shares_never_exceed_the_total(
            steps in proptest::collection::vec((0..8_usize, 0..4_u8, 0..300_usize, any::<bool>()), 0..100),
        ) {
            let memory = BodyMemory::new(1000, 100, 10);
            let mut shares: Vec<Option<Share>> = (0..8).map(|_| None).collect();
            for (at, number, bytes, drop) in steps {
                let share = shares[at].get_or_insert_with(|| memory.share(client(number)));
                let before = share.held;
                let grown = share.grow_to(bytes).is_ok();
                prop_assert_eq!(share.held, if grown { before.max(bytes) } else { before });
                if drop {
                    shares[at] = None;
                }
                let held: usize = shares.iter().flatten().map(|share| share.held).sum();
                prop_assert_eq!(memory.taken().total, held);
                prop_assert!(held <= 1000);
            }
            drop(shares);
            prop_assert_eq!(memory.taken().total, 0);
            prop_assert!(memory.taken().by_client.is_empty());
        }
    }
}
