//! A search by a part of a name returns the same pages as a scan of every name, for every user and every history of
//! names.

use proptest::prelude::*;

use super::visibility::{Dice, walked};
use super::*;
use crate::app::{organizations, projects, users, workspaces};
use crate::domain::ids::{OrganizationId, ProjectId};
use crate::domain::organization::{
    NewOrganization, OrganizationChange, OrganizationName, OrganizationRole, OrganizationSearch,
};
use crate::domain::page::Page;
use crate::domain::project::{ProjectName, ProjectSearch};
use crate::domain::text::{Description, fold};
use crate::domain::user::UserSearch;
use crate::domain::workspace::{WorkspaceChange, WorkspaceSearch};

/// Letters that are near one another in some way: by case, by their beginning in UTF-8, or as signs of a pattern.
const LETTERS: [&str; 24] = [
    "a", "A", "b", "ab", "aa", "İ", "I", "i", "ı", "ß", "ẞ", "Σ", "σ", "ς", "é", "É", "%", "_", "'", "\"", "\\", "-",
    "日", "😀",
];

fn text(dice: &mut Dice, longest: usize) -> String {
    (0..dice.below(longest + 1)).map(|_| *dice.one_of(&LETTERS)).collect()
}

/// Does one thing at random, which may be refused.
fn step(office: &Office, dice: &mut Dice) {
    let actor = (*dice.one_of(&[&office.ada, &office.ada, &office.bob, &office.carol])).clone();
    let last = |table: &str| {
        let rows = probe::rows(&office.file, &format!("SELECT coalesce(max(id), 1) FROM {table}"));
        usize::try_from(rows[0][0].as_i64().unwrap()).unwrap()
    };
    let any = |dice: &mut Dice, table: &str| {
        let ids = probe::rows(&office.file, &format!("SELECT id FROM {table}"));
        if ids.is_empty() { 1 } else { dice.one_of(&ids)[0].as_i64().unwrap() }
    };
    let name = text(dice, 5);
    match dice.below(16) {
        0..=5 => {
            let Ok(name) = WorkspaceName::parse(&name) else { return };
            let mut new = NewWorkspace::private(name);
            new.private = dice.once_in(3);
            new.organization = dice.once_in(3).then(|| OrganizationId(any(dice, "organizations")));
            let _ = office.by(&actor, move |tx, actor| workspaces::create(tx, actor, &new));
        }
        6 | 7 => {
            let place = WorkspaceId(any(dice, "workspaces"));
            let change = WorkspaceChange { name: WorkspaceName::parse(&name).ok(), ..WorkspaceChange::default() };
            let _ = office.by(&actor, move |tx, actor| workspaces::change(tx, actor, place, &change));
        }
        8 => {
            let place = WorkspaceId(any(dice, "workspaces"));
            let _ = office.by(&office.ada, move |tx, actor| workspaces::delete(tx, actor, place));
        }
        9 => {
            let (Ok(name), description) = (OrganizationName::parse(&name), Description::default()) else { return };
            let new = NewOrganization { name, description };
            if let Ok(made) = office.by(&office.ada, move |tx, actor| organizations::create(tx, actor, &new)) {
                let who = named(&actor);
                let role = *dice.one_of(&OrganizationRole::ALL);
                let put = move |tx: &Tx, actor: &Actor| organizations::upsert_member(tx, actor, made.id, &who, role);
                let _ = office.by(&office.ada, put);
            }
        }
        10 => {
            let place = OrganizationId(any(dice, "organizations"));
            if dice.once_in(3) {
                let _ = office.by(&office.ada, move |tx, actor| organizations::delete(tx, actor, place));
            } else {
                let change = OrganizationChange { name: OrganizationName::parse(&name).ok(), description: None };
                let _ = office.by(&office.ada, move |tx, actor| organizations::change(tx, actor, place, &change));
            }
        }
        11 | 12 => {
            let Ok(name) = ProjectName::parse(&name) else { return };
            let (place, project) = (WorkspaceId(any(dice, "workspaces")), ProjectId(any(dice, "projects")));
            let _ = match dice.below(4) {
                0 => office.by(&actor, move |tx, actor| projects::rename(tx, actor, project, &name).map(drop)),
                1 => office.by(&actor, move |tx, actor| projects::restrict(tx, actor, project).map(drop)),
                _ => office.by(&actor, move |tx, actor| projects::create(tx, actor, place, &name).map(drop)),
            };
        }
        13 => {
            let (place, who) = (WorkspaceId(any(dice, "workspaces")), named(&actor));
            let role = *dice.one_of(&[Role::Owner, Role::Member, Role::Reader]);
            let put = move |tx: &Tx, actor: &Actor| crate::app::members::upsert(tx, actor, place, &who, role);
            let _ = office.by(&office.ada, put);
        }
        14 => {
            let local: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
            let Ok(email) = Email::parse(&format!("x{local}{}@example.com", last("users"))) else { return };
            let new = NewUser { email, ..new_user("x", AccountRole::Member) };
            let create = move |tx: &Tx, actor: &Actor| users::create(tx, actor, &new, Uuid::new_v4(), None);
            let _ = office.by(&office.ada, create);
        }
        // The ids that are given next are further on. An id is never given twice.
        _ => {
            let table = dice.one_of(&["workspaces", "organizations", "projects", "users"]);
            let next = last(table) + dice.below(9000);
            probe::skip_ids(&office.file, table, next);
        }
    }
}

/// Compares one search with a look at every name that the same person is shown.
fn check(view: &View, actor: &Actor, dice: &mut Dice, wanted: &str) {
    let limit = 1 + u32::try_from(dice.below(4)).unwrap();
    let whole = Page { after: None, limit: 100_000 };
    let has = |name: &str| fold(name).contains(&fold(wanted));
    let text = Some(wanted.to_owned());

    let places = workspaces::page(view, actor, &WorkspaceSearch::default(), whole).unwrap().items;
    for organization in [None, places.first().map(|place| place.organization)] {
        let inside = |id: OrganizationId| organization.is_none_or(|meant| meant == id);
        let expected: Vec<i64> = places
            .iter()
            .filter(|place| inside(place.organization) && has(place.name.as_str()))
            .map(|place| place.id.0)
            .collect();
        let search = WorkspaceSearch { organization, name: text.clone(), archived: None };
        if organization.is_some_and(|id| organizations::visible(view, actor, id).is_err()) {
            continue;
        }
        let shown = walked(limit, |page| workspaces::page(view, actor, &search, page), |found| found.id.0);
        assert_eq!(shown, expected, "workspaces with {wanted:?} in {organization:?} for {actor:?}");
    }

    let all = organizations::page(view, actor, &OrganizationSearch::default(), whole).unwrap().items;
    let expected: Vec<i64> = all.iter().filter(|one| has(one.name.as_str())).map(|one| one.id.0).collect();
    let search = OrganizationSearch { name: text.clone() };
    let shown = walked(limit, |page| organizations::page(view, actor, &search, page), |found| found.id.0);
    assert_eq!(shown, expected, "organizations with {wanted:?} for {actor:?}");

    let all = projects::page(view, actor, &ProjectSearch::default(), whole).unwrap().items;
    let name_of = |id| store::workspaces::find(view, id).unwrap().unwrap().name;
    let by_name: Vec<i64> = all.iter().filter(|one| has(one.name.as_str())).map(|one| one.id.0).collect();
    let by_place: Vec<i64> =
        all.iter().filter(|one| has(name_of(one.workspace).as_str())).map(|one| one.id.0).collect();
    let searches = [
        (ProjectSearch { name: text.clone(), ..ProjectSearch::default() }, by_name),
        (ProjectSearch { workspace_name: text.clone(), ..ProjectSearch::default() }, by_place),
    ];
    for (search, expected) in searches {
        let shown = walked(limit, |page| projects::page(view, actor, &search, page), |found| found.id.0);
        assert_eq!(shown, expected, "projects of {search:?} for {actor:?}");
    }

    let all = users::page(view, actor, &UserSearch::default(), whole).unwrap().items;
    let has = |email: &Email| email.key().contains(&Email::fold_part(wanted));
    let expected: Vec<i64> = all.iter().filter(|one| has(&one.email)).map(|one| one.id.0).collect();
    let search = UserSearch { email: text, ..UserSearch::default() };
    let shown = walked(limit, |page| users::page(view, actor, &search, page), |found| found.id.0);
    assert_eq!(shown, expected, "people with {wanted:?} for {actor:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn a_search_finds_the_same_as_a_full_scan(seed in 1_u64..) {
        let office = office();
        let mut dice = Dice(seed);
        for _ in 0..6 {
            for _ in 0..25 {
                step(&office, &mut dice);
            }
            office.read(|view| {
                let names: Vec<String> = probe::rows(&office.file, "SELECT name FROM workspaces UNION ALL SELECT name FROM projects")
                    .iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
                for _ in 0..8 {
                    let wanted = if dice.once_in(2) && !names.is_empty() {
                        let name: Vec<char> = dice.one_of(&names).chars().collect();
                        let from = dice.below(name.len());
                        name[from..].iter().take(1 + dice.below(5)).collect()
                    } else {
                        text(&mut dice, 4)
                    };
                    for actor in [&office.ada, &office.bob, &office.carol, &office.stranger, &Actor::operator()] {
                        check(view, actor, &mut dice, &wanted);
                    }
                }
                Ok(())
            }).unwrap();
        }
    }
}
