//! Signing keys, JSON Web Tokens, password hashing, random tokens and their fingerprints.
//!
//! It knows `domain` only: no SQL, no HTTP. Other modules store and serve its tokens.

pub mod chain;
pub mod claims;
pub mod file_hash;
pub mod id_claims;
pub mod keyring;
pub mod opaque;
pub mod passphrase;
pub mod password;
pub mod pkce;
mod random;
pub mod refresh;
pub mod seal;
pub mod sealed_file;
pub mod signing;
pub mod spki;
pub mod tags;
pub mod totp;
pub mod user_code;
