//! `/auth/sign-in`: signing in, step by step. `app` decides which step follows.

use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::browser::Browser;
use super::cookies::Cookie;
use super::enrolment::{EnrolmentPage, RecoveryCodes};
use super::form::Form;
use super::next::Next;
use super::page::{self, Field, FormError, FormPage, Kind, Link, REVOKE_KEYS, RedirectPage};
use super::parameters::Parameters;
use super::passwords::{new_password, new_password_error};
use super::paths::{SIGN_IN, query};
use super::retry::{WRONG_CODE, show_again};
use super::{Failure, authorize, brand, qr};
use crate::app::identity::second_factors::Enrolment;
use crate::app::identity::sign_in::{self, Login, Progress};
use crate::app::runtime::state::AppState;
use crate::domain::pending_sign_in::Step;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::error::Error;
use crate::http::dialect;

const CODE: &str = "/auth/sign-in/code";
const SECOND_FACTOR: &str = "/auth/sign-in/second-factor";
const PASSWORD: &str = "/auth/sign-in/password";

/// `GET /auth/sign-in?next=...`: the form. A signed-in user goes on to `next`, unless a client requires a new sign-in
/// (`again`).
pub(super) async fn form(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(parameters.text("next"))?;
    if parameters.get("again").is_none() && browser.person(&state, &request)?.is_some() {
        return Ok(page::see_other(next.as_str()));
    }
    let hint = parameters.text("login_hint").chars().take(254).collect();
    browser.show(StatusCode::OK, &sign_in_form(&state, &browser, &next, hint, None)?)
}

/// `POST /auth/sign-in`: checks the password. A successful sign-in ends the browser's previous session.
pub(super) async fn submit(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(form.text("next"))?;
    let username = form.text("username").to_owned();
    let login = Login { username: username.clone(), password: form.secret("password") };
    let replacing = browser.session.as_ref().map(Secret::expose);
    match sign_in::at_pages(&state, &browser.origin, login, replacing).await {
        Ok(progress) => proceed(&browser, &request, &progress, &next),
        Err(error) => show_again(error, "the email or password is wrong", |form_error, status| {
            let form_error = Some(FormError { field: "password", ..form_error });
            browser.show(status, &sign_in_form(&state, &browser, &next, username, form_error)?)
        }),
    }
}

/// `GET /auth/sign-in/code`: the form for the second factor.
pub(super) async fn code_form(
    state: Data<AppState>,
    browser: Browser,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(parameters.text("next"))?;
    pending_user(&state, &browser, &next, Step::SecondFactor)?;
    browser.show(StatusCode::OK, &code_page(&browser, &next, None))
}

/// `POST /auth/sign-in/code`: checks a code of the second factor, or a recovery code.
pub(super) async fn submit_code(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(form.text("next"))?;
    pending_user(&state, &browser, &next, Step::SecondFactor)?;
    match sign_in::second_factor(&state, &browser.origin, step(&browser), form.secret("code")).await {
        Ok(progress) => proceed(&browser, &request, &progress, &next),
        Err(error) => show_again(error, WRONG_CODE, |form_error, status| {
            browser.show(status, &code_page(&browser, &next, Some(FormError { field: "code", ..form_error })))
        }),
    }
}

/// `GET /auth/sign-in/second-factor`: sets up the second factor that this user's sign-in requires.
pub(super) async fn enrolment(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(parameters.text("next"))?;
    pending_user(&state, &browser, &next, Step::EnrolSecondFactor)?;
    // HEAD changes nothing, so it creates no key, and the length of the page is unknown.
    if request.method() == Method::HEAD {
        return Ok(page::without_body());
    }
    let enrolment = sign_in::begin_enrolment(&state, &browser.origin, step(&browser)).await?;
    browser.show(StatusCode::OK, &enrolment_page(&browser, &next, &enrolment, None))
}

/// `POST /auth/sign-in/second-factor`: checks the first code and shows the recovery codes.
pub(super) async fn enrol(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(form.text("next"))?;
    pending_user(&state, &browser, &next, Step::EnrolSecondFactor)?;
    match sign_in::finish_enrolment(&state, &browser.origin, step(&browser), form.secret("code")).await {
        Ok((progress, codes)) => {
            let to = match &progress {
                Progress::In(_) => next.as_str().to_owned(),
                Progress::Pending(pending) => next.after(page_of(pending.step)),
            };
            let page = RecoveryCodes { title: "Recovery codes", form_error: None, codes, to };
            let mut response = browser.show(StatusCode::OK, &page)?;
            update_cookies(&browser, &request, &progress, &mut response);
            Ok(response)
        }
        Err(error) => {
            let Some(enrolment) = sign_in::enrolment(&state, step(&browser))? else { return Err(error.into()) };
            show_again(error, WRONG_CODE, |form_error, status| {
                let form_error = Some(FormError { field: "code", ..form_error });
                browser.show(status, &enrolment_page(&browser, &next, &enrolment, form_error))
            })
        }
    }
}

/// `GET /auth/sign-in/password`: the form for the new password that this user's sign-in requires.
pub(super) async fn password_form(
    state: Data<AppState>,
    browser: Browser,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(parameters.text("next"))?;
    let user = pending_user(&state, &browser, &next, Step::Password)?;
    browser.show(StatusCode::OK, &password_page(&browser, &next, &user, None))
}

/// `POST /auth/sign-in/password`: sets the password.
pub(super) async fn set_password(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let next = Next::parse(form.text("next"))?;
    let user = pending_user(&state, &browser, &next, Step::Password)?;
    let show_form =
        |form_error| browser.show(StatusCode::BAD_REQUEST, &password_page(&browser, &next, &user, Some(form_error)));
    let chosen = match new_password(&form) {
        Ok(chosen) => chosen,
        Err(form_error) => return show_form(form_error),
    };
    let revoke_keys = form.is_checked(REVOKE_KEYS);
    match sign_in::choose_password(&state, &browser.origin, step(&browser), chosen, revoke_keys).await {
        Ok(progress) => proceed(&browser, &request, &progress, &next),
        Err(Error::Invalid { rule, .. }) => show_form(new_password_error(&rule)),
        Err(error) => Err(error.into()),
    }
}

/// Goes on after a completed step.
fn proceed(
    browser: &Browser,
    request: &HttpRequest,
    progress: &Progress,
    next: &Next,
) -> Result<HttpResponse, Failure> {
    let mut response = match progress {
        Progress::In(_) if authorize::is_endpoint(next.as_str()) => {
            let text = "You are signed in. You are being sent back to the app that asked for it.";
            let page = RedirectPage { title: "Signed in", form_error: None, text, to: next.as_str().to_owned() };
            browser.show(StatusCode::OK, &page)?
        }
        Progress::In(_) => page::see_other(next.as_str()),
        Progress::Pending(pending) => page::see_other(&next.after(page_of(pending.step))),
    };
    update_cookies(browser, request, progress, &mut response);
    Ok(response)
}

/// Sets the cookie of the new state and removes the one of the previous state.
fn update_cookies(browser: &Browser, request: &HttpRequest, progress: &Progress, response: &mut HttpResponse) {
    match progress {
        Progress::In(signed_in) => {
            dialect::name_actor(request, &signed_in.user.email);
            browser.set_cookie(response, Cookie::Session, &signed_in.cookie);
            browser.remove_cookie(response, Cookie::Step);
        }
        Progress::Pending(pending) => browser.set_cookie(response, Cookie::Step, &pending.cookie),
    }
}

/// The user whose pending sign-in is at this step. At another step, the browser is redirected to its page.
fn pending_user(state: &AppState, browser: &Browser, next: &Next, step_here: Step) -> Result<User, Failure> {
    match sign_in::pending(state, step(browser)) {
        Ok((user, step)) if step == step_here => Ok(user),
        Ok((_, step)) => Err(Failure::Redirect { to: next.after(page_of(step)) }),
        Err(Error::Unauthenticated(_)) => Err(Failure::Redirect { to: next.after(SIGN_IN) }),
        Err(error) => Err(error.into()),
    }
}

fn step(browser: &Browser) -> &str {
    browser.step.as_ref().map_or("", Secret::expose)
}

const fn page_of(step: Step) -> &'static str {
    match step {
        Step::SecondFactor => CODE,
        Step::EnrolSecondFactor => SECOND_FACTOR,
        Step::Password => PASSWORD,
    }
}

fn sign_in_form(
    state: &AppState,
    browser: &Browser,
    next: &Next,
    username: String,
    form_error: Option<FormError>,
) -> Result<FormPage, Failure> {
    let username = Field { value: username, ..Field::new("username", "Email", Kind::Text, "username") };
    let program = authorize::program(state, next.as_str())?;
    Ok(FormPage {
        title: "Sign in",
        text: program.map_or_else(String::new, |program| format!("To continue to {}", program.name.as_str())),
        warning: if browser.exposed {
            "This connection is not encrypted: others on the network can read your password. Ask an administrator of \
             this server for an address that begins with https."
        } else {
            ""
        },
        form_error,
        token: browser.token(),
        action: SIGN_IN,
        hidden: vec![("next", next.as_str().to_owned())],
        fields: vec![username, Field::new("password", "Password", Kind::Password, "current-password")],
        button: "Sign in",
        help: format!("Forgot your password, or no account yet? Ask {}.", brand::get().administrator()),
        links: Vec::new(),
    })
}

fn code_page(browser: &Browser, next: &Next, form_error: Option<FormError>) -> FormPage {
    let hint = "The six digits from your authenticator app, or one of your recovery codes.";
    FormPage {
        title: "Two-factor authentication",
        text: String::new(),
        warning: "",
        form_error,
        token: browser.token(),
        action: CODE,
        hidden: vec![("next", next.as_str().to_owned())],
        fields: vec![Field { hint, kind: Kind::Text, ..Field::digits() }],
        button: "Continue",
        help: String::new(),
        links: vec![Link::new(format!("{SIGN_IN}?{}", query(&[("next", next.as_str())])), "Sign in as another user")],
    }
}

fn password_page(browser: &Browser, next: &Next, user: &User, form_error: Option<FormError>) -> FormPage {
    FormPage {
        title: "Choose a new password",
        text: format!("{} must choose a new password to continue.", user.email),
        warning: "",
        form_error,
        token: browser.token(),
        action: PASSWORD,
        hidden: vec![("next", next.as_str().to_owned())],
        fields: [Field::username(&user.email)]
            .into_iter()
            .chain(Field::new_password())
            .chain([Field::revoke_keys()])
            .collect(),
        button: "Set password",
        help: String::new(),
        links: Vec::new(),
    }
}

fn enrolment_page(
    browser: &Browser,
    next: &Next,
    enrolment: &Enrolment,
    form_error: Option<FormError>,
) -> EnrolmentPage {
    let text = "Your account requires two-factor authentication: in addition to your password, you enter a code from \
                your phone when you sign in.";
    let hidden = vec![("next", next.as_str().to_owned())];
    set_up(browser, SECOND_FACTOR, text, hidden, enrolment, form_error)
}

/// The page for setting up a second factor.
fn set_up(
    browser: &Browser,
    action: &'static str,
    text: &'static str,
    hidden: Vec<(&'static str, String)>,
    enrolment: &Enrolment,
    form_error: Option<FormError>,
) -> EnrolmentPage {
    let (secret, uri) = (enrolment.secret.expose(), enrolment.uri.expose());
    EnrolmentPage {
        title: "Set up two-factor authentication",
        text,
        form_error,
        qr: qr::svg(uri),
        secret: qr::grouped(secret),
        token: browser.token(),
        action,
        hidden,
        fields: vec![Field::digits()],
    }
}
