//! Organizations: who manages them, who leaves them, and that one knows nothing of another.

use serde_json::json;

use super::*;
use crate::app::{audit, bindings, members, organizations, projects, roles, workspaces};
use crate::domain::audit::{AuditSearch, NO_ACCOUNT};
use crate::domain::ids::{BindingId, OrganizationId, ProjectId, RoleId};
use crate::domain::noun::Noun;
use crate::domain::organization::{
    NewOrganization, OrganizationChange, OrganizationName, OrganizationRole, OrganizationSearch,
};
use crate::domain::page::Page;
use crate::domain::project::{ProjectName, ProjectSearch};
use crate::domain::role::Resource;
use crate::domain::text::Description;
use crate::domain::workspace::{WorkspaceChange, WorkspaceSearch};

const HOME: OrganizationId = OrganizationId(1);
const KEEPS: &str = "an organization must keep at least one admin; add another admin first";
const FIRST: Page = Page { after: None, limit: 50 };

fn new(name: &str) -> NewOrganization {
    NewOrganization { name: OrganizationName::parse(name).unwrap(), description: Description::default() }
}

fn put(id: OrganizationId, who: &Actor, role: OrganizationRole) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    let who = named(who);
    move |tx, actor| organizations::upsert_member(tx, actor, id, &who, role).map(drop)
}

fn remove(id: OrganizationId, who: &Actor) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    let who = named(who);
    move |tx, actor| organizations::remove_member(tx, actor, id, &who)
}

fn rename(id: OrganizationId, name: &str) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    let change = OrganizationChange { name: Some(OrganizationName::parse(name).unwrap()), description: None };
    move |tx, actor| organizations::change(tx, actor, id, &change).map(drop)
}

/// A verb that somebody tries.
type Verb = Box<dyn Fn(&Tx, &Actor) -> Result<()> + Send>;

/// An organization of the stranger alone, with all that can be in one.
struct Elsewhere {
    organization: OrganizationId,
    place: WorkspaceId,
    project: ProjectId,
    binding: BindingId,
    role: RoleId,
}

fn elsewhere(office: &Office) -> Elsewhere {
    let organization =
        office.by(&office.ada, |tx, actor| organizations::create(tx, actor, &new("Elsewhere"))).unwrap().id;
    office.by(&office.ada, put(organization, &office.stranger, OrganizationRole::Admin)).unwrap();
    let inside = crate::domain::workspace::NewWorkspace { organization: Some(organization), ..called("far") };
    let place = office.by(&office.stranger, move |tx, actor| workspaces::create(tx, actor, &inside)).unwrap().id;
    let name = ProjectName::parse("secret").unwrap();
    let project = office.by(&office.stranger, move |tx, actor| projects::create(tx, actor, place, &name)).unwrap().id;
    office.by(&office.stranger, move |tx, actor| projects::restrict(tx, actor, project)).unwrap();
    let role = roles::NewRole {
        name: crate::domain::role::RoleName::parse("looker").unwrap(),
        description: Description::default(),
        permissions: crate::policy::of_role(Role::Reader),
    };
    let role = office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &role)).unwrap().id;
    let who = named(&office.stranger);
    let on = Resource::Project(project);
    let binding = office.by(&office.stranger, move |tx, actor| bindings::create(tx, actor, role, &who, on)).unwrap().id;
    Elsewhere { organization, place, project, binding, role }
}

#[test]
fn the_creator_of_an_organization_is_its_admin() {
    let office = office();
    let (made, trace) =
        office.change(&office.ada, "organizations.create", |tx, actor| organizations::create(tx, actor, &new("East")));
    assert_eq!((trace.kind.as_str(), trace.object), ("organization", made.id.to_string()));
    assert_eq!((trace.before, trace.after), (None, Some(json!({ "name": "East", "description": "" }))));
    let me = office.ada.user().unwrap();
    let role = office.read(|view| store::organizations::role(view, made.id, me)).unwrap();
    assert_eq!(role, Some(OrganizationRole::Admin));
    let error = office.refusal(&office.ada, |tx, actor| organizations::create(tx, actor, &new("East")));
    assert!(matches!(error, Error::Conflict { what: Noun::Organization, .. }), "{error:?}");
    for who in [&office.bob, &office.stranger] {
        let error = office.refusal(who, |tx, actor| organizations::create(tx, actor, &new("West")));
        forbidden(&error, Action::CreateOrganization);
    }
}

#[test]
fn a_change_writes_one_audit_row_and_no_change_writes_none() {
    let office = office();
    let ((), trace) = office.change(&office.ada, "organizations.change", rename(HOME, "House"));
    assert_eq!(trace.before, Some(json!({ "name": "Home", "description": "" })));
    office.nothing(&office.ada, rename(HOME, "House"));
    forbidden(&office.refusal(&office.bob, rename(HOME, "Bob's")), Action::UpdateOrganization);
    let other = office.by(&office.ada, |tx, actor| organizations::create(tx, actor, &new("East"))).unwrap().id;
    let error = office.refusal(&office.ada, rename(other, "House"));
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
}

#[test]
fn the_home_organization_cannot_be_deleted() {
    let office = office();
    let delete = |tx: &Tx, actor: &Actor| organizations::delete(tx, actor, HOME);
    refused(&office.refusal(&office.ada, delete), "the home organization cannot be deleted");
    forbidden(&office.refusal(&office.bob, delete), Action::DeleteOrganization);
    hidden(&office.refusal(&office.stranger, delete));
}

#[test]
fn an_organization_is_deleted_with_everything_in_it() {
    let office = office();
    let there = elsewhere(&office);
    let id = there.organization;
    office.change(&office.stranger, "organizations.delete", move |tx, actor| organizations::delete(tx, actor, id));
    for table in ["workspaces", "projects", "restrictions", "bindings", "members"] {
        assert!(probe::rows(&office.file, &format!("SELECT * FROM {table}")).is_empty(), "{table}");
    }
}

#[test]
fn a_member_is_added_once_and_changes_role() {
    let office = office();
    let (bob, carol) = (office.bob.clone(), &office.carol);
    office.change(&office.ada, "organizations.put_member", put(HOME, &bob, OrganizationRole::Admin));
    office.nothing(&office.ada, put(HOME, &bob, OrganizationRole::Admin));
    let ((), trace) = office.change(&bob, "organizations.put_member", put(HOME, carol, OrganizationRole::Reader));
    assert_eq!(trace.before, Some(json!({ "role": "member" })));
    assert_eq!(trace.after, Some(json!({ "role": "reader" })));
    let error = office.refusal(carol, put(HOME, &bob, OrganizationRole::Reader));
    forbidden(&error, Action::ManageOrganizationMembers);
    refused(&office.refusal(&bob, put(HOME, carol, OrganizationRole::Annotator)), "only annotators of the account");
    // Whom bob shares no organization with, he cannot find.
    hidden(&office.refusal(&bob, put(HOME, &office.stranger, OrganizationRole::Member)));
    office.change(&office.ada, "organizations.put_member", put(HOME, &office.stranger, OrganizationRole::Member));
}

#[test]
fn leaving_an_organization_ends_its_memberships_and_bindings() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let ((), trace) = office.change(&office.ada, "organizations.remove_member", remove(HOME, &office.carol));
    assert_eq!((trace.before, trace.after), (Some(json!({ "role": "member" })), None));
    assert_eq!(office.role(place, &office.carol), None);
    hidden(&office.refusal(&office.ada, remove(HOME, &office.carol)));
    hidden(&office.refusal(&office.carol, remove(HOME, &office.bob)));
    // Bob is the last owner there.
    refused(
        &office.refusal(&office.ada, remove(HOME, &office.bob)),
        "a workspace must keep at least one owner; add another owner first",
    );
    refused(
        &office.refusal(&office.bob, remove(HOME, &office.bob)),
        "a workspace must keep at least one owner; add another owner first",
    );
    office.by(&office.bob, move |tx, actor| workspaces::delete(tx, actor, place)).unwrap();
    office.change(&office.bob, "organizations.remove_member", remove(HOME, &office.bob));
}

#[test]
fn fifty_concurrent_changes_keep_the_last_admin() {
    let office = office();
    refused(&office.refusal(&office.ada, remove(HOME, &office.ada)), KEEPS);
    refused(&office.refusal(&office.ada, put(HOME, &office.ada, OrganizationRole::Member)), KEEPS);
    for who in [&office.bob, &office.carol] {
        office.by(&office.ada, put(HOME, who, OrganizationRole::Admin)).unwrap();
    }
    let everybody = [&office.ada, &office.bob, &office.carol].map(Clone::clone);
    let jobs = (0..50)
        .map(|n| {
            let actor = everybody[n % 3].clone();
            let job = move |tx: &Tx| {
                if n % 2 == 0 {
                    organizations::remove_member(tx, &actor, HOME, &named(&actor))
                } else {
                    put(HOME, &actor, OrganizationRole::Member)(tx, &actor)
                }
            };
            Box::new(job) as Job
        })
        .collect();
    office.at_once(jobs);
    let admins = probe::rows(&office.file, "SELECT count(*) FROM organization_members WHERE role = 'admin'");
    assert_eq!(admins, [[json!(1)]]);
}

#[test]
fn ids_of_another_organization_are_not_found_and_change_nothing() {
    let office = office();
    let there = elsewhere(&office);
    let Elsewhere { organization, place, project, binding, role } = there;
    // Even who administers an organization knows nothing of another.
    office.by(&office.ada, put(HOME, &office.bob, OrganizationRole::Admin)).unwrap();
    let me = named(&office.bob);
    let them = named(&office.stranger);
    let own = office.workspace(&office.bob, "engines");
    let name = ProjectName::parse("x").unwrap();
    let change = WorkspaceChange { private: Some(false), ..WorkspaceChange::default() };

    let verbs: Vec<(&str, Verb)> = vec![
        ("organizations.change", Box::new(rename(organization, "mine"))),
        ("organizations.delete", Box::new(move |tx, actor| organizations::delete(tx, actor, organization))),
        ("organizations.put_member", Box::new(put(organization, &office.bob, OrganizationRole::Admin))),
        ("organizations.remove_member", Box::new(remove(organization, &office.stranger))),
        ("organizations.put_member of theirs", Box::new(put(HOME, &office.stranger, OrganizationRole::Member))),
        ("organizations.remove_member of theirs", Box::new(remove(HOME, &office.stranger))),
        ("workspaces.change", Box::new(move |tx, a| workspaces::change(tx, a, place, &change).map(drop))),
        ("workspaces.delete", Box::new(move |tx, a| workspaces::delete(tx, a, place))),
        ("workspaces.create", {
            let inside = NewWorkspace { organization: Some(organization), ..called("mine") };
            Box::new(move |tx, a| workspaces::create(tx, a, &inside).map(drop))
        }),
        ("members.put", {
            let me = me.clone();
            Box::new(move |tx, a| members::upsert(tx, a, place, &me, Role::Owner).map(drop))
        }),
        ("members.put of theirs", {
            let them = them.clone();
            Box::new(move |tx, a| members::upsert(tx, a, own, &them, Role::Member).map(drop))
        }),
        ("members.remove", {
            let them = them.clone();
            Box::new(move |tx, a| members::remove(tx, a, place, &them).map(drop))
        }),
        ("projects.create", {
            let name = name.clone();
            Box::new(move |tx, a| projects::create(tx, a, place, &name).map(drop))
        }),
        ("projects.rename", Box::new(move |tx, a| projects::rename(tx, a, project, &name).map(drop))),
        ("projects.delete", Box::new(move |tx, a| projects::delete(tx, a, project))),
        ("projects.restrict", Box::new(move |tx, a| projects::restrict(tx, a, project).map(drop))),
        ("projects.lift_restriction", Box::new(move |tx, a| projects::lift_restriction(tx, a, project))),
        ("bindings.change", Box::new(move |tx, a| bindings::change(tx, a, binding, role).map(drop))),
        ("bindings.delete", Box::new(move |tx, a| bindings::delete(tx, a, binding))),
        ("bindings.create of theirs", {
            let them = them.clone();
            let on = Resource::Workspace(own);
            Box::new(move |tx, a| bindings::create(tx, a, role, &them, on).map(drop))
        }),
    ];
    let before = probe::everything(&office.file);
    for (verb, run) in verbs {
        let error = office.by(&office.bob, run).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{verb}: {error:?}");
        assert_eq!(probe::everything(&office.file), before, "{verb}");
    }
    // The contract tells a binding on a thing that one does not see as a right that is missing.
    for on in [Resource::Workspace(place), Resource::Project(project)] {
        let me = me.clone();
        let error = office.refusal(&office.bob, move |tx, a| bindings::create(tx, a, role, &me, on));
        forbidden(&error, Action::BindRole);
    }
    let who = &office.bob;
    office
        .read(|view| {
            hidden(&organizations::visible(view, who, organization).unwrap_err());
            hidden(&workspaces::visible(view, who, place).unwrap_err());
            hidden(&projects::visible(view, who, project).map(drop).unwrap_err());
            hidden(&bindings::visible(view, who, binding).unwrap_err());
            hidden(&members::list(&LongView::of(view), who, place).unwrap_err());
            let search = WorkspaceSearch { organization: Some(organization), ..WorkspaceSearch::default() };
            hidden(&workspaces::page(view, who, &search, FIRST).unwrap_err());
            let search = ProjectSearch { workspace: Some(place), ..ProjectSearch::default() };
            hidden(&projects::page(view, who, &search, FIRST).unwrap_err());
            hidden(&bindings::page(view, who, true, office.stranger.user(), FIRST).unwrap_err());
            assert!(projects::page(view, who, &ProjectSearch::default(), FIRST)?.items.is_empty());
            assert_eq!(organizations::page(view, who, &OrganizationSearch::default(), FIRST)?.items.len(), 1);
            Ok(())
        })
        .unwrap();
}

#[test]
fn administrators_read_the_audit_newest_first() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.by(&office.bob, move |tx, actor| workspaces::delete(tx, actor, place)).unwrap();
    for who in [&office.bob, &office.stranger] {
        let error = office.read(|view| audit::page(view, who, &AuditSearch::default(), FIRST)).unwrap_err();
        forbidden(&error, Action::ReadAudit);
    }
    let read = |search: &AuditSearch| -> Vec<String> {
        let slice = office.read(|view| audit::page(view, &office.ada, search, FIRST)).unwrap();
        slice.items.into_iter().map(|row| row.verb).collect()
    };
    let all = read(&AuditSearch::default());
    assert_eq!(all[..2], ["workspaces.delete", "workspaces.create"]);
    assert_eq!(all.len(), office.audit().len());
    let of_bob = AuditSearch { by: office.bob.user(), ..AuditSearch::default() };
    assert_eq!(read(&of_bob), ["workspaces.delete", "workspaces.create"]);
    let of_the_server = AuditSearch { by: Some(NO_ACCOUNT), ..AuditSearch::default() };
    assert_eq!(read(&of_the_server), ["users.create", "organizations.create"]);
    let verbs = vec!["workspaces.create".to_owned(), "nonsense".to_owned()];
    assert_eq!(read(&AuditSearch { verbs, ..AuditSearch::default() }), ["workspaces.create"]);
    let now = office.read(|view| Ok(view.now)).unwrap();
    let later = AuditSearch { from: Some(now.after(Duration::from_secs(1))), ..AuditSearch::default() };
    assert!(read(&later).is_empty());
    let long_ago = AuditSearch { until: Some(now.before(Duration::from_hours(1))), ..AuditSearch::default() };
    assert!(read(&long_ago).is_empty());
}
