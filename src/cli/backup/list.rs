//! `atelier backup list`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::words::age;
use crate::cli::progress::size;
use crate::cli::{CliError, print, say, table};
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::files::archive::{ArchiveError, Folder, Label, Listed, Sealed, peek};

/// The backups of a directory. Refused if it cannot be read.
pub(super) fn of(directory: &Path) -> Result<Vec<Listed>, CliError> {
    Folder::at(directory.to_owned()).list().map_err(|error| {
        CliError::Failed(format!("cannot list {}: {error}; give the directory of the backups", directory.display()))
    })
}

pub(super) fn run(config: &Config, directory: Option<PathBuf>, as_json: bool) -> Result<(), CliError> {
    let directory = directory
        .or_else(|| config.backup_directory.clone())
        .ok_or_else(|| CliError::Usage("give the directory of the backups, or set backup_directory".to_owned()))?;
    let now = Timestamp::now();
    let found: Vec<_> = of(&directory)?.into_iter().map(|listed| (peek(&listed.path), listed)).collect();
    if as_json {
        return print(&format!("{:#}\n", found.iter().map(|(label, one)| to_json(label, one, now)).collect::<Value>()));
    }
    if found.is_empty() {
        let directory = directory.display();
        say(&format!("there are no backups in {directory}; `atelier backup {directory}` makes one"));
    }
    let row = |(label, listed): &(Result<(Label, Sealed), ArchiveError>, Listed)| {
        let about = |about: &dyn Fn(&Label) -> String| label.as_ref().map_or("-".to_owned(), |(label, _)| about(label));
        [
            table::moment(Some(listed.made_at)),
            age(listed.made_at.until(now)),
            about(&|label| label.program.clone()),
            about(&|label| label.schema.to_string()),
            size(listed.size),
            if listed.sealed { "yes" } else { "no" }.to_owned(),
            listed.path.display().to_string(),
        ]
    };
    let mut table = table::Table::under(["MADE", "AGE", "VERSION", "SCHEMA", "SIZE", "SEALED", "FILE"]);
    print(&table.page(&found.iter().map(row).collect::<Vec<_>>()))?;
    let broken: Vec<String> = found
        .iter()
        .filter_map(|(label, listed)| label.as_ref().err().map(|error| format!("{} {error}", listed.path.display())))
        .collect();
    if broken.is_empty() { Ok(()) } else { Err(CliError::Failed(broken.join("\nerror: "))) }
}

fn to_json(label: &Result<(Label, Sealed), ArchiveError>, listed: &Listed, now: Timestamp) -> Value {
    let (label, fault) = match label {
        Ok((label, _)) => (Some(label), None),
        Err(error) => (None, Some(error.to_string())),
    };
    json!({
        "path": listed.path.display().to_string(),
        "made_at": label.map_or_else(|| listed.made_at.to_string(), |label| label.made_at.clone()),
        "age_seconds": listed.made_at.until(now).as_secs(),
        "version": label.map(|label| &label.program),
        "schema": label.map(|label| label.schema),
        "size": listed.size,
        "sealed": listed.sealed,
        "fault": fault,
    })
}
