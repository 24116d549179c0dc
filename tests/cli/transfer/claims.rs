//! What an import may claim: files that other organizations have here, and more rows than an object may have.

use std::fs;

use serde_json::{Value, json};

use super::import;
use super::world::{empty, file, lines, number, world};
use crate::Place;

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const TIME: &str = "2026-01-01T00:00:00Z";

/// Rows of an organization with a workspace of bob's, in which is a model version with the file `abc`.
fn loot(organization: &str, home: bool, uuid: &str) -> Vec<Value> {
    let bob = lines(&world().plain).into_iter().find(|line| line["email"] == "bob@example.com").unwrap();
    let user = bob["id"].clone();
    let name = format!("loot of {organization}");
    vec![
        lines(&world().plain)[0].clone(),
        bob,
        json!({ "kind": "organization", "id": 1, "name": organization, "description": "", "home": home, "created_at": TIME }),
        json!({ "kind": "organization_member", "id": 1, "organization": 1, "user": user, "role": "member", "created_at": TIME }),
        json!({ "kind": "workspace", "id": 1, "organization": 1, "name": name, "description": "", "private": true,
                "archived": false, "created_at": TIME, "ml_models_enabled": true }),
        json!({ "kind": "member", "id": 1, "workspace": 1, "user": user, "role": "owner", "created_at": TIME }),
        json!({ "kind": "model", "id": 1, "workspace": 1, "name": "loot", "created_at": TIME, "updated_at": TIME }),
        json!({ "kind": "model_version", "id": 1, "model": 1, "uuid": uuid, "visibility": "private", "sha256": ABC,
                "size": 3, "file_name": "m.onnx", "created_at": TIME, "updated_at": TIME }),
    ]
}

fn versions(place: &Place) -> i64 {
    number(place, "SELECT count(*) FROM model_versions WHERE sha256 IS NOT NULL")
}

#[test]
fn a_file_of_another_organization_is_claimed_only_by_those_who_have_it() {
    let to = empty();
    let files = world().place.data().join("files");
    let files = files.display();
    import(&to, &world().plain, &format!("--files {files}")).good();
    let before = versions(&to);
    let rows = loot("Mallory", false, "00000000-0000-4000-8000-00000000000a");
    let text = file(&rows[0], &rows[1..]);
    for options in ["", "--dry-run"] {
        let run = import(&to, &text, options);
        let words = "model_version sha256 must be of a file that the organization of the version has here";
        assert!(run.code == 1 && run.out.contains(words), "{options}: {}", run.out);
    }
    // A file of that name and size proves nothing.
    let fake = to.path().join("fake");
    fs::create_dir(&fake).unwrap();
    fs::write(fake.join(ABC), "abd").unwrap();
    let run = import(&to, &text, "--files fake");
    assert!(run.code == 1 && run.err.contains("is not the file of its name"), "{}{}", run.out, run.err);
    assert_eq!(number(&to, "SELECT count(*) FROM organizations WHERE name = 'Mallory'"), 0);
    let run = import(&to, &text, "--without-files --dry-run").good();
    assert!(
        run.out.contains("left out: line 8: model_version 00000000-0000-4000-8000-00000000000a: its organization"),
        "{}",
        run.out
    );
    assert_eq!(versions(&to), before);
    // Who has the file may have a version with it.
    import(&to, &text, &format!("--files {files}")).good();
    assert_eq!(versions(&to), before + 1);
    // The organization has it now.
    let rows = loot("Mallory", false, "00000000-0000-4000-8000-00000000000b");
    import(&to, &file(&rows[0], &rows[1..]), "").good();
    let rows = loot("Home", true, "00000000-0000-4000-8000-00000000000c");
    import(&to, &file(&rows[0], &rows[1..]), "").good();
    // Or the operator says that all stored files may be used.
    let rows = loot("Trent", false, "00000000-0000-4000-8000-00000000000d");
    let text = file(&rows[0], &rows[1..]);
    assert_eq!(import(&to, &text, "").code, 1);
    import(&to, &text, "--stored-files").good();
    assert_eq!(versions(&to), before + 4);
    assert_eq!(to.run("check").code, 0);
}

#[test]
fn a_preview_finds_more_rows_than_an_object_may_have() {
    let to = empty();
    let mut rows = loot("Mallory", false, "00000000-0000-4000-8000-00000000000a");
    rows.pop();
    rows.push(json!({ "kind": "project", "id": 1, "workspace": 1, "name": "p", "project_kind": "application",
                      "created_at": TIME, "updated_at": TIME }));
    let tagged = |tags: std::ops::RangeInclusive<i64>| {
        let mut rows = rows.clone();
        for tag in tags {
            rows.push(json!({ "kind": "tag", "id": tag, "organization": 1, "name": format!("t{tag}"),
                              "created_at": TIME, "updated_at": TIME }));
            rows.push(json!({ "kind": "project_tag", "project": 1, "tag": tag }));
        }
        file(&rows[0], &rows[1..])
    };
    let words = "project_tag must be one of at most 100 of the same object";
    let run = import(&to, &tagged(1..=101), "--dry-run");
    assert!(run.code == 1 && run.out.contains(words) && run.err.contains("1 row is refused"), "{}{}", run.out, run.err);
    import(&to, &tagged(1..=60), "").good();
    // Those that are here count.
    let run = import(&to, &tagged(61..=101), "--dry-run");
    assert!(run.code == 1 && run.out.contains(words), "{}", run.out);
    import(&to, &tagged(41..=100), "--dry-run").good();
    import(&to, &tagged(41..=100), "").good();
    assert_eq!(number(&to, "SELECT count(*) FROM project_tags"), 100);
}
