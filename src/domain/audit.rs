//! The entries of the audit log.

use serde_json::Value;
use strum::{IntoStaticStr, VariantNames};

use super::ids::{AuditId, UserId};
use super::timestamp::Timestamp;

/// The kind of a changed object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ObjectKind {
    User,
    Workspace,
    Member,
    Organization,
    OrganizationMember,
    Role,
    /// A binding of a named role.
    Binding,
    Project,
    Model,
    ModelVersion,
    Pipeline,
    PipelineVersion,
    Connection,
    Tag,
    /// An API key.
    Key,
    Session,
    /// A code that a client exchanges for tokens.
    Code,
    /// The consent of a user to a client.
    Consent,
    Client,
    /// A key that signs tokens.
    SigningKey,
    /// The key that encrypts other keys.
    MasterKey,
    /// A backup of the data file.
    Backup,
    /// The database of all data.
    Database,
    /// A client address from which a sign-in was attempted.
    Address,
    /// Rows of the audit log.
    Audit,
    /// A file that was imported.
    Import,
}

impl ObjectKind {
    /// The text in the audit log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A change, without its actor.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The function of `app`: `workspaces.create`.
    pub verb: &'static str,
    pub kind: ObjectKind,
    /// The object: a row number or UUID, or two with a slash.
    pub object: String,
    /// The former state without secrets. `null` for a new object.
    pub before: Value,
    /// The new state without secrets. `null` for a deleted object.
    pub after: Value,
}

/// One of many changes by the same verb.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object, as in [`Entry`].
    pub object: String,
    pub before: Value,
    pub after: Value,
}

/// The filter value for actors without an account: the operator and the server itself.
pub const NO_ACCOUNT: UserId = UserId(0);

/// A filter of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditSearch {
    /// The earliest time, inclusive. 30 days before `until`, or before now, by default.
    pub from: Option<Timestamp>,
    /// The latest time, inclusive. Unlimited by default.
    pub until: Option<Timestamp>,
    /// The acting user, or [`NO_ACCOUNT`].
    pub by: Option<UserId>,
    /// Any of these verbs. Empty for all.
    pub verbs: Vec<String>,
}

/// A row of the audit log.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub id: AuditId,
    pub at: Timestamp,
    /// The acting user. `None` for the operator and the server itself.
    pub by: Option<UserId>,
    /// The name that the actor had then: an address, `operator` or `nobody`.
    pub name: String,
    pub address: Option<String>,
    /// The function of `app`.
    pub verb: String,
    /// The kind of the changed object.
    pub kind: String,
    /// The id of the changed object.
    pub object: String,
    /// The former state as JSON.
    pub before: Option<String>,
    /// The new state as JSON.
    pub after: Option<String>,
}
