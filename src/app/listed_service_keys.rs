//! Service keys as pages show them: with their workspaces, roles and creators.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::bots::Giver;
use crate::app::{keys, lookup, offers, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::bot::Bot;
use crate::domain::ids::{KeyId, UserId, WorkspaceId};
use crate::domain::key::{Key, KeyKind, KeySearch};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::user::UserKind;
use crate::domain::workspace::{Workspace, WorkspaceSearch};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::keys::Scope;
use crate::store::{self, View};

/// The minimum number of keys in one read.
const STRIDE: u32 = 100;

/// The number of workspaces of a key in a list, and on its own page.
const LISTED_PLACES: usize = 3;
const PLACES: usize = 100;

/// The maximum number of custom roles to choose from.
const ROLES: u32 = 200;

#[derive(Clone, Debug)]
pub struct ServiceKey {
    pub key: Key,
    /// The first workspaces of the key that the actor sees.
    pub places: Vec<Place>,
    /// How many more workspaces there are that the actor sees.
    pub more: usize,
    /// The email of the person, or the name of the bot, that created it. `None` for the operator, for somebody who was
    /// deleted, and for somebody whom the actor may not see.
    pub creator: Option<String>,
}

/// A workspace of a service key.
#[derive(Clone, Debug)]
pub struct Place {
    pub workspace: WorkspaceId,
    pub name: String,
    pub role: Role,
    /// The name of a custom role.
    pub named: Option<String>,
}

/// The valid service keys, or the others, by number: of a workspace, or all that the actor created or may read.
///
/// Refused when the actor may not see the workspace or its service keys.
pub fn page(
    view: &View,
    actor: &Actor,
    workspace: Option<WorkspaceId>,
    live: bool,
    page: Page,
) -> Result<Slice<ServiceKey>> {
    if let Some(workspace) = workspace {
        let search = KeySearch { kind: Some(KeyKind::Service), live, workspace: Some(workspace), user: None };
        let found = keys::page(view, actor, &search, page)?.map(|(key, _)| key);
        return Ok(Slice { items: shown(view, actor, found.items, LISTED_PLACES)?, next: found.next });
    }
    if standing::sees_everything(actor) {
        let found = store::keys::page(view, Scope::SeenBy(None), live, page)?;
        return Ok(Slice { items: shown(view, actor, found.items, LISTED_PLACES)?, next: found.next });
    }
    let Some(me) = actor.user() else { return Ok(visibility::nothing()) };
    let mut seen = Vec::new();
    let mut next = Page { limit: page.limit.max(STRIDE), ..page };
    loop {
        // The store selects coarsely, and the policy decides.
        let found = store::keys::page(view, Scope::SeenBy(Some(me)), live, next)?;
        let missing = (page.fetch_limit() as usize).saturating_sub(seen.len());
        seen.extend(shown(view, actor, found.items, LISTED_PLACES)?.into_iter().take(missing));
        next.after = found.next;
        if next.after.is_none() || seen.len() == page.fetch_limit() as usize {
            return Ok(Slice::from_rows(seen, page, |one| one.key.id.0));
        }
    }
}

/// What an actor may do with a service key.
#[derive(Clone, Copy, Debug)]
pub struct KeyOffers {
    pub revoke: bool,
    pub renew: bool,
}

/// The service key with this number, and what the actor may do with it. Refused when the actor neither created it nor
/// may read the service keys of one of its workspaces.
pub fn get(view: &View, actor: &Actor, id: KeyId) -> Result<(ServiceKey, KeyOffers)> {
    let missing = || Error::not_found(Noun::Key, id);
    let key = keys::found(view, id)?;
    if key.kind != KeyKind::Service {
        return Err(missing());
    }
    let live = key.is_live(view.now);
    let key = shown(view, actor, vec![key], PLACES)?.pop().ok_or_else(missing)?;
    let renew = live && is_allowed(keys::renewable(view, actor, id))?;
    let revoke = key.key.revoked_at.is_none() && is_allowed(keys::revocable(view, actor, id))?;
    Ok((key, KeyOffers { revoke, renew }))
}

fn is_allowed<T>(judged: Result<T>) -> Result<bool> {
    match judged {
        Ok(_) => Ok(true),
        Err(error) if error.is_refusal() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Those of these service keys that the actor may read, with at most so many workspaces each.
fn shown(view: &View, actor: &Actor, keys: Vec<Key>, max_places: usize) -> Result<Vec<ServiceKey>> {
    let ids: Vec<UserId> = keys.iter().map(|key| key.user).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let bots = store::bots::list(view, &ids, true)?;
    let workspaces: BTreeSet<_> = bots.values().flat_map(Bot::workspaces).map(|inside| inside.workspace).collect();
    let standings = standing::in_workspaces(view, actor, workspaces.into_iter())?;
    let may = |workspace: WorkspaceId, action| {
        standings.get(&workspace).is_some_and(|place| decide(&place.standing, action) == Decision::Allowed)
    };
    let sees_all = standing::sees_everything(actor);
    let mut found = Vec::new();
    let mut seen = Seen { view, actor, names: BTreeMap::new(), creators: BTreeMap::new() };
    for key in keys {
        let inside: Vec<_> = bots.get(&key.user).into_iter().flat_map(Bot::workspaces).collect();
        let is_own = key.created_by.is_some() && key.created_by == actor.user();
        if !sees_all && !is_own && !inside.iter().any(|one| may(one.workspace, Action::ReadServiceKeys)) {
            continue;
        }
        let visible: Vec<_> = inside.into_iter().filter(|one| may(one.workspace, Action::ReadWorkspace)).collect();
        let places = visible.iter().take(max_places).map(|one| {
            let name = seen.workspace(one.workspace)?;
            Ok(Place { workspace: one.workspace, name, role: one.role, named: one.named.clone() })
        });
        let places = places.collect::<Result<Vec<_>>>()?;
        let creator = key.created_by.map(|id| seen.creator(id)).transpose()?.flatten();
        let more = visible.len().saturating_sub(places.len());
        found.push(ServiceKey { key, places, more, creator });
    }
    Ok(found)
}

/// The names of what several keys of a page have in common.
struct Seen<'a> {
    view: &'a View<'a>,
    actor: &'a Actor,
    names: BTreeMap<WorkspaceId, String>,
    creators: BTreeMap<UserId, Option<String>>,
}

impl Seen<'_> {
    fn workspace(&mut self, id: WorkspaceId) -> Result<String> {
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let workspace = store::workspaces::find(self.view, id)?;
        let name = workspace.map_or_else(String::new, |workspace| workspace.name.as_str().to_owned());
        self.names.insert(id, name.clone());
        Ok(name)
    }

    fn creator(&mut self, id: UserId) -> Result<Option<String>> {
        if let Some(creator) = self.creators.get(&id) {
            return Ok(creator.clone());
        }
        let creator = creator(self.view, self.actor, id)?;
        self.creators.insert(id, creator.clone());
        Ok(creator)
    }
}

fn creator(view: &View, actor: &Actor, id: UserId) -> Result<Option<String>> {
    match lookup::principal(view, actor, &lookup::Named::Number(id)) {
        Ok(user) if user.kind == UserKind::Bot => Ok(Some(user.name())),
        Ok(user) => Ok(Some(user.email.to_string())),
        Err(Error::NotFound { .. } | Error::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The workspaces in which the actor may create a service key, by number.
pub fn workspaces(view: &View, actor: &Actor, name: Option<String>, page: Page) -> Result<Slice<Workspace>> {
    let Some(seen) = visibility::of(actor) else { return Ok(visibility::nothing()) };
    let search = WorkspaceSearch { organization: None, name, archived: Some(false) };
    let look = |page: Page| {
        let page = Page { limit: page.fetch_limit(), ..page };
        Ok(store::workspaces::page(view, seen, &search, page)?.items)
    };
    let keep = |workspace: &Workspace| {
        offers::in_workspace(view, actor, workspace).map(|offers| offers.allows(Action::CreateServiceKey))
    };
    visibility::sifted(page, |workspace: &Workspace| workspace.id.0, look, keep)
}

/// A role, with the name of a custom one.
pub type RoleChoice = (Role, Option<String>);

/// The roles that the actor may give to a service key in a workspace: the predefined ones, the strongest first, and the
/// custom ones.
///
/// Refused when the actor may not create a service key there.
pub fn roles(view: &View, actor: &Actor, workspace: WorkspaceId) -> Result<(Workspace, Vec<RoleChoice>)> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    lookup::require_workspace(view, actor, &workspace, Action::CreateServiceKey)?;
    let reads_roles = decide(&standing::in_account(actor), Action::ReadRoles) == Decision::Allowed;
    let custom = if reads_roles {
        store::roles::page(view, Some(false), Page { after: None, limit: ROLES })?.items
    } else {
        Vec::new()
    };
    let named = custom.into_iter().map(|role| (Role::Custom(role.id), Some(role.name)));
    let all: Vec<_> = Role::PREDEFINED.into_iter().map(|role| (role, None)).chain(named).collect();
    let giver = Giver::new(view, actor, all.iter().map(|(role, _)| (workspace.id, *role)))?;
    let mut found = Vec::new();
    if let Some(place) = giver.place(workspace.id) {
        for (role, name) in all {
            if giver.gives(&place, role)? {
                found.push((role, name));
            }
        }
    }
    Ok((workspace, found))
}
