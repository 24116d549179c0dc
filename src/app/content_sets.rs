//! Reads many objects of workspaces at once. What the actor may not see is left out, like what does not exist.

use std::collections::{HashMap, HashSet};

use crate::app::runtime::long_view::LongView;
use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelId, ModelVersionId, OrganizationId, PipelineId, PipelineVersionId, TagId, WorkspaceId};
use crate::domain::json_text::JsonText;
use crate::domain::model::{Model, ModelVersion};
use crate::domain::pipeline::{Pipeline, PipelineVersion};
use crate::domain::tag::{PipelineTag, Tag};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

/// What belongs to models, versions and pipelines that the actor may see.
pub use crate::store::content_sets::{
    model_versions as versions_of_models, pipeline_versions as versions_of_pipelines, tags_of_model_versions,
    tags_of_pipelines,
};

/// Those of these workspaces in which the actor may do this.
pub(super) fn workspaces_among(
    view: &View,
    actor: &Actor,
    workspaces: impl Iterator<Item = WorkspaceId>,
    action: Action,
) -> Result<HashSet<WorkspaceId>> {
    let workspaces: HashSet<_> = workspaces.collect();
    let places = standing::in_workspaces(view, actor, workspaces.into_iter())?;
    let allowed = places.into_iter().filter(|(_, place)| decide(&place.standing, action) == Decision::Allowed);
    Ok(allowed.map(|(id, _)| id).collect())
}

/// Those of these organizations that the actor may see.
pub(super) fn organizations_among(
    view: &View,
    actor: &Actor,
    organizations: impl Iterator<Item = OrganizationId>,
) -> Result<HashSet<OrganizationId>> {
    let organizations: HashSet<_> = organizations.collect();
    let standings = standing::in_organizations(view, actor, organizations.into_iter())?;
    let allowed =
        standings.into_iter().filter(|(_, standing)| decide(standing, Action::ReadOrganization) == Decision::Allowed);
    Ok(allowed.map(|(id, _)| id).collect())
}

/// Reads objects, and leaves out those in workspaces in which the actor may not do this.
fn visible<T>(
    view: &View,
    actor: &Actor,
    action: Action,
    workspace: impl Fn(&T) -> WorkspaceId,
    read: impl FnOnce(&mut Vec<T>) -> Result<()>,
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    read(&mut found)?;
    let allowed = workspaces_among(view, actor, found.iter().map(&workspace), action)?;
    found.retain(|item| allowed.contains(&workspace(item)));
    Ok(found)
}

/// Adds each object to a list.
fn push<T>(into: &mut Vec<T>) -> impl FnMut(T) -> Result<()> {
    |item| {
        into.push(item);
        Ok(())
    }
}

/// The maximum size of the JSON texts of the objects in one set, in bytes.
const MAX_TEXTS: usize = 32 << 20;

/// Adds each object to a list, without its JSON text unless that is wanted.
///
/// Refused when the texts are too long together.
fn push_with_text<T>(
    into: &mut Vec<T>,
    is_wanted: bool,
    text: impl Fn(&mut T) -> &mut Option<JsonText>,
) -> impl FnMut(T) -> Result<()> {
    let mut size = 0;
    move |mut item| {
        let text = text(&mut item);
        if is_wanted {
            size += text.as_ref().map_or(0, |text| text.as_str().len());
            if size > MAX_TEXTS {
                return Err(Error::Refused {
                    rule: "the definitions and conversions in one response are larger than 32 MiB; select fewer objects",
                });
            }
        } else {
            *text = None;
        }
        into.push(item);
        Ok(())
    }
}

pub fn workspaces(view: &LongView, actor: &Actor, ids: &[WorkspaceId]) -> Result<Vec<Workspace>> {
    let read = |found: &mut Vec<_>| store::content_sets::workspaces(view, ids, push(found));
    visible(view, actor, Action::ReadWorkspace, |workspace: &Workspace| workspace.id, read)
}

pub fn models(view: &LongView, actor: &Actor, ids: &[ModelId]) -> Result<Vec<Model>> {
    let read = |found: &mut Vec<_>| store::models::for_each_of(view, ids, push(found));
    visible(view, actor, Action::ReadModel, |model: &Model| model.workspace, read)
}

/// Model versions, with their conversions if those are wanted.
pub fn model_versions(
    view: &LongView,
    actor: &Actor,
    ids: &[ModelVersionId],
    with_conversions: bool,
) -> Result<Vec<ModelVersion>> {
    let read = |found: &mut Vec<_>| {
        let push = push_with_text(found, with_conversions, |version: &mut ModelVersion| &mut version.conversion);
        store::models::for_each_version_of(view, ids, push)
    };
    visible(view, actor, Action::ReadModel, |version: &ModelVersion| version.workspace, read)
}

pub fn pipelines(view: &LongView, actor: &Actor, ids: &[PipelineId]) -> Result<Vec<Pipeline>> {
    let read = |found: &mut Vec<_>| store::pipelines::for_each_of(view, ids, push(found));
    visible(view, actor, Action::ReadPipeline, |pipeline: &Pipeline| pipeline.workspace, read)
}

/// Versions of pipelines, with their definitions if those are wanted.
pub fn pipeline_versions(
    view: &LongView,
    actor: &Actor,
    ids: &[PipelineVersionId],
    with_definitions: bool,
) -> Result<Vec<PipelineVersion>> {
    let read = |found: &mut Vec<_>| {
        let push = push_with_text(found, with_definitions, |version: &mut PipelineVersion| &mut version.definition);
        store::pipelines::for_each_version_of(view, ids, push)
    };
    visible(view, actor, Action::ReadPipeline, |version: &PipelineVersion| version.workspace, read)
}

/// The tags of organizations are visible to all of their members.
pub fn tags(view: &LongView, actor: &Actor, ids: &[TagId]) -> Result<Vec<Tag>> {
    let mut found = Vec::new();
    store::tags::for_each_of(view, ids, push(&mut found))?;
    let (of_workspaces, shared): (Vec<_>, Vec<_>) = found.into_iter().partition(|tag: &Tag| tag.workspace.is_some());
    let allowed = workspaces_among(view, actor, of_workspaces.iter().filter_map(|tag| tag.workspace), Action::ReadTag)?;
    let organizations = organizations_among(view, actor, shared.iter().map(|tag| tag.organization))?;
    let visible = |tag: &Tag| match tag.workspace {
        Some(workspace) => allowed.contains(&workspace),
        None => organizations.contains(&tag.organization),
    };
    Ok(of_workspaces.into_iter().chain(shared).filter(visible).collect())
}

/// Calls `each` with the models of these workspaces.
pub fn models_in(
    view: &LongView,
    actor: &Actor,
    workspaces: &[WorkspaceId],
    each: impl FnMut(Model) -> Result<()>,
) -> Result<()> {
    let allowed = workspaces_among(view, actor, workspaces.iter().copied(), Action::ReadModel)?;
    store::models::for_each(view, &allowed.into_iter().collect::<Vec<_>>(), each)
}

/// Calls `each` with the pipelines of these workspaces.
pub fn pipelines_in(
    view: &LongView,
    actor: &Actor,
    workspaces: &[WorkspaceId],
    each: impl FnMut(Pipeline) -> Result<()>,
) -> Result<()> {
    let allowed = workspaces_among(view, actor, workspaces.iter().copied(), Action::ReadPipeline)?;
    store::pipelines::for_each(view, &allowed.into_iter().collect::<Vec<_>>(), each)
}

/// Calls `each` with the model versions that have these tags.
pub fn model_versions_of_tags(
    view: &LongView,
    actor: &Actor,
    tags: &[TagId],
    mut each: impl FnMut(TagId, ModelVersionId) -> Result<()>,
) -> Result<()> {
    let mut batches = Batches::new(view, actor, Action::ReadModel, |(tag, version)| each(tag, version));
    store::content_sets::model_versions_of_tags(view, tags, |tag, version, workspace| {
        batches.add((tag, version), workspace)
    })?;
    batches.judge()
}

/// Calls `each` with the attachments of these tags to pipelines.
pub fn pipelines_of_tags(
    view: &LongView,
    actor: &Actor,
    tags: &[TagId],
    each: impl FnMut(PipelineTag) -> Result<()>,
) -> Result<()> {
    let mut batches = Batches::new(view, actor, Action::ReadPipeline, each);
    store::content_sets::pipelines_of_tags(view, tags, |attached, workspace| batches.add(attached, workspace))?;
    batches.judge()
}

/// The number of objects whose workspaces are judged at once.
const BATCH: usize = 4096;

/// Passes on the objects in workspaces in which the actor may do something. Reading ends as soon as `each` refuses one.
struct Batches<'a, T, F> {
    view: &'a LongView<'a>,
    actor: &'a Actor,
    action: Action,
    waiting: Vec<(T, WorkspaceId)>,
    judged: HashMap<WorkspaceId, bool>,
    each: F,
}

impl<'a, T, F: FnMut(T) -> Result<()>> Batches<'a, T, F> {
    fn new(view: &'a LongView<'a>, actor: &'a Actor, action: Action, each: F) -> Self {
        Self { view, actor, action, waiting: Vec::new(), judged: HashMap::new(), each }
    }

    fn add(&mut self, item: T, workspace: WorkspaceId) -> Result<()> {
        self.waiting.push((item, workspace));
        if self.waiting.len() < BATCH { Ok(()) } else { self.judge() }
    }

    fn judge(&mut self) -> Result<()> {
        let unknown: HashSet<_> = self.waiting.iter().map(|(_, workspace)| *workspace).collect();
        let unknown: Vec<_> = unknown.into_iter().filter(|workspace| !self.judged.contains_key(workspace)).collect();
        let allowed = workspaces_among(self.view, self.actor, unknown.iter().copied(), self.action)?;
        self.judged.extend(unknown.into_iter().map(|workspace| (workspace, allowed.contains(&workspace))));
        for (item, workspace) in self.waiting.drain(..) {
            if self.judged.get(&workspace) == Some(&true) {
                (self.each)(item)?;
            }
        }
        Ok(())
    }
}
