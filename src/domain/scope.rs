//! OAuth scopes, which limit the use of a token.

use std::collections::BTreeSet;
use std::fmt;

use strum::{EnumString, IntoStaticStr};

/// A scope (RFC 6749, section 3.3; OpenID Connect Core, sections 5.4 and 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Scope {
    #[strum(serialize = "openid")]
    OpenId,
    Email,
    /// The names.
    Profile,
    /// Refresh tokens with the longer lifetimes of offline sessions.
    OfflineAccess,
    /// The claim `groups`: organizations, workspaces and roles.
    Groups,
    /// The API: everything that an access token gives access to, except userinfo.
    Api,
}

impl Scope {
    pub const ALL: [Self; 6] = [Self::OpenId, Self::Email, Self::Profile, Self::OfflineAccess, Self::Groups, Self::Api];

    /// The value in requests and tokens.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A set of scopes, in the order of [`Scope::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().collect())
    }

    /// Parses names separated by whitespace. Ignores unknown names, as OpenID Connect Core, section 3.1.2.1 requires.
    pub fn parse_known(words: &str) -> Self {
        Self::of(words.split_ascii_whitespace().filter_map(|word| word.parse().ok()))
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// The intersection of two sets.
    #[must_use]
    pub fn intersection(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).copied().collect())
    }

    pub fn is_subset(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }

    /// The union of two sets.
    #[must_use]
    pub fn union(&self, others: &Self) -> Self {
        Self(self.0.union(&others.0).copied().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Scope::as_str).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_set_of_known_names() {
        let words = ["openid", "email", "profile", "offline_access", "groups", "api"];
        assert_eq!(Scope::ALL.map(Scope::as_str), words);
        assert_eq!(words.map(str::parse), Scope::ALL.map(Ok));
        let requested = Scopes::parse_known("email  openid nonsense openid");
        assert_eq!(requested.to_string(), "openid email");
        let all = Scopes::of(Scope::ALL);
        assert!(requested.is_subset(&all) && !all.is_subset(&requested));
        assert_eq!(all.intersection(&requested), requested);
        assert!(Scopes::parse_known("nonsense").is_empty());
    }
}
