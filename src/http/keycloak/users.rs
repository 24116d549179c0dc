//! `/auth/admin/realms/master/users` (contract, section 3).

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::user_request::{Credential, UserRequest, new_person};
use super::{Caller, Failure};
use crate::app::identity::oauth::service_accounts::ServiceAccount;
use crate::app::people::{self, Found, Profile};
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::app::user_deletion;
use crate::domain::actor::Actor;
use crate::domain::client::ClientId;
use crate::domain::email::Email;
use crate::domain::field::Field;
use crate::domain::noun::Noun;
use crate::domain::people::{Pattern, PeopleSearch};
use crate::domain::user::UserChange;
use crate::error::{Error, InField, Result};
use crate::http::person::{Access, Representation};
use crate::http::{body, pieces, request};
use crate::store::{Tx, View};

/// The default number of users in a list, as in Keycloak.
const PAGE: usize = 100;

/// The filters of a search; without any it finds every user whom the caller may see. Booleans are read in any case,
/// because Python writes `True`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserQuery {
    search: Option<String>,
    email: Option<String>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    exact: Option<String>,
    enabled: Option<String>,
    email_verified: Option<String>,
    brief_representation: Option<String>,
    q: Option<String>,
    first: Option<String>,
    max: Option<String>,
}

/// The parsed parameters of a search.
struct UserSearch {
    search: PeopleSearch,
    brief: bool,
    first: usize,
    max: usize,
}

impl TryFrom<UserQuery> for UserSearch {
    type Error = Error;

    fn try_from(raw: UserQuery) -> Result<Self> {
        if raw.q.is_some_and(|attributes| !attributes.is_empty()) {
            return Err(Error::invalid("q", "must be omitted: users have no attributes here"));
        }
        let exact = flag("exact", raw.exact)?;
        let pattern = |text: Option<String>| {
            text.map(|text| match exact {
                Some(true) => Pattern::whole(&text),
                Some(false) => Pattern::Part(Email::fold_part(&text)),
                None => Pattern::part(&text),
            })
        };
        let search = PeopleSearch {
            words: PeopleSearch::parse_words(raw.search.as_deref().unwrap_or_default()).in_field("search")?,
            // The SDK takes the first user that a search by email finds, so an email matches in part only if the
            // request asks for it.
            email: raw.email.map(|text| match exact {
                Some(false) => Pattern::Part(Email::fold_part(&text)),
                Some(true) | None => Pattern::whole(&text),
            }),
            username: pattern(raw.username),
            first_name: pattern(raw.first_name),
            last_name: pattern(raw.last_name),
            enabled: flag("enabled", raw.enabled)?,
            email_verified: flag("emailVerified", raw.email_verified)?,
            status: None,
        };
        Ok(Self {
            search,
            brief: flag("briefRepresentation", raw.brief_representation)?.unwrap_or(false),
            first: number("first", raw.first)?.unwrap_or(0),
            max: number("max", raw.max)?.unwrap_or(PAGE),
        })
    }
}

/// A boolean, in any case.
pub(super) fn flag(field: &'static str, text: Option<String>) -> Result<Option<bool>> {
    text.map(|text| match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::invalid(field, "must be true or false")),
    })
    .transpose()
}

pub(super) fn number(field: &'static str, text: Option<String>) -> Result<Option<usize>> {
    text.map(|text| text.parse::<u32>().ok().and_then(|number| usize::try_from(number).ok()))
        .map(|number| number.ok_or_else(|| Error::invalid(field, "must be a whole number, 0 or more")))
        .transpose()
}

/// The parsed query, or the error in it.
pub(super) fn parsed<T>(query: Result<Query<T>, actix_web::Error>) -> Result<T> {
    query.map(Query::into_inner).map_err(|error| Error::invalid("query", error.to_string()))
}

fn representation(profile: &Profile, viewer: &Actor) -> Representation {
    let totp = profile.entry.map(|entry| entry.second_factor.is_some());
    Representation::new(&profile.user, viewer).with_totp(totp)
}

/// A bot as Keycloak shows the user of a service account. Its name comes from its client or its API key. No search
/// finds it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceUser {
    id: Uuid,
    created_timestamp: i64,
    username: String,
    first_name: String,
    enabled: bool,
    /// An address in a reserved domain (RFC 2606). Without an address, the Wallaroo SDK would show an administrator's.
    email: String,
    email_verified: bool,
    totp: bool,
    access: Access,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_client_id: Option<String>,
    disableable_credential_types: [String; 0],
    required_actions: [String; 0],
    not_before: i64,
}

impl ServiceUser {
    pub(super) fn new(account: &ServiceAccount) -> Self {
        let ServiceAccount { user, client } = account;
        let name = client.as_ref().map_or_else(|| user.first_name.as_str(), ClientId::as_str);
        Self {
            id: user.uuid,
            created_timestamp: user.created_at.millis(),
            username: format!("service-account-{name}"),
            first_name: user.first_name.as_str().to_owned(),
            enabled: user.enabled,
            email: user.email.to_string(),
            email_verified: false,
            totp: false,
            // A bot is deleted with its client or API key and cannot be changed separately.
            access: Access::new(false),
            service_account_client_id: client.as_ref().map(ToString::to_string),
            disableable_credential_types: [],
            required_actions: [],
            not_before: 0,
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum PersonOrBot {
    Person(Representation),
    Service(ServiceUser),
}

/// `GET /auth/admin/realms/master/users`
pub(super) async fn list(
    state: Data<AppState>,
    caller: Caller,
    query: Result<Query<UserQuery>, actix_web::Error>,
) -> Result<HttpResponse, Failure> {
    let UserSearch { search, brief, first, max } = UserSearch::try_from(parsed(query)?)?;
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let found = people::search(view, caller, &search, first, max)?;
        let show = |profile: &Profile| {
            if brief { Representation::brief(&profile.user, caller) } else { representation(profile, caller) }
        };
        out.json(&found.iter().map(show).collect::<Vec<_>>())
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// `GET /auth/admin/realms/master/users/count`
pub(super) async fn count(
    state: Data<AppState>,
    caller: Caller,
    query: Result<Query<UserQuery>, actix_web::Error>,
) -> Result<Json<usize>, Failure> {
    let search = UserSearch::try_from(parsed(query)?)?;
    let count = move |view: &View| people::count(view, &caller, &search.search);
    Ok(Json(state.read_blocking(count).await?))
}

/// `GET /auth/admin/realms/master/users/{id}`
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> Result<Json<PersonOrBot>, Failure> {
    let uuid = parse(&id)?;
    Ok(Json(match state.read_inline(|view| people::find(view, &caller, uuid))? {
        Found::Person(profile) => PersonOrBot::Person(representation(&profile, &caller)),
        Found::Service(account) => PersonOrBot::Service(ServiceUser::new(&account)),
    }))
}

/// `POST /auth/admin/realms/master/users`: 201, with the address of the user in `Location`.
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    body: Body<UserRequest>,
) -> Result<HttpResponse, Failure> {
    let uuid = people::register(&state, &caller, new_person(body.0)?).await.map_err(in_value)?;
    let origin = state.issuers.origin(&request::target(&request));
    let place = format!("{origin}/auth/admin/realms/master/users/{uuid}");
    Ok(HttpResponse::Created().insert_header((LOCATION, place)).finish())
}

/// `PUT /auth/admin/realms/master/users/{id}`: 204, as the SDK expects.
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<UserRequest>,
) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let request = body.0;
    let must_change = request.requires_new_password()?;
    let change = UserChange::try_from(request)?;
    state.write_as(&caller, move |tx, caller| people::change(tx, caller, uuid, &change, must_change)).await?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

/// `DELETE /auth/admin/realms/master/users/{id}`: closes the account permanently.
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let close = move |tx: &Tx, caller: &Actor| user_deletion::block(tx, caller, people::get(tx, caller, uuid)?.user.id);
    state.write_as(&caller, close).await?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

/// `PUT /auth/admin/realms/master/users/{id}/reset-password`
pub(super) async fn reset_password(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<Credential>,
) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let user = state.read_inline(|view| people::may_set_password(view, &caller, uuid))?;
    let (password, temporary) = body.0.read()?;
    people::replace_password(&state, &caller, &user, password, temporary).await.map_err(in_value)?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

/// Renames the field of a password error to that of a credential.
fn in_value(error: Error) -> Error {
    match error {
        Error::Invalid { field: Field::Password, rule } => Error::invalid("value", rule),
        error => error,
    }
}

/// `PUT .../users/{id}/execute-actions-email` and `.../send-verify-email`: refused, because the server sends no email.
pub(super) async fn send_mail(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    state.read_inline(|view| people::may_set_password(view, &caller, uuid))?;
    Err(Failure::NoMail)
}

/// An id that is no UUID belongs to no user.
pub(super) fn parse(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| Error::not_found(Noun::User, id))
}

/// A JSON body with any `Content-Type`.
pub(super) struct Body<T>(T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move { Ok(Self(body::json(&bytes.await?)?)) })
    }
}
