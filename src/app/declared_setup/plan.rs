//! What would be changed: for people to read, and for the write to do.

use super::declared::{At, Fault, NewSecret};
use crate::app::identity::oauth::clients::{ClientChange, NewClient};
use crate::app::roles::{NewRole, RoleChange};
use crate::domain::client::ClientId;
use crate::domain::ids::{BindingId, KeyId, OrganizationId, ProjectId, RoleId, UserId, WorkspaceId};
use crate::domain::key::KeyName;
use crate::domain::member::Role;
use crate::domain::organization::{NewOrganization, OrganizationChange, OrganizationRole};
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{NewUser, UserChange};
use crate::domain::workspace::{NewWorkspace, WorkspaceChange};

/// What is done about a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    Create,
    Change,
    Remove,
}

impl Sign {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }
}

/// A field with its present value, if the thing exists, and its new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    pub name: &'static str,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// A change for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub sign: Sign,
    /// The kind of the thing: `workspace`.
    pub kind: &'static str,
    pub name: String,
    /// The thing that contains it.
    pub inside: Option<String>,
    pub fields: Vec<FieldChange>,
    /// What is lost with it, such as 3 models.
    pub loses: Vec<(&'static str, usize)>,
    /// Whether somebody loses access or something is deleted.
    pub destructive: bool,
}

/// The changes that make the state as a file declares it, in their order.
#[derive(Debug, Default)]
pub struct Plan {
    pub(super) steps: Vec<Step>,
    /// What stays although the file does not declare it, with the reason.
    pub kept: Vec<String>,
    /// Why the file cannot be applied. Without any, it can.
    pub faults: Vec<Fault>,
}

impl Plan {
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().map(|step| &step.change)
    }

    /// Each change with the secret that is made with it.
    pub fn changes_with_secrets(&self) -> impl Iterator<Item = (&Change, Option<&NewSecret>)> {
        self.steps.iter().map(|step| (&step.change, step.secret.as_ref()))
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn is_destructive(&self) -> bool {
        self.changes().any(|change| change.destructive)
    }

    /// The secrets that are made.
    pub fn secrets(&self) -> impl Iterator<Item = &NewSecret> {
        self.steps.iter().filter_map(|step| step.secret.as_ref())
    }

    /// Whether another plan has the same changes.
    pub fn is_same(&self, other: &Self) -> bool {
        self.changes().eq(other.changes()) && self.faults == other.faults
    }
}

/// A change, and how it is done.
#[derive(Debug)]
pub(super) struct Step {
    pub phase: Phase,
    pub change: Change,
    pub at: Option<At>,
    pub secret: Option<NewSecret>,
    pub action: Action,
}

/// The order of the steps. What is needed comes before what needs it, and who gains before who loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Organizations,
    Roles,
    PeopleWhoGain,
    PeopleWhoLose,
    Admins,
    Memberships,
    Clients,
    RestoredWorkspaces,
    Workspaces,
    Owners,
    Members,
    RemovedMembers,
    RemovedBindings,
    Bindings,
    ServiceKeys,
    RemovedKeys,
    RemovedMemberships,
    RemovedClients,
    ArchivedWorkspaces,
    RemovedWorkspaces,
    RemovedOrganizations,
    RemovedPeople,
    RemovedRoles,
}

/// A thing that exists, or one that the file declares at this index and that an earlier step creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ref<I> {
    Known(I),
    New(usize),
}

impl<I: Copy> Ref<I> {
    pub fn known(self) -> Option<I> {
        match self {
            Self::Known(id) => Some(id),
            Self::New(_) => None,
        }
    }
}

/// A role in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Predefined(Role),
    Named(Ref<RoleId>),
}

/// The place of a binding.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spot {
    Workspace(Ref<WorkspaceId>),
    Project(ProjectId),
}

#[derive(Debug)]
pub(super) enum Action {
    CreateOrganization(usize, NewOrganization),
    ChangeOrganization(OrganizationId, OrganizationChange),
    DeleteOrganization(OrganizationId),
    CreateRole(usize, NewRole),
    ChangeRole(RoleId, RoleChange),
    DeleteRole(RoleId),
    Invite { index: usize, new: NewUser, developer: Option<bool>, enabled: bool },
    ChangePerson(UserId, UserChange),
    ClosePerson(UserId),
    SetMembership(Ref<UserId>, Ref<OrganizationId>, OrganizationRole),
    RemoveMembership(UserId, OrganizationId),
    RegisterClient(NewClient),
    ChangeClient(ClientId, ClientChange),
    RemoveClient(ClientId),
    CreateWorkspace { index: usize, organization: Ref<OrganizationId>, owner: Ref<UserId>, new: NewWorkspace },
    ChangeWorkspace(WorkspaceId, WorkspaceChange),
    ArchiveWorkspace(Ref<WorkspaceId>),
    RestoreWorkspace(WorkspaceId),
    DeleteWorkspace(WorkspaceId),
    SetMember(Ref<WorkspaceId>, Ref<UserId>, Given),
    RemoveMember(WorkspaceId, UserId),
    Bind(Spot, Ref<UserId>, Given),
    ChangeBinding(BindingId, Given),
    Unbind(BindingId),
    CreateServiceKey(NewServiceKey),
    RevokeKey(KeyId),
}

/// A service key with its organizations.
#[derive(Debug)]
pub(super) struct NewServiceKey {
    pub name: KeyName,
    pub description: Description,
    pub expires_at: Option<Timestamp>,
    pub organizations: Vec<KeyOrganization>,
}

/// An organization of a service key, with the workspaces in it.
#[derive(Debug)]
pub(super) struct KeyOrganization {
    pub organization: Ref<OrganizationId>,
    pub role: OrganizationRole,
    pub workspaces: Vec<(Ref<WorkspaceId>, Given)>,
}
