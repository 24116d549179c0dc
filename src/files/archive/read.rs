//! Reads a backup from its beginning to its end, and trusts none of its bytes.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use tar::{Archive, EntryType};

use super::{ArchiveError, CHECK, DATABASE, FORMAT, LABEL, Label, MANIFEST, Manifest, Part, PartRecord};
use crate::domain::model::Sha256;
use crate::tokens::file_hash::FileHash;
use crate::tokens::sealed_file::{MAGIC, OpeningReader, Passphrase, read_label};

const BUFFER: usize = 256 << 10;

/// The maximum size of a label and of a manifest.
const MAX_LABEL: u64 = 64 << 10;
const MAX_MANIFEST: u64 = 64 << 20;

/// Whether a file is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed(pub bool);

type Result<T> = std::result::Result<T, ArchiveError>;

/// Opens a file, and reads the mark of a sealed one.
fn open(path: &Path) -> Result<(Sealed, Box<dyn Read>)> {
    let file = File::open(path).map_err(ArchiveError::Unreadable)?;
    if !file.metadata().map_err(ArchiveError::Unreadable)?.is_file() {
        return Err(ArchiveError::NotABackup);
    }
    let mut file = BufReader::with_capacity(BUFFER, file);
    let mut begin = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut begin).map_err(ArchiveError::Unreadable)?;
    if begin == MAGIC {
        return Ok((Sealed(true), Box::new(file)));
    }
    Ok((Sealed(false), Box::new(Cursor::new(begin).chain(file))))
}

fn parse_label(bytes: &[u8]) -> Result<Label> {
    /// Of any format.
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let format = serde_json::from_slice::<Format>(bytes).map_err(|_| ArchiveError::NotABackup)?.format;
    if format > FORMAT {
        return Err(ArchiveError::Newer(format));
    }
    let label: Label = serde_json::from_slice(bytes).map_err(|error| ArchiveError::Damaged(error.to_string()))?;
    if label.made_at().is_none() {
        return Err(ArchiveError::Damaged(format!("{LABEL} has no time")));
    }
    Ok(label)
}

/// The label of a backup, and whether it is sealed. It needs no passphrase, and reads no more.
pub fn peek(path: &Path) -> Result<(Label, Sealed)> {
    let (sealed, mut from) = open(path)?;
    if sealed.0 {
        return Ok((parse_label(&read_label(&mut from)?)?, sealed));
    }
    let mut tar = Archive::new(from);
    let mut first = tar.entries()?.raw(true).next().ok_or(ArchiveError::NotABackup)?.map_err(not_a_backup)?;
    if &*first.path_bytes() != LABEL.as_bytes() {
        return Err(ArchiveError::NotABackup);
    }
    Ok((parse_label(&small(&mut first, MAX_LABEL)?)?, sealed))
}

fn not_a_backup(error: io::Error) -> ArchiveError {
    match ArchiveError::from(error) {
        ArchiveError::Unreadable(error) => ArchiveError::Unreadable(error),
        _ => ArchiveError::NotABackup,
    }
}

/// Reads a small part.
fn small(from: &mut dyn Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ArchiveError::Damaged("a part is too large".to_owned()));
    }
    Ok(bytes)
}

/// Takes a part, its size and its bytes.
type EachPart<'f, E> = &'f mut dyn FnMut(&Part, u64, &mut dyn Read) -> std::result::Result<(), E>;

/// A backup whose label was read.
pub struct ArchiveReader {
    tar: Archive<Box<dyn Read>>,
    pub label: Label,
    pub sealed: Sealed,
}

impl ArchiveReader {
    /// Refused if it is no backup, has a newer format, or the passphrase does not open it.
    pub fn open(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self> {
        let (label, sealed) = peek(path)?;
        let (_, from) = open(path)?;
        if !sealed.0 {
            return Ok(Self { tar: Archive::new(from), label, sealed });
        }
        let passphrase = passphrase.ok_or(ArchiveError::Sealed)?;
        let (_, opening) = OpeningReader::begin(from, passphrase)?;
        Ok(Self { tar: Archive::new(Box::new(BufReader::with_capacity(BUFFER, opening))), label, sealed })
    }

    /// Calls `each` with every part but the label and the manifest. What `each` does not read is skipped.
    ///
    /// Refused unless the file ends with its manifest, and every part is as the manifest says. A file of a model whose bytes
    /// do not have its SHA-256 is refused, too, unless the manifest calls it damaged.
    pub fn read<E: From<ArchiveError>>(mut self, each: EachPart<E>) -> std::result::Result<Manifest, E> {
        let damaged = |what: String| E::from(ArchiveError::Damaged(what));
        let (mut parts, mut broken) = (Vec::new(), Vec::new());
        let (mut manifest, mut check, mut is_first) = (None, None, true);
        for entry in self.tar.entries().map_err(ArchiveError::from)?.raw(true) {
            let mut entry = entry.map_err(ArchiveError::from)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if entry.header().entry_type() != EntryType::Regular {
                return Err(damaged(format!("{name:?} is no regular file")));
            }
            let size = entry.header().entry_size().map_err(ArchiveError::from)?;
            let is_label = std::mem::replace(&mut is_first, false);
            match name.as_str() {
                LABEL if is_label => {
                    if parse_label(&small(&mut entry, MAX_LABEL)?)? != self.label {
                        return Err(damaged(format!("{LABEL} was changed")));
                    }
                }
                MANIFEST if manifest.is_none() => manifest = Some(small(&mut entry, MAX_MANIFEST)?),
                CHECK if manifest.is_some() && check.is_none() => check = Some(small(&mut entry, MAX_LABEL)?),
                _ => {
                    let part = Part::parse(&name).filter(|_| !is_label && manifest.is_none());
                    let part = part.ok_or_else(|| damaged(format!("{name:?} does not belong there")))?;
                    let mut reader = Hashing { from: &mut entry, hash: FileHash::new(), read: 0 };
                    each(&part, size, &mut reader)?;
                    io::copy(&mut reader, &mut io::sink()).map_err(ArchiveError::from)?;
                    if reader.read != size {
                        return Err(ArchiveError::from(io::Error::from(io::ErrorKind::UnexpectedEof)).into());
                    }
                    let sha256 = reader.hash.finish();
                    match part {
                        Part::Model(named) if named == sha256 => {}
                        Part::Model(named) => broken.push(named),
                        _ => parts.push(PartRecord { name, size, sha256: sha256.to_string() }),
                    }
                }
            }
        }
        let rest = self.tar.into_inner();
        require_end(rest).map_err(E::from)?;
        let manifest = manifest.ok_or_else(|| damaged("it is cut off".to_owned()))?;
        verify(&self.label, &manifest, check.as_deref(), &parts, &broken).map_err(E::from)
    }
}

/// The end of a tar file are zeros. A sealed file is also cut off if its last chunk is missing.
fn require_end(mut rest: impl Read) -> Result<()> {
    let mut chunk = vec![0; BUFFER];
    loop {
        let read = rest.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        if chunk.iter().take(read).any(|byte| *byte != 0) {
            return Err(ArchiveError::Damaged("something follows its end".to_owned()));
        }
    }
}

fn verify(
    label: &Label,
    manifest: &[u8],
    check: Option<&[u8]>,
    parts: &[PartRecord],
    broken: &[Sha256],
) -> Result<Manifest> {
    let damaged = |what: String| Err(ArchiveError::Damaged(what));
    let mut hash = FileHash::new();
    hash.update(manifest);
    if check != Some(format!("{}\n", hash.finish()).as_bytes()) {
        return damaged(format!("{MANIFEST} does not have its SHA-256"));
    }
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|error| ArchiveError::Damaged(format!("{MANIFEST}: {error}")))?;
    if manifest.label != *label {
        return damaged(format!("{LABEL} and {MANIFEST} differ"));
    }
    for (found, recorded) in parts.iter().zip(&manifest.parts) {
        if found != recorded {
            return damaged(format!("{} does not have its SHA-256", recorded.name));
        }
    }
    if parts.len() != manifest.parts.len() || !parts.iter().any(|part| part.name == DATABASE) {
        return damaged("a part is missing".to_owned());
    }
    if let Some(sha256) = broken.iter().find(|sha256| !manifest.files.damaged.contains(&sha256.to_string())) {
        return damaged(format!("the file {sha256} does not have its SHA-256"));
    }
    Ok(manifest)
}

struct Hashing<'r> {
    from: &'r mut dyn Read,
    hash: FileHash,
    read: u64,
}

impl Read for Hashing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.hash.update(into.get(..read).unwrap_or_default());
        self.read += read as u64;
        Ok(read)
    }
}
