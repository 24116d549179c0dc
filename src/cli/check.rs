//! `atelier check`: what is in force, and whether it is well. It changes nothing.

use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::app::signing_keys;
use crate::cli::data::broken;
use crate::cli::finding::{self, Finding, Level};
use crate::cli::{Trouble, print};
use crate::config::Config;
use crate::error::Result;
use crate::store::home::Home;
use crate::store::inspection::inspect;
use crate::store::schema::{self, Standing, Unfit};
use crate::store::signing_keys::SealedKey;
use crate::store::{self, View, health};
use crate::tokens::seal::{FileError, MasterKey};

/// How many of the faults in a file are told.
const TOLD: usize = 5;

const RESTORE: &str = "stop the server, keep a copy of the directory and put the last backup in its place";
const AS_THE_SERVER: &str = "run this as the user that runs the server";
const START: &str = "start `atelier serve`, which makes it, or name the directory of your server with --data-dir";

/// Prints the configuration in force, with secrets masked, and what there is to find. Fails if there is a fault.
pub(super) fn run(config: &Config, as_json: bool) -> std::result::Result<(), Trouble> {
    let mut findings = network(config);
    findings.extend(directory(&Home::at(&config.data_dir)));
    let faults = findings.iter().filter(|finding| finding.level == Level::Fault).count();
    if as_json {
        let row = |(key, value, origin): (&str, String, String)| json!({ "key": key, "value": value, "from": origin });
        let configuration = config.shown().into_iter().map(row).collect::<Value>();
        let told = findings.iter().map(Finding::told).collect::<Value>();
        let told = json!({ "configuration": configuration, "findings": told, "sound": faults == 0 });
        print(&format!("{told:#}\n"))?;
    } else {
        print(&format!("{}\n{}", in_force(config), finding::lines(&findings)))?;
    }
    match faults {
        0 => Ok(()),
        1 => Err(Trouble::Failed("there is a fault; do what its line says".to_owned())),
        many => Err(Trouble::Failed(format!("there are {many} faults; do what their lines say, from the top down"))),
    }
}

fn in_force(config: &Config) -> String {
    let rows = config.shown();
    let wide = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (key, value, origin)| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{key:wide$} = {value}  # {origin}");
        text
    })
}

/// Under which names the server is reached.
fn network(config: &Config) -> Vec<Finding> {
    let open = config.listen.iter().find(|address| !address.ip().is_loopback());
    let mut findings = vec![match (open, &config.public_url) {
        (Some(address), None) if config.trusted_hosts.is_empty() => Finding::warning(
            "public url",
            format!("others reach {address}, but tokens are issued for this machine's own names only"),
            "set public_url to the address that people type",
        ),
        (Some(_), None) => Finding::ok("public url", "not set; tokens are issued for the trusted hosts too"),
        (None, None) => Finding::ok("public url", "not set; only this machine reaches the server"),
        (_, Some(url)) if url.starts_with("http://") && !is_local(url) => Finding::warning(
            "public url",
            format!("passwords and tokens travel to {url} unencrypted"),
            "put a proxy with TLS before the server and begin public_url with https://",
        ),
        (_, Some(url)) => Finding::ok("public url", url),
    }];
    if config.public_url.is_some() && !config.trusted_hosts.is_empty() {
        findings.push(Finding::warning(
            "trusted hosts",
            "they count for nothing while public_url is set",
            "remove trusted_hosts or public_url",
        ));
    }
    findings
}

/// Whether a URL names this machine.
fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local))
}

fn directory(home: &Home) -> Vec<Finding> {
    const WHAT: &str = "data directory";
    let path = home.path().display();
    let mode = match fs::metadata(home.path()) {
        Ok(found) if found.is_dir() => found.permissions().mode() & 0o7777,
        Ok(_) => {
            let next = "name another one with --data-dir";
            return vec![Finding::fault(WHAT, format!("{path} is no directory"), next)];
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::fault(WHAT, format!("there is no {path}"), START)];
        }
        Err(error) => {
            return vec![Finding::fault(WHAT, format!("{path} cannot be looked at: {error}"), AS_THE_SERVER)];
        }
    };
    let mut findings = vec![match mode & 0o077 {
        0 => Finding::ok(WHAT, format!("{path}, mode {mode:o}")),
        _ => Finding::warning(
            WHAT,
            format!("{path} is open to other users (mode {mode:o})"),
            format!("run `chmod 700 {path}`"),
        ),
    }];
    findings.push(match home.network_file_system() {
        None => Finding::ok("file system", "no network file system"),
        Some(kind) => Finding::warning(
            "file system",
            format!("a network file system ({kind}), where SQLite can lose data"),
            "move the data directory to a local disk",
        ),
    });
    findings.push(match home.holder() {
        Ok(None) => Finding::ok("server", "none runs"),
        Ok(Some(holder)) => {
            let process = holder.pid.map(|pid| format!(", as process {pid}")).unwrap_or_default();
            Finding::ok("server", format!("runs{process}"))
        }
        Err(error) => Finding::warning("server", "nobody knows whether one runs", error.to_string()),
    });
    findings.push(sqlite());
    findings.extend(file(home));
    findings
}

fn sqlite() -> Finding {
    let version = health::sqlite_version();
    match store::refuse_old_sqlite() {
        Ok(()) => Finding::ok("sqlite", version),
        Err(error) => Finding::fault("sqlite", broken(&error), "build atelier with the SQLite that it brings along"),
    }
}

/// What one look at the data file gives.
struct Seen {
    standing: Standing,
    integrity: Result<Vec<String>>,
    foreign_keys: Result<Vec<String>>,
    /// What only this program's schema is known to have.
    known: Option<Known>,
}

struct Known {
    signing_keys: Result<Vec<SealedKey>>,
    administrators: Result<(bool, bool)>,
}

fn see(view: &View) -> Result<Seen> {
    let standing = schema::standing(view)?;
    let administrators =
        || Ok((store::users::any_administrator(view)?, store::users::any_enabled_administrator(view)?));
    Ok(Seen {
        standing,
        integrity: health::integrity_faults(view),
        foreign_keys: health::foreign_key_faults(view),
        known: (standing == Standing::Current)
            .then(|| Known { signing_keys: store::signing_keys::list(view), administrators: administrators() }),
    })
}

fn file(home: &Home) -> Vec<Finding> {
    const WHAT: &str = "data file";
    let path = home.database();
    let mode = match fs::metadata(&path) {
        Ok(found) => found.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::fault(WHAT, format!("there is no {}", path.display()), START)];
        }
        Err(error) => {
            let found = format!("{} cannot be looked at: {error}", path.display());
            return vec![Finding::fault(WHAT, found, AS_THE_SERVER)];
        }
    };
    if let Err(error) = fs::File::open(&path) {
        let found = format!("{} cannot be read: {error}", path.display());
        return vec![Finding::fault(WHAT, found, AS_THE_SERVER)];
    }
    let mut findings = vec![private(WHAT, &path, mode)];
    match inspect(&path, see) {
        Ok(seen) => {
            findings.push(version(home, seen.standing));
            if matches!(seen.standing, Standing::Empty | Standing::Foreign) {
                return findings;
            }
            findings.push(sound("integrity", seen.integrity));
            findings.push(sound("foreign keys", seen.foreign_keys));
            if let Some(known) = seen.known {
                findings.push(master_key(&home.master_key(), known.signing_keys));
                findings.push(administrator(known.administrators));
            }
        }
        Err(error) => findings.push(Finding::fault("integrity", broken(&error), RESTORE)),
    }
    findings
}

fn private(what: &'static str, path: &Path, mode: u32) -> Finding {
    let path = path.display();
    let loose = mode & 0o077 != 0;
    if !loose {
        return Finding::ok(what, format!("{path}, mode {mode:o}"));
    }
    let found = format!("{path} is open to other users (mode {mode:o})");
    Finding::fault(what, found, format!("run `chmod 600 {path}`"))
}

fn version(home: &Home, standing: Standing) -> Finding {
    const WHAT: &str = "schema";
    let ours = schema::VERSION;
    // A refusal has its next step behind the semicolon.
    let refused = |unfit: Unfit| {
        let words = unfit.to_string();
        let (found, next) = words.split_once("; ").unwrap_or((&words, ""));
        Finding::fault(WHAT, found, next)
    };
    match standing {
        Standing::Current => Finding::ok(WHAT, format!("version {ours}, as this atelier has it")),
        Standing::Empty => Finding::fault(WHAT, format!("{} is empty", home.database().display()), START),
        Standing::Older(version) => Finding::warning(
            WHAT,
            format!("version {version}, this atelier has version {ours}"),
            "start `atelier serve` of this version once, which upgrades the file; back it up before",
        ),
        Standing::Newer(version) => refused(Unfit::Newer { version }),
        Standing::Foreign => refused(Unfit::Foreign),
    }
}

fn sound(what: &'static str, faults: Result<Vec<String>>) -> Finding {
    match faults {
        Ok(faults) if faults.is_empty() => Finding::ok(what, "sound"),
        Ok(faults) => {
            let mut found =
                faults.iter().take(TOLD).map(|fault| fault.replace('\n', " ")).collect::<Vec<_>>().join(", ");
            if faults.len() > TOLD {
                let _ = write!(found, " and {} more", faults.len() - TOLD);
            }
            Finding::fault(what, found, RESTORE)
        }
        Err(error) => Finding::fault(what, broken(&error), RESTORE),
    }
}

fn master_key(path: &Path, sealed: Result<Vec<SealedKey>>) -> Finding {
    const WHAT: &str = "master key";
    let sealed = match sealed {
        Ok(sealed) => sealed,
        Err(error) => return Finding::fault(WHAT, broken(&error), RESTORE),
    };
    let key = match MasterKey::load(path) {
        Ok(key) => key,
        Err(FileError::Missing { .. }) if sealed.is_empty() => {
            return Finding::ok(WHAT, "there is none yet, and nothing that it sealed; the server makes it");
        }
        Err(error) => return unreadable(path, &error),
    };
    for one in &sealed {
        if let Err(error) = signing_keys::prove(&key, one) {
            let next = format!("put the {} that belongs to this data file back from the backup", path.display());
            return Finding::fault(
                WHAT,
                format!("it does not open the signing key {}: {}", one.kid, broken(&error)),
                next,
            );
        }
    }
    Finding::ok(WHAT, format!("{}, opens {}", path.display(), count(sealed.len(), "signing key")))
}

fn unreadable(path: &Path, error: &FileError) -> Finding {
    const WHAT: &str = "master key";
    let path = path.display();
    let from_backup = "put it back from the backup; nothing that it sealed can be opened without it";
    match error {
        FileError::Missing { .. } => Finding::fault(WHAT, format!("{path} is missing"), from_backup),
        FileError::TooWide { mode, .. } => {
            let found = format!("{path} is open to other users (mode {mode:o})");
            Finding::fault(WHAT, found, format!("run `chmod 600 {path}`"))
        }
        FileError::Malformed { reason, .. } => {
            Finding::fault(WHAT, format!("{path} is malformed: {reason}"), from_backup)
        }
        FileError::Io { source, .. } => Finding::fault(WHAT, format!("{path} cannot be read: {source}"), AS_THE_SERVER),
        FileError::Exists { .. } => Finding::fault(WHAT, error.to_string(), from_backup),
    }
}

fn administrator(found: Result<(bool, bool)>) -> Finding {
    const WHAT: &str = "administrator";
    match found {
        Ok((_, true)) => Finding::ok(WHAT, "there is an enabled one"),
        Ok((true, false)) => {
            Finding::fault(WHAT, "every administrator is disabled", "let one in with `atelier user enable EMAIL`")
        }
        Ok((false, false)) => Finding::warning(
            WHAT,
            "there is none",
            "start `atelier serve`, which makes one, or run `atelier user add --admin EMAIL`",
        ),
        Err(error) => Finding::fault(WHAT, broken(&error), RESTORE),
    }
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}
