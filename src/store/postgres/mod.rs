//! What differs on PostgreSQL.

mod dialect;

#[cfg(test)]
#[path = "../../../tests/support/postgres.rs"]
pub(crate) mod cluster;
#[cfg(test)]
mod tests;
