//! Signals, and terminals that close.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use super::connections::{CREATE, posting};
use crate::client::Client;
use crate::raw::{connect, read_answer};
use crate::support::{self, ADMIN_PASSWORD};
use crate::world::{World, wait_for_log};

fn send(signal: &str, process: u32) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {process}")).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{signal} is sent");
}

#[test]
fn other_signals_do_not_stop_the_server() {
    let World { mut server, bob, .. } = World::start();
    let mut under_way = connect(server.base());
    let body = json!({ "workspace_name": "under-way" }).to_string();
    let credential = format!("Authorization: Bearer {}\r\nContent-Length: {}\r\n", bob.credential(), body.len());
    under_way.write_all((posting(CREATE, &credential) + &body[..5]).as_bytes()).expect("a write");
    for signal in
        ["HUP", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "XFSZ", "PIPE", "WINCH", "CHLD", "CONT", "URG"]
    {
        send(signal, server.pid());
        if !["PIPE", "WINCH", "CHLD", "CONT", "URG"].contains(&signal) {
            wait_for_log(&server, &format!("ignored SIG{signal}"));
        }
        assert_eq!(Client::new(server.base()).get("/readyz").status, 200, "after SIG{signal}");
    }
    under_way.write_all(&body.as_bytes()[5..]).expect("a write");
    assert_eq!(read_answer(&mut under_way).expect("an answer").status, 200);
    assert!(server.stop().success());
}

/// A server with piped streams, started by a line of the shell in which `$@` is its command.
fn started_by(line: &str, place: &Path) -> (Child, String) {
    started_on(line, place, Stdio::null())
}

fn started_on(line: &str, place: &Path, input: Stdio) -> (Child, String) {
    let server = support::atelier_on_new(place);
    let mut child = Command::new("sh")
        .args(["-c", line, "sh"])
        .arg(server.get_program())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(place)
        .envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("ATELIER_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut bases = lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()));
    let base = bases.next().expect("the server serves");
    (child, base)
}

#[test]
fn a_server_under_nohup_survives_its_terminal() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut child, base) = started_by("trap '' HUP; exec \"$@\"", place.path());
    send("HUP", child.id());
    // Nor does anything read its output any more.
    drop(child.stderr.take());
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(Client::new(&base).get("/readyz").status, 200);
    }
    send("TERM", child.id());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

/// The ends of a new terminal: that of the window, and that of the programs.
fn terminal() -> (OwnedFd, File) {
    let window = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&window).and_then(|()| unlockpt(&window)).expect("a terminal");
    let name = ptsname(&window, Vec::new()).expect("a name");
    let path = OsStr::from_bytes(name.to_bytes());
    let programs = File::options().read(true).write(true).open(path).expect("a terminal");
    (window, programs)
}

#[test]
fn a_server_stops_cleanly_when_its_terminal_closes() {
    for line in ["exec setsid --ctty \"$@\"", "exec setsid --ctty sh -c 'exec \"$@\" </dev/null' sh \"$@\""] {
        let place = tempfile::tempdir().expect("a directory");
        let (window, programs) = terminal();
        let (mut child, base) = started_on(line, place.path(), programs.into());
        send("HUP", child.id());
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(Client::new(&base).get("/readyz").status, 200, "the terminal is open");
        drop(child.stderr.take());
        // The system sends SIGHUP.
        drop(window);
        let deadline = Instant::now() + Duration::from_secs(20);
        let ended = loop {
            assert!(Instant::now() < deadline, "the server goes on after its terminal has closed");
            if let Some(ended) = child.try_wait().expect("a child") {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(ended.code(), Some(0));
        assert!(!place.path().join("atelier.db-wal").exists(), "the data file is closed");
    }
}
