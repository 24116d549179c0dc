//! Service keys: who makes them, what they may, what becomes of their bots.

use serde_json::json;

use super::keys::{invalid, plain, refresh, revoke, secret, works};
use super::*;
use crate::app::keys::{self, Renewal};
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::{bindings, members, organizations, roles, users, workspaces};
use crate::domain::bot::Bot;
use crate::domain::ids::OrganizationId;
use crate::domain::key::{Grace, Key, KeyKind, KeyRules, KeySearch, KeyState};
use crate::domain::organization::{NewOrganization, OrganizationName, OrganizationRole};
use crate::domain::page::Page;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceFilter;

/// A grant of the role of a member in one workspace, by default.
fn of(place: WorkspaceId) -> Grants {
    Grants { account: AccountRole::Member, organizations: vec![within(None, place, Role::Member)] }
}

fn within(organization: Option<OrganizationId>, place: WorkspaceId, role: Role) -> Grant {
    Grant { organization, role: OrganizationRole::Reader, workspaces: vec![(place, role)] }
}

fn as_role(place: WorkspaceId, role: Role) -> Grants {
    Grants { organizations: vec![within(None, place, role)], ..of(place) }
}

fn create(office: &Office, grants: Grants) -> impl Fn(&Tx, &Actor) -> Result<(Key, Bot)> + Send + 'static {
    let (new, uuid) = (plain(office), Uuid::new_v4());
    move |tx, actor| service_keys::create(tx, actor, &KeyRules::LOOSE, uuid, &new, &grants)
}

fn make(office: &Office, maker: &Actor, grants: Grants) -> (Key, Bot, Actor) {
    let (new, uuid) = (plain(office), Uuid::new_v4());
    let secret = new.secret.fingerprint;
    let make = move |tx: &Tx, actor: &Actor| service_keys::create(tx, actor, &KeyRules::LOOSE, uuid, &new, &grants);
    let (key, bot) = office.by(maker, make).unwrap();
    (key, bot, works(office, &secret).unwrap())
}

/// A second organization with a workspace of it; ada governs both, the others are in neither.
fn elsewhere(office: &Office) -> (OrganizationId, WorkspaceId) {
    let new = NewOrganization { name: OrganizationName::parse("Other").unwrap(), description: Description::default() };
    let id = office.by(&office.ada, move |tx, actor| organizations::create(tx, actor, &new)).unwrap().id;
    let new = NewWorkspace { organization: Some(id), ..called("far") };
    (id, office.by(&office.ada, move |tx, actor| workspaces::create(tx, actor, &new)).unwrap().id)
}

fn home(office: &Office) -> OrganizationId {
    office.read(organizations::home).unwrap().id
}

fn curator(office: &Office, permissions: &[Permission]) -> Role {
    let new = roles::NewRole {
        name: RoleName::parse("Curator").unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(permissions),
    };
    Role::Custom(office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id)
}

#[test]
fn a_service_key_writes_one_audit_row_with_its_permissions() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let ((key, bot), made) = office.change(&office.bob, "keys.create", create(&office, of(place)));
    assert_eq!((key.kind, key.user, key.created_by), (KeyKind::Service, bot.id, office.bob.user()));
    assert_eq!(bot.name.as_str(), "laptop");
    let after = made.after.unwrap();
    assert_eq!(after["type"], json!("service"));
    let inside = json!([{ "workspace": place.0, "role": "member", "role_id": null }]);
    let places = json!([{ "organization": home(&office).0, "role": "reader", "workspaces": inside }]);
    assert_eq!(after["organizations"], places);

    let ((), gone) = office.change(&office.bob, "keys.revoke", revoke(key.id));
    assert_eq!(gone.after, None);
    office.nothing(&office.bob, revoke(key.id));
}

#[test]
fn the_memberships_of_a_bot_decide() {
    let office = office();
    let [engines, garden] = ["engines", "garden"].map(|name| office.workspace(&office.bob, name));
    let (_, _, bot) = make(&office, &office.bob, of(engines));
    let seen = office.workspaces(&bot, &WorkspaceFilter::default());
    assert_eq!(seen.iter().map(|place| place.id).collect::<Vec<_>>(), [engines]);
    hidden(&office.read(|view| workspaces::visible(view, &bot, garden)).unwrap_err());
    forbidden(&office.refusal(&bot, move |tx, actor| workspaces::delete(tx, actor, engines)), Action::DeleteWorkspace);
    forbidden(
        &office.refusal(&bot, |tx, actor| workspaces::create(tx, actor, &called("mine"))),
        Action::CreateWorkspace,
    );
}

#[test]
fn people_do_not_see_bots() {
    let office = office();
    let place = office.workspace(&office.ada, "engines");
    let (_, bot, acting) = make(&office, &office.ada, of(place));
    let (uuid, email) = (uuid(&acting), acting.person().unwrap().email.clone());
    let look = |who: Named| office.read(|view| users::named(view, &office.ada, &who)).map(|user| user.uuid);
    for who in [Named::Number(bot.id), Named::Uuid(uuid), Named::Email(email.clone()), Named::Both(uuid, email.clone())]
    {
        hidden(&look(who).unwrap_err());
    }
    let ada = &office.ada;
    assert!(office.people(ada, None).iter().all(|user| user.id != bot.id));
    assert!(office.people(&acting, None).iter().all(|user| user.id != bot.id));
    assert!(office.people(&office.bob, None).iter().all(|user| user.id != bot.id));
    assert!(office.people(ada, Some(&[uuid])).is_empty());
    let who = Named::Number(bot.id);
    hidden(&office.refusal(ada, move |tx, actor| users::set_password(tx, actor, &who, &another(false))));

    let listed = office.read_long(|view| members::list(view, ada, place)).unwrap();
    assert_eq!(listed.iter().filter(|member| member.uuid == uuid).count(), 1, "but that it has a way in is seen");
    office.change(ada, "members.remove", move |tx, actor| members::remove(tx, actor, place, &Named::Uuid(uuid)));
}

#[test]
fn a_bot_does_not_count_as_the_last_owner_or_admin() {
    let office = office();
    let place = office.workspace(&office.ada, "engines");
    make(&office, &office.ada, as_role(place, Role::Owner));
    let who = named(&office.ada);
    refused(
        &office.refusal(&office.ada, move |tx, actor| members::upsert(tx, actor, place, &who, Role::Member)),
        "a workspace must keep at least one owner; add another owner first",
    );
    let (who, off) =
        (named(&office.ada), crate::domain::user::UserChange { enabled: Some(false), ..Default::default() });
    refused(
        &office.refusal(&Actor::operator(), move |tx, actor| users::change(tx, actor, &who, &off)),
        "the account must keep at least one enabled administrator",
    );
}

#[test]
fn a_bot_cannot_create_keys() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let (key, bot, acting) = make(&office, &office.bob, as_role(place, Role::Owner));
    forbidden(&office.refusal(&acting, create(&office, of(place))), Action::HoldKeys);
    for whose in [named(&office.bob), Named::Number(bot.id)] {
        let new = plain(&office);
        let mint = move |tx: &Tx, actor: &Actor| keys::create(tx, actor, &KeyRules::LOOSE, &whose, &new);
        forbidden(&office.refusal(&acting, mint), Action::HoldKeys);
    }
    let how = Renewal { secret: secret(&office), expires_at: None, grace: Grace::default() };
    office.change(&acting, "keys.refresh", refresh(KeyRules::LOOSE, key.id, how));
}

#[test]
fn a_service_key_never_exceeds_its_creator() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let mint = |who: &Actor, grants: Grants| office.refusal(who, create(&office, grants));
    let exceeded = |error: &Error| assert!(matches!(error, Error::Exceeded), "{error:?}");
    let governing = || Grants { account: AccountRole::Administrator, ..of(place) };
    exceeded(&mint(&office.bob, governing()));
    invalid(&mint(&office.ada, governing()), "account_role: must be member: a service key has no role");
    let in_home = |role| {
        let mut grants = of(place);
        grants.organizations[0].role = role;
        grants
    };
    exceeded(&mint(&office.bob, in_home(OrganizationRole::Admin)));
    office.change(&office.bob, "keys.create", create(&office, in_home(OrganizationRole::Member)));
    office.change(&office.bob, "keys.create", create(&office, as_role(place, Role::Owner)));

    // Who may make service keys by a named role gives no more than that role.
    let curator = curator(&office, &[Permission::SPACE_READ, Permission::SERVICE_KEY_CREATE]);
    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&mint(&office.carol, as_role(place, Role::Reader)), Action::CreateServiceKey);
    let (carol, ada) = (named(&office.carol), &office.ada);
    let Role::Custom(role) = curator else { panic!("{curator:?}") };
    let bind = move |tx: &Tx, actor: &Actor| bindings::create(tx, actor, role, &carol, Resource::Workspace(place));
    office.change(ada, "bindings.create", bind);
    exceeded(&mint(&office.carol, of(place)));
    exceeded(&mint(&office.carol, as_role(place, Role::Owner)));
    office.change(&office.carol, "keys.create", create(&office, as_role(place, Role::Reader)));
    office.change(&office.carol, "keys.create", create(&office, as_role(place, curator)));
}

#[test]
fn every_permission_of_an_owner_does_not_make_an_owner() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let all: Vec<Permission> = crate::policy::of_role(Role::Owner).iter().collect();
    let nearly = curator(&office, &all);
    office.join(&office.ada, place, &office.carol, nearly);
    let error = office.refusal(&office.carol, create(&office, as_role(place, Role::Owner)));
    assert!(matches!(error, Error::Exceeded), "an owner also chooses the members: {error:?}");
    office.change(&office.carol, "keys.create", create(&office, as_role(place, nearly)));
}

#[test]
fn places_of_a_service_key_are_visible_distinct_and_consistent() {
    let office = office();
    let (other, far) = elsewhere(&office);
    let (home, place) = (home(&office), office.workspace(&office.bob, "engines"));
    let next = office.workspace(&office.bob, "garden");
    let mint = |who: &Actor, organizations: Vec<Grant>| {
        let grants = Grants { account: AccountRole::Member, organizations };
        office.refusal(who, create(&office, grants))
    };
    let member = |organization, place| within(organization, place, Role::Member);
    hidden(&mint(&office.bob, vec![member(Some(other), far)]));
    hidden(&mint(&office.bob, vec![member(None, far)]));
    hidden(&mint(&office.bob, vec![member(Some(home), place), member(Some(other), far)]));
    hidden(&mint(&office.carol, vec![member(Some(home), place)]));
    hidden(&mint(&Actor::nobody(origin()), vec![member(Some(home), place)]));
    let ada = &office.ada;
    invalid(&mint(ada, vec![member(Some(other), place)]), "must belong to the organization that it is listed under");
    invalid(
        &mint(ada, vec![member(Some(home), place), member(Some(home), next)]),
        "organization: must not be listed twice",
    );
    let twice = Grant { workspaces: vec![(place, Role::Member), (place, Role::Reader)], ..member(None, place) };
    invalid(&mint(ada, vec![twice]), "workspace: must not be listed twice");
    invalid(&mint(ada, Vec::new()), "organizations: must contain 1 to 100");
    invalid(&mint(ada, vec![Grant { workspaces: Vec::new(), ..member(Some(home), place) }]), "spaces: must contain");
    invalid(&mint(ada, vec![member(Some(home), place); 101]), "organizations: must contain 1 to 100");

    let both = vec![member(Some(home), place), member(Some(other), far)];
    let both = Grants { account: AccountRole::Member, organizations: both };
    let ((_, bot), _) = office.change(ada, "keys.create", create(&office, both));
    assert_eq!(bot.organizations.iter().map(|place| place.organization).collect::<Vec<_>>(), [home, other]);
}

#[test]
fn a_service_key_is_revoked_by_its_creator_or_the_owners_of_all_its_workspaces() {
    let office = office();
    let [engines, garden] = ["engines", "garden"].map(|name| office.workspace(&office.bob, name));
    office.join(&office.bob, engines, &office.carol, Role::Owner);
    let mut grants = of(engines);
    grants.organizations[0].workspaces.push((garden, Role::Member));
    let (both, _, _) = make(&office, &office.bob, grants);
    forbidden(&office.refusal(&office.carol, revoke(both.id)), Action::RevokeServiceKey);
    hidden(&office.refusal(&office.stranger, revoke(both.id)));
    hidden(&office.refusal(&Actor::nobody(origin()), revoke(both.id)));
    office.join(&office.bob, garden, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, revoke(both.id)), Action::RevokeServiceKey);
    office.join(&office.bob, garden, &office.carol, Role::Owner);
    office.change(&office.carol, "keys.revoke", revoke(both.id));
    office.nothing(&office.ada, revoke(both.id));

    // Its maker no longer may once nothing is left of the right to.
    let (one, _, _) = make(&office, &office.bob, of(engines));
    let bob = named(&office.bob);
    office.by(&office.carol, move |tx, actor| members::upsert(tx, actor, engines, &bob, Role::Member)).unwrap();
    forbidden(&office.refusal(&office.bob, revoke(one.id)), Action::RevokeServiceKey);
    let Role::Custom(role) = curator(&office, &[Permission::SPACE_READ, Permission::SERVICE_KEY_REVOKE]) else {
        panic!("a custom role")
    };
    let bob = named(&office.bob);
    let bind = move |tx: &Tx, actor: &Actor| bindings::create(tx, actor, role, &bob, Resource::Workspace(engines));
    office.by(&office.ada, bind).unwrap();
    office.change(&office.bob, "keys.revoke", revoke(one.id));
}

#[test]
fn revoking_a_service_key_blocks_its_bot_and_ends_its_memberships() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let curator = curator(&office, &[Permission::SPACE_READ]);
    let (key, bot, acting) = make(&office, &office.ada, as_role(place, curator));
    let role = curator.custom().unwrap();
    let taken = office.refusal(&office.ada, move |tx, actor| roles::delete(tx, actor, role));
    assert!(matches!(taken, Error::Conflict { .. }), "{taken:?}");
    office.change(&office.ada, "keys.revoke", revoke(key.id));
    let members = office.read_long(|view| members::list(view, &office.bob, place)).unwrap();
    assert!(members.iter().all(|member| member.uuid != uuid(&acting)));
    office.change(&office.ada, "roles.delete", move |tx, actor| roles::delete(tx, actor, role));
    let state = probe::rows(&office.file, &format!("SELECT state, enabled FROM users WHERE id = {}", bot.id));
    assert_eq!(state, [[json!("blocked"), json!(0)]]);
    let search = KeySearch { kind: None, live: false, workspace: Some(place), user: None };
    let page = Page { after: None, limit: 10 };
    let listed = office.read(|view| keys::page(view, &office.bob, &search, page)).unwrap();
    let [(found, Some(shown))] = listed.items.as_slice() else { panic!("{listed:?}") };
    assert_eq!((found.id, found.state(Timestamp::now())), (key.id, KeyState::Revoked));
    assert_eq!((shown.id, shown.organizations.len()), (bot.id, 0));
}

#[test]
fn only_an_actor_with_all_permissions_of_a_bot_gets_its_secret() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let mut governing = of(place);
    governing.organizations[0].role = OrganizationRole::Admin;
    let (key, bot, _) = make(&office, &office.ada, governing);
    let how = || Renewal { secret: secret(&office), expires_at: None, grace: Grace::default() };
    let error = office.refusal(&office.bob, refresh(KeyRules::LOOSE, key.id, how()));
    assert!(matches!(error, Error::Exceeded), "bob governs its space, but not the organization: {error:?}");
    office.change(&office.ada, "keys.refresh", refresh(KeyRules::LOOSE, key.id, how()));

    let (plain, bound, _) = make(&office, &office.bob, of(place));
    office.change(&office.bob, "keys.refresh", refresh(KeyRules::LOOSE, plain.id, how()));
    let role = curator(&office, &[Permission::SPACE_READ, Permission::USER_CREATE]).custom().unwrap();
    let who = Named::Number(bound.id);
    let bind = move |tx: &Tx, actor: &Actor| bindings::create(tx, actor, role, &who, Resource::Workspace(place));
    office.change(&office.ada, "bindings.create", bind);
    let error = office.refusal(&office.bob, refresh(KeyRules::LOOSE, plain.id, how()));
    assert!(matches!(error, Error::Exceeded), "what was bound to it since counts: {error:?}");
    hidden(&office.refusal(&office.stranger, refresh(KeyRules::LOOSE, plain.id, how())));
    assert_ne!(bot.id, bound.id);
}

#[test]
fn only_owners_see_the_service_keys_of_a_workspace() {
    let office = office();
    let [engines, garden] = ["engines", "garden"].map(|name| office.workspace(&office.bob, name));
    office.join(&office.bob, engines, &office.carol, Role::Member);
    let by_bob = make(&office, &office.bob, of(engines)).0.id;
    let by_ada = make(&office, &office.ada, of(engines)).0.id;
    make(&office, &office.bob, of(garden));
    let look = |who: &Actor, kind, user: Option<&Actor>, place| {
        let search = KeySearch { kind, live: true, workspace: place, user: user.and_then(Actor::user) };
        let slice = office.read(|view| keys::page(view, who, &search, Page { after: None, limit: 100 }))?;
        Ok::<_, Error>(slice.items.iter().map(|(key, _)| key.id).collect::<Vec<_>>())
    };
    let here = Some(engines);
    assert_eq!(look(&office.bob, None, None, here).unwrap(), [by_bob, by_ada]);
    assert_eq!(look(&office.bob, None, Some(&office.ada), here).unwrap(), [by_ada]);
    assert_eq!(look(&office.bob, Some(KeyKind::User), None, here).unwrap(), []);
    assert_eq!(look(&office.ada, Some(KeyKind::Service), None, None).unwrap(), [by_ada]);
    assert_eq!(look(&office.ada, None, None, None).unwrap(), []);
    forbidden(&look(&office.carol, None, None, here).unwrap_err(), Action::ReadServiceKeys);
    hidden(&look(&office.stranger, None, None, here).unwrap_err());
}

#[test]
fn a_ui_only_user_gets_no_secret_of_a_service() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Owner);
    let (key, _, _) = make(&office, &office.bob, of(place));
    let carol = office.carol.user().unwrap();
    probe::execute(&office.file, &format!("UPDATE users SET role = 'ui_only' WHERE id = {carol}"));
    let carol = acting(&office.read(|view| store::users::find(view, carol)).unwrap().unwrap());
    let how = Renewal { secret: secret(&office), expires_at: None, grace: Grace::default() };
    forbidden(&office.refusal(&carol, refresh(KeyRules::LOOSE, key.id, how)), Action::HoldKeys);
}
