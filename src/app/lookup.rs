//! Finds the people, organizations and workspaces that a request names. What the actor may not see is refused exactly
//! like what does not exist.

use uuid::Uuid;

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::organization::Organization;
use crate::domain::user::{User, UserKind, UserStatus};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, View};

/// How a request names a person.
#[derive(Clone, Debug)]
pub enum Named {
    Number(UserId),
    Uuid(Uuid),
    /// Ignores case.
    Email(Email),
    /// Both have to be of the same person.
    Both(Uuid, Email),
}

impl Named {
    pub fn is(&self, actor: &Actor) -> bool {
        let Some(me) = actor.person() else { return false };
        match self {
            Self::Number(id) => *id == me.id,
            Self::Uuid(uuid) => *uuid == me.uuid,
            Self::Email(email) => *email == me.email,
            Self::Both(uuid, email) => *uuid == me.uuid && *email == me.email,
        }
    }
}

/// A person. Refused when the actor may not see them.
pub fn user(view: &View, actor: &Actor, who: &Named) -> Result<User> {
    let (found, key) = match who {
        Named::Number(id) => (store::users::find(view, *id)?, id.to_string()),
        Named::Uuid(uuid) => (store::users::find_by_uuid(view, *uuid)?, uuid.to_string()),
        Named::Email(email) => (store::users::find_by_email(view, email.as_str())?, email.to_string()),
        Named::Both(uuid, email) => {
            let found = store::users::find_by_uuid(view, *uuid)?.filter(|user| user.email == *email);
            (found, format!("{uuid} with the address {email}"))
        }
    };
    let user = found.ok_or_else(|| Error::not_found(Noun::User, &key))?;
    require_user(view, actor, user.id, Action::ReadUser, &key)?;
    Ok(user)
}

/// A person or bot. Refused when the actor may not see them. A bot has no address.
pub fn principal(view: &View, actor: &Actor, who: &Named) -> Result<User> {
    let (found, key) = match who {
        Named::Number(id) => (store::users::find_principal(view, *id)?, id.to_string()),
        Named::Uuid(uuid) => (store::users::find_principal_by_uuid(view, *uuid)?, uuid.to_string()),
        Named::Email(_) | Named::Both(_, _) => return user(view, actor, who),
    };
    let user = found.ok_or_else(|| Error::not_found(Noun::User, &key))?;
    require_user(view, actor, user.id, Action::ReadUser, &key)?;
    Ok(user)
}

/// The error for somebody who does not exist, or must seem so.
pub fn missing(who: &Named) -> Error {
    let key = match who {
        Named::Number(id) => id.to_string(),
        Named::Uuid(uuid) | Named::Both(uuid, _) => uuid.to_string(),
        Named::Email(email) => email.to_string(),
    };
    Error::not_found(Noun::User, key)
}

/// The person with this number. Refused when the actor may not see them, and when the account is disabled or closed.
pub fn active_person(view: &View, actor: &Actor, id: UserId) -> Result<User> {
    let user = user(view, actor, &Named::Number(id))?;
    match user.status(view.now) {
        UserStatus::Active | UserStatus::Invited | UserStatus::Expired if user.kind == UserKind::Person => Ok(user),
        UserStatus::Active | UserStatus::Invited | UserStatus::Expired | UserStatus::Disabled | UserStatus::Blocked => {
            Err(Error::not_found(Noun::User, id))
        }
    }
}

/// A person for an action. Refused when the actor may not do it to them. A bot has no account to manage.
pub(super) fn person(view: &View, actor: &Actor, who: &Named, action: Action) -> Result<User> {
    let user = user(view, actor, who)?;
    if user.kind == UserKind::Bot {
        return Err(Error::not_found(Noun::User, user.uuid));
    }
    require_user(view, actor, user.id, action, user.uuid)?;
    Ok(user)
}

pub(super) fn require_user(view: &View, actor: &Actor, user: UserId, action: Action, key: impl ToString) -> Result<()> {
    standing::require(&standing::toward(view, actor, user)?, action, Noun::User, key)
}

/// The organization for clients that know no organizations.
pub fn home(view: &View) -> Result<Organization> {
    store::organizations::find_home(view)?.ok_or_else(|| Error::internal("the data file has no home organization"))
}

/// The number of the home organization ([`home`]).
pub(super) fn home_id(view: &View) -> Result<OrganizationId> {
    store::organizations::find_home_id(view)?.ok_or_else(|| Error::internal("the data file has no home organization"))
}

/// The organization with this number. Refused when the actor may not see it.
pub fn organization(view: &View, actor: &Actor, id: OrganizationId) -> Result<Organization> {
    let organization = store::organizations::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Organization, id))?;
    require_organization(view, actor, id, Action::ReadOrganization)?;
    Ok(organization)
}

pub(super) fn require_organization(view: &View, actor: &Actor, id: OrganizationId, action: Action) -> Result<()> {
    standing::require(&standing::in_organization(view, actor, id)?, action, Noun::Organization, id)
}

/// The workspace with this number. Refused when the actor may not see it.
pub fn workspace(view: &View, actor: &Actor, id: WorkspaceId) -> Result<Workspace> {
    let workspace = store::workspaces::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Workspace, id))?;
    require_workspace(view, actor, &workspace, Action::ReadWorkspace)?;
    Ok(workspace)
}

pub(super) fn require_workspace(view: &View, actor: &Actor, workspace: &Workspace, action: Action) -> Result<()> {
    standing::require(&standing::in_workspace(view, actor, workspace)?, action, Noun::Workspace, workspace.id)
}

/// Requires an action on something in a workspace. Where the actor may not see the thing, it is reported as missing.
pub(super) fn require_in(
    view: &View,
    actor: &Actor,
    workspace: &Workspace,
    action: Action,
    what: Noun,
    key: impl ToString,
) -> Result<()> {
    standing::require(&standing::in_workspace(view, actor, workspace)?, action, what, key)
}
