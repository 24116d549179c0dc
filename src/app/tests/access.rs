//! The overview of who can reach what agrees with judgement, in worlds made up at random.

use super::visibility::{Dice, world};
use super::*;
use crate::app::access::{self, Way};
use crate::app::{standing, users};
use crate::domain::ids::UserId;
use crate::policy::{Decision, decide};

#[test]
fn the_ways_of_people_are_what_judgement_allows() {
    let office = office();
    let people = [&office.bob, &office.carol, &office.stranger];
    let ids: Vec<UserId> = people.iter().map(|who| who.user().unwrap()).collect();
    for seed in 1..=40 {
        let sql = world(&mut Dice(seed), &ids);
        probe::execute(&office.file, &sql);
        office.read(check(&office.ada, &ids)).unwrap();
        for asking in people {
            office.read(check_visible(asking, &ids)).unwrap();
        }
    }
}

fn everybody(view: &View, ids: &[UserId]) -> Result<Vec<User>> {
    ids.iter().map(|id| users::principal(view, &Actor::operator(), &Named::Number(*id))).collect()
}

fn everything(view: &View) -> Result<Vec<crate::domain::workspace::Workspace>> {
    let found = (1..=8).map(|id| store::workspaces::find(view, WorkspaceId(id)));
    Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// What an administrator sees is what is so.
fn check<'a>(ada: &'a Actor, ids: &'a [UserId]) -> impl FnOnce(&View) -> Result<()> + 'a {
    move |view| {
        let (people, places) = (everybody(view, ids)?, everything(view)?);
        let ways = access::ways(view, ada, &people, &places)?;
        for (user, ways) in people.iter().zip(ways.rows()) {
            for (place, way) in places.iter().zip(ways.iter().copied()) {
                let standing = standing::in_workspace(view, &acting(user), place)?;
                let reads = decide(&standing, Action::ReadWorkspace) == Decision::Allowed;
                assert!(!reads || way.is_some(), "{} reads {}: {standing:?}", user.email, place.id);
                let member = store::members::find(view, place.id, user.id)?.map(|member| Way::Member(member.role));
                assert!(member.is_none() || way == member, "{way:?}");
                if matches!(way, Some(Way::Organization(_) | Way::Administrator)) {
                    assert!(reads, "{way:?}: {standing:?}");
                }
            }
        }
        Ok(())
    }
}

/// Nobody sees a way into a workspace that they do not see.
fn check_visible<'a>(asking: &'a Actor, ids: &'a [UserId]) -> impl FnOnce(&View) -> Result<()> + 'a {
    move |view| {
        let (people, places) = (everybody(view, ids)?, everything(view)?);
        let asking = acting(&users::principal(view, &Actor::operator(), &Named::Number(asking.user().unwrap()))?);
        let ways = access::ways(view, &asking, &people, &places)?;
        let found = ways.rows().flat_map(|ways| places.iter().zip(ways.iter().copied()));
        for (place, way) in found.filter_map(|(place, way)| Some((place, way?))) {
            let standing = standing::in_workspace(view, &asking, place)?;
            assert_eq!(decide(&standing, Action::ReadWorkspace), Decision::Allowed);
            let reads_bindings = decide(&standing, Action::ReadBindings) == Decision::Allowed;
            assert!(way != Way::Binding || reads_bindings, "{standing:?}");
        }
        Ok(())
    }
}
