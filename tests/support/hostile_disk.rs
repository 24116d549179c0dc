//! A disk that fails as told: a preloaded library between the server and the system (`disk.c`).

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::{Server, Setup};

/// The size of the file with the rules.
const SIZE: usize = 4096;

/// The rules of one server's disk.
#[derive(Debug)]
pub struct HostileDisk {
    rules: File,
    path: PathBuf,
    _folder: TempDir,
}

impl HostileDisk {
    /// A disk without faults.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("rules");
        fs::write(&path, [0; SIZE]).expect("a file of rules");
        let rules = OpenOptions::new().read(true).write(true).open(&path).expect("the file of rules");
        Self { rules, path, _folder: folder }
    }

    /// Puts the server of this setup on the disk.
    pub fn under(&self, setup: Setup) -> Setup {
        setup.env("LD_PRELOAD", library()).env("HOSTILE_DISK", &self.path)
    }

    /// Lets calls fail from now on. A rule is `CALL FAULT SUFFIX`; see `disk.c`.
    pub fn fail(&self, rules: &[&str]) {
        let mut loaded = [0];
        self.rules.read_exact_at(&mut loaded, SIZE as u64 - 1).expect("the mark of the library");
        assert_eq!(loaded, [1], "the library is not in the server: is it linked statically?");
        self.prepare(rules);
    }

    /// The same, before the server starts.
    pub fn prepare(&self, rules: &[&str]) {
        let mut text: Vec<u8> = rules.iter().flat_map(|rule| rule.bytes().chain([b'\n'])).collect();
        assert!(text.len() < SIZE - 1);
        text.resize(SIZE - 1, 0);
        self.rules.write_all_at(&text, 0).expect("the rules written");
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.fail(&[]);
    }
}

/// The library, compiled once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/disk.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-disk.so");
        // Other test processes may compile it at the same time.
        let own = library.with_extension(format!("{}.so", std::process::id()));
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"];
        let output = Command::new(&compiler).args(flags).arg(&own).arg(&source).output();
        let output = output.unwrap_or_else(|error| {
            panic!(
                "cannot run the C compiler {compiler}: {error}; the tests of a failing disk need one, as building SQLite \
                 does: install gcc or clang, or name it in CC"
            )
        });
        assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
        fs::rename(&own, &library).expect("the library in its place");
        library
    })
}

/// The length of the write-ahead log.
pub fn log_length(server: &Server) -> u64 {
    fs::metadata(server.data_dir().join("atelier.db-wal")).map_or(0, |file| file.len())
}
