//! Programs without a browser: they show a code, and a person elsewhere decides (RFC 8628).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::{Value, json};

use super::desk::Desk;
use super::{audit, authorizations, consents};
use crate::domain::actor::{Actor, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::client::{Client, Scopes};
use crate::domain::device_code::{Approval, Decision, DeviceCode};
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result, Unproved};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::Fingerprint;
use crate::tokens::user_code;

/// What wrong user codes of an address are counted under; no account has a name like that.
const GUESSING: &str = "\u{0}user code";

/// A program that waits for a decision.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The client.
    pub client: Client,
    /// What it asks for.
    pub scopes: Scopes,
    /// Where it was asked for.
    pub address: Option<IpAddr>,
    /// The code, as the program shows it.
    pub user_code: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The program that waits with a typed code.
///
/// Refused when there is none, or somebody has decided. Wrong codes slow down what follows, for their address and, when
/// there are very many, for everybody.
pub fn find(desk: &Desk, origin: &Origin, typed: &str) -> Result<Pending> {
    guess(desk, origin, typed, |shown, code| desk.glance(|view| pending(view, shown, code)))
}

/// Decides on the program that waits with a typed code, as the person whose browser session this is. To approve is to
/// consent, too.
///
/// Refused as [`find`] does.
pub async fn decide(desk: &Desk, actor: &Actor, session: &Session, typed: &str, approve: bool) -> Result<Pending> {
    let found = guess(desk, &actor.origin, typed, |shown, code| {
        desk.glance(|view| pending(view, shown, code)).map(|pending| (pending, *code))
    });
    let (pending, code) = found?;
    let (shown, session) = (pending.user_code, session.clone());
    desk.write_as(actor, move |tx, actor| settle(tx, actor, &session, (&shown, &code), approve)).await
}

/// Looks up a typed code by way of all that keeps people from guessing.
fn guess<T>(
    desk: &Desk,
    origin: &Origin,
    typed: &str,
    look: impl FnOnce(&str, &Fingerprint) -> Result<T>,
) -> Result<T> {
    let from = origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    desk.throttle.admit(super::throttle::Realm::UserCode, "", from)?;
    desk.guesses().admit()?;
    // What cannot be a code is a slip and no guess.
    let (shown, code) = user_code::parse(typed).ok_or(Unproved::DeadUserCode)?;
    let found = look(&shown, &code);
    if let Err(Error::Unauthenticated(Unproved::DeadUserCode)) = &found {
        desk.throttle.failed(super::throttle::Realm::UserCode, "", from);
        desk.guesses().failed();
    }
    found
}

fn pending(view: &View, shown: &str, code: &Fingerprint) -> Result<Pending> {
    let device = store::device_codes::find_by_user_code(view, code)?;
    let device = device.filter(|device| device.is_open(view.now)).ok_or(Unproved::DeadUserCode)?;
    let client = store::clients::find(view, &device.client)?.ok_or(Unproved::DeadUserCode)?;
    Ok(Pending {
        client,
        scopes: device.scopes,
        address: device.address,
        user_code: shown.to_owned(),
        created_at: device.created_at,
        expires_at: device.expires_at,
    })
}

fn settle(
    tx: &Tx,
    actor: &Actor,
    session: &Session,
    (shown, code): (&str, &Fingerprint),
    approve: bool,
) -> Result<Pending> {
    let person = consents::own(actor)?;
    if session.user != person.id {
        return Err(Unproved::SessionOver.into());
    }
    authorizations::enters(&store::users::find(tx, person.id)?.ok_or(Unproved::SessionOver)?)?;
    let pending = pending(tx, shown, code)?;
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
