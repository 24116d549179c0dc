//! An OAuth client: a program that asks for tokens on behalf of people.

/// A way to get tokens (RFC 6749, section 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A name and a password.
    Password,
    /// A refresh token.
    RefreshToken,
}

impl Grant {
    /// Each way.
    pub const ALL: [Self; 2] = [Self::Password, Self::RefreshToken];

    /// The `grant_type` on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The way of a `grant_type`; none if there is no such way.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.word() == word)
    }
}

/// An OAuth client that needs no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub id: &'static str,
    /// The ways that it may use.
    pub grants: &'static [Grant],
}

/// The clients that every server knows.
pub const BUILT_IN: [Client; 1] =
    // The Wallaroo SDK.
    [Client { id: "sdk-client", grants: &[Grant::Password, Grant::RefreshToken] }];

impl Client {
    /// The client of this id; none if nobody knows it.
    pub fn find(id: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|client| client.id == id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_grant_has_its_own_word() {
        for grant in Grant::ALL {
            assert_eq!(Grant::from_word(grant.word()), Some(grant));
        }
    }

    #[test]
    fn every_client_is_found_by_its_id() {
        for client in &BUILT_IN {
            assert_eq!(Client::find(client.id), Some(client));
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_found(id in "[a-z-]{0,12}|\\PC{0,12}") {
            prop_assert!(Client::find(&id).is_none_or(|client| client.id == id));
            prop_assert!(Grant::from_word(&id).is_none_or(|grant| grant.word() == id));
        }
    }
}
