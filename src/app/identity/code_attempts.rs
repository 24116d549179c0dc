//! Judges codes of a second factor: codes of an app and recovery codes.
//!
//! A code is judged and counted in one write for each person, wherever it is entered. Many concurrent attempts over
//! many sign-ins gain nothing over sequential ones.

use std::time::Duration;

use serde_json::json;

use crate::app::audit;
use crate::app::runtime::refusals::{Kind, Refusal};
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::domain::wrong_codes::WrongCodes;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx, View};

/// The outcome of a code. A write returns it as a success, because an error would undo the count.
#[derive(Debug)]
pub(in crate::app) enum Judged<T> {
    Right(T),
    /// The code was wrong, and was counted.
    Wrong,
    /// The code was not judged, because there were too many wrong ones before.
    Waits(Duration),
}

impl<T> Judged<T> {
    /// The value of a right code, or the refusal.
    pub(in crate::app) fn or_refused(self, wrong: AuthError) -> Result<T> {
        match self {
            Self::Right(done) => Ok(done),
            Self::Wrong => Err(wrong.into()),
            Self::Waits(retry_after) => Err(Error::Throttled { retry_after }),
        }
    }

    /// Maps the value of a right code.
    pub(in crate::app) fn and_then<U>(self, go_on: impl FnOnce(T) -> Result<U>) -> Result<Judged<U>> {
        Ok(match self {
            Self::Right(done) => Judged::Right(go_on(done)?),
            Self::Wrong => Judged::Wrong,
            Self::Waits(wait) => Judged::Waits(wait),
        })
    }
}

/// Judges a code of a person, unless there were too many wrong ones. A right code resets the count.
pub(in crate::app) fn judge<T>(
    tx: &Tx,
    actor: &Actor,
    user: &User,
    check: impl FnOnce() -> Result<Option<T>>,
) -> Result<Judged<T>> {
    let before = store::wrong_codes::find(tx, user.id)?;
    if let Some(wait) = before.and_then(|wrong| wrong.wait(tx.now)) {
        return Ok(Judged::Waits(wait));
    }
    if let Some(done) = check()? {
        if before.is_some() {
            store::wrong_codes::delete(tx, user.id)?;
        }
        return Ok(Judged::Right(done));
    }
    let wrong = store::wrong_codes::count_one(tx, user.id)?;
    if let Some(wait) = wrong.wait(tx.now) {
        let change = (
            json!({ "wrong_codes": wrong.count - 1 }),
            json!({
                "wrong_codes": wrong.count,
                "wait_seconds": wait.as_secs(),
            }),
        );
        audit::record(tx, actor, "second_factors.wait", (ObjectKind::User, user.uuid), change)?;
    }
    Ok(Judged::Wrong)
}

/// A code that somebody enters. A refusal is logged.
pub(in crate::app) struct EnteredCode<'a> {
    state: &'a AppState,
    origin: &'a Origin,
    email: String,
}

impl<'a> EnteredCode<'a> {
    pub(in crate::app) fn for_user(state: &'a AppState, origin: &'a Origin, user: &User) -> Self {
        Self { state, origin, email: user.email.to_string() }
    }

    pub(in crate::app) fn by(state: &'a AppState, actor: &'a Actor) -> Self {
        let email = actor.person().map(|person| person.email.to_string()).unwrap_or_default();
        Self { state, origin: &actor.origin, email }
    }

    /// Refuses a code while the person is throttled, before any costly work.
    pub(in crate::app) fn admit(&self, user: UserId) -> Result<()> {
        self.noted(self.state.read_inline(|view| admit(view, user)))
    }

    /// The value of a right code, or the refusal.
    pub(in crate::app) fn or_refused<T>(&self, judged: Judged<T>) -> Result<T> {
        self.noted(judged.or_refused(AuthError::WrongCode))
    }

    fn noted<T>(&self, outcome: Result<T>) -> Result<T> {
        let reason = match &outcome {
            Err(Error::Unauthenticated(_)) => "wrong",
            Err(Error::Throttled { .. }) => "delayed",
            _ => return outcome,
        };
        let refusal = Refusal { kind: Kind::SecondFactor, account: Some(&self.email), client: None, reason };
        self.state.refusals().log(self.origin, &refusal);
        outcome
    }
}

/// Refuses a code while the person is throttled, before any costly work.
pub(in crate::app) fn admit(view: &View, user: UserId) -> Result<()> {
    let wrong: Option<WrongCodes> = store::wrong_codes::find(view, user)?;
    match wrong.and_then(|wrong| wrong.wait(view.now)) {
        Some(retry_after) => Err(Error::Throttled { retry_after }),
        None => Ok(()),
    }
}
