//! That the index says what the names are, and that no list costs more where there is more that it does not show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::*;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::page::Page;
use crate::domain::project::ProjectSearch;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserSearch;
use crate::domain::workspace::WorkspaceSearch;
use crate::store::circle::Circle;
use crate::store::sight::Sight;
use crate::store::{Sizes, Store, audit, bindings, organizations, probe, projects, users, workspaces};

struct Place {
    store: Store,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

/// A file with this in it, whose writer has caught up.
fn place(sql: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atelier.db");
    Store::open(&file, Sizes::default()).unwrap().close();
    probe::execute(&file, sql);
    let store = Store::open(&file, Sizes::default()).unwrap();
    let place = Place { store, file, _folder: folder };
    place.catch_up();
    place
}

impl Place {
    fn catch_up(&self) {
        let pending = || probe::rows(&self.file, "SELECT count(*) FROM search_log")[0][0].as_i64().unwrap();
        for _ in 0..3000 {
            if pending() < fold::DUE {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("the writer does not catch up with {} names", pending());
    }
}

const PEOPLE: &str = "
    INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                       must_change_password, created_at)
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :people)
    SELECT '00000000-0000-4000-8000-' || printf('%012d', n), 'p' || n || '@example.com', 'p' || n || '@example.com', '', '', 'person', 'active', 1, 1,
           'member', 0, 0 FROM n;";

#[test]
fn the_index_says_what_the_names_are() {
    let place = place(&format!(
        "{}
         INSERT INTO organizations (name, name_key, description, home, created_at) VALUES ('o', 'o', '', 1, 0);
         INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
                                 ml_models_enabled)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9000)
         SELECT 1, 'w-' || (n % 7) || '-' || n, 'w-' || (n % 7) || '-' || n, '', 0, 0, 0, 0 FROM n;
         UPDATE workspaces SET name = 'x' || id, name_key = 'x' || id WHERE id % 50 = 0;
         UPDATE workspaces SET name = 'y' || id, name_key = 'y' || id WHERE id % 100 = 0;
         DELETE FROM workspaces WHERE id % 30 = 0;",
        PEOPLE.replace(":people", "40")
    ));
    // Some more, so that the log is empty at the end.
    probe::execute(&place.file, "UPDATE workspaces SET name_key = 'z' || id WHERE id < 200");
    place.store.write_and_wait(crate::store::health::touch).unwrap();
    place.catch_up();
    place.store.close();
    let conn = Connection::open(&place.file).unwrap();
    while !conn.query_row("SELECT count(*) = 0 FROM search_log", [], |row| row.get::<_, bool>(0)).unwrap() {
        fold::fold(&conn).unwrap();
    }

    let mut expected: BTreeMap<(i64, i64, Gram), Rows> = BTreeMap::new();
    for (shelf, sql) in SHELVES {
        for row in probe::rows(&place.file, sql) {
            let (segment, place) = grams::place(row[0].as_i64().unwrap());
            for gram in grams::of_name(row[1].as_str().unwrap()) {
                expected.entry((shelf, segment, gram)).or_insert(Rows::NONE).put(place, true);
            }
        }
    }
    let mut query = conn.prepare("SELECT shelf, segment, gram, rows FROM search_grams").unwrap();
    let kept = query.query_map([], |row| {
        let mut rows = Rows::NONE;
        rows.add(row.get_ref(3)?.as_blob().unwrap());
        Ok(((row.get(0)?, row.get(1)?, row.get(2)?), rows))
    });
    let kept: BTreeMap<_, _> = kept.unwrap().map(Result::unwrap).collect();
    assert_eq!(kept.keys().collect::<BTreeSet<_>>(), expected.keys().collect::<BTreeSet<_>>());
    assert!(kept == expected);

    let mut called: BTreeMap<(i64, i64, u16), Vec<u8>> = BTreeMap::new();
    let mut query = conn.prepare("SELECT place % 8, place / 8, names FROM search_names").unwrap();
    let mut rows = query.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (shelf, segment) = (row.get(0).unwrap(), row.get(1).unwrap());
        for (place, name) in names::Names::kept(row.get_ref(2).unwrap().as_blob().unwrap()).all() {
            called.insert((shelf, segment, place), name.to_vec());
        }
    }
    let expected: BTreeMap<(i64, i64, u16), Vec<u8>> = SHELVES
        .iter()
        .flat_map(|(shelf, sql)| probe::rows(&place.file, sql).into_iter().map(move |row| (*shelf, row)))
        .map(|(shelf, row)| {
            let (segment, place) = grams::place(row[0].as_i64().unwrap());
            ((shelf, segment, place), row[1].as_str().unwrap().as_bytes().to_vec())
        })
        .collect();
    assert!(called == expected);
}

#[test]
fn names_of_common_parts_are_told_apart_without_a_look_at_them() {
    let place = place(
        "INSERT INTO organizations (id, name, name_key, description, home, created_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9000)
         SELECT n, n || '-forecast-test-', n || '-forecast-test-', '', n = 1, 0 FROM n;
         UPDATE organizations SET name_key = 'a test-test' WHERE id IN (77, 5000, 8999);",
    );
    let found = |place: &Place, text: &str| {
        let all = |view: &View| Candidates::of(view, Shelf::Organizations, text, 0)?.next(9000);
        place.store.read(all).unwrap()
    };
    // The last few are still in the log.
    probe::execute(&place.file, "UPDATE organizations SET name_key = id || ' no name' WHERE id < 1000 AND id > 50");
    place.store.write_and_wait(crate::store::health::touch).unwrap();
    place.catch_up();
    for _ in 0..2 {
        assert_eq!(found(&place, "test-test"), [5000, 8999]);
        assert_eq!(found(&place, "forecast-test").len(), 9000 - 949 - 2);
    }
    probe::execute(&place.file, "UPDATE organizations SET name_key = 'test-test' WHERE id = 6000");
    assert_eq!(found(&place, "test-test"), [5000, 6000, 8999]);
    // What is kept of a segment is not taken for what the segment has become.
    probe::execute(&place.file, "UPDATE organizations SET name_key = 'a test-test' WHERE id BETWEEN 5001 AND 5100");
    place.store.write_and_wait(crate::store::health::touch).unwrap();
    place.catch_up();
    assert_eq!(found(&place, "test-test").len(), 3 + 100);
}

/// What is searched, but for projects, by shelf.
const SHELVES: [(i64, &str); 3] = [
    (1, "SELECT id, name_key FROM workspaces"),
    (2, "SELECT id, name_key FROM organizations"),
    (4, "SELECT id, email_key FROM users"),
];

#[test]
fn candidates_come_in_order_from_the_index_and_the_log() {
    let mut sql = PEOPLE.replace(":people", "30");
    for id in [3, 16_383, 16_384, 16_385, 20_000, 40_000, 1_i64 << 40] {
        let _ = write!(
            sql,
            "INSERT INTO organizations (id, name, name_key, description, home, created_at)
             VALUES ({id}, 'one {id}', 'one {id}', '', 0, 0);"
        );
    }
    let place = place(&sql);
    // These stay in the log, and one of them is known by the index under another name.
    probe::execute(
        &place.file,
        "INSERT INTO organizations (id, name, name_key, description, home, created_at)
             VALUES (5000, 'bone', 'bone', '', 0, 0), (30000, 'none', 'none', '', 0, 0);
         UPDATE organizations SET name_key = 'gone' WHERE id = 16384",
    );
    let all = |text: &str, after: i64, most: usize| {
        place.store.read(|view| {
            let mut candidates = Candidates::of(view, Shelf::Organizations, text, after)?;
            let mut all = Vec::new();
            loop {
                let these = candidates.next(most)?;
                if these.is_empty() {
                    return Ok(all);
                }
                assert!(these.len() <= most);
                all.extend(these);
            }
        })
    };
    for most in [1, 2, 3, 100] {
        for text in ["one", "on", "o"] {
            let found = all(text, 0, most).unwrap();
            assert_eq!(found, [3, 5000, 16_383, 16_384, 16_385, 20_000, 30_000, 40_000, 1 << 40], "{text}");
            assert_eq!(all(text, 16_384, most).unwrap(), [16_385, 20_000, 30_000, 40_000, 1 << 40], "{text}");
        }
        assert_eq!(all("e", i64::MAX, most).unwrap(), Vec::<i64>::new());
        assert_eq!(all("two", 0, most).unwrap(), Vec::<i64>::new());
        assert!(all("gone", 0, most).unwrap().contains(&16_384), "the log knows better than the index");
    }
}

/// A world of so many workspaces in each of two organizations, with a project, a restriction and a binding in each. User
/// 1 is in a few of the first organization's; user 2 is in the second, all of which is private.
fn world(size: i64) -> Place {
    place(&format!(
        "BEGIN;
         {}
         INSERT INTO organizations (name, name_key, description, home, created_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {size})
         SELECT 'org ' || n, 'org ' || n, '', n = 1, 0 FROM n;
         INSERT INTO organization_members (organization_id, user_id, role, created_at) VALUES (1, 1, 'member', 0), (2, 2, 'member', 0);
         INSERT INTO organization_members (organization_id, user_id, role, created_at)
         SELECT 2, id, 'member', 0 FROM users WHERE id > 2;
         INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
                                 ml_models_enabled)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2 * {size})
         SELECT 1 + n % 2, printf('team-%07d', n), printf('team-%07d', n), '', 1, 0, 0, 0 FROM n;
         UPDATE workspaces SET name = 'Zürich', name_key = 'zürich' WHERE id = 2 * {size} - 7;
         INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT id, 3, 'owner', 0 FROM workspaces;
         INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT id, 1, 'owner', 0 FROM workspaces WHERE organization_id = 1 ORDER BY id DESC LIMIT 20;
         INSERT INTO roles (id, name, description, permissions, shows_workspaces, created_at, updated_at)
         VALUES (9, 'r', '', zeroblob(24), 0, 0, 0);
         INSERT INTO projects (workspace_id, name, name_key, kind, created_at, updated_at)
         SELECT id, 'p' || id, 'p' || id, 'application', 0, 0 FROM workspaces;
         INSERT INTO restrictions (project_id, created_at) SELECT id, 0 FROM projects;
         INSERT INTO bindings (role_id, user_id, workspace_id, created_at, updated_at)
         SELECT 9, 4, id, 0, 0 FROM workspaces;
         INSERT INTO bindings (role_id, user_id, project_id, created_at, updated_at)
         SELECT 9, 4, id, 0, 0 FROM projects;
         INSERT INTO audit (at, actor, actor_id, credential, dialect, request_id, verb, kind, object)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {size})
         SELECT n, 'a', n % 50, '-', '-', '-', iif(n = 5, 'rare', 'often'), 'user', '1' FROM n;
         COMMIT;",
        PEOPLE.replace(":people", &size.to_string()),
    ))
}

/// What each list costs, in the steps of SQLite's machine.
fn costs(place: &Place) -> BTreeMap<String, u64> {
    let mut costs = BTreeMap::new();
    let steps = Arc::new(AtomicU64::new(0));
    place
        .store
        .read(|view| {
            let counted = steps.clone();
            view.conn.progress_handler(
                1,
                Some(move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    false
                }),
            )?;
            let mut cost = |what: String, shown: usize| {
                costs.insert(format!("{what}, {shown} shown"), steps.swap(0, Ordering::Relaxed));
            };
            let (one, two) = (Sight::Of(UserId(1)), Sight::Of(UserId(2)));
            let page = Page { after: None, limit: 50 };
            let (none, admin) = (WorkspaceSearch::default(), Sight::Everything);
            for sight in [admin, one, two] {
                cost(format!("workspaces of {sight:?}"), workspaces::page(view, sight, &none, page)?.items.len());
                for organization in [None, Some(OrganizationId(1)), Some(OrganizationId(3))] {
                    for name in ["team", "zür", "ü", "zz", "rich", "absent", "-", "é"] {
                        let search = WorkspaceSearch { organization, name: Some(name.to_owned()) };
                        let shown = workspaces::page(view, sight, &search, page)?.items.len();
                        cost(format!("workspaces with {name} in {organization:?} of {sight:?}"), shown);
                    }
                }
                for name in [None, Some("org"), Some("9"), Some("absent")] {
                    let shown = organizations::page(view, sight, name, page)?.items.len();
                    cost(format!("organizations with {name:?} of {sight:?}"), shown);
                }
                for name in [None, Some("p".to_owned()), Some("absent".to_owned()), Some("ü".to_owned())] {
                    let search = ProjectSearch { name: name.clone(), ..ProjectSearch::default() };
                    cost(
                        format!("projects with {name:?} of {sight:?}"),
                        projects::page(view, sight, &search, page)?.len(),
                    );
                    let search = ProjectSearch { workspace_name: name.clone(), ..ProjectSearch::default() };
                    cost(
                        format!("projects in {name:?} of {sight:?}"),
                        projects::page(view, sight, &search, page)?.len(),
                    );
                }
                cost(format!("restrictions of {sight:?}"), projects::page_of_restrictions(view, sight, page)?.len());
                for on_projects in [false, true] {
                    for user in [None, Some(UserId(1))] {
                        let shown = bindings::page(view, sight, on_projects, user, page)?.len();
                        cost(format!("bindings on projects {on_projects} to {user:?} of {sight:?}"), shown);
                    }
                }
                for email in [None, Some("example".to_owned()), Some("@".to_owned()), Some("absent".to_owned())] {
                    let search = UserSearch { email: email.clone(), ..UserSearch::default() };
                    let circle = sight.user().map_or(Circle::Everybody, Circle::OfOrganizations);
                    let shown = users::page(view, circle, &search, page)?.items.len();
                    cost(format!("people with {email:?} of {sight:?}"), shown);
                }
            }
            for verbs in [vec![], vec!["rare"], vec!["often"], vec!["never", "often"]] {
                for by in [None, Some(UserId(7))] {
                    let search = crate::domain::audit::AuditSearch {
                        verbs: verbs.iter().map(ToString::to_string).collect(),
                        by,
                        ..Default::default()
                    };
                    let window = (Timestamp::from_micros(1), Timestamp::from_micros(600));
                    let shown = audit::page(view, window, &search, page)?.items.len();
                    cost(format!("audit of {verbs:?} by {by:?}"), shown);
                }
            }
            view.conn.progress_handler(0, None::<fn() -> bool>)?;
            Ok(())
        })
        .unwrap();
    costs
}

#[test]
fn no_list_costs_more_where_there_is_more_that_it_does_not_show() {
    let (small, place) = (costs(&world(700)), world(7000));
    let large = costs(&place);
    place.store.close();
    let counted = probe::rows(&place.file, "SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'");
    assert!(counted.is_empty(), "what SQLite has counted would change its plans");
    let mut told = String::new();
    for (what, large) in &large {
        let Some(small) = small.get(what) else {
            let _ = writeln!(told, "{what} in the large world only");
            continue;
        };
        if large * 10 > small * 14 + 8000 {
            let _ = writeln!(told, "{what}: {small} steps, and {large} where there is ten times as much");
        }
    }
    assert!(told.is_empty(), "{told}");
}
