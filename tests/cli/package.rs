//! The package for Debian, made of the binary of the tests: installed, started, upgraded, removed and purged.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::service::root;
use crate::support::packages::{install, is_root};

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("a program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    output
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Builds the package. Returns the paths and the conffiles in it.
fn build(file: &Path) -> (String, String) {
    if !has("dpkg-deb") {
        install(&["dpkg"]);
    }
    assert!(has("dpkg-deb"), "dpkg-deb is not there, so no package can be built; install it (Debian, Fedora: dpkg)");
    run(Command::new(root().join("packaging/deb"))
        .args([env!("CARGO_BIN_EXE_atelier"), "all"])
        .arg(file)
        .env("COMPRESSION", "none"));
    let ask = |arguments: &[&str]| {
        let output = run(Command::new("dpkg-deb").arg(arguments[0]).arg(file).args(&arguments[1..]));
        String::from_utf8(output.stdout).expect("names are text")
    };
    let conffiles =
        Command::new("dpkg-deb").arg("--info").arg(file).arg("conffiles").output().expect("dpkg-deb starts");
    (ask(&["--contents"]), String::from_utf8(conffiles.stdout).expect("names are text"))
}

#[test]
fn the_package_is_installed_upgraded_removed_and_purged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atelier.deb");
    let (contents, conffiles) = build(&file);
    for path in [
        "./usr/bin/atelier",
        "./usr/lib/systemd/system/atelier.service",
        "./usr/lib/sysusers.d/atelier.conf",
        "./usr/share/man/man1/atelier-workspace-create.1.gz",
        "./usr/share/bash-completion/completions/atelier",
        "./usr/share/zsh/vendor-completions/_atelier",
        "./usr/share/fish/vendor_completions.d/atelier.fish",
        "./usr/share/doc/atelier/copyright",
        "./usr/share/doc/atelier/changelog.gz",
        "./usr/share/doc/atelier/config.example.toml",
        "./etc/atelier/atelier.toml",
    ] {
        assert!(contents.lines().any(|line| line.ends_with(&format!(" {path}"))), "{path}: {contents}");
    }
    assert!(contents.lines().all(|line| line.contains(" root/root ")), "{contents}");
    assert_eq!(conffiles, "/etc/atelier/atelier.toml\n");

    if !is_root() {
        println!("not root: the package was built and not installed");
        return;
    }
    if !has("systemd-sysusers") {
        install(&["systemd"]);
    }
    let script = root().join("tests/cli/package.sh");
    let output = run(Command::new("sh").arg(script).arg(&file));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.ends_with("the package holds\n"), "{said}");
}
