//! The fields that an error is about.

use std::borrow::Cow;

use strum::{Display, IntoStaticStr};

/// A field whose value breaks a rule. Each dialect may have names of its own for what the core names.
#[derive(Clone, Debug, PartialEq, Eq, Display, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Field {
    AccessTokenLife,
    AccountRole,
    ClientId,
    ExpiresAt,
    Grants,
    Id,
    IdTokenHint,
    Key,
    /// The number of entries on a page.
    Limit,
    /// The versions of models that a request names.
    ModelVersions,
    MustChangePassword,
    /// The object of a question.
    On,
    Organization,
    Organizations,
    Password,
    Permissions,
    Pkce,
    PostLogoutRedirectUri,
    PostLogoutRedirectUris,
    RedirectUris,
    Scope,
    Secret,
    ServiceRole,
    SessionIdle,
    SessionLife,
    Tag,
    Workspace,
    Workspaces,
    /// A field that a dialect has read itself, by the name that it has there.
    #[strum(to_string = "{0}")]
    Named(Cow<'static, str>),
}

impl Field {
    /// The name that fits where a dialect has none of its own.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Named(name) => name,
            field => field.into(),
        }
    }
}

impl From<&'static str> for Field {
    fn from(name: &'static str) -> Self {
        Self::Named(name.into())
    }
}

impl From<String> for Field {
    fn from(name: String) -> Self {
        Self::Named(name.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_one_name() {
        for (field, name) in [(Field::ExpiresAt, "expires_at"), (Field::from("object.name"), "object.name")] {
            assert_eq!((field.to_string().as_str(), field.as_str()), (name, name));
        }
    }
}
