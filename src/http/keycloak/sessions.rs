//! Sessions in Keycloak's administration API.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clients::parse as parse_client;
use super::users::{number, parse, parsed};
use super::{Caller, Failure};
use crate::app::identity::oauth::clients;
use crate::app::identity::session_list::{self, SessionOwner};
use crate::app::identity::sessions;
use crate::app::people;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::noun::Noun;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::http::pieces;
use crate::store::Tx;

/// A session (Keycloak's `UserSessionRepresentation`). Times are milliseconds since 1970.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionRepresentation {
    id: Uuid,
    username: String,
    user_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    start: i64,
    last_access: i64,
    remember_me: bool,
    /// The client of the session, by the id of its representation; empty for a session of a browser.
    clients: BTreeMap<Uuid, String>,
}

impl SessionRepresentation {
    fn new(session: &Session, owner: &SessionOwner) -> Self {
        let client = session.client.as_ref().map(|client| (clients::uuid(client), client.to_string()));
        Self {
            id: session.uuid,
            username: owner.name.clone(),
            user_id: owner.uuid,
            ip_address: session.address.map(|address| address.to_string()),
            start: session.created_at.millis(),
            last_access: session.last_used_at.millis(),
            remember_me: false,
            clients: client.into_iter().collect(),
        }
    }
}

/// `GET /auth/admin/realms/master/users/{id}/sessions`
pub(super) async fn list(state: Data<AppState>, caller: Caller, id: Path<String>) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let user = people::get(view, caller, uuid)?.user;
        let owner = SessionOwner { uuid, name: user.email.to_string() };
        let mut is_first = true;
        out.text("[")?;
        session_list::for_each(view, caller, user.id, |session| {
            out.separate(&mut is_first)?;
            out.json(&SessionRepresentation::new(&session, &owner))
        })?;
        out.text("]")
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    first: Option<String>,
    max: Option<String>,
}

/// `GET /auth/admin/realms/master/clients/{id}/user-sessions`
pub(super) async fn list_through(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    query: Result<Query<PageQuery>, actix_web::Error>,
) -> Result<HttpResponse, Failure> {
    let uuid = parse_client(&id)?;
    let part = parsed(query)?;
    let first = number("first", part.first)?.unwrap_or(0);
    let max = number("max", part.max)?.unwrap_or(session_list::MAX_PAGE);
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let client = clients::get_by_uuid(view, caller, uuid)?.client;
        let found = session_list::list_through(view, caller, &client.id, first, max)?;
        let show = |(session, owner): &(Session, SessionOwner)| SessionRepresentation::new(session, owner);
        out.json(&found.iter().map(show).collect::<Vec<_>>())
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// `POST /auth/admin/realms/master/users/{id}/logout`
pub(super) async fn end_all(state: Data<AppState>, caller: Caller, id: Path<String>) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let end = move |tx: &Tx, caller: &Actor| sessions::end_all(tx, caller, people::get(tx, caller, uuid)?.user.id);
    state.write_as(&caller, end).await?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

/// `DELETE /auth/admin/realms/master/sessions/{id}`
pub(super) async fn end(state: Data<AppState>, caller: Caller, id: Path<String>) -> Result<HttpResponse, Failure> {
    let uuid = Uuid::parse_str(&id).map_err(|_| Error::not_found(Noun::Session, id.as_str()))?;
    state.write_as(&caller, move |tx, caller| session_list::end(tx, caller, uuid)).await?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}
