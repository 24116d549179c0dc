//! The master key, which encrypts private signing keys and other secrets at rest.
//!
//! A sealed value is `version (1) | key id (8) | nonce (12) | AES-256-GCM ciphertext and tag (16)`. Version, key id and
//! the caller's context are authenticated with it.

mod error;

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;

pub use error::{FileError, OpenError, SealFailed};

use super::random;
use crate::domain::invalid::Invalid;
use crate::domain::secret::Secret;

/// The only format version.
const VERSION: u8 = 1;
const ID: usize = 8;
const HEADER: usize = 1 + ID;
const TAG: usize = 16;
/// The maximum size of a key file. A larger file is not a key file.
const MAX_FILE_SIZE: u64 = 4096;
/// The permission bits that a key file must not have: all of group and others.
const TOO_WIDE: u32 = 0o077;

/// A 32-byte encryption key. Its `Debug` prints `***`.
///
/// It is loaded from a file, or from the text of an environment variable or a systemd credential. A key from a file
/// follows the file: the file may be replaced while this key is in use.
pub struct MasterKey {
    key: RwLock<Arc<Key>>,
    /// The file of the key, with the permission bits that the file must not have.
    file: Option<(PathBuf, u32)>,
}

struct Key {
    key: LessSafeKey,
    id: [u8; ID],
}

/// The path at which the next key is written before it replaces the key of this file.
pub fn next_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// The id of the key that sealed a value. `None` for a value that is not sealed.
pub fn key_of(sealed: &[u8]) -> Option<&[u8]> {
    sealed.get(..HEADER)
}

impl MasterKey {
    /// Generates a new key and writes it to a file of mode 0600. The file is on disk when this returns.
    ///
    /// Refused when the file exists.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        Self::write_new(path, &Self::generate(), |path| {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
        })
    }

    /// The text of a new random key.
    pub fn generate() -> Secret {
        Secret::new(STANDARD.encode(random::bytes::<32>()))
    }

    /// Writes the key that `make` generates to a file of mode 0600. The file is on disk when this returns.
    ///
    /// Refused when the file exists or the text is no key.
    pub fn write_new(
        path: &Path,
        key: &Secret,
        make: impl FnOnce(&Path) -> io::Result<File>,
    ) -> Result<Self, FileError> {
        let done = Self::parse(key).map_err(|reason| FileError::Malformed { path: path.to_owned(), reason })?;
        let line = key.expose().lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let text = format!(
            "# atelier's master key: it decrypts the sealed signing keys. Keep it secret, and keep a copy.\n{}\n",
            line.unwrap_or_default()
        );
        let mut file = match make(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(FileError::Exists { path: path.to_owned() });
            }
            Err(source) => {
                return Err(FileError::Io { path: path.to_owned(), verb: "written", source });
            }
        };
        let written = write(&mut file, path, &text);
        written.map(|()| Self { file: Some((path.to_owned(), TOO_WIDE)), ..done }).map_err(|source| {
            // A partial key must not remain. If the removal fails too, the file is refused as malformed.
            let _ = fs::remove_file(path);
            FileError::Io { path: path.to_owned(), verb: "written", source }
        })
    }

    /// Reads a key from a file.
    ///
    /// Refused when the file is missing, unreadable, malformed or accessible to users other than its owner.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::read(path, TOO_WIDE)
    }

    /// Reads a key from a file in a service manager's credential directory, which is closed to other users. The service
    /// manager determines the mode of the file, so it is not checked.
    ///
    /// Refused when the file is missing, unreadable or malformed.
    pub fn load_credential(path: &Path) -> Result<Self, FileError> {
        Self::read(path, 0)
    }

    fn read(path: &Path, too_wide: u32) -> Result<Self, FileError> {
        let failed = |source| FileError::Io { path: path.to_owned(), verb: "read", source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FileError::Missing { path: path.to_owned() });
            }
            Err(source) => return Err(failed(source)),
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & too_wide != 0 {
            return Err(FileError::TooWide { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE_SIZE).read_to_end(&mut bytes).map_err(failed)?;
        // Decoded after reading, so that a binary file is malformed, not unreadable.
        let key = Self::parse(&Secret::new(String::from_utf8_lossy(&bytes)))
            .map_err(|reason| FileError::Malformed { path: path.to_owned(), reason })?;
        Ok(Self { file: Some((path.to_owned(), too_wide)), ..key })
    }

    /// Parses the text of a key file: one line of 32 bytes in base64, as `openssl rand -base64 32` prints it. Blank
    /// lines and lines that start with `#` are ignored.
    pub fn parse(text: &Secret) -> Result<Self, Invalid> {
        let mut lines = text.expose().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(malformed());
        };
        let bytes = STANDARD.decode(line).map_err(|_| malformed())?;
        Self::from_bytes(&bytes)
    }

    /// A short id for messages that does not reveal the key: 16 hexadecimal digits.
    pub fn id(&self) -> String {
        HEXLOWER.encode(&self.current().id)
    }

    /// Encrypts with a random nonce. Only the same context opens the value: name what is sealed, such as
    /// `signing-key/KID`.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailed> {
        if let Some((path, too_wide)) = &self.file {
            self.reload(path, *too_wide, None);
        }
        self.current().seal(context, plain)
    }

    /// Decrypts a value of [`seal`](Self::seal).
    ///
    /// Refused when it was sealed with another key, for another context, or is not complete.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let opened = self.current().open(context, sealed);
        let (Err(OpenError::OtherKey { .. }), Some((path, too_wide))) = (&opened, &self.file) else { return opened };
        let wanted = sealed.get(1..HEADER);
        for path in [path, &next_file(path)] {
            if self.reload(path, *too_wide, wanted) {
                return self.current().open(context, sealed);
            }
        }
        opened
    }

    /// The current key, which does not follow its file.
    #[must_use]
    pub fn fixed(&self) -> Self {
        Self { key: RwLock::new(self.current()), file: None }
    }

    /// Whether a value was sealed with this key.
    pub fn has_sealed(&self, sealed: &[u8]) -> bool {
        sealed.get(1..HEADER) == Some(&self.current().id)
    }

    /// Loads the key that the file contains now. Uses it if `wanted` is `None` or its id, and returns whether it did.
    fn reload(&self, path: &Path, too_wide: u32, wanted: Option<&[u8]>) -> bool {
        // If the file cannot be read, the current key stays in use.
        let Ok(found) = Self::read(path, too_wide).map(|key| key.current()) else { return false };
        if wanted.is_some_and(|wanted| found.id != wanted) {
            return false;
        }
        if found.id != self.current().id {
            log::info!("the master key is {} from now on", HEXLOWER.encode(&found.id));
            *self.key.write().unwrap_or_else(PoisonError::into_inner) = found;
        }
        true
    }

    fn current(&self) -> Arc<Key> {
        self.key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refused unless there are exactly 32 bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| malformed())?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"atelier master key id");
        let mut id = [0; ID];
        id.copy_from_slice(&tag.as_ref()[..ID]);
        let key = Arc::new(Key { key: LessSafeKey::new(key), id });
        Ok(Self { key: RwLock::new(key), file: None })
    }
}

impl Key {
    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailed> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let header = self.header();
        let mut body = Vec::with_capacity(plain.len() + TAG);
        body.extend_from_slice(plain);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(&header, context), &mut body)
            .map_err(|_| SealFailed)?;
        Ok([&header[..], &nonce, &body].concat())
    }

    fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let version = *sealed.first().ok_or(OpenError::Damaged)?;
        if version != VERSION {
            return Err(OpenError::Format(version));
        }
        let (header, rest) = sealed.split_at_checked(HEADER).ok_or(OpenError::Damaged)?;
        if header[1..] != self.id {
            return Err(OpenError::OtherKey {
                wanted: HEXLOWER.encode(&header[1..]),
                given: HEXLOWER.encode(&self.id),
            });
        }
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Damaged)?;
        let mut body = body.to_vec();
        let plain = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(header, context), &mut body)
            .map_err(|_| OpenError::Damaged)?
            .len();
        body.truncate(plain);
        Ok(body)
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [VERSION; HEADER];
        header[1..].copy_from_slice(&self.id);
        header
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

fn malformed() -> Invalid {
    Invalid::rule("a master key must be one line of base64 that encodes 32 bytes")
}

/// The header has a fixed length, so no byte can move from one part to the other.
fn aad(header: &[u8], context: &str) -> Aad<Vec<u8>> {
    Aad::from([header, context.as_bytes()].concat())
}

fn write(file: &mut File, path: &Path, text: &str) -> io::Result<()> {
    // An unusual umask may have removed even the owner's permissions.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // The file name is on disk only after its directory is synced.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_created_key_is_private_and_loads_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = MasterKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{text}");
        assert_eq!(text.lines().count(), 2);
        let loaded = MasterKey::load(&path).unwrap();
        assert_eq!(loaded.id(), made.id());
        assert_eq!(loaded.open("here", &made.seal("here", b"plain").unwrap()).unwrap(), b"plain");
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::create(&path).unwrap();
        let before = fs::read(&path).unwrap();
        let refused = MasterKey::create(&path).unwrap_err();
        assert!(matches!(refused, FileError::Exists { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn the_error_of_an_unusable_key_names_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let missing = MasterKey::load(&path).unwrap_err();
        assert!(matches!(missing, FileError::Missing { .. }));
        assert!(missing.to_string().contains("missing: restore it from the backup"), "{missing}");

        MasterKey::create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let wide = MasterKey::load(&path).unwrap_err();
            assert!(matches!(wide, FileError::TooWide { .. }));
            assert!(wide.to_string().contains("run `chmod 600 "), "{wide}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        MasterKey::load(&path).unwrap();

        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        for text in [&b""[..], b"# only a comment\n", b"not base64!", b"c2hvcnQ=", &[0xff, 0xfe, 0x00]] {
            fs::write(&path, text).unwrap();
            let malformed = MasterKey::load(&path).unwrap_err();
            assert!(matches!(malformed, FileError::Malformed { .. }), "{malformed}");
        }

        let directory = MasterKey::load(folder.path()).unwrap_err();
        assert!(matches!(directory, FileError::Io { .. } | FileError::TooWide { .. }), "{directory}");
        let nowhere = MasterKey::create(&folder.path().join("none/master.key")).unwrap_err();
        assert!(matches!(nowhere, FileError::Io { verb: "written", .. }), "{nowhere}");
    }

    #[test]
    fn the_text_form_is_one_line_of_base64() {
        let line = STANDARD.encode([7; 32]);
        for good in [line.clone(), format!("{line}\n"), format!("# hi\r\n\r\n  {line}  \r\n# bye")] {
            assert_eq!(MasterKey::parse(&Secret::new(good)).unwrap().id(), key(7).id());
        }
        for bad in [String::new(), format!("{line}\n{line}"), format!("{line}A"), STANDARD.encode([7; 31])] {
            assert!(MasterKey::parse(&Secret::new(bad)).is_err());
        }
    }

    #[test]
    fn an_error_does_not_contain_the_text() {
        let refused = MasterKey::parse(&Secret::new("half-a-secret")).unwrap_err();
        assert!(!refused.to_string().contains("half-a-secret"));
        assert_eq!(format!("{:?}", key(1)), "MasterKey(***)");
    }

    #[test]
    fn sealing_twice_gives_two_values_that_both_open() {
        let (one, two) = (key(1).seal("c", b"plain").unwrap(), key(1).seal("c", b"plain").unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), HEADER + NONCE_LEN + 5 + TAG);
        assert_eq!(key(1).open("c", &one), key(1).open("c", &two));
        assert_eq!(key(1).open("c", &key(1).seal("c", b"").unwrap()).unwrap(), b"");
    }

    #[test]
    fn another_key_and_damage_have_different_errors() {
        let sealed = key(1).seal("c", b"plain").unwrap();
        let refused = key(2).open("c", &sealed).unwrap_err();
        assert_eq!(refused, OpenError::OtherKey { wanted: key(1).id(), given: key(2).id() });
        assert!(refused.to_string().contains("restore the right master key"), "{refused}");
        assert_eq!(key(1).open("d", &sealed), Err(OpenError::Damaged));
        let newer = [&[2], &sealed[1..]].concat();
        assert_eq!(key(1).open("c", &newer), Err(OpenError::Format(2)));
    }

    #[test]
    fn a_key_from_a_file_follows_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let used = MasterKey::create(&path).unwrap();
        let (old_id, old) = (used.id(), used.seal("c", b"old").unwrap());
        let next = MasterKey::create(&next_file(&path)).unwrap();
        let new = next.seal("c", b"new").unwrap();
        assert_ne!(key_of(&old), key_of(&new));
        assert_eq!(used.open("c", &old).unwrap(), b"old", "what it opens, it opens");
        assert_eq!(used.id(), old_id);
        assert_eq!(used.open("c", &new).unwrap(), b"new", "before the new file has its name");
        assert_eq!(used.id(), next.id());
        // It seals with the key that the file contains, because that key is in force.
        assert_eq!(key_of(&used.seal("c", b"").unwrap()), key_of(&old));
        fs::rename(next_file(&path), &path).unwrap();
        assert_eq!(key_of(&used.seal("c", b"").unwrap()), key_of(&new));
        assert!(matches!(used.open("c", &old), Err(OpenError::OtherKey { .. })), "the old one is gone");
        fs::remove_file(&path).unwrap();
        assert_eq!(key_of(&used.seal("c", b"").unwrap()), key_of(&new));
        assert_eq!(used.open("c", &new).unwrap(), b"new");
        let given = key(1);
        assert!(matches!(given.open("c", &new), Err(OpenError::OtherKey { .. })), "one that was given follows nothing");
    }

    #[test]
    fn the_format_is_stable() {
        // Sealed keys outlive a release. This value must always open.
        let stored = "AUv9rZEZqSr0AAECAwQFBgcICQoL0MPlUk6yZYvfBRhHLloB+kJlNJ0=";
        let stored = STANDARD.decode(stored).unwrap();
        assert_eq!(key(1).open("signing-key/1", &stored).unwrap(), b"kept");
    }

    #[test]
    fn any_changed_or_missing_byte_is_refused() {
        let sealed = key(1).seal("c", b"plain").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key(1).open("c", &changed).is_err(), "byte {at}");
            assert!(key(1).open("c", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(key(1).open("c", &[&sealed[..], &[0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn a_sealed_value_opens(context in any::<String>(), plain in any::<Vec<u8>>()) {
            let sealed = key(3).seal(&context, &plain).unwrap();
            prop_assert_eq!(key(3).open(&context, &sealed).unwrap(), plain);
        }

        #[test]
        fn arbitrary_bytes_do_not_open_and_do_not_panic(context in any::<String>(), bytes in any::<Vec<u8>>()) {
            prop_assert!(key(3).open(&context, &bytes).is_err());
            prop_assert!(key(3).open(&context, &[&key(3).current().header()[..], &bytes].concat()).is_err());
        }

        #[test]
        fn arbitrary_text_is_refused_without_a_panic(text in any::<String>()) {
            prop_assert!(MasterKey::parse(&Secret::new(text)).is_err());
        }
    }
}
