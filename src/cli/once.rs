//! Printing what is shown only once: it must have arrived, or the command fails.

use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fsync, makedev};

/// How long stdout may take. The data file is locked meanwhile, and a server waits for that longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints a text on stdout, to its end and, where that is a file, onto the disk.
///
/// Refused when stdout is closed, full, or takes nothing for a while.
pub(super) fn print(text: String) -> io::Result<()> {
    if is_closed()? {
        return Err(io::Error::other("stdout is closed"));
    }
    let (done, outcome) = mpsc::channel();
    let write = move || {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush()).and_then(|()| sync());
        // Nobody waits any longer if this took too long.
        let _ = done.send(written);
    };
    thread::Builder::new().name("stdout".to_owned()).spawn(write)?;
    outcome.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(io::Error::other("stdout does not accept data")))
}

/// Some disks tell only then that they are full. What is no file cannot be synced.
fn sync() -> io::Result<()> {
    if metadata()?.is_file() {
        fsync(io::stdout())?;
    }
    Ok(())
}

/// The runtime opens `/dev/null` for reading and writing where stdout was closed; a shell that is told to send something
/// there opens it for writing alone.
fn is_closed() -> io::Result<bool> {
    let found = metadata()?;
    let is_null = found.file_type().is_char_device() && found.rdev() == makedev(1, 3);
    Ok(is_null && fcntl_getfl(io::stdout())?.contains(OFlags::RDWR))
}

fn metadata() -> io::Result<std::fs::Metadata> {
    // A copy of the descriptor, for the one of stdout must stay open.
    let copy = rustix::io::dup(io::stdout())?;
    std::fs::File::from(copy).metadata()
}
