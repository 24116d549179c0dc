//! The data directory: its files and their modes. It knows the file system only, not the contents of the database.

mod certificate;
mod error;
mod file_system;
pub mod files;
pub mod lock;
pub(in crate::store) mod shared_file;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lock::{Holder, Lock};
use rustix::fs::statvfs;
use rustix::process::geteuid;
use shared_file::SharedFile;

pub use error::{DataDirError, Result};

use crate::store::postgres::Address;

/// The folder in which the data file is copied for a backup.
pub const BACKING_UP: &str = "backup.tmp";

/// The folder in which a backup is restored into a directory that exists.
pub const RESTORING: &str = "restore.tmp";

/// A directory of mode 0700 that belongs to one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir {
    path: PathBuf,
    /// The database, if it is one of PostgreSQL and not a file of the directory.
    server: Option<Address>,
}

impl DataDir {
    /// Opens a data directory. Creates it and an empty database file if they do not exist.
    ///
    /// Tightens a looser mode than 0700 with a warning. Refuses if the directory is open to other users and contains
    /// files that are not atelier's (`/srv`, for example, must stay open), if it has the rest of a server whose database is
    /// gone, or if it cannot be created or tightened.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::at(path).opened()
    }

    /// Opens this data directory, like [`DataDir::open`].
    pub fn opened(self) -> Result<Self> {
        let home = self;
        files::create_directories(&home.path).map_err(|source| {
            home.io("create the data directory", source, "choose another directory with --data-dir")
        })?;
        if home.server.is_some() {
            home.close_to_others()?;
            return Ok(home);
        }
        if home.path.join(RESTORING).exists() && !home.database().exists() {
            return Err(DataDirError::HalfRestored { path: home.path });
        }
        if let Some(left) = home.left_without_database() {
            return Err(DataDirError::DatabaseLost { path: home.database(), left });
        }
        home.close_to_others()?;
        home.create_database()?;
        Ok(home)
    }

    /// Opens a data directory that gets its database later. Creates it if it does not exist.
    ///
    /// Refuses one that has a database, or the log or the journal of one, which SQLite would apply to the new one.
    pub fn without_database(path: impl Into<PathBuf>) -> Result<Self> {
        let home = Self::at(path);
        files::create_directories(&home.path).map_err(|source| {
            home.io("create the data directory", source, "choose another directory with --data-dir")
        })?;
        home.close_to_others()?;
        for end in ["", "-wal", "-journal"] {
            let file = files::beside(&home.database(), end);
            if fs::metadata(&file).is_ok_and(|found| found.len() > 0) {
                return Err(DataDirError::Occupied { path: file });
            }
        }
        Ok(home)
    }

    /// The data directory of that path. It reads and changes nothing on the disk.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), server: None }
    }

    /// The data directory of a server whose data is in a database of PostgreSQL, if an address is given.
    #[must_use]
    pub fn with_server(self, server: Option<Address>) -> Self {
        Self { server, ..self }
    }

    /// The database, if it is one of PostgreSQL and not a file of the directory.
    pub const fn server(&self) -> Option<&Address> {
        self.server.as_ref()
    }

    /// Opens a data directory that a server has created. Never creates one.
    pub fn existing(path: impl Into<PathBuf>) -> Result<Self> {
        Self::at(path).found()
    }

    /// Opens this data directory, like [`DataDir::existing`]. One without a data file may be absent.
    pub fn found(self) -> Result<Self> {
        let home = self;
        if home.server.is_some() {
            return Ok(home);
        }
        match fs::metadata(home.database()) {
            Ok(_) => {
                home.close_to_others()?;
                Ok(home)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DataDirError::Absent { path: home.path }),
            Err(source) => Err(home.io("open", source, "run this command as the user that runs the server")),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn database(&self) -> PathBuf {
        self.path.join("atelier.db")
    }

    /// The file of the master key, which seals the signing keys.
    pub fn master_key(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// The file with the generated password of the first administrator.
    pub fn first_admin(&self) -> PathBuf {
        self.path.join("first-admin.txt")
    }

    /// Locks the directory for this server. Fails if another server holds the lock, even if somebody has removed the lock
    /// file meanwhile.
    pub fn lock(&self) -> Result<Lock> {
        lock::take(&self.path, self.lockable_database().as_deref())
    }

    /// Who holds the lock of the directory, if anybody. Changes nothing.
    pub fn holder(&self) -> Result<Option<Holder>> {
        lock::holder(&self.path, self.lockable_database().as_deref())
    }

    /// The data file, if it can be locked. On network file systems, a lock of the whole file (flock) meets SQLite's locks,
    /// and shuts it out.
    fn lockable_database(&self) -> Option<PathBuf> {
        (self.server.is_none() && self.network_file_system().is_none()).then(|| self.database())
    }

    /// The kind of network file system that the directory is on, if it is on one.
    ///
    /// SQLite's locks and shared memory do not work across machines, and often not even on one machine.
    pub fn network_file_system(&self) -> Option<&'static str> {
        file_system::network(&self.path)
    }

    /// The free bytes of its disk; none if the file system does not tell.
    pub fn free_space(&self) -> Option<u64> {
        statvfs(&self.path).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// The bytes of the data file and of its write-ahead log.
    pub fn database_sizes(&self) -> (u64, u64) {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |found| found.len());
        let log = self.database().with_extension("db-wal");
        (size(self.database()), size(log))
    }

    /// What a server has left in the directory whose database does not exist or is empty: its master key, files of models, or
    /// copies of the database. A new server in its place would hide the loss.
    pub fn left_without_database(&self) -> Option<PathBuf> {
        match fs::metadata(self.database()) {
            Ok(found) if found.len() > 0 => return None,
            // It is told when the database is opened.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return None,
            _ => {}
        }
        // Its log is refused with its own next step when the database is opened.
        if fs::metadata(self.path.join("atelier.db-wal")).is_ok_and(|log| log.len() > 0) {
            return None;
        }
        let has_entries = |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        // An empty folder, and unfinished uploads, are no loss.
        let has_files = |path: &Path| {
            fs::read_dir(path).is_ok_and(|entries| {
                entries.flatten().any(|entry| entry.file_name() != "incoming" && has_entries(&entry.path()))
            })
        };
        let (files, copies) = (self.path.join("files"), self.path.join("backup"));
        [(self.master_key().exists(), self.master_key()), (has_files(&files), files), (has_entries(&copies), copies)]
            .into_iter()
            .find_map(|(is_there, path)| is_there.then_some(path))
    }

    fn close_to_others(&self) -> Result<()> {
        let next = "run atelier as the owner of the directory, or choose another one with --data-dir";
        let found = fs::metadata(&self.path).map_err(|source| self.io("inspect", source, next))?;
        let mode = found.permissions().mode() & 0o7777;
        let loose = mode & 0o077 != 0;
        if !loose {
            return Ok(());
        }
        if !geteuid().is_root() && found.uid() != geteuid().as_raw() {
            return Err(DataDirError::Foreign { path: self.path.clone(), mode, owner: found.uid() });
        }
        if self.contains_other_files().map_err(|source| self.io("open", source, next))? {
            return Err(DataDirError::Shared { path: self.path.clone(), mode });
        }
        fs::set_permissions(&self.path, Permissions::from_mode(0o700))
            .map_err(|source| self.io("run chmod 700 on", source, next))?;
        log::warn!("{} was open to other users (mode {mode:o}); changed it to mode 700", self.path.display());
        Ok(())
    }

    /// Whether the directory contains other files, but neither a database nor a lock file of atelier's.
    fn contains_other_files(&self) -> io::Result<bool> {
        let mut others = false;
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if name == "atelier.db" || name == "atelier.lock" {
                return Ok(false);
            }
            // A new volume contains lost+found.
            others |= name != "lost+found";
        }
        Ok(others)
    }

    /// Creates the database file before SQLite does, because SQLite's file mode depends on the umask. The write-ahead
    /// log and the shared memory inherit the mode of the file.
    fn create_database(&self) -> Result<()> {
        let path = self.database();
        let failed = |source| DataDirError::Io {
            verb: "open",
            path: path.clone(),
            source,
            next: "check that this user can read and write it",
        };
        let file = files::open_or_create(&path).map_err(failed)?;
        // A store of this process may have the file open.
        let shared = SharedFile::share(file).map_err(failed)?;
        let file = shared.file();
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
            log::warn!("{} was open to other users (mode {mode:o}); changed it to mode 600", path.display());
        }
        Ok(())
    }

    fn io(&self, verb: &'static str, source: io::Error, next: &'static str) -> DataDirError {
        DataDirError::Io { verb, path: self.path.clone(), source, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_data_directory_is_private() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("a/b")).unwrap();
        assert_eq!(mode(home.path()), 0o700);
        assert_eq!(mode(home.path().parent().unwrap()), 0o700);
        assert_eq!(mode(&home.database()), 0o600);
        assert_eq!(fs::read(home.database()).unwrap(), b"");
        let _lock = home.lock().unwrap();
        assert_eq!(mode(&home.path().join("atelier.lock")), 0o600);
        assert!(!home.master_key().exists() && !home.first_admin().exists());
    }

    #[test]
    fn a_data_directory_reopens_unchanged() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("home")).unwrap();
        fs::write(home.database(), "rows").unwrap();
        assert_eq!(DataDir::open(home.path()).unwrap(), home);
        assert_eq!(DataDir::existing(home.path()).unwrap(), home);
        assert_eq!(fs::read(home.database()).unwrap(), b"rows");
    }

    #[test]
    fn looser_modes_are_tightened() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::open(place.path().join("home")).unwrap();
        fs::write(home.path().join("backup.tar"), "").unwrap();
        chmod(home.path(), 0o2755);
        chmod(&home.database(), 0o644);
        DataDir::open(home.path()).unwrap();
        assert_eq!(mode(home.path()) & 0o777, 0o700);
        assert_eq!(mode(&home.database()), 0o600);

        let volume = place.path().join("volume");
        fs::create_dir_all(volume.join("lost+found")).unwrap();
        chmod(&volume, 0o755);
        DataDir::open(&volume).unwrap();
        assert_eq!(mode(&volume), 0o700);
    }

    #[test]
    fn a_directory_with_other_files_keeps_its_mode() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("other"), "").unwrap();
        chmod(place.path(), 0o755);
        let error = DataDir::open(place.path()).unwrap_err().to_string();
        assert!(error.contains("(mode 755) and contains other files; give atelier its own directory"), "{error}");
        assert_eq!(mode(place.path()), 0o755);
        assert!(!place.path().join("atelier.db").exists());

        chmod(place.path(), 0o700);
        DataDir::open(place.path()).unwrap();
    }

    #[test]
    fn existing_never_creates_a_data_directory() {
        let place = tempfile::tempdir().unwrap();
        let error = DataDir::existing(place.path().join("typo")).unwrap_err().to_string();
        assert!(error.contains("there is no atelier database in"), "{error}");
        assert!(!place.path().join("typo").exists());
    }

    #[test]
    fn a_path_that_is_not_a_directory_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, "").unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot create the data directory {}: ", path.display())), "{error}");
        assert!(error.ends_with("; choose another directory with --data-dir"), "{error}");
    }
}
