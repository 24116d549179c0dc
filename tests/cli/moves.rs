//! `atelier workspace move`.

use std::fs;

use crate::Place;

/// A directory with the workspace vision of ada and bob, and the organization Lab with ada.
fn place() -> Place {
    let place = Place::with_ada();
    fs::write(place.path().join("m.onnx"), "abc").unwrap();
    for line in [
        "user add bob@example.com",
        "workspace create vision --owner ada@example.com",
        "member add vision bob@example.com",
        "model put m.onnx --workspace vision --name ccfraud",
        "org create Lab",
    ] {
        place.run(line).good();
    }
    place
}

fn rows(place: &Place, sql: &str) -> Vec<String> {
    place.db().rows(sql, [])
}

#[track_caller]
fn refused(place: &Place, line: &str, code: i32, words: &str) {
    let run = place.run(line);
    assert!(run.code == code && run.out.is_empty() && run.err.contains(words), "{line}: {} {}", run.code, run.err);
}

#[test]
fn a_workspace_moves_with_its_files_after_the_losses_are_told() {
    let place = place();
    let homes = "SELECT o.name || ' ' || o.file_bytes FROM organizations o ORDER BY id";
    let words = "no owner of this workspace is a member of the other organization";
    refused(&place, "workspace move vision --to Lab --yes", 1, words);
    assert_eq!(rows(&place, homes), ["Home 3", "Lab 0"]);
    place.run("org add-member Lab ada@example.com").good();
    let words = "this would move the workspace Home/vision (1) to the organization Lab; it loses 1 member, which cannot be \
                 undone; confirm it with --yes";
    refused(&place, "workspace move vision --to Lab", 2, words);
    assert_eq!(rows(&place, homes), ["Home 3", "Lab 0"]);
    let run = place.run("workspace move vision --to Lab --yes").good();
    assert_eq!(
        (run.out.as_str(), run.err.as_str()),
        ("", "the workspace Home/vision is now Lab/vision; it loses 1 member\n")
    );
    assert_eq!(rows(&place, homes), ["Home 0", "Lab 3"]);
    assert_eq!(place.json("workspace show vision --json")["organization"], "Lab");
    assert_eq!(rows(&place, "SELECT verb FROM audit ORDER BY id DESC LIMIT 2"), ["workspaces.move", "members.remove"]);
    let run = place.run("workspace move vision --to 2").good();
    assert_eq!(run.err, "the workspace Lab/vision belongs to this organization already\n");
    place.run("check").good();
}

#[test]
fn a_refused_move_says_the_next_step() {
    let place = place();
    place.run("org add-member Lab ada@example.com").good();
    refused(&place, "workspace move nowhere --to Lab --yes", 1, "`atelier workspace list` shows all workspaces");
    refused(&place, "workspace move vision --to Nowhere --yes", 1, "`atelier org list` shows all organizations");
    place.run("workspace archive vision").good();
    refused(&place, "workspace move vision --to Lab --yes", 1, "`atelier workspace restore` does");
    place.run("workspace restore vision").good();
    place.run("workspace create vision --owner ada@example.com --organization Lab").good();
    refused(&place, "workspace move Home/vision --to Lab --yes", 1, "choose another name");
    place.run("workspace rename Home/vision eyes").good();
    let small = [("ATELIER_ORGANIZATION_FILES", "2B")];
    let run = place.run_with("workspace move Home/eyes --to Lab --yes", &small);
    assert!(run.code == 1 && run.err.contains("may take at most 2 bytes in total"), "{} {}", run.code, run.err);
    assert_eq!(rows(&place, "SELECT name FROM workspaces WHERE organization_id = 2"), ["vision"]);
    assert_eq!(rows(&place, "SELECT verb FROM audit WHERE verb = 'workspaces.move'"), [""; 0]);
}
