//! A person's list of workspaces: in which order, which of them, and why the person sees each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::app::{lookup, roles, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, RoleId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::{Page, Slice};
use crate::domain::permission::PermissionSet;
use crate::domain::text::fold;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::{Workspace, WorkspaceSearch};
use crate::error::{Error, Result};
use crate::policy::explanation::{self, Facts, Place, Source};
use crate::policy::{Action, Standing};
use crate::store::standings::InWorkspace;
use crate::store::workspace_lists::{Candidate, Scope};
use crate::store::{self, View};

/// A list of at most so many workspaces is sorted and filtered in memory.
const FEW: u32 = 2000;

/// The maximum number of workspaces that one page of a longer list looks at, and how many of them at once.
const MAX_LOOKED_AT: usize = 4096;
const CHUNK: u32 = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that the actor joined, without archived ones.
    Joined,
    /// All that the actor may see, without archived ones.
    All,
    Archived,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Newest,
    Name,
}

#[derive(Clone, Debug)]
pub struct ListSearch {
    pub which: Which,
    pub order: Order,
    /// A part of the name. Ignores case.
    pub name: Option<String>,
}

/// A page of the list.
#[derive(Clone, Debug)]
pub struct List {
    pub slice: Slice<Listed>,
    /// Whether there are too many workspaces for the requested order.
    pub is_unordered: bool,
}

/// A workspace, and why the actor sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub workspace: Workspace,
    /// The name of the organization, if the actor may see it.
    pub organization: Option<String>,
    pub access: Vec<Access>,
    /// When something was last added to it: a member, a version of a model or a pipeline, a connection, a tag or a project.
    pub last_added: Timestamp,
}

/// Something by which the actor sees a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// A membership by a predefined role.
    Member(Role),
    /// A membership by a named role. The name is missing if the actor may not see the roles of the account.
    NamedMember(Option<String>),
    /// A binding of a named role.
    Binding(Option<String>),
    Organization(OrganizationRole),
    Administrator,
}

/// A page of the actor's workspaces.
///
/// An actor who may see very many gets them by another order: the newest first, or by number if a name is searched for.
pub fn page(view: &View, actor: &Actor, search: &ListSearch, page: Page) -> Result<List> {
    let Some(visibility) = visibility::of(actor) else {
        return Ok(List { slice: visibility::nothing(), is_unordered: false });
    };
    let scope = match (search.which, actor.user()) {
        (Which::Joined, Some(me)) => Scope::Joined(me),
        (Which::Joined | Which::All | Which::Archived, _) => Scope::Visible(visibility),
    };
    let name = search.name.as_deref().map(fold).filter(|name| !name.is_empty());
    let (ids, is_unordered) = match store::workspace_lists::few(view, scope, FEW)? {
        Some(found) => (sorted(found, search, name.as_deref(), page), false),
        None if name.is_some() => {
            let by_name = WorkspaceSearch { name: search.name.clone(), ..WorkspaceSearch::default() };
            let found = store::workspaces::page(view, visibility, &by_name, page)?;
            let archived = search.which == Which::Archived;
            let items = found.items.into_iter().filter(|one| one.archived == archived).map(|one| one.id).collect();
            (Slice { items, next: found.next }, true)
        }
        None => (newest(view, scope, search.which, page)?, search.order == Order::Name),
    };
    Ok(List { slice: Slice { items: listed(view, actor, &ids.items)?, next: ids.next }, is_unordered })
}

/// Why the actor sees one workspace.
///
/// Refused when the actor may not see it.
pub fn get(view: &View, actor: &Actor, id: WorkspaceId) -> Result<Listed> {
    lookup::workspace(view, actor, id)?;
    listed(view, actor, &[id])?.pop().ok_or_else(|| Error::not_found(Noun::Workspace, id))
}

fn belongs(candidate: &Candidate, which: Which) -> bool {
    candidate.visible && candidate.archived == (which == Which::Archived)
}

/// A page of a short list.
fn sorted(mut found: Vec<Candidate>, search: &ListSearch, name: Option<&str>, page: Page) -> Slice<WorkspaceId> {
    // Where the last page ended, even if its last row is not in the list any more.
    let last = page.after.and_then(|after| found.iter().find(|one| one.id.0 == after).cloned());
    found.retain(|one| belongs(one, search.which) && name.is_none_or(|name| one.key.contains(name)));
    match search.order {
        Order::Newest => {
            found.retain(|one| page.after.is_none_or(|after| one.id.0 < after));
            found.sort_unstable_by_key(|one| std::cmp::Reverse(one.id));
        }
        Order::Name => {
            if let Some(last) = last {
                found.retain(|one| (&one.key, one.id) > (&last.key, last.id));
            }
            found.sort_unstable_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
        }
    }
    Slice::from_rows(found.into_iter().map(|one| one.id).collect(), page, |id| id.0)
}

/// A page of a long list. It may have few rows and a next page, because it looks at a limited number of workspaces.
fn newest(view: &View, scope: Scope, which: Which, page: Page) -> Result<Slice<WorkspaceId>> {
    let (mut before, mut looked_at) = (page.after.unwrap_or(i64::MAX), 0);
    let mut items = Vec::new();
    loop {
        let found = store::workspace_lists::newest(view, scope, before, CHUNK)?;
        let is_last = found.len() < CHUNK as usize;
        looked_at += found.len();
        for one in found {
            before = one.id.0;
            if belongs(&one, which) {
                items.push(one.id);
            }
            if items.len() == page.fetch_limit() as usize {
                return Ok(Slice::from_rows(items, page, |id| id.0));
            }
        }
        if is_last {
            return Ok(Slice::from_rows(items, page, |id| id.0));
        }
        if looked_at >= MAX_LOOKED_AT {
            return Ok(Slice { items, next: Some(before) });
        }
    }
}

fn listed(view: &View, actor: &Actor, ids: &[WorkspaceId]) -> Result<Vec<Listed>> {
    let facts = store::standings::in_workspaces(view, actor.user(), ids.iter().copied())?;
    let custom: BTreeSet<RoleId> =
        facts.iter().flat_map(|one| [one.role.and_then(Role::custom), one.bound]).flatten().collect();
    let permissions = store::roles::permissions(view, custom.iter().copied())?;
    let mut names = BTreeMap::new();
    if roles::may_see(actor).is_ok() {
        for id in custom {
            names.extend(store::roles::find(view, id)?.map(|role| (id, role.name.as_str().to_owned())));
        }
    }
    let mut organizations: BTreeMap<OrganizationId, String> = BTreeMap::new();
    let mut places = HashMap::new();
    for one in facts {
        let sees_organization = one.organization_role.is_some() || standing::sees_everything(actor);
        if sees_organization && !organizations.contains_key(&one.organization) {
            let found = store::organizations::find(view, one.organization)?;
            organizations.extend(found.map(|found| (found.id, found.name.as_str().to_owned())));
        }
        places.insert(one.workspace, (access(actor, &one, &permissions, &names), sees_organization));
    }
    let mut workspaces = HashMap::new();
    store::content_sets::workspaces(view, ids, |workspace| {
        workspaces.insert(workspace.id, workspace);
        Ok(())
    })?;
    let last_added: HashMap<_, _> = store::workspace_lists::last_added(view, ids)?.into_iter().collect();
    let in_order = ids.iter().filter_map(|id| {
        let (workspace, (access, sees)) = (workspaces.remove(id)?, places.remove(id)?);
        let organization = organizations.get(&workspace.organization).filter(|_| sees).cloned();
        let last_added = last_added.get(id).copied().unwrap_or(workspace.created_at);
        Some(Listed { workspace, organization, access, last_added })
    });
    Ok(in_order.collect())
}

/// What the policy counts for seeing the workspace, the closest first.
fn access(
    actor: &Actor,
    found: &InWorkspace,
    permissions: &HashMap<RoleId, PermissionSet>,
    names: &BTreeMap<RoleId, String>,
) -> Vec<Access> {
    let of = |role: Option<RoleId>| role.and_then(|role| permissions.get(&role)).copied().unwrap_or_default();
    let own = found.role.and_then(Role::custom);
    let (membership, bound) = (of(own), of(found.bound));
    let standing = Standing {
        organization: found.organization_role,
        workspace: found.role,
        named: membership.union(bound),
        private: found.private,
        ..standing::in_account(actor)
    };
    let facts = Facts { standing, place: Place::Workspace, membership, bound };
    let grounds = explanation::explain(&facts, Action::ReadWorkspace).grounds;
    let name = |role: Option<RoleId>| role.and_then(|role| names.get(&role)).cloned();
    let one = |source: Source| match source {
        Source::WorkspaceRole(role) => Some((0, Access::Member(role))),
        Source::Membership => Some((0, Access::NamedMember(name(own)))),
        Source::Binding => Some((1, Access::Binding(name(found.bound)))),
        Source::OrganizationRole(role) => Some((2, Access::Organization(role))),
        Source::AccountRole(_) => Some((3, Access::Administrator)),
        Source::ProjectBinding | Source::Own | Source::Together => None,
    };
    let mut all: Vec<(u8, Access)> = grounds.into_iter().flatten().filter_map(one).collect();
    all.sort_by_key(|(rank, _)| *rank);
    all.into_iter().map(|(_, access)| access).collect()
}
