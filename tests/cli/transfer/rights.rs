//! What an import gives to people, and in places, that exist here: in the preview and in the audit.

use serde_json::{Value, json};

use super::import;
use super::world::{empty, file, lines, many_users, number, text, world};
use crate::Place;

/// A server with bob and carol, and a workspace of bob's with the name of one in the file.
fn with_bob() -> Place {
    let to = empty();
    to.run("user add bob@example.com --password-stdin").good();
    to.run("user add carol@example.com --password-stdin").good();
    to.run("workspace create vision --owner bob@example.com").good();
    to
}

#[test]
fn the_preview_lists_what_people_here_get_and_who_enters_places_here() {
    let to = with_bob();
    let shown = import(&to, &world().plain, "--dry-run --without-files").good().out;
    for words in [
        "organization_member bob@example.com: admin of the organization \"Far away\"",
        "member bob@example.com: owner of the workspace \"den\" of \"Far away\"",
        "member carol@example.com: member of the workspace \"vision\" of \"Home\"",
        "member dora@example.com: looker of the workspace \"vision\" of \"Home\" (a new user)",
        "binding carol@example.com: the role \"looker\" on the project \"valves\" in the workspace \"vision\"",
    ] {
        let line = shown.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {shown}"));
        assert!(line.starts_with("rights: line "), "{line}");
    }
    assert!(
        shown.contains("administrator: line") && shown.contains("user ada@example.com: a new administrator"),
        "{shown}"
    );
    assert!(!shown.contains("ada@example.com: admin of the organization \"Far away\""), "both are new: {shown}");
    let report: Value =
        serde_json::from_str(&import(&to, &world().plain, "--dry-run --without-files --json").good().out).unwrap();
    let rights = report["rights"].as_array().unwrap();
    assert_eq!(report["number_of_rights"], json!(rights.len()));
    assert_eq!(shown.lines().filter(|line| line.starts_with("rights: ")).count(), rights.len());
    let first = rights.iter().find(|one| one["name"] == "bob@example.com").unwrap();
    assert_eq!(
        (&first["kind"], &first["words"]),
        (&json!("organization_member"), &json!("admin of the organization \"Far away\""))
    );

    // The audit row has who got what.
    import(&to, &world().plain, "--without-files").good();
    let row: Value =
        serde_json::from_str(&text(&to, "SELECT after FROM audit WHERE verb = 'transfer.import'")).unwrap();
    assert_eq!(row["rights"]["number"], report["number_of_rights"]);
    assert_eq!(row["rights"]["first"].as_array().unwrap().len(), rights.len());
    let told = json!({ "name": first["name"], "words": first["words"] });
    assert!(row["rights"]["first"].as_array().unwrap().contains(&told), "{row}");
    let admins =
        json!({ "number": 1, "first": [{ "name": "ada@example.com", "words": "a new administrator of the account" }] });
    assert_eq!(row["administrators"], admins);

    // Once they have it, nothing more is given. A restriction of a project that is here is told.
    let project = "SELECT count(*) FROM restrictions";
    assert_eq!(number(&to, project), 1);
    to.sql("DELETE FROM restrictions");
    let shown = import(&to, &world().plain, "--dry-run --without-files").good().out;
    let rights: Vec<_> = shown.lines().filter(|line| line.starts_with("rights: ")).collect();
    assert!(
        rights.len() == 1
            && rights[0].contains("the project \"valves\" in the workspace \"vision\" becomes restricted"),
        "{rights:?}"
    );
}

#[test]
fn many_rights_are_counted_and_listed_as_json() {
    let to = empty();
    import(&to, &many_users(30), "").good();
    let mut all = lines(&many_users(30));
    all.pop();
    let home = json!({ "kind": "organization", "id": 1, "name": "Far", "description": "", "home": false, "created_at": "2026-01-01T00:00:00Z" });
    all.push(home);
    for user in 1..=30 {
        all.push(json!({
            "kind": "organization_member", "id": user, "organization": 1, "user": user, "role": "reader",
            "created_at": "2026-01-01T00:00:00Z",
        }));
    }
    let file = file(&all[0], &all[1..]);
    let shown = import(&to, &file, "--dry-run").good().out;
    assert_eq!(shown.lines().filter(|line| line.starts_with("rights: line ")).count(), 20, "{shown}");
    assert!(shown.ends_with("rights: 10 more\n--json lists up to 10000 administrators and rights\n"), "{shown}");
    let report: Value = serde_json::from_str(&import(&to, &file, "--dry-run --json").good().out).unwrap();
    assert_eq!((report["rights"].as_array().unwrap().len(), &report["number_of_rights"]), (30, &json!(30)));
}
