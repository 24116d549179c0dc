//! Identity: passwords, second factors, sessions and the keys that sign tokens.

pub mod oauth;

pub(in crate::app) mod attempts;
pub(in crate::app) mod caller;
pub(in crate::app) mod code_attempts;
pub mod confirmation;
pub mod forgiveness;
pub(in crate::app) mod invitation_links;
pub mod links;
pub mod master_keys;
pub mod own_password;
pub mod passwords;
pub mod reauthentication;
pub mod recovery;
pub mod second_factors;
pub mod session_list;
pub mod sessions;
pub mod sign_in;
pub mod signing_keys;
