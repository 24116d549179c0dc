//! `/auth/account`: users see and end their sessions, revoke the access of apps and choose their time zone.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use uuid::Uuid;

use super::controls::{self, ConsoleForm, Pager, ROWS};
use super::form::Form;
use super::moment::Moment;
use super::page;
use super::parameters::Parameters;
use super::paths::ACCOUNT;
use super::shell::{self, Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, agent, assets, time_zone};
use crate::app::identity::oauth::{clients, consents};
use crate::app::identity::{second_factors, session_list};
use crate::app::runtime::state::AppState;
use crate::app::users;
use crate::domain::actor::Actor;
use crate::domain::client::ClientId;
use crate::domain::noun::Noun;
use crate::domain::session::Session;
use crate::error::{AuthError, Error, InField, Result as CoreResult};
use crate::store::View;

const END_OTHERS: &str = "/auth/account/sessions/end-others";

#[derive(Template)]
#[template(path = "console/account.html")]
struct AccountPage {
    title: &'static str,
    shell: Shell,
    sessions: Vec<SessionRow>,
    session_pages: Pager,
    programs: Vec<ConnectedApp>,
    program_pages: Pager,
    second_factor: Option<(Moment, u32)>,
    /// The full name; empty if there is none.
    name: String,
    /// The time zones to choose from.
    zones: Vec<String>,
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
    shell::show(&state, &browser, |view| account(view, &actor, &session, shell, &parameters))
}

/// The parameter of the address with the position in the list of apps.
const AFTER_APP: &str = "app";

fn account(
    view: &View,
    actor: &Actor,
    here: &Session,
    shell: Shell,
    parameters: &Parameters,
) -> CoreResult<AccountPage> {
    let person = actor.person().ok_or(AuthError::SessionOver)?;
    let me = users::Named::Uuid(person.uuid);
    let sessions = session_list::page(view, actor, Some(&me), controls::page_of(parameters))?;
    let row = |(session, _): &(Session, String)| session_row(view, session, here);
    let after = parameters.get(AFTER_APP).and_then(|id| ClientId::parse(id).ok());
    let mut programs = consents::page(view, actor, after.as_ref(), ROWS + 1)?;
    let has_more = programs.len() > ROWS as usize;
    programs.truncate(ROWS as usize);
    let next = programs.last().filter(|_| has_more).map(|last| last.client.id.to_string());
    let programs = programs.into_iter().map(|consent| ConnectedApp {
        id: consent.client.id.to_string(),
        name: consent.client.name.as_str().to_owned(),
        scopes: consent.scopes.to_string(),
        since: Moment(consent.created_at),
    });
    let second_factor = second_factors::state(view, actor)?;
    let me = users::get(view, actor, person.uuid)?;
    Ok(AccountPage {
        title: "Your account",
        name: me.name(),
        zones: time_zone::choices(&shell.zone),
        shell,
        session_pages: Pager::new(ACCOUNT, parameters, &sessions),
        program_pages: Pager::of(ACCOUNT, parameters, AFTER_APP, next),
        sessions: sessions.items.iter().map(row).collect::<CoreResult<_>>()?,
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
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let shell = Shell::new(&browser, &actor, Part::Account);
    let page = ConsoleForm {
        text: "All other browsers and apps will have to sign in again.".to_owned(),
        button: "End all other sessions",
        is_dangerous: true,
        ..ConsoleForm::new(shell, "End all other sessions?", END_OTHERS, ACCOUNT)
    };
    page.show(&browser)
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
