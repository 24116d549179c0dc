//! Does the steps of a plan, each through the verb that does it alone.

use std::collections::HashMap;

use uuid::Uuid;

use super::declared::NewSecret;
use super::plan::{Action, Given, NewServiceKey, Ref, Spot, Step};
use crate::app::identity::oauth::clients;
use crate::app::invitations::{self, Invitation, Mode, Outcome};
use crate::app::keys::{self, NewKey};
use crate::app::lookup::Named;
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::{bindings, members, organizations, roles, user_deletion, users, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, RoleId, UserId, WorkspaceId};
use crate::domain::key::KeyRules;
use crate::domain::member::Role;
use crate::domain::role::Resource;
use crate::domain::user::{AccountRole, NewUser, UserChange};
use crate::domain::workspace::NewWorkspace;
use crate::error::{Error, Result};
use crate::store::keys::StoredSecret;
use crate::store::{self, Tx};

/// Gives the stored form of a new secret. It gives the same one if it is asked again, because a write may run again.
pub type Secrets<'s> = &'s dyn Fn(&NewSecret) -> StoredSecret;

pub(super) struct Applying<'a> {
    pub tx: &'a Tx<'a>,
    pub actor: &'a Actor,
    pub rules: &'a KeyRules,
    pub secrets: Secrets<'a>,
    /// The ids of what was created, by the index in the file.
    pub organizations: HashMap<usize, OrganizationId>,
    pub roles: HashMap<usize, RoleId>,
    pub people: HashMap<usize, UserId>,
    pub workspaces: HashMap<usize, WorkspaceId>,
}

impl Applying<'_> {
    /// Does a step. An error of a rule names the place in the file.
    pub fn step(&mut self, step: &Step) -> Result<()> {
        self.act(&step.action, step.secret.as_ref()).map_err(|error| {
            let path = match &step.at {
                Some(at) => at.path.clone(),
                None => format!("{} {:?}", step.change.kind, step.change.name),
            };
            if error.is_refusal() { Error::invalid(path, error.to_string()) } else { error }
        })
    }

    fn act(&mut self, action: &Action, secret: Option<&NewSecret>) -> Result<()> {
        let (tx, actor) = (self.tx, self.actor);
        match action {
            Action::CreateOrganization(index, new) => {
                self.organizations.insert(*index, organizations::create(tx, actor, new)?.id);
            }
            Action::ChangeOrganization(id, change) => drop(organizations::change(tx, actor, *id, change)?),
            Action::DeleteOrganization(id) => organizations::delete(tx, actor, *id)?,
            Action::CreateRole(index, new) => drop(self.roles.insert(*index, roles::create(tx, actor, new)?.id)),
            Action::ChangeRole(id, change) => drop(roles::change(tx, actor, *id, change)?),
            Action::DeleteRole(id) => roles::delete(tx, actor, *id)?,
            Action::Invite { index, new, developer, enabled } => self.invite(*index, new, *developer, *enabled)?,
            Action::ChangePerson(id, change) => drop(users::change(tx, actor, &Named::Number(*id), change)?),
            Action::ClosePerson(id) => user_deletion::block(tx, actor, *id)?,
            Action::SetMembership(person, organization, role) => {
                let who = Named::Number(self.person(*person)?);
                organizations::upsert_member(tx, actor, self.organization(*organization)?, &who, *role)?;
            }
            Action::RemoveMembership(person, organization) => {
                organizations::remove_member(tx, actor, *organization, &Named::Number(*person))?;
            }
            Action::RegisterClient(new) => {
                let secret = secret.map(|secret| (self.secrets)(secret).fingerprint);
                clients::register(tx, actor, new, secret.as_ref(), Uuid::new_v4())?;
            }
            Action::ChangeClient(id, change) => drop(clients::change(tx, actor, id, change, Uuid::new_v4())?),
            Action::RemoveClient(id) => clients::remove(tx, actor, id)?,
            Action::CreateWorkspace { index, organization, owner, new } => {
                let new = NewWorkspace { organization: Some(self.organization(*organization)?), ..new.clone() };
                let owner = Named::Number(self.person(*owner)?);
                self.workspaces.insert(*index, workspaces::create_for(tx, actor, &new, &owner)?.id);
            }
            Action::ChangeWorkspace(id, change) => drop(workspaces::change(tx, actor, *id, change)?),
            Action::ArchiveWorkspace(id) => drop(workspaces::archive(tx, actor, self.workspace(*id)?)?),
            Action::RestoreWorkspace(id) => drop(workspaces::restore(tx, actor, *id)?),
            Action::DeleteWorkspace(id) => workspaces::delete(tx, actor, *id)?,
            Action::SetMember(workspace, person, given) => {
                let who = Named::Number(self.person(*person)?);
                members::upsert(tx, actor, self.workspace(*workspace)?, &who, self.given(*given)?)?;
            }
            Action::RemoveMember(workspace, person) => {
                members::remove(tx, actor, *workspace, &Named::Number(*person))?;
            }
            Action::Bind(spot, person, given) => {
                let resource = match spot {
                    Spot::Workspace(id) => Resource::Workspace(self.workspace(*id)?),
                    Spot::Project(id) => Resource::Project(*id),
                };
                let who = Named::Number(self.person(*person)?);
                bindings::create(tx, actor, self.bound(*given)?, &who, resource)?;
            }
            Action::ChangeBinding(id, given) => {
                bindings::change(tx, actor, *id, self.bound(*given)?)?;
            }
            Action::Unbind(id) => bindings::delete(tx, actor, *id)?,
            Action::CreateServiceKey(new) => self.service_key(new, secret)?,
            Action::RevokeKey(id) => keys::revoke(tx, actor, *id)?,
        }
        Ok(())
    }

    /// Invites a person, who chooses a password by a link.
    fn invite(&mut self, index: usize, new: &NewUser, developer: Option<bool>, enabled: bool) -> Result<()> {
        let invitation = Invitation { new: new.clone(), uuid: Uuid::new_v4(), developer, mode: Mode::Link };
        let (Outcome::Fresh(user) | Outcome::Already(user)) = invitations::invite(self.tx, self.actor, &invitation)?;
        self.people.insert(index, user.id);
        if !enabled {
            let change = UserChange { enabled: Some(false), ..UserChange::default() };
            users::change(self.tx, self.actor, &Named::Number(user.id), &change)?;
        }
        Ok(())
    }

    fn service_key(&self, new: &NewServiceKey, secret: Option<&NewSecret>) -> Result<()> {
        let mut organizations = Vec::with_capacity(new.organizations.len());
        for inside in &new.organizations {
            let place =
                |(workspace, given): &(Ref<WorkspaceId>, Given)| Ok((self.workspace(*workspace)?, self.given(*given)?));
            organizations.push(Grant {
                organization: Some(self.organization(inside.organization)?),
                role: inside.role,
                workspaces: inside.workspaces.iter().map(place).collect::<Result<_>>()?,
            });
        }
        let secret = secret.ok_or_else(missing)?;
        let key = NewKey {
            name: new.name.clone(),
            description: new.description.clone(),
            secret: (self.secrets)(secret),
            expires_at: new.expires_at,
        };
        let grants = Grants { account: AccountRole::Member, organizations };
        service_keys::create(self.tx, self.actor, self.rules, Uuid::new_v4(), &key, &grants)?;
        Ok(())
    }

    fn organization(&self, id: Ref<OrganizationId>) -> Result<OrganizationId> {
        found(id, &self.organizations)
    }

    fn person(&self, id: Ref<UserId>) -> Result<UserId> {
        found(id, &self.people)
    }

    fn workspace(&self, id: Ref<WorkspaceId>) -> Result<WorkspaceId> {
        found(id, &self.workspaces)
    }

    fn given(&self, given: Given) -> Result<Role> {
        match given {
            Given::Predefined(role) => Ok(role),
            Given::Named(id) => found(id, &self.roles).map(Role::Custom),
        }
    }

    /// The role of a binding. Predefined roles have a row, too.
    fn bound(&self, given: Given) -> Result<RoleId> {
        match given {
            Given::Named(id) => found(id, &self.roles),
            Given::Predefined(role) => store::roles::find_predefined(self.tx, role)?.ok_or_else(missing),
        }
    }
}

fn found<I: Copy>(id: Ref<I>, created: &HashMap<usize, I>) -> Result<I> {
    match id {
        Ref::Known(id) => Ok(id),
        Ref::New(index) => created.get(&index).copied().ok_or_else(missing),
    }
}

fn missing() -> Error {
    Error::internal("a step of the set-up needs what no earlier step has created")
}
