//! `atelier backup list`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::words::age;
use crate::cli::list::{Entry, List, Printer};
use crate::cli::progress::size;
use crate::cli::{CliError, table};
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::files::archive::{Folder, Label, Listed};
use crate::store::data_dir::DataDir;

/// The backups of a directory. Refused if it cannot be read.
pub(super) fn of(directory: &Path) -> Result<Vec<Listed>, CliError> {
    Folder::at(directory.to_owned()).list().map_err(|error| {
        CliError::Failed(format!("cannot list {}: {error}; give the directory of the backups", directory.display()))
    })
}

/// A backup of a directory.
struct Found {
    listed: Listed,
    age: Duration,
}

impl Entry<7> for Found {
    const HEAD: [&'static str; 7] = ["MADE", "AGE", "VERSION", "SCHEMA", "SIZE", "SEALED", "FILE"];

    fn row(&self) -> [String; 7] {
        let about = |about: &dyn Fn(&Label) -> String| self.listed.label.as_ref().map_or("-".to_owned(), about);
        [
            table::moment(Some(self.listed.made_at)),
            age(self.age),
            about(&|label| label.program.clone()),
            about(&|label| label.schema.to_string()),
            size(self.listed.size),
            if self.listed.sealed { "yes" } else { "no" }.to_owned(),
            self.listed.path.display().to_string(),
        ]
    }

    fn to_json(&self) -> Value {
        let label = self.listed.label.as_ref().ok();
        json!({
            "path": self.listed.path.display().to_string(),
            "made_at": label.map_or_else(|| self.listed.made_at.to_string(), |label| label.made_at.clone()),
            "age_seconds": self.age.as_secs(),
            "version": label.map(|label| &label.program),
            "schema": label.map(|label| label.schema),
            "size": self.listed.size,
            "sealed": self.listed.sealed,
            "fault": self.listed.label.as_ref().err().map(ToString::to_string),
        })
    }

    fn texts(&self) -> Vec<&str> {
        self.listed.path.file_name().and_then(OsStr::to_str).into_iter().collect()
    }
}

pub(super) fn run(config: &Config, directory: Option<PathBuf>, options: &List) -> Result<(), CliError> {
    let directory = directory
        .or_else(|| config.backup_directory.clone())
        .ok_or_else(|| CliError::Usage("give the directory of the backups, or set backup_directory".to_owned()))?;
    if DataDir::at(&directory).database().exists() {
        return Err(CliError::Usage(format!(
            "{} is a data directory; give the directory of the backups",
            directory.display()
        )));
    }
    let now = Timestamp::now();
    let found = of(&directory)?.into_iter();
    let found: Vec<_> = found.map(|listed| Found { age: listed.made_at.until(now), listed }).collect();
    let mut printer = Printer::new::<Found>(options);
    printer.print(&found)?;
    let directory = directory.display();
    printer.finish(&format!("there are no backups in {directory}; `atelier backup {directory}` makes one"))?;
    let broken: Vec<String> = found
        .iter()
        .filter_map(|one| one.listed.label.as_ref().err().map(|error| format!("{} {error}", one.listed.path.display())))
        .collect();
    if options.json || broken.is_empty() { Ok(()) } else { Err(CliError::Failed(broken.join("\nerror: "))) }
}
