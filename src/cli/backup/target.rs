//! The target of a backup: a path, but no word that was meant as a command.

use std::path::PathBuf;

/// Words that are meant as commands, and what to type instead.
const WORDS: &[(&[&str], &str)] = &[
    (&["create", "make", "new", "run", "now", "start", "take", "add", "save", "dump"], "atelier backup FILE|DIR"),
    (&["restore", "recover", "load"], "atelier restore FILE"),
    (&["check", "test", "validate", "info", "show", "inspect"], "atelier backup verify FILE|DIR"),
    (&["ls", "all", "status"], "atelier backup list DIR"),
];

/// Refuses what looks like a command: a single word without a dot or a slash that is no directory.
pub(super) fn parse(path: PathBuf) -> Result<PathBuf, String> {
    let Some(name) = path.to_str() else { return Ok(path) };
    if matches!(name, "verify" | "list") {
        // Options before a subcommand make its name a target.
        return Err(format!("write the options after `atelier backup {name}`, or ./{name} for a file of this name"));
    }
    if name.starts_with('-') {
        return Err(format!("a backup is not written to stdout; name a file, or write ./{name} for one of this name"));
    }
    let known = WORDS.iter().find(|(words, _)| words.contains(&name));
    if let Some((_, right)) = known {
        return Err(format!(
            "it is not a command of `atelier backup`; use `{right}`, or write ./{name} for a file of this name"
        ));
    }
    if name.is_empty() || name.contains(['/', '.']) || path.is_dir() {
        return Ok(path);
    }
    Err(format!("it could be meant as a command; write ./{name} for a file of this name, or {name}/ for a directory"))
}
