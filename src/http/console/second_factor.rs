//! `/auth/account/second-factor`: sets up and removes the second factor and renews its recovery codes.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::Failure;
use super::browser::Browser;
use super::form::Form;
use super::page::{self, Choice, EnrolmentPage, Field, FormError, FormPage, Kind, Link, RecoveryCodes};
use super::paths::ACCOUNT;
use super::retry::{WRONG_CODE, show_again};
use super::sign_in::set_up;
use super::signed_in::{RecentlySignedIn, SignedIn};
use crate::app::identity::second_factors::{self, Enrolment};
use crate::app::runtime::state::AppState;
use crate::domain::secret::Secret;

const SET_UP: &str = "/auth/account/second-factor";
const CONFIRM: &str = "/auth/account/second-factor/confirm";
const CODES: &str = "/auth/account/second-factor/recovery-codes";
const REMOVE: &str = "/auth/account/second-factor/remove";

const WHY: &str = "In addition to your password, you enter a code from your phone when you sign in.";

/// `GET /auth/account/second-factor`: a button that begins the setup. A key from an earlier setup is not shown, because
/// somebody else at this session may have begun it.
pub(super) async fn start(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    if state.read_inline(|view| second_factors::state(view, &actor))?.is_some() {
        return Ok(page::see_other(ACCOUNT));
    }
    let page = Choice {
        title: "Set up two-factor authentication".to_owned(),
        text: format!("{WHY} All your other sessions will end when it is on."),
        form_error: None,
        facts: Vec::new(),
        permissions: Vec::new(),
        warning: "",
        token: browser.token(),
        action: SET_UP,
        hidden: Vec::new(),
        allow: "Set up",
        deny: "",
        links: vec![Link::new(ACCOUNT, "Your account")],
    };
    browser.show(StatusCode::OK, &page)
}

/// `POST /auth/account/second-factor`: creates a key, which is in force once the user has entered a code.
pub(super) async fn begin(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let enrolment = second_factors::begin(&state, &actor).await?;
    browser.show(StatusCode::OK, &enrolment_page(&browser, &enrolment, None))
}

/// `POST /auth/account/second-factor/confirm`: checks the first code and shows the recovery codes.
pub(super) async fn confirm(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match second_factors::confirm(&state, &actor, form.secret("code")).await {
        Ok(codes) => recovery_codes(&browser, codes, "?done=on"),
        Err(error) => {
            let Some(enrolment) = second_factors::enrolment(&state, &actor)? else { return Err(error.into()) };
            show_again(error, WRONG_CODE, |form_error, status| {
                let form_error = Some(FormError { field: "code", ..form_error });
                browser.show(status, &enrolment_page(&browser, &enrolment, form_error))
            })
        }
    }
}

/// `GET /auth/account/second-factor/recovery-codes`: the form.
pub(super) async fn renewal(SignedIn { browser, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    browser.show(StatusCode::OK, &renewal_form(&browser, None))
}

/// `POST /auth/account/second-factor/recovery-codes`: replaces the recovery codes.
pub(super) async fn renew(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match second_factors::renew_recovery_codes(&state, &actor, form.secret("code")).await {
        Ok(codes) => recovery_codes(&browser, codes, ""),
        Err(error) => show_again(error, WRONG_CODE, |form_error, status| {
            browser.show(status, &renewal_form(&browser, Some(FormError { field: "code", ..form_error })))
        }),
    }
}

/// `GET /auth/account/second-factor/remove`: the form.
pub(super) async fn removal(SignedIn { browser, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    browser.show(StatusCode::OK, &removal_form(&browser, None))
}

/// `POST /auth/account/second-factor/remove`: removes the second factor; requires a code.
pub(super) async fn remove(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match second_factors::remove(&state, &actor, form.secret("code")).await {
        Ok(()) => Ok(page::see_other(&format!("{ACCOUNT}?done=off"))),
        Err(error) => show_again(error, WRONG_CODE, |form_error, status| {
            browser.show(status, &removal_form(&browser, Some(FormError { field: "code", ..form_error })))
        }),
    }
}

fn enrolment_page(browser: &Browser, enrolment: &Enrolment, form_error: Option<FormError>) -> EnrolmentPage {
    set_up(browser, CONFIRM, WHY, Vec::new(), enrolment, form_error)
}

fn recovery_codes(browser: &Browser, codes: Vec<Secret>, done: &str) -> Result<HttpResponse, Failure> {
    let page = RecoveryCodes { title: "Recovery codes", form_error: None, codes, to: format!("{ACCOUNT}{done}") };
    browser.show(StatusCode::OK, &page)
}

fn renewal_form(browser: &Browser, form_error: Option<FormError>) -> FormPage {
    let text = "Your current recovery codes will stop working.";
    with_code(browser, "New recovery codes", text, CODES, "Create new codes", form_error)
}

fn removal_form(browser: &Browser, form_error: Option<FormError>) -> FormPage {
    let text = "You will then sign in with your password alone.";
    with_code(browser, "Turn off two-factor authentication", text, REMOVE, "Turn off", form_error)
}

fn with_code(
    browser: &Browser,
    title: &'static str,
    text: &str,
    action: &'static str,
    button: &'static str,
    form_error: Option<FormError>,
) -> FormPage {
    let hint = "The six digits from your authenticator app, or one of your recovery codes.";
    FormPage {
        title,
        text: text.to_owned(),
        warning: "",
        form_error,
        token: browser.token(),
        action,
        hidden: Vec::new(),
        fields: vec![Field { hint, kind: Kind::Text, ..Field::digits() }],
        button,
        links: vec![Link::new(ACCOUNT, "Your account")],
    }
}
