//! Words about backups.

use crate::app::backups::Made;
pub(in crate::cli) use crate::domain::quantity::{age, several};

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

/// `1 key was`, `2 keys were`.
pub(in crate::cli) fn several_were(number: u64, noun: &str) -> String {
    several(number, noun) + if number == 1 { " was" } else { " were" }
}
