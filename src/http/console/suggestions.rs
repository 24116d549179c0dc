//! What an input suggests while somebody types: only what they may see, and a few of it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::Failure;
use super::browser::Browser;
use super::parameters::Parameters;
use super::signed_in::SignedIn;
use crate::app::runtime::state::AppState;
use crate::app::workspace_lists::{self, ListSearch, Order, Which};
use crate::app::{by_name, projects, users};
use crate::domain::actor::Actor;
use crate::domain::page::Page;
use crate::domain::project::ProjectSearch;
use crate::domain::user::UserSearch;
use crate::error::Result as CoreResult;
use crate::store::View;

/// The maximum number of suggestions.
const MAX_SUGGESTED: u32 = 8;

const FIRST: Page = Page { after: None, limit: MAX_SUGGESTED };

/// The options of an input: the value, and what it stands for.
#[derive(Template)]
#[template(
    source = "{% for option in options %}<option value=\"{{ option.value }}\">{{ option.text }}</option>{% endfor %}",
    ext = "html"
)]
pub(super) struct Suggestions {
    options: Vec<Suggestion>,
}

pub(super) struct Suggestion {
    pub(super) value: String,
    pub(super) text: String,
}

impl Suggestions {
    pub(super) fn show(options: Vec<Suggestion>, browser: &Browser) -> Result<HttpResponse, Failure> {
        browser.show_console(StatusCode::OK, &Self { options })
    }
}

/// People whose email contains a text.
pub(super) fn people(view: &View, actor: &Actor, email: &str) -> CoreResult<Vec<Suggestion>> {
    let email = Some(email.trim().to_owned()).filter(|text| !text.is_empty());
    let found = users::page(view, actor, &UserSearch { email, statuses: Vec::new() }, FIRST)?;
    let suggestion = |user: crate::domain::user::User| Suggestion {
        text: format!("{} {}", user.first_name.as_str(), user.last_name.as_str()).trim().to_owned(),
        value: user.email.to_string(),
    };
    Ok(found.items.into_iter().map(suggestion).collect())
}

/// Workspaces whose name contains a text. The value has the organization before the name, or is the number for somebody
/// who may not see the organization.
pub(super) fn workspaces(view: &View, actor: &Actor, name: &str) -> CoreResult<Vec<Suggestion>> {
    let name = Some(name.trim().to_owned()).filter(|text| !text.is_empty());
    let search = ListSearch { which: Which::All, order: Order::Name, name };
    let found = workspace_lists::page(view, actor, &search, FIRST)?.slice.items;
    let suggestion = |listed: workspace_lists::Listed| {
        let (name, id) = (listed.workspace.name.as_str(), listed.workspace.id);
        match listed.organization {
            Some(organization) => {
                Suggestion { value: format!("{organization}/{name}"), text: format!("Workspace {id}") }
            }
            None => Suggestion { value: id.to_string(), text: name.to_owned() },
        }
    };
    Ok(found.into_iter().map(suggestion).collect())
}

/// Projects of a workspace whose name contains a text. Nothing if no workspace is named.
pub(super) fn projects(view: &View, actor: &Actor, workspace: &str, name: &str) -> CoreResult<Vec<Suggestion>> {
    let workspace = match by_name::workspace(view, actor, workspace.trim()) {
        Ok(workspace) => workspace,
        Err(error) if error.is_refusal() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let name = Some(name.trim().to_owned()).filter(|text| !text.is_empty());
    let search = ProjectSearch { workspace: Some(workspace.id), name, ..ProjectSearch::default() };
    let found = projects::page(view, actor, &search, FIRST)?;
    let suggestion = |project: crate::domain::project::Project| Suggestion {
        value: project.name.as_str().to_owned(),
        text: String::new(),
    };
    Ok(found.items.into_iter().map(suggestion).collect())
}

/// `GET /bindings/suggest?for=email&email=...`, `?for=workspace&workspace=...` or `?for=project&workspace=...&project=...`
pub(super) async fn for_binding(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let text = |name| parameters.text(name);
    let options = state.read_inline(|view| match text("for") {
        "email" => people(view, &actor, text("email")),
        "workspace" => workspaces(view, &actor, text("workspace")),
        _ => projects(view, &actor, text("workspace"), text("project")),
    })?;
    Suggestions::show(options, &browser)
}
