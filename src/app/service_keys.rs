//! Service keys: keys of bots that are created with them. The policy decides about a bot by its memberships, as for
//! people.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::bots::Giver;
use crate::app::keys::{self, NewKey, Renewal};
use crate::app::runtime::state::AppState;
use crate::app::{audit, bots, expiry, key_holders, standing, users};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::bot::Bot;
use crate::domain::field::Field;
use crate::domain::ids::{KeyId, OrganizationId, WorkspaceId};
use crate::domain::key::{Key, KeyRules};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::AccountRole;
use crate::error::{AuthError, Error, Result};
use crate::policy::{self, Action};
use crate::store::{self, Tx, View};

/// The maximum number of organizations of a service key, and of workspaces in each.
pub const MAX_PLACES: usize = 100;

/// The requested permissions of a service key.
#[derive(Clone, Debug)]
pub struct Grants {
    /// The requested account role. A service key has no role in the account, and a role above a member's is refused.
    pub account: AccountRole,
    /// The organizations, 1 to [`MAX_PLACES`].
    pub organizations: Vec<Grant>,
}

/// The requested permissions in one organization.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The organization. The default is the organization of the first workspace.
    pub organization: Option<OrganizationId>,
    pub role: OrganizationRole,
    /// The workspaces in the organization, 1 to [`MAX_PLACES`], with the role in each.
    pub workspaces: Vec<(WorkspaceId, Role)>,
}

impl Grants {
    /// The workspaces of all organizations, with the role in each.
    fn workspaces(&self) -> impl Iterator<Item = (WorkspaceId, Role)> + Clone {
        self.organizations.iter().flat_map(|grant| grant.workspaces.iter().copied())
    }
}

/// Creates a bot and its key.
///
/// Requires `SERVICE_KEY_CREATE` in each of its workspaces. Refused when API keys are disabled, when a role is above
/// the actor's own or an account role is above a member's, when a workspace is not in its named organization, when an
/// organization or workspace is named twice, and when the expiry is in the past or too late ([`keys::end`]).
pub fn create(
    tx: &Tx,
    actor: &Actor,
    rules: &KeyRules,
    uuid: Uuid,
    new: &NewKey,
    grants: &Grants,
) -> Result<(Key, Bot)> {
    key_holders::require(tx, actor, rules)?;
    let places = judged(tx, actor, grants)?;
    let expires_at = keys::end(tx, actor, rules, new.expires_at, None)?;
    let bot = store::bots::insert(tx, uuid, new.name.as_str(), AccountRole::Member)?;
    let organizations =
        places.iter().zip(&grants.organizations).map(|(organization, grant)| (*organization, grant.role));
    store::organizations::insert_memberships(tx, bot, organizations)?;
    store::members::insert_many(tx, bot, grants.workspaces())?;
    let (texts, maker) = ((&new.name, &new.description), actor.user());
    expiry::sweep(tx)?;
    let id = store::keys::insert(tx, bot, texts, &new.secret, maker, expires_at)?;
    let (key, bot) = (keys::found(tx, id)?, bots::find(tx, bot)?);
    let mut after = keys::to_audit(&key);
    if let Some(after) = after.as_object_mut() {
        after.insert("organizations".to_owned(), places_to_audit(&bot));
    }
    audit::record(tx, actor, "keys.create", (ObjectKind::Key, id), (Value::Null, after))?;
    Ok((key, bot))
}

/// A key, its bot if it is a service key, and when it was written.
pub type Issued = (Key, Option<Bot>, Timestamp);

/// Makes a key: one of the actor's own as [`keys::create`] does, or with grants a service key as [`create`] does.
///
/// Refused when the actor has made too many within a minute.
pub async fn issue(state: &AppState, actor: &Actor, new: NewKey, grants: Option<Grants>) -> Result<Issued> {
    let (rules, uuid) = (state.key_rules, Uuid::new_v4());
    let permit = state.creations().permit(actor, Quota::Keys)?;
    let made = state.write_as(actor, move |tx, actor| match &grants {
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
pub async fn reissue(state: &AppState, actor: &Actor, id: KeyId, renewal: Renewal) -> Result<(Key, Timestamp)> {
    let rules = state.key_rules;
    let permit = state.creations().permit(actor, Quota::Keys)?;
    let renew = move |tx: &Tx, actor: &Actor| Ok((keys::refresh(tx, actor, &rules, id, &renewal)?, tx.now));
    let issued = state.write_as(actor, renew).await?;
    permit.use_up();
    Ok(issued)
}

/// The organizations of the grants. Refused when the actor may not give all of them.
fn judged(view: &View, actor: &Actor, grants: &Grants) -> Result<Vec<OrganizationId>> {
    bounded(Field::Organizations, grants.organizations.len())?;
    let mut places = Vec::with_capacity(grants.organizations.len());
    let mut exceeded = !policy::may_assign_account_role(&standing::in_account(actor), grants.account);
    let (mut seen, mut seen_workspaces) = (BTreeSet::new(), BTreeSet::new());
    for grant in &grants.organizations {
        bounded(Field::Workspaces, grant.workspaces.len())?;
    }
    let giver = Giver::new(view, actor, grants.workspaces())?;
    let organizations: BTreeSet<_> = grants.organizations.iter().filter_map(|grant| grant.organization).collect();
    let of_workspaces = grants.workspaces().filter_map(|(id, _)| giver.place(id)).map(|place| place.organization);
    let organizations = organizations.into_iter().chain(of_workspaces).collect::<BTreeSet<_>>();
    let organizations = standing::in_organizations(view, actor, organizations.into_iter())?;
    let standing = |id: OrganizationId| organizations.get(&id).copied().unwrap_or_default();
    for grant in &grants.organizations {
        let mut inside = grant.organization;
        if let Some(id) = inside {
            standing::require(&standing(id), Action::ReadOrganization, Noun::Organization, id)?;
        }
        for (id, role) in &grant.workspaces {
            let workspace = giver.place(*id).ok_or_else(|| Error::not_found(Noun::Workspace, id))?;
            for action in [Action::ReadWorkspace, Action::CreateServiceKey] {
                standing::require(&workspace.standing, action, Noun::Workspace, id)?;
            }
            if *inside.get_or_insert(workspace.organization) != workspace.organization {
                return Err(Error::invalid(
                    Field::Workspace,
                    "must belong to the organization that it is listed under",
                ));
            }
            if !seen_workspaces.insert(*id) {
                return Err(Error::invalid(Field::Workspace, "must not be listed twice"));
            }
            exceeded |= !giver.gives(&workspace, *role)?;
        }
        let Some(inside) = inside else { return Err(Error::invalid(Field::Workspaces, "must not be empty")) };
        if !seen.insert(inside) {
            return Err(Error::invalid(Field::Organization, "must not be listed twice"));
        }
        exceeded |= !policy::may_assign_organization_role(&standing(inside), grant.role);
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
    if (1..=MAX_PLACES).contains(&count) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("must contain 1 to {MAX_PLACES} entries")))
}

/// The memberships of a bot for the audit.
fn places_to_audit(bot: &Bot) -> Value {
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
