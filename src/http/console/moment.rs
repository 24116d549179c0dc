//! Times as the pages show them.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::domain::timestamp::Timestamp;

/// A time for people: `2026-01-31 12:00 UTC`.
pub(super) fn text(at: Timestamp) -> String {
    let text = at.trimmed();
    let minutes = text.get(..16).unwrap_or(&text).replace('T', " ");
    format!("{minutes} UTC")
}

/// A `<time>` element. It shows UTC; the script shows the reader's zone instead, and the exact time on hover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    /// The time without the element, for an attribute.
    pub(super) fn text(self) -> String {
        text(self.0)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.zulu();
        write!(f, "<time datetime=\"{exact}\" title=\"{exact}\">{}</time>", text(self.0))
    }
}

// A timestamp contains no markup.
impl HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_shows_minutes_and_has_the_exact_time() {
        let at = Timestamp::parse("2026-01-31T12:00:05.25Z").unwrap();
        assert_eq!(text(at), "2026-01-31 12:00 UTC");
        let element = Moment(at).to_string();
        assert!(element.contains(">2026-01-31 12:00 UTC<") && element.contains("12:00:05"), "{element}");
    }
}
