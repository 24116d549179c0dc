//! Row numbers, with one type per table, so that they cannot be confused.

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

id! {
    /// The row number of a user. Wallaroo and Keycloak clients see the user's UUID instead.
    UserId;
    OrganizationId;
    WorkspaceId;
    /// A membership of a workspace.
    MemberId;
    RoleId;
    /// A binding of a role.
    BindingId;
    ProjectId;
    /// A membership of an organization.
    OrganizationMemberId;
    SessionId;
    /// An API key.
    KeyId;
    /// A row of the audit log.
    AuditId;
    /// A model, a named series of versions.
    ModelId;
    ModelVersionId;
    ModelConfigId;
    PipelineId;
    PipelineVersionId;
    ConnectionId;
    TagId;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_print_and_sort_as_numbers(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(WorkspaceId(a).to_string(), a.to_string());
            prop_assert_eq!(WorkspaceId(a).cmp(&WorkspaceId(b)), a.cmp(&b));
        }
    }
}
