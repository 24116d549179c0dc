//! The list of the files of models in a backup, and how a file is read that may be damaged.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Lines, Read, Write};
use std::path::Path;

use crate::domain::model::StoredFile;
use crate::error::{Error, Result};
use crate::store::{View, stored_files};

/// The number and the total size of files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Total {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// Writes the files that the data file refers to, one on a line, by SHA-256.
pub(super) fn write_list(view: &View, path: &Path) -> Result<Total> {
    let mut to = BufWriter::new(File::options().write(true).truncate(true).open(path).map_err(Error::internal)?);
    let mut total = Total::default();
    stored_files::for_each(view, |file| {
        total = Total { count: total.count + 1, bytes: total.bytes + file.size };
        writeln!(to, "{} {}", file.sha256, file.size).map_err(Error::internal)
    })?;
    to.flush().map_err(Error::internal)?;
    Ok(total)
}

/// The files of a list.
pub(super) struct List(Lines<BufReader<File>>);

impl List {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(BufReader::new(File::open(path)?).lines()))
    }
}

impl Iterator for List {
    type Item = io::Result<StoredFile>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.0.next()? {
            Ok(line) => line,
            Err(error) => return Some(Err(error)),
        };
        Some(parse(&line).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the list of files is malformed")))
    }
}

pub(super) fn parse(line: &str) -> Option<StoredFile> {
    let (sha256, size) = line.split_once(' ')?;
    Some(StoredFile { sha256: sha256.parse().ok()?, size: size.parse().ok()? })
}

/// Reads a file that must have a size. If the disk cannot read it or it is too short, the rest are zeros.
pub(super) struct Padded {
    from: Box<dyn Read + Send>,
    left: u64,
    is_broken: bool,
}

impl Padded {
    pub(super) fn new(from: Box<dyn Read + Send>, size: u64) -> Self {
        Self { from, left: size, is_broken: false }
    }
}

impl Read for Padded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..most).unwrap_or_default();
        let read = if self.is_broken { Ok(0) } else { self.from.read(into) };
        let read = match read {
            Ok(read) if read > 0 || into.is_empty() => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            // The object storage could not be reached.
            Err(error) if error.raw_os_error().is_none() => return Err(error),
            _ => {
                self.is_broken = true;
                into.fill(0);
                into.len()
            }
        };
        self.left -= read as u64;
        Ok(read)
    }
}
