//! The Arize dialect: `/v2`.

mod users;
