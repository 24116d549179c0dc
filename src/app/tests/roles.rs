//! Named roles and their bindings: nobody gives more than they hold.

use serde_json::json;

use super::*;
use crate::app::roles::{NewRole, RoleChange};
use crate::app::{bindings, members, roles};
use crate::domain::ids::{BindingId, RoleId};
use crate::domain::noun::Noun;
use crate::domain::page::Page;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;

const FIRST: Page = Page { after: None, limit: 50 };

fn new(name: &str, permissions: &[Permission]) -> NewRole {
    NewRole {
        name: RoleName::parse(name).unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(permissions),
    }
}

impl Office {
    fn named_role(&self, name: &str, permissions: &[Permission]) -> RoleId {
        let new = new(name, permissions);
        self.by(&self.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id
    }

    fn set_account_role(&self, who: &Actor, role: AccountRole) {
        let sql = format!("UPDATE users SET role = '{}' WHERE id = {}", role.as_str(), who.user().unwrap());
        probe::execute(&self.file, &sql);
    }
}

fn bind(role: RoleId, who: &Actor, on: Resource) -> impl Fn(&Tx, &Actor) -> Result<BindingId> + Send + 'static {
    let who = named(who);
    move |tx, actor| bindings::create(tx, actor, role, &who, on).map(|binding| binding.id)
}

fn put(place: WorkspaceId, who: &Actor, role: Role) -> impl Fn(&Tx, &Actor) -> Result<Role> + Send + 'static {
    let who = named(who);
    move |tx, actor| members::upsert(tx, actor, place, &who, role).map(|member| member.role)
}

fn exceeded(error: &Error) {
    assert!(matches!(error, Error::Exceeded), "{error:?}");
}

#[test]
fn administrators_create_change_and_delete_roles() {
    let office = office();
    let looker = |tx: &Tx, actor: &Actor| roles::create(tx, actor, &new("looker", &[Permission::SPACE_READ]));
    let (made, trace) = office.change(&office.ada, "roles.create", looker);
    let after = json!({ "name": "looker", "description": "", "permissions": ["SPACE_READ"] });
    assert_eq!((trace.before, trace.after), (None, Some(after)));
    assert!(matches!(office.refusal(&office.ada, looker), Error::Conflict { what: Noun::Role, .. }));
    forbidden(&office.refusal(&office.bob, looker), Action::ManageRoles);
    let empty = |tx: &Tx, actor: &Actor| roles::create(tx, actor, &new("nothing", &[]));
    assert!(matches!(office.refusal(&office.ada, empty), Error::Invalid { .. }));

    let id = made.id;
    let widen =
        RoleChange { permissions: Some(PermissionSet::of(&[Permission::PROJECT_READ])), ..RoleChange::default() };
    let change = move |tx: &Tx, actor: &Actor| roles::change(tx, actor, id, &widen);
    office.change(&office.ada, "roles.change", change.clone());
    office.nothing(&office.ada, change.clone());
    forbidden(&office.refusal(&office.bob, change), Action::ManageRoles);
    forbidden(&office.refusal(&office.bob, move |tx, actor| roles::delete(tx, actor, id)), Action::ManageRoles);
    office.change(&office.ada, "roles.delete", move |tx, actor| roles::delete(tx, actor, id));
    hidden(&office.refusal(&office.ada, move |tx, actor| roles::delete(tx, actor, id)));
}

#[test]
fn the_predefined_roles_exist_and_never_change() {
    let office = office();
    let found = office.read(|view| roles::page(view, &office.bob, Some(true), FIRST)).unwrap();
    assert_eq!(found.items.iter().map(|role| role.predefined).collect::<Vec<_>>(), Role::PREDEFINED.map(Some));
    for role in found.items {
        let id = role.id;
        let change = RoleChange { description: Description::parse("mine").ok(), ..RoleChange::default() };
        let rule = "a predefined role cannot be changed";
        refused(&office.refusal(&office.ada, move |tx, actor| roles::change(tx, actor, id, &change)), rule);
        refused(&office.refusal(&office.ada, move |tx, actor| roles::delete(tx, actor, id)), rule);
    }
    office.set_account_role(&office.carol, AccountRole::Annotator);
    let carol = office.read(|view| store::users::find(view, office.carol.user().unwrap())).unwrap().unwrap();
    let error = office.read(|view| roles::page(view, &acting(&carol), None, FIRST)).unwrap_err();
    forbidden(&error, Action::ReadRoles);
}

#[test]
fn a_role_in_use_cannot_be_deleted() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let role = office.named_role("looker", &[Permission::SPACE_READ]);
    let delete = move |tx: &Tx, actor: &Actor| roles::delete(tx, actor, role);
    let (binding, _) =
        office.change(&office.bob, "bindings.create", bind(role, &office.carol, Resource::Workspace(place)));
    assert!(matches!(office.refusal(&office.ada, delete), Error::Conflict { .. }));
    office.change(&office.bob, "bindings.delete", move |tx, actor| bindings::delete(tx, actor, binding));
    office.change(&office.bob, "members.put", put(place, &office.carol, Role::Custom(role)));
    assert!(matches!(office.refusal(&office.ada, delete), Error::Conflict { .. }));
    office.change(&office.bob, "members.put", put(place, &office.carol, Role::Member));
    office.change(&office.ada, "roles.delete", delete);
}

#[test]
fn a_binding_grants_access_to_a_workspace_until_it_ends() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let on = Resource::Workspace(place);
    let role = office.named_role("looker", &[Permission::SPACE_READ]);
    let sees = || office.read(|view| crate::app::workspaces::visible(view, &office.carol, place)).is_ok();
    assert!(!sees());
    let (binding, trace) = office.change(&office.bob, "bindings.create", bind(role, &office.carol, on));
    let carol = office.carol.user().unwrap().0;
    let after = json!({ "role": role.0, "user": carol, "on": { "workspace": place.0 } });
    assert_eq!((trace.before, trace.after), (None, Some(after)));
    assert!(sees());
    assert!(matches!(office.refusal(&office.bob, bind(role, &office.carol, on)), Error::Conflict { .. }));
    let other = office.named_role("other", &[Permission::DATASET_READ]);
    let change = move |tx: &Tx, actor: &Actor| bindings::change(tx, actor, binding, other);
    office.change(&office.bob, "bindings.change", change);
    office.nothing(&office.bob, change);
    assert!(!sees());
    hidden(&office.refusal(&office.carol, change));
    hidden(&office.refusal(&office.carol, move |tx, actor| bindings::delete(tx, actor, binding)));
    office.change(&office.bob, "bindings.delete", move |tx, actor| bindings::delete(tx, actor, binding));
    refused(
        &office.refusal(&office.bob, {
            let (who, place) = (named(&office.carol), Resource::Workspace(place));
            probe::execute(&office.file, &format!("DELETE FROM organization_members WHERE user_id = {carol}"));
            let ada = office.ada.clone();
            move |tx: &Tx, _: &Actor| bindings::create(tx, &ada, role, &who, place)
        }),
        "not a member of the workspace's organization",
    );
}

#[test]
fn an_actor_cannot_grant_more_than_they_have() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let on = Resource::Workspace(place);
    let binder = [Permission::SPACE_READ, Permission::ROLE_BINDING_CREATE, Permission::ROLE_BINDING_READ];
    let binder = office.named_role("binder", &binder);
    let small = office.named_role("small", &[Permission::SPACE_READ]);
    let large = office.named_role("large", &[Permission::SPACE_READ, Permission::SPACE_DELETE]);
    let account = office.named_role("account", &[Permission::SPACE_READ, Permission::USER_DELETE]);

    // An owner holds nothing of the account, and cannot give it.
    exceeded(&office.refusal(&office.bob, bind(account, &office.carol, on)));
    exceeded(&office.refusal(&office.bob, put(place, &office.carol, Role::Custom(account))));
    office.by(&office.bob, bind(binder, &office.carol, on)).unwrap();

    let dan = new_user("dan", AccountRole::Member);
    let dan = office
        .by(&office.ada, move |tx, actor| crate::app::users::create(tx, actor, &dan, Uuid::new_v4(), Some(&hash())))
        .unwrap();
    let dan = acting(&dan);
    exceeded(&office.refusal(&office.carol, bind(large, &dan, on)));
    exceeded(&office.refusal(&office.carol, bind(large, &office.carol.clone(), on)));
    exceeded(&office.refusal(&office.carol, put(place, &dan, Role::Custom(large))));
    forbidden(&office.refusal(&office.carol, put(place, &dan, Role::Reader)), Action::AddMember);
    office.change(&office.carol, "members.put", put(place, &dan, Role::Custom(small)));
    // Nor takes away what they could not have given: the owner stays one, and so does a mightier role.
    office.by(&office.bob, put(place, &dan, Role::Owner)).unwrap();
    exceeded(&office.refusal(&office.carol, put(place, &dan, Role::Custom(small))));
    office.by(&office.bob, put(place, &dan, Role::Custom(large))).unwrap();
    exceeded(&office.refusal(&office.carol, put(place, &dan, Role::Custom(small))));
    let mighty = office.by(&office.bob, bind(large, &dan, on)).unwrap();
    exceeded(&office.refusal(&office.carol, move |tx, actor| bindings::change(tx, actor, mighty, small)));
    let own = office.read(|view| store::bindings::find_on(view, office.carol.user().unwrap(), on)).unwrap().unwrap();
    exceeded(&office.refusal(&office.carol, move |tx, actor| bindings::change(tx, actor, own.id, large)));
}

#[test]
fn a_custom_role_with_a_predefined_id_is_the_predefined_role() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let found = office.read(|view| roles::page(view, &office.bob, Some(true), FIRST)).unwrap();
    let owner = found.items.iter().find(|role| role.predefined == Some(Role::Owner)).unwrap().id;
    let (role, trace) = office.change(&office.bob, "members.put", put(place, &office.carol, Role::Custom(owner)));
    assert_eq!((role, trace.after), (Role::Owner, Some(json!({ "role": "owner" }))));
}

#[test]
fn an_account_annotator_gets_only_permissions_of_annotators() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let on = Resource::Workspace(place);
    office.set_account_role(&office.carol, AccountRole::Annotator);
    let much = office.named_role("much", &[Permission::SPACE_READ, Permission::SPACE_UPDATE]);
    let little = office.named_role("little", &[Permission::SPACE_READ]);
    refused(&office.refusal(&office.bob, bind(much, &office.carol, on)), "have only permissions of annotators");
    refused(
        &office.refusal(&office.bob, put(place, &office.carol, Role::Custom(little))),
        "only annotators of the account",
    );
    refused(&office.refusal(&office.bob, put(place, &office.carol, Role::Reader)), "only annotators of the account");
    let (binding, _) = office.change(&office.bob, "bindings.create", bind(little, &office.carol, on));
    let change = move |tx: &Tx, actor: &Actor| bindings::change(tx, actor, binding, much);
    refused(&office.refusal(&office.bob, change), "have only permissions of annotators");
    office.change(&office.bob, "members.put", put(place, &office.carol, Role::Annotator));
}

#[test]
fn the_bot_of_a_service_key_can_have_bindings() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let role = office.named_role("looker", &[Permission::SPACE_READ]);
    let bot = office.carol.user().unwrap();
    probe::execute(&office.file, &format!("UPDATE users SET kind = 'bot' WHERE id = {bot}"));
    let on = Resource::Workspace(place);
    let create = move |tx: &Tx, actor: &Actor| bindings::create(tx, actor, role, &Named::Number(bot), on);
    let made = office.change(&office.bob, "bindings.create", create).0;
    assert_eq!(made.user, bot);
    let other = office.named_role("curator", &[Permission::SPACE_READ, Permission::PROJECT_READ]);
    office.change(&office.bob, "bindings.change", move |tx, actor| bindings::change(tx, actor, made.id, other));
}
