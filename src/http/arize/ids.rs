//! Public ids: base64 of `Kind:row:tag` (contract, section 4).
//!
//! The tag is derived from a secret of the data file, so ids can neither be guessed nor counted through. It is as long
//! as it takes for the base64 to need no padding; `+` and `/` cannot occur.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Failure;
use crate::domain::ids::{
    AuditId, BindingId, KeyId, MemberId, OrganizationId, OrganizationMemberId, ProjectId, RoleId, UserId, WorkspaceId,
};
use crate::error::Error;
use crate::tokens::tags::TagKey;

/// The fewest characters of a tag; up to two more avoid padding.
const TAG: usize = 8;

/// A row number that has a public id.
pub(super) trait Public: Sized {
    /// The word in front.
    const KIND: &'static str;
    /// What the core calls it.
    const WHAT: &'static str;
    /// The row number.
    fn row(&self) -> i64;
    /// From the row number.
    fn from_row(row: i64) -> Self;

    /// The public id.
    fn show(&self, key: &TagKey) -> String {
        let text = format!("{}:{}", Self::KIND, self.row());
        let length = TAG + (3 - (text.len() + 1 + TAG) % 3) % 3;
        STANDARD.encode(format!("{text}:{}", key.tag("id", &text, length)))
    }

    /// Reads a public id that a client sent as this field.
    ///
    /// Refused as malformed when it is no id at all; a thing of another kind or with a wrong tag does not exist.
    fn read(key: &TagKey, field: &str, id: &str) -> Result<Self, Failure> {
        let malformed = || Failure::malformed(field, "must be an id, such as another answer holds");
        let bytes = STANDARD.decode(id).map_err(|_| malformed())?;
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        let (named, tag) = text.rsplit_once(':').ok_or_else(malformed)?;
        let missing = || Failure::Core(Error::not_found(Self::WHAT, id));
        let (kind, row) = named.split_once(':').ok_or_else(malformed)?;
        let row: i64 = row.parse().map_err(|_| missing())?;
        // Only the one spelling that `show` gives is this id.
        if kind != Self::KIND
            || tag.len() < TAG
            || !key.matches("id", named, tag)
            || Self::from_row(row).show(key) != id
        {
            return Err(missing());
        }
        Ok(Self::from_row(row))
    }
}

/// Reads a public id as [`Public::read`] does, where an id of another kind is malformed rather than unknown.
pub(super) fn read_only_kind<T: Public>(key: &TagKey, field: &str, id: &str) -> Result<T, Failure> {
    let bytes = STANDARD.decode(id).unwrap_or_default();
    match bytes.split(|byte| *byte == b':').next() {
        Some(kind) if bytes.contains(&b':') && kind != T::KIND.as_bytes() => {
            Err(Failure::malformed(field, format!("must be the id of a {}", T::WHAT)))
        }
        _ => T::read(key, field, id),
    }
}

macro_rules! public {
    ($($id:ident $kind:literal $what:literal;)*) => {$(
        impl Public for $id {
            const KIND: &'static str = $kind;
            const WHAT: &'static str = $what;

            fn row(&self) -> i64 {
                self.0
            }

            fn from_row(row: i64) -> Self {
                Self(row)
            }
        }
    )*};
}

public! {
    OrganizationId "Organization" "organization";
    WorkspaceId "Space" "space";
    UserId "User" "user";
    RoleId "Role" "role";
    BindingId "RoleBinding" "role binding";
    ProjectId "Model" "project";
    KeyId "ApiKey" "API key";
    MemberId "SpaceMembership" "space membership";
    OrganizationMemberId "OrganizationMembership" "organization membership";
    AuditId "AuditLog" "audit log";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> TagKey {
        TagKey::new(&[3; 32])
    }

    proptest! {
        #[test]
        fn an_id_is_read_back_and_needs_no_escaping(row in 0..i64::MAX) {
            let id = WorkspaceId(row).show(&key());
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()), "{}", id);
            prop_assert_eq!(WorkspaceId::read(&key(), "space_id", &id).expect("an id"), WorkspaceId(row));
        }

        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,60}") {
            prop_assert!(WorkspaceId::read(&key(), "space_id", &text).is_err());
        }

        #[test]
        fn a_changed_id_is_no_id(row in 0..1_000_000_i64, at in 0..24_usize, by in "[A-Za-z0-9]") {
            let id = WorkspaceId(row).show(&key());
            let mut changed = id.clone();
            changed.replace_range(at..=at, &by);
            prop_assert!(changed == id || WorkspaceId::read(&key(), "space_id", &changed).is_err());
        }
    }

    #[test]
    fn another_kind_does_not_exist_and_nonsense_is_malformed() {
        let user = UserId(1).show(&key());
        assert!(matches!(WorkspaceId::read(&key(), "x", &user), Err(Failure::Core(Error::NotFound { .. }))));
        let elsewhere = WorkspaceId(1).show(&TagKey::new(&[4; 32]));
        assert!(matches!(WorkspaceId::read(&key(), "x", &elsewhere), Err(Failure::Core(Error::NotFound { .. }))));
        for nonsense in ["", "1", "space", "U3BhY2U", "not base64!", "YWJj"] {
            assert!(matches!(WorkspaceId::read(&key(), "x", nonsense), Err(Failure::Malformed { .. })), "{nonsense}");
        }
    }
}
