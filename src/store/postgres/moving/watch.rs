//! What a move tells while it runs.

use super::error::MoveError;
use crate::store::engine::Tx;

/// What a move does with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Reads the rows, and looks whether they can be moved.
    Read,
    Copy,
    /// Reads the copies, and compares them with the rows.
    Compare,
}

/// How far a move is.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// The number of rows of all steps together.
    Total(u64),
    Table(Doing, &'a str),
    /// So many more rows are done.
    Rows(u64),
}

/// Sees how far a move is. Returns whether it goes on.
pub type Watch<'w> = &'w dyn Fn(Step) -> bool;

/// Records the move of so many rows in the new data.
pub type Record<'r> = &'r dyn Fn(&Tx, u64) -> crate::error::Result<()>;

/// The number of rows of each table that is moved.
pub type Counts = Vec<(String, u64)>;

pub(super) fn go_on(watch: Watch, step: Step) -> Result<(), MoveError> {
    if watch(step) { Ok(()) } else { Err(MoveError::Stopped) }
}
