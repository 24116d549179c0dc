//! The kind of object that each action is about.

use super::Action;

/// The kind of object that an action is about, which determines the facts that it may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Workspace,
    /// A model, a pipeline or a tag in a workspace.
    Content,
    Project,
    Organization,
    Account,
    Person,
}

pub(super) const fn about(action: Action) -> About {
    match action {
        Action::ReadWorkspace
        | Action::UpdateWorkspace
        | Action::DeleteWorkspace
        | Action::AddMember
        | Action::BindRole
        | Action::ReadBindings
        | Action::RemoveMember
        | Action::UnbindRole
        | Action::LeaveWorkspace
        | Action::CreateProject
        | Action::CreateModel
        | Action::CreatePipeline
        | Action::ReadConnections
        | Action::LinkConnection
        | Action::CreateTag
        | Action::ReadServiceKeys
        | Action::CreateServiceKey
        | Action::RevokeServiceKey => About::Workspace,
        Action::ReadModel
        | Action::UpdateModel
        | Action::DeleteModel
        | Action::ReadPipeline
        | Action::UpdatePipeline
        | Action::DeletePipeline
        | Action::ReadTag
        | Action::UpdateTag
        | Action::DeleteTag => About::Content,
        Action::ReadProject | Action::UpdateProject | Action::DeleteProject | Action::RestrictProject => About::Project,
        Action::ReadOrganization
        | Action::CreateWorkspace
        | Action::CreateConnection
        | Action::CreateSharedTag
        | Action::UpdateOrganization
        | Action::DeleteOrganization
        | Action::ManageOrganizationMembers
        | Action::ManageAdministrator => About::Organization,
        Action::CreateOrganization
        | Action::ReadRoles
        | Action::ManageRoles
        | Action::CreateUser
        | Action::InviteUser
        | Action::InviteWithoutLink
        | Action::HoldKeys
        | Action::ReadClients
        | Action::ManageClients
        | Action::ReadAudit
        | Action::ReadEverything => About::Account,
        Action::ReadUser
        | Action::ChangeUser
        | Action::BlockUser
        | Action::SetPassword
        | Action::ManageConnection
        | Action::DeleteSharedTag
        | Action::ReadKeys
        | Action::CreateKey
        | Action::RevokeKey
        | Action::ReadSessions
        | Action::EndSession => About::Person,
    }
}
