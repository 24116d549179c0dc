//! `/auth/account/confirm`: a signed-in user confirms who they are before a change that could lock them out.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::browser::Browser;
use super::controls::{ConsoleForm, Control};
use super::form::Form;
use super::next::Next;
use super::page::{self, FormError};
use super::parameters::Parameters;
use super::paths::{ACCOUNT, CONFIRM};
use super::retry::show_again;
use super::shell::{Part, Shell};
use crate::app::identity::confirmation::{self, Proof};
use crate::app::identity::second_factors;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;

/// `GET /auth/account/confirm?next=...`: the form.
pub(super) async fn form(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(parameters.text("next"))?;
    let (actor, _) = browser.require_person(&state, &request, next.as_str())?;
    confirm_page(&state, &browser, &actor, &next)?.show(&browser)
}

/// `POST /auth/account/confirm`: checks the password or a code and redirects to the requested page.
pub(super) async fn confirm(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(form.text("next"))?;
    let (actor, _) = browser.require_person(&state, &request, next.as_str())?;
    let show_form =
        |form_error, status| confirm_page(&state, &browser, &actor, &next)?.show_wrong(&browser, status, form_error);
    let (proof, field, wrong_credential) = match (form.text("password"), form.text("code").trim()) {
        ("", "") => {
            return show_form(FormError::new("password", "enter your password or a code"), StatusCode::BAD_REQUEST);
        }
        ("", _) => (Proof::Code(form.secret("code")), "code", super::retry::WRONG_CODE),
        (_, _) => (Proof::Password(form.secret("password")), "password", "the password is wrong"),
    };
    match confirmation::confirm(&state, &actor, proof).await {
        Ok(()) => Ok(page::see_other(next.as_str())),
        Err(error) => show_again(error, wrong_credential, |form_error, status| {
            show_form(FormError { field, ..form_error }, status)
        }),
    }
}

fn confirm_page(state: &AppState, browser: &Browser, actor: &Actor, next: &Next) -> Result<ConsoleForm, Failure> {
    let has_factor = state.read_inline(|view| second_factors::state(view, actor))?.is_some();
    let password = Control::password("password", "Password", "current-password");
    let hint = "Instead of the password: the six digits from your authenticator app, or a recovery code.";
    let fields = [Control { is_optional: has_factor, ..password }]
        .into_iter()
        .chain(has_factor.then(|| Control::code(hint).optional()));
    Ok(ConsoleForm {
        text: "You signed in a while ago, and this needs a recent sign-in: it could lock you out of your account, or \
               give somebody else access."
            .to_owned(),
        hidden: vec![("next", next.as_str().to_owned())],
        fields: Control::username(actor).into_iter().chain(fields).collect(),
        button: "Continue",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Account), "Confirm that it is you", CONFIRM, ACCOUNT)
    })
}
