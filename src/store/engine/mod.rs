//! The machinery under the tables.

mod conn;

pub(in crate::store) use conn::{Column, Conn, Params, Row};
