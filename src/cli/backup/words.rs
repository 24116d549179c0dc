//! Words about backups.

use std::time::Duration;

use crate::app::backups::Made;

/// Why a backup that was made lacks files of models, if it does.
pub(super) fn incomplete(made: &Made) -> Option<String> {
    let (missing, damaged) = (made.files.missing.len(), made.files.damaged.len());
    (missing + damaged > 0).then(|| {
        format!(
            "the backup was made, but on the server {} missing, and {} damaged; run `atelier check`, and restore them from an \
             older backup or upload them again",
            several(missing, "model file"),
            several(damaged, "model file")
        )
    })
}

/// `1 key`, `2 keys`.
pub(in crate::cli) fn several(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `1 key was`, `2 keys were`.
pub(in crate::cli) fn several_were(number: u64, noun: &str) -> String {
    several(number, noun) + if number == 1 { " was" } else { " were" }
}

/// `3 minutes`, `5 hours`, `12 days`.
pub(in crate::cli) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    several(number, unit)
}
