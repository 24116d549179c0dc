//! `/auth/account/confirm`: a signed-in user confirms who they are before a change that could lock them out.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::again::refused;
use super::browser::Browser;
use super::form::Form;
use super::next::Next;
use super::page::{self, Field, FormPage, Kind, Link, Wrong};
use super::parameters::Parameters;
use super::paths::{ACCOUNT, CONFIRM};
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
    let (actor, _) = browser.needed(&state, &request, next.as_str())?;
    browser.show(StatusCode::OK, &confirm_page(&state, &browser, &actor, &next, None)?)
}

/// `POST /auth/account/confirm`: checks the password or a code and redirects to the requested page.
pub(super) async fn confirm(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(form.text("next"))?;
    let (actor, _) = browser.needed(&state, &request, next.as_str())?;
    let again = |wrong, status| browser.show(status, &confirm_page(&state, &browser, &actor, &next, Some(wrong))?);
    let (proof, field, unproved) = match (form.text("password"), form.text("code").trim()) {
        ("", "") => return again(Wrong::new("password", "enter your password or a code"), StatusCode::BAD_REQUEST),
        ("", _) => (Proof::Code(form.secret("code")), "code", super::again::WRONG_CODE),
        (_, _) => (Proof::Password(form.secret("password")), "password", "the password is wrong"),
    };
    match confirmation::confirm(&state, &actor, proof).await {
        Ok(()) => Ok(page::see_other(next.as_str())),
        Err(error) => refused(error, unproved, |wrong, status| again(Wrong { field, ..wrong }, status)),
    }
}

fn confirm_page(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    next: &Next,
    wrong: Option<Wrong>,
) -> Result<FormPage, Failure> {
    let has_factor = state.read_inline(|view| second_factors::state(view, actor))?.is_some();
    let password = Field::new("password", "Password", Kind::Password, "current-password");
    let hint = "Instead of the password: the six digits from your authenticator app, or a recovery code.";
    let code = Field { hint, kind: Kind::Text, is_optional: true, ..Field::digits() };
    let fields = [Field { is_optional: has_factor, ..password }].into_iter().chain(has_factor.then_some(code));
    let whose = actor.person().map(|person| Field::whose(&person.email));
    Ok(FormPage {
        title: "Confirm that it is you",
        text: "You signed in a while ago, and this change could lock you out of your account.".to_owned(),
        caution: "",
        wrong,
        token: browser.token(),
        action: CONFIRM,
        hidden: vec![("next", next.as_str().to_owned())],
        fields: whose.into_iter().chain(fields).collect(),
        button: "Continue",
        links: vec![Link::new(ACCOUNT, "Your account")],
    })
}
