//! `atelier audit verify` on data files that were tampered with.

use serde_json::{Value, json};

use crate::Place;
use crate::support::database::Database;

/// The faults, as `fault first-last`, and the exit code.
fn faults(place: &Place) -> (i32, Vec<String>) {
    let run = place.run("audit verify --json");
    let told: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(told["sound"], run.code == 0, "{told:#}");
    assert_eq!(run.err.is_empty(), run.code == 0, "{}", run.err);
    let fault = |fault: &Value| {
        let name = fault["fault"].as_str().unwrap();
        match (fault["first"].as_i64(), fault["last"].as_i64()) {
            (Some(first), Some(last)) => format!("{name} {first}-{last}"),
            _ => name.to_owned(),
        }
    };
    (run.code, told["faults"].as_array().unwrap().iter().map(fault).collect())
}

/// The faults after this was done to a valid file.
#[track_caller]
fn after(place: &Place, sql: &str) -> Vec<String> {
    let sound = place.keep();
    assert_eq!(faults(place), (0, Vec::new()), "before {sql}");
    place.sql(sql);
    let (code, found) = faults(place);
    assert_eq!(code, i32::from(!found.is_empty()), "{sql}");
    place.put_back(&sound);
    found
}

/// A place with rows 1 to 10 and more in its audit.
fn place_with_rows() -> Place {
    let place = Place::with_ada();
    for name in ["bob", "carol", "dan", "eve", "fay"] {
        place.run(&format!("user add {name}@example.com --last-name {name}")).good();
        place.run(&format!("key create --user {name}@example.com --name {name}")).good();
    }
    place
}

fn newest(place: &Place) -> i64 {
    place.db().newest_audit()
}

#[test]
fn an_untouched_audit_is_valid() {
    let place = place_with_rows();
    let newest = newest(&place);
    assert!(newest >= 10);
    let run = place.run("audit verify").good();
    let head = run.out.trim_end();
    assert!(head.len() == 64 && head.bytes().all(|byte| byte.is_ascii_hexdigit()), "{head}");
    assert_eq!(
        run.err,
        format!(
            "{newest} rows are unchanged; stdout has the hash of the newest one, number {newest}: keep it elsewhere for \
             --expect\n"
        )
    );
    let told = json!({ "sound": true, "rows": newest, "deleted_up_to": 0, "newest": { "id": newest, "hash": head }, "faults": [], "more": 0 });
    assert_eq!(place.json("audit verify --json"), told);
    let check = place.run("check").out;
    assert!(check.contains(&format!("  {newest} rows, unchanged\n")), "{check}");
}

#[test]
fn a_change_of_any_column_of_any_row_is_found() {
    let place = place_with_rows();
    let last = newest(&place);
    let mut columns = place.db().columns("audit");
    columns.retain(|(name, _)| name != "id");
    assert_eq!(columns.len(), 13);
    for row in [1, 4, last] {
        for (column, kind) in &columns {
            let value = match kind.as_str() {
                "INTEGER" | "BIGINT" => "7",
                "TEXT" => "'x'",
                _ => "randomblob(32)",
            };
            let found = after(&place, &format!("UPDATE audit SET {column} = {value} WHERE id = {row}"));
            let wanted = match (column.as_str(), row == last) {
                ("hash", false) => format!("rehashed {row}-{row}"),
                _ => format!("changed {row}-{row}"),
            };
            assert_eq!(found, [wanted], "{column} of row {row}");
        }
        let found = after(&place, &format!("UPDATE audit SET hash = NULL WHERE id = {row}"));
        assert_eq!(found.len(), 1, "{found:?}");
    }
    // NULL differs from an empty text, and a number from its digits.
    for change in ["before = ''", "address = ''", "actor_id = 0"] {
        let found = after(&place, &format!("UPDATE audit SET {change} WHERE id = 3"));
        assert_eq!(found, ["changed 3-3"], "{change}");
    }
    // A character that goes from the end of one column to the beginning of the next.
    let shift = "UPDATE audit SET actor = actor || 'c', credential = substr(credential, 2) WHERE id = 2";
    assert_eq!(after(&place, shift), ["changed 2-2"]);
}

#[test]
fn missing_rows_are_found_anywhere() {
    let place = place_with_rows();
    let last = newest(&place);
    for (which, wanted) in [
        ("id = 1", vec!["missing 1-1".to_owned()]),
        ("id <= 3", vec!["missing 1-3".to_owned()]),
        ("id = 5", vec!["missing 5-5".to_owned()]),
        ("id IN (4, 5, 8)", vec!["missing 4-5".to_owned(), "missing 8-8".to_owned()]),
        (&format!("id = {last}"), vec![format!("missing {last}-{last}")]),
        (&format!("id > {last} - 3"), vec![format!("missing {}-{last}", last - 2)]),
        ("true", vec![format!("missing 1-{last}")]),
    ] {
        assert_eq!(after(&place, &format!("DELETE FROM audit WHERE {which}")), wanted, "{which}");
    }
    // Nor does it help to close the gap, or to have the numbers begin anew.
    let found = after(&place, "DELETE FROM audit WHERE id = 5; UPDATE audit SET id = id - 1 WHERE id > 5");
    assert!(found.contains(&"changed 5-5".to_owned()), "{found:?}");
    assert_eq!(after(&place, &without_the_last(&place, last)), [format!("missing {last}-{last}")]);
}

/// Removes the last row, and has the next one get its number. On PostgreSQL atelier gives the numbers itself.
fn without_the_last(place: &Place, last: i64) -> String {
    let delete = format!("DELETE FROM audit WHERE id = {last}");
    match place.db() {
        Database::File(_) => format!("{delete}; UPDATE sqlite_sequence SET seq = {last} - 1 WHERE name = 'audit'"),
        Database::Postgres(_) => delete,
    }
}

#[test]
fn a_row_missing_from_the_end_is_found_after_new_rows() {
    let place = place_with_rows();
    let last = newest(&place);
    place.sql(&without_the_last(&place, last));
    place.run("user add gil@example.com").good();
    assert_eq!(faults(&place), (1, vec![format!("missing {last}-{last}")]));
}

#[test]
fn reordered_rows_are_found() {
    let place = place_with_rows();
    let swap = |one: i64, other: i64| {
        format!(
            "UPDATE audit SET id = -1 WHERE id = {one}; UPDATE audit SET id = {one} WHERE id = {other};
             UPDATE audit SET id = {other} WHERE id = -1"
        )
    };
    assert_eq!(after(&place, &swap(3, 7)), ["changed 3-3", "unlinked 4-4", "changed 7-7", "unlinked 8-8"]);
    let found = after(&place, &swap(4, 5));
    assert!(found.contains(&"changed 4-4".to_owned()), "{found:?}");
    // The hashes in their old places do not help.
    let found = after(
        &place,
        &format!(
            "CREATE TEMP TABLE h AS SELECT id, hash FROM audit; {};
                  UPDATE audit SET hash = (SELECT hash FROM h WHERE h.id = audit.id)",
            swap(4, 5)
        ),
    );
    assert_eq!(found, ["changed 4-4", "unlinked 5-5"]);
}

#[test]
fn only_the_forged_row_is_found() {
    let place = place_with_rows();
    let last = newest(&place);
    let forged = |id: &str, hash: &str| {
        format!(
            "INSERT INTO audit SELECT {id}, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object,
             before, after, {hash} FROM audit WHERE id = 5"
        )
    };
    for hash in ["NULL", "hash", "zeroblob(32)"] {
        let next = last + 1;
        assert_eq!(after(&place, &forged(&next.to_string(), hash)), [format!("added {next}-{next}")], "{hash}");
        for id in ["0", "-5"] {
            assert_eq!(after(&place, &forged(id, hash)), [format!("added {id}-{id}")], "{hash}");
        }
    }
    // It stays the only one when true rows follow, which are written all the same.
    place.sql(&forged(&(last + 7).to_string(), "NULL"));
    place.run("user add gil@example.com").good();
    place.run("user add hal@example.com").good();
    let at = last + 7;
    assert_eq!(faults(&place), (1, vec![format!("added {at}-{at}")]));
}

#[test]
fn recomputed_hashes_are_found_by_a_saved_hash() {
    let place = place_with_rows();
    let kept = place.run("audit verify").good().out.trim_end().to_owned();
    place.run("user add gil@example.com").good();
    place.run(&format!("audit verify --expect {kept}")).good();
    place.run(&format!("audit verify --expect {}", kept.to_uppercase())).good();
    // The end of the chain is cut off and the note of it put right: the file alone cannot show that.
    place.sql(
        "DELETE FROM audit WHERE id > 8;
         UPDATE audit_chain SET last_id = 8, last_hash = (SELECT hash FROM audit WHERE id = 8)",
    );
    place.run("audit verify").good();
    let run = place.run(&format!("audit verify --expect {kept}"));
    assert_eq!((run.code, run.out.contains("no row has the expected hash")), (1, true), "{}", run.out);
    let run = place.run("audit verify --expect 12ab");
    assert_eq!(run.code, 2, "{}", run.err);
    place.sql("DELETE FROM audit_chain");
    assert_eq!(faults(&place), (1, vec!["no_end".to_owned()]));
}

#[test]
fn faults_are_printed_and_found_by_check_too() {
    let place = place_with_rows();
    place.sql("UPDATE audit SET actor = 'mallory' WHERE id = 2; DELETE FROM audit WHERE id IN (5, 6)");
    let run = place.run("audit verify");
    assert_eq!(run.code, 1);
    assert_eq!(run.out, "row 2 was changed or replaced\nrows 5 to 6 are missing\n");
    assert!(run.err.starts_with("error: the audit log has been changed; "), "{}", run.err);
    let check = place.run("check");
    assert_eq!(check.code, 1);
    assert!(check.out.contains("row 2 was changed or replaced and 1 more; "), "{}", check.out);
    place.sql("UPDATE audit SET actor = 'mallory'");
    let told: Value = serde_json::from_str(&place.run("audit verify --json").out).unwrap();
    assert!(told["faults"].as_array().unwrap().len() > 5, "{told}");
}
