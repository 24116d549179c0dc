//! Invitations, and the links by which people choose passwords.

use serde_json::json;

use super::*;
use crate::app::identity::links;
use crate::app::invitations::{self, Invitation, Mode, Outcome};
use crate::app::{members, organizations, users};
use crate::domain::ids::UserId;
use crate::domain::link::Purpose;
use crate::domain::noun::Noun;
use crate::domain::organization::{NewOrganization, OrganizationName, OrganizationRole};
use crate::domain::text::Description;
use crate::domain::user::{EmailVerifier, UserStatus};
use crate::error::AuthError;

fn invitation(name: &str, role: AccountRole, mode: Mode) -> Invitation {
    Invitation { new: new_user(name, role), uuid: Uuid::new_v4(), developer: None, mode }
}

fn invite(new: Invitation) -> impl Fn(&Tx, &Actor) -> Result<Outcome> + Send + 'static {
    move |tx, actor| invitations::invite(tx, actor, &new)
}

fn by_link(name: &str) -> impl Fn(&Tx, &Actor) -> Result<Outcome> + Send + 'static {
    invite(invitation(name, AccountRole::Member, Mode::Link))
}

fn make(id: UserId, purpose: Purpose, secret: Fingerprint) -> impl Fn(&Tx, &Actor) -> Result<User> + Send + 'static {
    move |tx, actor| links::make(tx, actor, &Named::Number(id), purpose, &secret)
}

fn use_up(secret: Fingerprint) -> impl Fn(&Tx, &Actor) -> Result<User> + Send + 'static {
    move |tx, actor| links::use_up(tx, actor, &secret, &another(false))
}

#[track_caller]
fn fresh(outcome: Outcome) -> User {
    match outcome {
        Outcome::Fresh(user) => user,
        Outcome::Already(user) => panic!("{user:?} was invited already"),
    }
}

#[track_caller]
fn conflict(error: &Error) {
    assert!(matches!(error, Error::Conflict { what: Noun::User, .. }), "{error:?}");
}

#[track_caller]
fn dead(error: &Error) {
    assert!(matches!(error, Error::Unauthenticated(AuthError::DeadLink)), "{error:?}");
}

impl Office {
    fn status(&self, id: UserId) -> UserStatus {
        self.read(|view| Ok(store::users::find(view, id)?.unwrap().status(view.now))).unwrap()
    }

    /// Lets the invitation of this person have run out.
    fn expire(&self, id: UserId) {
        probe::execute(&self.file, &format!("UPDATE users SET invited_until = 1 WHERE id = {id}"));
    }

    /// Puts somebody who is invited into the home organization, where colleagues find them.
    fn at_home(&self, id: UserId) {
        let join = move |tx: &Tx, actor: &Actor| {
            let home = organizations::home(tx)?.id;
            organizations::upsert_member(tx, actor, home, &Named::Number(id), OrganizationRole::Member)
        };
        self.by(&self.ada, join).unwrap();
    }

    fn secret(&self) -> Fingerprint {
        let (secret, fingerprint) = opaque::mint(Kind::Link);
        self.secrets.lock().unwrap().push(secret.expose().to_owned());
        fingerprint
    }
}

#[test]
fn members_invite_only_members_and_annotators() {
    let office = office();
    for (name, role) in [("mo", AccountRole::Member), ("an", AccountRole::Annotator)] {
        let (outcome, trace) = office.change(&office.bob, "users.invite", invite(invitation(name, role, Mode::Link)));
        let user = fresh(outcome);
        assert_eq!((user.role, office.status(user.id)), (role, UserStatus::Invited));
        let after = trace.after.unwrap();
        assert_eq!((trace.before, &after["state"], &after["role"]), (None, &json!("invited"), &json!(role.as_str())));
        assert_eq!(user.developer, role == AccountRole::Member);
        let places = office.read(|view| store::organizations::memberships(view, user.id)).unwrap();
        assert_eq!(places, [], "an invitation puts nobody into an organization");
    }
    let above = office.refusal(&office.bob, invite(invitation("top", AccountRole::Administrator, Mode::Link)));
    assert!(matches!(above, Error::Exceeded), "{above:?}");
    let other = office.refusal(&office.bob, invite(invitation("ui", AccountRole::UiOnly, Mode::Link)));
    forbidden(&other, Action::CreateUser);
    for role in AccountRole::ALL {
        let name = format!("x{}", role.as_str().replace('_', "-"));
        let user = fresh(office.by(&office.ada, invite(invitation(&name, role, Mode::Link))).unwrap());
        assert_eq!(user.developer, matches!(role, AccountRole::Administrator | AccountRole::Member));
    }
    hidden(&office.refusal(&Actor::nobody(origin()), by_link("strange")));
    let mut annotator = office.bob.clone();
    if let Who::Person(person) = &mut annotator.who {
        person.role = AccountRole::Annotator;
    }
    forbidden(&office.refusal(&annotator, by_link("strange")), Action::InviteUser);
}

#[test]
fn only_a_developer_invites_a_developer() {
    let office = office();
    probe::execute(&office.file, &format!("UPDATE users SET developer = 0 WHERE id = {}", office.bob.user().unwrap()));
    assert!(!fresh(office.by(&office.bob, by_link("dev")).unwrap()).developer);
    let above = Invitation { developer: Some(true), ..invitation("dev2", AccountRole::Member, Mode::Link) };
    assert!(matches!(office.refusal(&office.bob, invite(above.clone())), Error::Exceeded));
    assert!(fresh(office.by(&office.ada, invite(above)).unwrap()).developer);
}

#[test]
fn a_repeated_invitation_depends_on_the_state_of_the_person() {
    let office = office();
    let dora = fresh(office.by(&office.bob, by_link("dora")).unwrap());

    // Invited: nothing changes, whatever is asked for now.
    let other = invitation("DORA", AccountRole::Annotator, Mode::TemporaryPassword(hash()));
    forbidden(&office.refusal(&office.carol, invite(other.clone())), Action::InviteWithoutLink);
    let again = office.nothing(&office.ada, invite(other));
    assert!(matches!(again, Outcome::Already(user) if user.id == dora.id && user.role == AccountRole::Member));

    // Expired: the same person, invited again.
    office.expire(dora.id);
    assert_eq!(office.status(dora.id), UserStatus::Expired);
    let (outcome, trace) = office.change(&office.bob, "users.invite", by_link("dora"));
    let again = fresh(outcome);
    assert_eq!((again.id, again.uuid, office.status(dora.id)), (dora.id, dora.uuid, UserStatus::Invited));
    assert_eq!(trace.before.unwrap()["state"], "invited");

    // Invited, and now at once.
    let at_once = || invite(invitation("dora", AccountRole::Member, Mode::AtOnce));
    fresh(office.by(&office.ada, at_once()).unwrap());
    assert_eq!(office.status(dora.id), UserStatus::Active);

    // Active, disabled.
    conflict(&office.refusal(&office.bob, by_link("dora")));
    for mode in [Mode::AtOnce, Mode::Link, Mode::TemporaryPassword(hash())] {
        let new = || invite(invitation("dora", AccountRole::Member, mode.clone()));
        conflict(&office.refusal(&office.ada, new()));
        probe::execute(&office.file, "UPDATE users SET enabled = 0 WHERE email_key = 'dora@example.com'");
        conflict(&office.refusal(&office.ada, new()));
        let back = "UPDATE users SET enabled = 1 WHERE email_key = 'dora@example.com'";
        probe::execute(&office.file, back);
    }
}

#[test]
fn a_new_invitation_removes_everything_that_was_granted_before() {
    let office = office();
    let place = office.workspace(&office.carol, "engines");
    let dora = fresh(office.by(&office.ada, by_link("dora")).unwrap());
    office.at_home(dora.id);
    office.join(&office.carol, place, &acting(&dora), Role::Owner);
    let id = dora.id;
    let guild =
        NewOrganization { name: OrganizationName::parse("Guild").unwrap(), description: Description::default() };
    let guild = office.by(&office.ada, move |tx, actor| organizations::create(tx, actor, &guild)).unwrap().id;
    let join = move |tx: &Tx, actor: &Actor| {
        organizations::upsert_member(tx, actor, guild, &Named::Number(id), OrganizationRole::Admin)
    };
    office.by(&office.ada, join).unwrap();
    // Who has not come in yet is no owner that a workspace can be left to.
    let carol = named(&office.carol);
    let leave = move |tx: &Tx, actor: &Actor| members::remove(tx, actor, place, &carol);
    refused(&office.refusal(&office.carol, leave), "must keep at least one owner");

    office.expire(dora.id);
    fresh(office.by(&office.bob, by_link("dora")).unwrap());
    assert_eq!(office.role(place, &acting(&dora)), None);
    let roles = office.read(|view| store::organizations::memberships(view, id)).unwrap();
    assert_eq!(roles, []);

    // What a member could not have given, a member does not replace.
    let mighty =
        fresh(office.by(&office.ada, invite(invitation("max", AccountRole::Administrator, Mode::Link))).unwrap());
    office.at_home(mighty.id);
    office.expire(mighty.id);
    assert!(matches!(office.refusal(&office.bob, by_link("max")), Error::Exceeded));
}

#[test]
fn a_pending_invitation_can_be_renewed() {
    let office = office();
    let dora = fresh(office.by(&office.bob, by_link("dora")).unwrap());
    office.at_home(dora.id);
    let renew = |id| move |tx: &Tx, actor: &Actor| invitations::renew(tx, actor, id);
    probe::execute(&office.file, "UPDATE users SET invited_until = invited_until - 1 WHERE state = 'invited'");
    office.change(&office.ada, "users.renew_invitation", renew(dora.id));
    forbidden(&office.refusal(&office.carol, renew(dora.id)), Action::CreateUser);
    hidden(&office.refusal(&office.stranger, renew(dora.id)));
    office.expire(dora.id);
    for id in [dora.id, office.carol.user().unwrap()] {
        refused(&office.refusal(&office.ada, renew(id)), "the user has no pending invitation");
    }
}

#[test]
fn only_the_newest_link_works_and_only_once() {
    let office = office();
    let dora = fresh(office.by(&office.bob, by_link("dora")).unwrap());
    office.at_home(dora.id);
    let (old, new) = (office.secret(), office.secret());
    forbidden(&office.refusal(&office.bob, make(dora.id, Purpose::Invitation, old)), Action::SetPassword);
    let rule = "has not accepted the invitation yet";
    refused(&office.refusal(&office.ada, make(dora.id, Purpose::PasswordReset, old)), rule);
    for secret in [old, new] {
        let (_, trace) =
            office.change(&Actor::operator(), "users.make_link", make(dora.id, Purpose::Invitation, secret));
        assert_eq!(trace.after.unwrap()["purpose"], "invitation");
    }
    let visitor = Actor::nobody(origin());
    dead(&office.refusal(&visitor, use_up(old)));
    let (_, trace) = {
        let before = office.audit().len();
        let user = office.by(&visitor, use_up(new)).unwrap();
        (user, office.audit().remove(before))
    };
    assert_eq!((trace.verb.as_str(), trace.actor.as_str()), ("users.accept_invitation", "dora@example.com"));
    assert_eq!(trace.before, Some(json!({ "state": "invited" })));
    assert_eq!(trace.after, Some(json!({ "state": "active", "sessions_ended": 0 })));
    assert_eq!(office.status(dora.id), UserStatus::Active);
    dead(&office.refusal(&visitor, use_up(new)));
    let again = office.refusal(&office.ada, make(dora.id, Purpose::Invitation, old));
    refused(&again, "the user has no pending invitation");
}

#[test]
fn a_password_link_ends_sessions_and_expires() {
    let office = office();
    let bob = office.bob.user().unwrap();
    let visitor = Actor::nobody(origin());
    let request = move |tx: &Tx, actor: &Actor| links::request_reset(tx, actor, bob);
    office.change(&office.ada, "users.request_reset", request);
    forbidden(&office.refusal(&office.carol, request), Action::SetPassword);
    hidden(&office.refusal(&office.stranger, request));

    let late = office.secret();
    office.change(&office.ada, "users.make_link", make(bob, Purpose::PasswordReset, late));
    probe::execute(&office.file, "UPDATE links SET expires_at = 1");
    dead(&office.refusal(&visitor, use_up(late)));

    let good = office.secret();
    office.change(&office.ada, "users.make_link", make(bob, Purpose::PasswordReset, good));
    let disable =
        |enabled: u8| probe::execute(&office.file, &format!("UPDATE users SET enabled = {enabled} WHERE id = {bob}"));
    disable(0);
    dead(&office.refusal(&visitor, use_up(good)));
    refused(&office.refusal(&office.ada, make(bob, Purpose::PasswordReset, late)), "the user is disabled");
    disable(1);
    let (_, token) = office.sign_in(&office.bob);
    office.by(&visitor, use_up(good)).unwrap();
    assert!(office.read(|view| store::refresh_tokens::find(view, &token.fingerprint)).unwrap().is_none());
    let trace = office.audit().pop().unwrap();
    assert_eq!(
        (trace.verb.as_str(), trace.after.unwrap()["sessions_ended"].as_u64()),
        ("users.reset_password", Some(1))
    );

    // An administrator who sets a password, or switches the account off, takes every link along.
    for _ in 0..2 {
        let void = office.secret();
        office.by(&office.ada, make(bob, Purpose::PasswordReset, void)).unwrap();
        let who = named(&office.bob);
        office.by(&office.ada, move |tx, actor| users::set_password(tx, actor, &who, &another(false))).unwrap();
        dead(&office.refusal(&visitor, use_up(void)));
    }
}

#[test]
fn an_invited_person_cannot_sign_in() {
    let office = office();
    let temporary = Mode::TemporaryPassword(hash());
    let dora = fresh(office.by(&office.ada, invite(invitation("dora", AccountRole::Member, temporary))).unwrap());
    assert!(dora.must_change_password && !dora.may_authenticate());
    let (session, _) = office.sign_in(&acting(&dora));
    let entered = office.read(|view| verbs::authenticate(view, session, dora.uuid));
    assert!(matches!(entered, Err(Error::Unauthenticated(AuthError::Disabled))), "{entered:?}");
    // Who is let in by an administrator's password is in.
    let who = Named::Uuid(dora.uuid);
    office.by(&office.ada, move |tx, actor| users::set_password(tx, actor, &who, &another(false))).unwrap();
    assert_eq!(office.status(dora.id), UserStatus::Active);
}

#[test]
fn a_member_cannot_replace_a_pending_invitation() {
    let office = office();
    let place = office.workspace(&office.carol, "engines");
    let dora = fresh(office.by(&office.ada, by_link("dora")).unwrap());
    office.at_home(dora.id);
    office.join(&office.carol, place, &acting(&dora), Role::Member);
    let at_once = || invite(invitation("dora", AccountRole::Member, Mode::AtOnce));
    forbidden(&office.refusal(&office.bob, at_once()), Action::InviteWithoutLink);
    fresh(office.by(&office.ada, at_once()).unwrap());
}

#[test]
fn members_invite_only_by_link_and_confirm_no_address() {
    let office = office();
    for mode in [Mode::AtOnce, Mode::TemporaryPassword(hash())] {
        for name in ["dora", "bob"] {
            let new = invitation(name, AccountRole::Member, mode.clone());
            forbidden(&office.refusal(&office.bob, invite(new)), Action::InviteWithoutLink);
        }
    }
    let verified = |id: UserId| office.read(|view| store::users::find(view, id)).unwrap().unwrap().email_verified;
    let dora = fresh(office.by(&office.bob, by_link("dora")).unwrap());
    let secret = office.secret();
    office.by(&Actor::operator(), make(dora.id, Purpose::Invitation, secret)).unwrap();
    office.by(&Actor::nobody(origin()), use_up(secret)).unwrap();
    assert_eq!((office.status(dora.id), verified(dora.id)), (UserStatus::Active, None));

    // The invitation of an administrator verifies the address, until a member repeats an expired one.
    let voucher = EmailVerifier::Administrator(uuid(&office.ada));
    let max = fresh(office.by(&office.ada, by_link("max")).unwrap());
    assert_eq!(verified(max.id).map(|verified| verified.by), Some(voucher));
    assert!(matches!(office.by(&office.bob, by_link("max")).unwrap(), Outcome::Already(_)));
    assert_eq!(verified(max.id).map(|verified| verified.by), Some(voucher));
    office.expire(max.id);
    fresh(office.by(&office.bob, by_link("max")).unwrap());
    assert_eq!(verified(max.id), None);
    // To invite somebody who is invited changes nothing, by whom it may be.
    assert!(matches!(office.by(&office.ada, by_link("max")).unwrap(), Outcome::Already(_)));
    assert_eq!(verified(max.id), None);
    office.expire(max.id);
    fresh(office.by(&Actor::operator(), by_link("max")).unwrap());
    assert_eq!(verified(max.id).map(|verified| verified.by), Some(EmailVerifier::Operator));
}

#[test]
fn the_address_of_a_closed_account_is_free_for_another_one() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let bob = office.bob.user().unwrap();
    office.by(&office.ada, move |tx, actor| crate::app::user_deletion::block(tx, actor, bob)).unwrap();
    let again = fresh(office.by(&office.carol, by_link("BOB")).unwrap());
    assert!(again.id != bob && again.uuid != uuid(&office.bob));
    assert_eq!(office.role(place, &acting(&again)), None);
    let found = office.read(|view| store::users::find_by_email(view, "bob@example.com")).unwrap().unwrap();
    assert_eq!(found.id, again.id);
    assert_eq!(office.status(bob), UserStatus::Blocked);
    // It is taken once more.
    let new = new_user("bob", AccountRole::Member);
    let create = move |tx: &Tx, actor: &Actor| users::create(tx, actor, &new, Uuid::new_v4(), None);
    conflict(&office.refusal(&office.ada, create));
    assert_eq!(
        probe::rows(&office.file, "SELECT count(*) FROM users WHERE email_key = 'bob@example.com'"),
        [[json!(2)]]
    );
}

#[test]
fn a_bot_cannot_invite() {
    let office = office();
    let (uuid, name) = (Uuid::new_v4(), crate::domain::key::KeyName::parse("robot").unwrap());
    let make = move |tx: &Tx| store::bots::insert(tx, uuid, name.as_str(), AccountRole::Member);
    let id = office.write(make).unwrap();
    let bot = acting(&office.read(|view| store::users::find_principal(view, id)).unwrap().unwrap());
    let developer = Invitation { developer: Some(true), ..invitation("dora", AccountRole::Member, Mode::Link) };
    forbidden(&office.refusal(&bot, invite(developer)), Action::InviteUser);
    forbidden(&office.refusal(&bot, by_link("dora")), Action::InviteUser);
}
