//! The file with the invitation links of imported people. It exists only if the people were invited.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::CliError;
use crate::domain::secret::Secret;
use crate::store::files;

/// A person who is invited, and the link.
pub(super) struct Invited<'a> {
    pub(super) email: &'a str,
    pub(super) first_name: &'a str,
    pub(super) last_name: &'a str,
    pub(super) link: Secret,
}

/// The written file. Dropping it removes the file, unless it is kept.
pub(super) struct LinkFile {
    path: PathBuf,
    is_kept: bool,
}

impl LinkFile {
    /// Refuses a path where there is something.
    pub(super) fn require_absent(path: &Path) -> Result<(), CliError> {
        match path.symlink_metadata() {
            Ok(_) => Err(CliError::Usage(format!("{} exists; name a new file for the links", path.display()))),
            Err(_) => Ok(()),
        }
    }

    /// Writes the links as CSV with the columns `email`, `first_name`, `last_name` and `link`, into a new file that
    /// only its owner can read.
    pub(super) fn write(path: &Path, people: &[Invited]) -> Result<Self, CliError> {
        let failed = |error: &dyn std::fmt::Display| {
            CliError::Failed(format!(
                "cannot write {}: {error}; nothing was imported; name another file",
                path.display()
            ))
        };
        let file = files::create(path).map_err(|error| failed(&error))?;
        let written = Self { path: path.to_owned(), is_kept: false };
        write_all(file, people).map_err(|error| failed(&error))?;
        Ok(written)
    }

    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

fn write_all(file: File, people: &[Invited]) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(["email", "first_name", "last_name", "link"])?;
    for one in people {
        writer.write_record([one.email, one.first_name, one.last_name, one.link.expose()])?;
    }
    let mut file = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    file.flush()?;
    file.sync_all()
}

impl Drop for LinkFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // The links in it are of no use: nobody was invited.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
