//! The Arize dialect.

mod api_keys;
