//! Authenticates bearer credentials: access tokens and API keys.
//!
//! Verified credentials are cached ([`crate::app::runtime::credential_cache`]).

use crate::app::identity::sessions;
use crate::app::keys;
use crate::app::runtime::credential_cache::CachedPrincipal;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Credential, Origin, Who};
use crate::domain::timestamp::Timestamp;
use crate::error::{AuthError, Error, Result};
use crate::store::DataVersion;
use crate::tokens::claims::API;
use crate::tokens::keyring::{Expectation, MAX_LENGTH, Verified};
use crate::tokens::opaque::{self, Fingerprint, Kind};

/// An authenticated actor, and how long the authentication is valid.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub actor: Actor,
    /// The data version from before the principal was read.
    data_version: DataVersion,
    until: Timestamp,
}

impl Authenticated {
    /// The same actor, for whom no cached result is valid.
    #[must_use]
    pub fn uncached(self) -> Self {
        Self { until: Timestamp::EARLIEST, ..self }
    }

    pub(in crate::app) const fn data_version(&self) -> DataVersion {
        self.data_version
    }

    /// Whether the authentication is still valid at this data version.
    pub(in crate::app) fn is_valid_at(&self, now: DataVersion) -> bool {
        self.data_version == now && Timestamp::now() < self.until
    }
}

/// Authenticates a bearer credential: an access token or an API key.
///
/// Refused when it is forged, expired, revoked or granted without the scope `api`, and when its person is disabled,
/// according to the current data. The version is that of a moment after the request arrived, if it was read already.
pub fn with_bearer(
    state: &AppState,
    version: Option<DataVersion>,
    origin: Origin,
    bearer: &str,
) -> Result<Authenticated> {
    let identified = identify(bearer);
    if let Err(Error::Unauthenticated(why @ AuthError::UnknownKey)) = &identified {
        state.refusals().of_key(&origin, *why);
    }
    let (kind, fingerprint) = identified?;
    let data_version = version.map_or_else(|| state.store.data_version(), Ok)?;
    let now = Timestamp::now();
    let found =
        state.credential_cache().principals.find(&fingerprint, &data_version).filter(|principal| now < principal.until);
    let (mut principal, mut is_new) = match (found, kind) {
        (Some(principal), _) => (principal, false),
        (None, Some(_)) => (of_key(state, &origin, &fingerprint)?, true),
        (None, None) => (of_token(state, data_version, bearer, fingerprint)?, true),
    };
    // One note is enough: the note is a commit, which invalidates the cached principal.
    if let Some((key, _)) = principal.note.take_if(|(_, from)| *from <= now) {
        state.store.write_in_passing(move |tx| keys::note_use(tx, key));
        is_new = true;
    }
    if is_new {
        state.credential_cache().principals.insert(fingerprint, data_version, principal.clone(), 1);
    }
    let who = Who::Person(principal.person);
    Ok(Authenticated {
        actor: Actor { who, credential: principal.credential, origin },
        data_version,
        until: principal.until,
    })
}

/// The kind and the fingerprint of a credential.
fn identify(bearer: &str) -> Result<(Option<Kind>, Fingerprint)> {
    match Kind::of(bearer) {
        Some(kind @ Kind::Key) => Ok((Some(kind), opaque::parse(kind, bearer).ok_or(AuthError::UnknownKey)?)),
        Some(_) => Err(AuthError::UnknownKey.into()),
        None => Ok((None, fingerprint_of(bearer)?)),
    }
}

/// The fingerprint of a possible JWT. A text that is too long is not hashed.
fn fingerprint_of(bearer: &str) -> Result<Fingerprint> {
    if bearer.len() > MAX_LENGTH { Err(AuthError::BadToken.into()) } else { Ok(Fingerprint::of(bearer)) }
}

fn of_key(state: &AppState, origin: &Origin, fingerprint: &Fingerprint) -> Result<CachedPrincipal> {
    let entered = state.read_inline(|view| {
        keys::authenticate(view, fingerprint)
            .map(|(user, key, until)| (user, keys::note_use_from(&key, view.now), key.id, until))
    });
    if let Err(Error::Unauthenticated(why)) = &entered {
        state.refusals().of_key(origin, *why);
    }
    let (user, note_from, key, until) = entered?;
    let note = Some((key, note_from));
    Ok(CachedPrincipal { person: sessions::person(&user), credential: Credential::Key(key), until, note })
}

fn of_token(
    state: &AppState,
    data_version: DataVersion,
    bearer: &str,
    fingerprint: Fingerprint,
) -> Result<CachedPrincipal> {
    let (claims, until) = signed(state, data_version, bearer, fingerprint)?;
    let entrant = state.read_inline(|view| sessions::authenticate(view, claims.sid, claims.sub))?;
    // The token contains its audience. The session decides too, because older tokens were issued before the scope `api`
    // existed.
    if !claims.is_for(API[0]) || !entrant.reaches_api {
        return Err(AuthError::NoApi.into());
    }
    let (until, credential) = (until.min(entrant.until), Credential::Session(entrant.session));
    Ok(CachedPrincipal { person: entrant.person, credential, until, note: None })
}

/// The claims of an access token, verified now. The caller has to check the user and the session.
///
/// Refused when it is no access token that this server signed for itself or for the token's client, when it has
/// expired, and when it is not valid yet.
pub(in crate::app) fn verified(state: &AppState, raw: &str) -> Result<Verified> {
    signed(state, state.store.data_version()?, raw, fingerprint_of(raw)?).map(|(claims, _)| claims)
}

/// Like [`verified`], with the time until which the claims are valid unless the keys change.
fn signed(
    state: &AppState,
    data_version: DataVersion,
    raw: &str,
    fingerprint: Fingerprint,
) -> Result<(Verified, Timestamp)> {
    let (keys, now) = (state.keys_in_force(data_version)?, Timestamp::now());
    let until = |claims: &Verified| keys.until.min(Timestamp::from_seconds(claims.exp));
    let signed = &state.credential_cache().signed;
    if let Some(claims) = signed.find(&fingerprint, &keys.edition)
        && now < until(&claims)
    {
        let until = until(&claims);
        return Ok((claims, until));
    }
    let issuer = |issuer: &str| state.issuers.knows(issuer);
    let expectation = Expectation { issuer: &issuer, audience: API[0], now: now.seconds() };
    let claims = keys.ring.verify(raw, &expectation).map_err(|rejected| {
        log::debug!("access token rejected: {rejected}");
        Error::from(AuthError::BadToken)
    })?;
    signed.insert(fingerprint, keys.edition, claims.clone(), 1);
    let until = until(&claims);
    Ok((claims, until))
}
