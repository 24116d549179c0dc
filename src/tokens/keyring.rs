//! The keys in force: one signs, all verify.
//!
//! A token is taken apart by hand, strictly, so that nothing in it chooses how it is judged (RFC 8725): its `kid` names
//! one of our keys, and that key alone says by which algorithm.

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

pub use rejected::Rejected;

/// How long a token may be, in bytes; ours have about 1500.
pub const LENGTH: usize = 8 * 1024;
/// How far a token's beginning may lie in the future, in seconds, since clocks differ. An end is an end.
pub const LEEWAY: i64 = 60;

/// The `typ` of an id token's claims, by which it is no access token.
pub const ID: &str = "ID";

/// What a token must say to be accepted.
pub struct Expectation<'a> {
    /// Whether an issuer is this server: one fixed name, or one for each trusted host.
    pub issuer: &'a dyn Fn(&str) -> bool,
    /// What must be among the audiences, unless the client is that the token was issued to.
    pub audience: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl fmt::Debug for Expectation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("audience", &self.audience).field("now", &self.now).finish_non_exhaustive()
    }
}

/// What an accepted token says. Whether its user and session still stand is for others to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The user's id.
    pub sub: Uuid,
    /// The session's id.
    pub sid: Uuid,
    /// The client that the token was issued to.
    pub azp: String,
    /// Who accepts it.
    pub aud: Vec<String>,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// What was granted, separated by spaces.
    pub scope: String,
}

impl Verified {
    /// Whether this one accepts it.
    pub fn is_for(&self, audience: &str) -> bool {
        self.aud.iter().any(|known| known == audience)
    }
}

/// What an id token says that is given as a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The user's id.
    pub sub: Uuid,
    /// The session's id.
    pub sid: Option<Uuid>,
    /// The clients that it was issued for.
    pub aud: Vec<String>,
    /// The client that it was issued to, where it says so.
    pub azp: Option<String>,
}

/// The public keys as a JSON document (RFC 7517, 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys, the active one first.
    pub keys: Vec<Jwk>,
}

/// One key that signs, and all that verify.
#[derive(Debug)]
pub struct KeyRing {
    active: Arc<SigningKey>,
    /// The active key first: nearly every token is its.
    verifying: Vec<VerifyingKey>,
    /// The same for each token, so encoded once.
    header: String,
}

impl KeyRing {
    /// Puts a ring together. `others` are keys that do not sign but verify: those that will sign next, published ahead
    /// so that caches of the key set know them, and those retired whose tokens may still live.
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

    /// The key that signs.
    pub fn active(&self) -> &SigningKey {
        &self.active
    }

    /// Signs an access token. Fails only when the cryptography does.
    pub fn mint(&self, claims: &AccessClaims) -> Result<Secret, KeyError> {
        self.sign(claims)
    }

    /// Signs an id token, whose claims say [`ID`] for their `typ`. Fails only when the cryptography does.
    pub fn mint_id(&self, claims: &impl Serialize) -> Result<Secret, KeyError> {
        self.sign(claims)
    }

    /// Judges a presented text: the claims of an access token that this ring signed and that meets the expectation.
    ///
    /// Refused for any reason in [`Rejected`]. No claim is read before the signature is known to be ours.
    pub fn verify(&self, raw: &str, expected: &Expectation) -> Result<Verified, Rejected> {
        let payload = self.open(raw)?;
        let claims: Received = serde_json::from_slice(&payload).map_err(|_| Rejected::Claims)?;
        claims.judge(expected)
    }

    /// Judges a presented text as an id token that tells whom a request is about, but proves nothing: it may have
    /// expired (OpenID Connect RP-Initiated Logout 1.0, section 4).
    ///
    /// Refused when this ring did not sign it, it is no id token, or its issuer is another.
    pub fn verify_hint(&self, raw: &str, issuer: &dyn Fn(&str) -> bool) -> Result<Hint, Rejected> {
        let payload = self.open(raw)?;
        let claims: Received = serde_json::from_slice(&payload).map_err(|_| Rejected::Claims)?;
        claims.hint(issuer)
    }

    /// The payload of a token that this ring signed.
    fn open(&self, raw: &str) -> Result<Vec<u8>, Rejected> {
        if raw.len() > LENGTH {
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

    /// The public keys of all that verify, to be served to other verifiers.
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

/// A header as it came. Members that mean nothing here are ignored (RFC 7515, 4), those that are dangerous are noticed
/// even when `null`, and any of these twice is malformed.
#[expect(clippy::struct_excessive_bools, reason = "each says whether a member is there")]
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "there")]
    jku: bool,
    #[serde(default, deserialize_with = "there")]
    jwk: bool,
    #[serde(default, deserialize_with = "there")]
    x5u: bool,
    #[serde(default, deserialize_with = "there")]
    x5c: bool,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
}

/// Claims as they came, signed by us but perhaps not as an access token. What must be there is checked one by one, for
/// the log's sake.
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
    fn judge(self, expected: &Expectation) -> Result<Verified, Rejected> {
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

fn there<'de, D: Deserializer<'de>>(member: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(member).map(|_| true)
}

fn decode(part: &str) -> Result<Vec<u8>, Rejected> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejected::Malformed)
}

#[cfg(test)]
mod tests;
