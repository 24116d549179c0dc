//! Recognizes a write-ahead log that belongs to another data file. SQLite does not: it replays any log that lies beside
//! the file, which undoes a restored backup or damages it.
//!
//! Both files are read without SQLite (<https://sqlite.org/fileformat2.html#the_write_ahead_log>). A log that a killed
//! process or a crash of the machine left always fits its file: each page of the file is as it was when the log began,
//! or as a commit of the log left it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::schema::Unfit;
use super::stamp::{self, Stamp};
use crate::error::{Error, Result};
use crate::store::data_dir::files::beside;
use crate::store::data_dir::shared_file::SharedFile;

const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The length of the header of the data file, and its first bytes.
const FILE_HEADER: usize = 100;
const FILE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The bytes of a log that are read at once.
const CHUNK: usize = 1 << 20;

/// Refuses a data file whose log belongs to another one. Changes nothing.
pub(super) fn refuse_foreign_log(path: &Path) -> Result<()> {
    let Some(log) = Log::read(&beside(path, "-wal")).map_err(Error::internal)? else { return Ok(()) };
    // Read after the log: a process that works on the file meanwhile only moves it on.
    let fits = match SharedFile::open(path) {
        Ok(file) => log.fits(&FileState::read(&file, log.first.map(|page| page.number)).map_err(Error::internal)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::internal(error)),
    };
    if fits { Ok(()) } else { Err(Unfit::ForeignLog.into()) }
}

/// What the commits of a log say about the data file.
#[derive(Debug)]
struct Log {
    page_size: usize,
    /// The first and the last page with the row of `meta`.
    first: Option<MetaPage>,
    last: Option<MetaPage>,
}

#[derive(Clone, Copy, Debug)]
struct MetaPage {
    /// The number of the page.
    number: u32,
    row: MetaRow,
}

/// The row of `meta`, as far as it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MetaRow {
    pub(super) generation: i64,
    pub(super) stamp: Stamp,
}

impl Log {
    /// Reads a log. None if there is none or if it has no commit, so that SQLite replays nothing.
    ///
    /// Checksums are not verified. A torn commit at the end, which SQLite leaves out, says the same about the file.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => BufReader::with_capacity(CHUNK, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut header = [0; LOG_HEADER];
        if !fill(&mut file, &mut header)? || !matches!(number(&header, 0), Some(0x377f_0682 | 0x377f_0683)) {
            return Ok(None);
        }
        let page_size = number(&header, 8).unwrap_or(0) as usize;
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
            return Ok(None);
        }
        let salts = (number(&header, 16), number(&header, 20));
        let (mut log, mut commits) = (Self { page_size, first: None, last: None }, 0_u64);
        let mut uncommitted = None;
        let mut frame = vec![0; FRAME_HEADER + page_size];
        while fill(&mut file, &mut frame)? && (number(&frame, 8), number(&frame, 12)) == salts {
            let page = frame.get(FRAME_HEADER..).unwrap_or_default();
            if let (Some(number), Some(row)) = (number(&frame, 0), MetaRow::find(page)) {
                uncommitted = Some(MetaPage { number, row });
            }
            // The size of the file, in the last frame of a commit.
            if number(&frame, 4).is_some_and(|pages| pages > 0) {
                commits += 1;
                let page = uncommitted.take();
                log.first = log.first.or(page);
                log.last = page.or(log.last);
            }
        }
        Ok((commits > 0).then_some(log))
    }

    fn fits(&self, file: &FileState) -> bool {
        let Some(header) = file.header.as_ref().filter(|header| header.has_log) else { return false };
        let is_as_before = match (self.first, file.row) {
            // Every commit increments the generation. The page of the file is that before the first commit of the log,
            // or a later one.
            (Some(first), Some(row)) => row.generation >= first.row.generation - 1,
            // Nothing is known about the file, or a rebuilt file has another page there.
            _ => true,
        };
        header.page_size == self.page_size
            && is_as_before
            && self.last.is_none_or(|last| last.row.stamp.fits(header.cookie))
    }
}

/// The data file itself, without its log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileState {
    /// None if the file is too short or not SQLite's.
    pub(super) header: Option<FileHeader>,
    /// The row of `meta`; none if it is not on the page where it was looked for.
    pub(super) row: Option<MetaRow>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    page_size: usize,
    /// Whether the file is used with a write-ahead log. A copy that `VACUUM INTO` makes is not.
    pub(super) has_log: bool,
    pub(super) cookie: u32,
}

impl FileState {
    /// Reads the header of a data file, and the row of `meta` if it is on this page.
    pub(super) fn read(file: &SharedFile, page: Option<u32>) -> io::Result<Self> {
        let mut bytes = [0; FILE_HEADER];
        let header = match file.read_at(&mut bytes, 0)? {
            FILE_HEADER => FileHeader::decode(&bytes),
            _ => None,
        };
        let mut state = Self { header, row: None };
        if let (Some(header), Some(page)) = (&state.header, page) {
            let mut bytes = vec![0; header.page_size];
            let offset = u64::from(page.saturating_sub(1)) * header.page_size as u64;
            let read = file.read_at(&mut bytes, offset)?;
            state.row = (read == header.page_size).then(|| MetaRow::find(&bytes)).flatten();
        }
        Ok(state)
    }
}

impl FileHeader {
    fn decode(bytes: &[u8; FILE_HEADER]) -> Option<Self> {
        let page_size = match bytes.get(16..18)? {
            [0, 1] => 65536,
            [high, low] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return None,
        };
        let cookie = number(bytes, stamp::COOKIE_AT)?;
        // Version 2 of the format says that there is a log.
        let has_log = bytes.get(18..20)? == [2, 2];
        (bytes.starts_with(FILE_MAGIC) && page_size.is_power_of_two() && page_size >= 512).then_some(Self {
            page_size,
            has_log,
            cookie,
        })
    }
}

impl MetaRow {
    /// The types of the values of the row: the id is in the key, then come the generation (a number of any length), a
    /// secret of 32 bytes and the stamp.
    const SECRET: u64 = 12 + 2 * 32;
    const STAMP: u64 = 12 + 2 * Stamp::LENGTH as u64;

    /// Finds the row in a page. None if the page is another one.
    fn find(page: &[u8]) -> Option<Self> {
        // A leaf of a table with one row.
        if page.first() != Some(&13) || page.get(3..5)? != [0, 1] {
            return None;
        }
        let at = usize::from(u16::from_be_bytes([*page.get(8)?, *page.get(9)?]));
        let mut rest = page.get(at..)?;
        let (_length, _key) = (varint(&mut rest)?, varint(&mut rest)?);
        let record = rest;
        let header_length = usize::try_from(varint(&mut rest)?).ok()?;
        let types = [varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?];
        let [0, generation, Self::SECRET, Self::STAMP] = types else { return None };
        let values = record.get(header_length..)?;
        let length = match generation {
            1..=4 => usize::try_from(generation).ok()?,
            5 => 6,
            6 => 8,
            _ => return None,
        };
        let (generation, rest) = values.split_at_checked(length)?;
        let generation = generation.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte));
        let stamp = rest.get(32..32 + Stamp::LENGTH)?;
        Some(Self { generation, stamp: Stamp::decode(stamp)? })
    }
}

/// Takes a number of one to nine bytes from the front.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut sum = 0;
    for position in 0..9 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if position == 8 {
            return Some(sum << 8 | u64::from(*byte));
        }
        sum = sum << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(sum)
}

/// The big-endian number at an offset.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Fills the buffer. Returns whether there was enough.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
