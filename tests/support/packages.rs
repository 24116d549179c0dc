//! Installs packages of Debian that tests need.

use std::fs::File;
use std::process::{Command, Stdio};

/// Whether the tests run as root.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Installs packages of Debian where that needs nobody's password: as root, where there is `apt-get`. It starts none of
/// their services.
pub fn install(packages: &[&str]) {
    if !is_root() {
        return;
    }
    let Ok(lock) = File::open("/var/lib/dpkg") else { return };
    // A second apt-get at once would fail.
    lock.lock().expect("the lock can be taken");
    for line in [&["update"][..], &[&["install", "--yes", "--no-install-recommends"], packages].concat()] {
        println!("apt-get {}", line.join(" "));
        let mut command = Command::new("apt-get");
        command.args(["-o", "DPkg::Lock::Timeout=300"]).args(line).stdin(Stdio::null());
        // What goes wrong here shows in the programs still not being there.
        let _ = command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").status();
    }
}
