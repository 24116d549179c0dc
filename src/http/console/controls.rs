//! Forms of the console, and the links of its lists.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::browser::Browser;
use super::page::{self, FormError};
use super::parameters::Parameters;
use super::shell::Shell;
use super::suggestions::Suggestion;
use super::{Failure, assets};
use crate::domain::actor::Actor;
use crate::domain::page::{Page, Slice};
use crate::error::Error;

/// The rows of one page of a list.
pub(super) const ROWS: u32 = 25;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Text,
    Email,
    /// A day: `2026-01-31`.
    Date,
    Password,
    /// A known value that the browser stores together with a password.
    Fixed,
    /// A code of an authenticator app.
    Digits,
    Check,
    /// One of several values.
    Choice,
    /// Several lines of text.
    Lines,
}

impl Input {
    /// The `type` attribute of the input.
    pub(super) const fn input(self) -> &'static str {
        match self {
            Self::Text | Self::Choice | Self::Lines | Self::Fixed | Self::Digits => "text",
            Self::Email => "email",
            Self::Date => "date",
            Self::Password => "password",
            Self::Check => "checkbox",
        }
    }
}

/// A field of a form. Begin with one of the constructors, and set the rest by struct update.
pub(super) struct Control {
    pub(super) kind: Input,
    pub(super) name: &'static str,
    pub(super) label: String,
    /// An additional text; empty for none.
    pub(super) hint: String,
    pub(super) value: String,
    /// Whether a checkbox is checked.
    pub(super) is_on: bool,
    pub(super) is_optional: bool,
    /// The values of a choice with their texts.
    pub(super) choices: Vec<(String, String)>,
    /// Values that the browser suggests while the user types.
    pub(super) suggestions: Vec<String>,
    /// The address that answers with other suggestions while the user types; empty for none.
    pub(super) suggest: &'static str,
    /// In characters; 0 for no limit in the browser.
    pub(super) max_length: usize,
    /// The `pattern` attribute; empty for none.
    pub(super) pattern: &'static str,
    pub(super) autocomplete: &'static str,
    /// The address that answers with a sentence about the value while the user types; empty for none.
    pub(super) check: &'static str,
}

impl Control {
    pub(super) fn new(kind: Input, name: &'static str, label: impl Into<String>) -> Self {
        Self {
            kind,
            name,
            label: label.into(),
            hint: String::new(),
            value: String::new(),
            is_on: false,
            is_optional: false,
            choices: Vec::new(),
            suggestions: Vec::new(),
            suggest: "",
            max_length: 0,
            pattern: "",
            autocomplete: "off",
            check: "",
        }
    }

    pub(super) fn check(name: &'static str, label: impl Into<String>, is_on: bool) -> Self {
        Self { value: "yes".to_owned(), is_on, is_optional: true, ..Self::new(Input::Check, name, label) }
    }

    pub(super) fn choice<V: Into<String>, T: Into<String>>(
        name: &'static str,
        label: impl Into<String>,
        choices: impl IntoIterator<Item = (V, T)>,
        value: impl Into<String>,
    ) -> Self {
        let choices = choices.into_iter().map(|(value, text)| (value.into(), text.into())).collect();
        Self { choices, value: value.into(), is_optional: true, ..Self::new(Input::Choice, name, label) }
    }

    /// The email of the user, which the browser stores together with a password.
    pub(super) fn username(actor: &Actor) -> Option<Self> {
        let email = actor.person()?.email.to_string();
        Some(Self { autocomplete: "username", ..Self::new(Input::Fixed, "username", "Email").value(email) })
    }

    pub(super) fn password(name: &'static str, label: &'static str, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..Self::new(Input::Password, name, label) }
    }

    /// A code of the second factor, or a recovery code.
    pub(super) fn code(hint: &str) -> Self {
        Self { autocomplete: "one-time-code", ..Self::new(Input::Text, "code", "Code").hint(hint) }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    pub(super) fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// With these suggestions, and an address that answers with others while the user types. It gets the field and the
    /// one for the workspace.
    pub(super) fn suggest(self, suggest: &'static str, first: Vec<Suggestion>) -> Self {
        Self { suggest, suggestions: first.into_iter().map(|option| option.value).collect(), ..self }
    }

    pub(super) fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

/// A step of the path above a page's title.
pub(super) struct Step {
    pub(super) to: String,
    pub(super) text: String,
}

impl Step {
    pub(super) fn new(to: impl Into<String>, text: impl Into<String>) -> Self {
        Self { to: to.into(), text: text.into() }
    }
}

/// A page with one form: something new, a change, or the question before something that cannot be undone.
#[derive(Template)]
#[template(path = "console/form.html")]
pub(super) struct ConsoleForm {
    pub(super) shell: Shell,
    pub(super) title: String,
    pub(super) path: Vec<Step>,
    /// The instructions; empty if the title says enough.
    pub(super) text: String,
    /// What will happen, as a list.
    pub(super) consequences: Vec<String>,
    pub(super) action: String,
    pub(super) hidden: Vec<(&'static str, String)>,
    pub(super) fields: Vec<Control>,
    pub(super) button: &'static str,
    /// Whether it ends or removes something.
    pub(super) is_dangerous: bool,
    /// Where "Cancel" leads.
    pub(super) back: String,
    pub(super) form_error: Option<FormError>,
}

impl ConsoleForm {
    /// A form that leads back to `back`.
    pub(super) fn new(
        shell: Shell,
        title: impl Into<String>,
        action: impl Into<String>,
        back: impl Into<String>,
    ) -> Self {
        Self {
            shell,
            title: title.into(),
            path: Vec::new(),
            text: String::new(),
            consequences: Vec::new(),
            action: action.into(),
            hidden: Vec::new(),
            fields: Vec::new(),
            button: "Save",
            is_dangerous: false,
            back: back.into(),
            form_error: None,
        }
    }

    fn is_wrong(&self, field: &Control) -> bool {
        self.form_error.as_ref().is_some_and(|form_error| form_error.field == field.name)
    }

    /// The field that gets the focus: the one with the error, otherwise the first empty one.
    fn focus(&self) -> &'static str {
        let named = self.fields.iter().find(|field| self.is_wrong(field));
        let empty = || self.fields.iter().find(|field| field.value.is_empty());
        named.or_else(empty).map_or("", |field| field.name)
    }

    pub(super) fn show(self, browser: &Browser) -> Result<HttpResponse, Failure> {
        browser.show_console(StatusCode::OK, &self)
    }

    /// Shows the form again with what was wrong. `field` names the input of a field of the core.
    pub(super) fn show_again(self, browser: &Browser, failure: Failure) -> Result<HttpResponse, Failure> {
        let explained = explained(&self.fields, failure)?;
        self.show_wrong(browser, explained.status, explained.form_error)
    }

    /// Shows the form again with an error.
    pub(super) fn show_wrong(
        mut self,
        browser: &Browser,
        status: StatusCode,
        form_error: FormError,
    ) -> Result<HttpResponse, Failure> {
        self.shell.wrong.clone_from(&form_error.text);
        self.form_error = Some(form_error);
        browser.show_console(status, &self)
    }
}

/// A refusal as a form shows it.
pub(super) struct Explained {
    pub(super) form_error: FormError,
    pub(super) status: StatusCode,
}

/// What was wrong with a form of these fields. Returns every failure that is no refusal.
pub(super) fn explained(fields: &[Control], failure: Failure) -> Result<Explained, Failure> {
    let Failure::Core(error) = &failure else { return Err(failure) };
    let field = match error {
        Error::Invalid { field, .. } => {
            let name = field.to_string();
            fields.iter().find(|control| control.name == name).map_or("", |control| control.name)
        }
        _ if error.is_refusal() => "",
        _ => return Err(failure),
    };
    let text = match error {
        // The label says which field it is.
        Error::Invalid { rule, .. } if !field.is_empty() => {
            let label = fields.iter().find(|control| control.name == field).map_or("", |control| &*control.label);
            format!("{label} {}", crate::domain::noun::sentence(rule, "workspace"))
        }
        _ => error.to_string(),
    };
    Ok(Explained { form_error: FormError::new(field, text), status: failure.status_code() })
}

/// The page of a list that an address asks for by `?after=NUMBER`.
pub(super) fn page_of(parameters: &Parameters) -> Page {
    Page { after: parameters.text("after").parse().ok(), limit: ROWS }
}

/// The links below a list.
pub(super) struct Pager {
    pub(super) first: Option<String>,
    pub(super) next: Option<String>,
}

impl Pager {
    /// The links from a page at `path` to the others; `parameters` are those of the request.
    pub(super) fn new<T>(path: &str, parameters: &Parameters, slice: &Slice<T>) -> Self {
        Self::of(path, parameters, "after", slice.next.map(|next| next.to_string()))
    }

    /// The links of a list whose position is in the parameter `name`.
    pub(super) fn of(path: &str, parameters: &Parameters, name: &str, next: Option<String>) -> Self {
        let others = parameters.without(name).without("done");
        let address = |others: Parameters| {
            let query = others.query();
            if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
        };
        Self {
            first: parameters.get(name).map(|_| address(others.clone())),
            next: next.map(|next| address(others.clone().with(name, next))),
        }
    }

    pub(super) fn is_needed(&self) -> bool {
        self.first.is_some() || self.next.is_some()
    }
}

/// Redirects to a page that then says what was done.
pub(super) fn done(path: &str, word: &str) -> HttpResponse {
    let join = if path.contains('?') { '&' } else { '?' };
    page::see_other(&format!("{path}{join}done={word}"))
}
