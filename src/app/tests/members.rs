//! Who is in a workspace: joining, leaving, and the owner who stays.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::app::{default_workspaces, members, users};
use crate::domain::user::UserChange;

const KEEPS: &str = "a workspace must keep at least one owner; add another owner first";

fn leave(place: WorkspaceId) -> impl Fn(&Tx, &Actor) -> Result<bool> + Send + 'static {
    move |tx, actor| members::remove(tx, actor, place, &named(actor))
}

fn remove(place: WorkspaceId, who: &Actor) -> impl Fn(&Tx, &Actor) -> Result<bool> + Send + 'static {
    let who = named(who);
    move |tx, actor| members::remove(tx, actor, place, &who)
}

fn put(place: WorkspaceId, who: &Actor, role: Role) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    let who = named(who);
    move |tx, actor| members::upsert(tx, actor, place, &who, role).map(drop)
}

#[test]
fn the_last_owner_cannot_leave() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    refused(&office.refusal(&office.bob, leave(place)), KEEPS);
    office.join(&office.bob, place, &office.carol, Role::Member);
    refused(&office.refusal(&office.bob, leave(place)), KEEPS);
    office.join(&office.bob, place, &office.carol, Role::Owner);
    office.change(&office.bob, "members.remove", leave(place));
    refused(&office.refusal(&office.carol, leave(place)), KEEPS);
    assert_eq!(office.role(place, &office.carol), Some(Role::Owner));
}

#[test]
fn the_last_owner_cannot_be_demoted_by_anybody() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    for who in [&office.bob, &office.ada, &Actor::operator()] {
        refused(&office.refusal(who, put(place, &office.bob, Role::Member)), KEEPS);
    }
}

#[test]
fn the_last_owner_cannot_be_removed_by_an_administrator() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    for who in [&office.ada, &Actor::operator()] {
        refused(&office.refusal(who, remove(place, &office.bob)), KEEPS);
        let all = move |tx: &Tx, actor: &Actor| members::remove_all(tx, actor, &BTreeSet::from([place]), |_| true);
        refused(&office.refusal(who, all), KEEPS);
    }
    assert_eq!(office.role(place, &office.bob), Some(Role::Owner));
}

#[test]
fn a_disabled_owner_does_not_count_as_the_last_owner() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Owner);
    let disable = UserChange { enabled: Some(false), ..UserChange::default() };
    let carol = named(&office.carol);
    office.by(&office.ada, move |tx, actor| users::change(tx, actor, &carol, &disable)).unwrap();
    refused(&office.refusal(&office.bob, leave(place)), KEEPS);
    office.change(&office.bob, "members.remove", remove(place, &office.carol));
}

#[test]
fn two_owners_who_leave_concurrently_keep_one() {
    for round in 0..10 {
        let office = office();
        let place = office.workspace(&office.bob, "engines");
        office.join(&office.bob, place, &office.carol, Role::Owner);
        let jobs = (0..50)
            .map(|n| {
                let actor = [&office.bob, &office.carol][n % 2].clone();
                let job = move |tx: &Tx| {
                    if n % 4 < 2 {
                        members::remove(tx, &actor, place, &named(&actor)).map(drop)
                    } else {
                        members::upsert(tx, &actor, place, &named(&actor), Role::Member).map(drop)
                    }
                };
                Box::new(job) as Job
            })
            .collect();
        office.at_once(jobs);
        let roles = [&office.bob, &office.carol].map(|who| office.role(place, who));
        let owners = roles.iter().filter(|role| **role == Some(Role::Owner)).count();
        assert_eq!(owners, 1, "round {round}: {roles:?}");
    }
}

#[test]
fn concurrent_removals_of_two_owners_keep_one() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Owner);
    let jobs = (0..50)
        .map(|n| {
            let (ada, who) = (office.ada.clone(), named([&office.bob, &office.carol][n % 2]));
            let job = move |tx: &Tx| members::remove(tx, &ada, place, &who).map(drop);
            Box::new(job) as Job
        })
        .collect();
    let done = office.at_once(jobs);
    let owners = [&office.bob, &office.carol].iter().filter(|who| office.role(place, who).is_some()).count();
    assert_eq!(owners, 1);
    assert!(done.iter().filter(|one| one.is_err()).all(|one| matches!(one, Err(Error::Refused { .. }))));
}

#[test]
fn every_change_of_a_member_writes_one_audit_row() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let object = format!("{place}/{}", uuid(&office.carol));

    let ((), joined) = office.change(&office.bob, "members.put", put(place, &office.carol, Role::Member));
    assert_eq!((joined.kind.as_str(), &joined.object), ("member", &object));
    assert_eq!((joined.before, joined.after), (None, Some(json!({ "role": "member" }))));

    office.nothing(&office.bob, put(place, &office.carol, Role::Member));

    let ((), raised) = office.change(&office.bob, "members.put", put(place, &office.carol, Role::Owner));
    assert_eq!((raised.before, raised.after), (Some(json!({ "role": "member" })), Some(json!({ "role": "owner" }))));

    let (was_in, left) = office.change(&office.bob, "members.remove", remove(place, &office.carol));
    assert!(was_in);
    assert_eq!(left.object, object);
    assert_eq!((left.before, left.after), (Some(json!({ "role": "owner" })), None));

    assert!(!office.nothing(&office.bob, remove(place, &office.carol)), "gone already");
}

#[test]
fn a_member_may_leave_but_not_manage_members() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    forbidden(&office.refusal(&office.carol, remove(place, &office.bob)), Action::RemoveMember);
    forbidden(&office.refusal(&office.carol, remove(place, &office.ada)), Action::RemoveMember);
    forbidden(&office.refusal(&office.carol, put(place, &office.carol, Role::Owner)), Action::AddMember);
    forbidden(&office.refusal(&office.carol, put(place, &office.bob, Role::Member)), Action::AddMember);
    assert!(office.change(&office.carol, "members.remove", leave(place)).0);
    assert_eq!(office.role(place, &office.carol), None);
    assert!(!office.nothing(&office.carol, leave(place)), "and is out already");
}

#[test]
fn an_outsider_does_not_find_the_workspace() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    for who in [&office.carol, &office.stranger, &Actor::nobody(origin())] {
        hidden(&office.read_long(|view| members::list(view, who, place)).unwrap_err());
        hidden(&office.refusal(who, put(place, &office.carol, Role::Owner)));
        hidden(&office.refusal(who, remove(place, &office.bob)));
        let all = move |tx: &Tx, actor: &Actor| members::remove_all(tx, actor, &BTreeSet::from([place]), |_| true);
        assert_eq!(office.nothing(who, all), []);
    }
    assert!(!office.nothing(&office.carol, leave(place)));
    assert!(!office.nothing(&office.carol, leave(WorkspaceId(4711))), "told alike");
}

#[test]
fn a_missing_workspace_is_refused_like_a_hidden_one() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let unseen = office.read_long(|view| members::list(view, &office.carol, place)).unwrap_err().to_string();
    let absent =
        office.read_long(|view| members::list(view, &office.carol, WorkspaceId(4711))).unwrap_err().to_string();
    assert_eq!(unseen.replace(&place.to_string(), "N"), absent.replace("4711", "N"));
}

#[test]
fn an_administrator_manages_workspaces_without_membership() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.change(&office.ada, "members.put", put(place, &office.carol, Role::Owner));
    office.change(&office.ada, "members.remove", remove(place, &office.bob));
    assert!(!office.nothing(&office.ada, leave(place)));
    office.change(&Actor::operator(), "members.put", put(place, &office.bob, Role::Member));
}

#[test]
fn only_people_of_the_organization_join() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    hidden(&office.refusal(&office.bob, put(place, &office.stranger, Role::Member)));
    let error = office.refusal(&office.ada, put(place, &office.stranger, Role::Member));
    refused(&error, "not a member of the workspace's organization");
}

#[test]
fn leaving_a_workspace_clears_it_as_the_default() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Owner);
    office.by(&office.bob, move |tx, actor| default_workspaces::choose(tx, actor, place)).unwrap();
    office.change(&office.bob, "members.remove", leave(place));
    assert!(office.read(|view| default_workspaces::find(view, &office.bob)).unwrap().is_none());
    office.join(&office.carol, place, &office.bob, Role::Member);
    assert!(office.read(|view| default_workspaces::find(view, &office.bob)).unwrap().is_none());
}

#[test]
fn a_removal_from_many_workspaces_is_all_or_nothing() {
    let office = office();
    let places = ["one", "two"].map(|name| office.workspace(&office.bob, name));
    for place in places {
        office.join(&office.bob, place, &office.carol, Role::Member);
    }
    let (who, of) = (uuid(&office.carol), BTreeSet::from(places));
    let before = office.audit().len();
    let gone =
        office.by(&office.bob, move |tx, actor| members::remove_all(tx, actor, &of, |member| member.uuid == who));
    assert_eq!(gone.unwrap().len(), 2);
    assert_eq!(office.audit().len(), before + 2, "a row for each membership");

    let of = BTreeSet::from(places);
    office.join(&office.bob, places[0], &office.carol, Role::Owner);
    let everybody = move |tx: &Tx, actor: &Actor| members::remove_all(tx, actor, &of, |_| true);
    refused(&office.refusal(&office.bob, everybody), KEEPS);
    let many: BTreeSet<_> = (0..101).map(WorkspaceId).collect();
    let many = move |tx: &Tx, actor: &Actor| members::remove_all(tx, actor, &many, |_| true);
    refused(&office.refusal(&office.bob, many), "at most 100 workspaces");
}
