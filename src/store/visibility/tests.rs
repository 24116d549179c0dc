//! The cost of a list does not grow with the rows that it does not contain.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::domain::audit::AuditSearch;
use crate::domain::client::ClientId;
use crate::domain::page::Page;
use crate::domain::people::PeopleSearch;
use crate::domain::project::{ProjectKind, ProjectSearch};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{UserSearch, UserStatus};
use crate::domain::workspace::WorkspaceSearch;
use crate::store::circle::Circle;
use crate::store::{
    Sizes, Store, audit, bindings, keys, organizations, people, probe, projects, sessions, users, workspaces,
};

struct Place {
    store: Store,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

/// A file with these rows.
fn place(sql: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atelier.db");
    let store = Store::open(&file, Sizes { search_memory: 16 << 20, ..Sizes::default() }).unwrap();
    probe::execute(&file, sql);
    Place { store, file, _folder: folder }
}

const PEOPLE: &str = "
    INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                       must_change_password, created_at)
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :people)
    SELECT '00000000-0000-4000-8000-' || printf('%012d', n), 'p' || n || '@example.com', 'p' || n || '@example.com', '', '', 'person', 'active', 1, 1,
           'member', 0, 0 FROM n;";

/// Two organizations with `size` workspaces each, and a project, a restriction and a binding in each workspace. User 1
/// is in a few workspaces of the first organization. User 2 is in the second organization, whose workspaces are all
/// private.
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

/// The cost of each list, in steps of SQLite's virtual machine.
fn costs(place: &Place) -> BTreeMap<String, u64> {
    let mut costs = BTreeMap::new();
    let steps = Arc::new(AtomicU64::new(0));
    place
        .store
        .read(|view| {
            // The first search of a table reads its names.
            let absent = Some("absent".to_owned());
            let page = Page { after: None, limit: 50 };
            workspaces::page(
                view,
                Visibility::Everything,
                &WorkspaceSearch { name: absent.clone(), ..WorkspaceSearch::default() },
                page,
            )?;
            projects::page(
                view,
                Visibility::Everything,
                &ProjectSearch { name: absent.clone(), ..Default::default() },
                page,
            )?;
            users::page(view, Circle::Everybody, &UserSearch { email: absent.clone(), ..Default::default() }, page)?;
            organizations::page(view, Visibility::Everything, absent.as_deref(), page)?;
            let counted = steps.clone();
            view.conn.sqlite().unwrap().progress_handler(
                1,
                Some(move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    false
                }),
            )?;
            let mut cost = |what: String, returned: usize| {
                costs.insert(format!("{what}, {returned} shown"), steps.swap(0, Ordering::Relaxed));
            };
            let (one, two) = (Visibility::Of(UserId(1)), Visibility::Of(UserId(2)));
            let (none, admin) = (WorkspaceSearch::default(), Visibility::Everything);
            for visibility in [admin, one, two] {
                cost(
                    format!("workspaces of {visibility:?}"),
                    workspaces::page(view, visibility, &none, page)?.items.len(),
                );
                for organization in [None, Some(OrganizationId(1)), Some(OrganizationId(3))] {
                    for name in ["team", "zür", "ü", "zz", "rich", "absent", "-", "é"] {
                        let search = WorkspaceSearch { organization, name: Some(name.to_owned()), archived: None };
                        let returned = workspaces::page(view, visibility, &search, page)?.items.len();
                        cost(format!("workspaces with {name} in {organization:?} of {visibility:?}"), returned);
                    }
                }
                for name in [None, Some("org"), Some("9"), Some("absent")] {
                    let returned = organizations::page(view, visibility, name, page)?.items.len();
                    cost(format!("organizations with {name:?} of {visibility:?}"), returned);
                }
                for name in [None, Some("p".to_owned()), Some("absent".to_owned()), Some("ü".to_owned())] {
                    let search = ProjectSearch { name: name.clone(), ..ProjectSearch::default() };
                    cost(
                        format!("projects with {name:?} of {visibility:?}"),
                        projects::page(view, visibility, &search, page)?.len(),
                    );
                    let search = ProjectSearch { workspace_name: name.clone(), ..ProjectSearch::default() };
                    cost(
                        format!("projects in {name:?} of {visibility:?}"),
                        projects::page(view, visibility, &search, page)?.len(),
                    );
                }
                cost(
                    format!("restrictions of {visibility:?}"),
                    projects::page_of_restrictions(view, visibility, page)?.len(),
                );
                for on_projects in [false, true] {
                    for user in [None, Some(UserId(1))] {
                        let returned = bindings::page(view, visibility, on_projects, user, page)?.len();
                        cost(format!("bindings on projects {on_projects} to {user:?} of {visibility:?}"), returned);
                    }
                }
                for email in [None, Some("example".to_owned()), Some("@".to_owned()), Some("absent".to_owned())] {
                    let search = UserSearch { email: email.clone(), ..UserSearch::default() };
                    let circle = visibility.user().map_or(Circle::Everybody, Circle::OfOrganizations);
                    let returned = users::page(view, circle, &search, page)?.items.len();
                    cost(format!("people with {email:?} of {visibility:?}"), returned);
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
                    let returned = audit::page(view, window, &search, page)?.items.len();
                    cost(format!("audit of {verbs:?} by {by:?}"), returned);
                }
            }
            view.conn.sqlite().unwrap().progress_handler(0, None::<fn() -> bool>)?;
            Ok(())
        })
        .unwrap();
    costs
}

#[test]
fn the_cost_of_a_list_does_not_grow_with_rows_that_it_omits() {
    let (small, place) = (costs(&world(700)), world(7000));
    let large = costs(&place);
    place.store.close();
    let counted = probe::rows(&place.file, "SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'");
    assert!(counted.is_empty(), "what SQLite has counted would change its plans");
    let mut report = String::new();
    for (what, large) in &large {
        let Some(small) = small.get(what) else {
            let _ = writeln!(report, "{what} in the large world only");
            continue;
        };
        if large * 10 > small * 14 + 8000 {
            let _ = writeln!(report, "{what}: {small} steps, and {large} where there is ten times as much");
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// `size` organizations with a workspace and a project each, and organizations 1 and 2 with `size` more. Those of
/// organization 1 are not private, but their projects are restricted.
///
/// User 1 is an administrator, 2 a member of organization 1, 3 an admin of a tenth of the organizations, 4 a member of
/// another tenth, 5 in nothing, 6 a reader of 350 workspaces of organization 2, whose projects are restricted. User 7
/// made half of the keys. Among the last people are a few who are invited, expired, disabled, not verified. User 8 has a
/// role without permissions on all workspaces of organization 2.
fn crowd(size: i64) -> Place {
    place(&format!(
        "BEGIN;
         {}
         UPDATE users SET email_verified_by = 'operator', email_verified_at = 0, first_name = 'Ann', last_name = 'Bee';
         UPDATE users SET state = 'invited', invited_until = {now} + 1000000000 WHERE id > {size} - 20;
         UPDATE users SET state = 'invited', invited_until = 7, lapsed = id % 2 WHERE id BETWEEN {size} - 60 AND {size} - 41;
         UPDATE users SET enabled = 0 WHERE id BETWEEN {size} - 80 AND {size} - 61;
         UPDATE users SET email_verified_by = NULL, email_verified_at = NULL WHERE id BETWEEN {size} - 99 AND {size} - 81;
         INSERT INTO organizations (name, name_key, description, home, created_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {size})
         SELECT 'org ' || n, 'org ' || n, '', n = 1, 0 FROM n;
         INSERT INTO organization_members (organization_id, user_id, role, created_at)
         SELECT 1, id, 'member', 0 FROM users WHERE id NOT IN (3, 4, 5, 6, 8)
         UNION ALL SELECT id, 3, 'admin', 0 FROM organizations WHERE id % 10 = 3
         UNION ALL SELECT id, 4, 'member', 0 FROM organizations WHERE id % 10 = 4
         UNION ALL SELECT o.id, u.id, 'member', 0 FROM organizations o JOIN users u ON u.id = o.id + 10
         WHERE o.id > 1;
         INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
                                 ml_models_enabled)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {size})
         SELECT n, printf('w%07d', n), printf('w%07d', n), '', 0, 0, 0, 0 FROM n
         UNION ALL SELECT 1, printf('open%07d', n), printf('open%07d', n), '', 0, 0, 0, 0 FROM n
         UNION ALL SELECT 2, printf('shut%07d', n), printf('shut%07d', n), '', 1, 0, 0, 0 FROM n;
         INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT id, 6, 'reader', 0 FROM workspaces WHERE organization_id = 2 AND id % ({size} / 350) = 0;
         INSERT INTO roles (id, name, description, permissions, shows_workspaces, created_at, updated_at)
         VALUES (9, 'r', '', zeroblob(24), 0, 0, 0);
         INSERT INTO projects (workspace_id, name, name_key, kind, created_at, updated_at)
         SELECT id, 'p' || id, 'p' || id, 'application', 0, 0 FROM workspaces;
         INSERT INTO restrictions (project_id, created_at) SELECT id, 0 FROM projects WHERE organization_id IN (1, 2);
         INSERT INTO bindings (role_id, user_id, workspace_id, created_at, updated_at)
         SELECT 9, 8, id, 0, 0 FROM workspaces;
         INSERT INTO bindings (role_id, user_id, project_id, created_at, updated_at)
         SELECT 9, 8, id, 0, 0 FROM projects;
         INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                            must_change_password, created_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {size})
         SELECT '00000000-0000-4000-9000-' || printf('%012d', n), 'bot' || n, 'bot' || n, '', '', 'bot', 'active', 1, 1,
                'member', 0, 0 FROM n;
         INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at, expires_at, expired,
                           revoked_at)
         SELECT id, 'k', CAST(printf('%032d', id) AS BLOB), '', '', iif(id % 2, 7, 1), 0,
                CASE WHEN id > 2 * {size} - 40 THEN 7 END, id > 2 * {size} - 20,
                CASE WHEN id BETWEEN 2 * {size} - 80 AND 2 * {size} - 41 THEN 7 END
         FROM users WHERE kind = 'bot'
         UNION ALL
         SELECT 7, 'k', CAST(printf('%032d', id) AS BLOB), '', '', 7, 0, NULL, 0,
                CASE WHEN id > {size} - 20 THEN 7 END
         FROM users WHERE kind = 'person';
         INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT 1, id, 'reader', 0 FROM users WHERE kind = 'bot' AND id > 2 * {size} - 10;
         INSERT INTO sessions (uuid, user_id, client, scope, authenticated_at, second_factor, created_at, last_used_at,
                               idle_until, ends_at)
         SELECT uuid, id, 'sdk-client', '', 0, 0, 0, 0, {now} + 1000000000, {now} + 1000000000
         FROM users WHERE kind = 'person';
         INSERT INTO audit (at, actor, actor_id, credential, dialect, request_id, verb, kind, object)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2 * {size})
         SELECT n, 'a', iif(n % 2, 7, NULL), '-', '-', '-',
                CASE WHEN n % 2 THEN 'a.often' WHEN n < 10 THEN 'b.rare' ELSE 'c.often' END, 'user', '1' FROM n;
         INSERT INTO audit (at, actor, actor_id, credential, dialect, request_id, verb, kind, object)
         VALUES (1, 'a', 7, '-', '-', '-', 'b.rare', 'user', '1'), (1, 'a', 7, '-', '-', '-', 'c.often', 'user', '1');
         COMMIT;",
        PEOPLE.replace(":people", &size.to_string()),
        now = Timestamp::now().micros(),
    ))
}

/// The cost of each list of each kind of person, of its first page and of one at three quarters of the list.
#[expect(clippy::too_many_lines, reason = "one list after the other")]
fn costs_of_a_crowd(place: &Place, size: i64) -> BTreeMap<String, u64> {
    let mut costs = BTreeMap::new();
    let steps = Arc::new(AtomicU64::new(0));
    let counted = steps.clone();
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    let read = |view: &View| {
        // The first search of a table reads its names.
        let absent = Some("absent".to_owned());
        let first = Page { after: None, limit: 50 };
        let named = WorkspaceSearch { name: absent.clone(), ..WorkspaceSearch::default() };
        workspaces::page(view, Visibility::Everything, &named, first)?;
        let named = ProjectSearch { name: absent.clone(), workspace_name: absent.clone(), ..Default::default() };
        projects::page(view, Visibility::Everything, &named, first)?;
        users::page(view, Circle::Everybody, &UserSearch { email: absent.clone(), ..Default::default() }, first)?;
        organizations::page(view, Visibility::Everything, absent.as_deref(), first)?;
        view.conn.sqlite().unwrap().progress_handler(1, Some(count.clone()))?;
        steps.store(0, Ordering::Relaxed);
        let mut cost = |what: String| {
            costs.insert(what, steps.swap(0, Ordering::Relaxed));
        };
        for user in 1..=8 {
            let me = if user == 1 { Visibility::Everything } else { Visibility::Of(UserId(user)) };
            let circle = me.user().map_or(Circle::Everybody, Circle::OfOrganizations);
            for depth in [0, 1, 2] {
                let at = |rows: i64| Page { after: (depth > 0).then_some(rows * (depth + 1) / 4), limit: 50 };
                let mut cost = |what: String| cost(format!("user {user}, {what}, depth {depth}"));
                for name in [None, absent.clone()] {
                    for organization in
                        [None, Some(OrganizationId(1)), Some(OrganizationId(2)), Some(OrganizationId(3))]
                    {
                        let search = WorkspaceSearch { organization, name: name.clone(), archived: None };
                        workspaces::page(view, me, &search, at(3 * size))?;
                        cost(format!("workspaces with {name:?} in {organization:?}"));
                    }
                    organizations::page(view, me, name.as_deref(), at(size))?;
                    cost(format!("organizations with {name:?}"));
                    for kind in [None, Some(ProjectKind::Harness)] {
                        for workspace in [None, Some(WorkspaceId(2 * size + 1))] {
                            let search = ProjectSearch { name: name.clone(), kind, workspace, workspace_name: None };
                            projects::page(view, me, &search, at(3 * size))?;
                            cost(format!("projects with {name:?} of kind {kind:?} in {workspace:?}"));
                        }
                    }
                    let search = ProjectSearch { workspace_name: name.clone(), ..ProjectSearch::default() };
                    projects::page(view, me, &search, at(3 * size))?;
                    cost(format!("projects in {name:?}"));
                    for statuses in [vec![], vec![UserStatus::Invited], vec![UserStatus::Expired]] {
                        let what = format!("people with {name:?} who are {statuses:?}");
                        users::page(view, circle, &UserSearch { email: name.clone(), statuses }, at(size))?;
                        cost(what);
                    }
                }
                projects::page_of_restrictions(view, me, at(3 * size))?;
                cost("restrictions".to_owned());
                for on_projects in [false, true] {
                    for of in [None, Some(UserId(8)), Some(UserId(9))] {
                        bindings::page(view, me, on_projects, of, at(if on_projects { 6 } else { 3 } * size))?;
                        cost(format!("bindings on projects {on_projects} of {of:?}"));
                    }
                }
            }
            for search in [
                PeopleSearch::default(),
                PeopleSearch { words: PeopleSearch::parse_words("absent").unwrap(), ..Default::default() },
                PeopleSearch { words: PeopleSearch::parse_words("\"absent\" a*t").unwrap(), ..Default::default() },
                PeopleSearch { enabled: Some(false), ..Default::default() },
                PeopleSearch { enabled: Some(true), email_verified: Some(false), ..Default::default() },
            ] {
                people::search(view, circle, &search, 0, 50)?;
                people::search(view, circle, &search, 10, 50)?;
                cost(format!("user {user}, people of {search:?}"));
            }
        }
        for live in [true, false] {
            for scope in [
                keys::Scope::Of(UserId(7)),
                keys::Scope::MadeBy(UserId(7)),
                keys::Scope::MadeBy(UserId(5)),
                keys::Scope::In(WorkspaceId(1), None),
                keys::Scope::In(WorkspaceId(1), Some(UserId(7))),
                keys::Scope::In(WorkspaceId(2), None),
            ] {
                for depth in [0, 1, 2] {
                    let page = Page { after: (depth > 0).then_some(2 * size * (depth + 1) / 4), limit: 50 };
                    keys::page(view, scope, live, page)?;
                    cost(format!("keys of {scope:?}, live {live}, depth {depth}"));
                }
            }
        }
        sessions::list_through(view, &ClientId::parse("sdk-client").unwrap(), 0, 50)?;
        cost("sessions of a client".to_owned());
        let window = (Timestamp::from_micros(0), Timestamp::from_micros(2 * size));
        for verbs in [vec![], vec!["a.often"], vec!["b.rare"], vec!["c.often"], vec!["a.often", "c.often"]] {
            for by in [None, Some(UserId(7)), Some(UserId(8)), Some(crate::domain::audit::NO_ACCOUNT)] {
                for after in [None, Some(size / 2)] {
                    let verbs = verbs.iter().map(ToString::to_string).collect();
                    let search = AuditSearch { by, verbs, ..Default::default() };
                    audit::page(view, window, &search, Page { after, limit: 50 })?;
                    cost(
                        format!("audit of {:?} by {by:?} after {after:?}", search.verbs)
                            .replace(&(size / 2).to_string(), "half"),
                    );
                }
            }
        }
        view.conn.sqlite().unwrap().progress_handler(0, None::<fn() -> bool>)?;
        Ok(())
    };
    place.store.read(read).unwrap();
    costs
}

/// A page may always take so long: that of somebody who sees every tenth row takes it in a file of any size. Looking at
/// every row of the larger file takes several times as long.
const STEPS_OF_A_PAGE: u64 = 150_000;

#[test]
fn no_list_costs_more_for_anybody_where_there_is_more() {
    let (small, large) = (700, 7000);
    let (small, large) = (costs_of_a_crowd(&crowd(small), small), costs_of_a_crowd(&crowd(large), large));
    let mut report = String::new();
    let same = |what: &str| what.replace("14001", "n").replace("1401", "n");
    let small: BTreeMap<_, _> = small.iter().map(|(what, steps)| (same(what), *steps)).collect();
    for (what, large) in large.iter().map(|(what, steps)| (same(what), *steps)) {
        let small = small[&what];
        if large * 10 > small * 15 && large > STEPS_OF_A_PAGE {
            let _ = writeln!(report, "{what}: {small} steps, and {large} where there is ten times as much");
        }
    }
    assert!(report.is_empty(), "{report}");
}
