//! `/auth/admin/realms/master/users` (contract, section 3).

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Caller, Failure};
use crate::app::desk::Desk;
use crate::app::users::{self, Named};
use crate::domain::email::Email;
use crate::domain::user::{PersonName, UserChange};
use crate::error::{Error, InField, Result};
use crate::http::body;
use crate::http::person::Representation;

/// Whom to look for; nothing looks for everybody whom the caller may find.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// The whole address, in any case.
    email: Option<String>,
    /// The whole user name, which is the address.
    username: Option<String>,
    /// Whether addresses are compared as a whole, which they always are.
    #[serde(default = "yes")]
    exact: bool,
}

const fn yes() -> bool {
    true
}

/// `GET /auth/admin/realms/master/users`
pub(super) async fn list(
    desk: Data<Desk>,
    caller: Caller,
    query: Result<Query<Search>, actix_web::Error>,
) -> Result<Json<Vec<Representation>>, Failure> {
    let search = query.map_err(|error| Error::invalid("query", error.to_string()))?.into_inner();
    if !search.exact {
        return Err(Error::invalid("exact", "must be true: addresses are compared as a whole").into());
    }
    let manageable = users::manages(&caller);
    let addresses: Vec<String> = search.email.into_iter().chain(search.username).collect();
    let found = desk.read(move |view| users::find_by_addresses(view, &caller, &addresses)).await?;
    Ok(Json(found.iter().map(|user| Representation::new(user, manageable)).collect()))
}

/// `GET /auth/admin/realms/master/users/{id}`
pub(super) async fn get(desk: Data<Desk>, caller: Caller, id: Path<String>) -> Result<Json<Representation>, Failure> {
    let uuid = parse(&id)?;
    let user = desk.glance(|view| users::get(view, &caller, uuid))?;
    Ok(Json(Representation::new(&user, users::manages(&caller))))
}

/// What is to change about a user; what is left out stays. Whatever else a representation holds is read-only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    username: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    enabled: Option<bool>,
}

/// `PUT /auth/admin/realms/master/users/{id}`: 204, as the SDK expects.
pub(super) async fn update(
    desk: Data<Desk>,
    caller: Caller,
    id: Path<String>,
    body: Body<Update>,
) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let change = UserChange::try_from(body.0)?;
    desk.write_as(&caller, move |tx, caller| users::change(tx, caller, &Named::Uuid(uuid), &change)).await?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

impl TryFrom<Update> for UserChange {
    type Error = Error;

    fn try_from(update: Update) -> Result<Self> {
        let email = update.email.as_deref().map(Email::parse).transpose().in_field("email")?;
        let username = update.username.as_deref().map(Email::parse).transpose().in_field("username")?;
        if let (Some(email), Some(username)) = (&email, &username)
            && email != username
        {
            return Err(Error::invalid("username", "must be the e-mail address"));
        }
        Ok(Self {
            email: email.or(username),
            first_name: update.first_name.as_deref().map(PersonName::parse).transpose().in_field("firstName")?,
            last_name: update.last_name.as_deref().map(PersonName::parse).transpose().in_field("lastName")?,
            enabled: update.enabled,
            developer: None,
            administrator: None,
        })
    }
}

/// A user of no possible id does not exist.
fn parse(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| Error::not_found("user", id))
}

/// A JSON body, whatever its `Content-Type`.
pub(super) struct Body<T>(T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move { Ok(Self(body::json(&bytes.await?)?)) })
    }
}
