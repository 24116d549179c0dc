//! The links that inviters get who are no administrators: only for a new account, and only as long as nobody else has
//! given the account a right.

use super::*;
use crate::app::added_people;
use crate::app::identity::links;
use crate::app::invitations::{Invitation, Mode};
use crate::app::roles::{self, NewRole};
use crate::app::workspace_invitations::{self, NewMember};
use crate::app::{bindings, members, organizations, users, workspaces};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::organization::OrganizationRole;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;
use crate::domain::user::{UserChange, UserStatus};
use crate::error::AuthError;

/// Invites as the page for people does. Returns the person, whether the invitation is new, and whether the link is theirs.
fn add(
    name: &str,
    organization: Option<OrganizationId>,
    secret: Fingerprint,
) -> impl Fn(&Tx, &Actor) -> Result<(User, bool, bool)> + Send + 'static {
    let new = new_user(name, AccountRole::Member);
    let invitation = Invitation { new, uuid: Uuid::new_v4(), developer: None, mode: Mode::Link };
    move |tx, actor| added_people::invite(tx, actor, &invitation, organization, Some(&secret))
}

fn join(place: WorkspaceId, name: &str, secret: Fingerprint) -> impl Fn(&Tx, &Actor) -> Result<bool> + Send + 'static {
    let new = NewMember {
        workspace: place,
        user: new_user(name, AccountRole::Member),
        organization_role: OrganizationRole::Reader,
        role: Role::Member,
    };
    move |tx, actor| workspace_invitations::add_by(tx, actor, &new, Uuid::new_v4(), &secret).map(|(_, link)| link)
}

fn secret() -> Fingerprint {
    opaque::mint(Kind::Link).1
}

impl Office {
    /// Tries the link.
    fn follow(&self, secret: Fingerprint) -> Result<User> {
        self.by(&Actor::nobody(origin()), move |tx, actor| links::use_up(tx, actor, &secret, &another(false)))
    }

    fn is_dead(&self, secret: Fingerprint) {
        let error = self.follow(secret).unwrap_err();
        assert!(matches!(error, Error::Unauthenticated(AuthError::DeadLink)), "{error:?}");
    }

    fn promote(&self, who: &Actor) -> OrganizationId {
        let (home, who) = (self.read(organizations::home).unwrap().id, named(who));
        let admin = OrganizationRole::Admin;
        self.by(&self.ada, move |tx, actor| organizations::upsert_member(tx, actor, home, &who, admin)).unwrap();
        home
    }

    /// Somebody new whom bob invites, with the link.
    fn invited(&self, name: &str, organization: Option<OrganizationId>) -> (UserId, Fingerprint) {
        let link = secret();
        let (user, is_new, has_link) = self.by(&self.bob, add(name, organization, link)).unwrap();
        assert!(is_new && has_link);
        (user.id, link)
    }
}

#[test]
fn a_member_gets_the_link_of_somebody_new() {
    let office = office();
    let (dora, link) = office.invited("dora", None);
    let verbs: Vec<_> = office.audit().into_iter().rev().take(2).map(|trace| trace.verb).collect();
    assert_eq!(verbs, ["users.make_link", "users.invite"]);
    assert_eq!(office.read(|view| store::organizations::memberships(view, dora)).unwrap(), []);
    let user = office.follow(link).unwrap();
    assert_eq!((user.id, user.role, user.email_verified), (dora, AccountRole::Member, None));
    office.is_dead(link);
}

#[test]
fn nobody_but_an_administrator_gets_the_link_of_an_account_that_exists() {
    let office = office();
    let home = office.promote(&office.bob);
    let place = office.workspace(&office.bob, "engines");
    let (_, mine) = office.invited("dora", Some(home));
    let foreign = secret();
    // Neither the inviter again, nor another member, nor an owner of a workspace: dora was invited before.
    for who in [&office.bob, &office.carol] {
        let (_, is_new, has_link) = office.by(who, add("dora", None, foreign)).unwrap();
        assert!(!is_new && !has_link);
    }
    assert!(!office.by(&office.bob, join(place, "dora", foreign)).unwrap());
    // Nor somebody who has an account, in the organization or not, nor an administrator.
    for name in ["carol", "ada", "bob"] {
        assert!(office.by(&office.bob, add(name, None, foreign)).is_err(), "{name}");
        assert!(!office.by(&office.bob, join(place, name, foreign)).is_ok_and(|link| link), "{name}");
    }
    for who in [&office.bob, &office.carol] {
        assert!(office.by(who, add("stranger", None, foreign)).is_err());
        assert!(office.by(who, join(place, "stranger", foreign)).is_err());
    }
    office.is_dead(foreign);
    office.follow(mine).expect("the first link still works");
    let (_, _, has_link) = office.by(&office.ada, add("erik", None, secret())).unwrap();
    assert!(has_link);
    let (_, is_new, has_link) = office.by(&office.ada, add("erik", None, secret())).unwrap();
    assert!(!is_new && has_link, "an administrator makes another one");
    assert_eq!(office.by(&office.bob, add("erik", None, foreign)).map(|(_, _, link)| link).ok(), Some(false));
    office.is_dead(foreign);
}

#[test]
fn nobody_invites_above_themselves() {
    let office = office();
    let invitation =
        |role| Invitation { new: new_user("max", role), uuid: Uuid::new_v4(), developer: None, mode: Mode::Link };
    for role in [AccountRole::Administrator, AccountRole::UiOnly] {
        let (new, link) = (invitation(role), secret());
        office.refusal(&office.bob, move |tx, actor| added_people::invite(tx, actor, &new, None, Some(&link)));
    }
    // Only an admin puts somebody new into an organization.
    let home = office.read(organizations::home).unwrap().id;
    forbidden(&office.refusal(&office.bob, add("max", Some(home), secret())), Action::ManageOrganizationMembers);
    hidden(&office.refusal(&office.stranger, add("max", Some(home), secret())));
    // What an administrator invited and expired is taken over without what it had.
    let new = invitation(AccountRole::Administrator);
    office.by(&office.ada, move |tx, actor| added_people::invite(tx, actor, &new, Some(home), None)).unwrap();
    probe::execute(&office.file, "UPDATE users SET invited_until = 1 WHERE state = 'invited'");
    let error = office.refusal(&office.bob, add("max", None, secret()));
    assert!(matches!(error, Error::Exceeded), "{error:?}");
}

#[test]
fn an_admin_of_an_organization_invites_into_it_and_its_workspaces() {
    let office = office();
    let home = office.promote(&office.bob);
    let (dora, link) = office.invited("dora", Some(home));
    assert_eq!(
        office.read(|view| store::organizations::role(view, home, dora)).unwrap(),
        Some(OrganizationRole::Member)
    );
    office.follow(link).unwrap();
    let (place, link) = (office.workspace(&office.bob, "engines"), secret());
    assert!(office.by(&office.bob, join(place, "erik", link)).unwrap());
    let erik = office.follow(link).unwrap();
    assert_eq!(office.role(place, &acting(&erik)), Some(Role::Member));
    // An owner who is no admin of the organization cannot bring anybody into it.
    let pumps = office.workspace(&office.carol, "pumps");
    forbidden(&office.refusal(&office.carol, join(pumps, "max", secret())), Action::ManageOrganizationMembers);
}

/// What somebody gives to a person.
type Give = Box<dyn Fn(&Tx, &Actor, UserId) -> Result<()> + Send + Sync>;

#[test]
fn the_link_ends_when_somebody_else_gives_a_right() {
    let office = office();
    let home = office.promote(&office.bob);
    let place = office.workspace(&office.bob, "engines");
    let role = NewRole {
        name: RoleName::parse("looker").unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(&[Permission::SPACE_READ]),
    };
    let role = office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &role)).unwrap().id;
    let gifts: [(&str, Give); 6] = [
        (
            "an organization",
            Box::new(move |tx, actor, user| {
                let admin = OrganizationRole::Admin;
                organizations::upsert_member(tx, actor, home, &Named::Number(user), admin).map(drop)
            }),
        ),
        (
            "a workspace",
            Box::new(move |tx, actor, user| {
                members::upsert(tx, actor, place, &Named::Number(user), Role::Reader).map(drop)
            }),
        ),
        (
            "a role",
            Box::new(move |tx, actor, user| {
                bindings::create(tx, actor, role, &Named::Number(user), Resource::Workspace(place)).map(drop)
            }),
        ),
        (
            "an account role",
            Box::new(|tx, actor, user| {
                let change = UserChange { administrator: Some(true), ..UserChange::default() };
                users::change(tx, actor, &Named::Number(user), &change).map(drop)
            }),
        ),
        (
            "another address",
            Box::new(|tx, actor, user| {
                let change = UserChange { email: Some(address("boss")), ..UserChange::default() };
                users::change(tx, actor, &Named::Number(user), &change).map(drop)
            }),
        ),
        (
            "a workspace of their own",
            Box::new(|tx, actor, user| {
                workspaces::create_for(tx, actor, &called("own"), &Named::Number(user)).map(drop)
            }),
        ),
    ];
    for (number, (what, give)) in gifts.into_iter().enumerate() {
        let (give, before) = (std::sync::Arc::new(give), office.audit().len());
        let (user, link) = office.invited(&format!("new{number}"), Some(home));
        let gift = give.clone();
        office.by(&office.ada, move |tx, actor| gift(tx, actor, user)).unwrap();
        let traces = office.audit().split_off(before);
        assert!(traces.iter().any(|trace| trace.verb == "users.end_link"), "{what}: {traces:?}");
        office.is_dead(link);
        assert_eq!(
            office.read(|view| Ok(store::users::find(view, user)?.unwrap().status(view.now))).unwrap(),
            UserStatus::Invited
        );
        // The link of an administrator stays.
        let (gift, new) = (give, secret());
        let renew = move |tx: &Tx, actor: &Actor| {
            links::make(tx, actor, &Named::Number(user), crate::domain::link::Purpose::Invitation, &new)?;
            let change = UserChange { developer: Some(false), ..UserChange::default() };
            users::change(tx, actor, &Named::Number(user), &change)
        };
        office.by(&office.ada, renew).unwrap();
        drop(gift);
        office.follow(new).expect(what);
    }
    // The inviter may give more, and another name is no right.
    let (user, link) = office.invited("erik", Some(home));
    office
        .by(&office.bob, move |tx, actor| members::upsert(tx, actor, place, &Named::Number(user), Role::Owner))
        .unwrap();
    let change =
        UserChange { first_name: Some(crate::domain::user::PersonName::parse("E").unwrap()), ..UserChange::default() };
    office.by(&office.ada, move |tx, actor| users::change(tx, actor, &Named::Number(user), &change)).unwrap();
    office.follow(link).unwrap();
    // Without the row of the audit log, nobody knows who has the link.
    let (user, link) = office.invited("olga", Some(home));
    probe::execute(&office.file, "UPDATE audit SET object = 'gone' WHERE verb = 'users.make_link'");
    office
        .by(&office.bob, move |tx, actor| members::upsert(tx, actor, place, &Named::Number(user), Role::Owner))
        .unwrap();
    office.is_dead(link);
}

#[test]
fn people_change_their_own_name_only() {
    use crate::domain::user::PersonName;
    let office = office();
    let name = |first: &str, last: &str| {
        let (first, last) = (PersonName::parse(first).unwrap(), PersonName::parse(last).unwrap());
        move |tx: &Tx, actor: &Actor| users::change_own_name(tx, actor, &first, &last)
    };
    let (user, trace) = office.change(&office.bob, "users.change_name", name("Robert", "<b>"));
    assert_eq!(
        (user.first_name.as_str(), user.last_name.as_str(), user.id),
        ("Robert", "<b>", office.bob.user().unwrap())
    );
    let (before, after) = (trace.before.unwrap(), trace.after.unwrap());
    assert_eq!(
        (&before["first_name"], &after["first_name"], &after["last_name"]),
        (&"bob".into(), &"Robert".into(), &"<b>".into())
    );
    assert_eq!((&before["role"], &before["email"]), (&after["role"], &after["email"]));
    office.nothing(&office.bob, name("Robert", "<b>"));
    office.change(&office.bob, "users.change_name", name("", ""));
    refused(&office.refusal(&Actor::operator(), name("x", "y")), "only people have a name");
    let key = crate::domain::key::KeyName::parse("robot").unwrap();
    let id =
        office.write(move |tx| store::bots::insert(tx, Uuid::new_v4(), key.as_str(), AccountRole::Member)).unwrap();
    let bot = acting(&office.read(|view| store::users::find_principal(view, id)).unwrap().unwrap());
    refused(&office.refusal(&bot, name("x", "y")), "only people have a name");
}
