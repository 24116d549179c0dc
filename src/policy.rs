//! The policy: pure functions that decide whether an actor may do something. The store collects the facts, and `app`
//! enforces the decision.
//!
//! The rights of an actor are the union of the account role, the organization role, the workspace role and the named
//! roles bound to the actor. Each is a set of permissions, and an action requires one of them.

use strum::{EnumString, IntoStaticStr};

use crate::domain::member::Role;
use crate::domain::noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user::AccountRole;

pub mod archived;
pub mod explanation;
pub mod subject;

/// An action that requires a permission. Its word in commands and requests is its name in kebab case: `read-workspace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Action {
    /// Read a workspace, its members and its contents.
    ReadWorkspace,
    /// Change the name, the description or the settings of a workspace.
    UpdateWorkspace,
    /// Archive a workspace, or restore it.
    ArchiveWorkspace,
    /// Delete a workspace with all its contents.
    DeleteWorkspace,
    /// Move a workspace to another organization.
    MoveWorkspace,
    /// Add a member to a workspace, or change the role of one.
    AddMember,
    /// Assign a named role in a workspace, by a membership or a binding.
    BindRole,
    /// Read the bindings on a resource.
    ReadBindings,
    /// Remove another member from a workspace.
    RemoveMember,
    /// Remove a binding of a named role.
    UnbindRole,
    LeaveWorkspace,
    /// Create a workspace in an organization.
    CreateWorkspace,
    ReadProject,
    CreateProject,
    UpdateProject,
    DeleteProject,
    /// Restrict a project to users with a binding on it, or remove the restriction.
    RestrictProject,
    /// Read a model, its versions and their files.
    ReadModel,
    /// Upload a version of a model, new or not.
    CreateModel,
    /// Change, configure or tag a version of a model.
    UpdateModel,
    /// Delete a model or a version of it, or move it to another workspace.
    DeleteModel,
    ReadPipeline,
    /// Create a version of a pipeline, new or not.
    CreatePipeline,
    /// Change or tag a pipeline.
    UpdatePipeline,
    /// Delete a pipeline or a version of it, or move it to another workspace.
    DeletePipeline,
    /// Read the connections of a workspace, with their details.
    ReadConnections,
    /// Add a connection to a workspace, or remove it.
    LinkConnection,
    /// Create a connection, which belongs to no workspace yet.
    CreateConnection,
    /// Read or delete a connection itself.
    ManageConnection,
    /// Read a tag of a workspace.
    ReadTag,
    /// Create a tag in a workspace.
    CreateTag,
    UpdateTag,
    DeleteTag,
    /// Create a tag of an organization.
    CreateSharedTag,
    /// Delete a tag of an organization.
    DeleteSharedTag,
    ReadOrganization,
    CreateOrganization,
    /// Change the name or the description of an organization.
    UpdateOrganization,
    /// Delete an organization with all its contents.
    DeleteOrganization,
    /// Add, change or remove a member of an organization.
    ManageOrganizationMembers,
    /// Change or remove the organization membership of an administrator of the account.
    ManageAdministrator,
    /// Read the named roles of the account.
    ReadRoles,
    /// Create, change or delete a named role.
    ManageRoles,
    /// Find a user and read the profile.
    ReadUser,
    /// Create a user with a password that the actor knows, or with a privileged role.
    CreateUser,
    /// Invite a user with an ordinary role, who sets the password.
    InviteUser,
    /// Invite a user without a link: with a password that the actor sees, or without one.
    InviteWithoutLink,
    /// Change the profile, the role or the enabled state of a user.
    ChangeUser,
    BlockUser,
    /// Set the password of a user, or create a link to set it.
    SetPassword,
    /// Read the API keys of a user.
    ReadKeys,
    /// Create API keys at all, for oneself or for a service.
    HoldKeys,
    /// Create an API key that acts as a user.
    CreateKey,
    /// Revoke or renew an API key of a user.
    RevokeKey,
    /// Read the service keys of a workspace.
    ReadServiceKeys,
    /// Create a service key for a workspace.
    CreateServiceKey,
    /// Revoke or renew a service key of a workspace.
    RevokeServiceKey,
    /// Read the sign-in sessions of a user.
    ReadSessions,
    /// End a sign-in session of a user.
    EndSession,
    /// Read the OAuth clients of the account, and their sessions.
    ReadClients,
    /// Register, change or remove an OAuth client.
    ManageClients,
    ReadAudit,
    /// See everything of the account: each workspace, person, key and session.
    ReadEverything,
}

impl Action {
    pub const ALL: [Self; 63] = [
        Self::ReadWorkspace,
        Self::UpdateWorkspace,
        Self::ArchiveWorkspace,
        Self::DeleteWorkspace,
        Self::MoveWorkspace,
        Self::AddMember,
        Self::BindRole,
        Self::ReadBindings,
        Self::RemoveMember,
        Self::UnbindRole,
        Self::LeaveWorkspace,
        Self::CreateWorkspace,
        Self::ReadProject,
        Self::CreateProject,
        Self::UpdateProject,
        Self::DeleteProject,
        Self::RestrictProject,
        Self::ReadModel,
        Self::CreateModel,
        Self::UpdateModel,
        Self::DeleteModel,
        Self::ReadPipeline,
        Self::CreatePipeline,
        Self::UpdatePipeline,
        Self::DeletePipeline,
        Self::ReadConnections,
        Self::LinkConnection,
        Self::CreateConnection,
        Self::ManageConnection,
        Self::ReadTag,
        Self::CreateTag,
        Self::UpdateTag,
        Self::DeleteTag,
        Self::CreateSharedTag,
        Self::DeleteSharedTag,
        Self::ReadOrganization,
        Self::CreateOrganization,
        Self::UpdateOrganization,
        Self::DeleteOrganization,
        Self::ManageOrganizationMembers,
        Self::ManageAdministrator,
        Self::ReadRoles,
        Self::ManageRoles,
        Self::ReadUser,
        Self::CreateUser,
        Self::InviteUser,
        Self::InviteWithoutLink,
        Self::ChangeUser,
        Self::BlockUser,
        Self::SetPassword,
        Self::ReadKeys,
        Self::HoldKeys,
        Self::CreateKey,
        Self::RevokeKey,
        Self::ReadServiceKeys,
        Self::CreateServiceKey,
        Self::RevokeServiceKey,
        Self::ReadSessions,
        Self::EndSession,
        Self::ReadClients,
        Self::ManageClients,
        Self::ReadAudit,
        Self::ReadEverything,
    ];

    /// The word for the action.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The error message for people whose permissions do not allow the action. `workspace` is the dialect's word for one.
    pub fn need(self, workspace: &str) -> String {
        noun::sentence(self.need_template(), workspace)
    }

    #[expect(clippy::too_many_lines, reason = "a sentence for each action")]
    const fn need_template(self) -> &'static str {
        match self {
            Self::ReadWorkspace => {
                "you cannot see this {workspace}: only its members, members of its organization and administrators can"
            }
            Self::UpdateWorkspace => {
                "you cannot change this {workspace}: only its owners, administrators and roles with SPACE_UPDATE can"
            }
            Self::ArchiveWorkspace => {
                "you cannot archive or restore this {workspace}: only its owners, administrators and roles with \
                 SPACE_DELETE can"
            }
            Self::DeleteWorkspace => {
                "you cannot delete this {workspace}: only its owners, administrators and roles with SPACE_DELETE can"
            }
            Self::MoveWorkspace => {
                "you cannot move this {workspace} to another organization: only its owners and administrators can"
            }
            Self::AddMember => {
                "you cannot add members or change their roles: only owners of the {workspace} and administrators can"
            }
            Self::BindRole => {
                "you cannot grant a role here: only owners, administrators and roles with ROLE_BINDING_CREATE can"
            }
            Self::ReadBindings => {
                "you cannot see role bindings here: only owners, administrators and roles with ROLE_BINDING_READ can"
            }
            Self::RemoveMember => {
                "you cannot remove this member: only owners of the {workspace} and administrators can, and roles with \
                 ROLE_BINDING_DELETE that may also grant the member's role"
            }
            Self::UnbindRole => {
                "you cannot revoke this role: only owners and administrators can, and roles with ROLE_BINDING_DELETE \
                 that may also grant it"
            }
            Self::LeaveWorkspace => "you are not a member of this {workspace}",
            Self::CreateWorkspace => {
                "you cannot create a {workspace} in this organization: only its members and administrators can, not its \
                 readers and annotators"
            }
            Self::ReadProject => "you cannot see this project: only roles with PROJECT_READ in its {workspace} can",
            Self::CreateProject => {
                "you cannot create a project here: only roles with PROJECT_CREATE in the {workspace} can"
            }
            Self::UpdateProject => {
                "you cannot change this project: only roles with PROJECT_UPDATE in its {workspace} can"
            }
            Self::DeleteProject => {
                "you cannot delete this project: only roles with PROJECT_DELETE in its {workspace} can"
            }
            Self::RestrictProject => {
                "you cannot restrict this project: only owners, administrators and roles with PROJECT_RESTRICT can"
            }
            Self::ReadModel => "you cannot see models here: only roles with ML_MODEL_READ in the {workspace} can",
            Self::CreateModel => {
                "you cannot upload models here: only roles with ML_MODEL_CREATE in the {workspace} can"
            }
            Self::UpdateModel => "you cannot change this model: only roles with ML_MODEL_UPDATE in its {workspace} can",
            Self::DeleteModel => {
                "you cannot delete or move this model: only owners of its {workspace}, administrators and named roles \
                 with ML_MODEL_DELETE can"
            }
            Self::ReadPipeline => "you cannot see pipelines here: only roles with PROJECT_READ in the {workspace} can",
            Self::CreatePipeline => {
                "you cannot create pipelines here: only roles with PROJECT_CREATE in the {workspace} can"
            }
            Self::UpdatePipeline => {
                "you cannot change this pipeline: only roles with PROJECT_UPDATE in its {workspace} can"
            }
            Self::DeletePipeline => {
                "you cannot delete or move this pipeline: only owners of its {workspace}, administrators and named \
                 roles with PROJECT_DELETE can"
            }
            Self::ReadConnections => {
                "you cannot see connections here: only members of the {workspace} and administrators can"
            }
            Self::LinkConnection => {
                "you cannot add or remove connections here: only owners and members of the {workspace} and \
                 administrators can"
            }
            Self::CreateConnection => {
                "you cannot create a connection: only members of the organization and administrators can"
            }
            Self::ManageConnection => {
                "you cannot delete this connection: only the user who created it and administrators can"
            }
            Self::ReadTag => "you cannot see this tag: only roles with TAG_READ in its {workspace} can",
            Self::CreateTag => "you cannot create a tag here: only roles with TAG_CREATE in the {workspace} can",
            Self::UpdateTag => "you cannot change this tag: only roles with TAG_UPDATE in its {workspace} can",
            Self::DeleteTag => {
                "you cannot delete this tag: only owners of its {workspace}, administrators and named roles with \
                 TAG_DELETE can"
            }
            Self::CreateSharedTag => {
                "you cannot create a tag for the whole organization: only its members and administrators can, not its \
                 readers and annotators"
            }
            Self::DeleteSharedTag => {
                "you cannot delete this tag of the organization: only the user who created it, admins of the organization \
                 and administrators of the account can"
            }
            Self::ReadOrganization => "you cannot see this organization: only its members and administrators can",
            Self::CreateOrganization => "you cannot create an organization: only administrators can",
            Self::UpdateOrganization => {
                "you cannot change this organization: only its admins and administrators of the account can"
            }
            Self::DeleteOrganization => {
                "you cannot delete this organization: only its admins and administrators of the account can"
            }
            Self::ManageOrganizationMembers => {
                "you cannot manage the members of this organization: only its admins and administrators of the account \
                 can"
            }
            Self::ManageAdministrator => {
                "you cannot change an administrator's membership of an organization: only administrators can"
            }
            Self::ReadRoles => "you cannot see the roles of the account: only its members and administrators can",
            Self::ManageRoles => "you cannot manage the roles of the account: only administrators can",
            Self::ReadUser => "you cannot see this user: only people of the same organization and administrators can",
            Self::CreateUser => "you cannot create this account or renew its invitation: only administrators can",
            Self::InviteUser => "you cannot invite users: only members of the account and administrators can",
            Self::InviteWithoutLink => "you can invite users by a link only: administrators can also set a password",
            Self::ChangeUser => "you cannot change this account: only administrators can",
            Self::BlockUser => "you cannot delete this user: only administrators can",
            Self::SetPassword => "you cannot set this user's password: only administrators can",
            Self::ReadKeys => "you cannot see this user's API keys: only that user and administrators can",
            Self::HoldKeys => {
                "you cannot create API keys: developer access is turned off for this server or for the user; ask an \
                 administrator"
            }
            Self::CreateKey => {
                "you cannot create an API key for another user: only that user can, or `atelier key create`"
            }
            Self::RevokeKey => "you cannot revoke this API key: only its owner and administrators can",
            Self::ReadServiceKeys => {
                "you cannot see service keys here: only owners, administrators and roles with SERVICE_KEY_READ can"
            }
            Self::CreateServiceKey => {
                "you cannot create a service key here: only owners, administrators and roles with SERVICE_KEY_CREATE \
                 can"
            }
            Self::RevokeServiceKey => {
                "you cannot revoke this service key: only owners, administrators and roles with SERVICE_KEY_REVOKE can"
            }
            Self::ReadSessions => "you cannot see this user's sessions: only that user and administrators can",
            Self::ReadClients => "you cannot see the OAuth clients of the account: only administrators can",
            Self::ManageClients => "you cannot manage the OAuth clients of the account: only administrators can",
            Self::EndSession => "you cannot end this session: only its owner and administrators can",
            Self::ReadAudit => "you cannot read the audit log: only administrators can",
            Self::ReadEverything => "you cannot see everything of the account: only administrators can",
        }
    }
}

/// The actor's place in the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Account {
    /// The actor has no account, or has not signed in.
    #[default]
    Nobody,
    /// A bot. It has no account role, only its roles in organizations and workspaces.
    Bot,
    /// A user with this role.
    Role(AccountRole),
}

impl Account {
    /// The account role. `None` for a bot.
    pub const fn role(self) -> Option<AccountRole> {
        match self {
            Self::Nobody | Self::Bot => None,
            Self::Role(role) => Some(role),
        }
    }

    /// Whether the actor is an administrator of the account.
    pub const fn is_administrator(self) -> bool {
        matches!(self, Self::Role(AccountRole::Administrator))
    }
}

/// The facts about an actor and the object of the action, from which the policy decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Standing {
    pub account: Account,
    /// The role in the organization that owns the object, or that the actor shares with the user.
    pub organization: Option<OrganizationRole>,
    /// The role in the workspace that is or contains the object.
    pub workspace: Option<Role>,
    /// The permissions in the workspace from named roles: that of a custom membership, and that of a binding on the
    /// workspace.
    pub named: PermissionSet,
    /// The permissions of the named role that is bound on the project itself.
    pub direct: PermissionSet,
    /// Whether the workspace that is or contains the object is private.
    pub private: bool,
    /// Whether the workspace that is or contains the object is archived. [`archived::refuses`] says what follows.
    pub archived: bool,
    /// Whether the project is restricted. Then only bindings on it count, except for actors who may restrict it.
    pub restricted: bool,
    /// Whether the object is the actor, or belongs to the actor.
    pub own: bool,
    /// Whether a bot shares a workspace with the user that the action is about. This is not determined for people,
    /// because people who share a workspace also share its organization.
    pub together: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// The actor may see the object, but not do this.
    Forbidden,
    /// The object must be reported as not found.
    Hidden,
}

#[expect(clippy::too_many_lines, reason = "every rule is in one match")]
pub fn decide(standing: &Standing, action: Action) -> Decision {
    if standing.account == Account::Nobody {
        return Decision::Hidden;
    }
    let account = standing.account.role();
    let governs = standing.account.is_administrator();
    let governs_organization = governs || standing.organization == Some(OrganizationRole::Admin);
    let belongs = governs || standing.organization.is_some();
    let held = held(standing);
    let sees_workspace = held.contains(Permission::SPACE_READ);
    let in_workspace = |permission| by_permission(held, sees_workspace, permission);
    let there = held_in_project(standing);
    let sees_project = there.contains(Permission::PROJECT_READ);
    let in_project = |permission| by_permission(there, sees_project, permission);
    // Roles can be bound on workspaces and on projects.
    let all = held.union(standing.direct);
    let sees_thing = sees_workspace || all.contains(Permission::PROJECT_READ);
    let on_thing = |permission| by_permission(all, sees_thing, permission);
    let sees = |permission| sees_workspace && held.contains(permission);
    let of_model = |permission| by_permission(held, sees(Permission::ML_MODEL_READ), permission);
    let of_pipeline = |permission| by_permission(held, sees(Permission::PROJECT_READ), permission);
    let of_tag = |permission| by_permission(held, sees(Permission::TAG_READ), permission);
    // Members write the contents of a workspace, but only owners and named roles delete them.
    let owns = governs_organization || standing.workspace == Some(Role::Owner);
    let as_owner = |decision, permission| match decision {
        Decision::Allowed => forbidden_unless(owns || standing.named.contains(permission)),
        Decision::Forbidden | Decision::Hidden => decision,
    };
    match action {
        Action::ReadWorkspace => in_workspace(Permission::SPACE_READ),
        Action::UpdateWorkspace => in_workspace(Permission::SPACE_UPDATE),
        Action::ArchiveWorkspace | Action::DeleteWorkspace => in_workspace(Permission::SPACE_DELETE),
        // In the other organization, its admins get everything, so a named role is not enough.
        Action::MoveWorkspace => match in_workspace(Permission::SPACE_DELETE) {
            Decision::Allowed => forbidden_unless(owns),
            refused @ (Decision::Forbidden | Decision::Hidden) => refused,
        },
        Action::AddMember => match in_workspace(Permission::SPACE_READ) {
            Decision::Allowed => forbidden_unless(governs_organization || standing.workspace == Some(Role::Owner)),
            refused @ (Decision::Forbidden | Decision::Hidden) => refused,
        },
        Action::BindRole => on_thing(Permission::ROLE_BINDING_CREATE),
        Action::ReadBindings => on_thing(Permission::ROLE_BINDING_READ),
        Action::UnbindRole => on_thing(Permission::ROLE_BINDING_DELETE),
        Action::RemoveMember => in_workspace(Permission::ROLE_BINDING_DELETE),
        // An actor who can read a workspace without being a member may leave it, which has no effect.
        Action::LeaveWorkspace => match in_workspace(Permission::SPACE_READ) {
            Decision::Allowed => forbidden_unless(standing.own),
            refused @ (Decision::Forbidden | Decision::Hidden) => refused,
        },
        Action::ReadProject => in_project(Permission::PROJECT_READ),
        Action::CreateProject | Action::CreatePipeline => in_workspace(Permission::PROJECT_CREATE),
        Action::UpdateProject => in_project(Permission::PROJECT_UPDATE),
        Action::DeleteProject => in_project(Permission::PROJECT_DELETE),
        Action::RestrictProject => in_project(Permission::PROJECT_RESTRICT),
        Action::ReadModel => of_model(Permission::ML_MODEL_READ),
        Action::CreateModel => in_workspace(Permission::ML_MODEL_CREATE),
        Action::UpdateModel => of_model(Permission::ML_MODEL_UPDATE),
        Action::DeleteModel => as_owner(of_model(Permission::ML_MODEL_DELETE), Permission::ML_MODEL_DELETE),
        Action::ReadPipeline => of_pipeline(Permission::PROJECT_READ),
        Action::UpdatePipeline => of_pipeline(Permission::PROJECT_UPDATE),
        Action::DeletePipeline => as_owner(of_pipeline(Permission::PROJECT_DELETE), Permission::PROJECT_DELETE),
        Action::ReadTag => of_tag(Permission::TAG_READ),
        Action::CreateTag => in_workspace(Permission::TAG_CREATE),
        Action::UpdateTag => of_tag(Permission::TAG_UPDATE),
        Action::DeleteTag => as_owner(of_tag(Permission::TAG_DELETE), Permission::TAG_DELETE),
        // The details of a connection are secrets: the organization's right to read is not enough.
        Action::ReadConnections => match in_workspace(Permission::SPACE_READ) {
            Decision::Allowed => {
                forbidden_unless(owns || matches!(standing.workspace, Some(Role::Member | Role::Reader)))
            }
            refused @ (Decision::Forbidden | Decision::Hidden) => refused,
        },
        Action::LinkConnection => match in_workspace(Permission::SPACE_READ) {
            Decision::Allowed => forbidden_unless(owns || standing.workspace == Some(Role::Member)),
            refused @ (Decision::Forbidden | Decision::Hidden) => refused,
        },
        Action::ReadServiceKeys => in_workspace(Permission::SERVICE_KEY_READ),
        Action::CreateServiceKey => in_workspace(Permission::SERVICE_KEY_CREATE),
        Action::RevokeServiceKey => in_workspace(Permission::SERVICE_KEY_REVOKE),
        Action::ReadOrganization => hidden_unless(belongs),
        Action::CreateWorkspace | Action::CreateConnection | Action::CreateSharedTag => match standing.organization {
            _ if governs => Decision::Allowed,
            Some(OrganizationRole::Admin | OrganizationRole::Member) => {
                forbidden_unless(account != Some(AccountRole::Annotator))
            }
            Some(OrganizationRole::Reader | OrganizationRole::Annotator) => Decision::Forbidden,
            None => Decision::Hidden,
        },
        Action::UpdateOrganization | Action::DeleteOrganization | Action::ManageOrganizationMembers => {
            if belongs {
                forbidden_unless(governs_organization)
            } else {
                Decision::Hidden
            }
        }
        Action::DeleteSharedTag => {
            if belongs {
                forbidden_unless(governs_organization || standing.own)
            } else {
                Decision::Hidden
            }
        }
        Action::ManageAdministrator => {
            if belongs {
                forbidden_unless(governs)
            } else {
                Decision::Hidden
            }
        }
        Action::CreateOrganization
        | Action::ManageRoles
        | Action::CreateUser
        | Action::InviteWithoutLink
        | Action::ReadClients
        | Action::ManageClients
        | Action::ReadAudit
        | Action::ReadEverything => forbidden_unless(governs),
        Action::ReadRoles => forbidden_unless(account.is_some_and(|role| role != AccountRole::Annotator)),
        Action::InviteUser => {
            forbidden_unless(matches!(account, Some(AccountRole::Administrator | AccountRole::Member)))
        }
        Action::HoldKeys => forbidden_unless(account.is_some_and(|role| role != AccountRole::UiOnly)),
        // A bot sees the users of its workspaces, not those of its organizations.
        Action::ReadUser => {
            let near = if standing.account == Account::Bot { standing.together } else { belongs };
            hidden_unless(near || standing.own)
        }
        Action::ChangeUser | Action::BlockUser | Action::SetPassword => toward_user(standing, governs),
        Action::ReadKeys | Action::ReadSessions | Action::EndSession => toward_user(standing, governs || standing.own),
        Action::CreateKey => toward_user(standing, standing.own),
        // Another user's key or connection is hidden even if the user is visible, because numbers and names can be guessed.
        Action::RevokeKey | Action::ManageConnection => hidden_unless(governs || standing.own),
    }
}

/// Whether the actor may assign this role in the organization. It must not exceed the actor's own.
pub fn may_assign_organization_role(actor: &Standing, role: OrganizationRole) -> bool {
    let may = |action| decide(actor, action) == Decision::Allowed;
    match role {
        OrganizationRole::Admin => may(Action::ManageOrganizationMembers),
        OrganizationRole::Member => may(Action::CreateWorkspace),
        OrganizationRole::Reader => may(Action::ReadOrganization) && !annotates(actor),
        OrganizationRole::Annotator => may(Action::ReadOrganization),
    }
}

/// Whether the actor may assign this role in the workspace. `named` is the permissions of a custom one.
pub fn may_assign_workspace_role(actor: &Standing, role: Role, named: PermissionSet) -> bool {
    match role {
        Role::Custom(_) => may_bind(actor, named),
        Role::Owner | Role::Member | Role::Reader | Role::Annotator => {
            decide(actor, Action::AddMember) == Decision::Allowed && of_role(role).is_within(held(actor))
        }
    }
}

/// Whether the actor may remove a member with this role from the workspace. The actor must also be able to assign the
/// role.
pub fn may_remove_member(actor: &Standing, role: Role, named: PermissionSet) -> bool {
    decide(actor, Action::RemoveMember) == Decision::Allowed && may_assign_workspace_role(actor, role, named)
}

/// Whether the actor may bind a role with these permissions on the object.
pub fn may_bind(actor: &Standing, allowed: PermissionSet) -> bool {
    decide(actor, Action::BindRole) == Decision::Allowed && allowed.is_within(held_in_project(actor))
}

/// Whether the actor may remove a binding with these permissions. The actor must also be able to create it.
pub fn may_unbind(actor: &Standing, allowed: PermissionSet) -> bool {
    decide(actor, Action::UnbindRole) == Decision::Allowed && may_bind(actor, allowed)
}

/// Whether the actor may assign this account role. It must not exceed the actor's own.
pub fn may_assign_account_role(actor: &Standing, role: AccountRole) -> bool {
    match role {
        AccountRole::Administrator => actor.account.is_administrator(),
        AccountRole::Member => matches!(actor.account.role(), Some(AccountRole::Administrator | AccountRole::Member)),
        AccountRole::UiOnly => actor.account.role().is_some_and(|own| own != AccountRole::Annotator),
        AccountRole::Annotator => actor.account.role().is_some(),
    }
}

/// Whether the actor has no more rights in the organization than an annotator.
fn annotates(standing: &Standing) -> bool {
    !standing.account.is_administrator() && standing.organization == Some(OrganizationRole::Annotator)
}

/// Forbidden if the actor may see the user, hidden otherwise.
fn toward_user(standing: &Standing, allowed: bool) -> Decision {
    match decide(standing, Action::ReadUser) {
        Decision::Allowed => forbidden_unless(allowed),
        refused @ (Decision::Forbidden | Decision::Hidden) => refused,
    }
}

/// Hidden if the actor cannot see the object. Otherwise the permission decides.
const fn by_permission(held: PermissionSet, sees: bool, needed: Permission) -> Decision {
    if sees { forbidden_unless(held.contains(needed)) } else { Decision::Hidden }
}

const fn hidden_unless(allowed: bool) -> Decision {
    if allowed { Decision::Allowed } else { Decision::Hidden }
}

const fn forbidden_unless(allowed: bool) -> Decision {
    if allowed { Decision::Allowed } else { Decision::Forbidden }
}

/// All permissions of the actor in the workspace. An actor cannot grant more than these.
pub fn held(standing: &Standing) -> PermissionSet {
    let mut held = standing.named;
    if standing.account.is_administrator() {
        held = held.union(everything());
    }
    match standing.organization {
        Some(OrganizationRole::Admin) => held = held.union(of_role(Role::Owner)),
        Some(OrganizationRole::Member | OrganizationRole::Reader) if !standing.private => {
            held = held.union(of_role(Role::Reader));
        }
        Some(OrganizationRole::Annotator) if !standing.private => held = held.union(of_role(Role::Annotator)),
        Some(OrganizationRole::Member | OrganizationRole::Reader | OrganizationRole::Annotator) | None => {}
    }
    match standing.workspace {
        Some(Role::Custom(_)) => held.union(PermissionSet::of(&[Permission::SPACE_READ])),
        Some(role) => held.union(of_role(role)),
        None => held,
    }
}

/// All permissions of the actor in the project.
pub fn held_in_project(standing: &Standing) -> PermissionSet {
    let held = held(standing);
    if standing.restricted && !held.contains(Permission::PROJECT_RESTRICT) {
        standing.direct
    } else {
        held.union(standing.direct)
    }
}

/// The facts for decisions about bindings on a project. In a restricted project, only bindings on it count.
pub fn as_bound(standing: Standing) -> Standing {
    if standing.restricted && !held(&standing).contains(Permission::PROJECT_RESTRICT) {
        Standing { organization: None, workspace: None, named: PermissionSet::EMPTY, ..standing }
    } else {
        standing
    }
}

pub fn everything() -> PermissionSet {
    PermissionSet::EVERYTHING
}

/// The permissions of a predefined role. Empty for a custom role, whose named role has the permissions.
pub fn of_role(role: Role) -> PermissionSet {
    match role {
        Role::Owner => OWNER,
        Role::Member => MEMBER,
        Role::Reader => READER,
        Role::Annotator => OF_ANNOTATORS,
        Role::Custom(_) => PermissionSet::EMPTY,
    }
}

const OWNER: PermissionSet = PermissionSet::EVERYTHING.without(OF_THE_ACCOUNT);
const MEMBER: PermissionSet = OWNER.without(OF_OWNERS);
const READER: PermissionSet = MEMBER.without(PermissionSet::EVERYTHING.without(PermissionSet::READING));

/// Permissions for the whole account, which no workspace role contains.
const OF_THE_ACCOUNT: PermissionSet = PermissionSet::of(&[
    Permission::ORGANIZATION_CREATE,
    Permission::ORGANIZATION_DELETE,
    Permission::ORGANIZATION_UPDATE,
    Permission::ROLE_CREATE,
    Permission::ROLE_DELETE,
    Permission::ROLE_UPDATE,
    Permission::SPACE_CREATE,
    Permission::USER_CREATE,
    Permission::USER_DELETE,
    Permission::USER_PERMISSION_UPDATE,
    Permission::USER_UPDATE,
]);

/// Permissions for the whole workspace, which only owners have.
const OF_OWNERS: PermissionSet = PermissionSet::of(&[
    Permission::DASHBOARD_RESTRICT,
    Permission::PROJECT_RESTRICT,
    Permission::PROMPT_RESTRICT,
    Permission::ROLE_BINDING_CREATE,
    Permission::ROLE_BINDING_DELETE,
    Permission::ROLE_BINDING_READ,
    Permission::SERVICE_KEY_CREATE,
    Permission::SERVICE_KEY_READ,
    Permission::SERVICE_KEY_REVOKE,
    Permission::SPACE_DELETE,
    Permission::SPACE_UPDATE,
]);

/// The permissions of annotators, including those that they need to read.
const OF_ANNOTATORS: PermissionSet = PermissionSet::of(&[
    Permission::ANNOTATION_CONFIG_READ,
    Permission::DATASET_EXAMPLE_ANNOTATE,
    Permission::DATASET_EXAMPLE_READ,
    Permission::DATASET_READ,
    Permission::EXPERIMENT_READ,
    Permission::EXPERIMENT_RUN_ANNOTATE,
    Permission::EXPERIMENT_RUN_READ,
    Permission::PROJECT_READ,
    Permission::PROJECT_SPAN_ANNOTATE,
    Permission::PROJECT_SPAN_READ,
    Permission::QUEUE_READ,
    Permission::QUEUE_RECORD_ANNOTATE,
    Permission::QUEUE_RECORD_READ,
    Permission::SPACE_READ,
]);

#[cfg(test)]
mod tests;
