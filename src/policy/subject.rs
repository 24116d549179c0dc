//! The kind of object that each action is about, and the words for actions.

use super::Action;

/// The kind of object that an action is about, which determines the facts that it may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Workspace,
    /// A model, a pipeline or a tag in a workspace.
    Content,
    Project,
    Organization,
    Account,
    Person,
}

pub const fn subject(action: Action) -> Subject {
    match action {
        Action::ReadWorkspace
        | Action::UpdateWorkspace
        | Action::ArchiveWorkspace
        | Action::DeleteWorkspace
        | Action::MoveWorkspace
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
        | Action::RevokeServiceKey => Subject::Workspace,
        Action::ReadModel
        | Action::UpdateModel
        | Action::DeleteModel
        | Action::ReadPipeline
        | Action::UpdatePipeline
        | Action::DeletePipeline
        | Action::ReadTag
        | Action::UpdateTag
        | Action::DeleteTag => Subject::Content,
        Action::ReadProject | Action::UpdateProject | Action::DeleteProject | Action::RestrictProject => {
            Subject::Project
        }
        Action::ReadOrganization
        | Action::CreateWorkspace
        | Action::CreateConnection
        | Action::CreateSharedTag
        | Action::UpdateOrganization
        | Action::DeleteOrganization
        | Action::ManageOrganizationMembers
        | Action::ManageAdministrator => Subject::Organization,
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
        | Action::ReadEverything => Subject::Account,
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
        | Action::EndSession => Subject::Person,
    }
}

/// The actions with words similar to a misspelled one, the most similar first.
pub fn near(word: &str) -> Vec<Action> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let mut near: Vec<(usize, usize, Action)> = Action::ALL
        .into_iter()
        .enumerate()
        .map(|(place, action)| (strsim::damerau_levenshtein(&word, action.as_str()), place, action))
        .filter(|(far, _, action)| {
            let known = action.as_str();
            *far <= (known.len() / 3).max(1) || word.len() > 3 && (known.contains(&word) || word.contains(known))
        })
        .collect();
    near.sort_unstable_by_key(|(far, place, _)| (*far, *place));
    near.into_iter().map(|(_, _, action)| action).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_word_of_its_own() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert_eq!(Action::ReadWorkspace.as_str(), "read-workspace");
        assert_eq!(Action::InviteWithoutLink.as_str(), "invite-without-link");
        assert!("ReadWorkspace".parse::<Action>().is_err());
    }

    #[test]
    fn a_misspelled_word_has_neighbors() {
        assert_eq!(near("update-workspac").first(), Some(&Action::UpdateWorkspace));
        assert_eq!(near("Update_Workspace").first(), Some(&Action::UpdateWorkspace));
        assert!(near("audit").contains(&Action::ReadAudit));
        assert_eq!(near("fly"), []);
        assert_eq!(near(""), []);
    }
}
