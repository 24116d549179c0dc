//! The common part of the pages of both kinds of API keys: the fields of a new key, its secret, and the page that shows the secret
//! once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::browser::Browser;
use super::controls::{Control, Input, Step};
use super::form::Form;
use super::moment::Moment;
use super::shell::Shell;
use super::snippets::{self, Snippet};
use super::{Failure, assets};
use crate::app::keys::{NewKey, Renewal};
use crate::app::runtime::state::AppState;
use crate::app::users;
use crate::domain::actor::Actor;
use crate::domain::ids::KeyId;
use crate::domain::key::{Grace, Key, KeyKind, KeyName, KeyRules, KeyState};
use crate::domain::noun::Noun;
use crate::domain::secret::Secret;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, InField, Result as CoreResult};
use crate::store::View;
use crate::store::keys::StoredSecret;
use crate::tokens::opaque::{Kind, mint, redacted};

const DAY: u64 = 86_400;

/// The days after which a new key ends, unless the person changes it.
const SUGGESTED_DAYS: u64 = 90;

/// The key that an address names.
pub(super) fn key_id(named: &str) -> Result<KeyId, Failure> {
    let id = named.parse().ok().filter(|id: &i64| *id > 0 && named.bytes().all(|byte| byte.is_ascii_digit()));
    id.map(KeyId).ok_or_else(|| Error::not_found(Noun::Key, named).into())
}

/// The key of one kind that an address names, if `find` finds it.
pub(super) fn of_kind(
    state: &AppState,
    named: &str,
    kind: KeyKind,
    find: impl FnOnce(&View, KeyId) -> CoreResult<Key>,
) -> Result<Key, Failure> {
    let id = key_id(named)?;
    let key = state.read_inline(|view| find(view, id))?;
    if key.kind == kind { Ok(key) } else { Err(Error::not_found(Noun::Key, named).into()) }
}

/// Creates a secret. Only its fingerprint and redacted text are stored.
pub(super) fn secret() -> (Secret, StoredSecret) {
    let (secret, fingerprint) = mint(Kind::Key);
    let redacted = redacted(secret.expose());
    (secret, StoredSecret { fingerprint, redacted })
}

/// The name, the description and the end of a key.
pub(super) fn fields(rules: &KeyRules, form: Option<&Form>) -> Vec<Control> {
    let text = |name| form.map_or("", |form| form.text(name));
    let (longest, suggested) = match rules.max_life.map(|life| life.as_secs() / DAY) {
        None => ("Empty: it never ends.".to_owned(), Some(SUGGESTED_DAYS)),
        // The last second of a day may lie beyond the longest life.
        Some(0) => ("Empty: the longest life that this server allows, less than a day.".to_owned(), None),
        Some(days) => {
            let unit = if days == 1 { "day" } else { "days" };
            let text = format!("Empty: it ends after {days} {unit}, the longest that this server allows.");
            (text, (days > SUGGESTED_DAYS).then_some(SUGGESTED_DAYS))
        }
    };
    let end = match (form, suggested) {
        (Some(form), _) => form.text("expires_at").to_owned(),
        (None, Some(days)) => Timestamp::now().after(std::time::Duration::from_secs(days * DAY)).day(),
        (None, None) => String::new(),
    };
    vec![
        Control { max_length: KeyName::MAX_LENGTH, ..Control::new(Input::Text, "name", "Name") }
            .hint("Where you use it, such as laptop or nightly training.")
            .value(text("name")),
        Control { max_length: Description::MAX_LENGTH, ..Control::new(Input::Lines, "description", "Description") }
            .value(text("description"))
            .optional(),
        Control::new(Input::Date, "expires_at", "Last day").hint(format!("In UTC. {longest}")).value(end).optional(),
    ]
}

/// The new key that a form describes.
pub(super) fn parse(form: &Form, secret: StoredSecret) -> CoreResult<NewKey> {
    Ok(NewKey {
        name: KeyName::parse(form.text("name")).in_field("name")?,
        description: Description::parse(form.text("description")).in_field("description")?,
        secret,
        expires_at: match form.text("expires_at") {
            "" => None,
            day => Some(Timestamp::parse_end_of_day(day).in_field("expires_at")?),
        },
    })
}

/// How long the old secret still works after a renewal.
pub(super) fn grace(chosen: &str) -> Control {
    let choices = [("0", "Not at all"), ("3600", "For an hour"), ("86400", "For a day")];
    Control::choice("grace", "The old secret works", choices, chosen)
}

pub(super) fn parse_renewal(form: &Form, secret: StoredSecret) -> CoreResult<Renewal> {
    let seconds = form.text("grace").parse().map_err(|_| Error::invalid("grace", "must be one of the choices"))?;
    Ok(Renewal { secret, expires_at: None, grace: Grace::parse(seconds).in_field("grace")? })
}

/// A key as the lists and pages show it.
pub(super) struct KeyRow {
    pub(super) id: KeyId,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) redacted: String,
    pub(super) created: Moment,
    pub(super) used: Option<Moment>,
    pub(super) end: Option<Moment>,
    pub(super) revoked: Option<Moment>,
    pub(super) state: KeyState,
}

impl KeyRow {
    pub(super) fn new(key: Key, now: Timestamp) -> Self {
        Self {
            id: key.id,
            state: key.state(now),
            name: key.name.as_str().to_owned(),
            description: key.description.as_str().to_owned(),
            redacted: key.redacted,
            created: Moment(key.created_at),
            used: key.last_used_at.map(Moment),
            end: key.expires_at.map(Moment),
            revoked: key.revoked_at.map(Moment),
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.state == KeyState::Active
    }
}

/// The page with a new secret. It is the answer to a form, so it has no address and no cache keeps it.
#[derive(Template)]
#[template(path = "console/secret.html")]
struct SecretPage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    name: String,
    end: Option<Moment>,
    secret: Secret,
    snippets: Vec<Snippet>,
    back: &'static str,
}

/// Shows the secret of a new or renewed key.
pub(super) fn show_secret(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    shell: Shell,
    title: &str,
    (key, secret): (Key, Secret),
    (back, part): (&'static str, &'static str),
) -> Result<HttpResponse, Failure> {
    let user = state.read_inline(|view| users::principal(view, actor, &users::Named::Number(key.user)))?;
    let holder = snippets::Holder { email: user.email.to_string(), uuid: user.uuid };
    let page = SecretPage {
        shell,
        title: title.to_owned(),
        path: vec![Step::new(back, part)],
        name: key.name.as_str().to_owned(),
        end: key.expires_at.map(Moment),
        snippets: snippets::all(browser.base(), secret.expose(), &holder),
        secret,
        back,
    };
    browser.show_console(StatusCode::OK, &page)
}
