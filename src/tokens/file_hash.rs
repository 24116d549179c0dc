//! The SHA-256 of a file, computed while its bytes arrive.

use std::fmt;

use aws_lc_rs::digest;

use crate::domain::model::Sha256;

/// An unfinished SHA-256.
#[derive(Clone)]
pub struct FileHash(digest::Context);

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileHash")
    }
}

impl FileHash {
    #[expect(clippy::new_without_default, reason = "a hash of nothing is not a default of anything")]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> Sha256 {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        Sha256(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_does_not_depend_on_the_chunks() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for chunks in [&["abc"][..], &["a", "", "bc"], &["a", "b", "c"]] {
            let mut hash = FileHash::new();
            for chunk in chunks {
                hash.update(chunk.as_bytes());
            }
            assert_eq!(hash.finish().to_string(), abc);
        }
    }
}
