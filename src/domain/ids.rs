//! Row numbers, one type per table, so that one can never be taken for another.

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
    /// The number of a user; what clients of Wallaroo and Keycloak see is the user's UUID.
    UserId;
    /// The number of an organization.
    OrganizationId;
    /// The number of a workspace.
    WorkspaceId;
    /// The number of a membership of a workspace.
    MemberId;
    /// The number of a role.
    RoleId;
    /// The number of a binding of a role.
    BindingId;
    /// The number of a project.
    ProjectId;
    /// The number of a membership of an organization.
    OrganizationMemberId;
    /// The number of a sign-in session.
    SessionId;
    /// The number of an API key.
    KeyId;
    /// The number of a row of the audit.
    AuditId;
    /// The number of a model, a named series of versions.
    ModelId;
    /// The number of one version of a model.
    ModelVersionId;
    /// The number of a pipeline.
    PipelineId;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_told_as_it_is_and_ordered_as_numbers_are(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(WorkspaceId(a).to_string(), a.to_string());
            prop_assert_eq!(WorkspaceId(a).cmp(&WorkspaceId(b)), a.cmp(&b));
        }
    }
}
