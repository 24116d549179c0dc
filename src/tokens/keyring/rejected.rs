//! The reasons for which a token is rejected.

/// The maximum length of a token, in bytes. Ours have about 1500.
pub const MAX_LENGTH: usize = 8 * 1024;

/// The tolerance for clocks that differ, in seconds, by which `iat` and `nbf` may lie in the future. `exp` has no
/// tolerance.
pub const LEEWAY: i64 = 60;

/// The reason for the log. A client receives no more than `invalid_token` (RFC 6750, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejected {
    /// Longer than [`MAX_LENGTH`].
    #[error("the token is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Not three parts of base64url with a JSON object in the first two.
    #[error("the text is not a JSON Web Token")]
    Malformed,
    /// The header's `typ` is missing, or neither `JWT` nor `at+jwt`.
    #[error("the header's typ is not that of an access token")]
    HeaderType,
    /// The header contains or refers to a key, or demands an extension (`jku`, `jwk`, `x5u`, `x5c`, `crit`).
    #[error("the header has a member that is never accepted")]
    HeaderMember,
    /// The header has no `kid`.
    #[error("the header has no kid")]
    KeyMissing,
    /// The `kid` is not, or no longer, one of our keys.
    #[error("the signing key is unknown")]
    KeyUnknown,
    /// The header's algorithm is not that of the key.
    #[error("the algorithm does not match the key")]
    Algorithm,
    /// The signature does not match.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing or has the wrong type.
    #[error("a claim is missing or malformed")]
    Claims,
    /// The `typ` claim is another: an ID or refresh token in place of an access token, or the reverse.
    #[error("the claim typ is not the one expected")]
    ClaimsType,
    /// `exp` is missing, or no whole number.
    #[error("exp is missing or not a number")]
    ExpiryMissing,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` lies in the future, beyond [`LEEWAY`].
    #[error("the token is not valid yet")]
    NotYet,
    /// `iss` is another server.
    #[error("the issuer is not this server")]
    Issuer,
    /// `aud` does not contain the expected audience.
    #[error("the audience is not this server")]
    Audience,
}
