//! What lists show is exactly what judgement allows, page by page, in worlds made up at random.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::app::{bindings, organizations, projects, standing, workspaces};
use crate::domain::ids::{OrganizationId, ProjectId, RoleId, UserId};
use crate::domain::organization::{OrganizationRole, OrganizationSearch};
use crate::domain::page::{Page, Slice};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::project::ProjectSearch;
use crate::domain::workspace::WorkspaceSearch;
use crate::policy::{Decision, decide};

const TELLING: [Permission; 5] = [
    Permission::SPACE_READ,
    Permission::PROJECT_READ,
    Permission::PROJECT_RESTRICT,
    Permission::ROLE_BINDING_READ,
    Permission::DATASET_READ,
];

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        // xorshift64*, Vigna 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % end
    }

    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const ORGANIZATIONS: i64 = 3;
const WORKSPACES: i64 = 8;
const PROJECTS: i64 = 12;
const ROLES: i64 = 4;

/// SQL that makes a world of these people, instead of what was there but for the people themselves.
pub(super) fn world(dice: &mut Dice, people: &[UserId]) -> String {
    let mut sql = String::from("BEGIN;");
    for table in ["bindings", "restrictions", "projects", "members", "workspaces", "roles", "organization_members"] {
        let _ = write!(sql, "DELETE FROM {table};");
    }
    sql.push_str("DELETE FROM organizations WHERE home = 0;");
    for id in 2..=ORGANIZATIONS {
        let _ = write!(sql, "INSERT INTO organizations VALUES ({id}, 'o{id}', 'o{id}', '', 0, 0, 0);");
    }
    for id in 1..=ROLES {
        let named: PermissionSet = TELLING.into_iter().filter(|_| dice.once_in(2)).collect();
        let hex = named.to_bytes().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let shows = i64::from(named.contains(Permission::SPACE_READ));
        let _ = write!(sql, "INSERT INTO roles VALUES ({id}, 'r{id}', '', NULL, X'{hex}', {shows}, 0, 0);");
    }
    for id in 1..=WORKSPACES {
        let (organization, private) = (1 + dice.below(3), dice.below(2));
        let _ = write!(
            sql,
            "INSERT INTO workspaces (id, organization_id, name, name_key, description, private, archived, created_at,
                 ml_models_enabled) VALUES ({id}, {organization}, 'w{id}', 'w{id}', '', {private}, 0, 0, 0);"
        );
    }
    for id in 1..=PROJECTS {
        let place = 1 + dice.below(8);
        let _ = write!(
            sql,
            "INSERT INTO projects (id, workspace_id, name, name_key, kind, created_at, updated_at)
             VALUES ({id}, {place}, 'p{id}', 'p{id}', 'application', 0, 0);"
        );
        if dice.once_in(3) {
            let _ = write!(sql, "INSERT INTO restrictions VALUES ({id}, NULL, 0);");
        }
    }
    for user in people {
        let account = dice.one_of(&AccountRole::ALL[1..]).as_str();
        let _ = write!(sql, "UPDATE users SET role = '{account}' WHERE id = {user};");
        for organization in 1..=ORGANIZATIONS {
            if dice.once_in(2) {
                let role = dice.one_of(&OrganizationRole::ALL).as_str();
                let _ = write!(
                    sql,
                    "INSERT INTO organization_members (organization_id, user_id, role, created_at)
                     VALUES ({organization}, {user}, '{role}', 0);"
                );
            }
        }
        for place in 1..=WORKSPACES {
            if dice.once_in(5) {
                let role = dice.one_of(&["owner", "member", "reader", "annotator", "custom"]);
                let named = if *role == "custom" { (1 + dice.below(4)).to_string() } else { "NULL".to_owned() };
                let _ = write!(
                    sql,
                    "INSERT INTO members (workspace_id, user_id, role, role_id, created_at)
                     VALUES ({place}, {user}, '{role}', {named}, 0);"
                );
            }
            if dice.once_in(5) {
                let role = 1 + dice.below(4);
                let _ = write!(
                    sql,
                    "INSERT INTO bindings (role_id, user_id, workspace_id, created_at, updated_at)
                     VALUES ({role}, {user}, {place}, 0, 0);"
                );
            }
        }
        for project in 1..=PROJECTS {
            if dice.once_in(6) {
                let role = 1 + dice.below(4);
                let _ = write!(
                    sql,
                    "INSERT INTO bindings (role_id, user_id, project_id, created_at, updated_at)
                     VALUES ({role}, {user}, {project}, 0, 0);"
                );
            }
        }
    }
    sql.push_str("COMMIT;");
    sql
}

/// Everything that a list shows in pages of this length, each full but the last.
pub(super) fn walked<T>(limit: u32, turn: impl Fn(Page) -> Result<Slice<T>>, number: impl Fn(&T) -> i64) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut page = Page { after: None, limit };
    loop {
        let slice = turn(page).unwrap();
        seen.extend(slice.items.iter().map(&number));
        match slice.next {
            Some(next) => {
                assert_eq!(slice.items.len(), limit as usize, "a page that is not the last is full");
                assert_eq!(slice.items.last().map(&number), Some(next), "a cursor tells of nothing hidden");
                page.after = Some(next);
            }
            None => return seen,
        }
    }
}

fn check(office: &Office, view: &View, actor: &Actor, limit: u32) {
    let allowed = |standing, action| decide(&standing, action) == Decision::Allowed;
    let places: Vec<_> =
        (1..=WORKSPACES).map(|id| store::workspaces::find(view, WorkspaceId(id)).unwrap().unwrap()).collect();

    let expected: Vec<i64> = (1..=ORGANIZATIONS)
        .filter(|id| {
            let standing = standing::in_organization(view, actor, OrganizationId(*id)).unwrap();
            allowed(standing, Action::ReadOrganization)
        })
        .collect();
    let shown = walked(
        limit,
        |page| organizations::page(view, actor, &OrganizationSearch::default(), page),
        |found| found.id.0,
    );
    assert_eq!(shown, expected, "organizations of {actor:?}");

    let expected: Vec<i64> = places
        .iter()
        .filter(|place| allowed(standing::in_workspace(view, actor, place).unwrap(), Action::ReadWorkspace))
        .map(|place| place.id.0)
        .collect();
    let search = WorkspaceSearch::default();
    let shown = walked(limit, |page| workspaces::page(view, actor, &search, page), |found| found.id.0);
    assert_eq!(shown, expected, "workspaces of {actor:?}");

    let project_where = |action: Action| -> Vec<i64> {
        let may = |id: &i64| {
            let project = store::projects::find(view, ProjectId(*id)).unwrap().unwrap();
            let place = places.iter().find(|place| place.id == project.workspace).unwrap();
            allowed(standing::in_project(view, actor, place, project.id).unwrap(), action)
        };
        (1..=PROJECTS).filter(may).collect()
    };
    let search = ProjectSearch::default();
    let shown = walked(limit, |page| projects::page(view, actor, &search, page), |found| found.id.0);
    assert_eq!(shown, project_where(Action::ReadProject), "projects of {actor:?}");

    let restricted = probe::rows(&office.file, "SELECT project_id FROM restrictions");
    let restricted: BTreeSet<i64> = restricted.iter().map(|row| row[0].as_i64().unwrap()).collect();
    let expected: Vec<i64> =
        project_where(Action::RestrictProject).into_iter().filter(|id| restricted.contains(id)).collect();
    let shown = walked(limit, |page| projects::page_of_restrictions(view, actor, page), |found| found.project.0);
    assert_eq!(shown, expected, "restrictions of {actor:?}");

    for on_projects in [false, true] {
        let column = if on_projects { "project_id" } else { "workspace_id" };
        let sql = format!("SELECT id FROM bindings WHERE {column} IS NOT NULL ORDER BY id");
        let expected: Vec<i64> = probe::rows(&office.file, &sql)
            .iter()
            .map(|row| row[0].as_i64().unwrap())
            .filter(|id| bindings::visible(view, actor, crate::domain::ids::BindingId(*id)).is_ok())
            .collect();
        let shown = walked(limit, |page| bindings::page(view, actor, on_projects, None, page), |found| found.id.0);
        assert_eq!(shown, expected, "bindings of {actor:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn lists_contain_exactly_what_the_actor_may_read(seed in 1_u64..) {
        let office = office();
        let mut dice = Dice(seed);
        let people = [&office.bob, &office.carol, &office.stranger];
        let ids = people.map(|who| who.user().unwrap());
        for _ in 0..4 {
            probe::execute(&office.file, &world(&mut dice, &ids));
            let limit = 1 + u32::try_from(dice.below(6)).unwrap();
            office.read(|view| {
                for id in ids {
                    let actor = acting(&store::users::find(view, id)?.unwrap());
                    check(&office, view, &actor, limit);
                }
                for actor in [&office.ada, &Actor::operator(), &Actor::nobody(origin())] {
                    check(&office, view, actor, limit);
                }
                Ok(())
            }).unwrap();
        }
    }
}

#[test]
fn roles_of_generated_worlds_are_valid() {
    let office = office();
    let ids = [office.bob.user().unwrap()];
    probe::execute(&office.file, &world(&mut Dice(7), &ids));
    let role = office.read(|view| store::roles::find(view, RoleId(1))).unwrap().unwrap();
    assert!(role.permissions.iter().all(|permission| TELLING.contains(&permission)));
}
