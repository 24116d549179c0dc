//! The kinds of things that answers contain.

/// The kind of thing that an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http::arize) enum Shape {
    /// Nothing.
    Nothing,
    /// A space.
    Space,
    /// A membership of a space.
    SpaceMembership,
    /// An organization.
    Organization,
    /// A membership of an organization.
    OrganizationMembership,
    /// A user.
    User,
    /// A person who has just been invited, perhaps with a password.
    CreatedUser,
    /// A custom role.
    Role,
    /// A role binding.
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
    /// A project.
    Project,
    /// A row of the audit log.
    AuditLog,
}
