//! Signing keys, JSON Web Tokens, password hashing, random tokens and their fingerprints.
//!
//! Knows `domain` only: no SQL, no HTTP. What is minted here is stored and served elsewhere.

pub mod chain;
pub mod claims;
pub mod id_claims;
pub mod keyring;
pub mod opaque;
pub mod password;
pub mod pkce;
mod random;
pub mod refresh;
pub mod seal;
pub mod signing;
pub mod spki;
pub mod tags;
pub mod totp;
pub mod user_code;
