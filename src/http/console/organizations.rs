//! `/organizations/...`: the organizations that the user sees, and their settings.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use super::browser::Browser;
use super::controls::{self, ConsoleForm, Control, Input, Pager, Step};
use super::form::Form;
use super::moment::Moment;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets};
use crate::app::runtime::state::AppState;
use crate::app::{offers, organizations};
use crate::domain::actor::Actor;
use crate::domain::ids::OrganizationId;
use crate::domain::noun::Noun;
use crate::domain::organization::{
    NewOrganization, Organization, OrganizationChange, OrganizationName, OrganizationSearch,
};
use crate::domain::text::Description;
use crate::error::{Error, InField, Result as CoreResult};
use crate::policy::Action;

pub(super) const ORGANIZATIONS: &str = "/organizations";
const NEW: &str = "/organizations/new";

#[derive(Template)]
#[template(path = "console/organizations.html")]
struct OrganizationsPage {
    shell: Shell,
    title: &'static str,
    q: String,
    rows: Vec<Row>,
    pager: Pager,
    may_create: bool,
}

struct Row {
    id: OrganizationId,
    name: String,
    description: String,
    is_home: bool,
    created: Moment,
}

/// The number of an organization in an address.
pub(super) fn id_of(text: &str) -> CoreResult<OrganizationId> {
    text.parse().map(OrganizationId).map_err(|_| Error::not_found(Noun::Organization, text))
}

/// The page of one organization.
pub(super) fn path_of(id: OrganizationId) -> String {
    format!("{ORGANIZATIONS}/{id}")
}

/// The path above the pages of one organization.
pub(super) fn steps(organization: &Organization) -> Vec<Step> {
    vec![
        Step::new(ORGANIZATIONS, Part::Organizations.title()),
        Step::new(path_of(organization.id), organization.name.as_str()),
    ]
}

/// `GET /organizations?q=...`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    shell::show(&state, &browser, |view| {
        let search = OrganizationSearch { name: parameters.owned("q") };
        let found = organizations::page(view, &actor, &search, controls::page_of(&parameters))?;
        let row = |organization: Organization| Row {
            id: organization.id,
            name: organization.name.as_str().to_owned(),
            description: organization.description.as_str().to_owned(),
            is_home: organization.home,
            created: Moment(organization.created_at),
        };
        Ok(OrganizationsPage {
            shell: Shell::new(&browser, &actor, Part::Organizations).after(&parameters),
            title: Part::Organizations.title(),
            q: parameters.text("q").to_owned(),
            pager: Pager::new(ORGANIZATIONS, &parameters, &found),
            rows: found.items.into_iter().map(row).collect(),
            may_create: offers::in_account(&actor).allows(Action::CreateOrganization),
        })
    })
}

/// `GET /organizations/new`
pub(super) async fn form(SignedIn { browser, actor, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    offers::in_account(&actor).require(Action::CreateOrganization)?;
    new_form(&browser, &actor, "", "").show(&browser)
}

/// `POST /organizations/new`
pub(super) async fn create(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let created = match parse(&form) {
        Ok((name, description)) => {
            let new = NewOrganization { name, description };
            state.write_as(&actor, move |tx, actor| organizations::create(tx, actor, &new)).await
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(organization) => Ok(controls::done(&path_of(organization.id), "organization-created")),
        Err(error) => {
            new_form(&browser, &actor, form.text("name"), form.text("description")).show_again(&browser, error.into())
        }
    }
}

fn parse(form: &Form) -> CoreResult<(OrganizationName, Description)> {
    let name = OrganizationName::parse(form.text("name")).in_field("name")?;
    Ok((name, Description::parse(form.text("description")).in_field("description")?))
}

fn fields(name: &str, description: &str) -> Vec<Control> {
    let name_field = Control { max_length: OrganizationName::MAX_LENGTH, ..Control::new(Input::Text, "name", "Name") };
    vec![
        name_field.hint("1 to 255 characters.").value(name),
        Control::new(Input::Lines, "description", "Description").value(description).optional(),
    ]
}

fn new_form(browser: &Browser, actor: &Actor, name: &str, description: &str) -> ConsoleForm {
    let shell = Shell::new(browser, actor, Part::Organizations);
    ConsoleForm {
        path: vec![Step::new(ORGANIZATIONS, Part::Organizations.title())],
        text: "People of one organization find each other and share workspaces.".to_owned(),
        fields: fields(name, description),
        button: "Create organization",
        ..ConsoleForm::new(shell, "New organization", NEW, ORGANIZATIONS)
    }
}

/// `GET /organizations/{organization}/settings`
pub(super) async fn settings(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let found = find(&state, &actor, &path, Action::UpdateOrganization)?;
    let (name, description) = (found.name.as_str(), found.description.as_str());
    settings_form(&browser, &actor, &found, name, description).show(&browser)
}

/// `POST /organizations/{organization}/settings`
pub(super) async fn change(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let found = find(&state, &actor, &path, Action::UpdateOrganization)?;
    let id = found.id;
    let changed = match parse(&form) {
        Ok((name, description)) => {
            let change = OrganizationChange { name: Some(name), description: Some(description) };
            state.write_as(&actor, move |tx, actor| organizations::change(tx, actor, id, &change)).await
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(controls::done(&path_of(id), "saved")),
        Err(error) => settings_form(&browser, &actor, &found, form.text("name"), form.text("description"))
            .show_again(&browser, error.into()),
    }
}

/// An organization to which the user may do this.
fn find(state: &AppState, actor: &Actor, text: &str, action: Action) -> Result<Organization, Failure> {
    let id = id_of(text)?;
    Ok(state.read_inline(|view| {
        let found = organizations::visible(view, actor, id)?;
        offers::in_organization(view, actor, id)?.require(action)?;
        Ok(found)
    })?)
}

fn settings_form(
    browser: &Browser,
    actor: &Actor,
    organization: &Organization,
    name: &str,
    description: &str,
) -> ConsoleForm {
    let shell = Shell::new(browser, actor, Part::Organizations);
    let back = path_of(organization.id);
    ConsoleForm {
        path: steps(organization),
        fields: fields(name, description),
        ..ConsoleForm::new(shell, "Organization settings", format!("{back}/settings"), back)
    }
}

/// `GET /organizations/{organization}/delete`: asks for the name.
pub(super) async fn deletion(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let found = find(&state, &actor, &path, Action::DeleteOrganization)?;
    deletion_form(&browser, &actor, &found).show(&browser)
}

/// `POST /organizations/{organization}/delete`
pub(super) async fn delete(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let found = find(&state, &actor, &path, Action::DeleteOrganization)?;
    let id = found.id;
    let deleted = if form.text("name") == found.name.as_str() {
        state.write_as(&actor, move |tx, actor| organizations::delete(tx, actor, id)).await
    } else {
        Err(Error::invalid("name", "must be the name of the organization"))
    };
    match deleted {
        Ok(()) => Ok(controls::done(ORGANIZATIONS, "organization-deleted")),
        Err(error) => deletion_form(&browser, &actor, &found).show_again(&browser, error.into()),
    }
}

fn deletion_form(browser: &Browser, actor: &Actor, organization: &Organization) -> ConsoleForm {
    let shell = Shell::new(browser, actor, Part::Organizations);
    let back = path_of(organization.id);
    ConsoleForm {
        path: steps(organization),
        text: "This cannot be undone. It deletes:".to_owned(),
        consequences: vec![
            "all its workspaces with their models, pipelines and projects".to_owned(),
            "its memberships, and the service keys of its workspaces".to_owned(),
        ],
        fields: vec![
            Control::new(Input::Text, "name", "Name").hint(format!("Type {} to confirm.", organization.name.as_str())),
        ],
        button: "Delete organization",
        is_dangerous: true,
        ..ConsoleForm::new(shell, "Delete this organization?", format!("{back}/delete"), back)
    }
}
