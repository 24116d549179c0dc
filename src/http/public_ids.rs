//! Public ids: base64 of `Kind:row:tag`. Clients of the dialect `arize` know things by them, and the console shows them.
//!
//! The tag is derived from a secret of the data file, so ids can be neither guessed nor enumerated. Its length is
//! chosen so that the base64 needs no padding; `+` and `/` cannot occur.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::ids::{
    AuditId, BindingId, KeyId, MemberId, OrganizationId, OrganizationMemberId, ProjectId, RoleId, TagId, UserId,
    WorkspaceId,
};
use crate::tokens::tags::TagKey;

/// The minimum length of a tag; up to two more characters avoid padding.
pub(super) const MIN_TAG_LENGTH: usize = 8;

pub(super) trait PublicId: Sized {
    /// The first part of the id.
    const KIND: &'static str;
    /// The clients' name of the object.
    const NAME: &'static str;
    fn row(&self) -> i64;
    fn from_row(row: i64) -> Self;

    fn public_id(&self, key: &TagKey) -> String {
        let text = format!("{}:{}", Self::KIND, self.row());
        let length = MIN_TAG_LENGTH + (3 - (text.len() + 1 + MIN_TAG_LENGTH) % 3) % 3;
        STANDARD.encode(format!("{text}:{}", key.tag("id", &text, length)))
    }
}

macro_rules! public {
    ($($id:ident $kind:literal $what:literal;)*) => {$(
        impl PublicId for $id {
            const KIND: &'static str = $kind;
            const NAME: &'static str = $what;

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
    TagId "Tag" "tag";
}
