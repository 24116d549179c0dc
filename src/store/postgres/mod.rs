//! The store on PostgreSQL: the same statements and the same tables, and as many processes on one database as there are.
//!
//! Every difference between the two databases is here.

mod address;
mod aside;
pub(in crate::store) mod connection;
mod dialect;
mod errors;
mod failures;
mod look;
pub mod moving;
mod nodes;
mod readers;
mod room;
mod schema;
mod search;
mod settings;
mod statement;
mod store;
mod stream;
mod values;
mod wire;
mod writer;

#[cfg(test)]
#[allow(dead_code, reason = "the tests of the binary use all of it")]
#[path = "../../../tests/support/postgres.rs"]
pub(crate) mod cluster;
#[cfg(test)]
#[allow(dead_code, reason = "the tests of the binary use all of it")]
#[path = "../../../tests/support/packages.rs"]
mod packages;
#[cfg(test)]
pub(in crate::store) mod probe;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use failures::{FailureCount, FailureRow, Failures, FoundFailures};
pub use nodes::Node;
pub use room::ConnectionRoom;
pub(in crate::store) use search::ids_by_name;
pub(in crate::store) use store::PostgresStore;
