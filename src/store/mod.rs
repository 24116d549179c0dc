//! The memory: the data directory and the database in it.

pub mod home;
