//! The user representation of Keycloak, which the Wallaroo dialect returns too.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::users;
use crate::domain::actor::Actor;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, User};

/// A user as Keycloak represents one (its `UserRepresentation`).
#[expect(clippy::option_option, reason = "null says that there was none, absent says nothing")]
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Representation {
    /// The UUID.
    id: Uuid,
    /// The time when the account was created, in milliseconds since 1970.
    created_timestamp: i64,
    /// The username, which is the email address.
    username: String,
    /// Whether the user can sign in.
    enabled: bool,
    /// Whether the operator or an administrator has verified the email address.
    email_verified: bool,
    /// The email address.
    email: String,
    /// The first name; omitted if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    first_name: String,
    /// The last name; omitted if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    last_name: String,
    /// The actions that the caller can perform on the user.
    access: Access,
    /// The types of credentials that can be disabled: always empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = [String; 0], required)]
    disableable_credential_types: Option<[String; 0]>,
    /// The actions required at the next sign-in, if the caller can manage the user: `UPDATE_PASSWORD` or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required)]
    required_actions: Option<Vec<&'static str>>,
    /// Tokens issued before this second are invalid: always 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required)]
    not_before: Option<i64>,
    /// The time of the last sign-in, in milliseconds since 1970; null before the first sign-in, and for callers who are
    /// not administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    last_login: Option<Option<i64>>,
    /// `admin` for an administrator; omitted for other users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    realm_roles: Vec<&'static str>,
    /// Linked external accounts: always empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = [String; 0], required)]
    federated_identities: Option<[String; 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    totp: Option<bool>,
}

/// The actions that the caller can perform on a user.
#[expect(clippy::struct_excessive_bools, reason = "the shape is Keycloak's")]
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Access {
    impersonate: bool,
    manage: bool,
    manage_group_membership: bool,
    map_roles: bool,
    view: bool,
}

impl Access {
    /// The access of a caller who can manage users, or of one who can only view them.
    pub(super) const fn new(manageable: bool) -> Self {
        Self {
            impersonate: false,
            manage: manageable,
            manage_group_membership: manageable,
            map_roles: manageable,
            view: true,
        }
    }
}

impl Representation {
    /// A user without the details that Keycloak omits from a brief representation.
    pub(super) fn brief(user: &User, viewer: &Actor) -> Self {
        Self {
            id: user.uuid,
            created_timestamp: user.created_at.millis(),
            username: user.email.to_string(),
            enabled: user.enabled,
            email_verified: user.email_verified.is_some(),
            email: user.email.to_string(),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            access: Access::new(users::manages(viewer)),
            ..Self::default()
        }
    }

    /// A user with all details.
    pub(super) fn new(user: &User, viewer: &Actor) -> Self {
        let must_change = users::manages(viewer) && user.must_change_password;
        let last_sign_in = user.last_sign_in_at.filter(|_| users::knows_last_sign_in(viewer, user));
        Self {
            disableable_credential_types: Some([]),
            required_actions: Some(must_change.then_some("UPDATE_PASSWORD").into_iter().collect()),
            not_before: Some(0),
            last_login: Some(last_sign_in.map(Timestamp::millis)),
            realm_roles: match user.role {
                AccountRole::Administrator => vec!["admin"],
                AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator => Vec::new(),
            },
            federated_identities: Some([]),
            ..Self::brief(user, viewer)
        }
    }

    /// Adds whether a second factor is set up; None if the viewer may not know it.
    pub(super) fn with_totp(self, totp: Option<bool>) -> Self {
        Self { totp, ..self }
    }
}
