//! What was done: the words of the audit.

use serde_json::Value;

/// What kind of thing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A user.
    User,
    /// A workspace.
    Workspace,
    /// A membership of a workspace.
    Member,
    /// An organization.
    Organization,
    /// A membership of an organization.
    OrganizationMember,
    /// A named role.
    Role,
    /// A binding of a named role.
    Binding,
    /// A project.
    Project,
    /// An API key.
    Key,
    /// A sign-in session.
    Session,
    /// A key that tokens are signed with.
    SigningKey,
}

impl ObjectKind {
    /// The word that the audit keeps.
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Workspace => "workspace",
            Self::Member => "member",
            Self::Organization => "organization",
            Self::OrganizationMember => "organization_member",
            Self::Role => "role",
            Self::Binding => "binding",
            Self::Project => "project",
            Self::Key => "key",
            Self::Session => "session",
            Self::SigningKey => "signing_key",
        }
    }
}

/// One change, as the audit keeps it beside who made it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The verb of `app`: `workspaces.create`.
    pub verb: &'static str,
    /// What kind of thing was changed.
    pub kind: ObjectKind,
    /// Which one: a row number or UUID, or two with a slash.
    pub object: String,
    /// How it was, without secrets; `null` if it was not.
    pub before: Value,
    /// How it is, without secrets; `null` if it is no more.
    pub after: Value,
}
