//! Projects of a workspace, and whom a restriction shuts out.

use serde_json::json;

use super::*;
use crate::app::roles::{self, NewRole};
use crate::app::{bindings, projects};
use crate::domain::ids::ProjectId;
use crate::domain::noun::Noun;
use crate::domain::page::Page;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::project::{ProjectKind, ProjectName, ProjectSearch};
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;

const FIRST: Page = Page { after: None, limit: 50 };

fn create(place: WorkspaceId, name: &str) -> impl Fn(&Tx, &Actor) -> Result<ProjectId> + Send + 'static {
    let name = ProjectName::parse(name).unwrap();
    move |tx, actor| projects::create(tx, actor, place, &name).map(|project| project.id)
}

fn rename(id: ProjectId, name: &str) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    let name = ProjectName::parse(name).unwrap();
    move |tx, actor| projects::rename(tx, actor, id, &name).map(drop)
}

fn names(office: &Office, who: &Actor, search: &ProjectSearch) -> Vec<String> {
    let slice = office.read(|view| projects::page(view, who, search, FIRST)).unwrap();
    slice.items.iter().map(|project| project.name.as_str().to_owned()).collect()
}

#[test]
fn members_but_not_readers_manage_projects() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let (id, trace) = office.change(&office.carol, "projects.create", create(place, "valves"));
    let after = json!({ "workspace": place.0, "name": "valves", "kind": "application" });
    assert_eq!((trace.before, trace.after), (None, Some(after)));
    assert!(matches!(
        office.refusal(&office.bob, create(place, "valves")),
        Error::Conflict { what: Noun::Project, .. }
    ));
    office.change(&office.carol, "projects.rename", rename(id, "pipes"));
    office.nothing(&office.carol, rename(id, "pipes"));
    let second = office.by(&office.bob, create(place, "valves")).unwrap();
    assert!(matches!(office.refusal(&office.bob, rename(second, "pipes")), Error::Conflict { .. }));

    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, create(place, "more")), Action::CreateProject);
    forbidden(&office.refusal(&office.carol, rename(id, "more")), Action::UpdateProject);
    forbidden(&office.refusal(&office.carol, move |tx, a| projects::delete(tx, a, id)), Action::DeleteProject);
    forbidden(&office.refusal(&office.carol, move |tx, a| projects::restrict(tx, a, id)), Action::RestrictProject);
    hidden(&office.refusal(&office.stranger, rename(id, "more")));
    hidden(&office.refusal(&office.stranger, create(place, "more")));
    office.change(&office.bob, "projects.delete", move |tx, actor| projects::delete(tx, actor, id));
    hidden(&office.refusal(&office.bob, move |tx, actor| projects::delete(tx, actor, id)));
}

#[test]
fn projects_are_searched_by_workspace_name_and_kind() {
    let office = office();
    let place = office.workspace(&office.bob, "Engines");
    let other = office.workspace(&office.bob, "pumps 100%");
    for (place, name) in [(place, "Größe"), (place, "valves"), (other, "größer_1")] {
        office.by(&office.bob, create(place, name)).unwrap();
    }
    let search = |change: &dyn Fn(&mut ProjectSearch)| {
        let mut search = ProjectSearch::default();
        change(&mut search);
        names(&office, &office.bob, &search)
    };
    assert_eq!(search(&|_| ()), ["Größe", "valves", "größer_1"]);
    assert_eq!(search(&|s| s.name = Some("GRÖSSE".to_owned())), [""; 0], "ß has no capital of two letters here");
    assert_eq!(search(&|s| s.name = Some("GRÖ".to_owned())), ["Größe", "größer_1"]);
    assert_eq!(search(&|s| s.name = Some("_".to_owned())), ["größer_1"]);
    assert_eq!(search(&|s| s.workspace_name = Some("0%".to_owned())), ["größer_1"]);
    assert_eq!(search(&|s| s.workspace = Some(place)), ["Größe", "valves"]);
    assert_eq!(search(&|s| s.kind = Some(ProjectKind::Harness)), [""; 0]);
    assert_eq!(names(&office, &office.carol, &ProjectSearch::default()), [""; 0]);
}

#[test]
fn a_restriction_excludes_people_without_a_binding() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let id = office.by(&office.bob, create(place, "valves")).unwrap();
    let restrict = move |tx: &Tx, actor: &Actor| projects::restrict(tx, actor, id).map(drop);
    let lift = move |tx: &Tx, actor: &Actor| projects::lift_restriction(tx, actor, id);
    hidden(&office.refusal(&office.bob, lift));
    let ((), trace) = office.change(&office.bob, "projects.restrict", restrict);
    assert_eq!(trace.after, Some(json!({ "restricted": true })));
    office.nothing(&office.bob, restrict);
    hidden(&office.refusal(&office.carol, rename(id, "mine")));
    hidden(&office.refusal(&office.carol, lift));
    assert_eq!(names(&office, &office.carol, &ProjectSearch::default()), [""; 0]);
    for who in [&office.bob, &office.ada] {
        assert_eq!(names(&office, who, &ProjectSearch::default()), ["valves"]);
        assert_eq!(office.read(|view| projects::page_of_restrictions(view, who, FIRST)).unwrap().items.len(), 1);
    }
    assert!(office.read(|view| projects::page_of_restrictions(view, &office.carol, FIRST)).unwrap().items.is_empty());

    let reader = office.read(|view| crate::app::roles::page(view, &office.bob, Some(true), FIRST)).unwrap();
    let reader = reader.items.iter().find(|role| role.predefined == Some(Role::Reader)).unwrap().id;
    let (who, on) = (named(&office.carol), Resource::Project(id));
    office.change(&office.bob, "bindings.create", move |tx, actor| bindings::create(tx, actor, reader, &who, on));
    // What is bound on it counts, and her membership does not.
    assert_eq!(names(&office, &office.carol, &ProjectSearch::default()), ["valves"]);
    forbidden(&office.refusal(&office.carol, rename(id, "mine")), Action::UpdateProject);
    office.change(&office.bob, "projects.lift_restriction", lift);
    office.change(&office.carol, "projects.rename", rename(id, "mine"));
}

#[test]
fn inherited_permissions_do_not_bind_in_a_restricted_project() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let rights = [
        Permission::SPACE_READ,
        Permission::PROJECT_READ,
        Permission::ROLE_BINDING_CREATE,
        Permission::ROLE_BINDING_DELETE,
        Permission::ROLE_BINDING_READ,
    ];
    let role = |name: &str, rights: &[Permission]| {
        let permissions = PermissionSet::of(rights);
        let new = NewRole { name: RoleName::parse(name).unwrap(), description: Description::default(), permissions };
        office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id
    };
    let (binder, sees) = (role("binder", &rights), role("sees", &[Permission::PROJECT_READ]));
    office.join(&office.bob, place, &office.carol, Role::Custom(binder));
    let id = office.by(&office.bob, create(place, "valves")).unwrap();
    office.by(&office.bob, move |tx, actor| projects::restrict(tx, actor, id).map(drop)).unwrap();
    let bind = |who: &Actor| {
        let who = named(who);
        move |tx: &Tx, actor: &Actor| bindings::create(tx, actor, sees, &who, Resource::Project(id))
    };
    let hers = office.by(&office.bob, bind(&office.carol)).unwrap().id;
    forbidden(&office.refusal(&office.carol, bind(&office.ada)), Action::BindRole);
    hidden(&office.refusal(&office.carol, move |tx, actor| bindings::delete(tx, actor, hers)));
}
