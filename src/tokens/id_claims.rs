//! The claims of ID tokens (OpenID Connect Core, section 2), and the profile claims by scope (section 5.4).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use uuid::Uuid;

use super::claims::acr;
use super::keyring::ID;
use super::signing::Algorithm;
use crate::domain::client::{Scope, Scopes};
use crate::domain::user::User;

/// The profile claims of a user, by scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Profile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a [String]>,
}

impl<'a> Profile<'a> {
    /// The claims that these scopes release. The groups are those of the scope `groups`.
    pub fn of(user: &'a User, scopes: &Scopes, groups: Option<&'a [String]>) -> Self {
        let mut profile = Self { groups, ..Self::default() };
        if scopes.has(Scope::Email) {
            profile.email = Some(user.email.as_str());
            profile.email_verified = Some(user.email_verified.is_some());
        }
        if scopes.has(Scope::Profile) {
            let known = |text: &'a str| (!text.is_empty()).then_some(text);
            profile.given_name = known(user.first_name.as_str());
            profile.family_name = known(user.last_name.as_str());
            profile.preferred_username = Some(user.email.as_str());
            let named = profile.given_name.is_some() || profile.family_name.is_some();
            profile.name = named.then(|| user.name());
        }
        profile
    }
}

/// The input for an ID token.
#[derive(Clone, Copy, Debug)]
pub struct IdFacts<'a> {
    pub user: &'a User,
    pub scopes: &'a Scopes,
    /// The claim of the scope `groups`.
    pub groups: Option<&'a [String]>,
    pub client: &'a str,
    pub session: Uuid,
    /// The nonce of the authentication request, returned unchanged.
    pub nonce: Option<&'a str>,
    /// The time of the authentication, in seconds since 1970.
    pub authenticated_at: i64,
    /// Whether a second factor was verified.
    pub second_factor: bool,
    /// The access token issued together with it, and the algorithm that signs both.
    pub access_token: (&'a str, Algorithm),
    pub issuer: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// The expiry of both tokens, in seconds since 1970.
    pub expires_at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct IdClaims<'a> {
    exp: i64,
    iat: i64,
    auth_time: i64,
    jti: Uuid,
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    typ: &'static str,
    azp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    session_state: Uuid,
    sid: Uuid,
    at_hash: String,
    acr: &'static str,
    #[serde(flatten)]
    profile: Profile<'a>,
}

impl<'a> IdClaims<'a> {
    /// Builds the claims of a new token with a new `jti`.
    pub fn new(facts: &IdFacts<'a>) -> Self {
        Self {
            exp: facts.expires_at,
            iat: facts.now,
            auth_time: facts.authenticated_at,
            jti: Uuid::new_v4(),
            iss: facts.issuer,
            aud: facts.client,
            sub: facts.user.uuid,
            typ: ID,
            azp: facts.client,
            nonce: facts.nonce,
            session_state: facts.session,
            sid: facts.session,
            at_hash: half_hash(facts.access_token),
            acr: acr(facts.second_factor),
            profile: Profile::of(facts.user, facts.scopes, facts.groups),
        }
    }
}

/// The left half of the token's hash, with the hash function of the algorithm (OpenID Connect Core, section 3.1.3.6).
/// Ed25519 uses SHA-512 (RFC 8037, section 3.1).
fn half_hash((token, algorithm): (&str, Algorithm)) -> String {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => &digest::SHA256,
        Algorithm::EdDsa => &digest::SHA512,
    };
    let digest = digest::digest(hash, token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..digest.as_ref().len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_half_hash_matches_the_examples() {
        // OpenID Connect Core, appendix A.3: the access token and its at_hash.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash((token, Algorithm::Rs256)), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash((token, Algorithm::EdDsa)).len(), 43);
    }
}
