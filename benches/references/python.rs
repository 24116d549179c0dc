//! Python environments for products of others: one for each, under the target directory, with pinned versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::complete;
use crate::arguments::Arguments;
use crate::bench::reusable_folder;
use crate::error::{BenchError, Result};

/// The virtual environment with these requirements, each `NAME==VERSION`. Creates it at the first use.
///
/// The stamp is written last, so an incomplete or outdated environment is created again.
pub(super) fn environment(arguments: &Arguments, name: &str, pinned: &str) -> Result<PathBuf> {
    let home = reusable_folder()?.join(name);
    let stamp = home.join("stamp.txt");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == pinned) {
        return Ok(home);
    }
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    eprintln!("installing {name} {} (once)", version(pinned, name));
    let given = arguments.python.iter().map(|path| path.to_string_lossy().into_owned());
    let usual = ["python3.12", "python3.11", "python3"].map(str::to_owned);
    let is_created = given.chain(usual).any(|python| {
        let mut command = Command::new(python);
        command.args(["-m", "venv"]).arg(&home).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if !is_created {
        return Err(BenchError::new(format!("there is no Python with venv for {name}; name one with --python")));
    }
    let list = home.join("requirements.txt");
    fs::write(&list, pinned)?;
    let mut pip = Command::new(home.join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install", "--no-deps"]);
    // A package without a wheel would be compiled here.
    pip.args(["--only-binary", ":all:", "-r"]);
    complete(pip.arg(&list)).map_err(|error| error.when(format!("{name} cannot be installed")))?;
    fs::write(stamp, pinned)?;
    Ok(home)
}

/// The pinned version of a package.
pub(super) fn version<'a>(pinned: &'a str, package: &str) -> &'a str {
    let of = |line: &'a str| line.strip_prefix(package)?.strip_prefix("==");
    pinned.lines().find_map(of).unwrap_or("of an unknown version")
}

/// A program of the environment. It finds the other programs there by name.
pub(super) fn program(environment: &Path, name: &str) -> Result<Command> {
    let bin = environment.join("bin");
    let mut command = Command::new(bin.join(name));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env("PATH", std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?);
    Ok(command)
}
