//! That a workspace that is remembered is the one that is read.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::page::Page;
use crate::domain::workspace::WorkspaceSearch;
use crate::store::sight::Sight;
use crate::store::{Sizes, Store, probe, workspaces};

/// How many workspaces there are at first.
const MANY: i64 = 12;

/// Who is in all of them.
const BOB: i64 = 2;

struct Place {
    store: Store,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atelier.db");
    let store = Store::open(&file, Sizes::default()).unwrap();
    let place = Place { store, file, _folder: folder };
    place.change(&format!(
        "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                            must_change_password, created_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 4)
         SELECT '00000000-0000-4000-8000-' || printf('%012d', n), 'p' || n || '@example.com', 'p' || n || '@example.com',
                '', '', 'person', 'active', 1, 1, 'member', 0, 0 FROM n;
         INSERT INTO organizations (name, name_key, description, home, created_at)
         VALUES ('one', 'one', '', 1, 0), ('two', 'two', '', 0, 0);
         INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at,
                                 ml_models_enabled)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MANY})
         SELECT 1, 'w' || n, 'w' || n, '', 1, 0, 1 + n % 4, 0, 0 FROM n;
         INSERT INTO members (workspace_id, user_id, role, created_at) SELECT id, {BOB}, 'member', 0 FROM workspaces;"
    ));
    place
}

impl Place {
    /// Changes the file as another process would.
    fn change(&self, sql: &str) {
        probe::execute(&self.file, sql);
    }

    /// What Bob is shown, from memory and from the rows.
    fn both(&self) -> (String, String) {
        (self.store.glance(shown).unwrap(), self.store.read(shown).unwrap())
    }
}

fn shown(view: &View) -> Result<String> {
    let page = Page { after: None, limit: 100 };
    let search = WorkspaceSearch::default();
    let slice = workspaces::page(view, Sight::Of(UserId(BOB)), &search, page)?;
    let list = workspaces::list_shared(view, OrganizationId(1), UserId(BOB), None)?;
    Ok(format!("{:#?}\n{list:#?}", slice.items))
}

/// A change by somebody, of whatever is told of workspaces.
fn change(kind: u8, n: i64, m: i64) -> String {
    match kind {
        0 => format!("UPDATE workspaces SET description = description || '{m}' WHERE id = {n}"),
        1 => format!("UPDATE workspaces SET name = name || '-{m}', name_key = name_key || '-{m}' WHERE id = {n}"),
        2 => format!("UPDATE workspaces SET private = 1 - private, archived = 1 - archived WHERE id % {m} = {n}"),
        3 => format!("UPDATE workspaces SET gradient_start_color = '{m}', default_agent_runtime = NULL WHERE id = {n}"),
        4 => format!("UPDATE OR IGNORE workspaces SET organization_id = 1 + {m} % 2 WHERE id = {n}"),
        5 => format!("UPDATE users SET email = 'q' || {m} || email WHERE id = 1 + {n} % 4"),
        6 => format!(
            "INSERT INTO default_workspaces (user_id, workspace_id)
             SELECT u.id, w.id FROM users u, workspaces w WHERE u.id = 1 + {m} % 4 AND w.id = {n}
             ON CONFLICT (user_id) DO UPDATE SET workspace_id = excluded.workspace_id"
        ),
        7 => "UPDATE default_workspaces SET workspace_id = (SELECT max(id) FROM workspaces)".to_owned(),
        8 => format!("DELETE FROM default_workspaces WHERE user_id = 1 + {m} % 4"),
        9 => format!("DELETE FROM workspaces WHERE id = {n} AND id % 5 = 0"),
        10 => format!("DELETE FROM users WHERE id = {m} AND id > {BOB}"),
        11 => format!(
            "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by,
                                     created_at, ml_models_enabled)
             SELECT 1, 'n' || max(id), 'n' || max(id), '', 1, 0, 1, {m}, 0 FROM workspaces;
             INSERT INTO members (workspace_id, user_id, role, created_at)
             SELECT max(id), {BOB}, 'member', 0 FROM workspaces"
        ),
        12 => format!("UPDATE workspaces SET created_by = {BOB} WHERE id = {n}"),
        // More than is kept of the changes, and than is known of them apart.
        _ => format!(
            "UPDATE workspaces SET created_at = {m};
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500 * {n})
             INSERT INTO workspace_changes (workspace_id) SELECT n FROM n"
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_remembered_is_what_is_read(changes in proptest::collection::vec((0_u8..14, 1..=MANY, 1_i64..6), 1..40)) {
        let place = place();
        for (kind, n, m) in changes {
            let sql = change(kind, n, m);
            place.change(&sql);
            let (remembered, read) = place.both();
            prop_assert_eq!(remembered, read, "{}", sql);
        }
    }
}

#[test]
fn what_nobody_tells_of_is_not_seen() {
    let place = place();
    let (_, before) = place.both();
    place.change("DROP TRIGGER workspaces_changed; UPDATE workspaces SET description = 'changed' WHERE id = 7");
    let (remembered, read) = place.both();
    assert_eq!(remembered, before, "so it was not read again");
    assert_ne!(read, before);
}

#[test]
fn what_is_deleted_where_nothing_else_goes_with_it_is_gone() {
    for table in ["workspaces", "users"] {
        let place = place();
        place.both();
        place.change(&format!("PRAGMA foreign_keys = OFF; DELETE FROM {table} WHERE id = 3"));
        let (remembered, read) = place.both();
        assert_eq!(remembered, read, "{table}");
    }
}

#[test]
fn whoever_began_before_a_change_does_not_see_it_and_leaves_nothing_behind() {
    let place = place();
    place.both();
    let (earlier, later) = place
        .store
        .glance(|view| {
            let first = shown(view)?;
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    place.change("UPDATE workspaces SET description = 'changed' WHERE id = 7");
                    place.both()
                });
            });
            Ok((first, shown(view)?))
        })
        .unwrap();
    assert_eq!(earlier, later);
    let (remembered, read) = place.both();
    assert_eq!(remembered, read);
    assert!(read.contains("changed") && !later.contains("changed"));
}

#[test]
fn few_changes_are_kept() {
    let place = place();
    for _ in 0..3 {
        place.change(&change(13, 5, 1));
    }
    let kept = probe::rows(&place.file, "SELECT count(*) FROM workspace_changes");
    assert_eq!(kept[0][0].as_i64(), Some(1000));
}

#[test]
fn only_so_many_rows_are_told_apart() {
    let mut changes = Changes::default();
    assert!(changes.learn(&[]), "there is nothing to know");
    let rows = i64::try_from(APART).unwrap();
    let all: Vec<Change> = (1..=rows).map(|number| (number, Some(number * 2))).collect();
    assert!(changes.learn(&all));
    assert_eq!((changes.edition(2), changes.edition(rows * 2), changes.edition(3)), (1, rows, 0));
    assert!(changes.learn(&[(rows, Some(rows * 2)), (rows + 1, Some(7))]));
    assert!(changes.apart.is_empty());
    assert_eq!((changes.edition(7), changes.edition(2)), (rows + 1, rows + 1));
    assert!(!changes.learn(&[(rows, Some(rows * 2))]), "that is an older snapshot");
    assert!(!changes.learn(&[]));
}
