//! A set-up as a file declares it. Things are named by their natural names, and each value is well-formed.

use std::path::PathBuf;

use crate::app::identity::oauth::clients::ClientChange;
use crate::domain::client::{ClientId, ClientName};
use crate::domain::email::Email;
use crate::domain::key::KeyName;
use crate::domain::member::Role;
use crate::domain::organization::{OrganizationName, OrganizationRole};
use crate::domain::permission::PermissionSet;
use crate::domain::project::ProjectName;
use crate::domain::role::RoleName;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, PersonName};
use crate::domain::workspace::WorkspaceName;

/// The maximum number of things of each kind.
pub const MAX_OF_A_KIND: usize = 10_000;

/// The maximum number of members of all workspaces, and of memberships of all organizations.
pub const MAX_MEMBERS: usize = 100_000;

/// The place in the file: a line, counted from 1, and a path such as `workspaces[2].members.ada@example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At {
    pub line: usize,
    pub path: String,
}

/// A part of the file that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: At,
    /// The rule, as the end of the sentence "PATH ...".
    pub rule: String,
}

/// A secret that is made with a client or a service key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewSecret {
    /// Whether it is that of a client, or a service key.
    pub of_client: bool,
    /// The id of the client, or the name of the key.
    pub name: String,
    /// The file that the set-up names for it.
    pub file: Option<PathBuf>,
    /// The path in the set-up file.
    pub path: String,
}

/// Everything that a file declares. A kind that the file does not name is `None`, and stays as it is. The same holds for a
/// field of a thing that exists.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    pub organizations: Option<Vec<DeclaredOrganization>>,
    pub people: Option<Vec<DeclaredPerson>>,
    pub roles: Option<Vec<DeclaredRole>>,
    pub workspaces: Option<Vec<DeclaredWorkspace>>,
    pub bindings: Option<Vec<DeclaredBinding>>,
    pub clients: Option<Vec<DeclaredClient>>,
    pub service_keys: Option<Vec<DeclaredServiceKey>>,
}

impl Declared {
    /// The secrets that the clients and service keys have if the file creates them.
    pub fn secrets(&self) -> impl Iterator<Item = NewSecret> {
        let clients = self.clients.iter().flatten().filter(|one| one.confidential != Some(false));
        clients.map(DeclaredClient::secret).chain(self.service_keys.iter().flatten().map(DeclaredServiceKey::secret))
    }
}

impl DeclaredClient {
    pub(super) fn secret(&self) -> NewSecret {
        let (name, file, path) = (self.id.to_string(), self.secret_file.clone(), self.at.path.clone());
        NewSecret { of_client: true, name, file, path }
    }
}

impl DeclaredServiceKey {
    pub(super) fn secret(&self) -> NewSecret {
        let (name, file, path) = (self.name.as_str().to_owned(), self.secret_file.clone(), self.at.path.clone());
        NewSecret { of_client: false, name, file, path }
    }
}

#[derive(Clone, Debug)]
pub struct DeclaredOrganization {
    pub at: At,
    pub name: OrganizationName,
    /// Whether this is the home organization, whatever its present name is.
    pub home: bool,
    pub description: Option<Description>,
}

#[derive(Clone, Debug)]
pub struct DeclaredPerson {
    pub at: At,
    pub email: Email,
    pub first_name: Option<PersonName>,
    pub last_name: Option<PersonName>,
    pub role: Option<AccountRole>,
    pub enabled: Option<bool>,
    /// Whether the person may create API keys.
    pub developer: Option<bool>,
    pub organizations: Option<Vec<DeclaredMembership>>,
}

/// A membership of an organization.
#[derive(Clone, Debug)]
pub struct DeclaredMembership {
    pub at: At,
    pub organization: OrganizationName,
    pub role: OrganizationRole,
}

#[derive(Clone, Debug)]
pub struct DeclaredRole {
    pub at: At,
    pub name: RoleName,
    pub description: Option<Description>,
    pub permissions: Option<PermissionSet>,
}

/// A role of a workspace or a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleIn {
    Predefined(Role),
    /// By the name of a role of the account.
    Named(String),
}

#[derive(Clone, Debug)]
pub struct DeclaredWorkspace {
    pub at: At,
    /// By default the home organization.
    pub organization: Option<OrganizationName>,
    pub name: WorkspaceName,
    pub description: Option<Description>,
    pub private: Option<bool>,
    pub archived: Option<bool>,
    pub members: Option<Vec<DeclaredMember>>,
}

#[derive(Clone, Debug)]
pub struct DeclaredMember {
    pub at: At,
    pub email: Email,
    pub role: RoleIn,
}

#[derive(Clone, Debug)]
pub struct DeclaredBinding {
    pub at: At,
    pub email: Email,
    pub role: RoleIn,
    /// By default the home organization.
    pub organization: Option<OrganizationName>,
    pub workspace: WorkspaceName,
    /// A project of the workspace. Without one, the binding is on the whole workspace.
    pub project: Option<ProjectName>,
}

#[derive(Clone, Debug)]
pub struct DeclaredClient {
    pub at: At,
    pub id: ClientId,
    pub name: Option<ClientName>,
    pub confidential: Option<bool>,
    pub settings: ClientChange,
    /// The file for the secret of a new client.
    pub secret_file: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct DeclaredServiceKey {
    pub at: At,
    pub name: KeyName,
    pub description: Option<Description>,
    pub expires_at: Option<Timestamp>,
    /// The roles in the organizations of the workspaces. By default a member's.
    pub organizations: Vec<DeclaredMembership>,
    pub workspaces: Vec<DeclaredPlace>,
    /// The file for the secret of a new key.
    pub secret_file: Option<PathBuf>,
}

/// A workspace of a service key.
#[derive(Clone, Debug)]
pub struct DeclaredPlace {
    pub at: At,
    /// By default the home organization.
    pub organization: Option<OrganizationName>,
    pub workspace: WorkspaceName,
    pub role: RoleIn,
}
