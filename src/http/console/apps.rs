//! `/apps`: the OAuth clients of the account, which people sign in to.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;
use uuid::Uuid;

use super::app_forms::{APPS, deletion_form, new_form, parse_change, parse_new, path_of, settings_form};
use super::browser::Browser;
use super::controls::{self, Pager, ROWS, Step};
use super::form::Form;
use super::moment::Moment;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets};
use crate::app::identity::oauth::clients::{self, Registered};
use crate::app::identity::oauth::consents::{self, Authorizer};
use crate::app::identity::oauth::recipes::{Facts, Recipe};
use crate::app::offers;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::client::{Client, ClientId};
use crate::domain::noun::Noun;
use crate::domain::secret::Secret;
use crate::error::{Error, Result as CoreResult};
use crate::policy::Action;
use crate::tokens::opaque::{Kind, mint};

/// The number of people that the page of an app lists.
const AUTHORIZERS: u32 = 25;

#[derive(Template)]
#[template(path = "console/apps.html")]
struct AppsPage {
    shell: Shell,
    title: &'static str,
    apps: Vec<Client>,
    pager: Pager,
    may_manage: bool,
}

#[derive(Template)]
#[template(path = "console/app.html")]
struct AppPage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    app: Client,
    created: Moment,
    /// The bot as which it acts on its own behalf.
    bot: Option<String>,
    authorizers: Vec<(Authorizer, Moment)>,
    has_more: bool,
    may_manage: bool,
    /// The new secret, which is shown once.
    secret: Option<Secret>,
    /// The programs whose lines the page can show.
    recipes: [Recipe; 6],
    recipe: Recipe,
    lines: String,
}

fn id_of(text: &str) -> CoreResult<ClientId> {
    ClientId::parse(text).map_err(|_| Error::not_found(Noun::Client, text))
}

/// `GET /apps`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let after = parameters.get("after").and_then(|id| ClientId::parse(id).ok());
    shell::show(&state, &browser, |view| {
        let mut apps = clients::page(view, &actor, after.as_ref(), ROWS + 1)?;
        let has_more = apps.len() > ROWS as usize;
        apps.truncate(ROWS as usize);
        let next = apps.last().filter(|_| has_more).map(|last| last.client.id.to_string());
        Ok(AppsPage {
            shell: Shell::new(&browser, &actor, Part::Apps).after(&parameters),
            title: Part::Apps.title(),
            pager: Pager::of(APPS, &parameters, "after", next),
            apps: apps.into_iter().map(|found| found.client).collect(),
            may_manage: offers::in_account(&actor).allows(Action::ManageClients),
        })
    })
}

/// `GET /apps/{app}?recipe=...`
pub(super) async fn show(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = id_of(&path)?;
    let recipe = Recipe::parse(parameters.text("recipe")).unwrap_or(Recipe::Generic);
    let shell = Shell::new(&browser, &actor, Part::Apps).after(&parameters);
    app_page(&state, &browser, &actor, shell, &id, (recipe, None))
}

fn app_page(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    shell: Shell,
    id: &ClientId,
    (recipe, secret): (Recipe, Option<Secret>),
) -> Result<HttpResponse, Failure> {
    let issuer = browser.issuer();
    let page = state.read_inline(|view| {
        let Registered { client, service } = clients::get(view, actor, id)?;
        let mut authorizers = consents::first_of(view, actor, id, AUTHORIZERS + 1)?;
        let has_more = authorizers.len() > AUTHORIZERS as usize;
        authorizers.truncate(AUTHORIZERS as usize);
        let redirect = client.redirect_uris.first().map_or("YOUR_REDIRECT_ADDRESS", |uri| uri.as_str());
        let shown = client.confidential.then(|| secret.as_ref().map_or("YOUR_SECRET", Secret::expose));
        let facts = Facts { issuer: &issuer, client: &client.id, secret: shown, redirect };
        Ok(AppPage {
            shell,
            title: client.name.as_str().to_owned(),
            path: vec![Step::new(APPS, Part::Apps.title())],
            lines: recipe.lines(&facts),
            created: Moment(client.created_at),
            bot: service.map(|bot| bot.name()),
            authorizers: authorizers.into_iter().map(|one| (one.clone(), Moment(one.since))).collect(),
            has_more,
            may_manage: offers::in_account(actor).allows(Action::ManageClients),
            secret: secret.clone(),
            recipes: Recipe::ALL,
            recipe,
            app: client,
        })
    })?;
    browser.show_console(StatusCode::OK, &page)
}

/// `GET /apps/new`
pub(super) async fn form(
    RecentlySignedIn { browser, actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    offers::in_account(&actor).require(Action::ManageClients)?;
    new_form(&browser, &actor, |name| parameters.text(name).to_owned(), true).show(&browser)
}

/// `POST /apps/new`: registers a client and shows its secret, once.
pub(super) async fn create(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let recipe = Recipe::parse(form.text("recipe")).unwrap_or(Recipe::Generic);
    let (secret, fingerprint) = mint(Kind::ClientSecret);
    let created = match parse_new(&form) {
        Ok(new) => {
            let (bot, has_secret) = (Uuid::new_v4(), new.confidential);
            let write = state.write_as(&actor, move |tx, actor| {
                clients::register(tx, actor, &new, has_secret.then_some(&fingerprint), bot)
            });
            write.await.map(|done| (done.client.id, has_secret.then_some(secret)))
        }
        Err(error) => Err(error),
    };
    match created {
        Ok((id, secret)) => {
            let shell = Shell { done: "The app has been registered.", ..Shell::new(&browser, &actor, Part::Apps) };
            app_page(&state, &browser, &actor, shell, &id, (recipe, secret))
        }
        Err(error) => {
            let is_confidential = !form.is_checked("public");
            new_form(&browser, &actor, |name| form.text(name).to_owned(), is_confidential)
                .show_again(&browser, error.into())
        }
    }
}

/// `GET /apps/{app}/settings`
pub(super) async fn settings(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let app = find(&state, &actor, &path)?;
    settings_form(&browser, &actor, &app, None).show(&browser)
}

/// `POST /apps/{app}/settings`
pub(super) async fn change(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let app = find(&state, &actor, &path)?;
    let id = app.id.clone();
    let changed = match parse_change(&form) {
        Ok(change) => {
            let bot = Uuid::new_v4();
            state.write_as(&actor, move |tx, actor| clients::change(tx, actor, &id, &change, bot)).await
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(controls::done(&path_of(&app.id), "saved")),
        Err(error) => settings_form(&browser, &actor, &app, Some(&form)).show_again(&browser, error.into()),
    }
}

/// `POST /apps/{app}/secret`: replaces the secret and shows the new one, once.
pub(super) async fn renew_secret(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = id_of(&path)?;
    let (secret, fingerprint) = mint(Kind::ClientSecret);
    let (bot, renewed) = (Uuid::new_v4(), id.clone());
    state
        .write_as(&actor, move |tx, actor| clients::renew_secret(tx, actor, &renewed, &fingerprint, bot).map(drop))
        .await?;
    let done = "The app has a new secret. The old one does not work any longer.";
    let shell = Shell { done, ..Shell::new(&browser, &actor, Part::Apps) };
    app_page(&state, &browser, &actor, shell, &id, (Recipe::Generic, Some(secret)))
}

/// `GET /apps/{app}/delete`: asks for confirmation.
pub(super) async fn deletion(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let app = find(&state, &actor, &path)?;
    deletion_form(&browser, &actor, &app).show(&browser)
}

/// `POST /apps/{app}/delete`
pub(super) async fn delete(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let app = find(&state, &actor, &path)?;
    let id = app.id.clone();
    match state.write_as(&actor, move |tx, actor| clients::remove(tx, actor, &id)).await {
        Ok(()) => Ok(controls::done(APPS, "app-deleted")),
        Err(error) => deletion_form(&browser, &actor, &app).show_again(&browser, error.into()),
    }
}

fn find(state: &AppState, actor: &Actor, text: &str) -> Result<Client, Failure> {
    let id = id_of(text)?;
    Ok(state.read_inline(|view| clients::get(view, actor, &id))?.client)
}
