//! `/people/new`: add a person, by a link or with a temporary password.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::super::Failure;
use super::super::browser::Browser;
use super::super::controls::{self, ConsoleForm, Control, Input, ROWS};
use super::super::form::Form;
use super::super::parameters::Parameters;
use super::super::shell::{Part, Shell};
use super::super::signed_in::RecentlySignedIn;
use super::credentials::link;
use super::{OncePage, PEOPLE, Secret, address, path_to, path_to_people, role_text};
use crate::app::added_people::{self, Added, Addition};
use crate::app::invitations::Way;
use crate::app::runtime::state::AppState;
use crate::app::{offers, organizations, users};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::OrganizationId;
use crate::domain::organization::{Organization, OrganizationSearch};
use crate::domain::page::Page;
use crate::domain::user::{AccountRole, NewUser, PersonName};
use crate::error::{Error, InField, Result as CoreResult};
use crate::policy::Action;

const NEW: &str = "/people/new";

/// The value of the way by a temporary password.
const BY_PASSWORD: &str = "password";

/// `GET /people/new?email=...`
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let home = state.read_inline(organizations::home)?.id;
    let values = Values {
        email: parameters.text("email"),
        role: AccountRole::Member.as_str(),
        organization: &home.to_string(),
        ..Values::default()
    };
    page(&state, &browser, &actor, &values)?.show(&browser)
}

/// `POST /people/new`: adds the person, and shows the link or the password once.
pub(in crate::http::console) async fn add(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let values = Values {
        email: form.text("email"),
        first_name: form.text("first_name"),
        last_name: form.text("last_name"),
        role: form.text("role"),
        organization: form.text("organization"),
        way: form.text("way"),
    };
    let added = match values.parse() {
        Ok(addition) => added_people::add(&state, &actor, addition).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(added) => show_added(&state, &browser, &actor, &added),
        Err(error) => page(&state, &browser, &actor, &values)?.show_again(&browser, error.into()),
    }
}

/// The values of the form.
#[derive(Default)]
struct Values<'f> {
    email: &'f str,
    first_name: &'f str,
    last_name: &'f str,
    role: &'f str,
    organization: &'f str,
    way: &'f str,
}

impl Values<'_> {
    fn parse(&self) -> CoreResult<Addition> {
        let organization = match self.organization {
            "" => None,
            id => Some(id.parse().map_err(|_| Error::invalid("organization", "must be one of the list"))?),
        };
        Ok(Addition {
            new: NewUser {
                email: Email::parse(self.email).in_field("email")?,
                first_name: PersonName::parse(self.first_name).in_field("first_name")?,
                last_name: PersonName::parse(self.last_name).in_field("last_name")?,
                role: self.role.parse().map_err(|_| Error::invalid("role", "must be one of the list"))?,
            },
            way: if self.way == BY_PASSWORD { Way::TemporaryPassword } else { Way::Link },
            organization: organization.map(OrganizationId),
        })
    }
}

fn page(state: &AppState, browser: &Browser, actor: &Actor, values: &Values) -> Result<ConsoleForm, Failure> {
    let offers = offers::in_account(actor);
    offers.require(Action::InviteUser)?;
    let creates = offers.allows(Action::CreateUser);
    let roles = AccountRole::ALL.into_iter();
    let roles = roles.filter(|role| creates || matches!(role, AccountRole::Member | AccountRole::Annotator));
    let roles = roles.map(|role| (role.as_str(), role_text(role)));
    let text = |field, label| Control {
        max_length: PersonName::MAX_LENGTH,
        ..Control::new(Input::Text, field, label).optional()
    };
    let mut fields = vec![
        Control::new(Input::Email, "email", "Email").hint("It is also the name to sign in with.").value(values.email),
        text("first_name", "First name").value(values.first_name),
        text("last_name", "Last name").value(values.last_name),
        Control::choice("role", "Role", roles, values.role),
    ];
    let managed = managed(state, actor)?;
    if !managed.is_empty() {
        let managed = managed.into_iter().map(|one| (one.id.to_string(), one.name.as_str().to_owned()));
        let choices: Vec<_> = managed.chain([(String::new(), "None yet".to_owned())]).collect();
        let hint = "People of an organization see each other and its workspaces that are not private.";
        fields.push(Control::choice("organization", "Organization", choices, values.organization).hint(hint));
    }
    if offers.allows(Action::InviteWithoutLink) {
        let ways = [("link", "A link to choose a password"), (BY_PASSWORD, "A temporary password")];
        let hint = "You copy it on the next page and send it to the person.";
        fields.push(Control::choice("way", "First sign-in with", ways, values.way).hint(hint));
    }
    let text = if added_people::makes_links(actor) {
        ""
    } else {
        "You get a link to copy and send, once. Its reader chooses a password. Only an administrator can make another."
    };
    Ok(ConsoleForm {
        path: path_to_people(),
        text: text.to_owned(),
        fields,
        button: "Add person",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::People), "Add person", NEW, PEOPLE)
    })
}

/// The first organizations whose members the user manages.
fn managed(state: &AppState, actor: &Actor) -> CoreResult<Vec<Organization>> {
    let few = Page { after: None, limit: ROWS };
    state.read_inline(|view| {
        let mut managed = Vec::new();
        for organization in organizations::page(view, actor, &OrganizationSearch::default(), few)?.items {
            if offers::in_organization(view, actor, organization.id)?.allows(Action::ManageOrganizationMembers) {
                managed.push(organization);
            }
        }
        Ok(managed)
    })
}

fn show_added(state: &AppState, browser: &Browser, actor: &Actor, added: &Added) -> Result<HttpResponse, Failure> {
    let (user, email) = (&added.user, added.user.email.to_string());
    let (what, text) = match (&added.link, &added.temporary) {
        (Some(secret), _) => (
            format!("With this link, {email} chooses a password. It works once, within 72 hours."),
            link(browser, secret.expose()),
        ),
        (None, Some(password)) => (
            format!(
                "With this temporary password, {email} signs in at {} within 72 hours and chooses another one.",
                browser.address("/auth/password")
            ),
            password.expose().to_owned(),
        ),
        (None, None) => return Ok(controls::done(PEOPLE, "person-invited")),
    };
    let became = if added.is_new { "has been added" } else { "was invited before; an earlier link stops working" };
    // Without a common organization, the person is hidden from the inviter.
    let sees = state.read_inline(|view| match users::get(view, actor, user.uuid) {
        Err(Error::NotFound { .. }) => Ok(false),
        found => found.map(|_| true),
    })?;
    let page = OncePage {
        shell: Shell::new(browser, actor, Part::People),
        title: format!("{email} {became}"),
        path: if sees { path_to(user) } else { path_to_people() },
        texts: vec![
            what,
            "Copy it now and send it over a channel that only this person reads: it is not shown again.".to_owned(),
        ],
        secrets: vec![Secret { whose: email, text }],
        csv: String::new(),
        back: if sees { address(user) } else { PEOPLE.to_owned() },
    };
    page.show(browser)
}
