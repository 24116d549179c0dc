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
pub struct Proved {
    pub actor: Actor,
    /// The data version from before the principal was read.
    as_of: DataVersion,
    /// When the credential expires.
    until: Timestamp,
}

impl Proved {
    /// The same actor, for whom no cached result is valid.
    #[must_use]
    pub fn anew(self) -> Self {
        Self { until: Timestamp::EARLIEST, ..self }
    }

    /// Whether the authentication is still valid at this data version.
    pub(in crate::app) fn stands(&self, pulse: DataVersion) -> bool {
        self.as_of == pulse && Timestamp::now() < self.until
    }
}

/// Authenticates a bearer credential: an access token or an API key.
///
/// Refused when it is forged, expired, revoked or granted without the scope `api`, and when its person is disabled,
/// according to the current data.
pub fn with_bearer(desk: &AppState, origin: Origin, bearer: &str) -> Result<Proved> {
    let known_by = known_by(bearer);
    if let Err(Error::Unauthenticated(why @ AuthError::UnknownKey)) = &known_by {
        desk.refusals().of_key(&origin, *why);
    }
    let (kind, fingerprint) = known_by?;
    let (as_of, now) = (desk.store.data_version()?, Timestamp::now());
    let found = desk.credential_cache().principals.find(&fingerprint, &as_of).filter(|principal| now < principal.until);
    let (mut principal, mut news) = match (found, kind) {
        (Some(principal), _) => (principal, false),
        (None, Some(_)) => (of_key(desk, &origin, &fingerprint)?, true),
        (None, None) => (of_token(desk, as_of, bearer, fingerprint)?, true),
    };
    // One note is enough: the note is a commit, which invalidates the cached principal.
    if let Some((key, _)) = principal.note.take_if(|(_, from)| *from <= now) {
        desk.store.write_in_passing(move |tx| keys::note_use(tx, key));
        news = true;
    }
    if news {
        desk.credential_cache().principals.keep(fingerprint, as_of, principal.clone(), 1);
    }
    let who = Who::Person(principal.person);
    Ok(Proved { actor: Actor { who, credential: principal.credential, origin }, as_of, until: principal.until })
}

/// The kind and the fingerprint of a credential.
fn known_by(bearer: &str) -> Result<(Option<Kind>, Fingerprint)> {
    match Kind::of(bearer) {
        Some(kind @ Kind::Key) => Ok((Some(kind), opaque::parse(kind, bearer).ok_or(AuthError::UnknownKey)?)),
        Some(_) => Err(AuthError::UnknownKey.into()),
        None => Ok((None, of_text(bearer)?)),
    }
}

/// The fingerprint of a possible JWT. A text that is too long is not hashed.
fn of_text(bearer: &str) -> Result<Fingerprint> {
    if bearer.len() > MAX_LENGTH { Err(AuthError::BadToken.into()) } else { Ok(Fingerprint::of(bearer)) }
}

fn of_key(desk: &AppState, origin: &Origin, fingerprint: &Fingerprint) -> Result<CachedPrincipal> {
    let entered = desk.read_inline(|view| keys::let_in(view, fingerprint));
    if let Err(Error::Unauthenticated(why)) = &entered {
        desk.refusals().of_key(origin, *why);
    }
    let (user, key, until) = entered?;
    let note = Some((key.id, keys::note_use_from(&key)));
    Ok(CachedPrincipal { person: sessions::person(&user), credential: Credential::Key(key.id), until, note })
}

fn of_token(desk: &AppState, as_of: DataVersion, bearer: &str, fingerprint: Fingerprint) -> Result<CachedPrincipal> {
    let (said, until) = signed(desk, as_of, bearer, fingerprint)?;
    let entrant = desk.read_inline(|view| sessions::let_in(view, said.sid, said.sub))?;
    // The token contains its audience. The session decides too, because older tokens were issued before the scope `api`
    // existed.
    if !said.is_for(API[0]) || !entrant.reaches_api {
        return Err(AuthError::NoApi.into());
    }
    let (until, credential) = (until.min(entrant.until), Credential::Session(entrant.session));
    Ok(CachedPrincipal { person: entrant.person, credential, until, note: None })
}

/// The claims of an access token, verified now. The caller has to check the user and the session.
///
/// Refused when it is no access token that this server signed for itself or for the token's client, when it has
/// expired, and when it is not valid yet.
pub(in crate::app) fn verified(desk: &AppState, raw: &str) -> Result<Verified> {
    signed(desk, desk.store.data_version()?, raw, of_text(raw)?).map(|(said, _)| said)
}

/// Like [`verified`], with the time until which the claims are valid unless the keys change.
fn signed(desk: &AppState, as_of: DataVersion, raw: &str, fingerprint: Fingerprint) -> Result<(Verified, Timestamp)> {
    let (keys, now) = (desk.keys_in_force(as_of)?, Timestamp::now());
    let until = |said: &Verified| keys.until.min(Timestamp::from_seconds(said.exp));
    let signed = &desk.credential_cache().signed;
    if let Some(said) = signed.find(&fingerprint, &keys.edition)
        && now < until(&said)
    {
        let until = until(&said);
        return Ok((said, until));
    }
    let issuer = |issuer: &str| desk.issuers.knows(issuer);
    let expectation = Expectation { issuer: &issuer, audience: API[0], now: now.seconds() };
    let said = keys.ring.verify(raw, &expectation).map_err(|rejected| {
        log::debug!("access token rejected: {rejected}");
        Error::from(AuthError::BadToken)
    })?;
    signed.keep(fingerprint, keys.edition, said.clone(), 1);
    let until = until(&said);
    Ok((said, until))
}
