//! Limits of the system, and standard streams that are full or closed: a sentence and an exit code, never a panic.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{Place, chmod};

const BINARY: &str = env!("CARGO_BIN_EXE_atelier");

const SERVE: &str = "serve --data-dir data --listen 127.0.0.1:0";

/// Runs `atelier WORDS` after these words of a shell, such as `ulimit -n 16;`.
fn shell(place: &Place, before: &str, words: &str) -> Output {
    let mut command = Command::new("sh");
    let line = format!("{before} exec \"$0\" {words}");
    command.args(["-c", &line, BINARY]).current_dir(place.path()).env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command.envs(place.variables());
    command.output().expect("a shell")
}

/// Asserts that it failed with one sentence, and returns that.
#[track_caller]
fn sentence(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: ") && text.lines().count() == 1, "{text}");
    text
}

#[test]
fn too_few_files_are_told_before_anything_is_done() {
    let place = Place::new();
    for files in [4, 6, 10, 16, 20, 28, 40, 48] {
        let told = sentence(&shell(&place, &format!("ulimit -n {files};"), SERVE));
        assert!(told.starts_with(&format!("error: the server may open only {files} files; it needs ")), "{told}");
        assert!(!place.path().join("data").exists(), "{files}");
    }
}

#[test]
fn a_command_with_few_files_ends_with_a_sentence_or_works() {
    let place = Place::with_ada();
    for (files, works) in [(4, false), (5, false), (16, true)] {
        let output = shell(&place, &format!("ulimit -n {files};"), "user list");
        if works {
            assert!(output.status.success(), "{output:?}");
        } else {
            sentence(&output);
        }
    }
}

#[test]
fn too_few_threads_are_told_before_anything_is_done() {
    let place = Place::new();
    // Another user needs another path to the binary, and the limit does not apply to root.
    let binary = place.path().join("atelier");
    fs::copy(BINARY, &binary).expect("a copy");
    chmod(&binary, 0o755);
    chmod(place.path(), 0o777);
    for threads in [1, 2, 5, 9, 15] {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nproc={threads}"));
        if geteuid().is_root() {
            command.args(["setpriv", "--reuid=64321", "--clear-groups"]);
        }
        command.arg(&binary).args(SERVE.split(' ')).current_dir(place.path()).env("RUST_BACKTRACE", "1");
        let told = sentence(&command.stdin(Stdio::null()).output().expect("prlimit"));
        assert!(told.starts_with("error: cannot start ") && told.contains("raise the limit of threads"), "{told}");
        assert!(!place.path().join("data").exists(), "{threads}");
    }
}

#[test]
fn a_small_stack_is_enough() {
    let place = Place::with_ada();
    let output = shell(&place, "ulimit -s 128;", "user list");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_full_stdout_is_told() {
    let place = Place::with_ada();
    for words in ["--version", "--help", "user list", "user list --json", "check", "audit verify"] {
        let told = sentence(&shell(&place, "", &format!("{words} > /dev/full")));
        assert!(told.starts_with("error: cannot write to stdout: No space left"), "{words}: {told}");
    }
    let unread = shell(&place, "", "nonsense 2> /dev/full");
    assert_eq!(unread.status.code(), Some(2));
}

#[test]
fn a_server_runs_with_full_or_closed_streams_and_without_a_temporary_directory() {
    for streams in ["> /dev/full 2> /dev/full", "<&- >&- 2>&-"] {
        let place = Place::new();
        // Nobody else is told this port before the server listens on it.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let line = format!("exec \"$0\" serve --data-dir data --listen {address} {streams}");
        let mut command = Command::new("sh");
        command.args(["-c", &line, BINARY]).current_dir(place.path()).env("TMPDIR", "/nonexistent");
        let mut server = command.stdin(Stdio::null()).spawn().expect("a shell");
        let url = format!("http://{address}/healthz");
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ureq::get(&url).call().is_ok_and(|answer| answer.status() == 200) {
            let ended = server.try_wait().expect("the server can be waited for");
            assert!(ended.is_none() && Instant::now() < deadline, "{streams}: {ended:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        let pid = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).expect("a signal");
        assert_eq!(server.wait().expect("the end").code(), Some(0), "{streams}");
    }
}
