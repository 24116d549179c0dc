//! The question before something is deleted permanently, on a pseudo-terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::Place;

/// Runs a command on a terminal where somebody types this. Returns the exit code, and what the terminal shows.
fn on_terminal(place: &Place, line: &str, typed: &str) -> (i32, String) {
    let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let path = std::ffi::OsStr::from_bytes(name.to_bytes());
    let theirs = File::options().read(true).write(true).open(path).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
    command.current_dir(place.path()).args(line.split_whitespace());
    command.stdin(theirs.try_clone().unwrap()).stderr(theirs).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The command still has the other end.
    drop(command);
    let mut ours = File::from(ours);
    ours.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    // Reading fails once the other end is closed.
    let _ = ours.read_to_end(&mut shown);
    let code = child.wait().unwrap().code().unwrap();
    (code, String::from_utf8(shown).unwrap().replace('\r', ""))
}

/// A command that deletes permanently, the question, and the table that must keep its rows.
const COMMANDS: [(&str, &str, &str); 8] = [
    ("user delete bob@example.com", "delete the user bob@example.com permanently?", "users WHERE state <> 'blocked'"),
    ("workspace delete vision", "delete the workspace Home/vision (1) with everything in it?", "workspaces"),
    ("org delete Lab", "delete the organization Lab (2) with its workspaces and everything in them?", "organizations"),
    (
        "org remove-member Home bob@example.com",
        "remove bob@example.com from the organization Home, its workspaces and the role bindings there?",
        "organization_members",
    ),
    ("role delete tracer", "delete the role tracer (5)?", "roles"),
    ("project delete vision/chatbot", "delete the project Home/vision/chatbot (1)?", "projects"),
    ("client remove grafana", "remove the client grafana with its sessions?", "clients"),
    (
        "model delete ccfraud --workspace vision",
        "delete the model Home/vision/ccfraud with all versions, 3 B?",
        "models",
    ),
];

fn place() -> Place {
    let place = Place::with_ada();
    std::fs::write(place.path().join("m.onnx"), "abc").unwrap();
    for line in [
        "user add bob@example.com",
        "workspace create vision --owner ada@example.com",
        "org create Lab",
        "role create tracer --permission PROJECT_READ",
        "project create vision chatbot",
        "client add grafana --redirect-uri https://grafana.example/cb",
        "model put m.onnx --workspace vision --name ccfraud",
    ] {
        place.run(line).good();
    }
    place
}

fn count(place: &Place, table: &str) -> i64 {
    let conn = rusqlite::Connection::open(place.database()).unwrap();
    conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn only_yes_deletes() {
    let place = place();
    for (line, question, table) in COMMANDS {
        let before = count(&place, table);
        for typed in ["n\n", "\n", "yess\n", "\u{4}"] {
            let (code, shown) = on_terminal(&place, line, typed);
            assert!(shown.contains(&format!("{question} This cannot be undone. [y/N] ")), "{line}: {shown}");
            assert!(shown.ends_with("error: nothing was changed; answer y to confirm\n"), "{line}: {shown}");
            assert_eq!((code, count(&place, table)), (1, before), "{line} {typed:?}");
        }
        let what = question.trim_end_matches('?');
        place.run(line).refused(2, &format!("this would {what}, which cannot be undone; confirm it with --yes"));
        assert_eq!(count(&place, table), before, "{line}");
    }
    // What is in the workspace goes before the workspace.
    for (line, _, table) in COMMANDS.iter().rev() {
        let before = count(&place, table);
        let (code, shown) = on_terminal(&place, line, "Y\n");
        assert_eq!((code, count(&place, table)), (0, before - 1), "{line}: {shown}");
    }
}

#[test]
fn yes_asks_nothing() {
    let place = place();
    for (line, _, table) in COMMANDS.iter().rev() {
        let before = count(&place, table);
        let run = place.run(&format!("{line} --yes")).good();
        assert!(!run.err.contains("[y/N]"), "{line}: {}", run.err);
        assert_eq!(count(&place, table), before - 1, "{line}");
    }
}

#[test]
fn a_mistake_is_told_before_the_question() {
    let place = place();
    let (code, shown) = on_terminal(&place, "workspace delete nowhere", "y\n");
    assert!(
        shown.contains("error: workspace nowhere does not exist; `atelier workspace list` shows all workspaces"),
        "{shown}"
    );
    assert!(code == 1 && !shown.contains("[y/N]"), "{shown}");
}
