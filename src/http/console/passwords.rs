//! `/auth/invitation` and `/auth/password`: a user sets a password by a link, or replaces a temporary one.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::browser::Browser;
use super::form::Form;
use super::page::{Field, FormError, FormPage, Kind, Link, Message, REVOKE_KEYS};
use super::parameters::Parameters;
use super::paths::SIGN_IN;
use super::{Failure, brand};
use crate::app::identity::links::{self, Choice};
use crate::app::runtime::state::AppState;
use crate::domain::link::Purpose;
use crate::domain::password::Password;
use crate::domain::user::User;
use crate::error::{AuthError, Error};
use crate::http::dialect;

const BY_LINK: &str = "/auth/invitation";
const TEMPORARY: &str = "/auth/password";

/// `GET /auth/invitation?token=...`: the form for a valid link. Opening it does not use up the link.
pub(super) async fn by_link(
    state: Data<AppState>,
    browser: Browser,
    parameters: Result<Parameters, Failure>,
) -> Result<HttpResponse, Failure> {
    let link = parameters.ok().and_then(|parameters| parameters.owned("token")).unwrap_or_default();
    let (user, purpose) = links::find(&state, &browser.origin, &link)?;
    browser.show(StatusCode::OK, &link_form(&browser, &user, purpose, &link, None))
}

/// `POST /auth/invitation`: sets the password and uses up the link.
pub(super) async fn set_by_link(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let link = form.text("link");
    let show_form = |form_error| {
        let (user, purpose) = links::find(&state, &browser.origin, link)?;
        browser.show(StatusCode::BAD_REQUEST, &link_form(&browser, &user, purpose, link, Some(form_error)))
    };
    let chosen = match new_password(&form) {
        Ok(chosen) => chosen,
        Err(form_error) => return show_form(form_error),
    };
    match links::follow(&state, browser.origin.clone(), link, chosen, form.is_checked(REVOKE_KEYS)).await {
        Ok(user) => done(&browser, &request, &user),
        Err(Error::Invalid { rule, .. }) => show_form(new_password_error(&rule)),
        Err(error) => Err(error.into()),
    }
}

/// `GET /auth/password`: the form.
pub(super) async fn temporary_form(browser: Browser) -> Result<HttpResponse, Failure> {
    browser.show(StatusCode::OK, &temporary_page(&browser, "", None))
}

/// `POST /auth/password`: replaces the temporary password.
pub(super) async fn replace_temporary(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let email = form.text("email");
    let show_form = |status, form_error| browser.show(status, &temporary_page(&browser, email, Some(form_error)));
    let chosen = match new_password(&form) {
        Ok(chosen) => chosen,
        Err(form_error) => return show_form(StatusCode::BAD_REQUEST, form_error),
    };
    let choice = Choice {
        username: email.to_owned(),
        temporary: form.secret("temporary"),
        chosen,
        revoke_keys: form.is_checked(REVOKE_KEYS),
    };
    match links::replace_temporary(&state, browser.origin.clone(), choice).await {
        Ok(user) => done(&browser, &request, &user),
        Err(Error::Invalid { rule, .. }) => show_form(StatusCode::BAD_REQUEST, new_password_error(&rule)),
        Err(Error::Unauthenticated(AuthError::WrongPassword)) => {
            let text = "the email or the temporary password is wrong";
            show_form(StatusCode::FORBIDDEN, FormError::new("temporary", text))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a new password, which the user types twice.
pub(super) fn new_password(form: &Form) -> Result<Password, FormError> {
    let password = Password::parse(form.text("password")).map_err(|invalid| new_password_error(&invalid.rule))?;
    if Password::existing(form.text("again")) != password {
        return Err(FormError::new("again", "the two passwords do not match"));
    }
    Ok(password)
}

pub(super) fn new_password_error(rule: &str) -> FormError {
    FormError::new("password", format!("the new password {rule}"))
}

fn done(browser: &Browser, request: &HttpRequest, user: &User) -> Result<HttpResponse, Failure> {
    dialect::name_actor(request, &user.email);
    let text = format!("The password of {} has been set. You can sign in with it now.", user.email);
    let links = vec![Link::new(SIGN_IN, "Sign in")];
    browser
        .show(StatusCode::OK, &Message { title: "Password set".to_owned(), form_error: None, texts: vec![text], links })
}

fn link_form(browser: &Browser, user: &User, purpose: Purpose, link: &str, form_error: Option<FormError>) -> FormPage {
    let (title, why) = match purpose {
        Purpose::Invitation => ("Welcome", "Choose a password for"),
        Purpose::PasswordReset => ("Reset password", "Choose a new password for"),
    };
    // An invited user has no API key yet.
    let keys = (purpose == Purpose::PasswordReset).then(Field::revoke_keys);
    FormPage {
        title,
        text: format!("{why} {}.", user.email),
        warning: "",
        form_error,
        token: browser.token(),
        action: BY_LINK,
        hidden: vec![("link", link.to_owned())],
        fields: [Field::username(&user.email)].into_iter().chain(Field::new_password()).chain(keys).collect(),
        button: "Set password",
        help: String::new(),
        links: Vec::new(),
    }
}

fn temporary_page(browser: &Browser, email: &str, form_error: Option<FormError>) -> FormPage {
    let email = Field { value: email.to_owned(), ..Field::new("email", "Email", Kind::Email, "username") };
    let temporary = Field::new("temporary", "Temporary password", Kind::Password, "current-password");
    let [first, second] = Field::new_password();
    FormPage {
        title: "Choose your password",
        text: "Choose your own password to replace the temporary one.".to_owned(),
        warning: "",
        form_error,
        token: browser.token(),
        action: TEMPORARY,
        hidden: Vec::new(),
        fields: vec![email, temporary, first, second, Field::revoke_keys()],
        button: "Set password",
        help: format!("No temporary password? Ask {}.", brand::get().administrator()),
        links: Vec::new(),
    }
}
