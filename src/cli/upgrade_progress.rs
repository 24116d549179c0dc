//! Shows how far an upgrade of the data file is: a bar on a terminal, lines of the log elsewhere.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use crate::cli::progress::Progress;
use crate::store::upgrade::{Stage, Watcher, Work};

/// The watcher of an upgrade by a command.
pub(super) fn watcher() -> Watcher {
    if !std::io::stderr().is_terminal() {
        return Watcher::logging();
    }
    let shown: Mutex<Option<Shown>> = Mutex::new(None);
    Watcher::new(move |stage| show(&mut shown.lock().unwrap_or_else(PoisonError::into_inner), stage))
}

/// The bar of a part of the upgrade.
struct Shown {
    work: Work,
    is_counted: bool,
    bar: Progress,
}

fn show(shown: &mut Option<Shown>, stage: &Stage) {
    let is_counted = stage.count.is_some();
    if !shown.as_ref().is_some_and(|shown| (shown.work, shown.is_counted) == (stage.work, is_counted)) {
        let bar = match (stage.count, stage.work) {
            (None, _) => Progress::unknown(),
            (Some((_, total)), Work::Copy) => Progress::bytes(total),
            (Some((_, total)), _) => Progress::items(total),
        };
        bar.name(&stage.work.to_string());
        *shown = Some(Shown { work: stage.work, is_counted, bar });
    }
    if let Some(Shown { bar, .. }) = shown {
        match stage.count {
            Some((done, _)) => bar.set(done),
            None => bar.tick(),
        }
    }
}
