//! Runs a command on a thread of its own, and reports a panic as one line and an error.

use std::panic;
use std::thread;

use super::{CliError, say};

/// The stack of a command. The main thread's depends on a limit of the system (`ulimit -s`).
const STACK: usize = 8 << 20;

/// Runs a command. Fails when it panics or no thread can be started.
pub(super) fn guard<T: Send + 'static>(command: impl FnOnce() -> T + Send + 'static) -> Result<T, CliError> {
    panic::set_hook(Box::new(|info| {
        let thread = thread::current();
        let line = format!("thread {} {info}", thread.name().unwrap_or("without a name")).replace('\n', " ");
        if log::log_enabled!(log::Level::Error) { log::error!("{line}") } else { say(&line) }
    }));
    let thread = thread::Builder::new().name("command".to_owned()).stack_size(STACK).spawn(command);
    let thread = thread.map_err(|error| {
        CliError::Failed(format!("cannot start a thread: {error}; raise the limit of threads or of memory"))
    })?;
    let failed = "the program cannot go on; the line above says why; if it is no limit of the system, please report it";
    thread.join().map_err(|_| CliError::Failed(failed.to_owned()))
}
