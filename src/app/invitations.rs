//! Invitations: new people choose a password that nobody else knows for long.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::passwords::{self, Owner};
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::{audit, expiry, lookup, standing, users, workspaces};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::UserId;
use crate::domain::link::Purpose;
use crate::domain::noun::Noun;
use crate::domain::password::Password;
use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, NewUser, User, UserState, UserStatus};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};
use crate::tokens::password::{PasswordHash, generate};

/// How an invited person signs in for the first time.
#[derive(Clone, Debug)]
pub enum Mode {
    /// The account is active at once. The person chooses a password by a link, or uses a key.
    AtOnce,
    /// The person chooses a password by a link.
    Link,
    /// The person replaces a temporary password, which has this hash.
    TemporaryPassword(PasswordHash),
}

#[derive(Clone, Debug)]
pub struct Invitation {
    pub new: NewUser,
    /// The UUID that clients know the user by.
    pub uuid: Uuid,
    /// Whether the person may create API keys. By default, members may if the inviter may.
    pub developer: Option<bool>,
    pub mode: Mode,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    /// The person is now invited or active.
    Fresh(User),
    /// The person was invited already. Nothing has changed.
    Already(User),
}

/// Refuses an actor who may not invite a person with this role, before any costly work.
///
/// Members may invite members and annotators, and only by a link, by which the person chooses the password.
/// Administrators may invite everybody in every way.
pub(super) fn may_invite(actor: &Actor, role: AccountRole, by_link: bool) -> Result<()> {
    let standing = standing::in_account(actor);
    standing::require(&standing, Action::InviteUser, Noun::User, "anybody")?;
    if !by_link {
        standing::require(&standing, Action::InviteWithoutLink, Noun::User, "anybody")?;
    }
    match role {
        AccountRole::Member | AccountRole::Annotator => Ok(()),
        AccountRole::UiOnly => standing::require(&standing, Action::CreateUser, Noun::User, "anybody"),
        AccountRole::Administrator => match decide(&standing, Action::CreateUser) {
            Decision::Allowed => Ok(()),
            Decision::Forbidden | Decision::Hidden => Err(Error::Exceeded),
        },
    }
}

/// How somebody is to come in, before there is a temporary password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    AtOnce,
    /// By a link to choose a password.
    Link,
    /// By a temporary password, which is made for the person.
    TemporaryPassword,
}

#[derive(Debug)]
pub struct Sent {
    /// Who is invited, and whether that is new.
    pub outcome: Outcome,
    /// The temporary password of a new one.
    pub temporary: Option<Password>,
    pub at: Timestamp,
}

/// Invites somebody as [`invite`] does.
///
/// Refused when the actor has invited too many within a minute; nothing costly is done for an actor who may not invite.
pub async fn send(state: &AppState, actor: &Actor, new: NewUser, developer: Option<bool>, way: Way) -> Result<Sent> {
    may_invite(actor, new.role, way == Way::Link)?;
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
    let invitation = Invitation { new, uuid: Uuid::new_v4(), developer, mode };
    let (outcome, at) = state.write_as(actor, move |tx, actor| Ok((invite(tx, actor, &invitation)?, tx.now))).await?;
    if matches!(outcome, Outcome::Fresh(_)) {
        permit.use_up();
    }
    Ok(Sent { outcome, temporary, at })
}

/// Lets an invitation last longer as [`renew`] does.
///
/// Refused when the actor has invited too many within a minute.
pub async fn send_again(state: &AppState, actor: &Actor, id: UserId) -> Result<()> {
    let permit = state.creations().permit(actor, Quota::People)?;
    state.write_as(actor, move |tx, actor| renew(tx, actor, id)).await?;
    permit.use_up();
    Ok(())
}

/// Invites a person, who belongs to no organization until somebody adds them to one. A repeated invitation changes
/// nothing while the first one is valid. After that it replaces the first one, with everything that the person had got
/// before removed.
///
/// Requires a member of the account, for an invitation by a link, or an administrator, whose invitation also confirms
/// the address. Refused when the invitation would grant more than the inviter has, and when the address belongs to an
/// active or disabled account. The address of a closed account is free.
pub fn invite(tx: &Tx, actor: &Actor, invitation: &Invitation) -> Result<Outcome> {
    let new = &invitation.new;
    may_invite(actor, new.role, matches!(invitation.mode, Mode::Link))?;
    let developer = may_develop(tx, actor, invitation)?;
    let taken = || Error::Conflict { what: Noun::User, key: new.email.to_string() };
    let before = store::users::find_by_email(tx, new.email.as_str())?;
    if let Some(before) = &before {
        let found = decide(&standing::toward(tx, actor, before.id)?, Action::ReadUser) == Decision::Allowed;
        // Inviters may know about a person who is in no organization yet.
        let known = found || store::organizations::memberships(tx, before.id)?.is_empty();
        let at_once = matches!(invitation.mode, Mode::AtOnce);
        match before.status(tx.now) {
            UserStatus::Invited if known && !at_once => return Ok(Outcome::Already(before.clone())),
            // Only an administrator gets here.
            UserStatus::Invited if found => {}
            // The inviter must be able to give what the expired invitation gave.
            UserStatus::Expired if known => may_invite(actor, before.role, true)?,
            UserStatus::Invited
            | UserStatus::Expired
            | UserStatus::Active
            | UserStatus::Disabled
            | UserStatus::Blocked => return Err(taken()),
        }
    }
    expiry::sweep(tx)?;
    let mut user = if let Some(before) = before.clone() {
        reset(tx, &before)?;
        User { first_name: new.first_name.clone(), last_name: new.last_name.clone(), role: new.role, ..before }
    } else {
        workspaces::free_default_name(tx, actor, &new.email)?;
        store::users::insert(tx, new, invitation.uuid, None)?
    };
    user.developer = developer;
    user.email_verified = users::voucher(tx, actor);
    user.state = match invitation.mode {
        Mode::AtOnce => UserState::Active,
        Mode::Link | Mode::TemporaryPassword(_) => invited(tx),
    };
    user.must_change_password = matches!(invitation.mode, Mode::TemporaryPassword(_));
    store::users::update(tx, &user)?;
    if let Mode::TemporaryPassword(hash) = &invitation.mode {
        store::users::update_password(tx, user.id, Some(hash))?;
    }
    let change = (before.as_ref().map_or(Value::Null, to_audit), to_audit(&user));
    audit::record(tx, actor, "users.invite", (ObjectKind::User, user.uuid), change)?;
    Ok(Outcome::Fresh(user))
}

/// Extends a pending invitation by the lifetime of a new one.
///
/// Requires an administrator. Refused when there is no pending invitation.
pub fn renew(tx: &Tx, actor: &Actor, id: UserId) -> Result<()> {
    let before = lookup::active_person(tx, actor, id)?;
    standing::require(&standing::in_account(actor), Action::CreateUser, Noun::User, before.uuid)?;
    let after = extend(tx, &before)?;
    audit::record(
        tx,
        actor,
        "users.renew_invitation",
        (ObjectKind::User, after.uuid),
        (to_audit(&before), to_audit(&after)),
    )
}

/// Extends a pending invitation by the lifetime of a new one. Refused when there is none.
pub(super) fn extend(tx: &Tx, user: &User) -> Result<User> {
    if user.status(tx.now) != UserStatus::Invited {
        return Err(Error::Refused { rule: "the user has no pending invitation" });
    }
    let after = User { state: invited(tx), ..user.clone() };
    store::users::update(tx, &after)?;
    Ok(after)
}

fn invited(tx: &Tx) -> UserState {
    UserState::Invited { until: tx.now.after(Purpose::Invitation.life()) }
}

/// Removes everything from a person who never signed in, so that a new invitation grants only what its inviter gives.
fn reset(tx: &Tx, user: &User) -> Result<()> {
    users::end_access(tx, user.id)?;
    store::users::update_password(tx, user.id, None)?;
    store::bindings::delete_of(tx, user.id, None)?;
    store::members::delete_of(tx, user.id)?;
    store::organizations::delete_members_of(tx, user.id)?;
    Ok(())
}

/// Whether the invited person may create keys. Only an inviter who may do so can grant it.
fn may_develop(view: &View, actor: &Actor, invitation: &Invitation) -> Result<bool> {
    let gives = match actor.person() {
        None => true,
        Some(me) => me.role == AccountRole::Administrator || store::users::is_developer(view, me.id)?,
    };
    let usual = matches!(invitation.new.role, AccountRole::Administrator | AccountRole::Member);
    match invitation.developer {
        Some(true) if !gives => Err(Error::Exceeded),
        Some(developer) => Ok(developer),
        None => Ok(usual && gives),
    }
}

fn to_audit(user: &User) -> Value {
    let mut audited = users::to_audit(user);
    audited["state"] = json!(user.state.as_str());
    audited["email_verified"] = json!(user.email_verified.is_some());
    if let UserState::Invited { until } = user.state {
        audited["invited_until"] = json!(until.to_string());
    }
    audited
}
