//! Public keys as `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7), which Keycloak publishes beside its key set.

use super::signing::{Algorithm, VerifyingKey};

/// `rsaEncryption` with its null parameters (RFC 3279, section 2.3.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `id-ecPublicKey` on P-256 (RFC 5480, section 2.1.1).
const P256: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `id-Ed25519` (RFC 8410, section 3).
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// Encodes a public key as DER.
pub fn der(key: &VerifyingKey) -> Vec<u8> {
    let algorithm = match key.algorithm() {
        Algorithm::Rs256 => RSA,
        Algorithm::Es256 => P256,
        Algorithm::EdDsa => ED25519,
    };
    // The bit string has no unused bits in its last byte.
    let bits = [&[0], key.as_public()].concat();
    tlv(SEQUENCE, &[tlv(SEQUENCE, algorithm), tlv(BIT_STRING, &bits)].concat())
}

/// Encodes a tag, the length and the contents (X.690, section 8.1).
fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut der = vec![tag];
    match digits {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            der.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(contents);
    der
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};

    use super::*;
    use crate::tokens::signing::SigningKey;

    #[test]
    fn a_written_key_parses_as_the_same_key() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            let key = SigningKey::generate(algorithm).unwrap();
            let der = der(key.public());
            let read = match algorithm {
                Algorithm::Rs256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der),
                Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der),
                Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, &der),
            };
            let signed = key.sign(b"words").unwrap();
            assert!(read.unwrap().verify_sig(b"words", &signed).is_ok(), "{algorithm}");
        }
    }
}
