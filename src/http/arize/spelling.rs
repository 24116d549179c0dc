//! The enum values of the dialect. Each is accepted in every spelling that a version of the SDK has used.

use serde::{Deserialize, Serialize};
use strum::EnumString;
use utoipa::ToSchema;

use super::Failure;
use super::body::from_object;
use super::ids::Public;
use crate::domain::ids::RoleId;
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::permission::Permission;
use crate::domain::user::AccountRole;
use crate::error::Error;
use crate::tokens::tags::TagKey;

/// A value in the newest spelling: `read-only` is `READ_ONLY`.
pub(super) fn canonical(value: &str) -> String {
    value.trim().to_ascii_uppercase().replace('-', "_")
}

/// A role to assign: a predefined role by name, or a custom role by id. Older SDK versions also send the name of a
/// custom role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct RoleGiven {
    /// `PREDEFINED` or `CUSTOM`.
    #[serde(rename = "type")]
    #[schema(example = "PREDEFINED")]
    kind: String,
    /// The name of a predefined role.
    #[schema(example = "MEMBER")]
    name: Option<String>,
    /// The id of a custom role.
    id: Option<String>,
}

from_object!(RoleGiven);

/// A role that a client requested.
pub(super) enum RequestedRole {
    /// A predefined role, in the newest spelling.
    Predefined(String),
    Custom(RoleId),
}

impl RoleGiven {
    /// Parses the role in this field.
    pub(super) fn read(self, key: &TagKey, field: &str) -> Result<RequestedRole, Failure> {
        match (canonical(&self.kind).as_str(), self.name, self.id) {
            ("PREDEFINED", Some(name), None) => Ok(RequestedRole::Predefined(canonical(&name))),
            ("PREDEFINED", _, _) => {
                Err(Error::invalid(field.to_owned(), "must have a name and no id with the type PREDEFINED").into())
            }
            ("CUSTOM", _, Some(id)) => RoleId::read(key, &format!("{field}.id"), &id).map(RequestedRole::Custom),
            ("CUSTOM", _, None) => {
                Err(Error::invalid(format!("{field}.id"), "is required with the type CUSTOM").into())
            }
            _ => Err(Error::invalid(format!("{field}.type"), "must be PREDEFINED or CUSTOM").into()),
        }
    }

    /// Parses the role in this field as a role in a space.
    pub(super) fn in_space(self, key: &TagKey, field: &str) -> Result<Role, Failure> {
        match self.read(key, field)? {
            RequestedRole::Custom(id) => Ok(Role::Custom(id)),
            RequestedRole::Predefined(value) => in_space(&value).ok_or_else(|| {
                Error::invalid(format!("{field}.name"), "must be ADMIN, MEMBER, READ_ONLY or ANNOTATOR").into()
            }),
        }
    }
}

impl RoleGiven {
    /// Parses the role in this field as a role in the account. Custom roles are not supported there.
    pub(super) fn in_account(self, field: &str) -> Result<AccountRole, Failure> {
        match (canonical(&self.kind).as_str(), self.name, self.id) {
            ("PREDEFINED", Some(name), None) => account_role(&name).ok_or_else(|| {
                let rule = "must be ADMIN, MEMBER, MEMBER_UI_ONLY or ANNOTATOR";
                Error::invalid(format!("{field}.name"), rule).into()
            }),
            ("PREDEFINED", _, _) => {
                Err(Error::invalid(field.to_owned(), "must have a name and no id with the type PREDEFINED").into())
            }
            ("CUSTOM", _, _) => Err(Error::invalid(
                format!("{field}.type"),
                "must be PREDEFINED: custom roles in the account are not supported",
            )
            .into()),
            _ => Err(Error::invalid(format!("{field}.type"), "must be PREDEFINED").into()),
        }
    }
}

fn in_space(value: &str) -> Option<Role> {
    Role::PREDEFINED.into_iter().find(|role| space_role_name(*role) == value)
}

pub(super) const fn space_role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "ADMIN",
        Role::Member => "MEMBER",
        Role::Reader => "READ_ONLY",
        Role::Annotator => "ANNOTATOR",
        Role::Custom(_) => "CUSTOM",
    }
}

/// A role of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub(super) enum RoleShown {
    /// A predefined role. It has no id, because older SDK versions would take it for both types.
    Predefined {
        /// The name.
        name: &'static str,
    },
    /// A custom role.
    Custom {
        /// The role's id.
        id: String,
        /// The role's name.
        name: String,
    },
}

pub(super) const fn organization_role_name(role: OrganizationRole) -> &'static str {
    match role {
        OrganizationRole::Admin => "ADMIN",
        OrganizationRole::Member => "MEMBER",
        OrganizationRole::Reader => "READ_ONLY",
        OrganizationRole::Annotator => "ANNOTATOR",
    }
}

/// The role in an organization with this name, in any spelling.
pub(super) fn organization_role(value: &str) -> Option<OrganizationRole> {
    find_by_name(&OrganizationRole::ALL, organization_role_name, value)
}

pub(super) const fn account_role_name(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Administrator => "ADMIN",
        AccountRole::Member => "MEMBER",
        AccountRole::UiOnly => "MEMBER_UI_ONLY",
        AccountRole::Annotator => "ANNOTATOR",
    }
}

/// The role in the account with this name, in any spelling.
pub(super) fn account_role(value: &str) -> Option<AccountRole> {
    find_by_name(&AccountRole::ALL, account_role_name, value)
}

/// The permission with this name, in any spelling. Before 8.41, `SERVICE_KEY_REVOKE` was `SERVICE_KEY_DELETE`.
pub(super) fn permission(name: &str) -> Option<Permission> {
    match canonical(name).as_str() {
        "SERVICE_KEY_DELETE" => Some(Permission::SERVICE_KEY_REVOKE),
        name => Permission::from_name(name),
    }
}

/// The value with this name, in any spelling.
fn find_by_name<T: Copy>(all: &[T], name: fn(T) -> &'static str, value: &str) -> Option<T> {
    let value = canonical(value);
    all.iter().copied().find(|one| name(*one) == value)
}

/// Implements parsing in any spelling for an enum of the dialect, with the rule that a refusal names.
macro_rules! read_in_any_spelling {
    ($kind:ident, $rule:literal) => {
        impl $kind {
            /// The rule that an unknown value breaks.
            pub(super) const RULE: &str = $rule;

            /// Parses a value in any spelling.
            pub(super) fn read(value: &str) -> Option<Self> {
                canonical(value).parse().ok()
            }
        }

        impl TryFrom<String> for $kind {
            type Error = &'static str;

            fn try_from(value: String) -> Result<Self, Self::Error> {
                Self::read(&value).ok_or(Self::RULE)
            }
        }
    };
}

/// The status of a user. Deleted users have none, because they are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, EnumString)]
#[serde(try_from = "String", rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum UserStatus {
    /// May sign in.
    Active,
    /// Has an invitation that is still good.
    Invited,
    /// Has an invitation that is no longer good.
    Expired,
}

read_in_any_spelling!(UserStatus, "must be ACTIVE, INVITED or EXPIRED");

/// The ways to invite a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, EnumString)]
#[serde(try_from = "String", rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum InviteMode {
    /// Not at all: the account is active at once.
    None,
    /// By a link that is good once.
    EmailLink,
    /// By a password that must be changed at the first sign-in.
    TemporaryPassword,
}

read_in_any_spelling!(InviteMode, "must be NONE, EMAIL_LINK or TEMPORARY_PASSWORD");

/// The types of API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, EnumString)]
#[serde(try_from = "String", rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum KeyType {
    /// The person who made it.
    User,
    /// A bot user of its own.
    Service,
}

read_in_any_spelling!(KeyType, "must be USER or SERVICE");

/// The status of an API key. SDK versions before 8.34 call a revoked key deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, EnumString)]
#[serde(try_from = "String", rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum KeyStatus {
    /// It has not been revoked.
    Active,
    /// Somebody ended it.
    #[strum(serialize = "REVOKED", serialize = "DELETED")]
    Revoked,
}

read_in_any_spelling!(KeyStatus, "must be ACTIVE or REVOKED");

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_value_is_accepted_in_every_spelling() {
        for spelling in ["READ_ONLY", "read-only", "read_only", "Read-Only", " READ-ONLY "] {
            assert_eq!(organization_role(spelling), Some(OrganizationRole::Reader), "{spelling}");
        }
        assert_eq!(account_role("member_ui_only"), Some(AccountRole::UiOnly));
        assert_eq!(UserStatus::read("invited"), Some(UserStatus::Invited));
        assert_eq!(InviteMode::read("email_link"), Some(InviteMode::EmailLink));
        assert_eq!(KeyType::read("service"), Some(KeyType::Service));
        assert_eq!(KeyStatus::read("deleted"), Some(KeyStatus::Revoked));
    }

    #[test]
    fn a_permission_is_accepted_by_its_old_name() {
        assert_eq!(permission("SERVICE_KEY_DELETE"), Some(Permission::SERVICE_KEY_REVOKE));
        assert_eq!(permission("role_read"), Some(Permission::ROLE_READ));
        assert_eq!(permission("ROLE_EAT"), None);
        assert!(Permission::all().all(|one| permission(one.name()) == Some(one)));
    }

    #[test]
    fn a_role_is_accepted_as_every_generation_sends_it() {
        let key = TagKey::new(&[3; 32]);
        let id = RoleId(7).encode(&key);
        let read = |body: Value| {
            let role: RoleGiven = serde_json::from_value(body).map_err(|error| error.to_string())?;
            role.in_space(&key, "role").map_err(|error| error.to_string())
        };
        for body in [
            json!({ "type": "CUSTOM", "id": id }),
            json!({ "type": "custom", "id": id, "name": "Night shift" }),
            json!({ "type": "CUSTOM", "id": id, "name": "ADMIN" }),
            json!({ "type": "CUSTOM", "id": id, "name": null }),
        ] {
            assert_eq!(read(body.clone()), Ok(Role::Custom(RoleId(7))), "{body}");
        }
        for body in [
            json!({ "type": "PREDEFINED", "name": "READ_ONLY" }),
            json!({ "type": "predefined", "name": "read-only" }),
            json!({ "type": "PREDEFINED", "name": "READ_ONLY", "id": null }),
        ] {
            assert_eq!(read(body.clone()), Ok(Role::Reader), "{body}");
        }
        for body in [
            json!("ADMIN"),
            json!({ "name": "ADMIN" }),
            json!({ "type": "PREDEFINED", "name": 1 }),
            json!({ "type": "PREDEFINED", "name": "MEMBER_UI_ONLY" }),
            json!({ "type": "PREDEFINED", "name": "ADMIN", "id": id }),
            json!({ "type": "PREDEFINED", "name": "ADMIN", "rank": 1 }),
            json!({ "type": "CUSTOM", "name": "Night shift" }),
        ] {
            assert!(read(body.clone()).is_err(), "{body}");
        }
    }

    #[test]
    fn unknown_values_are_refused() {
        for other in ["", "ROOT", "CUSTOM", "ADMINS", "READ ONLY"] {
            assert_eq!((organization_role(other), account_role(other)), (None, None), "{other}");
        }
        assert_eq!(organization_role("MEMBER_UI_ONLY"), None);
        assert_eq!(account_role("READ_ONLY"), None);
        assert_eq!(UserStatus::read("INACTIVE"), None);
    }

    #[test]
    fn a_request_has_any_spelling_and_a_response_the_newest() {
        let status: KeyStatus = serde_json::from_str(r#""deleted""#).expect("a status");
        assert_eq!(serde_json::to_string(&status).expect("JSON"), r#""REVOKED""#);
        let error = serde_json::from_str::<KeyType>(r#""bot""#).expect_err("no such type");
        assert!(error.to_string().starts_with("must be USER or SERVICE"), "{error}");
        assert!(serde_json::from_str::<KeyType>("1").is_err());
    }

    #[test]
    fn every_value_parses_back() {
        assert!(
            OrganizationRole::ALL.iter().all(|role| organization_role(organization_role_name(*role)) == Some(*role))
        );
        assert!(AccountRole::ALL.iter().all(|role| account_role(account_role_name(*role)) == Some(*role)));
        for value in ["ACTIVE", "INVITED", "EXPIRED"] {
            assert_eq!(json!(UserStatus::read(value)), json!(value));
        }
        for value in ["NONE", "EMAIL_LINK", "TEMPORARY_PASSWORD"] {
            assert_eq!(json!(InviteMode::read(value)), json!(value));
        }
        for value in ["USER", "SERVICE"] {
            assert_eq!(json!(KeyType::read(value)), json!(value));
        }
        for value in ["ACTIVE", "REVOKED"] {
            assert_eq!(json!(KeyStatus::read(value)), json!(value));
        }
    }
}
