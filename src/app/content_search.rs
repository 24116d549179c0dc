//! Searches the models, pipelines and tags that the actor may see, in all workspaces or in some.

use std::collections::{BTreeSet, HashMap};

use crate::app::runtime::long_view::LongView;
use crate::app::{content_sets, contents, visibility};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, TagId, WorkspaceId};
use crate::domain::page::Page;
use crate::domain::tag::Tag;
use crate::domain::text::fold;
use crate::error::Result;
use crate::policy::Action;
use crate::store;
use crate::store::content_search::{FoundModelVersion, FoundPipeline, FoundPipelineVersion, Rows, Text};

/// Limits a search to some rows.
#[derive(Default)]
pub struct Scope<'s> {
    /// Only these numbers.
    pub ids: Option<BTreeSet<i64>>,
    /// Only these UUIDs, in lower case. Pipelines have none.
    pub uuids: Option<BTreeSet<String>>,
    /// Only these names.
    pub names: Option<BTreeSet<String>>,
    /// Only these workspaces.
    pub workspaces: Option<BTreeSet<i64>>,
    /// Only workspaces with a name that this accepts.
    pub workspace_named: Option<&'s dyn Fn(&str) -> bool>,
}

impl Scope<'_> {
    /// The workspaces of a search in which the actor may do this.
    fn places(&self, view: &LongView, actor: &Actor, action: Action) -> Result<Vec<WorkspaceId>> {
        let mut places: Vec<_> = match &self.workspaces {
            Some(ids) => {
                let ids = ids.iter().map(|id| WorkspaceId(*id));
                content_sets::workspaces_among(view, actor, ids, action)?.into_iter().collect()
            }
            None => contents::workspaces_where(view, actor, action)?,
        };
        self.retain_named(view, &mut places)?;
        places.sort_unstable();
        Ok(places)
    }

    fn retain_named(&self, view: &LongView, places: &mut Vec<WorkspaceId>) -> Result<()> {
        let Some(is_named) = self.workspace_named else { return Ok(()) };
        let mut named = HashMap::new();
        store::content_sets::workspaces(view, places, |workspace| {
            named.insert(workspace.id, is_named(workspace.name.as_str()));
            Ok(())
        })?;
        places.retain(|id| named.get(id) == Some(&true));
        Ok(())
    }

    /// The rows to look at. Those that are named by number or UUID have to be judged afterwards.
    fn rows(&self, view: &LongView, actor: &Actor, action: Action) -> Result<(Rows, bool)> {
        Ok(match (&self.ids, &self.uuids, &self.names) {
            (Some(ids), _, _) => (Rows::Numbers(ids.clone()), false),
            (None, Some(uuids), _) => (Rows::Uuids(uuids.clone()), false),
            (None, None, Some(names)) => (Rows::Named(self.places(view, actor, action)?, names.clone()), true),
            (None, None, None) => (Rows::In(self.places(view, actor, action)?), true),
        })
    }

    /// Leaves out what is in workspaces in which the actor may not do this, and in other workspaces than those of the
    /// search.
    fn judge<T>(
        &self,
        (view, actor, action): (&LongView, &Actor, Action),
        found: &mut Vec<T>,
        workspace: impl Fn(&T) -> WorkspaceId,
    ) -> Result<()> {
        if let Some(ids) = &self.workspaces {
            found.retain(|item| ids.contains(&workspace(item).0));
        }
        let allowed = content_sets::workspaces_among(view, actor, found.iter().map(&workspace), action)?;
        let mut allowed: Vec<_> = allowed.into_iter().collect();
        self.retain_named(view, &mut allowed)?;
        let allowed: BTreeSet<_> = allowed.into_iter().collect();
        found.retain(|item| allowed.contains(&workspace(item)));
        Ok(())
    }
}

/// Calls `each` with the model versions that have a text in their name, UUID, SHA-256, file name or in a tag, in any
/// case; without a text, with all. In no order.
pub fn model_versions(
    view: &LongView,
    actor: &Actor,
    text: &str,
    scope: &Scope,
    mut each: impl FnMut(FoundModelVersion) -> Result<()>,
) -> Result<()> {
    let text = fold(text);
    let text = match text.as_str() {
        "" => None,
        part => {
            let tags = tags_named(view, actor, part)?;
            Some(Text::new(part, store::content_search::model_versions_with(view, &tags)?))
        }
    };
    let (rows, is_judged) = scope.rows(view, actor, Action::ReadModel)?;
    if is_judged {
        return store::content_search::model_versions(view, &rows, text.as_ref(), each);
    }
    let mut found = Vec::new();
    store::content_search::model_versions(view, &rows, text.as_ref(), |version| {
        found.push(version);
        Ok(())
    })?;
    scope.judge((view, actor, Action::ReadModel), &mut found, |version| version.workspace)?;
    found.into_iter().try_for_each(&mut each)
}

/// Calls `each` with the pipelines of a scope. In no order.
pub fn pipelines(
    view: &LongView,
    actor: &Actor,
    scope: &Scope,
    mut each: impl FnMut(FoundPipeline) -> Result<()>,
) -> Result<()> {
    let (rows, is_judged) = scope.rows(view, actor, Action::ReadPipeline)?;
    if is_judged {
        return store::content_search::pipelines(view, &rows, each);
    }
    let mut found = Vec::new();
    store::content_search::pipelines(view, &rows, |pipeline| {
        found.push(pipeline);
        Ok(())
    })?;
    scope.judge((view, actor, Action::ReadPipeline), &mut found, |pipeline| pipeline.workspace)?;
    found.into_iter().try_for_each(&mut each)
}

/// Calls `each` with the versions of pipelines that have a text in the name of the pipeline, in one of its tags or in the
/// name of a model in their steps, in any case; without a text, with all. In no order.
pub fn pipeline_versions(
    view: &LongView,
    actor: &Actor,
    text: &str,
    scope: &Scope,
    each: impl FnMut(FoundPipelineVersion) -> Result<()>,
) -> Result<()> {
    let text = fold(text);
    let text = match text.as_str() {
        "" => None,
        part => {
            let tags = tags_named(view, actor, part)?;
            Some(Text::new(part, store::content_search::pipelines_with(view, &tags)?))
        }
    };
    let places = scope.places(view, actor, Action::ReadPipeline)?;
    store::content_search::pipeline_versions(view, &places, text.as_ref(), each)
}

/// Calls `each` with every tag that the actor may see: those of the actor's organizations, and those of workspaces. In no
/// order.
pub fn tags(view: &LongView, actor: &Actor, mut each: impl FnMut(Tag) -> Result<()>) -> Result<()> {
    store::content_search::shared_tags(view, &organizations(view, actor)?, &mut each)?;
    let places = contents::workspaces_where(view, actor, Action::ReadTag)?;
    store::content_search::tags_in(view, &places, each)
}

/// The visible tags that have a folded text in their name.
fn tags_named(view: &LongView, actor: &Actor, text: &str) -> Result<Vec<TagId>> {
    let mut named = Vec::new();
    tags(view, actor, |tag| {
        if fold(tag.name.as_str()).contains(text) {
            named.push(tag.id);
        }
        Ok(())
    })?;
    Ok(named)
}

/// The number of organizations that are read at once.
const BATCH: u32 = 1000;

/// The organizations that the actor may see.
fn organizations(view: &LongView, actor: &Actor) -> Result<Vec<OrganizationId>> {
    let Some(seen) = visibility::of(actor) else { return Ok(Vec::new()) };
    let mut allowed = Vec::new();
    let mut page = Page { after: None, limit: BATCH };
    loop {
        let found = store::organizations::page(view, seen, None, page)?;
        let ids = found.items.iter().map(|organization| organization.id);
        allowed.extend(content_sets::organizations_among(view, actor, ids)?);
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(allowed),
        }
    }
}
