//! `/auth/sign-out`: signing out, by the user or at the request of a client.

use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::browser::Browser;
use super::cookies::Cookie;
use super::form::Form;
use super::page::{self, Choice, Link, Message, RedirectPage};
use super::parameters::Parameters;
use super::paths::{ACCOUNT, SIGN_IN};
use crate::app::identity::oauth::logout;
use crate::app::runtime::state::AppState;

const SIGN_OUT: &str = "/auth/sign-out";
const SIGNED_OUT: &str = "/auth/signed-out";

/// The parameters that are read; all others are ignored.
const PARAMETERS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// `GET /auth/sign-out`: asks for confirmation. A client that sends an id token of the signed-in user needs none
/// (OpenID Connect RP-Initiated Logout 1.0, section 2).
pub(super) async fn form(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let logout = logout::check(&state, &read(&parameters))?;
    // HEAD changes nothing.
    let is_head = request.method() == Method::HEAD;
    let Some((actor, _)) = browser.person(&state, &request)? else {
        if !is_head {
            logout::end(&state, &browser.origin, &logout).await?;
        }
        return Ok(page::see_other(logout.to.as_deref().unwrap_or(SIGNED_OUT)));
    };
    if logout.is_of(&actor) {
        let mut response = page::see_other(logout.to.as_deref().unwrap_or(SIGNED_OUT));
        if !is_head {
            logout::leave(&state, &actor, browser.id(), &logout).await?;
            browser.remove_cookie(&mut response, Cookie::Session);
        }
        return Ok(response);
    }
    let email = actor.person().map(|person| person.email.to_string()).unwrap_or_default();
    let request_text = logout.client.map(|client| {
        let name = client.name.as_str();
        format!("{name} asks you to sign out. Its access through this browser ends, too. ")
    });
    let page = Choice {
        title: "Sign out?".to_owned(),
        text: format!("{}You are signed in as {email}.", request_text.unwrap_or_default()),
        form_error: None,
        facts: Vec::new(),
        permissions: Vec::new(),
        warning: "",
        token: browser.token(),
        action: SIGN_OUT,
        hidden: vec![("request", parameters.only(&PARAMETERS).query())],
        allow: "Sign out",
        deny: "",
        links: vec![Link::new(ACCOUNT, "Stay signed in")],
    };
    browser.show(StatusCode::OK, &page)
}

/// `POST /auth/sign-out`: ends the browser's session and, if a client asked for it, that client's sessions in this
/// browser. Returns to the client.
pub(super) async fn sign_out(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let parameters = Parameters::parse(form.text("request").as_bytes())?;
    let logout = logout::check(&state, &read(&parameters))?;
    if let Some((actor, _)) = browser.person(&state, &request)? {
        logout::leave(&state, &actor, browser.id(), &logout).await?;
    }
    let mut response = match logout.to {
        Some(to) => {
            let text = "You are signed out. You are being sent back to the app that asked for it.";
            browser.show(StatusCode::OK, &RedirectPage { title: "Signed out", form_error: None, text, to })?
        }
        None => page::see_other(SIGNED_OUT),
    };
    browser.remove_cookie(&mut response, Cookie::Session);
    Ok(response)
}

fn read(parameters: &Parameters) -> logout::Request {
    logout::Request {
        id_token_hint: parameters.owned("id_token_hint"),
        client_id: parameters.owned("client_id"),
        post_logout_redirect_uri: parameters.owned("post_logout_redirect_uri"),
        state: parameters.owned("state"),
    }
}

/// `GET /auth/signed-out`
pub(super) async fn signed_out(browser: Browser) -> Result<HttpResponse, Failure> {
    let page = Message {
        title: "Signed out".to_owned(),
        form_error: None,
        texts: vec![
            "You are signed out of this browser. Your connected apps stay connected, except an app that asked \
                     you to sign out."
                .to_owned(),
        ],
        links: vec![Link::new(SIGN_IN, "Sign in again")],
    };
    browser.show(StatusCode::OK, &page)
}
