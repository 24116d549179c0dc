//! What happens to stored times when the clock of the machine is set back or forward.
//!
//! The clock itself stays. Every stored time moves instead, which is the same from the server's point of view.

use super::grants::{BACK, Front, VERIFIER, front, token, unproved};
use super::signing_keys::{PLAN, standing};
use super::*;
use crate::app::identity::oauth::devices::{self, Polled};
use crate::app::identity::{links, sessions, sign_in, signing_keys};
use crate::domain::audit::AuditSearch;
use crate::domain::link::Purpose;
use crate::domain::page::Page;
use crate::domain::pending_sign_in::{PendingSignIn, Step};
use crate::domain::timestamp::Timestamp;
use crate::error::AuthError;

const FAR: Duration = Duration::from_hours(400 * 24);

/// Moves every time in the file, except those of the audit log. A new column is included by its name.
fn move_times(office: &Office, by: i128) {
    office.write(|_| Ok(())).expect("no write of the times before is still waiting");
    let mut columns = probe::columns(&office.file);
    columns.retain(|(table, name)| table != "audit" && (name.ends_with("_at") || name.ends_with("_until")));
    assert!(columns.len() > 20, "{columns:?}");
    for (table, column) in columns {
        probe::execute(&office.file, &format!("UPDATE {table} SET {column} = {column} + {by}"));
    }
}

fn set_back(office: &Office) {
    move_times(office, i128::try_from(FAR.as_micros()).unwrap());
}

fn set_forward(office: &Office) {
    move_times(office, -i128::try_from(FAR.as_micros()).unwrap());
}

#[test]
fn a_session_that_is_refreshed_meanwhile_survives_a_clock_that_goes_back_and_forth() {
    let front = front();
    let office = &front.gate.office;
    let granted = front.trade(&front.client, &front.code(), BACK, VERIFIER).unwrap();
    let uuid_of = granted.session.uuid;
    let session = |column: &str| {
        let sql = format!("SELECT {column} FROM sessions WHERE uuid = '{uuid_of}'");
        probe::rows(&office.file, &sql)[0][0].as_i64().unwrap()
    };
    let (idle, used) = (session("idle_until"), session("last_used_at"));
    set_back(office);
    let meanwhile = front.refresh(&token(&granted)).unwrap();
    set_forward(office);
    assert!(session("idle_until") >= idle && session("last_used_at") >= used);
    let enter = office.read(|view| sessions::authenticate(view, uuid_of, granted.user.uuid));
    assert_eq!(enter.unwrap().person.uuid, granted.user.uuid);
    front.refresh(&token(&meanwhile)).unwrap();
}

#[test]
fn a_browser_session_that_is_used_meanwhile_survives_a_clock_that_goes_back_and_forth() {
    let front = front();
    let office = &front.gate.office;
    let (cookie, fingerprint) = opaque::mint(Kind::Session);
    let hex = crate::tokens::chain::to_hex(fingerprint.as_bytes());
    probe::execute(&office.file, &format!("UPDATE sessions SET cookie = x'{hex}' WHERE id = {}", front.session.id));
    let enter = || sign_in::with_cookie(&front.gate.state, origin(), cookie.expose());
    enter().unwrap();
    set_back(office);
    enter().unwrap();
    set_forward(office);
    enter().unwrap();
}

#[test]
fn a_reused_refresh_token_is_detected_after_the_clock_was_set_back() {
    let front = front();
    let granted = front.trade(&front.client, &front.code(), BACK, VERIFIER).unwrap();
    let next = front.refresh(&token(&granted)).unwrap();
    set_back(&front.gate.office);
    unproved(front.refresh(&token(&granted)), AuthError::DeadRefreshToken);
    unproved(front.refresh(&token(&next)), AuthError::DeadRefreshToken);
}

#[test]
fn no_code_or_link_lives_longer_because_the_clock_was_set_back() {
    let front = front();
    let (state, office, runtime) = (&front.gate.state, &front.gate.office, &front.gate.runtime);
    let code = front.code();
    let device = runtime.block_on(devices::begin(state, &origin(), &front.client, &front.client.scopes)).unwrap();
    let (text, secret) = opaque::mint(Kind::Link);
    let bob = named(&office.bob);
    office.by(&office.ada, move |tx, ada| links::make(tx, ada, &bob, Purpose::PasswordReset, &secret)).unwrap();
    let new = PendingSignIn {
        user: office.bob.user().unwrap(),
        step: Step::Password,
        second_factor: false,
        failures: 0,
        expires_at: Timestamp::now().after(PendingSignIn::LIFE),
    };
    let pending = |at: Timestamp| PendingSignIn { expires_at: at, ..new.clone() }.is_live(Timestamp::now());
    assert!(pending(new.expires_at) && !pending(new.expires_at.after(FAR)));
    assert!(links::find(state, &origin(), text.expose()).is_ok());

    set_back(office);
    unproved(front.trade(&front.client, &code, BACK, VERIFIER), AuthError::BadCode);
    let polled = runtime.block_on(devices::poll(state, &origin(), &front.client, device.device_code.expose()));
    assert!(matches!(polled, Ok(Polled::Expired)), "{polled:?}");
    let typed = device.user_code.expose();
    unproved(devices::find(state, &origin(), typed).map(drop), AuthError::DeadUserCode);
    unproved(links::find(state, &origin(), text.expose()).map(drop), AuthError::DeadLink);
    assert!(office.read(store::device_codes::pending_addresses).unwrap().is_empty(), "it takes no place");
}

#[test]
fn signing_keys_rotate_although_the_clock_was_set_back() {
    let Front { gate, .. } = front();
    let (office, state) = (&gate.office, &gate.state);
    signing_keys::rotate(&office.store, &state.master_key, &Actor::operator(), 2048).unwrap();
    let (active, next, retired) = standing(office);
    set_back(office);
    signing_keys::keep_up(&office.store, &state.master_key, PLAN).unwrap();
    let (active_now, next_now, retired_now) = standing(office);
    assert!(active_now == next && next_now != next);
    assert!(retired_now.contains(&active) && retired_now.contains(&retired[0]), "their tokens are still valid");
    let latest = Timestamp::now().after(Duration::from_secs(1)).micros();
    let ahead = format!(
        "SELECT kid FROM signing_keys
                         WHERE state = 'active' AND activated_at > {latest} OR retired_at > {latest}"
    );
    assert!(probe::rows(&office.file, &ahead).is_empty());
    signing_keys::keep_up(&office.store, &state.master_key, PLAN).unwrap();
    assert_eq!(standing(office).0, active_now, "once is enough");
}

#[test]
fn the_use_of_a_key_and_a_place_are_stored_although_the_clock_was_set_back() {
    let Front { gate, .. } = front();
    let office = &gate.office;
    let (id, key) = gate.key(&office.bob);
    let bob = office.bob.user().unwrap();
    let place = || office.write(move |tx| crate::app::identity::attempts::remember_place(tx, &origin(), bob)).unwrap();
    gate.enter(&key).unwrap();
    assert!(place() && !place());
    set_back(office);
    gate.enter(&key).unwrap();
    assert!(place() && !place());
    let noted = office.read(|view| store::keys::find(view, id)).unwrap().unwrap().last_used_at.unwrap();
    assert!(!noted.is_ahead_of(Timestamp::now()), "{noted}");
}

#[test]
fn audit_rows_of_the_future_are_listed() {
    let office = office();
    office.workspace(&office.ada, "engines");
    probe::execute(&office.file, &format!("UPDATE audit SET at = at + {}", FAR.as_micros()));
    let found = office.read(|view| {
        crate::app::audit::page(view, &office.ada, &AuditSearch::default(), Page { after: None, limit: 50 })
    });
    assert!(found.unwrap().items.iter().any(|row| row.verb == "workspaces.create"));
}
