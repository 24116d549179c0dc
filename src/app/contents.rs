//! The contents of a workspace.

use std::collections::HashMap;

use crate::app::runtime::long_view::LongView;
use crate::app::{standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::page::Page;
use crate::domain::workspace::{Contents, WorkspaceEntry, WorkspaceSearch};
use crate::error::Result;
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

/// The contents of each of these workspaces that the actor may see. The caller has to make sure that the actor may see the
/// workspaces.
pub fn of_visible(view: &View, actor: &Actor, workspaces: &[WorkspaceEntry]) -> Result<HashMap<WorkspaceId, Contents>> {
    let ids: Vec<_> = workspaces.iter().map(|workspace| workspace.id).collect();
    let mut found = store::contents::of_many(view, &ids)?;
    if found.is_empty() || standing::sees_everything(actor) {
        return Ok(found);
    }
    let places = standing::in_workspaces(view, actor, found.keys().copied())?;
    for (workspace, contents) in &mut found {
        let may =
            |action| places.get(workspace).is_some_and(|place| decide(&place.standing, action) == Decision::Allowed);
        if !may(Action::ReadModel) {
            contents.model_versions.clear();
        }
        if !may(Action::ReadPipeline) {
            contents.pipelines.clear();
        }
    }
    Ok(found)
}

/// The number of workspaces that [`may_in_some`] looks at.
const FIRST: u32 = 100;

/// Whether the actor may do this in one of the first workspaces that they see.
pub(super) fn may_in_some(view: &View, actor: &Actor, action: Action) -> Result<bool> {
    if standing::sees_everything(actor) {
        return Ok(true);
    }
    let Some(seen) = visibility::of(actor) else { return Ok(false) };
    let first = Page { after: None, limit: FIRST };
    let found = store::workspaces::page(view, seen, &WorkspaceSearch::default(), first)?;
    let places = standing::in_workspaces(view, actor, found.items.iter().map(|workspace| workspace.id))?;
    Ok(places.values().any(|place| decide(&place.standing, action) == Decision::Allowed))
}

/// The number of workspaces that are read at once.
const BATCH: u32 = 1000;

/// The workspaces in which the actor may do this, by number.
pub fn workspaces_where(view: &LongView, actor: &Actor, action: Action) -> Result<Vec<WorkspaceId>> {
    let Some(seen) = visibility::of(actor) else { return Ok(Vec::new()) };
    let mut allowed = Vec::new();
    let mut page = Page { after: None, limit: BATCH };
    loop {
        let found = store::workspaces::page(view, seen, &WorkspaceSearch::default(), page)?;
        let ids: Vec<_> = found.items.iter().map(|workspace| workspace.id).collect();
        ids.iter().try_for_each(|_| view.count_row())?;
        let places = standing::in_workspaces(view, actor, ids.iter().copied())?;
        let may =
            |id: &WorkspaceId| places.get(id).is_some_and(|place| decide(&place.standing, action) == Decision::Allowed);
        allowed.extend(ids.into_iter().filter(may));
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(allowed),
        }
    }
}
