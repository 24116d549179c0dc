//! `/workspaces/{workspace}/settings`: its name, its privacy, its owners and its end.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::address::Address;
use super::frame::{self, Frame, Opened, Tab};
use super::moving::Targets;
use crate::app::runtime::state::AppState;
use crate::app::users::Named;
use crate::app::{members, workspaces};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Role;
use crate::domain::text::Description;
use crate::domain::workspace::{WorkspaceChange, WorkspaceName};
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Control, Input};
use crate::http::console::form::Form;
use crate::http::console::page::FormError;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::{RecentlySignedIn, SignedIn};
use crate::http::console::{Failure, assets};
use crate::policy::Action;
use crate::store::{Tx, View};

#[derive(Template)]
#[template(path = "console/workspace/settings.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
struct SettingsPage {
    shell: Shell,
    title: String,
    frame: Frame,
    may_change: bool,
    may_hand_over: bool,
    may_archive: bool,
    /// Where it may be moved.
    targets: Targets,
    may_delete: bool,
    fields: Vec<Control>,
    form_error: Option<FormError>,
}

impl SettingsPage {
    fn is_wrong(&self, field: &Control) -> bool {
        self.form_error.as_ref().is_some_and(|form_error| form_error.field == field.name)
    }

    fn focus(&self) -> &'static str {
        self.form_error.as_ref().map_or("", |form_error| form_error.field)
    }
}

/// The values of the form.
struct Typed {
    name: String,
    description: String,
    private: bool,
}

/// `GET /workspaces/{workspace}/settings`
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let page = state.read_inline(|view| settings_page(view, &browser, &actor, id, (&parameters, None)))?;
    browser.show_console(actix_web::http::StatusCode::OK, &page)
}

fn settings_page(
    view: &View,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    (parameters, typed): (&Parameters, Option<&Typed>),
) -> CoreResult<SettingsPage> {
    let Opened { workspace, offers, shell, title, frame } =
        frame::open(view, browser, actor, id, (Tab::Settings, parameters))?;
    let name = typed.map_or(workspace.name.as_str(), |typed| &typed.name);
    let description = typed.map_or(workspace.description.as_str(), |typed| &typed.description);
    let private = typed.map_or(workspace.private, |typed| typed.private);
    Ok(SettingsPage {
        shell,
        title,
        frame,
        may_change: offers.allows(Action::UpdateWorkspace),
        may_hand_over: offers.allows(Action::AddMember),
        may_archive: offers.allows(Action::ArchiveWorkspace),
        targets: Targets::find(view, actor, &workspace, &offers)?,
        may_delete: offers.allows(Action::DeleteWorkspace),
        fields: vec![
            Control { max_length: WorkspaceName::MAX_LENGTH, ..Control::new(Input::Text, "name", "Name").value(name) },
            Control {
                max_length: Description::MAX_LENGTH,
                ..Control::new(Input::Lines, "description", "Description").value(description).optional()
            },
            Control::check("private", "Private: only members and administrators see it", private),
        ],
        form_error: None,
    })
}

/// `POST /workspaces/{workspace}/settings`
pub(in crate::http::console) async fn change(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let typed = Typed {
        name: form.text("name").to_owned(),
        description: form.text("description").to_owned(),
        private: form.is_checked("private"),
    };
    let changed = match parse(&typed) {
        Ok(change) => state.write_as(&actor, move |tx, actor| workspaces::change(tx, actor, id, &change)).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(controls::done(&Tab::Settings.of(id), "workspace-changed")),
        Err(error) => {
            let read = |view: &View| settings_page(view, &browser, &actor, id, (&Parameters::default(), Some(&typed)));
            let page = state.read_inline(read)?;
            let shown = controls::explained(&page.fields, error.into())?;
            let page = SettingsPage {
                shell: page.shell.because(&shown.form_error.text),
                form_error: Some(shown.form_error),
                ..page
            };
            browser.show_console(shown.status, &page)
        }
    }
}

fn parse(typed: &Typed) -> CoreResult<WorkspaceChange> {
    Ok(WorkspaceChange {
        name: Some(WorkspaceName::parse(&typed.name).in_field("name")?),
        description: Some(Description::parse(&typed.description).in_field("description")?),
        private: Some(typed.private),
        ..WorkspaceChange::default()
    })
}

/// `GET /workspaces/{workspace}/hand-over`
pub(in crate::http::console) async fn hand_over_form(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_hand_over(&state, &browser, &actor, address.workspace()?, None, ("", true))
}

fn show_hand_over(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    refused: Option<Failure>,
    (email, step_back): (&str, bool),
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let is_member = match actor.person() {
            Some(person) => members::find(view, actor, id, &Named::Uuid(person.uuid))?.is_some(),
            None => false,
        };
        let step_back = is_member.then(|| Control::check("step_back", "I become a member myself", step_back));
        let action = format!("{}/hand-over", Tab::Members.of(id));
        Ok(ConsoleForm {
            text: "Another person of the organization becomes an owner, and can then do everything here.".to_owned(),
            fields: [Control::new(Input::Email, "email", "Email of the new owner").value(email)]
                .into_iter()
                .chain(step_back)
                .collect(),
            button: "Hand over",
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Settings, Some(Action::AddMember)),
                "Hand over",
                action,
            )?
        })
    })
}

/// `POST /workspaces/{workspace}/hand-over`: makes another person an owner.
pub(in crate::http::console) async fn hand_over(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, step_back) = (address.workspace()?, form.is_checked("step_back"));
    let handed_over = match Email::parse(form.text("email")).in_field("email") {
        Ok(email) => {
            let hand_over = move |tx: &Tx, actor: &Actor| {
                let owner = members::upsert(tx, actor, id, &Named::Email(email.clone()), Role::Owner)?;
                match actor.user().filter(|me| step_back && *me != owner.user) {
                    Some(me) => members::upsert(tx, actor, id, &Named::Number(me), Role::Member).map(drop),
                    None => Ok(()),
                }
            };
            state.write_as(&actor, hand_over).await
        }
        Err(error) => Err(error),
    };
    match handed_over {
        Ok(()) => Ok(controls::done(&Tab::Members.of(id), "workspace-handed-over")),
        Err(error) => {
            let typed = (form.text("email"), step_back);
            show_hand_over(&state, &browser, &actor, id, Some(error.into()), typed)
        }
    }
}

/// `GET /workspaces/{workspace}/archive`
pub(in crate::http::console) async fn archiving(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_archiving(&state, &browser, &actor, address.workspace()?, None)
}

fn show_archiving(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    refused: Option<Failure>,
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let title = format!("Archive {}?", workspace.name.as_str());
        Ok(ConsoleForm {
            consequences: vec![
                "It stays listed and readable, but nothing in it can be changed. Members can still be removed."
                    .to_owned(),
                "It keeps its name and its files, which count as before.".to_owned(),
                "An owner or an administrator can restore it at any time.".to_owned(),
            ],
            button: "Archive",
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Settings, Some(Action::ArchiveWorkspace)),
                title,
                format!("{}/archive", Tab::Members.of(id)),
            )?
        })
    })
}

/// `POST /workspaces/{workspace}/archive`
pub(in crate::http::console) async fn archive(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    match state.write_as(&actor, move |tx, actor| workspaces::archive(tx, actor, id)).await {
        Ok(_) => Ok(controls::done(&Tab::Settings.of(id), "workspace-archived")),
        Err(error) => show_archiving(&state, &browser, &actor, id, Some(error.into())),
    }
}

/// `POST /workspaces/{workspace}/settings/restore`
pub(in crate::http::console) async fn restore(
    state: Data<AppState>,
    address: Address,
    SignedIn { actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    state.write_as(&actor, move |tx, actor| workspaces::restore(tx, actor, id)).await?;
    Ok(controls::done(&Tab::Settings.of(id), "workspace-restored"))
}

/// `GET /workspaces/{workspace}/delete`
pub(in crate::http::console) async fn deletion(
    state: Data<AppState>,
    address: Address,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    show_deletion(&state, &browser, &actor, address.workspace()?, None)
}

fn show_deletion(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    refused: Option<Failure>,
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let title = format!("Delete {}?", workspace.name.as_str());
        let hint = format!("Type {} to confirm.", workspace.name.as_str());
        Ok(ConsoleForm {
            consequences: vec![
                "Its models with their files, its pipelines, tags, projects and service keys are deleted.".to_owned(),
                "Its members lose what they have here. Connections stay for their other workspaces.".to_owned(),
                "This cannot be undone, except from a backup. Archive it instead if somebody may need it.".to_owned(),
            ],
            fields: vec![Control::new(Input::Text, "name", "Name of the workspace").hint(hint)],
            button: "Delete",
            is_dangerous: true,
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Settings, Some(Action::DeleteWorkspace)),
                title,
                format!("{}/delete", Tab::Members.of(id)),
            )?
        })
    })
}

/// `POST /workspaces/{workspace}/delete`
pub(in crate::http::console) async fn delete(
    state: Data<AppState>,
    address: Address,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, typed) = (address.workspace()?, form.text("name").trim().to_owned());
    let delete = move |tx: &Tx, actor: &Actor| {
        let workspace = workspaces::visible(tx, actor, id)?;
        if workspace.name.as_str().trim() != typed {
            return Err(Error::invalid("name", "must be the name of this {workspace}"));
        }
        workspaces::delete(tx, actor, id)
    };
    match state.write_as(&actor, delete).await {
        Ok(()) => Ok(controls::done("/", "workspace-deleted")),
        Err(error) => show_deletion(&state, &browser, &actor, id, Some(error.into())),
    }
}
