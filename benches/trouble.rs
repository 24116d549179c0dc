//! Why something could not be measured.

use std::error::Error;
use std::fmt;

/// What the functions of the measurements give.
pub type Result<T> = std::result::Result<T, Trouble>;

/// Why something could not be measured, in words for whoever runs the measurements.
#[derive(Debug)]
pub struct Trouble(String);

impl Trouble {
    /// Trouble in these words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// The same, with what was tried in front.
    #[must_use]
    pub fn when(self, tried: impl fmt::Display) -> Self {
        Self(format!("{tried}: {}", self.0))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Self(words)
    }
}
