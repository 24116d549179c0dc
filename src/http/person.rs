//! A user as Keycloak shows one, which Wallaroo's clients are shown too.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::users;
use crate::domain::actor::Actor;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, User};

/// A user as Keycloak shows one (its `UserRepresentation`; contract, section 2.7).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Representation {
    /// The UUID.
    id: Uuid,
    /// When the account was made, in milliseconds since 1970.
    created_timestamp: i64,
    /// The user name, which is the e-mail address.
    username: String,
    /// Whether the person may sign in.
    enabled: bool,
    /// Whether the operator or an administrator vouched for the address.
    email_verified: bool,
    /// The e-mail address.
    email: String,
    /// The first name; left out where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    first_name: String,
    /// The last name; left out where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    last_name: String,
    /// What the caller may do with the user.
    access: Access,
    /// Kinds of credential that can be switched off: none.
    disableable_credential_types: [String; 0],
    /// What the person has to do at the next sign-in, where the caller may manage the user: `UPDATE_PASSWORD` or nothing.
    required_actions: Vec<&'static str>,
    /// Tokens from before this second are void: none are for this reason.
    not_before: i64,
    /// When the person last signed in, in milliseconds since 1970; null before the first time, and to others but
    /// administrators.
    last_login: Option<i64>,
    /// `admin` for an administrator; left out otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    realm_roles: Vec<&'static str>,
    /// Accounts elsewhere: none.
    federated_identities: [String; 0],
}

/// What the caller may do with a user.
#[expect(clippy::struct_excessive_bools, reason = "the shape is Keycloak's")]
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Access {
    impersonate: bool,
    manage: bool,
    manage_group_membership: bool,
    map_roles: bool,
    view: bool,
}

/// A user as Keycloak shows one in short.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    id: Uuid,
    created_timestamp: i64,
    username: String,
    enabled: bool,
    email_verified: bool,
    email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    first_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_name: String,
    access: Access,
}

impl Brief {
    /// Shows a user to somebody.
    pub(super) fn new(user: &User, viewer: &Actor) -> Self {
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
        }
    }
}

impl Access {
    /// What somebody may do who manages users, or does not.
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
    /// Shows a user to somebody.
    pub(super) fn new(user: &User, viewer: &Actor) -> Self {
        let manageable = users::manages(viewer);
        let last_sign_in = user.last_sign_in_at.filter(|_| users::knows_last_sign_in(viewer, user));
        Self {
            id: user.uuid,
            created_timestamp: user.created_at.millis(),
            username: user.email.to_string(),
            enabled: user.enabled,
            email_verified: user.email_verified.is_some(),
            email: user.email.to_string(),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            access: Access::new(manageable),
            disableable_credential_types: [],
            required_actions: (manageable && user.must_change_password)
                .then_some("UPDATE_PASSWORD")
                .into_iter()
                .collect(),
            not_before: 0,
            last_login: last_sign_in.map(Timestamp::millis),
            realm_roles: match user.role {
                AccountRole::Administrator => vec!["admin"],
                AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator => Vec::new(),
            },
            federated_identities: [],
        }
    }
}
