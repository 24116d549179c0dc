//! Do the tests of the rules run on both engines? One that opens a data file itself stays on SQLite.

use std::collections::BTreeSet;

use super::{is_tests, sources};

/// The files with such tests, each with the reason. Those of `store/engine` are about SQLite.
const ON_SQLITE: &[(&str, &str)] = &[
    ("app/tests/retention.rs", "a copy of the data file is opened"),
    ("store/search/tests.rs", "names are searched in memory; PostgreSQL has an index"),
    ("store/tests.rs", "the mode of a data file without a directory"),
    (
        "store/visibility/tests.rs",
        "they count the steps of SQLite; store/postgres/tests judges the plans of PostgreSQL",
    ),
];

#[test]
fn only_tests_about_sqlite_open_a_data_file() {
    let tests = |(path, text): &(String, String)| {
        let part = if is_tests(path) { text } else { text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests) };
        part.contains("Store::open(")
    };
    let all = sources();
    let found = all.iter().filter(|source| tests(source)).map(|(path, _)| path.as_str());
    let found: BTreeSet<&str> = found.filter(|path| !path.starts_with("store/engine/")).collect();
    let known: BTreeSet<&str> = ON_SQLITE.iter().map(|(path, _)| *path).collect();
    assert_eq!(found, known, "others use store::probe::open");
}
