//! The `order_by` and `limit` arguments.

use std::cmp::Ordering;

use async_graphql::{Enum, InputObject};

use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};

/// A sort direction. The position of nulls makes no difference, because no sort column is ever null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "order_by", rename_items = "snake_case")]
pub(super) enum OrderBy {
    /// Ascending.
    Asc,
    /// Ascending, nulls first.
    AscNullsFirst,
    /// Ascending, nulls last.
    AscNullsLast,
    /// Descending.
    Desc,
    /// Descending, nulls first.
    DescNullsFirst,
    /// Descending, nulls last.
    DescNullsLast,
}

impl OrderBy {
    const fn apply(self, ordering: Ordering) -> Ordering {
        match self {
            Self::Asc | Self::AscNullsFirst | Self::AscNullsLast => ordering,
            Self::Desc | Self::DescNullsFirst | Self::DescNullsLast => ordering.reverse(),
        }
    }
}

/// The sort columns of an object.
#[derive(Clone, Debug)]
pub(super) struct SortKey {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl Default for SortKey {
    fn default() -> Self {
        let never = Timestamp::EARLIEST;
        Self { id: 0, name: String::new(), created_at: never, updated_at: never }
    }
}

/// The columns to order by; the first one takes precedence.
pub(super) trait Columns {
    fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering;
}

/// Declares the input of a type whose objects can be ordered.
macro_rules! order_by {
    ($(#[doc = $doc:literal])* $type:ident $name:literal { $(#[doc = $about:literal] $column:ident)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Default, InputObject)]
        #[graphql(name = $name, rename_fields = "snake_case")]
        pub(super) struct $type {
            $(#[doc = $about]
            pub(super) $column: Option<OrderBy>,)*
        }

        impl Columns for $type {
            fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering {
                Ordering::Equal$(.then_with(|| {
                    self.$column.map_or(Ordering::Equal, |by| by.apply(a.$column.cmp(&b.$column)))
                }))*
            }
        }
    };
}

order_by! {
    /// The columns to order models by; the first column of an object takes precedence.
    ModelsOrderBy "models_order_by" {
        /// The id.
        id
        /// The name.
        name
        /// The time of creation.
        created_at
        /// The time of the last change.
        updated_at
    }
}

order_by! {
    /// The columns to order model versions by; the first column of an object takes precedence.
    ModelVersionOrderBy "model_order_by" {
        /// The id.
        id
        /// The time of creation.
        created_at
        /// The time of the last change.
        updated_at
    }
}

order_by! {
    /// The columns to order pipelines by; the first column of an object takes precedence.
    PipelineOrderBy "pipeline_order_by" {
        /// The id.
        id
        /// The time of creation.
        created_at
    }
}

order_by! {
    /// The columns to order versions of pipelines by; the first column of an object takes precedence.
    PipelineVersionOrderBy "pipeline_version_order_by" {
        /// The id.
        id
        /// The time of creation.
        created_at
    }
}

order_by! {
    /// The columns to order tags by.
    TagOrderBy "tag_order_by" {
        /// The id.
        id
    }
}

/// Sorts in this order, and then by id.
fn sort<T>(rows: &mut [T], key: impl Fn(&T) -> &SortKey, order: Option<&[impl Columns]>) {
    rows.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        let decided = order.into_iter().flatten().map(|order| order.compare(a, b)).find(|ordering| ordering.is_ne());
        decided.unwrap_or_else(|| a.id.cmp(&b.id))
    });
}

/// The same rows in this order, and then by id.
pub(super) fn sorted<T: Clone>(rows: &[T], key: impl Fn(&T) -> &SortKey, order: Option<&[impl Columns]>) -> Vec<T> {
    let mut rows = rows.to_vec();
    sort(&mut rows, key, order);
    rows
}

/// The first rows, if there is a limit. Refuses a negative one.
pub(super) fn limited<T>(mut rows: Vec<T>, limit: Option<i32>) -> Result<Vec<T>> {
    rows.truncate(length(limit)?.unwrap_or(usize::MAX));
    Ok(rows)
}

fn length(limit: Option<i32>) -> Result<Option<usize>> {
    let length = limit.map(usize::try_from).transpose();
    length.map_err(|_| Error::invalid("limit", "must not be negative"))
}

/// Rows that are found in no order, of which the first ones in an order are kept.
pub(super) struct Ranking<C> {
    found: Vec<SortKey>,
    order: Option<Vec<C>>,
    limit: Option<usize>,
}

impl<C: Columns> Ranking<C> {
    /// The number of rows beyond twice the limit that are kept until they are sorted.
    const SLACK: usize = 4096;

    /// Refuses a negative limit.
    pub(super) fn new(order: Option<Vec<C>>, limit: Option<i32>) -> Result<Self> {
        Ok(Self { found: Vec::new(), order, limit: length(limit)? })
    }

    pub(super) const fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    pub(super) fn add(&mut self, row: SortKey) {
        self.found.push(row);
        if self.limit.is_some_and(|limit| self.found.len() > limit.saturating_mul(2).saturating_add(Self::SLACK)) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        sort(&mut self.found, |row| row, self.order.as_deref());
        self.found.truncate(self.limit.unwrap_or(usize::MAX));
    }

    /// The ids of the first rows.
    pub(super) fn finish(mut self) -> Vec<i64> {
        self.cut();
        self.found.into_iter().map(|row| row.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i64, name: &str, created_at: i64, updated_at: i64) -> SortKey {
        let (created_at, updated_at) = (Timestamp::from_micros(created_at), Timestamp::from_micros(updated_at));
        SortKey { id, name: name.to_owned(), created_at, updated_at }
    }

    fn ids(order: &[ModelsOrderBy]) -> Vec<i64> {
        let rows = [key(3, "b", 30, 10), key(1, "b", 10, 30), key(2, "a", 20, 30)];
        sorted(&rows, |row| row, Some(order)).iter().map(|row| row.id).collect()
    }

    #[test]
    fn without_an_order_rows_are_sorted_by_id() {
        assert_eq!(ids(&[]), [1, 2, 3]);
        assert_eq!(ids(&[ModelsOrderBy::default()]), [1, 2, 3]);
    }

    #[test]
    fn each_column_sorts_in_both_directions() {
        let by = |id, name, created_at, updated_at| ids(&[ModelsOrderBy { id, name, created_at, updated_at }]);
        assert_eq!(by(Some(OrderBy::Desc), None, None, None), [3, 2, 1]);
        assert_eq!(by(None, Some(OrderBy::AscNullsLast), None, None), [2, 1, 3]);
        assert_eq!(by(None, None, Some(OrderBy::DescNullsFirst), None), [3, 2, 1]);
        assert_eq!(by(None, None, None, Some(OrderBy::Desc)), [1, 2, 3]);
        assert_eq!(by(None, None, None, Some(OrderBy::Asc)), [3, 1, 2]);
    }

    #[test]
    fn of_several_orders_the_first_takes_precedence() {
        let name = || ModelsOrderBy { name: Some(OrderBy::Asc), ..ModelsOrderBy::default() };
        let newest = || ModelsOrderBy { created_at: Some(OrderBy::Desc), ..ModelsOrderBy::default() };
        assert_eq!(ids(&[name(), newest()]), [2, 3, 1]);
        assert_eq!(ids(&[newest(), name()]), [3, 2, 1]);
    }

    #[test]
    fn a_limit_is_not_negative() {
        assert_eq!(limited(vec![1, 2, 3], Some(2)).expect("a limit"), [1, 2]);
        assert_eq!(limited(vec![1], Some(0)).expect("a limit"), [0; 0]);
        assert_eq!(limited(vec![1], None).expect("no limit"), [1]);
        assert!(limited(vec![1], Some(-1)).is_err());
    }

    #[test]
    fn a_ranking_keeps_the_first_rows() {
        let newest = vec![ModelsOrderBy { created_at: Some(OrderBy::Desc), ..ModelsOrderBy::default() }];
        let mut ranking = Ranking::new(Some(newest), Some(3)).expect("a limit");
        for n in 0..20_000 {
            ranking.add(key(n, "", n * 7 % 20_000, 0));
        }
        assert!(ranking.found.len() < 5000, "{}", ranking.found.len());
        let newest = [19_999, 19_998, 19_997].map(|at| (0..20_000).find(|n| n * 7 % 20_000 == at).expect("a row"));
        assert_eq!(ranking.finish(), newest);
        assert!(Ranking::<ModelsOrderBy>::new(None, Some(-1)).is_err());
    }
}
