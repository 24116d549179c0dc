//! `/workspaces/{workspace}/tags`: the tags of the workspace.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab};
use crate::app::runtime::state::AppState;
use crate::app::{content_pages, tags, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::{TagId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::tag::{NewTag, Tag, TagChange, TagColor, TagName};
use crate::domain::text::Description;
use crate::domain::workspace::Workspace;
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Control, Input, Pager};
use crate::http::console::form::Form;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::{Failure, assets};
use crate::policy::Action;
use crate::store::{Tx, View};

#[derive(Template)]
#[template(path = "console/workspace/tags.html")]
struct TagsPage {
    shell: Shell,
    title: String,
    frame: Frame,
    may_create: bool,
    may_change: bool,
    may_delete: bool,
    rows: Vec<Row>,
    pager: Pager,
}

impl InFrame for TagsPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Row {
    id: TagId,
    name: String,
    description: String,
    color: String,
}

/// `GET /workspaces/{workspace}/tags`
pub(in crate::http::console) async fn list(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    frame::show(&state, &browser, None, |view| {
        let Opened { offers, shell, title, frame, .. } =
            frame::open(view, &browser, &actor, id, (Tab::Tags, &parameters))?;
        let found = content_pages::tags(view, &actor, id, controls::page_of(&parameters))?;
        let row = |tag: Tag| Row {
            id: tag.id,
            name: tag.name.as_str().to_owned(),
            description: tag.description.map_or_else(String::new, |text| text.as_str().to_owned()),
            color: tag.color.map_or_else(String::new, |color| color.as_str().to_owned()),
        };
        let pager = Pager::new(&Tab::Tags.of(id), &parameters, &found);
        Ok(TagsPage {
            shell,
            title,
            frame,
            may_create: offers.allows(Action::CreateTag),
            may_change: offers.allows(Action::UpdateTag),
            may_delete: offers.allows(Action::DeleteTag),
            rows: found.items.into_iter().map(row).collect(),
            pager,
        })
    })
}

/// The values of the form of a tag.
#[derive(Default)]
struct Typed {
    name: String,
    description: String,
    color: String,
}

impl Typed {
    fn of(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self { name: text("name"), description: text("description"), color: text("color") }
    }

    fn parse(&self) -> CoreResult<(TagName, Option<Description>, Option<TagColor>)> {
        let name = TagName::parse(&self.name).in_field("name")?;
        let description = match self.description.as_str() {
            "" => None,
            text => Some(Description::parse(text).in_field("description")?),
        };
        let color = match self.color.as_str() {
            "" => None,
            word => Some(word.parse().map_err(|_| Error::invalid("color", "must be one of the colors"))?),
        };
        Ok((name, description, color))
    }
}

fn fields(typed: Typed) -> Vec<Control> {
    let colors =
        ["", "gray", "blue", "cyan", "teal", "green", "lime", "yellow", "orange", "red", "pink", "purple", "brown"];
    let known = colors.contains(&typed.color.as_str());
    let others = (!known).then(|| (typed.color.clone(), typed.color.clone()));
    let colors = colors
        .into_iter()
        .map(|word| (word.to_owned(), if word.is_empty() { "none".to_owned() } else { word.to_owned() }));
    vec![
        Control { max_length: TagName::MAX_LENGTH, ..Control::new(Input::Text, "name", "Name").value(typed.name) },
        Control {
            max_length: Description::MAX_LENGTH,
            ..Control::new(Input::Lines, "description", "Description").value(typed.description).optional()
        },
        Control::choice("color", "Color in clients", colors.chain(others), typed.color),
    ]
}

/// `GET /workspaces/{workspace}/tags/new`
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_form(&state, &browser, &actor, address.workspace()?, None, Typed::default())
}

fn show_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    refused: Option<Failure>,
    typed: Typed,
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let action = format!("{}/new", Tab::Tags.of(id));
        Ok(ConsoleForm {
            fields: fields(typed),
            button: "Create tag",
            ..frame::form(view, browser, actor, (&workspace, Tab::Tags, Some(Action::CreateTag)), "New tag", action)?
        })
    })
}

/// `POST /workspaces/{workspace}/tags/new`
pub(in crate::http::console) async fn create(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, typed) = (address.workspace()?, Typed::of(&form));
    let created = match typed.parse() {
        Ok((name, description, color)) => {
            tags::create_within_limit(&state, &actor, NewTag { workspace: id, name, description, color }).await
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(_) => Ok(controls::done(&Tab::Tags.of(id), "tag-created")),
        Err(error) => show_form(&state, &browser, &actor, id, Some(error.into()), typed),
    }
}

/// The tag, if it is of this workspace itself.
fn find(view: &View, actor: &Actor, workspace: WorkspaceId, id: TagId) -> CoreResult<(Tag, Workspace)> {
    let workspace = workspaces::visible(view, actor, workspace)?;
    let tag = tags::visible(view, actor, id)?;
    if tag.workspace == Some(workspace.id) { Ok((tag, workspace)) } else { Err(Error::not_found(Noun::Tag, id)) }
}

/// `GET /workspaces/{workspace}/tags/{tag}`: the form to change it.
pub(in crate::http::console) async fn change_form(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_change(&state, &browser, &actor, &address, None, None)
}

fn show_change(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    address: &Address,
    refused: Option<Failure>,
    typed: Option<Typed>,
) -> Result<HttpResponse, Failure> {
    let (id, tag) = (address.workspace()?, address.tag()?);
    frame::show_form(state, browser, refused, |view| {
        let (tag, workspace) = find(view, actor, id, tag)?;
        let present = || Typed {
            name: tag.name.as_str().to_owned(),
            description: tag.description.as_ref().map_or_else(String::new, |text| text.as_str().to_owned()),
            color: tag.color.map_or_else(String::new, |color| color.as_str().to_owned()),
        };
        let action = format!("{}/{}", Tab::Tags.of(id), tag.id);
        Ok(ConsoleForm {
            fields: fields(typed.unwrap_or_else(present)),
            ..frame::form(view, browser, actor, (&workspace, Tab::Tags, Some(Action::UpdateTag)), "Change tag", action)?
        })
    })
}

/// `POST /workspaces/{workspace}/tags/{tag}`
pub(in crate::http::console) async fn change(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, tag, typed) = (address.workspace()?, address.tag()?, Typed::of(&form));
    let changed = match typed.parse() {
        Ok((name, description, color)) => {
            let change = TagChange { name: Some(name), description: Some(description), color: Some(color) };
            let work = move |tx: &Tx, actor: &Actor| {
                find(tx, actor, id, tag)?;
                tags::change(tx, actor, tag, &change)
            };
            state.write_as(&actor, work).await
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(controls::done(&Tab::Tags.of(id), "tag-changed")),
        Err(error) => show_change(&state, &browser, &actor, &address, Some(error.into()), Some(typed)),
    }
}

/// `GET /workspaces/{workspace}/tags/{tag}/delete`
pub(in crate::http::console) async fn deletion(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_deletion(&state, &browser, &actor, &address, None)
}

/// `POST /workspaces/{workspace}/tags/{tag}/delete`
pub(in crate::http::console) async fn delete(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, tag) = (address.workspace()?, address.tag()?);
    let delete = move |tx: &Tx, actor: &Actor| {
        find(tx, actor, id, tag)?;
        tags::delete(tx, actor, tag)
    };
    match state.write_as(&actor, delete).await {
        Ok(()) => Ok(controls::done(&Tab::Tags.of(id), "tag-deleted")),
        Err(error) => show_deletion(&state, &browser, &actor, &address, Some(error.into())),
    }
}

fn show_deletion(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    address: &Address,
    refused: Option<Failure>,
) -> Result<HttpResponse, Failure> {
    let (id, tag) = (address.workspace()?, address.tag()?);
    frame::show_form(state, browser, refused, |view| {
        let (tag, workspace) = find(view, actor, id, tag)?;
        let title = format!("Delete the tag {}?", tag.name.as_str());
        let action = format!("{}/{}/delete", Tab::Tags.of(id), tag.id);
        Ok(ConsoleForm {
            consequences: vec!["It is detached from every model version, pipeline and project.".to_owned()],
            button: "Delete",
            is_dangerous: true,
            ..frame::form(view, browser, actor, (&workspace, Tab::Tags, Some(Action::DeleteTag)), title, action)?
        })
    })
}
