//! The service of systemd: its messages to the service manager, and its unit.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::Setup;
use crate::support::packages::install;

/// The highest exposure, in tenths, that `systemd-analyze security` may find.
const EXPOSURE: &str = "20";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The next message.
fn next(manager: &UnixDatagram) -> String {
    let mut message = [0; 1024];
    let length = manager.recv(&mut message).expect("a message within the time");
    String::from_utf8(message[..length].to_vec()).expect("a message is text")
}

#[test]
fn the_service_manager_is_told_when_the_server_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut server = Setup::new().env("NOTIFY_SOCKET", &socket).start();
    let message = next(&manager);
    assert!(message.starts_with("READY=1\nSTATUS="), "{message:?}");
    assert_eq!(ureq::get(format!("{}/healthz", server.base())).call().unwrap().status(), 200);
    assert!(server.stop().success());
    assert_eq!(next(&manager), "STOPPING=1\nSTATUS=Finishing the accepted requests\n");
    manager.set_nonblocking(true).unwrap();
    assert!(manager.recv(&mut [0; 1]).is_err(), "one more message");
}

#[test]
fn a_service_manager_that_is_gone_does_not_stop_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Setup::new().env("NOTIFY_SOCKET", folder.path().join("gone")).start();
    assert_eq!(ureq::get(format!("{}/healthz", server.base())).call().unwrap().status(), 200);
    assert!(server.stop().success());
    let log = server.log();
    let line = "cannot tell the service manager the state of the server (NOTIFY_SOCKET): ";
    assert_eq!(log.matches(line).count(), 2, "{log}");
}

/// Runs `systemd-analyze`, which is installed if it is missing.
fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let run = || {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).arg(unit).env("SYSTEMD_COLORS", "0").stdin(Stdio::null()).output()
    };
    let output = run().or_else(|_| {
        install(&["systemd"]);
        run()
    });
    output.expect(
        "systemd-analyze is not there, so the unit cannot be checked. Install it (Debian: apt-get install systemd). \
         `cargo test` installs Debian's package itself where it runs as root.",
    )
}

/// The unit, with the binary of the tests as its program.
fn unit(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(root().join("packaging/atelier.service")).unwrap();
    let command = "ExecStart=atelier serve ";
    assert!(text.contains(command), "{text}");
    let text = text.replace(command, concat!("ExecStart=", env!("CARGO_BIN_EXE_atelier"), " serve "));
    let unit = folder.join("atelier.service");
    fs::write(&unit, text).unwrap();
    unit
}

#[test]
fn the_unit_is_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit(folder.path());
    let output = analyze(&["verify", "--man=no"], &unit);
    let errors = String::from_utf8_lossy(&output.stderr);
    // Units of the machine may have errors of their own.
    let errors: Vec<&str> = errors.lines().filter(|line| line.contains("atelier")).collect();
    assert!(output.status.success() && errors.is_empty(), "{errors:?}");
}

#[test]
fn the_unit_exposes_little() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit(folder.path());
    let output = analyze(&["security", "--offline=true", "--threshold", EXPOSURE], &unit);
    let (report, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && report.contains("Overall exposure level"), "{report}{errors}");
}
