//! `/v2/explain`: why a user may do something, or may not. It is atelier's own and in no SDK.

use actix_web::web::Data;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{Query, as_malformed};
use super::generations::Shape;
use super::ids::Public;
use super::reply::{Reply, Shaped};
use super::{Caller, Failure, HandlerResult};
use crate::app::explanations::{self, Explained, Key, Kind, Named, Object, Reason, Remedy, Thing};
use crate::app::runtime::state::AppState;
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, ProjectId, RoleId, TagId, UserId, WorkspaceId};
use crate::domain::noun;
use crate::domain::permission::{Permission, PermissionSet};
use crate::error::InField;
use crate::http::public_ids::PublicId;
use crate::policy::subject::near;
use crate::policy::{Action, Decision};
use crate::tokens::tags::TagKey;

/// The dialect's word for a workspace.
const SPACE: &str = "space";

/// Why a user may do something, or may not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    /// `ALLOWED`, `FORBIDDEN` (403) or `HIDDEN` (404).
    #[schema(example = "FORBIDDEN")]
    decision: &'static str,
    /// The user in question.
    user: ExplainedUser,
    /// The action.
    #[schema(example = "update-space")]
    action: String,
    /// The object of the action.
    on: ExplainedObject,
    /// The reasons of the decision.
    reasons: Vec<ExplainedReason>,
    /// Changes, each of which would allow the action. Empty if it is allowed, or if no role is missing.
    changes: Vec<ExplainedChange>,
}

/// The user of an explanation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplainedUser {
    /// The id.
    id: String,
    /// The email address.
    email: String,
}

/// The object of an explanation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplainedObject {
    /// The kind of the object.
    #[serde(rename = "type")]
    #[schema(example = "space")]
    kind: String,
    /// The id; null for the account, and for a model, a pipeline or a connection, which have no id in this API.
    id: Option<String>,
    /// The name; for a user the email address, and null for the account.
    name: Option<String>,
}

/// One reason of a decision.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplainedReason {
    /// The kind of the reason.
    #[serde(rename = "type")]
    #[schema(example = "space_role")]
    kind: String,
    /// The reason as a sentence.
    text: String,
    /// The role that the user has there, if the reason is a role.
    role: Option<String>,
    /// The permissions that the role grants, or that are missing.
    permissions: Vec<&'static str>,
    /// The id of the role binding, if the reason is one.
    role_binding_id: Option<String>,
    /// Whether this reason alone allows the action.
    sufficient: bool,
}

/// A change that would allow the action.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplainedChange {
    /// The kind of the change.
    #[serde(rename = "type")]
    #[schema(example = "space_role")]
    kind: String,
    /// The change as a sentence.
    text: String,
    /// Roles, any of which would do.
    roles: Vec<String>,
    /// The permissions that a named role would need.
    permissions: Vec<&'static str>,
}

impl Shaped for Explanation {
    const SHAPE: Shape = Shape::Explanation;
}

/// Explains whether a user may do something: which role, role binding or restriction decides, and what is missing.
///
/// Everybody may ask about themselves. Others require permission to read the role bindings of the object, an admin of
/// the organization or an administrator. An object that the caller cannot see does not exist.
#[utoipa::path(get, path = "/v2/explain", tag = "explanations",
    params(
        ("user" = Option<String>, Query, description = "The id or the email address of the user; the caller by default"),
        ("action" = String, Query, description = "The action, such as update-space; an unknown one is refused with similar ones"),
        ("on" = String, Query, description = "The object: its id, account, or KIND:NAME or KIND:ID with one of the kinds organization, space, project, model, pipeline, tag, connection, role and user")),
    responses(
        (status = 200, description = "The explanation", body = Explanation),
        (status = 400, description = "A parameter is missing or malformed, or the action is about another kind of object"),
        (status = 403, description = "The caller may not see the rights of others there"),
        (status = 404, description = "The user or the object does not exist")))]
pub(super) async fn get(state: Data<AppState>, caller: Caller, query: Query) -> HandlerResult<Explanation> {
    query.only(&["user", "action", "on"])?;
    let user = match query.text("user")? {
        None => caller.user().map(Named::Number).ok_or_else(|| required("user"))?,
        Some(text) if text.contains('@') => Named::Email(Email::parse(&text).in_field("user").map_err(as_malformed)?),
        Some(text) => Named::Number(UserId::read(&state.tags, "user", &text)?),
    };
    let action = action(&query.text("action")?.ok_or_else(|| required("action"))?)?;
    let on = query.one("on")?.filter(|text| !text.is_empty()).ok_or_else(|| required("on"))?;
    if on.chars().count() > MAX_ON {
        return Err(Failure::malformed("on", format!("must have at most {MAX_ON} characters")));
    }
    let on = thing(&state.tags, on)?;
    let found = state.read_blocking(move |view| explanations::explain(view, &caller, &user, action, &on)).await;
    Ok(Reply::Ok(Explanation::new(&state.tags, &found.map_err(as_malformed)?)))
}

/// The maximum length of an object: an organization, a workspace and something in it, with 255 characters each.
const MAX_ON: usize = 800;

fn required(field: &str) -> Failure {
    Failure::malformed(field, "is required")
}

/// Parses an action. Also accepts the words of the core.
fn action(word: &str) -> Result<Action, Failure> {
    let core = word.replace("workspace", SPACE).replace(SPACE, "workspace");
    core.parse().map_err(|_| {
        let near: Vec<String> = near(&core).into_iter().map(word_of).collect();
        let hint = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
        Failure::malformed("action", format!("must be an action, such as read-space{hint}"))
    })
}

fn word_of(action: Action) -> String {
    action.as_str().replace("workspace", SPACE)
}

/// Parses an object: an id of this API, alone or after its kind, or a name.
fn thing(key: &TagKey, text: &str) -> Result<Thing, Failure> {
    let (kind, id) = match text.split_once(':') {
        Some((kind, id)) => (Some(kind), id),
        None => (None, text),
    };
    if let Some((found, row)) = issued(key, id) {
        return match kind {
            Some(kind) if kind != kind_name(found) => Err(Failure::malformed(
                "on",
                format!("must be the id of a {kind} after {kind}:, not of a {}", kind_name(found)),
            )),
            Some(_) | None => Ok(Thing { kind: found, key: Key::Number(row) }),
        };
    }
    let found = Thing::parse(text, SPACE).in_field("on").map_err(as_malformed)?;
    Ok(match found.kind {
        // Models and pipelines have no ids in this API, but clients know their numbers from others.
        Kind::Account | Kind::Model | Kind::Pipeline => found,
        kind => Thing { kind, key: Key::Text(id.trim().to_owned()) },
    })
}

/// The kind and the row of a well-formed id. One that was not issued has a row that does not exist.
fn issued(key: &TagKey, id: &str) -> Option<(Kind, i64)> {
    let bytes = STANDARD.decode(id).ok()?;
    let kind = std::str::from_utf8(&bytes).ok()?.split_once(':')?.0;
    let read = |found: Kind, row: Result<i64, Failure>| row.ok().map(|row| (found, row));
    match kind {
        OrganizationId::KIND => read(Kind::Organization, OrganizationId::read(key, "on", id).map(|id| id.0)),
        WorkspaceId::KIND => read(Kind::Workspace, WorkspaceId::read(key, "on", id).map(|id| id.0)),
        ProjectId::KIND => read(Kind::Project, ProjectId::read(key, "on", id).map(|id| id.0)),
        TagId::KIND => read(Kind::Tag, TagId::read(key, "on", id).map(|id| id.0)),
        RoleId::KIND => read(Kind::Role, RoleId::read(key, "on", id).map(|id| id.0)),
        UserId::KIND => read(Kind::User, UserId::read(key, "on", id).map(|id| id.0)),
        _ => None,
    }
}

fn kind_name(kind: Kind) -> &'static str {
    if kind == Kind::Workspace { SPACE } else { kind.as_str() }
}

fn names(permissions: PermissionSet) -> Vec<&'static str> {
    permissions.iter().map(Permission::name).collect()
}

impl Explanation {
    fn new(key: &TagKey, found: &Explained) -> Self {
        Self {
            decision: match found.decision {
                Decision::Allowed => "ALLOWED",
                Decision::Forbidden => "FORBIDDEN",
                Decision::Hidden => "HIDDEN",
            },
            user: ExplainedUser { id: found.user.id.encode(key), email: found.user.email.to_string() },
            action: word_of(found.action),
            on: ExplainedObject::new(key, &found.object),
            reasons: found.reasons.iter().map(|reason| ExplainedReason::new(key, reason)).collect(),
            changes: found.changes.iter().map(ExplainedChange::new).collect(),
        }
    }
}

impl ExplainedObject {
    fn new(key: &TagKey, object: &Object) -> Self {
        let (id, name) = match object {
            Object::Account => (None, None),
            Object::Organization(one) => (Some(one.id.encode(key)), Some(one.name.as_str())),
            Object::Workspace(one) => (Some(one.id.encode(key)), Some(one.name.as_str())),
            Object::Project(one, _) => (Some(one.id.encode(key)), Some(one.name.as_str())),
            Object::Tag(one, _) | Object::SharedTag(one) => (Some(one.id.encode(key)), Some(one.name.as_str())),
            Object::Role(one) => (Some(one.id.encode(key)), Some(one.name.as_str())),
            Object::User(one) => (Some(one.id.encode(key)), Some(one.email.as_str())),
            Object::Model(one, _) => (None, Some(one.name.as_str())),
            Object::Pipeline(one, _) => (None, Some(one.name.as_str())),
            Object::Connection(one) => (None, Some(one.name.as_str())),
        };
        Self { kind: kind_name(object.kind()).to_owned(), id, name: name.map(str::to_owned) }
    }
}

impl ExplainedReason {
    fn new(key: &TagKey, reason: &Reason) -> Self {
        Self {
            kind: reason.kind.replace("workspace", SPACE),
            text: noun::sentence(&reason.text, SPACE),
            role: reason.role.clone(),
            permissions: names(reason.permissions),
            role_binding_id: reason.binding.map(|id| id.encode(key)),
            sufficient: reason.sufficient,
        }
    }
}

impl ExplainedChange {
    fn new(change: &Remedy) -> Self {
        Self {
            kind: change.kind.replace("workspace", SPACE),
            text: noun::sentence(&change.text, SPACE),
            roles: change.roles.clone(),
            permissions: names(change.permissions),
        }
    }
}
