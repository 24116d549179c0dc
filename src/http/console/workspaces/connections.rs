//! `/workspaces/{workspace}/connections`: the connections to data sources that the workspace has.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use uuid::Uuid;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab};
use crate::app::connections::{self, Named};
use crate::app::offers::{self, Offers};
use crate::app::runtime::state::AppState;
use crate::app::{content_pages, workspaces};
use crate::domain::actor::Actor;
use crate::domain::connection::{Connection, ConnectionName};
use crate::domain::ids::WorkspaceId;
use crate::domain::noun::Noun;
use crate::domain::workspace::WorkspaceName;
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
#[template(path = "console/workspace/connections.html")]
struct ConnectionsPage {
    shell: Shell,
    title: String,
    frame: Frame,
    may_link: bool,
    may_create: bool,
    name: String,
    rows: Vec<Row>,
    pager: Pager,
}

impl InFrame for ConnectionsPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Row {
    uuid: Uuid,
    name: String,
    kind: String,
    created: Moment,
}

/// `GET /workspaces/{workspace}/connections`
pub(in crate::http::console) async fn list(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    frame::show(&state, &browser, None, |view| list_page(view, &browser, &actor, id, (&parameters, "")))
}

fn list_page(
    view: &View,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    (parameters, name): (&Parameters, &str),
) -> CoreResult<ConnectionsPage> {
    let Opened { offers, shell, title, frame, .. } =
        frame::open(view, browser, actor, id, (Tab::Connections, parameters))?;
    let found = content_pages::connections(view, actor, id, controls::page_of(parameters))?;
    let row = |connection: Connection| Row {
        uuid: connection.uuid,
        name: connection.name.as_str().to_owned(),
        kind: connection.kind.as_str().to_owned(),
        created: Moment(connection.created_at),
    };
    let pager = Pager::new(&Tab::Connections.of(id), parameters, &found);
    Ok(ConnectionsPage {
        shell,
        title,
        frame,
        may_link: offers.allows(Action::LinkConnection),
        may_create: may_create(view, actor, &offers)?,
        name: name.to_owned(),
        rows: found.items.into_iter().map(row).collect(),
        pager,
    })
}

/// Whether the user may create a connection and add it to the workspace.
fn may_create(view: &View, actor: &Actor, offers: &Offers) -> CoreResult<bool> {
    Ok(offers.allows(Action::LinkConnection) && offers::in_home(view, actor)?.allows(Action::CreateConnection))
}

/// `POST /workspaces/{workspace}/connections`: adds a connection by its name.
pub(in crate::http::console) async fn add(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let (which, link) = (Named::Name(form.text("name").to_owned()), Uuid::new_v4());
    let add = move |tx: &Tx, actor: &Actor| connections::add_to_workspace(tx, actor, id, &which, link);
    match state.write_as(&actor, add).await {
        Ok(_) => Ok(controls::done(&Tab::Connections.of(id), "connection-added")),
        Err(error) => {
            let typed = (&Parameters::default(), form.text("name"));
            let read = |view: &View| list_page(view, &browser, &actor, id, typed);
            frame::show(&state, &browser, Some(error.into()), read)
        }
    }
}

#[derive(Template)]
#[template(path = "console/workspace/connection.html")]
struct ConnectionPage {
    shell: Shell,
    title: String,
    frame: Frame,
    may_remove: bool,
    may_delete: bool,
    uuid: Uuid,
    name: String,
    kind: String,
    created: Moment,
    details: String,
    workspaces: Vec<String>,
}

impl InFrame for ConnectionPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

/// `GET /workspaces/{workspace}/connections/{connection}`: the details, which are as visible as through the API.
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let (id, uuid) = (address.workspace()?, address.connection()?);
    frame::show(&state, &browser, None, |view| {
        let Opened { offers, shell, title, frame, .. } =
            frame::open(view, &browser, &actor, id, (Tab::Connections, &parameters))?;
        let found = connections::get(view, &actor, &state.master_key, &Named::Uuid(uuid))?;
        if !found.workspaces.iter().any(|name| name.as_str() == title) {
            return Err(Error::not_found(Noun::Connection, uuid));
        }
        let details = found.details.expose().to_value();
        Ok(ConnectionPage {
            shell,
            title,
            frame,
            may_remove: offers.allows(Action::LinkConnection),
            may_delete: connections::manages(&actor, &found.connection),
            uuid,
            name: found.connection.name.as_str().to_owned(),
            kind: found.connection.kind.as_str().to_owned(),
            created: Moment(found.connection.created_at),
            details: serde_json::to_string_pretty(&details).map_err(Error::internal)?,
            workspaces: found.workspaces.iter().map(WorkspaceName::as_str).map(str::to_owned).collect(),
        })
    })
}

/// `GET /workspaces/{workspace}/connections/{connection}/remove`
pub(in crate::http::console) async fn removal(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_removal(&state, &browser, &actor, &address, None)
}

/// `POST /workspaces/{workspace}/connections/{connection}/remove`
pub(in crate::http::console) async fn remove(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, which) = (address.workspace()?, Named::Uuid(address.connection()?));
    let remove = move |tx: &Tx, actor: &Actor| connections::remove_from_workspace(tx, actor, id, &which);
    match state.write_as(&actor, remove).await {
        Ok(()) => Ok(controls::done(&Tab::Connections.of(id), "connection-removed")),
        Err(error) => show_removal(&state, &browser, &actor, &address, Some(error.into())),
    }
}

fn show_removal(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    address: &Address,
    refused: Option<Failure>,
) -> Result<HttpResponse, Failure> {
    let (id, uuid) = (address.workspace()?, address.connection()?);
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let found = connections::get(view, actor, &state.master_key, &Named::Uuid(uuid))?;
        let title = format!("Remove the connection {} from this workspace?", found.connection.name.as_str());
        let action = format!("{}/{uuid}/remove", Tab::Connections.of(id));
        Ok(ConsoleForm {
            consequences: vec![
                "The members of the workspace no longer see its details here.".to_owned(),
                "The connection itself stays, and its other workspaces keep it.".to_owned(),
            ],
            button: "Remove",
            is_dangerous: true,
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Connections, Some(Action::LinkConnection)),
                title,
                action,
            )?
        })
    })
}

/// The maximum number of characters of a name.
const MAX_NAME: usize = ConnectionName::MAX_LENGTH;
