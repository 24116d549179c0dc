//! Changing one's own password.

use super::sign_in::{Gate, PASSWORD, gate, unproved};
use super::*;
use crate::app::identity::passwords_own;
use crate::domain::field::Field;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::error::AuthError;

fn change(gate: &Gate, actor: &Actor, current: &str, chosen: &str) -> Result<()> {
    let chosen = Password::parse(chosen).unwrap();
    gate.runtime.block_on(passwords_own::change(&gate.desk, actor, Secret::new(current), chosen, false))
}

#[test]
fn it_takes_the_current_one_and_ends_every_other_session() {
    let gate = gate();
    let (this, other) = (gate.come_in("bob@example.com"), gate.come_in("bob@example.com"));
    let token = gate.token(&gate.sign_in("bob@example.com", PASSWORD).unwrap());
    let (bob, _) = gate.show(&this.cookie).unwrap();
    unproved(&change(&gate, &bob, "bob breaks engines", "bob builds boats"), AuthError::WrongPassword);
    assert!(
        matches!(change(&gate, &bob, PASSWORD, PASSWORD), Err(Error::Invalid { field, .. }) if field == Field::Password)
    );
    assert!(gate.show(&other.cookie).is_ok() && gate.enter(&token).is_ok());

    let before = gate.office.audit().len();
    change(&gate, &bob, PASSWORD, "bob builds boats").unwrap();
    let traces = gate.office.audit().split_off(before);
    assert_eq!((traces.len(), traces[0].verb.as_str()), (1, "users.change_password"));
    assert!(gate.show(&this.cookie).is_ok(), "this one stays");
    unproved(&gate.show(&other.cookie), AuthError::SessionOver);
    unproved(&gate.enter(&token), AuthError::SessionOver);
    assert!(gate.sign_in("bob@example.com", "bob builds boats").is_ok());
}

#[test]
fn guessing_the_current_one_is_slowed() {
    let gate = gate();
    let (bob, _) = gate.show(&gate.come_in("bob@example.com").cookie).unwrap();
    for _ in 0..4 {
        unproved(&change(&gate, &bob, "a guess", "bob builds boats"), AuthError::WrongPassword);
    }
    assert!(matches!(change(&gate, &bob, PASSWORD, "bob builds boats"), Err(Error::Throttled { .. })));
}
