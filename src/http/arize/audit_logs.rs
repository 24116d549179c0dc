//! `/v2/audit-logs` (contract, section 6): the audit log of changes. Reads are not recorded.

use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::{Query, as_malformed};
use super::generations::Shape;
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, Listed, Reply, Shaped};
use super::spelling::canonical;
use super::{Caller, Failure, HandlerResult};
use crate::app::audit;
use crate::app::runtime::state::AppState;
use crate::domain::audit::{AuditSearch, NO_ACCOUNT, Recorded};
use crate::domain::ids::UserId;
use crate::domain::page::Slice;
use crate::domain::timestamp::Timestamp;
use crate::error::InField;
use crate::tokens::tags::TagKey;

/// The maximum number of operation names in one search.
const MAX_NAMES: usize = 20;

/// The maximum characters of an operation name in a search.
const MAX_NAME_LENGTH: usize = 255;

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditLog {
    /// The id.
    id: String,
    /// The id of the user who made the change. The operator and the server share an id that belongs to no user.
    user_id: String,
    /// The IP address of the client; `local` for the operator and the server.
    ip: String,
    /// `MUTATION`.
    #[schema(example = "MUTATION")]
    operation_type: &'static str,
    /// The name of the operation.
    #[schema(example = "workspaces.create")]
    operation_name: String,
    /// The operation and the object that it changed.
    #[schema(example = "workspaces.create workspace 7")]
    operation_text: String,
    /// The state before and after the change, as a string of a JSON object.
    #[schema(example = r#"{"before":null,"after":{"name":"engines"}}"#)]
    variables: String,
    /// The time of the change.
    created_at: String,
}

impl Shaped for AuditLog {
    const SHAPE: Shape = Shape::AuditLog;
}

impl Listed for AuditLog {
    const PLURAL: &'static str = "logs";
    const CURSOR_NAME: &'static str = "audit_logs";
}

impl AuditLog {
    fn new(key: &TagKey, recorded: Recorded) -> Self {
        let json = |text: Option<String>| text.unwrap_or_else(|| Value::Null.to_string());
        let (before, after) = (json(recorded.before), json(recorded.after));
        Self {
            id: recorded.id.encode(key),
            user_id: recorded.by.unwrap_or(NO_ACCOUNT).encode(key),
            ip: recorded.address.unwrap_or_else(|| "local".to_owned()),
            operation_type: "MUTATION",
            operation_text: format!("{} {} {}", recorded.verb, recorded.kind, recorded.object),
            operation_name: recorded.verb,
            variables: format!(r#"{{"before":{before},"after":{after}}}"#),
            created_at: recorded.at.zulu(),
        }
    }
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditLogList {
    logs: Vec<AuditLog>,
    pagination: Pagination,
}

/// Lists changes, newest first. Requires an administrator.
#[utoipa::path(get, path = "/v2/audit-logs", tag = "audit logs",
    params(
        ("start_time" = Option<String>, Query, description = "Only entries from this time on; 30 days before end_time by default"),
        ("end_time" = Option<String>, Query, description = "Only entries up to this time; now by default"),
        ("user_id" = Option<String>, Query, description = "Only entries of this user"),
        ("operation_type" = Option<String>, Query, description = "MUTATION; no entries of the types QUERY and SUBSCRIPTION exist"),
        ("operation_name" = Option<Vec<String>>, Query, description = "Only entries with one of these names; repeat the parameter for up to 20 names"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of the audit log", body = AuditLogList),
        (status = 400, description = "A parameter is malformed"),
        (status = 403, description = "The caller lacks a permission")))]
pub(super) async fn list(state: Data<AppState>, caller: Caller, query: Query) -> HandlerResult<List<AuditLog>> {
    query.only(&["start_time", "end_time", "user_id", "operation_type", "operation_name", "limit", "cursor"])?;
    let search = AuditSearch {
        from: parse_time(&query, "start_time")?,
        until: parse_time(&query, "end_time")?,
        by: query.one("user_id")?.map(|id| UserId::read(&state.tags, "user_id", id)).transpose()?,
        verbs: operation_names(&query)?,
    };
    let wanted = includes_changes(&query)?;
    let page = page::requested::<AuditLog>(&state.tags, &query)?;
    let found = state.read_blocking(move |view| audit::page(view, &caller, &search, page)).await?;
    let slice = if wanted { found } else { Slice { items: Vec::new(), next: None } };
    Ok(Reply::Ok(List::new(&state.tags, slice, |recorded| AuditLog::new(&state.tags, recorded))))
}

/// Parses a time. A space is read as `+`, because clients send the `+` of a time zone unescaped.
fn parse_time(query: &Query, field: &'static str) -> Result<Option<Timestamp>, Failure> {
    let Some(raw) = query.one(field)? else { return Ok(None) };
    let raw = match raw.rsplit_once(' ') {
        Some((date, offset)) if date.contains('T') => format!("{date}+{offset}"),
        Some(_) | None => raw.to_owned(),
    };
    Timestamp::parse(&raw).in_field(field).map(Some).map_err(as_malformed)
}

/// The exact names of the operations to find.
fn operation_names(query: &Query) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = query.many("operation_name").map(str::to_owned).collect();
    if names.len() > MAX_NAMES {
        return Err(Failure::malformed("operation_name", format!("must be given at most {MAX_NAMES} times")));
    }
    if names.iter().any(|name| name.is_empty() || name.chars().count() > MAX_NAME_LENGTH) {
        return Err(Failure::malformed("operation_name", format!("must have 1 to {MAX_NAME_LENGTH} characters")));
    }
    Ok(names)
}

/// Whether the search includes changes. The audit log contains nothing else.
fn includes_changes(query: &Query) -> Result<bool, Failure> {
    match query.one("operation_type")?.map(canonical).as_deref() {
        None | Some("MUTATION") => Ok(true),
        Some("QUERY" | "SUBSCRIPTION") => Ok(false),
        Some(_) => Err(Failure::malformed("operation_type", "must be QUERY, MUTATION or SUBSCRIPTION")),
    }
}
