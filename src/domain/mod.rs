//! The nouns: what things are, and which values are well-formed. No I/O, no HTTP, no SQL.

pub mod invalid;
pub mod password;
pub mod secret;
