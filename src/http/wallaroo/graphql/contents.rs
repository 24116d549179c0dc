//! The contents of a workspace: models, each with its versions, and pipelines.

use std::cmp::Ordering;

use async_graphql::{Enum, InputObject, SimpleObject};

use super::scalars::BigInt;
use crate::domain::ids::PipelineId;
use crate::store::contents::ModelRow;

/// A model: a named series of versions, which the field `models` contains.
#[derive(Debug, SimpleObject)]
#[graphql(name = "models")]
pub(super) struct Model {
    /// The id.
    id: BigInt,
    /// The versions of the model, oldest first.
    models: Vec<ModelVersion>,
}

/// A version of a model.
#[derive(Debug, SimpleObject)]
#[graphql(name = "model")]
pub(super) struct ModelVersion {
    /// The id.
    id: BigInt,
}

/// A pipeline.
#[derive(Debug, SimpleObject)]
#[graphql(name = "pipeline")]
pub(super) struct Pipeline {
    /// The id.
    id: BigInt,
}

impl From<&ModelRow> for Model {
    fn from(row: &ModelRow) -> Self {
        let models = row.versions.iter().map(|version| ModelVersion { id: BigInt(version.0) }).collect();
        Self { id: BigInt(row.id.0), models }
    }
}

impl From<PipelineId> for Pipeline {
    fn from(id: PipelineId) -> Self {
        Self { id: BigInt(id.0) }
    }
}

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

/// The columns to order models by; the first column of an object takes precedence.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "models_order_by")]
pub(super) struct ModelsOrderBy {
    /// The id.
    id: Option<OrderBy>,
    /// The name.
    name: Option<OrderBy>,
    /// The time of creation.
    #[graphql(name = "created_at")]
    created_at: Option<OrderBy>,
    /// The time of the last change.
    #[graphql(name = "updated_at")]
    updated_at: Option<OrderBy>,
}

impl OrderBy {
    const fn apply(self, ordering: Ordering) -> Ordering {
        match self {
            Self::Asc | Self::AscNullsFirst | Self::AscNullsLast => ordering,
            Self::Desc | Self::DescNullsFirst | Self::DescNullsLast => ordering.reverse(),
        }
    }
}

impl ModelsOrderBy {
    fn compare(&self, a: &ModelRow, b: &ModelRow) -> Ordering {
        let by = |order: Option<OrderBy>, ordering: Ordering| order.map_or(Ordering::Equal, |by| by.apply(ordering));
        by(self.id, a.id.cmp(&b.id))
            .then_with(|| by(self.name, a.name.cmp(&b.name)))
            .then_with(|| by(self.created_at, a.created_at.cmp(&b.created_at)))
            .then_with(|| by(self.updated_at, a.updated_at.cmp(&b.updated_at)))
    }
}

/// Models in this order, and then by id.
pub(super) fn sort_models(rows: &[ModelRow], order: &[ModelsOrderBy]) -> Vec<Model> {
    let mut rows: Vec<&ModelRow> = rows.iter().collect();
    rows.sort_by(|a, b| {
        let decided = order.iter().map(|order| order.compare(a, b)).find(|ordering| ordering.is_ne());
        decided.unwrap_or_else(|| a.id.cmp(&b.id))
    });
    rows.into_iter().map(Model::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ModelId;

    fn row(id: i64, name: &str, created_at: i64, updated_at: i64) -> ModelRow {
        ModelRow { id: ModelId(id), name: name.to_owned(), created_at, updated_at, versions: Vec::new() }
    }

    fn ids(order: &[ModelsOrderBy]) -> Vec<i64> {
        let rows = [row(1, "b", 10, 30), row(2, "a", 20, 30), row(3, "b", 30, 10)];
        sort_models(&rows, order).iter().map(|model| model.id.0).collect()
    }

    #[test]
    fn without_an_order_models_are_sorted_by_id() {
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
}
