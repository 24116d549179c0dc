//! What one person has, and where each right comes from.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::{lookup, roles, standing, visibility};
use crate::domain::actor::{Actor, Credential, Person, Who};
use crate::domain::ids::{OrganizationId, RoleId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::{Organization, OrganizationRole};
use crate::domain::page::{Page, Slice};
use crate::domain::user::{AccountRole, User};
use crate::domain::workspace::{Workspace, WorkspaceName, WorkspaceSearch};
use crate::error::Result;
use crate::policy::{Action, Decision, decide};
use crate::store::standings::InWorkspace;
use crate::store::{self, View};

/// Where a right on a workspace comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The person is an administrator of the account.
    Administrator,
    Organization(OrganizationRole),
    /// The membership. A custom role has a name, if the actor may know it.
    Membership(Role, Option<String>),
    /// A named role that is bound to the person on the workspace.
    Binding(String),
}

/// A workspace that a person can open.
#[derive(Clone, Debug)]
pub struct Reached {
    pub workspace: Workspace,
    /// The name of its organization.
    pub organization: String,
    /// At least one.
    pub sources: Vec<Source>,
}

/// A page of the workspaces that a person can open, by number, with the reasons.
///
/// For others than the person and administrators: of the workspaces that the actor sees, with the reasons that the
/// actor may know. Refused when the actor may not see the person.
pub fn workspaces(view: &View, actor: &Actor, who: &lookup::Named, page: Page) -> Result<Slice<Reached>> {
    let user = lookup::user(view, actor, who)?;
    let target = acting(actor, &user);
    let Some(visible) = visibility::of(&target) else { return Ok(visibility::nothing()) };
    let search = WorkspaceSearch::default();
    let knows_all = actor.user() == Some(user.id) || standing::sees_everything(actor);
    if knows_all {
        let found = store::workspaces::page(view, visible, &search, page)?;
        let items = reached(view, actor, &target, &found.items, knows_all)?;
        return Ok(Slice { items, next: found.next });
    }
    let look = |page: Page| {
        let found = store::workspaces::page(view, visible, &search, Page { limit: page.fetch_limit(), ..page })?;
        reached(view, actor, &target, &found.items, knows_all)
    };
    visibility::sifted(page, |one: &Reached| one.workspace.id.0, look, |one| Ok(!one.sources.is_empty()))
}

/// The user as an actor.
fn acting(asking: &Actor, user: &User) -> Actor {
    let person = Person { id: user.id, uuid: user.uuid, email: user.email.clone(), kind: user.kind, role: user.role };
    Actor { who: Who::Person(person), credential: Credential::Server, origin: asking.origin.clone() }
}

/// The reasons why the target can open these workspaces, as far as the actor may know them.
fn reached(view: &View, actor: &Actor, target: &Actor, found: &[Workspace], knows_all: bool) -> Result<Vec<Reached>> {
    let ids = || found.iter().map(|workspace| workspace.id);
    let has = store::standings::in_workspaces(view, target.user(), ids())?;
    let has: BTreeMap<WorkspaceId, InWorkspace> = has.into_iter().map(|one| (one.workspace, one)).collect();
    let mine = if knows_all { None } else { Some(standing::in_workspaces(view, actor, ids())?) };
    let names = RoleNames::of(view, actor, has.values())?;
    let organizations: BTreeSet<OrganizationId> = found.iter().map(|workspace| workspace.organization).collect();
    let mut organization_names = BTreeMap::new();
    for id in organizations {
        let organization = store::organizations::find(view, id)?;
        organization_names.insert(id, organization.map(|found| found.name.as_str().to_owned()).unwrap_or_default());
    }
    let governs = target.person().is_some_and(|person| person.role == AccountRole::Administrator);
    let sources = |workspace: &Workspace| {
        let may = |action| {
            let place = mine.as_ref().map(|mine| mine.get(&workspace.id));
            place.is_none_or(|place| place.is_some_and(|place| decide(&place.standing, action) == Decision::Allowed))
        };
        let Some(one) = has.get(&workspace.id).filter(|_| may(Action::ReadWorkspace)) else { return Vec::new() };
        let mut sources = Vec::new();
        sources.extend((governs && knows_all).then_some(Source::Administrator));
        let by_organization = one.organization_role.filter(|role| !one.private || *role == OrganizationRole::Admin);
        sources.extend(by_organization.filter(|_| may(Action::ReadBindings)).map(Source::Organization));
        sources.extend(one.role.map(|role| Source::Membership(role, role.custom().and_then(|id| names.get(id)))));
        let bound = one.bound.filter(|_| may(Action::ReadBindings)).and_then(|id| names.get(id));
        sources.extend(bound.map(Source::Binding));
        sources
    };
    let reached = |workspace: Workspace| {
        let organization = organization_names.get(&workspace.organization).cloned().unwrap_or_default();
        Reached { sources: sources(&workspace), workspace, organization }
    };
    Ok(found.iter().cloned().map(reached).collect())
}

/// The names of named roles. Empty if the actor may not know them.
struct RoleNames(BTreeMap<RoleId, String>);

impl RoleNames {
    fn of<'s>(view: &View, actor: &Actor, all: impl Iterator<Item = &'s InWorkspace>) -> Result<Self> {
        let mut names = BTreeMap::new();
        if roles::may_see(actor).is_ok() {
            let ids = all.flat_map(|one| [one.role.and_then(Role::custom), one.bound]).flatten();
            for id in ids.collect::<BTreeSet<_>>() {
                names.extend(store::roles::find(view, id)?.map(|role| (id, role.name)));
            }
        }
        Ok(Self(names))
    }

    fn get(&self, id: RoleId) -> Option<String> {
        self.0.get(&id).cloned()
    }
}

/// A page of the organizations of a person, by number, each with the person's role.
///
/// For others than the person and administrators: those that the actor manages the members of. Refused when the actor
/// may not see the person.
pub fn organizations(
    view: &View,
    actor: &Actor,
    who: &lookup::Named,
    page: Page,
) -> Result<Slice<(Organization, OrganizationRole)>> {
    let user = lookup::user(view, actor, who)?;
    let knows_all = actor.user() == Some(user.id) || standing::sees_everything(actor);
    let look = |page| store::person_access::organizations(view, user.id, page);
    let keep = |(id, _): &(OrganizationId, OrganizationRole)| {
        if knows_all {
            return Ok(true);
        }
        let standing = standing::in_organization(view, actor, *id)?;
        Ok(decide(&standing, Action::ManageOrganizationMembers) == Decision::Allowed)
    };
    let found = visibility::sifted(page, |(id, _)| id.0, look, keep)?;
    let mut items = Vec::new();
    for (id, role) in found.items {
        items.extend(store::organizations::find(view, id)?.map(|organization| (organization, role)));
    }
    Ok(Slice { items, next: found.next })
}

/// What ends when an account is disabled.
#[derive(Clone, Debug)]
pub struct Ending {
    pub sessions: u32,
    pub keys: u32,
    /// The first workspaces that would have no enabled owner.
    pub without_owner: Slice<(WorkspaceId, WorkspaceName)>,
}

/// What ends when the accounts of a person and of `others` are disabled, as far as it is the person's.
///
/// Requires an actor who may disable the person.
pub fn ending(view: &View, actor: &Actor, user: &User, others: &[UserId], limit: u32) -> Result<Ending> {
    lookup::require_user(view, actor, user.id, Action::ChangeUser, user.uuid)?;
    let keys = store::person_access::count_keys(view, std::iter::once(user.id))?;
    let page = Page { after: None, limit };
    Ok(Ending {
        sessions: store::person_access::count_sessions(view, user.id)?,
        keys: keys.get(&user.id).copied().unwrap_or_default(),
        without_owner: store::person_access::owned_alone(view, user.id, others, page)?,
    })
}
