//! A person with an account.

use std::fmt;
use std::str::FromStr;

use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use super::email::Email;
use super::ids::UserId;
use super::invalid::Invalid;
use super::text;
use super::timestamp::Timestamp;

/// What a person may do in the account as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AccountRole {
    /// Sees and manages everything.
    Administrator,
    /// Sees and does what memberships allow.
    Member,
    /// As a member, but through pages only, not through an API.
    UiOnly,
    /// Annotates what memberships show, and nothing else.
    Annotator,
}

impl AccountRole {
    /// Each role, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Member, Self::UiOnly, Self::Annotator];

    /// The word for the role in the database, the audit and the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A person's first or last name: at most 255 characters, all of them visible; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// Takes a name, in NFC and without the blanks around it.
    ///
    /// Refuses one that is too long, has a character that nobody sees, or reads as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        text::of_person(raw, Self::LONGEST).map(Self)
    }

    /// A name of the data file as it is there: an older file may have one that would be refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person's whole name, as clients write it that know one name only: 1 to 255 characters, blanks made one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullName(String);

impl FullName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// Takes a name, in NFC, without the blanks around it, and with one blank where there are several.
    ///
    /// Refuses one that is empty or too long, has a character that nobody sees, or whose first or last name reads as an
    /// id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        // Separators of lines and paragraphs are no blanks that somebody types between names.
        let blank = |c: char| c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}');
        let name = raw.trim().split(blank).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return Err(Invalid::rule("must not be empty"));
        }
        let name = text::of_person(&name, Self::LONGEST)?;
        let (first, last) = halves(&name);
        PersonName::parse(first).and_then(|_| PersonName::parse(last))?;
        Ok(Self(name))
    }

    /// The first name, which ends at the first blank, and the last, which is the rest and may be empty.
    pub fn split(&self) -> (PersonName, PersonName) {
        let (first, last) = halves(&self.0);
        (PersonName(first.to_owned()), PersonName(last.to_owned()))
    }
}

fn halves(name: &str) -> (&str, &str) {
    name.split_once(' ').unwrap_or((name, ""))
}

/// Whether an account is a person's or a bot's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum UserKind {
    /// A person.
    Person,
    /// What a service key acts as.
    Bot,
}

impl UserKind {
    /// The word for the kind in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How far an account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum UserState {
    /// Waits for the person to choose a password.
    Invited {
        /// When the invitation ends.
        until: Timestamp,
    },
    /// In use.
    Active,
    /// Closed for good.
    Blocked,
}

impl UserState {
    /// The word for the state in the database and the audit.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether somebody may come in whose account has come as far, and is switched on or off.
    pub fn lets_in(self, enabled: bool) -> bool {
        enabled && self == Self::Active
    }
}

/// What has become of an account by some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum UserStatus {
    /// The person may come in.
    Active,
    /// The person is invited.
    Invited,
    /// The invitation has run out.
    Expired,
    /// The account is switched off, and may be switched on again.
    Disabled,
    /// The account is closed for good.
    #[strum(serialize = "deleted")]
    Blocked,
}

impl UserStatus {
    /// The word for the status on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Who vouched for the address of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voucher {
    /// The operator, on the command line.
    Operator,
    /// The administrator of this UUID.
    Administrator(Uuid),
}

impl FromStr for Voucher {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "operator" { Ok(Self::Operator) } else { text.parse().map(Self::Administrator) }
    }
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Administrator(uuid) => uuid.fmt(f),
        }
    }
}

/// That somebody vouched for the address of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Who.
    pub by: Voucher,
    /// When.
    pub at: Timestamp,
}

/// A person with an account, or the bot that a service key acts as.
#[derive(Clone, Debug)]
pub struct User {
    /// The row.
    pub id: UserId,
    /// The name that clients know the user by (`sub` in tokens).
    pub uuid: Uuid,
    /// The address, which is also the user name.
    pub email: Email,
    /// Who vouched for the address; none while nobody did.
    pub email_verified: Option<Verification>,
    /// The first name; may be empty.
    pub first_name: PersonName,
    /// The last name; may be empty.
    pub last_name: PersonName,
    /// Whether it is a person.
    pub kind: UserKind,
    /// How far the account has come.
    pub state: UserState,
    /// Whether the account is switched on; what else it takes to come in, [`User::status`] says.
    pub enabled: bool,
    /// Whether the user may make API keys.
    pub developer: bool,
    /// Whether the password is good only for choosing another.
    pub must_change_password: bool,
    /// What the user may do in the account.
    pub role: AccountRole,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the user last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

impl User {
    /// The name to show: first and last name, or the address where there is neither.
    pub fn name(&self) -> String {
        let name = format!("{} {}", self.first_name.as_str(), self.last_name.as_str());
        match name.trim() {
            "" => self.email.to_string(),
            name => name.to_owned(),
        }
    }

    /// What has become of the account by this moment.
    pub fn status(&self, now: Timestamp) -> UserStatus {
        match self.state {
            UserState::Blocked => UserStatus::Blocked,
            UserState::Active | UserState::Invited { .. } if !self.enabled => UserStatus::Disabled,
            UserState::Active => UserStatus::Active,
            UserState::Invited { until } if now < until => UserStatus::Invited,
            UserState::Invited { .. } => UserStatus::Expired,
        }
    }

    /// Whether any credential of the user is worth anything.
    pub fn may_enter(&self) -> bool {
        self.state.lets_in(self.enabled)
    }
}

/// Which people to list.
#[derive(Clone, Debug, Default)]
pub struct UserSearch {
    /// Only those whose address contains this text, in any case.
    pub email: Option<String>,
    /// Only those of one of these statuses; none for those who may come in or are invited.
    pub statuses: Vec<UserStatus>,
}

/// A person to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The first name.
    pub first_name: PersonName,
    /// The last name.
    pub last_name: PersonName,
    /// The account role.
    pub role: AccountRole,
}

/// What is to change about a person; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The new address.
    pub email: Option<Email>,
    /// Whether the actor vouches for the address; left out, a new address is vouched for by whoever may, and the old one
    /// stays as it is.
    pub email_verified: Option<bool>,
    /// The new first name.
    pub first_name: Option<PersonName>,
    /// The new last name.
    pub last_name: Option<PersonName>,
    /// Whether the account is switched on.
    pub enabled: Option<bool>,
    /// Whether the user may make API keys.
    pub developer: Option<bool>,
    /// Whether the user is an administrator; an administrator no longer is an ordinary member.
    pub administrator: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_stored_words_stay() {
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
    fn a_voucher_is_read_as_it_is_written() {
        for voucher in [Voucher::Operator, Voucher::Administrator(Uuid::from_u128(7))] {
            assert_eq!(voucher.to_string().parse(), Ok(voucher));
        }
        assert!("ada@example.com".parse::<Voucher>().is_err());
    }

    proptest! {
        #[test]
        fn a_name_is_trimmed_bounded_and_printable(raw in any::<String>()) {
            if let Ok(name) = PersonName::parse(&raw) {
                prop_assert_eq!(name.as_str(), &*text::nfc(raw.trim()));
                prop_assert!(name.as_str().chars().count() <= PersonName::LONGEST);
                prop_assert!(!name.as_str().chars().any(char::is_control));
            }
        }
    }

    proptest! {
        #[test]
        fn a_whole_name_is_split_at_its_first_blank_and_shown_whole(raw in "\\PC{0,40}") {
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
        fn only_who_is_active_and_enabled_comes_in(state in 0..3_u8, enabled: bool, until in -9_i64..9, now in -9_i64..9) {
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
            prop_assert_eq!(user.may_enter(), status == UserStatus::Active);
            prop_assert_eq!(status == UserStatus::Blocked, state == 1);
            prop_assert_eq!(status == UserStatus::Disabled, state != 1 && !enabled);
            prop_assert_eq!(status == UserStatus::Expired, state == 2 && enabled && until <= now);
        }
    }

    #[test]
    fn the_bound_is_in_characters() {
        assert!(FullName::parse(&"é".repeat(255)).is_ok());
        assert!(FullName::parse(&"é".repeat(256)).is_err() && FullName::parse(" \t ").is_err());
        assert!(PersonName::parse(&"é".repeat(255)).is_ok());
        assert!(PersonName::parse(&"é".repeat(256)).is_err());
        assert!(PersonName::parse("a\u{0}b").is_err());
    }
}
