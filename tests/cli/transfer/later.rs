//! A later export of the same server is merged into what an earlier one has created.

use std::fs;

use serde_json::{Value, json};

use super::world::{lines, number};
use super::{empty, import};
use crate::Place;

/// The ids of a map, as `KIND FROM TO`, that say whether a row was created.
fn map(place: &Place, name: &str, created: bool) -> Vec<String> {
    let all = lines(&fs::read_to_string(place.path().join(name)).unwrap());
    let chosen = all.iter().filter(|line| line["created"] == json!(created));
    chosen.map(|line| format!("{} {} {}", line["kind"].as_str().unwrap(), line["from"], line["to"])).collect()
}

#[test]
fn a_later_export_of_the_same_server_adds_only_what_is_new() {
    let from = Place::with_ada();
    from.run("user add bob@example.com --password-stdin").good();
    from.run("workspace create vision --owner ada@example.com").good();
    from.run("org create Research").good();
    let to = empty();
    let first = from.run("export").good().out;
    import(&to, &first, "--map first").good();
    let created = map(&to, "first", true);
    assert!(created.iter().any(|line| line.starts_with("workspace ")), "{created:?}");

    from.run("user add carol@example.com --password-stdin").good();
    from.run("member add vision carol@example.com --role reader").good();
    from.run("workspace create later --owner bob@example.com").good();
    // An address changed on the old server: the UUID says that it is the same person.
    from.sql("UPDATE users SET email = 'robert@example.com', email_key = 'robert@example.com' WHERE email = 'bob@example.com'");
    let second = from.run("export").good().out;
    let run = import(&to, &second, "--map second --json").good();
    let report: Value = serde_json::from_str(&run.out).unwrap();
    let counts = |kind: &str| [&report["counts"][kind]["created"], &report["counts"][kind]["differ"]].map(Value::clone);
    assert_eq!(counts("user"), [json!(1), json!(1)], "{report}");
    assert_eq!(counts("workspace"), [json!(1), json!(0)], "{report}");
    assert_eq!(counts("member"), [json!(2), json!(0)], "{report}");
    assert_eq!(counts("organization"), [json!(0), json!(0)], "{report}");
    // What the first import has created is found under the same ids.
    let found = map(&to, "second", false);
    for line in created {
        assert!(found.contains(&line), "{line}: {found:?}");
    }
    assert_eq!(number(&to, "SELECT count(*) FROM users WHERE kind = 'person'"), 3);
    assert_eq!(number(&to, "SELECT count(*) FROM workspaces"), 2);
    // The first file again, and the second: nothing is new.
    for text in [&first, &second] {
        let report: Value = serde_json::from_str(&import(&to, text, "--json").good().out).unwrap();
        assert_eq!(report["total"]["created"], json!(0), "{report}");
    }
}
