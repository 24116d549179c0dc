//! Pages of a list, each going on where the one before ended, however rows come and go.

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The row number after which it begins; none for the first page.
    pub after: Option<i64>,
    /// The most things on it.
    pub limit: u32,
}

impl Page {
    /// How many things to look for: one more than is shown tells whether there is another page.
    pub const fn look_for(self) -> u32 {
        self.limit.saturating_add(1)
    }
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Slice<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The row number after which the next page begins; none on the last page.
    pub next: Option<i64>,
}

impl<T> Slice<T> {
    /// Cuts a page out of what was looked for ([`Page::look_for`]).
    pub fn cut(mut found: Vec<T>, page: Page, number: impl Fn(&T) -> i64) -> Self {
        let limit = page.limit as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(number);
        Self { items: found, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Slice<U> {
        Slice { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_show_everything_once(rows in 0_i64..60, limit in 1_u32..20) {
            let mut seen = Vec::new();
            let mut page = Page { after: None, limit };
            loop {
                let from = page.after.map_or(0, |after| after + 1);
                let found: Vec<i64> = (from..rows).take(page.look_for() as usize).collect();
                let slice = Slice::cut(found, page, |row| *row);
                prop_assert!(slice.items.len() <= limit as usize);
                seen.extend(slice.items);
                match slice.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
            prop_assert_eq!(seen, (0..rows).collect::<Vec<_>>());
        }
    }
}
