//! New people, each with what they need to come in: a link or a temporary password, and an organization.

use uuid::Uuid;

use crate::app::identity::passwords::{self, Owner};
use crate::app::identity::{invitation_links, links};
use crate::app::invitations::{self, Invitation, Mode, Outcome, Way};
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::{lookup, organizations, standing, users};
use crate::domain::actor::Actor;
use crate::domain::ids::OrganizationId;
use crate::domain::link::Purpose;
use crate::domain::organization::OrganizationRole;
use crate::domain::password::Password;
use crate::domain::quota::Quota;
use crate::domain::secret::Secret;
use crate::domain::user::{AccountRole, NewUser, User};
use crate::error::Result;
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::{Fingerprint, Kind, mint};
use crate::tokens::password::generate;

/// A person to add.
#[derive(Clone, Debug)]
pub struct Addition {
    pub new: NewUser,
    pub way: Way,
    /// The organization that the person joins.
    pub organization: Option<OrganizationId>,
}

/// A person who was added.
#[derive(Debug)]
pub struct Added {
    pub user: User,
    /// Whether the invitation is new. Otherwise it only lasts longer.
    pub is_new: bool,
    /// The secret of the link. Only an administrator gets one for a person who was invited before.
    pub link: Option<Secret>,
    pub temporary: Option<Password>,
}

/// Invites a person as [`invitations::invite`] does, adds the person to an organization, and makes the link, all in one
/// write.
///
/// Requires what each of these requires, but any inviter gets the link of a person who is new. Refused when the actor has
/// invited too many within a minute; nothing costly is done for an actor who may not invite.
pub async fn add(state: &AppState, actor: &Actor, addition: Addition) -> Result<Added> {
    let Addition { new, way, organization } = addition;
    invitations::may_invite(actor, new.role, way == Way::Link)?;
    let permit = state.creations().permit(actor, Quota::People)?;
    let (mode, temporary) = match way {
        Way::AtOnce => (Mode::AtOnce, None),
        Way::Link => (Mode::Link, None),
        Way::TemporaryPassword => {
            let password = generate();
            let hash = passwords::hash(state, Lane::from(actor), password.clone(), &Owner::from(&new)).await?;
            (Mode::TemporaryPassword(hash), Some(password))
        }
    };
    let (secret, fingerprint) = mint(Kind::Link);
    let link = (way == Way::Link).then_some(fingerprint);
    let invitation = Invitation { new, uuid: Uuid::new_v4(), developer: None, mode };
    let write = move |tx: &Tx, actor: &Actor| invite(tx, actor, &invitation, organization, link.as_ref());
    let (user, is_new, has_link) = state.write_as(actor, write).await?;
    if is_new {
        permit.use_up();
    }
    Ok(Added { user, is_new, link: has_link.then_some(secret), temporary: temporary.filter(|_| is_new) })
}

/// Returns the person, whether the invitation is new, and whether the link is theirs.
pub(super) fn invite(
    tx: &Tx,
    actor: &Actor,
    invitation: &Invitation,
    organization: Option<OrganizationId>,
    link: Option<&Fingerprint>,
) -> Result<(User, bool, bool)> {
    let (user, is_new) = match invitations::invite(tx, actor, invitation)? {
        Outcome::Fresh(user) => (user, true),
        Outcome::Already(user) => (user, false),
    };
    let who = lookup::Named::Number(user.id);
    if is_new && !makes_links(actor) {
        if let Some(id) = organization {
            organizations::admit(tx, actor, id, &user, role_in(tx, id, user.role)?)?;
        }
        if let Some(secret) = link {
            invitation_links::make(tx, actor, &user, secret)?;
        }
        return Ok((user, is_new, link.is_some()));
    }
    // An earlier invitation may have given another role there, which stays.
    if let Some(id) = organization
        && store::organizations::role(tx, id, user.id)?.is_none()
    {
        organizations::upsert_member(tx, actor, id, &who, role_in(tx, id, user.role)?)?;
    }
    match link.filter(|_| makes_links(actor)) {
        Some(secret) => Ok((links::make(tx, actor, &who, Purpose::Invitation, secret)?, is_new, true)),
        None => Ok((user, is_new, false)),
    }
}

/// The role in an organization that fits an account role.
fn role_in(view: &View, id: OrganizationId, role: AccountRole) -> Result<OrganizationRole> {
    Ok(match role {
        role if id == lookup::home_id(view)? => users::home_role(role),
        AccountRole::Annotator => OrganizationRole::Annotator,
        AccountRole::Administrator | AccountRole::Member | AccountRole::UiOnly => OrganizationRole::Member,
    })
}

/// Whether the actor may make the links of people who were invited before.
pub fn makes_links(actor: &Actor) -> bool {
    decide(&standing::in_account(actor), Action::InviteWithoutLink) == Decision::Allowed
}
