//! Sign-in at the pages in steps: the password, the second factor, a new password, a new second factor. A pending
//! sign-in stores the completed steps. A cookie of its own identifies it.

use serde_json::{Value, json};

use super::browsers::{self, BrowserSignIn};
use super::verified_password::{MAX_TRIES, VerifiedPassword};
use crate::app::identity::attempts::{Attempt, SecretOwner};
use crate::app::identity::code_attempts::{EnteredCode, Judged};
use crate::app::identity::passwords::Owner;
use crate::app::identity::second_factors::{self, Enrolment};
use crate::app::identity::{passwords, sessions};
use crate::app::runtime::pool::Lane;
use crate::app::runtime::sign_in_counts::SignInKind;
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::app::users::NewPassword;
use crate::app::{audit, users};
use crate::domain::actor::{Actor, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::password::Password;
use crate::domain::pending_sign_in::{PendingSignIn, Step};
use crate::domain::secret::Secret;
use crate::domain::user::{AccountRole, User, UserStatus};
use crate::error::{AuthError, Result};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::{self, Fingerprint, Kind};
use crate::tokens::password::Verdict;

/// The maximum number of dead pending sign-ins that each new one deletes, so that they do not accumulate.
const SWEEP: u32 = 8;

#[derive(Clone, Debug)]
pub struct Login {
    /// The user name, which is the email address.
    pub username: String,
    pub password: Secret,
}

/// How far a sign-in has come.
#[derive(Clone, Debug)]
pub enum Progress {
    In(BrowserSignIn),
    Pending(NextStep),
}

/// A sign-in with a step left.
#[derive(Clone, Debug)]
pub struct NextStep {
    pub user: User,
    pub step: Step,
    /// The cookie of the pending sign-in, which is shown only once.
    pub cookie: Secret,
}

/// The server's requirements for a sign-in.
#[derive(Clone, Copy)]
struct Rules {
    lifetimes: Lifetimes,
    administrators_need_second_factor: bool,
}

impl Rules {
    fn of(state: &AppState) -> Self {
        let administrators_need_second_factor = state.administrators_need_second_factor;
        Self { lifetimes: state.lifetimes, administrators_need_second_factor }
    }
}

/// Signs a user in at the pages with a password, and ends the session of the cookie that came with the request.
///
/// Refused as for a client, except that a user with a step left gets a pending sign-in.
pub async fn at_pages(state: &AppState, origin: &Origin, login: Login, replacing: Option<&str>) -> Result<Progress> {
    let attempt = Attempt::begin(state, origin, ThrottleScope::Password, SecretOwner::Named(&login.username), None)?;
    let progress = try_password(state, &attempt, origin, &login, replacing).await;
    match &progress {
        Ok(Progress::In(_)) => {
            attempt.succeeded();
            state.sign_in_counts().count(SignInKind::Pages);
        }
        // The password alone does not clear the count of wrong codes.
        Ok(Progress::Pending(_)) => {}
        Err(error) => attempt.note(error),
    }
    progress
}

async fn try_password(
    state: &AppState,
    attempt: &Attempt<'_>,
    origin: &Origin,
    login: &Login,
    replacing: Option<&str>,
) -> Result<Progress> {
    for _ in 0..MAX_TRIES {
        let verified = VerifiedPassword::check(state, attempt, &login.username, &login.password).await?;
        let (rules, actor) = (Rules::of(state), Actor::nobody(origin.clone()));
        let replacing = replacing.map(Secret::new);
        let begun = state.write(move |tx| {
            let Some(user) = verified.confirm(tx)? else { return Ok(None) };
            may_begin(tx, &user)?;
            if let Some(cookie) = &replacing {
                browsers::replace(tx, &sessions::acting(&actor, &user), cookie.expose())?;
            }
            advance(tx, &rules, &actor, user, false).map(Some)
        });
        if let Some(progress) = begun.await? {
            return Ok(progress);
        }
    }
    Err(AuthError::WrongPassword.into())
}

/// Refuses a user who has the right password but may not sign in.
fn may_begin(view: &View, user: &User) -> Result<()> {
    match user.status(view.now) {
        UserStatus::Active => Ok(()),
        UserStatus::Invited if user.must_change_password => Ok(()),
        UserStatus::Invited => Err(AuthError::NotSetUp.into()),
        UserStatus::Expired => Err(AuthError::WrongPassword.into()),
        UserStatus::Disabled | UserStatus::Blocked => Err(AuthError::Disabled.into()),
    }
}

/// Completes the sign-in, or begins the next step.
fn advance(tx: &Tx, rules: &Rules, actor: &Actor, user: User, second_factor: bool) -> Result<Progress> {
    let Some(step) = next_step(tx, rules, &user, second_factor)? else {
        return browsers::begin(tx, actor, user, second_factor, &rules.lifetimes).map(Progress::In);
    };
    store::pending_sign_ins::delete_dead(tx, SWEEP)?;
    let (cookie, fingerprint) = opaque::mint(Kind::Half);
    let half = PendingSignIn {
        user: user.id,
        step,
        second_factor,
        failures: 0,
        expires_at: tx.now.after(PendingSignIn::LIFE),
    };
    store::pending_sign_ins::insert(tx, &half, &fingerprint)?;
    let change = (Value::Null, json!({ "step": step.as_str() }));
    audit::record(tx, &sessions::acting(actor, &user), "half_sign_ins.begin", (ObjectKind::User, user.uuid), change)?;
    Ok(Progress::Pending(NextStep { user, step, cookie }))
}

fn next_step(view: &View, rules: &Rules, user: &User, second_factor: bool) -> Result<Option<Step>> {
    let has_factor = second_factors::is_confirmed(view, user.id)?;
    let needs_factor = rules.administrators_need_second_factor && user.role == AccountRole::Administrator;
    Ok(if has_factor && !second_factor {
        Some(Step::SecondFactor)
    } else if user.must_change_password {
        Some(Step::Password)
    } else if needs_factor && !has_factor {
        Some(Step::EnrolSecondFactor)
    } else {
        None
    })
}

/// The user and the next step of the pending sign-in that a cookie identifies.
pub fn pending(state: &AppState, cookie: &str) -> Result<(User, Step)> {
    let cookie = fingerprint(cookie)?;
    state.read_inline(|view| live(view, &cookie).map(|(user, half)| (user, half.step)))
}

fn fingerprint(cookie: &str) -> Result<Fingerprint> {
    opaque::parse(Kind::Half, cookie).ok_or_else(|| AuthError::HalfOver.into())
}

fn live(view: &View, cookie: &Fingerprint) -> Result<(User, PendingSignIn)> {
    let half = store::pending_sign_ins::find(view, cookie)?.filter(|half| half.is_live(view.now));
    let half = half.ok_or(AuthError::HalfOver)?;
    let user = store::users::find(view, half.user)?.ok_or(AuthError::HalfOver)?;
    may_begin(view, &user)?;
    Ok((user, half))
}

/// The pending sign-in of a cookie, if this is its step.
fn at_step(view: &View, cookie: &Fingerprint, step: Step) -> Result<(User, PendingSignIn)> {
    let (user, half) = live(view, cookie)?;
    if half.step == step { Ok((user, half)) } else { Err(AuthError::HalfOver.into()) }
}

/// Completes the second factor with a code of the app or a recovery code. Wrong codes throttle further attempts, and
/// too many of them end the pending sign-in.
pub async fn second_factor(state: &AppState, origin: &Origin, half: &str, code: Secret) -> Result<Progress> {
    let cookie = fingerprint(half)?;
    let (user, _) = state.read_inline(|view| at_step(view, &cookie, Step::SecondFactor))?;
    let entered = EnteredCode::for_user(state, origin, &user);
    entered.admit(user.id)?;
    let (rules, actor, master_key) = (Rules::of(state), Actor::nobody(origin.clone()), state.master_key.clone());
    let judged = state.write(move |tx| {
        let (user, _) = at_step(tx, &cookie, Step::SecondFactor)?;
        let actor = sessions::acting(&actor, &user);
        let judged = second_factors::judge(&master_key, tx, &actor, &code)?;
        note_wrong(tx, &actor, &cookie, Step::SecondFactor, &judged)?;
        judged.and_then(|()| {
            store::pending_sign_ins::delete(tx, &cookie)?;
            advance(tx, &rules, &actor, user, true)
        })
    });
    let progress = entered.or_refused(judged.await?)?;
    Attempt::completed(state, origin, user.id)?;
    if matches!(progress, Progress::In(_)) {
        state.sign_in_counts().count(SignInKind::Pages);
    }
    Ok(progress)
}

/// Also counts a wrong code for the pending sign-in, which ends after too many.
fn note_wrong<T>(tx: &Tx, actor: &Actor, cookie: &Fingerprint, step: Step, judged: &Judged<T>) -> Result<()> {
    let (Judged::Wrong, Some(person)) = (judged, actor.person()) else { return Ok(()) };
    store::pending_sign_ins::count_failure(tx, cookie)?;
    let change = (Value::Null, json!({ "step": step.as_str() }));
    audit::record(tx, actor, "half_sign_ins.wrong_code", (ObjectKind::User, person.uuid), change)
}

/// Replaces a password that has to be changed. Ends every session of the user, and revokes every API key on request.
///
/// Refused when the new password is the same.
pub async fn choose_password(
    state: &AppState,
    origin: &Origin,
    half: &str,
    chosen: Password,
    revoke_keys: bool,
) -> Result<Progress> {
    let cookie = fingerprint(half)?;
    let (lane, owner, stored) = state.read_inline(|view| {
        let (user, _) = at_step(view, &cookie, Step::Password)?;
        Ok((Lane::Member(user.id), Owner::from(&user), store::users::password_hash(view, user.id)?))
    })?;
    let (verdict, _) = passwords::verify(state, lane, Secret::new(chosen.expose()), stored.clone()).await?;
    match verdict {
        Verdict::Wrong => {}
        Verdict::Right | Verdict::RightButOutdated => return Err(passwords::must_be_another()),
    }
    let new = NewPassword { hash: passwords::hash(state, lane, chosen, &owner).await?, revoke_keys };
    let (rules, actor) = (Rules::of(state), Actor::nobody(origin.clone()));
    state
        .write(move |tx| {
            let (mut user, half) = at_step(tx, &cookie, Step::Password)?;
            if store::users::password_hash(tx, user.id)? != stored {
                return Err(AuthError::HalfOver.into());
            }
            let before = json!({ "state": user.state.as_str() });
            let ended = users::store_password(tx, &mut user, &new, None)?;
            let after = ended.add_to(json!({ "state": user.state.as_str() }));
            let actor = sessions::acting(&actor, &user);
            let object = (ObjectKind::User, user.uuid);
            audit::record(tx, &actor, "users.replace_temporary_password", object, (before, after))?;
            advance(tx, &rules, &actor, user, half.second_factor)
        })
        .await
}

/// Begins to set up the required second factor.
pub async fn begin_enrolment(state: &AppState, origin: &Origin, half: &str) -> Result<Enrolment> {
    let cookie = fingerprint(half)?;
    let (user, _) = state.read_inline(|view| at_step(view, &cookie, Step::EnrolSecondFactor))?;
    let (enrolment, sealed) = second_factors::generate(&state.master_key, &user)?;
    let actor = Actor::nobody(origin.clone());
    state
        .write(move |tx| {
            let (user, _) = at_step(tx, &cookie, Step::EnrolSecondFactor)?;
            second_factors::store_unconfirmed(tx, &sessions::acting(&actor, &user), &user, &sealed)
        })
        .await?;
    Ok(enrolment)
}

/// The unconfirmed second factor, to be shown again. `None` if there is none.
pub fn enrolment(state: &AppState, half: &str) -> Result<Option<Enrolment>> {
    let cookie = fingerprint(half)?;
    state.read_inline(|view| {
        let (user, _) = at_step(view, &cookie, Step::EnrolSecondFactor)?;
        second_factors::unconfirmed(&state.master_key, view, &user)
    })
}

/// Confirms the second factor with a first code. Returns the recovery codes, which are shown only once.
pub async fn finish_enrolment(
    state: &AppState,
    origin: &Origin,
    half: &str,
    code: Secret,
) -> Result<(Progress, Vec<Secret>)> {
    let cookie = fingerprint(half)?;
    let (user, _) = state.read_inline(|view| at_step(view, &cookie, Step::EnrolSecondFactor))?;
    let entered = EnteredCode::for_user(state, origin, &user);
    let (rules, actor, master_key) = (Rules::of(state), Actor::nobody(origin.clone()), state.master_key.clone());
    let judged = state.write(move |tx| {
        let (user, _) = at_step(tx, &cookie, Step::EnrolSecondFactor)?;
        let actor = sessions::acting(&actor, &user);
        let judged = second_factors::confirm_first_code(&master_key, tx, &actor, &user, &code)?;
        note_wrong(tx, &actor, &cookie, Step::EnrolSecondFactor, &judged)?;
        judged.and_then(|codes| {
            store::pending_sign_ins::delete(tx, &cookie)?;
            Ok((advance(tx, &rules, &actor, user, true)?, codes))
        })
    });
    entered.or_refused(judged.await?)
}
