//! `/auth/invitation` and `/auth/password`: choosing a password.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::form::Form;
use super::page::{self, Field};
use super::{Failure, Visitor};
use crate::app::desk::Desk;
use crate::app::links::{self, Choice};
use crate::domain::link::Purpose;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::error::{Error, InField, Unproved};
use crate::http::dialect;

const BY_LINK: &str = "/auth/invitation";
const INSTEAD: &str = "/auth/password";

/// What a link carries.
#[derive(Deserialize)]
pub(super) struct Followed {
    token: Option<String>,
}

/// `GET /auth/invitation?token=...`: the form, for a link that is good. Looking at it does not use the link up.
pub(super) async fn by_link(
    desk: Data<Desk>,
    visitor: Visitor,
    query: Result<Query<Followed>, actix_web::Error>,
) -> Result<HttpResponse, Failure> {
    let token = query.ok().and_then(|query| query.into_inner().token).unwrap_or_default();
    let (user, purpose) = links::find(&desk, &visitor.origin, &token)?;
    Ok(page::answer(StatusCode::OK).body(link_form(&user, purpose, &token, None)))
}

/// `POST /auth/invitation`: sets the password and uses the link up.
pub(super) async fn set_by_link(
    desk: Data<Desk>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let token = form.text("token");
    let chosen = match chosen(&form) {
        Ok(chosen) => chosen,
        Err(error) => {
            let (user, purpose) = links::find(&desk, &visitor.origin, token)?;
            let again = link_form(&user, purpose, token, Some(&error.to_string()));
            return Ok(page::answer(StatusCode::BAD_REQUEST).body(again));
        }
    };
    let user = links::follow(&desk, visitor.origin, token, chosen).await?;
    Ok(done(&request, &user))
}

/// `GET /auth/password`: the form.
pub(super) async fn instead_of_temporary() -> HttpResponse {
    page::answer(StatusCode::OK).body(instead_form("", None))
}

/// `POST /auth/password`: sets the password in place of the temporary one.
pub(super) async fn set_instead_of_temporary(
    desk: Data<Desk>,
    visitor: Visitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let email = form.text("email");
    let again = |status, error: &Error| Ok(page::answer(status).body(instead_form(email, Some(&error.to_string()))));
    let chosen = match chosen(&form) {
        Ok(chosen) => chosen,
        Err(error) => return again(StatusCode::BAD_REQUEST, &error),
    };
    let choice = Choice { username: email.to_owned(), temporary: Secret::new(form.text("temporary")), chosen };
    match links::replace_temporary(&desk, visitor.origin, choice).await {
        Ok(user) => Ok(done(&request, &user)),
        Err(error @ Error::Invalid { .. }) => again(StatusCode::BAD_REQUEST, &error),
        Err(error @ Error::Unauthenticated(Unproved::WrongPassword)) => again(StatusCode::FORBIDDEN, &error),
        Err(error) => Err(error.into()),
    }
}

/// The password to be, typed twice.
fn chosen(form: &Form) -> Result<Password, Error> {
    let password = Password::parse(form.text("password")).in_field("password")?;
    if form.text("again") != password.expose() {
        return Err(Error::invalid("password", "must be typed twice alike"));
    }
    Ok(password)
}

fn done(request: &HttpRequest, user: &User) -> HttpResponse {
    dialect::name_actor(request, &user.email);
    let text = format!("The password of {} is set. You can sign in with it now.", user.email);
    page::answer(StatusCode::OK).body(page::words("Done", &text))
}

fn link_form(user: &User, purpose: Purpose, token: &str, wrong: Option<&str>) -> String {
    let (title, why) = match purpose {
        Purpose::Invitation => ("Welcome", "Choose the password with which you will sign in as"),
        Purpose::PasswordReset => ("Another password", "Choose another password for"),
    };
    let hidden = Field { name: "token", label: None, kind: "hidden", autocomplete: "off", value: token };
    page::form(title, &format!("{why} {}.", user.email), wrong, BY_LINK, &[hidden, PASSWORD, AGAIN])
}

fn instead_form(email: &str, wrong: Option<&str>) -> String {
    let text = "Choose a password of your own in place of the temporary one that you were given.";
    let fields = [
        Field { name: "email", label: Some("E-mail address"), kind: "email", autocomplete: "username", value: email },
        Field {
            name: "temporary",
            label: Some("Temporary password"),
            kind: "password",
            autocomplete: "current-password",
            value: "",
        },
        PASSWORD,
        AGAIN,
    ];
    page::form("First sign-in", text, wrong, INSTEAD, &fields)
}

const PASSWORD: Field<'_> = Field {
    name: "password",
    label: Some("New password (8 to 256 characters)"),
    kind: "password",
    autocomplete: "new-password",
    value: "",
};

const AGAIN: Field<'_> = Field {
    name: "again",
    label: Some("The same once more"),
    kind: "password",
    autocomplete: "new-password",
    value: "",
};
