//! Mistakes of people, and what they are told.

use std::fs;

use serde_json::json;

use crate::{Place, chmod, mode, names};

#[test]
fn the_settings_of_a_workspace_are_changed_one_by_one() {
    let place = Place::with_ada();
    place.run("workspace create vision --owner ada@example.com").good();
    let settings = || {
        let shown = place.json("workspace show vision --json");
        let names = ["ml_models_enabled", "gradient_start_color", "gradient_end_color", "llm_integration", "llm_model"];
        let found: Vec<_> = names.iter().chain(&["agent_runtime"]).map(|name| shown[*name].clone()).collect();
        json!(found)
    };
    assert_eq!(settings(), json!([false, null, null, null, null, null]));
    let words = "the workspace Home/vision has the new settings\n";
    assert_eq!(place.run("workspace set vision --ml-models yes --gradient-start-color #1e90ff").good().err, words);
    place.run("workspace set Home/vision --llm-integration openai --llm-model gpt --agent-runtime r1").good();
    place.run("workspace set 1 --gradient-end-color #fff").good();
    assert_eq!(settings(), json!([true, "#1e90ff", "#fff", "openai", "gpt", "r1"]));
    place.run("workspace set vision --ml-models no --llm-integration= --gradient-start-color=").good();
    assert_eq!(settings(), json!([false, null, "#fff", null, null, "r1"]));
    for (line, words) in [
        ("", "nothing to change; give a setting, see `atelier workspace set --help`"),
        ("--llm-integration a", "--llm-integration and --llm-model belong together"),
        ("--llm-integration= --llm-model a", "--llm-integration and --llm-model belong together"),
        ("--llm-model a", "the following required arguments were not provided"),
        ("--ml-models maybe", "invalid value 'maybe'"),
        (&format!("--agent-runtime {}", "x".repeat(256)), "--agent-runtime: must have at most 255 characters"),
    ] {
        let run = place.run(&format!("workspace set vision {line}"));
        assert!(run.code == 2 && run.err.starts_with(&format!("error: {words}")), "{line}: {}", run.err);
    }
    assert_eq!(settings(), json!([false, null, "#fff", null, null, "r1"]), "nothing was changed");
    place.run("workspace archive vision").good();
    let run = place.run("workspace set vision --ml-models yes");
    assert!(run.code == 1 && run.err.contains("archived"), "{}", run.err);
}

#[test]
fn a_name_that_commands_take_for_another_thing_is_told() {
    let place = Place::with_ada();
    let run = place.run("org create 77").good();
    let words = "the organization 77 is created; `atelier org add-member 2 EMAIL --role admin` adds an admin\n";
    assert_eq!((run.out.as_str(), run.err.as_str()), ("2\n", words));
    place.run("org add-member 2 ada@example.com --role admin").good();
    for name in ["owner", "12"] {
        let run = place.run(&format!("role create {name} --permission PROJECT_READ"));
        if run.code == 0 {
            let id = run.out.trim_end();
            let words = format!("commands take {name:?} for another role or an id; name this one by its id, {id}\n");
            assert!(run.err.ends_with(&words), "{}", run.err);
            assert_eq!(place.json(&format!("role show {id} --json"))["name"], name);
        } else {
            assert!(run.err.contains("already exists"), "{}", run.err);
        }
    }
    assert!(!place.run("role create tracer --permission PROJECT_READ").good().err.contains("by its id"));
}

#[test]
fn a_question_that_nothing_can_answer_is_refused() {
    let place = Place::with_ada();
    place.run("client add grafana --redirect-uri https://grafana.example/cb").good();
    place
        .run("client update grafana")
        .refused(2, "nothing to change; give an option, see `atelier client update --help`");
    place
        .run("audit list --since 2027-01-31 --until 2027-01-01")
        .refused(2, "--since is later than --until; exchange them");
    let run = place.run("audit list --object workspaces/7");
    let words = "error: --object: there is no kind \"workspaces\"; the kinds are user, workspace, ";
    assert!(run.code == 2 && run.err.starts_with(words), "{}", run.err);
    assert_eq!(place.json("audit list --object client --json").as_array().unwrap().len(), 1);
}

#[test]
fn a_directory_in_the_place_of_a_file_is_told() {
    let place = Place::with_ada();
    place.run("export atelier-data").refused(2, "atelier-data is a directory; name a new file, such as one in it");
    let words = "atelier-data is a data directory; give the directory of the backups";
    place.run("backup list atelier-data").refused(2, words);
    place.run("backup b.tar").good();
    let run = place.run_with("backup verify b.tar", &[("TMPDIR", "/nonexistent/tmp")]);
    assert_eq!(run.err, "error: TMPDIR /nonexistent/tmp is not a directory; create it, or set another one\n");
    assert!(run.code == 1 && !std::path::Path::new("/nonexistent").exists());
}

#[test]
fn a_directory_that_gets_secrets_is_closed_to_others() {
    let place = Place::with_ada();
    place.run("backup b.tar").good();
    let target = place.path().join("volume");
    fs::create_dir(&target).unwrap();
    chmod(&target, 0o755);
    place.run("restore b.tar --data-dir volume --dry-run").good();
    assert_eq!((mode(&target), names(&target)), (0o755, Vec::new()));
    place.run("restore b.tar --data-dir volume").good();
    assert_eq!(mode(&target), 0o700);
}

#[test]
fn a_quotation_mark_that_is_never_closed_is_found() {
    let place = Place::with_ada();
    for (text, line) in [
        ("email,first_name\na@example.com,Al\nb@example.com,\"Bo\nc@example.com,Cy\n", 3),
        ("\"email,first_name\na@example.com,Al\n", 1),
        ("email,first_name\na@example.com,\"A\"\"l\n", 2),
    ] {
        fs::write(place.path().join("people.csv"), text).unwrap();
        let run = place.run("import people people.csv --dry-run");
        let words = format!("line {line}: a quotation mark begins a field and is never closed");
        assert!(run.code == 2 && run.err.contains(&words), "{text}: {}", run.err);
    }
    let text = "email,first_name\na@example.com,\"A \"\"l\"\"\"\nb@example.com,B \"\" o\nc@example.com,\"\"\n";
    fs::write(place.path().join("people.csv"), text).unwrap();
    place.run("import people people.csv --dry-run").good();
}

#[test]
fn a_user_of_keycloak_who_loses_the_id_is_told() {
    let place = Place::with_ada();
    let user = |more| {
        let mut user = json!({ "username": "x", "enabled": true, "emailVerified": true });
        for (key, value) in serde_json::Value::as_object(&more).unwrap() {
            user[key] = value.clone();
        }
        user
    };
    let uuid = "0b0c0d0e-0000-4000-8000-000000000001";
    let users = [
        user(json!({ "id": uuid, "email": "a@example.com" })),
        user(json!({ "id": "f:ldap:bob", "email": "b@example.com" })),
        user(json!({ "email": "c@example.com" })),
    ];
    fs::write(place.path().join("realm.json"), json!({ "realm": "lab", "users": users }).to_string()).unwrap();
    let shown = place.run("import keycloak realm.json --dry-run").good().out;
    let line = |email: &str| shown.lines().find(|line| line.contains(email)).unwrap().to_owned();
    let other = "gets a new one, and is somebody else to apps that know users by `sub`";
    assert!(!line("a@example.com").contains(other), "{shown}");
    assert!(line("b@example.com").contains(&format!("has the id f:ldap:bob, not a UUID: {other}")), "{shown}");
    assert!(line("c@example.com").contains(&format!("has no id: {other}")), "{shown}");
    place.run("import keycloak realm.json --yes").good();
    assert_eq!(place.json("user show a@example.com --json")["id"], uuid);
}

#[test]
fn the_wrong_file_for_the_map_of_keycloak_is_not_printed() {
    let place = Place::with_ada();
    fs::write(place.path().join("realm.json"), json!({ "realm": "lab" }).to_string()).unwrap();
    let secret = "oPOLUFtA8mvtIbvYrh0Qu3t61Du5tvJ4fzbwa8gx984";
    for text in [
        format!("{{\"secretData\": \"{secret}\"}}\n"),
        format!("[[group]]\npath = \"/ml\"\nsecretData = \"{secret}\"\n"),
        format!("group = \"{secret}\"\n"),
        format!("[[group]]\npath = \"/ml\"\nrole = [\"{secret}\"]\n"),
        format!("a = \"{secret}\n"),
    ] {
        fs::write(place.path().join("map.toml"), &text).unwrap();
        let run = place.run("import keycloak realm.json --groups map.toml --dry-run");
        assert!(run.code == 2 && !run.err.contains(&secret[4..20]), "{text}: {}", run.err);
        assert!(run.err.contains("--groups needs a TOML file with tables [[group]] and [[role]]"), "{}", run.err);
    }
    fs::write(place.path().join("list.json"), "7").unwrap();
    let run = place.run("import keycloak list.json --dry-run");
    assert!(run.code == 2 && run.err.contains("expected the JSON object of a realm"), "{}", run.err);
}

#[test]
fn a_link_that_works_on_one_machine_only_says_so() {
    let place = Place::with_ada();
    let run = place.run("user invite ina@example.com").good();
    assert!(
        run.err.contains("no server runs and public_url is not set, so the link works on this machine only"),
        "{}",
        run.err
    );
    let set = [("ATELIER_PUBLIC_URL", "https://atelier.example")];
    let run = place.run_with("user invite ira@example.com", &set).good();
    assert!(!run.err.contains("this machine only") && run.out.starts_with("https://atelier.example/"), "{}", run.err);
}
