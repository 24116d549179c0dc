//! The layout of the pages. The templates escape all texts.

use std::fmt;
use std::io::Write as _;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::body::{self, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, brand};
use crate::app::runtime::response_body::BodyWriter;
use crate::domain::email::Email;
use crate::error::{Error, Result as CoreResult};
use crate::http::base_path::{self, Markup};
use crate::tokens::opaque::Fingerprint;

/// The style sheet. The content security policy allows exactly this text by its hash.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css");

/// The content security policy: the page loads nothing but a configured logo, runs nothing, cannot be framed, and its
/// form leads to this server.
static POLICY: LazyLock<String> = LazyLock::new(|| policy(""));

/// The same for a page with the script of this server, which shows passwords and copies codes.
static SCRIPT_POLICY: LazyLock<String> = LazyLock::new(|| policy(" script-src 'self';"));

fn policy(script: &str) -> String {
    let style = STANDARD.encode(Fingerprint::of(STYLE).as_bytes());
    let image = if brand::get().logo.is_some() { " img-src 'self';" } else { "" };
    format!(
        "default-src 'none'; style-src 'sha256-{style}';{image}{script} form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'"
    )
}

/// The content security policy of the console: its pages load their style, scripts and icon from this server only.
const CONSOLE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                              img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The content security policy of what is not a page: nothing loads and runs.
pub(super) const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// A page outside of the console.
pub(super) trait Page: Template {
    /// Whether the page has the script, as the template says.
    fn has_script(&self) -> bool {
        false
    }
}

impl Page for FormPage {
    fn has_script(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.kind, Kind::Password))
    }
}

impl Page for Message {}

impl Page for RedirectPage {}

impl Page for Choice {}

/// The markup of a page, with its addresses below the base path.
pub(super) fn rendered(page: &impl Template) -> askama::Result<String> {
    if base_path::get().is_empty() {
        return page.render();
    }
    let mut text = String::new();
    page.render_into(&mut Markup::new(&mut text))?;
    Ok(text)
}

/// Writes the same markup where it is sent from.
pub(super) fn write(page: &impl Template, out: &mut BodyWriter) -> CoreResult<()> {
    struct Text<'a>(&'a mut BodyWriter);

    impl fmt::Write for Text<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            // The writer keeps its refusal.
            self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error)
        }
    }

    page.render_into(&mut Markup::new(Text(&mut *out))).map_err(|error| out.failure(error))
}

pub(super) fn show(status: StatusCode, page: &impl Page) -> Result<HttpResponse, Failure> {
    let text = rendered(page).map_err(Error::internal)?;
    Ok(with_policy(status, if page.has_script() { &SCRIPT_POLICY } else { &POLICY }, text))
}

/// A page of the console.
pub(super) fn show_console(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Failure> {
    let text = rendered(page).map_err(Error::internal)?;
    Ok(with_policy(status, CONSOLE_POLICY, text))
}

pub(super) fn response(status: StatusCode, markup: impl MessageBody + 'static) -> HttpResponse {
    with_policy(status, POLICY.as_str(), markup)
}

/// A page of the console that is already rendered.
pub(super) fn console_response(status: StatusCode, markup: impl MessageBody + 'static) -> HttpResponse {
    with_policy(status, CONSOLE_POLICY, markup)
}

fn with_policy(status: StatusCode, policy: &'static str, markup: impl MessageBody + 'static) -> HttpResponse {
    // `same-origin`: with `no-referrer`, browsers send `Origin: null` with our own forms.
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .body(markup)
}

/// The response to `HEAD` for a page whose length is unknown.
pub(super) fn without_body() -> HttpResponse {
    response(StatusCode::OK, String::new()).set_body(BoxBody::new(body::None::new()))
}

/// A redirect that the browser follows by `GET`.
pub(super) fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, to)).insert_header((REFERRER_POLICY, "same-origin")).finish()
}

/// A text as a sentence: capitalized, unless it begins with the name of a parameter, and with a full stop.
pub(super) fn sentence(text: &str) -> String {
    let is_name = text.split(' ').next().is_some_and(|name| name.contains('_'));
    let mut chars = text.chars();
    let capital = |first: char| if is_name { first.to_string() } else { first.to_uppercase().to_string() };
    let first = chars.next().map(capital).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// The error of a form.
#[derive(Clone, Debug)]
pub(super) struct FormError {
    /// The name of the field; empty if the error concerns no single field.
    pub(super) field: &'static str,
    pub(super) text: String,
}

impl FormError {
    pub(super) fn new(field: &'static str, text: impl AsRef<str>) -> Self {
        Self { field, text: sentence(text.as_ref()) }
    }
}

pub(super) struct Link {
    pub(super) to: String,
    pub(super) text: &'static str,
}

impl Link {
    pub(super) fn new(to: impl Into<String>, text: &'static str) -> Self {
        Self { to: to.into(), text }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A known value that the browser stores together with a password.
    Fixed,
    Email,
    Password,
    /// A code of an authenticator app.
    Digits,
    /// A code that is read from another screen.
    Letters,
    Check,
}

impl Kind {
    /// The `type` attribute of the input.
    pub(super) const fn input(self) -> &'static str {
        match self {
            Self::Text | Self::Fixed | Self::Digits | Self::Letters => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Check => "checkbox",
        }
    }
}

pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// An additional text; empty for none.
    pub(super) hint: &'static str,
    pub(super) kind: Kind,
    /// The `autocomplete` attribute.
    pub(super) autocomplete: &'static str,
    pub(super) value: String,
    pub(super) is_optional: bool,
}

impl Field {
    pub(super) fn new(name: &'static str, label: &'static str, kind: Kind, autocomplete: &'static str) -> Self {
        Self { name, label, hint: "", kind, autocomplete, value: String::new(), is_optional: false }
    }

    /// The field for a code of the second factor.
    pub(super) fn digits() -> Self {
        Self::new("code", "Code", Kind::Digits, "one-time-code")
    }

    pub(super) fn username(email: &Email) -> Self {
        Self { value: email.to_string(), ..Self::new("username", "Email", Kind::Fixed, "username") }
    }

    /// The checkbox that also revokes the user's API keys.
    pub(super) fn revoke_keys() -> Self {
        Self { value: "yes".to_owned(), ..Self::new(REVOKE_KEYS, REVOKE_KEYS_LABEL, Kind::Check, "off") }
    }

    /// The two fields for a new password.
    pub(super) fn new_password() -> [Self; 2] {
        let first = Self::new("password", "New password", Kind::Password, "new-password");
        [
            Self { hint: NEW_PASSWORD_HINT, ..first },
            Self::new("again", "Repeat password", Kind::Password, "new-password"),
        ]
    }
}

/// The name of the checkbox that revokes API keys.
pub(super) const REVOKE_KEYS: &str = "revoke_keys";

pub(super) const REVOKE_KEYS_LABEL: &str = "Also revoke my API keys";

pub(super) const NEW_PASSWORD_HINT: &str = "10 to 256 characters. A few unrelated words make a good password.";

/// The field that gets the focus: the one with the error, otherwise the first empty one.
pub(super) fn focus(form_error: Option<&FormError>, fields: &[Field]) -> &'static str {
    let named = form_error.and_then(|form_error| fields.iter().find(|field| field.name == form_error.field));
    let empty = || fields.iter().find(|field| field.value.is_empty());
    named.or_else(empty).or_else(|| fields.first()).map_or("", |field| field.name)
}

#[derive(Template)]
#[template(path = "form.html")]
pub(super) struct FormPage {
    pub(super) title: &'static str,
    /// The instructions; empty if the title says enough.
    pub(super) text: String,
    /// A warning; empty for none.
    pub(super) warning: &'static str,
    pub(super) form_error: Option<FormError>,
    pub(super) token: String,
    pub(super) action: &'static str,
    pub(super) hidden: Vec<(&'static str, String)>,
    pub(super) fields: Vec<Field>,
    pub(super) button: &'static str,
    /// What to do without the password; empty for nothing.
    pub(super) help: String,
    pub(super) links: Vec<Link>,
}

impl FormPage {
    fn focus(&self) -> &'static str {
        focus(self.form_error.as_ref(), &self.fields)
    }

    fn is_wrong(&self, field: &Field) -> bool {
        self.form_error.as_ref().is_some_and(|form_error| form_error.field == field.name)
    }
}

#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct Message {
    pub(super) title: String,
    pub(super) form_error: Option<FormError>,
    pub(super) texts: Vec<String>,
    pub(super) links: Vec<Link>,
}

/// A page that redirects by itself, also to another program. The content security policy forbids a redirect to another
/// site in the response to a form.
#[derive(Template)]
#[template(path = "redirect.html")]
pub(super) struct RedirectPage {
    pub(super) title: &'static str,
    /// Always `None`; the layout needs it.
    pub(super) form_error: Option<FormError>,
    pub(super) text: &'static str,
    pub(super) to: String,
}

/// A detail that helps the user to decide.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Whether the value is a code that the user compares.
    pub(super) is_code: bool,
}

impl Fact {
    pub(super) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), is_code: false }
    }
}

#[derive(Template)]
#[template(path = "choice.html")]
pub(super) struct Choice {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) form_error: Option<FormError>,
    pub(super) facts: Vec<Fact>,
    /// The permissions that the app gets.
    pub(super) permissions: Vec<&'static str>,
    /// A warning; empty for none.
    pub(super) warning: &'static str,
    pub(super) token: String,
    pub(super) action: &'static str,
    pub(super) hidden: Vec<(&'static str, String)>,
    /// The label of the button that agrees.
    pub(super) allow: &'static str,
    /// The label of the button that denies; empty for no button.
    pub(super) deny: &'static str,
    pub(super) links: Vec<Link>,
}

#[cfg(test)]
mod tests;
