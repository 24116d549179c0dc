//! Service keys: keys of bots, which are made for them. A bot is judged by its memberships, as everybody is.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::keys::{self, NewKey};
use super::{audit, organizations, roles, standing, workspaces};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::bot::Bot;
use crate::domain::field::Field;
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::key::{Key, KeyRules};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::Page;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::Resource;
use crate::domain::user::AccountRole;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, decide};
use crate::store::sight::Sight;
use crate::store::{self, Tx, View};

/// The most organizations of a service key, and the most workspaces of each.
pub const MOST_PLACES: usize = 100;

/// What a service key may do where.
#[derive(Clone, Debug)]
pub struct Grants {
    /// What is asked for in the account, in which a service key has no role: nothing above a member.
    pub account: AccountRole,
    /// In organizations, 1 to [`MOST_PLACES`].
    pub organizations: Vec<Grant>,
}

/// What a service key may do in an organization.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Where; where nothing is said, in the organization of its first workspace.
    pub organization: Option<OrganizationId>,
    /// In what role.
    pub role: OrganizationRole,
    /// In workspaces of it, 1 to [`MOST_PLACES`], each in a role.
    pub workspaces: Vec<(WorkspaceId, Role)>,
}

/// Makes a bot and a key that acts as it.
///
/// Whoever holds `SERVICE_KEY_CREATE` in each of its workspaces may. Refused when making keys is switched off, when a
/// role is above the actor's own, or in the account above a member's, when a workspace is not in the organization that it is named under, when a place is
/// named twice, and when it would end before it begins or later than it may ([`keys::end`]).
pub fn create(
    tx: &Tx,
    actor: &Actor,
    rules: &KeyRules,
    uuid: Uuid,
    new: &NewKey,
    grants: &Grants,
) -> Result<(Key, Bot)> {
    keys::may_hold(tx, actor, rules)?;
    let places = judged(tx, actor, grants)?;
    let expires_at = keys::end(tx, actor, rules, new.expires_at, None)?;
    let bot = store::bots::insert(tx, uuid, new.name.as_str(), AccountRole::Member)?;
    for (organization, grant) in places.iter().zip(&grants.organizations) {
        store::organizations::put_member(tx, *organization, bot, grant.role)?;
        for (workspace, role) in &grant.workspaces {
            store::members::put(tx, *workspace, bot, *role)?;
        }
    }
    let (texts, maker) = ((&new.name, &new.description), actor.user());
    let id = store::keys::insert(tx, bot, texts, &new.secret, maker, expires_at)?;
    let (key, bot) = (keys::found(tx, id)?, found(tx, bot)?);
    let mut after = keys::shown(&key);
    if let Some(after) = after.as_object_mut() {
        after.insert("organizations".to_owned(), shown(&bot));
    }
    audit::record(tx, actor, "keys.create", (ObjectKind::Key, id), (Value::Null, after))?;
    Ok((key, bot))
}

/// The organizations that are meant, if the actor may give all this.
fn judged(view: &View, actor: &Actor, grants: &Grants) -> Result<Vec<OrganizationId>> {
    bounded(Field::Organizations, grants.organizations.len())?;
    let mut places = Vec::with_capacity(grants.organizations.len());
    let mut exceeded = !policy::gives_in_account(&standing::in_account(actor), grants.account);
    let (mut seen, mut seen_workspaces) = (BTreeSet::new(), BTreeSet::new());
    for grant in &grants.organizations {
        bounded(Field::Workspaces, grant.workspaces.len())?;
        let named = grant.organization.map(|id| organizations::visible(view, actor, id)).transpose()?;
        let mut inside = named.map(|organization| organization.id);
        for (id, role) in &grant.workspaces {
            let workspace = workspaces::visible(view, actor, *id)?;
            workspaces::require(view, actor, &workspace, Action::CreateServiceKey)?;
            if *inside.get_or_insert(workspace.organization) != workspace.organization {
                return Err(Error::invalid(
                    Field::Workspace,
                    "must belong to the organization that it is listed under",
                ));
            }
            if !seen_workspaces.insert(*id) {
                return Err(Error::invalid(Field::Workspace, "must not be listed twice"));
            }
            exceeded |= !gives(view, actor, &workspace, *role)?;
        }
        let Some(inside) = inside else { return Err(Error::invalid(Field::Workspaces, "must not be empty")) };
        if !seen.insert(inside) {
            return Err(Error::invalid(Field::Organization, "must not be listed twice"));
        }
        exceeded |= !policy::gives_in_organization(&standing::in_organization(view, actor, inside)?, grant.role);
        places.push(inside);
    }
    if exceeded {
        return Err(Error::Exceeded);
    }
    if grants.account != AccountRole::Member {
        let rule = "must be member: a service key has no role in the account itself";
        return Err(Error::invalid(Field::AccountRole, rule));
    }
    Ok(places)
}

fn bounded(field: Field, count: usize) -> Result<()> {
    if (1..=MOST_PLACES).contains(&count) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("must contain 1 to {MOST_PLACES} entries")))
}

/// Whether the actor holds in a workspace what a role there allows. An owner also chooses the members, which no
/// permission stands for.
fn gives(view: &View, actor: &Actor, workspace: &Workspace, role: Role) -> Result<bool> {
    let standing = standing::in_workspace(view, actor, workspace)?;
    let given = match role.custom() {
        None => policy::of_role(role),
        Some(id) => roles::visible(view, actor, id)?.permissions.union(PermissionSet::of(&[Permission::SPACE_READ])),
    };
    let chooses = role != Role::Owner || decide(&standing, Action::AddMember) == Decision::Allowed;
    Ok(chooses && given.is_within(policy::held(&standing)))
}

/// Refuses to hand the secret of a bot to whoever does not hold all that it may: by its memberships, and by what was
/// bound to it since.
pub(super) fn holds_all(view: &View, actor: &Actor, bot: UserId) -> Result<()> {
    if holds(view, actor, &found(view, bot)?)? { Ok(()) } else { Err(Error::Exceeded) }
}

/// Whether the actor holds all that a bot may.
fn holds(view: &View, actor: &Actor, bot: &Bot) -> Result<bool> {
    let mut holds = true;
    for place in &bot.organizations {
        let giver = standing::in_organization(view, actor, place.organization)?;
        holds &= policy::gives_in_organization(&giver, place.role);
        for inside in &place.workspaces {
            let Some(workspace) = store::workspaces::find(view, inside.workspace)? else { continue };
            holds &= gives(view, actor, &workspace, inside.role)?;
        }
    }
    let all = Page { after: None, limit: u32::MAX };
    for on_projects in [false, true] {
        for binding in store::bindings::page(view, Sight::Everything, on_projects, Some(bot.id), all)? {
            let place = match binding.resource {
                Resource::Workspace(id) => Some(id),
                Resource::Project(id) => store::projects::find(view, id)?.map(|project| project.workspace),
            };
            let Some(place) = place else { continue };
            let Some(workspace) = store::workspaces::find(view, place)? else { continue };
            holds &= gives(view, actor, &workspace, Role::Custom(binding.role))?;
        }
    }
    Ok(holds)
}

/// Lets the actor end or renew a service key, or refuses.
///
/// The service itself may, administrators, whoever chooses the members in all its workspaces, and whoever made it and
/// holds `SERVICE_KEY_REVOKE` in all of them. Whoever neither made it nor sees the service keys of one of its
/// workspaces is told that there is none.
pub(super) fn require(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    let in_account = standing::in_account(actor);
    let own = actor.user() == Some(key.user);
    if own || policy::gives_in_account(&in_account, AccountRole::Administrator) {
        return Ok(());
    }
    let maker = key.created_by.is_some() && key.created_by == actor.user();
    let (mut seen, mut governed, mut revocable) = (maker, true, true);
    let mut somewhere = false;
    for place in found(view, key.user)?.workspaces() {
        let Some(workspace) = store::workspaces::find(view, place.workspace)? else { continue };
        let standing = standing::in_workspace(view, actor, &workspace)?;
        let may = |action| decide(&standing, action) == Decision::Allowed;
        somewhere = true;
        seen |= may(Action::ReadServiceKeys);
        governed &= may(Action::AddMember);
        revocable &= may(Action::RevokeServiceKey);
    }
    if !seen {
        return Err(Error::not_found(Noun::Key, key.id));
    }
    if maker && revocable || somewhere && governed { Ok(()) } else { Err(REVOKES_NOT) }
}

const REVOKES_NOT: Error = Error::Forbidden { action: Action::RevokeServiceKey };

/// Refuses to end a service key that holds more than the actor, unless it is theirs or they made it.
pub(super) fn may_end(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    let theirs = actor.user().is_some_and(|me| me == key.user || key.created_by == Some(me));
    if theirs || holds(view, actor, &found(view, key.user)?)? { Ok(()) } else { Err(REVOKES_NOT) }
}

fn found(view: &View, bot: UserId) -> Result<Bot> {
    store::bots::list(view, &[bot], true)?.remove(&bot).ok_or_else(|| Error::not_found(Noun::User, bot))
}

/// Where a bot is, as the audit keeps it.
fn shown(bot: &Bot) -> Value {
    let place = |place: &crate::domain::bot::BotOrganization| {
        let workspaces: Vec<Value> = place
            .workspaces
            .iter()
            .map(|inside| {
                let named = inside.role.custom().map(|id| id.0);
                json!({ "workspace": inside.workspace.0, "role": inside.role.as_str(), "role_id": named })
            })
            .collect();
        json!({ "organization": place.organization.0, "role": place.role.as_str(), "workspaces": workspaces })
    };
    bot.organizations.iter().map(place).collect()
}
