//! Files that are cut off, garbled or hostile change nothing, and the message names the place.

use std::fs;

use serde_json::{Value, json};

use super::world::{empty, file, lines, number, world};
use super::{export, import};
use crate::Place;

fn untouched(place: &Place, before: &[Value]) {
    assert_eq!(export(place), before);
    assert_eq!(number(place, "SELECT count(*) FROM audit WHERE verb = 'transfer.import'"), 0);
}

#[test]
fn a_file_that_was_cut_off_or_changed_is_refused() {
    let to = empty();
    let before = export(&to);
    let plain = &world().plain;
    let without_last = &plain[..=plain.trim_end().rfind('\n').unwrap()];
    let in_the_middle = &plain[..plain.len() / 2];
    let lost =
        plain.split_inclusive('\n').enumerate().filter(|(at, _)| *at != 5).map(|(_, line)| line).collect::<String>();
    let changed = plain.replace("bob@example.com", "rob@example.com");
    let newer = plain.replacen("\"format\":1", "\"format\":2", 1);
    let twice = format!("{plain}{plain}");
    for (text, words) in [
        ("", "line 1: is missing"),
        (without_last, "is missing: the file ends without its trailer, so it was cut off"),
        (in_the_middle, "must be a JSON object"),
        (&lost, "counts: do not match the lines before"),
        (&changed, "sha256: does not match the lines before"),
        (&newer, "format: must be 1, not 2"),
        (&twice, "comes after the trailer"),
        ("{\"kind\":\"user\"}\n", "kind: must be header"),
        (&plain.replacen("\"kind\":\"user\"", "\"kind\":\"god\"", 1), "kind: must be a kind of rows"),
        (
            &plain.replacen("\"schema\":", "\"\\u001b[31m\":1,\"schema\":", 1),
            "must be a valid header: unknown field `[31m`",
        ),
        ("\u{0}\u{1}\n", "must be a JSON object"),
        ("[]\n", "must be a JSON object"),
        (&"x".repeat(5 << 20), "is longer than"),
    ] {
        let run = import(&to, text, "");
        assert!(run.code == 1 && run.err.contains(words) && run.out.is_empty(), "{words}: {}", run.err);
        assert!(!run.err.contains('\u{1b}'), "no escape sequence reaches the terminal");
    }
    for (path, words) in [("none", "cannot read none"), (".", "cannot read .")] {
        let run = to.run(&format!("import {path}"));
        assert!(run.code == 1 && run.err.contains(words), "{}", run.err);
    }
    untouched(&to, &before);
}

#[test]
fn the_passphrase_must_be_right_and_sealed_lines_unchanged() {
    let to = empty();
    let before = export(&to);
    fs::write(to.path().join("pass"), "a long passphrase\n").unwrap();
    fs::write(to.path().join("wrong"), "a wrong passphrase\n").unwrap();
    let run = import(&to, &world().full, "--without-files --passphrase-file wrong");
    assert!(run.code == 1 && run.err.contains("the passphrase is wrong"), "{}", run.err);
    // Somebody makes an administrator of a user with a password.
    let mut all = lines(&world().full);
    let carol = all.iter_mut().find(|line| line["email"] == "carol@example.com").unwrap();
    carol["role"] = json!("administrator");
    let text = file(&all[0], &all[1..all.len() - 1]);
    let run = import(&to, &text, "--without-files --passphrase-file pass");
    assert!(run.code == 1 && run.out.contains("user sealed does not open: the line was changed"), "{}", run.out);
    untouched(&to, &before);
}

#[test]
fn the_passphrase_vouches_for_lines_without_secrets_too() {
    let to = empty();
    let before = export(&to);
    fs::write(to.path().join("pass"), "a long passphrase\n").unwrap();
    // Somebody who can change the file, but does not know the passphrase, makes a workspace public.
    let mut all = lines(&world().full);
    all.iter_mut().find(|line| line["name"] == "den").unwrap()["private"] = json!(false);
    let trailer = all.pop().unwrap();
    let changed = file(&all[0], &all[1..]);
    let with_mac = |mac: &Value| {
        let mut text = lines(&changed);
        text.last_mut().unwrap()["mac"] = mac.clone();
        text.iter().map(|line| line.to_string() + "\n").collect::<String>()
    };
    let sealed = all[0]["secrets"]["check"].clone();
    let cases = [
        changed.clone(),
        with_mac(&trailer["mac"]),
        with_mac(&sealed),
        with_mac(&json!("AAAA")),
        with_mac(&json!("?")),
    ];
    for text in cases {
        let run = import(&to, &text, "--without-files --passphrase-file pass");
        let words = format!("refused: line {}: mac does not fit the passphrase: the file was changed", 1 + all.len());
        assert!(run.code == 1 && run.out.contains(&words), "{}{}", run.out, run.err);
    }
    // It looks like a file without secrets.
    all[0].as_object_mut().unwrap().insert("secrets".to_owned(), Value::Null);
    let run = import(&to, &file(&all[0], &all[1..]), "--without-files --passphrase-file pass");
    assert!(run.code == 1 && run.err.contains("secrets: are missing: the file was exported without"), "{}", run.err);
    untouched(&to, &before);
    assert!(trailer["mac"].as_str().is_some_and(|mac| mac.len() > 40));
    assert!(lines(&world().plain).last().unwrap().get("mac").is_none());
}

#[test]
fn an_import_hands_out_nothing_of_what_is_there() {
    let to = empty();
    fs::write(to.path().join("pass"), "a long passphrase\n").unwrap();
    let options = "--without-files --passphrase-file pass";
    import(&to, &world().full, options).good();
    for table in ["consents", "connection_workspaces", "clients WHERE service_user_id IS NOT NULL"] {
        let rows = format!("SELECT count(*) FROM {table}");
        assert!(number(&to, &rows) > 0, "{table}");
        to.sql(&format!("DELETE FROM {table}"));
        let run = import(&to, &world().full, options).good();
        assert_eq!(number(&to, &rows), 0, "{table}: {}", run.out);
    }
}

/// Changes the first row of a kind that has this name.
fn changed(kind: &str, name: &str, change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut all = lines(&world().plain);
    let is_it = |row: &&mut Value| {
        row["kind"] == kind
            && (name.is_empty() || row["name"] == name || row["email"] == name || row["client_id"] == name)
    };
    let row = all.iter_mut().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"));
    change(row);
    all.pop();
    all
}

#[test]
fn hostile_values_are_refused_with_their_line_and_field() {
    type Change = Box<dyn Fn(&mut Value)>;
    let set =
        |field: &'static str, value: Value| -> Change { Box::new(move |row: &mut Value| row[field] = value.clone()) };
    let drop = |field: &'static str| -> Change {
        Box::new(move |row: &mut Value| {
            row.as_object_mut().unwrap().remove(field);
        })
    };
    let to = empty();
    let before = export(&to);
    let long = "x".repeat(256);
    for (kind, name, change, words) in [
        ("user", "bob@example.com", set("email", json!("bob@@example.com")), "email must be an email address"),
        ("user", "bob@example.com", set("email", json!(" bob@example.com")), "email is not in the form"),
        ("user", "bob@example.com", set("email", json!("carol@example.com")), "must not be the same user as line"),
        ("user", "bob@example.com", set("id", json!(3)), "id must not be that of line"),
        ("user", "bob@example.com", set("id", json!(-1)), "id must be a whole number above 0"),
        ("user", "bob@example.com", set("uuid", json!("x")), "uuid must be a UUID"),
        ("user", "bob@example.com", set("first_name", json!("a\u{1b}[31m")), "first_name must not contain control"),
        ("user", "bob@example.com", set("first_name", json!("a\u{200b}")), "first_name must not contain the invisible"),
        ("user", "bob@example.com", set("first_name", json!(long)), "first_name must have at most 255"),
        ("user", "bob@example.com", set("role", json!("root")), "role must be one of"),
        ("user", "bob@example.com", set("enabled", json!(1)), "enabled must be true or false"),
        ("user", "bob@example.com", set("state", json!("invited")), "invited_until must not be missing"),
        ("user", "bob@example.com", set("password_hash", json!("$argon2id$")), "password_hash is not a field"),
        ("user", "bob@example.com", set("x", json!(1)), "x is not a field"),
        ("user", "bob@example.com", drop("state"), "state must not be missing"),
        ("organization", "Far away", set("name", json!("")), "name must not be empty"),
        ("workspace", "vision", set("organization", json!(99)), "organization must be the id of a row"),
        ("workspace", "vision", set("name", json!("a\nb")), "name must not"),
        (
            "workspace",
            "vision",
            set("default_llm_integration", json!("[1]")),
            "default_llm_integration must be a JSON array",
        ),
        ("member", "", set("role", json!("member")), "workspace must have an owner among its members"),
        ("member", "", set("role", json!("custom")), "custom_role must be there if the role is custom"),
        ("organization_member", "", set("user", json!(2)), "must not be the same organization_member"),
        ("role", "looker", set("permissions", json!(["EVERYTHING"])), "permissions must contain only names"),
        ("role", "owner", set("predefined", json!("god")), "predefined must be one of"),
        ("tag", "Größe", set("organization", json!(2)), "organization must be the organization of the workspace"),
        ("project_tag", "", set("tag", json!(99)), "tag must be the id of a row"),
        ("binding", "", set("workspace", json!(1)), "workspace must be missing if there is a project"),
        ("model", "ccfraud", set("name", json!("1x")), "name must begin with a letter"),
        ("model_version", "", set("sha256", json!("zz")), "sha256 must be lowercase hexadecimal"),
        ("model_version", "", set("conversion", json!("{}")), "conversion must have a framework"),
        ("model_version", "", set("image_path", json!("image")), "sha256 must be missing if there is an image_path"),
        ("pipeline_version", "", set("definition", json!("{\"steps\":1}")), "definition steps must be a list"),
        ("client", "grafana", set("grants", json!("authorization_code magic")), "grants must be grant types"),
        ("client", "grafana", set("grants", json!("refresh_token")), "grants must contain a grant"),
        ("client", "grafana", set("redirect_uris", json!("javascript:alert(1)")), "redirect_uris must"),
        ("client", "grafana", set("built_in", json!(true)), "built_in must be false"),
        ("client", "grafana", set("client_id", json!("account")), "reserved for the API"),
        ("consent", "", set("scope", json!("everything")), "scope is not in the form"),
    ] {
        let all = changed(kind, name, change);
        let line = 1 + all.iter().position(|row| !lines(&world().plain).contains(row)).unwrap();
        let run = import(&to, &file(&all[0], &all[1..]), "--without-files");
        assert!(run.code == 1 && run.out.contains(words), "{kind} {words}: {}{}", run.out, run.err);
        let told = run.out.lines().find(|told| told.contains(words)).unwrap();
        let elsewhere =
            ["must not be the same", "must not be that of", "must have an owner"].iter().any(|w| told.contains(w));
        assert!(elsewhere || told.starts_with(&format!("refused: line {line}: ")), "{told}");
        assert!(!run.out.contains('\u{1b}'), "no escape sequence reaches the terminal");
    }
    untouched(&to, &before);
}

#[test]
fn nobody_joins_a_workspace_from_outside_of_its_organization() {
    let to = empty();
    let mut all = lines(&world().plain);
    all.pop();
    let carol = all.iter().find(|row| row["email"] == "carol@example.com").unwrap()["id"].clone();
    all.retain(|row| !(row["kind"] == "organization_member" && row["user"] == carol));
    let run = import(&to, &file(&all[0], &all[1..]), "--without-files");
    assert!(run.code == 1 && run.out.contains("member user must be a member of the organization"), "{}", run.out);
    // An annotator of the account gets no other role.
    let all = changed("user", "carol@example.com", |row| row["role"] = json!("annotator"));
    let run = import(&to, &file(&all[0], &all[1..]), "--without-files");
    assert!(run.out.contains("role must be annotator, because the user is an annotator"), "{}", run.out);
    assert_eq!(number(&to, "SELECT count(*) FROM users"), 0);
}
