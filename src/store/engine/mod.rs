//! The engine under the tables: the connection, snapshots, the writer, the schema and the caches in memory.

mod checkpoints;
pub mod compaction;
mod conn;
pub mod copy;
mod counted;
mod data_version;
mod disk;
pub(in crate::store) mod fault;
pub mod health;
pub mod inspection;
pub mod measures;
pub(in crate::store) mod name_cache;
mod open;
mod readers;
pub(in crate::store) mod row;
pub mod schema;
mod scratch;
mod sizes;
mod snapshot;
mod sqlite_store;
mod stamp;
mod store;
pub mod upgrade;
pub mod versioned_cache;
mod view;
mod watch;
pub(in crate::store) mod whole_file;
mod write_ahead_log;
pub(in crate::store) mod write_queue;
mod writer;

#[cfg(test)]
pub(crate) mod plans;
#[cfg(test)]
pub(crate) mod probe;

pub(in crate::store) use conn::{Column, Conn, Params, Row};
pub use data_version::DataVersion;
pub(in crate::store) use disk::Access;
pub use disk::Unready;
pub use open::{SQLITE_NEEDED, refuse_old_sqlite};
pub(in crate::store) use scratch::Scratch;
pub use sizes::Sizes;
pub use store::Store;
pub use view::{Tx, View};
pub use watch::StoreFault;
