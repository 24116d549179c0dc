//! Explanations: from the facts that the verbs decide by, and for nobody who may not see the rights of others.

use super::*;
use crate::app::explanations::{self, Explained, Key, Kind, Thing, kinds};
use crate::app::{bindings, members, organizations, projects, roles, users, workspaces};
use crate::domain::ids::{BindingId, ProjectId, RoleId};
use crate::domain::organization::OrganizationRole;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::project::ProjectName;
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;
use crate::domain::user::UserChange;
use crate::policy::Decision;

fn on(kind: Kind, number: i64) -> Thing {
    Thing { kind, key: Key::Number(number) }
}

fn called(kind: Kind, name: &str) -> Thing {
    Thing { kind, key: Key::Text(name.to_owned()) }
}

impl Office {
    /// The answer to the asking actor.
    fn explained(&self, by: &Actor, who: &Actor, action: Action, on: &Thing) -> Result<Explained> {
        self.read(|view| explanations::explain(view, by, &named(who), action, on))
    }

    /// The answer to the operator.
    fn why(&self, who: &Actor, action: Action, on: &Thing) -> Explained {
        self.explained(&Actor::operator(), who, action, on).unwrap()
    }

    fn role_with(&self, name: &str, permissions: &[Permission]) -> RoleId {
        let new = roles::NewRole {
            name: RoleName::parse(name).unwrap(),
            description: Description::default(),
            permissions: PermissionSet::of(permissions),
        };
        self.by(&self.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id
    }

    fn bind(&self, role: RoleId, who: &Actor, on: Resource) -> BindingId {
        let who = named(who);
        self.by(&self.ada, move |tx, actor| bindings::create(tx, actor, role, &who, on)).unwrap().id
    }

    fn project_in(&self, place: WorkspaceId, name: &str) -> ProjectId {
        let name = ProjectName::parse(name).unwrap();
        self.by(&self.ada, move |tx, actor| projects::create(tx, actor, place, &name)).unwrap().id
    }
}

/// The kinds of the reasons, and their texts.
fn reasons(found: &Explained) -> Vec<(&'static str, &str)> {
    found.reasons.iter().map(|reason| (reason.kind, reason.text.as_str())).collect()
}

fn changes(found: &Explained) -> Vec<(&'static str, Vec<&str>)> {
    found.changes.iter().map(|change| (change.kind, change.roles.iter().map(String::as_str).collect())).collect()
}

#[test]
fn each_role_is_named_with_the_permission_that_it_grants() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let there = on(Kind::Workspace, place.0);
    let owner = office.why(&office.bob, Action::UpdateWorkspace, &there);
    assert_eq!(owner.decision, Decision::Allowed);
    let text = "the role owner in the {workspace} allows it (SPACE_READ and SPACE_UPDATE)";
    assert_eq!(reasons(&owner), [("workspace_role", text)]);
    assert!(owner.changes.is_empty() && owner.reasons[0].sufficient);
    assert_eq!(owner.reasons[0].role.as_deref(), Some("owner"));

    let admin = office.why(&office.ada, Action::UpdateWorkspace, &there);
    assert_eq!((admin.decision, admin.reasons[0].kind), (Decision::Allowed, "account_role"));

    office.join(&office.bob, place, &office.carol, Role::Reader);
    let reader = office.why(&office.carol, Action::UpdateWorkspace, &there);
    assert_eq!(reader.decision, Decision::Forbidden);
    assert!(reasons(&reader).contains(&("missing", "SPACE_UPDATE is missing")), "{:?}", reader.reasons);
    let expected = [
        ("binding", vec![]),
        ("workspace_role", vec!["owner"]),
        ("organization_role", vec!["admin"]),
        ("account_role", vec!["administrator"]),
    ];
    assert_eq!(changes(&reader), expected);
}

#[test]
fn a_binding_is_named_with_its_role_and_number() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let there = on(Kind::Workspace, place.0);
    let steward = office.role_with("steward", &[Permission::SPACE_READ, Permission::SPACE_UPDATE]);
    let binding = office.bind(steward, &office.carol, Resource::Workspace(place));
    let found = office.why(&office.carol, Action::UpdateWorkspace, &there);
    assert_eq!((found.decision, found.reasons.len()), (Decision::Allowed, 1));
    let reason = &found.reasons[0];
    assert_eq!((reason.kind, reason.role.as_deref(), reason.binding), ("binding", Some("steward"), Some(binding)));
    assert!(reason.text.starts_with("the named role steward, bound on the {workspace}, allows it"), "{}", reason.text);
    // The role is suggested to whom it would help.
    let place = office.workspace(&office.bob, "pipes");
    let found = office.why(&office.carol, Action::UpdateWorkspace, &on(Kind::Workspace, place.0));
    assert_eq!((found.decision, changes(&found)[0].clone()), (Decision::Hidden, ("binding", vec!["steward"])));
    assert!(reasons(&found).iter().any(|(kind, _)| *kind == "private"), "{:?}", found.reasons);

    // A custom membership.
    let put = {
        let who = named(&office.carol);
        move |tx: &Tx, actor: &Actor| members::upsert(tx, actor, place, &who, Role::Custom(steward))
    };
    office.by(&office.bob, put).unwrap();
    let found = office.why(&office.carol, Action::UpdateWorkspace, &on(Kind::Workspace, place.0));
    assert_eq!(
        (found.decision, found.reasons[0].kind, found.reasons[0].binding),
        (Decision::Allowed, "membership", None)
    );
}

#[test]
fn a_restriction_is_told_with_who_may_enter() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let project = office.project_in(place, "valves");
    let there = on(Kind::Project, project.0);
    assert_eq!(office.why(&office.carol, Action::ReadProject, &there).decision, Decision::Allowed);
    office.by(&office.bob, move |tx, actor| projects::restrict(tx, actor, project)).unwrap();
    let found = office.why(&office.carol, Action::ReadProject, &there);
    assert_eq!((found.decision, found.reasons[0].kind), (Decision::Hidden, "restricted"));
    let ways: Vec<_> = changes(&found).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        ways,
        ["project_binding", "binding", "workspace_role", "organization_role", "account_role", "restriction"]
    );
    // The one who is shut out asks about something that does not exist.
    hidden(&office.explained(&office.carol, &office.carol, Action::ReadProject, &there).unwrap_err());
    let looker = office.role_with("looker", &[Permission::PROJECT_READ]);
    office.bind(looker, &office.carol, Resource::Project(project));
    let found = office.why(&office.carol, Action::ReadProject, &there);
    assert_eq!((found.decision, reasons(&found)[0].0), (Decision::Allowed, "project_binding"));
    let found = office.why(&office.carol, Action::UpdateProject, &there);
    assert_eq!((found.decision, reasons(&found)[0].0), (Decision::Forbidden, "restricted"));
}

#[test]
fn the_state_is_told_that_refuses_what_roles_allow() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let there = on(Kind::Workspace, place.0);
    let leave = office.why(&office.bob, Action::LeaveWorkspace, &there);
    assert_eq!((leave.decision, leave.reasons[0].kind), (Decision::Forbidden, "last_owner"));
    office.join(&office.bob, place, &office.carol, Role::Owner);
    assert_eq!(office.why(&office.bob, Action::LeaveWorkspace, &there).decision, Decision::Allowed);

    probe::execute(&office.file, "UPDATE workspaces SET archived = 1");
    let found = office.why(&office.bob, Action::CreateProject, &there);
    assert_eq!((found.decision, found.reasons[0].kind, found.changes.len()), (Decision::Forbidden, "archived", 0));
    assert_eq!(found.reasons[1].kind, "workspace_role");
    assert_eq!(office.why(&office.bob, Action::UpdateWorkspace, &there).decision, Decision::Forbidden);
    assert_eq!(office.why(&office.bob, Action::ArchiveWorkspace, &there).decision, Decision::Allowed);
    assert_eq!(office.why(&office.bob, Action::RemoveMember, &there).decision, Decision::Allowed);

    let off = UserChange { enabled: Some(false), ..UserChange::default() };
    let bob = named(&office.bob);
    office.by(&office.ada, move |tx, actor| users::change(tx, actor, &bob, &off)).unwrap();
    let found = office.why(&office.bob, Action::ReadWorkspace, &there);
    assert_eq!((found.decision, found.reasons[0].kind), (Decision::Forbidden, "disabled"));
    let home = office.why(&office.ada, Action::DeleteOrganization, &called(Kind::Organization, "Home"));
    assert_eq!((home.decision, home.reasons[0].kind), (Decision::Forbidden, "home_organization"));
    let role = office.why(&office.ada, Action::ManageRoles, &called(Kind::Role, "owner"));
    assert_eq!((role.decision, role.reasons[0].kind), (Decision::Forbidden, "predefined_role"));
}

#[test]
fn a_verb_in_an_archived_workspace_is_refused_as_explained() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let project = office.project_in(place, "valves");
    probe::execute(&office.file, "UPDATE workspaces SET archived = 1");
    let there = on(Kind::Project, project.0);
    let name = ProjectName::parse("x").unwrap();
    let rename = office.by(&office.bob, move |tx, actor| projects::rename(tx, actor, project, &name));
    let explained = |action| office.why(&office.bob, action, &there).decision;
    refused(&rename.unwrap_err(), "archived");
    assert_eq!(explained(Action::UpdateProject), Decision::Forbidden);
    let restrict = office.by(&office.bob, move |tx, actor| projects::restrict(tx, actor, project));
    refused(&restrict.unwrap_err(), "archived");
    assert_eq!(explained(Action::RestrictProject), Decision::Forbidden);
    refused(&office.by(&office.bob, move |tx, actor| projects::delete(tx, actor, project)).unwrap_err(), "archived");
    assert_eq!(explained(Action::DeleteProject), Decision::Forbidden);
}

#[test]
fn rights_of_others_are_for_those_who_read_them() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let there = on(Kind::Workspace, place.0);
    let ask = |by: &Actor, who: &Actor, thing: &Thing| {
        let action = if thing.kind == Kind::Workspace { Action::UpdateWorkspace } else { Action::CreateUser };
        office.explained(by, who, action, thing)
    };
    let account = Thing::ACCOUNT;
    // Oneself, the owner and an administrator.
    for (by, who) in [(&office.carol, &office.carol), (&office.bob, &office.carol), (&office.ada, &office.carol)] {
        assert_eq!(ask(by, who, &there).unwrap().decision, Decision::Forbidden);
    }
    assert_eq!(ask(&office.carol, &office.carol, &account).unwrap().decision, Decision::Forbidden);
    forbidden(&ask(&office.carol, &office.bob, &there).unwrap_err(), Action::ReadBindings);
    forbidden(&ask(&office.carol, &office.bob, &account).unwrap_err(), Action::ReadEverything);
    forbidden(&ask(&office.bob, &office.carol, &account).unwrap_err(), Action::ReadEverything);
    let home = called(Kind::Organization, "Home");
    let of_home = |by: &Actor| office.explained(by, &office.carol, Action::UpdateOrganization, &home);
    forbidden(&of_home(&office.bob).unwrap_err(), Action::ManageOrganizationMembers);
    assert_eq!(of_home(&office.ada).unwrap().decision, Decision::Forbidden);
    // A stranger sees neither the place nor the people, and is told the same as about what does not exist.
    hidden(&ask(&office.stranger, &office.stranger, &there).unwrap_err());
    hidden(&ask(&office.stranger, &office.carol, &account).unwrap_err());
    for thing in [called(Kind::Workspace, "engines"), home] {
        let action = kinds_first(thing.kind);
        let error = office.explained(&office.stranger, &office.stranger, action, &thing).unwrap_err();
        hidden(&error);
        let Key::Text(name) = &thing.key else { panic!("a name") };
        assert_eq!(error.to_string(), format!("{} {name} does not exist", thing.kind));
    }
    // The operator learns why the stranger sees nothing.
    let found = office.why(&office.stranger, Action::ReadWorkspace, &there);
    assert_eq!((found.decision, found.reasons[0].kind), (Decision::Hidden, "not_in_organization"));
}

#[test]
fn others_learn_no_state_of_an_account() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Reader);
    let there = on(Kind::Workspace, place.0);
    let ask = |by: &Actor| office.explained(by, &office.carol, Action::ReadWorkspace, &there);
    probe::execute(&office.file, "UPDATE users SET must_change_password = 1");
    let found = ask(&office.bob).unwrap();
    assert_eq!((found.decision, found.reasons[0].kind), (Decision::Forbidden, "unusable"));
    assert_eq!(ask(&office.ada).unwrap().reasons[0].kind, "new_password");

    let off = UserChange { enabled: Some(false), ..UserChange::default() };
    let carol = named(&office.carol);
    office.by(&office.ada, move |tx, actor| users::change(tx, actor, &carol, &off)).unwrap();
    hidden(&ask(&office.bob).unwrap_err());
    assert_eq!(ask(&office.ada).unwrap().reasons[0].kind, "disabled");
}

fn kinds_first(kind: Kind) -> Action {
    Action::ALL.into_iter().find(|action| kinds(*action)[0] == kind).unwrap()
}

#[test]
fn an_admin_of_an_organization_asks_about_its_members() {
    let office = office();
    let home = office.read(crate::app::lookup::home).unwrap();
    let who = named(&office.carol);
    office
        .by(&office.ada, move |tx, actor| {
            organizations::upsert_member(tx, actor, home.id, &who, OrganizationRole::Admin)
        })
        .unwrap();
    let place = office.workspace(&office.bob, "engines");
    let found = office.explained(&office.carol, &office.bob, Action::DeleteWorkspace, &on(Kind::Workspace, place.0));
    assert_eq!(found.unwrap().decision, Decision::Allowed);
    let thing = called(Kind::Organization, "Home");
    let found = office.explained(&office.carol, &office.bob, Action::UpdateOrganization, &thing).unwrap();
    assert_eq!((found.decision, reasons(&found).last().unwrap().0), (Decision::Forbidden, "organization_role"));
}

#[test]
fn what_is_asked_must_fit_together() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let error = office.explained(&office.ada, &office.bob, Action::CreateUser, &on(Kind::Workspace, place.0));
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "on: must be of the kind account for create-user, not workspace");
    let error = office.explained(&office.ada, &office.bob, Action::UpdateModel, &Thing::ACCOUNT).unwrap_err();
    assert_eq!(error.to_string(), "on: must be of the kind model or workspace for update-model, not account");
    // A name of two workspaces names neither.
    let other = office.by(&office.ada, |tx, actor| {
        let new = crate::domain::organization::NewOrganization {
            name: crate::domain::organization::OrganizationName::parse("Other").unwrap(),
            description: Description::default(),
        };
        let other = organizations::create(tx, actor, &new)?;
        let new = crate::domain::workspace::NewWorkspace { organization: Some(other.id), ..super::called("engines") };
        workspaces::create(tx, actor, &new)
    });
    let other = other.unwrap();
    let thing = called(Kind::Workspace, "engines");
    let error = office.explained(&office.ada, &office.bob, Action::ReadWorkspace, &thing).unwrap_err();
    let words = "on: must name one workspace, but this could be Home/engines (1), Other/engines (2): write the \
                 organization before it, or its id";
    assert_eq!(error.to_string(), words);
    let thing_of_one = called(Kind::Workspace, "Other/engines");
    assert!(office.explained(&office.ada, &office.bob, Action::ReadWorkspace, &thing_of_one).is_ok());
    // Bob sees only one of them.
    assert!(office.explained(&office.bob, &office.bob, Action::ReadWorkspace, &thing).is_ok());
    assert_eq!(
        office.why(&office.bob, Action::ReadWorkspace, &on(Kind::Workspace, other.id.0)).decision,
        Decision::Hidden
    );
}

#[test]
fn an_explanation_is_what_the_policy_decides_for_every_action() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Reader);
    let project = office.project_in(place, "valves");
    for action in Action::ALL {
        for kind in kinds(action) {
            let thing = match kind {
                Kind::Account => Thing::ACCOUNT,
                Kind::Organization => called(Kind::Organization, "Home"),
                Kind::Workspace => on(Kind::Workspace, place.0),
                Kind::Project => on(Kind::Project, project.0),
                Kind::Role => called(Kind::Role, "reader"),
                Kind::User => called(Kind::User, "bob@example.com"),
                // Their verbs judge the workspace of the thing, which stands above.
                Kind::Model | Kind::Pipeline | Kind::Tag | Kind::Connection => continue,
            };
            for who in [&office.ada, &office.bob, &office.carol, &office.stranger] {
                let found = office.why(who, action, &thing);
                let is_allowed = found.decision == Decision::Allowed;
                assert!(!found.reasons.is_empty(), "{action:?} {kind}: no reason");
                assert!(!is_allowed || found.changes.is_empty(), "{action:?} {kind}");
                let blocked = ["last_owner", "home_organization", "predefined_role"];
                let stuck = found.reasons.iter().any(|reason| blocked.contains(&reason.kind));
                assert!(is_allowed || stuck || !found.changes.is_empty(), "{action:?} {kind}: {:?}", found.reasons);
            }
        }
    }
}
