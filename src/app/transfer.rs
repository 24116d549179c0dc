//! Moves everything that belongs to an account to another server: an export writes it as JSON lines, an import adds it to
//! what the other server has.
//!
//! The kinds of rows and their fields are in `domain::transfer`. Both directions work from that description.

mod decisions;
mod export;
mod format;
mod import;
mod insert;
mod limits;
mod model_files;
mod plan;
mod reader;
mod report;
mod rights;
mod rules;
mod values;
mod version_files;

pub use export::{Sealing, export};
pub use format::{Header, Trailer};
pub use import::{Source, apply, for_each_mapped, preview};
pub use model_files::{for_each_wanted, register, store_file};
pub use plan::Files;
pub use reader::{Ended, Reader};
pub use report::{Counts, Detail, MAX_RIGHTS, Problem, Report};
