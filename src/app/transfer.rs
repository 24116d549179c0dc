//! Moves everything that belongs to an account to another server: an export writes it as JSON lines, an import adds it to
//! what the other server has.
//!
//! The kinds of rows and their fields are in `domain::transfer`. Both directions work from that description.

mod export;
mod format;
mod import;
mod insert;
mod model_files;
mod plan;
mod reader;
mod report;
mod rules;
mod values;

pub use export::{Sealing, export};
pub use format::{Header, Trailer};
pub use import::{Source, apply, for_each_mapped, preview};
pub use model_files::{Wanted, for_each_wanted, register, store_file};
pub use reader::{Ended, Reader};
pub use report::{Counts, Detail, Problem, Report};
