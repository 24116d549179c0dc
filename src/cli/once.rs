//! Output of secrets that are printed only once. The command fails unless the output was written completely.

use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fsync, makedev};

/// The maximum time to wait for stdout. The data file is locked meanwhile, and a server waits longer than this for the
/// lock.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Prints a text on stdout. If stdout is a file, it is synced to disk.
///
/// Refused if stdout is closed, full, or accepts no data for 2 seconds.
pub(super) fn print(text: String) -> io::Result<()> {
    if is_closed()? {
        return Err(io::Error::other("stdout is closed"));
    }
    let (done, outcome) = mpsc::channel();
    let write = move || {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush()).and_then(|()| sync());
        // The receiver is gone after a timeout.
        let _ = done.send(written);
    };
    thread::Builder::new().name("stdout".to_owned()).spawn(write)?;
    outcome.recv_timeout(TIMEOUT).unwrap_or_else(|_| Err(io::Error::other("stdout does not accept data")))
}

/// Some disks report that they are full only at the sync. Only files can be synced.
fn sync() -> io::Result<()> {
    if metadata()?.is_file() {
        fsync(io::stdout())?;
    }
    Ok(())
}

/// If stdout was closed, the runtime has opened `/dev/null` for reading and writing. A shell redirection to `/dev/null`
/// opens it for writing only.
fn is_closed() -> io::Result<bool> {
    let found = metadata()?;
    let is_null = found.file_type().is_char_device() && found.rdev() == makedev(1, 3);
    Ok(is_null && fcntl_getfl(io::stdout())?.contains(OFlags::RDWR))
}

fn metadata() -> io::Result<std::fs::Metadata> {
    // A copy of the descriptor, because stdout must stay open.
    let copy = rustix::io::dup(io::stdout())?;
    std::fs::File::from(copy).metadata()
}
