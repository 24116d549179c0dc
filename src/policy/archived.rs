//! What an archived workspace refuses. It is read-only: its contents, its settings and the rights in it stay as they are,
//! except that rights can always be taken away. It can be restored and deleted.
//!
//! `app::standing::require` asks this for every action, so that no verb can forget it.

use super::{Action, Standing};

/// Whether the action is refused because the workspace is archived, although [`super::decide`] allows it.
pub const fn refuses(standing: &Standing, action: Action) -> bool {
    standing.archived && !is_possible(action)
}

/// Whether an archived workspace allows the action.
pub const fn is_possible(action: Action) -> bool {
    match action {
        Action::UpdateWorkspace
        | Action::MoveWorkspace
        | Action::AddMember
        | Action::BindRole
        | Action::CreateProject
        | Action::UpdateProject
        | Action::DeleteProject
        // A restriction can also be lifted, which gives rights.
        | Action::RestrictProject
        | Action::CreateModel
        | Action::UpdateModel
        | Action::DeleteModel
        | Action::CreatePipeline
        | Action::UpdatePipeline
        | Action::DeletePipeline
        | Action::LinkConnection
        | Action::CreateTag
        | Action::UpdateTag
        | Action::DeleteTag
        | Action::CreateServiceKey => false,
        Action::ReadWorkspace
        | Action::ReadBindings
        | Action::ReadProject
        | Action::ReadModel
        | Action::ReadPipeline
        | Action::ReadConnections
        | Action::ReadTag
        | Action::ReadServiceKeys
        | Action::ArchiveWorkspace
        | Action::DeleteWorkspace
        // These take rights away.
        | Action::RemoveMember
        | Action::UnbindRole
        | Action::LeaveWorkspace
        | Action::RevokeServiceKey
        // These are about nothing in a workspace.
        | Action::CreateWorkspace
        | Action::CreateConnection
        | Action::ManageConnection
        | Action::CreateSharedTag
        | Action::DeleteSharedTag
        | Action::ReadOrganization
        | Action::CreateOrganization
        | Action::UpdateOrganization
        | Action::DeleteOrganization
        | Action::ManageOrganizationMembers
        | Action::ManageAdministrator
        | Action::ReadRoles
        | Action::ManageRoles
        | Action::ReadUser
        | Action::CreateUser
        | Action::InviteUser
        | Action::InviteWithoutLink
        | Action::ChangeUser
        | Action::BlockUser
        | Action::SetPassword
        | Action::ReadKeys
        | Action::HoldKeys
        | Action::CreateKey
        | Action::RevokeKey
        | Action::ReadSessions
        | Action::EndSession
        | Action::ReadClients
        | Action::ManageClients
        | Action::ReadAudit
        | Action::ReadEverything => true,
    }
}
