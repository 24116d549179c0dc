//! The nouns: what things are, and which values are well-formed. No I/O, no HTTP, no SQL.

pub mod actor;
pub mod audit;
pub mod bot;
pub mod client;
pub mod email;
pub mod half_sign_in;
pub mod ids;
pub mod invalid;
pub mod key;
pub mod link;
pub mod member;
pub mod organization;
pub mod page;
pub mod password;
pub mod permission;
pub mod project;
pub mod role;
pub mod second_factor;
pub mod secret;
pub mod session;
pub mod text;
pub mod timestamp;
pub mod user;
pub mod workspace;
