//! Stops the other threads of a test when its own part is over, also when that part fails: a scope waits for all its
//! threads, so that a test whose threads never stop hangs instead of failing.

use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub struct Stop(AtomicBool);

impl Stop {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Sets it at the end of the block in which this stands.
    #[must_use]
    pub fn at_the_end(&self) -> AtTheEnd<'_> {
        AtTheEnd(self)
    }
}

pub struct AtTheEnd<'a>(&'a Stop);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}
