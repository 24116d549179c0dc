//! `/workspaces/{workspace}/connections/...`: new connections, and the deletion of one.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::address::Address;
use super::frame::{self, Tab};
use crate::app::connections::{self, Named};
use crate::app::runtime::state::AppState;
use crate::app::{offers, workspace_connections, workspaces};
use crate::domain::actor::Actor;
use crate::domain::connection::{ConnectionDetails, ConnectionKind, ConnectionName, NewConnection};
use crate::domain::ids::WorkspaceId;
use crate::domain::workspace::WorkspaceName;
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::console::Failure;
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Control, Input};
use crate::http::console::form::Form;
use crate::http::console::signed_in::SignedIn;
use crate::policy::Action;
use crate::store::Tx;

/// `GET /workspaces/{workspace}/connections/new`
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_form(&state, &browser, &actor, address.workspace()?, None, ["", ""])
}

/// `POST /workspaces/{workspace}/connections/new`: creates a connection and adds it to the workspace.
pub(in crate::http::console) async fn create(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let created = match parse(&form) {
        Ok(new) => workspace_connections::create(&state, &actor, id, new).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(_) => Ok(controls::done(&Tab::Connections.of(id), "connection-created")),
        Err(error) => {
            let typed = ["name", "type"].map(|field| form.text(field));
            show_form(&state, &browser, &actor, id, Some(error.into()), typed)
        }
    }
}

fn parse(form: &Form) -> CoreResult<NewConnection> {
    let details = form.secret("details");
    let details = Some(details.expose().trim()).filter(|text| !text.is_empty()).unwrap_or("null");
    Ok(NewConnection {
        name: ConnectionName::parse(form.text("name").trim()).in_field("name")?,
        kind: ConnectionKind::parse(form.text("type").trim()).in_field("type")?,
        details: ConnectionDetails::parse(details).in_field("details")?,
    })
}

fn show_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    refused: Option<Failure>,
    [name, kind]: [&str; 2],
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let action = format!("{}/new", Tab::Connections.of(id));
        let tab = (&workspace, Tab::Connections, Some(Action::LinkConnection));
        let form = frame::form(view, browser, actor, tab, "New connection", action)?;
        offers::in_home(view, actor)?.require(Action::CreateConnection)?;
        let text = |name, label, max_length| Control { max_length, ..Control::new(Input::Text, name, label) };
        Ok(ConsoleForm {
            text: "The members of this workspace will see the connection with its details. It can be added to other \
                   workspaces too."
                .to_owned(),
            fields: vec![
                text("name", "Name", ConnectionName::MAX_LENGTH).hint("Unique among all connections.").value(name),
                text("type", "Type", ConnectionKind::MAX_LENGTH)
                    .hint("A word of your choice, for example HTTP or POSTGRES.")
                    .value(kind),
                // The typed text is a secret: a refused form does not show it again.
                Control { max_length: ConnectionDetails::MAX_SIZE, ..Control::new(Input::Lines, "details", "Details") }
                    .hint(
                        "A JSON object, for example {\"host\": \"db.example.com\", \"password\": \"...\"}, or nothing. It \
                         is stored encrypted. This form never shows it: after an error, paste it again.",
                    )
                    .optional(),
            ],
            button: "Create",
            ..form
        })
    })
}

/// `GET /workspaces/{workspace}/connections/{connection}/delete`: asks for the name.
pub(in crate::http::console) async fn deletion(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_deletion(&state, &browser, &actor, &address, None, "")
}

/// `POST /workspaces/{workspace}/connections/{connection}/delete`
pub(in crate::http::console) async fn delete(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, which) = (address.workspace()?, Named::Uuid(address.connection()?));
    let typed = form.text("name").trim().to_owned();
    let delete = move |tx: &Tx, actor: &Actor| {
        workspaces::visible(tx, actor, id)?;
        let (found, _) = connections::find(tx, actor, &which)?;
        if found.name.as_str().trim() != typed {
            return Err(Error::invalid("name", "must be the name of this connection"));
        }
        connections::delete(tx, actor, &which)
    };
    match state.write_as(&actor, delete).await {
        Ok(()) => Ok(controls::done(&Tab::Connections.of(id), "connection-deleted")),
        Err(error) => show_deletion(&state, &browser, &actor, &address, Some(error.into()), form.text("name")),
    }
}

fn show_deletion(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    address: &Address,
    refused: Option<Failure>,
    typed: &str,
) -> Result<HttpResponse, Failure> {
    let (id, uuid) = (address.workspace()?, address.connection()?);
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let (found, workspaces) = connections::find(view, actor, &Named::Uuid(uuid))?;
        if !connections::manages(actor, &found) {
            return Err(Error::forbidden(Action::ManageConnection));
        }
        let name = found.name.as_str();
        let names: Vec<_> = workspaces.iter().take(MAX_NAMED).map(WorkspaceName::as_str).collect();
        let more = workspaces.len().saturating_sub(MAX_NAMED);
        let whose = match (names.is_empty(), more) {
            (true, _) => "It is in no workspace that you may see.".to_owned(),
            (false, 0) => format!("These workspaces lose it: {}.", names.join(", ")),
            (false, more) => format!("These workspaces lose it: {}, and {more} more.", names.join(", ")),
        };
        let action = format!("{}/{uuid}/delete", Tab::Connections.of(id));
        let form =
            frame::form(view, browser, actor, (&workspace, Tab::Connections, None), "Delete this connection?", action)?;
        Ok(ConsoleForm {
            consequences: vec![
                whose,
                "Its details are deleted, and cannot be restored.".to_owned(),
                "Programs that read the connection by its name stop working.".to_owned(),
            ],
            fields: vec![Control::new(Input::Text, "name", format!("To confirm, type {name}")).value(typed)],
            button: "Delete",
            is_dangerous: true,
            ..form
        })
    })
}

/// The number of workspaces that the question before a deletion names.
const MAX_NAMED: usize = 10;
