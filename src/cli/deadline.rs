//! Ends the process at the latest when `stop_grace` is over. A long read, a long write, a queue of passwords, a blocked
//! checkpoint or a blocked stderr would otherwise hold it for as long as they take.

use std::io;
use std::process;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// The minimum time for closing the data file.
const MIN_GRACE: Duration = Duration::from_secs(1);

/// The time that the log thread needs to write the last lines.
const LOG_TIME: Duration = Duration::from_millis(50);

/// A deadline that has not begun.
#[derive(Clone)]
pub(super) struct Deadline(Sender<i32>);

impl Deadline {
    /// Starts its thread now, because the system may not start another one later.
    pub(super) fn new(grace: Duration) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let wait = grace.max(MIN_GRACE).saturating_sub(LOG_TIME);
        thread::Builder::new().name("deadline".to_owned()).spawn(move || {
            if let Ok(code) = receiver.recv() {
                thread::sleep(wait);
                log::warn!("stop_grace is over; the server ends with unfinished work");
                if code == 0 {
                    log::info!(
                        "no acknowledged write is lost; the next start moves the write-ahead log into the data file"
                    );
                }
                thread::sleep(LOG_TIME);
                process::exit(code);
            }
        })?;
        Ok(Self(sender))
    }

    /// From now on the grace runs. When it is over, the process ends with this exit code.
    pub(super) fn begin(&self, code: i32) {
        // The thread is gone only if the process ends.
        let _ = self.0.send(code);
    }
}
