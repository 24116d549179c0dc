//! The error of the benchmarks.

use std::error::Error;
use std::fmt;

pub type Result<T> = std::result::Result<T, BenchError>;

/// A reason why something could not be measured, as a text for the person who runs the benchmarks.
#[derive(Debug)]
pub struct BenchError(String);

impl BenchError {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Puts the failed action in front of the reason.
    #[must_use]
    pub fn when(self, tried: impl fmt::Display) -> Self {
        Self(format!("{tried}: {}", self.0))
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for BenchError {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self(text)
    }
}
