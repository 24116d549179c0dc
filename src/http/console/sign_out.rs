//! `/auth/sign-out`: leaving, from here or because a program asks for it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::account::ACCOUNT;
use super::browser::{Browser, Cookie};
use super::form::Form;
use super::page::{self, Choice, Link, Message};
use super::parameters::Parameters;
use super::sign_in::SIGN_IN;
use crate::app::desk::Desk;
use crate::app::sign_in;

const SIGN_OUT: &str = "/auth/sign-out";
const SIGNED_OUT: &str = "/auth/signed-out";

/// `GET /auth/sign-out`: asks whether to leave.
pub(super) async fn form(
    desk: Data<Desk>,
    browser: Browser,
    request: HttpRequest,
    _: Parameters,
) -> Result<HttpResponse, Failure> {
    let Some((actor, _)) = browser.person(&desk, &request)? else { return Ok(page::see_other(SIGNED_OUT)) };
    let email = actor.person().map(|person| person.email.to_string()).unwrap_or_default();
    let page = Choice {
        title: "Sign out?".to_owned(),
        text: format!("You are signed in as {email}."),
        wrong: None,
        facts: Vec::new(),
        may: Vec::new(),
        caution: "",
        token: browser.token(),
        action: SIGN_OUT,
        hidden: Vec::new(),
        allow: "Sign out",
        deny: "",
        links: vec![Link::new(ACCOUNT, "Stay signed in")],
    };
    browser.show(StatusCode::OK, &page)
}

/// `POST /auth/sign-out`: ends the browser's session.
pub(super) async fn leave(
    desk: Data<Desk>,
    browser: Browser,
    request: HttpRequest,
    _: Form,
) -> Result<HttpResponse, Failure> {
    if let Some((actor, _)) = browser.person(&desk, &request)? {
        sign_in::sign_out(&desk, &actor).await?;
    }
    let mut answer = page::see_other(SIGNED_OUT);
    browser.take(&mut answer, Cookie::Session);
    Ok(answer)
}

/// `GET /auth/signed-out`
pub(super) async fn left(browser: Browser) -> Result<HttpResponse, Failure> {
    let page = Message {
        title: "Signed out".to_owned(),
        wrong: None,
        texts: vec!["You are signed out of this browser. Programs that you let in stay connected.".to_owned()],
        links: vec![Link::new(SIGN_IN, "Sign in again")],
    };
    browser.show(StatusCode::OK, &page)
}
