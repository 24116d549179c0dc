//! Keyset pagination. Each page starts after the last row of the previous one, even if rows were added or removed
//! meanwhile.

/// The position and the size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The row number after which the page starts. `None` for the first page.
    pub after: Option<i64>,
    /// The maximum number of items.
    pub limit: u32,
}

impl Page {
    /// The number of rows to query: one more than the limit, to find out whether there is a next page.
    pub const fn fetch_limit(self) -> u32 {
        self.limit.saturating_add(1)
    }
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Slice<T> {
    pub items: Vec<T>,
    /// The row number after which the next page starts. `None` on the last page.
    pub next: Option<i64>,
}

impl<T> Slice<T> {
    /// Truncates the rows of a query with [`Page::fetch_limit`] to a page.
    pub fn from_rows(mut found: Vec<T>, page: Page, number: impl Fn(&T) -> i64) -> Self {
        let limit = page.limit as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(number);
        Self { items: found, next }
    }

    /// Converts the items of a page.
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
        fn pages_contain_every_row_once(rows in 0_i64..60, limit in 1_u32..20) {
            let mut seen = Vec::new();
            let mut page = Page { after: None, limit };
            loop {
                let from = page.after.map_or(0, |after| after + 1);
                let found: Vec<i64> = (from..rows).take(page.fetch_limit() as usize).collect();
                let slice = Slice::from_rows(found, page, |row| *row);
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
