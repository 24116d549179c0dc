//! An organization: users who can find each other, and the workspaces that they share.

use strum::{EnumString, IntoStaticStr};

use super::ids::{OrganizationId, OrganizationMemberId, UserId};
use super::invalid::Invalid;
use super::text::{Description, named};
use super::timestamp::Timestamp;

/// The name of the organization of a new account.
pub const HOME_NAME: &str = "Home";

/// The role of a member in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum OrganizationRole {
    /// Manages the organization.
    Admin,
    /// Creates and joins workspaces, and reads those that are not private.
    Member,
    /// Reads the workspaces that are not private.
    Reader,
    /// Annotates in the workspaces that are not private.
    Annotator,
}

impl OrganizationRole {
    /// All roles, the strongest first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Member, Self::Reader, Self::Annotator];

    /// The value in the database and the audit log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether somebody with this role may do less than with the other one.
    pub const fn is_weaker_than(self, other: Self) -> bool {
        self as u8 > other as u8
    }
}

/// The name of an organization: 1 to 255 visible characters, without surrounding whitespace, and not readable as an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrganizationName(String);

impl OrganizationName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Converts to NFC. Refuses a name that is empty or too long, has surrounding whitespace, contains an invisible
    /// character, or could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        named(raw, Self::MAX_LENGTH).map(Self)
    }

    /// A name from the data file, not validated: older releases allowed some names that are refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    pub id: OrganizationId,
    /// The name, unique in the account.
    pub name: OrganizationName,
    pub description: Description,
    /// Whether it is the home organization, which clients that know no organizations use.
    pub home: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct OrganizationSearch {
    /// A part of the name. Ignores case.
    pub name: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewOrganization {
    pub name: OrganizationName,
    pub description: Description,
}

/// Changes to an organization. `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    pub name: Option<OrganizationName>,
    pub description: Option<Description>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationMember {
    pub id: OrganizationMemberId,
    pub organization: OrganizationId,
    pub user: UserId,
    pub role: OrganizationRole,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_values_are_stable() {
        let words = ["admin", "member", "reader", "annotator"];
        assert_eq!(OrganizationRole::ALL.map(OrganizationRole::as_str), words);
        assert_eq!(words.map(str::parse), OrganizationRole::ALL.map(Ok));
    }

    proptest! {
        #[test]
        fn other_values_are_no_role(word in "[a-zA-Z ]{0,12}|\\PC{0,8}") {
            prop_assert!(word.parse::<OrganizationRole>().ok().is_none_or(|role| role.as_str() == word));
        }
    }
}
