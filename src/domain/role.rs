//! Named roles, and their bindings to users and resources.

use super::ids::{BindingId, ProjectId, RoleId, UserId, WorkspaceId};
use super::invalid::Invalid;
use super::member;
use super::permission::PermissionSet;
use super::text::{named, nfc};
use super::timestamp::Timestamp;

/// The name of a role: 1 to 255 letters, digits, spaces and ``- _ . , ( ) [ ] ' " / : \ & @ # $ % ! ? + =``.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// The allowed characters besides letters and digits.
    pub const ALSO: &'static str = " -_.,()[]'\"/:\\&@#$%!?+=";

    /// Converts to NFC and removes surrounding whitespace. Refuses a name that is empty or too long, contains another
    /// character, or could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let name = nfc(raw.trim());
        let fits = name.chars().count() <= Self::MAX_LENGTH;
        if fits && !name.chars().all(|c| c.is_alphanumeric() || Self::ALSO.contains(c)) {
            return Err(Invalid::rule(format!("must contain only letters, digits and any of {}", Self::ALSO.trim())));
        }
        named(&name, Self::MAX_LENGTH).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug)]
pub struct NamedRole {
    pub id: RoleId,
    /// The name. A predefined role has its value in the database.
    pub name: String,
    pub description: String,
    pub permissions: PermissionSet,
    /// The predefined role, or `None` for a custom one.
    pub predefined: Option<member::Role>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The resource of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A workspace with all its contents.
    Workspace(WorkspaceId),
    Project(ProjectId),
}

/// The assignment of a role to a user on one resource.
#[derive(Clone, Debug)]
pub struct Binding {
    pub id: BindingId,
    pub role: RoleId,
    pub user: UserId,
    pub resource: Resource,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_contains_only_allowed_characters() {
        assert!(RoleName::parse("Größe (v1.0) & more: 'a' \"b\" [c] \\ / @#$%!?+=-_.,").is_ok());
        for bad in ["", "  ", "a\nb", "a<b", "a;b", "a`b", "a*b", "emoji 🙂"] {
            assert!(RoleName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(RoleName::parse(&"r".repeat(255)).is_ok());
        assert!(RoleName::parse(&"r".repeat(256)).is_err());
    }

    proptest! {
        #[test]
        fn a_name_is_trimmed_and_bounded(raw in any::<String>()) {
            if let Ok(name) = RoleName::parse(&raw) {
                prop_assert_eq!(name.as_str(), &*nfc(raw.trim()));
                prop_assert!((1..=RoleName::MAX_LENGTH).contains(&name.as_str().chars().count()));
            }
        }
    }
}
