//! Pictures, drawn as SVG: only numbers and texts, which the templates put into elements. They have no styles of their own,
//! and the same numbers stand in a table below each picture.

/// One number for each month, as bars.
#[derive(Debug)]
pub(super) struct Bars {
    /// The id of the title.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) each: Vec<Bar>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
    /// The middle of the bar.
    pub(super) middle: usize,
    /// Where its number stands.
    pub(super) above: usize,
    /// Its number, in thousands if it is large.
    pub(super) number: String,
    pub(super) name: String,
    /// A second line below the name; empty for none.
    pub(super) under: String,
}

impl Bars {
    pub(super) const WIDTH: usize = 360;
    pub(super) const HEIGHT: usize = 190;
    pub(super) const BASE: usize = 150;
    pub(super) const BAR: usize = 20;
    const TOP: usize = 22;

    /// The bars of these numbers, with the name of each and a second line below it.
    pub(super) fn new(id: &'static str, title: String, numbers: Vec<(u32, String, String)>) -> Self {
        let slot = Self::WIDTH / numbers.len().max(1);
        let largest = numbers.iter().map(|(number, ..)| *number).max().unwrap_or_default().max(1);
        let bar = |(at, (number, name, under)): (usize, (u32, String, String))| {
            let full = u64::from(number) * (Self::BASE - Self::TOP) as u64 / u64::from(largest);
            // A number that is not zero is seen.
            let height = usize::try_from(full).unwrap_or_default().max(usize::from(number > 0));
            let (y, middle) = (Self::BASE - height, at * slot + slot / 2);
            Bar {
                x: middle.saturating_sub(Self::BAR / 2),
                y,
                height,
                middle,
                above: y - 6,
                number: compact(number),
                name,
                under,
            }
        };
        Self { id, title, each: numbers.into_iter().enumerate().map(bar).collect() }
    }
}

/// A number that fits above a bar.
fn compact(number: u32) -> String {
    if number < 10_000 { number.to_string() } else { format!("{}k", number / 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_has_the_highest_bar() {
        let named = |number: u32| (number, "Jan".to_owned(), String::new());
        let bars = Bars::new("x", "Sign-ins".to_owned(), vec![named(0), named(5), named(10), named(10_000)]).each;
        let heights: Vec<_> = bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0, 1, 1, Bars::BASE - Bars::TOP]);
        assert!(bars.iter().all(|bar| bar.y + bar.height == Bars::BASE && bar.above > 0));
        assert!(bars.windows(2).all(|two| two[0].x + Bars::BAR <= two[1].x), "no bar covers another");
        let none = Bars::new("x", String::new(), vec![named(0); 12]).each;
        assert!(none.iter().all(|bar| bar.height == 0));
        assert!(none.last().unwrap().x + Bars::BAR <= Bars::WIDTH);
    }

    #[test]
    fn a_large_number_is_in_thousands() {
        assert_eq!([0, 9999, 10_000, 99_999].map(compact), ["0", "9999", "10k", "99k"]);
    }
}
