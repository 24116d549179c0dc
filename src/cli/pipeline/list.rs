//! The lists of pipelines and of their versions.

use serde_json::{Value, json};

use crate::app::{by_name, pipelines};
use crate::cli::list::{Entry, List, print_one, print_pages};
use crate::cli::workspace::Paths;
use crate::cli::{CliError, data, table};
use crate::domain::actor::Actor;
use crate::domain::creator::CreatedBy;
use crate::domain::page::{Page, Slice};
use crate::domain::pipeline::{Pipeline, PipelineVersion};
use crate::error::Result as Done;
use crate::store::View;
use crate::store::data_dir::DataDir;

/// The versions that are read at once, each with its definition.
const VERSIONS: u32 = 50;

/// A pipeline and the path of its workspace.
pub(super) struct Row {
    pub(super) pipeline: Pipeline,
    workspace: String,
}

impl Row {
    fn of(view: &View, actor: &Actor, pipeline: Pipeline, paths: &mut Paths) -> Done<Self> {
        let workspace = paths.of(view, actor, pipeline.workspace)?;
        Ok(Self { pipeline, workspace })
    }

    pub(super) fn find(view: &View, actor: &Actor, text: &str) -> Done<Self> {
        Self::of(view, actor, by_name::pipeline(view, actor, text)?.0, &mut Paths::default())
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.workspace, self.pipeline.name.as_str())
    }
}

fn creator(created_by: Option<&CreatedBy>) -> Option<&str> {
    created_by.map(|creator| creator.email.as_str())
}

impl Entry<5> for Row {
    const HEAD: [&'static str; 5] = ["ID", "WORKSPACE", "NAME", "CREATED BY", "UPDATED"];

    fn row(&self) -> [String; 5] {
        [
            self.pipeline.id.to_string(),
            self.workspace.clone(),
            self.pipeline.name.as_str().to_owned(),
            creator(self.pipeline.created_by.as_ref()).unwrap_or("-").to_owned(),
            table::moment(Some(self.pipeline.updated_at)),
        ]
    }

    fn to_json(&self) -> Value {
        let pipeline = &self.pipeline;
        json!({
            "id": pipeline.id.0,
            "name": pipeline.name.as_str(),
            "workspace": self.workspace,
            "workspace_id": pipeline.workspace.0,
            "visibility": pipeline.visibility.as_str(),
            "created_by": creator(pipeline.created_by.as_ref()),
            "created_at": pipeline.created_at.to_string(),
            "updated_at": pipeline.updated_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.pipeline.name.as_str()]
    }
}

impl Entry<5> for PipelineVersion {
    const HEAD: [&'static str; 5] = ["VERSION", "UUID", "DEFINITION", "CREATED BY", "CREATED"];

    fn row(&self) -> [String; 5] {
        [
            self.id.to_string(),
            self.uuid.to_string(),
            if self.definition.is_some() { "yes" } else { "no" }.to_owned(),
            creator(self.created_by.as_ref()).unwrap_or("-").to_owned(),
            table::moment(Some(self.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id.0,
            "uuid": self.uuid,
            "pipeline_id": self.pipeline.0,
            "name": self.name.as_str(),
            "workspace_id": self.workspace.0,
            "has_definition": self.definition.is_some(),
            "created_by": creator(self.created_by.as_ref()),
            "created_at": self.created_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.name.as_str(), creator(self.created_by.as_ref()).unwrap_or_default()]
    }
}

pub(super) fn list(home: &DataDir, workspace: Option<&str>, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let named = |name| store.read(|view| by_name::workspace(view, &actor, name));
        let workspace = workspace.map(named).transpose()?.map(|workspace| workspace.id);
        let none = "there are no pipelines; `atelier pipeline create WORKSPACE NAME` creates one";
        print_pages(store, options, none, |view, page| {
            let found = pipelines::page(view, &actor, workspace, page)?;
            let mut paths = Paths::default();
            let rows = found.items.into_iter().map(|pipeline| Row::of(view, &actor, pipeline, &mut paths));
            Ok(Slice { items: rows.collect::<Done<_>>()?, next: found.next })
        })
    })
}

pub(super) fn show(home: &DataDir, text: &str, json: bool) -> Result<(), CliError> {
    print_one(&data::read(home, |view, actor| Row::find(view, actor, text))?.to_json(), json)
}

pub(super) fn versions(home: &DataDir, text: &str, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let id = store.read(|view| by_name::pipeline(view, &actor, text))?.0.id;
        let none = "the pipeline has no versions; `atelier pipeline create WORKSPACE NAME` creates one";
        print_pages(store, options, none, |view, page| {
            let page = Page { limit: page.limit.min(VERSIONS), ..page };
            pipelines::page_of_versions(view, &actor, id, page)
        })
    })
}
