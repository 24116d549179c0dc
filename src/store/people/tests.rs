//! People and keys are found by what they are now, whether it is marked or in memory or not.

use super::*;
use crate::domain::page::Page;
use crate::domain::people::Pattern;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{PersonName, UserSearch, UserStatus};
use crate::store::{Sizes, Store, keys, people, probe};

fn with_store(sql: &str, test: impl FnOnce(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atelier.db");
    let store = probe::open(&file, Sizes::default());
    probe::execute(&file, sql);
    test(&store);
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

#[test]
fn what_has_expired_is_found_whether_it_is_marked_or_not() {
    let sql = format!(
        "{ROWS}
         UPDATE users SET state = 'invited', invited_until = 7 WHERE id IN (2, 3, 4);
         UPDATE users SET state = 'invited', invited_until = {later} WHERE id = 5;
         INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at, expires_at, revoked_at)
         SELECT iif(value > 4, 8, 1), 'k', CAST(printf('%032d', value) AS BLOB), '', '', 1, 0,
                CASE value % 4 WHEN 1 THEN 7 WHEN 2 THEN {later} END, iif(value % 4 = 3, 7, NULL)
         FROM json_each('[1,2,3,4,5,6,7,8]');",
        later = Timestamp::now().micros() + 3_600_000_000,
    );
    with_store(&sql, |store| {
        let look = |limit| {
            let page = Page { after: None, limit };
            let read = |view: &View| {
                let mut found = Vec::new();
                for statuses in [vec![UserStatus::Invited], vec![UserStatus::Expired], vec![UserStatus::Active]] {
                    let search = UserSearch { statuses, email: None };
                    for circle in [Circle::Everybody, Circle::OfOrganizations(UserId(1))] {
                        let shown = users::page(view, circle, &search, page)?.items;
                        found.push(shown.iter().map(|user| user.id.0).collect::<Vec<_>>());
                    }
                }
                for live in [true, false] {
                    for scope in [keys::Scope::Of(UserId(1)), keys::Scope::MadeBy(UserId(1))] {
                        let shown = keys::page(view, scope, live, page)?.items;
                        found.push(shown.iter().map(|key| key.id.0).collect());
                    }
                }
                Ok(found)
            };
            store.read(read).unwrap()
        };
        let expected: [&[i64]; 10] = [&[5], &[], &[2, 3, 4], &[], &[1, 6, 7], &[1], &[2, 4], &[6, 8], &[1, 3], &[5, 7]];
        for _ in 0..5 {
            assert_eq!(look(50), expected);
            let first: Vec<Vec<i64>> = expected.iter().map(|ids| ids.iter().take(1).copied().collect()).collect();
            assert_eq!(look(1), first);
            store.write_and_wait(|tx| keys::mark_expired(tx, 1)).unwrap();
            store.write_and_wait(|tx| users::mark_lapsed(tx, 1)).unwrap();
        }
    });
}

#[test]
fn people_are_found_by_each_name_also_after_a_change() {
    with_store(ROWS, |store| {
        let find = |search: &PeopleSearch| {
            let found = store.read(|view| {
                let count = people::count(view, Circle::Everybody, search)?;
                let found = people::search(view, Circle::Everybody, search, 0, 9)?;
                assert_eq!(count, found.len());
                Ok(found)
            });
            found.unwrap().iter().map(|user| user.id.0).collect::<Vec<_>>()
        };
        let words = |text: &str| PeopleSearch { words: PeopleSearch::parse_words(text).unwrap(), ..Default::default() };
        let first = |text: &str| PeopleSearch { first_name: Some(Pattern::whole(text)), ..Default::default() };
        assert_eq!(find(&words("ANN3")), [3]);
        assert_eq!(find(&words("bee p2*com")), [2]);
        assert_eq!(find(&first("ann2")), [2]);
        assert_eq!(find(&words("n2\np3")), Vec::<i64>::new());
        store
            .write_and_wait(|tx| {
                let mut user = users::find(tx, UserId(3))?.unwrap();
                user.first_name = PersonName::parse("Zoë").unwrap();
                users::update(tx, &user)
            })
            .unwrap();
        assert_eq!(find(&words("ann3")), Vec::<i64>::new());
        assert_eq!(find(&words("ZOË")), [3]);
        assert_eq!(find(&first("zoë")), [3]);
        // Disabled people are found, closed accounts and bots are not.
        store
            .write_and_wait(|tx| {
                let mut user = users::find(tx, UserId(3))?.unwrap();
                user.enabled = false;
                users::update(tx, &user)
            })
            .unwrap();
        assert_eq!(find(&words("zoë")), [3]);
        assert_eq!(find(&PeopleSearch { enabled: Some(false), ..Default::default() }), [3]);
        assert_eq!(find(&PeopleSearch::default()), [1, 2, 3, 4, 5, 6, 7]);
        let read = |view: &View| people::search(view, Circle::Everybody, &PeopleSearch::default(), 5, 9);
        assert_eq!(store.read(read).unwrap().iter().map(|user| user.id.0).collect::<Vec<_>>(), [6, 7]);
    });
}
