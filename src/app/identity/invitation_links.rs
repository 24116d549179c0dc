//! The links of people who are invited by somebody who is no administrator.
//!
//! Such a link opens an account that has nothing but what its inviter gave. It is made in the write that makes the account,
//! and it ends when somebody else gives the account more.

use serde_json::{Value, json};

use crate::app::audit;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::link::{Link, Purpose};
use crate::domain::user::{AccountRole, User, UserStatus};
use crate::error::{Error, Result};
use crate::store::links::Maker;
use crate::store::{self, Tx};
use crate::tokens::opaque::Fingerprint;

/// Creates the link of a person whom the actor has invited in this very write.
///
/// The caller must have the person from [`invitations::Outcome::Fresh`](crate::app::invitations::Outcome::Fresh): for
/// anybody else, [`links::make`](crate::app::identity::links::make) asks for an administrator.
pub(in crate::app) fn make(tx: &Tx, actor: &Actor, new: &User, secret: &Fingerprint) -> Result<()> {
    if new.status(tx.now) != UserStatus::Invited {
        return Err(Error::internal("an invitation link of somebody who is not invited"));
    }
    insert(tx, actor, new, Purpose::Invitation, secret)
}

/// Stores a link that the caller has judged.
pub(super) fn insert(tx: &Tx, actor: &Actor, user: &User, purpose: Purpose, secret: &Fingerprint) -> Result<()> {
    let link = Link { user: user.id, purpose, expires_at: tx.now.after(purpose.life()) };
    store::links::upsert(tx, &link, secret)?;
    let after = json!({ "purpose": purpose.as_str(), "expires_at": link.expires_at.to_string() });
    audit::record(tx, actor, "users.make_link", (ObjectKind::User, user.uuid), (Value::Null, after))
}

/// Ends the invitation link of a person to whom the actor gives a right, unless the actor made the link or an
/// administrator did: anybody else who has the link would get that right too.
pub(in crate::app) fn end_of_others(tx: &Tx, actor: &Actor, user: &User) -> Result<()> {
    if !matches!(user.status(tx.now), UserStatus::Invited | UserStatus::Expired) {
        return Ok(());
    }
    let stays = match store::links::find_maker(tx, user.id, user.uuid)? {
        None | Some(Maker::Operator) => true,
        Some(Maker::Unknown) => false,
        Some(Maker::User(maker)) => {
            let by_administrator = || {
                let maker = store::users::find_principal(tx, maker)?;
                Ok::<_, Error>(maker.is_some_and(|maker| maker.role == AccountRole::Administrator))
            };
            actor.user() == Some(maker) || by_administrator()?
        }
    };
    if stays {
        return Ok(());
    }
    store::links::delete_invitation(tx, user.id)?;
    let before = json!({ "purpose": Purpose::Invitation.as_str() });
    audit::record(tx, actor, "users.end_link", (ObjectKind::User, user.uuid), (before, Value::Null))
}
