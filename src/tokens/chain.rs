//! The hash chain of the audit log. Each hash covers the previous hash and every column of its own row.
//!
//! The hash is SHA-256 over a label, the previous hash, and each value with its type and length, so that no two rows
//! have the same bytes. It uses no key, because rows are also written where the master key is not available.

use aws_lc_rs::digest;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

pub type Hash = [u8; 32];

/// The previous hash of the first row of a chain.
pub const START: Hash = [0; 32];

/// The label must change when the set of hashed columns changes.
const LABEL: &[u8] = b"atelier audit row 1\0";

/// An unfinished row hash. Values are added in a fixed order.
pub struct RowHash(digest::Context);

impl RowHash {
    /// Starts with the hash of the previous row.
    pub fn after(previous: &Hash) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(LABEL);
        context.update(previous);
        Self(context)
    }

    pub fn null(&mut self) {
        self.0.update(&[0]);
    }

    pub fn integer(&mut self, number: i64) {
        self.0.update(&[1]);
        self.0.update(&number.to_be_bytes());
    }

    pub fn text(&mut self, bytes: &[u8]) {
        self.sized(2, bytes);
    }

    /// Adds a value of a type that atelier never writes.
    pub fn other(&mut self, bytes: &[u8]) {
        self.sized(3, bytes);
    }

    pub fn finish(self) -> Hash {
        let mut hash = START;
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }

    fn sized(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update(&[kind]);
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

/// Formats a hash as 64 hexadecimal digits.
pub fn to_hex(hash: &Hash) -> String {
    HEXLOWER.encode(hash)
}

/// Parses 64 hexadecimal digits.
pub fn from_hex(text: &str) -> Option<Hash> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Cell {
        Null,
        Integer(i64),
        Text(Vec<u8>),
        Other(Vec<u8>),
    }

    fn cell() -> impl Strategy<Value = Cell> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..12);
        prop_oneof![
            Just(Cell::Null),
            any::<i64>().prop_map(Cell::Integer),
            bytes().prop_map(Cell::Text),
            bytes().prop_map(Cell::Other)
        ]
    }

    fn hash(previous: &Hash, row: &[Cell]) -> Hash {
        let mut hash = RowHash::after(previous);
        for cell in row {
            match cell {
                Cell::Null => hash.null(),
                Cell::Integer(number) => hash.integer(*number),
                Cell::Text(bytes) => hash.text(bytes),
                Cell::Other(bytes) => hash.other(bytes),
            }
        }
        hash.finish()
    }

    #[test]
    fn the_format_is_stable() {
        // Rows outlive a release. Their hashes must never change.
        let row = [Cell::Integer(1), Cell::Text(b"ada".to_vec()), Cell::Null];
        let expected = "53511e9873f151c037284bfbdfcf9edf33ff664031ddc0cee1f8b93a984b9f52";
        assert_eq!(to_hex(&hash(&START, &row)), expected);
    }

    proptest! {
        #[test]
        fn different_rows_have_different_hashes(
            one in prop::collection::vec(cell(), 0..5),
            other in prop::collection::vec(cell(), 0..5),
        ) {
            prop_assert_eq!(one == other, hash(&START, &one) == hash(&START, &other));
            prop_assert_ne!(hash(&START, &one), hash(&[1; 32], &one));
        }

        #[test]
        fn a_hash_round_trips_through_hex(bytes in any::<[u8; 32]>(), text in any::<String>()) {
            prop_assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
            prop_assert_eq!(from_hex(&to_hex(&bytes).to_uppercase()), Some(bytes));
            prop_assert!(from_hex(&text).is_none() || text.len() == 64);
        }
    }
}
