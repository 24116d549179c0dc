//! `/people/...`: everybody whom one may see, and what each of them has.

pub(super) mod account;
pub(super) mod add;
pub(super) mod credentials;
pub(super) mod import;
pub(super) mod list;
pub(super) mod person;
mod picture;
mod rows;
pub(super) mod selected;
mod selection;
mod sheet_form;

use actix_web::HttpResponse;
use askama::Template;
use uuid::Uuid;

use super::browser::Browser;
use super::controls::Step;
use super::shell::Shell;
use super::{Failure, assets};
use crate::app::users::Named;
use crate::domain::noun::Noun;
use crate::domain::user::{AccountRole, User, UserStatus};
use crate::error::Error;

const PEOPLE: &str = "/people";

/// The person whom an address names.
fn named(text: &str) -> Result<Named, Failure> {
    Uuid::try_parse(text).map(Named::Uuid).map_err(|_| Error::not_found(Noun::User, text).into())
}

fn address(user: &User) -> String {
    format!("{PEOPLE}/{}", user.uuid)
}

/// The name of a person, or the email of a person without a name.
fn name(user: &User) -> String {
    let name = format!("{} {}", user.first_name.as_str(), user.last_name.as_str());
    if name.trim().is_empty() { user.email.to_string() } else { name.trim().to_owned() }
}

fn path_to_people() -> Vec<Step> {
    vec![Step::new(PEOPLE, "People")]
}

fn path_to(user: &User) -> Vec<Step> {
    vec![Step::new(PEOPLE, "People"), Step::new(address(user), name(user))]
}

const fn role_text(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Administrator => "Administrator",
        AccountRole::Member => "Member",
        AccountRole::UiOnly => "Pages only",
        AccountRole::Annotator => "Annotator",
    }
}

const fn status_text(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Active => "Active",
        UserStatus::Invited => "Invited",
        UserStatus::Expired => "Invitation expired",
        UserStatus::Disabled => "Disabled",
        UserStatus::Blocked => "Deleted",
    }
}

/// The class of the tag of a status; empty for the usual one.
const fn status_class(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Active => "",
        UserStatus::Invited => "tag",
        UserStatus::Expired | UserStatus::Disabled | UserStatus::Blocked => "tag off",
    }
}

/// A secret that is shown once: a link or a password.
struct Secret {
    /// The name of the person.
    whose: String,
    text: String,
}

/// The page with secrets that are shown once.
#[derive(Template)]
#[template(path = "console/people/once.html")]
struct OncePage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    /// What happened, and what to do with the secrets.
    texts: Vec<String>,
    secrets: Vec<Secret>,
    /// All secrets as CSV; empty for one secret.
    csv: String,
    back: String,
}

impl OncePage {
    fn show(&self, browser: &Browser) -> Result<HttpResponse, Failure> {
        browser.show_console(actix_web::http::StatusCode::OK, self)
    }
}
