//! `atelier init`: the questions of a first set-up.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::Place;
use crate::confirming::on_terminal;
use crate::support::Setup;

#[test]
fn the_questions_are_asked_on_a_terminal_and_their_answers_start_a_server() {
    let place = Place::new();
    let typed = "nonsense\n127.0.0.1:0\nada@example.com\n/backup/atelier\nyes\n";
    let (code, shown) = on_terminal(&place, "init", typed);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Address to listen on, or the https address of a proxy"), "{shown}");
    assert!(shown.contains("The answer must be an IP address and a port"), "{shown}");
    assert!(shown.contains("wrote atelier.toml; start the server with"), "{shown}");
    let file = place.path().join("atelier.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "for its owner only");
    for line in [
        "listen = [\"127.0.0.1:0\"]",
        "admin_email = \"ada@example.com\"",
        "backup_directory = \"/backup/atelier\"",
        "backup_schedule = \"03:00\"",
        "administrators_need_second_factor = true",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }

    // It is never overwritten.
    let (code, shown) = on_terminal(&place, "init", typed);
    assert_eq!(code, 1);
    assert!(shown.contains("error: atelier.toml exists; name another file, or delete it first"), "{shown}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn empty_answers_are_the_defaults_and_the_server_starts_with_them() {
    let place = Place::new();
    let (code, shown) = on_terminal(&place, "init local.toml", "127.0.0.1:0\n\n\n\n");
    assert_eq!(code, 0, "{shown}");
    let file = place.path().join("local.toml");
    let server = Setup::new().without_admin().args(&["--config", file.to_str().unwrap()]).start();
    // The lines are printed together, but read one by one.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("ax profiles create atelier --from-file ax.toml") {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let log = server.log();
    assert!(log.contains("The administrator is admin@localhost."), "{log}");
    assert!(log.contains(&format!("{}/auth/sign-in", server.base())), "{log}");
}

#[test]
fn an_end_of_input_writes_nothing() {
    let place = Place::new();
    let (code, shown) = on_terminal(&place, "init", "\n\u{4}");
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("the input has ended; nothing was written"), "{shown}");
    assert!(!place.path().join("atelier.toml").exists());
}

#[test]
fn without_a_terminal_flags_are_the_answers() {
    let place = Place::new();
    place
        .run("init --admin ada@example.com")
        .refused(2, "there is no terminal to ask on; give the answers with --address, --backups, --second-factor");
    let line = "init --address https://atelier.example.com --admin ada@example.com --backups none --second-factor no";
    let run = place.run(line).good();
    assert_eq!(run.out, "atelier serve --config atelier.toml\n");
    let quoted = "atelier serve --config 'it'\\''s.toml'\n";
    assert_eq!(place.run(&line.replace("init", "init it's.toml")).good().out, quoted);
    let check = place.run("check --config atelier.toml");
    assert!(check.out.contains("public_url"), "{}", check.out);
    let wrong = place.run(&line.replace("https://atelier.example.com", "https://a/b/").replace("init", "init b.toml"));
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.starts_with("error: --address must be "), "{}", wrong.err);
    assert!(!place.path().join("b.toml").exists());
}
