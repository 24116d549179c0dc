//! The log lines and audit rows of refused sign-ins: the account, the address, the client. They never contain a secret,
//! and their number is limited.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::audit;
use crate::app::runtime::budget::{Budget, Rate};
use crate::app::runtime::places::network;
use crate::app::runtime::throttle::{Threshold, ThrottleScope};
use crate::domain::actor::{Actor, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::client::Client;
use crate::domain::email::Email;
use crate::domain::user::User;
use crate::error::AuthError;
use crate::store::Store;
use crate::store::measures::Counter;

/// How many log lines one kind of secret may have at once, and the time until one more.
pub const LINES: Rate = Rate { burst: 100, gap: Duration::from_secs(1) };

/// The same for audit rows.
pub const ROWS: Rate = Rate { burst: 100, gap: Duration::from_secs(6) };

/// The maximum number of characters of a name in the log and the audit.
pub const MAX_NAME: usize = 64;

/// Stands for a name that is no email address and no account: people type their password into the wrong field.
const NO_ADDRESS: &str = "(no address)";

/// What was not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Kind {
    Guessed(ThrottleScope),
    SecondFactor,
    RefreshToken,
    AuthorizationCode,
    DeviceCode,
    ApiKey,
}

impl Kind {
    const COUNT: usize = 9;

    const ALL: [Self; Self::COUNT] = [
        Self::Guessed(ThrottleScope::Password),
        Self::Guessed(ThrottleScope::Link),
        Self::Guessed(ThrottleScope::UserCode),
        Self::Guessed(ThrottleScope::Client),
        Self::SecondFactor,
        Self::RefreshToken,
        Self::AuthorizationCode,
        Self::DeviceCode,
        Self::ApiKey,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Guessed(realm) => realm.as_str(),
            Self::SecondFactor => "second_factor",
            Self::RefreshToken => "refresh_token",
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::ApiKey => "api_key",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Guessed(realm) => realm as usize,
            Self::SecondFactor => 4,
            Self::RefreshToken => 5,
            Self::AuthorizationCode => 6,
            Self::DeviceCode => 7,
            Self::ApiKey => 8,
        }
    }
}

#[derive(Clone, Debug)]
pub(in crate::app) struct Refusal<'a> {
    pub(in crate::app) kind: Kind,
    /// Who was named, as it may be shown.
    pub(in crate::app) account: Option<&'a str>,
    pub(in crate::app) client: Option<&'a str>,
    pub(in crate::app) reason: &'static str,
}

/// The reasons that there are.
const REASONS: [&str; 7] = ["wrong", "delayed", "disabled", "not_set_up", "reused", "revoked_or_expired", "pages_only"];

/// The budgets of log lines and audit rows.
#[derive(Debug)]
pub(in crate::app) struct Refusals {
    lines: [Mutex<Lines>; Kind::COUNT],
    rows: Mutex<Budget>,
    counts: [[Counter; REASONS.len()]; Kind::COUNT],
}

#[derive(Debug)]
struct Lines {
    budget: Budget,
    left_out: u64,
}

impl Refusals {
    pub(in crate::app) fn new() -> Self {
        let now = Instant::now();
        Self {
            lines: std::array::from_fn(|_| Mutex::new(Lines { budget: Budget::new(now), left_out: 0 })),
            rows: Mutex::new(Budget::new(now)),
            counts: <[[Counter; REASONS.len()]; Kind::COUNT]>::default(),
        }
    }

    /// How many lines were left out before this one, or `None` if this one is left out, too.
    fn line(&self, kind: Kind, now: Instant) -> Option<u64> {
        let mut lines = self.lines[kind.index()].lock().unwrap_or_else(PoisonError::into_inner);
        if !lines.budget.wait(LINES, now).is_zero() {
            lines.left_out += 1;
            return None;
        }
        lines.budget.take(LINES, now);
        Some(std::mem::take(&mut lines.left_out))
    }

    fn row(&self, now: Instant) -> bool {
        let mut budget = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let may = budget.wait(ROWS, now).is_zero();
        if may {
            budget.take(ROWS, now);
        }
        may
    }

    fn count(&self, refusal: &Refusal) {
        if let Some(reason) = REASONS.iter().position(|reason| *reason == refusal.reason) {
            self.counts[refusal.kind.index()][reason].count();
        }
    }

    /// How often each kind was refused for each reason, for those that were.
    pub(in crate::app) fn counts(&self) -> Vec<(&'static str, &'static str, u64)> {
        let counts = Kind::ALL.into_iter().flat_map(|kind| {
            let counters = REASONS.iter().zip(&self.counts[kind.index()]);
            counters.map(move |(reason, counter)| (kind.as_str(), *reason, counter.get()))
        });
        counts.filter(|(.., count)| *count > 0).collect()
    }

    /// Counts a refusal, and logs it within the budget.
    pub(in crate::app) fn log(&self, origin: &Origin, refusal: &Refusal) {
        self.count(refusal);
        if log::log_enabled!(log::Level::Warn)
            && let Some(left_out) = self.line(refusal.kind, Instant::now())
        {
            log::warn!("{}", line(origin, refusal, left_out));
        }
    }

    /// Logs a refused token of a client.
    pub(in crate::app) fn of_token(&self, origin: &Origin, kind: Kind, client: &Client, reason: &'static str) {
        self.log(origin, &Refusal { kind, account: None, client: Some(client.id.as_str()), reason });
    }

    /// Logs a refused API key.
    pub(in crate::app) fn of_key(&self, origin: &Origin, why: AuthError) {
        let reason = match why {
            AuthError::DeadKey => "revoked_or_expired",
            AuthError::Disabled => "disabled",
            AuthError::PagesOnly => "pages_only",
            _ => "wrong",
        };
        self.log(origin, &Refusal { kind: Kind::ApiKey, account: None, client: None, reason });
    }

    /// Logs and records that attempts have to wait from now on.
    pub(in crate::app) fn delayed(
        &self,
        store: &Store,
        origin: &Origin,
        realm: ThrottleScope,
        account: Option<(&str, Option<&User>)>,
        reached: Threshold,
    ) {
        if !self.row(Instant::now()) {
            return;
        }
        let (name, user) = account.unzip();
        let user = user.flatten();
        let place = origin.address.map(|address| network(address).to_string());
        log::warn!(
            "sign-ins delayed: scope={} kind={} account={} address={} request={}",
            reached.as_str(),
            realm.as_str(),
            quoted(name),
            address(origin),
            origin.request,
        );
        let object = match (reached, user) {
            (Threshold::AccountAtAddress | Threshold::Account, Some(user)) => (ObjectKind::User, user.uuid.to_string()),
            (Threshold::AccountAtAddress | Threshold::Account | Threshold::Network, _) => {
                (ObjectKind::Address, place.unwrap_or_default())
            }
        };
        let after = json!({ "scope": reached.as_str(), "kind": realm.as_str(), "account": name.map(shown) });
        let actor = Actor::nobody(origin.clone());
        store.write_in_passing(move |tx| {
            let (kind, name) = object.clone();
            audit::record(tx, &actor, "sign_ins.delay", (kind, name), (Value::Null, after.clone()))
        });
    }
}

fn line(origin: &Origin, refusal: &Refusal, left_out: u64) -> String {
    let mut line = format!(
        "sign-in refused: kind={} reason={} account={} address={} client={} dialect={} request={}",
        refusal.kind.as_str(),
        refusal.reason,
        quoted(refusal.account),
        address(origin),
        quoted(refusal.client),
        origin.dialect,
        origin.request,
    );
    if left_out > 0 {
        let _ = write!(line, " left_out={left_out}");
    }
    line
}

fn address(origin: &Origin) -> String {
    origin.address.map_or_else(|| "-".to_owned(), |address| address.to_string())
}

/// The typed name as it may be shown: an account's email address, or one that looks like an address.
pub(in crate::app) fn name<'a>(typed: &'a str, user: Option<&'a User>) -> &'a str {
    match user {
        Some(user) => user.email.as_str(),
        None if Email::parse(typed.trim()).is_ok() => typed.trim(),
        None => NO_ADDRESS,
    }
}

/// A name in quotation marks, on one line and of bounded length; a dash for none.
fn quoted(name: Option<&str>) -> Cow<'static, str> {
    name.map_or(Cow::Borrowed("-"), |name| Cow::Owned(format!("\"{}\"", shown(name))))
}

/// At most [`MAX_NAME`] characters, without any that would end a line or a quotation or are invisible: control, format
/// and bidirectional characters among them.
fn shown(name: &str) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for c in name.chars() {
        let plain = c.is_alphanumeric() || (c.is_ascii_graphic() && !matches!(c, '"' | '\\')) || c == ' ';
        let width = if plain { 1 } else { c.escape_unicode().count() };
        if length + width >= MAX_NAME {
            shown.push('…');
            break;
        }
        length += width;
        if plain {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn origin() -> Origin {
        Origin { dialect: "keycloak", address: Some([192, 0, 2, 7].into()), request: Uuid::nil(), agent: None }
    }

    #[test]
    fn a_line_has_every_part_and_no_line_within() {
        let refusal = Refusal {
            kind: Kind::Guessed(ThrottleScope::Password),
            account: Some("ada@example.com\" client=\"x\nforged\u{202e}"),
            client: Some("sdk-client"),
            reason: "wrong",
        };
        assert_eq!(
            line(&origin(), &refusal, 3),
            "sign-in refused: kind=password reason=wrong \
             account=\"ada@example.com\\u{22} client=\\u{22}x\\u{a}forged\\u{202e}\" \
             address=192.0.2.7 client=\"sdk-client\" dialect=keycloak request=00000000-0000-0000-0000-000000000000 \
             left_out=3"
        );
    }

    #[test]
    fn what_may_be_a_password_is_not_shown() {
        for typed in ["hunter2 hunter2", "", "correct horse@battery staple", "p\"@x"] {
            assert_eq!(name(typed, None), NO_ADDRESS, "{typed}");
        }
        assert_eq!(name(" ada@example.com ", None), "ada@example.com");
    }

    #[test]
    fn a_flood_leaves_a_hundred_lines_and_then_one_each_second_and_tells_how_many_are_left_out() {
        let (refusals, start) = (Refusals::new(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let told = (0..10_000).filter_map(|n| refusals.line(Kind::ApiKey, at(n))).collect::<Vec<_>>();
        assert_eq!(told.len(), LINES.burst as usize + 9);
        assert!(told.iter().sum::<u64>() > 8_000);
        assert!(refusals.line(Kind::RefreshToken, at(0)).is_some(), "another kind has lines of its own");
    }

    #[test]
    fn refusals_are_counted_by_kind_and_reason() {
        let refusals = Refusals::new();
        for (kind, reason) in [(Kind::ApiKey, "disabled"), (Kind::SecondFactor, "wrong"), (Kind::ApiKey, "disabled")] {
            refusals.log(&origin(), &Refusal { kind, account: None, client: None, reason });
        }
        assert_eq!(refusals.counts(), [("second_factor", "wrong", 1), ("api_key", "disabled", 2)]);
        let places = Kind::ALL.map(Kind::index);
        assert!(places.into_iter().eq(0..Kind::COUNT), "each kind has a place of its own: {places:?}");
    }

    proptest! {
        #[test]
        fn no_name_is_long_or_more_than_one_line(name in any::<String>()) {
            let shown = shown(&name);
            prop_assert!(shown.chars().count() <= MAX_NAME);
            prop_assert!(shown.chars().all(|c| !c.is_control() && !c.is_whitespace() || c == ' '), "{shown:?}");
            prop_assert!(!shown.contains('"'));
        }
    }
}
