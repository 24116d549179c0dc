//! The dialect's words, which are read in every spelling that a generation of the SDK has used.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Failure;
use super::ids::Public;
use crate::domain::ids::RoleId;
use crate::domain::member::Role;
use crate::domain::user::AccountRole;
use crate::error::Error;
use crate::tokens::tags::TagKey;

/// A word as the newest generation spells it: `read-only` is `READ_ONLY`.
pub(super) fn canonical(word: &str) -> String {
    word.trim().to_ascii_uppercase().replace('-', "_")
}

/// A role that a client gives: predefined by name, or named by id. Older generations add a `name` to a custom one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleGiven {
    /// `PREDEFINED` or `CUSTOM`.
    #[serde(rename = "type")]
    #[schema(example = "PREDEFINED")]
    kind: String,
    /// Which predefined role.
    #[schema(example = "MEMBER")]
    name: Option<String>,
    /// Which named role.
    id: Option<String>,
}

/// What a client gives: one of the dialect's predefined words, or a named role.
pub(super) enum Given {
    /// A predefined role, in the newest spelling.
    Predefined(String),
    /// A named role.
    Custom(RoleId),
}

impl RoleGiven {
    /// What is given, as this field.
    pub(super) fn read(self, key: &TagKey, field: &str) -> Result<Given, Failure> {
        match (canonical(&self.kind).as_str(), self.name, self.id) {
            ("PREDEFINED", Some(name), None) => Ok(Given::Predefined(canonical(&name))),
            ("PREDEFINED", _, _) => {
                Err(Error::invalid(field.to_owned(), "of type PREDEFINED needs a name and no id").into())
            }
            ("CUSTOM", _, Some(id)) => RoleId::read(key, &format!("{field}.id"), &id).map(Given::Custom),
            ("CUSTOM", _, None) => Err(Error::invalid(format!("{field}.id"), "is needed with the type CUSTOM").into()),
            _ => Err(Error::invalid(format!("{field}.type"), "must be PREDEFINED or CUSTOM").into()),
        }
    }

    /// The role in a space that is given, as this field.
    pub(super) fn in_space(self, key: &TagKey, field: &str) -> Result<Role, Failure> {
        match self.read(key, field)? {
            Given::Custom(id) => Ok(Role::Custom(id)),
            Given::Predefined(word) => in_space(&word).ok_or_else(|| {
                Error::invalid(format!("{field}.name"), "must be ADMIN, MEMBER, READ_ONLY or ANNOTATOR").into()
            }),
        }
    }
}

impl RoleGiven {
    /// The role in the account that is given, as this field; named ones are for places only.
    pub(super) fn in_account(self, field: &str) -> Result<AccountRole, Failure> {
        match (canonical(&self.kind).as_str(), self.name, self.id) {
            ("PREDEFINED", Some(name), None) => {
                let word = canonical(&name);
                let found = AccountRole::ALL.into_iter().find(|role| account_word(*role) == word);
                found.ok_or_else(|| {
                    let rule = "must be ADMIN, MEMBER, MEMBER_UI_ONLY or ANNOTATOR";
                    Error::invalid(format!("{field}.name"), rule).into()
                })
            }
            ("PREDEFINED", _, _) => {
                Err(Error::invalid(field.to_owned(), "of type PREDEFINED needs a name and no id").into())
            }
            ("CUSTOM", _, _) => {
                Err(Error::invalid(format!("{field}.type"), "CUSTOM is reserved: roles in the account are predefined")
                    .into())
            }
            _ => Err(Error::invalid(format!("{field}.type"), "must be PREDEFINED").into()),
        }
    }
}

/// The dialect's word for a role in the account.
pub(super) const fn account_word(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Administrator => "ADMIN",
        AccountRole::Member => "MEMBER",
        AccountRole::UiOnly => "MEMBER_UI_ONLY",
        AccountRole::Annotator => "ANNOTATOR",
    }
}

/// The role in a space of one of the dialect's words.
fn in_space(word: &str) -> Option<Role> {
    Role::PREDEFINED.into_iter().find(|role| space_word(*role) == word)
}

/// The dialect's word for a role in a space.
pub(super) const fn space_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "ADMIN",
        Role::Member => "MEMBER",
        Role::Reader => "READ_ONLY",
        Role::Annotator => "ANNOTATOR",
        Role::Custom(_) => "CUSTOM",
    }
}

/// A role that is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub(super) enum RoleShown {
    /// A predefined role. It must have no id, or old generations take it for both.
    Predefined {
        /// The word.
        name: &'static str,
    },
    /// A named role.
    Custom {
        /// The role's id.
        id: String,
        /// The role's name.
        name: String,
    },
}
