//! The ids in the address of a page of a workspace.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use uuid::Uuid;

use crate::app::users::Named;
use crate::domain::ids::{
    ModelId, ModelVersionId, PipelineId, PipelineVersionId, ProjectId, TagId, UserId, WorkspaceId,
};
use crate::domain::noun::Noun;
use crate::error::{Error, Result as CoreResult};
use crate::http::console::Failure;

/// The variable segments of a path. A malformed id is told like one that does not exist.
pub(in crate::http::console) struct Address(Vec<(String, String)>);

impl Address {
    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    fn number(&self, name: &str, what: Noun) -> CoreResult<i64> {
        let text = self.text(name);
        text.parse().map_err(|_| Error::not_found(what, text))
    }

    pub(super) fn workspace(&self) -> CoreResult<WorkspaceId> {
        self.number("workspace", Noun::Workspace).map(WorkspaceId)
    }

    /// A person, by number or UUID.
    pub(super) fn user(&self) -> CoreResult<Named> {
        match Uuid::try_parse(self.text("user")) {
            Ok(uuid) => Ok(Named::Uuid(uuid)),
            Err(_) => self.number("user", Noun::User).map(|id| Named::Number(UserId(id))),
        }
    }

    pub(super) fn model(&self) -> CoreResult<ModelId> {
        self.number("model", Noun::Model).map(ModelId)
    }

    pub(super) fn model_version(&self) -> CoreResult<ModelVersionId> {
        self.number("version", Noun::ModelVersion).map(ModelVersionId)
    }

    pub(super) fn pipeline(&self) -> CoreResult<PipelineId> {
        self.number("pipeline", Noun::Pipeline).map(PipelineId)
    }

    pub(super) fn pipeline_version(&self) -> CoreResult<PipelineVersionId> {
        self.number("version", Noun::PipelineVersion).map(PipelineVersionId)
    }

    pub(super) fn project(&self) -> CoreResult<ProjectId> {
        self.number("project", Noun::Project).map(ProjectId)
    }

    pub(super) fn tag(&self) -> CoreResult<TagId> {
        self.number("tag", Noun::Tag).map(TagId)
    }

    pub(super) fn connection(&self) -> CoreResult<Uuid> {
        let text = self.text("connection");
        Uuid::try_parse(text).map_err(|_| Error::not_found(Noun::Connection, text))
    }
}

impl FromRequest for Address {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let segments = request.match_info().iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        ready(Ok(Self(segments.collect())))
    }
}
