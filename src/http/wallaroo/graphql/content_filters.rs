//! The `where` arguments about models, pipelines, tags and deployments.
//!
//! All conditions of an argument must be true, however they are nested. They are therefore read into one list.

use std::collections::BTreeSet;

use async_graphql::{InputObject, MaybeUndefined};

use super::filters::{
    BigintComparison, MAX_CONDITIONS, NumberCondition, StringComparison, TextCondition, intersection, not_null,
};
use super::scalars::Timestamptz;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The id of a model version.
    VersionId,
    /// The name of a model.
    ModelName,
    /// The UUID of a model version.
    VersionUuid,
    Owner,
    CreatedAt,
    UpdatedAt,
    WorkspaceId,
    WorkspaceName,
    PipelineId,
    PipelineName,
    TagId,
    /// A deployment, of which there is none.
    Deployment,
}

#[derive(Debug)]
enum Condition {
    Number(NumberCondition),
    Text(TextCondition),
    Time(TimeCondition),
    /// True for a deployment only.
    Never,
}

#[derive(Debug)]
enum TimeCondition {
    Is(Timestamp),
    NotBefore(Timestamp),
    NotAfter(Timestamp),
}

/// A value of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'c> {
    Number(i64),
    Text(&'c str),
    Time(Timestamp),
}

/// Conditions that must all be true.
#[derive(Debug, Default)]
pub(super) struct Conditions(Vec<(Column, Condition)>);

impl Conditions {
    /// Reads a `where` argument. Refuses a comparison with null, and too many conditions.
    pub(super) fn read(filter: Option<impl Filter>) -> Result<Self> {
        let mut conditions = Self::default();
        if let Some(filter) = filter {
            filter.read("where", &mut conditions)?;
        }
        Ok(conditions)
    }

    fn add(&mut self, column: Column, condition: Condition, at: &str) -> Result<()> {
        if self.0.len() >= MAX_CONDITIONS {
            let rule = format!("must not contain more than {MAX_CONDITIONS} conditions");
            return Err(Error::invalid(at.to_owned(), rule));
        }
        self.0.push((column, condition));
        Ok(())
    }

    fn about(&self, column: Column) -> impl Iterator<Item = &Condition> {
        self.0.iter().filter(move |(about, _)| *about == column).map(|(_, condition)| condition)
    }

    /// Whether there are conditions on a column.
    pub(super) fn has(&self, column: Column) -> bool {
        self.about(column).next().is_some()
    }

    /// Whether there are conditions on other columns than these.
    pub(super) fn has_others_than(&self, columns: &[Column]) -> bool {
        self.0.iter().any(|(column, _)| !columns.contains(column))
    }

    /// Whether all conditions on a column are true for a value.
    pub(super) fn allow(&self, column: Column, cell: Cell) -> bool {
        self.about(column).all(|condition| match (condition, cell) {
            (Condition::Number(condition), Cell::Number(number)) => condition.matches(number),
            (Condition::Text(condition), Cell::Text(text)) => condition.matches(text),
            (Condition::Time(TimeCondition::Is(other)), Cell::Time(moment)) => moment == *other,
            (Condition::Time(TimeCondition::NotBefore(other)), Cell::Time(moment)) => moment >= *other,
            (Condition::Time(TimeCondition::NotAfter(other)), Cell::Time(moment)) => moment <= *other,
            (Condition::Number(_) | Condition::Text(_) | Condition::Time(_) | Condition::Never, _) => false,
        })
    }

    /// The only numbers of a column for which the conditions can be true. `None` if they name none.
    pub(super) fn numbers(&self, column: Column) -> Option<BTreeSet<i64>> {
        intersection(self.about(column).filter_map(|condition| match condition {
            Condition::Number(condition) => condition.named(),
            Condition::Text(_) | Condition::Time(_) | Condition::Never => None,
        }))
    }

    /// The only texts of a column for which the conditions can be true. `None` if they name none.
    pub(super) fn texts(&self, column: Column) -> Option<BTreeSet<String>> {
        intersection(self.about(column).filter_map(|condition| match condition {
            Condition::Text(condition) => condition.named(),
            Condition::Number(_) | Condition::Time(_) | Condition::Never => None,
        }))
    }
}

/// A part of a `where` argument.
pub(super) trait Filter: Sized {
    /// Reads the part at this path.
    fn read(self, at: &str, into: &mut Conditions) -> Result<()>;
}

/// A comparison of a value.
pub(super) trait Comparison: Sized {
    fn read(self, at: &str, column: Column, into: &mut Conditions) -> Result<()>;
}

impl Comparison for BigintComparison {
    fn read(self, at: &str, column: Column, into: &mut Conditions) -> Result<()> {
        self.conditions(at)?.into_iter().try_for_each(|condition| into.add(column, Condition::Number(condition), at))
    }
}

impl Comparison for StringComparison {
    fn read(self, at: &str, column: Column, into: &mut Conditions) -> Result<()> {
        self.conditions(at)?.into_iter().try_for_each(|condition| into.add(column, Condition::Text(condition), at))
    }
}

/// Conditions on a timestamp; all of them must be true.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "timestamptz_comparison_exp")]
pub(super) struct TimestamptzComparison {
    /// The time equals this one.
    #[graphql(name = "_eq")]
    eq: MaybeUndefined<Timestamptz>,
    /// The time is this one or later.
    #[graphql(name = "_gte")]
    gte: MaybeUndefined<Timestamptz>,
    /// The time is this one or earlier.
    #[graphql(name = "_lte")]
    lte: MaybeUndefined<Timestamptz>,
}

impl Comparison for TimestamptzComparison {
    fn read(self, at: &str, column: Column, into: &mut Conditions) -> Result<()> {
        let conditions = [
            not_null(self.eq, at, "_eq")?.map(|moment| TimeCondition::Is(moment.0)),
            not_null(self.gte, at, "_gte")?.map(|moment| TimeCondition::NotBefore(moment.0)),
            not_null(self.lte, at, "_lte")?.map(|moment| TimeCondition::NotAfter(moment.0)),
        ];
        let mut conditions = conditions.into_iter().flatten();
        conditions.try_for_each(|condition| into.add(column, Condition::Time(condition), at))
    }
}

/// Conditions on a Boolean.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "Boolean_comparison_exp")]
pub(super) struct BooleanComparison {
    /// The value equals this one.
    #[graphql(name = "_eq")]
    eq: MaybeUndefined<bool>,
}

impl Comparison for BooleanComparison {
    fn read(self, at: &str, column: Column, into: &mut Conditions) -> Result<()> {
        match not_null(self.eq, at, "_eq")? {
            Some(_) => into.add(column, Condition::Never, at),
            None => Ok(()),
        }
    }
}

fn read_all<F: Filter>(all: MaybeUndefined<Vec<F>>, at: &str, into: &mut Conditions) -> Result<()> {
    let all = not_null(all, at, "_and")?.unwrap_or_default();
    all.into_iter().enumerate().try_for_each(|(n, filter)| filter.read(&format!("{at}._and[{n}]"), into))
}

/// Declares the input of conditions: first on columns, then on the objects that the object refers to.
macro_rules! filter {
    ($(#[doc = $doc:literal])* $type:ident $name:literal
        { $(#[doc = $about:literal] $field:ident: $comparison:ident on $column:ident,)* }
        { $(#[doc = $of:literal] $object:ident: $filter:ident,)* }
        $(with $always:ident)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Default, InputObject)]
        #[graphql(name = $name, rename_fields = "snake_case")]
        pub(super) struct $type {
            /// Additional conditions.
            #[graphql(name = "_and")]
            and: MaybeUndefined<Vec<$type>>,
            $(#[doc = $about]
            $field: MaybeUndefined<$comparison>,)*
            $(#[doc = $of]
            $object: MaybeUndefined<$filter>,)*
        }

        impl Filter for $type {
            fn read(self, at: &str, into: &mut Conditions) -> Result<()> {
                read_all(self.and, at, into)?;
                $(if let Some(comparison) = not_null(self.$field, at, stringify!($field))? {
                    comparison.read(&format!("{at}.{}", stringify!($field)), Column::$column, into)?;
                })*
                $(if let Some(filter) = not_null(self.$object, at, stringify!($object))? {
                    filter.read(&format!("{at}.{}", stringify!($object)), into)?;
                })*
                $(into.add(Column::$always, Condition::Never, at)?;)?
                Ok(())
            }
        }
    };
}

filter! {
    /// Conditions on a workspace; all of them must be true.
    WorkspaceFilter "workspace_bool_exp" {
        /// Conditions on the id.
        id: BigintComparison on WorkspaceId,
        /// Conditions on the name.
        name: StringComparison on WorkspaceName,
    } {}
}

filter! {
    /// Conditions on a model; all of them must be true.
    ModelsFilter "models_bool_exp" {
        /// Conditions on the id of the workspace.
        workspace_id: BigintComparison on WorkspaceId,
    } {
        /// Conditions on the workspace.
        workspace: WorkspaceFilter,
    }
}

filter! {
    /// Conditions on a model version; all of them must be true.
    ModelVersionFilter "model_bool_exp" {
        /// Conditions on the id.
        id: BigintComparison on VersionId,
        /// Conditions on the name of the model.
        model_id: StringComparison on ModelName,
        /// Conditions on the UUID of the version.
        model_version: StringComparison on VersionUuid,
        /// Conditions on the UUID of the creator.
        owner_id: StringComparison on Owner,
        /// Conditions on the time of creation.
        created_at: TimestamptzComparison on CreatedAt,
        /// Conditions on the time of the last change.
        updated_at: TimestamptzComparison on UpdatedAt,
    } {
        /// Conditions on the model.
        model: ModelsFilter,
    }
}

filter! {
    /// Conditions on a deployment. There is none, so they are never true.
    DeploymentFilter "deployment_bool_exp" {
        /// Conditions on the id.
        id: BigintComparison on Deployment,
        /// Conditions on the name.
        deploy_id: StringComparison on Deployment,
        /// Whether it runs.
        deployed: BooleanComparison on Deployment,
    } {} with Deployment
}

filter! {
    /// Conditions on a pipeline; all of them must be true.
    PipelineFilter "pipeline_bool_exp" {
        /// Conditions on the id.
        id: BigintComparison on PipelineId,
        /// Conditions on the name.
        pipeline_id: StringComparison on PipelineName,
        /// Conditions on the id of the workspace.
        workspace_id: BigintComparison on WorkspaceId,
    } {
        /// Conditions on the workspace.
        workspace: WorkspaceFilter,
        /// Conditions on the deployment.
        deployment: DeploymentFilter,
    }
}

filter! {
    /// Conditions on a version of a pipeline; all of them must be true.
    PipelineVersionFilter "pipeline_version_bool_exp" {
        /// Conditions on the UUID of the creator.
        owner_id: StringComparison on Owner,
        /// Conditions on the time of creation.
        created_at: TimestamptzComparison on CreatedAt,
        /// Conditions on the time of the last change.
        updated_at: TimestamptzComparison on UpdatedAt,
    } {
        /// Conditions on the pipeline.
        pipeline: PipelineFilter,
    }
}

filter! {
    /// Conditions on a tag of a model version; all of them must be true.
    ModelTagFilter "model_tag_bool_exp" {
        /// Conditions on the id of the model version.
        model_id: BigintComparison on VersionId,
        /// Conditions on the id of the tag.
        tag_id: BigintComparison on TagId,
    } {}
}

filter! {
    /// Conditions on a tag of a pipeline; all of them must be true.
    PipelineTagFilter "pipeline_tag_bool_exp" {
        /// Conditions on the id of the pipeline.
        pipeline_pk_id: BigintComparison on PipelineId,
        /// Conditions on the id of the tag.
        tag_pk_id: BigintComparison on TagId,
    } {}
}
