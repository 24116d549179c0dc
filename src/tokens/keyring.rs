//! The signing keys in force. One key signs, all of them verify.
//!
//! Tokens are parsed by hand and strictly, so that nothing in a token chooses how it is verified (RFC 8725). Its `kid`
//! selects one of our keys, and that key alone determines the algorithm.

mod rejected;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::claims::{AccessClaims, BEARER};
use super::signing::{Jwk, KeyError, SigningKey, VerifyingKey};
use crate::domain::secret::Secret;

pub use rejected::{LEEWAY, MAX_LENGTH, Rejected};

/// The `typ` of ID token claims. It prevents the use of an ID token as an access token.
pub const ID: &str = "ID";

/// The conditions under which an access token is accepted.
pub struct Expectation<'a> {
    /// Whether an issuer is this server: one fixed name, or one for each trusted host.
    pub issuer: &'a dyn Fn(&str) -> bool,
    /// The required audience. A token for its own client (`azp`) is accepted too.
    pub audience: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl fmt::Debug for Expectation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("audience", &self.audience).field("now", &self.now).finish_non_exhaustive()
    }
}

/// The claims of an accepted access token. The caller checks whether its user and its session are still valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The user's id.
    pub sub: Uuid,
    /// The session's id.
    pub sid: Uuid,
    /// The client that the token was issued to.
    pub azp: String,
    pub aud: Vec<String>,
    /// The expiry, in seconds since 1970.
    pub exp: i64,
    /// The time of issue, in seconds since 1970.
    pub iat: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// The granted scopes, separated by spaces.
    pub scope: String,
}

impl Verified {
    /// Whether the token is for this audience.
    pub fn is_for(&self, audience: &str) -> bool {
        self.aud.iter().any(|known| known == audience)
    }
}

/// The claims of an ID token that is presented as a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The user's id.
    pub sub: Uuid,
    /// The session's id.
    pub sid: Option<Uuid>,
    /// The clients that it was issued for.
    pub aud: Vec<String>,
    /// The client that it was issued to, if the token contains it.
    pub azp: Option<String>,
}

/// The public keys as a JSON document (RFC 7517, 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The active key comes first.
    pub keys: Vec<Jwk>,
}

/// One key that signs, and all that verify.
#[derive(Debug)]
pub struct KeyRing {
    active: Arc<SigningKey>,
    /// The active key comes first, because it signed nearly every token.
    verifying: Vec<VerifyingKey>,
    /// The same for every token, so it is encoded once.
    header: String,
}

impl KeyRing {
    /// `others` are keys that verify but do not sign: future keys, published early so that caches of the key set
    /// contain them, and retired keys whose tokens may still be valid.
    pub fn new(active: impl Into<Arc<SigningKey>>, others: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let active = active.into();
        let mut verifying = vec![active.public().clone()];
        for key in others {
            if verifying.iter().all(|known| known.kid() != key.kid()) {
                verifying.push(key);
            }
        }
        let header = json!({ "alg": active.algorithm().as_str(), "typ": "JWT", "kid": active.kid() });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        Self { active, verifying, header }
    }

    pub fn active(&self) -> &SigningKey {
        &self.active
    }

    /// Signs an access token. Fails only if the cryptography fails.
    pub fn mint(&self, claims: &AccessClaims) -> Result<Secret, KeyError> {
        self.sign(claims)
    }

    /// Signs an ID token, whose `typ` claim is [`ID`]. Fails only if the cryptography fails.
    pub fn mint_id(&self, claims: &impl Serialize) -> Result<Secret, KeyError> {
        self.sign(claims)
    }

    /// Verifies an access token against the expectation, and returns its claims.
    ///
    /// Refused for any reason in [`Rejected`]. No claim is read before the signature is verified.
    pub fn verify(&self, raw: &str, expected: &Expectation) -> Result<Verified, Rejected> {
        let payload = self.open(raw)?;
        let claims: Received = serde_json::from_slice(&payload).map_err(|_| Rejected::Claims)?;
        claims.check(expected)
    }

    /// Verifies an ID token that identifies the user of a request but proves nothing. It may have expired (OpenID
    /// Connect RP-Initiated Logout 1.0, section 4).
    ///
    /// Refused when this ring did not sign it, it is no ID token, or its issuer is another.
    pub fn verify_hint(&self, raw: &str, issuer: &dyn Fn(&str) -> bool) -> Result<Hint, Rejected> {
        let payload = self.open(raw)?;
        let claims: Received = serde_json::from_slice(&payload).map_err(|_| Rejected::Claims)?;
        claims.hint(issuer)
    }

    /// Verifies the signature, and returns the payload.
    fn open(&self, raw: &str) -> Result<Vec<u8>, Rejected> {
        if raw.len() > MAX_LENGTH {
            return Err(Rejected::TooLong);
        }
        let (message, signature) = raw.rsplit_once('.').ok_or(Rejected::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Rejected::Malformed)?;
        let header = decode(header)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| Rejected::Malformed)?;
        let key = self.key(&header)?;
        if !key.verifies(message.as_bytes(), &decode(signature)?) {
            return Err(Rejected::Signature);
        }
        decode(payload)
    }

    /// The public keys of the ring, for other verifiers.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.verifying.iter().map(|key| key.jwk().clone()).collect() }
    }

    fn sign(&self, claims: &impl Serialize) -> Result<Secret, KeyError> {
        let failed = KeyError::Signing(self.active.algorithm());
        let payload = serde_json::to_vec(claims).map_err(|_| failed)?;
        let mut token = String::with_capacity(self.header.len() + payload.len() * 4 / 3 + 360);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.active.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::new(token))
    }

    fn key(&self, header: &Header) -> Result<&VerifyingKey, Rejected> {
        let typ = header.typ.as_deref().ok_or(Rejected::HeaderType)?;
        if !["JWT", "at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typ)) {
            return Err(Rejected::HeaderType);
        }
        if header.jku || header.jwk || header.x5u || header.x5c || header.crit {
            return Err(Rejected::HeaderMember);
        }
        let kid = header.kid.as_deref().ok_or(Rejected::KeyMissing)?;
        let key = self.verifying.iter().find(|key| key.kid() == kid).ok_or(Rejected::KeyUnknown)?;
        if header.alg != key.algorithm().as_str() {
            return Err(Rejected::Algorithm);
        }
        Ok(key)
    }
}

/// A received header. Unknown members are ignored (RFC 7515, 4). Dangerous members are detected even when they are
/// `null`. A duplicate member is malformed.
#[expect(clippy::struct_excessive_bools, reason = "each says whether a member is there")]
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "is_present")]
    jku: bool,
    #[serde(default, deserialize_with = "is_present")]
    jwk: bool,
    #[serde(default, deserialize_with = "is_present")]
    x5u: bool,
    #[serde(default, deserialize_with = "is_present")]
    x5c: bool,
    #[serde(default, deserialize_with = "is_present")]
    crit: bool,
}

/// Received claims with a verified signature. They may belong to another type of token. Each required claim is checked
/// on its own, so that the log names the missing one.
#[derive(Deserialize)]
struct Received<'a> {
    exp: Option<Value>,
    iat: Option<Value>,
    nbf: Option<Value>,
    #[serde(borrow)]
    iss: Option<Cow<'a, str>>,
    #[serde(borrow)]
    aud: Option<Audience<'a>>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    sub: Option<Uuid>,
    sid: Option<Uuid>,
    jti: Option<Uuid>,
    azp: Option<String>,
    scope: Option<String>,
}

/// One audience or several (RFC 7519, 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Several(#[serde(borrow)] Vec<Cow<'a, str>>),
}

impl Audience<'_> {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(audience) => vec![audience.into_owned()],
            Self::Several(audiences) => audiences.into_iter().map(Cow::into_owned).collect(),
        }
    }
}

impl Received<'_> {
    fn check(self, expected: &Expectation) -> Result<Verified, Rejected> {
        if self.typ.as_deref() != Some(BEARER) {
            return Err(Rejected::ClaimsType);
        }
        let exp = self.exp.as_ref().and_then(Value::as_i64).ok_or(Rejected::ExpiryMissing)?;
        if exp <= expected.now {
            return Err(Rejected::Expired);
        }
        let latest = expected.now.saturating_add(LEEWAY);
        let iat = self.iat.as_ref().and_then(Value::as_i64).ok_or(Rejected::Claims)?;
        let nbf = match &self.nbf {
            None => iat,
            Some(nbf) => nbf.as_i64().ok_or(Rejected::Claims)?,
        };
        if iat > latest || nbf > latest {
            return Err(Rejected::NotYet);
        }
        if !self.iss.is_some_and(|issuer| (expected.issuer)(&issuer)) {
            return Err(Rejected::Issuer);
        }
        let azp = self.azp.ok_or(Rejected::Claims)?;
        let aud = self.aud.map(Audience::into_list).unwrap_or_default();
        if !aud.iter().any(|audience| audience == expected.audience || *audience == azp) {
            return Err(Rejected::Audience);
        }
        Ok(Verified {
            sub: self.sub.ok_or(Rejected::Claims)?,
            sid: self.sid.ok_or(Rejected::Claims)?,
            azp,
            aud,
            exp,
            iat,
            jti: self.jti.ok_or(Rejected::Claims)?,
            scope: self.scope.ok_or(Rejected::Claims)?,
        })
    }

    fn hint(self, issuer: &dyn Fn(&str) -> bool) -> Result<Hint, Rejected> {
        if self.typ.as_deref() != Some(ID) {
            return Err(Rejected::ClaimsType);
        }
        if !self.iss.is_some_and(|named| issuer(&named)) {
            return Err(Rejected::Issuer);
        }
        let aud = self.aud.ok_or(Rejected::Audience)?.into_list();
        Ok(Hint { sub: self.sub.ok_or(Rejected::Claims)?, sid: self.sid, aud, azp: self.azp })
    }
}

fn is_present<'de, D: Deserializer<'de>>(member: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(member).map(|_| true)
}

fn decode(part: &str) -> Result<Vec<u8>, Rejected> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejected::Malformed)
}

#[cfg(test)]
mod tests;
