//! Workspaces: making, listing, and whose default one is.

use serde_json::json;

use super::*;
use crate::app::{content_sets, contents, default_workspaces, workspaces};
use crate::domain::noun::Noun;
use crate::domain::workspace::{Workspace, WorkspaceChange, WorkspaceFilter};

fn create(name: &str) -> impl Fn(&Tx, &Actor) -> Result<Workspace> + Send + 'static {
    let new = called(name);
    move |tx, actor| workspaces::create(tx, actor, &new)
}

fn open(name: &str) -> impl Fn(&Tx, &Actor) -> Result<Workspace> + Send + 'static {
    let new = called(name);
    move |tx, actor| workspaces::open(tx, actor, &new)
}

fn choose(place: WorkspaceId) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| default_workspaces::choose(tx, actor, place)
}

fn names(office: &Office, actor: &Actor, joined_by: Option<&[&Actor]>) -> Vec<String> {
    let joined_by = joined_by.map(|people| people.iter().map(|who| uuid(who)).collect());
    let found = office.workspaces(actor, &WorkspaceFilter { joined_by });
    found.iter().map(|workspace| workspace.name.as_str().to_owned()).collect()
}

#[test]
fn the_creator_of_a_workspace_owns_it() {
    let office = office();
    let (made, trace) = office.change(&office.bob, "workspaces.create", create("engines"));
    assert_eq!(office.role(made.id, &office.bob), Some(Role::Owner));
    assert_eq!(made.created_by.unwrap().uuid, uuid(&office.bob));
    assert_eq!((trace.kind.as_str(), trace.object), ("workspace", made.id.to_string()));
    let after = json!({
        "organization": 1, "name": "engines", "description": "", "private": true, "archived": false,
        "owner": uuid(&office.bob), "ml_models_enabled": false, "gradient_start_color": null,
        "gradient_end_color": null, "default_llm_integration": null, "default_agent_runtime": null,
    });
    assert_eq!((trace.before, trace.after), (None, Some(after)));
}

#[test]
fn a_workspace_name_is_unique() {
    let office = office();
    office.workspace(&office.bob, "engines");
    for who in [&office.bob, &office.carol, &office.ada] {
        let error = office.refusal(who, create("engines"));
        assert!(matches!(error, Error::Conflict { what: Noun::Workspace, .. }), "{error:?}");
    }
}

#[test]
fn fifty_concurrent_creations_with_one_name_create_one_workspace() {
    let office = office();
    let jobs = (0..50)
        .map(|n| {
            let actor = [&office.bob, &office.carol][n % 2].clone();
            let job = move |tx: &Tx| workspaces::create(tx, &actor, &called("engines")).map(drop);
            Box::new(job) as Job
        })
        .collect();
    let done = office.at_once(jobs);
    assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1);
    assert!(done.iter().all(|one| matches!(one, Ok(()) | Err(Error::Conflict { .. }))));
    assert_eq!(probe::rows(&office.file, "SELECT count(*) FROM members"), [[json!(1)]]);
}

#[test]
fn only_members_of_the_organization_create_workspaces() {
    let office = office();
    hidden(&office.refusal(&office.stranger, create("engines")));
    hidden(&office.refusal(&Actor::nobody(origin()), create("engines")));
    refused(&office.refusal(&Actor::operator(), create("engines")), "only people can create workspaces");
}

#[test]
fn people_list_their_workspaces_and_administrators_all() {
    let office = office();
    let shared = office.workspace(&office.bob, "shared");
    office.workspace(&office.bob, "bobs");
    office.workspace(&office.carol, "carols");
    office.join(&office.bob, shared, &office.carol, Role::Member);
    let (ada, bob, carol, stranger) = (&office.ada, &office.bob, &office.carol, &office.stranger);

    assert_eq!(names(&office, ada, None), ["shared", "bobs", "carols"]);
    assert_eq!(names(&office, &Actor::operator(), None), ["shared", "bobs", "carols"]);
    assert_eq!(names(&office, bob, None), ["shared", "bobs"]);
    assert_eq!(names(&office, carol, None), ["shared", "carols"]);
    assert_eq!(names(&office, stranger, None), [""; 0]);
    assert_eq!(names(&office, &Actor::nobody(origin()), None), [""; 0]);

    assert_eq!(names(&office, ada, Some(&[carol])), ["shared", "carols"]);
    assert_eq!(names(&office, ada, Some(&[carol, bob])), ["shared", "bobs", "carols"]);
    assert_eq!(names(&office, ada, Some(&[stranger])), [""; 0]);
    assert_eq!(names(&office, ada, Some(&[])), [""; 0]);
    assert_eq!(names(&office, bob, Some(&[bob])), ["shared", "bobs"]);
    assert_eq!(names(&office, bob, Some(&[carol])), ["shared"], "what one shares with her, and no more");
    assert_eq!(names(&office, bob, Some(&[carol, bob])), ["shared", "bobs"]);
    assert_eq!(names(&office, stranger, Some(&[bob])), [""; 0]);
    assert_eq!(names(&office, &Actor::nobody(origin()), Some(&[bob])), [""; 0]);
}

#[test]
fn a_set_of_workspaces_has_only_visible_ones() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let seen = |who: &Actor| office.read_long(|view| content_sets::workspaces(view, who, &[place])).unwrap();
    for who in [&office.bob, &office.ada] {
        assert_eq!(seen(who)[0].id, place);
        assert_eq!(office.read(|view| workspaces::visible(view, who, place)).unwrap().id, place);
    }
    for who in [&office.carol, &office.stranger, &Actor::nobody(origin())] {
        assert!(seen(who).is_empty());
        hidden(&office.read(|view| workspaces::visible(view, who, place)).map(drop).unwrap_err());
    }
}

#[test]
fn lists_of_workspaces_have_only_contents_that_the_actor_may_see() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let (version, pipeline) = office.contents(place);
    let shown = |who: &Actor| {
        let mut shown = (Vec::new(), Vec::new());
        let list = office.read_long(|view| {
            workspaces::list(view, who, &WorkspaceFilter::default(), |batch| {
                for contents in contents::of_visible(view, who, batch)?.into_values() {
                    shown.0.extend(contents.model_versions);
                    shown.1.extend(contents.pipelines);
                }
                Ok(())
            })
        });
        list.unwrap();
        shown
    };
    office.join(&office.bob, place, &office.carol, Role::Member);
    for (role, sees_models) in [("annotator", false), ("reader", true), ("member", true)] {
        let carol = office.carol.user().unwrap();
        probe::execute(&office.file, &format!("UPDATE members SET role = '{role}' WHERE user_id = {carol}"));
        let models = if sees_models { vec![version] } else { Vec::new() };
        assert_eq!(shown(&office.carol), (models, vec![pipeline]), "{role}");
    }
    assert_eq!(shown(&office.ada), (vec![version], vec![pipeline]));
}

#[test]
fn a_default_workspace_name_of_somebody_else_is_refused() {
    let office = office();
    for name in ["carol@example.com - Default Workspace", "CAROL@example.com - Default Workspace"] {
        for who in [&office.bob, &office.ada] {
            refused(&office.refusal(who, create(name)), "reserved for the default workspace of the user");
            refused(&office.refusal(who, open(name)), "reserved for the default workspace of the user");
        }
    }
    office.change(&office.carol, "workspaces.create", open("carol@example.com - Default Workspace"));
    let error = office.refusal(&office.ada, open("carol@example.com - Default Workspace"));
    assert!(matches!(error, Error::Conflict { what: Noun::Workspace, .. }), "{error:?}");
}

#[test]
fn an_address_matches_in_any_case() {
    let office = office();
    office.change(&office.bob, "workspaces.create", create("Bob@Example.COM - Default Workspace"));
}

#[test]
fn open_returns_a_joined_workspace_or_creates_it() {
    let office = office();
    let (made, _) = office.change(&office.bob, "workspaces.create", open("engines"));
    assert_eq!(office.nothing(&office.bob, open("engines")).id, made.id);
    for who in [&office.carol, &office.ada] {
        let error = office.refusal(who, open("engines"));
        assert!(matches!(error, Error::Conflict { what: Noun::Workspace, .. }), "{error:?}");
    }
    office.join(&office.bob, made.id, &office.carol, Role::Member);
    assert_eq!(office.nothing(&office.carol, open("engines")).id, made.id);
}

#[test]
fn a_default_workspace_requires_membership() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let found = |who: &Actor| {
        let found = office.read(|view| default_workspaces::find(view, who)).unwrap();
        found.map(|(_, workspace)| workspace.id)
    };
    assert_eq!(found(&office.bob), None);
    let ((), trace) = office.change(&office.bob, "default_workspaces.choose", choose(place));
    assert_eq!((trace.kind.as_str(), trace.object), ("user", uuid(&office.bob).to_string()));
    assert_eq!((trace.before, trace.after), (None, Some(json!({ "default_workspace": place.0 }))));
    office.nothing(&office.bob, choose(place));
    assert_eq!(found(&office.bob), Some(place));

    let other = office.workspace(&office.bob, "other");
    let ((), trace) = office.change(&office.bob, "default_workspaces.choose", choose(other));
    assert_eq!(trace.before, Some(json!({ "default_workspace": place.0 })));

    hidden(&office.refusal(&office.carol, choose(place)));
    refused(&office.refusal(&office.ada, choose(place)), "one that you are a member of");
    refused(&office.refusal(&Actor::operator(), choose(place)), "only people");
    assert_eq!(found(&office.carol), None);
    assert_eq!(found(&Actor::operator()), None);
}

#[test]
fn a_rename_to_the_default_workspace_of_somebody_else_is_refused() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let rename = |name: &str| {
        let name = Some(WorkspaceName::parse(name).unwrap());
        let change = WorkspaceChange { name, ..WorkspaceChange::default() };
        move |tx: &Tx, actor: &Actor| workspaces::change(tx, actor, place, &change)
    };
    for who in [&office.bob, &office.ada, &Actor::operator()] {
        let error = office.refusal(who, rename("Carol@example.com - Default Workspace"));
        refused(&error, "reserved for the default workspace");
    }
    office.change(&office.bob, "workspaces.change", rename("bob@example.com - Default Workspace"));
    // An administrator may change the rest of it.
    let private = WorkspaceChange { private: Some(false), ..WorkspaceChange::default() };
    office.change(&office.ada, "workspaces.change", move |tx, actor| workspaces::change(tx, actor, place, &private));
}
