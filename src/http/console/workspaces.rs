//! `/workspaces/...`: create a workspace.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::Failure;
use super::browser::Browser;
use super::controls::{self, ConsoleForm, Control, Input};
use super::form::Form;
use super::shell::{Part, Shell};
use super::signed_in::SignedIn;
use crate::app::runtime::state::AppState;
use crate::app::workspaces;
use crate::domain::actor::Actor;
use crate::domain::text::Description;
use crate::domain::workspace::{NewWorkspace, WorkspaceName};
use crate::error::{InField, Result as CoreResult};

const NEW: &str = "/workspaces/new";

/// `GET /workspaces/new`
pub(super) async fn form(SignedIn { browser, actor, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    new_form(&browser, &actor, "", "", true).show(&browser)
}

/// `POST /workspaces/new`
pub(super) async fn create(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let created = match parse(&form) {
        Ok(new) => state.write_as(&actor, move |tx, actor| workspaces::create(tx, actor, &new)).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(workspace) => Ok(controls::done(&format!("/workspaces/{}", workspace.id), "workspace-created")),
        Err(error) => {
            let (name, description) = (form.text("name"), form.text("description"));
            new_form(&browser, &actor, name, description, form.is_checked("private")).show_again(&browser, error.into())
        }
    }
}

fn parse(form: &Form) -> CoreResult<NewWorkspace> {
    Ok(NewWorkspace {
        name: WorkspaceName::parse(form.text("name")).in_field("name")?,
        organization: None,
        description: Description::parse(form.text("description")).in_field("description")?,
        private: form.is_checked("private"),
    })
}

fn new_form(browser: &Browser, actor: &Actor, name: &str, description: &str, private: bool) -> ConsoleForm {
    let shell = Shell::new(browser, actor, Part::Workspaces);
    let rule = "1 to 255 characters. Others see it in their lists.";
    let name_field = Control { max_length: WorkspaceName::MAX_LENGTH, ..Control::new(Input::Text, "name", "Name") };
    ConsoleForm {
        fields: vec![
            name_field.hint(rule).value(name),
            Control::new(Input::Lines, "description", "Description").value(description).optional(),
            Control::check("private", "Private: only members and administrators see it", private),
        ],
        button: "Create workspace",
        ..ConsoleForm::new(shell, "New workspace", NEW, "/")
    }
}
