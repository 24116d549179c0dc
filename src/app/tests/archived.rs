//! Archived workspaces: what they refuse, what stays possible, and who archives and restores them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::grid::{Try, connection, model, of_connections, of_models, of_pipelines, of_tags};
use super::keys::plain;
use super::*;
use crate::app::roles::{self, NewRole};
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::{
    bindings, connections, contents, keys, members, models, pipelines, projects, tags, workspace_moves, workspaces,
};
use crate::domain::ids::{BindingId, ModelId, ProjectId, RoleId};
use crate::domain::key::KeyRules;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::Page;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::pipeline::PipelineName;
use crate::domain::project::ProjectName;
use crate::domain::role::{Resource, RoleName};
use crate::domain::tag::{NewTag, TagName};
use crate::domain::text::Description;
use crate::domain::workspace::{Workspace, WorkspaceChange, WorkspaceFilter, WorkspaceSearch};
use crate::policy::archived;

const ARCHIVED: &str = "archived, so it cannot be changed; one of its owners or an administrator can restore it";

fn archive(id: WorkspaceId) -> impl Fn(&Tx, &Actor) -> Result<Workspace> + Send + 'static {
    move |tx, actor| workspaces::archive(tx, actor, id)
}

fn restore(id: WorkspaceId) -> impl Fn(&Tx, &Actor) -> Result<Workspace> + Send + 'static {
    move |tx, actor| workspaces::restore(tx, actor, id)
}

fn role(office: &Office, name: &str, permissions: &[Permission]) -> RoleId {
    let new = NewRole {
        name: RoleName::parse(name).unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(permissions),
    };
    office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id
}

fn key_in(place: WorkspaceId) -> Grants {
    let grant = Grant { organization: None, role: OrganizationRole::Reader, workspaces: vec![(place, Role::Reader)] };
    Grants { account: AccountRole::Member, organizations: vec![grant] }
}

/// A workspace of bob's with everything that can be in one.
struct Full {
    place: WorkspaceId,
    other: WorkspaceId,
    project: ProjectId,
    role: RoleId,
    other_role: RoleId,
    binding: BindingId,
    key: KeyId,
}

/// The workspace, and every write in it as a use case of its own.
fn full(office: &Office) -> (Full, Vec<(Action, Try)>) {
    let place = office.workspace(&office.bob, "engines");
    let other = office.workspace(&office.bob, "pumps");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let pipeline = PipelineName::parse("valves").unwrap();
    let version =
        office.by(&office.bob, move |tx, actor| pipelines::create(tx, actor, place, &pipeline, (None, "definition")));
    let version = version.unwrap();
    let mut writes = of_pipelines(version.pipeline, version.uuid, [place, other]);
    let version = office.by(&office.bob, move |tx, actor| models::create_version(tx, actor, &model(place))).unwrap();
    writes.extend(of_models(ModelId(1), version, [place, other]));
    let new = NewTag { workspace: place, name: TagName::parse("new").unwrap(), description: None, color: None };
    let live = NewTag { name: TagName::parse("live").unwrap(), ..new.clone() };
    let live = office.by(&office.bob, move |tx, actor| tags::create(tx, actor, &live)).unwrap().id;
    writes.extend(of_tags(live, &new));
    let linked = office.by(&office.bob, move |tx, actor| {
        let made = connections::create_sealed(tx, actor, Uuid::new_v4(), &connection("store"), b"sealed")?;
        connections::add_to_workspace(tx, actor, place, &connections::Named::Uuid(made.uuid), Uuid::new_v4())?;
        Ok(made.uuid)
    });
    let linked = linked.unwrap();
    writes.extend(of_connections(place, linked));
    let unlink = connections::Named::Uuid(linked);
    writes.push((
        Action::LinkConnection,
        Box::new(move |tx, actor| connections::remove_from_workspace(tx, actor, place, &unlink)),
    ));
    // These are not in the workspace.
    writes.retain(|(action, _)| !matches!(action, Action::CreateSharedTag | Action::CreateConnection));

    let name = ProjectName::parse("lines").unwrap();
    let project = office.by(&office.bob, move |tx, actor| projects::create(tx, actor, place, &name)).unwrap().id;
    let (role, other_role) =
        (role(office, "looker", &[Permission::PROJECT_READ]), role(office, "seer", &[Permission::TAG_READ]));
    let carol = named(&office.carol);
    let bind = move |tx: &Tx, actor: &Actor| {
        bindings::create(tx, actor, role, &carol, Resource::Workspace(place)).map(|b| b.id)
    };
    let binding = office.by(&office.bob, bind).unwrap();
    let (new, grants) = (plain(office), key_in(place));
    let make = move |tx: &Tx, actor: &Actor| {
        service_keys::create(tx, actor, &KeyRules::LOOSE, Uuid::new_v4(), &new, &grants).map(|(key, _)| key.id)
    };
    let key = office.by(&office.bob, make).unwrap();
    let full = Full { place, other, project, role, other_role, binding, key };
    writes.extend(of_workspace(office, &full));
    writes.extend(of_projects(&full));
    (full, writes)
}

/// The writes about the workspace itself, and about rights in it.
fn of_workspace(office: &Office, full: &Full) -> Vec<(Action, Try)> {
    let (place, role, other_role, binding, project) =
        (full.place, full.role, full.other_role, full.binding, full.project);
    let (ada, carol, carol_too) = (named(&office.ada), named(&office.carol), named(&office.carol));
    let (carol_again, new, grants) = (named(&office.carol), plain(office), key_in(place));
    let rename = WorkspaceChange { name: Some(called("motors").name), ..WorkspaceChange::default() };
    let show = WorkspaceChange { private: Some(false), ..WorkspaceChange::default() };
    vec![
        (Action::UpdateWorkspace, Box::new(move |tx, actor| workspaces::change(tx, actor, place, &rename).map(drop))),
        (Action::UpdateWorkspace, Box::new(move |tx, actor| workspaces::change(tx, actor, place, &show).map(drop))),
        (
            Action::MoveWorkspace,
            Box::new(move |tx, actor| {
                let home = crate::app::organizations::home(tx)?.id;
                workspace_moves::move_to(tx, actor, None, place, home).map(drop)
            }),
        ),
        (Action::AddMember, Box::new(move |tx, actor| members::upsert(tx, actor, place, &ada, Role::Owner).map(drop))),
        (
            Action::AddMember,
            Box::new(move |tx, actor| members::upsert(tx, actor, place, &carol, Role::Reader).map(drop)),
        ),
        (
            Action::BindRole,
            Box::new(move |tx, actor| members::upsert(tx, actor, place, &carol_too, Role::Custom(role)).map(drop)),
        ),
        (
            Action::BindRole,
            Box::new(move |tx, actor| {
                bindings::create(tx, actor, role, &carol_again, Resource::Project(project)).map(drop)
            }),
        ),
        (Action::BindRole, Box::new(move |tx, actor| bindings::change(tx, actor, binding, other_role).map(drop))),
        (
            Action::CreateServiceKey,
            Box::new(move |tx, actor| {
                service_keys::create(tx, actor, &KeyRules::LOOSE, Uuid::new_v4(), &new, &grants).map(drop)
            }),
        ),
    ]
}

fn of_projects(full: &Full) -> Vec<(Action, Try)> {
    let (place, project) = (full.place, full.project);
    let (new, other) = (ProjectName::parse("new").unwrap(), ProjectName::parse("other").unwrap());
    vec![
        (Action::CreateProject, Box::new(move |tx, actor| projects::create(tx, actor, place, &new).map(drop))),
        (Action::UpdateProject, Box::new(move |tx, actor| projects::rename(tx, actor, project, &other).map(drop))),
        (Action::DeleteProject, Box::new(move |tx, actor| projects::delete(tx, actor, project))),
        (Action::RestrictProject, Box::new(move |tx, actor| projects::restrict(tx, actor, project).map(drop))),
    ]
}

#[test]
fn an_archived_workspace_refuses_every_write_in_it() {
    let office = office();
    let (full, writes) = full(&office);
    // A write with nothing wrong succeeds before, so the refusals below are for the archive alone.
    let writes: Vec<_> = writes.into_iter().map(|(action, work)| (action, Arc::new(Mutex::new(work)))).collect();
    let attempt = |who: &Actor, work: &Arc<Mutex<Try>>| {
        let work = Arc::clone(work);
        office.by(who, move |tx, actor| {
            work.lock().unwrap()(tx, actor)?;
            Err::<(), _>(Error::Refused { rule: "given up" })
        })
    };
    for (action, work) in &writes {
        refused(&attempt(&office.bob, work).unwrap_err(), "given up");
        assert!(!archived::is_possible(*action), "{action:?}");
    }
    office.by(&office.bob, archive(full.place)).unwrap();
    let before = probe::everything(&office.file);
    let mut tried = BTreeSet::new();
    for (action, work) in &writes {
        for who in [&office.bob, &office.ada, &Actor::operator()] {
            refused(&attempt(who, work).unwrap_err(), ARCHIVED);
        }
        let error = attempt(&office.stranger, work).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. } | Error::Forbidden { .. }), "{action:?}: {error:?}");
        tried.insert(action.as_str());
    }
    assert_eq!(probe::everything(&office.file), before);
    let refuses: BTreeSet<_> =
        Action::ALL.into_iter().filter(|action| !archived::is_possible(*action)).map(Action::as_str).collect();
    assert_eq!(tried, refuses, "each action that an archived workspace refuses is tried");

    office.by(&office.bob, restore(full.place)).unwrap();
    for (_, work) in &writes {
        refused(&attempt(&office.bob, work).unwrap_err(), "given up");
    }
}

#[test]
fn nothing_moves_into_an_archived_workspace() {
    let office = office();
    let (full, _) = full(&office);
    office.by(&office.bob, archive(full.other)).unwrap();
    let to = full.other;
    refused(&office.refusal(&office.bob, move |tx, actor| models::move_to(tx, actor, ModelId(1), to)), ARCHIVED);
}

#[test]
fn rights_in_an_archived_workspace_can_still_be_taken_away() {
    let office = office();
    let (full, _) = full(&office);
    office.by(&office.bob, archive(full.place)).unwrap();
    let (place, binding, key) = (full.place, full.binding, full.key);
    office.change(&office.bob, "bindings.delete", move |tx, actor| bindings::delete(tx, actor, binding));
    office.change(&office.bob, "keys.revoke", move |tx, actor| keys::revoke(tx, actor, key));
    let carol = named(&office.carol);
    office.change(&office.carol, "members.remove", move |tx, actor| members::remove(tx, actor, place, &carol));
    assert_eq!(office.role(place, &office.carol), None);
    let bob = named(&office.bob);
    let last = office.refusal(&office.bob, move |tx, actor| members::remove(tx, actor, place, &bob));
    refused(&last, "must keep at least one owner");
    office.change(&office.bob, "workspaces.delete", move |tx, actor| workspaces::delete(tx, actor, place));
}

#[test]
fn archiving_keeps_everything_and_restoring_gives_it_back() {
    let office = office();
    let (full, _) = full(&office);
    let place = full.place;
    let before = probe::rows(&office.file, "SELECT * FROM workspaces ORDER BY id");
    let (after, trace) = office.change(&office.bob, "workspaces.archive", archive(place));
    assert!(after.archived);
    assert_eq!((trace.kind.as_str(), trace.object.as_str()), ("workspace", place.to_string().as_str()));
    let of = |value: &Option<Value>| value.as_ref().unwrap()["archived"].clone();
    assert_eq!((of(&trace.before), of(&trace.after)), (json!(false), json!(true)));
    office.nothing(&office.bob, archive(place));

    // It is listed, it is read, and its name stays taken.
    let listed = office.workspaces(&office.carol, &WorkspaceFilter::default());
    assert_eq!(listed.iter().map(|one| (one.id, one.archived)).collect::<Vec<_>>(), [(place, true)]);
    assert_eq!(office.read_long(|view| members::list(view, &office.carol, place)).unwrap().len(), 3);
    let inside = office.read(|view| contents::of_visible(view, &office.carol, &listed)).unwrap();
    assert_eq!(inside[&place].pipelines.len(), 1);
    let again = office.refusal(&office.carol, |tx, actor| workspaces::create(tx, actor, &called("engines")));
    assert!(matches!(again, Error::Conflict { what: Noun::Workspace, .. }), "{again:?}");

    let (restored, trace) = office.change(&office.bob, "workspaces.restore", restore(place));
    assert!(!restored.archived);
    assert_eq!((of(&trace.before), of(&trace.after)), (json!(true), json!(false)));
    assert_eq!(probe::rows(&office.file, "SELECT * FROM workspaces ORDER BY id"), before);
    office.nothing(&office.bob, restore(place));
}

#[test]
fn owners_administrators_and_those_who_may_delete_archive_and_restore() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    forbidden(&office.refusal(&office.carol, archive(place)), Action::ArchiveWorkspace);
    hidden(&office.refusal(&office.stranger, archive(place)));
    office.change(&office.ada, "workspaces.archive", archive(place));
    forbidden(&office.refusal(&office.carol, restore(place)), Action::ArchiveWorkspace);
    hidden(&office.refusal(&office.stranger, restore(place)));
    office.change(&Actor::operator(), "workspaces.restore", restore(place));
    let editor = role(&office, "editor", &[Permission::SPACE_READ, Permission::SPACE_UPDATE]);
    let keeper = role(&office, "keeper", &[Permission::SPACE_READ, Permission::SPACE_DELETE]);
    office.join(&office.bob, place, &office.carol, Role::Custom(editor));
    forbidden(&office.refusal(&office.carol, archive(place)), Action::ArchiveWorkspace);
    office.join(&office.bob, place, &office.carol, Role::Custom(keeper));
    office.change(&office.carol, "workspaces.archive", archive(place));
    office.change(&office.carol, "workspaces.restore", restore(place));
}

#[test]
fn a_search_for_archived_workspaces_has_full_pages() {
    let office = office();
    let ids: Vec<_> = (0..230).map(|n| office.workspace(&office.bob, &format!("w{n}"))).collect();
    probe::execute(&office.file, "UPDATE workspaces SET archived = 1 WHERE id % 100 = 0");
    let search = |who: &Actor, archived, name: Option<&str>, page| {
        let search = WorkspaceSearch { archived, name: name.map(str::to_owned), ..WorkspaceSearch::default() };
        let slice = office.read(|view| workspaces::page(view, who, &search, page)).unwrap();
        (slice.items.iter().map(|one| one.id.0).collect::<Vec<_>>(), slice.next)
    };
    let first = Page { after: None, limit: 1 };
    for who in [&office.bob, &office.ada] {
        assert_eq!(search(who, Some(true), None, first), (vec![100], Some(100)));
        assert_eq!(search(who, Some(true), None, Page { after: Some(100), limit: 1 }), (vec![200], None));
        assert_eq!(search(who, Some(true), Some("w99"), first), (vec![100], None));
        let (others, next) = search(who, Some(false), None, Page { after: None, limit: 500 });
        assert_eq!((others.len(), next), (ids.len() - 2, None));
    }
    assert_eq!(search(&office.stranger, Some(true), None, first), (vec![], None));
}
