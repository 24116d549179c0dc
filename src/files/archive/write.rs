//! Writes a backup, part by part.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use tar::{Builder, EntryType, Header};

use super::{CHECK, LABEL, Label, MANIFEST, Manifest, NewFile, Part, PartRecord};
use crate::domain::model::Sha256;
use crate::domain::timestamp::Timestamp;
use crate::tokens::file_hash::FileHash;
use crate::tokens::sealed_file::{Passphrase, SealingWriter};

const BUFFER: usize = 256 << 10;

enum Sink {
    Plain(BufWriter<File>),
    Sealed(SealingWriter<BufWriter<File>>),
}

impl Sink {
    fn begin(file: &NewFile, passphrase: Option<&Passphrase>, label: &[u8]) -> io::Result<Self> {
        let to = BufWriter::with_capacity(BUFFER, file.file().try_clone()?);
        Ok(match passphrase {
            None => Self::Plain(to),
            Some(passphrase) => Self::Sealed(SealingWriter::begin(to, passphrase, label)?),
        })
    }

    fn finish(self) -> io::Result<()> {
        let mut to = match self {
            Self::Plain(to) => to,
            Self::Sealed(to) => to.finish()?,
        };
        to.flush()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(bytes),
            Self::Sealed(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            Self::Sealed(to) => to.flush(),
        }
    }
}

/// Writes bytes into a new file, sealed if there is a passphrase. Returns their SHA-256. The file has no name yet.
pub(super) fn write_file(
    file: &NewFile,
    from: &mut dyn Read,
    passphrase: Option<&Passphrase>,
    label: &[u8],
) -> io::Result<Sha256> {
    let mut sink = Sink::begin(file, passphrase, label)?;
    let mut from = Hashing { from, left: u64::MAX, hash: FileHash::new() };
    copy(&mut from, &mut sink)?;
    sink.finish()?;
    Ok(from.hash.finish())
}

fn copy(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut chunk = vec![0; BUFFER];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(chunk.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A backup that is being written. It has its name only after [`ArchiveWriter::finish`].
pub struct ArchiveWriter {
    tar: Builder<Sink>,
    file: NewFile,
    label: Label,
    parts: Vec<PartRecord>,
}

impl ArchiveWriter {
    pub fn begin(file: NewFile, label: Label, passphrase: Option<&Passphrase>) -> io::Result<Self> {
        let text = serde_json::to_vec(&label)?;
        let tar = Builder::new(Sink::begin(&file, passphrase, &text)?);
        let mut writer = Self { tar, file, label, parts: Vec::new() };
        writer.append(LABEL, text.len() as u64, &mut text.as_slice())?;
        Ok(writer)
    }

    /// Adds a part, which must have this size.
    pub fn add(&mut self, part: &Part, size: u64, from: &mut dyn Read) -> io::Result<Sha256> {
        let name = part.name();
        let sha256 = self.append(&name, size, from)?;
        if !matches!(part, Part::Model(_)) {
            self.parts.push(PartRecord { name, size, sha256: sha256.to_string() });
        }
        Ok(sha256)
    }

    fn append(&mut self, name: &str, size: u64, from: &mut dyn Read) -> io::Result<Sha256> {
        let mut header = Header::new_gnu();
        header.set_path(name)?;
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_size(size);
        let made_at = self.label.made_at().map_or(0, Timestamp::seconds);
        header.set_mtime(u64::try_from(made_at).unwrap_or_default());
        header.set_cksum();
        let mut from = Hashing { from, left: size, hash: FileHash::new() };
        self.tar.append(&header, &mut from)?;
        if from.left > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} is shorter than it was")));
        }
        Ok(from.hash.finish())
    }

    /// Adds the manifest, whose parts are those that were added, brings the file to the disk and gives it its name. Returns
    /// its size.
    pub fn finish(mut self, mut manifest: Manifest) -> io::Result<u64> {
        manifest.parts = std::mem::take(&mut self.parts);
        let text = serde_json::to_vec_pretty(&manifest)?;
        let sha256 = self.append(MANIFEST, text.len() as u64, &mut text.as_slice())?;
        let line = format!("{sha256}\n");
        self.append(CHECK, line.len() as u64, &mut line.as_bytes())?;
        self.tar.into_inner()?.finish()?;
        let size = self.file.file().metadata()?.len();
        self.file.name_new()?;
        Ok(size)
    }
}

/// Reads at most `left` bytes and hashes them.
struct Hashing<'r> {
    from: &'r mut dyn Read,
    left: u64,
    hash: FileHash,
}

impl Read for Hashing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..most).unwrap_or_default();
        let read = self.from.read(into)?;
        self.hash.update(into.get(..read).unwrap_or_default());
        self.left -= read as u64;
        Ok(read)
    }
}
