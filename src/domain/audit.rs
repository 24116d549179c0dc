//! What was done: the words of the audit.

use serde_json::Value;
use strum::{IntoStaticStr, VariantNames};

use super::ids::{AuditId, UserId};
use super::timestamp::Timestamp;

/// What kind of thing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
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
    /// A code that a client trades for tokens.
    Code,
    /// What a person has let a client do.
    Consent,
    /// An OAuth client.
    Client,
    /// A key that tokens are signed with.
    SigningKey,
    /// The key that others are sealed under.
    MasterKey,
    /// An address from which somebody tries to sign in.
    Address,
}

impl ObjectKind {
    /// The word that the audit keeps.
    pub fn as_str(self) -> &'static str {
        self.into()
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

/// Stands in a search for whoever acts without an account: the operator and the server itself.
pub const NO_ACCOUNT: UserId = UserId(0);

/// Which rows of the audit a search is for.
#[derive(Clone, Debug, Default)]
pub struct AuditSearch {
    /// Those of this moment and later; 30 days before the end unless told otherwise.
    pub from: Option<Timestamp>,
    /// Those of this moment and before; now unless told otherwise.
    pub until: Option<Timestamp>,
    /// Those of this user, or of [`NO_ACCOUNT`].
    pub by: Option<UserId>,
    /// Those of one of these verbs; of all if there is none.
    pub verbs: Vec<String>,
}

/// One row of the audit.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The row.
    pub id: AuditId,
    /// When it was done.
    pub at: Timestamp,
    /// By whom; none for the operator and the server itself.
    pub by: Option<UserId>,
    /// From which address.
    pub address: Option<String>,
    /// The verb of `app`.
    pub verb: String,
    /// What kind of thing was changed.
    pub kind: String,
    /// Which one.
    pub object: String,
    /// How it was, as JSON.
    pub before: Option<String>,
    /// How it is, as JSON.
    pub after: Option<String>,
}
