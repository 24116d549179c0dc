//! The device flow: a program without a browser shows a code, and a person decides elsewhere (RFC 8628).

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::app::audit;
use crate::app::identity::attempts::{Attempt, SecretOwner};
use crate::app::identity::oauth::grants::Granted;
use crate::app::identity::oauth::{authorizations, consents};
use crate::app::identity::sessions::{self, NewSession};
use crate::app::runtime::places::network;
use crate::app::runtime::refusals;
use crate::app::runtime::sign_in_counts::SignInKind;
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::domain::actor::{Actor, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::client::{Client, Scopes};
use crate::domain::device_code::{Answer, Approval, Decision, DeviceCode};
use crate::domain::lifetimes::Lifetimes;
use crate::domain::quota::Quota;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::{self, Fingerprint, Kind};
use crate::tokens::user_code;

/// The maximum number of pending codes for each address, and in all.
const MAX_PENDING_PER_ADDRESS: usize = 100;
const MAX_PENDING: usize = 1000;
/// When to retry while too many codes are pending.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// How long an ended code is kept, so that a late poll gets the reason.
pub(in crate::app) const REMEMBERED: Duration = Duration::from_hours(1);
/// The maximum number of dead codes that each new code deletes, so that they do not accumulate.
const SWEEP: u32 = 8;

#[derive(Debug)]
pub struct Begun {
    /// The secret that the program polls with.
    pub device_code: Secret,
    /// The code that the person types, in the form `XXXX-XXXX`.
    pub user_code: Secret,
    /// How long the code is valid.
    pub life: Duration,
    /// The minimum time between two polls.
    pub pause: Duration,
}

/// Begins a device sign-in.
///
/// Refused when too many codes are pending, from its address or in all, and when too many were requested within a
/// minute.
pub async fn begin(state: &AppState, origin: &Origin, client: &Client, scopes: &Scopes) -> Result<Begun> {
    let (device_code, code) = opaque::mint(Kind::Device);
    let (text, user_code) = user_code::mint();
    let permit = state.creations().permit_at(origin, Quota::DeviceCodes)?;
    let (client, scopes, actor) = (client.id.clone(), scopes.clone(), Actor::nobody(origin.clone()));
    state
        .write(move |tx| {
            store::device_codes::delete_dead(tx, tx.now.before(REMEMBERED), SWEEP)?;
            let waiting = store::device_codes::pending_addresses(tx)?;
            let here = actor.origin.address.map(network);
            if waiting.iter().filter(|address| address.map(network) == here).count() >= MAX_PENDING_PER_ADDRESS {
                return Err(Error::TooMany { what: Quota::PendingDeviceCodes, retry_after: RETRY_AFTER });
            }
            if waiting.len() >= MAX_PENDING {
                return Err(Error::Busy { retry_after: RETRY_AFTER });
            }
            let new = DeviceCode {
                client: client.clone(),
                scopes: scopes.clone(),
                address: actor.origin.address,
                decision: Decision::Pending,
                pause: DeviceCode::PAUSE,
                polled_at: None,
                created_at: tx.now,
                expires_at: tx.now.after(DeviceCode::LIFE),
            };
            store::device_codes::insert(tx, &code, &user_code, &new)?;
            let after = json!({ "client": client.as_str(), "scope": scopes.to_string() });
            audit::record(tx, &actor, "devices.begin", (ObjectKind::Code, client.as_str()), (Value::Null, after))
        })
        .await?;
    permit.use_up();
    Ok(Begun { device_code, user_code: text, life: DeviceCode::LIFE, pause: DeviceCode::PAUSE })
}

/// The result of a poll.
#[derive(Debug)]
pub enum Polled {
    /// Nothing is decided yet.
    Pending,
    /// Nothing is decided yet, and the poll came too early.
    SlowDown,
    /// The person has refused, or has withdrawn the consent.
    Denied,
    Expired,
    Granted(Box<Granted>),
}

/// Handles a client's poll. A code leads to one session.
///
/// Refused when the code is unknown, used or another client's, and when the person may no longer sign in.
pub async fn poll(state: &AppState, origin: &Origin, client: &Client, device_code: &str) -> Result<Polled> {
    let polled = match opaque::parse(Kind::Device, device_code) {
        Some(code) => {
            let (actor, client, lifetimes) = (Actor::nobody(origin.clone()), client.clone(), state.lifetimes);
            state.write(move |tx| take_poll(tx, &actor, &client, &code, &lifetimes)).await
        }
        None => Err(AuthError::BadDeviceCode.into()),
    };
    if let Err(Error::Unauthenticated(why)) = &polled {
        let reason = if *why == AuthError::Disabled { "disabled" } else { "wrong" };
        state.refusals().of_token(origin, refusals::Kind::DeviceCode, client, reason);
    }
    if let Ok(Polled::Granted(_)) = &polled {
        state.sign_in_counts().count(SignInKind::DeviceCode);
    }
    polled
}

/// Like [`poll`], within a write. The audit does not record polls.
pub(in crate::app) fn take_poll(
    tx: &Tx,
    actor: &Actor,
    client: &Client,
    code: &Fingerprint,
    lifetimes: &Lifetimes,
) -> Result<Polled> {
    let device = store::device_codes::find(tx, code)?;
    let mut device = device.filter(|device| device.client == client.id).ok_or(AuthError::BadDeviceCode)?;
    let approval = match device.poll(tx.now) {
        Answer::Denied => return Ok(Polled::Denied),
        Answer::Expired => return Ok(Polled::Expired),
        answer @ (Answer::Pending | Answer::SlowDown) => {
            store::device_codes::update_poll(tx, code, &device)?;
            return Ok(if answer == Answer::Pending { Polled::Pending } else { Polled::SlowDown });
        }
        Answer::Granted(approval) => approval,
    };
    let user = store::users::find(tx, approval.by)?.ok_or(AuthError::Disabled)?;
    authorizations::may_sign_in(&user)?;
    // The consent may have been withdrawn meanwhile.
    if !consents::covers(tx, &sessions::acting(actor, &user), client, &device.scopes)? {
        return Ok(Polled::Denied);
    }
    let new = NewSession {
        second_factor: approval.second_factor,
        authenticated_at: Some(approval.authenticated_at),
        ..NewSession::through(client, &device.scopes.intersection(&client.scopes), lifetimes)
    };
    store::device_codes::delete(tx, code)?;
    let session = sessions::begin(tx, actor, &user, &new)?;
    let refresh_token = new.refresh_token.map(|token| token.text);
    Ok(Polled::Granted(Box::new(Granted::begun(user, session, refresh_token))))
}

/// A program that waits for a decision.
#[derive(Clone, Debug)]
pub struct Pending {
    pub client: Client,
    pub scopes: Scopes,
    /// The address that the program began from.
    pub address: Option<IpAddr>,
    /// The code in the form that the program shows.
    pub user_code: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The program that waits with this user code.
///
/// Refused when there is none, or it has been decided. Wrong codes throttle further attempts from the same address and,
/// when there are very many, from everywhere.
pub fn find(state: &AppState, origin: &Origin, typed: &str) -> Result<Pending> {
    guess(state, origin, typed, |text, code| state.read_inline(|view| pending(view, text, code)))
}

/// Decides about the program that waits with this user code, on behalf of the person of the browser session. An
/// approval is also a consent.
///
/// Refused as [`find`] refuses.
pub async fn decide(state: &AppState, actor: &Actor, session: &Session, typed: &str, approve: bool) -> Result<Pending> {
    let found = guess(state, &actor.origin, typed, |text, code| {
        state.read_inline(|view| pending(view, text, code)).map(|pending| (pending, *code))
    });
    let (pending, code) = found?;
    let (text, session) = (pending.user_code, session.clone());
    state.write_as(actor, move |tx, actor| settle(tx, actor, &session, (&text, &code), approve)).await
}

/// Looks up a user code as a throttled attempt.
fn guess<T>(
    state: &AppState,
    origin: &Origin,
    typed: &str,
    look: impl FnOnce(&str, &Fingerprint) -> Result<T>,
) -> Result<T> {
    let attempt = Attempt::begin(state, origin, ThrottleScope::UserCode, SecretOwner::Unknown, None)?;
    // A text that cannot be a code is a typing error, and does not count as a guess.
    let (text, code) = user_code::parse(typed).ok_or(AuthError::DeadUserCode)?;
    let found = look(&text, &code);
    attempt.judge(!matches!(found, Err(Error::Unauthenticated(AuthError::DeadUserCode))))?;
    found
}

fn pending(view: &View, text: &str, code: &Fingerprint) -> Result<Pending> {
    let device = store::device_codes::find_by_user_code(view, code)?;
    let device = device.filter(|device| device.is_open(view.now)).ok_or(AuthError::DeadUserCode)?;
    let client = store::clients::find(view, &device.client)?.ok_or(AuthError::DeadUserCode)?;
    Ok(Pending {
        client,
        scopes: device.scopes,
        address: device.address,
        user_code: text.to_owned(),
        created_at: device.created_at,
        expires_at: device.expires_at,
    })
}

fn settle(
    tx: &Tx,
    actor: &Actor,
    session: &Session,
    (text, code): (&str, &Fingerprint),
    approve: bool,
) -> Result<Pending> {
    let person = consents::own(actor)?;
    if session.user != person.id {
        return Err(AuthError::SessionOver.into());
    }
    authorizations::may_sign_in(&store::users::find(tx, person.id)?.ok_or(AuthError::SessionOver)?)?;
    let pending = pending(tx, text, code)?;
    let authenticated_at = session.authenticated_at;
    let (verb, decision) = if approve {
        let second_factor = session.second_factor;
        ("devices.approve", Decision::Approved(Approval { by: person.id, authenticated_at, second_factor }))
    } else {
        ("devices.deny", Decision::Denied { by: person.id, authenticated_at })
    };
    if approve && !pending.client.built_in {
        consents::give(tx, actor, &pending.client, &pending.scopes)?;
    }
    store::device_codes::decide(tx, code, &decision)?;
    let before = json!({
        "client": pending.client.id.as_str(),
        "scope": pending.scopes.to_string(),
        "address": pending.address.map(|address| address.to_string()),
    });
    audit::record(tx, actor, verb, (ObjectKind::Code, person.uuid), (before, Value::Null))?;
    Ok(pending)
}
