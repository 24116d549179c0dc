//! `atelier check`: shows the effective configuration and reports problems. It changes nothing.

mod advice;
mod backups;
mod content;
mod directory;
mod file;
mod files;
mod master_key;
mod network;
mod running;
mod start;
mod upgrade;

use std::fmt::Write;

use serde_json::{Value, json};

use crate::cli::finding::{self, Finding, Level};
use crate::cli::{CliError, database, print};
use crate::config::Config;

/// Prints the effective configuration, with secrets masked, and the findings. Fails if a finding is a fault.
pub(super) fn run(config: &Config, as_json: bool) -> Result<(), CliError> {
    let mut findings = network::check(config);
    let home = database::at(config)?;
    findings.extend(start::check(config, &home));
    for finding in directory::check(config, &home) {
        // The settings of the files are also checked with the data.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let faults = findings.iter().filter(|finding| finding.level == Level::Fault).count();
    if as_json {
        let row = |(key, value, origin): (&str, String, String)| json!({ "key": key, "value": value, "from": origin });
        let configuration = config.entries().into_iter().map(row).collect::<Value>();
        let findings_json = findings.iter().map(Finding::to_json).collect::<Value>();
        let report = json!({ "configuration": configuration, "findings": findings_json, "sound": faults == 0 });
        print(&format!("{report:#}\n"))?;
    } else {
        print(&format!("{}\n{}", in_force(config), finding::lines(&findings)))?;
    }
    match faults {
        0 => Ok(()),
        1 => Err(CliError::Failed("1 fault found; follow the instructions on its line".to_owned())),
        many => Err(CliError::Failed(format!(
            "{many} faults found; follow the instructions on their lines, from top to bottom"
        ))),
    }
}

/// Prints what an upgrade of the data file would do. Fails if it would fail.
pub(super) fn run_upgrade(config: &Config, as_json: bool) -> Result<(), CliError> {
    upgrade::run(config, as_json)
}

fn in_force(config: &Config) -> String {
    let rows = config.entries();
    let wide = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (key, value, origin)| {
        // Writing to a String never fails.
        let _ = writeln!(text, "{key:wide$} = {value}  # {origin}");
        text
    })
}
