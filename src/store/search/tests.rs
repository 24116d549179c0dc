//! Every snapshot finds its rows, independent of earlier and later changes to the names in memory.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::name_cache::NameCache;
use crate::store::{Conn, Sizes, Store};

const CHANGES: [&str; 6] = [
    "INSERT INTO organizations (name, name_key, description, home, created_at)
     SELECT n, n, '', 0, 0 FROM (SELECT :text || coalesce(max(id), 0) n FROM organizations)",
    "UPDATE organizations SET name_key = :text || id WHERE id = (SELECT id FROM organizations ORDER BY random() LIMIT 1)",
    "UPDATE organizations SET name_key = :text || id WHERE id % 3 = length(:text)",
    "DELETE FROM organizations WHERE id % 5 = length(:text)",
    "DELETE FROM organizations WHERE id = (SELECT max(id) FROM organizations) AND :text <> ''",
    // Cuts the log off, as it happens when the log is long.
    "DELETE FROM name_changes WHERE seq < (SELECT max(seq) FROM name_changes) AND :text <> ''",
];

fn rows(conn: &Connection, text: &str) -> Vec<i64> {
    let mut query = conn.prepare("SELECT id FROM organizations WHERE instr(name_key, ?1) > 0 ORDER BY id").unwrap();
    query.query_map([text], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

proptest! {
    #[test]
    fn every_snapshot_finds_its_rows(
        max_bytes in prop_oneof![Just(0_usize), 100..500_usize, Just(1 << 20)],
        steps in proptest::collection::vec((0..11_usize, "[aé]{0,2}", 0..4_usize, 1..9_u32), 1..80),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("atelier.db");
        Store::open(&file, Sizes::default()).unwrap().close();
        let writer = Connection::open(&file).unwrap();
        writer.pragma_update(None, "synchronous", "OFF").unwrap();
        assert_eq!((0..20).map(|_| writer.execute(CHANGES[0], ["aé"]).unwrap()).sum::<usize>(), 20);
        let memory = NameCache::new(max_bytes);
        let snapshots = [0; 4].map(|_| Connection::open(&file).unwrap());
        for (step, text, which, limit) in steps {
            if let Some(change) = CHANGES.get(step) {
                writer.execute(change, [&text]).unwrap();
                continue;
            }
            let conn = &snapshots[which];
            if step > 8 || conn.is_autocommit() {
                // This snapshot starts again; the others stay as old as they are.
                conn.execute_batch("ROLLBACK").ok();
                conn.execute_batch("BEGIN; SELECT seq FROM name_changes").unwrap();
            }
            let view = View { conn: Conn::Sqlite(conn), now: Timestamp::now(), names: Some(&memory) };
            let text = if text.is_empty() { "1" } else { &text };
            let expected = rows(conn, text);
            let search = (SearchTable::Organizations, text);
            let check = |these: &[i64]| {
                assert!(these.is_sorted_by(|one, next| one < next), "{these:?}");
                Ok(these.iter().copied().filter(|id| expected.contains(id)).collect())
            };
            let mut found: Vec<i64> = Vec::new();
            loop {
                let page = ids_by_name(&view, search, found.last().copied().unwrap_or(0), limit).unwrap();
                found.extend(&page);
                if page.len() < limit as usize {
                    break;
                }
            }
            prop_assert_eq!(&check(&found).unwrap(), &expected, "{:?} among {:?}", text, &found);
            let after = expected.get(limit as usize).copied().unwrap_or(0);
            let next = |after, limit| by_name(&view, search, after, limit);
            let way = Way::Ids(&next, true);
            let page = find((after, 3), &[way], |these, _| check(these)).unwrap();
            let rest = expected.iter().filter(|id| **id > after);
            prop_assert!(page.iter().eq(rest.take(page.len().max(3))), "{:?} of {:?}", page, expected);
            let bytes: usize = memory.bytes();
            prop_assert!(bytes <= max_bytes + 8 * 128 + 100);
        }
    }
}

fn after(list: &BTreeSet<i64>, after: i64, limit: u32) -> Vec<i64> {
    list.range(after + 1..).take(limit as usize).copied().collect()
}

proptest! {
    #[test]
    fn lists_are_merged_in_order(
        lists in proptest::collection::vec(proptest::collection::btree_set(1..200_i64, 0..80), 0..12),
        from in 0..200_i64,
        limit in 1..120_u32,
    ) {
        let all: BTreeSet<i64> = lists.iter().flatten().copied().collect();
        let read = std::cell::Cell::new(0);
        let found = merged(&lists, from, limit, |list, from, limit| {
            let found = after(list, from, limit);
            read.set(read.get() + found.len());
            Ok(found)
        });
        prop_assert_eq!(found.unwrap(), after(&all, from, limit));
        // Nothing is read twice.
        let rows: usize = lists.iter().map(|list| list.range(from + 1..).count()).sum();
        prop_assert!(read.get() <= rows);
    }

    #[test]
    fn every_way_leads_to_the_same_rows(
        rows in proptest::collection::btree_set(1..2000_i64, 0..400),
        needed in 0..3000_u32,
        shown in 1..40_i64,
        (from, limit) in (0..2000_i64, 1..60_u32),
    ) {
        let seen: BTreeSet<i64> = rows.iter().copied().filter(|row| row % shown == 0).collect();
        let every = |from, limit| Ok(Some(after(&rows, from, limit)));
        let mine = |from, limit| Ok((limit > needed).then(|| after(&seen, from, limit)));
        let (every, mine) = (Way::Ids(&every, false), Way::Ids(&mine, true));
        let ways = [mine, every];
        for ways in [&ways[..1], &ways[1..], &ways] {
            let found = find((from, limit), ways, |these, visible| {
                Ok(these.iter().copied().filter(|row| visible || seen.contains(row)).collect())
            });
            let mut found: Vec<i64> = found.unwrap();
            prop_assert!(found.len() >= limit as usize || found.len() == after(&seen, from, limit).len());
            found.truncate(limit as usize);
            prop_assert_eq!(found, after(&seen, from, limit));
        }
    }
}
