//! The kinds of things that answers contain.

/// The kind of thing that an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http::arize) enum Shape {
    Nothing,
    Space,
    SpaceMembership,
    Organization,
    OrganizationMembership,
    User,
    /// A person who has just been invited, perhaps with a password.
    CreatedUser,
    Role,
    Binding,
    /// A key, as lists show it.
    Key,
    /// A key that has just been made, with its secret.
    CreatedKey,
    /// A key with its new secret.
    RefreshedKey,
    /// A restriction of a resource. Only projects can be restricted here, a type that every generation knows.
    Restriction,
    /// A restriction that has just been laid.
    CreatedRestriction,
    Project,
    /// A row of the audit log.
    AuditLog,
}
