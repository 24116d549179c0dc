//! `/v2/api-keys` (contract, section 6).

mod request;
mod response;

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Query, name};
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, Nothing, Reply};
use super::spelling::{KeyStatus, KeyType};
use super::{Caller, Failure, HandlerResult};
use crate::app::keys::{self, NewKey, Renewal};
use crate::app::runtime::state::AppState;
use crate::app::service_keys;
use crate::domain::ids::{KeyId, UserId, WorkspaceId};
use crate::domain::key::{Grace, KeyKind, KeyName, KeySearch};
use crate::domain::secret::Secret;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::error::InField;
use crate::store::keys::StoredSecret;
use crate::tokens::opaque::{self, mint, redacted};
use request::CreateApiKey;
use response::{ApiKey, CreatedApiKey, RefreshedApiKey};

/// A page of API keys.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyList {
    api_keys: Vec<ApiKey>,
    pagination: Pagination,
}

/// Lists API keys, oldest first: the caller's own, or the service keys of a space.
#[utoipa::path(get, path = "/v2/api-keys", tag = "api-keys",
    params(
        ("key_type" = Option<String>, Query, description = "USER or SERVICE; USER by default if no space_id is given"),
        ("status" = Option<String>, Query, description = "ACTIVE (the default) or REVOKED, which includes expired keys"),
        ("space_id" = Option<String>, Query, description = "Only service keys of this space"),
        ("user_id" = Option<String>, Query, description = "With space_id, only the service keys that this user created; without it, the keys of this user, for administrators only"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of API keys", body = ApiKeyList),
        (status = 400, description = "A parameter is malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The space or the user does not exist")))]
pub(super) async fn list(state: Data<AppState>, caller: Caller, query: Query) -> HandlerResult<List<ApiKey>> {
    query.only(&["key_type", "status", "space_id", "user_id", "limit", "cursor"])?;
    let unknown = |field, rule| move || Failure::malformed(field, rule);
    let kind = query.one("key_type")?.map(|name| KeyType::read(name).ok_or_else(unknown("key_type", KeyType::RULE)));
    let status = query.one("status")?.map(|name| KeyStatus::read(name).ok_or_else(unknown("status", KeyStatus::RULE)));
    let kind = kind.transpose()?.map(KeyKind::from);
    let live = status.transpose()?.unwrap_or(KeyStatus::Active) == KeyStatus::Active;
    let workspace = query.one("space_id")?.map(|id| WorkspaceId::read(&state.tags, "space_id", id)).transpose()?;
    let user = query.one("user_id")?.map(|id| UserId::read(&state.tags, "user_id", id)).transpose()?;
    let search = KeySearch { kind, live, workspace, user };
    let page = page::requested::<ApiKey>(&state.tags, &query)?;
    let found =
        state.read_blocking(move |view| keys::page(view, &caller, &search, page).map(|slice| (slice, view.now)));
    let (slice, now) = found.await?;
    Ok(Reply::Ok(List::new(&state.tags, slice, |(key, bot)| ApiKey::new(&state.tags, now, key, bot))))
}

/// Creates an API key: a user key of the caller, or a service key with its own bot.
#[utoipa::path(post, path = "/v2/api-keys", tag = "api-keys", request_body = CreateApiKey,
    responses(
        (status = 201, description = "The new key with its secret", body = CreatedApiKey),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission, or API keys are turned off"),
        (status = 404, description = "The organization, the space or the role does not exist"),
        (status = 422, description = "The body is invalid or grants permissions that the caller does not have"),
        (status = 429, description = "You created too many within a minute; `Retry-After` says when to retry")))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreateApiKey>,
) -> HandlerResult<CreatedApiKey> {
    let mut body = body.0;
    let grants = body.grants(&state.tags)?;
    let (secret, stored) = new_secret();
    let new = NewKey {
        name: name(&body.name, KeyName::parse)?,
        description: Description::parse(body.description.as_deref().unwrap_or_default()).in_field("description")?,
        secret: stored,
        expires_at: parse_time(body.expires_at.as_deref())?,
    };
    let (key, bot, now) = service_keys::issue(&state, &caller, new, grants).await?;
    let api_key = ApiKey::new(&state.tags, now, key, bot);
    Ok(Reply::Created(CreatedApiKey { api_key, key: secret.expose().to_owned() }))
}

/// Creates a secret. Only its fingerprint and redacted text are stored.
fn new_secret() -> (Secret, StoredSecret) {
    let (secret, fingerprint) = mint(opaque::Kind::Key);
    let redacted = redacted(secret.expose());
    (secret, StoredSecret { fingerprint, redacted })
}

fn parse_time(raw: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    Ok(raw.map(Timestamp::parse).transpose().in_field("expires_at")?)
}

/// Options to refresh an API key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshApiKey {
    /// The new time of expiry, not later than the current one, which is the default.
    expires_at: Option<String>,
    /// How long the old secret stays valid in seconds, 0 to 86400; 0 by default.
    #[schema(minimum = 0, maximum = 86400)]
    grace_period_seconds: Option<i64>,
}

/// Replaces the secret of an API key. The key keeps its id and expires no later than before.
#[utoipa::path(post, path = "/v2/api-keys/{api_key_id}/refresh", tag = "api-keys", request_body = RefreshApiKey,
    params(("api_key_id" = String, Path, description = "The id of the API key")),
    responses(
        (status = 200, description = "The key with its new secret", body = RefreshedApiKey),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The API key does not exist"),
        (status = 422, description = "The body is invalid, the key has been revoked or has expired, or it has permissions that the caller does not have"),
        (status = 429, description = "You created too many within a minute; `Retry-After` says when to retry")))]
pub(super) async fn refresh(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<RefreshApiKey>,
) -> HandlerResult<RefreshedApiKey> {
    let id = KeyId::read(&state.tags, "api_key_id", &id)?;
    let (secret, stored) = new_secret();
    let renewal = Renewal {
        secret: stored,
        expires_at: parse_time(body.0.expires_at.as_deref())?,
        grace: Grace::parse(body.0.grace_period_seconds.unwrap_or(0)).in_field("grace_period_seconds")?,
    };
    let (key, now) = service_keys::reissue(&state, &caller, id, renewal).await?;
    let api_key = ApiKey::new(&state.tags, now, key, None);
    Ok(Reply::Ok(RefreshedApiKey { api_key, key: secret.expose().to_owned() }))
}

/// Revokes an API key, effective immediately. Revoking it again changes nothing.
#[utoipa::path(put, path = "/v2/api-keys/{api_key_id}/revoke", tag = "api-keys",
    params(("api_key_id" = String, Path, description = "The id of the API key")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The API key does not exist")))]
pub(super) async fn revoke(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    revoke_key(state, caller, &id).await
}

/// Revokes an API key. SDK versions before 8.35 use this endpoint.
#[utoipa::path(delete, path = "/v2/api-keys/{api_key_id}", tag = "api-keys",
    params(("api_key_id" = String, Path, description = "The id of the API key")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The API key does not exist")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    revoke_key(state, caller, &id).await
}

async fn revoke_key(state: Data<AppState>, caller: Caller, id: &str) -> HandlerResult<Nothing> {
    let id = KeyId::read(&state.tags, "api_key_id", id)?;
    state.write_as(&caller, move |tx, caller| keys::revoke(tx, caller, id)).await?;
    Ok(Reply::Done)
}
