//! The root fields of a document, by noun.

mod deployments;
mod models;
mod pipelines;
mod tags;
mod visibility;
mod workspaces;

use async_graphql::MergedObject;

use self::deployments::{DeploymentChanges, DeploymentQueries};
use self::models::ModelQueries;
use self::pipelines::PipelineQueries;
use self::tags::{TagChanges, TagQueries};
use self::visibility::VisibilityChanges;
use self::workspaces::{WorkspaceChanges, WorkspaceQueries};

/// The queries.
#[derive(Default, MergedObject)]
#[graphql(name = "query_root")]
pub(in crate::http) struct QueryRoot(WorkspaceQueries, ModelQueries, PipelineQueries, TagQueries, DeploymentQueries);

/// The mutations.
#[derive(Default, MergedObject)]
#[graphql(name = "mutation_root")]
pub(in crate::http) struct MutationRoot(WorkspaceChanges, TagChanges, VisibilityChanges, DeploymentChanges);
