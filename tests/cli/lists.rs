//! What all lists have in common, and the list of the audit log.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::{Place, Run};

/// A directory with so many workspaces, `w-1` and so on.
fn with_workspaces(number: u32) -> Place {
    let place = Place::with_ada();
    place.sql(&format!(
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
             ml_models_enabled)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
         SELECT o.id, 'w-' || i, 'w-' || i, '', 1, 0, 0, 1 FROM n, organizations o WHERE o.home = 1"
    ));
    place
}

fn names(listed: &Value) -> Vec<&str> {
    listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[test]
fn a_list_of_many_pages_is_whole_and_in_order() {
    let place = with_workspaces(1234);
    let listed = place.json("workspace list --json");
    let expected: Vec<String> = (1..=1234).map(|i| format!("w-{i}")).collect();
    assert_eq!(names(&listed), expected);
    let text = place.run("workspace list").good().out;
    assert_eq!(text.lines().count(), 1235, "the head stands once");
    assert!(
        text.starts_with("ID   ORGANIZATION  NAME   PRIVACY  ARCHIVED  CREATED BY  CREATED\n1    Home          w-1 "),
        "{}",
        &text[..200]
    );

    let limited = place.run("workspace list --limit 2 --json").good();
    assert_eq!(names(&serde_json::from_str(&limited.out).unwrap()), ["w-1", "w-2"]);
    assert_eq!(limited.err, "only the first 2 are shown; a larger --limit shows more\n");
    assert_eq!(place.run("workspace list --limit 1234 --json").good().err, "");
    place.run("workspace list --limit 0").is_usage("--limit: must be at least 1, not \"0\"");

    assert_eq!(
        names(&place.json("workspace list --filter W-123 --json")),
        ["w-123", "w-1230", "w-1231", "w-1232", "w-1233", "w-1234"]
    );
    let none = place.run("workspace list --filter nothing").good();
    assert_eq!(
        (none.out.as_str(), none.err.as_str()),
        ("", "nothing has the text of --filter in its name or email address\n")
    );
    assert_eq!(place.run("workspace list --filter nothing --json").good().out, "[]\n");
}

impl Run {
    /// Asserts a usage error that clap words.
    #[track_caller]
    fn is_usage(&self, words: &str) {
        assert!(self.code == 2 && self.out.is_empty() && self.err.contains(words), "{}", self.err);
    }
}

#[test]
fn a_reader_that_closes_ends_the_list_without_an_error() {
    let place = with_workspaces(20_000);
    for line in ["workspace list", "workspace list --json"] {
        let mut command = place.atelier();
        command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{line}");
    }
}

#[test]
fn every_list_filters_limits_and_prints_json() {
    let place = Place::with_ada();
    std::fs::write(place.path().join("m.onnx"), "abc").unwrap();
    for line in [
        "user add bob@example.com",
        "org create Lab",
        "workspace create vision --owner ada@example.com",
        "workspace create nlp --owner ada@example.com",
        "member add vision bob@example.com",
        "role create tracer --permission PROJECT_READ",
        "binding add tracer bob@example.com --workspace vision",
        "binding add tracer ada@example.com --workspace vision",
        "project create vision chatbot",
        "project create vision assistant",
        "model put m.onnx --workspace vision --name ccfraud",
        "model put m.onnx --workspace vision --name churn",
        "pipeline create vision flow",
        "pipeline create vision other",
        "pipeline create vision other",
        "tag create live --workspace vision",
        "tag create reviewed",
        "key create --user ada@example.com --name laptop",
        "key create --user bob@example.com --name desktop",
    ] {
        place.run(line).good();
    }
    for (line, filter, field, found) in [
        ("user list", "BOB", "email", "bob@example.com"),
        ("org list", "lab", "name", "Lab"),
        ("org members Home", "bob@", "user", "bob@example.com"),
        ("workspace list", "NLP", "name", "nlp"),
        ("member list vision", "bob", "user", "bob@example.com"),
        ("role list", "trac", "name", "tracer"),
        ("binding list", "bob", "user", "bob@example.com"),
        ("project list", "CHAT", "name", "chatbot"),
        ("model list", "chu", "name", "churn"),
        ("pipeline list", "FLO", "name", "flow"),
        ("tag list", "live", "name", "live"),
        ("key list", "desk", "name", "desktop"),
        ("client list", "sdk-client", "id", "sdk-client"),
        ("audit list", "keys.create", "verb", "keys.create"),
    ] {
        let all = place.json(&format!("{line} --json"));
        assert!(all.as_array().unwrap().len() > 1, "{line}: {all}");
        let filtered = place.json(&format!("{line} --filter {filter} --json"));
        assert!(!filtered.as_array().unwrap().is_empty(), "{line}");
        assert!(filtered.as_array().unwrap().len() < all.as_array().unwrap().len(), "{line}: {filtered}");
        assert!(filtered.as_array().unwrap().iter().all(|one| one[field] == found), "{line}: {filtered}");
        let one = place.run(&format!("{line} --limit 1 --json")).good();
        assert_eq!(serde_json::from_str::<Value>(&one.out).unwrap(), json!([all[0]]), "{line}");
        assert!(one.err.contains("only the first 1"), "{line}: {}", one.err);
        let text = place.run(line).good().out;
        assert_eq!(text.lines().count(), all.as_array().unwrap().len() + 1, "{line}: {text}");
    }
}

#[test]
fn the_audit_log_is_listed_by_person_verb_time_and_object() {
    let place = Place::with_ada();
    place.run("workspace create vision --owner ada@example.com").good();
    place.run("workspace rename vision eyes").good();
    place.run("workspace describe eyes Seeing").good();
    let verbs = |line: &str| -> Vec<String> {
        let rows = place.json(&format!("audit list {line} --json"));
        rows.as_array().unwrap().iter().map(|row| row["verb"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(verbs("--object workspace/1"), ["workspaces.change", "workspaces.change", "workspaces.create"]);
    assert_eq!(verbs("--object workspace --verb workspaces.create"), ["workspaces.create"]);
    assert_eq!(verbs("--object workspace/2"), [""; 0]);
    assert_eq!(verbs("--user operator --verb users.create"), ["users.create"]);
    assert_eq!(verbs("--user ada@example.com"), [""; 0]);
    assert_eq!(verbs("--until 2020-01-01 --since 2019-01-01"), [""; 0]);
    assert_eq!(verbs("--since 1h --verb users.create"), ["users.create"]);
    let row = &place.json("audit list --verb workspaces.change --limit 1 --json")[0];
    assert_eq!((&row["user"], &row["after"]["description"]), (&json!("operator"), &json!("Seeing")));
    place
        .run("audit list --user eve@example.com")
        .refused(1, "user eve@example.com does not exist; `atelier user list` shows all users");
    place.run("audit list --since soon").is_usage("must be a duration such as 90d");
    let empty = place.run("audit list --verb nothing.ever").good();
    assert!(empty.out.is_empty() && empty.err.contains("--since goes back further"), "{}", empty.err);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let place = Place::with_ada();
    place.run("org create Lab").good();
    place.sql("UPDATE organizations SET description = 'a\u{1b}[2J\nb' WHERE name = 'Lab'");
    let shown = place.run("org show Lab").good().out;
    assert!(shown.contains("description  a [2J b\n"), "{shown:?}");
    assert_eq!(place.json("org show Lab --json")["description"], "a\u{1b}[2J\nb");
}
