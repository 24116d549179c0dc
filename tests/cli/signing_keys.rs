//! `atelier signing-key`, and the sources of the master key.

use std::fs;

use serde_json::Value;

use crate::support::Setup;
use crate::{Place, Run, chmod, names};

/// A directory in which a server has run and stopped.
fn served() -> Place {
    served_with(Setup::new())
}

/// The same, set up like this.
fn served_with(setup: Setup) -> Place {
    let place = Place::new();
    let mut server = setup.args(&["--signing-algorithm", "EdDSA"]).data_dir(place.data()).start();
    assert!(server.stop().success());
    place
}

/// The text of a master key.
fn text(byte: u8) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode([byte; 32])
}

#[track_caller]
fn failed(run: &Run, words: &[&str]) {
    assert!(run.code != 0 && run.out.is_empty(), "{}", run.out);
    for words in words {
        assert!(run.err.contains(words), "{words:?} is not in {}", run.err);
    }
}

#[test]
fn keys_are_listed_and_rotated_without_a_server() {
    let place = served();
    let states = |list: &Value| -> Vec<(String, String)> {
        let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(|key| (text(key, "state"), text(key, "kid"))).collect()
    };
    let before = states(&place.json("signing-key list --json"));
    assert_eq!(before.iter().map(|key| key.0.as_str()).collect::<Vec<_>>(), ["active", "next"]);
    let run = place.run("signing-key rotate").good();
    assert_eq!(run.out.trim_end(), before[1].1);
    let after = states(&place.json("signing-key list --json"));
    assert_eq!(after.iter().map(|key| key.0.as_str()).collect::<Vec<_>>(), ["active", "next", "retired"]);
    assert_eq!((&after[0].1, &after[2].1), (&before[1].1, &before[0].1));
    assert_eq!(run.err, format!("the key on stdout signs from now on; {} is the next key\n", after[1].1));
    let listed = place.run("signing-key list").good().out;
    assert!(listed.starts_with("KID "), "{listed}");
    assert_eq!(listed.lines().count(), 4);
    assert!(listed.lines().nth(3).unwrap().contains("  EdDSA      retired  2"), "{listed}");
    let told = place.json("signing-key list --json");
    let mut fields: Vec<_> = told[2].as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["activated_at", "algorithm", "created_at", "ends_at", "kid", "retired_at", "state"]);
    assert_eq!((&told[0]["ends_at"], told[2]["ends_at"].is_string()), (&Value::Null, true));
}

#[test]
fn there_are_no_signing_keys_before_the_first_start() {
    let place = Place::with_ada();
    let none = "there is no signing key yet; start the server once to create it";
    place.run("signing-key rotate").refused(1, none);
    assert!(!names(&place.data()).contains(&"master.key".to_owned()), "and no master key is made");
    let list = place.run("signing-key list").good();
    assert_eq!((list.out.as_str(), list.err.contains("there are no signing keys")), ("", true));
}

#[test]
fn the_old_name_of_the_command_still_works() {
    let place = Place::with_ada();
    place.run("keys list").good();
    let help = place.run("--help").good().out;
    assert!(help.contains("\n  signing-key  ") && !help.contains("\n  keys "), "{help}");
}

#[test]
fn the_help_distinguishes_signing_keys_from_api_keys() {
    let help = Place::new().run("--help").good().out;
    assert!(help.contains("Manage API keys") && help.contains("Manage the keys that sign tokens"), "{help}");
    assert!(help.contains("For API keys, see `key`"), "{help}");
}

#[test]
fn a_master_key_is_read_from_a_file_a_variable_or_a_credential() {
    let key = tempfile::tempdir().unwrap();
    let file = key.path().join("atelier-master-key");
    fs::write(&file, text(1)).unwrap();
    chmod(&file, 0o400);
    let sources = [
        ("ATELIER_MASTER_KEY", text(1), "master_key (ATELIER_MASTER_KEY)".to_owned()),
        (
            "ATELIER_MASTER_KEY_FILE",
            file.display().to_string(),
            format!("master_key_file {} (ATELIER_MASTER_KEY_FILE)", file.display()),
        ),
        (
            "CREDENTIALS_DIRECTORY",
            key.path().display().to_string(),
            format!("the systemd credential {}", file.display()),
        ),
    ];
    for (name, value, shown) in &sources {
        // systemd gives a credential a mode of its own.
        chmod(&file, if *name == "CREDENTIALS_DIRECTORY" { 0o440 } else { 0o400 });
        let place = served_with(Setup::new().env(name, value));
        assert!(!names(&place.data()).contains(&"master.key".to_owned()), "{name}");
        place.run_with("signing-key rotate", &[(name, value)]).good();
        let check = place.run_with("check", &[(name, value)]).good();
        assert!(check.out.contains(&format!("{shown}, opens 3 signing keys")), "{}", check.out);
        assert!(!check.out.contains(&text(1)), "{}", check.out);

        // Without it, and with another one, nothing is done and nothing created.
        let before = fs::read(place.database()).unwrap();
        let other = text(2);
        for line in ["signing-key rotate", "serve --listen 127.0.0.1:0"] {
            failed(&place.run(line), &["atelier-data/master.key is missing: restore it from the backup"]);
            let wrong = place.run_with(line, &[("ATELIER_MASTER_KEY", &other)]);
            failed(
                &wrong,
                &["master_key (ATELIER_MASTER_KEY) does not open the signing key ", "sealed under the master key "],
            );
            assert!(!wrong.err.contains(&other), "{}", wrong.err);
        }
        let check = place.run_with("check", &[("ATELIER_MASTER_KEY", &other)]);
        assert_eq!(check.code, 1);
        assert!(check.out.contains("it does not open the signing key"), "{}", check.out);
        assert!(!names(&place.data()).contains(&"master.key".to_owned()), "{name}");
        let rows = |bytes: &[u8]| bytes.len();
        assert_eq!(rows(&fs::read(place.database()).unwrap()), rows(&before));
    }
}

#[test]
fn a_source_without_a_key_is_reported() {
    let place = served();
    let key = tempfile::tempdir().unwrap();
    let file = key.path().join("atelier-master-key");
    let path = file.display().to_string();
    let by_file: &[(&str, &str)] = &[("ATELIER_MASTER_KEY_FILE", &path)];
    failed(&place.run_with("signing-key rotate", by_file), &[&format!("the master key {path} is missing")]);
    assert!(!file.exists(), "none is made there");
    fs::write(&file, text(1)).unwrap();
    chmod(&file, 0o644);
    failed(&place.run_with("signing-key rotate", by_file), &["can be read or changed by other users (mode 0644)"]);
    fs::write(&file, "nonsense").unwrap();
    let directory = key.path().display().to_string();
    let credential = [("CREDENTIALS_DIRECTORY", directory.as_str())];
    failed(&place.run_with("signing-key rotate", &credential), &["the systemd credential ", "is malformed"]);
    failed(
        &place.run_with("signing-key rotate", &[("ATELIER_MASTER_KEY", "nonsense")]),
        &["master_key (ATELIER_MASTER_KEY) is malformed: a master key must be one line of base64 that encodes 32 \
             bytes"],
    );
    let one = text(1);
    for both in [
        [("ATELIER_MASTER_KEY", one.as_str()), ("ATELIER_MASTER_KEY_FILE", path.as_str())],
        [("ATELIER_MASTER_KEY", one.as_str()), ("CREDENTIALS_DIRECTORY", directory.as_str())],
        [("ATELIER_MASTER_KEY_FILE", path.as_str()), ("CREDENTIALS_DIRECTORY", directory.as_str())],
    ] {
        for line in ["signing-key rotate", "serve --listen 127.0.0.1:0"] {
            let run = place.run_with(line, &both);
            assert!(run.code == 2 && run.out.is_empty(), "{}", run.err);
            assert!(run.err.contains("must not be set together") || run.err.contains("two master keys are given"));
            assert!(!run.err.contains(&one), "{}", run.err);
        }
    }
    // An idle one in the data directory is pointed out; another one than it is never taken for it.
    let idle = place.run_with("check", &[("ATELIER_MASTER_KEY", &one)]);
    assert!(idle.out.contains("./atelier-data/master.key also exists but is not used"), "{}", idle.out);
    place.run("signing-key rotate").good();
}

/// Runs `atelier master-key rotate` with a new key on stdin and the old one in the environment.
fn rotate(place: &Place, old: u8, new: u8) -> Run {
    let variables = [("ATELIER_MASTER_KEY", text(old))];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    crate::run_in(place.path(), "master-key rotate --new-key-stdin", &text(new), &variables)
}

#[test]
fn an_external_master_key_is_replaced_by_a_given_one() {
    let place = served_with(Setup::new().env("ATELIER_MASTER_KEY", text(1)));
    let with = |key: u8, line: &str| place.run_with(line, &[("ATELIER_MASTER_KEY", &text(key))]);
    failed(
        &with(1, "master-key rotate"),
        &["comes from master_key (ATELIER_MASTER_KEY)", "--new-key-file or --new-key-stdin"],
    );
    failed(&rotate(&place, 1, 1), &["the new key is already in use"]);
    failed(&rotate(&place, 3, 2), &["the signing keys were not sealed under"]);
    let run =
        crate::run_in(place.path(), "master-key rotate --new-key-stdin", "short", &[("ATELIER_MASTER_KEY", &text(1))]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);

    // A server that has its key from elsewhere could not follow.
    let mut server = Setup::new()
        .env("ATELIER_MASTER_KEY", text(1))
        .args(&["--signing-algorithm", "EdDSA"])
        .data_dir(place.data())
        .start();
    failed(&rotate(&place, 1, 2), &["the running server (process ", "stop the server first"]);
    assert!(server.stop().success());

    let run = rotate(&place, 1, 2).good();
    assert_eq!(run.out.trim_end().len(), 16);
    let wanted = "replace master_key (ATELIER_MASTER_KEY) with the new key before the server starts again";
    assert!(
        run.err.contains("2 signing keys, 0 second factors and 0 connections were resealed")
            && run.err.contains(wanted),
        "{}",
        run.err
    );
    // To do it again, as after a kill, does no harm.
    let again = rotate(&place, 1, 2).good();
    assert_eq!(again.out, run.out);
    assert!(again.err.contains("0 signing keys, 0 second factors and 0 connections were resealed"), "{}", again.err);
    assert_eq!(with(1, "check").code, 1);
    assert!(with(2, "check").good().out.contains("opens 2 signing keys"));
    let mut server = Setup::new().env("ATELIER_MASTER_KEY", text(2)).data_dir(place.data()).start();
    assert!(server.stop().success());
    assert!(!names(&place.data()).iter().any(|name| name.starts_with("master.key")));
}

#[test]
fn a_master_key_in_a_configured_file_is_replaced_there() {
    let key = tempfile::tempdir().unwrap();
    let file = key.path().join("key");
    fs::write(&file, text(1)).unwrap();
    chmod(&file, 0o600);
    let path = file.display().to_string();
    let place = served_with(Setup::new().env("ATELIER_MASTER_KEY_FILE", &path));
    // A server that reads it by the same file follows, and one by another does not.
    let server = Setup::new().env("ATELIER_MASTER_KEY_FILE", &path).data_dir(place.data()).start();
    let run = place.run_with("master-key rotate", &[("ATELIER_MASTER_KEY_FILE", &path)]).good();
    assert_eq!(names(key.path()).len(), 2, "the new one and the old one");
    assert!(!fs::read_to_string(&file).unwrap().contains(&text(1)));
    assert!(run.err.contains(&format!("the old key is kept in {}.", file.display())), "{}", run.err);
    place.run_with("signing-key rotate", &[("ATELIER_MASTER_KEY_FILE", &path)]).good();
    let other = key.path().join("other");
    fs::copy(&file, &other).unwrap();
    let run = place.run_with("master-key rotate", &[("ATELIER_MASTER_KEY_FILE", &other.display().to_string())]);
    failed(&run, &["stop the server first"]);
    drop(server);

    // A given new key is written there; if that is impossible, the error has the next step.
    fs::write(key.path().join("given"), text(9)).unwrap();
    let line = format!("master-key rotate --new-key-file {}", key.path().join("given").display());
    place.run_with(&line, &[("ATELIER_MASTER_KEY_FILE", &path)]).good();
    assert!(fs::read_to_string(&file).unwrap().contains(&text(9)));
    let nowhere = format!("master-key rotate --new-key-file {}", key.path().join("none").display());
    failed(&place.run_with(&nowhere, &[("ATELIER_MASTER_KEY_FILE", &path)]), &["cannot read the new key from"]);
    failed(
        &place.run_with(&line.replace("given", "given --new-key-stdin"), &[("ATELIER_MASTER_KEY_FILE", &path)]),
        &["cannot be used with"],
    );
}

#[test]
fn there_is_no_master_key_before_the_first_start() {
    let place = Place::with_ada();
    place.run("master-key rotate").refused(1, "there is no signing key yet; start the server once to create it");
    assert!(!names(&place.data()).iter().any(|name| name.starts_with("master.key")));
}
