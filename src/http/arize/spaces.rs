//! `/v2/spaces` (contract, section 6).

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Query, from_object, name, present};
use super::generations::Shape;
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, ListRequest, Listed, Nothing, Reply, Shaped};
use super::{Caller, Failure, HandlerResult};
use crate::app::runtime::state::AppState;
use crate::app::workspaces;
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, WorkspaceId};
use crate::domain::text::Description;
use crate::domain::workspace::{
    LlmIntegration, NewWorkspace, SettingText, Workspace, WorkspaceChange, WorkspaceName, WorkspaceSearch,
};
use crate::error::InField;
use crate::store::View;
use crate::tokens::tags::TagKey;

/// A space.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Space {
    /// The id.
    id: String,
    /// The name, unique in its organization.
    name: String,
    /// The description; may be empty.
    description: String,
    /// The time of creation.
    created_at: String,
    /// Whether only its members and administrators can see it.
    is_private: bool,
    /// The id of the organization.
    organization_id: String,
    /// Whether machine-learning models are shown.
    ml_models_enabled: bool,
    /// The color at the start of the gradient.
    gradient_start_color: Option<String>,
    /// The color at the end of the gradient.
    gradient_end_color: Option<String>,
    /// The language model that is used by default.
    default_llm_integration: Option<LlmReference>,
    /// The integration in which agents run by default.
    default_agent_runtime: Option<RuntimeReference>,
}

impl Shaped for Space {
    const SHAPE: Shape = Shape::Space;
}

impl Listed for Space {
    const PLURAL: &'static str = "spaces";
}

/// A language model of an integration.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct LlmReference {
    /// The integration.
    integration_id: String,
    /// The model.
    model_name: String,
}

/// An integration.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct RuntimeReference {
    /// The integration.
    integration_id: String,
}

from_object!(LlmReference, RuntimeReference);

impl Serialize for LlmReference {
    fn serialize<S: serde::Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, writer)
    }
}

impl Serialize for RuntimeReference {
    fn serialize<S: serde::Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, writer)
    }
}

impl Space {
    fn new(key: &TagKey, workspace: Workspace) -> Self {
        let settings = workspace.settings;
        Self {
            id: workspace.id.encode(key),
            name: workspace.name.as_str().to_owned(),
            description: workspace.description.as_str().to_owned(),
            created_at: workspace.created_at.zulu(),
            is_private: workspace.private,
            organization_id: workspace.organization.encode(key),
            ml_models_enabled: settings.ml_models_enabled,
            gradient_start_color: settings.gradient_start_color.map(String::from),
            gradient_end_color: settings.gradient_end_color.map(String::from),
            default_llm_integration: settings
                .default_llm_integration
                .map(|llm| LlmReference { integration_id: llm.integration.into(), model_name: llm.model.into() }),
            default_agent_runtime: settings
                .default_agent_runtime
                .map(|integration| RuntimeReference { integration_id: integration.into() }),
        }
    }
}

/// A page of spaces.
#[derive(Serialize, ToSchema)]
pub(super) struct SpaceList {
    spaces: Vec<Space>,
    pagination: Pagination,
}

/// Lists the spaces that the caller can see, oldest first.
#[utoipa::path(get, path = "/v2/spaces", tag = "spaces",
    params(
        ("org_id" = Option<String>, Query, description = "Only spaces of this organization"),
        ("name" = Option<String>, Query, description = "Only entries whose name contains this text, ignoring case"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of spaces", body = SpaceList),
        (status = 400, description = "A parameter is malformed"),
        (status = 404, description = "The organization does not exist")))]
pub(super) async fn list(
    state: Data<AppState>,
    caller: Caller,
    query: Query,
    request: ListRequest,
) -> HandlerResult<List<Space>> {
    query.only(&["org_id", "name", "limit", "cursor"])?;
    let organization = query.one("org_id")?.map(|id| OrganizationId::read(&state.tags, "org_id", id)).transpose()?;
    let search = WorkspaceSearch { organization, name: query.text("name")?, archived: None };
    let page = page::requested::<Space>(&state.tags, &query)?;
    let read =
        move |view: &View, caller: &Actor, search: &WorkspaceSearch| workspaces::page(view, caller, search, page);
    request.respond(&state, &caller, search, read, Space::new).await
}

/// A new space.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateSpace {
    /// The name, 1 to 255 characters, unique in its organization.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// The id of the organization.
    organization_id: String,
    /// The description, at most 1000 characters.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Whether only its members and administrators can see it.
    is_private: Option<bool>,
}

/// Creates a space. The caller becomes its admin.
#[utoipa::path(post, path = "/v2/spaces", tag = "spaces", request_body = CreateSpace,
    responses(
        (status = 201, description = "The new space", body = Space),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The organization does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn create(state: Data<AppState>, caller: Caller, body: Body<CreateSpace>) -> HandlerResult<Space> {
    let body = body.0;
    let new = NewWorkspace {
        name: name(&body.name, WorkspaceName::parse)?,
        organization: Some(OrganizationId::read(&state.tags, "organization_id", &body.organization_id)?),
        description: Description::parse(body.description.as_deref().unwrap_or_default()).in_field("description")?,
        private: body.is_private.unwrap_or(false),
    };
    let workspace = state.write_as(&caller, move |tx, caller| workspaces::create(tx, caller, &new)).await?;
    Ok(Reply::Created(Space::new(&state.tags, workspace)))
}

/// Returns a space.
#[utoipa::path(get, path = "/v2/spaces/{space_id}", tag = "spaces",
    params(("space_id" = String, Path, description = "The id of the space")),
    responses(
        (status = 200, description = "The space", body = Space),
        (status = 400, description = "The id is malformed"),
        (status = 404, description = "The space does not exist")))]
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Space> {
    let id = WorkspaceId::read(&state.tags, "space_id", &id)?;
    let workspace = state.read_inline(|view| workspaces::visible(view, &caller, id))?;
    Ok(Reply::Ok(Space::new(&state.tags, workspace)))
}

/// The changes to a space; at least one field is required. Null clears a field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null clears, absent leaves alone")]
pub(super) struct UpdateSpace {
    /// The new name.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// The new description; null or an empty string clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    /// Whether only its members and administrators can see it.
    is_private: Option<bool>,
    /// Whether machine-learning models are shown.
    ml_models_enabled: Option<bool>,
    /// The color at the start of the gradient.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    gradient_start_color: Option<Option<String>>,
    /// The color at the end of the gradient.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    gradient_end_color: Option<Option<String>>,
    /// The language model that is used by default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<LlmReference>)]
    default_llm_integration: Option<Option<LlmReference>>,
    /// The integration in which agents run by default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<RuntimeReference>)]
    default_agent_runtime: Option<Option<RuntimeReference>>,
}

impl UpdateSpace {
    fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.description.is_none()
            && self.is_private.is_none()
            && self.ml_models_enabled.is_none()
            && self.gradient_start_color.is_none()
            && self.gradient_end_color.is_none()
            && self.default_llm_integration.is_none()
            && self.default_agent_runtime.is_none()
    }
}

impl TryFrom<UpdateSpace> for WorkspaceChange {
    type Error = Failure;

    fn try_from(update: UpdateSpace) -> Result<Self, Failure> {
        if update.is_empty() {
            return Err(Failure::no_field());
        }
        let description = update.description.map(Option::unwrap_or_default);
        Ok(Self {
            name: update.name.as_deref().map(|raw| name(raw, WorkspaceName::parse)).transpose()?,
            description: description.as_deref().map(Description::parse).transpose().in_field("description")?,
            private: update.is_private,
            ml_models_enabled: update.ml_models_enabled,
            gradient_start_color: update
                .gradient_start_color
                .map(|value| value.map(|raw| setting("gradient_start_color", &raw)).transpose())
                .transpose()?,
            gradient_end_color: update
                .gradient_end_color
                .map(|value| value.map(|raw| setting("gradient_end_color", &raw)).transpose())
                .transpose()?,
            default_llm_integration: update
                .default_llm_integration
                .map(|value| value.map(LlmReference::read).transpose())
                .transpose()?,
            default_agent_runtime: update
                .default_agent_runtime
                .map(|value| value.map(RuntimeReference::read).transpose())
                .transpose()?,
        })
    }
}

impl LlmReference {
    fn read(self) -> Result<LlmIntegration, Failure> {
        Ok(LlmIntegration {
            integration: setting("default_llm_integration.integration_id", &self.integration_id)?,
            model: setting("default_llm_integration.model_name", &self.model_name)?,
        })
    }
}

impl RuntimeReference {
    fn read(self) -> Result<SettingText, Failure> {
        setting("default_agent_runtime.integration_id", &self.integration_id)
    }
}

/// A text that clients store about a space.
fn setting(field: &'static str, raw: &str) -> Result<SettingText, Failure> {
    Ok(SettingText::parse(raw).in_field(field)?)
}

/// Changes a space.
#[utoipa::path(patch, path = "/v2/spaces/{space_id}", tag = "spaces", request_body = UpdateSpace,
    params(("space_id" = String, Path, description = "The id of the space")),
    responses(
        (status = 200, description = "The updated space", body = Space),
        (status = 400, description = "The request is malformed or changes nothing"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The space does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<UpdateSpace>,
) -> HandlerResult<Space> {
    let id = WorkspaceId::read(&state.tags, "space_id", &id)?;
    let change = WorkspaceChange::try_from(body.0)?;
    let workspace = state.write_as(&caller, move |tx, caller| workspaces::change(tx, caller, id, &change)).await?;
    Ok(Reply::Ok(Space::new(&state.tags, workspace)))
}

/// Deletes a space with everything in it.
#[utoipa::path(delete, path = "/v2/spaces/{space_id}", tag = "spaces",
    params(("space_id" = String, Path, description = "The id of the space")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The space does not exist")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = WorkspaceId::read(&state.tags, "space_id", &id)?;
    state.write_as(&caller, move |tx, caller| workspaces::delete(tx, caller, id)).await?;
    Ok(Reply::Done)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn change(body: Value) -> Result<WorkspaceChange, String> {
        let update: UpdateSpace = serde_json::from_value(body).map_err(|error| error.to_string())?;
        WorkspaceChange::try_from(update).map_err(|error| error.to_string())
    }

    #[test]
    fn null_and_an_empty_string_clear_a_description() {
        for body in [json!({ "description": null }), json!({ "description": "" })] {
            let change = change(body.clone()).expect("a change");
            assert_eq!(change.description.expect("a description").as_str(), "", "{body}");
            assert!(change.name.is_none(), "{body}");
        }
        assert!(change(json!({ "name": "Atelier" })).expect("a change").description.is_none());
    }

    #[test]
    fn a_change_of_nothing_is_refused() {
        for body in [json!({}), json!({ "name": null }), json!({ "is_private": null })] {
            assert!(change(body.clone()).is_err_and(|error| error.contains("at least one field")), "{body}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        for body in [
            json!({ "name": 1 }),
            json!({ "name": ["Atelier"] }),
            json!({ "is_private": "true" }),
            json!({ "is_private": 1 }),
            json!({ "description": false }),
            json!({ "default_llm_integration": { "integration_id": "i" } }),
            json!({ "default_llm_integration": { "integration_id": 1, "model_name": "m" } }),
            json!({ "created_at": "2026-01-01T00:00:00Z" }),
            json!(["Atelier"]),
        ] {
            assert!(change(body.clone()).is_err(), "{body}");
        }
    }

    #[test]
    fn every_generation_can_create_a_space() {
        for body in [
            json!({ "name": "Atelier", "organization_id": "o" }),
            json!({ "name": "Atelier", "organization_id": "o", "description": "" }),
            json!({ "name": "Atelier", "organization_id": "o", "description": null, "is_private": null }),
            json!({ "name": "Atelier", "organization_id": "o", "description": "d", "is_private": true }),
        ] {
            assert!(serde_json::from_value::<CreateSpace>(body.clone()).is_ok(), "{body}");
        }
        for body in [json!({ "name": "Atelier" }), json!({ "name": "Atelier", "organization_id": 1 })] {
            assert!(serde_json::from_value::<CreateSpace>(body.clone()).is_err(), "{body}");
        }
    }
}
