//! People: inviting, finding, changing, and the administrator who stays.

use serde_json::json;

use super::*;
use crate::app::users;
use crate::domain::noun::Noun;
use crate::domain::user::UserChange;
use crate::store::organizations;

const KEEPS: &str = "the account must keep at least one enabled administrator";

fn change(who: &Actor, change: UserChange) -> impl Fn(&Tx, &Actor) -> Result<User> + Send + 'static {
    let who = named(who);
    move |tx, actor| users::change(tx, actor, &who, &change)
}

fn enabled(enabled: bool) -> UserChange {
    UserChange { enabled: Some(enabled), ..UserChange::default() }
}

fn role(role: AccountRole) -> UserChange {
    UserChange { administrator: Some(role == AccountRole::Administrator), ..UserChange::default() }
}

fn invite(name: &str, role: AccountRole) -> impl Fn(&Tx, &Actor) -> Result<User> + Send + 'static {
    let (new, uuid) = (new_user(name, role), Uuid::new_v4());
    move |tx, actor| users::create(tx, actor, &new, uuid, Some(&hash()))
}

fn set_password(who: &Actor, keys: bool) -> impl Fn(&Tx, &Actor) -> Result<User> + Send + 'static {
    let who = named(who);
    move |tx, actor| users::set_password(tx, actor, &who, &another(keys))
}

fn emails(users: &[User]) -> Vec<&str> {
    users.iter().map(|user| user.email.as_str().split('@').next().unwrap()).collect()
}

#[test]
fn the_last_administrator_cannot_be_disabled_nor_demoted() {
    let office = office();
    for who in [&office.ada, &Actor::operator()] {
        refused(&office.refusal(who, change(&office.ada, enabled(false))), KEEPS);
        refused(&office.refusal(who, change(&office.ada, role(AccountRole::Member))), KEEPS);
    }
}

#[test]
fn a_disabled_administrator_does_not_count() {
    let office = office();
    office.change(&office.ada, "users.change", change(&office.bob, role(AccountRole::Administrator)));
    office.change(&office.ada, "users.change", change(&office.bob, enabled(false)));
    refused(&office.refusal(&office.ada, change(&office.ada, role(AccountRole::Member))), KEEPS);
    office.change(&office.ada, "users.change", change(&office.bob, enabled(true)));
    office.change(&office.ada, "users.change", change(&office.ada, role(AccountRole::Member)));
}

#[test]
fn administrators_who_demote_each_other_concurrently_keep_one() {
    for round in 0..10 {
        let office = office();
        for who in [&office.bob, &office.carol] {
            office.by(&office.ada, change(who, role(AccountRole::Administrator))).unwrap();
        }
        let all = [&office.ada, &office.bob, &office.carol];
        let jobs = (0..50)
            .map(|n| {
                // As administrators they were let in; what they still are is looked at when their turn comes.
                let mut actor = all[n % 3].clone();
                if let Who::Person(person) = &mut actor.who {
                    person.role = AccountRole::Administrator;
                }
                let victim = named(all[(n + n / 3) % 3]);
                let blow = if n % 2 == 0 { enabled(false) } else { role(AccountRole::Member) };
                let job = move |tx: &Tx| users::change(tx, &actor, &victim, &blow).map(drop);
                Box::new(job) as Job
            })
            .collect();
        office.at_once(jobs);
        let sql = "SELECT count(*) FROM users WHERE role = 'administrator' AND enabled = 1";
        assert_eq!(probe::rows(&office.file, sql), [[json!(1)]], "round {round}");
    }
}

#[test]
fn every_change_of_a_person_writes_one_audit_row() {
    let office = office();
    let (dora, made) = office.change(&office.ada, "users.create", invite("dora", AccountRole::Member));
    let shown = json!({
        "developer": true, "email": "dora@example.com", "first_name": "dora", "last_name": "", "enabled": true, "role": "member",
    });
    assert_eq!((made.kind.as_str(), made.object), ("user", dora.uuid.to_string()));
    assert_eq!((made.before, made.after), (None, Some(shown.clone())));

    let dora = acting(&dora);
    let marries = UserChange {
        email: Some(address("Dora.Doe")),
        last_name: Some(PersonName::parse("Doe").unwrap()),
        ..UserChange::default()
    };
    let (_, changed) = office.change(&office.ada, "users.change", change(&dora, marries.clone()));
    let (before, after) = (changed.before.unwrap(), changed.after.unwrap());
    assert_eq!((&before["email"], &before["last_name"]), (&shown["email"], &shown["last_name"]));
    assert_eq!(after["email"], "Dora.Doe@example.com");
    office.nothing(&office.ada, change(&dora, marries));
    office.nothing(&office.ada, change(&dora, UserChange::default()));

    office.sign_in(&dora);
    super::keys::make(&office, &dora, &dora);
    let (_, changed) = office.change(&office.ada, "users.change", change(&dora, enabled(false)));
    let after = changed.after.unwrap();
    assert_eq!((&after["enabled"], &after["ended"]), (&json!(false), &json!({ "sessions": 1, "keys": 1 })));
    office.change(&office.ada, "users.change", change(&dora, enabled(true)));

    office.sign_in(&dora);
    let (_, changed) = office.change(&office.ada, "users.set_password", set_password(&dora, true));
    assert_eq!(changed.after, Some(json!({ "sessions_ended": 1, "keys_revoked": 0 })));
}

#[test]
fn an_address_that_is_taken_is_a_conflict_in_any_case() {
    let office = office();
    for name in ["bob", "BOB"] {
        let error = office.refusal(&office.ada, invite(name, AccountRole::Member));
        assert!(matches!(error, Error::Conflict { what: Noun::User, .. }), "{error:?}");
        let take = UserChange { email: Some(address(name)), ..UserChange::default() };
        let error = office.refusal(&office.ada, change(&office.carol, take));
        assert!(matches!(error, Error::Conflict { what: Noun::User, .. }), "{error:?}");
    }
    let own = UserChange { email: Some(address("BOB")), ..UserChange::default() };
    office.change(&office.ada, "users.change", change(&office.bob, own));
}

#[test]
fn only_administrators_manage_people() {
    let office = office();
    for who in [&office.bob, &office.stranger] {
        assert!(!users::manages(who));
        forbidden(&office.refusal(who, invite("dora", AccountRole::Member)), Action::CreateUser);
        forbidden(&office.refusal(who, change(who, role(AccountRole::Administrator))), Action::ChangeUser);
        forbidden(&office.refusal(who, set_password(who, false)), Action::SetPassword);
    }
    forbidden(&office.refusal(&office.bob, change(&office.carol, enabled(false))), Action::ChangeUser);
    forbidden(&office.refusal(&office.bob, set_password(&office.ada, true)), Action::SetPassword);
    hidden(&office.refusal(&office.stranger, change(&office.bob, enabled(false))));
    hidden(&office.refusal(&office.stranger, set_password(&office.bob, false)));
    let nobody = Actor::nobody(origin());
    hidden(&office.refusal(&nobody, invite("dora", AccountRole::Member)));
    hidden(&office.refusal(&nobody, change(&office.bob, enabled(false))));
    assert!(users::manages(&office.ada) && users::manages(&Actor::operator()));
}

#[test]
fn people_see_the_members_of_their_organizations() {
    let office = office();
    let seen = |actor: &Actor| office.people(actor, None);
    assert_eq!(emails(&seen(&office.ada)), ["ada", "bob", "carol", "stranger"]);
    assert_eq!(emails(&seen(&Actor::operator())), ["ada", "bob", "carol", "stranger"]);
    assert_eq!(emails(&seen(&office.bob)), ["ada", "bob", "carol"]);
    assert_eq!(emails(&seen(&office.stranger)), ["stranger"]);
    assert!(seen(&Actor::nobody(origin())).is_empty());
}

#[test]
fn a_person_is_named_by_uuid_or_address_or_both() {
    let office = office();
    let find = |actor: &Actor, who: Named| office.read(|view| users::named(view, actor, &who));
    let bob = uuid(&office.bob);
    for who in [Named::Uuid(bob), Named::Email(address("BOB")), Named::Both(bob, address("bob"))] {
        assert_eq!(find(&office.carol, who.clone()).unwrap().uuid, bob);
        hidden(&find(&office.stranger, who.clone()).unwrap_err());
        hidden(&find(&Actor::nobody(origin()), who).unwrap_err());
    }
    hidden(&find(&office.carol, Named::Both(bob, address("carol"))).unwrap_err());
    hidden(&find(&office.carol, Named::Email(address("nobody"))).unwrap_err());
    let absent = find(&office.bob, Named::Email(address("dora"))).unwrap_err().to_string();
    let unseen = find(&office.bob, Named::Email(address("stranger"))).unwrap_err().to_string();
    assert_eq!(absent.replace("dora", "N"), unseen.replace("stranger", "N"));
}

#[test]
fn a_lookup_of_many_returns_only_visible_people() {
    let office = office();
    let all = [&office.stranger, &office.carol, &office.ada].map(uuid);
    let find = |actor: &Actor| office.people(actor, Some(&all));
    assert_eq!(emails(&find(&office.bob)), ["ada", "carol"]);
    assert_eq!(emails(&find(&office.ada)), ["ada", "carol", "stranger"]);
}

#[test]
fn an_administrator_is_an_admin_of_the_home_organization() {
    let office = office();
    let at_home = |who: &Actor| {
        let role = office.read(|view| {
            let home = organizations::find_home(view)?.unwrap();
            organizations::role(view, home.id, who.user().unwrap())
        });
        role.unwrap().map(crate::domain::organization::OrganizationRole::as_str)
    };
    assert_eq!((at_home(&office.ada), at_home(&office.bob)), (Some("admin"), Some("member")));
    office.change(&office.ada, "users.change", change(&office.bob, role(AccountRole::Administrator)));
    assert_eq!(at_home(&office.bob), Some("admin"));
    office.change(&office.ada, "users.change", change(&office.bob, role(AccountRole::Member)));
    assert_eq!(at_home(&office.bob), Some("member"));
    office.change(&office.ada, "users.change", change(&office.stranger, role(AccountRole::Administrator)));
    assert_eq!(at_home(&office.stranger), None, "nobody is put into an organization in passing");
}

#[test]
fn a_second_first_administrator_is_refused() {
    let office = office();
    let again = setup::first_administrator(&office.store, new_user("eve", AccountRole::Administrator), hash(), false);
    refused(&again.unwrap_err(), "already has an administrator");
    assert!(!setup::lacks_administrator(&office.store).unwrap());
    setup::settle(&office.store).unwrap();
    let homes = office.audit().iter().filter(|trace| trace.verb == "organizations.create").count();
    assert_eq!(homes, 1);
}

#[test]
fn a_set_password_ends_sessions_and_revokes_keys_on_request() {
    let office = office();
    let (_, of_bob) = office.sign_in(&office.bob);
    office.sign_in(&office.bob);
    let (_, of_carol) = office.sign_in(&office.carol);
    let key = super::keys::make(&office, &office.bob, &office.bob);
    let others = super::keys::make(&office, &office.carol, &office.carol);
    let session = |token: &RefreshToken| {
        office.read(|view| store::refresh_tokens::find(view, &token.fingerprint)).unwrap().is_some()
    };
    let live = |key: &crate::domain::key::Key| {
        office.read(|view| Ok(store::keys::find(view, key.id)?.unwrap().is_live(view.now))).unwrap()
    };

    let (_, trace) = office.change(&office.ada, "users.set_password", set_password(&office.bob, false));
    assert_eq!(trace.after, Some(json!({ "sessions_ended": 2, "keys_revoked": 0 })));
    assert!(!session(&of_bob) && session(&of_carol));
    assert!(live(&key));

    let (_, trace) = office.change(&office.ada, "users.set_password", set_password(&office.bob, true));
    assert_eq!(trace.after, Some(json!({ "sessions_ended": 0, "keys_revoked": 1 })));
    assert!(!live(&key) && live(&others));
}
