//! What all pages of a workspace share: its name, its tabs, and how a refused change is shown.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use crate::app::offers::{self, Offers};
use crate::app::runtime::state::AppState;
use crate::app::{workspace_activity, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Role;
use crate::domain::workspace::Workspace;
use crate::error::Result as CoreResult;
use crate::http::console::Failure;
use crate::http::console::browser::Browser;
use crate::http::console::controls::{ConsoleForm, Step};
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::{Part, Shell};
use crate::policy::Action;
use crate::store::View;

/// A page of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Members,
    Models,
    Pipelines,
    Connections,
    Tags,
    Projects,
    Activity,
    Connect,
    Settings,
}

impl Tab {
    const ALL: [Self; 9] = [
        Self::Members,
        Self::Models,
        Self::Pipelines,
        Self::Connections,
        Self::Tags,
        Self::Projects,
        Self::Activity,
        Self::Connect,
        Self::Settings,
    ];

    const fn end(self) -> &'static str {
        match self {
            Self::Members => "",
            Self::Models => "/models",
            Self::Pipelines => "/pipelines",
            Self::Connections => "/connections",
            Self::Tags => "/tags",
            Self::Projects => "/projects",
            Self::Activity => "/activity",
            Self::Connect => "/connect",
            Self::Settings => "/settings",
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Members => "Members",
            Self::Models => "Models",
            Self::Pipelines => "Pipelines",
            Self::Connections => "Connections",
            Self::Tags => "Tags",
            Self::Projects => "Projects",
            Self::Activity => "Activity",
            Self::Connect => "Connect",
            Self::Settings => "Settings",
        }
    }

    /// The path of the page.
    pub(super) fn of(self, workspace: WorkspaceId) -> String {
        format!("/workspaces/{workspace}{}", self.end())
    }

    fn is_offered(self, offers: &Offers, sees_activity: bool) -> bool {
        match self {
            Self::Members | Self::Projects | Self::Connect | Self::Connections => true,
            Self::Models => offers.allows(Action::ReadModel),
            Self::Pipelines => offers.allows(Action::ReadPipeline),
            Self::Tags => offers.allows(Action::ReadTag),
            Self::Activity => sees_activity,
            Self::Settings => offers.allows(Action::UpdateWorkspace) || offers.allows(Action::ArchiveWorkspace),
        }
    }
}

pub(super) struct TabLink {
    pub(super) to: String,
    pub(super) text: &'static str,
    pub(super) is_current: bool,
}

/// What the layout of the pages shows.
pub(super) struct Frame {
    pub(super) base: String,
    pub(super) current: &'static str,
    pub(super) tabs: Vec<TabLink>,
    pub(super) is_private: bool,
    pub(super) is_archived: bool,
    pub(super) description: String,
}

/// A workspace that the user may see, with what its pages need.
pub(super) struct Opened {
    pub(super) workspace: Workspace,
    pub(super) offers: Offers,
    pub(super) shell: Shell,
    pub(super) title: String,
    pub(super) frame: Frame,
}

/// Finds the workspace of a page. Refused when the user may not see it.
pub(super) fn open(
    view: &View,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    (tab, parameters): (Tab, &Parameters),
) -> CoreResult<Opened> {
    let workspace = workspaces::visible(view, actor, id)?;
    let offers = offers::in_workspace(view, actor, &workspace)?;
    let sees_activity = workspace_activity::may_see(view, actor, id)?;
    let link = |other: Tab| TabLink { to: other.of(id), text: other.text(), is_current: other == tab };
    let tabs = Tab::ALL.into_iter().filter(|tab| tab.is_offered(&offers, sees_activity)).map(link).collect();
    Ok(Opened {
        shell: Shell::new(browser, actor, Part::Workspaces).after(parameters),
        title: workspace.name.as_str().to_owned(),
        frame: Frame {
            base: Tab::Members.of(id),
            current: tab.text(),
            tabs,
            is_private: workspace.private,
            is_archived: workspace.archived,
            description: workspace.description.as_str().to_owned(),
        },
        workspace,
        offers,
    })
}

/// The steps above a page that belongs to a tab.
pub(super) fn path(workspace: &Workspace, tab: Tab) -> Vec<Step> {
    let mut steps = vec![
        Step::new("/", Part::Workspaces.title()),
        Step::new(Tab::Members.of(workspace.id), workspace.name.as_str()),
    ];
    if tab != Tab::Members {
        steps.push(Step::new(tab.of(workspace.id), tab.text()));
    }
    steps
}

/// A form that belongs to a tab, and sends itself to `address`. Refuses a user who may not do this in the workspace.
pub(super) fn form(
    view: &View,
    browser: &Browser,
    actor: &Actor,
    (workspace, tab, action): (&Workspace, Tab, Option<Action>),
    title: impl Into<String>,
    address: impl Into<String>,
) -> CoreResult<ConsoleForm> {
    if let Some(action) = action {
        offers::in_workspace(view, actor, workspace)?.require(action)?;
    }
    let shell = Shell::new(browser, actor, Part::Workspaces);
    Ok(ConsoleForm { path: path(workspace, tab), ..ConsoleForm::new(shell, title, address, tab.of(workspace.id)) })
}

/// Shows the form that `read` makes; after a refusal, with the reason.
pub(super) fn show_form(
    state: &AppState,
    browser: &Browser,
    refused: Option<Failure>,
    read: impl FnOnce(&View) -> CoreResult<ConsoleForm>,
) -> Result<HttpResponse, Failure> {
    let form = state.read_inline(read)?;
    match refused {
        None => form.show(browser),
        Some(failure) => form.show_again(browser, failure),
    }
}

/// A page of a workspace, on which a refused change is shown.
pub(super) trait InFrame: Template {
    fn shell(&mut self) -> &mut Shell;
}

/// Shows a page; after a refusal, with the reason and its status.
pub(super) fn show<P: InFrame>(
    state: &AppState,
    browser: &Browser,
    refused: Option<Failure>,
    read: impl FnOnce(&View) -> CoreResult<P>,
) -> Result<HttpResponse, Failure> {
    let refused = match refused {
        Some(failure @ Failure::Core(_)) if is_refusal(&failure) => Some(failure),
        Some(failure) => return Err(failure),
        None => None,
    };
    let mut page = state.read_inline(read)?;
    let Some(failure) = refused else { return browser.show_console(StatusCode::OK, &page) };
    let shell = page.shell().clone();
    *page.shell() = shell.because(&failure.to_string());
    browser.show_console(failure.status_code(), &page)
}

const fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Core(error) if error.is_refusal())
}

/// The name of a role in the pages.
pub(in crate::http::console) const fn role_text(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Member => "Member",
        Role::Reader => "Reader",
        Role::Annotator => "Annotator",
        Role::Custom(_) => "Named role",
    }
}

/// The predefined role with this text, in any case.
pub(in crate::http::console) fn parse_role(text: &str) -> Option<Role> {
    Role::predefined(&text.trim().to_ascii_lowercase())
}
