//! `atelier export` and `atelier import`.

mod claims;
mod hostile;
mod later;
mod rights;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{self, Setup};
use crate::{Place, names};
use world::{BOBS_PASSWORD, World, empty, file, lines, many_users, world};

/// Runs an import of this text.
fn import(place: &Place, text: &str, options: &str) -> crate::Run {
    fs::write(place.path().join("in.jsonl"), text).unwrap();
    place.run(&format!("import in.jsonl {options}"))
}

/// The lines of an export, without the header and the trailer.
fn export(place: &Place) -> Vec<Value> {
    let run = place.run("export").good();
    let all = lines(&run.out);
    all[1..all.len() - 1].to_vec()
}

/// The kinds that the fields of a reference lead to.
fn kind_of(field: &str) -> &str {
    match field {
        "created_by" | "service_user" => "user",
        "custom_role" => "role",
        field => field,
    }
}

/// A line with the ids of the other server, without what the other server has made itself.
fn mapped(line: &Value, map: &BTreeMap<(String, i64), i64>) -> Value {
    let mut line = line.clone();
    let kind = line["kind"].as_str().unwrap().to_owned();
    let own = line["home"] == true || line.get("predefined").is_some() || line["built_in"] == true;
    let fields = line.as_object_mut().unwrap();
    for (name, value) in fields.iter_mut() {
        let target = if name == "id" { kind.as_str() } else { kind_of(name) };
        if let Some(id) = value.as_i64().and_then(|id| map.get(&(target.to_owned(), id))) {
            *value = json!(id);
        }
    }
    if own {
        fields.remove("created_at");
        fields.remove("updated_at");
    }
    line
}

#[test]
fn everything_arrives_and_is_exported_again_as_it_was() {
    let World { plain, full, place: from } = world();
    let kinds: Vec<String> = lines(plain).iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    for kind in [
        "organization",
        "user",
        "organization_member",
        "role",
        "workspace",
        "member",
        "default_workspace",
        "project",
        "restriction",
        "binding",
        "tag",
        "project_tag",
        "model",
        "model_version",
        "model_config",
        "model_version_tag",
        "pipeline",
        "pipeline_version",
        "pipeline_tag",
        "connection",
        "connection_workspace",
        "client",
        "consent",
        "key",
    ] {
        assert!(kinds.iter().any(|found| found == kind), "the world has no {kind}");
    }
    for secret in ["$argon2", "hunter2-secret", "sealed", "fingerprint", "second_factor", "recovery_code"] {
        assert!(!lines(plain)[1..].iter().rev().skip(1).any(|line| line.to_string().contains(secret)), "{secret}");
        assert!(!full.contains("$argon2") && !full.contains("hunter2"), "{secret}");
    }
    let to = empty();
    fs::write(to.path().join("pass"), "a long passphrase\n").unwrap();
    let options = format!("--passphrase-file pass --files {} --map map", from.data().join("files").display());
    let run = import(&to, full, &options).good();
    assert!(run.out.contains("administrator: line "), "{}", run.out);
    let map: BTreeMap<(String, i64), i64> = lines(&fs::read_to_string(to.path().join("map")).unwrap())
        .iter()
        .filter(|line| line["from"].is_i64())
        .map(|line| {
            ((line["kind"].as_str().unwrap().to_owned(), line["from"].as_i64().unwrap()), line["to"].as_i64().unwrap())
        })
        .collect();
    let sorted = |lines: &[Value]| {
        let mut lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        lines.sort();
        lines
    };
    let all = lines(plain);
    let before: Vec<_> = all[1..all.len() - 1].iter().map(|line| mapped(line, &map)).collect();
    let after: Vec<_> = export(&to).iter().map(|line| mapped(line, &BTreeMap::new())).collect();
    assert_eq!(sorted(&before), sorted(&after));

    // The same again changes nothing.
    let again = import(&to, full, &options.replace("--map map", "--json")).good();
    let report: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&report["total"]["created"], &report["total"]["differ"]), (&json!(0), &json!(0)), "{report}");
    assert_eq!(sorted(&export(&to)), sorted(&after_own(&to)));
    let check = to.run("check");
    assert!(check.code == 0, "{}{}", check.out, check.err);
    assert!(to.run("audit verify").code == 0);
    assert_eq!(to.run("model get 1 -o -").good().out, "abc");

    // Passwords, keys, second factors and the details of connections work there.
    let server = Setup::new().data_dir(to.data()).without_admin().start();
    let token = world::sign_in(server.base(), "bob@example.com", BOBS_PASSWORD);
    assert_eq!(token.as_ref().map_err(|status| *status).err(), None, "the password of bob");
    let details =
        world::post(server.base(), &world().bobs_key(), "/v1/api/connections/get", &json!({ "name": "store" }));
    assert_eq!(details["details"], json!({ "key": "hunter2-secret" }));
    assert_eq!(world::sign_in(server.base(), "dora@example.com", BOBS_PASSWORD).err(), Some(401), "a second factor");
}

/// The export of a place once more.
fn after_own(place: &Place) -> Vec<Value> {
    export(place)
}

#[test]
fn without_secrets_nobody_can_sign_in_and_what_needs_a_secret_is_left_out() {
    let to = empty();
    let files = world().place.data().join("files");
    let report: Value =
        serde_json::from_str(&import(&to, &world().plain, &format!("--json --files {}", files.display())).good().out)
            .unwrap();
    assert_eq!(report["counts"]["key"]["created"], 0);
    assert!(report["counts"]["key"]["left_out"].as_i64().unwrap() > 0, "{report}");
    assert_eq!(report["counts"]["connection"]["left_out"], 1);
    assert_eq!(report["counts"]["connection_workspace"]["left_out"], 1, "it belongs to a connection");
    let hashes = world::number(&to, "SELECT count(*) FROM users WHERE password_hash IS NOT NULL");
    assert_eq!(hashes, 0);
    // Nor with secrets in the file, without the passphrase.
    let to = empty();
    import(&to, &world().full, "--without-files").good();
    assert_eq!(world::number(&to, "SELECT count(*) FROM users WHERE password_hash IS NOT NULL"), 0);
    assert_eq!(world::number(&to, "SELECT count(*) FROM model_versions WHERE sha256 IS NOT NULL"), 0);
    assert_eq!(world::number(&to, "SELECT count(*) FROM audit WHERE verb = 'transfer.import'"), 1);
}

#[test]
fn a_dry_run_changes_nothing() {
    let to = empty();
    let before = export(&to);
    let run = import(&to, &world().plain, "--dry-run --without-files").good();
    assert!(run.out.starts_with("KIND") && run.out.contains("\ntotal "), "{}", run.out);
    assert_eq!(run.err, "");
    assert_eq!(export(&to), before);
    assert_eq!(world::number(&to, "SELECT count(*) FROM audit WHERE verb = 'transfer.import'"), 0);
}

#[test]
fn files_of_models_are_needed_or_left_out_on_purpose() {
    let to = empty();
    let run = import(&to, &world().plain, "");
    assert!(
        run.code == 1 && run.out.contains("model_version sha256 must be of a file that this server has"),
        "{}",
        run.out
    );
    assert_eq!(world::number(&to, "SELECT count(*) FROM models"), 0);
    // A file that is not what its name says.
    let wrong = to.path().join("wrong");
    fs::create_dir(&wrong).unwrap();
    fs::write(wrong.join("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "abd").unwrap();
    let run = import(&to, &world().plain, "--files wrong");
    assert!(run.code == 1 && run.err.contains("is not the file of its name"), "{}", run.err);
    assert_eq!(world::number(&to, "SELECT count(*) FROM models"), 0);
    assert_eq!(names(&to.data()).iter().filter(|name| name.starts_with("import-")).count(), 0);
}

#[test]
fn what_is_there_is_matched_and_never_changed() {
    let to = empty();
    to.run("user add BOB@example.com --first-name Robert --password-stdin").good();
    to.sql(
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
             ml_models_enabled) SELECT id, 'vision', 'vision', 'ours', 1, 0, 0, 0 FROM organizations WHERE home = 1;
         INSERT INTO members (workspace_id, user_id, role, created_at) SELECT 1, id, 'owner', 0 FROM users;",
    );
    fs::write(to.path().join("pass"), "a long passphrase\n").unwrap();
    let hash =
        |place: &Place| world::text(place, "SELECT password_hash FROM users WHERE email_key = 'bob@example.com'");
    let before = hash(&to);
    let run = import(&to, &world().full, "--without-files --passphrase-file pass").good();
    assert!(run.out.contains("user bob@example.com: email, first_name"), "{}", run.out);
    assert!(run.out.contains("workspace vision: description"), "{}", run.out);
    assert_eq!(hash(&to), before, "the account keeps its password");
    assert_eq!(world::text(&to, "SELECT first_name FROM users WHERE email_key = 'bob@example.com'"), "Robert");
    assert_eq!(world::number(&to, "SELECT count(*) FROM workspaces WHERE name = 'vision'"), 1);
    let keys = "SELECT count(*) FROM keys WHERE user_id = (SELECT id FROM users WHERE email_key = 'bob@example.com')";
    assert_eq!(world::number(&to, keys), 0, "no key of another server acts for an account of this one");
    // Carol is a member of the workspace that was there.
    let carol = "SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id
                 WHERE m.workspace_id = 1 AND u.email = 'carol@example.com'";
    assert_eq!(world::number(&to, carol), 1);
    assert!(to.run("check").code == 0);
}

#[test]
fn nothing_is_imported_into_a_workspace_that_is_archived_here() {
    let to = empty();
    to.run("user add zed@example.com --password-stdin").good();
    to.sql(
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
             ml_models_enabled) SELECT id, 'vision', 'vision', 'ours', 1, 1, 0, 0 FROM organizations WHERE home = 1;
         INSERT INTO members (workspace_id, user_id, role, created_at) SELECT 1, id, 'owner', 0 FROM users;",
    );
    let run = import(&to, &world().plain, "--without-files").good();
    assert!(run.out.contains("its workspace is archived here; restore it first"), "{}", run.out);
    for table in ["members", "models", "pipelines", "projects", "tags", "connection_workspaces"] {
        let inside = world::number(&to, &format!("SELECT count(*) FROM {table} WHERE workspace_id = 1"));
        assert_eq!(inside, i64::from(table == "members"), "{table}");
        let there = format!(
            "SELECT count(*) FROM {table} WHERE workspace_id = (SELECT id FROM workspaces WHERE name = 'vision')"
        );
        assert!(world::number(&world().place, &there) > 0, "{table}: the file has none to leave out");
    }
    assert!(to.run("check").code == 0);
}

#[test]
fn the_order_of_the_lines_does_not_matter() {
    let all = lines(&world().plain);
    let (header, body) = (all[0].clone(), all[1..all.len() - 1].iter().rev().cloned().collect::<Vec<_>>());
    let to = empty();
    import(&to, &file(&header, &body), "--without-files").good();
    assert_eq!(
        world::number(&to, "SELECT count(*) FROM members"),
        world::number(&world().place, "SELECT count(*) FROM members")
    );
}

#[test]
fn a_file_that_exists_is_not_overwritten_and_a_failed_export_leaves_none() {
    let place = Place::with_ada();
    fs::write(place.path().join("out"), "precious").unwrap();
    let run = place.run("export out");
    assert!(run.code == 1 && run.err.contains("cannot create out: File exists"), "{}", run.err);
    assert_eq!(fs::read_to_string(place.path().join("out")).unwrap(), "precious");
    assert_eq!(place.run("export new --with-secrets").code, 2, "the passphrase is missing");
    let keyed = empty();
    fs::write(keyed.path().join("pass"), "short\n").unwrap();
    let run = keyed.run("export new --with-secrets --passphrase-file pass");
    assert!(run.code == 1 && run.err.contains("at least 12 characters"), "{}", run.err);
    assert!(!keyed.path().join("new").exists());
    assert!(!place.path().join("new").exists());
    place.run("export new").good();
    assert_eq!(crate::mode(&place.path().join("new")), 0o600);
    let full = support::atelier_on(&place.data())
        .args(["export", "/dev/full", "--data-dir"])
        .arg(place.data())
        .stdout(fs::File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(full.status.code(), Some(1));
    let run = support::atelier_on(&place.data())
        .args(["export", "--data-dir"])
        .arg(place.data())
        .stdout(fs::File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&run.stderr).contains("cannot write to stdout: No space left"), "a full disk");
}

#[test]
fn a_killed_import_leaves_nothing_and_the_next_one_does_everything() {
    let to = empty();
    fs::write(to.path().join("many.jsonl"), many_users(3000)).unwrap();
    let before = world::number(&to, "SELECT count(*) FROM users");
    for milliseconds in [50, 300, 700, 1200, 2000] {
        let mut child =
            to.atelier().args(["import", "many.jsonl"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        let users = world::number(&to, "SELECT count(*) FROM users");
        if users != before {
            assert_eq!(users, before + 3000, "all or nothing");
            break;
        }
    }
    let left = names(&to.data()).into_iter().filter(|name| name.starts_with("import-")).count();
    assert!(left <= 1, "at most an empty file, if it was killed at the very beginning");
    to.run("import many.jsonl").good();
    assert_eq!(world::number(&to, "SELECT count(*) FROM users"), before + 3000);
    assert!(to.run("check").code == 0);
}

#[test]
fn a_small_file_is_imported_beside_a_running_server_and_a_large_one_is_not() {
    let to = empty();
    let _server = Setup::new().data_dir(to.data()).without_admin().start();
    import(&to, &many_users(20), "").good();
    let run = import(&to, &many_users(20_001), "");
    assert!(run.code == 1 && run.err.contains("a server runs") && run.err.contains("stop the server"), "{}", run.err);
}
