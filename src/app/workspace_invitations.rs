//! Adds somebody to a workspace who is not in its organization yet, or who has no account.

use uuid::Uuid;

use crate::app::identity::{invitation_links, links};
use crate::app::invitations::{self, Invitation, Mode, Outcome};
use crate::app::lookup::{self, Named};
use crate::app::runtime::state::AppState;
use crate::app::{added_people, members, organizations};
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::link::Purpose;
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::quota::Quota;
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
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
    /// The secret of the link by which an invited person chooses a password. `None` if they have one, and if they were
    /// invited before and the actor is no administrator.
    pub link: Option<Secret>,
    /// Whether the person has still to choose a password.
    pub is_invited: bool,
}

/// Adds a person to a workspace and, if necessary, to its organization. Invites a person without an account.
///
/// Requires an owner of the workspace; for a person who is not in the organization, an admin of it; for an invitation, a
/// member of the account. Refused as [`invitations::invite`], [`organizations::upsert_member`] and
/// [`members::upsert`] refuse, and when the actor has invited too many within a minute. Then nothing is changed.
pub async fn add(state: &AppState, actor: &Actor, new: NewMember) -> Result<Added> {
    let permit = state.creations().permit(actor, Quota::People)?;
    let (secret, fingerprint) = mint(Kind::Link);
    let uuid = Uuid::new_v4();
    let add = move |tx: &Tx, actor: &Actor| add_by(tx, actor, &new, uuid, &fingerprint);
    let (user, has_link) = state.write_as(actor, add).await?;
    if has_link {
        permit.use_up();
    }
    let is_invited = user.status(Timestamp::now()) == UserStatus::Invited;
    Ok(Added { user, link: has_link.then_some(secret), is_invited })
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
    let (user, is_new) = match lookup::user(tx, actor, &Named::Email(new.user.email.clone())) {
        Ok(user) if user.status(tx.now) != UserStatus::Expired => (user, false),
        Ok(_) | Err(Error::NotFound { .. }) => {
            let invitation = Invitation { new: new.user.clone(), uuid, developer: None, mode: Mode::Link };
            match invitations::invite(tx, actor, &invitation)? {
                Outcome::Fresh(user) => (user, true),
                Outcome::Already(user) => (user, false),
            }
        }
        Err(error) => return Err(error),
    };
    let who = Named::Number(user.id);
    if is_new {
        organizations::admit(tx, actor, workspace.organization, &user, new.organization_role)?;
        members::upsert(tx, actor, workspace.id, &who, new.role)?;
        invitation_links::make(tx, actor, &user, fingerprint)?;
        return Ok((user, true));
    }
    if store::organizations::role(tx, workspace.organization, user.id)?.is_none() {
        organizations::upsert_member(tx, actor, workspace.organization, &who, new.organization_role)?;
    }
    members::upsert(tx, actor, workspace.id, &who, new.role)?;
    // The account is not new, so others may have given it rights that its link would open to the actor.
    let has_link = user.status(tx.now) == UserStatus::Invited && added_people::makes_links(actor);
    if has_link {
        links::make(tx, actor, &who, Purpose::Invitation, fingerprint)?;
    }
    Ok((user, has_link))
}
