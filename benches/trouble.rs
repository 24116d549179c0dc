//! The error of the benchmarks.

use std::error::Error;
use std::fmt;

pub type Result<T> = std::result::Result<T, Trouble>;

/// A reason why something could not be measured, as a text for the person who runs the benchmarks.
#[derive(Debug)]
pub struct Trouble(String);

impl Trouble {
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// Puts the failed action in front of the reason.
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
