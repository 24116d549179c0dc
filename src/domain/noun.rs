//! The kinds of objects that errors are about. A dialect may use names of its own for them.

use strum::{Display, IntoStaticStr};

/// The kind of an object that does not exist, or already exists. Its text is the default name of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Noun {
    Audit,
    Backup,
    Client,
    Connection,
    Consent,
    Credential,
    Key,
    Member,
    Model,
    #[strum(serialize = "model configuration")]
    ModelConfig,
    #[strum(serialize = "model version")]
    ModelVersion,
    Organization,
    Pipeline,
    #[strum(serialize = "pipeline version")]
    PipelineVersion,
    Project,
    #[strum(serialize = "restriction of project")]
    ProjectRestriction,
    Role,
    /// The assignments of a role, by bindings and memberships, which prevent its deletion.
    #[strum(serialize = "assignment of role")]
    RoleAssignment,
    #[strum(serialize = "role binding")]
    RoleBinding,
    Session,
    #[strum(serialize = "signing key")]
    SigningKey,
    Tag,
    User,
    Workspace,
}

impl Noun {
    /// The name for dialects without a name of their own.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A sentence of the core in a dialect's word for a workspace, which stands in it as `{workspace}`.
pub fn sentence(template: &str, workspace: &str) -> String {
    template.replace("{workspace}", workspace)
}
