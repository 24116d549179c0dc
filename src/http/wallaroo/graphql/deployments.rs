//! Types of objects that do not exist, because atelier does not run models: publications, orchestrations, and the inputs
//! that are about deployments. Clients find the fields that they name in their documents.

use async_graphql::{Enum, InputObject};

use super::json::StoredJson;
use super::orders::PipelineVersionOrderBy;
use super::scalars::{BigInt, Timestamptz, UuidText};

/// Declares a type that has no objects, with the fields of its GraphQL type.
macro_rules! without_objects {
    ($(#[doc = $doc:literal])* $type:ident $name:literal {
        $(#[doc = $about:literal] $field:ident $(($argument:ident: $input:ty))?: $output:ty,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub(super) enum $type {}

        $(#[doc = $doc])*
        #[async_graphql::Object(name = $name, rename_fields = "snake_case", rename_args = "snake_case")]
        #[expect(unreachable_code, reason = "there are no objects")]
        impl $type {
            $(#[doc = $about]
            async fn $field(&self, $($argument: Option<$input>)?) -> $output {
                $(let _ = $argument;)?
                match *self {}
            })*
        }
    };
}
pub(super) use without_objects;

without_objects! {
    /// A published version of a pipeline.
    PipelinePublish "pipeline_publish" {
        /// The id.
        id: BigInt,
        /// The version of the server.
        created_on_version: Option<String>,
        /// The address of the Helm chart.
        chart_url: Option<String>,
        /// The address of the engine.
        engine_url: Option<String>,
        /// The configuration of the engine.
        engine_config: Option<StoredJson>,
        /// The address of the pipeline.
        pipeline_url: Option<String>,
        /// The id of the version.
        pipeline_version_id: Option<BigInt>,
        /// The status.
        status: Option<String>,
        /// The time of creation.
        created_at: Option<Timestamptz>,
        /// The time of the last change.
        updated_at: Option<Timestamptz>,
        /// The user who published it.
        created_by: Option<String>,
        /// The images of the user.
        user_images: Option<StoredJson>,
    }
}

without_objects! {
    /// An orchestration of tasks.
    Orchestration "orchestration" {
        /// The id.
        id: UuidText,
        /// The name.
        name: Option<String>,
        /// The name of the uploaded file.
        file_name: Option<String>,
        /// The UUID of the creator.
        owner_id: Option<String>,
        /// The SHA-256 of the file.
        sha: Option<String>,
        /// The status.
        status: Option<String>,
        /// The id of the task.
        task_id: Option<String>,
        /// The id of the workspace.
        workspace_id: Option<BigInt>,
        /// The time of creation.
        created_at: Option<Timestamptz>,
        /// The time of the last change.
        updated_at: Option<Timestamptz>,
        /// The image.
        image_path: Option<String>,
        /// The version of the server.
        created_on_version: Option<String>,
        /// The size of the file, in bytes.
        file_size: Option<BigInt>,
        /// The user who uploaded it.
        created_by: Option<String>,
    }
}

/// A column of configurations of deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "deployment_model_configs_select_column", rename_items = "snake_case")]
pub(super) enum DeploymentModelConfigColumn {
    /// The id.
    Id,
    /// The id of the deployment.
    DeploymentId,
    /// The id of the configuration.
    ModelConfigId,
}

/// The columns to order versions in deployments by.
#[derive(Debug, InputObject)]
#[graphql(name = "deployment_pipeline_version_order_by", rename_fields = "snake_case")]
pub(super) struct DeploymentPipelineVersionOrderBy {
    /// The columns of the version.
    pipeline_version: Option<PipelineVersionOrderBy>,
}

/// A deployment.
#[derive(Debug, InputObject)]
#[graphql(name = "deployment_pk_columns_input")]
pub(super) struct DeploymentKey {
    /// The id.
    id: BigInt,
}

/// The new state of a deployment.
#[derive(Debug, InputObject)]
#[graphql(name = "deployment_set_input")]
pub(super) struct DeploymentChange {
    /// Whether it runs.
    deployed: Option<bool>,
}

/// A configuration for a deployment.
#[derive(Debug, InputObject)]
#[graphql(name = "deployment_model_configs_insert_input", rename_fields = "snake_case")]
pub(super) struct DeploymentModelConfigInsert {
    /// The id of the deployment.
    deployment_id: Option<BigInt>,
    /// The id of the configuration.
    model_config_id: Option<BigInt>,
}
