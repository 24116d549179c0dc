//! Checks of a database of PostgreSQL that several servers share.

use super::Finding;
use crate::store::{ConnectionRoom, Node};

/// Whether a server may run beside the others on a database. `files` is the URL of the object storage, empty for files in
/// the data directory; `public_url` is empty if it is not set.
pub fn other_servers(others: &[Node], files: &str, public_url: &str) -> Finding {
    const WHAT: &str = "servers";
    let number = match others.len() {
        0 if files.is_empty() => {
            let found = "no other server runs on the database; a second one needs files_url, because files are in the \
                         data directory of this one";
            return Finding::ok(WHAT, found);
        }
        0 => return Finding::ok(WHAT, "no other server runs on the database"),
        1 => "another server runs on the database".to_owned(),
        many => format!("{many} other servers run on the database"),
    };
    let is_local = files.is_empty() || others.iter().any(|other| other.files.is_empty());
    if is_local {
        let next = "set files_url to the same object storage on all of them, or stop the others";
        return Finding::fault(WHAT, format!("{number}, but files are kept in a directory of one machine"), next);
    }
    if let Some(other) = others.iter().find(|other| other.files != files) {
        let found = format!("{number}, one of them with files_url {}, not {files}", other.files);
        return Finding::fault(WHAT, found, "set files_url to the same object storage on all of them");
    }
    let has_none = public_url.is_empty() || others.iter().any(|other| other.public_url.is_empty());
    if has_none {
        let next = "set public_url to the address that people use on all of them";
        return Finding::fault(WHAT, format!("{number}, but without public_url each issues other tokens"), next);
    }
    if let Some(other) = others.iter().find(|other| other.public_url != public_url) {
        let found = format!("{number}, one of them with public_url {}, not {public_url}", other.public_url);
        return Finding::fault(WHAT, found, "set public_url to the same address on all of them");
    }
    Finding::ok(WHAT, number)
}

/// The servers on a database, one of which is that of this data directory.
pub fn running_servers(all: &[Node]) -> Finding {
    let number = all.len();
    let verb = if number == 1 { "server runs" } else { "servers run" };
    Finding::ok("servers", format!("{number} {verb} on the database"))
}

/// Whether the connections of a server with so many readers fit beside those that exist.
pub fn connections(room: ConnectionRoom, readers: usize) -> Finding {
    const WHAT: &str = "connections";
    let needed = ConnectionRoom::needed(readers);
    let ConnectionRoom { most, reserved, used } = room;
    let found = format!(
        "a server needs {needed} connections; PostgreSQL permits {most}, of which {reserved} are reserved and {used} are \
         used"
    );
    if i64::try_from(needed).unwrap_or(i64::MAX) > room.free() {
        return Finding::fault(WHAT, found, "raise max_connections of PostgreSQL, or lower readers");
    }
    Finding::ok(WHAT, found)
}

/// Whether the database keeps its data when its machine crashes. Nothing if it does.
pub fn fsync(is_on: bool) -> Option<Finding> {
    let found = "it is off in PostgreSQL, so a crash of its machine loses data";
    (!is_on).then(|| Finding::warning("fsync", found, "set it to on, unless all of it may be lost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::checks::Level;

    #[test]
    fn servers_share_files_and_an_address() {
        let node = |files: &str, public_url: &str| Node {
            version: 10,
            files: files.to_owned(),
            public_url: public_url.to_owned(),
        };
        let level = |others: &[Node]| other_servers(others, "s3://files", "https://ml.example.com").level;
        assert_eq!(level(&[]), Level::Ok);
        assert_eq!(level(&[node("s3://files", "https://ml.example.com")]), Level::Ok);
        for other in [
            node("", "https://ml.example.com"),
            node("s3://other", "https://ml.example.com"),
            node("s3://files", ""),
            node("s3://files", "https://other.example.com"),
        ] {
            assert_eq!(
                level(&[node("s3://files", "https://ml.example.com"), other.clone()]),
                Level::Fault,
                "{other:?}"
            );
        }
        assert_eq!(other_servers(&[], "", "").level, Level::Ok, "one server may have its own files");
        let other = [node("s3://files", "https://ml.example.com")];
        assert_eq!(other_servers(&other, "", "https://ml.example.com").level, Level::Fault);
    }

    #[test]
    fn all_connections_must_fit() {
        let level = |used| connections(ConnectionRoom { most: 100, reserved: 3, used }, 17).level;
        assert_eq!(level(77), Level::Ok);
        assert_eq!(level(78), Level::Fault);
    }
}
