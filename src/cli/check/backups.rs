//! Checks the age and the outcome of the last backup.

use serde_json::Value;

use super::advice::RESTORE;
use crate::app::backups::Outcomes;
use crate::cli::backup::age;
use crate::cli::data::error_details;
use crate::cli::finding::Finding;
use crate::config::Config;
use crate::domain::audit::Recorded;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

const WHAT: &str = "backup";

/// Nothing if no backup was ever made and none is scheduled.
pub(super) fn check(config: &Config, outcomes: Result<Outcomes>) -> Option<Finding> {
    let Outcomes { made, failed } = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => return Some(Finding::fault(WHAT, error_details(&error), RESTORE)),
    };
    let now = Timestamp::now();
    let last = made
        .as_ref()
        .map(|made| format!("the last one was made {} ago: {}", age(made.at.until(now)), text(made, "path")));
    if let Some(failed) = failed.filter(|failed| made.as_ref().is_none_or(|made| made.id < failed.id)) {
        let ago = age(failed.at.until(now));
        let last = last.unwrap_or_else(|| "there is none".to_owned());
        let found = format!("no backup could be made, first {ago} ago: {}; {last}", text(&failed, "cause"));
        return Some(Finding::fault(WHAT, found, "correct the cause; the server tries it again"));
    }
    match (made, last, config.backup_schedule) {
        (Some(made), Some(last), Some(schedule)) if made.at.until(now) > schedule.interval() * 2 => {
            Some(Finding::warning(WHAT, last, "see the log of the server, and whether it runs with backup_schedule"))
        }
        (Some(made), Some(last), _) if number(&made, "missing_files") + number(&made, "damaged_files") > 0 => {
            let found = format!("{last}; files of models were missing or damaged");
            Some(Finding::warning(WHAT, found, "follow what this check says of files, and make another backup"))
        }
        (Some(_), Some(last), _) => Some(Finding::ok(WHAT, last)),
        (_, _, Some(_)) => Some(Finding::warning(WHAT, "no backup was made yet", "start the server, and check again")),
        (_, _, None) => None,
    }
}

/// A text of the state after a change.
fn text(row: &Recorded, name: &str) -> String {
    let after = row.after.as_deref().and_then(|after| serde_json::from_str::<Value>(after).ok());
    after.and_then(|after| Some(after.get(name)?.as_str()?.to_owned())).unwrap_or_default()
}

/// A number of the state after a change.
fn number(row: &Recorded, name: &str) -> u64 {
    let after = row.after.as_deref().and_then(|after| serde_json::from_str::<Value>(after).ok());
    after.and_then(|after| after.get(name)?.as_u64()).unwrap_or_default()
}
