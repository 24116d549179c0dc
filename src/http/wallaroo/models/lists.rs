//! Lists of models, and single models with their versions.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::Body;
use super::super::failure::{AlwaysRefusals, Refusal};
use super::super::{Caller, Failure};
use super::objects::{ConfiguredVersion, ListedModelVersion, Model, ModelWorkspace, READY};
use crate::app::models;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelId, WorkspaceId};
use crate::domain::model::ModelFilter;
use crate::error::Error;
use crate::http::pieces;

/// A filter of models; all fields are optional.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelListQuestion {
    /// Only models of this workspace.
    workspace_id: Option<i64>,
    /// Only models of the workspace with this name.
    workspace_name: Option<String>,
}

/// Models with their versions and workspaces.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelList {
    models: Vec<ListedModel>,
}

/// A model with its versions and its workspace.
#[derive(Debug, Serialize, ToSchema)]
struct ListedModel {
    model: Model,
    /// The versions, newest first.
    model_versions: Vec<ConfiguredVersion>,
    workspace: ModelWorkspace,
}

/// Lists models, by workspace and id. A workspace that the caller may not see has none.
#[utoipa::path(post, path = "/v1/api/models/list", tag = "models", operation_id = "models_list", request_body = ModelListQuestion,
    responses(
        (status = 200, description = "The models", body = ModelList),
        (status = 400, description = "The request is malformed", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn list(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ModelListQuestion>,
) -> Result<HttpResponse, Failure> {
    let ModelListQuestion { workspace_id, workspace_name } = body.0;
    let filter = ModelFilter { workspace: workspace_id.map(WorkspaceId), workspace_name, name: None };
    listed(&state, &caller, filter).await
}

/// A model by its name and its workspace.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct NamedModelQuestion {
    /// The name of the model.
    model_id: String,
    /// The id of the workspace.
    workspace_id: i64,
}

/// Lists the model with a name and its versions. A name without a model gives an empty list.
#[utoipa::path(post, path = "/v1/api/models/list_versions_for_model", tag = "models", operation_id = "models_list_versions_for_model",
    request_body = NamedModelQuestion,
    responses(
        (status = 200, description = "The model", body = ModelList),
        (status = 400, description = "The request is malformed", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn list_versions_for_model(
    state: Data<AppState>,
    caller: Caller,
    body: Body<NamedModelQuestion>,
) -> Result<HttpResponse, Failure> {
    let NamedModelQuestion { model_id, workspace_id } = body.0;
    let filter = ModelFilter { workspace: Some(WorkspaceId(workspace_id)), workspace_name: None, name: Some(model_id) };
    listed(&state, &caller, filter).await
}

async fn listed(state: &AppState, caller: &Caller, filter: ModelFilter) -> Result<HttpResponse, Failure> {
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let mut is_first = true;
        out.text(r#"{"models":["#)?;
        models::list(view, caller, &filter, |model, workspace| {
            out.separate(&mut is_first)?;
            out.text(r#"{"model":"#)?;
            out.json(&Model::new(model))?;
            out.text(r#","model_versions":["#)?;
            let mut is_newest = true;
            models::for_each_version_of_visible(view, model.id, |version, config| {
                out.separate(&mut is_newest)?;
                out.json(&ConfiguredVersion::new(version, config))
            })?;
            out.text(r#"],"workspace":"#)?;
            out.json(&ModelWorkspace::new(workspace))?;
            out.text("}")
        })?;
        out.text("]}")
    };
    Ok(pieces::json(state.read_list(caller, caller.coding, write).await?))
}

/// A model by id.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelQuestion {
    /// The id of the model.
    id: i64,
}

/// A model with its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelWithVersions {
    /// The id.
    id: i64,
    /// The name.
    name: String,
    /// The UUID of the creator; empty if that account no longer exists.
    owner_id: String,
    /// The time of creation.
    created_at: String,
    /// The time of the last change.
    updated_at: String,
    /// The id of the workspace.
    workspace_id: i64,
    /// The versions, newest first.
    models: Vec<ListedModelVersion>,
    workspace: WorkspaceOfModel,
}

/// The workspace of a model.
#[derive(Debug, Serialize, ToSchema)]
struct WorkspaceOfModel {
    /// The id.
    id: i64,
    /// The name.
    name: String,
}

/// Shows a model with its versions.
#[utoipa::path(post, path = "/v1/api/models/get", tag = "models", operation_id = "models_get", request_body = ModelQuestion,
    responses(
        (status = 200, description = "The model", body = ModelWithVersions),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The model does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn get(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ModelQuestion>,
) -> Result<HttpResponse, Failure> {
    let id = ModelId(body.0.id);
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let (model, workspace) = models::visible(view, caller, id)?;
        // The object of the model, open at its end for the fields that follow.
        let head = serde_json::to_string(&Model::new(&model)).map_err(Error::internal)?;
        out.text(head.trim_end_matches('}'))?;
        out.text(r#","models":["#)?;
        let mut is_first = true;
        models::for_each_version_of_visible(view, id, |version, _| {
            out.separate(&mut is_first)?;
            out.json(&ListedModelVersion::new(version))
        })?;
        out.text(r#"],"workspace":"#)?;
        out.json(&WorkspaceOfModel { id: workspace.id.0, name: workspace.name.as_str().to_owned() })?;
        out.text("}")
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// Shows a model.
#[utoipa::path(post, path = "/v1/api/models/get_by_id", tag = "models", operation_id = "models_get_by_id", request_body = ModelQuestion,
    responses(
        (status = 200, description = "The model", body = Model),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The model does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn get_by_id(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ModelQuestion>,
) -> Result<HttpResponse, Failure> {
    let id = ModelId(body.0.id);
    let (model, _) = state.read_as(&caller, move |view, caller| models::visible(view, caller, id)).await?;
    Ok(HttpResponse::Ok().json(Model::new(&model)))
}

/// A filter of versions of models. A version is listed if either fits; one is required.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelVersionListQuestion {
    /// The name of models in any workspace.
    model_id: Option<String>,
    /// The id of a model.
    models_pk_id: Option<i64>,
}

/// A version of a model, with its status.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct ListedModelVersionWithStatus {
    #[serde(flatten)]
    version: ListedModelVersion,
    /// Always `ready`.
    status: &'static str,
}

/// Lists versions of models: by model, the newest version first.
#[utoipa::path(post, path = "/v1/api/models/list_versions", tag = "models", operation_id = "models_list_versions", request_body = ModelVersionListQuestion,
    responses(
        (status = 200, description = "The versions", body = Vec<ListedModelVersionWithStatus>),
        (status = 400, description = "The request is malformed", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn list_versions(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ModelVersionListQuestion>,
) -> Result<HttpResponse, Failure> {
    let ModelVersionListQuestion { model_id, models_pk_id } = body.0;
    if model_id.is_none() && models_pk_id.is_none() {
        return Err(Error::invalid("model_id", "is required unless models_pk_id is given").into());
    }
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let mut is_first = true;
        out.text("[")?;
        models::list_versions(view, caller, models_pk_id.map(ModelId), model_id.as_deref(), |version| {
            out.separate(&mut is_first)?;
            out.json(&ListedModelVersionWithStatus { version: ListedModelVersion::new(version), status: READY })
        })?;
        out.text("]")
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// A registry of MLflow models. There is none.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct Registry {}

/// Lists the registries of MLflow models. There are none: atelier keeps models itself.
#[utoipa::path(post, path = "/v1/api/models/list_registries", tag = "models", operation_id = "models_list_registries",
    responses((status = 200, description = "No registries", body = Vec<Registry>), AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn list_registries(_: Caller) -> Json<Vec<Registry>> {
    Json(Vec::new())
}
