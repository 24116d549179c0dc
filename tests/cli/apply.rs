//! `atelier apply`, `atelier plan` and `atelier export --as-apply`.

mod secrets;
mod taking;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{self, ADMIN, Server, Setup};
use crate::{Place, mode, names};

const EXAMPLE: &str = include_str!("../../examples/setup.toml");

/// A place with an administrator and these set-up files.
fn with(files: &[(&str, &str)]) -> Place {
    let place = Place::new();
    place.run("user add zed@example.com --admin --password-stdin").good();
    write(&place, files);
    place
}

fn write(place: &Place, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::write(place.path().join(name), text).unwrap();
    }
}

fn rows(place: &Place, table: &str) -> i64 {
    place.db().count(table)
}

/// Everything that a set-up could change.
fn contents(place: &Place) -> Vec<i64> {
    let tables = ["organizations", "users", "organization_members", "workspaces", "members", "roles", "bindings"];
    tables.iter().chain(&["clients", "keys", "audit"]).map(|table| rows(place, table)).collect()
}

#[test]
fn the_example_is_applied_once_and_then_nothing_differs() {
    let place = with(&[("setup.toml", EXAMPLE)]);
    fs::create_dir(place.path().join("secrets")).unwrap();
    let before = contents(&place);
    let plan = place.run("plan setup.toml");
    assert_eq!((plan.code, contents(&place)), (2, before.clone()), "{}", plan.err);
    assert!(plan.out.contains("+ workspace \"vision\" in \"Home\"\n"), "{}", plan.out);
    assert!(!plan.out.contains('\u{1b}'), "no colors without a terminal");
    let dry = place.run("apply setup.toml --dry-run").good();
    assert_eq!((&dry.out, contents(&place)), (&plan.out, before));

    let applied = place.run("apply setup.toml --secrets-dir secrets").good();
    assert!(applied.err.contains("21 to create, 1 to change, 0 to remove"), "{}", applied.err);
    assert!(applied.err.ends_with("applied; `atelier user invite-link EMAIL` makes a link for each new person\n"));
    let after = contents(&place);
    for line in ["plan setup.toml", "plan setup.toml --json", "apply setup.toml", "plan setup.toml --prune"] {
        let again = place.run(line).good();
        assert!(!again.out.contains("create") && !again.out.contains('+'), "{line}: {}", again.out);
    }
    let said = place.run("apply setup.toml").good().err;
    assert_eq!(said, "nothing to change: everything is as setup.toml declares it\n");
    assert_eq!(contents(&place), after, "nothing was written");

    // Each secret is in a file of its own, and nowhere else.
    let directory = place.path().join("secrets");
    let files = names(&directory);
    assert_eq!(files.len(), 2, "{files:?}");
    for file in &files {
        let text = fs::read_to_string(directory.join(file)).unwrap();
        assert_eq!(mode(&directory.join(file)), 0o600);
        assert!(!applied.out.contains(text.trim()) && !applied.err.contains(text.trim()));
        let prefix = if file.starts_with("client-") { "atlc_" } else { "atl_" };
        assert!(text.starts_with(prefix) && text.ends_with('\n'), "{file}");
    }
    // Each change has its row in the audit, in one transaction.
    assert!(place.run("audit verify").good().code == 0);
    assert!(place.run("user invite-link ada@example.com").good().out.contains("/auth/invitation?token="));
}

#[test]
fn a_server_sees_the_changes_at_once() {
    let mut server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("setup.toml");
    let text = format!(
        "[[workspaces]]\nname = \"vision\"\n[workspaces.members]\n\"{ADMIN}\" = \"owner\"\n\
         [[service_keys]]\nname = \"ci\"\nsecret_file = \"ci.key\"\nworkspaces = [{{ workspace = \"vision\", role = \"member\" }}]\n"
    );
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let output = server.cli(&["apply", file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key = fs::read_to_string(folder.path().join("ci.key")).unwrap();
    let client: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let spaces = || {
        let request = client.get(format!("{}/v2/spaces", server.base()));
        let mut answer = request.header("authorization", format!("Bearer {}", key.trim())).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json::<Value>().unwrap_or_default())
    };
    let (status, body) = spaces();
    assert_eq!((status, body["spaces"][0]["name"].as_str()), (200, Some("vision")), "{body}");
    assert_eq!(server.cli(&["plan", file]).status.code(), Some(0));

    fs::write(file, "service_keys = []\n").unwrap();
    assert_eq!(server.cli(&["apply", file, "--prune"]).status.code(), Some(1), "it has to ask");
    assert_eq!(spaces().0, 200);
    assert!(server.cli(&["apply", file, "--prune", "--yes"]).status.success());
    assert_eq!(spaces().0, 401, "revoked on the next request");
    assert!(server.stop().success());
}

#[test]
fn all_faults_are_told_at_once_and_exit_with_1() {
    let text = "[[people]]\nemail = \"x\"\nrol = \"member\"\n[[roles]]\nname = \"Curator\"\npermissions = [\"FLY\"]\n";
    let place = with(&[("setup.toml", text)]);
    let before = contents(&place);
    let words = "setup.toml cannot be applied:\n  \
                 setup.toml:2: people[0].email: must be an email address such as ada@example.com\n  \
                 setup.toml:3: people[0].rol: is not a key of a set-up file here; write role\n  \
                 setup.toml:6: roles[0].permissions[0]: is not a permission; docs/reference/roles-and-permissions.md lists \
                 them\nnothing was changed; correct the file and try again";
    for command in ["plan", "apply", "apply --dry-run"] {
        place.run(&format!("{command} setup.toml")).refused(1, words);
    }
    // What the file names has to exist, or to be declared.
    let text = r#"
[[workspaces]]
name = "a"
[[workspaces]]
name = "b"
organization = "Nowhere"
[[workspaces]]
name = "c"
[workspaces.members]
"zed@example.com" = "owner"
"eve@example.com" = "member"
[[bindings]]
person = "zed@example.com"
role = "Curator"
workspace = "d"
[[people]]
email = "zed@example.com"
[[people]]
email = "ZED@example.com"
"#;
    write(&place, &[("setup.toml", text)]);
    assert_eq!(place.run("plan --prun setup.toml").code, 1, "2 means that something differs");
    assert_eq!(place.run("apply --prun setup.toml").code, 2);
    let run = place.run("plan setup.toml");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    for fault in [
        "setup.toml:2: workspaces[0]: members: a new workspace needs a member with the role owner",
        "setup.toml:4: workspaces[1]: the organization \"Nowhere\" does not exist; add it to organizations",
        "setup.toml:11: workspaces[2].members.eve@example.com: eve@example.com is not a person of the server",
        "setup.toml:12: bindings[0]: the workspace \"d\" does not exist; add it to workspaces",
        "setup.toml:12: bindings[0]: the role \"Curator\" is neither",
        "setup.toml:18: people[1]: email: ZED@example.com is named twice",
    ] {
        assert!(run.err.contains(fault), "{fault}\n{}", run.err);
    }
    assert_eq!(contents(&place), before);
    let many = "[[people]]\n".repeat(60);
    write(&place, &[("setup.toml", &many)]);
    assert!(place.run("plan setup.toml").err.contains("\n  and 10 more\n"));
    fs::write(place.path().join("setup.toml"), b"\n\xff").unwrap();
    assert!(place.run("plan setup.toml").err.contains("line 2 is not valid UTF-8"));
    for missing in ["plan nowhere.toml", "plan .", "plan setup.toml --data-dir nowhere"] {
        assert_eq!(place.run(missing).code, 1, "{missing}");
    }
    assert_eq!(place.run_with("plan setup.toml", &[("ATELIER_WORKERS", "x")]).code, 1, "2 says that something differs");
}

#[test]
fn only_prune_removes_and_only_of_the_kinds_that_the_file_names() {
    let place = with(&[("setup.toml", EXAMPLE)]);
    fs::create_dir(place.path().join("secrets")).unwrap();
    place.run("apply setup.toml --secrets-dir secrets").good();
    write(&place, &[("less.toml", "workspaces = []\n")]);
    let before = contents(&place);
    assert_eq!(place.run("plan less.toml").good().out, "", "without --prune nothing goes");
    let plan = place.run("plan less.toml --prune");
    let expected = "- workspace \"vision\" in \"Home\"\n- workspace \"forecasts\" in \"Home\"\n- workspace \"papers\" in \
                    \"Research\"\n";
    assert_eq!((plan.code, plan.out.as_str()), (2, expected));
    let refused = place.run("apply less.toml --prune");
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .ends_with("that remove something or take rights away, which cannot be undone; confirm it with --yes\n"),
        "{}",
        refused.err
    );
    assert_eq!(contents(&place), before);
    place.run("apply less.toml --prune --yes").good();
    assert_eq!((rows(&place, "workspaces"), rows(&place, "organizations"), rows(&place, "bindings")), (0, 2, 0));

    // The last administrator and the home organization stay.
    write(
        &place,
        &[("nothing.toml", "people = []\norganizations = []\nroles = []\nclients = []\nservice_keys = []\n")],
    );
    let run = place.run("apply nothing.toml --prune --yes").good();
    assert!(
        run.err.contains("person zed@example.com is kept: the last administrator who can sign in\n"),
        "{}",
        run.err
    );
    assert!(run.err.contains("organization \"Home\" is kept: it is the home organization\n"), "{}", run.err);
    let people = place.json("user list --json");
    let open = people.as_array().unwrap().iter().filter(|one| one["status"] != "deleted").count();
    assert_eq!((open, rows(&place, "organizations"), rows(&place, "clients")), (1, 1, 4), "the built-in clients stay");
    assert_eq!(place.run("plan nothing.toml --prune").good().out, "");
}

#[test]
fn a_disabled_person_is_destructive_and_ids_stay() {
    let place = with(&[("setup.toml", EXAMPLE)]);
    fs::create_dir(place.path().join("secrets")).unwrap();
    place.run("apply setup.toml --secrets-dir secrets").good();
    let text = "[[people]]\nemail = \"BOB@example.com\"\nfirst_name = \"Robert\"\nenabled = false\n";
    write(&place, &[("bob.toml", text)]);
    let plan = place.json("apply bob.toml --dry-run --json");
    let change = json!({
        "action": "change", "kind": "person", "name": "bob@example.com", "in": null, "destructive": true,
        "fields": {
            "first_name": {"from": "Bob", "to": "Robert"}, "enabled": {"from": "true", "to": "false"},
        },
        "deletes": {}, "secret_file": null,
    });
    assert_eq!(plan, json!({ "changes": [change], "kept": [], "applied": false }));
    assert_eq!(place.run("apply bob.toml").code, 1);
    assert_eq!(place.json("apply bob.toml --yes --json")["applied"], json!(true));
    assert_eq!(place.json("plan bob.toml --json")["changes"], json!([]));
}

const CLIENT: &str = "[[clients]]\nid = \"a\"\ngrants = [\"password\"]\nsecret_file = \"a.secret\"\n";

#[test]
fn a_secret_goes_to_a_new_file_or_nothing_changes() {
    let place = with(&[("setup.toml", CLIENT), ("a.secret", "mine")]);
    let before = contents(&place);
    let run = place.run("apply setup.toml");
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("clients[0]: the file a.secret for the secret exists; it is not overwritten"),
        "{}",
        run.err
    );
    assert_eq!(fs::read_to_string(place.path().join("a.secret")).unwrap(), "mine");
    fs::remove_file(place.path().join("a.secret")).unwrap();
    std::os::unix::fs::symlink("elsewhere", place.path().join("a.secret")).unwrap();
    assert_eq!(place.run("apply setup.toml").code, 1, "a link that leads nowhere is a file, too");
    fs::remove_file(place.path().join("a.secret")).unwrap();

    // The second file cannot be written: the first one is removed, and no client is there.
    let second = CLIENT.replace("id = \"a\"", "id = \"b\"").replace("a.secret", "/proc/b.secret");
    write(&place, &[("setup.toml", &format!("{CLIENT}{second}"))]);
    let run = place.run("apply setup.toml");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("clients[1]: cannot write the secret to /proc/b.secret: "), "{}", run.err);
    assert!(run.err.ends_with("; nothing was changed\n"), "{}", run.err);
    assert!(!names(place.path()).contains(&"a.secret".to_owned()));
    let same = CLIENT.replace("id = \"a\"", "id = \"b\"");
    write(&place, &[("setup.toml", &format!("{CLIENT}{same}"))]);
    assert!(
        place.run("apply setup.toml").err.contains("clients[1]: the file a.secret is named for another secret, too")
    );
    let absent = CLIENT.replace("a.secret", "no/a.secret");
    write(&place, &[("setup.toml", &absent)]);
    assert!(place.run("apply setup.toml").err.contains("does not exist; create it first"));
    // A rule of the client: the verb refuses, and there is no file.
    write(&place, &[("setup.toml", &CLIENT.replace("\"password\"", "\"refresh_token\""))]);
    let run = place.run("apply setup.toml");
    let words = "error: setup.toml: clients[0]: grants: must contain a grant that starts a session, not refresh_token \
                 alone; nothing was changed\n";
    assert!(run.code == 1 && run.err.ends_with(words), "{}", run.err);
    assert_eq!(contents(&place), before);
    assert!(!names(place.path()).contains(&"a.secret".to_owned()));
    write(&place, &[("setup.toml", CLIENT)]);
    place.run("apply setup.toml").good();
    assert_eq!(mode(&place.path().join("a.secret")), 0o600);
}

#[test]
fn an_export_is_what_there_is_with_awkward_names_too() {
    let place = with(&[]);
    let long = "ü".repeat(255);
    let names = ["a \"quoted\" 'name' \\ #", "日本語 🙂", long.as_str(), "[[people]]", "= { }", "\u{7e}é"];
    let mut text =
        String::from("[[organizations]]\nname = \"Home\"\nhome = true\ndescription = \"line\\nbreak \\u007f\\t\"\n");
    let quoted = |name: &str| Value::from(name).to_string();
    for name in names {
        let name = quoted(name);
        write!(text, "[[organizations]]\nname = {name}\ndescription = {name}\n").unwrap();
        write!(
            text,
            "[[workspaces]]\norganization = {name}\nname = {name}\n[workspaces.members]\n\"'o#x'@example.com\" = \"owner\"\n"
        ).unwrap();
        write!(
            text,
            "[[service_keys]]\nname = {name}\nworkspaces = [{{ organization = {name}, workspace = {name}, role = \"reader\" }}]\n"
        ).unwrap();
    }
    let places: Vec<_> = names.iter().map(|name| format!("{} = \"admin\"", quoted(name))).collect();
    write!(
        text,
        "[[people]]\nemail = \"'o#x'@example.com\"\nfirst_name = {}\norganizations = {{ Home = \"member\", {} }}\n",
        quoted(&long),
        places.join(", ")
    )
    .unwrap();
    // A role with the name of a predefined one.
    text += "[[roles]]\nname = \"owner\"\npermissions = [\"SPACE_READ\"]\n[[workspaces]]\nname = \"w\"\narchived = true\n\
             [workspaces.members]\n\"zed@example.com\" = \"owner\"\n\"'o#x'@example.com\" = { named = \"owner\" }\n\
             [[bindings]]\nperson = \"zed@example.com\"\nrole = \"reader\"\nworkspace = \"w\"\n\
             [[clients]]\nid = \"a:b/c\"\nname = \"it's\"\ngrants = [\"client_credentials\"]\nservice_role = \"administrator\"\n";
    write(&place, &[("setup.toml", &text)]);
    fs::create_dir(place.path().join("s")).unwrap();
    place.run("apply setup.toml --secrets-dir s").good();
    place.sql(
        "INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at, service)
               SELECT user_id, name, randomblob(32), redacted, description, created_at, 0 FROM keys LIMIT 1",
    );
    let project = "INSERT INTO projects (workspace_id, name, name_key, kind, created_at, updated_at)
                   SELECT id, 'p', 'p', 'application', 0, 0 FROM workspaces WHERE name = 'w';
                   INSERT INTO bindings (role_id, user_id, project_id, created_at, updated_at)
                   SELECT r.id, u.id, p.id, 0, 0 FROM roles r, users u, projects p
                   WHERE r.name = 'owner' AND r.predefined IS NULL AND u.email = 'zed@example.com'";
    place.sql(project);
    place.run("export --as-apply out.toml").good();
    let out = fs::read_to_string(place.path().join("out.toml")).unwrap();
    assert_eq!(mode(&place.path().join("out.toml")), 0o600);
    assert!(out.contains("{ named = \"owner\" }") && out.contains("project = \"p\""), "{out}");
    for line in ["plan out.toml", "plan out.toml --prune", "plan setup.toml"] {
        let run = place.run(line);
        assert_eq!((run.code, run.out.as_str()), (0, ""), "{line}: {}", run.err);
    }
    assert_eq!(place.run("export --as-apply").good().out, out, "the same on stdout");
    assert_eq!(place.run("export --as-apply out.toml").code, 1, "an existing file stays");

    // The file makes the same on another server, apart from what it does not have.
    let other = with(&[("out.toml", &out.replace("project = \"p\"", ""))]);
    fs::create_dir(other.path().join("s")).unwrap();
    let text = fs::read_to_string(other.path().join("out.toml")).unwrap();
    let without = text.split("\n[[bindings]]").next().unwrap().to_owned()
        + "\n[[clients]]"
        + text.split_once("\n[[clients]]").unwrap().1;
    write(&other, &[("out.toml", &without)]);
    other.run("apply out.toml --secrets-dir s").good();
    assert_eq!(other.run("plan out.toml --prune").good().out, "");
}

fn start(dir: &Path, file: &Path) -> std::process::Output {
    // A server that starts would not end.
    drop(support::atelier_on_new(dir));
    let mut command = Command::new("timeout");
    command.envs(support::database_of(dir).map(|address| ("ATELIER_DATABASE", address)));
    command.args(["20", env!("CARGO_BIN_EXE_atelier"), "serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(dir).arg("--setup-file").arg(file).output().unwrap()
}

#[test]
fn the_first_start_applies_the_configured_file_or_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("setup.toml"));
    fs::write(&file, "[[people]]\nemail = \"x\"\n").unwrap();
    let failed = start(&data, &file);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let words = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(words.contains("setup.toml:2: people[0].email: must be an email address"), "{words}");
    // A fault that only the plan sees, and a secret without a file.
    for text in ["[[workspaces]]\nname = \"a\"\n", "[[clients]]\nid = \"a\"\ngrants = [\"password\"]\n"] {
        fs::write(&file, text).unwrap();
        let failed = start(&data, &file);
        assert_eq!(failed.status.code(), Some(1), "{failed:?}");
        assert!(!data.join("first-admin.txt").exists(), "no administrator was created");
    }
    let text = "[[workspaces]]\nname = \"vision\"\n[workspaces.members]\n\"ada@example.com\" = \"owner\"\n\
                [[clients]]\nid = \"a\"\ngrants = [\"password\"]\nsecret_file = \"a.secret\"\n";
    fs::write(&file, text).unwrap();
    let args = ["--setup-file", file.to_str().unwrap()];
    let mut server = Setup::new().args(&args).data_dir(&data).start();
    let secret = fs::read_to_string(folder.path().join("a.secret")).unwrap();
    assert!(!server.log().contains(secret.trim()));
    assert_eq!(server.cli(&["plan", args[1]]).status.code(), Some(0));
    assert!(server.stop().success());
    // Later starts leave it alone.
    fs::write(&file, "[[people]]\nemail = \"x\"\n").unwrap();
    let mut server = Setup::new().args(&args).data_dir(&data).start();
    assert!(server.stop().success());
    assert!(server.log().contains("is applied at the first start only"), "{}", server.log());
}

/// Runs a command on a terminal, on which this is typed.
fn on_terminal(place: &Place, line: &str, typed: &str, variables: &[(&str, &str)]) -> (i32, String) {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = Command::new("script");
    let command = command.args(["--quiet", "--return", "--command"]);
    command.arg(format!("{} {line}", env!("CARGO_BIN_EXE_atelier"))).arg("/dev/null");
    command.current_dir(place.path()).env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
    command.envs(place.variables());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_terminal_shows_colors_and_is_asked() {
    let place = with(&[
        ("a.toml", "[[roles]]\nname = \"Curator\"\npermissions = [\"SPACE_READ\"]\n"),
        ("b.toml", "roles = []\n"),
    ]);
    let (code, shown) = on_terminal(&place, "plan a.toml", "", &[]);
    assert!(code == 2 && shown.contains("\u{1b}[32m+ role \"Curator\"\u{1b}[0m"), "{shown}");
    let (_, shown) = on_terminal(&place, "plan a.toml", "", &[("NO_COLOR", "1")]);
    assert!(!shown.contains('\u{1b}') && shown.contains("+ role \"Curator\""), "{shown}");
    place.run("apply a.toml").good();
    let (code, shown) = on_terminal(&place, "apply b.toml --prune", "no\n", &[]);
    assert!(
        code == 1 && shown.contains("that remove something or take rights away? This cannot be undone. [y/N]"),
        "{shown}"
    );
    assert_eq!(rows(&place, "roles"), 5);
    let (code, shown) = on_terminal(&place, "apply b.toml --prune", "yes\n", &[]);
    assert!(code == 0, "{shown}");
    assert_eq!(rows(&place, "roles"), 4);
}

#[test]
fn of_commands_at_the_same_time_one_applies_and_the_others_leave_nothing() {
    let place = with(&[("setup.toml", EXAMPLE)]);
    let run = |turn: usize| {
        let directory = format!("secrets{turn}");
        fs::create_dir(place.path().join(&directory)).unwrap();
        let run = place.run(&format!("apply setup.toml --secrets-dir {directory}"));
        (run, names(&place.path().join(&directory)).len())
    };
    let runs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|turn| {
                scope.spawn({
                    let run = &run;
                    move || run(turn)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let applied: Vec<_> = runs.iter().filter(|(run, _)| run.err.contains("\napplied; ")).collect();
    assert_eq!(applied.len(), 1);
    for (run, secrets) in &runs {
        let is_applied = run.err.contains("\napplied; ");
        assert_eq!(*secrets, if is_applied { 2 } else { 0 }, "{}", run.err);
        let is_late = run.err.contains("the server has changed since") || run.err.contains("nothing to change");
        assert!(is_applied || is_late, "{}", run.err);
    }
    assert_eq!(place.run("plan setup.toml").code, 0);
    assert_eq!((rows(&place, "clients"), rows(&place, "keys")), (5, 1));
}

#[test]
fn a_file_archives_and_restores_workspaces_and_changes_nothing_in_an_archived_one() {
    let file = |archived: &str, more: &str| {
        format!(
            "[[workspaces]]\nname = \"vision\"\n{archived}\n{more}\n[workspaces.members]\n\"zed@example.com\" = \"owner\"\n"
        )
    };
    let (yes, no, other) = ("archived = true", "archived = false", "description = \"other\"");
    let bound = "[[people]]\nemail = \"bob@example.com\"\n[[bindings]]\nperson = \"bob@example.com\"\nrole = \"reader\"\n\
                 workspace = \"vision\"\n[[service_keys]]\nname = \"robot\"\n\
                 workspaces = [{ workspace = \"vision\", role = \"reader\" }]\n";
    let place = with(&[
        ("open.toml", &file(no, "")),
        ("archived.toml", &file(yes, "")),
        ("changed.toml", &file("", other)),
        ("both.toml", &file(yes, other)),
        ("restored.toml", &file(no, "description = \"back\"")),
        ("bound.toml", &(file("", "") + bound)),
    ]);
    fs::create_dir(place.path().join("s")).unwrap();
    let verbs =
        |place: &Place| place.db().rows("SELECT verb FROM audit WHERE kind = 'workspace' ORDER BY id", []).join(" ");
    place.run("apply archived.toml").good();
    assert_eq!(verbs(&place), "workspaces.create workspaces.archive");
    assert_eq!(place.run("plan archived.toml").good().out, "");
    let rule = "the workspace is archived; declare archived = false for it, which restores it";
    for name in ["changed.toml", "both.toml"] {
        let run = place.run(&format!("plan {name}"));
        assert!(run.code == 1 && run.err.contains(rule), "{name}: {}", run.err);
        assert_eq!(place.run(&format!("apply {name} --yes")).code, 1);
    }
    let run = place.run("plan bound.toml");
    assert_eq!((run.code, run.err.matches(rule).count()), (1, 2), "the binding and the key: {}", run.err);
    assert_eq!(verbs(&place), "workspaces.create workspaces.archive", "nothing was changed");

    // It is restored before it is changed, and changed before it is archived.
    place.run("apply restored.toml").good();
    assert_eq!(verbs(&place), "workspaces.create workspaces.archive workspaces.restore workspaces.change");
    place.run("apply bound.toml --secrets-dir s").good();
    let run = place.run("apply both.toml");
    assert!(run.code == 1 && run.err.contains("--yes"), "archiving takes rights away: {}", run.err);
    place.run("apply both.toml --yes").good();
    assert!(verbs(&place).ends_with(" workspaces.change workspaces.archive"), "{}", verbs(&place));
    place.run("export --as-apply out.toml").good();
    let out = fs::read_to_string(place.path().join("out.toml")).unwrap();
    assert!(out.contains("archived = true"), "{out}");
    assert_eq!(place.run("plan out.toml --prune").good().out, "");
}
