//! Attempts to prove something that could be guessed: each is admitted, judged and counted, and leaves a line in the log
//! where it is refused. The bounds are in `throttle`.

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

/// How many addresses are remembered of each person, the newest.
const MAX_PLACES: usize = 32;

/// How often it is written down again that somebody signs in from an address.
const NOTED_EVERY: Duration = Duration::from_hours(24);

/// Whose secret it is.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) enum Whose<'a> {
    /// The user's whom somebody names, if there is one.
    Named(&'a str),
    /// This user's.
    User(UserId),
    /// The OAuth client's of this id.
    Client(&'a str),
    /// What somebody brings has to say whose it is.
    Nobody,
}

/// An attempt to prove something.
pub(in crate::app) struct Attempt<'a> {
    desk: &'a AppState,
    origin: &'a Origin,
    realm: ThrottleScope,
    subject: Subject,
    user: Option<User>,
    /// Who is named, as it may be shown.
    name: Option<String>,
    client: Option<&'a str>,
    /// Whether the person signed in from there before.
    known: bool,
    /// Whether it is counted and logged.
    is_noted: AtomicBool,
}

impl<'a> Attempt<'a> {
    /// Begins an attempt. Refused when the account, or all strangers at this address, have to wait.
    pub(in crate::app) fn begin(
        desk: &'a AppState,
        origin: &'a Origin,
        realm: ThrottleScope,
        whose: Whose<'a>,
        client: Option<&'a str>,
    ) -> Result<Self> {
        let attempt = Self::new(desk, origin, realm, whose, client)?;
        attempt.or_delayed(desk.throttle.admit(&attempt.subject, Instant::now()))?;
        Ok(attempt)
    }

    /// Notes that a person has proved all there is, in more steps than one: what failed before at this address is cleared.
    pub(in crate::app) fn completed(desk: &'a AppState, origin: &'a Origin, user: UserId) -> Result<()> {
        Self::new(desk, origin, ThrottleScope::Password, Whose::User(user), None)?.succeeded();
        Ok(())
    }

    fn new(
        desk: &'a AppState,
        origin: &'a Origin,
        realm: ThrottleScope,
        whose: Whose<'a>,
        client: Option<&'a str>,
    ) -> Result<Self> {
        let from = address(origin);
        let (user, known) = desk.read_inline(|view| {
            let user = match whose {
                Whose::Named(name) => store::users::find_by_email(view, name)?,
                Whose::User(id) => store::users::find(view, id)?,
                Whose::Client(_) | Whose::Nobody => None,
            };
            let place = place(from).to_string();
            let known = user.as_ref().map(|user| store::known_places::contains(view, user.id, &place));
            Ok((user, known.transpose()?.unwrap_or(false)))
        })?;
        // However the name of an account is written, it is one account.
        let account = match (whose, &user) {
            (_, Some(user)) => ("user", user.uuid.to_string()),
            (Whose::Named(name), None) => ("name", Email::fold(name.trim())),
            (Whose::Client(id), None) => ("client", id.to_owned()),
            (Whose::User(_) | Whose::Nobody, None) => ("", String::new()),
        };
        let name = match whose {
            Whose::Named(typed) => Some(refusals::name(typed, user.as_ref()).to_owned()),
            Whose::User(_) => user.as_ref().map(|user| user.email.to_string()),
            Whose::Client(_) | Whose::Nobody => None,
        };
        let client = if let Whose::Client(id) = whose { Some(id) } else { client };
        let subject = desk.throttle.subject(realm, account, from, known);
        Ok(Self { desk, origin, realm, subject, user, name, client, known, is_noted: AtomicBool::new(false) })
    }

    /// Refuses a wrong secret that is too long to be guessed. A right one is never delayed, so this is for wrong ones
    /// only: it tells `why`, or to wait.
    pub(in crate::app) fn refuse(
        desk: &'a AppState,
        origin: &'a Origin,
        realm: ThrottleScope,
        whose: Whose<'a>,
        why: AuthError,
    ) -> Result<Error> {
        let attempt = Self::new(desk, origin, realm, whose, None)?;
        attempt.judge(false)?;
        Ok(why.into())
    }

    /// Whose turn the work for this attempt takes.
    pub(in crate::app) fn lane(&self) -> Lane {
        match &self.user {
            Some(user) if self.known => Lane::Member(user.id),
            _ => Lane::stranger(self.origin),
        }
    }

    /// Judges an attempt whose check took its time: it counts if it is wrong. Right or wrong, it is refused when others
    /// have failed meanwhile and it would have to wait by now.
    pub(in crate::app) fn judge(&self, right: bool) -> Result<()> {
        let judged = self.desk.throttle.judge(&self.subject, right, Instant::now());
        let reached = self.or_delayed(judged)?;
        if !right && self.is_new() {
            self.log("wrong");
        }
        self.tell(reached);
        Ok(())
    }

    /// Notes why the attempt was refused in the end; counts it where that was a wrong secret and is not counted yet.
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
            self.tell(self.desk.throttle.failed(&self.subject, Instant::now()));
        }
    }

    /// Notes that all was proved: what failed before at this address is cleared.
    pub(in crate::app) fn succeeded(&self) {
        self.desk.throttle.succeeded(&self.subject);
    }

    fn or_delayed<T>(&self, admitted: Result<T, Duration>) -> Result<T> {
        admitted.map_err(|retry_after| {
            if self.is_new() {
                self.log("delayed");
            }
            Error::Throttled { retry_after }
        })
    }

    fn is_new(&self) -> bool {
        !self.is_noted.swap(true, Ordering::Relaxed)
    }

    fn log(&self, reason: &'static str) {
        let kind = Kind::Guessed(self.realm);
        let refusal = Refusal { kind, account: self.name.as_deref(), client: self.client, reason };
        self.desk.refusals().log(self.origin, &refusal);
    }

    fn tell(&self, reached: Vec<Threshold>) {
        for threshold in reached {
            let account = self.name.as_deref().map(|name| (name, self.user.as_ref()));
            self.desk.refusals().delayed(&self.desk.store, self.origin, self.realm, account, threshold);
        }
    }
}

/// Writes down that somebody has signed in from there: strangers delay them there no more.
pub(in crate::app) fn remember_place(tx: &Tx, origin: &Origin, user: UserId) -> Result<()> {
    let Some(address) = origin.address else { return Ok(()) };
    store::known_places::upsert(tx, user, &place(address).to_string(), tx.now.before(NOTED_EVERY), MAX_PLACES)
}

/// The address that an attempt comes from; the machine itself where there is none.
fn address(origin: &Origin) -> IpAddr {
    origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
