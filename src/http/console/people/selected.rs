//! `/people/disable` and `/people/add`: one change of several people. The page tells what happens with each of them; then
//! all of them are changed, or nobody is.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::super::browser::Browser;
use super::super::controls::{self, Control, Input, ROWS, Step};
use super::super::form::Form;
use super::super::shell::{Part, Shell};
use super::super::signed_in::RecentlySignedIn;
use super::super::{Failure, assets};
use super::rows::workspace_role_text;
use super::selection::Selection;
use super::{PEOPLE, address, name, path_to_people};
use crate::app::runtime::state::AppState;
use crate::app::several_people::{self, Change, Judged};
use crate::app::users::{self, Named};
use crate::app::{by_name, person_access, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::UserId;
use crate::domain::member::Role;
use crate::domain::page::Page;
use crate::domain::workspace::WorkspaceSearch;
use crate::error::{Error, Result as CoreResult};
use crate::store::View;

/// The workspaces without an owner that a page names for each person.
const NAMED: u32 = 5;

#[derive(Template)]
#[template(path = "console/people/selected.html")]
struct SelectedPage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    texts: Vec<&'static str>,
    action: &'static str,
    rows: Vec<Row>,
    fields: Vec<Control>,
    /// The field with an error; empty for none.
    wrong_field: &'static str,
    button: &'static str,
    is_dangerous: bool,
}

impl SelectedPage {
    fn is_wrong(&self, field: &Control) -> bool {
        self.wrong_field == field.name
    }

    fn focus(&self) -> &'static str {
        self.fields.first().map_or("", |field| field.name)
    }

    fn show(&self, browser: &Browser, status: StatusCode) -> Result<HttpResponse, Failure> {
        browser.show_console(status, self)
    }
}

/// A selected person.
struct Row {
    id: String,
    name: String,
    email: String,
    to: String,
    /// Why nothing can be done with this person; empty if it can.
    refused: String,
    /// What ends.
    ends: Vec<String>,
    /// The workspaces that would have no owner, and whether there are more.
    without_owner: Vec<(String, String)>,
    has_more: bool,
}

impl Row {
    fn of(view: &View, actor: &Actor, id: UserId, refused: Option<&str>) -> CoreResult<Self> {
        let mut row = Self {
            id: id.to_string(),
            name: id.to_string(),
            email: String::new(),
            to: PEOPLE.to_owned(),
            refused: refused.map(super::super::page::sentence).unwrap_or_default(),
            ends: Vec::new(),
            without_owner: Vec::new(),
            has_more: false,
        };
        match users::named(view, actor, &Named::Number(id)) {
            Ok(user) => {
                row.name = name(&user);
                row.email = if row.name == user.email.as_str() { String::new() } else { user.email.to_string() };
                row.to = address(&user);
            }
            // The refusal says it.
            Err(Error::NotFound { .. }) if refused.is_some() => {}
            Err(error) => return Err(error),
        }
        Ok(row)
    }

    /// With what ends when the person is disabled together with the others.
    fn ending(mut self, view: &View, actor: &Actor, id: UserId, all: &[UserId]) -> CoreResult<Self> {
        let user = users::named(view, actor, &Named::Number(id))?;
        if !user.enabled {
            self.ends.push("Is disabled already".to_owned());
            return Ok(self);
        }
        if actor.user() == Some(id) {
            self.ends.push("This is you: you are signed out at once".to_owned());
        }
        let ending = person_access::ending(view, actor, &user, all, NAMED)?;
        for (number, one, several) in
            [(ending.sessions, "session ends", "sessions end"), (ending.keys, "API key ends", "API keys end")]
        {
            if number == 0 {
                continue;
            }
            self.ends.push(format!("{number} {}", if number == 1 { one } else { several }));
        }
        if self.ends.is_empty() {
            self.ends.push("No session and no API key".to_owned());
        }
        self.has_more = ending.without_owner.next.is_some();
        let names = ending.without_owner.items.into_iter();
        self.without_owner = names.map(|(id, name)| (id.to_string(), name.as_str().to_owned())).collect();
        Ok(self)
    }
}

/// Back to the list, which says that people have to be selected.
fn nobody() -> HttpResponse {
    controls::done(PEOPLE, "nobody-selected")
}

/// `GET /people/disable?person=...`: what would end.
pub(in crate::http::console) async fn disable_form(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: selection, .. }: RecentlySignedIn<Selection>,
) -> Result<HttpResponse, Failure> {
    if selection.0.is_empty() {
        return Ok(nobody());
    }
    let judged = several_people::change(&state, &actor, selection.0, Change::Disable, true).await?;
    let shell = Shell::new(&browser, &actor, Part::People);
    disable_page(&state, &actor, shell, &judged)?.show(&browser, StatusCode::OK)
}

/// `POST /people/disable`
pub(in crate::http::console) async fn disable(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let selection = Selection::of_form(&form)?.0;
    if selection.is_empty() {
        return Ok(nobody());
    }
    let judged = several_people::change(&state, &actor, selection, Change::Disable, false).await?;
    if judged.iter().all(|one| one.refused.is_none()) {
        return Ok(controls::done(PEOPLE, "people-disabled"));
    }
    let shell = Shell::new(&browser, &actor, Part::People);
    let shell = shell.because("nobody was disabled, because not all of them can be; see why below");
    disable_page(&state, &actor, shell, &judged)?.show(&browser, StatusCode::BAD_REQUEST)
}

fn disable_page(state: &AppState, actor: &Actor, shell: Shell, judged: &[Judged]) -> CoreResult<SelectedPage> {
    let all: Vec<UserId> = judged.iter().filter(|one| one.refused.is_none()).map(|one| one.user).collect();
    let rows = state.read_inline(|view| {
        let row = |one: &Judged| {
            let row = Row::of(view, actor, one.user, one.refused.as_deref())?;
            if one.refused.is_some() { Ok(row) } else { row.ending(view, actor, one.user, &all) }
        };
        judged.iter().map(row).collect::<CoreResult<Vec<_>>>()
    })?;
    Ok(SelectedPage {
        shell,
        title: "Disable accounts?",
        path: path_to_people(),
        texts: vec![
            "Sessions and API keys end at once. Memberships stay, so that the accounts can be enabled again.",
            "Either all of the checked people are disabled, or nobody is.",
        ],
        action: "/people/disable",
        rows,
        fields: Vec::new(),
        wrong_field: "",
        button: "Disable",
        is_dangerous: true,
    })
}

/// `GET /people/add?person=...`
pub(in crate::http::console) async fn add_form(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: selection, .. }: RecentlySignedIn<Selection>,
) -> Result<HttpResponse, Failure> {
    if selection.0.is_empty() {
        return Ok(nobody());
    }
    let judged: Vec<Judged> = selection.0.into_iter().map(|user| Judged { user, refused: None }).collect();
    let shell = Shell::new(&browser, &actor, Part::People);
    add_page(&state, &actor, shell, &judged, ["", Role::Member.as_str()])?.show(&browser, StatusCode::OK)
}

/// `POST /people/add`
pub(in crate::http::console) async fn add(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let selection = Selection::of_form(&form)?.0;
    if selection.is_empty() {
        return Ok(nobody());
    }
    let values = [form.text("workspace"), form.text("role")];
    let unjudged = || selection.iter().map(|user| Judged { user: *user, refused: None }).collect::<Vec<_>>();
    let shell = Shell::new(&browser, &actor, Part::People);
    let added = match place(&state, &actor, values) {
        Ok(change) => several_people::change(&state, &actor, selection.clone(), change, false).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(judged) if judged.iter().all(|one| one.refused.is_none()) => Ok(controls::done(PEOPLE, "people-added")),
        Ok(judged) => {
            let shell = shell.because("nobody was added, because not all of them can be; see why below");
            add_page(&state, &actor, shell, &judged, values)?.show(&browser, StatusCode::BAD_REQUEST)
        }
        Err(error) if error.is_refusal() => {
            let wrong_field =
                if matches!(error, Error::Invalid { .. } | Error::NotFound { .. }) { "workspace" } else { "" };
            let page = add_page(&state, &actor, shell.because(&error.to_string()), &unjudged(), values)?;
            SelectedPage { wrong_field, ..page }.show(&browser, Failure::from(error).status_code())
        }
        Err(error) => Err(error.into()),
    }
}

fn place(state: &AppState, actor: &Actor, [workspace, role]: [&str; 2]) -> CoreResult<Change> {
    let role = Role::predefined(role).ok_or_else(|| Error::invalid("role", "must be one of the list"))?;
    let name = workspace.trim();
    if name.is_empty() {
        return Err(Error::invalid("workspace", "must not be empty"));
    }
    let workspace = state.read_inline(|view| by_name::workspace(view, actor, name))?;
    Ok(Change::AddTo(workspace.id, role))
}

fn add_page(
    state: &AppState,
    actor: &Actor,
    shell: Shell,
    judged: &[Judged],
    [workspace, role]: [&str; 2],
) -> CoreResult<SelectedPage> {
    let (rows, suggestions) = state.read_inline(|view| {
        let row = |one: &Judged| Row::of(view, actor, one.user, one.refused.as_deref());
        let rows = judged.iter().map(row).collect::<CoreResult<Vec<_>>>()?;
        let few = Page { after: None, limit: ROWS };
        let found = workspaces::page(view, actor, &WorkspaceSearch::default(), few)?;
        Ok((rows, found.items.into_iter().map(|found| found.name.as_str().to_owned()).collect()))
    })?;
    let hint = "Its name or number. If organizations have one of the same name, write ORGANIZATION/NAME.";
    let place = Control::new(Input::Text, "workspace", "Workspace").hint(hint).value(workspace);
    let roles = Role::PREDEFINED.map(|role| (role.as_str(), workspace_role_text(role)));
    Ok(SelectedPage {
        shell,
        title: "Add to a workspace",
        path: path_to_people(),
        texts: vec![
            "A member gets this role instead of the present one. Either all of the checked people are added, or nobody is.",
        ],
        action: "/people/add",
        rows,
        fields: vec![Control { suggestions, ..place }, Control::choice("role", "Role", roles, role)],
        wrong_field: "",
        button: "Add",
        is_dangerous: false,
    })
}
