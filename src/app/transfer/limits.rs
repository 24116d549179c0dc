//! The maximum numbers of rows that belong to the same object. Lists of them have no pages.

use super::plan::{Mapped, Plan, id_of};
use crate::domain::connection::MAX_WORKSPACES;
use crate::domain::ids::{ConnectionId, ModelVersionId, PipelineId, ProjectId};
use crate::domain::tag::MAX_ATTACHED;
use crate::domain::transfer::Kind;
use crate::error::Result;
use crate::store::{self, View};

/// The field with the object, and the maximum.
pub(super) const fn of(kind: Kind) -> Option<(&'static str, u32)> {
    match kind {
        Kind::ProjectTag => Some(("project", MAX_ATTACHED)),
        Kind::PipelineTag => Some(("pipeline", MAX_ATTACHED)),
        Kind::ModelVersionTag => Some(("model_version", MAX_ATTACHED)),
        Kind::ConnectionWorkspace => Some(("connection", MAX_WORKSPACES)),
        _ => None,
    }
}

/// The number of rows of a kind that an object has here.
pub(super) fn count(view: &View, kind: Kind, id: i64) -> Result<u32> {
    match kind {
        Kind::ProjectTag => store::tags::count_of_project(view, ProjectId(id)),
        Kind::PipelineTag => store::tags::count_of_pipeline(view, PipelineId(id)),
        Kind::ModelVersionTag => store::tags::count_of_model_version(view, ModelVersionId(id)),
        Kind::ConnectionWorkspace => store::connections::count_links(view, ConnectionId(id)),
        _ => Ok(0),
    }
}

pub(super) fn rule(limit: u32) -> String {
    format!("must be one of at most {limit} of the same object")
}

impl Plan<'_> {
    /// The maximum that a new row would exceed in a preview. A write counts what it has created.
    pub(super) fn exceeded(&self, mapped: &Mapped) -> Result<Option<u32>> {
        let kind = mapped.row.kind;
        let (None, Some((field, limit))) = (self.tx, of(kind)) else { return Ok(None) };
        let Some(object) = mapped.around.token(field) else { return Ok(None) };
        let here = id_of(object).map_or(Ok(0), |id| count(self.view, kind, id))?;
        // The object is the first part of the natural key.
        let new = self.staging.count_new(kind, object)?;
        Ok((here.saturating_add(new) >= limit).then_some(limit))
    }
}
