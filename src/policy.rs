//! Judgement: who may do what. Pure: the store gathers the facts, this page judges, `app` obeys.

use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::AccountRole;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See a workspace, its members and what is in it.
    ReadWorkspace,
    /// Put somebody into a workspace or give a member another role.
    AddMember,
    /// Put somebody else out of a workspace.
    RemoveMember,
    /// Leave a workspace oneself.
    LeaveWorkspace,
    /// Make a workspace in an organization.
    CreateWorkspace,
    /// Find a person and see the profile.
    ReadUser,
    /// See which workspaces a person joined, beyond those one sees oneself.
    ReadUserWorkspaces,
    /// Make an account for somebody.
    InviteUser,
    /// Change somebody's profile, role or whether the account is enabled.
    ChangeUser,
    /// Give somebody a new password.
    SetPassword,
    /// See somebody's API keys.
    ReadKeys,
    /// Make an API key that acts as somebody.
    CreateKey,
    /// End an API key of somebody.
    RevokeKey,
    /// End a sign-in session of somebody.
    EndSession,
}

impl Action {
    /// Each action.
    pub const ALL: [Self; 14] = [
        Self::ReadWorkspace,
        Self::AddMember,
        Self::RemoveMember,
        Self::LeaveWorkspace,
        Self::CreateWorkspace,
        Self::ReadUser,
        Self::ReadUserWorkspaces,
        Self::InviteUser,
        Self::ChangeUser,
        Self::SetPassword,
        Self::ReadKeys,
        Self::CreateKey,
        Self::RevokeKey,
        Self::EndSession,
    ];

    /// Which right the action needs, as a sentence for people.
    pub const fn need(self) -> &'static str {
        match self {
            Self::ReadWorkspace => "seeing a workspace needs its member or an administrator",
            Self::AddMember => {
                "adding a member or changing a member's role needs an owner of the workspace or an administrator"
            }
            Self::RemoveMember => "removing another member needs an owner of the workspace or an administrator",
            Self::LeaveWorkspace => "leaving a workspace needs its member",
            Self::CreateWorkspace => "making a workspace needs a member of the organization or an administrator",
            Self::ReadUser => "seeing a person needs an organization in common or an administrator",
            Self::ReadUserWorkspaces => "seeing what others joined needs an administrator",
            Self::InviteUser => "inviting a person needs an administrator",
            Self::ChangeUser => "changing a person's account needs an administrator",
            Self::SetPassword => "setting a person's password needs an administrator",
            Self::ReadKeys => "seeing a person's keys needs that person or an administrator",
            Self::CreateKey => "making a key needs the person it acts as, or the operator",
            Self::RevokeKey => "revoking a key needs its owner or an administrator",
            Self::EndSession => "ending a session needs its owner or an administrator",
        }
    }
}

/// What the actor is, in the account and toward the thing that the action is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The role in the account; none for somebody who has no account.
    pub account: Option<AccountRole>,
    /// The role in the organization that the thing belongs to, or that both people share.
    pub organization: Option<OrganizationRole>,
    /// The role in the workspace that the thing is or belongs to.
    pub workspace: Option<Role>,
    /// Whether the thing is the actor, or the actor's own.
    pub own: bool,
}

/// The outcome of judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The actor may.
    Allowed,
    /// The actor may see the thing but not do this.
    Forbidden,
    /// To the actor, the thing does not exist.
    Hidden,
}

/// Judges whether somebody of this standing may do this.
pub fn decide(standing: &Standing, action: Action) -> Decision {
    let Some(account) = standing.account else { return Decision::Hidden };
    let administrator = match account {
        AccountRole::Administrator => true,
        AccountRole::Member => false,
    };
    match action {
        Action::ReadWorkspace => hidden_unless(administrator || standing.workspace.is_some()),
        Action::AddMember | Action::RemoveMember => match standing.workspace {
            _ if administrator => Decision::Allowed,
            Some(Role::Owner) => Decision::Allowed,
            Some(Role::Member) => Decision::Forbidden,
            None => Decision::Hidden,
        },
        // An administrator who is in no workspace leaves none, and may: nothing comes of it.
        Action::LeaveWorkspace if administrator || standing.workspace.is_some() => forbidden_unless(standing.own),
        Action::LeaveWorkspace => Decision::Hidden,
        Action::CreateWorkspace => hidden_unless(administrator || standing.organization.is_some()),
        Action::ReadUser => hidden_unless(administrator || standing.own || standing.organization.is_some()),
        Action::InviteUser => forbidden_unless(administrator),
        Action::ChangeUser | Action::SetPassword => toward_a_person(*standing, administrator),
        Action::ReadUserWorkspaces | Action::ReadKeys | Action::EndSession => {
            toward_a_person(*standing, administrator || standing.own)
        }
        Action::CreateKey => toward_a_person(*standing, standing.own),
        // A key of somebody else is not seen, though the person is: numbers can be guessed.
        Action::RevokeKey => hidden_unless(administrator || standing.own),
    }
}

/// Whoever sees a person is told that this may not be done to them.
fn toward_a_person(standing: Standing, allowed: bool) -> Decision {
    match decide(&standing, Action::ReadUser) {
        Decision::Allowed => forbidden_unless(allowed),
        Decision::Forbidden => Decision::Forbidden,
        Decision::Hidden => Decision::Hidden,
    }
}

const fn hidden_unless(allowed: bool) -> Decision {
    if allowed { Decision::Allowed } else { Decision::Hidden }
}

const fn forbidden_unless(allowed: bool) -> Decision {
    if allowed { Decision::Allowed } else { Decision::Forbidden }
}

#[cfg(test)]
mod tests;
