//! The faults of a chain of audit rows.

use std::fmt;
use std::ops::RangeInclusive;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// These rows are missing.
    Missing(RangeInclusive<i64>),
    /// The hash of this row does not match its columns: the row was changed or replaced.
    Changed(i64),
    /// The columns of this row are right, but its hash is not.
    Rehashed(i64),
    /// atelier has not written this row.
    Added(i64),
    /// This row cannot be checked, because the hash of the previous row was changed.
    Unlinked(i64),
    /// The chain starts after this row, but the master key has not sealed that: rows were deleted by somebody else.
    Unsealed(i64),
    /// The chain starts after this row. Without the master key it is unknown who deleted the rows before.
    Unchecked(i64),
    /// The file does not contain the end of the chain.
    NoEnd,
    /// No row has the expected hash.
    NotExpected,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
        Fault::Missing(rows) if rows.start() == rows.end() => write!(f, "row {} is missing", rows.start()),
        Fault::Missing(rows) => write!(f, "rows {} to {} are missing", rows.start(), rows.end()),
        Fault::Changed(id) => write!(f, "row {id} was changed or replaced"),
        Fault::Rehashed(id) => write!(f, "the hash of row {id} was changed; its other columns are unchanged"),
        Fault::Added(id) => write!(f, "row {id} was not written by atelier"),
        Fault::Unlinked(id) => {
            write!(f, "row {id} does not follow the previous row: one of the two was changed or moved")
        }
        Fault::Unsealed(id) => {
            write!(f, "the rows up to {id} are missing, and no checkpoint under the master key says that atelier deleted them")
        }
        Fault::Unchecked(id) => {
            write!(f, "the rows up to {id} were deleted; without the master key it is unknown whether atelier did it")
        }
        Fault::NoEnd => f.write_str("the record of the newest row (table audit_chain) is missing"),
        Fault::NotExpected => f.write_str("no row has the expected hash: rows were removed, all hashes were recomputed, or the row was deleted because \
             of its age"),
    }
    }
}
