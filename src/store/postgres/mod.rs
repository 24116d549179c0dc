//! What differs on PostgreSQL.

mod dialect;
