//! `/workspaces/{workspace}/invite`: adds somebody who is not in the organization yet, or has no account.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab, role_text};
use super::members::role_of;
use crate::app::runtime::state::AppState;
use crate::app::workspace_invitations::{self, NewMember};
use crate::app::workspaces;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::secret::Secret;
use crate::domain::user::{AccountRole, NewUser, PersonName};
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Control, Input};
use crate::http::console::form::Form;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::{RecentlySignedIn, SignedIn};
use crate::http::console::{Failure, assets};
use crate::policy::Action;

/// The page with the link, once.
#[derive(Template)]
#[template(path = "console/workspace/invited.html")]
struct InvitedPage {
    shell: Shell,
    title: String,
    frame: Frame,
    email: String,
    link: String,
}

impl InFrame for InvitedPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

/// `GET /workspaces/{workspace}/invite`
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_form(&state, &browser, &actor, address.workspace()?, None, &Typed::default())
}

#[derive(Default)]
struct Typed {
    email: String,
    first_name: String,
    last_name: String,
    role: String,
    organization_role: String,
}

fn show_form(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    refused: Option<Failure>,
    typed: &Typed,
) -> Result<HttpResponse, Failure> {
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let name = |field, label| Control {
            max_length: PersonName::MAX_LENGTH,
            ..Control::new(Input::Text, field, label).optional()
        };
        let given = |text: &str, default: &'static str| if text.is_empty() { default } else { text }.to_owned();
        let roles = [Role::Owner, Role::Member, Role::Reader].map(|role| (role.as_str(), role_text(role)));
        let in_organization = [
            (OrganizationRole::Member.as_str(), "Member"),
            (OrganizationRole::Reader.as_str(), "Reader"),
            (OrganizationRole::Admin.as_str(), "Admin"),
        ];
        let action = format!("{}/invite", Tab::Members.of(id));
        Ok(ConsoleForm {
            text: "You get a link to copy and send. Its reader chooses a password, and is then a member.".to_owned(),
            fields: vec![
                Control::new(Input::Email, "email", "Email").value(&typed.email),
                name("first_name", "First name").value(&typed.first_name),
                name("last_name", "Last name").value(&typed.last_name),
                Control::choice("role", "Role in this workspace", roles, given(&typed.role, Role::Member.as_str())),
                Control::choice(
                    "organization_role",
                    "Role in the organization",
                    in_organization,
                    given(&typed.organization_role, OrganizationRole::Member.as_str()),
                )
                .hint("Members create workspaces, readers read those that are not private, admins manage the organization. It stays as it is for somebody who is in the organization already."),
            ],
            button: "Invite",
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Members, Some(Action::AddMember)),
                "Invite by a link",
                action,
            )?
        })
    })
}

/// `POST /workspaces/{workspace}/invite`
pub(in crate::http::console) async fn invite(
    state: Data<AppState>,
    address: Address,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let added = match parse(&form, id) {
        Ok(new) => workspace_invitations::add(&state, &actor, new).await,
        Err(error) => Err(error),
    };
    let added = match added {
        Ok(added) => added,
        Err(error) => {
            let text = |name| form.text(name).to_owned();
            let typed = Typed {
                email: text("email"),
                first_name: text("first_name"),
                last_name: text("last_name"),
                role: text("role"),
                organization_role: text("organization_role"),
            };
            return show_form(&state, &browser, &actor, id, Some(error.into()), &typed);
        }
    };
    let Some(secret) = added.link else {
        let word = if added.is_invited { "member-invited-before" } else { "member-added" };
        return Ok(controls::done(&Tab::Members.of(id), word));
    };
    let email = added.user.email.to_string();
    show_link(&state, &browser, &actor, id, &email, &secret)
}

fn parse(form: &Form, workspace: WorkspaceId) -> CoreResult<NewMember> {
    let organization_role = form.text("organization_role").parse();
    Ok(NewMember {
        workspace,
        user: NewUser {
            email: Email::parse(form.text("email")).in_field("email")?,
            first_name: PersonName::parse(form.text("first_name")).in_field("first_name")?,
            last_name: PersonName::parse(form.text("last_name")).in_field("last_name")?,
            role: AccountRole::Member,
        },
        organization_role: organization_role
            .map_err(|_| Error::invalid("organization_role", "must be one of the roles"))?,
        role: role_of(form)?,
    })
}

fn show_link(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    email: &str,
    secret: &Secret,
) -> Result<HttpResponse, Failure> {
    let page = state.read_inline(|view| {
        let Opened { shell, title, frame, .. } =
            frame::open(view, browser, actor, id, (Tab::Members, &Parameters::default()))?;
        let link = format!("{}/auth/invitation?token={}", browser.base(), secret.expose());
        Ok(InvitedPage { shell, title, frame, email: email.to_owned(), link })
    })?;
    browser.show_console(StatusCode::OK, &page)
}
