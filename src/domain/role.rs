//! Named roles, and their binding to people and things.

use super::ids::{BindingId, ProjectId, RoleId, UserId, WorkspaceId};
use super::invalid::Invalid;
use super::member;
use super::permission::PermissionSet;
use super::text::{named, nfc};
use super::timestamp::Timestamp;

/// A role's name: 1 to 255 letters, digits, spaces and ``- _ . , ( ) [ ] ' " / : \ & @ # $ % ! ? + =``.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// The characters that a name may have beside letters and digits.
    pub const ALSO: &'static str = " -_.,()[]'\"/:\\&@#$%!?+=";

    /// Takes a name, in NFC and without the blanks around it.
    ///
    /// Refuses one that is empty or too long, has another character, or reads as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let name = nfc(raw.trim());
        let fits = name.chars().count() <= Self::LONGEST;
        if fits && !name.chars().all(|c| c.is_alphanumeric() || Self::ALSO.contains(c)) {
            return Err(Invalid::rule(format!("must contain only letters, digits and any of {}", Self::ALSO.trim())));
        }
        named(&name, Self::LONGEST).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A named set of permissions.
#[derive(Clone, Debug)]
pub struct NamedRole {
    /// The row.
    pub id: RoleId,
    /// The name; of a predefined role, its word.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub permissions: PermissionSet,
    /// Which predefined role it is; none for one that somebody made.
    pub predefined: Option<member::Role>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a role is bound on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A workspace with everything in it.
    Workspace(WorkspaceId),
    /// A project.
    Project(ProjectId),
}

/// A role, given to a person on one thing.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The row.
    pub id: BindingId,
    /// Which role.
    pub role: RoleId,
    /// To whom.
    pub user: UserId,
    /// On what.
    pub resource: Resource,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_name_may_hold() {
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
                prop_assert!((1..=RoleName::LONGEST).contains(&name.as_str().chars().count()));
            }
        }
    }
}
