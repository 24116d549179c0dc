//! `/service-keys/new`: a service key for one workspace.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::{KEYS, path, show_secret};
use crate::app::listed_service_keys::{self as listed, RoleChoice};
use crate::app::runtime::state::AppState;
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::{by_name, key_holders};
use crate::domain::actor::Actor;
use crate::domain::ids::{RoleId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::AccountRole;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Control, Pager, Step};
use crate::http::console::form::Form;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::{self, Part, Shell};
use crate::http::console::signed_in::RecentlySignedIn;
use crate::http::console::{Failure, assets, new_key};

const NEW: &str = "/service-keys/new";

/// The page that asks for the workspace of a new key.
#[derive(Template)]
#[template(path = "console/service_key_workspace.html")]
struct WorkspacePage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    q: String,
    rows: Vec<(i64, String)>,
    pager: Pager,
}

/// `GET /service-keys/new?workspace=...`: the form; without a workspace, the workspaces to choose from.
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let key_rules = state.key_rules;
    if let Some(named) = parameters.get("workspace") {
        let (workspace, roles) = state.read_inline(|view| {
            key_holders::require(view, &actor, &key_rules)?;
            let workspace = by_name::workspace(view, &actor, named)?;
            listed::roles(view, &actor, workspace.id)
        })?;
        return new_form(&state, &browser, &actor, &workspace, &roles, None).show(&browser);
    }
    shell::show(&state, &browser, |view| {
        key_holders::require(view, &actor, &key_rules)?;
        let found = listed::workspaces(view, &actor, parameters.owned("q"), controls::page_of(&parameters))?;
        Ok(WorkspacePage {
            shell: Shell::new(&browser, &actor, Part::ServiceKeys),
            title: "New service key",
            path: path(),
            q: parameters.text("q").to_owned(),
            pager: Pager::new(NEW, &parameters, &found),
            rows: found
                .items
                .into_iter()
                .map(|workspace| (workspace.id.0, workspace.name.as_str().to_owned()))
                .collect(),
        })
    })
}

/// `POST /service-keys/new`: creates the key and shows its secret.
pub(in crate::http::console) async fn create(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let workspace = form.text("workspace").parse().map(WorkspaceId);
    let workspace = workspace.map_err(|_| Error::invalid("workspace", "must be the number of a workspace"))?;
    let (secret, stored) = new_key::secret();
    let parsed = new_key::parse(&form, stored).and_then(|new| Ok((new, grants(workspace, form.text("role"))?)));
    let issued = match parsed {
        Ok((new, grants)) => service_keys::issue(&state, &actor, new, Some(grants)).await,
        Err(error) => Err(error),
    };
    match issued {
        Ok((key, _, _)) => show_secret(&state, &browser, &actor, "The new service key", (key, secret)),
        Err(error) => {
            let (workspace, roles) = state.read_inline(|view| listed::roles(view, &actor, workspace))?;
            new_form(&state, &browser, &actor, &workspace, &roles, Some(&form)).show_again(&browser, error.into())
        }
    }
}

/// One workspace with a role: a predefined one by its name, a custom one by its number.
fn grants(workspace: WorkspaceId, role: &str) -> CoreResult<Grants> {
    let custom = || role.parse().ok().map(|id| Role::Custom(RoleId(id)));
    let role = Role::predefined(role).or_else(custom);
    let role = role.ok_or_else(|| Error::invalid("role", "must be one of the choices"))?;
    let organization =
        Grant { organization: None, role: OrganizationRole::Reader, workspaces: vec![(workspace, role)] };
    Ok(Grants { account: AccountRole::Member, organizations: vec![organization] })
}

fn new_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    workspace: &Workspace,
    roles: &[RoleChoice],
    form: Option<&Form>,
) -> ConsoleForm {
    let choice = |(role, name): &RoleChoice| match (role.custom(), name) {
        (Some(id), name) => (id.to_string(), name.clone().unwrap_or_default()),
        (None, _) => (role.as_str().to_owned(), role.as_str().to_owned()),
    };
    // The weakest role that writes is what most services need.
    let role = form.map_or(Role::Member.as_str(), |form| form.text("role"));
    let mut fields = new_key::fields(&state.key_rules, form);
    fields.insert(1, Control::choice("role", "Role in the workspace", roles.iter().map(choice), role));
    let title = format!("New service key for {}", workspace.name.as_str());
    ConsoleForm {
        path: path(),
        text:
            "The key acts for a service of its own, not for you: it keeps working when you leave. In the workspace it \
               may do what its role allows; in the organization it is a reader."
                .to_owned(),
        hidden: vec![("workspace", workspace.id.to_string())],
        fields,
        button: "Create service key",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::ServiceKeys), title, NEW, KEYS)
    }
}
