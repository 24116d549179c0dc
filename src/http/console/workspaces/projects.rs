//! `/workspaces/{workspace}/projects`: the projects and their restrictions.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab};
use crate::app::runtime::state::AppState;
use crate::app::{offers, projects, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::{ProjectId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::project::{Project, ProjectName, ProjectSearch};
use crate::domain::workspace::Workspace;
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Control, Input, Pager};
use crate::http::console::form::Form;
use crate::http::console::moment::Moment;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::{Failure, assets};
use crate::policy::Action;
use crate::store::{Tx, View};

#[derive(Template)]
#[template(path = "console/workspace/projects.html")]
struct ProjectsPage {
    shell: Shell,
    title: String,
    frame: Frame,
    /// The address of the list.
    list: String,
    q: String,
    may_create: bool,
    rows: Vec<Row>,
    pager: Pager,
}

impl InFrame for ProjectsPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
struct Row {
    id: ProjectId,
    /// The id in the Arize clients.
    public_id: String,
    name: String,
    kind: &'static str,
    created: Moment,
    is_restricted: bool,
    may_rename: bool,
    may_restrict: bool,
    may_delete: bool,
}

/// `GET /workspaces/{workspace}/projects?q=...`
pub(in crate::http::console) async fn list(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    frame::show(&state, &browser, None, |view| {
        let Opened { workspace, offers, shell, title, frame } =
            frame::open(view, &browser, &actor, id, (Tab::Projects, &parameters))?;
        let search = ProjectSearch { workspace: Some(id), name: parameters.owned("q"), ..ProjectSearch::default() };
        let found = projects::page(view, &actor, &search, controls::page_of(&parameters))?;
        let pager = Pager::new(&Tab::Projects.of(id), &parameters, &found);
        let mut rows = Vec::new();
        for project in found.items {
            rows.push(Row { public_id: browser.public_id(&project.id), ..row(view, &actor, &workspace, &project)? });
        }
        Ok(ProjectsPage {
            shell,
            title,
            frame,
            list: Tab::Projects.of(id),
            q: parameters.text("q").to_owned(),
            may_create: offers.allows(Action::CreateProject),
            rows,
            pager,
        })
    })
}

fn row(view: &View, actor: &Actor, workspace: &Workspace, project: &Project) -> CoreResult<Row> {
    let offers = offers::in_project(view, actor, workspace, project.id)?;
    let may = |action| offers.allows(action);
    Ok(Row {
        id: project.id,
        public_id: String::new(),
        name: project.name.as_str().to_owned(),
        kind: project.kind.as_str(),
        created: Moment(project.created_at),
        is_restricted: projects::is_restricted(view, actor, project.id)?,
        may_rename: may(Action::UpdateProject),
        may_restrict: may(Action::RestrictProject),
        may_delete: may(Action::DeleteProject),
    })
}

fn name_field(name: &str) -> Control {
    let field = Control { max_length: ProjectName::MAX_LENGTH, ..Control::new(Input::Text, "name", "Name") };
    field.hint("1 to 255 characters, unique in the workspace.").value(name)
}

/// `GET /workspaces/{workspace}/projects/new`
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_form(&state, &browser, &actor, address.workspace()?, None, "")
}

fn show_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    refused: Option<Failure>,
    name: &str,
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let action = format!("{}/new", Tab::Projects.of(id));
        Ok(ConsoleForm {
            fields: vec![name_field(name)],
            button: "Create project",
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Projects, Some(Action::CreateProject)),
                "New project",
                action,
            )?
        })
    })
}

/// `POST /workspaces/{workspace}/projects/new`
pub(in crate::http::console) async fn create(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let created = match ProjectName::parse(form.text("name")).in_field("name") {
        Ok(name) => state.write_as(&actor, move |tx, actor| projects::create(tx, actor, id, &name)).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(_) => Ok(controls::done(&Tab::Projects.of(id), "project-created")),
        Err(error) => show_form(&state, &browser, &actor, id, Some(error.into()), form.text("name")),
    }
}

/// The project, if it is in this workspace.
fn find(view: &View, actor: &Actor, workspace: WorkspaceId, id: ProjectId) -> CoreResult<(Project, Workspace)> {
    let (project, place) = projects::visible(view, actor, id)?;
    if place.id == workspace { Ok((project, place)) } else { Err(Error::not_found(Noun::Project, id)) }
}

/// `GET /workspaces/{workspace}/projects/{project}/rename`
pub(in crate::http::console) async fn rename_form(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_rename(&state, &browser, &actor, &address, None, None)
}

fn show_rename(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    address: &Address,
    refused: Option<Failure>,
    name: Option<&str>,
) -> Result<HttpResponse, Failure> {
    let (id, project) = (address.workspace()?, address.project()?);
    frame::show_form(state, browser, refused, |view| {
        let (project, workspace) = find(view, actor, id, project)?;
        offers::in_project(view, actor, &workspace, project.id)?.require(Action::UpdateProject)?;
        let action = format!("{}/{}/rename", Tab::Projects.of(id), project.id);
        Ok(ConsoleForm {
            fields: vec![name_field(name.unwrap_or(project.name.as_str()))],
            button: "Rename",
            ..frame::form(view, browser, actor, (&workspace, Tab::Projects, None), "Rename project", action)?
        })
    })
}

/// `POST /workspaces/{workspace}/projects/{project}/rename`
pub(in crate::http::console) async fn rename(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, project) = (address.workspace()?, address.project()?);
    let renamed = match ProjectName::parse(form.text("name")).in_field("name") {
        Ok(name) => {
            let rename = move |tx: &Tx, actor: &Actor| {
                find(tx, actor, id, project)?;
                projects::rename(tx, actor, project, &name)
            };
            state.write_as(&actor, rename).await
        }
        Err(error) => Err(error),
    };
    match renamed {
        Ok(_) => Ok(controls::done(&Tab::Projects.of(id), "project-renamed")),
        Err(error) => show_rename(&state, &browser, &actor, &address, Some(error.into()), Some(form.text("name"))),
    }
}

/// What a page asks about a project before it is done.
#[derive(Clone, Copy)]
enum Question {
    Restrict,
    Lift,
    Delete,
}

/// The last segment of the address, the action, the word for what was done, the consequence, and the button.
type Words = (&'static str, Action, &'static str, &'static str, &'static str);

impl Question {
    const fn words(self) -> Words {
        match self {
            Self::Restrict => (
                "restrict",
                Action::RestrictProject,
                "project-restricted",
                "Only people with a role binding on the project, owners and administrators see it then.",
                "Restrict",
            ),
            Self::Lift => (
                "lift",
                Action::RestrictProject,
                "project-lifted",
                "Everybody who reads the projects of this workspace sees it then.",
                "Lift restriction",
            ),
            Self::Delete => (
                "delete",
                Action::DeleteProject,
                "project-deleted",
                "Its tags, its restriction and the role bindings on it are deleted, too.",
                "Delete",
            ),
        }
    }

    fn title(self, name: &str) -> String {
        match self {
            Self::Restrict => format!("Restrict the project {name}?"),
            Self::Lift => format!("Lift the restriction of the project {name}?"),
            Self::Delete => format!("Delete the project {name}?"),
        }
    }

    fn act(self, tx: &Tx, actor: &Actor, id: ProjectId) -> CoreResult<()> {
        match self {
            Self::Restrict => projects::restrict(tx, actor, id).map(drop),
            Self::Lift => projects::lift_restriction(tx, actor, id),
            Self::Delete => projects::delete(tx, actor, id),
        }
    }

    fn ask(
        self,
        state: &AppState,
        browser: &Browser,
        actor: &Actor,
        address: &Address,
        refused: Option<Failure>,
    ) -> Result<HttpResponse, Failure> {
        let (id, project) = (address.workspace()?, address.project()?);
        let (word, needs, _, consequence, button) = self.words();
        frame::show_form(state, browser, refused, |view| {
            let (project, workspace) = find(view, actor, id, project)?;
            offers::in_project(view, actor, &workspace, project.id)?.require(needs)?;
            let action = format!("{}/{}/{word}", Tab::Projects.of(id), project.id);
            let title = self.title(project.name.as_str());
            Ok(ConsoleForm {
                consequences: vec![consequence.to_owned()],
                button,
                is_dangerous: matches!(self, Self::Delete),
                ..frame::form(view, browser, actor, (&workspace, Tab::Projects, None), title, action)?
            })
        })
    }

    async fn answer(
        self,
        state: &AppState,
        browser: &Browser,
        actor: &Actor,
        address: &Address,
    ) -> Result<HttpResponse, Failure> {
        let (id, project) = (address.workspace()?, address.project()?);
        let act = move |tx: &Tx, actor: &Actor| {
            find(tx, actor, id, project)?;
            self.act(tx, actor, project)
        };
        match state.write_as(actor, act).await {
            Ok(()) => Ok(controls::done(&Tab::Projects.of(id), self.words().2)),
            Err(error) => self.ask(state, browser, actor, address, Some(error.into())),
        }
    }
}

macro_rules! questions {
    ($($(#[$doc:meta])* $question:ident: $ask:ident, $answer:ident;)*) => {$(
        $(#[$doc])*
        pub(in crate::http::console) async fn $ask(
            state: Data<AppState>,
            address: Address,
            SignedIn { browser, actor, .. }: SignedIn,
        ) -> Result<HttpResponse, Failure> {
            Question::$question.ask(&state, &browser, &actor, &address, None)
        }

        pub(in crate::http::console) async fn $answer(
            state: Data<AppState>,
            address: Address,
            SignedIn { browser, actor, .. }: SignedIn<Form>,
        ) -> Result<HttpResponse, Failure> {
            Question::$question.answer(&state, &browser, &actor, &address).await
        }
    )*};
}

questions! {
    /// `/workspaces/{workspace}/projects/{project}/restrict`
    Restrict: restriction, restrict;
    /// `/workspaces/{workspace}/projects/{project}/lift`
    Lift: lifting, lift;
    /// `/workspaces/{workspace}/projects/{project}/delete`
    Delete: deletion, delete;
}
