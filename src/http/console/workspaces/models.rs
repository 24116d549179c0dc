//! `/workspaces/{workspace}/models`: the models, their versions and the files of these.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab};
use crate::app::runtime::state::AppState;
use crate::app::{content_pages, models, workspaces};
use crate::domain::actor::Actor;
use crate::domain::creator::CreatedBy;
use crate::domain::ids::{ModelId, WorkspaceId};
use crate::domain::model::{Model, ModelConfig, ModelVersion};
use crate::domain::noun::Noun;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Pager};
use crate::http::console::form::Form;
use crate::http::console::moment::Moment;
use crate::http::console::number::Size;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::{RecentlySignedIn, SignedIn};
use crate::http::console::{Failure, assets};
use crate::http::downloads;
use crate::policy::Action;
use crate::store::{Tx, View};

#[derive(Template)]
#[template(path = "console/workspace/models.html")]
struct ModelsPage {
    shell: Shell,
    title: String,
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

impl InFrame for ModelsPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Row {
    id: ModelId,
    name: String,
    creator: String,
    updated: Moment,
}

/// `GET /workspaces/{workspace}/models`
pub(in crate::http::console) async fn list(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    frame::show(&state, &browser, None, |view| {
        let Opened { shell, title, frame, .. } = frame::open(view, &browser, &actor, id, (Tab::Models, &parameters))?;
        let found = content_pages::models(view, &actor, id, controls::page_of(&parameters))?;
        let row = |model: Model| Row {
            id: model.id,
            name: model.name.as_str().to_owned(),
            creator: creator(model.created_by.as_ref()),
            updated: Moment(model.updated_at),
        };
        let pager = Pager::new(&Tab::Models.of(id), &parameters, &found);
        Ok(ModelsPage { shell, title, frame, pager, rows: found.items.into_iter().map(row).collect() })
    })
}

/// The address of who created something; empty after that account was deleted.
pub(super) fn creator(by: Option<&CreatedBy>) -> String {
    by.map_or_else(String::new, |by| by.email.to_string())
}

#[derive(Template)]
#[template(path = "console/workspace/model.html")]
struct ModelPage {
    shell: Shell,
    title: String,
    frame: Frame,
    id: ModelId,
    name: String,
    may_delete: bool,
    rows: Vec<Version>,
    pager: Pager,
}

impl InFrame for ModelPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Version {
    number: i64,
    uuid: String,
    file: String,
    size: Size,
    sha256: String,
    image: String,
    /// What the version is for, and how it is configured; empty without a configuration.
    config: String,
    creator: String,
    created: Moment,
    has_file: bool,
}

/// `GET /workspaces/{workspace}/models/{model}`: its versions, the newest first.
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let (id, model) = (address.workspace()?, address.model()?);
    frame::show(&state, &browser, None, |view| {
        let (model, _) = find(view, &actor, id, model)?;
        let Opened { shell, title, frame, offers, .. } =
            frame::open(view, &browser, &actor, id, (Tab::Models, &parameters))?;
        let found = models::page_of_versions(view, &actor, model.id, controls::page_of(&parameters))?;
        let pager = Pager::new(&format!("{}/{}", Tab::Models.of(id), model.id), &parameters, &found);
        let mut rows = Vec::new();
        for version in found.items {
            let (version, config) = models::configured_version(view, &actor, version.id)?;
            rows.push(version_row(version, config));
        }
        Ok(ModelPage {
            shell,
            title,
            frame,
            id: model.id,
            name: model.name.as_str().to_owned(),
            may_delete: offers.allows(Action::DeleteModel),
            rows,
            pager,
        })
    })
}

/// The model, if it is in this workspace.
fn find(view: &View, actor: &Actor, workspace: WorkspaceId, id: ModelId) -> CoreResult<(Model, Workspace)> {
    workspaces::visible(view, actor, workspace)?;
    let (model, place) = models::visible(view, actor, id)?;
    if place.id == workspace { Ok((model, place)) } else { Err(Error::not_found(Noun::Model, id)) }
}

fn version_row(version: ModelVersion, config: Option<ModelConfig>) -> Version {
    let config = config.map_or_else(String::new, |config| {
        let settings = config.settings;
        let mut parts = vec![settings.runtime.as_str().to_owned()];
        parts.extend(settings.tensor_fields.map(|fields| format!("tensor fields {}", fields.join(", "))));
        parts.extend(settings.filter_threshold.map(|threshold| format!("filter threshold {threshold}")));
        parts.extend(settings.batch_config.map(|batch| format!("batch {batch}")));
        parts.join(", ")
    });
    Version {
        number: version.id.0,
        uuid: version.uuid.to_string(),
        has_file: version.file.is_some(),
        size: Size(version.file.map_or(0, |file| file.size)),
        sha256: version.file.map_or_else(String::new, |file| file.sha256.to_string()),
        file: version.file_name,
        image: version.image_path.unwrap_or_default(),
        config,
        creator: creator(version.created_by.as_ref()),
        created: Moment(version.created_at),
    }
}

/// `GET /workspaces/{workspace}/models/{model}/versions/{version}/download`
pub(in crate::http::console) async fn download(
    state: Data<AppState>,
    request: HttpRequest,
    address: Address,
    RecentlySignedIn { actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let (id, model, version) = (address.workspace()?, address.model()?, address.model_version()?);
    let (file, name) = state.read_inline(|view| {
        find(view, &actor, id, model)?;
        let (found, _) = models::visible_version(view, &actor, version)?;
        if found.model != model {
            return Err(Error::not_found(Noun::ModelVersion, version));
        }
        models::file(view, &actor, version)
    })?;
    Ok(downloads::send(&request, &state, &actor, file, &name).await?)
}

/// `GET /workspaces/{workspace}/models/{model}/delete`
pub(in crate::http::console) async fn deletion(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_deletion(&state, &browser, &actor, &address, None)
}

/// `POST /workspaces/{workspace}/models/{model}/delete`
pub(in crate::http::console) async fn delete(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, model) = (address.workspace()?, address.model()?);
    let delete = move |tx: &Tx, actor: &Actor| {
        let (model, _) = find(tx, actor, id, model)?;
        models::delete(tx, actor, id, model.name.as_str())
    };
    match state.write_as(&actor, delete).await {
        Ok(_) => Ok(controls::done(&Tab::Models.of(id), "model-deleted")),
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
    let (id, model) = (address.workspace()?, address.model()?);
    frame::show_form(state, browser, refused, |view| {
        let (model, workspace) = find(view, actor, id, model)?;
        let address = format!("{}/{}", Tab::Models.of(id), model.id);
        let title = format!("Delete the model {}?", model.name.as_str());
        Ok(ConsoleForm {
            consequences: vec![
                "All its versions are deleted, with their files and configurations.".to_owned(),
                "This cannot be undone, except from a backup.".to_owned(),
            ],
            button: "Delete",
            is_dangerous: true,
            back: address.clone(),
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Models, Some(Action::DeleteModel)),
                title,
                format!("{address}/delete"),
            )?
        })
    })
}
