//! The generations of the SDK: answers are made in the newest shape and then fitted to the caller's version by one
//! list of downgrades, each with the version that it ends at (contract, section 7).

use actix_web::HttpRequest;
use serde_json::Value;

/// A version of the SDK: major, minor, patch.
type Version = (u16, u16, u16);

/// The version that the caller's SDK says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Generation(Version);

impl Generation {
    /// The newest, which everybody has who does not say otherwise.
    const NEWEST: Self = Self((u16::MAX, 0, 0));

    /// What a request says in its headers (contract, section 1).
    pub(super) fn of(request: &HttpRequest) -> Self {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("sdk-package-name") != Some("arize") || header("sdk-language") != Some("python") {
            return Self::NEWEST;
        }
        header("sdk-version").and_then(version).map_or(Self::NEWEST, Self)
    }

    /// Whether nothing has to be fitted.
    pub(super) fn is_newest(self) -> bool {
        DOWNGRADES.iter().all(|downgrade| self.0 >= downgrade.ends)
    }
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

/// The kind of thing that an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing.
    Nothing,
    /// A space.
    Space,
    /// A membership of a space.
    SpaceMembership,
    /// An API key.
    Key,
    /// A new API key with its secret.
    CreatedKey,
    /// A renewed API key with its secret.
    RefreshedKey,
}

/// One way in which older generations differ.
struct Downgrade {
    /// The first version that does not need it.
    ends: Version,
    /// Fits one thing.
    fit: fn(Shape, Version, &mut Value),
}

/// Everything in which older generations differ.
const DOWNGRADES: &[Downgrade] = &[];

/// Fits an answer, a thing or a page of a list of them, to a generation.
pub(super) fn fit(shape: Shape, generation: Generation, answer: &mut Value) {
    for downgrade in DOWNGRADES.iter().filter(|downgrade| generation.0 < downgrade.ends) {
        (downgrade.fit)(shape, generation.0, answer);
    }
}
