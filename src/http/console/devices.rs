//! The page on which a user authorizes an app on another device (RFC 8628, section 3.3).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::authorize::scope_sentences;
use super::browser::Browser;
use super::form::Form;
use super::moment;
use super::page::{Choice, Fact, Field, FormError, FormPage, Kind, Link, Message};
use super::parameters::Parameters;
use super::paths::ACCOUNT;
use super::retry::show_again;
use crate::app::identity::oauth::devices::{self, Pending};
use crate::app::runtime::state::AppState;
use crate::error::{AuthError, Error};

const DEVICE: &str = "/auth/realms/master/device";

/// `GET`: the form for a code. A code in the address still needs a confirmation.
pub(super) async fn form(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let here = request.uri().path_and_query().map_or(DEVICE, |here| here.as_str());
    browser.require_person(&state, &request, here)?;
    match parameters.get("user_code") {
        Some(typed) => confirm(&state, &browser, typed),
        None => browser.show(StatusCode::OK, &code_form(&browser, "", None)),
    }
}

/// `POST`: a code, or the decision about the app that waits for it.
pub(super) async fn submit(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let (actor, session) = browser.require_person(&state, &request, DEVICE)?;
    let typed = form.text("user_code");
    let approve = match form.text("decision") {
        "allow" => true,
        "deny" => false,
        _ => return confirm(&state, &browser, typed),
    };
    match devices::decide(&state, &actor, &session, typed, approve).await {
        Ok(pending) => {
            let name = pending.client.name.as_str();
            let (title, text) = if approve {
                ("Authorized", format!("{name} is authorized. You can close this window and return to it."))
            } else {
                ("Denied", format!("{name} was not authorized. You can close this window."))
            };
            let links = vec![Link::new(ACCOUNT, "Your account")];
            browser
                .show(StatusCode::OK, &Message { title: title.to_owned(), form_error: None, texts: vec![text], links })
        }
        Err(error) => form_error(&browser, typed, error),
    }
}

/// Shows the app that waits for a code, so that the user can compare the code before the decision.
fn confirm(state: &AppState, browser: &Browser, typed: &str) -> Result<HttpResponse, Failure> {
    match devices::find(state, &browser.origin, typed) {
        Ok(pending) => browser.show(StatusCode::OK, &choice(browser, &pending)),
        Err(error) => form_error(browser, typed, error),
    }
}

fn form_error(browser: &Browser, typed: &str, error: Error) -> Result<HttpResponse, Failure> {
    let show_form = |status, form_error| browser.show(status, &code_form(browser, typed, Some(form_error)));
    match error {
        Error::Unauthenticated(AuthError::DeadUserCode) => {
            let text = "no device is waiting for this code: it may be mistyped, used or expired";
            show_form(StatusCode::BAD_REQUEST, FormError::new("user_code", text))
        }
        error => show_again(error, "", |form_error, status| {
            show_form(status, FormError { field: "user_code", ..form_error })
        }),
    }
}

fn code_form(browser: &Browser, typed: &str, form_error: Option<FormError>) -> FormPage {
    let value = typed.chars().take(20).collect();
    let field = Field { value, ..Field::new("user_code", "Code", Kind::Letters, "off") };
    FormPage {
        title: "Connect a device",
        text: "Enter the code that the app or device shows.".to_owned(),
        warning: "",
        form_error,
        token: browser.token(),
        action: DEVICE,
        hidden: Vec::new(),
        fields: vec![field],
        button: "Continue",
        help: String::new(),
        links: Vec::new(),
    }
}

fn choice(browser: &Browser, pending: &Pending) -> Choice {
    let from = pending.address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string());
    Choice {
        title: format!("Authorize {}", pending.client.name.as_str()),
        text: "An app on another device asks for access to your account. Check that it shows the same code.".to_owned(),
        form_error: None,
        facts: vec![
            Fact { is_code: true, ..Fact::new("Code", pending.user_code.clone()) },
            Fact::new("App", format!("{} ({})", pending.client.name.as_str(), pending.client.id)),
            Fact::new("Requested from", from),
            Fact::new("Requested at", moment::text(pending.created_at)),
        ],
        permissions: scope_sentences(&pending.scopes),
        warning: "Authorize it only if you started this yourself. Otherwise, the person who sent you this code or link \
                  could act in your name.",
        token: browser.token(),
        action: DEVICE,
        hidden: vec![("user_code", pending.user_code.clone())],
        allow: "Authorize",
        deny: "Deny",
        links: Vec::new(),
    }
}
