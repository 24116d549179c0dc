//! Numbers and sizes as the pages show them.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::domain::quantity::size;

/// A number in a `<data>` element. The script shows it as the reader's language writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        element(f, &self.0.to_string())
    }
}

/// A number of bytes, as a [`Number`] of its unit: `1.50 GiB`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = size(self.0);
        let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
        element(f, number)?;
        write!(f, " {unit}")
    }
}

fn element(f: &mut fmt::Formatter<'_>, number: &str) -> fmt::Result {
    write!(f, "<data value=\"{number}\">{number}</data>")
}

// Numbers and units contain no markup.
impl HtmlSafe for Number {}
impl HtmlSafe for Size {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_neutral_and_has_its_value() {
        assert_eq!(Number(1_234_567).to_string(), "<data value=\"1234567\">1234567</data>");
        assert_eq!(Size(3 << 29).to_string(), "<data value=\"1.50\">1.50</data> GiB");
        assert_eq!(Size(12).to_string(), "<data value=\"12\">12</data> B");
    }
}
