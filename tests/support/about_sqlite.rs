//! The tests that are about SQLite itself. They run on a data file when the others run on PostgreSQL.

use std::io::Write as _;
use std::sync::Once;

/// The beginnings of their names, and why. None of them shares its server with other tests.
const TESTS: &[(&str, &str)] = &[
    ("data_file::", "the data file is removed, replaced and damaged"),
    ("backups::", "backups are of a data file; those of PostgreSQL are made by its own programs"),
    ("backups_apart::", "the same"),
    ("backups_broken::", "the same"),
    ("upgrade::", "old data files are upgraded"),
    ("move_data::", "the data goes from a file to PostgreSQL and back"),
    ("check::check_finds_nothing_after_a_server_has_stopped", "it lists what is checked of a data file"),
    ("check::check_reports_that_no_server_has_started", "the data file is missing or empty"),
    ("check::files_of_other_versions_and_programs_are_reported", "the data file is another program's"),
    ("check::a_damaged_file_is_reported", "bytes of the data file are changed"),
    ("check::a_broken_foreign_key_is_reported", "PostgreSQL keeps no row that refers to nothing"),
    ("check::file_modes_that_others_can_read_are_reported", "the mode of the data file is changed"),
    (
        "check::a_server_unreachable_by_others_is_reported",
        "a server on PostgreSQL refuses all addresses without public_url",
    ),
    ("check::the_wal_of_a_killed_server_is_read", "SQLite has a write-ahead log beside the file"),
    ("health::a_server_that_lost_its_file", "the data file is removed"),
    ("health::a_running_server_is_healthy_wherever", "a server on PostgreSQL refuses all addresses without public_url"),
    ("status::a_server_that_is_not_ready_is_told", "the data file is removed"),
    ("users::an_empty_list_says_the_next_step", "the data file is empty"),
    ("users::a_foreign_data_file_is_reported_and_left_alone", "the data file is another program's"),
    ("retention::a_compaction_that_is_killed", "only a data file is compacted"),
    ("retention::a_server_exports_and_deletes_old_rows_and_compact", "the same"),
    ("admin::a_recovery_creates_an_administrator_if_all_were_deleted", "the data file is empty"),
    ("asking::a_missing_data_directory_is_reported", "PostgreSQL needs no data directory for commands"),
    ("hints::a_name_cannot_mislead_the_terminal", "the command is told of no database"),
    ("hints::a_backup_is_not_named_like_a_command", "a backup is of a data file"),
    ("import_people::without_a_file_of_links_nobody_is_invited", "a write fails by a trigger in SQLite's words"),
    ("keys::a_key_is_printed_alone_and_kept_as_a_fingerprint", "the bytes of the data file are searched"),
    ("clients::a_clients_secret_is_printed_alone", "the same"),
    ("limits::a_command_with_few_files", "a connection needs more files than a data file"),
    ("mistakes::a_directory_in_the_place_of_a_file_is_told", "a backup is of a data file"),
    ("mistakes::a_directory_that_gets_secrets_is_closed", "the same"),
    ("printing::files_created_by_root_belong_to", "it lists the data file among the files"),
    ("running::the_schema_is_not_upgraded_under", "an old data file is upgraded"),
    (
        "running::links_of_a_running_server_on_all_addresses",
        "a server on PostgreSQL refuses all addresses without public_url",
    ),
    ("signing_keys::a_master_key_is_read_from", "the data file is compared with itself"),
    ("users::the_first_user_can_be_added_before", "it lists the data file among the files"),
    ("console::system::an_administrator_makes_a_backup_and_downloads_it", "a backup is of a data file"),
    ("console::system::only_administrators_take_backups", "a backup is of a data file"),
    ("console::system::a_server_without_a_directory_makes_no_backup", "a backup is of a data file"),
    ("console::system::an_old_sign_in_is_confirmed_before_a_download", "a backup is of a data file"),
    (
        "hostile::manners::a_server_on_all_addresses_names",
        "a server on PostgreSQL refuses all addresses without public_url",
    ),
    ("hostile::manners::a_trusted_host_or_the_public_url_logs", "the same"),
    ("hostile::manners::each_unknown_host_is_logged_once", "the same"),
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
