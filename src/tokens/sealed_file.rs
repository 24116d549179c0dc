//! Files that a passphrase seals: argon2id, and AES-256-GCM in chunks.
//!
//! A sealed file is `magic | length of the label (4) | label | salt (16) | nonce (16) | check (32)`, and then chunks of 64
//! KiB, each with its tag. The nonce of a chunk is its number, and whether it is the last one: a file that was cut off, or
//! whose chunks were moved, does not open. The label is readable without the passphrase, but cannot be changed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;

use super::passphrase::{Derivation, derive};
use super::random;
use crate::domain::secret::Secret;

/// The first bytes of a sealed file. The number is the version of the format.
pub const MAGIC: &[u8; 17] = b"atelier sealed 1\n";

/// The maximum length of a label.
const MAX_LABEL: usize = 64 << 10;

const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
const SALT: usize = 16;
const CHECK: usize = 32;

/// Memory in KiB, and passes. A passphrase is tried offline, so it costs more than a password. Part of the format.
const MEMORY: u32 = 64 << 10;
const PASSES: u32 = 3;

/// Why a sealed file does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedFileError {
    #[error("the passphrase is wrong, or the beginning of the file is damaged")]
    WrongPassphrase,
    #[error("the file is damaged or cut off")]
    Damaged,
}

impl From<SealedFileError> for io::Error {
    fn from(error: SealedFileError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// A passphrase, with the keys that were derived from it. Deriving one takes a quarter of a second and 64 MiB.
pub struct Passphrase {
    text: Secret,
    /// The salt of the files that this process seals.
    salt: [u8; SALT],
    derived: Mutex<BTreeMap<[u8; SALT], [u8; 32]>>,
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(***)")
    }
}

impl Passphrase {
    pub fn new(text: Secret) -> Self {
        Self { text, salt: random::bytes(), derived: Mutex::default() }
    }

    fn key(&self, salt: &[u8; SALT]) -> io::Result<hmac::Key> {
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = derived.get(salt) {
            return Ok(hmac::Key::new(hmac::HMAC_SHA256, key));
        }
        let how = Derivation { memory: MEMORY, passes: PASSES, lanes: 1, salt: *salt };
        let key = derive(&self.text, &how).map_err(io::Error::other)?;
        derived.insert(*salt, key);
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// The key of the chunks and the check of a header.
    fn keys(&self, header: &Header) -> io::Result<(LessSafeKey, [u8; CHECK])> {
        let key = self.key(&header.salt)?;
        let of = |purpose: &[u8]| {
            let mut context = hmac::Context::with_key(&key);
            context.update(purpose);
            context.update(&header.encode());
            let mut bytes = [0; 32];
            bytes.copy_from_slice(context.sign().as_ref());
            bytes
        };
        let chunks = UnboundKey::new(&AES_256_GCM, &of(b"chunks")).map_err(io::Error::other)?;
        Ok((LessSafeKey::new(chunks), of(b"check")))
    }
}

struct Header {
    label: Vec<u8>,
    salt: [u8; SALT],
    nonce: [u8; SALT],
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.label.len()).unwrap_or(u32::MAX).to_be_bytes();
        [MAGIC.as_slice(), &length, &self.label, &self.salt, &self.nonce].concat()
    }

    /// Reads what follows the magic.
    fn decode(from: &mut impl Read) -> io::Result<Self> {
        let label = read_label(from)?;
        Ok(Self { label, salt: array(from)?, nonce: array(from)? })
    }
}

/// Reads the label, which follows the magic.
pub fn read_label(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u32::from_be_bytes(array(from)?) as usize;
    if length > MAX_LABEL {
        return Err(SealedFileError::Damaged.into());
    }
    let mut label = vec![0; length];
    from.read_exact(&mut label)?;
    Ok(label)
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The size of a sealed file with a label of this length and contents of this size.
pub fn sealed_size(label: usize, size: u64) -> u64 {
    let chunks = size.div_ceil(CHUNK as u64).max(1);
    (MAGIC.len() + 4 + label + 2 * SALT + CHECK) as u64 + size + chunks * TAG as u64
}

/// Reads the header after the magic, and checks that the passphrase fits.
pub fn fits(passphrase: &Passphrase, from: &mut impl Read) -> io::Result<bool> {
    let header = Header::decode(from)?;
    let check: [u8; CHECK] = array(from)?;
    Ok(passphrase.keys(&header)?.1 == check)
}

/// Chunks, numbered.
struct Chunks {
    key: LessSafeKey,
    next: u64,
}

impl Chunks {
    fn nonce(&mut self, is_last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[3..11].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = u8::from(is_last);
        self.next += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Seals what is written. [`SealingWriter::finish`] must be called, or the file does not open.
pub struct SealingWriter<W: Write> {
    to: W,
    chunks: Chunks,
    buffer: Vec<u8>,
}

impl<W: Write> SealingWriter<W> {
    /// Writes the header of a file with this label.
    pub fn begin(mut to: W, passphrase: &Passphrase, label: &[u8]) -> io::Result<Self> {
        if label.len() > MAX_LABEL {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the label is too long"));
        }
        let header = Header { label: label.to_vec(), salt: passphrase.salt, nonce: random::bytes() };
        let (key, check) = passphrase.keys(&header)?;
        to.write_all(&header.encode())?;
        to.write_all(&check)?;
        Ok(Self { to, chunks: Chunks { key, next: 0 }, buffer: Vec::with_capacity(CHUNK + TAG) })
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let nonce = self.chunks.nonce(is_last);
        let sealed = self.chunks.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.buffer);
        sealed.map_err(io::Error::other)?;
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the last chunk.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.to)
    }
}

impl<W: Write> Write for SealingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until it is known not to be the last one.
        if self.buffer.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend(bytes.iter().take(taken));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Opens a sealed file while it is read.
pub struct OpeningReader<R: Read> {
    from: R,
    chunks: Chunks,
    /// The opened chunk, and how much of it was read.
    opened: Vec<u8>,
    read: usize,
    /// The first byte of the next chunk, which shows that this one is not the last.
    ahead: Option<u8>,
    is_over: bool,
}

impl<R: Read> OpeningReader<R> {
    /// Reads the header after the magic. Returns the label, too.
    pub fn begin(mut from: R, passphrase: &Passphrase) -> io::Result<(Vec<u8>, Self)> {
        let header = Header::decode(&mut from)?;
        let check: [u8; CHECK] = array(&mut from)?;
        let (key, expected) = passphrase.keys(&header)?;
        if check != expected {
            return Err(SealedFileError::WrongPassphrase.into());
        }
        let mut first = [0];
        let ahead = (read_full(&mut from, &mut first)? == 1).then_some(first[0]);
        let chunks = Chunks { key, next: 0 };
        Ok((header.label, Self { from, chunks, opened: Vec::new(), read: 0, ahead, is_over: false }))
    }

    fn open_next(&mut self) -> io::Result<()> {
        let Some(first) = self.ahead else { return Err(SealedFileError::Damaged.into()) };
        // The chunk without its first byte, and the first byte of the next one.
        let mut bytes = vec![0; CHUNK + TAG + 1];
        bytes[0] = first;
        let length = 1 + read_full(&mut self.from, bytes.get_mut(1..).unwrap_or_default())?;
        let is_last = length <= CHUNK + TAG;
        self.ahead = bytes.get(CHUNK + TAG).copied().filter(|_| !is_last);
        bytes.truncate(length.min(CHUNK + TAG));
        let nonce = self.chunks.nonce(is_last);
        let plain = self.chunks.key.open_in_place(nonce, Aad::empty(), &mut bytes);
        let plain = plain.map_err(|_| io::Error::from(SealedFileError::Damaged))?.len();
        bytes.truncate(plain);
        (self.opened, self.read, self.is_over) = (bytes, 0, is_last);
        Ok(())
    }
}

/// Fills the buffer as far as there is something to read. Returns the number of bytes.
fn read_full(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl<R: Read> Read for OpeningReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.opened.len() {
            if self.is_over {
                return Ok(0);
            }
            self.open_next()?;
        }
        let read = self.opened.get(self.read..).unwrap_or_default().read(into)?;
        self.read += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Secret::new(text))
    }

    fn sealed(passphrase: &Passphrase, plain: &[u8]) -> Vec<u8> {
        let mut writer = SealingWriter::begin(Vec::new(), passphrase, b"label").unwrap();
        for part in plain.chunks(50_000) {
            writer.write_all(part).unwrap();
        }
        writer.finish().unwrap()
    }

    fn opened(passphrase: &Passphrase, mut bytes: &[u8]) -> io::Result<Vec<u8>> {
        let magic: [u8; 17] = array(&mut bytes)?;
        if magic != *MAGIC {
            return Err(SealedFileError::Damaged.into());
        }
        let (label, mut reader) = OpeningReader::begin(bytes, passphrase)?;
        assert_eq!(label, b"label");
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain).map(|_| plain)
    }

    #[test]
    fn a_sealed_file_opens_with_its_passphrase_only() {
        let (right, wrong) = (passphrase("correct horse"), passphrase("correct horsf"));
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let bytes = sealed(&right, &plain);
            assert_eq!(bytes.len() as u64, sealed_size(5, size as u64));
            assert!(opened(&right, &bytes).unwrap() == plain, "{size}");
            assert!(fits(&right, &mut &bytes[MAGIC.len()..]).unwrap());
            assert!(!fits(&wrong, &mut &bytes[MAGIC.len()..]).unwrap());
            assert!(opened(&wrong, &bytes).unwrap_err().to_string().contains("the passphrase is wrong"));
        }
        assert_eq!(format!("{right:?}"), "Passphrase(***)");
    }

    #[test]
    fn the_keys_of_the_format_stay() {
        let header = Header { label: b"label".to_vec(), salt: [1; SALT], nonce: [2; SALT] };
        let check = passphrase("correct horse").keys(&header).unwrap().1;
        assert_eq!(
            crate::tokens::chain::to_hex(&check),
            "f476f9db4b8e63ae5a21125c5cf92d11af62702e9f899d7dbbaf10d5fe659d2d"
        );
    }

    #[test]
    fn a_changed_cut_or_rearranged_file_does_not_open() {
        let key = passphrase("correct horse");
        let bytes = sealed(&key, &vec![7; 3 * CHUNK]);
        let first = bytes.len() - 3 * (CHUNK + TAG);
        for at in [0, 18, 22, 30, 50, 80, first, first + CHUNK, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(opened(&key, &changed).is_err(), "{at}");
        }
        let chunk = |number: usize| &bytes[first + number * (CHUNK + TAG)..first + (number + 1) * (CHUNK + TAG)];
        let header = &bytes[..first];
        for parts in [
            vec![header],
            vec![header, chunk(0)],
            vec![header, chunk(0), chunk(1)],
            vec![header, chunk(1), chunk(0), chunk(2)],
            vec![header, chunk(0), chunk(2)],
            vec![header, chunk(0), chunk(1), chunk(2), b"x"],
            vec![header, chunk(0), chunk(1), &chunk(2)[1..]],
        ] {
            assert!(opened(&key, &parts.concat()).is_err());
        }
    }
}
