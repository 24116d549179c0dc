//! Configuration, usage errors and help of the command line.

use std::fs;

use crate::Place;

#[test]
fn check_shows_effective_values_and_their_sources() {
    let place = Place::new();
    fs::write(place.path().join("a.toml"), "\nworkers = 2\n").unwrap();
    let variables = [("ATELIER_ADMIN_PASSWORD", "hunter2"), ("ATELIER_CONFIG", "a.toml")];
    let out = place.run_with("check --keep-alive 30s", &variables);
    let data = out.out;
    let line = |key: &str| {
        let line = data.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("workers"), "workers = 2 # a.toml:2");
    assert_eq!(line("keep_alive"), "keep_alive = \"30s\" # --keep-alive");
    assert_eq!(line("admin_password"), "admin_password = \"***\" # ATELIER_ADMIN_PASSWORD");
    assert_eq!(line("readers"), "readers = 4 # default");
    assert!(!data.contains("hunter2"));

    let out = place.run_with("check --json", &variables);
    let shown: serde_json::Value = serde_json::from_str(&out.out).unwrap();
    let row = serde_json::json!({"key": "workers", "value": "2", "from": "a.toml:2"});
    assert!(shown["configuration"].as_array().unwrap().contains(&row));
}

#[test]
fn wrong_usage_exits_2_with_a_message_on_stderr() {
    let place = Place::new();
    fs::write(place.path().join("a.toml"), "\nworkers = \"two\"\n").unwrap();
    let out = place.run_with("serve --config a.toml", &[]);
    assert_eq!((out.code, out.out.as_str()), (2, ""));
    assert!(out.err.starts_with("error: `workers` (a.toml:2) must be a whole number"));
    assert!(!place.path().join("atelier-data").exists(), "a server that cannot start makes nothing");

    let out = place.run_with("serve --no-such-flag", &[]);
    assert_eq!((out.code, out.out.as_str()), (2, ""));
    let out = place.run_with("check", &[("ATELIER_DATADIR", "x")]);
    assert_eq!(out.code, 2);
    assert!(out.err.contains("write ATELIER_DATA_DIR or unset ATELIER_DATADIR"));
}

#[test]
fn a_missing_data_directory_is_reported() {
    let place = Place::new();
    let out = place.run_with("user list --data-dir nowhere", &[]);
    assert_eq!((out.code, out.out.as_str()), (1, ""));
    assert!(out.err.starts_with("error: there is no atelier database in nowhere; "));
    assert!(!place.path().join("nowhere").exists());
}

#[test]
fn help_is_on_stdout_and_exits_0() {
    let place = Place::new();
    for line in ["--help", "serve --help", "user add --help", "--version"] {
        let out = place.run_with(line, &[]);
        assert_eq!((out.code, out.err.as_str()), (0, ""), "{line}");
        assert!(out.out.contains("atelier"), "{line}");
    }
}
