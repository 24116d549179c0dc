//! The copies that lists are found by stay equal to what they copy.

use super::*;
use crate::domain::ids::RoleId;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::Resource;
use crate::store::{Sizes, Store, bindings, probe, roles};

fn with_store(sql: &str, test: impl FnOnce(&Store, &std::path::Path)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atelier.db");
    let store = probe::open(&file, Sizes::default());
    probe::execute(&file, sql);
    test(&store, &file);
    store.close();
}

const ROWS: &str = "
    INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                       must_change_password, created_at)
    SELECT '00000000-0000-4000-8000-00000000000' || value, 'p' || value || '@example.com', 'p' || value || '@example.com',
           'Ann' || value, 'Bee', 'person', 'active', 1, 1, 'member', 0, 0
    FROM json_each('[1,2,3,4,5,6,7,8]');
    UPDATE users SET kind = 'bot' WHERE id = 8;
    INSERT INTO organizations (name, name_key, description, home, created_at) VALUES ('a', 'a', '', 1, 0), ('b', 'b', '', 0, 0);
    INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at, ml_models_enabled)
    VALUES (1, 'v', 'v', '', 1, 0, 0, 0), (2, 'w', 'w', '', 0, 0, 0, 0);
    INSERT INTO projects (workspace_id, name, name_key, kind, created_at, updated_at)
    SELECT id, 'p', 'p', 'application', 0, 0 FROM workspaces UNION ALL SELECT id, 'q', 'q', 'application', 0, 0 FROM workspaces;
    INSERT INTO roles (name, description, permissions, shows_workspaces, created_at, updated_at)
    VALUES ('r', '', zeroblob(24), 0, 0, 0);";

/// Projects and bindings whose copies differ from what they copy.
const WRONG: &str = "
    SELECT 'project', p.id FROM projects p JOIN workspaces w ON w.id = p.workspace_id
    WHERE (p.organization_id, p.private) IS DISTINCT FROM (w.organization_id, w.private)
        OR p.restricted <> (SELECT count(*) FROM restrictions r WHERE r.project_id = p.id)
    UNION ALL
    SELECT 'binding', b.id FROM bindings b LEFT JOIN projects p ON p.id = b.project_id
        JOIN workspaces w ON w.id = coalesce(b.workspace_id, p.workspace_id)
    WHERE (b.place_id, b.organization_id) IS DISTINCT FROM (w.id, w.organization_id)
    UNION ALL
    SELECT 'key', k.id FROM keys k JOIN users u ON u.id = k.user_id WHERE k.service <> iif(u.kind = 'bot', 1, 0)";

#[test]
fn copies_follow_what_they_copy() {
    with_store(ROWS, |store, file| {
        let change = |work: fn(&Tx) -> Result<()>| {
            store.write_and_wait(work).unwrap();
            assert_eq!(probe::rows(file, WRONG), Vec::<Vec<serde_json::Value>>::new());
        };
        change(|tx| restrict(tx, ProjectId(1), None));
        change(|tx| restrict(tx, ProjectId(2), None));
        change(|tx| lift_restriction(tx, ProjectId(1)));
        for private in [false, true] {
            for id in [1, 2] {
                store
                    .write_and_wait(move |tx| {
                        let mut workspace = workspaces::find(tx, WorkspaceId(id))?.unwrap();
                        workspace.private = private;
                        workspaces::update(tx, &workspace)
                    })
                    .unwrap();
                assert_eq!(probe::rows(file, WRONG), Vec::<Vec<serde_json::Value>>::new());
            }
        }
        let role = probe::rows(file, "SELECT max(id) FROM roles")[0][0].as_i64().unwrap();
        for resource in [Resource::Workspace(WorkspaceId(2)), Resource::Project(ProjectId(1))] {
            let bind = move |tx: &Tx| bindings::insert(tx, RoleId(role), UserId(1), resource);
            store.write_and_wait(bind).unwrap();
            assert_eq!(probe::rows(file, WRONG), Vec::<Vec<serde_json::Value>>::new());
        }
        probe::execute(
            file,
            "INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at)
             SELECT id, 'k', CAST(printf('%032d', id) AS BLOB), '', '', 0 FROM users",
        );
        assert_eq!(probe::rows(file, WRONG), Vec::<Vec<serde_json::Value>>::new());
        change(|tx| delete(tx, ProjectId(2)));
    });
}

#[test]
fn the_columns_of_a_role_are_its_permissions() {
    with_store("", |store, file| {
        let columns = [
            (Permission::SPACE_READ, "shows_workspaces"),
            (Permission::PROJECT_READ, "reads_projects"),
            (Permission::PROJECT_RESTRICT, "restricts_projects"),
            (Permission::ROLE_BINDING_READ, "reads_bindings"),
        ];
        for permission in Permission::all() {
            for named in
                [PermissionSet::of(&[permission]), PermissionSet::EVERYTHING.without(PermissionSet::of(&[permission]))]
            {
                let insert = move |tx: &Tx| roles::insert(tx, "role", "", named, None);
                let id = store.write_and_wait(insert).unwrap();
                for (permission, column) in columns {
                    let found = probe::rows(file, &format!("SELECT {column} FROM roles WHERE id = {id}"));
                    assert_eq!(found[0][0], i64::from(named.contains(permission)), "{column} of {named:?}");
                }
                store.write_and_wait(move |tx| roles::delete(tx, id)).unwrap();
            }
        }
    });
}
