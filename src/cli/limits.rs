//! Compares the system's limits with what the server needs, before it starts: the libraries below panic where they
//! cannot open a file or start a thread.

use std::io;
use std::sync::mpsc::channel;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::CliError;
use crate::app::runtime::pool::{Pool, PoolKind};
use crate::config::Config;

/// The files of the standard streams, the runtime, the log and the data directory, and a few that are open for a moment.
const FIXED_FILES: u64 = 40;
const FILES_OF_A_WORKER: u64 = 4;
/// The data file and its write-ahead log.
const FILES_OF_A_READER: u64 = 2;

/// The writer, the opening of read connections, the acceptor of connections, the log and the signals.
const FIXED_THREADS: usize = 8;

/// Raises the limit of open files as far as the system permits.
pub(super) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // If it cannot be raised, the present limit counts.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Raises the limit of open files. Returns the number of connections that it leaves room for.
///
/// Refused when the server would not even start.
pub(super) fn connections(config: &Config, workers: usize) -> Result<usize, CliError> {
    raise_open_files();
    let Some(limit) = getrlimit(Resource::Nofile).current else { return Ok(config.max_connections) };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (workers, readers) = (count(workers), count(config.readers));
    let needed = [
        FIXED_FILES,
        workers.saturating_mul(FILES_OF_A_WORKER),
        readers.saturating_mul(FILES_OF_A_READER),
        count(config.listen.len()),
    ];
    let needed = needed.into_iter().fold(0, u64::saturating_add);
    if limit <= needed {
        return Err(CliError::Failed(format!(
            "the server may open only {limit} files; it needs {needed} and one for each connection; raise the limit with \
             `ulimit -n` or LimitNOFILE of systemd"
        )));
    }
    let room = usize::try_from(limit - needed).unwrap_or(usize::MAX);
    if room < config.max_connections {
        log::warn!(
            "the server may open only {limit} files, which leaves room for {room} of {} connections; raise the limit with \
             `ulimit -n` or LimitNOFILE of systemd, or lower max_connections",
            config.max_connections
        );
    }
    Ok(room.min(config.max_connections))
}

/// Starts as many threads as the server will need, and ends them.
///
/// Refused when the system does not permit them, or has no memory for their stacks.
pub(super) fn require_threads(config: &Config, workers: usize) -> Result<(), CliError> {
    let hashing = match config.password_threads {
        0 => Pool::default_threads(PoolKind::Hashing).get(),
        some => some,
    };
    let signing = Pool::default_threads(PoolKind::Signing).get();
    let files = [PoolKind::Files, PoolKind::Placing].map(|kind| Pool::default_threads(kind).get());
    let files = files.iter().sum::<usize>();
    let backups = usize::from(config.backup_directory.is_some());
    let needed = FIXED_THREADS + workers + config.readers + hashing + signing + files + backups;
    try_threads(needed).map_err(|error| {
        CliError::Failed(format!(
            "cannot start the {needed} threads of the server: {error}; raise the limit of threads with `ulimit -u` or \
             TasksMax of systemd, raise the limit of memory, or lower workers, readers or password_threads"
        ))
    })
}

fn try_threads(count: usize) -> io::Result<()> {
    let mut waiting = Vec::new();
    for _ in 0..count {
        let (end, ended) = channel::<()>();
        // It waits until the other end is dropped.
        let thread = thread::Builder::new().spawn(move || ended.recv().is_err())?;
        waiting.push((end, thread));
    }
    for (end, thread) in waiting {
        drop(end);
        // It cannot panic.
        let _ = thread.join();
    }
    Ok(())
}
