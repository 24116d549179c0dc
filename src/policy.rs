//! Judgement: who may do what. Pure: the store gathers the facts, this page judges, `app` obeys.
//!
//! What somebody holds adds up: the account role, the role in the organization, the role in the workspace and the
//! named roles that are bound to them. Each gives a set of permissions; an action needs one of them.

use crate::domain::member::Role;
use crate::domain::noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user::AccountRole;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See a workspace, its members and what is in it.
    ReadWorkspace,
    /// Change a workspace's name, description or settings.
    UpdateWorkspace,
    /// Delete a workspace with everything in it.
    DeleteWorkspace,
    /// Put somebody into a workspace or give a member another role.
    AddMember,
    /// Give somebody a named role in a workspace, as a membership or a binding.
    BindRole,
    /// See the bindings on a thing.
    ReadBindings,
    /// Put somebody else out of a workspace.
    RemoveMember,
    /// Take a binding of a named role away.
    UnbindRole,
    /// Leave a workspace oneself.
    LeaveWorkspace,
    /// Make a workspace in an organization.
    CreateWorkspace,
    /// See a project.
    ReadProject,
    /// Make a project in a workspace.
    CreateProject,
    /// Change a project.
    UpdateProject,
    /// Delete a project.
    DeleteProject,
    /// Restrict a project to those who have a binding on it, or lift that.
    RestrictProject,
    /// See an organization.
    ReadOrganization,
    /// Make an organization.
    CreateOrganization,
    /// Change an organization's name or description.
    UpdateOrganization,
    /// Delete an organization with everything in it.
    DeleteOrganization,
    /// Put somebody into an organization, put somebody out, or give a member another role.
    ManageOrganizationMembers,
    /// Put an administrator of the account out of an organization, or give them another role there.
    ManageAdministrator,
    /// See the named roles of the account.
    ReadRoles,
    /// Make, change or delete a named role.
    ManageRoles,
    /// Find a person and see the profile.
    ReadUser,
    /// Make an account for somebody with a password that one knows, or of a mighty role.
    CreateUser,
    /// Invite somebody, who sets the password, to an ordinary account.
    InviteUser,
    /// Invite somebody otherwise than by a link: with a password that the inviter sees, or with none.
    InviteWithoutLink,
    /// Change somebody's profile, role or whether the account is enabled.
    ChangeUser,
    /// Block somebody for good.
    BlockUser,
    /// Give somebody a new password, or a link to set one.
    SetPassword,
    /// See somebody's API keys.
    ReadKeys,
    /// Make API keys at all, for oneself or for a service.
    HoldKeys,
    /// Make an API key that acts as somebody.
    CreateKey,
    /// End or renew an API key of somebody.
    RevokeKey,
    /// See the service keys of a workspace.
    ReadServiceKeys,
    /// Make a service key for a workspace.
    CreateServiceKey,
    /// End or renew a service key of a workspace.
    RevokeServiceKey,
    /// See somebody's sign-in sessions.
    ReadSessions,
    /// End a sign-in session of somebody.
    EndSession,
    /// See the OAuth clients of the account, and their sessions.
    ReadClients,
    /// Register, change or remove an OAuth client.
    ManageClients,
    /// Read the audit.
    ReadAudit,
    /// See everything of the account: each workspace, person, key and session.
    ReadEverything,
}

impl Action {
    /// Each action.
    pub const ALL: [Self; 43] = [
        Self::ReadWorkspace,
        Self::UpdateWorkspace,
        Self::DeleteWorkspace,
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

    /// Which right the action needs, as a sentence for people, in which a workspace is called so.
    pub fn need(self, workspace: &str) -> String {
        noun::sentence(self.need_template(), workspace)
    }

    const fn need_template(self) -> &'static str {
        match self {
            Self::ReadWorkspace => {
                "you cannot see this {workspace}: only its members, members of its organization and administrators can"
            }
            Self::UpdateWorkspace => {
                "you cannot change this {workspace}: only its owners, administrators and roles with SPACE_UPDATE can"
            }
            Self::DeleteWorkspace => {
                "you cannot delete this {workspace}: only its owners, administrators and roles with SPACE_DELETE can"
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

/// What the actor is in the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Account {
    /// Nobody: there is no account, or nobody has signed in yet.
    #[default]
    Nobody,
    /// A bot, which has no role in the account. It holds what its organizations and workspaces give it.
    Bot,
    /// Somebody with this role.
    Role(AccountRole),
}

impl Account {
    /// The role in the account; a bot has none.
    pub const fn role(self) -> Option<AccountRole> {
        match self {
            Self::Nobody | Self::Bot => None,
            Self::Role(role) => Some(role),
        }
    }

    /// Whether this is an administrator of the account.
    pub const fn governs(self) -> bool {
        matches!(self, Self::Role(AccountRole::Administrator))
    }
}

/// What the actor is, in the account and toward the thing that the action is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Standing {
    /// What the actor is in the account.
    pub account: Account,
    /// The role in the organization that the thing belongs to, or that both people share.
    pub organization: Option<OrganizationRole>,
    /// The role in the workspace that the thing is or belongs to.
    pub workspace: Option<Role>,
    /// What named roles allow in the workspace: the one of a custom membership, and the one bound on the workspace.
    pub named: PermissionSet,
    /// What the named role allows that is bound on the project itself.
    pub direct: PermissionSet,
    /// Whether the workspace that the thing is or belongs to is seen by its members only.
    pub private: bool,
    /// Whether in the project only what is bound on it counts, but for those who may restrict it.
    pub restricted: bool,
    /// Whether the thing is the actor, or the actor's own.
    pub own: bool,
    /// Whether a bot is in a workspace together with the person that the action is about. People who are together in a
    /// workspace share its organization, so of them this is not asked.
    pub together: bool,
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
    if standing.account == Account::Nobody {
        return Decision::Hidden;
    }
    let account = standing.account.role();
    let governs = standing.account.governs();
    let governs_organization = governs || standing.organization == Some(OrganizationRole::Admin);
    let belongs = governs || standing.organization.is_some();
    let held = held(standing);
    let sees_workspace = held.contains(Permission::SPACE_READ);
    let in_workspace = |permission| by_permission(held, sees_workspace, permission);
    let there = held_in_project(standing);
    let sees_project = there.contains(Permission::PROJECT_READ);
    let in_project = |permission| by_permission(there, sees_project, permission);
    // Roles are bound on workspaces and on projects.
    let all = held.union(standing.direct);
    let sees_thing = sees_workspace || all.contains(Permission::PROJECT_READ);
    let on_thing = |permission| by_permission(all, sees_thing, permission);
    match action {
        Action::ReadWorkspace => in_workspace(Permission::SPACE_READ),
        Action::UpdateWorkspace => in_workspace(Permission::SPACE_UPDATE),
        Action::DeleteWorkspace => in_workspace(Permission::SPACE_DELETE),
        Action::AddMember => match in_workspace(Permission::SPACE_READ) {
            Decision::Allowed => forbidden_unless(governs_organization || standing.workspace == Some(Role::Owner)),
            refused @ (Decision::Forbidden | Decision::Hidden) => refused,
        },
        Action::BindRole => on_thing(Permission::ROLE_BINDING_CREATE),
        Action::ReadBindings => on_thing(Permission::ROLE_BINDING_READ),
        Action::UnbindRole => on_thing(Permission::ROLE_BINDING_DELETE),
        Action::RemoveMember => in_workspace(Permission::ROLE_BINDING_DELETE),
        // Whoever sees a workspace but is not in it leaves none, and may: nothing comes of it.
        Action::LeaveWorkspace => match in_workspace(Permission::SPACE_READ) {
            Decision::Allowed => forbidden_unless(standing.own),
            refused @ (Decision::Forbidden | Decision::Hidden) => refused,
        },
        Action::ReadProject => in_project(Permission::PROJECT_READ),
        Action::CreateProject => in_workspace(Permission::PROJECT_CREATE),
        Action::UpdateProject => in_project(Permission::PROJECT_UPDATE),
        Action::DeleteProject => in_project(Permission::PROJECT_DELETE),
        Action::RestrictProject => in_project(Permission::PROJECT_RESTRICT),
        Action::ReadServiceKeys => in_workspace(Permission::SERVICE_KEY_READ),
        Action::CreateServiceKey => in_workspace(Permission::SERVICE_KEY_CREATE),
        Action::RevokeServiceKey => in_workspace(Permission::SERVICE_KEY_REVOKE),
        Action::ReadOrganization => hidden_unless(belongs),
        Action::CreateWorkspace => match standing.organization {
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
        // A bot sees the people of its workspaces, not those of its organizations.
        Action::ReadUser => {
            let near = if standing.account == Account::Bot { standing.together } else { belongs };
            hidden_unless(near || standing.own)
        }
        Action::ChangeUser | Action::BlockUser | Action::SetPassword => toward_a_person(standing, governs),
        Action::ReadKeys | Action::ReadSessions | Action::EndSession => {
            toward_a_person(standing, governs || standing.own)
        }
        Action::CreateKey => toward_a_person(standing, standing.own),
        // A key of somebody else is not seen, though the person is: numbers can be guessed.
        Action::RevokeKey => hidden_unless(governs || standing.own),
    }
}

/// Whether somebody of this standing may give somebody this role in the organization: none above their own.
pub fn gives_in_organization(giver: &Standing, role: OrganizationRole) -> bool {
    let may = |action| decide(giver, action) == Decision::Allowed;
    match role {
        OrganizationRole::Admin => may(Action::ManageOrganizationMembers),
        OrganizationRole::Member => may(Action::CreateWorkspace),
        OrganizationRole::Reader => may(Action::ReadOrganization) && !annotates(giver),
        OrganizationRole::Annotator => may(Action::ReadOrganization),
    }
}

/// Whether somebody of this standing may give somebody this role in the workspace. `named` is what a custom one allows.
pub fn gives_in_workspace(giver: &Standing, role: Role, named: PermissionSet) -> bool {
    match role {
        Role::Custom(_) => binds(giver, named),
        Role::Owner | Role::Member | Role::Reader | Role::Annotator => {
            decide(giver, Action::AddMember) == Decision::Allowed && of_role(role).is_within(held(giver))
        }
    }
}

/// Whether somebody of this standing may put a member of this role out of the workspace: nobody takes away what they
/// could not have given.
pub fn removes_from_workspace(remover: &Standing, role: Role, named: PermissionSet) -> bool {
    decide(remover, Action::RemoveMember) == Decision::Allowed && gives_in_workspace(remover, role, named)
}

/// Whether somebody of this standing may bind a role that allows this on the thing.
pub fn binds(giver: &Standing, allowed: PermissionSet) -> bool {
    decide(giver, Action::BindRole) == Decision::Allowed && allowed.is_within(held_in_project(giver))
}

/// Whether somebody of this standing may take such a binding away: only one that they could have made.
pub fn unbinds(remover: &Standing, allowed: PermissionSet) -> bool {
    decide(remover, Action::UnbindRole) == Decision::Allowed && binds(remover, allowed)
}

/// Whether somebody of this standing may give somebody this role in the account: none above their own.
pub fn gives_in_account(giver: &Standing, role: AccountRole) -> bool {
    match role {
        AccountRole::Administrator => giver.account.governs(),
        AccountRole::Member => matches!(giver.account.role(), Some(AccountRole::Administrator | AccountRole::Member)),
        AccountRole::UiOnly => giver.account.role().is_some_and(|own| own != AccountRole::Annotator),
        AccountRole::Annotator => giver.account.role().is_some(),
    }
}

/// Whether somebody of this standing sees of an organization no more than an annotator does.
fn annotates(standing: &Standing) -> bool {
    !standing.account.governs() && standing.organization == Some(OrganizationRole::Annotator)
}

/// Whoever sees a person is told that this may not be done to them.
fn toward_a_person(standing: &Standing, allowed: bool) -> Decision {
    match decide(standing, Action::ReadUser) {
        Decision::Allowed => forbidden_unless(allowed),
        refused @ (Decision::Forbidden | Decision::Hidden) => refused,
    }
}

/// Hidden from whoever does not see the thing; of the others, allowed to those who hold the permission.
const fn by_permission(held: PermissionSet, sees: bool, needed: Permission) -> Decision {
    if sees { forbidden_unless(held.contains(needed)) } else { Decision::Hidden }
}

const fn hidden_unless(allowed: bool) -> Decision {
    if allowed { Decision::Allowed } else { Decision::Hidden }
}

const fn forbidden_unless(allowed: bool) -> Decision {
    if allowed { Decision::Allowed } else { Decision::Forbidden }
}

/// Everything that somebody of this standing holds in the workspace; nobody gives more than that.
pub fn held(standing: &Standing) -> PermissionSet {
    let mut held = standing.named;
    if standing.account.governs() {
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

/// Everything that somebody of this standing holds in the project.
pub fn held_in_project(standing: &Standing) -> PermissionSet {
    let held = held(standing);
    if standing.restricted && !held.contains(Permission::PROJECT_RESTRICT) {
        standing.direct
    } else {
        held.union(standing.direct)
    }
}

/// The standing of which bindings on a project are judged: in a restricted one, only what is bound on it counts.
pub fn as_bound(standing: Standing) -> Standing {
    if standing.restricted && !held(&standing).contains(Permission::PROJECT_RESTRICT) {
        Standing { organization: None, workspace: None, named: PermissionSet::EMPTY, ..standing }
    } else {
        standing
    }
}

/// Every permission there is.
pub fn everything() -> PermissionSet {
    PermissionSet::EVERYTHING
}

/// What a predefined role allows; of a custom role, what its named role allows is to be added.
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

/// What concerns the account as a whole, and no role in a workspace allows.
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

/// What concerns a workspace as a whole, and only its owners do.
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

/// What annotators do, and what they have to see for it.
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
