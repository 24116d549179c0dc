//! Signing keys: their algorithms, their storage form and their public part as a JSON Web Key.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, RsaSubjectPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use strum::{EnumString, IntoStaticStr};

/// The signature algorithm of a token (RFC 7518, 3.1 and RFC 8037, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256, which Keycloak issues and every verifier supports.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    #[strum(serialize = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// HMAC and `none` are not among them, and never will be.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The registered name, as in a token's `alg`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The allowed sizes of a new RSA key, in bits.
pub const RSA_BITS: [u32; 3] = [2048, 3072, 4096];

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("cannot generate a {0} key")]
    Generation(Algorithm),
    /// The bytes are no key of that algorithm.
    #[error("the bytes are not a {0} key")]
    Malformed(Algorithm),
    #[error("cannot encode the {0} key")]
    Encoding(Algorithm),
    #[error("cannot sign with the {0} key")]
    Signing(Algorithm),
}

/// A private key in PKCS #8 (RFC 5208), which must be sealed before it is stored. Its `Debug` prints `***`.
pub struct Pkcs8(Box<[u8]>);

impl Pkcs8 {
    /// The DER bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Pkcs8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkcs8(***)")
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A private key and its public part. Its `Debug` prints the public part only.
pub struct SigningKey {
    pair: Pair,
    public: VerifyingKey,
}

impl SigningKey {
    /// Generates a key: RSA of 2048 bits, P-256 or Ed25519. RSA takes about a tenth of a second.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::generate_of_size(algorithm, RSA_BITS[0])
    }

    /// The same with a size for RSA, one of [`RSA_BITS`]. A key of 4096 bits may take seconds.
    pub fn generate_of_size(algorithm: Algorithm, rsa_bits: u32) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::Rs256 => {
                let size = match rsa_bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    _ => return Err(KeyError::Generation(algorithm)),
                };
                RsaKeyPair::generate(size).map(Pair::Rsa)
            }
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::Ec),
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::Ed),
        };
        Self::from_pair(pair.map_err(|_| KeyError::Generation(algorithm))?)
    }

    /// Parses a stored key. Refused when the bytes are no PKCS #8 of a key of that algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::Ec),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed),
        };
        Self::from_pair(pair.map_err(|_| KeyError::Malformed(algorithm))?)
    }

    /// Encodes the key for storage.
    pub fn to_pkcs8(&self) -> Result<Pkcs8, KeyError> {
        let der = match &self.pair {
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'static>>::as_der(pair).map(|der| der.as_ref().into()),
            Pair::Ec(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().into()),
            Pair::Ed(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().into()),
        };
        der.map(Pkcs8).map_err(|_| KeyError::Encoding(self.algorithm()))
    }

    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    /// See [`VerifyingKey::kid`].
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// See [`VerifyingKey::jwk`].
    pub fn jwk(&self) -> &Jwk {
        self.public.jwk()
    }

    /// Signs bytes for a JSON Web Signature (RFC 7518, 3.3 and 3.4: ECDSA as `r | s`, not as DER).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signed = match &self.pair {
            Pair::Rsa(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut bytes).map(|()| bytes)
            }
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
        };
        signed.map_err(|_| KeyError::Signing(self.algorithm()))
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let public = match &pair {
            Pair::Rsa(pair) => VerifyingKey::from_public(Algorithm::Rs256, pair.public_key().as_ref()),
            Pair::Ec(pair) => VerifyingKey::from_public(Algorithm::Es256, pair.public_key().as_ref()),
            Pair::Ed(pair) => VerifyingKey::from_public(Algorithm::EdDsa, pair.public_key().as_ref()),
        }?;
        Ok(Self { pair, public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid()).field("alg", &self.algorithm()).finish_non_exhaustive()
    }
}

/// The public part of a signing key, parsed once. A retired key is stored as this, without its private part.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
    public: Box<[u8]>,
    jwk: Jwk,
}

impl VerifyingKey {
    /// Parses a stored public key, in the form of [`as_public`](Self::as_public).
    ///
    /// Refused when the bytes are no key of that algorithm, and when RSA has fewer than 2048 bits.
    pub fn from_public(algorithm: Algorithm, public: &[u8]) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed(algorithm);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (material, parsed) = match algorithm {
            Algorithm::Rs256 => {
                let key = RsaSubjectPublicKey::from_der(public).map_err(|_| malformed())?;
                if key.modulus_len() < 256 {
                    return Err(malformed());
                }
                let (n, e) = (key.modulus(), key.exponent());
                (
                    Material::Rsa {
                        n: encode(n.big_endian_without_leading_zero()),
                        e: encode(e.big_endian_without_leading_zero()),
                    },
                    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public),
                )
            }
            Algorithm::Es256 => {
                // SEC 1, 2.3.3: the byte 4, then x, then y.
                let Some((4, point)) = public.split_first().filter(|(_, point)| point.len() == 64) else {
                    return Err(malformed());
                };
                let (x, y) = point.split_at(32);
                (
                    Material::Ec { crv: "P-256", x: encode(x), y: encode(y) },
                    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public),
                )
            }
            Algorithm::EdDsa => {
                if public.len() != 32 {
                    return Err(malformed());
                }
                (Material::Okp { crv: "Ed25519", x: encode(public) }, ParsedPublicKey::new(&ED25519, public))
            }
        };
        let jwk = Jwk { kid: material.thumbprint(), material, r#use: "sig", alg: algorithm.as_str() };
        Ok(Self { algorithm, parsed: parsed.map_err(|_| malformed())?, public: public.into(), jwk })
    }

    /// The public key to store: `RSAPublicKey` DER (RFC 8017, A.1.1), an uncompressed point of P-256 (65 bytes), or the
    /// 32 bytes of Ed25519.
    pub fn as_public(&self) -> &[u8] {
        &self.public
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key id: the thumbprint of RFC 7638 with SHA-256, 43 characters of base64url.
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// The JSON Web Key of the key set (RFC 7517).
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Whether the private part of this key signed these bytes.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// A public key as JSON (RFC 7517): `kty`, its material (`n`, `e` or `crv`, `x`, `y`), `use`, `alg`, `kid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    #[serde(flatten)]
    material: Material,
    r#use: &'static str,
    alg: &'static str,
    kid: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
enum Material {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: &'static str, x: String },
}

impl Material {
    /// RFC 7638, 3: the required members in the order of their names, without spaces. Base64url needs no escaping.
    fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn names_are_the_registered_ones() {
        let names = ["RS256", "ES256", "EdDSA"];
        assert_eq!(Algorithm::ALL.map(Algorithm::as_str), names);
        assert_eq!(Algorithm::ALL.map(|algorithm| algorithm.to_string()), names);
        assert_eq!(names.map(str::parse), Algorithm::ALL.map(Ok));
        for wrong in ["", "none", "HS256", "rs256", "RS512", "EDDSA", "Ed25519", "RS256 "] {
            assert!(wrong.parse::<Algorithm>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn thumbprints_match_the_rfcs() {
        // RFC 7638, 3.1.
        let rsa = Material::Rsa {
            n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3\
                oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM\
                QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnq\
                DKgw"
                .to_owned(),
            e: "AQAB".to_owned(),
        };
        assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037, A.3.
        let okp = Material::Okp { crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned() };
        assert_eq!(okp.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_signs_and_its_public_part_verifies() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            let signature = key.sign(b"message").unwrap();
            assert_eq!(signature.len(), if algorithm == Algorithm::Rs256 { 256 } else { 64 });
            assert!(key.public().verifies(b"message", &signature));
            assert!(!key.public().verifies(b"Message", &signature));
            assert!(!key.public().verifies(b"message", &signature[1..]));
            assert!(!key.public().verifies(b"message", b""));
            let other = SigningKey::generate(algorithm).unwrap();
            assert!(!other.public().verifies(b"message", &signature));
            assert_ne!(key.kid(), other.kid());
        }
    }

    #[test]
    fn an_rsa_key_has_the_requested_size() {
        for bits in RSA_BITS {
            let key = SigningKey::generate_of_size(Algorithm::Rs256, bits).unwrap();
            let back = SigningKey::from_pkcs8(Algorithm::Rs256, key.to_pkcs8().unwrap().as_bytes()).unwrap();
            let signature = back.sign(b"message").unwrap();
            assert_eq!(signature.len() * 8, bits as usize);
            assert!(key.public().verifies(b"message", &signature));
        }
        for bits in [0, 1024, 2047, 8192] {
            assert!(SigningKey::generate_of_size(Algorithm::Rs256, bits).is_err());
        }
    }

    #[test]
    fn both_parts_of_a_key_survive_storage() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let stored = key.to_pkcs8().unwrap();
            let back = SigningKey::from_pkcs8(algorithm, stored.as_bytes()).unwrap();
            assert_eq!(back.jwk(), key.jwk());
            let public = VerifyingKey::from_public(algorithm, key.public().as_public()).unwrap();
            assert_eq!((public.algorithm(), public.jwk()), (algorithm, key.jwk()));
            assert!(public.verifies(b"message", &back.sign(b"message").unwrap()));
        }
    }

    #[test]
    fn bytes_that_are_not_a_key_of_the_algorithm_are_refused() {
        for made in Algorithm::ALL {
            let key = SigningKey::generate(made).unwrap();
            let (private, public) = (key.to_pkcs8().unwrap(), key.public().as_public());
            for other in Algorithm::ALL.into_iter().filter(|other| *other != made) {
                assert_eq!(SigningKey::from_pkcs8(other, private.as_bytes()).unwrap_err(), KeyError::Malformed(other));
                assert_eq!(VerifyingKey::from_public(other, public).unwrap_err(), KeyError::Malformed(other));
            }
            for at in [0, 1, public.len() / 2, public.len() - 1] {
                assert!(VerifyingKey::from_public(made, &public[..at]).is_err(), "{made} cut at {at}");
            }
            assert!(SigningKey::from_pkcs8(made, &private.as_bytes()[1..]).is_err());
        }
        // A point that is not on the curve.
        let off = [&[4][..], &[1; 64]].concat();
        assert!(VerifyingKey::from_public(Algorithm::Es256, &off).is_err());
    }

    #[test]
    fn a_jwk_has_the_public_members_and_no_others() {
        let members = |algorithm| {
            let value = serde_json::to_value(SigningKey::generate(algorithm).unwrap().jwk()).unwrap();
            let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            names.sort();
            (value, names.join(" "))
        };
        let fixed = |value: &Value| json!([value["kty"], value["use"], value["alg"], value["crv"]]);
        let (rsa, names) = members(Algorithm::Rs256);
        assert_eq!(names, "alg e kid kty n use");
        assert_eq!(fixed(&rsa), json!(["RSA", "sig", "RS256", null]));
        assert_eq!(rsa["e"], "AQAB");
        assert_eq!(rsa["n"].as_str().unwrap().len(), 342);
        let (ec, names) = members(Algorithm::Es256);
        assert_eq!(names, "alg crv kid kty use x y");
        assert_eq!(fixed(&ec), json!(["EC", "sig", "ES256", "P-256"]));
        let (okp, names) = members(Algorithm::EdDsa);
        assert_eq!(names, "alg crv kid kty use x");
        assert_eq!(fixed(&okp), json!(["OKP", "sig", "EdDSA", "Ed25519"]));
        for value in [rsa, ec, okp] {
            assert_eq!(value["kid"].as_str().unwrap().len(), 43);
        }
    }

    #[test]
    fn a_private_key_is_never_printed() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let printed = format!("{key:?}");
            assert_eq!(printed, format!("SigningKey {{ kid: {:?}, alg: {algorithm:?}, .. }}", key.kid()));
            assert_eq!(format!("{:?}", key.to_pkcs8().unwrap()), "Pkcs8(***)");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_refused_without_a_panic(bytes in proptest::prelude::any::<Vec<u8>>()) {
            for algorithm in Algorithm::ALL {
                proptest::prop_assert!(SigningKey::from_pkcs8(algorithm, &bytes).is_err());
                let _ = VerifyingKey::from_public(algorithm, &bytes);
            }
        }
    }
}
