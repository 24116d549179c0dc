//! `/v2/api-keys` (contract, section 6).

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{Body, Query};
use super::failure::Problem;
use super::generations::Shape;
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, Listed, Nothing, Reply, Shown};
use super::spelling::{Given, RoleGiven, RoleShown, canonical, space_word};
use super::{Answer, Caller, Failure};
use crate::app::desk::Desk;
use crate::app::keys::{self, NewKey, Renewal};
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::users::Named;
use crate::domain::bot::{Bot, BotOrganization, BotWorkspace};
use crate::domain::ids::{KeyId, OrganizationId, UserId, WorkspaceId};
use crate::domain::key::{Grace, Key, KeyKind, KeyName, KeySearch, KeyState};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::secret::Secret;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::AccountRole;
use crate::error::{Error, InField, Unproved};
use crate::store::keys::Kept;
use crate::tokens::opaque::{self, mint, redacted};
use crate::tokens::tags::TagKey;

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiKey {
    /// The id.
    id: String,
    /// What it is called.
    name: String,
    /// `USER` or `SERVICE`.
    #[schema(example = "USER")]
    key_type: &'static str,
    /// `ACTIVE`, or `REVOKED` once it was revoked or has expired.
    #[schema(example = "ACTIVE")]
    status: &'static str,
    /// What it is for.
    description: Option<String>,
    /// The secret with all but its ends blotted out.
    redacted_key: String,
    /// When it was made.
    created_at: String,
    /// When it ends by itself.
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    last_used_at: Option<String>,
    /// Who made it.
    created_by_user_id: String,
    /// What a service key acts as; left out of a user key.
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_user: Option<BotUser>,
}

impl Shown for ApiKey {
    const SHAPE: Shape = Shape::Key;
}

impl Listed for ApiKey {
    const PLURAL: &'static str = "api_keys";
}

/// What a service key acts as.
#[derive(Debug, Serialize, ToSchema)]
struct BotUser {
    /// The id, which role bindings take as a user's.
    id: String,
    /// What it is called.
    name: String,
    /// What it may do in the account.
    account_role: RoleShown,
    /// Where it is; left empty in the list of a space.
    organizations: Vec<BotInOrganization>,
}

/// A bot's place in an organization.
#[derive(Debug, Serialize, ToSchema)]
struct BotInOrganization {
    /// Where.
    org_id: String,
    /// In what role.
    role: RoleShown,
    /// The spaces of it that the bot is in.
    spaces: Vec<BotInSpace>,
}

/// A bot's place in a space.
#[derive(Debug, Serialize, ToSchema)]
struct BotInSpace {
    /// Where.
    space_id: String,
    /// In what role.
    role: RoleShown,
}

impl ApiKey {
    fn new(key: &TagKey, now: Timestamp, found: Key, bot: Option<Bot>) -> Self {
        let status = match found.state(now) {
            KeyState::Active => "ACTIVE",
            KeyState::Expired | KeyState::Revoked => "REVOKED",
        };
        Self {
            id: found.id.show(key),
            name: found.name.as_str().to_owned(),
            key_type: kind_word(found.kind),
            status,
            description: Some(found.description.as_str().to_owned()).filter(|text| !text.is_empty()),
            redacted_key: found.redacted,
            created_at: found.created_at.zulu(),
            expires_at: found.expires_at.map(Timestamp::zulu),
            last_used_at: found.last_used_at.map(Timestamp::zulu),
            // The operator has no id; the key is then told as its person's own.
            created_by_user_id: found.created_by.unwrap_or(found.user).show(key),
            bot_user: bot.map(|bot| BotUser::new(key, bot)),
        }
    }
}

impl BotUser {
    fn new(key: &TagKey, bot: Bot) -> Self {
        Self {
            id: bot.id.show(key),
            name: bot.name,
            account_role: RoleShown::Predefined { name: account_word(bot.role) },
            organizations: bot.organizations.into_iter().map(|place| BotInOrganization::new(key, place)).collect(),
        }
    }
}

impl BotInOrganization {
    fn new(key: &TagKey, place: BotOrganization) -> Self {
        let space = |inside: BotWorkspace| BotInSpace {
            space_id: inside.workspace.show(key),
            role: match (inside.role, inside.named) {
                (Role::Custom(id), Some(name)) => RoleShown::Custom { id: id.show(key), name },
                (role, _) => RoleShown::Predefined { name: space_word(role) },
            },
        };
        Self {
            org_id: place.organization.show(key),
            role: RoleShown::Predefined { name: organization_word(place.role) },
            spaces: place.workspaces.into_iter().map(space).collect(),
        }
    }
}

const fn kind_word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::User => "USER",
        KeyKind::Service => "SERVICE",
    }
}

const fn account_word(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Administrator => "ADMIN",
        AccountRole::Member => "MEMBER",
        AccountRole::UiOnly => "MEMBER_UI_ONLY",
        AccountRole::Annotator => "ANNOTATOR",
    }
}

const fn organization_word(role: OrganizationRole) -> &'static str {
    match role {
        OrganizationRole::Admin => "ADMIN",
        OrganizationRole::Member => "MEMBER",
        OrganizationRole::Reader => "READ_ONLY",
        OrganizationRole::Annotator => "ANNOTATOR",
    }
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyList {
    api_keys: Vec<ApiKey>,
    pagination: Pagination,
}

/// Lists keys by age: the caller's own, or the service keys of a space.
#[utoipa::path(get, path = "/v2/api-keys", tag = "api-keys",
    params(
        ("key_type" = Option<String>, Query, description = "USER or SERVICE; without a space, USER unless told otherwise"),
        ("status" = Option<String>, Query, description = "ACTIVE, which it is unless told otherwise, or REVOKED: revoked or expired"),
        ("space_id" = Option<String>, Query, description = "The service keys of this space"),
        ("user_id" = Option<String>, Query, description = "Of a space, those that this person made; else this person's, for administrators"),
        ("limit" = Option<u32>, Query, description = "1 to 100; 50 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the page before")),
    responses(
        (status = 200, description = "A page of keys", body = ApiKeyList),
        (status = 400, description = "Malformed parameter", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid credential", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A right is missing", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Unknown space or person", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(desk: Data<Desk>, caller: Caller, query: Query) -> Answer<List<ApiKey>> {
    query.only(&["key_type", "status", "space_id", "user_id", "limit", "cursor"])?;
    let word = |name| query.one(name).map(|word| word.map(canonical));
    let kind = match word("key_type")?.as_deref() {
        None => None,
        Some("USER") => Some(KeyKind::User),
        Some("SERVICE") => Some(KeyKind::Service),
        Some(_) => return Err(Failure::malformed("key_type", "must be USER or SERVICE")),
    };
    let live = match word("status")?.as_deref() {
        None | Some("ACTIVE") => true,
        Some("REVOKED" | "DELETED") => false,
        Some(_) => return Err(Failure::malformed("status", "must be ACTIVE or REVOKED")),
    };
    let workspace = query.one("space_id")?.map(|id| WorkspaceId::read(&desk.tags, "space_id", id)).transpose()?;
    let user = query.one("user_id")?.map(|id| UserId::read(&desk.tags, "user_id", id)).transpose()?;
    let search = KeySearch { kind, live, workspace, user };
    let page = page::asked(&desk.tags, "api_keys", query.one("limit")?, query.one("cursor")?)?;
    let found = desk.read(move |view| keys::page(view, &caller, &search, page).map(|slice| (slice, view.now)));
    let (slice, now) = found.await?;
    let pagination = Pagination::of(&desk.tags, "api_keys", &slice);
    let shown = slice.items.into_iter().map(|(key, bot)| ApiKey::new(&desk.tags, now, key, bot)).collect();
    Ok(Reply::Ok(List::new(shown, pagination)))
}

/// A key to be. The fields of a service key are `organizations` and `account_role`; generations of the SDK before 8.41
/// send `space_id` and `roles` in their place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateApiKey {
    /// What it is called, 1 to 256 characters.
    name: String,
    /// `USER`, which it is unless told otherwise, or `SERVICE`.
    #[schema(example = "USER")]
    key_type: Option<String>,
    /// What it is for, at most 1000 characters.
    description: Option<String>,
    /// When it ends by itself.
    expires_at: Option<String>,
    /// Where a service key may do what.
    organizations: Option<Vec<OrganizationGiven>>,
    /// What a service key may do in the account; a `MEMBER` unless told otherwise.
    account_role: Option<RoleGiven>,
    /// The one space of a service key.
    space_id: Option<String>,
    /// The roles of such a service key.
    roles: Option<RolesGiven>,
}

/// A place of a service key in an organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrganizationGiven {
    /// Where.
    org_id: String,
    /// In what role; `READ_ONLY` unless told otherwise.
    role: Option<RoleGiven>,
    /// In which spaces of it, 1 to 100.
    spaces: Vec<SpaceGiven>,
}

/// A place of a service key in a space.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SpaceGiven {
    /// Where.
    space_id: String,
    /// In what role; a `MEMBER` unless told otherwise.
    role: Option<RoleGiven>,
}

/// The roles of a service key as generations before 8.41 send them.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RolesGiven {
    /// In the space.
    space_role: Option<String>,
    /// In its organization.
    org_role: Option<String>,
    /// In the account.
    account_role: Option<String>,
}

impl CreateApiKey {
    /// What a service key is given, in either shape; nothing for a user key.
    fn grants(&mut self, key: &TagKey) -> Result<Option<Grants>, Failure> {
        let kind = self.key_type.as_deref().map_or_else(|| "USER".to_owned(), canonical);
        let newest = self.organizations.is_some() || self.account_role.is_some();
        let older = self.space_id.is_some() || self.roles.is_some();
        match (kind.as_str(), self.organizations.take(), self.space_id.take()) {
            ("USER", None, None) if !newest && !older => Ok(None),
            ("USER", _, _) => Err(Error::invalid("key_type", "must be SERVICE for a key with places or roles").into()),
            ("SERVICE", Some(organizations), None) if !older => {
                let account = self.account_role.take();
                let account = account.map(|role| predefined(role.read(key, "account_role")?, "account_role"));
                Ok(Some(Grants {
                    account: account_role(account.transpose()?.as_deref(), "account_role")?,
                    organizations: organizations
                        .into_iter()
                        .enumerate()
                        .map(|(at, given)| given.read(key, &format!("organizations[{at}]")))
                        .collect::<Result<_, _>>()?,
                }))
            }
            ("SERVICE", None, Some(space)) if !newest => {
                let roles = self.roles.take().unwrap_or_default();
                let canonical = |word: Option<String>| word.as_deref().map(canonical);
                let space = WorkspaceId::read(key, "space_id", &space)?;
                let role = space_role(canonical(roles.space_role).as_deref(), "roles.space_role")?;
                Ok(Some(Grants {
                    account: account_role(canonical(roles.account_role).as_deref(), "roles.account_role")?,
                    organizations: vec![Grant {
                        organization: None,
                        role: organization_role(canonical(roles.org_role).as_deref(), "roles.org_role")?,
                        workspaces: vec![(space, role)],
                    }],
                }))
            }
            ("SERVICE", _, _) => {
                Err(Error::invalid("organizations", "must say where a service key may do what").into())
            }
            _ => Err(Error::invalid("key_type", "must be USER or SERVICE").into()),
        }
    }
}

impl OrganizationGiven {
    fn read(self, key: &TagKey, field: &str) -> Result<Grant, Failure> {
        let at = format!("{field}.role");
        let role = self.role.map(|role| predefined(role.read(key, &at)?, &at)).transpose()?;
        let role = organization_role(role.as_deref(), &at)?;
        let space = |(at, given): (usize, SpaceGiven)| given.read(key, &format!("{field}.spaces[{at}]"));
        Ok(Grant {
            organization: Some(OrganizationId::read(key, &format!("{field}.org_id"), &self.org_id)?),
            role,
            workspaces: self.spaces.into_iter().enumerate().map(space).collect::<Result<_, _>>()?,
        })
    }
}

impl SpaceGiven {
    fn read(self, key: &TagKey, field: &str) -> Result<(WorkspaceId, Role), Failure> {
        let at = format!("{field}.role");
        let role = match self.role.map(|role| role.read(key, &at)).transpose()? {
            Some(Given::Custom(id)) => Role::Custom(id),
            Some(Given::Predefined(word)) => space_role(Some(&word), &at)?,
            None => space_role(None, &at)?,
        };
        Ok((WorkspaceId::read(key, &format!("{field}.space_id"), &self.space_id)?, role))
    }
}

/// The word of a role where a named one cannot be given.
fn predefined(given: Given, field: &str) -> Result<String, Failure> {
    match given {
        Given::Predefined(word) => Ok(word),
        Given::Custom(_) => Err(Error::invalid(field.to_owned(), "of type CUSTOM is for spaces only").into()),
    }
}

fn space_role(word: Option<&str>, field: &str) -> Result<Role, Failure> {
    match word {
        None => Ok(Role::Member),
        Some(word) => [Role::Owner, Role::Member, Role::Reader]
            .into_iter()
            .find(|role| space_word(*role) == word)
            .ok_or_else(|| Error::invalid(field.to_owned(), "must be ADMIN, MEMBER or READ_ONLY").into()),
    }
}

fn organization_role(word: Option<&str>, field: &str) -> Result<OrganizationRole, Failure> {
    match word {
        None => Ok(OrganizationRole::Reader),
        Some(word) => [OrganizationRole::Admin, OrganizationRole::Member, OrganizationRole::Reader]
            .into_iter()
            .find(|role| organization_word(*role) == word)
            .ok_or_else(|| Error::invalid(field.to_owned(), "must be ADMIN, MEMBER or READ_ONLY").into()),
    }
}

/// The account role; those that there are but that no service has are malformed (contract, section 6).
fn account_role(word: Option<&str>, field: &str) -> Result<AccountRole, Failure> {
    match word {
        None | Some("MEMBER") => Ok(AccountRole::Member),
        Some("ADMIN") => Ok(AccountRole::Administrator),
        Some("ANNOTATOR" | "MEMBER_UI_ONLY") => Err(Failure::malformed(field, "must be ADMIN or MEMBER")),
        Some(_) => Err(Error::invalid(field.to_owned(), "must be ADMIN or MEMBER").into()),
    }
}

/// A new key with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    shown: ApiKey,
    /// The secret.
    key: String,
}

impl Shown for CreatedApiKey {
    const SHAPE: Shape = Shape::CreatedKey;
}

/// Makes a key: a user key of the caller, or a service key with a bot of its own.
#[utoipa::path(post, path = "/v2/api-keys", tag = "api-keys", request_body = CreateApiKey,
    responses(
        (status = 201, description = "The new key with its secret", body = CreatedApiKey),
        (status = 400, description = "Malformed", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid credential", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A right is missing, or making keys is switched off", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Unknown organization, space or role", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body does not fit, or asks for more than the caller holds", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn create(desk: Data<Desk>, caller: Caller, body: Body<CreateApiKey>) -> Answer<CreatedApiKey> {
    let mut body = body.0;
    let grants = body.grants(&desk.tags)?;
    let (secret, kept) = minted();
    let new = NewKey {
        name: name(&body.name)?,
        description: Description::parse(body.description.as_deref().unwrap_or_default()).in_field("description")?,
        secret: kept,
        expires_at: moment(body.expires_at.as_deref())?,
    };
    let (rules, uuid) = (desk.key_rules, Uuid::new_v4());
    let made = desk.write(move |tx| match &grants {
        None => {
            let me = Named::Number(caller.user().ok_or(Unproved::NoCredential)?);
            keys::create(tx, &caller, &rules, &me, &new).map(|key| (key, None, tx.now))
        }
        Some(grants) => {
            let (key, bot) = service_keys::create(tx, &caller, &rules, uuid, &new, grants)?;
            Ok((key, Some(bot), tx.now))
        }
    });
    let (key, bot, now) = made.await?;
    let shown = ApiKey::new(&desk.tags, now, key, bot);
    Ok(Reply::Created(CreatedApiKey { shown, key: secret.expose().to_owned() }))
}

/// A new secret and what is kept of it.
fn minted() -> (Secret, Kept) {
    let (secret, fingerprint) = mint(opaque::Kind::Key);
    let redacted = redacted(secret.expose());
    (secret, Kept { fingerprint, redacted })
}

/// A name; one of blanks alone is malformed, whatever else breaks its rule does not fit.
fn name(raw: &str) -> Result<KeyName, Failure> {
    if !raw.is_empty() && raw.trim().is_empty() {
        return Err(Failure::malformed("name", "must not be blank"));
    }
    Ok(KeyName::parse(raw).in_field("name")?)
}

fn moment(raw: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    Ok(raw.map(Timestamp::parse).transpose().in_field("expires_at")?)
}

/// How a key is to be renewed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshApiKey {
    /// When the key shall end, no later than now; as now unless told otherwise.
    expires_at: Option<String>,
    /// For how many seconds the old secret stays good, 0 to 86400; 0 unless told otherwise.
    #[schema(minimum = 0, maximum = 86400)]
    grace_period_seconds: Option<i64>,
}

/// A key with its new secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefreshedApiKey {
    /// The key.
    #[serde(flatten)]
    shown: ApiKey,
    /// The secret.
    key: String,
}

impl Shown for RefreshedApiKey {
    const SHAPE: Shape = Shape::RefreshedKey;
}

/// Gives a key another secret. It stays the same key and ends no later than before.
#[utoipa::path(post, path = "/v2/api-keys/{api_key_id}/refresh", tag = "api-keys", request_body = RefreshApiKey,
    params(("api_key_id" = String, Path, description = "The key")),
    responses(
        (status = 200, description = "The key with its new secret", body = RefreshedApiKey),
        (status = 400, description = "Malformed", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid credential", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A right is missing", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Unknown key", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body does not fit, the key is revoked or has expired, or it holds more than the caller", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn refresh(
    desk: Data<Desk>,
    caller: Caller,
    id: Path<String>,
    body: Body<RefreshApiKey>,
) -> Answer<RefreshedApiKey> {
    let id = KeyId::read(&desk.tags, "api_key_id", &id)?;
    let (secret, kept) = minted();
    let renewal = Renewal {
        secret: kept,
        expires_at: moment(body.0.expires_at.as_deref())?,
        grace: Grace::parse(body.0.grace_period_seconds.unwrap_or(0)).in_field("grace_period_seconds")?,
    };
    let rules = desk.key_rules;
    let renewed = desk.write(move |tx| keys::refresh(tx, &caller, &rules, id, &renewal).map(|key| (key, tx.now)));
    let (key, now) = renewed.await?;
    let shown = ApiKey::new(&desk.tags, now, key, None);
    Ok(Reply::Ok(RefreshedApiKey { shown, key: secret.expose().to_owned() }))
}

/// Ends a key; it is refused from its next use on. Ending it again changes nothing.
#[utoipa::path(put, path = "/v2/api-keys/{api_key_id}/revoke", tag = "api-keys",
    params(("api_key_id" = String, Path, description = "The key")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "Malformed id", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid credential", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A right is missing", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Unknown key", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke(desk: Data<Desk>, caller: Caller, id: Path<String>) -> Answer<Nothing> {
    end(desk, caller, &id).await
}

/// Ends a key, as generations of the SDK before 8.35 ask it.
#[utoipa::path(delete, path = "/v2/api-keys/{api_key_id}", tag = "api-keys",
    params(("api_key_id" = String, Path, description = "The key")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "Malformed id", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid credential", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A right is missing", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Unknown key", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(desk: Data<Desk>, caller: Caller, id: Path<String>) -> Answer<Nothing> {
    end(desk, caller, &id).await
}

async fn end(desk: Data<Desk>, caller: Caller, id: &str) -> Answer<Nothing> {
    let id = KeyId::read(&desk.tags, "api_key_id", id)?;
    desk.write(move |tx| keys::revoke(tx, &caller, id)).await?;
    Ok(Reply::Done)
}
