//! The kinds of things that an error is about. Each dialect may have words of its own for them.

use strum::{Display, IntoStaticStr};

/// What does not exist, or exists already. Its text is the word that fits where a dialect has none of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, IntoStaticStr)]
#[expect(missing_docs, reason = "most names say it all")]
#[strum(serialize_all = "lowercase")]
pub enum Noun {
    Audit,
    Client,
    Consent,
    Credential,
    Key,
    Member,
    Organization,
    Project,
    #[strum(serialize = "restriction of project")]
    ProjectRestriction,
    Role,
    /// The assignments of a role, by bindings and memberships, which stand against its deletion.
    #[strum(serialize = "assignment of role")]
    RoleAssignment,
    #[strum(serialize = "role binding")]
    RoleBinding,
    Session,
    #[strum(serialize = "signing key")]
    SigningKey,
    User,
    Workspace,
}

impl Noun {
    /// The word that fits where a dialect has none of its own.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A sentence of the core in a dialect's word for a workspace, which stands in it as `{workspace}`.
pub fn sentence(template: &str, workspace: &str) -> String {
    template.replace("{workspace}", workspace)
}
