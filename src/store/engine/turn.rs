//! A turn: what a thread does for one request before it waits for anything. All reads of a turn share one snapshot, and
//! the version is felt once, for to begin a snapshot and to ask the kernel takes as long as to look a row up.

use std::cell::RefCell;

use super::data_version::DataVersion;
use super::snapshot::Snapshot;

thread_local! {
    /// The turn that the thread has, if it has one.
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Turn {
    pulse: Option<(usize, DataVersion)>,
    snapshot: Option<Snapshot>,
}

/// Does this as one turn. It must not wait: what others do meanwhile is not seen.
pub fn take<T>(work: impl FnOnce() -> T) -> T {
    let _end = End;
    TURN.set(Some(Turn::default()));
    work()
}

/// Ends the turn whatever happens in it.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        drop(TURN.take());
    }
}

/// Forgets what was seen: what the same turn sees from now on is of now.
pub(in crate::store) fn begin_anew() {
    TURN.with_borrow_mut(|turn| {
        if let Some(turn) = turn {
            *turn = Turn::default();
        }
    });
}

/// The version of this store in this turn, which is felt if it was not yet.
pub(in crate::store) fn pulse<E>(
    store: usize,
    feel: impl FnOnce() -> Result<DataVersion, E>,
) -> Result<DataVersion, E> {
    let felt = TURN.with_borrow(|turn| turn.as_ref()?.pulse);
    if let Some((of, pulse)) = felt
        && of == store
    {
        return Ok(pulse);
    }
    let pulse = feel()?;
    TURN.with_borrow_mut(|turn| {
        if let Some(turn) = turn {
            turn.pulse = Some((store, pulse));
        }
    });
    Ok(pulse)
}

/// The snapshot of this store in this turn, if there is one that nobody reads from.
pub(super) fn snapshot(store: usize) -> Option<Snapshot> {
    TURN.with_borrow_mut(|turn| turn.as_mut()?.snapshot.take_if(|snapshot| snapshot.of(store)))
}

/// Leaves a snapshot to the next read of the turn; without a turn it ends.
pub(super) fn leave(snapshot: Snapshot) {
    let ended = TURN.with_borrow_mut(|turn| match turn {
        Some(turn) => turn.snapshot.replace(snapshot),
        None => Some(snapshot),
    });
    drop(ended);
}
