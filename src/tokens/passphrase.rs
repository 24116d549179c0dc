//! A key that is derived from a passphrase, for files that leave the server.
//!
//! A sealed value is `nonce (12) | AES-256-GCM ciphertext and tag (16)`. The caller's context is authenticated with it.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::random;
use crate::domain::invalid::Invalid;
use crate::domain::secret::Secret;

/// The parameters of argon2id for a new file: a guess takes some tenths of a second.
const MEMORY: u32 = 65_536;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// The bounds of the parameters of a given file, which must not be able to exhaust the server.
const MAX_MEMORY: u32 = 1 << 20;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;

/// How a key is derived from a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// In KiB.
    pub memory: u32,
    pub passes: u32,
    pub lanes: u32,
    pub salt: [u8; 16],
}

impl Derivation {
    /// The current parameters and a random salt.
    pub fn generate() -> Self {
        Self { memory: MEMORY, passes: PASSES, lanes: LANES, salt: random::bytes() }
    }
}

/// Derives 32 bytes from a passphrase. Takes some tenths of a second.
///
/// Refused when the parameters are out of bounds, or there is not enough memory.
pub(super) fn derive(passphrase: &Secret, how: &Derivation) -> Result<[u8; 32], Invalid> {
    if how.memory > MAX_MEMORY || how.passes > MAX_PASSES || how.lanes > MAX_LANES {
        return Err(Invalid::rule("must not require more than 1 GiB, 16 passes and 16 lanes"));
    }
    let refused = |_| Invalid::rule("must be valid parameters of argon2id");
    let params = Params::new(how.memory, how.passes, how.lanes, Some(32)).map_err(refused)?;
    let mut bytes = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), &how.salt, &mut bytes)
        .map_err(refused)?;
    Ok(bytes)
}

/// A key that seals and opens values. Its `Debug` prints `***`.
pub struct PassphraseKey(LessSafeKey);

/// The value was sealed under another passphrase or for another context, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open")]
pub struct NotOpened;

impl PassphraseKey {
    /// The key of [`derive`].
    pub fn derive(passphrase: &Secret, how: &Derivation) -> Result<Self, Invalid> {
        let bytes = derive(passphrase, how)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| Invalid::rule("must give a key of 32 bytes"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts with a random nonce. Only the same context opens the value.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, super::seal::SealFailed> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut body = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context.as_bytes()), &mut body)
            .map_err(|_| super::seal::SealFailed)?;
        Ok([&nonce[..], &body].concat())
    }

    /// Decrypts a value of [`seal`](Self::seal).
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(NotOpened)?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(context.as_bytes()), &mut body).map_err(|_| NotOpened)?.len();
        body.truncate(plain);
        Ok(body)
    }
}

impl fmt::Debug for PassphraseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassphraseKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Derivation = Derivation { memory: 8, passes: 1, lanes: 1, salt: [7; 16] };

    #[test]
    fn only_the_same_passphrase_and_context_open_a_value() {
        let key = PassphraseKey::derive(&Secret::new("correct horse"), &CHEAP).unwrap();
        let sealed = key.seal("key/1", b"plain").unwrap();
        assert_ne!(sealed, key.seal("key/1", b"plain").unwrap(), "each nonce is new");
        assert_eq!(key.open("key/1", &sealed).unwrap(), b"plain");
        assert_eq!(key.open("key/2", &sealed), Err(NotOpened));
        let other = PassphraseKey::derive(&Secret::new("correct horsf"), &CHEAP).unwrap();
        assert_eq!(other.open("key/1", &sealed), Err(NotOpened));
        for cut in 0..sealed.len() {
            assert_eq!(key.open("key/1", &sealed[..cut]), Err(NotOpened));
        }
        assert_eq!(format!("{key:?}"), "PassphraseKey(***)");
    }

    #[test]
    fn parameters_out_of_bounds_are_refused() {
        let derive = |how| PassphraseKey::derive(&Secret::new("x"), &how).is_err();
        assert!(derive(Derivation { memory: MAX_MEMORY + 1, ..CHEAP }));
        assert!(derive(Derivation { passes: MAX_PASSES + 1, ..CHEAP }));
        assert!(derive(Derivation { lanes: MAX_LANES + 1, ..CHEAP }));
        assert!(derive(Derivation { passes: 0, ..CHEAP }));
        assert!(derive(Derivation { memory: 0, ..CHEAP }));
    }
}
