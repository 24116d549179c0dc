//! `/auth/account`: users see and end their sessions, revoke the access of apps, change their password and manage their
//! second factor.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use uuid::Uuid;

use super::browser::Browser;
use super::form::Form;
use super::moment::Moment;
use super::page::{self, Choice, Field, FormError, FormPage, Kind, Link, REVOKE_KEYS};
use super::parameters::Parameters;
use super::passwords::{new_password, new_password_error};
use super::paths::ACCOUNT;
use super::retry::show_again;
use super::shell::{Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, agent, assets};
use crate::app::identity::oauth::{clients, consents};
use crate::app::identity::{own_password, second_factors, session_list};
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::client::ClientId;
use crate::domain::noun::Noun;
use crate::domain::session::Session;
use crate::error::{AuthError, Error, InField, Result as CoreResult};
use crate::store::View;

const PASSWORD: &str = "/auth/account/password";
const END_OTHERS: &str = "/auth/account/sessions/end-others";

#[derive(Template)]
#[template(path = "console/account.html")]
struct AccountPage {
    title: &'static str,
    shell: Shell,
    sessions: Vec<SessionRow>,
    programs: Vec<ConnectedApp>,
    second_factor: Option<(Moment, u32)>,
}

/// A session as the page shows it.
struct SessionRow {
    id: Uuid,
    name: String,
    about: String,
    since: Moment,
    used: Moment,
    is_this: bool,
}

/// An app that has access to the account.
struct ConnectedApp {
    id: String,
    name: String,
    scopes: String,
    since: Moment,
}

/// `GET /auth/account`
pub(super) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, session, input: parameters }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let shell = Shell::new(&browser, &actor, Part::Account).after(&parameters);
    let write = move |view: &LongView, actor: &Actor, out: &mut BodyWriter| {
        let page = account(view, actor, &session, shell.clone())?;
        page.write_into(out).map_err(|error| out.failure(error))
    };
    let page = state.read_list(&actor, write).await?;
    Ok(browser.show_answer(page))
}

fn account(view: &LongView, actor: &Actor, here: &Session, shell: Shell) -> CoreResult<AccountPage> {
    let person = actor.person().ok_or(AuthError::SessionOver)?;
    let sessions = session_list::list(view, actor, person.id)?;
    let row = |session: &Session| session_row(view, session, here);
    let programs = consents::list(view, actor)?.into_iter().map(|consent| ConnectedApp {
        id: consent.client.id.to_string(),
        name: consent.client.name.as_str().to_owned(),
        scopes: consent.scopes.to_string(),
        since: Moment(consent.created_at),
    });
    let second_factor = second_factors::state(view, actor)?;
    Ok(AccountPage {
        title: "Your account",
        shell,
        sessions: sessions.iter().map(row).collect::<CoreResult<_>>()?,
        programs: programs.collect(),
        second_factor: second_factor.map(|factor| (Moment(factor.confirmed_at), factor.recovery_codes)),
    })
}

fn session_row(view: &View, session: &Session, here: &Session) -> CoreResult<SessionRow> {
    let program = session.user_agent.as_deref().map(agent::describe).filter(|name| !name.is_empty());
    let name = match &session.client {
        None => program.clone().unwrap_or_else(|| "Browser".to_owned()),
        Some(id) => {
            let client = clients::find(view, id.as_str())?;
            client.map_or_else(|| id.to_string(), |client| client.name.as_str().to_owned())
        }
    };
    let through = program.filter(|_| session.client.is_some());
    let from = session.address.map(|address| format!("from {address}"));
    Ok(SessionRow {
        id: session.uuid,
        name,
        about: through.into_iter().chain(from).collect::<Vec<_>>().join(", "),
        since: Moment(session.created_at),
        used: Moment(session.last_used_at),
        is_this: session.id == here.id,
    })
}

/// `POST /auth/account/sessions/end`: ends one of the user's sessions.
pub(super) async fn end_session(
    state: Data<AppState>,
    SignedIn { actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let named = form.text("session");
    let id = Uuid::try_parse(named).map_err(|_| Error::not_found(Noun::Session, named))?;
    state.write_as(&actor, move |tx, actor| session_list::end(tx, actor, id)).await?;
    Ok(page::see_other(&format!("{ACCOUNT}?done=session")))
}

/// `GET /auth/account/sessions/end-others`: asks for confirmation.
pub(super) async fn end_others_form(
    RecentlySignedIn { browser, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let page = Choice {
        title: "End all other sessions?".to_owned(),
        text: "All other browsers and apps will have to sign in again.".to_owned(),
        form_error: None,
        facts: Vec::new(),
        permissions: Vec::new(),
        warning: "",
        token: browser.token(),
        action: END_OTHERS,
        hidden: Vec::new(),
        allow: "End all other sessions",
        deny: "",
        links: vec![Link::new(ACCOUNT, "Your account")],
    };
    browser.show(StatusCode::OK, &page)
}

/// `POST /auth/account/sessions/end-others`: ends all sessions of the user except this one.
pub(super) async fn end_other_sessions(
    state: Data<AppState>,
    RecentlySignedIn { actor, session: here, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    state.write_as(&actor, move |tx, actor| session_list::end_others(tx, actor, here.user, here.uuid)).await?;
    Ok(page::see_other(&format!("{ACCOUNT}?done=others")))
}

/// `POST /auth/account/programs/withdraw`: revokes the access of an app.
pub(super) async fn withdraw(
    state: Data<AppState>,
    SignedIn { actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let client = ClientId::parse(form.text("client")).in_field("client")?;
    state.write_as(&actor, move |tx, actor| consents::withdraw(tx, actor, &client)).await?;
    Ok(page::see_other(&format!("{ACCOUNT}?done=withdrawn")))
}

/// `GET /auth/account/password`: the form.
pub(super) async fn password_form(SignedIn { browser, actor, .. }: SignedIn) -> Result<HttpResponse, Failure> {
    browser.show(StatusCode::OK, &password_page(&browser, &actor, None))
}

/// `POST /auth/account/password`: changes the password; requires the current one.
pub(super) async fn change_password(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let show_form = |form_error, status| browser.show(status, &password_page(&browser, &actor, Some(form_error)));
    let chosen = match new_password(&form) {
        Ok(chosen) => chosen,
        Err(form_error) => return show_form(form_error, StatusCode::BAD_REQUEST),
    };
    let revoke_keys = form.is_checked(REVOKE_KEYS);
    match own_password::change(&state, &actor, form.secret("current"), chosen, revoke_keys).await {
        Ok(()) if revoke_keys => Ok(page::see_other(&format!("{ACCOUNT}?done=password-and-keys"))),
        Ok(()) => Ok(page::see_other(&format!("{ACCOUNT}?done=password"))),
        Err(Error::Invalid { rule, .. }) => show_form(new_password_error(&rule), StatusCode::BAD_REQUEST),
        Err(error) => show_again(error, "the current password is wrong", |form_error, status| {
            show_form(FormError { field: "current", ..form_error }, status)
        }),
    }
}

fn password_page(browser: &Browser, actor: &Actor, form_error: Option<FormError>) -> FormPage {
    let username = actor.person().map(|person| Field::username(&person.email));
    let current = Field::new("current", "Current password", Kind::Password, "current-password");
    FormPage {
        title: "Change password",
        text: "All your other sessions will end.".to_owned(),
        warning: "",
        form_error,
        token: browser.token(),
        action: PASSWORD,
        hidden: Vec::new(),
        fields: username
            .into_iter()
            .chain([current])
            .chain(Field::new_password())
            .chain([Field::revoke_keys()])
            .collect(),
        button: "Change password",
        links: vec![Link::new(ACCOUNT, "Your account")],
    }
}
