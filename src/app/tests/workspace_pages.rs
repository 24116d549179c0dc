//! What the pages of workspaces read: a person's list, the activity of a workspace, and how somebody new comes in.

use super::*;
use crate::app::roles::{self, NewRole};
use crate::app::workspace_invitations::{self, NewMember};
use crate::app::workspace_lists::{self, Access, ListSearch, Order, Which};
use crate::app::{bindings, content_pages, projects, workspace_activity, workspaces};
use crate::domain::organization::OrganizationRole;
use crate::domain::page::Page;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::project::ProjectName;
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;
use crate::domain::user::UserStatus;
use crate::domain::workspace::WorkspaceChange;

const FIRST: Page = Page { after: None, limit: 25 };

fn search(which: Which, order: Order) -> ListSearch {
    ListSearch { which, order, name: None }
}

fn names(office: &Office, who: &Actor, search: &ListSearch) -> Vec<String> {
    let (mut names, mut page) = (Vec::new(), Page { after: None, limit: 2 });
    loop {
        let found = office.read(|view| workspace_lists::page(view, who, search, page)).unwrap().slice;
        assert!(found.items.len() <= 2);
        names.extend(found.items.iter().map(|listed| listed.workspace.name.as_str().to_owned()));
        match found.next {
            Some(next) => page.after = Some(next),
            None => return names,
        }
    }
}

fn open_to_all(office: &Office, place: WorkspaceId) {
    let change = WorkspaceChange { private: Some(false), ..WorkspaceChange::default() };
    office.by(&office.ada, move |tx, actor| workspaces::change(tx, actor, place, &change)).unwrap();
}

fn bind(office: &Office, who: &Actor, place: WorkspaceId, permissions: &[Permission]) {
    let new = NewRole {
        name: RoleName::parse("Visitor").unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(permissions),
    };
    let who = named(who);
    let bind = move |tx: &Tx, actor: &Actor| {
        let role = roles::create(tx, actor, &new)?;
        bindings::create(tx, actor, role.id, &who, Resource::Workspace(place))
    };
    office.by(&office.ada, bind).unwrap();
}

#[test]
fn a_list_is_ordered_and_filtered() {
    let office = office();
    let ids: Vec<_> = ["Beta", "alpha", "delta", "gamma"].map(|name| office.workspace(&office.bob, name)).into();
    office.workspace(&office.carol, "carols");
    let archived = ids[2];
    office.by(&office.bob, move |tx, actor| workspaces::archive(tx, actor, archived)).unwrap();
    let (mine, all) = (Which::Joined, Which::All);
    assert_eq!(names(&office, &office.bob, &search(mine, Order::Newest)), ["gamma", "alpha", "Beta"]);
    assert_eq!(names(&office, &office.bob, &search(mine, Order::Name)), ["alpha", "Beta", "gamma"]);
    assert_eq!(names(&office, &office.bob, &search(all, Order::Name)), ["alpha", "Beta", "gamma"]);
    assert_eq!(names(&office, &office.bob, &search(Which::Archived, Order::Name)), ["delta"]);
    assert_eq!(names(&office, &office.ada, &search(mine, Order::Name)), Vec::<String>::new());
    assert_eq!(names(&office, &office.ada, &search(all, Order::Newest)), ["carols", "gamma", "alpha", "Beta"]);
    let named = |name: &str| ListSearch { name: Some(name.to_owned()), ..search(all, Order::Name) };
    assert_eq!(names(&office, &office.bob, &named("ETA")), ["Beta"]);
    assert_eq!(names(&office, &office.carol, &named("eta")), Vec::<String>::new());
    assert_eq!(names(&office, &office.stranger, &search(all, Order::Newest)), Vec::<String>::new());
}

#[test]
fn a_list_of_many_workspaces_is_read_newest_first() {
    let office = office();
    office.workspace(&office.bob, "first");
    probe::execute(
        &office.file,
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
                                 ml_models_enabled)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6000)
         SELECT 1, 'many ' || n, 'many ' || n, '', n % 2, iif(n % 3 = 0, 1, 0), 0, 0 FROM n;",
    );
    for who in [&office.ada, &office.bob] {
        let read =
            |search: &ListSearch, page| office.read(|view| workspace_lists::page(view, who, search, page)).unwrap();
        let (mut page, mut seen) = (Page { after: None, limit: 500 }, Vec::new());
        loop {
            let found = read(&search(Which::All, Order::Newest), page);
            assert!(!found.is_unordered && found.slice.items.len() <= 500);
            seen.extend(found.slice.items.iter().map(|listed| listed.workspace.id.0));
            match found.slice.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        // Of the many, bob sees those that are not private.
        assert_eq!(seen.len(), if who.user() == office.ada.user() { 4001 } else { 2001 });
        assert!(seen.is_sorted_by(|a, b| a > b));
        assert!(read(&search(Which::All, Order::Name), FIRST).is_unordered);
        let named = ListSearch { name: Some("many 599".to_owned()), ..search(Which::All, Order::Name) };
        let found = read(&named, FIRST).slice.items;
        assert!(found.iter().all(|listed| listed.workspace.name.as_str().contains("many 599")), "{found:?}");
        assert!(!found.is_empty() && found.iter().all(|listed| !listed.workspace.archived));
    }
    let mine = office.read(|view| workspace_lists::page(view, &office.bob, &search(Which::Joined, Order::Name), FIRST));
    assert_eq!(mine.unwrap().slice.items.len(), 1);
}

#[test]
fn a_list_says_why_somebody_sees_a_workspace() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let access = |who: &Actor| office.read(|view| workspace_lists::get(view, who, place)).map(|found| found.access);
    assert_eq!(access(&office.bob).unwrap(), [Access::Member(Role::Owner)]);
    let of_home = Access::Organization(OrganizationRole::Admin);
    assert_eq!(access(&office.ada).unwrap(), [of_home, Access::Administrator]);
    hidden(&access(&office.carol).unwrap_err());
    bind(&office, &office.carol, place, &[Permission::SPACE_READ]);
    assert_eq!(access(&office.carol).unwrap(), [Access::Binding(Some("Visitor".to_owned()))]);
    open_to_all(&office, place);
    let reasons = access(&office.carol).unwrap();
    let by_organization = Access::Organization(OrganizationRole::Member);
    assert_eq!(reasons, [Access::Binding(Some("Visitor".to_owned())), by_organization.clone()]);
    office.join(&office.bob, place, &office.carol, Role::Reader);
    assert_eq!(access(&office.carol).unwrap()[0], Access::Member(Role::Reader));
    hidden(&access(&office.stranger).unwrap_err());
    let found = office.read(|view| workspace_lists::get(view, &office.carol, place)).unwrap();
    assert_eq!(found.organization.as_deref(), Some("Home"));
}

#[test]
fn owners_see_the_changes_of_their_workspace_and_of_no_other() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let other = office.workspace(&office.carol, "pumps");
    office.join(&office.bob, place, &office.carol, Role::Reader);
    for (who, place) in [(&office.bob, place), (&office.carol, other)] {
        let name = ProjectName::parse("valves").unwrap();
        let work = move |tx: &Tx, actor: &Actor| {
            let project = projects::create(tx, actor, place, &name)?;
            projects::restrict(tx, actor, project.id)?;
            projects::delete(tx, actor, project.id)
        };
        office.by(who, work).unwrap();
    }
    let mut found = Vec::new();
    let mut page = Page { after: None, limit: 2 };
    loop {
        let slice = office.read(|view| workspace_activity::page(view, &office.bob, place, page)).unwrap();
        found.extend(slice.items);
        match slice.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let verbs: Vec<_> = found.iter().map(|activity| activity.recorded.verb.as_str()).collect();
    // A row without its workspace is not found any more once its project is gone.
    assert_eq!(verbs, ["projects.delete", "projects.create", "members.put", "workspaces.create"]);
    assert_eq!(found[2].about.as_deref(), Some("carol@example.com"));
    assert_eq!(found[2].by.as_deref(), Some("bob@example.com"));
    assert_eq!(found[2].changes, [("role".to_owned(), Value::Null, Value::from("reader"))]);
    assert_eq!(office.read(|view| workspace_activity::page(view, &office.ada, place, FIRST)).unwrap().items.len(), 4);
    let seen = |who: &Actor| office.read(|view| workspace_activity::page(view, who, place, FIRST)).unwrap_err();
    forbidden(&seen(&office.carol), Action::ReadAudit);
    hidden(&seen(&office.stranger));
}

#[test]
fn the_activity_does_not_name_people_who_are_hidden() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    open_to_all(&office, place);
    probe::execute(
        &office.file,
        &format!("DELETE FROM organization_members WHERE user_id = {}", office.ada.user().unwrap()),
    );
    let found = office.read(|view| workspace_activity::page(view, &office.bob, place, FIRST)).unwrap().items;
    assert_eq!((found[0].recorded.verb.as_str(), found[0].by.as_deref()), ("workspaces.change", None));
    assert_eq!(found[1].by.as_deref(), Some("bob@example.com"));
}

fn new_member(place: WorkspaceId, name: &str) -> NewMember {
    NewMember {
        workspace: place,
        user: new_user(name, AccountRole::Member),
        organization_role: OrganizationRole::Reader,
        role: Role::Member,
    }
}

fn add(new: &NewMember) -> impl Fn(&Tx, &Actor) -> Result<(User, bool)> + Send + 'static {
    let (new, uuid) = (new.clone(), Uuid::new_v4());
    move |tx, actor| workspace_invitations::add_by(tx, actor, &new, uuid, &Fingerprint::of("link"))
}

#[test]
fn somebody_new_is_invited_into_the_organization_and_the_workspace() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let (user, is_invited) = office.by(&office.ada, add(&new_member(place, "dora"))).unwrap();
    assert!(is_invited && matches!(user.status(crate::domain::timestamp::Timestamp::now()), UserStatus::Invited));
    let role = office.read(|view| store::members::find(view, place, user.id)).unwrap().map(|member| member.role);
    assert_eq!(role, Some(Role::Member));
    let home = office.read(crate::app::organizations::home).unwrap().id;
    let role = office.read(|view| store::organizations::role(view, home, user.id)).unwrap();
    assert_eq!(role, Some(OrganizationRole::Reader));
    // A repeated invitation makes another link.
    let (again, is_invited) = office.by(&office.ada, add(&new_member(place, "dora"))).unwrap();
    assert_eq!((again.id, is_invited), (user.id, true));
    // Somebody with an account gets no link.
    let (stranger, is_invited) = office.by(&office.ada, add(&new_member(place, "stranger"))).unwrap();
    assert_eq!((Some(stranger.id), is_invited), (office.stranger.user(), false));
    assert_eq!(office.role(place, &office.stranger), Some(Role::Member));
}

#[test]
fn only_administrators_bring_in_somebody_new() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    // An owner may add people of the organization, but cannot add anybody to it.
    let refused = office.refusal(&office.bob, add(&new_member(place, "dora")));
    forbidden(&refused, Action::ManageOrganizationMembers);
    let error = office.refusal(&office.bob, add(&new_member(place, "stranger")));
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
    hidden(&office.refusal(&office.carol, add(&new_member(place, "dora"))));
    let (carol, is_invited) = office.by(&office.bob, add(&new_member(place, "carol"))).unwrap();
    assert_eq!((Some(carol.id), is_invited), (office.carol.user(), false));
}

#[test]
fn contents_are_hidden_like_their_workspace() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let read = |who: &Actor| {
        office.read(|view| {
            content_pages::models(view, who, place, FIRST)?;
            content_pages::pipelines(view, who, place, FIRST)?;
            content_pages::tags(view, who, place, FIRST)?;
            content_pages::connections(view, who, place, FIRST).map(|found| found.items.len())
        })
    };
    assert_eq!(read(&office.bob).unwrap(), 0);
    hidden(&read(&office.carol).unwrap_err());
    hidden(&read(&office.stranger).unwrap_err());
}

#[test]
fn the_check_of_a_name_refuses_what_a_creation_refuses() {
    let office = office();
    office.workspace(&office.bob, "engines");
    let check = |who: &Actor, name: &str| office.read(|view| workspaces::require_free(view, who, &called(name)));
    assert!(check(&office.carol, "pumps").is_ok());
    assert!(matches!(check(&office.carol, "engines").unwrap_err(), Error::Conflict { .. }));
    refused(&check(&office.carol, "bob@example.com - Default Workspace").unwrap_err(), "reserved");
    hidden(&check(&office.stranger, "engines").unwrap_err());
}

#[test]
fn a_list_says_when_something_was_last_added() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let other = office.workspace(&office.bob, "pumps");
    let last = || office.read(|view| workspace_lists::get(view, &office.bob, place)).unwrap().last_added.micros();
    let uuid = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    let version = |id: u32, of: u32, at: u32| {
        format!(
            "INSERT INTO model_versions (model_id, organization_id, uuid, visibility, size, file_name, created_at,
                 updated_at) VALUES ({of}, 1, '{}', 'private', 0, '', {at}, {at});",
            uuid(id)
        )
    };
    let model = |id: u32, place: WorkspaceId| {
        format!(
            "INSERT INTO models (id, workspace_id, name, created_at, updated_at) VALUES ({id}, {place}, 'm{id}', 0, 0);"
        )
    };
    let of_workspace = |table: &str, place: WorkspaceId, name: &str, more: [&str; 2], at: u32| {
        format!(
            "INSERT INTO {table} (workspace_id, name, created_at, updated_at{}) VALUES ({place}, '{name}', {at}, {at}{});",
            more[0], more[1]
        )
    };
    let project =
        |place, name: &str, at| of_workspace("projects", place, name, [", name_key, kind", ", 'x', 'application'"], at);
    let steps = [
        (2, "UPDATE workspaces SET created_at = 2; UPDATE members SET created_at = 1".to_owned()),
        (3, "UPDATE members SET created_at = 3".to_owned()),
        (5, model(1, place) + &model(2, place) + &version(1, 2, 4) + &version(2, 1, 5)),
        (5, model(3, other) + &version(3, 3, 99)),
        (
            6,
            of_workspace("pipelines", place, "p", ["", ""], 0)
                + &format!(
                    "INSERT INTO pipeline_versions (pipeline_id, uuid, created_at)
                     SELECT id, '{}', 6 FROM pipelines",
                    uuid(1)
                ),
        ),
        (7, of_workspace("tags", place, "t", [", name_key, organization_id", ", 't', 1"], 7)),
        (
            8,
            format!(
                "INSERT INTO connections (id, uuid, name, kind, sealed, created_at) VALUES (1, '{0}', 'c', 'HTTP', x'', 0);
                 INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at)
                 VALUES ('{0}', 1, {place}, 8)",
                uuid(1)
            ),
        ),
        (9, project(place, "open", 9)),
        (9, project(other, "elsewhere", 99)),
        // Who does not see a restricted project does not learn of it.
        (9, project(place, "closed", 99) + "INSERT INTO restrictions SELECT id, NULL, 99 FROM projects WHERE name = 'closed'"),
    ];
    for (expected, sql) in steps {
        probe::execute(&office.file, &sql);
        assert_eq!(last(), expected, "{sql}");
    }
}
