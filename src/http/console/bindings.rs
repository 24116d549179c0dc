//! `/bindings/...`: roles that are bound to people and service keys on a workspace or a project.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use super::browser::Browser;
use super::controls::{self, ConsoleForm, Control, Input, Pager, Step};
use super::form::Form;
use super::moment::Moment;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::SignedIn;
use super::suggestions;
use super::{Failure, assets};
use crate::app::runtime::state::AppState;
use crate::app::users::{self, Named};
use crate::app::{bindings, by_name, projects, roles, workspaces};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::{BindingId, RoleId};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::role::{Binding, Resource};
use crate::domain::user::UserKind;
use crate::error::{Error, InField, Result as CoreResult};
use crate::store::View;

const BINDINGS: &str = "/bindings";
const NEW: &str = "/bindings/new";

/// The number of roles that the form offers.
const CHOICES: u32 = 500;

#[derive(Template)]
#[template(path = "console/bindings.html")]
struct BindingsPage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    on_projects: bool,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    id: BindingId,
    role: (RoleId, String),
    /// The page of the person. Empty for a bot.
    to: String,
    name: String,
    workspace: (String, String),
    /// The name of the project; empty if the role is bound to the workspace.
    project: String,
    since: Moment,
}

fn roles_step() -> Step {
    Step::new(Part::Roles.path(), Part::Roles.title())
}

/// `GET /bindings?on=projects`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let on_projects = parameters.text("on") == "projects";
    shell::show(&state, &browser, |view| {
        let found = bindings::page(view, &actor, on_projects, None, controls::page_of(&parameters))?;
        let rows = found.items.iter().map(|binding| row(view, &actor, binding));
        Ok(BindingsPage {
            shell: Shell::new(&browser, &actor, Part::Roles).after(&parameters),
            title: "Role bindings",
            path: vec![roles_step()],
            on_projects,
            pager: Pager::new(BINDINGS, &parameters, &found),
            rows: rows.collect::<CoreResult<_>>()?,
        })
    })
}

fn row(view: &View, actor: &Actor, binding: &Binding) -> CoreResult<Row> {
    // Somebody who sees a binding may not see its person or its role.
    let user = match users::principal(view, actor, &Named::Number(binding.user)) {
        Ok(user) => Some(user),
        Err(Error::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let role = match roles::visible(view, actor, binding.role) {
        Ok(role) => role.name,
        Err(Error::NotFound { .. } | Error::Forbidden { .. }) => format!("Role {}", binding.role),
        Err(error) => return Err(error),
    };
    let (workspace, project) = place(view, actor, binding.resource)?;
    let is_person = user.as_ref().is_some_and(|user| user.kind == UserKind::Person);
    Ok(Row {
        id: binding.id,
        role: (binding.role, role),
        to: user.as_ref().filter(|_| is_person).map_or_else(String::new, |user| format!("/people/{}", user.uuid)),
        name: user.map_or_else(|| "Somebody".to_owned(), |user| user.name()),
        workspace,
        project,
        since: Moment(binding.created_at),
    })
}

/// The number and the name of the workspace of a resource, and the name of its project.
fn place(view: &View, actor: &Actor, resource: Resource) -> CoreResult<((String, String), String)> {
    let (workspace, project) = match resource {
        Resource::Workspace(id) => (workspaces::visible(view, actor, id)?, String::new()),
        Resource::Project(id) => {
            let (project, workspace) = projects::visible(view, actor, id)?;
            (workspace, project.name.as_str().to_owned())
        }
    };
    Ok(((workspace.id.to_string(), workspace.name.as_str().to_owned()), project))
}

/// `GET /bindings/new`
pub(super) async fn form(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    new_form(&state, &browser, &actor, |name| parameters.text(name).to_owned())?.show(&browser)
}

/// `POST /bindings/new`
pub(super) async fn create(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let created = match parse(&form) {
        Ok(wanted) => state.write_as(&actor, move |tx, actor| bind(tx, actor, &wanted)).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(binding) => {
            let on_projects = matches!(binding.resource, Resource::Project(_));
            Ok(controls::done(if on_projects { "/bindings?on=projects" } else { BINDINGS }, "bound"))
        }
        Err(error) => {
            new_form(&state, &browser, &actor, |name| form.text(name).to_owned())?.show_again(&browser, error.into())
        }
    }
}

struct Wanted {
    role: RoleId,
    who: Named,
    workspace: String,
    project: String,
}

fn parse(form: &Form) -> CoreResult<Wanted> {
    let role = form.text("role").parse().map(RoleId);
    Ok(Wanted {
        role: role.map_err(|_| Error::invalid("role", "must be one of the roles"))?,
        who: Named::Email(Email::parse(form.text("email").trim()).in_field("email")?),
        workspace: form.text("workspace").trim().to_owned(),
        project: form.text("project").trim().to_owned(),
    })
}

fn bind(tx: &crate::store::Tx, actor: &Actor, wanted: &Wanted) -> CoreResult<Binding> {
    let resource = if wanted.project.is_empty() {
        Resource::Workspace(by_name::workspace(tx, actor, &wanted.workspace)?.id)
    } else {
        let place = format!("{}/{}", wanted.workspace, wanted.project);
        Resource::Project(by_name::named_project(tx, actor, &place)?.0.id)
    };
    bindings::create(tx, actor, wanted.role, &wanted.who, resource)
}

fn new_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    value: impl Fn(&str) -> String,
) -> Result<ConsoleForm, Failure> {
    let offered = Page { after: None, limit: CHOICES };
    let (email, workspace, project) = (value("email"), value("workspace"), value("project"));
    let (roles, people, workspaces, projects) = state.read_inline(|view| {
        let roles: Slice<_> = roles::page(view, actor, None, offered)?;
        Ok((
            roles,
            suggestions::people(view, actor, &email)?,
            suggestions::workspaces(view, actor, &workspace)?,
            suggestions::projects(view, actor, &workspace, &project)?,
        ))
    })?;
    let choices = roles.items.into_iter().map(|role| (role.id.to_string(), role.name));
    let text = |name, label, value| Control::new(Input::Text, name, label).value(value);
    Ok(ConsoleForm {
        path: vec![roles_step(), Step::new(BINDINGS, "Role bindings")],
        text:
            "The person gets the permissions of the role, on a workspace with all its contents or on one project. You \
               cannot grant permissions that you do not have."
                .to_owned(),
        fields: vec![
            Control::choice("role", "Role", choices, value("role")),
            Control::new(Input::Email, "email", "Email of the person").value(email).suggest("/bindings/suggest?for=email", people),
            text("workspace", "Workspace", workspace)
                .hint("The name or the number. If several workspaces have the name, write the organization and a slash before it.")
                .suggest("/bindings/suggest?for=workspace", workspaces),
            text("project", "Project", project)
                .hint("The name. Leave it empty for the whole workspace.")
                .suggest("/bindings/suggest?for=project", projects)
                .optional(),
        ],
        button: "Bind role",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Roles), "Bind a role", NEW, BINDINGS)
    })
}

fn id_of(text: &str) -> CoreResult<BindingId> {
    text.parse().map(BindingId).map_err(|_| Error::not_found(Noun::RoleBinding, text))
}

/// `GET /bindings/{binding}/delete`: asks for confirmation.
pub(super) async fn deletion(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    deletion_form(&state, &browser, &actor, id_of(&path)?)?.show(&browser)
}

/// `POST /bindings/{binding}/delete`
pub(super) async fn delete(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = id_of(&path)?;
    match state.write_as(&actor, move |tx, actor| bindings::delete(tx, actor, id)).await {
        Ok(()) => Ok(controls::done(BINDINGS, "unbound")),
        Err(error) => deletion_form(&state, &browser, &actor, id)?.show_again(&browser, error.into()),
    }
}

fn deletion_form(state: &AppState, browser: &Browser, actor: &Actor, id: BindingId) -> Result<ConsoleForm, Failure> {
    let row = state.read_inline(|view| row(view, actor, &bindings::visible(view, actor, id)?))?;
    let place = if row.project.is_empty() { row.workspace.1 } else { format!("{}/{}", row.workspace.1, row.project) };
    Ok(ConsoleForm {
        path: vec![roles_step(), Step::new(BINDINGS, "Role bindings")],
        text: format!("{} loses the permissions of the role {} on {place}.", row.name, row.role.1),
        button: "Remove binding",
        is_dangerous: true,
        ..ConsoleForm::new(
            Shell::new(browser, actor, Part::Roles),
            "Remove this role binding?",
            format!("{BINDINGS}/{id}/delete"),
            BINDINGS,
        )
    })
}
