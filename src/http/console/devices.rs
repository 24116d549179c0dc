//! The page on which a user authorizes an app on another device (RFC 8628, section 3.3).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::account::moment;
use super::again::refused;
use super::authorize::sentences;
use super::browser::Browser;
use super::form::Form;
use super::page::{Choice, Fact, Field, FormPage, Kind, Link, Message, Wrong};
use super::parameters::Parameters;
use super::paths::ACCOUNT;
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
    browser.needed(&state, &request, here)?;
    match parameters.get("user_code") {
        Some(typed) => confirm(&state, &browser, typed),
        None => browser.show(StatusCode::OK, &code_form(&browser, "", None)),
    }
}

/// `POST`: a code, or the decision about the app that waits for it.
pub(super) async fn answer(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let (actor, session) = browser.needed(&state, &request, DEVICE)?;
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
            browser.show(StatusCode::OK, &Message { title: title.to_owned(), wrong: None, texts: vec![text], links })
        }
        Err(error) => wrong(&browser, typed, error),
    }
}

/// Shows the app that waits for a code, so that the user can compare the code before the decision.
fn confirm(state: &AppState, browser: &Browser, typed: &str) -> Result<HttpResponse, Failure> {
    match devices::find(state, &browser.origin, typed) {
        Ok(pending) => browser.show(StatusCode::OK, &choice(browser, &pending)),
        Err(error) => wrong(browser, typed, error),
    }
}

fn wrong(browser: &Browser, typed: &str, error: Error) -> Result<HttpResponse, Failure> {
    let again = |status, wrong| browser.show(status, &code_form(browser, typed, Some(wrong)));
    match error {
        Error::Unauthenticated(AuthError::DeadUserCode) => {
            let text = "no device is waiting for this code: it may be mistyped, used or expired";
            again(StatusCode::BAD_REQUEST, Wrong::new("user_code", text))
        }
        error => refused(error, "", |wrong, status| again(status, Wrong { field: "user_code", ..wrong })),
    }
}

fn code_form(browser: &Browser, typed: &str, wrong: Option<Wrong>) -> FormPage {
    let value = typed.chars().take(20).collect();
    let field = Field { value, ..Field::new("user_code", "Code", Kind::Letters, "off") };
    FormPage {
        title: "Connect a device",
        text: "Enter the code that the app or device shows.".to_owned(),
        caution: "",
        wrong,
        token: browser.token(),
        action: DEVICE,
        hidden: Vec::new(),
        fields: vec![field],
        button: "Continue",
        links: Vec::new(),
    }
}

fn choice(browser: &Browser, pending: &Pending) -> Choice {
    let from = pending.address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string());
    Choice {
        title: format!("Authorize {}", pending.client.name.as_str()),
        text: "An app on another device asks for access to your account. Check that it shows the same code.".to_owned(),
        wrong: None,
        facts: vec![
            Fact { is_code: true, ..Fact::new("Code", pending.user_code.clone()) },
            Fact::new("App", format!("{} ({})", pending.client.name.as_str(), pending.client.id)),
            Fact::new("Requested from", from),
            Fact::new("Requested at", moment(pending.created_at)),
        ],
        may: sentences(&pending.scopes),
        caution: "Authorize it only if you started this yourself. Otherwise, the person who sent you this code or link \
                  could act in your name.",
        token: browser.token(),
        action: DEVICE,
        hidden: vec![("user_code", pending.user_code.clone())],
        allow: "Authorize",
        deny: "Deny",
        links: Vec::new(),
    }
}
