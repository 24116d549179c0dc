//! Adds somebody to a workspace who is not in its organization yet, or who has no account.

use uuid::Uuid;

use crate::app::identity::links;
use crate::app::invitations::{self, Invitation, Mode, Outcome};
use crate::app::lookup::{self, Named};
use crate::app::runtime::state::AppState;
use crate::app::{members, organizations};
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::link::Purpose;
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::quota::Quota;
use crate::domain::secret::Secret;
use crate::domain::user::{NewUser, User, UserStatus};
use crate::error::{Error, Result};
use crate::store::{self, Tx};
use crate::tokens::opaque::{Fingerprint, Kind, mint};

/// Who is to be in a workspace, and how.
#[derive(Clone, Debug)]
pub struct NewMember {
    pub workspace: WorkspaceId,
    /// The account, if the person has none.
    pub user: NewUser,
    /// The role in the organization, if the person has none.
    pub organization_role: OrganizationRole,
    pub role: Role,
}

#[derive(Clone, Debug)]
pub struct Added {
    pub user: User,
    /// The secret of the link by which an invited person chooses a password. `None` if they have one.
    pub link: Option<Secret>,
}

/// Adds a person to a workspace and, if necessary, to its organization. Invites a person without an account.
///
/// Requires an owner of the workspace; for a person who is not in the organization, an admin of it; for an invitation, an
/// administrator of the account. Refused as [`invitations::invite`], [`organizations::upsert_member`] and
/// [`members::upsert`] refuse, and when the actor has invited too many within a minute. Then nothing is changed.
pub async fn add(state: &AppState, actor: &Actor, new: NewMember) -> Result<Added> {
    let permit = state.creations().permit(actor, Quota::People)?;
    let (secret, fingerprint) = mint(Kind::Link);
    let uuid = Uuid::new_v4();
    let add = move |tx: &Tx, actor: &Actor| add_by(tx, actor, &new, uuid, &fingerprint);
    let (user, is_invited) = state.write_as(actor, add).await?;
    if is_invited {
        permit.use_up();
    }
    Ok(Added { user, link: is_invited.then_some(secret) })
}

/// Returns the person, and whether the link is theirs.
pub(super) fn add_by(
    tx: &Tx,
    actor: &Actor,
    new: &NewMember,
    uuid: Uuid,
    fingerprint: &Fingerprint,
) -> Result<(User, bool)> {
    let workspace = lookup::workspace(tx, actor, new.workspace)?;
    let user = match lookup::user(tx, actor, &Named::Email(new.user.email.clone())) {
        Ok(user) if user.status(tx.now) != UserStatus::Expired => user,
        Ok(_) | Err(Error::NotFound { .. }) => {
            let invitation = Invitation { new: new.user.clone(), uuid, developer: None, mode: Mode::Link };
            match invitations::invite(tx, actor, &invitation)? {
                Outcome::Fresh(user) | Outcome::Already(user) => user,
            }
        }
        Err(error) => return Err(error),
    };
    let who = Named::Number(user.id);
    if store::organizations::role(tx, workspace.organization, user.id)?.is_none() {
        organizations::upsert_member(tx, actor, workspace.organization, &who, new.organization_role)?;
    }
    members::upsert(tx, actor, workspace.id, &who, new.role)?;
    let is_invited = user.status(tx.now) == UserStatus::Invited;
    if is_invited {
        links::make(tx, actor, &who, Purpose::Invitation, fingerprint)?;
    }
    Ok((user, is_invited))
}
