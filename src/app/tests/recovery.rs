//! The way back in for administrators.

use super::*;
use crate::app::identity::recovery::{Whom, recover};

fn run(office: &Office, whom: Whom) -> Result<crate::app::identity::recovery::Recovered> {
    office.write(move |tx| recover(tx, &Actor::operator(), &whom, Uuid::new_v4(), &another(true)))
}

fn anybody() -> Whom {
    Whom::AnyOr(address("root"))
}

#[test]
fn recovery_chooses_the_first_enabled_administrator() {
    let office = office();
    assert_eq!(run(&office, anybody()).unwrap().user.uuid, uuid(&office.ada));
    probe::execute(&office.file, "UPDATE users SET role = 'administrator' WHERE email_key = 'carol@example.com'");
    probe::execute(&office.file, "UPDATE users SET enabled = 0 WHERE email_key = 'ada@example.com'");
    assert_eq!(run(&office, anybody()).unwrap().user.uuid, uuid(&office.carol));
}

#[test]
fn recovery_enables_an_administrator_without_a_second_factor() {
    let office = office();
    let bob = office.bob.user().unwrap();
    office.sign_in(&office.bob);
    probe::execute(&office.file, "UPDATE users SET enabled = 0, must_change_password = 1 WHERE id = 2");
    probe::execute(
        &office.file,
        &format!("INSERT INTO second_factors (user_id, sealed, created_at, confirmed_at) VALUES ({bob}, x'00', 1, 1)"),
    );
    for _ in 0..2 {
        let before = office.audit().len();
        let recovered = run(&office, Whom::Named(address("BOB"))).unwrap();
        assert!(!recovered.created && recovered.user.may_authenticate() && !recovered.user.must_change_password);
        assert_eq!(recovered.user.role, AccountRole::Administrator);
        let traces = office.audit().split_off(before);
        assert_eq!((traces.len(), traces[0].verb.as_str()), (1, "users.recover"));
        for table in ["sessions", "second_factors"] {
            assert!(probe::rows(&office.file, &format!("SELECT 1 FROM {table}")).is_empty(), "{table}");
        }
        let sql = format!("SELECT role FROM organization_members WHERE user_id = {bob}");
        assert_eq!(probe::rows(&office.file, &sql)[0][0].as_str(), Some("admin"));
    }
}

#[test]
fn recovery_creates_a_missing_account_and_leaves_closed_ones() {
    let office = office();
    probe::execute(&office.file, "UPDATE users SET enabled = 0, state = 'blocked' WHERE role = 'administrator'");
    let recovered = run(&office, anybody()).unwrap();
    assert!(recovered.created);
    assert_eq!((recovered.user.email, recovered.user.role), (address("root"), AccountRole::Administrator));
    assert!(!run(&office, anybody()).unwrap().created, "the second time it is there");
    assert!(run(&office, Whom::Named(address("new"))).unwrap().created);
    let ada = run(&office, Whom::Named(address("ada"))).unwrap();
    assert!(ada.created && ada.user.id != office.ada.user().unwrap(), "another account of the same address");
    let closed = office.read(|view| store::users::find(view, office.ada.user().unwrap())).unwrap().unwrap();
    assert_eq!(closed.state, crate::domain::user::UserState::Blocked);
}
