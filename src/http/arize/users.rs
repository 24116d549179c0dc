//! `/v2/users` (contract, section 6).

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Query, name};
use super::generations::Shape;
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, Listed, Nothing, Reply, Shaped};
use super::spelling::{self, InviteMode, RoleGiven, RoleShown, account_role_name};
use super::{Caller, Failure, HandlerResult};
use crate::app::identity::links;
use crate::app::invitations::{self, Outcome, Sent, Way};
use crate::app::runtime::state::AppState;
use crate::app::{user_deletion, users};
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{self, FullName, NewUser, UserChange, UserSearch, UserStatus};
use crate::error::InField;
use crate::tokens::tags::TagKey;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User {
    /// The id.
    id: String,
    /// The first and last name; the email address if both are empty.
    name: String,
    /// The email address.
    email: String,
    /// The time when the account was created.
    created_at: String,
    /// `ACTIVE`, `INVITED` or `EXPIRED`.
    #[schema(example = "ACTIVE")]
    status: spelling::UserStatus,
    /// The role in the account.
    role: RoleShown,
    /// Whether the user can create API keys.
    is_developer: bool,
}

impl Shaped for User {
    const SHAPE: Shape = Shape::User;
}

impl Listed for User {
    const PLURAL: &'static str = "users";
}

impl User {
    fn new(key: &TagKey, user: &user::User, now: Timestamp) -> Self {
        Self {
            id: user.id.encode(key),
            name: user.name(),
            email: user.email.to_string(),
            created_at: user.created_at.zulu(),
            status: user.status(now).into(),
            role: RoleShown::Predefined { name: account_role_name(user.role) },
            is_developer: user.developer,
        }
    }
}

impl From<UserStatus> for spelling::UserStatus {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Active => Self::Active,
            UserStatus::Invited => Self::Invited,
            // Users with the last two are never returned, because the dialect has no word for these statuses.
            UserStatus::Expired | UserStatus::Disabled | UserStatus::Blocked => Self::Expired,
        }
    }
}

/// A page of users.
#[derive(Serialize, ToSchema)]
pub(super) struct UserList {
    users: Vec<User>,
    pagination: Pagination,
}

/// Lists the users that the caller can see, oldest account first.
#[utoipa::path(get, path = "/v2/users", tag = "users",
    params(
        ("email" = Option<String>, Query, description = "Only users whose email address contains this text, ignoring case"),
        ("status" = Option<Vec<String>>, Query, description = "Only users with this status; repeatable"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of users", body = UserList),
        (status = 400, description = "A parameter is malformed")))]
pub(super) async fn list(state: Data<AppState>, caller: Caller, query: Query) -> HandlerResult<List<User>> {
    query.only(&["email", "status", "limit", "cursor"])?;
    let statuses = query.many("status").map(status).collect::<Result<_, _>>()?;
    let search = UserSearch { email: query.text("email")?, statuses };
    let page = page::requested::<User>(&state.tags, &query)?;
    let (slice, now) =
        state.read_blocking(move |view| Ok((users::page(view, &caller, &search, page)?, view.now))).await?;
    Ok(Reply::Ok(List::new(&state.tags, slice, |user| User::new(&state.tags, &user, now))))
}

fn status(name: &str) -> Result<UserStatus, Failure> {
    match spelling::UserStatus::read(name) {
        Some(spelling::UserStatus::Active) => Ok(UserStatus::Active),
        Some(spelling::UserStatus::Invited) => Ok(UserStatus::Invited),
        Some(spelling::UserStatus::Expired) => Ok(UserStatus::Expired),
        None => Err(Failure::malformed("status", spelling::UserStatus::RULE)),
    }
}

/// A new user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUser {
    /// The name, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// The email address.
    email: String,
    /// The role in the account, which must be predefined.
    role: RoleGiven,
    /// `NONE`, `EMAIL_LINK` or `TEMPORARY_PASSWORD`; members can use `EMAIL_LINK` only.
    #[schema(example = "EMAIL_LINK")]
    invite_mode: InviteMode,
    /// Whether the user can create API keys; only older SDK versions send it here.
    is_developer: Option<bool>,
}

/// A new user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedUser {
    /// The id of the user.
    #[serde(flatten)]
    user: User,
    /// The invitation mode; omitted for a user who was already invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_mode: Option<InviteMode>,
    /// The temporary password, shown only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<String>,
}

impl Shaped for CreatedUser {
    const SHAPE: Shape = Shape::CreatedUser;
}

/// Invites a user. Answers 200 and changes nothing if an invitation is already pending.
#[utoipa::path(post, path = "/v2/users", tag = "users", request_body = CreateUser,
    responses(
        (status = 200, description = "The user, who was already invited", body = User),
        (status = 201, description = "The new user", body = CreatedUser),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 409, description = "The email address is already in use"),
        (status = 422, description = "The body is invalid or grants permissions that the caller does not have"),
        (status = 429, description = "You created too many within a minute; `Retry-After` says when to retry")))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreateUser>,
) -> HandlerResult<CreatedUser> {
    let body = body.0;
    let (first_name, last_name) = name(&body.name, FullName::parse)?.split();
    let email = Email::parse(&body.email).in_field("email")?;
    let role = body.role.in_account("role")?;
    let invite_mode = body.invite_mode;
    let new = NewUser { email, first_name, last_name, role };
    let sent = invitations::send(&state, &caller, new, body.is_developer, invite_mode.into()).await?;
    let Sent { outcome, temporary, at: now } = sent;
    Ok(match outcome {
        Outcome::Fresh(user) => Reply::Created(CreatedUser {
            user: User::new(&state.tags, &user, now),
            invite_mode: Some(invite_mode),
            temporary_password: temporary.map(|password| password.expose().to_owned()),
        }),
        Outcome::Already(user) => Reply::Ok(CreatedUser {
            user: User::new(&state.tags, &user, now),
            invite_mode: None,
            temporary_password: None,
        }),
    })
}

impl From<InviteMode> for Way {
    fn from(mode: InviteMode) -> Self {
        match mode {
            InviteMode::None => Self::AtOnce,
            InviteMode::EmailLink => Self::Link,
            InviteMode::TemporaryPassword => Self::TemporaryPassword,
        }
    }
}

/// Returns a user.
#[utoipa::path(get, path = "/v2/users/{user_id}", tag = "users",
    params(("user_id" = String, Path, description = "The id of the user")),
    responses(
        (status = 200, description = "The user", body = User),
        (status = 400, description = "The id is malformed"),
        (status = 404, description = "The user does not exist")))]
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<User> {
    let id = UserId::read(&state.tags, "user_id", &id)?;
    let (user, now) = state.read_inline(|view| Ok((users::visible(view, &caller, id)?, view.now)))?;
    Ok(Reply::Ok(User::new(&state.tags, &user, now)))
}

/// The changes to a user; at least one field is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateUser {
    /// The new name, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// Whether the user can create API keys.
    is_developer: Option<bool>,
}

impl TryFrom<UpdateUser> for UserChange {
    type Error = Failure;

    fn try_from(update: UpdateUser) -> Result<Self, Failure> {
        if update.name.is_none() && update.is_developer.is_none() {
            return Err(Failure::no_field());
        }
        let (first_name, last_name) =
            update.name.as_deref().map(|raw| name(raw, FullName::parse)).transpose()?.map(|name| name.split()).unzip();
        Ok(Self { first_name, last_name, developer: update.is_developer, ..Self::default() })
    }
}

/// Changes a user. Requires an administrator.
#[utoipa::path(patch, path = "/v2/users/{user_id}", tag = "users", request_body = UpdateUser,
    params(("user_id" = String, Path, description = "The id of the user")),
    responses(
        (status = 200, description = "The updated user", body = User),
        (status = 400, description = "The request is malformed or changes nothing"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The user does not exist"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<UpdateUser>,
) -> HandlerResult<User> {
    let id = UserId::read(&state.tags, "user_id", &id)?;
    let change = UserChange::try_from(body.0)?;
    let (user, now) = state
        .write_as(&caller, move |tx, caller| {
            let user = users::visible(tx, caller, id)?;
            Ok((users::change(tx, caller, &users::Named::Number(user.id), &change)?, tx.now))
        })
        .await?;
    Ok(Reply::Ok(User::new(&state.tags, &user, now)))
}

/// Deletes a user permanently. Requires an administrator, who cannot delete their own account.
#[utoipa::path(delete, path = "/v2/users/{user_id}", tag = "users",
    params(("user_id" = String, Path, description = "The id of the user")),
    responses(
        (status = 204, description = "The user is deleted, now or earlier"),
        (status = 400, description = "The id is malformed, or the user is the caller or the last administrator, owner or admin somewhere"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The user does not exist")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = UserId::read(&state.tags, "user_id", &id)?;
    state.write_as(&caller, move |tx, caller| user_deletion::block(tx, caller, id)).await?;
    Ok(Reply::Done)
}

/// Extends an invitation to 72 hours from now. No email is sent: `atelier user invite-link` prints a link. Requires an
/// administrator.
#[utoipa::path(post, path = "/v2/users/{user_id}/resend-invitation", tag = "users",
    params(("user_id" = String, Path, description = "The id of the user")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed, or the user has no pending invitation"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The user does not exist"),
        (status = 429, description = "You created too many within a minute; `Retry-After` says when to retry")))]
pub(super) async fn resend_invitation(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> HandlerResult<Nothing> {
    let id = UserId::read(&state.tags, "user_id", &id)?;
    invitations::send_again(&state, &caller, id).await?;
    Ok(Reply::Done)
}

/// Records that a user should reset the password. No email is sent: `atelier user reset-link` prints a link that is
/// valid for 30 minutes. Requires an administrator.
#[utoipa::path(post, path = "/v2/users/{user_id}/reset-password", tag = "users",
    params(("user_id" = String, Path, description = "The id of the user")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed, or the user has not accepted the invitation yet"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The user does not exist"),
        (status = 429, description = "You created too many within a minute; `Retry-After` says when to retry")))]
pub(super) async fn reset_password(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = UserId::read(&state.tags, "user_id", &id)?;
    links::demand_reset(&state, &caller, id).await?;
    Ok(Reply::Done)
}
