//! Files in a folder: `ab/abcdef...`, by their SHA-256.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::directories::{create_folder, folder_of, sync_folder};
use super::{FileStore, Listed, Spooled, disk_error, incoming};
use crate::domain::model::Sha256;
use crate::error::Result;

#[derive(Debug)]
pub(super) struct LocalFiles {
    folder: PathBuf,
}

impl LocalFiles {
    /// The files in a folder, which is created when the first file is placed.
    pub(super) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, sha256: &Sha256) -> PathBuf {
        let name = sha256.to_string();
        self.folder.join(&name[..2]).join(name)
    }
}

/// The value of a file that exists.
fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

impl FileStore for LocalFiles {
    fn place(&self, file: &mut Spooled) -> Result<()> {
        let path = self.path(&file.sha256());
        let folder = folder_of(&path);
        let placed = create_folder(folder)
            .and_then(|()| file.move_to(&path))
            .and_then(|()| sync_folder(folder))
            // Another upload may have created the folder at this moment, and not have synced it yet.
            .and_then(|()| sync_folder(&self.folder));
        placed.map_err(|error| disk_error("store", &path, &error))
    }

    fn open(&self, sha256: &Sha256, range: Range<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        let path = self.path(sha256);
        let open = || -> io::Result<Option<Box<dyn Read + Send>>> {
            let Some(mut file) = if_exists(File::open(&path))? else { return Ok(None) };
            file.seek(SeekFrom::Start(range.start))?;
            Ok(Some(Box::new(file.take(range.end.saturating_sub(range.start)))))
        };
        open().map_err(|error| disk_error("read", &path, &error))
    }

    fn size(&self, sha256: &Sha256) -> Result<Option<u64>> {
        let path = self.path(sha256);
        let found = if_exists(fs::metadata(&path)).map_err(|error| disk_error("inspect", &path, &error))?;
        Ok(found.filter(fs::Metadata::is_file).map(|found| found.len()))
    }

    fn remove(&self, sha256: &Sha256) -> Result<()> {
        let path = self.path(sha256);
        let removed = if_exists(fs::remove_file(&path)).map_err(|error| disk_error("remove", &path, &error))?;
        if removed.is_some() {
            // The folder stays, because a file may be moved there at this moment.
            let folder = folder_of(&path);
            sync_folder(folder).map_err(|error| disk_error("sync", folder, &error))?;
        }
        Ok(())
    }

    fn list(&self, each: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        for entry in entries(&self.folder)? {
            let (name, path) = (entry.file_name(), entry.path());
            if name == incoming::FOLDER {
                continue;
            }
            if !path.is_dir() {
                each(Listed::Other(name.display().to_string()))?;
                continue;
            }
            for entry in entries(&path)? {
                let path = entry.path();
                let found = if_exists(entry.metadata()).map_err(|error| disk_error("inspect", &path, &error))?;
                let Some(found) = found else { continue };
                let sha256 = entry.file_name().to_str().and_then(|name| name.parse().ok());
                match sha256.filter(|sha256| found.is_file() && self.path(sha256) == path) {
                    Some(sha256) => each(Listed::File { sha256, size: found.len() })?,
                    None => each(Listed::Other(format!("{}/{}", name.display(), entry.file_name().display())))?,
                }
            }
        }
        Ok(())
    }
}

/// The entries of a folder; none if it does not exist.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let entries = if_exists(fs::read_dir(folder)).and_then(|entries| entries.into_iter().flatten().collect());
    entries.map_err(|error| disk_error("read the folder", folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Limit, Spool};

    const LIMIT: Limit = Limit { bytes: 1 << 20, rule: "must not be larger than 1 MiB" };

    struct Scene {
        place: tempfile::TempDir,
        spool: Spool,
        files: LocalFiles,
    }

    impl Scene {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            let folder = place.path().join("files");
            let spool = Spool::at(folder.join("incoming"));
            Self { place, spool, files: LocalFiles::at(folder) }
        }

        fn spooled(&self, bytes: &[u8]) -> Spooled {
            let mut incoming = self.spool.begin(LIMIT).unwrap();
            for chunk in bytes.chunks(3) {
                incoming.write(chunk).unwrap();
            }
            incoming.finish().unwrap()
        }

        fn read(&self, sha256: &Sha256, range: Range<u64>) -> Option<String> {
            let mut text = String::new();
            self.files.open(sha256, range).unwrap()?.read_to_string(&mut text).unwrap();
            Some(text)
        }

        fn listed(&self) -> Vec<Listed> {
            let mut found = Vec::new();
            self.files
                .list(&mut |listed| {
                    found.push(listed);
                    Ok(())
                })
                .unwrap();
            found.sort();
            found
        }

        /// The names of all files in the folder of the files.
        fn names(&self) -> Vec<String> {
            let (mut names, mut folders) = (Vec::new(), vec![self.place.path().to_owned()]);
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                    if entry.path().is_dir() {
                        folders.push(entry.path());
                    } else {
                        names.push(entry.file_name().into_string().unwrap());
                    }
                }
            }
            names
        }
    }

    #[test]
    fn a_file_is_stored_once_and_read_in_ranges() {
        let scene = Scene::new();
        let mut first = scene.spooled(b"0123456789");
        let sha256 = first.sha256();
        assert_eq!(scene.files.size(&sha256).unwrap(), None);
        assert_eq!(scene.read(&sha256, 0..10), None);
        scene.files.place(&mut first).unwrap();
        let mut twin = scene.spooled(b"0123456789");
        scene.files.place(&mut twin).unwrap();
        drop((first, twin));
        assert_eq!(scene.names(), [sha256.to_string()]);
        assert_eq!(scene.files.size(&sha256).unwrap(), Some(10));
        for (range, text) in [(0..10, "0123456789"), (3..5, "34"), (9..10, "9"), (4..4, "")] {
            assert_eq!(scene.read(&sha256, range).as_deref(), Some(text));
        }
        assert_eq!(scene.listed(), [Listed::File { sha256, size: 10 }]);
        scene.files.remove(&sha256).unwrap();
        scene.files.remove(&sha256).unwrap();
        assert_eq!((scene.names(), scene.listed()), (vec![], vec![]));
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let scene = Scene::new();
        let mut file = scene.spooled(b"whole");
        let sha256 = file.sha256();
        scene.files.place(&mut file).unwrap();
        fs::write(scene.files.path(&sha256), "bad").unwrap();
        scene.files.place(&mut scene.spooled(b"whole")).unwrap();
        assert_eq!(scene.read(&sha256, 0..5).as_deref(), Some("whole"));
    }

    #[test]
    fn a_file_that_was_removed_meanwhile_is_placed_again() {
        let scene = Scene::new();
        let mut file = scene.spooled(b"again");
        for _ in 0..3 {
            scene.files.place(&mut file).unwrap();
            assert_eq!(scene.read(&file.sha256(), 0..5).as_deref(), Some("again"));
            scene.files.remove(&file.sha256()).unwrap();
        }
        drop(file);
        assert!(scene.names().is_empty());
    }

    #[test]
    fn other_entries_are_listed_as_such() {
        let scene = Scene::new();
        let mut file = scene.spooled(b"x");
        scene.files.place(&mut file).unwrap();
        let path = scene.files.path(&file.sha256());
        let name = file.sha256().to_string();
        fs::write(scene.files.folder.join("notes.txt"), "").unwrap();
        fs::write(path.with_extension("bak"), "").unwrap();
        fs::create_dir(scene.files.folder.join("zz")).unwrap();
        fs::write(scene.files.folder.join("zz").join(&name), "").unwrap();
        let others = [format!("{}/{name}.bak", &name[..2]), "notes.txt".to_owned(), format!("zz/{name}")];
        let others = others.map(Listed::Other);
        assert_eq!(scene.listed()[1..], others);
    }
}
