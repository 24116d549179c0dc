//! Service keys: keys of bots, which are made for them. A bot is judged by its memberships, as everybody is.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::keys::{self, NewKey, Renewal};
use crate::app::runtime::creations;
use crate::app::runtime::state::AppState;
use crate::app::{audit, bots, lookup, standing, users};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::bot::Bot;
use crate::domain::field::Field;
use crate::domain::ids::{KeyId, OrganizationId, WorkspaceId};
use crate::domain::key::{Key, KeyRules};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::AccountRole;
use crate::error::{AuthError, Error, Result};
use crate::policy::{self, Action};
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
    let (key, bot) = (keys::found(tx, id)?, bots::find(tx, bot)?);
    let mut after = keys::shown(&key);
    if let Some(after) = after.as_object_mut() {
        after.insert("organizations".to_owned(), shown(&bot));
    }
    audit::record(tx, actor, "keys.create", (ObjectKind::Key, id), (Value::Null, after))?;
    Ok((key, bot))
}

/// A key, its bot if it is a service key, and when it was written.
pub type Issued = (Key, Option<Bot>, Timestamp);

/// Makes a key: one of the actor's own as [`keys::create`] does, or with grants a service key as [`create`] does.
///
/// Refused when the actor has made too many within a minute.
pub async fn issue(desk: &AppState, actor: &Actor, new: NewKey, grants: Option<Grants>) -> Result<Issued> {
    let (rules, uuid) = (desk.key_rules, Uuid::new_v4());
    let permit = creations::permit(desk, actor, Quota::Keys)?;
    let made = desk.write_as(actor, move |tx, actor| match &grants {
        None => {
            let me = users::Named::Number(actor.user().ok_or(AuthError::NoCredential)?);
            keys::create(tx, actor, &rules, &me, &new).map(|key| (key, None, tx.now))
        }
        Some(grants) => {
            let (key, bot) = create(tx, actor, &rules, uuid, &new, grants)?;
            Ok((key, Some(bot), tx.now))
        }
    });
    let issued = made.await?;
    permit.use_up();
    Ok(issued)
}

/// Gives a key another secret as [`keys::refresh`] does.
///
/// Refused when the actor has made too many within a minute.
pub async fn reissue(desk: &AppState, actor: &Actor, id: KeyId, renewal: Renewal) -> Result<(Key, Timestamp)> {
    let rules = desk.key_rules;
    let permit = creations::permit(desk, actor, Quota::Keys)?;
    let renew = move |tx: &Tx, actor: &Actor| Ok((keys::refresh(tx, actor, &rules, id, &renewal)?, tx.now));
    let issued = desk.write_as(actor, renew).await?;
    permit.use_up();
    Ok(issued)
}

/// The organizations that are meant, if the actor may give all this.
fn judged(view: &View, actor: &Actor, grants: &Grants) -> Result<Vec<OrganizationId>> {
    bounded(Field::Organizations, grants.organizations.len())?;
    let mut places = Vec::with_capacity(grants.organizations.len());
    let mut exceeded = !policy::gives_in_account(&standing::in_account(actor), grants.account);
    let (mut seen, mut seen_workspaces) = (BTreeSet::new(), BTreeSet::new());
    for grant in &grants.organizations {
        bounded(Field::Workspaces, grant.workspaces.len())?;
        let named = grant.organization.map(|id| lookup::organization(view, actor, id)).transpose()?;
        let mut inside = named.map(|organization| organization.id);
        for (id, role) in &grant.workspaces {
            let workspace = lookup::workspace(view, actor, *id)?;
            lookup::require_workspace(view, actor, &workspace, Action::CreateServiceKey)?;
            if *inside.get_or_insert(workspace.organization) != workspace.organization {
                return Err(Error::invalid(
                    Field::Workspace,
                    "must belong to the organization that it is listed under",
                ));
            }
            if !seen_workspaces.insert(*id) {
                return Err(Error::invalid(Field::Workspace, "must not be listed twice"));
            }
            exceeded |= !bots::gives(view, actor, &workspace, *role)?;
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
