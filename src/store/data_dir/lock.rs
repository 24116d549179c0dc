//! The lock of a data directory. It allows one server at a time. The lock file describes the settings of that server, and
//! the data file is locked too, because somebody may remove the lock file.
//!
//! The first line is the process id. The server adds a second line with its settings as JSON once it serves.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::{DataDirError, Result};
use super::files;
use super::shared_file::SharedFile;
use crate::domain::secret::Secret;

/// How often the lock is tried before it counts as held by another server. The command line holds it only for moments.
const TRIES: u32 = 10;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The maximum number of bytes that are read from a lock file.
const MAX_LENGTH: u64 = 64 << 10;

/// The lock of a directory. It is released when dropped or when the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// The locked data file; none on a network file system.
    database: Option<Arc<SharedFile>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// None if the process id cannot be read.
    pub pid: Option<u32>,
    /// The settings of the server; none if the server does not serve yet or is older.
    pub in_force: Option<InForce>,
}

/// The settings that a running server uses. Their only secret is the key of the commands of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InForce {
    pub version: String,
    pub listen: Vec<SocketAddr>,
    /// The files of its Unix sockets.
    pub unix: Vec<PathBuf>,
    /// Whether it serves https there.
    pub https: bool,
    /// The address of the server as people type it, if it is set.
    pub public_url: Option<String>,
    /// The file of the master key, if the server rereads it.
    pub master_key_file: Option<PathBuf>,
    /// The key with which commands of this machine ask the server. It is new with each start.
    #[serde(with = "plain")]
    pub local_key: Option<Secret>,
    /// Every key of the configuration with its value in TOML, secrets masked.
    pub configuration: BTreeMap<String, String>,
}

/// The lock file is for its owner only, so the key is written as it is.
mod plain {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Secret;

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(key: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        key.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

impl Lock {
    /// Publishes the settings in one write after the process id. Until then others see only the process id.
    pub fn publish(&mut self, in_force: &InForce) -> Result<()> {
        let failed = |source| DataDirError::Io {
            verb: "write to",
            path: PathBuf::from("atelier.lock"),
            source,
            next: "check that the disk is not full",
        };
        let line = serde_json::to_string(in_force).map_err(|error| failed(error.into()))? + "\n";
        self.file.write_all(line.as_bytes()).map_err(failed)
    }
}

/// Takes the lock of a directory, and of its data file if that can be locked. Fails if another server holds one of them.
pub(super) fn take(home: &Path, database: Option<&Path>) -> Result<Lock> {
    let path = file_of(home);
    let failed = |source| DataDirError::Io {
        verb: "lock",
        path: path.clone(),
        source,
        next: "check that this user can write there and that the file system supports file locks",
    };
    let mut file = files::open_or_create(&path).map_err(failed)?;
    if !free(|| file.try_lock()).map_err(failed)? {
        return Err(DataDirError::Taken { path: home.to_owned(), pid: read(&file).pid });
    }
    let database = opened(database).map_err(failed)?;
    if let Some(database) = &database
        && !free(|| database.try_lock()).map_err(failed)?
    {
        return Err(DataDirError::Taken { path: home.to_owned(), pid: None });
    }
    let write_pid = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(format!("{}\n", std::process::id()).as_bytes())
    };
    let lock = write_pid(&mut file).map(|()| Lock { file, database });
    lock.map_err(failed)
}

fn opened(database: Option<&Path>) -> io::Result<Option<Arc<SharedFile>>> {
    match database.map(SharedFile::open).transpose() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found,
    }
}

/// Who holds the lock of a directory, if anybody. Keeps no lock.
pub(super) fn holder(home: &Path, database: Option<&Path>) -> Result<Option<Holder>> {
    let path = file_of(home);
    let failed = |source| DataDirError::Io {
        verb: "inspect",
        path: path.clone(),
        source,
        next: "run this command as the user that runs the server",
    };
    match File::open(&path) {
        Ok(file) => {
            if !free(|| file.try_lock_shared()).map_err(failed)? {
                return Ok(Some(read(&file)));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(failed(source)),
    }
    let Some(database) = opened(database).map_err(failed)? else { return Ok(None) };
    let is_free = free(|| database.try_unlocked()).map_err(failed)?;
    Ok((!is_free).then_some(Holder { pid: None, in_force: None }))
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

/// The details are optional: an unreadable lock file still means that the lock is held.
fn read(file: &File) -> Holder {
    let mut holder = Holder { pid: None, in_force: None };
    for _ in 0..TRIES {
        let mut text = String::new();
        if file.take(MAX_LENGTH).read_to_string(&mut text).is_err() || (&mut &*file).rewind().is_err() {
            break;
        }
        let (pid, rest) = text.split_once('\n').unwrap_or((&text, ""));
        holder.pid = pid.trim().parse().ok();
        holder.in_force = serde_json::from_str(rest).ok();
        // The text cannot be parsed: another process is still writing it.
        let is_incomplete = !text.is_empty() && (holder.pid.is_none() || holder.in_force.is_none() && !rest.is_empty());
        if !is_incomplete {
            break;
        }
        sleep(PAUSE);
    }
    holder
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file stays. Removing it would let two servers lock two files with one name.
        let _ = self.file.set_len(0);
        // The end of the process unlocks it too.
        let _ = self.database.as_ref().map(|database| database.unlock());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::data_dir::DataDir;

    #[test]
    fn a_second_server_is_refused_until_the_first_has_stopped() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("home")).unwrap();
        let first = home.lock().unwrap();
        let error = home.lock().unwrap_err().to_string();
        let pid = std::process::id();
        assert!(error.starts_with(&format!("another atelier server (process {pid}) is using ")), "{error}");
        assert!(error.contains("; stop it first, or "), "{error}");

        drop(first);
        let path = home.path().join("atelier.lock");
        assert_eq!(fs::read(&path).unwrap(), b"");
        let _second = home.lock().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{pid}\n"));
    }

    #[test]
    fn reading_the_holder_changes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("home")).unwrap();
        assert_eq!(home.holder().unwrap(), None);
        assert!(!file_of(home.path()).exists());

        let lock = home.lock().unwrap();
        let pid = Some(std::process::id());
        assert_eq!(home.holder().unwrap(), Some(Holder { pid, in_force: None }));
        drop(lock);
        assert_eq!(home.holder().unwrap(), None);
        home.lock().unwrap();
    }

    #[test]
    fn a_removed_lock_file_lets_no_second_server_in() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("home")).unwrap();
        let first = home.lock().unwrap();
        let lock_file = file_of(home.path());
        for change in [|path: &Path| fs::remove_file(path), |path: &Path| fs::write(path, "")] {
            change(&lock_file).unwrap();
            let error = home.lock().unwrap_err().to_string();
            assert!(error.starts_with("another atelier server is using "), "{error}");
            assert_eq!(home.holder().unwrap(), Some(Holder { pid: None, in_force: None }));
            fs::remove_file(&lock_file).unwrap();
        }
        drop(first);
        assert_eq!(home.holder().unwrap(), None);
        home.lock().unwrap();
    }

    #[test]
    fn settings_are_read_completely_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("home")).unwrap();
        let mut lock = home.lock().unwrap();
        let in_force = InForce {
            version: "1".to_owned(),
            listen: vec!["[::1]:8787".parse().unwrap()],
            unix: vec!["/run/a.sock".into()],
            https: true,
            public_url: Some("https://a.example".to_owned()),
            master_key_file: Some("/k".into()),
            local_key: Some(Secret::new("k")),
            configuration: [("log".to_owned(), "\"x\ny\"".to_owned())].into(),
        };
        let pid = Some(std::process::id());
        let reader = std::thread::spawn({
            let home = home.clone();
            move || {
                let mut holders = Vec::new();
                while holders.last().is_none_or(|holder: &Option<Holder>| holder.as_ref().unwrap().in_force.is_none()) {
                    holders.push(home.holder().unwrap());
                }
                holders
            }
        });
        lock.publish(&in_force).unwrap();
        for holder in reader.join().unwrap() {
            let holder = holder.unwrap();
            assert_eq!(holder.pid, pid);
            assert!(holder.in_force.is_none_or(|found| found == in_force));
        }
        // The text as older and newer versions write it, and invalid texts.
        for (text, holder) in [
            ("17\n", Holder { pid: Some(17), in_force: None }),
            ("17", Holder { pid: Some(17), in_force: None }),
            ("", Holder { pid: None, in_force: None }),
            ("17\n{\"novel\":1}\n", Holder { pid: Some(17), in_force: Some(InForce::default()) }),
            ("17\n{\"version\":", Holder { pid: Some(17), in_force: None }),
            ("who\n", Holder { pid: None, in_force: None }),
        ] {
            fs::write(file_of(home.path()), text).unwrap();
            assert_eq!(home.holder().unwrap(), Some(holder), "{text:?}");
        }
    }

    #[test]
    fn a_briefly_held_lock_is_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("home")).unwrap();
        let lock = home.lock().unwrap();
        let other = std::thread::spawn(move || {
            sleep(PAUSE * 2);
            drop(lock);
        });
        home.lock().unwrap();
        other.join().unwrap();
    }
}
