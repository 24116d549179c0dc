//! Prepares what the crate embeds: two files of Swagger UI, and the commit that it is built of.

use std::error::Error;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// The head of a gzip file (RFC 1952) without a name and a time.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Gives the commit to a build of sources without `.git`.
const GIVEN: &str = "BUILD_COMMIT";

/// The length of a commit in `atelier --version`.
const SHORT: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={GIVEN}");
    if let Some(commit) = commit()? {
        println!("cargo::rustc-env=BUILT_OF_ATELIER={commit}");
    }
    swagger_ui()
}

/// The commit, if it can be known: from the environment, from the history, or from a package of `cargo package`.
fn commit() -> Result<Option<String>, Box<dyn Error>> {
    if let Some(given) = env::var(GIVEN).ok().filter(|given| !given.is_empty()) {
        let commit = short(&given).ok_or_else(|| format!("{GIVEN} must be a commit of git, not {given:?}"))?;
        return Ok(Some(commit));
    }
    // A build for development would compile the crate again after each commit.
    if env::var("PROFILE")? != "release" {
        return Ok(None);
    }
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let packaged = fs::read_to_string(Path::new(&root).join(".cargo_vcs_info.json"));
    if let Some((_, rest)) = packaged.as_deref().ok().and_then(|text| text.split_once(r#""sha1": ""#)) {
        return Ok(rest.split('"').next().and_then(short));
    }
    // Sources without a history may lie in the repository of something else.
    let top = git(&["rev-parse", "--show-toplevel"]).and_then(|top| fs::canonicalize(top).ok());
    if top.is_none() || top != fs::canonicalize(&root).ok() {
        return Ok(None);
    }
    // It changes with each commit and each change of the branch. A file that does not exist would always be new to cargo.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
    Ok(git(&["rev-parse", "HEAD"]).as_deref().and_then(short))
}

/// The beginning of a commit.
fn short(commit: &str) -> Option<String> {
    let is_commit = (7..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit.chars().take(SHORT).collect())
}

/// The output of a command of git, if git is there and knows the answer.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Takes the two files of Swagger UI that the server shows out of their archive. They stay compressed as they are there,
/// as gzip, because they are four times as large otherwise.
fn swagger_ui() -> Result<(), Box<dyn Error>> {
    let target = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let mut left = FILES.to_vec();
    for at in 0..archive.len() {
        let mut entry = archive.by_index_raw(at)?;
        let path = entry.name()?.into_owned();
        let Some(at) = left.iter().position(|file| path.ends_with(&format!("/dist/{file}"))) else { continue };
        let file = left.remove(at);
        if entry.compression() != CompressionMethod::DEFLATE {
            return Err(format!("{file} is not deflated").into());
        }
        let mut gzip = HEAD.to_vec();
        entry.read_to_end(&mut gzip)?;
        gzip.extend(entry.crc32().to_le_bytes());
        gzip.extend(u32::try_from(entry.size())?.to_le_bytes());
        fs::write(Path::new(&target).join(format!("{file}.gz")), gzip)?;
    }
    if left.is_empty() { Ok(()) } else { Err(format!("the archive of Swagger UI lacks {}", left.join(", ")).into()) }
}
