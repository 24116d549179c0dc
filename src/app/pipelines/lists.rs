//! The lists of pipelines and of their versions, which may be of any length.

use crate::app::runtime::long_view::LongView;
use crate::app::{contents, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::pipeline::{Pipeline, PipelineVersion};
use crate::domain::workspace::{Workspace, WorkspaceEntry, WorkspaceName};
use crate::error::Result;
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

/// The workspaces whose pipelines are listed: all that the actor may see, or the one with this number, this name in the
/// home organization, or both.
#[derive(Clone, Debug, Default)]
pub struct PipelineFilter {
    pub workspace: Option<WorkspaceId>,
    pub workspace_name: Option<String>,
}

/// Calls `each` with the pipelines that the actor may see and their workspaces, by workspace and number. There are none
/// in a workspace that does not exist or that the actor may not see.
pub fn list(
    view: &LongView,
    actor: &Actor,
    filter: &PipelineFilter,
    mut each: impl FnMut(&Pipeline, &WorkspaceEntry) -> Result<()>,
) -> Result<()> {
    let workspaces = match (filter.workspace, &filter.workspace_name) {
        (None, None) => contents::workspaces_where(view, actor, Action::ReadPipeline)?,
        (id, Some(name)) => {
            // No workspace has a name that breaks the rules.
            let found = match WorkspaceName::parse(name) {
                Ok(name) => store::workspaces::find_by_name(view, lookup::home_id(view)?, &name)?,
                Err(_) => None,
            };
            readable(view, actor, found.filter(|found| id.is_none_or(|id| id == found.id)))?
        }
        (Some(id), None) => readable(view, actor, store::workspaces::find(view, id)?)?,
    };
    store::pipelines::for_each_listed(view, &workspaces, |pipeline, workspace| {
        view.count_row()?;
        each(&pipeline, &workspace)
    })
}

/// A page of the pipelines of a workspace, or of all, by number.
///
/// Refused when the actor may not see the workspace. All require an administrator.
pub fn page(view: &View, actor: &Actor, workspace: Option<WorkspaceId>, page: Page) -> Result<Slice<Pipeline>> {
    if let Some(id) = workspace {
        let workspace = lookup::workspace(view, actor, id)?;
        lookup::require_workspace(view, actor, &workspace, Action::ReadPipeline)?;
    } else {
        standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Pipeline, "of everybody")?;
    }
    store::pipelines::page(view, workspace, page)
}

/// The workspace, if the actor may read its pipelines.
fn readable(view: &View, actor: &Actor, found: Option<Workspace>) -> Result<Vec<WorkspaceId>> {
    let Some(workspace) = found else { return Ok(Vec::new()) };
    let standing = standing::in_workspace(view, actor, &workspace)?;
    let is_allowed = decide(&standing, Action::ReadPipeline) == Decision::Allowed;
    Ok(is_allowed.then_some(workspace.id).into_iter().collect())
}

/// Calls `each` with the versions of the pipeline with this name in a workspace, newest first. There are none of a
/// pipeline that does not exist or that the actor may not see.
pub fn versions(
    view: &LongView,
    actor: &Actor,
    (workspace, name): (WorkspaceId, &str),
    mut each: impl FnMut(&PipelineVersion, (&Pipeline, &Workspace)) -> Result<()>,
) -> Result<()> {
    let found = store::workspaces::find(view, workspace)?;
    let is_readable = !readable(view, actor, found.clone())?.is_empty();
    let Some(workspace) = found.filter(|_| is_readable) else { return Ok(()) };
    let Some(pipeline) = store::pipelines::find_by_name(view, workspace.id, name)? else { return Ok(()) };
    store::pipelines::for_each_version(view, pipeline.id, |version| {
        view.count_row()?;
        each(&version, (&pipeline, &workspace))
    })
}
