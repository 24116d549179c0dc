//! Why a token is not accepted.

use super::LENGTH;

/// Why a token was not accepted: for the log. A client is told no more than `invalid_token` (RFC 6750, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejected {
    /// Longer than [`LENGTH`].
    #[error("the token is longer than {LENGTH} bytes")]
    TooLong,
    /// Not three parts of base64url with a JSON object in the first two.
    #[error("the text is not a JSON Web Token")]
    Malformed,
    /// The header's `typ` is missing, or neither `JWT` nor `at+jwt`.
    #[error("the header's typ is not that of an access token")]
    HeaderType,
    /// The header brings or points to a key, or demands an extension (`jku`, `jwk`, `x5u`, `x5c`, `crit`).
    #[error("the header has a member that is never accepted")]
    HeaderMember,
    /// The header names no key.
    #[error("the header has no kid")]
    KeyMissing,
    /// The header names a key that is none of ours, or is no longer.
    #[error("the signing key is unknown")]
    KeyUnknown,
    /// The header names another algorithm than the key's.
    #[error("the algorithm does not match the key")]
    Algorithm,
    /// The key did not sign this.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing or of the wrong kind.
    #[error("a claim is missing or malformed")]
    Claims,
    /// The claims' `typ` is another: an id or refresh token in place of an access token, or the reverse.
    #[error("the claim typ is not the one expected")]
    ClaimsType,
    /// `exp` is missing, or no whole number.
    #[error("exp is missing or not a number")]
    ExpiryMissing,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` lies in the future, beyond [`LEEWAY`](super::LEEWAY).
    #[error("the token is not valid yet")]
    NotYet,
    /// `iss` is another server.
    #[error("the issuer is not this server")]
    Issuer,
    /// `aud` does not have the expected audience.
    #[error("the audience is not this server")]
    Audience,
}
