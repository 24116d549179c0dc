//! `/service-keys`: the service keys of the workspaces where the user may read them.

pub(super) mod new;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;

use super::browser::Browser;
use super::controls::{self, ConsoleForm, Pager, Step};
use super::form::Form;
use super::new_key::{self, KeyRow};
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets, keys as own_keys};
use crate::app::key_holders;
use crate::app::listed_service_keys::{self as listed, KeyOffers, ServiceKey};
use crate::app::runtime::state::AppState;
use crate::app::{by_name, keys, service_keys};
use crate::domain::actor::Actor;
use crate::domain::key::{Key, KeyKind};
use crate::domain::page::Slice;
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;
use crate::error::Result as CoreResult;

const KEYS: &str = "/service-keys";

#[derive(Template)]
#[template(path = "console/service_keys.html")]
struct ServiceKeysPage {
    shell: Shell,
    title: &'static str,
    /// The workspace as the user typed it, or its name.
    workspace: String,
    live: bool,
    rows: Vec<Row>,
    pager: Pager,
    /// Why the user may not create keys; empty if they may.
    obstacle: String,
    /// The form for a new key.
    new: String,
}

struct Row {
    key: KeyRow,
    places: Vec<PlaceRow>,
    more: usize,
    creator: Option<String>,
}

struct PlaceRow {
    workspace: i64,
    name: String,
    role: String,
}

impl Row {
    fn new(one: ServiceKey, now: Timestamp) -> Self {
        let place = |place: listed::Place| PlaceRow {
            workspace: place.workspace.0,
            role: place.named.unwrap_or_else(|| place.role.as_str().to_owned()),
            name: place.name,
        };
        Self {
            places: one.places.into_iter().map(place).collect(),
            more: one.more,
            creator: one.creator,
            key: KeyRow::new(one.key, now),
        }
    }
}

/// `GET /service-keys?workspace=...&status=ended`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let live = parameters.text("status") != "ended";
    let (named, page) = (parameters.owned("workspace"), controls::page_of(&parameters));
    let (rules, reader) = (state.key_rules, actor.clone());
    // People who see few of many keys cause a long read.
    let read = state.read_blocking(move |view| {
        let workspace = named.as_deref().map(|named| by_name::workspace(view, &reader, named)).transpose();
        let found = workspace.and_then(|workspace| {
            let id = workspace.as_ref().map(|workspace| workspace.id);
            Ok((workspace, listed::page(view, &reader, id, live, page)?))
        });
        let found: CoreResult<(Option<Workspace>, Slice<ServiceKey>)> = match found {
            Err(error) if error.is_refusal() => return Ok((Err(error), None, view.now)),
            other => other,
        };
        Ok((Ok(found?), key_holders::obstacle(view, &reader, &rules)?, view.now))
    });
    let (found, obstacle, now) = read.await?;
    let mut shell = Shell::new(&browser, &actor, Part::ServiceKeys).after(&parameters);
    let (workspace, found, status) = match found {
        Ok((workspace, found)) => (workspace, found, StatusCode::OK),
        // The filter stays on the page, to be corrected.
        Err(error) => {
            shell = shell.because(&error.to_string());
            let status = actix_web::ResponseError::status_code(&Failure::from(error));
            (None, Slice { items: Vec::new(), next: None }, status)
        }
    };
    let page = ServiceKeysPage {
        shell,
        title: Part::ServiceKeys.title(),
        new: workspace.as_ref().map_or_else(String::new, |workspace| format!("?workspace={}", workspace.id)),
        workspace: workspace
            .map_or_else(|| parameters.text("workspace").to_owned(), |workspace| workspace.name.as_str().to_owned()),
        live,
        pager: Pager::new(KEYS, &parameters, &found),
        rows: found.items.into_iter().map(|one| Row::new(one, now)).collect(),
        obstacle: obstacle.map_or_else(String::new, own_keys::explained),
    };
    browser.show_console(status, &page)
}

#[derive(Template)]
#[template(path = "console/service_key.html")]
struct ServiceKeyPage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    row: Row,
    offers: KeyOffers,
}

/// `GET /service-keys/{key}`
pub(super) async fn show(
    state: Data<AppState>,
    id: Path<String>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = new_key::key_id(&id)?;
    shell::show(&state, &browser, |view| {
        let (found, offers) = listed::get(view, &actor, id)?;
        Ok(ServiceKeyPage {
            shell: Shell::new(&browser, &actor, Part::ServiceKeys).after(&parameters),
            title: found.key.name.as_str().to_owned(),
            path: path(),
            row: Row::new(found, view.now),
            offers,
        })
    })
}

fn path() -> Vec<Step> {
    vec![Step::new(KEYS, Part::ServiceKeys.title())]
}

fn show_secret(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    title: &str,
    issued: (Key, Secret),
) -> Result<HttpResponse, Failure> {
    let shell = Shell::new(browser, actor, Part::ServiceKeys);
    new_key::show_secret(state, browser, actor, shell, title, issued, (KEYS, Part::ServiceKeys.title()))
}

/// `GET /service-keys/{key}/renew`
pub(super) async fn renewal(
    state: Data<AppState>,
    id: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let key = new_key::of_kind(&state, &id, KeyKind::Service, |view, id| keys::renewable(view, &actor, id))?;
    renewal_form(&browser, &actor, &key, "0").show(&browser)
}

/// `POST /service-keys/{key}/renew`: replaces the secret and shows the new one.
pub(super) async fn renew(
    state: Data<AppState>,
    id: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let key = new_key::of_kind(&state, &id, KeyKind::Service, |view, id| keys::renewable(view, &actor, id))?;
    let (secret, stored) = new_key::secret();
    let renewed = match new_key::parse_renewal(&form, stored) {
        Ok(renewal) => service_keys::reissue(&state, &actor, key.id, renewal).await,
        Err(error) => Err(error),
    };
    match renewed {
        Ok((key, _)) => show_secret(&state, &browser, &actor, "The renewed service key", (key, secret)),
        Err(error) => {
            renewal_form(&browser, &actor, &key, form.text("grace")).show_again(&browser, Failure::from(error))
        }
    }
}

fn renewal_form(browser: &Browser, actor: &Actor, key: &Key, grace: &str) -> ConsoleForm {
    let (title, here) = (format!("Renew {}", key.name.as_str()), format!("{KEYS}/{}", key.id));
    ConsoleForm {
        path: path(),
        text: "The key gets a new secret, which is shown once. Its last day, workspaces and roles stay the same."
            .to_owned(),
        fields: vec![new_key::grace(grace)],
        button: "Renew",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::ServiceKeys), title, format!("{here}/renew"), here)
    }
}

/// `GET /service-keys/{key}/revoke`: asks for confirmation.
pub(super) async fn revocation(
    state: Data<AppState>,
    id: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let key = new_key::of_kind(&state, &id, KeyKind::Service, |view, id| keys::revocable(view, &actor, id))?;
    let (title, here) = (format!("Revoke {}?", key.name.as_str()), format!("{KEYS}/{}", key.id));
    let page = ConsoleForm {
        path: path(),
        text: format!(
            "The key {} stops working at once, and its service is blocked. It cannot be made valid again.",
            key.redacted
        ),
        button: "Revoke",
        is_dangerous: true,
        ..ConsoleForm::new(Shell::new(&browser, &actor, Part::ServiceKeys), title, format!("{here}/revoke"), here)
    };
    page.show(&browser)
}

/// `POST /service-keys/{key}/revoke`
pub(super) async fn revoke(
    state: Data<AppState>,
    id: Path<String>,
    SignedIn { actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let key = new_key::of_kind(&state, &id, KeyKind::Service, |view, id| keys::revocable(view, &actor, id))?;
    state.write_as(&actor, move |tx, actor| keys::revoke(tx, actor, key.id)).await?;
    Ok(controls::done(KEYS, "key-revoked"))
}
