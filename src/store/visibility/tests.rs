//! The cost of a list does not grow with the rows that it does not contain.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::domain::page::Page;
use crate::domain::project::ProjectSearch;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserSearch;
use crate::domain::workspace::WorkspaceSearch;
use crate::store::circle::Circle;
use crate::store::{Sizes, Store, audit, bindings, organizations, probe, projects, users, workspaces};

struct Place {
    store: Store,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

/// A file with these rows.
fn place(sql: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atelier.db");
    let store = Store::open(&file, Sizes::default()).unwrap();
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
                &WorkspaceSearch { name: absent.clone(), organization: None },
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
            view.conn.sqlite().progress_handler(
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
                        let search = WorkspaceSearch { organization, name: Some(name.to_owned()) };
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
            view.conn.sqlite().progress_handler(0, None::<fn() -> bool>)?;
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
