//! The state that refuses what the policy allows.

use super::things::Object;
use crate::app::standing::ARCHIVED;
use crate::domain::member::Role;
use crate::domain::user::{User, UserKind, UserStatus};
use crate::domain::workspace::Workspace;
use crate::error::Result;
use crate::policy::{Action, archived};
use crate::store::{self, View};

/// Why an action is refused although the policy allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Disabled,
    Deleted,
    Invited,
    NewPassword,
    NoDeveloper,
    /// One of these, for those who may not know which.
    Unusable,
    Archived,
    LastOwner,
    HomeOrganization,
    PredefinedRole,
}

impl Block {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Invited => "invited",
            Self::NewPassword => "new_password",
            Self::NoDeveloper => "no_developer",
            Self::Unusable => "unusable",
            Self::Archived => "archived",
            Self::LastOwner => "last_owner",
            Self::HomeOrganization => "home_organization",
            Self::PredefinedRole => "predefined_role",
        }
    }

    /// Leaves out the state of the account.
    pub(super) const fn hide_account(&mut self) {
        if matches!(self, Self::Disabled | Self::Deleted | Self::Invited | Self::NewPassword | Self::NoDeveloper) {
            *self = Self::Unusable;
        }
    }

    /// The reason and the way out. A template of `noun::sentence`.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Disabled => "the account is disabled, so nothing is allowed; an administrator can enable it",
            Self::Deleted => {
                "the account was deleted, so nothing is allowed; its service key was revoked, if it had one"
            }
            Self::Invited => "the invitation is not accepted yet, so nothing is allowed until the user sets a password",
            Self::NewPassword => {
                "the temporary password must be replaced first; until then nothing else is allowed, and API keys are on hold"
            }
            Self::NoDeveloper => "developer access is turned off for the user; an administrator can turn it on",
            Self::Unusable => "the account cannot be used for this now",
            Self::Archived => ARCHIVED,
            Self::LastOwner => "the {workspace} must keep at least one owner; add another owner first",
            Self::HomeOrganization => "the home organization cannot be deleted",
            Self::PredefinedRole => "a predefined role cannot be changed or deleted",
        }
    }
}

pub(super) fn blocks(view: &View, user: &User, action: Action, object: &Object) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    match user.status(view.now) {
        UserStatus::Active if user.must_change_password => blocks.push(Block::NewPassword),
        UserStatus::Active => {}
        UserStatus::Disabled => blocks.push(Block::Disabled),
        UserStatus::Blocked => blocks.push(Block::Deleted),
        UserStatus::Invited | UserStatus::Expired => blocks.push(Block::Invited),
    }
    let keys = matches!(action, Action::HoldKeys | Action::CreateKey);
    if keys && user.kind == UserKind::Person && !store::users::is_developer(view, user.id)? {
        blocks.push(Block::NoDeveloper);
    }
    if place(object).is_some_and(|workspace| workspace.archived) && !archived::is_possible(action) {
        blocks.push(Block::Archived);
    }
    match (action, object) {
        (Action::LeaveWorkspace, Object::Workspace(workspace)) => {
            let member = store::members::find(view, workspace.id, user.id)?;
            let owns = member.is_some_and(|member| member.role == Role::Owner);
            if owns && !store::members::has_other_owner(view, workspace.id, user.id)? {
                blocks.push(Block::LastOwner);
            }
        }
        (Action::DeleteOrganization, Object::Organization(organization)) if organization.home => {
            blocks.push(Block::HomeOrganization);
        }
        (Action::ManageRoles, Object::Role(role)) if role.predefined.is_some() => blocks.push(Block::PredefinedRole),
        _ => {}
    }
    Ok(blocks)
}

/// The workspace that is or contains the object.
pub(super) const fn place(object: &Object) -> Option<&Workspace> {
    match object {
        Object::Workspace(workspace)
        | Object::Project(_, workspace)
        | Object::Model(_, workspace)
        | Object::Pipeline(_, workspace)
        | Object::Tag(_, workspace) => Some(workspace),
        Object::Account
        | Object::Organization(_)
        | Object::SharedTag(_)
        | Object::Connection(_)
        | Object::Role(_)
        | Object::User(_) => None,
    }
}
