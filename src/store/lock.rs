//! The lock file: the one server that may run on a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::home::{HomeError, Result};

/// How often the lock is tried for before it counts as another server's: the command line has it for moments only.
const TRIES: u32 = 10;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The right to be the server of a directory, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Whoever has the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process, where it is known.
    pub pid: Option<u32>,
}

/// Takes the lock of a directory. Refused while another server has it.
pub(super) fn take(home: &Path) -> Result<Lock> {
    let path = file_of(home);
    let failed = |source| HomeError::Io {
        verb: "lock",
        path: path.clone(),
        source,
        next: "check that this user may write there and that the file system can lock files",
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    if !free(|| file.try_lock()).map_err(failed)? {
        return Err(HomeError::Taken { path: home.to_owned(), pid: pid(&file) });
    }
    let write_pid = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write_pid(&mut file).map_err(failed)?;
    Ok(Lock { file })
}

/// Who has the lock of a directory; it is let go of at once if nobody has it.
pub(super) fn holder(home: &Path) -> Result<Option<Holder>> {
    let path = file_of(home);
    let failed = |source| HomeError::Io {
        verb: "look at",
        path: path.clone(),
        source,
        next: "run this as the user that runs the server",
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let free = free(|| file.try_lock_shared()).map_err(failed)?;
    Ok((!free).then(|| Holder { pid: pid(&file) }))
}

fn file_of(home: &Path) -> PathBuf {
    home.join("atelier.lock")
}

fn free(try_lock: impl Fn() -> std::result::Result<(), TryLockError>) -> io::Result<bool> {
    for attempt in 1..=TRIES {
        match try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if attempt < TRIES => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
    Ok(false)
}

/// Who holds it is a courtesy: an unreadable name must not hide that it is held.
fn pid(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file stays: removing it would let two servers lock two files of one name.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::home::Home;

    #[test]
    fn a_second_server_is_refused_until_the_first_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::open(place.path().join("home")).unwrap();
        let first = home.lock().unwrap();
        let error = home.lock().unwrap_err().to_string();
        let pid = std::process::id();
        assert!(error.starts_with(&format!("another atelier server (process {pid}) runs on ")), "{error}");
        assert!(error.contains("; stop it first, or "), "{error}");

        drop(first);
        let path = home.path().join("atelier.lock");
        assert_eq!(fs::read(&path).unwrap(), b"");
        let _second = home.lock().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{pid}\n"));
    }

    #[test]
    fn looking_for_the_holder_leaves_everything_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::open(place.path().join("home")).unwrap();
        assert_eq!(home.holder().unwrap(), None);
        assert!(!file_of(home.path()).exists());

        let lock = home.lock().unwrap();
        assert_eq!(home.holder().unwrap(), Some(Holder { pid: Some(std::process::id()) }));
        drop(lock);
        assert_eq!(home.holder().unwrap(), None);
        home.lock().unwrap();
    }

    #[test]
    fn a_lock_that_is_held_for_a_moment_is_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::open(place.path().join("home")).unwrap();
        let lock = home.lock().unwrap();
        let other = std::thread::spawn(move || {
            sleep(PAUSE * 2);
            drop(lock);
        });
        home.lock().unwrap();
        other.join().unwrap();
    }
}
