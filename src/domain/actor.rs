//! The actor of a request: the identity, the credential and the origin.

use std::net::IpAddr;

use uuid::Uuid;

use super::email::Email;
use super::ids::{KeyId, SessionId, UserId};
use super::user::{AccountRole, UserKind};

/// The identity, the credential and the origin of the actor.
#[derive(Clone, Debug)]
pub struct Actor {
    pub who: Who,
    pub credential: Credential,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub enum Who {
    /// A user with an account.
    Person(Person),
    /// A user of the command line with access to the data directory. It has the rights of an administrator.
    Operator,
    /// An unauthenticated actor, such as a user who is signing in.
    Nobody,
}

/// The attributes of a user that the policy and the audit need.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: UserId,
    pub uuid: Uuid,
    pub email: Email,
    /// Whether the user is a person or a bot.
    pub kind: UserKind,
    /// The account role. It has no meaning for a bot.
    pub role: AccountRole,
}

/// The credential that authenticated the actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A session, by its access token or its cookie.
    Session(SessionId),
    /// An API key.
    Key(KeyId),
    /// A password, during the sign-in.
    Password,
    /// A link to set a password.
    Link,
    /// Access to the data directory.
    Console,
    /// The server itself, at its start.
    Server,
}

impl Credential {
    /// The text for the audit: `session 4`, `key 7`, `password`.
    pub fn to_text(self) -> String {
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

/// The origin of a request.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The dialect of the request: `wallaroo`, `keycloak`, `cli`.
    pub dialect: &'static str,
    /// The address of the client. `None` for the command line.
    pub address: Option<IpAddr>,
    /// The request id in the log and in the response.
    pub request: Uuid,
    /// The client's `User-Agent`, as displayed in a list of sessions.
    pub agent: Option<String>,
}

impl Actor {
    /// The operator on the command line.
    pub fn operator() -> Self {
        let origin = Origin { dialect: "cli", address: None, request: Uuid::new_v4(), agent: None };
        Self { who: Who::Operator, credential: Credential::Console, origin }
    }

    /// The server itself, at its start.
    pub fn server() -> Self {
        let origin = Origin { dialect: "server", address: None, request: Uuid::new_v4(), agent: None };
        Self { who: Who::Operator, credential: Credential::Server, origin }
    }

    /// An actor who is not signed in yet.
    pub fn nobody(origin: Origin) -> Self {
        Self { who: Who::Nobody, credential: Credential::Password, origin }
    }

    /// The acting user. `None` for the operator and an unauthenticated actor.
    pub fn person(&self) -> Option<&Person> {
        match &self.who {
            Who::Person(person) => Some(person),
            Who::Operator | Who::Nobody => None,
        }
    }

    /// The session, if the credential is one.
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::Key(_) | Credential::Password | Credential::Link | Credential::Console | Credential::Server => {
                None
            }
        }
    }

    /// The id of the acting user.
    pub fn user(&self) -> Option<UserId> {
        self.person().map(|person| person.id)
    }
}
