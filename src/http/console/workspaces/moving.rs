//! `/workspaces/{workspace}/move`: moves a workspace to another organization.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::address::Address;
use super::frame::{self, Tab};
use crate::app::offers::Offers;
use crate::app::runtime::state::AppState;
use crate::app::workspace_moves::{self, Losses};
use crate::app::{by_name, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::organization::Organization;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, ROWS};
use crate::http::console::form::Form;
use crate::http::console::parameters::Parameters;
use crate::http::console::signed_in::RecentlySignedIn;
use crate::http::console::{Failure, page};
use crate::policy::Action;
use crate::store::{Tx, View};

/// The number of people that are named.
const NAMED: usize = 5;

/// The organizations that a workspace may be moved to.
pub(super) struct Targets {
    pub(super) first: Vec<Organization>,
    /// Whether there may be more than the first ones.
    pub(super) more: bool,
}

impl Targets {
    pub(super) fn find(view: &View, actor: &Actor, workspace: &Workspace, offers: &Offers) -> CoreResult<Self> {
        if !offers.allows(Action::MoveWorkspace) {
            return Ok(Self { first: Vec::new(), more: false });
        }
        let (first, more) = workspace_moves::targets(view, actor, workspace, ROWS as usize)?;
        Ok(Self { first, more })
    }
}

/// `GET /workspaces/{workspace}/move?organization=...`: says what would be left behind, and asks.
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    address: Address,
    RecentlySignedIn { browser, actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let (id, named) = (address.workspace()?, parameters.text("organization").trim());
    if named.is_empty() {
        state.read_inline(|view| workspaces::visible(view, &actor, id))?;
        return Ok(page::see_other(&Tab::Settings.of(id)));
    }
    let to = state.read_inline(|view| by_name::organization(view, &actor, named))?.id;
    show_form(&state, &browser, &actor, (id, to), None)
}

fn show_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    (id, to): (WorkspaceId, OrganizationId),
    refused: Option<Failure>,
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let address = format!("{}/move", Tab::Members.of(id));
        let place = (&workspace, Tab::Settings, Some(Action::MoveWorkspace));
        let form = frame::form(view, browser, actor, place, "", address)?;
        let (target, losses) = workspace_moves::losses(view, actor, id, to)?;
        let name = target.name.as_str();
        Ok(ConsoleForm {
            title: format!("Move {} to {name}?", workspace.name.as_str()),
            consequences: consequences(&workspace, name, &losses),
            hidden: vec![("organization", to.to_string())],
            button: "Move",
            is_dangerous: true,
            ..form
        })
    })
}

fn consequences(workspace: &Workspace, target: &str, losses: &Losses) -> Vec<String> {
    let mut all = vec![if workspace.private {
        format!("The admins of {target} get every right in it. The old organization and its admins lose it.")
    } else {
        format!("Everybody in {target} can read it, and its admins get every right. The old organization loses it.")
    }];
    all.push("Its models with their files, pipelines, projects and own tags move with it.".to_owned());
    if !losses.people.is_empty() {
        let named = losses.people.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let rest = losses.people.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        all.push(format!("Members who are not in {target} lose it: {named}{rest}."));
    }
    let mut number = |number: usize, text: &str| {
        if number > 0 {
            all.push(format!("{text}: {number}."));
        }
    };
    number(losses.service_keys, "Service keys that lose it, and have to be replaced");
    number(losses.bindings, "Role bindings of people and service keys of the old organization that end");
    number(losses.connections, "Connections that it loses, because who made them is not in the new organization");
    number(losses.tags, "Tags of the old organization that are taken off models, pipelines and projects");
    all
}

/// `POST /workspaces/{workspace}/move`
pub(in crate::http::console) async fn move_to(
    state: Data<AppState>,
    address: Address,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, named) = (address.workspace()?, form.text("organization"));
    let to = named.parse().map(OrganizationId).map_err(|_| Error::not_found(Noun::Organization, named))?;
    let max_files = state.files.max_organization;
    let moved = move |tx: &Tx, actor: &Actor| workspace_moves::move_to(tx, actor, max_files, id, to);
    if let Err(error) = state.write_as(&actor, moved).await {
        return show_form(&state, &browser, &actor, (id, to), Some(error.into()));
    }
    // A private workspace is hidden from an admin of the old organization.
    let sees = state.read_inline(|view| match workspaces::visible(view, &actor, id) {
        Err(Error::NotFound { .. }) => Ok(false),
        found => found.map(|_| true),
    })?;
    Ok(controls::done(&if sees { Tab::Settings.of(id) } else { "/".to_owned() }, "workspace-moved"))
}
