//! The tests that are about SQLite itself. They run on a data file when the others run on PostgreSQL.

use std::io::Write as _;
use std::sync::Once;

/// The beginnings of their names, and why. None of them shares its server with other tests.
const TESTS: &[(&str, &str)] = &[
    ("data_file::", "the data file is removed, replaced and damaged"),
    ("backups::", "backups are of a data file; those of PostgreSQL are made by its own programs"),
    ("console::system::an_administrator_makes_a_backup_and_downloads_it", "a backup is of a data file"),
    ("console::system::only_administrators_take_backups", "a backup is of a data file"),
    ("console::system::a_server_without_a_directory_makes_no_backup", "a backup is of a data file"),
    ("console::system::an_old_sign_in_is_confirmed_before_a_download", "a backup is of a data file"),
    ("kills::", "what was acknowledged is looked up in the data file after the kills"),
    ("hostile::disk::", "the disk under the data file is full or slow or fails"),
    ("hostile::identity::an_upgrade_normalizes_names_and_reports_those_it_could_not", "an old data file is upgraded"),
    ("process::a_locked_file_makes_the_server_unready_until_released", "another process locks the data file"),
    ("stopping::a_checkpoint_that_waits_for_a_reader_does_not_hold_up_a_stop", "PostgreSQL has no such checkpoint"),
    ("stopping::a_long_write_does_not_hold_up_a_stop", "the write is made long by a trigger in SQLite's words"),
];

/// Whether the test of this thread is one of them. Prints all of them, once, past the capture of the output.
pub fn is_this_test() -> bool {
    static PRINTED: Once = Once::new();
    PRINTED.call_once(|| {
        let lines = TESTS.iter().map(|(name, why)| format!("on a data file: {name} ({why})\n"));
        let _ = std::io::stderr().write_all(lines.collect::<String>().as_bytes());
    });
    std::thread::current().name().is_some_and(|test| TESTS.iter().any(|(name, _)| test.starts_with(name)))
}
