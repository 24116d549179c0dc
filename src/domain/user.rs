//! A user: a person with an account, or a bot.

use std::fmt;
use std::str::FromStr;

use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use super::email::Email;
use super::ids::UserId;
use super::invalid::Invalid;
use super::text;
use super::timestamp::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AccountRole {
    /// Reads and manages everything.
    Administrator,
    /// Has the rights of its memberships.
    Member,
    /// Like a member, but through pages only, not through an API.
    UiOnly,
    /// Annotates what its memberships allow it to read.
    Annotator,
}

impl AccountRole {
    /// All roles, the strongest first.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Member, Self::UiOnly, Self::Annotator];

    /// The value in the database, the audit log and the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A first or last name: at most 255 visible characters, may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Converts to NFC and removes surrounding whitespace. Refuses a name that is too long, contains an invisible
    /// character, or could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        text::of_person(raw, Self::MAX_LENGTH).map(Self)
    }

    /// A name from the data file, not validated: older releases allowed some names that are refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A full name, for clients that know only one name: 1 to 255 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullName(String);

impl FullName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Converts to NFC, removes surrounding whitespace and replaces repeated whitespace by one space. Refuses a name
    /// that is empty or too long, contains an invisible character, or whose first or last name could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        // Line and paragraph separators are not whitespace between names, so they are refused.
        let blank = |c: char| c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}');
        let name = raw.trim().split(blank).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return Err(Invalid::rule("must not be empty"));
        }
        let name = text::of_person(&name, Self::MAX_LENGTH)?;
        let (first, last) = halves(&name);
        PersonName::parse(first).and_then(|_| PersonName::parse(last))?;
        Ok(Self(name))
    }

    /// The first name up to the first space, and the rest as the last name, which may be empty.
    pub fn split(&self) -> (PersonName, PersonName) {
        let (first, last) = halves(&self.0);
        (PersonName(first.to_owned()), PersonName(last.to_owned()))
    }
}

fn halves(name: &str) -> (&str, &str) {
    name.split_once(' ').unwrap_or((name, ""))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum UserKind {
    Person,
    /// The user that a service key acts as.
    Bot,
}

impl UserKind {
    /// The value in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The stored state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum UserState {
    /// The user must set a password first.
    Invited {
        /// The expiry of the invitation.
        until: Timestamp,
    },
    Active,
    Blocked,
}

impl UserState {
    /// The value in the database and the audit log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether a user in this state may sign in, depending on whether the account is enabled.
    pub fn allows_sign_in(self, enabled: bool) -> bool {
        enabled && self == Self::Active
    }
}

/// The status of an account at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum UserStatus {
    /// The user may sign in.
    Active,
    Invited,
    Expired,
    /// The account is disabled, and may be enabled again.
    Disabled,
    /// The account is closed permanently.
    #[strum(serialize = "deleted")]
    Blocked,
}

impl UserStatus {
    /// The value on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailVerifier {
    Operator,
    /// An administrator, by UUID.
    Administrator(Uuid),
}

impl FromStr for EmailVerifier {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "operator" { Ok(Self::Operator) } else { text.parse().map(Self::Administrator) }
    }
}

impl fmt::Display for EmailVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Administrator(uuid) => uuid.fmt(f),
        }
    }
}

/// The verification of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    pub by: EmailVerifier,
    pub at: Timestamp,
}

/// A person with an account, or the bot that a service key acts as.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    /// The UUID that clients use as the user's id (`sub` in tokens).
    pub uuid: Uuid,
    /// The email, which is also the username.
    pub email: Email,
    /// The verification of the email, if it is verified.
    pub email_verified: Option<Verification>,
    /// May be empty.
    pub first_name: PersonName,
    /// May be empty.
    pub last_name: PersonName,
    pub kind: UserKind,
    pub state: UserState,
    /// Whether the account is enabled. [`User::status`] has all conditions for a sign-in.
    pub enabled: bool,
    /// Whether the user may create API keys.
    pub developer: bool,
    /// Whether the password is temporary and can only be used to choose another.
    pub must_change_password: bool,
    pub role: AccountRole,
    pub created_at: Timestamp,
    pub last_sign_in_at: Option<Timestamp>,
}

impl User {
    /// The display name: first and last name, or the email if both are empty.
    pub fn name(&self) -> String {
        let name = format!("{} {}", self.first_name.as_str(), self.last_name.as_str());
        match name.trim() {
            "" => self.email.to_string(),
            name => name.to_owned(),
        }
    }

    pub fn status(&self, now: Timestamp) -> UserStatus {
        match self.state {
            UserState::Blocked => UserStatus::Blocked,
            UserState::Active | UserState::Invited { .. } if !self.enabled => UserStatus::Disabled,
            UserState::Active => UserStatus::Active,
            UserState::Invited { until } if now < until => UserStatus::Invited,
            UserState::Invited { .. } => UserStatus::Expired,
        }
    }

    /// Whether the credentials of the user are accepted.
    pub fn may_authenticate(&self) -> bool {
        self.state.allows_sign_in(self.enabled)
    }
}

#[derive(Clone, Debug, Default)]
pub struct UserSearch {
    /// A part of the email. Ignores case.
    pub email: Option<String>,
    /// Any of these statuses. If empty, users who may sign in or are invited.
    pub statuses: Vec<UserStatus>,
}

#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: Email,
    pub first_name: PersonName,
    pub last_name: PersonName,
    pub role: AccountRole,
}

/// Changes to a user. `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    pub email: Option<Email>,
    /// Whether the actor verifies the email. With `None`, a new email is verified if the actor may verify it, and an
    /// unchanged one keeps its state.
    pub email_verified: Option<bool>,
    pub first_name: Option<PersonName>,
    pub last_name: Option<PersonName>,
    pub enabled: Option<bool>,
    /// Whether the user may create API keys.
    pub developer: Option<bool>,
    /// Whether the user is an administrator. A former administrator becomes a member.
    pub administrator: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_stored_values_are_stable() {
        let words = ["administrator", "member", "ui_only", "annotator"];
        assert_eq!(AccountRole::ALL.map(AccountRole::as_str), words);
        assert_eq!(words.map(str::parse), AccountRole::ALL.map(Ok));
        assert!("root".parse::<AccountRole>().is_err());
        let (kinds, words) = ([UserKind::Person, UserKind::Bot], ["person", "bot"]);
        assert_eq!(kinds.map(UserKind::as_str), words);
        assert_eq!(words.map(str::parse), kinds.map(Ok));
        let states = [UserState::Invited { until: Timestamp::from_micros(0) }, UserState::Active, UserState::Blocked];
        assert_eq!(states.map(UserState::as_str), ["invited", "active", "blocked"]);
    }

    #[test]
    fn a_verifier_round_trips() {
        for voucher in [EmailVerifier::Operator, EmailVerifier::Administrator(Uuid::from_u128(7))] {
            assert_eq!(voucher.to_string().parse(), Ok(voucher));
        }
        assert!("ada@example.com".parse::<EmailVerifier>().is_err());
    }

    proptest! {
        #[test]
        fn a_name_is_trimmed_bounded_and_printable(raw in any::<String>()) {
            if let Ok(name) = PersonName::parse(&raw) {
                prop_assert_eq!(name.as_str(), &*text::nfc(raw.trim()));
                prop_assert!(name.as_str().chars().count() <= PersonName::MAX_LENGTH);
                prop_assert!(!name.as_str().chars().any(char::is_control));
            }
        }
    }

    proptest! {
        #[test]
        fn a_full_name_is_split_at_its_first_space(raw in "\\PC{0,40}") {
            if let Ok(name) = FullName::parse(&raw) {
                let (first, last) = name.split();
                prop_assert!(!first.as_str().is_empty() && !first.as_str().contains(' '));
                let shown = format!("{} {}", first.as_str(), last.as_str());
                let whole = raw.split_whitespace().collect::<Vec<_>>().join(" ");
                prop_assert_eq!(shown.trim(), &*text::nfc(&whole));
                for part in [first, last] {
                    prop_assert_eq!(PersonName::parse(part.as_str()).expect("a name"), part);
                }
            }
        }

        #[test]
        fn only_active_and_enabled_users_may_sign_in(state in 0..3_u8, enabled: bool, until in -9_i64..9, now in -9_i64..9) {
            let user = User {
                id: UserId(1),
                uuid: Uuid::nil(),
                email: Email::parse("ada@example.com").expect("an address"),
                email_verified: None,
                first_name: PersonName::default(),
                last_name: PersonName::default(),
                kind: UserKind::Person,
                state: match state {
                    0 => UserState::Active,
                    1 => UserState::Blocked,
                    _ => UserState::Invited { until: Timestamp::from_micros(until) },
                },
                enabled,
                developer: true,
                must_change_password: false,
                role: AccountRole::Member,
                created_at: Timestamp::from_micros(0),
                last_sign_in_at: None,
            };
            let status = user.status(Timestamp::from_micros(now));
            prop_assert_eq!(user.may_authenticate(), status == UserStatus::Active);
            prop_assert_eq!(status == UserStatus::Blocked, state == 1);
            prop_assert_eq!(status == UserStatus::Disabled, state != 1 && !enabled);
            prop_assert_eq!(status == UserStatus::Expired, state == 2 && enabled && until <= now);
        }
    }

    #[test]
    fn the_maximum_is_in_characters() {
        assert!(FullName::parse(&"é".repeat(255)).is_ok());
        assert!(FullName::parse(&"é".repeat(256)).is_err() && FullName::parse(" \t ").is_err());
        assert!(PersonName::parse(&"é".repeat(255)).is_ok());
        assert!(PersonName::parse(&"é".repeat(256)).is_err());
        assert!(PersonName::parse("a\u{0}b").is_err());
    }
}
