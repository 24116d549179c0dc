//! Writes audit rows as JSON lines, a file for each month, before they are deleted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::error::{Error, Result};
use crate::store::audit::old::OldRow;
use crate::store::files;
use crate::tokens::chain::to_hex;

/// How every line begins.
const BEGIN: &[u8] = b"{\"id\":";

/// The maximum length of the last line of a file.
const MAX_LINE: u64 = 4 << 20;

/// Appends rows to the files of their months. They are on the disk when this returns.
///
/// Rows that the file ends with already are not written again: the process was killed before it deleted them.
pub(super) fn append(directory: &Path, rows: &[OldRow]) -> Result<()> {
    files::create_directories(directory).map_err(|error| failed(directory, &error))?;
    let mut months: BTreeMap<String, Vec<&OldRow>> = BTreeMap::new();
    for row in rows {
        months.entry(month(row)).or_default().push(row);
    }
    months.iter().try_for_each(|(month, rows)| {
        let path = directory.join(format!("audit-{month}.jsonl"));
        append_to(&path, rows).map_err(|error| failed(&path, &error))
    })
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::internal(format!("cannot write audit rows to {}: {error}", path.display()))
}

/// `2026-11`
fn month(row: &OldRow) -> String {
    row.at.zulu().chars().take(7).collect()
}

fn append_to(path: &Path, rows: &[&OldRow]) -> io::Result<()> {
    let mut file = files::open_or_create(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    file.try_lock().map_err(|_| io::Error::other("another process is writing to it"))?;
    let (end, last) = end_of(&file)?;
    let is_last = |row: &&OldRow| last.as_ref().is_some_and(|last| last.id == row.id && last.hash == to_hex(&row.hash));
    let done = rows.iter().position(is_last).map_or(0, |at| at + 1);
    let mut text = Vec::new();
    for row in rows.iter().skip(done) {
        text.extend(line(row));
    }
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    if let Err(error) = file.write_all(&text) {
        // If this fails too, the next run cuts the incomplete line off.
        let _ = file.set_len(end);
        return Err(error);
    }
    file.sync_all()?;
    // The file name is on disk only after its directory is synced.
    File::open(files::directory_of(path))?.sync_all()
}

/// The last line of a file.
#[derive(Deserialize)]
struct Last {
    id: i64,
    hash: String,
}

/// Where the last complete line of a file ends, and that line. Refuses a file that does not end with an audit row.
fn end_of(file: &File) -> io::Result<(u64, Option<Last>)> {
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(MAX_LINE);
    let mut tail = Vec::new();
    let mut from = file;
    from.seek(SeekFrom::Start(begin))?;
    from.take(MAX_LINE).read_to_end(&mut tail)?;
    let foreign = || io::Error::other("it does not end with an audit row; move it out of the directory");
    let complete = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (lines, torn) = tail.split_at_checked(complete).ok_or_else(foreign)?;
    if !torn.iter().zip(BEGIN).all(|(found, wanted)| found == wanted) || complete == 0 && begin > 0 {
        return Err(foreign());
    }
    let end = length - torn.len() as u64;
    let Some(lines) = lines.strip_suffix(b"\n") else { return Ok((end, None)) };
    let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(last).map(|last| (end, Some(last))).map_err(|_| foreign())
}

/// The row as a line of JSON. `before` and `after` have the stored text, so that the hash can be computed from the line.
fn line(row: &OldRow) -> Vec<u8> {
    let state = |text: &Option<String>| match text {
        None => "null".to_owned(),
        Some(text) if !text.contains('\n') && serde_json::from_str::<IgnoredAny>(text).is_ok() => text.clone(),
        Some(text) => json!(text).to_string(),
    };
    format!(
        "{{\"id\":{},\"at\":{},\"actor\":{},\"actor_id\":{},\"credential\":{},\"dialect\":{},\"address\":{},\
         \"request_id\":{},\"verb\":{},\"kind\":{},\"object\":{},\"before\":{},\"after\":{},\"hash\":{}}}\n",
        row.id,
        json!(row.at.zulu()),
        json!(row.actor),
        json!(row.actor_id),
        json!(row.credential),
        json!(row.dialect),
        json!(row.address),
        json!(row.request_id),
        json!(row.verb),
        json!(row.kind),
        json!(row.object),
        state(&row.before),
        state(&row.after),
        json!(to_hex(&row.hash)),
    )
    .into_bytes()
}
