//! The stamp of the data file: a number in its header that each start of a server chooses anew.
//!
//! The number is SQLite's schema cookie. Every commit writes it into the write-ahead log too, with the row of `meta`. A
//! copy that was put over the data file has another number than the log beside it: an older copy has the number of an
//! older start, and SQLite's backup and `VACUUM INTO` change it in the copy.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::{Conn, health};
use crate::error::Result;

/// The offset of the schema cookie in the header of the data file.
pub(super) const COOKIE_AT: usize = 40;

/// The first bytes of the column `meta.stamp`. They are the same as those of the file's raw pages, so that a page with
/// this row is recognized without SQLite.
const MARK: [u8; 16] = *b"stamp of atelier";

/// Other programs increment the cookie when they change the schema: `VACUUM`, an index.
const MAX_INCREMENTS: u32 = 0xffff;

/// What the log says about the header of its data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    cookie: u32,
    /// The cookie that the file had before, until the new one is known to be in the file.
    before: Option<u32>,
}

impl Stamp {
    pub(super) const LENGTH: usize = MARK.len() + 8;

    /// Of a file that has no stamp: it fits every cookie.
    const NONE: Self = Self { cookie: 0, before: None };

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (cookie, before) = bytes.strip_prefix(&MARK)?.split_first_chunk()?;
        let before = u32::from_be_bytes(before.try_into().ok()?);
        Some(Self { cookie: u32::from_be_bytes(*cookie), before: (before > 0).then_some(before) })
    }

    fn encode(self) -> Vec<u8> {
        let numbers = [self.cookie, self.before.unwrap_or(0)];
        MARK.into_iter().chain(numbers.into_iter().flat_map(u32::to_be_bytes)).collect()
    }

    /// Whether a file with this cookie can be the one that was stamped.
    pub(super) fn fits(self, cookie: u32) -> bool {
        let since = |first: u32| cookie.checked_sub(first).is_some_and(|more| more <= MAX_INCREMENTS);
        self == Self::NONE || since(self.cookie) || self.before.is_some_and(since)
    }

    /// Whether only this one cookie fits.
    pub(super) const fn is_settled(self) -> bool {
        self.cookie > 0 && self.before.is_none()
    }
}

/// Stamps the file anew. Only one process may do so at a time: the server that holds the lock of the directory.
///
/// Two commits and a checkpoint between them, so that a file without the new number was not stamped or was replaced,
/// wherever the process was killed. A reader of another process can prevent the checkpoint. The stamp is then not
/// settled.
///
/// Such a reader, Litestream for example, can also keep the last number out of the file, that of an upgrade or of a server
/// that was killed. The file then keeps its stamp, and none is returned: a new one could name only one of the two numbers
/// that the file may have before.
pub(super) fn renew(conn: &mut Connection, is_in_file: impl Fn(u32) -> bool) -> Result<Option<Stamp>> {
    move_log(conn);
    let before = cookie(conn)?;
    if !is_in_file(before) {
        log::debug!("the file keeps its stamp, because another process holds the write-ahead log");
        return Ok(None);
    }
    // Far from the small numbers of new files and of copies.
    let random: u32 = conn.query_row("SELECT abs(random() % 0x60000000)", [], |row| row.get(0))?;
    let stamp = Stamp { cookie: 0x1000_0000 + random, before: Some(before) };
    write(conn, stamp, true)?;
    move_log(conn);
    if !is_in_file(stamp.cookie) {
        return Ok(Some(stamp));
    }
    let settled = Stamp { before: None, ..stamp };
    write(conn, settled, false)?;
    Ok(Some(settled))
}

/// Moves what no reader needs from the log into the file.
fn move_log(conn: &Connection) {
    // A fault of the disk is told by the checkpoints of the writer.
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        log::debug!("cannot move the stamp into the data file: {error}");
    }
}

/// Removes the stamp of a file that is a copy of the stamped one, before anything else is written into it.
pub(super) fn clear_in_copy(conn: &mut Connection) -> Result<()> {
    match read(conn)? {
        Some(stamp) if !stamp.fits(cookie(conn)?) => write(conn, Stamp::NONE, false),
        _ => Ok(()),
    }
}

fn write(conn: &mut Connection, stamp: Stamp, with_cookie: bool) -> Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("UPDATE meta SET stamp = ?1 WHERE id = 1", [stamp.encode()])?;
    health::grow(Conn::Sqlite(&tx))?;
    if with_cookie {
        tx.pragma_update(None, "schema_version", stamp.cookie)?;
    }
    Ok(tx.commit()?)
}

/// The stamp in the row of `meta`; none if the file was never stamped.
fn read(conn: &Connection) -> Result<Option<Stamp>> {
    // Older files have no such column, and empty ones no such table.
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('meta') WHERE name = 'stamp')";
    if !conn.query_row(sql, [], |row| row.get(0))? {
        return Ok(None);
    }
    let sql = "SELECT stamp FROM meta WHERE id = 1";
    let found: Option<Option<Vec<u8>>> = conn.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(found.flatten().and_then(|bytes| Stamp::decode(&bytes)))
}

fn cookie(conn: &Connection) -> Result<u32> {
    let cookie: i32 = conn.pragma_query_value(None, "schema_version", |row| row.get(0))?;
    Ok(cookie.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_fits_its_cookie_and_the_next_ones() {
        let stamp = Stamp { cookie: 0x1000_0000, before: None };
        for (cookie, fits) in [
            (0x0fff_ffff, false),
            (0x1000_0000, true),
            (0x1000_0001, true),
            (0x1000_ffff, true),
            (0x1001_0000, false),
            (1, false),
            (u32::MAX, false),
        ] {
            assert_eq!(stamp.fits(cookie), fits, "{cookie:x}");
            assert!(Stamp::NONE.fits(cookie));
        }
        let unsettled = Stamp { before: Some(7), ..stamp };
        assert!(unsettled.fits(7) && unsettled.fits(9) && unsettled.fits(0x1000_0000));
        assert!(!unsettled.fits(6) && !unsettled.fits(0x0fff_ffff));
        assert!(stamp.is_settled() && !unsettled.is_settled() && !Stamp::NONE.is_settled());
    }

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        for stamp in [Stamp::NONE, Stamp { cookie: 9, before: None }, Stamp { cookie: u32::MAX, before: Some(1) }] {
            let bytes = stamp.encode();
            assert_eq!((bytes.len(), Stamp::decode(&bytes)), (Stamp::LENGTH, Some(stamp)));
            assert_eq!(Stamp::decode(&bytes[1..]), None);
        }
    }
}
