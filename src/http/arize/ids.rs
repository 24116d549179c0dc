//! Public ids in requests and answers (contract, section 4); `http::public_ids` makes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Failure;
use crate::http::public_ids::{MIN_TAG_LENGTH, PublicId};
use crate::tokens::tags::TagKey;

/// A number that no row has. A well-formed id that this server did not issue is read as this number, so that the core
/// handles it exactly as the id of a hidden or deleted row, in the same order of checks.
const NO_ROW: i64 = -1;

pub(super) trait Public: PublicId {
    fn encode(&self, key: &TagKey) -> String {
        self.public_id(key)
    }

    /// Reads a public id that a client sent in this field.
    ///
    /// Refuses an id that is not base64 of `Kind:...` as malformed. An id of another kind, with a wrong or missing tag
    /// or with a number out of range is well-formed, but its row does not exist.
    fn read(key: &TagKey, field: &str, id: &str) -> Result<Self, Failure> {
        let malformed = || Failure::malformed(field, "must be an id as returned by the API");
        let bytes = STANDARD.decode(id).map_err(|_| malformed())?;
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        let (kind, rest) = text.split_once(':').ok_or_else(malformed)?;
        if rest.is_empty() || kind.is_empty() || !kind.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(malformed());
        }
        Ok(Self::from_row(issued_row::<Self>(key, &text, id).unwrap_or(NO_ROW)))
    }
}

impl<T: PublicId> Public for T {}

/// The number of the row, if [`Public::encode`] returns exactly this id for it.
fn issued_row<T: Public>(key: &TagKey, text: &str, id: &str) -> Option<i64> {
    let (named, tag) = text.rsplit_once(':')?;
    let (kind, row) = named.split_once(':')?;
    let row = row.parse().ok()?;
    let is_valid = kind == T::KIND && tag.len() >= MIN_TAG_LENGTH && key.matches("id", named, tag);
    (is_valid && T::from_row(row).encode(key) == id).then_some(row)
}

/// Reads a public id as [`Public::read`] does, but refuses an id of another kind as malformed.
pub(super) fn read_of_kind<T: Public>(key: &TagKey, field: &str, id: &str) -> Result<T, Failure> {
    let bytes = STANDARD.decode(id).unwrap_or_default();
    match bytes.split(|byte| *byte == b':').next() {
        Some(kind) if bytes.contains(&b':') && kind != T::KIND.as_bytes() => {
            Err(Failure::malformed(field, format!("must be the id of a {}", T::NAME)))
        }
        _ => T::read(key, field, id),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::{UserId, WorkspaceId};

    fn key() -> TagKey {
        TagKey::new(&[3; 32])
    }

    proptest! {
        #[test]
        fn an_id_parses_back_and_needs_no_escaping(row in 0..i64::MAX) {
            let id = WorkspaceId(row).encode(&key());
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()), "{}", id);
            prop_assert_eq!(WorkspaceId::read(&key(), "space_id", &id).expect("an id"), WorkspaceId(row));
        }

        #[test]
        fn no_text_causes_a_panic(text in "\\PC{0,60}") {
            prop_assert!(WorkspaceId::read(&key(), "space_id", &text).is_err());
            let id = STANDARD.encode(format!("Space:{text}"));
            prop_assert_eq!(WorkspaceId::read(&key(), "space_id", &id).is_ok(), !text.is_empty());
        }

        #[test]
        fn a_changed_id_names_no_row(row in 0..1_000_000_i64, at in 0..24_usize, by in "[A-Za-z0-9]") {
            let id = WorkspaceId(row).encode(&key());
            let mut changed = id.clone();
            changed.replace_range(at..=at, &by);
            let read = WorkspaceId::read(&key(), "space_id", &changed).ok();
            prop_assert!(changed == id || read.is_none_or(|read| read == WorkspaceId(NO_ROW)));
        }
    }

    #[test]
    fn an_id_that_was_not_issued_names_no_row_and_nonsense_is_malformed() {
        let read = |id: &str| WorkspaceId::read(&key(), "x", id);
        let elsewhere = WorkspaceId(1).encode(&TagKey::new(&[4; 32]));
        assert_eq!(read(&UserId(1).encode(&key())).expect("another kind"), WorkspaceId(NO_ROW));
        assert_eq!(read(&elsewhere).expect("another server's"), WorkspaceId(NO_ROW));
        for text in
            ["Space:99999999999", "Space:1:", "Space::", "Space:9223372036854775808:abcdefgh", "Space:x:abcdefgh"]
        {
            assert_eq!(read(&STANDARD.encode(text)).expect(text), WorkspaceId(NO_ROW));
        }
        for text in ["Space", "Space:", ":1", "Spa ce:1:abcdefgh", "1:2:3"] {
            assert!(matches!(read(&STANDARD.encode(text)), Err(Failure::Malformed { .. })), "{text}");
        }
        for nonsense in ["", "1", "space", "U3BhY2U", "not base64!", "YWJj", "U3BhY2U6OTk5OTk5OTk5OTk"] {
            assert!(matches!(read(nonsense), Err(Failure::Malformed { .. })), "{nonsense}");
        }
    }
}
