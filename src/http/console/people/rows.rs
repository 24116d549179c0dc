//! The rows of what a person has, as the pages show them.

use super::super::agent;
use super::super::moment::Moment;
use super::role_text;
use crate::app::identity::oauth::clients;
use crate::app::identity::session_list;
use crate::app::person_access::{self, Reached, Source};
use crate::app::users::Named;
use crate::app::{bindings, keys, projects, roles, workspaces};
use crate::domain::actor::Actor;
use crate::domain::key::{Key, KeyKind, KeySearch, KeyState};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::{Page, Slice};
use crate::domain::role::{Binding, Resource};
use crate::domain::session::Session;
use crate::domain::user::{AccountRole, User};
use crate::error::Result;
use crate::store::View;

/// What a person has, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Organizations,
    Workspaces,
    Bindings,
    ProjectBindings,
    Keys,
    Sessions,
}

impl Section {
    pub(super) const ALL: [Self; 6] =
        [Self::Workspaces, Self::Organizations, Self::Bindings, Self::ProjectBindings, Self::Keys, Self::Sessions];

    /// The word for it in an address.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Workspaces => "workspaces",
            Self::Bindings => "workspace-roles",
            Self::ProjectBindings => "project-roles",
            Self::Keys => "keys",
            Self::Sessions => "sessions",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Organizations => "Organizations",
            Self::Workspaces => "Workspaces",
            Self::Bindings => "Roles bound on workspaces",
            Self::ProjectBindings => "Roles bound on projects",
            Self::Keys => "API keys",
            Self::Sessions => "Sessions",
        }
    }
}

pub(super) struct OrganizationRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) role: &'static str,
    /// What the role gives on the workspaces of the organization.
    pub(super) gives: &'static str,
}

pub(super) fn organizations(view: &View, actor: &Actor, who: &Named, page: Page) -> Result<Slice<OrganizationRow>> {
    let found = person_access::organizations(view, actor, who, page)?;
    Ok(found.map(|(organization, role)| OrganizationRow {
        id: organization.id.to_string(),
        name: organization.name.as_str().to_owned(),
        role: organization_role_text(role),
        gives: match role {
            OrganizationRole::Admin => "Owner of every workspace in it",
            OrganizationRole::Member => "Reads its workspaces that are not private, and makes new ones",
            OrganizationRole::Reader => "Reads its workspaces that are not private",
            OrganizationRole::Annotator => "Annotates in its workspaces that are not private",
        },
    }))
}

const fn organization_role_text(role: OrganizationRole) -> &'static str {
    match role {
        OrganizationRole::Admin => "Admin",
        OrganizationRole::Member => "Member",
        OrganizationRole::Reader => "Reader",
        OrganizationRole::Annotator => "Annotator",
    }
}

pub(super) const fn workspace_role_text(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Member => "Member",
        Role::Reader => "Reader",
        Role::Annotator => "Annotator",
        Role::Custom(_) => "Named role",
    }
}

pub(super) struct WorkspaceRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) organization: String,
    pub(super) is_archived: bool,
    pub(super) rights: Vec<Right>,
}

/// A right, and where it comes from.
pub(super) struct Right {
    pub(super) name: String,
    pub(super) from: &'static str,
    /// The source as the picture names it.
    pub(super) source: String,
}

impl Right {
    fn of(source: Source, organization: &str) -> Self {
        let new = |name: &str, from, source: String| Self { name: name.to_owned(), from, source };
        let of_organization =
            |role, name, from| new(name, from, format!("{} of {organization}", organization_role_text(role)));
        match source {
            Source::Administrator => {
                new("Everything", "as administrator of the account", role_text(AccountRole::Administrator).to_owned())
            }
            Source::Organization(role) => match role {
                OrganizationRole::Admin => of_organization(role, "Owner", "as admin of the organization"),
                OrganizationRole::Member => of_organization(role, "Reader", "as member of the organization"),
                OrganizationRole::Reader => of_organization(role, "Reader", "as reader of the organization"),
                OrganizationRole::Annotator => of_organization(role, "Annotator", "as annotator of the organization"),
            },
            Source::Membership(role, name) => {
                let name = name.unwrap_or_else(|| workspace_role_text(role).to_owned());
                new(&name, "by membership", "Membership".to_owned())
            }
            Source::Binding(name) => new(&name, "by a role bound on the workspace", format!("Bound role {name}")),
        }
    }
}

pub(super) fn workspaces_of(view: &View, actor: &Actor, who: &Named, page: Page) -> Result<Slice<WorkspaceRow>> {
    let found = person_access::workspaces(view, actor, who, page)?;
    Ok(found.map(|Reached { workspace, organization, sources }| WorkspaceRow {
        id: workspace.id.to_string(),
        name: workspace.name.as_str().to_owned(),
        is_archived: workspace.archived,
        rights: sources.into_iter().map(|source| Right::of(source, &organization)).collect(),
        organization,
    }))
}

pub(super) struct BindingRow {
    pub(super) role: String,
    /// The page of what it is bound on.
    pub(super) to: String,
    pub(super) on: String,
    pub(super) since: Moment,
}

pub(super) fn bindings_of(
    view: &View,
    actor: &Actor,
    user: &User,
    on_projects: bool,
    page: Page,
) -> Result<Slice<BindingRow>> {
    let found = bindings::page(view, actor, on_projects, Some(user.id), page)?;
    let items = found.items.into_iter().map(|binding| binding_row(view, actor, &binding)).collect::<Result<_>>()?;
    Ok(Slice { items, next: found.next })
}

fn binding_row(view: &View, actor: &Actor, binding: &Binding) -> Result<BindingRow> {
    let (workspace, on) = match binding.resource {
        Resource::Workspace(id) => {
            let workspace = workspaces::visible(view, actor, id)?;
            (workspace.id, workspace.name.as_str().to_owned())
        }
        Resource::Project(id) => {
            let (project, workspace) = projects::visible(view, actor, id)?;
            (workspace.id, format!("{} in {}", project.name.as_str(), workspace.name.as_str()))
        }
    };
    Ok(BindingRow {
        role: roles::visible(view, actor, binding.role)?.name,
        to: format!("/workspaces/{workspace}"),
        on,
        since: Moment(binding.created_at),
    })
}

pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) redacted: String,
    /// The word for why it is not valid; empty for a valid key.
    pub(super) ended: &'static str,
    pub(super) created: Moment,
    pub(super) last_used: Option<Moment>,
    pub(super) expires: Option<Moment>,
}

pub(super) fn keys_of(view: &View, actor: &Actor, user: &User, is_live: bool, page: Page) -> Result<Slice<KeyRow>> {
    // One's own keys are those of a search without a user.
    let whose = Some(user.id).filter(|id| actor.user() != Some(*id));
    let search = KeySearch { kind: Some(KeyKind::User), live: is_live, workspace: None, user: whose };
    let found = keys::page(view, actor, &search, page)?;
    let row = |key: Key| KeyRow {
        id: key.id.to_string(),
        name: key.name.as_str().to_owned(),
        redacted: key.redacted.clone(),
        ended: match key.state(view.now) {
            KeyState::Active => "",
            KeyState::Expired => "Expired",
            KeyState::Revoked => "Revoked",
        },
        created: Moment(key.created_at),
        last_used: key.last_used_at.map(Moment),
        expires: key.expires_at.map(Moment),
    };
    Ok(found.map(|(key, _)| row(key)))
}

pub(super) struct SessionRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) about: String,
    pub(super) since: Moment,
    pub(super) used: Moment,
    pub(super) is_this: bool,
}

pub(super) fn sessions_of(
    view: &View,
    actor: &Actor,
    who: &Named,
    here: &Session,
    page: Page,
) -> Result<Slice<SessionRow>> {
    let found = session_list::page(view, actor, Some(who), page)?;
    let items = found.items.into_iter().map(|(session, _)| session_row(view, &session, here)).collect::<Result<_>>()?;
    Ok(Slice { items, next: found.next })
}

fn session_row(view: &View, session: &Session, here: &Session) -> Result<SessionRow> {
    let program = session.user_agent.as_deref().map(agent::describe).filter(|name| !name.is_empty());
    let name = match &session.client {
        None => program.clone().unwrap_or_else(|| "Browser".to_owned()),
        Some(id) => {
            let client = clients::find(view, id.as_str())?;
            client.map_or_else(|| id.to_string(), |client| client.name.as_str().to_owned())
        }
    };
    let through = program.filter(|_| session.client.is_some());
    let from = session.address.map(|address| format!("from {address}"));
    Ok(SessionRow {
        id: session.uuid.to_string(),
        name,
        about: through.into_iter().chain(from).collect::<Vec<_>>().join(", "),
        since: Moment(session.created_at),
        used: Moment(session.last_used_at),
        is_this: session.id == here.id,
    })
}
