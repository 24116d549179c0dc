//! `/auth/account/password`: users change their password.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::Failure;
use super::browser::Browser;
use super::controls::{self, ConsoleForm, Control};
use super::form::Form;
use super::page::{FormError, NEW_PASSWORD_HINT, REVOKE_KEYS, REVOKE_KEYS_LABEL};
use super::passwords::{new_password, new_password_error};
use super::paths::ACCOUNT;
use super::retry::show_again;
use super::shell::{Part, Shell};
use super::signed_in::SignedIn;
use crate::app::identity::own_password;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::Error;

const PASSWORD: &str = "/auth/account/password";

/// `GET /auth/account/password`: the form.
pub(super) async fn form(SignedIn { browser, actor, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    page(&browser, &actor, false).show(&browser)
}

/// `POST /auth/account/password`: changes the password; requires the current one.
pub(super) async fn change(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let revoke_keys = form.is_checked(REVOKE_KEYS);
    let show_form = |form_error, status| page(&browser, &actor, revoke_keys).show_wrong(&browser, status, form_error);
    let chosen = match new_password(&form) {
        Ok(chosen) => chosen,
        Err(form_error) => return show_form(form_error, StatusCode::BAD_REQUEST),
    };
    match own_password::change(&state, &actor, form.secret("current"), chosen, revoke_keys).await {
        Ok(()) => Ok(controls::done(ACCOUNT, if revoke_keys { "password-and-keys" } else { "password" })),
        Err(Error::Invalid { rule, .. }) => show_form(new_password_error(&rule), StatusCode::BAD_REQUEST),
        Err(error) => show_again(error, "the current password is wrong", |form_error, status| {
            show_form(FormError { field: "current", ..form_error }, status)
        }),
    }
}

fn page(browser: &Browser, actor: &Actor, revoke_keys: bool) -> ConsoleForm {
    let chosen = [
        Control::password("current", "Current password", "current-password"),
        Control::password("password", "New password", "new-password").hint(NEW_PASSWORD_HINT),
        Control::password("again", "Repeat password", "new-password"),
        Control::check(REVOKE_KEYS, REVOKE_KEYS_LABEL, revoke_keys),
    ];
    ConsoleForm {
        text: "All your other sessions will end.".to_owned(),
        fields: Control::username(actor).into_iter().chain(chosen).collect(),
        button: "Change password",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Account), "Change password", PASSWORD, ACCOUNT)
    }
}
