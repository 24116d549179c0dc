//! The request bodies for a user: create, change, or set a password.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::app::people::Registration;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::user::{AccountRole, NewUser, PersonName, UserChange};
use crate::error::{Error, InField, Result};

/// Keycloak's name of the action that requires a new password.
const UPDATE_PASSWORD: &str = "UPDATE_PASSWORD";

/// A new user or a change; omitted fields keep their values.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRequest {
    username: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    enabled: Option<bool>,
    email_verified: Option<bool>,
    credentials: Option<Vec<Credential>>,
    required_actions: Option<Vec<String>>,
    realm_roles: Option<Vec<String>>,
    #[serde(flatten)]
    other_fields: BTreeMap<String, Value>,
}

/// A password in a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    #[serde(rename = "type")]
    kind: Option<String>,
    value: String,
    #[serde(default)]
    temporary: Option<bool>,
}

impl Credential {
    /// The password, and whether it is temporary.
    pub(super) fn read(self) -> Result<(Password, bool)> {
        if self.kind.is_some_and(|kind| kind != "password") {
            return Err(Error::invalid("type", "must be password: no other credential can be set"));
        }
        let password = Password::parse(&self.value).in_field("value")?;
        Ok((password, self.temporary.unwrap_or(false)))
    }
}

/// The fields of a representation that are read-only.
const READ_ONLY: [&str; 14] = [
    "id",
    "createdTimestamp",
    "access",
    "totp",
    "notBefore",
    "lastLogin",
    "disableableCredentialTypes",
    "federatedIdentities",
    "self",
    "origin",
    "userProfileMetadata",
    "clientConsents",
    "serviceAccountClientId",
    "federationLink",
];

/// The fields that create and change have in common.
struct Fields {
    email: Option<Email>,
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
    enabled: Option<bool>,
}

impl UserRequest {
    /// Whether a new password is required; `None` if the request does not say.
    pub(super) fn requires_new_password(&self) -> Result<Option<bool>> {
        self.required_actions.as_deref().map(contain_new_password).transpose()
    }

    /// Refuses fields that have a meaning in Keycloak but none here, rather than ignore them.
    fn fields(&self) -> Result<Fields> {
        let is_set = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
        };
        let unsupported = |(name, value): &(&String, &Value)| !READ_ONLY.contains(&name.as_str()) && is_set(value);
        if let Some((name, _)) = self.other_fields.iter().find(unsupported) {
            return Err(Error::invalid(name.clone(), "is not supported here; omit it"));
        }
        let email = self.email.as_deref().map(Email::parse).transpose().in_field("email")?;
        let username = match (self.username.as_deref().map(Email::parse).transpose(), &email) {
            (Err(_), Some(_)) => return Err(Error::invalid("username", "must be the email address or be omitted")),
            (username, _) => username.in_field("username")?,
        };
        if let (Some(email), Some(username)) = (&email, &username)
            && email != username
        {
            return Err(Error::invalid("username", "must be the email address or be omitted"));
        }
        Ok(Fields {
            email: email.or(username),
            first_name: self.first_name.as_deref().map(PersonName::parse).transpose().in_field("firstName")?,
            last_name: self.last_name.as_deref().map(PersonName::parse).transpose().in_field("lastName")?,
            enabled: self.enabled,
        })
    }
}

/// The new user. Without `enabled` the account is disabled, as in Keycloak. Without `emailVerified` the email counts as
/// verified by the caller, as with every account that an administrator creates.
pub(super) fn new_person(request: UserRequest) -> Result<Registration> {
    let fields = request.fields()?;
    let email = fields.email.ok_or_else(|| Error::invalid("username", "is missing: it must be the email address"))?;
    let mut credentials = request.credentials.unwrap_or_default();
    let password = credentials.pop().map(Credential::read).transpose()?;
    if !credentials.is_empty() {
        return Err(Error::invalid("credentials", "must contain at most one password"));
    }
    let password = match (contain_new_password(&request.required_actions.unwrap_or_default())?, password) {
        (false, password) => password,
        (true, Some((password, _))) => Some((password, true)),
        (true, None) => {
            return Err(Error::invalid("requiredActions", "can contain UPDATE_PASSWORD only together with a password"));
        }
    };
    let role = match request.realm_roles.unwrap_or_default().as_slice() {
        [] => AccountRole::Member,
        [one] if one == "admin" => AccountRole::Administrator,
        _ => return Err(Error::invalid("realmRoles", "can contain only admin: no other role exists")),
    };
    let (first_name, last_name) = (fields.first_name.unwrap_or_default(), fields.last_name.unwrap_or_default());
    let new = NewUser { email, first_name, last_name, role };
    let email_verified = request.email_verified.unwrap_or(true);
    Ok(Registration { new, enabled: fields.enabled.unwrap_or(false), email_verified, password })
}

/// Whether the required actions demand a new password. Keycloak has other actions; they are refused.
fn contain_new_password(actions: &[String]) -> Result<bool> {
    match actions {
        [] => Ok(false),
        [one] if one == UPDATE_PASSWORD => Ok(true),
        _ => Err(Error::invalid("requiredActions", "can contain only UPDATE_PASSWORD")),
    }
}

impl TryFrom<UserRequest> for UserChange {
    type Error = Error;

    /// Roles are ignored, as in Keycloak.
    fn try_from(request: UserRequest) -> Result<Self> {
        let fields = request.fields()?;
        if request.credentials.is_some_and(|credentials| !credentials.is_empty()) {
            return Err(Error::invalid("credentials", "must be omitted: use reset-password to set a password"));
        }
        Ok(Self {
            email: fields.email,
            email_verified: request.email_verified,
            first_name: fields.first_name,
            last_name: fields.last_name,
            enabled: fields.enabled,
            developer: None,
            administrator: None,
        })
    }
}
