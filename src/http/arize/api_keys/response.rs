//! The API keys of responses.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::bot::{Bot, BotOrganization, BotWorkspace};
use crate::domain::key::{Key, KeyKind, KeyState};
use crate::domain::member::Role;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::AccountRole;
use crate::http::arize::generations::Shape;
use crate::http::arize::ids::Public;
use crate::http::arize::reply::{Listed, Shaped};
use crate::http::arize::spelling::{
    KeyStatus, KeyType, RoleShown, account_role_name, organization_role_name, space_role_name,
};
use crate::tokens::tags::TagKey;

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::arize) struct ApiKey {
    /// The id.
    id: String,
    /// The name.
    name: String,
    /// `USER` or `SERVICE`.
    key_type: KeyType,
    /// `ACTIVE`, or `REVOKED` if it has been revoked or has expired.
    status: KeyStatus,
    /// The description.
    description: Option<String>,
    /// The secret with all but its first and last characters masked.
    redacted_key: String,
    /// The time of creation.
    created_at: String,
    /// The time of expiry, if it has one.
    expires_at: Option<String>,
    /// The time of the last use, to the minute.
    last_used_at: Option<String>,
    /// The id of the user who created it.
    created_by_user_id: String,
    /// The bot that a service key acts as; omitted for a user key.
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_user: Option<BotUser>,
}

impl Shaped for ApiKey {
    const SHAPE: Shape = Shape::Key;
}

impl Listed for ApiKey {
    const PLURAL: &'static str = "api_keys";
}

/// The bot that a service key acts as.
#[derive(Debug, Serialize, ToSchema)]
struct BotUser {
    /// The id, which role bindings accept as a user id.
    id: String,
    /// The name.
    name: String,
    /// Always `MEMBER`, which grants a service key no permissions: it has no role in the account, but clients expect
    /// one.
    account_role: RoleShown,
    /// The organizations of the bot; empty in the list of a space.
    organizations: Vec<BotInOrganization>,
}

/// A bot's membership of an organization.
#[derive(Debug, Serialize, ToSchema)]
struct BotInOrganization {
    /// The id of the organization.
    org_id: String,
    /// The role.
    role: RoleShown,
    /// The spaces of the organization that the bot is a member of.
    spaces: Vec<BotInSpace>,
}

/// A bot's membership of a space.
#[derive(Debug, Serialize, ToSchema)]
struct BotInSpace {
    /// The id of the organization.
    space_id: String,
    /// The role.
    role: RoleShown,
}

impl ApiKey {
    pub(super) fn new(key: &TagKey, now: Timestamp, found: Key, bot: Option<Bot>) -> Self {
        let status = match found.state(now) {
            KeyState::Active => KeyStatus::Active,
            KeyState::Expired | KeyState::Revoked => KeyStatus::Revoked,
        };
        Self {
            id: found.id.encode(key),
            name: found.name.as_str().to_owned(),
            key_type: found.kind.into(),
            status,
            description: Some(found.description.as_str().to_owned()).filter(|text| !text.is_empty()),
            redacted_key: found.redacted,
            created_at: found.created_at.zulu(),
            expires_at: found.expires_at.map(Timestamp::zulu),
            last_used_at: found.last_used_at.map(Timestamp::zulu),
            // The operator has no id. A key that the operator created is returned as created by its user.
            created_by_user_id: found.created_by.unwrap_or(found.user).encode(key),
            bot_user: bot.map(|bot| BotUser::new(key, bot)),
        }
    }
}

impl BotUser {
    fn new(key: &TagKey, bot: Bot) -> Self {
        Self {
            id: bot.id.encode(key),
            name: bot.name,
            account_role: RoleShown::Predefined { name: account_role_name(AccountRole::Member) },
            organizations: bot.organizations.into_iter().map(|place| BotInOrganization::new(key, place)).collect(),
        }
    }
}

impl BotInOrganization {
    fn new(key: &TagKey, place: BotOrganization) -> Self {
        let space = |inside: BotWorkspace| BotInSpace {
            space_id: inside.workspace.encode(key),
            role: match (inside.role, inside.named) {
                (Role::Custom(id), Some(name)) => RoleShown::Custom { id: id.encode(key), name },
                (role, _) => RoleShown::Predefined { name: space_role_name(role) },
            },
        };
        Self {
            org_id: place.organization.encode(key),
            role: RoleShown::Predefined { name: organization_role_name(place.role) },
            spaces: place.workspaces.into_iter().map(space).collect(),
        }
    }
}

impl From<KeyKind> for KeyType {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::User => Self::User,
            KeyKind::Service => Self::Service,
        }
    }
}

impl From<KeyType> for KeyKind {
    fn from(key_type: KeyType) -> Self {
        match key_type {
            KeyType::User => Self::User,
            KeyType::Service => Self::Service,
        }
    }
}

/// A new API key with its secret, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::arize) struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    pub(super) api_key: ApiKey,
    /// The secret.
    pub(super) key: String,
}

impl Shaped for CreatedApiKey {
    const SHAPE: Shape = Shape::CreatedKey;
}

/// An API key with its new secret, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::arize) struct RefreshedApiKey {
    /// The key.
    #[serde(flatten)]
    pub(super) api_key: ApiKey,
    /// The secret.
    pub(super) key: String,
}

impl Shaped for RefreshedApiKey {
    const SHAPE: Shape = Shape::RefreshedKey;
}
