//! Invitations: how somebody comes to an account whose password nobody else knows for long.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::passwords::{self, Owner};
use crate::app::runtime::creations;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::{audit, lookup, standing, users, workspaces};
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

/// How somebody is to come in for the first time.
#[derive(Clone, Debug)]
pub enum Mode {
    /// At once; by a link to choose a password, or by a key.
    AtOnce,
    /// By a link to choose a password.
    Link,
    /// By choosing a password in place of a temporary one, whose hash this is.
    TemporaryPassword(PasswordHash),
}

/// Somebody to be invited.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Whom.
    pub new: NewUser,
    /// The name that clients will know the user by.
    pub uuid: Uuid,
    /// Whether the person may make API keys; left out, members may where the inviter may.
    pub developer: Option<bool>,
    /// How the person comes in.
    pub mode: Mode,
}

/// What came of an invitation.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The person is invited now, or in.
    Fresh(User),
    /// The person was invited already, and nothing has changed.
    Already(User),
}

/// Refuses whoever may not invite somebody to this role, before anything costly is done for them.
///
/// Members give the roles of members and annotators, and only by a link, by which the person chooses the password;
/// administrators give every role in every way.
fn may_invite(actor: &Actor, role: AccountRole, by_link: bool) -> Result<()> {
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
    /// At once.
    AtOnce,
    /// By a link to choose a password.
    Link,
    /// By a temporary password, which is made for the person.
    TemporaryPassword,
}

/// What came of an invitation that was sent.
#[derive(Debug)]
pub struct Sent {
    /// Who is invited, and whether that is new.
    pub outcome: Outcome,
    /// The temporary password of a new one.
    pub temporary: Option<Password>,
    /// When.
    pub at: Timestamp,
}

/// Invites somebody as [`invite`] does.
///
/// Refused when the actor has invited too many within a minute; nothing costly is done for an actor who may not invite.
pub async fn send(desk: &AppState, actor: &Actor, new: NewUser, developer: Option<bool>, way: Way) -> Result<Sent> {
    may_invite(actor, new.role, way == Way::Link)?;
    let permit = creations::permit(desk, actor, Quota::People)?;
    let (mode, temporary) = match way {
        Way::AtOnce => (Mode::AtOnce, None),
        Way::Link => (Mode::Link, None),
        Way::TemporaryPassword => {
            let password = generate();
            let hash = passwords::hash(desk, Lane::from(actor), password.clone(), &Owner::from(&new)).await?;
            (Mode::TemporaryPassword(hash), Some(password))
        }
    };
    let invitation = Invitation { new, uuid: Uuid::new_v4(), developer, mode };
    let (outcome, at) = desk.write_as(actor, move |tx, actor| Ok((invite(tx, actor, &invitation)?, tx.now))).await?;
    if matches!(outcome, Outcome::Fresh(_)) {
        permit.use_up();
    }
    Ok(Sent { outcome, temporary, at })
}

/// Lets an invitation last longer as [`renew`] does.
///
/// Refused when the actor has invited too many within a minute.
pub async fn send_again(desk: &AppState, actor: &Actor, id: UserId) -> Result<()> {
    let permit = creations::permit(desk, actor, Quota::People)?;
    desk.write_as(actor, move |tx, actor| renew(tx, actor, id)).await?;
    permit.use_up();
    Ok(())
}

/// Invites somebody, who belongs to no organization until somebody puts them into one. To invite again changes nothing
/// while the invitation lasts; once it has run out, the same person begins anew, with nothing that was given before.
///
/// Members of the account may, by a link, and administrators, who vouch for the address with it. Refused when the
/// invitation would give more than the inviter holds, and when the address is somebody's who is in or was shut out. The address of an account that was closed for good is
/// nobody's.
pub fn invite(tx: &Tx, actor: &Actor, invitation: &Invitation) -> Result<Outcome> {
    let new = &invitation.new;
    may_invite(actor, new.role, matches!(invitation.mode, Mode::Link))?;
    let developer = may_develop(tx, actor, invitation)?;
    let taken = || Error::Conflict { what: Noun::User, key: new.email.to_string() };
    let before = store::users::find_by_email(tx, new.email.as_str())?;
    if let Some(before) = &before {
        let found = decide(&standing::toward(tx, actor, before.id)?, Action::ReadUser) == Decision::Allowed;
        // Somebody who is in no organization yet is nobody's secret to those who may invite.
        let known = found || store::organizations::memberships(tx, before.id)?.is_empty();
        let at_once = matches!(invitation.mode, Mode::AtOnce);
        match before.status(tx.now) {
            UserStatus::Invited if known && !at_once => return Ok(Outcome::Already(before.clone())),
            // Only an administrator comes this far.
            UserStatus::Invited if found => {}
            // Nobody replaces what they could not have given.
            UserStatus::Expired if known => may_invite(actor, before.role, true)?,
            UserStatus::Invited
            | UserStatus::Expired
            | UserStatus::Active
            | UserStatus::Disabled
            | UserStatus::Blocked => return Err(taken()),
        }
    }
    let mut user = if let Some(before) = before.clone() {
        begin_anew(tx, &before)?;
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
    let change = (before.as_ref().map_or(Value::Null, told), told(&user));
    audit::record(tx, actor, "users.invite", (ObjectKind::User, user.uuid), change)?;
    Ok(Outcome::Fresh(user))
}

/// Lets an invitation last as long again as a new one.
///
/// Administrators may. Refused unless the person is invited now.
pub fn renew(tx: &Tx, actor: &Actor, id: UserId) -> Result<()> {
    let before = lookup::active_person(tx, actor, id)?;
    standing::require(&standing::in_account(actor), Action::CreateUser, Noun::User, before.uuid)?;
    let after = last_longer(tx, &before)?;
    audit::record(tx, actor, "users.renew_invitation", (ObjectKind::User, after.uuid), (told(&before), told(&after)))
}

/// Lets the invitation of somebody who is invited now end as late as a new one would.
pub(super) fn last_longer(tx: &Tx, user: &User) -> Result<User> {
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

/// Takes everything from somebody who never came in, so that whoever invites them now gives them no more than that.
fn begin_anew(tx: &Tx, user: &User) -> Result<()> {
    users::end_access(tx, user.id)?;
    store::users::update_password(tx, user.id, None)?;
    store::bindings::delete_of(tx, user.id, None)?;
    store::members::delete_of(tx, user.id)?;
    store::organizations::delete_members_of(tx, user.id)?;
    Ok(())
}

/// Whether the person to be may make keys, which only somebody gives who may.
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

fn told(user: &User) -> Value {
    let mut told = users::shown(user);
    told["state"] = json!(user.state.as_str());
    told["email_verified"] = json!(user.email_verified.is_some());
    if let UserState::Invited { until } = user.state {
        told["invited_until"] = json!(until.to_string());
    }
    told
}
