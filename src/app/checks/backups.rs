//! Checks the age and the outcome of the last backup.

use std::time::Duration;

use serde_json::Value;

use super::{Finding, Level};
use crate::app::backups::Outcomes;
use crate::domain::audit::Recorded;
use crate::domain::backup::Schedule;
use crate::domain::quantity::age;
use crate::domain::timestamp::Timestamp;

const WHAT: &str = "backup";

/// The message if there is a schedule, but no directory.
pub const NO_DIRECTORY: &str =
    "backup_schedule is set, but not the directory of the backups; set backup_directory, too";

/// A backup that somebody makes without a schedule is recent for this long.
const RECENT: Duration = Duration::from_hours(48);

/// Nothing if no backup was ever made and none is scheduled.
pub fn last_backup(schedule: Option<Schedule>, outcomes: &Outcomes, now: Timestamp) -> Option<Finding> {
    let Outcomes { made, failed } = outcomes;
    let last = made
        .as_ref()
        .map(|made| format!("the last one was made {} ago: {}", age(made.at.until(now)), text(made, "path")));
    if let Some(failed) = failed.as_ref().filter(|failed| made.as_ref().is_none_or(|made| made.id < failed.id)) {
        let ago = age(failed.at.until(now));
        let last = last.unwrap_or_else(|| "there is none".to_owned());
        let found = format!("no backup could be made, first {ago} ago: {}; {last}", text(failed, "cause"));
        return Some(Finding::fault(WHAT, found, "correct the cause; the server tries it again"));
    }
    match (made, last, schedule) {
        (Some(made), Some(last), Some(schedule)) if made.at.until(now) > schedule.interval() * 2 => {
            Some(Finding::warning(WHAT, last, "see the log of the server, and whether it runs with backup_schedule"))
        }
        (Some(made), Some(last), _) if number(made, "missing_files") + number(made, "damaged_files") > 0 => {
            let found = format!("{last}; files of models were missing or damaged");
            Some(Finding::warning(WHAT, found, "follow what this check says of files, and make another backup"))
        }
        (Some(_), Some(last), _) => Some(Finding::ok(WHAT, last)),
        (_, _, Some(_)) => Some(Finding::warning(WHAT, "no backup was made yet", "start the server, and check again")),
        (_, _, None) => None,
    }
}

/// Whether the data can be restored: like [`last_backup`], and it must be scheduled, or made by somebody not long ago.
pub fn recent_backup(schedule: Option<Schedule>, outcomes: &Outcomes, now: Timestamp) -> Finding {
    let is_recent = || outcomes.made.as_ref().is_some_and(|made| made.at.until(now) <= RECENT);
    match last_backup(schedule, outcomes, now) {
        Some(finding) if finding.level != Level::Ok || schedule.is_some() || is_recent() => finding,
        found => {
            let last = found.map_or_else(|| "no backup was made yet".to_owned(), |finding| finding.found);
            let next = "set backup_directory and backup_schedule, and start the server again";
            Finding::warning(WHAT, format!("none is scheduled, and {last}"), next)
        }
    }
}

/// The same for data in PostgreSQL, whose backups the server does not see.
pub fn backup_of_postgres() -> Finding {
    let found = "not made by this server, whose data is in PostgreSQL; back it up with `pg_dump`, or with the tools of your \
                 PostgreSQL service";
    Finding::ok(WHAT, found)
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
