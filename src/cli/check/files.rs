//! Checks of the files of models: whether each is there and whole, and whether there are others.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::advice::RESTORE;
use crate::app::runtime::file_storage::FileStorage;
use crate::cli::data::error_details;
use crate::cli::finding::Finding;
use crate::cli::progress::Progress;
use crate::cli::{CliError, file_place};
use crate::config::Config;
use crate::domain::ids::OrganizationId;
use crate::domain::model::{Sha256, StoredFile};
use crate::domain::quota;
use crate::error::{DiskFault, Error, Result};
use crate::files::Listed;
use crate::store::data_dir::DataDir;
use crate::store::{View, stored_files};
use crate::tokens::file_hash::FileHash;

const WHAT: &str = "files";

/// The maximum number of files that a finding names.
const MAX_NAMED: usize = 3;

/// The bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// Asks the data again, as it is now.
pub(super) type Again<'a> = &'a dyn Fn(&dyn Fn(&View) -> Result<bool>) -> Result<bool>;

/// What the data says about files.
pub(super) struct Facts {
    /// By SHA-256.
    referenced: Vec<StoredFile>,
    /// The organizations whose size of files is wrong.
    wrong_sizes: Vec<OrganizationId>,
}

pub(super) fn collect_facts(view: &View) -> Result<Facts> {
    let mut referenced = Vec::new();
    stored_files::for_each(view, |file| {
        referenced.push(file);
        Ok(())
    })?;
    Ok(Facts { referenced, wrong_sizes: stored_files::wrong_sizes(view)? })
}

pub(super) fn check(config: &Config, home: &DataDir, facts: Result<Facts>, again: Again) -> Vec<Finding> {
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return vec![Finding::fault(WHAT, error_details(&error), RESTORE)],
    };
    let mut findings = Vec::new();
    if !facts.wrong_sizes.is_empty() {
        let found = format!("{} recorded with a wrong size of files", listed(&facts.wrong_sizes, "organization"));
        findings.push(Finding::fault("file sizes", found, RESTORE));
    }
    let files = match file_place::open(config, home) {
        Ok(files) => files,
        Err(CliError::Usage(words) | CliError::Failed(words) | CliError::Replaced(words)) => {
            let (found, next) =
                words.split_once("; ").unwrap_or((&words, "correct the settings that begin with files"));
            findings.push(Finding::fault(WHAT, found, next));
            return findings;
        }
    };
    match compare(&files, &facts.referenced, again) {
        Ok(found) => findings.extend(found),
        Err(error) => {
            let next = "check the place of the files, and run `atelier check` again";
            findings.push(Finding::fault(WHAT, error_details(&error), next));
        }
    }
    findings
}

/// Compares the store with the files that versions refer to.
///
/// A server may add and remove files meanwhile, so each fault is looked at again.
fn compare(files: &FileStorage, referenced: &[StoredFile], again: Again) -> Result<Vec<Finding>> {
    let (mut stored, mut others) = (BTreeMap::new(), Vec::new());
    files.store.list(&mut |listed| {
        match listed {
            Listed::File { sha256, size } => drop(stored.insert(sha256, size)),
            Listed::Other(name) => others.push(name),
        }
        Ok(())
    })?;
    let (mut missing, mut damaged) = (Vec::new(), Vec::new());
    let progress = Progress::bytes(referenced.iter().map(|file| file.size).sum());
    progress.name("files");
    for file in referenced {
        let size = stored.remove(&file.sha256).map_or_else(|| files.store.size(&file.sha256), |size| Ok(Some(size)))?;
        match size {
            None => missing.push(file.sha256),
            Some(size) if size == file.size && is_whole(files, file, &progress)? => {}
            Some(_) => damaged.push(file.sha256),
        }
    }
    let is_known = |sha256: Sha256, also_unreferenced: bool| {
        again(&|view| {
            Ok(stored_files::is_referenced(view, sha256)?
                || also_unreferenced && stored_files::is_unreferenced(view, sha256)?)
        })
    };
    let mut orphaned = others;
    for sha256 in stored.into_keys() {
        if !is_known(sha256, true)? && files.store.size(&sha256)?.is_some() {
            orphaned.push(sha256.to_string());
        }
    }
    let still = |found: Vec<Sha256>| -> Result<Vec<Sha256>> {
        let mut still = Vec::new();
        for sha256 in found {
            if is_known(sha256, false)? {
                still.push(sha256);
            }
        }
        Ok(still)
    };
    let (missing, damaged) = (still(missing)?, still(damaged)?);
    let restore = "restore it from the backup of the files, or upload the same file again";
    let mut findings = Vec::new();
    if !missing.is_empty() {
        findings.push(Finding::fault(WHAT, format!("{} missing", listed(&missing, "file")), restore));
    }
    if !damaged.is_empty() {
        findings.push(Finding::fault(WHAT, format!("{} damaged", listed(&damaged, "file")), restore));
    }
    if findings.is_empty() {
        let bytes = referenced.iter().map(|file| file.size).sum();
        let number = referenced.len();
        let files = if number == 1 { "file" } else { "files" };
        findings.push(Finding::ok(WHAT, format!("{number} {files}, {}, whole", quota::size(bytes))));
    }
    if !orphaned.is_empty() {
        let found = format!("{} in the place of the files, but no model has it", listed(&orphaned, "file"));
        findings.push(Finding::warning(
            "orphaned files",
            found,
            "delete what you do not need in the place of the files",
        ));
    }
    let unfinished = files.spool.unfinished()?;
    if unfinished > 0 {
        let found = format!("{unfinished} unfinished uploads of a killed process");
        findings.push(Finding::warning("orphaned files", found, "run `atelier serve`, whose start removes them"));
    }
    Ok(findings)
}

/// Whether the bytes of a file have its SHA-256.
fn is_whole(files: &FileStorage, file: &StoredFile, progress: &Progress) -> Result<bool> {
    let Some(mut reader) = files.store.open(&file.sha256, 0..file.size)? else { return Ok(false) };
    let (mut hash, mut chunk) = (FileHash::new(), vec![0; CHUNK]);
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(hash.finish() == file.sha256),
            Ok(read) => {
                hash.update(&chunk[..read]);
                progress.add(read as u64);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // The object storage could not be reached.
            Err(error) if error.kind() == std::io::ErrorKind::Other => {
                return Err(Error::disk(DiskFault::Storage, format!("cannot read the file {}: {error}", file.sha256)));
            }
            // A disk that cannot read the file has damaged it.
            Err(_) => return Ok(false),
        }
    }
}

/// `2 files (a, b) are`.
fn listed<T: ToString>(found: &[T], what: &str) -> String {
    let named: Vec<String> = found.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let more = if found.len() > MAX_NAMED { ", ..." } else { "" };
    let (plural, verb) = if found.len() == 1 { ("", "is") } else { ("s", "are") };
    format!("{} {what}{plural} ({}{more}) {verb}", found.len(), named.join(", "))
}
