//! The claim `groups`: the organizations, workspaces and roles of a person, under the names that a client reads.

use std::collections::HashSet;

use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::client::{Client, ClientId, Scope, Scopes};
use crate::domain::group::{Group, GroupNames};
use crate::domain::user::{AccountRole, User};
use crate::error::{AuthError, Result};
use crate::store::{self, View};

/// The maximum number of groups in a claim: more would not fit into the headers of other programs.
pub const MAX: usize = 200;
/// The maximum number of organizations, and of workspaces, that are looked at.
const MAX_PLACES: u32 = 1000;

/// The groups of a user, and whether there are more than the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// At most [`MAX`]: the renamed ones first, then `administrators`, organizations and workspaces, the oldest first.
    pub names: Vec<String>,
    pub are_cut: bool,
}

/// The claim in a token of this client. `None` without the scope `groups`.
///
/// It begins a read of its own, so it must not be called within one.
pub fn claim(state: &AppState, user: &User, client: &Client, scopes: &Scopes) -> Result<Option<Vec<String>>> {
    if !scopes.has(Scope::Groups) {
        return Ok(None);
    }
    let groups = state.read_inline(|view| of(view, user, &client.groups))?;
    Ok(Some(logged(state, groups, user, &client.id)))
}

/// The same for a client by its id. The claim is empty if the client has been removed meanwhile.
pub fn claim_of(state: &AppState, user: &User, client: &str, scopes: &Scopes) -> Result<Option<Vec<String>>> {
    if !scopes.has(Scope::Groups) {
        return Ok(None);
    }
    let Ok(id) = ClientId::parse(client) else { return Ok(None) };
    let groups = state.read_inline(|view| match store::clients::find(view, &id)? {
        Some(client) => of(view, user, &client.groups),
        None => Ok(Groups::default()),
    })?;
    Ok(Some(logged(state, groups, user, &id)))
}

/// The groups of a user, with these names in place of some.
pub fn of(view: &View, user: &User, names: &GroupNames) -> Result<Groups> {
    Ok(all(view, user)?.told(names))
}

/// A user as the programs behind a proxy see them.
#[derive(Clone, Debug)]
pub struct Identity {
    pub user: User,
    pub groups: Groups,
    /// Whether the user is in one of the wanted groups.
    pub is_in: bool,
}

/// Who the actor is, for a program that only members of these groups may use, or everybody if none is given.
///
/// Refused without a user.
pub fn identity(view: &View, actor: &Actor, wanted: &[Group]) -> Result<Identity> {
    let person = actor.person().ok_or(AuthError::NoCredential)?;
    let user = store::users::find_principal(view, person.id)?.ok_or(AuthError::Disabled)?;
    let all = all(view, &user)?;
    let is_in = wanted.is_empty() || wanted.iter().any(|group| all.groups.contains(group));
    Ok(Identity { user, groups: all.told(&GroupNames::default()), is_in })
}

/// All groups of a user.
struct All {
    groups: Vec<Group>,
    /// Whether there are more places than are looked at.
    is_more: bool,
}

impl All {
    /// The names that a client reads. A group that only has the text of one of its names is left out: an organization
    /// that is called `Admin` must not make its members administrators of the client.
    fn told(&self, names: &GroupNames) -> Groups {
        let renamed = self.groups.iter().filter_map(|group| names.of(group));
        let others = self.groups.iter().filter(|group| names.of(group).is_none()).map(Group::as_str);
        let others = others.filter(|group| !names.contain(group));
        let mut seen = HashSet::new();
        let mut told: Vec<_> = renamed.chain(others).filter(|name| seen.insert(*name)).map(str::to_owned).collect();
        let are_cut = self.is_more || told.len() > MAX;
        told.truncate(MAX);
        Groups { names: told, are_cut }
    }
}

fn all(view: &View, user: &User) -> Result<All> {
    let administrator = (user.role == AccountRole::Administrator).then(Group::administrators);
    let organizations = store::groups::organizations(view, user.id, MAX_PLACES + 1)?;
    let places = store::groups::places(view, user.id, MAX_PLACES + 1)?;
    let is_more = |count: usize| u32::try_from(count).is_ok_and(|count| count > MAX_PLACES);
    let is_more = is_more(organizations.len()) || is_more(places.len());
    let of_organizations = organizations.iter().map(|name| Group::organization(name));
    let of_workspaces = places.iter().filter(|place| !place.archived).flat_map(|place| {
        let role = if place.is_custom { Group::custom_role } else { Group::role };
        [
            Group::workspace(&place.organization, &place.workspace),
            role(&place.organization, &place.workspace, &place.role),
        ]
    });
    Ok(All { groups: administrator.into_iter().chain(of_organizations).chain(of_workspaces).collect(), is_more })
}

/// The names, after a warning if there are too many.
fn logged(state: &AppState, groups: Groups, user: &User, client: &ClientId) -> Vec<String> {
    if groups.are_cut {
        let words =
            format!("{} has more than {MAX} groups, the client {client} gets the first {MAX} of them", user.email);
        if state.warnings().allows(&words) {
            log::warn!("{words}");
        }
    }
    groups.names
}
