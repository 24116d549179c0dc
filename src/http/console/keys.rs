//! `/keys`: the API keys of the signed-in user.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use super::browser::Browser;
use super::controls::{self, ConsoleForm, Pager, Step};
use super::form::Form;
use super::new_key::{self, KeyRow};
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets, brand};
use crate::app::key_holders::{self, Obstacle};
use crate::app::keys;
use crate::app::runtime::state::AppState;
use crate::app::service_keys;
use crate::domain::actor::Actor;
use crate::domain::ids::KeyId;
use crate::domain::key::{Key, KeyKind, KeySearch};
use crate::domain::secret::Secret;
use crate::error::Result as CoreResult;
use crate::store::View;

const KEYS: &str = "/keys";
const NEW: &str = "/keys/new";

#[derive(Template)]
#[template(path = "console/keys.html")]
struct KeysPage {
    shell: Shell,
    title: &'static str,
    live: bool,
    rows: Vec<KeyRow>,
    pager: Pager,
    /// Why the user may not create keys; empty if they may.
    obstacle: String,
}

/// `GET /keys?status=ended`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let live = parameters.text("status") != "ended";
    shell::show(&state, &browser, |view| {
        let search = KeySearch { kind: Some(KeyKind::User), live, workspace: None, user: None };
        let found = keys::page(view, &actor, &search, controls::page_of(&parameters))?;
        let obstacle = key_holders::obstacle(view, &actor, &state.key_rules)?;
        Ok(KeysPage {
            shell: Shell::new(&browser, &actor, Part::Keys).after(&parameters),
            title: Part::Keys.title(),
            live,
            pager: Pager::new(KEYS, &parameters, &found),
            rows: found.items.into_iter().map(|(key, _)| KeyRow::new(key, view.now)).collect(),
            obstacle: obstacle.map_or_else(String::new, explained),
        })
    })
}

/// Why somebody may not create keys, and who can change it.
pub(super) fn explained(obstacle: Obstacle) -> String {
    let administrator = brand::get().administrator();
    match obstacle {
        Obstacle::TurnedOff => format!(
            "New API keys are turned off on this server; existing ones keep working. Ask {administrator}: keys_allowed in \
             the configuration turns them on."
        ),
        Obstacle::NoDeveloper => format!(
            "You cannot make API keys, because developer access is turned off for you. Ask {administrator} to turn it on."
        ),
        Obstacle::Role => format!(
            "You cannot make API keys, because your role in the account is for these pages only. Ask {administrator} for \
             another role."
        ),
    }
}

/// `GET /keys/new`
pub(super) async fn form(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    state.read_inline(|view| key_holders::require(view, &actor, &state.key_rules))?;
    new_form(&state, &browser, &actor, None).show(&browser)
}

/// `POST /keys/new`: creates a key and shows its secret.
pub(super) async fn create(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (secret, stored) = new_key::secret();
    let issued = match new_key::parse(&form, stored) {
        Ok(new) => service_keys::issue(&state, &actor, new, None).await,
        Err(error) => Err(error),
    };
    match issued {
        Ok((key, _, _)) => show_secret(&state, &browser, &actor, "Your new API key", key, secret),
        Err(error) => new_form(&state, &browser, &actor, Some(&form)).show_again(&browser, error.into()),
    }
}

fn show_secret(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    title: &str,
    key: Key,
    secret: Secret,
) -> Result<HttpResponse, Failure> {
    let shell = Shell::new(browser, actor, Part::Keys);
    new_key::show_secret(state, browser, actor, shell, title, (key, secret), (KEYS, Part::Keys.title()))
}

fn new_form(state: &AppState, browser: &Browser, actor: &Actor, form: Option<&Form>) -> ConsoleForm {
    ConsoleForm {
        path: path(),
        text: "The key acts for you: it may do what you may do.".to_owned(),
        fields: new_key::fields(&state.key_rules, form),
        button: "Create API key",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Keys), "New API key", NEW, KEYS)
    }
}

fn path() -> Vec<Step> {
    vec![Step::new(KEYS, Part::Keys.title())]
}

/// `GET /keys/{key}/renew`
pub(super) async fn renewal(
    state: Data<AppState>,
    id: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let key = own(&state, &id, |view, id| keys::renewable(view, &actor, id))?;
    renewal_form(&browser, &actor, &key, "0").show(&browser)
}

/// `POST /keys/{key}/renew`: replaces the secret and shows the new one.
pub(super) async fn renew(
    state: Data<AppState>,
    id: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let key = own(&state, &id, |view, id| keys::renewable(view, &actor, id))?;
    let (secret, stored) = new_key::secret();
    let renewed = match new_key::parse_renewal(&form, stored) {
        Ok(renewal) => service_keys::reissue(&state, &actor, key.id, renewal).await,
        Err(error) => Err(error),
    };
    match renewed {
        Ok((key, _)) => show_secret(&state, &browser, &actor, "The renewed API key", key, secret),
        Err(error) => renewal_form(&browser, &actor, &key, form.text("grace")).show_again(&browser, error.into()),
    }
}

fn renewal_form(browser: &Browser, actor: &Actor, key: &Key, grace: &str) -> ConsoleForm {
    let title = format!("Renew {}", key.name.as_str());
    ConsoleForm {
        path: path(),
        text: "The key gets a new secret, which is shown once. Its last day stays the same.".to_owned(),
        fields: vec![new_key::grace(grace)],
        button: "Renew",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Keys), title, format!("{KEYS}/{}/renew", key.id), KEYS)
    }
}

/// `GET /keys/{key}/revoke`: asks for confirmation.
pub(super) async fn revocation(
    state: Data<AppState>,
    id: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let key = own(&state, &id, |view, id| keys::revocable(view, &actor, id))?;
    let title = format!("Revoke {}?", key.name.as_str());
    let action = format!("{KEYS}/{}/revoke", key.id);
    let page = ConsoleForm {
        path: path(),
        text: format!("The key {} stops working at once. It cannot be made valid again.", key.redacted),
        button: "Revoke",
        is_dangerous: true,
        ..ConsoleForm::new(Shell::new(&browser, &actor, Part::Keys), title, action, KEYS)
    };
    page.show(&browser)
}

/// `POST /keys/{key}/revoke`
pub(super) async fn revoke(
    state: Data<AppState>,
    id: Path<String>,
    SignedIn { actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let key = own(&state, &id, |view, id| keys::revocable(view, &actor, id))?;
    state.write_as(&actor, move |tx, actor| keys::revoke(tx, actor, key.id)).await?;
    Ok(controls::done(KEYS, "key-revoked"))
}

/// The key of a person that an address names. Service keys have pages of their own.
fn own(state: &AppState, named: &str, find: impl FnOnce(&View, KeyId) -> CoreResult<Key>) -> Result<Key, Failure> {
    new_key::of_kind(state, named, KeyKind::User, find)
}
