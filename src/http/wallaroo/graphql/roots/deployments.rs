//! The root fields about deployments and orchestrations, of which there are none.

#![expect(clippy::unused_async, reason = "async-graphql requires it of every resolver")]

use async_graphql::{Object, SimpleObject};

use crate::app::pipelines::NOT_RUN;
use crate::error::{Error, Result};
use crate::http::wallaroo::graphql::content_filters::{Conditions, DeploymentFilter};
use crate::http::wallaroo::graphql::deployments::{
    DeploymentChange, DeploymentKey, DeploymentModelConfigInsert, Orchestration,
};
use crate::http::wallaroo::graphql::objects::{Deployment, DeploymentModelConfig};
use crate::http::wallaroo::graphql::orders::limited;
use crate::http::wallaroo::graphql::scalars::{BigInt, UuidText};

#[derive(Default)]
pub(super) struct DeploymentQueries;

#[Object(rename_fields = "snake_case")]
impl DeploymentQueries {
    /// Always empty: models are not run.
    #[graphql(complexity = "10 + child_complexity")]
    async fn deployment(
        &self,
        #[graphql(name = "where")] filter: Option<DeploymentFilter>,
        limit: Option<i32>,
    ) -> Result<Vec<Deployment>> {
        Conditions::read(filter)?;
        limited(Vec::new(), limit)
    }

    /// Refused: models are not run.
    #[graphql(complexity = "10 + child_complexity")]
    async fn deployment_by_pk(&self, id: BigInt) -> Result<Option<Deployment>> {
        let _ = id;
        Err(not_run())
    }

    /// Always null: there are no orchestrations.
    #[graphql(complexity = "10 + child_complexity")]
    async fn orchestration_by_pk(&self, id: UuidText) -> Option<Orchestration> {
        let _ = id;
        None
    }
}

#[derive(Default)]
pub(super) struct DeploymentChanges;

#[Object(rename_fields = "snake_case")]
impl DeploymentChanges {
    /// Refused: models are not run.
    #[graphql(complexity = "10 + child_complexity")]
    async fn update_deployment_by_pk(
        &self,
        #[graphql(name = "pk_columns")] pk_columns: DeploymentKey,
        #[graphql(name = "_set")] set: Option<DeploymentChange>,
    ) -> Result<Option<Deployment>> {
        let _ = (pk_columns, set);
        Err(not_run())
    }

    /// Refused: models are not run.
    #[graphql(complexity = "10 + child_complexity")]
    async fn insert_deployment_model_configs(
        &self,
        objects: Vec<DeploymentModelConfigInsert>,
    ) -> Result<Option<NewDeploymentModelConfigs>> {
        let _ = objects;
        Err(not_run())
    }
}

const fn not_run() -> Error {
    Error::Refused { rule: NOT_RUN }
}

/// New configurations of deployments.
#[derive(Debug, SimpleObject)]
#[graphql(name = "deployment_model_configs_mutation_response")]
pub(super) struct NewDeploymentModelConfigs {
    /// The configurations.
    returning: Vec<DeploymentModelConfig>,
}
