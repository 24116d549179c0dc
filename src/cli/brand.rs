//! The name and the logo of the pages, from the configuration.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::CliError;
use crate::config::Config;
use crate::http::console::{Brand, Logo};

/// Reads the logo. Refused when it cannot be read, is too large, or is neither a PNG nor an SVG.
pub(super) fn read(config: &Config) -> Result<Brand, CliError> {
    Ok(Brand {
        name: config.server_name.trim().to_owned(),
        logo: config.server_logo.as_deref().map(logo).transpose()?,
        contact: config.administrator_contact.as_deref().unwrap_or_default().trim().to_owned(),
    })
}

fn logo(path: &Path) -> Result<Logo, CliError> {
    let place = path.display();
    let unreadable = |error: std::io::Error| {
        CliError::Failed(format!("cannot read server_logo {place}: {error}; check the path, or leave out server_logo"))
    };
    // Opening a pipe would wait for its writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(CliError::Usage(format!("server_logo {place} is not a file; name a PNG or SVG file")));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(Logo::MAX_SIZE).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > Logo::MAX_SIZE {
        return Err(CliError::Usage(format!(
            "server_logo {place} is larger than {} KiB; choose a smaller picture",
            Logo::MAX_SIZE >> 10
        )));
    }
    let wrong = || CliError::Usage(format!("server_logo {place} is neither a PNG nor an SVG; convert it"));
    Logo::of(bytes).ok_or_else(wrong)
}
