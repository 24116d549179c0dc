//! Unix sockets, and sockets that systemd passes on.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{self, Setup};

fn curl(socket: &Path, arguments: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--unix-socket"])
        .arg(socket)
        .args(arguments)
        .output()
        .expect("curl runs")
}

fn serves(socket: &Path) -> bool {
    curl(socket, &["--fail", "http://localhost/healthz"]).status.success()
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("http.sock");
    let listen = format!("unix:{}", socket.display());
    // A socket that a killed server has left.
    drop(UnixListener::bind(&socket).expect("a socket"));
    let mut server = Setup::new().listen(&listen).args(&["--unix-socket-mode", "0606"]).start();
    assert_eq!(server.bases()[1], listen);
    assert!(serves(&socket));
    let found = std::fs::metadata(&socket).expect("the socket");
    assert_eq!(found.permissions().mode() & 0o777, 0o606);

    // Its clients are proxies: they name the address of the client, and without one it is this machine.
    curl(&socket, &["--header", "x-forwarded-for: 192.0.2.77", "http://localhost/first"]);
    curl(&socket, &["http://localhost/second"]);
    let log = server.log();
    assert!(log.contains(" 192.0.2.77 ") && log.contains(" 127.0.0.1 "), "{log}");
    // Over TCP the same header is not trusted.
    let done = Command::new("curl")
        .args([
            "--silent",
            "--noproxy",
            "*",
            "--header",
            "x-forwarded-for: 192.0.2.78",
            &format!("{}/third", server.base()),
        ])
        .output();
    assert!(done.is_ok_and(|done| done.status.success()));
    assert!(!server.log().contains("192.0.2.78"), "{}", server.log());

    // A socket in use is refused, and stays.
    let other = tempfile::tempdir().expect("a folder");
    let refused = |listen: &str| {
        let done = support::run(&["serve", "--data-dir", &other.path().display().to_string(), "--listen", listen]);
        assert!(!done.status.success());
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    let words = refused(&listen);
    assert!(words.contains("another process listens there"), "{words}");
    assert!(serves(&socket));
    assert!(server.stop().success());
    assert!(!socket.exists(), "the socket is removed at the end");
    // Any other file is refused, and stays.
    std::fs::write(&socket, "mine").expect("a file");
    let words = refused(&listen);
    assert!(words.contains("the file is no socket"), "{words}");
    assert_eq!(std::fs::read_to_string(&socket).expect("the file"), "mine");
    let words = refused(&format!("unix:{}/absent/a.sock", place.path().display()));
    assert!(words.contains("check that the directory exists"), "{words}");
}

#[test]
fn the_socket_of_a_killed_server_is_replaced() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("http.sock");
    let listen = format!("unix:{}", socket.display());
    let mut killed = Setup::new().listen(&listen).start();
    killed.stop_by("KILL");
    assert!(socket.exists() && !serves(&socket));
    let _server = Setup::new().listen(&listen).start();
    assert!(serves(&socket));
}

#[test]
fn systemd_starts_the_server_with_its_sockets() {
    let program = "systemd-socket-activate";
    if Command::new(program).arg("--version").output().is_err() {
        let install = "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq systemd";
        let done = Command::new("sh").args(["-c", install]).output().expect("a shell runs");
        assert!(
            Command::new(program).arg("--version").output().is_ok(),
            "install systemd-socket-activate (Debian: apt-get install systemd): {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    let place = tempfile::tempdir().expect("a folder");
    let (socket, data) = (place.path().join("http.sock"), place.path().join("data"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let out = std::fs::File::create(place.path().join("out")).expect("a file");
    let mut server = Command::new(program)
        .arg(format!("--listen={free}"))
        .arg("--listen")
        .arg(&socket)
        .arg(env!("CARGO_BIN_EXE_atelier"))
        .args(["serve", "--data-dir"])
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a file"))
        .stderr(out)
        .spawn()
        .expect("systemd-socket-activate runs");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !socket.exists() {
        assert!(Instant::now() < deadline, "systemd-socket-activate opens no socket");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The first connection starts the server, which then answers it.
    let log = || std::fs::read_to_string(place.path().join("out")).expect("the log");
    let url = format!("http://{free}/healthz");
    let done = Command::new("curl").args(["--silent", "--fail", "--max-time", "30", "--noproxy", "*", &url]).status();
    assert!(done.is_ok_and(|status| status.success()), "{}", log());
    assert!(serves(&socket), "{}", log());
    let health = Command::new(env!("CARGO_BIN_EXE_atelier")).args(["health", "--data-dir"]).arg(&data).output();
    assert!(health.is_ok_and(|health| health.status.success()), "{}", log());
    assert!(Command::new("sh").args(["-c", "kill $0", &server.id().to_string()]).status().is_ok());
    assert!(server.wait().is_ok_and(|status| status.success()), "{}", log());
    assert!(log().contains("systemd has passed 2 sockets"), "{}", log());
}

/// Opens a socket of TCP and one of Unix, and starts a program with them as systemd does.
const ACTIVATE: &str = r#"
import os, socket, sys
tcp = socket.socket(); tcp.bind(("127.0.0.1", 0)); tcp.listen()
unix = socket.socket(socket.AF_UNIX); unix.bind(sys.argv[1]); unix.listen()
for to, one in [(3, tcp), (4, unix)]:
    copy = os.dup2(one.fileno(), 10 + to)
for to in (3, 4):
    os.dup2(10 + to, to, inheritable=True)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"#;

#[test]
fn sockets_of_systemd_are_served() {
    let place = tempfile::tempdir().expect("a folder");
    let (socket, data) = (place.path().join("http.sock"), place.path().join("data"));
    let out = std::fs::File::create(place.path().join("out")).expect("a file");
    let mut server = Command::new("python3")
        .args(["-c", ACTIVATE])
        .arg(&socket)
        .arg(env!("CARGO_BIN_EXE_atelier"))
        .args(["serve", "--listen", "192.0.2.1:1", "--data-dir"])
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a file"))
        .stderr(out)
        .spawn()
        .expect("python3 runs");
    let log = || std::fs::read_to_string(place.path().join("out")).expect("the log");
    let deadline = Instant::now() + Duration::from_secs(30);
    while log().matches("listening on ").count() < 2 {
        assert!(Instant::now() < deadline && server.try_wait().is_ok_and(|ended| ended.is_none()), "{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(serves(&socket), "{}", log());
    let base =
        log().lines().find_map(|line| line.strip_prefix("listening on http:").map(|rest| format!("http:{rest}")));
    let url = format!("{}/healthz", base.expect("an address"));
    let done = Command::new("curl").args(["--silent", "--fail", "--noproxy", "*", &url]).status();
    assert!(done.is_ok_and(|status| status.success()), "{}", log());
    assert!(log().contains("systemd has passed 2 sockets"), "{}", log());
    assert!(Command::new("sh").args(["-c", "kill $0", &server.id().to_string()]).status().is_ok());
    assert!(server.wait().is_ok_and(|status| status.success()), "{}", log());
    // The socket is systemd's, which may start the server again.
    assert!(socket.exists());
}
