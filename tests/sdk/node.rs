//! Finds Node and npm, and installs what a folder of programs needs.
//!
//! Knows npm; knows nothing of what the programs test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest Node that the packages run on.
const OLDEST: u32 = 20;

/// Node's own program and a folder that has the programs and all that they need.
#[derive(Debug)]
pub struct Node {
    /// The program.
    pub program: PathBuf,
    /// Where the programs and their packages are.
    pub home: PathBuf,
}

/// What the programs of `sources` run with, made at the first call; nothing where there is no Node or no npm.
///
/// # Panics
///
/// When the packages cannot be installed, or Node is too old.
pub fn environment(sources: &Path) -> Option<Node> {
    let version = output("node", &["--version"])?;
    output("npm", &["--version"])?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    assert!(major.is_some_and(|major| major >= OLDEST), "Node {OLDEST} or newer is needed; this is {version}");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = folder.join("node-oidc");
    fs::create_dir_all(&home).expect("the target folder is writable");
    let lock = File::create(folder.join("node-oidc.lock")).expect("the lock file is writable");
    lock.lock().expect("the lock can be taken");
    for entry in fs::read_dir(sources).expect("the programs are readable") {
        let file = entry.expect("the programs are readable").path();
        fs::copy(&file, home.join(file.file_name().expect("a file has a name"))).expect("the folder is writable");
    }
    let stamp =
        format!("{version}{}", fs::read_to_string(sources.join("package-lock.json")).expect("the list is readable"));
    let stamp_file = home.join("atelier-stamp.txt");
    if !fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
        // The list has every package with its checksum, so nothing is resolved and nothing can drift.
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&home).stdin(Stdio::null());
        let done = npm.output().expect("npm starts");
        assert!(done.status.success(), "npm ci failed:\n{}", String::from_utf8_lossy(&done.stderr));
        fs::write(&stamp_file, &stamp).expect("the folder is writable");
    }
    Some(Node { program: PathBuf::from("node"), home })
}

fn output(program: &str, line: &[&str]) -> Option<String> {
    let output = Command::new(program).args(line).stdin(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok().filter(|_| output.status.success())
}
