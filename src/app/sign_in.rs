//! Proving who one is: with a password, with an access token, with an API key.

use std::net::{IpAddr, Ipv4Addr};

use uuid::Uuid;

use super::desk::Desk;
use super::sessions::{self, NewSession};
use super::{keys, passwords};
use crate::domain::actor::{Actor, Credential, Origin, Who};
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::error::{Error, Result, Unproved};
use crate::store;
use crate::tokens::claims::AUDIENCE;
use crate::tokens::keyring::Expectation;
use crate::tokens::opaque::{self, Kind};
use crate::tokens::password::Verdict;

/// Somebody who says who they are.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The user name, which is the address.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The OAuth client that it comes through.
    pub client: String,
    /// The scope that is asked for.
    pub scope: String,
}

/// Somebody who has proved who they are.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session that has begun.
    pub session: Session,
    /// The refresh token, which is shown once.
    pub refresh_token: Secret,
}

/// Signs somebody in with a password and begins a session.
///
/// An unknown name and a wrong password are refused alike, in the same time; failures slow down what follows.
/// A disabled person is told so only with the right password.
pub async fn with_password(desk: &Desk, origin: &Origin, attempt: Attempt) -> Result<SignedIn> {
    let from = origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    desk.throttle.admit(&attempt.username, from)?;
    let found = desk.glance(|view| {
        let Some(user) = store::users::find_by_email(view, &attempt.username)? else { return Ok(None) };
        let hash = store::users::password_hash(view, user.id)?;
        Ok(Some((user, hash)))
    })?;
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
    let (verdict, renewed) = passwords::verify(desk, attempt.password, hash.clone()).await?;
    let user = match (user, verdict) {
        (Some(user), Verdict::Right | Verdict::RightButOld) => user,
        (Some(_), Verdict::Wrong) | (None, _) => {
            desk.throttle.failed(&attempt.username, from);
            return Err(Unproved::WrongPassword.into());
        }
    };
    if !user.enabled {
        return Err(Unproved::Disabled.into());
    }
    desk.throttle.succeeded(&attempt.username, from);
    let (refresh_token, fingerprint) = opaque::mint(Kind::Refresh);
    let new = NewSession {
        uuid: Uuid::new_v4(),
        client: attempt.client,
        scope: attempt.scope,
        refresh_token: fingerprint,
        lifetimes: desk.lifetimes,
    };
    let actor = Actor::nobody(origin.clone());
    let (user, session) = desk
        .write(move |tx| {
            // Between the look and the write, the password may have been changed or the person disabled.
            let user = store::users::find(tx, user.id)?.ok_or(Unproved::WrongPassword)?;
            if !user.enabled {
                return Err(Unproved::Disabled.into());
            }
            let now = store::users::password_hash(tx, user.id)?;
            if now.as_ref().map(|hash| hash.as_str()) != hash.as_ref().map(|hash| hash.as_str()) {
                return Err(Unproved::WrongPassword.into());
            }
            if let Some(renewed) = &renewed {
                store::users::update_password(tx, user.id, renewed)?;
            }
            let session = sessions::begin(tx, &actor, &user, &new)?;
            Ok((user, session))
        })
        .await?;
    Ok(SignedIn { user, session, refresh_token })
}

/// Who acts with this bearer credential: an access token or an API key.
///
/// Refused when it is forged, expired, revoked, or its person is disabled, as of this very moment.
pub fn with_bearer(desk: &Desk, origin: Origin, bearer: &str) -> Result<Actor> {
    if let Some(fingerprint) = opaque::parse(Kind::Key, bearer) {
        let (user, key, now) = desk.glance(|view| keys::let_in(view, &fingerprint).map(|(u, k)| (u, k, view.now)))?;
        if keys::use_is_news(&key, now) {
            desk.store.write_in_passing(move |tx| keys::note_use(tx, key.id));
        }
        return Ok(Actor { who: Who::Person(sessions::person(&user)), credential: Credential::Key(key.id), origin });
    }
    if opaque::Kind::of(bearer).is_some() {
        return Err(Unproved::UnknownKey.into());
    }
    let issuer = |issuer: &str| desk.issuers.knows(issuer);
    let expectation = Expectation { issuer: &issuer, audience: AUDIENCE[0], now: Timestamp::now().seconds() };
    let verified = desk.keyring.verify(bearer, &expectation).map_err(|rejected| {
        log::debug!("an access token is refused: {rejected}");
        Error::from(Unproved::BadToken)
    })?;
    let (user, session) = desk.glance(|view| sessions::let_in(view, verified.sid, verified.sub))?;
    let who = Who::Person(sessions::person(&user));
    Ok(Actor { who, credential: Credential::Session(session.id), origin })
}
