//! The kinds of objects in responses.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http::arize) enum Shape {
    Nothing,
    Space,
    SpaceMembership,
    Organization,
    OrganizationMembership,
    User,
    /// A user who was just invited, possibly with a temporary password.
    CreatedUser,
    Role,
    Binding,
    /// A key without its secret.
    Key,
    /// A new key with its secret.
    CreatedKey,
    /// A key with its new secret.
    RefreshedKey,
    /// A restriction of a resource. Only projects can be restricted here, and every generation knows that type.
    Restriction,
    /// A new restriction.
    CreatedRestriction,
    Project,
    Tag,
    /// The tags of a request to detach some.
    DetachedTags,
    /// A row of the audit log.
    AuditLog,
    /// An explanation, which no SDK knows.
    Explanation,
}
