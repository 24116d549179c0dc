//! `/organizations/{organization}`: an organization and its members.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;
use uuid::Uuid;

use super::browser::Browser;
use super::controls::{self, ConsoleForm, Control, Pager, Step};
use super::form::Form;
use super::organizations::{ORGANIZATIONS, id_of, path_of, steps};
use super::parameters::Parameters;
use super::shell::{Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::runtime::state::AppState;
use crate::app::users::{self, Named};
use crate::app::{offers, organizations};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::noun::Noun;
use crate::domain::organization::{Organization, OrganizationRole};
use crate::domain::page::Slice;
use crate::domain::user::{User, UserKind};
use crate::error::{Error, InField, Result as CoreResult};
use crate::policy::Action;
use crate::store::View;

/// The roles in an organization, with their words for people.
const ROLES: [(OrganizationRole, &str); 4] = [
    (OrganizationRole::Admin, "Admin"),
    (OrganizationRole::Member, "Member"),
    (OrganizationRole::Reader, "Reader"),
    (OrganizationRole::Annotator, "Annotator"),
];

#[derive(Template)]
#[template(path = "console/organization.html")]
struct OrganizationPage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    organization: Organization,
    /// The id in the Arize clients.
    public_id: String,
    rows: Vec<Row>,
    pager: Pager,
    /// The email in the form for a new member.
    email: String,
    may_change: bool,
    may_delete: bool,
    may_manage: bool,
    /// The user, to leave it.
    me: Option<Uuid>,
}

struct Row {
    id: UserId,
    uuid: Uuid,
    name: String,
    email: String,
    role: OrganizationRole,
    is_bot: bool,
    is_me: bool,
}

/// `GET /organizations/{organization}`
pub(super) async fn show(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = id_of(&path)?;
    let page = state.read_inline(|view| page(view, &browser, &actor, id, &parameters, ""))?;
    browser.show_console(StatusCode::OK, &page)
}

fn page(
    view: &View,
    browser: &Browser,
    actor: &Actor,
    id: OrganizationId,
    parameters: &Parameters,
    email: &str,
) -> CoreResult<OrganizationPage> {
    let organization = organizations::visible(view, actor, id)?;
    let offers = offers::in_organization(view, actor, id)?;
    let may_manage = offers.allows(Action::ManageOrganizationMembers);
    // Others see that they belong to it, but not who else does.
    let members = match organizations::page_of_members(view, actor, id, controls::page_of(parameters)) {
        Err(Error::Forbidden { .. }) => Slice { items: Vec::new(), next: None },
        found => found?,
    };
    Ok(OrganizationPage {
        shell: Shell::new(browser, actor, Part::Organizations).after(parameters),
        title: organization.name.as_str().to_owned(),
        path: steps(&organization).into_iter().take(1).collect(),
        pager: Pager::new(&path_of(id), parameters, &members),
        rows: members.items.into_iter().map(|(member, user)| row(actor, &user, member.role)).collect(),
        email: email.to_owned(),
        may_change: offers.allows(Action::UpdateOrganization),
        may_delete: offers.allows(Action::DeleteOrganization) && !organization.home,
        may_manage,
        public_id: browser.public_id(&id),
        me: actor.person().map(|person| person.uuid),
        organization,
    })
}

fn row(actor: &Actor, user: &User, role: OrganizationRole) -> Row {
    Row {
        id: user.id,
        uuid: user.uuid,
        name: Some(user.name()).filter(|name| *name != user.email.as_str()).unwrap_or_default(),
        email: user.email.to_string(),
        role,
        is_bot: user.kind == UserKind::Bot,
        is_me: actor.user() == Some(user.id),
    }
}

/// `POST /organizations/{organization}/members`: adds a person by email.
pub(super) async fn add(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = id_of(&path)?;
    let who = Email::parse(form.text("email").trim()).in_field("email").map(Named::Email);
    match set_role(&state, &actor, id, who, form.text("role")).await {
        Ok(()) => Ok(controls::done(&path_of(id), "member-added")),
        Err(error) => show_again(&state, &browser, &actor, id, &form, error),
    }
}

/// `GET /organizations/{organization}/members/{user}`: the form for the role of a member.
pub(super) async fn role(
    state: Data<AppState>,
    path: Path<(String, String)>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    role_form(&state, &browser, &actor, &path)?.show(&browser)
}

/// `POST /organizations/{organization}/members/{user}`: changes the role of a member.
pub(super) async fn change(
    state: Data<AppState>,
    path: Path<(String, String)>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = id_of(&path.0)?;
    match set_role(&state, &actor, id, named(&path.1), form.text("role")).await {
        Ok(()) => Ok(controls::done(&path_of(id), "role-changed")),
        Err(error) => role_form(&state, &browser, &actor, &path)?.show_again(&browser, error.into()),
    }
}

fn role_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    (organization, user): &(String, String),
) -> Result<ConsoleForm, Failure> {
    let (id, who) = (id_of(organization)?, named(user)?);
    let (organization, person, role) = state.read_inline(|view| {
        let organization = organizations::visible(view, actor, id)?;
        offers::in_organization(view, actor, id)?.require(Action::ManageOrganizationMembers)?;
        let (member, person) = organizations::member(view, actor, id, &who)?;
        Ok((organization, person, member.role))
    })?;
    let choices = ROLES.map(|(role, text)| (role.as_str(), text));
    let back = path_of(id);
    Ok(ConsoleForm {
        path: steps(&organization),
        fields: vec![Control::choice("role", "Role", choices, role.as_str())],
        button: "Change role",
        ..ConsoleForm::new(
            Shell::new(browser, actor, Part::Organizations),
            format!("The role of {}", person.name()),
            format!("{back}/members/{}", person.uuid),
            back,
        )
    })
}

async fn set_role(
    state: &AppState,
    actor: &Actor,
    id: OrganizationId,
    who: CoreResult<Named>,
    role: &str,
) -> CoreResult<()> {
    let who = who?;
    let role: OrganizationRole =
        role.parse().map_err(|_| Error::invalid("role", "must be one of the roles of an organization"))?;
    state.write_as(actor, move |tx, actor| organizations::upsert_member(tx, actor, id, &who, role).map(drop)).await
}

/// Shows the organization with what was wrong.
fn show_again(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: OrganizationId,
    form: &Form,
    error: Error,
) -> Result<HttpResponse, Failure> {
    if !error.is_refusal() {
        return Err(error.into());
    }
    let read = |view: &View| page(view, browser, actor, id, &Parameters::default(), form.text("email"));
    let mut page = state.read_inline(read)?;
    page.shell = page.shell.because(&error.to_string());
    browser.show_console(Failure::from(error).status_code(), &page)
}

/// A person, by number or UUID.
fn named(text: &str) -> CoreResult<Named> {
    let number = || text.parse().map(|id| Named::Number(UserId(id)));
    Uuid::try_parse(text).map(Named::Uuid).or_else(|_| number()).map_err(|_| Error::not_found(Noun::Member, text))
}

/// `GET /organizations/{organization}/members/{user}/remove`: asks for confirmation.
pub(super) async fn removal(
    state: Data<AppState>,
    path: Path<(String, String)>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    removal_form(&state, &browser, &actor, &path)?.show(&browser)
}

/// `POST /organizations/{organization}/members/{user}/remove`
pub(super) async fn remove(
    state: Data<AppState>,
    path: Path<(String, String)>,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, who) = (id_of(&path.0)?, named(&path.1)?);
    let leaves = who.is(&actor);
    match state.write_as(&actor, move |tx, actor| organizations::remove_member(tx, actor, id, &who)).await {
        Ok(()) if leaves => Ok(controls::done(ORGANIZATIONS, "left")),
        Ok(()) => Ok(controls::done(&path_of(id), "member-removed")),
        Err(error) => removal_form(&state, &browser, &actor, &path)?.show_again(&browser, error.into()),
    }
}

fn removal_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    (organization, user): &(String, String),
) -> Result<ConsoleForm, Failure> {
    let (id, who) = (id_of(organization)?, named(user)?);
    let (organization, person) = state
        .read_inline(|view| Ok((organizations::visible(view, actor, id)?, users::principal(view, actor, &who)?)))?;
    let shell = Shell::new(browser, actor, Part::Organizations);
    let back = path_of(id);
    let leaves = actor.user() == Some(person.id);
    let title = if leaves {
        format!("Leave {}?", organization.name.as_str())
    } else {
        format!("Remove {} from {}?", person.email, organization.name.as_str())
    };
    Ok(ConsoleForm {
        path: steps(&organization),
        text: "This also removes the memberships and role bindings in the workspaces of this organization.".to_owned(),
        button: if leaves { "Leave" } else { "Remove" },
        is_dangerous: true,
        ..ConsoleForm::new(shell, title, format!("{back}/members/{}/remove", person.uuid), back)
    })
}
