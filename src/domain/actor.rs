//! Who is acting, by what right of entry, and from where.

use std::net::IpAddr;

use uuid::Uuid;

use super::email::Email;
use super::ids::{KeyId, SessionId, UserId};
use super::user::{AccountRole, UserKind};

/// Who is acting, by what right of entry, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// By what.
    pub credential: Credential,
    /// From where.
    pub origin: Origin,
}

/// Who is acting.
#[derive(Clone, Debug)]
pub enum Who {
    /// A person with an account.
    Person(Person),
    /// Whoever may run the command line on the data directory: as mighty as an administrator.
    Operator,
    /// Nobody yet: somebody who is signing in.
    Nobody,
}

/// As much of a user as judgement and the audit need.
#[derive(Clone, Debug)]
pub struct Person {
    /// The row.
    pub id: UserId,
    /// The user's UUID.
    pub uuid: Uuid,
    /// The user's address.
    pub email: Email,
    /// Whether this is a person or a bot.
    pub kind: UserKind,
    /// The account role; of a bot it says nothing.
    pub role: AccountRole,
}

/// What lets the actor in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// This session: an access token or the cookie of it.
    Session(SessionId),
    /// This API key.
    Key(KeyId),
    /// A password, while signing in.
    Password,
    /// A link that lets somebody choose a password.
    Link,
    /// Access to the data directory.
    Console,
    /// The server itself, at its start.
    Server,
}

impl Credential {
    /// The words that the audit keeps: `session 4`, `key 7`, `password`.
    pub fn words(self) -> String {
        match self {
            Self::Session(id) => format!("session {id}"),
            Self::Key(id) => format!("key {id}"),
            Self::Password => "password".to_owned(),
            Self::Link => "link".to_owned(),
            Self::Console => "console".to_owned(),
            Self::Server => "server".to_owned(),
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The dialect that it is spoken in: `wallaroo`, `keycloak`, `cli`.
    pub dialect: &'static str,
    /// The address of the client; none for the command line.
    pub address: Option<IpAddr>,
    /// What the log and the answer call the request.
    pub request: Uuid,
    /// What the client calls itself (`User-Agent`), as far as it is told in a list of sessions.
    pub agent: Option<String>,
}

impl Actor {
    /// Somebody on the command line.
    pub fn operator() -> Self {
        let origin = Origin { dialect: "cli", address: None, request: Uuid::new_v4(), agent: None };
        Self { who: Who::Operator, credential: Credential::Console, origin }
    }

    /// The server itself, at its start.
    pub fn server() -> Self {
        let origin = Origin { dialect: "server", address: None, request: Uuid::new_v4(), agent: None };
        Self { who: Who::Operator, credential: Credential::Server, origin }
    }

    /// Somebody who is signing in and therefore nobody yet.
    pub fn nobody(origin: Origin) -> Self {
        Self { who: Who::Nobody, credential: Credential::Password, origin }
    }

    /// The person who is acting, if it is one.
    pub fn person(&self) -> Option<&Person> {
        match &self.who {
            Who::Person(person) => Some(person),
            Who::Operator | Who::Nobody => None,
        }
    }

    /// The session that the actor comes with, if it is one.
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::Key(_) | Credential::Password | Credential::Link | Credential::Console | Credential::Server => {
                None
            }
        }
    }

    /// The user who is acting, if it is one.
    pub fn user(&self) -> Option<UserId> {
        self.person().map(|person| person.id)
    }
}
