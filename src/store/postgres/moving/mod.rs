//! Moves everything from the data file into a database of PostgreSQL, and back.
//!
//! Each way has one transaction on the new side, so that it has everything or nothing. The old side is set aside under
//! another name after that.

mod copy;
mod error;
mod indexes;
mod rows;
mod sequences;
mod source;
mod tables;
mod to_file;
mod to_server;
mod watch;

pub use error::MoveError;
pub use to_file::to_file;
pub use to_server::to_server;
pub use watch::{Counts, Doing, Record, Step, Watch};
