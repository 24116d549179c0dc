//! `/auth/account/second-factor`: sets up and removes the second factor and renews its recovery codes.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::browser::Browser;
use super::controls::{ConsoleForm, Control, Input};
use super::enrolment::codes_as_file;
use super::form::Form;
use super::page::{self, FormError};
use super::paths::ACCOUNT;
use super::retry::{WRONG_CODE, show_again};
use super::shell::{Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets, qr};
use crate::app::identity::second_factors::{self, Enrolment};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
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
    let page = ConsoleForm {
        text: format!("{WHY} All your other sessions will end when it is on."),
        button: "Set up",
        ..ConsoleForm::new(shell(&browser, &actor), "Set up two-factor authentication", SET_UP, ACCOUNT)
    };
    page.show(&browser)
}

/// `POST /auth/account/second-factor`: creates a key, which is in force once the user has entered a code.
pub(super) async fn begin(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let enrolment = second_factors::begin(&state, &actor).await?;
    browser.show_console(StatusCode::OK, &EnrolmentPage::new(&browser, &actor, &enrolment, None))
}

/// `POST /auth/account/second-factor/confirm`: checks the first code and shows the recovery codes.
pub(super) async fn confirm(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match second_factors::confirm(&state, &actor, form.secret("code")).await {
        Ok(codes) => recovery_codes(&browser, &actor, codes, "?done=on"),
        Err(error) => {
            let Some(enrolment) = second_factors::enrolment(&state, &actor)? else { return Err(error.into()) };
            show_again(error, WRONG_CODE, |form_error, status| {
                let form_error = Some(FormError { field: "code", ..form_error });
                browser.show_console(status, &EnrolmentPage::new(&browser, &actor, &enrolment, form_error))
            })
        }
    }
}

/// `GET /auth/account/second-factor/recovery-codes`: the form.
pub(super) async fn renewal(SignedIn { browser, actor, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    renewal_form(&browser, &actor).show(&browser)
}

/// `POST /auth/account/second-factor/recovery-codes`: replaces the recovery codes.
pub(super) async fn renew(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match second_factors::renew_recovery_codes(&state, &actor, form.secret("code")).await {
        Ok(codes) => recovery_codes(&browser, &actor, codes, ""),
        Err(error) => show_again(error, WRONG_CODE, |form_error, status| {
            renewal_form(&browser, &actor).show_wrong(&browser, status, FormError { field: "code", ..form_error })
        }),
    }
}

/// `GET /auth/account/second-factor/remove`: the form.
pub(super) async fn removal(SignedIn { browser, actor, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    removal_form(&browser, &actor).show(&browser)
}

/// `POST /auth/account/second-factor/remove`: removes the second factor; requires a code.
pub(super) async fn remove(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match second_factors::remove(&state, &actor, form.secret("code")).await {
        Ok(()) => Ok(page::see_other(&format!("{ACCOUNT}?done=off"))),
        Err(error) => show_again(error, WRONG_CODE, |form_error, status| {
            removal_form(&browser, &actor).show_wrong(&browser, status, FormError { field: "code", ..form_error })
        }),
    }
}

fn shell(browser: &Browser, actor: &Actor) -> Shell {
    Shell::new(browser, actor, Part::Account)
}

/// The page with the QR code for an authenticator app.
#[derive(Template)]
#[template(path = "console/enrolment.html")]
struct EnrolmentPage {
    shell: Shell,
    title: &'static str,
    text: &'static str,
    /// The QR code, as markup.
    qr: String,
    /// The key in groups.
    secret: String,
    action: &'static str,
    fields: Vec<Control>,
    form_error: Option<FormError>,
}

impl EnrolmentPage {
    fn new(browser: &Browser, actor: &Actor, enrolment: &Enrolment, form_error: Option<FormError>) -> Self {
        let mut shell = shell(browser, actor);
        if let Some(form_error) = &form_error {
            shell.wrong.clone_from(&form_error.text);
        }
        let code = Control { autocomplete: "one-time-code", ..Control::new(Input::Digits, "code", "Code") };
        Self {
            shell,
            title: "Set up two-factor authentication",
            text: WHY,
            qr: qr::svg(enrolment.uri.expose()),
            secret: qr::grouped(enrolment.secret.expose()),
            action: CONFIRM,
            fields: vec![code],
            form_error,
        }
    }

    fn is_wrong(&self, _: &Control) -> bool {
        self.form_error.is_some()
    }

    /// The field that gets the focus.
    #[expect(clippy::unused_self, reason = "the template of a field asks the page")]
    const fn focus(&self) -> &'static str {
        "code"
    }
}

/// The page that shows recovery codes, once.
#[derive(Template)]
#[template(path = "console/recovery_codes.html")]
struct CodesPage {
    shell: Shell,
    title: &'static str,
    codes: Vec<Secret>,
    to: String,
}

impl CodesPage {
    fn download(&self) -> String {
        codes_as_file(&self.codes)
    }
}

fn recovery_codes(browser: &Browser, actor: &Actor, codes: Vec<Secret>, done: &str) -> Result<HttpResponse, Failure> {
    let page =
        CodesPage { shell: shell(browser, actor), title: "Recovery codes", codes, to: format!("{ACCOUNT}{done}") };
    browser.show_console(StatusCode::OK, &page)
}

fn renewal_form(browser: &Browser, actor: &Actor) -> ConsoleForm {
    let text = "Your current recovery codes will stop working.";
    ConsoleForm {
        button: "Create new codes",
        ..with_code(text, ConsoleForm::new(shell(browser, actor), "New recovery codes", CODES, ACCOUNT))
    }
}

fn removal_form(browser: &Browser, actor: &Actor) -> ConsoleForm {
    let text = "You will then sign in with your password alone.";
    ConsoleForm {
        button: "Turn off",
        is_dangerous: true,
        ..with_code(
            text,
            ConsoleForm::new(shell(browser, actor), "Turn off two-factor authentication", REMOVE, ACCOUNT),
        )
    }
}

fn with_code(text: &str, form: ConsoleForm) -> ConsoleForm {
    let hint = "The six digits from your authenticator app, or one of your recovery codes.";
    ConsoleForm { text: text.to_owned(), fields: vec![Control::code(hint)], ..form }
}
