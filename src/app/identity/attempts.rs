//! Attempts to authenticate with a guessable secret. Each is admitted, judged and counted, and is logged when it is
//! refused. The limits are in `throttle`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::app::runtime::places::place;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::refusals::{self, Kind, Refusal};
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::{Subject, Threshold, ThrottleScope};
use crate::domain::actor::Origin;
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx};

/// The maximum number of remembered addresses for each person, the newest.
const MAX_PLACES: usize = 32;

/// The minimum time between two stored sign-ins of a person from the same address.
const NOTED_EVERY: Duration = Duration::from_hours(24);

/// The account that a secret belongs to.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) enum SecretOwner<'a> {
    /// The user with this name, if there is one.
    Named(&'a str),
    User(UserId),
    /// The OAuth client with this id.
    Client(&'a str),
    /// The secret itself has to identify its account.
    Unknown,
}

pub(in crate::app) struct Attempt<'a> {
    state: &'a AppState,
    origin: &'a Origin,
    realm: ThrottleScope,
    subject: Subject,
    user: Option<User>,
    /// The name of the account, as the log may show it.
    name: Option<String>,
    client: Option<&'a str>,
    /// Whether the person has signed in from this address before.
    known: bool,
    /// Whether it has been counted and logged.
    is_noted: AtomicBool,
}

impl<'a> Attempt<'a> {
    /// Begins an attempt. Refused while the account, or all strangers at this address, are throttled.
    pub(in crate::app) fn begin(
        state: &'a AppState,
        origin: &'a Origin,
        realm: ThrottleScope,
        owner: SecretOwner<'a>,
        client: Option<&'a str>,
    ) -> Result<Self> {
        let attempt = Self::new(state, origin, realm, owner, client)?;
        attempt.or_delayed(state.throttle.admit(&attempt.subject, Instant::now()))?;
        Ok(attempt)
    }

    /// Records that a person has completed all steps of a sign-in. This clears the failures at this address.
    pub(in crate::app) fn completed(state: &'a AppState, origin: &'a Origin, user: UserId) -> Result<()> {
        Self::new(state, origin, ThrottleScope::Password, SecretOwner::User(user), None)?.succeeded();
        Ok(())
    }

    fn new(
        state: &'a AppState,
        origin: &'a Origin,
        realm: ThrottleScope,
        owner: SecretOwner<'a>,
        client: Option<&'a str>,
    ) -> Result<Self> {
        let from = address(origin);
        let (user, known) = state.read_inline(|view| {
            let user = match owner {
                SecretOwner::Named(name) => store::users::find_by_email(view, name)?,
                SecretOwner::User(id) => store::users::find(view, id)?,
                SecretOwner::Client(_) | SecretOwner::Unknown => None,
            };
            let place = place(from).to_string();
            let known = user.as_ref().map(|user| store::known_places::contains(view, user.id, &place));
            Ok((user, known.transpose()?.unwrap_or(false)))
        })?;
        // Different spellings of a name count for the same account.
        let account = match (owner, &user) {
            (_, Some(user)) => ("user", user.uuid.to_string()),
            (SecretOwner::Named(name), None) => ("name", Email::fold(name.trim())),
            (SecretOwner::Client(id), None) => ("client", id.to_owned()),
            (SecretOwner::User(_) | SecretOwner::Unknown, None) => ("", String::new()),
        };
        let name = match owner {
            SecretOwner::Named(typed) => Some(refusals::name(typed, user.as_ref()).to_owned()),
            SecretOwner::User(_) => user.as_ref().map(|user| user.email.to_string()),
            SecretOwner::Client(_) | SecretOwner::Unknown => None,
        };
        let client = if let SecretOwner::Client(id) = owner { Some(id) } else { client };
        let subject = state.throttle.subject(realm, account, from, known);
        Ok(Self { state, origin, realm, subject, user, name, client, known, is_noted: AtomicBool::new(false) })
    }

    /// Counts and refuses a wrong secret that is too long to be guessed. Only for wrong secrets, because a right one is
    /// never throttled. Returns `why`; fails when the attempt is throttled.
    pub(in crate::app) fn refuse(
        state: &'a AppState,
        origin: &'a Origin,
        realm: ThrottleScope,
        owner: SecretOwner<'a>,
        why: AuthError,
    ) -> Result<Error> {
        let attempt = Self::new(state, origin, realm, owner, None)?;
        attempt.judge(false)?;
        Ok(why.into())
    }

    /// The lane for the work of this attempt.
    pub(in crate::app) fn lane(&self) -> Lane {
        match &self.user {
            Some(user) if self.known => Lane::Member(user.id),
            _ => Lane::stranger(self.origin),
        }
    }

    /// Judges an attempt after a slow check. A wrong one is counted. Right or wrong, it is refused if other attempts
    /// have failed meanwhile and it is throttled now.
    pub(in crate::app) fn judge(&self, right: bool) -> Result<()> {
        let judged = self.state.throttle.judge(&self.subject, right, Instant::now());
        let reached = self.or_delayed(judged)?;
        if !right && self.is_new() {
            self.log("wrong");
        }
        self.tell(reached);
        Ok(())
    }

    /// Logs the final refusal of the attempt. A wrong secret is counted, if it was not counted yet.
    pub(in crate::app) fn note(&self, error: &Error) {
        let (reason, counts) = match error {
            Error::Unauthenticated(AuthError::Disabled) => ("disabled", false),
            Error::Unauthenticated(AuthError::NotSetUp) => ("not_set_up", false),
            Error::Unauthenticated(_) => ("wrong", true),
            Error::Throttled { .. } => ("delayed", false),
            _ => return,
        };
        if !self.is_new() {
            return;
        }
        self.log(reason);
        if counts {
            match self.state.throttle.failed(&self.subject, Instant::now()) {
                Ok(reached) => self.tell(reached),
                Err(error) => log::error!("a failed attempt was not counted: {error}"),
            }
        }
    }

    /// Records that the attempt succeeded. This clears the failures at this address.
    pub(in crate::app) fn succeeded(&self) {
        if let Err(error) = self.state.throttle.succeeded(&self.subject, Instant::now()) {
            log::error!("failed attempts were not cleared after a success: {error}");
        }
    }

    fn or_delayed<T>(&self, admitted: Result<T>) -> Result<T> {
        if let Err(Error::Throttled { .. }) = admitted
            && self.is_new()
        {
            self.log("delayed");
        }
        admitted
    }

    fn is_new(&self) -> bool {
        !self.is_noted.swap(true, Ordering::Relaxed)
    }

    fn log(&self, reason: &'static str) {
        let kind = Kind::Guessed(self.realm);
        let refusal = Refusal { kind, account: self.name.as_deref(), client: self.client, reason };
        self.state.refusals().log(self.origin, &refusal);
    }

    fn tell(&self, reached: Vec<Threshold>) {
        for threshold in reached {
            let account = self.name.as_deref().map(|name| (name, self.user.as_ref()));
            self.state.refusals().delayed(&self.state.store, self.origin, self.realm, account, threshold);
        }
    }
}

/// Stores that a person has signed in from this address. Strangers no longer throttle the person there. Returns whether
/// that was not stored within the last day.
pub(in crate::app) fn remember_place(tx: &Tx, origin: &Origin, user: UserId) -> Result<bool> {
    let Some(address) = origin.address else { return Ok(true) };
    store::known_places::upsert(tx, user, &place(address).to_string(), tx.now.before(NOTED_EVERY), MAX_PLACES)
}

/// The address of an attempt. The loopback address if the origin has none.
fn address(origin: &Origin) -> IpAddr {
    origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
