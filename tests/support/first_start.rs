//! The data of a first start, made once for each test program: the password and the keys take most of the time of one.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;

use super::{Setup, is_on_postgres, postgres};

/// What a server leaves that has started and stopped.
struct Left {
    /// The files of its data directory.
    files: Vec<(OsString, Vec<u8>)>,
    /// The name of its database of PostgreSQL.
    database: Option<String>,
}

/// Puts a copy of the data into an empty directory. Returns the address of its database of PostgreSQL, if this test runs
/// there.
pub(super) fn copy_into(data_dir: &Path) -> Option<String> {
    static LEFT: [OnceLock<Left>; 2] = [OnceLock::new(), OnceLock::new()];
    let left = LEFT[usize::from(is_on_postgres())].get_or_init(made);
    for (name, content) in &left.files {
        let mut file = OpenOptions::new();
        let mut file = file.write(true).create_new(true).mode(0o600).open(data_dir.join(name)).expect("a new file");
        file.write_all(content).expect("the file can be written");
    }
    left.database.as_ref().map(|name| {
        let cluster = postgres::cluster();
        cluster.address(&cluster.copy_database(name))
    })
}

fn made() -> Left {
    let mut server = Setup::new().start();
    assert!(server.stop().success(), "the server stops");
    let entries = fs::read_dir(server.data_dir()).expect("the data directory").map(|entry| entry.expect("an entry"));
    let files = entries.map(|entry| (entry.file_name(), fs::read(entry.path()).expect("a file"))).collect();
    let database = server.database().map(|address| super::database_name(address).to_owned());
    Left { files, database }
}
