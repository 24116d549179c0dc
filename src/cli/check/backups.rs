//! Checks the age and the outcome of the last backup.

use super::advice::RESTORE;
use crate::app::backups::Outcomes;
use crate::app::checks;
use crate::cli::data::error_details;
use crate::cli::finding::Finding;
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

const WHAT: &str = "backup";

/// Nothing if no backup was ever made and none is scheduled.
pub(super) fn check(config: &Config, outcomes: Result<Outcomes>) -> Option<Finding> {
    match outcomes {
        Ok(outcomes) => checks::last_backup(config.backup_schedule, &outcomes, Timestamp::now()),
        Err(error) => Some(Finding::fault(WHAT, error_details(&error), RESTORE)),
    }
}
