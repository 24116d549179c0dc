//! `/workspaces/{workspace}/pipelines`: the pipelines, their versions and steps.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde_json::Value;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab};
use super::models::creator;
use crate::app::runtime::state::AppState;
use crate::app::{content_pages, pipelines, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::{PipelineId, WorkspaceId};
use crate::domain::json_text::JsonText;
use crate::domain::noun::Noun;
use crate::domain::pipeline::{Pipeline, PipelineVersion};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Pager};
use crate::http::console::form::Form;
use crate::http::console::moment::Moment;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::{Failure, assets};
use crate::policy::Action;
use crate::store::{Tx, View};

#[derive(Template)]
#[template(path = "console/workspace/pipelines.html")]
struct PipelinesPage {
    shell: Shell,
    title: String,
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

impl InFrame for PipelinesPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Row {
    id: PipelineId,
    name: String,
    creator: String,
    updated: Moment,
}

/// `GET /workspaces/{workspace}/pipelines`
pub(in crate::http::console) async fn list(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    frame::show(&state, &browser, None, |view| {
        let Opened { shell, title, frame, .. } =
            frame::open(view, &browser, &actor, id, (Tab::Pipelines, &parameters))?;
        let found = content_pages::pipelines(view, &actor, id, controls::page_of(&parameters))?;
        let row = |pipeline: Pipeline| Row {
            id: pipeline.id,
            name: pipeline.name.as_str().to_owned(),
            creator: creator(pipeline.created_by.as_ref()),
            updated: Moment(pipeline.updated_at),
        };
        let pager = Pager::new(&Tab::Pipelines.of(id), &parameters, &found);
        Ok(PipelinesPage { shell, title, frame, pager, rows: found.items.into_iter().map(row).collect() })
    })
}

#[derive(Template)]
#[template(path = "console/workspace/pipeline.html")]
struct PipelinePage {
    shell: Shell,
    title: String,
    frame: Frame,
    id: PipelineId,
    name: String,
    may_delete: bool,
    rows: Vec<Version>,
    pager: Pager,
}

impl InFrame for PipelinePage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Version {
    number: i64,
    uuid: String,
    /// What the steps do, in a few words.
    summary: String,
    creator: String,
    created: Moment,
}

/// `GET /workspaces/{workspace}/pipelines/{pipeline}`: its versions, the newest first.
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let (id, pipeline) = (address.workspace()?, address.pipeline()?);
    frame::show(&state, &browser, None, |view| {
        let (pipeline, _) = find(view, &actor, id, pipeline)?;
        let Opened { shell, title, frame, offers, .. } =
            frame::open(view, &browser, &actor, id, (Tab::Pipelines, &parameters))?;
        let found = content_pages::pipeline_versions(view, &actor, pipeline.id, controls::page_of(&parameters))?;
        let pager = Pager::new(&format!("{}/{}", Tab::Pipelines.of(id), pipeline.id), &parameters, &found);
        let row = |version: PipelineVersion| Version {
            number: version.id.0,
            uuid: version.uuid.to_string(),
            summary: summary(&steps(version.definition.as_ref())),
            creator: creator(version.created_by.as_ref()),
            created: Moment(version.created_at),
        };
        Ok(PipelinePage {
            shell,
            title,
            frame,
            id: pipeline.id,
            name: pipeline.name.as_str().to_owned(),
            may_delete: offers.allows(Action::DeletePipeline),
            rows: found.items.into_iter().map(row).collect(),
            pager,
        })
    })
}

/// The pipeline, if it is in this workspace.
fn find(view: &View, actor: &Actor, workspace: WorkspaceId, id: PipelineId) -> CoreResult<(Pipeline, Workspace)> {
    workspaces::visible(view, actor, workspace)?;
    let (pipeline, place) = pipelines::visible(view, actor, id)?;
    if place.id == workspace { Ok((pipeline, place)) } else { Err(Error::not_found(Noun::Pipeline, id)) }
}

/// A step of a pipeline as the pages show it.
struct PipelineStep {
    /// The kind: `ModelInference`.
    kind: String,
    /// The names of the models that it names.
    models: Vec<String>,
    /// The step as it was sent, indented.
    text: String,
}

fn steps(definition: Option<&JsonText>) -> Vec<PipelineStep> {
    let definition = definition.map(JsonText::to_value).unwrap_or_default();
    let Some(Value::Array(steps)) = definition.get("steps").cloned() else { return Vec::new() };
    let step = |step: Value| PipelineStep {
        kind: step.as_object().and_then(|step| step.keys().next()).cloned().unwrap_or_default(),
        models: named_models(&step),
        text: serde_json::to_string_pretty(&step).unwrap_or_default(),
    };
    steps.into_iter().map(step).collect()
}

/// The names of the model versions in a step, wherever they are, each once.
fn named_models(step: &Value) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![step];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let (Some(Value::String(name)), Some(_)) = (fields.get("name"), fields.get("version"))
                    && !names.contains(name)
                {
                    names.push(name.clone());
                }
                open.extend(fields.values());
            }
            Value::Array(values) => open.extend(values.iter().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    names
}

fn summary(steps: &[PipelineStep]) -> String {
    const SHOWN: usize = 6;
    let words = steps.iter().take(SHOWN).map(|step| {
        if step.models.is_empty() { step.kind.clone() } else { format!("{} ({})", step.kind, step.models.join(", ")) }
    });
    let mut text = words.collect::<Vec<_>>().join(", ");
    if steps.len() > SHOWN {
        text = format!("{text} and {} more", steps.len() - SHOWN);
    }
    text
}

#[derive(Template)]
#[template(path = "console/workspace/pipeline_version.html")]
struct VersionPage {
    shell: Shell,
    title: String,
    frame: Frame,
    pipeline: PipelineId,
    name: String,
    uuid: String,
    creator: String,
    created: Moment,
    steps: Vec<PipelineStep>,
}

impl InFrame for VersionPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

/// `GET /workspaces/{workspace}/pipelines/{pipeline}/versions/{version}`: its steps.
pub(in crate::http::console) async fn show_version(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let (id, pipeline, version) = (address.workspace()?, address.pipeline()?, address.pipeline_version()?);
    frame::show(&state, &browser, None, |view| {
        let (pipeline, _) = find(view, &actor, id, pipeline)?;
        let (version, _) = pipelines::visible_version(view, &actor, version)?;
        if version.pipeline != pipeline.id {
            return Err(Error::not_found(Noun::PipelineVersion, version.id));
        }
        let Opened { shell, title, frame, .. } =
            frame::open(view, &browser, &actor, id, (Tab::Pipelines, &parameters))?;
        Ok(VersionPage {
            shell,
            title,
            frame,
            pipeline: pipeline.id,
            name: pipeline.name.as_str().to_owned(),
            uuid: version.uuid.to_string(),
            creator: creator(version.created_by.as_ref()),
            created: Moment(version.created_at),
            steps: steps(version.definition.as_ref()),
        })
    })
}

/// `GET /workspaces/{workspace}/pipelines/{pipeline}/delete`
pub(in crate::http::console) async fn deletion(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_deletion(&state, &browser, &actor, &address, None)
}

/// `POST /workspaces/{workspace}/pipelines/{pipeline}/delete`
pub(in crate::http::console) async fn delete(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, pipeline) = (address.workspace()?, address.pipeline()?);
    let delete = move |tx: &Tx, actor: &Actor| {
        let (pipeline, _) = find(tx, actor, id, pipeline)?;
        pipelines::delete(tx, actor, id, pipeline.name.as_str())
    };
    match state.write_as(&actor, delete).await {
        Ok(()) => Ok(controls::done(&Tab::Pipelines.of(id), "pipeline-deleted")),
        Err(error) => show_deletion(&state, &browser, &actor, &address, Some(error.into())),
    }
}

fn show_deletion(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    address: &Address,
    refused: Option<Failure>,
) -> Result<HttpResponse, Failure> {
    let (id, pipeline) = (address.workspace()?, address.pipeline()?);
    frame::show_form(state, browser, refused, |view| {
        let (pipeline, workspace) = find(view, actor, id, pipeline)?;
        let address = format!("{}/{}", Tab::Pipelines.of(id), pipeline.id);
        let title = format!("Delete the pipeline {}?", pipeline.name.as_str());
        Ok(ConsoleForm {
            consequences: vec![
                "All its versions are deleted. The models that they name stay.".to_owned(),
                "This cannot be undone, except from a backup.".to_owned(),
            ],
            button: "Delete",
            is_dangerous: true,
            back: address.clone(),
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Pipelines, Some(Action::DeletePipeline)),
                title,
                format!("{address}/delete"),
            )?
        })
    })
}
