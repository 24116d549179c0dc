//! An organization: the people who may find each other, and the workspaces that they share.

use strum::{EnumString, IntoStaticStr};

use super::ids::{OrganizationId, OrganizationMemberId, UserId};
use super::invalid::Invalid;
use super::text::{Description, named};
use super::timestamp::Timestamp;

/// The name of the organization that a new account begins with.
pub const HOME_NAME: &str = "Home";

/// What a person may do in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum OrganizationRole {
    /// Manages the organization.
    Admin,
    /// Makes and joins workspaces, and reads those that are not private.
    Member,
    /// Reads the workspaces that are not private.
    Reader,
    /// Annotates in the workspaces that are not private.
    Annotator,
}

impl OrganizationRole {
    /// Each role, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Member, Self::Reader, Self::Annotator];

    /// The word for the role in the database and the audit.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An organization's name: 1 to 255 characters, all of them visible, no blank at either end; not what reads as an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrganizationName(String);

impl OrganizationName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// Takes a name, in NFC.
    ///
    /// Refuses one that is empty or too long, begins or ends with a blank, has a character that nobody sees, or reads as an
    /// id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        named(raw, Self::LONGEST).map(Self)
    }

    /// A name of the data file as it is there: an older file may have one that would be refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The row.
    pub id: OrganizationId,
    /// The name, unique in the account.
    pub name: OrganizationName,
    /// What it is for.
    pub description: Description,
    /// Whether it is the one that clients without the notion of one live in.
    pub home: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which organizations are searched for.
#[derive(Clone, Debug, Default)]
pub struct OrganizationSearch {
    /// Those whose name contains this, in any case.
    pub name: Option<String>,
}

/// An organization to be.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// The name.
    pub name: OrganizationName,
    /// What it is for.
    pub description: Description,
}

/// What is to change about an organization; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    /// The new name.
    pub name: Option<OrganizationName>,
    /// What it is for now.
    pub description: Option<Description>,
}

/// Somebody's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationMember {
    /// The row.
    pub id: OrganizationMemberId,
    /// Where.
    pub organization: OrganizationId,
    /// Who.
    pub user: UserId,
    /// In what role.
    pub role: OrganizationRole,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_words_stay() {
        let words = ["admin", "member", "reader", "annotator"];
        assert_eq!(OrganizationRole::ALL.map(OrganizationRole::as_str), words);
        assert_eq!(words.map(str::parse), OrganizationRole::ALL.map(Ok));
    }

    proptest! {
        #[test]
        fn no_other_word_is_a_role(word in "[a-zA-Z ]{0,12}|\\PC{0,8}") {
            prop_assert!(word.parse::<OrganizationRole>().ok().is_none_or(|role| role.as_str() == word));
        }
    }
}
