//! `/v2/tags` and `/v2/projects/{id}/tags` (contract, section "Tags").

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, KnownFields, StrictBody, name, present};
use super::generations::Shape;
use super::ids::Public;
use super::page::Pagination;
use super::reply::{List, Listed, Nothing, Reply, Shaped};
use super::spelling::canonical;
use super::{Caller, Failure, HandlerResult};
use crate::app::runtime::state::AppState;
use crate::app::tags;
use crate::domain::actor::Actor;
use crate::domain::field::Field;
use crate::domain::ids::{ProjectId, TagId, WorkspaceId};
use crate::domain::invalid::Invalid;
use crate::domain::page::Slice;
use crate::domain::tag::{NewTag, Tag as Noun, TagChange, TagColor, TagName};
use crate::domain::text::Description;
use crate::error::{Error, InField};
use crate::store::Tx;
use crate::tokens::tags::TagKey;

/// The maximum length of a name, which is less than that of the core.
const MAX_NAME_LENGTH: usize = 100;

/// The maximum number of tags in a request.
const MAX_IDS: usize = 100;

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tag {
    /// The id.
    id: String,
    /// The name, unique in its space, ignoring case.
    name: String,
    /// The description.
    description: Option<String>,
    /// The color, one of 19 names.
    #[schema(example = "GREEN")]
    color: Option<String>,
    /// The id of the space.
    space_id: String,
    /// The time of creation.
    created_at: String,
    /// The time of the last change.
    updated_at: String,
}

impl Shaped for Tag {
    const SHAPE: Shape = Shape::Tag;
}

impl Listed for Tag {
    const PLURAL: &'static str = "tags";
}

impl Tag {
    fn new(key: &TagKey, tag: &Noun) -> Self {
        Self {
            id: tag.id.encode(key),
            name: tag.name.as_str().to_owned(),
            description: tag.description.as_ref().map(|text| text.as_str().to_owned()),
            color: tag.color.map(|color| color.as_str().to_ascii_uppercase()),
            space_id: tag.workspace.map(|id| id.encode(key)).unwrap_or_default(),
            created_at: tag.created_at.zulu(),
            updated_at: tag.updated_at.zulu(),
        }
    }
}

/// The tags of a project. The list has no further pages.
#[derive(Serialize, ToSchema)]
pub(super) struct TagList {
    tags: Vec<Tag>,
    pagination: Pagination,
}

fn list(state: &AppState, tags: Vec<Noun>) -> Reply<List<Tag>> {
    Reply::Ok(List::new(&state.tags, Slice { items: tags, next: None }, |tag| Tag::new(&state.tags, &tag)))
}

/// A new tag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTag {
    /// The name, 1 to 100 characters, unique in the space, ignoring case.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The id of the space.
    space_id: String,
    /// The description, at most 1000 characters.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// The color, one of 19 names.
    #[schema(example = "GREEN")]
    color: Option<String>,
}

impl KnownFields for CreateTag {
    const FIELDS: &'static [&'static str] = &["name", "space_id", "description", "color"];
}

/// Creates a tag in a space.
#[utoipa::path(post, path = "/v2/tags", tag = "tags", request_body = CreateTag,
    responses(
        (status = 201, description = "The new tag", body = Tag),
        (status = 400, description = "Malformed, or a field is unknown"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The space does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid"),
        (status = 429, description = "You created too many within a minute; `Retry-After` says when to retry")))]
pub(super) async fn create(state: Data<AppState>, caller: Caller, body: StrictBody<CreateTag>) -> HandlerResult<Tag> {
    let body = body.0;
    let new = NewTag {
        workspace: WorkspaceId::read(&state.tags, "space_id", &body.space_id)?,
        name: name(&body.name, tag_name)?,
        description: description(body.description.as_deref())?,
        color: color(body.color.as_deref())?,
    };
    let tag = tags::create_within_limit(&state, &caller, new).await?;
    Ok(Reply::Created(Tag::new(&state.tags, &tag)))
}

/// The name of a tag without surrounding whitespace.
fn tag_name(raw: &str) -> Result<TagName, Invalid> {
    TagName::up_to(raw.trim(), MAX_NAME_LENGTH)
}

/// A description. Null or an empty string is none.
fn description(raw: Option<&str>) -> Result<Option<Description>, Failure> {
    let raw = raw.filter(|raw| !raw.is_empty());
    Ok(raw.map(Description::parse).transpose().in_field("description")?)
}

/// A color in any spelling. Null is none.
fn color(raw: Option<&str>) -> Result<Option<TagColor>, Failure> {
    let color = |raw| canonical(raw).to_ascii_lowercase().parse();
    let rule = "must be one of the 19 colors: GRAY, INDIGO, BLUE, CYAN, TEAL, PINE, GREEN, LIME, OLIVE, LEMON, YELLOW, \
                ORANGE, RED, CORAL, PINK, PLUM, PURPLE, BROWN or AUBURN";
    Ok(raw.map(color).transpose().map_err(|_| Invalid::rule(rule)).in_field("color")?)
}

/// The changes to a tag; at least one field is required. Null clears a field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null clears, absent leaves alone")]
pub(super) struct UpdateTag {
    /// The new name.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// The new description; null or an empty string clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    /// The new color; null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "GREEN")]
    color: Option<Option<String>>,
}

impl KnownFields for UpdateTag {
    const FIELDS: &'static [&'static str] = &["name", "description", "color"];
}

/// Changes a tag.
#[utoipa::path(patch, path = "/v2/tags/{tag_id}", tag = "tags", request_body = UpdateTag,
    params(("tag_id" = String, Path, description = "The id of the tag")),
    responses(
        (status = 200, description = "The updated tag", body = Tag),
        (status = 400, description = "The request is malformed or changes nothing, or a field is unknown"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The tag does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: StrictBody<UpdateTag>,
) -> HandlerResult<Tag> {
    let id = TagId::read(&state.tags, "tag_id", &id)?;
    let body = body.0;
    if body.name.is_none() && body.description.is_none() && body.color.is_none() {
        return Err(Failure::no_field());
    }
    let change = TagChange {
        name: body.name.as_deref().map(|raw| name(raw, tag_name)).transpose()?,
        description: body.description.map(|raw| description(raw.as_deref())).transpose()?,
        color: body.color.map(|raw| color(raw.as_deref())).transpose()?,
    };
    let tag = state.write_as(&caller, move |tx, caller| tags::change(tx, caller, id, &change)).await?;
    Ok(Reply::Ok(Tag::new(&state.tags, &tag)))
}

/// Deletes a tag, and detaches it from everything.
#[utoipa::path(delete, path = "/v2/tags/{tag_id}", tag = "tags",
    params(("tag_id" = String, Path, description = "The id of the tag")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The tag does not exist")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = TagId::read(&state.tags, "tag_id", &id)?;
    state.write_as(&caller, move |tx, caller| tags::delete(tx, caller, id)).await?;
    Ok(Reply::Done)
}

/// Lists the tags of a project, the last updated first.
#[utoipa::path(get, path = "/v2/projects/{project_id}/tags", tag = "tags",
    params(("project_id" = String, Path, description = "The id of the project")),
    responses(
        (status = 200, description = "The tags of the project", body = TagList),
        (status = 400, description = "The id is malformed"),
        (status = 404, description = "The project does not exist")))]
pub(super) async fn of_project(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<List<Tag>> {
    let id = ProjectId::read(&state.tags, "project_id", &id)?;
    let tags = state.read_inline(|view| tags::of_project(view, &caller, id))?;
    Ok(list(&state, tags))
}

/// Tags of a request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TagIds {
    /// The ids of 1 to 100 tags.
    #[schema(min_items = 1, max_items = 100)]
    tag_ids: Vec<String>,
}

impl KnownFields for TagIds {
    const FIELDS: &'static [&'static str] = &["tag_ids"];
}

impl TagIds {
    /// The tags, each with its id as the client sent it.
    fn read(self, key: &TagKey) -> Result<Vec<(TagId, String)>, Failure> {
        if !(1..=MAX_IDS).contains(&self.tag_ids.len()) {
            return Err(Error::invalid(Field::Tag, format!("must contain 1 to {MAX_IDS} ids")).into());
        }
        self.tag_ids.into_iter().map(|id| Ok((TagId::read(key, "tag_ids", &id)?, id))).collect()
    }
}

/// Attaches tags to a project. Returns all tags of the project, the last updated first.
#[utoipa::path(post, path = "/v2/projects/{project_id}/tags", tag = "tags", request_body = TagIds,
    params(("project_id" = String, Path, description = "The id of the project")),
    responses(
        (status = 200, description = "The tags of the project", body = TagList),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The project or a tag does not exist"),
        (status = 422, description = "The body is invalid, or a tag is of another space")))]
pub(super) async fn attach_to_project(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<TagIds>,
) -> HandlerResult<List<Tag>> {
    let id = ProjectId::read(&state.tags, "project_id", &id)?;
    let wanted: Vec<_> = body.0.read(&state.tags)?.into_iter().map(|(tag, _)| tag).collect();
    let attach = move |tx: &Tx, caller: &Actor| tags::attach_to_project(tx, caller, id, &wanted);
    let tags = state.write_as(&caller, attach).await?;
    Ok(list(&state, tags))
}

/// The result of detaching tags.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DetachedTags {
    /// Whether all tags of the request were attached.
    completed: bool,
    /// The tags that were attached.
    deleted: Vec<String>,
    /// The tags that were not attached.
    not_deleted: Vec<String>,
}

impl Shaped for DetachedTags {
    const SHAPE: Shape = Shape::DetachedTags;
}

/// Detaches tags from a project.
#[utoipa::path(delete, path = "/v2/projects/{project_id}/tags", tag = "tags", request_body = TagIds,
    params(("project_id" = String, Path, description = "The id of the project")),
    responses(
        (status = 200, description = "The tags that were detached", body = DetachedTags),
        (status = 400, description = "Malformed, or a field is unknown"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The project does not exist"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn detach_from_project(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: StrictBody<TagIds>,
) -> HandlerResult<DetachedTags> {
    let id = ProjectId::read(&state.tags, "project_id", &id)?;
    let wanted = body.0.read(&state.tags)?;
    let tags: Vec<_> = wanted.iter().map(|(tag, _)| *tag).collect();
    let detach = move |tx: &Tx, caller: &Actor| tags::detach_from_project(tx, caller, id, &tags);
    let detached = state.write_as(&caller, detach).await?;
    let (deleted, not_deleted): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(tag, _)| detached.contains(tag));
    let ids = |tags: Vec<(TagId, String)>| tags.into_iter().map(|(_, id)| id).collect();
    Ok(Reply::Ok(DetachedTags {
        completed: not_deleted.is_empty(),
        deleted: ids(deleted),
        not_deleted: ids(not_deleted),
    }))
}
