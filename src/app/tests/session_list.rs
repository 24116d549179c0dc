//! Sessions as their people see them, and end them one by one.

use super::*;
use crate::app::identity::session_list::{end, for_each};

fn shown(office: &Office, who: &Actor, whose: &Actor) -> Result<Vec<Uuid>> {
    let whose = whose.user().unwrap();
    office.read_long(|view| {
        let mut found = Vec::new();
        for_each(view, who, whose, |session| {
            found.push(session.uuid);
            Ok(())
        })?;
        Ok(found)
    })
}

#[test]
fn people_list_their_own_live_sessions_and_administrators_all() {
    let office = office();
    let (first, _) = office.sign_in(&office.bob);
    let (dead, _) = office.sign_in(&office.bob);
    let (old, _) = office.sign_in(&office.bob);
    let (last, _) = office.sign_in(&office.bob);
    office.sign_in(&office.carol);
    probe::execute(&office.file, &format!("UPDATE sessions SET idle_until = 1 WHERE uuid = '{dead}'"));
    probe::execute(&office.file, &format!("UPDATE sessions SET ends_at = 1 WHERE uuid = '{old}'"));
    for who in [&office.bob, &office.ada, &Actor::operator()] {
        assert_eq!(shown(&office, who, &office.bob).unwrap(), [last, first]);
    }
    forbidden(&shown(&office, &office.carol, &office.bob).unwrap_err(), Action::ReadSessions);
    hidden(&shown(&office, &office.stranger, &office.bob).unwrap_err());
    hidden(&shown(&office, &Actor::nobody(origin()), &office.bob).unwrap_err());
    assert!(shown(&office, &office.stranger, &office.stranger).unwrap().is_empty());
}

#[test]
fn a_person_or_an_administrator_ends_one_session() {
    let office = office();
    let (first, _) = office.sign_in(&office.bob);
    let (second, _) = office.sign_in(&office.bob);
    let (third, _) = office.sign_in(&office.bob);
    let ending = |session| move |tx: &Tx, actor: &Actor| end(tx, actor, session);
    forbidden(&office.refusal(&office.carol, ending(first)), Action::EndSession);
    for who in [&office.stranger, &Actor::nobody(origin())] {
        let error = office.refusal(who, ending(first));
        assert_eq!(error.to_string(), format!("session {first} does not exist"), "as one that nobody has");
    }
    let ((), trace) = office.change(&office.bob, "sessions.end", ending(first));
    assert_eq!((trace.kind.as_str(), trace.object), ("session", first.to_string()));
    assert_eq!(trace.before, Some(serde_json::json!({ "client": "sdk-client", "scope": "openid" })));
    office.change(&office.ada, "sessions.end", ending(second));
    assert_eq!(shown(&office, &office.bob, &office.bob).unwrap(), [third]);
    assert!(office.read(|view| store::sessions::find_by_uuid(view, third)).unwrap().is_some());
    hidden(&office.refusal(&office.bob, ending(first)));
    hidden(&office.refusal(&office.ada, ending(Uuid::new_v4())));
    probe::execute(&office.file, "UPDATE sessions SET idle_until = 1");
    hidden(&office.refusal(&office.bob, ending(third)));
}
