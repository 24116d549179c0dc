//! `/workspaces/new`: creates a workspace, with its first members.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::frame::parse_role;
use crate::app::runtime::state::AppState;
use crate::app::users::Named;
use crate::app::{members, offers, organizations, workspaces};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::OrganizationId;
use crate::domain::member::Role;
use crate::domain::organization::OrganizationSearch;
use crate::domain::page::Page;
use crate::domain::text::Description;
use crate::domain::workspace::{NewWorkspace, Workspace, WorkspaceName};
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::console::Failure;
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, ConsoleForm, Control, Input, Step};
use crate::http::console::form::Form;
use crate::http::console::page;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::{Part, Shell};
use crate::http::console::signed_in::SignedIn;
use crate::policy::Action;
use crate::store::{Tx, View};

const NEW: &str = "/workspaces/new";
const CHECK: &str = "/workspaces/new/check";

/// The maximum number of organizations to choose from, and of first members.
const MAX_ORGANIZATIONS: u32 = 100;
const MAX_MEMBERS: usize = 50;

/// The values of the form.
struct Typed {
    name: String,
    organization: String,
    description: String,
    private: bool,
    members: String,
}

/// `GET /workspaces/new`
pub(in crate::http::console) async fn form(
    state: Data<AppState>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let empty = String::new;
    let typed = Typed { name: empty(), organization: empty(), description: empty(), private: true, members: empty() };
    state.read_inline(|view| new_form(view, &browser, &actor, &typed))?.show(&browser)
}

fn new_form(view: &View, browser: &Browser, actor: &Actor, typed: &Typed) -> CoreResult<ConsoleForm> {
    let first = Page { after: None, limit: MAX_ORGANIZATIONS };
    let mut choices = Vec::new();
    for organization in organizations::page(view, actor, &OrganizationSearch::default(), first)?.items {
        if offers::in_organization(view, actor, organization.id)?.allows(Action::CreateWorkspace) {
            choices.push((organization.id.to_string(), organization.name.as_str().to_owned()));
        }
    }
    let shell = Shell::new(browser, actor, Part::Workspaces);
    let name =
        Control { max_length: WorkspaceName::MAX_LENGTH, check: CHECK, ..Control::new(Input::Text, "name", "Name") };
    let name_rule = "1 to 255 characters. With lowercase letters, digits and hyphens only, every client can show it.";
    let mut fields = vec![name.hint(name_rule).value(&typed.name)];
    if choices.len() > 1 {
        fields.push(Control::choice("organization", "Organization", choices, &typed.organization));
    }
    let people = "One on each line: an email and a role, which is owner, member, reader or annotator. Without a role: \
                  member.";
    fields.extend([
        Control {
            max_length: Description::MAX_LENGTH,
            ..Control::new(Input::Lines, "description", "Description").value(&typed.description).optional()
        },
        Control::check("private", "Private: only members and administrators see it", typed.private),
        Control::new(Input::Lines, "members", "First members").hint(people).value(&typed.members).optional(),
    ]);
    Ok(ConsoleForm {
        fields,
        path: vec![Step::new("/", Part::Workspaces.title())],
        button: "Create workspace",
        ..ConsoleForm::new(shell, "New workspace", NEW, "/")
    })
}

/// `POST /workspaces/new`
pub(in crate::http::console) async fn create(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let text = |name| form.text(name).to_owned();
    let typed = Typed {
        name: text("name"),
        organization: text("organization"),
        description: text("description"),
        private: form.is_checked("private"),
        members: text("members"),
    };
    let created = match parse(&typed) {
        Ok((new, people)) => {
            state.write_as(&actor, move |tx, actor| create_with_members(tx, actor, &new, &people)).await
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(workspace) => Ok(controls::done(&format!("/workspaces/{}", workspace.id), "workspace-created")),
        Err(error) => {
            let form = state.read_inline(|view| new_form(view, &browser, &actor, &typed))?;
            form.show_again(&browser, error.into())
        }
    }
}

fn create_with_members(tx: &Tx, actor: &Actor, new: &NewWorkspace, people: &[(Email, Role)]) -> CoreResult<Workspace> {
    let workspace = workspaces::create(tx, actor, new)?;
    for (email, role) in people {
        members::upsert(tx, actor, workspace.id, &Named::Email(email.clone()), *role).map_err(|error| match error {
            Error::Refused { rule } => Error::invalid("members", format!("has {email}: {rule}")),
            error => error,
        })?;
    }
    Ok(workspace)
}

fn parse(typed: &Typed) -> CoreResult<(NewWorkspace, Vec<(Email, Role)>)> {
    let new = NewWorkspace {
        name: WorkspaceName::parse(&typed.name).in_field("name")?,
        organization: organization(&typed.organization)?,
        description: Description::parse(&typed.description).in_field("description")?,
        private: typed.private,
    };
    let lines = typed.members.lines().map(str::trim).filter(|line| !line.is_empty());
    let people = lines.take(MAX_MEMBERS + 1).map(member).collect::<CoreResult<Vec<_>>>()?;
    if people.len() > MAX_MEMBERS {
        return Err(Error::invalid("members", format!("must have at most {MAX_MEMBERS} lines; add the others later")));
    }
    Ok((new, people))
}

fn organization(text: &str) -> CoreResult<Option<OrganizationId>> {
    match text {
        "" => Ok(None),
        text => match text.parse() {
            Ok(id) => Ok(Some(OrganizationId(id))),
            Err(_) => Err(Error::invalid("organization", "must be one of the organizations")),
        },
    }
}

/// A line: an address and perhaps a role.
fn member(line: &str) -> CoreResult<(Email, Role)> {
    let (email, role) = line.split_once([' ', '\t', ',']).unwrap_or((line, Role::Member.as_str()));
    let shown: String = line.chars().take(80).collect();
    let broken = |rule: &str| Error::invalid("members", format!("has the line {shown}: {rule}"));
    let email = Email::parse(email.trim()).map_err(|invalid| broken(&format!("the email {}", invalid.rule)))?;
    let role = parse_role(role).ok_or_else(|| broken("the role must be owner, member, reader or annotator"))?;
    Ok((email, role))
}

/// `GET /workspaces/new/check?name=...`: a sentence about the name, while the user types.
pub(in crate::http::console) async fn check(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let text = match checked(&state, &actor, &parameters) {
        Ok(()) => "This name is free.".to_owned(),
        Err(Error::Invalid { rule, .. }) => page::sentence(&format!("the name {rule}")),
        Err(error) if error.is_refusal() => page::sentence(&error.to_string()),
        Err(error) => return Err(error.into()),
    };
    browser.show_console(StatusCode::OK, &Sentence { text })
}

fn checked(state: &AppState, actor: &Actor, parameters: &Parameters) -> CoreResult<()> {
    let name = WorkspaceName::parse(parameters.text("name")).in_field("name")?;
    let organization = organization(parameters.text("organization"))?;
    let new = NewWorkspace { organization, ..NewWorkspace::private(name) };
    state.read_inline(|view| workspaces::require_free(view, actor, &new))
}

#[derive(Template)]
#[template(source = "{{ text }}", ext = "html")]
struct Sentence {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_email_and_perhaps_a_role() {
        let parsed =
            |line| member(line).map(|(email, role)| (email.to_string(), role)).map_err(|error| error.to_string());
        assert_eq!(parsed("bob@example.com"), Ok(("bob@example.com".to_owned(), Role::Member)));
        assert_eq!(parsed("bob@example.com  Owner"), Ok(("bob@example.com".to_owned(), Role::Owner)));
        assert_eq!(parsed("bob@example.com,reader"), Ok(("bob@example.com".to_owned(), Role::Reader)));
        for bad in ["bob", "bob@example.com chief", "bob@example.com owner now"] {
            let error = parsed(bad).unwrap_err();
            assert!(error.contains(bad), "{error}");
        }
    }
}
