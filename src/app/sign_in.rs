//! Proving who one is: with a password, with an access token, with an API key.

use std::net::{IpAddr, Ipv4Addr};

use super::desk::Desk;
use super::sessions::{self, NewSession};
use super::{keys, passwords};
use crate::domain::actor::{Actor, Credential, Origin, Who};
use crate::domain::client::{Client, Scopes};
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{User, UserStatus};
use crate::error::{Error, Result, Unproved};
use crate::store::{self, View};
use crate::tokens::claims::AUDIENCE;
use crate::tokens::keyring::Expectation;
use crate::tokens::opaque::{self, Kind};
use crate::tokens::password::{PasswordHash, Verdict};

/// How often a password is checked again because another one is kept by the time that it was found right.
const TRIES: u32 = 3;

/// Somebody who says who they are.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The user name, which is the address.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The OAuth client that it comes through.
    pub client: Client,
    /// What is granted.
    pub scopes: Scopes,
}

/// Somebody who has proved who they are.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session that has begun.
    pub session: Session,
    /// The refresh token, which is shown once; none where the client may not use one.
    pub refresh_token: Option<Secret>,
}

/// Signs somebody in with a password and begins a session.
///
/// An unknown name and a wrong password are refused alike, in the same time; failures slow down what follows.
/// A disabled person is told so only with the right password; so is one who has to choose another first.
pub async fn with_password(desk: &Desk, origin: &Origin, attempt: Attempt) -> Result<SignedIn> {
    let from = origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    desk.throttle.admit(&attempt.username, from)?;
    for _ in 0..TRIES {
        let proof = prove(desk, from, &attempt).await?;
        if let Some(signed_in) = begin(desk, origin, &attempt, proof).await? {
            return Ok(signed_in);
        }
    }
    Err(Unproved::WrongPassword.into())
}

/// Whom a password has proved somebody to be.
struct Proof {
    user: UserId,
    /// What it was checked against.
    hash: Option<PasswordHash>,
    /// What is to be kept from now on, if that is something else.
    renewed: Option<PasswordHash>,
}

async fn prove(desk: &Desk, from: IpAddr, attempt: &Attempt) -> Result<Proof> {
    let found = desk.glance(|view| {
        let Some(user) = store::users::find_by_email(view, &attempt.username)? else { return Ok(None) };
        let hash = store::users::password_hash(view, user.id)?;
        Ok(Some((user, hash)))
    })?;
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
    let (verdict, renewed) = passwords::verify(desk, attempt.password.clone(), hash.clone()).await?;
    let user = match (user, verdict) {
        (Some(user), Verdict::Right | Verdict::RightButOld) => user,
        (Some(_), Verdict::Wrong) | (None, _) => {
            desk.throttle.failed(&attempt.username, from);
            return Err(Unproved::WrongPassword.into());
        }
    };
    if let Some(unproved) = turned_away(&user, Timestamp::now()) {
        if unproved == Unproved::WrongPassword {
            desk.throttle.failed(&attempt.username, from);
        }
        return Err(unproved.into());
    }
    desk.throttle.succeeded(&attempt.username, from);
    Ok(Proof { user: user.id, hash, renewed })
}

/// What somebody is told who comes with the right password, but may not come in. A password that was temporary is
/// worth nothing once the invitation has run out.
fn turned_away(user: &User, now: Timestamp) -> Option<Unproved> {
    match user.status(now) {
        UserStatus::Active if user.must_change_password => Some(Unproved::NotSetUp),
        UserStatus::Active => None,
        UserStatus::Invited => Some(Unproved::NotSetUp),
        UserStatus::Expired => Some(Unproved::WrongPassword),
        UserStatus::Disabled | UserStatus::Blocked => Some(Unproved::Disabled),
    }
}

/// Begins the session of somebody who has proved who they are; none if another password is kept by now.
async fn begin(desk: &Desk, origin: &Origin, attempt: &Attempt, proof: Proof) -> Result<Option<SignedIn>> {
    let new = NewSession::through(&attempt.client, &attempt.scopes, &desk.lifetimes);
    let refresh_token = new.refresh_token.as_ref().map(|token| token.text.clone());
    let actor = Actor::nobody(origin.clone());
    let begun = desk
        .write(move |tx| {
            // Between the look and the write, the person may have been disabled or the password changed, or
            // another sign-in with the same one may have renewed its hash.
            let user = store::users::find(tx, proof.user)?.ok_or(Unproved::WrongPassword)?;
            if let Some(unproved) = turned_away(&user, tx.now) {
                return Err(unproved.into());
            }
            if store::users::password_hash(tx, user.id)? != proof.hash {
                return Ok(None);
            }
            if let Some(renewed) = &proof.renewed {
                store::users::update_password(tx, user.id, Some(renewed))?;
            }
            let session = sessions::begin(tx, &actor, &user, &new)?;
            Ok(Some((user, session)))
        })
        .await?;
    Ok(begun.map(|(user, session)| SignedIn { user, session, refresh_token }))
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
    let verified = desk.keyring()?.verify(bearer, &expectation).map_err(|rejected| {
        log::debug!("an access token is refused: {rejected}");
        Error::from(Unproved::BadToken)
    })?;
    let (user, session) = desk.glance(|view| sessions::let_in(view, verified.sid, verified.sub))?;
    let who = Who::Person(sessions::person(&user));
    Ok(Actor { who, credential: Credential::Session(session.id), origin })
}

/// The same actor as of this moment: between the request's head and its turn lie its body and the line of writes, and
/// meanwhile the credential may have been ended or the person given another role.
pub(super) fn still(view: &View, actor: &Actor) -> Result<Actor> {
    let user = match actor.credential {
        Credential::Key(id) => keys::still(view, id)?,
        Credential::Session(id) => sessions::still(view, id)?,
        Credential::Password | Credential::Link | Credential::Console | Credential::Server => return Ok(actor.clone()),
    };
    Ok(sessions::acting(actor, &user))
}
