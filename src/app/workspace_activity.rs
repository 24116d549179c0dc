//! What was changed in a workspace, from the audit log.

use serde_json::Value;
use uuid::Uuid;

use crate::app::{lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::Recorded;
use crate::domain::ids::{AuditId, WorkspaceId};
use crate::domain::page::{Page, Slice};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

/// The maximum number of rows of the audit log that one page looks at, and how many of them at once.
const MAX_LOOKED_AT: usize = 4000;
const CHUNK: u32 = 500;

/// A change in a workspace.
#[derive(Clone, Debug)]
pub struct Activity {
    pub recorded: Recorded,
    /// The name of who did it. `None` if the actor may not see that user.
    pub by: Option<String>,
    /// The address of the member that it is about, if the actor may see that user.
    pub about: Option<String>,
    /// The fields that changed, with their former and their new values.
    pub changes: Vec<(String, Value, Value)>,
}

/// The changes in a workspace, the newest first. A page may have few rows and a next page, because it looks at a limited
/// number of rows of the audit log.
///
/// Requires an owner or an administrator.
pub fn page(view: &View, actor: &Actor, workspace: WorkspaceId, page: Page) -> Result<Slice<Activity>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    if !may_see(view, actor, workspace.id)? {
        return Err(Error::forbidden(Action::ReadAudit));
    }
    let (mut before, mut looked_at) = (page.after.unwrap_or(i64::MAX), 0);
    let mut ids = Vec::new();
    let next = loop {
        let found = store::audit::of_workspace::before(view, workspace.id, before, CHUNK)?;
        let is_last = found.len() < CHUNK as usize;
        looked_at += found.len();
        for (id, is_about) in found {
            if ids.len() == page.limit as usize {
                break;
            }
            before = id;
            ids.extend(is_about.then_some(AuditId(id)));
        }
        if ids.len() == page.limit as usize || looked_at >= MAX_LOOKED_AT {
            break Some(before);
        }
        if is_last {
            break None;
        }
    };
    let items = store::audit::rows_of(view, &ids)?.into_iter().map(|recorded| activity(view, actor, recorded));
    Ok(Slice { items: items.collect::<Result<_>>()?, next })
}

/// Whether the actor may see the changes in a workspace that they see.
pub fn may_see(view: &View, actor: &Actor, workspace: WorkspaceId) -> Result<bool> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    Ok(decide(&standing::in_workspace(view, actor, &workspace)?, Action::AddMember) == Decision::Allowed)
}

fn activity(view: &View, actor: &Actor, recorded: Recorded) -> Result<Activity> {
    let by = match recorded.by {
        None => Some(recorded.name.clone()),
        Some(user) => {
            let standing = standing::toward(view, actor, user)?;
            (decide(&standing, Action::ReadUser) == Decision::Allowed).then(|| recorded.name.clone())
        }
    };
    let about = match recorded.object.split_once('/').and_then(|(_, uuid)| Uuid::try_parse(uuid).ok()) {
        Some(uuid) => match lookup::principal(view, actor, &lookup::Named::Uuid(uuid)) {
            Ok(user) => Some(user.email.to_string()),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    let changes = changes(recorded.before.as_deref(), recorded.after.as_deref());
    Ok(Activity { recorded, by, about, changes })
}

fn changes(before: Option<&str>, after: Option<&str>) -> Vec<(String, Value, Value)> {
    let fields = |text: Option<&str>| match text.and_then(|text| serde_json::from_str(text).ok()) {
        Some(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let added = after.keys().filter(|key| !before.contains_key(*key));
    let all = before.keys().chain(added);
    let value = |of: &serde_json::Map<String, Value>, key: &str| of.get(key).cloned().unwrap_or_default();
    let changed = all.map(|key| (key.clone(), value(&before, key), value(&after, key)));
    changed.filter(|(_, before, after)| before != after).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_changed_fields_are_shown() {
        let found =
            changes(Some(r#"{"name":"a","private":true,"old":1}"#), Some(r#"{"name":"b","private":true,"new":2}"#));
        let field = |name: &str, before: Value, after: Value| (name.to_owned(), before, after);
        let expected = [
            field("name", json!("a"), json!("b")),
            field("old", json!(1), Value::Null),
            field("new", Value::Null, json!(2)),
        ];
        assert_eq!(found, expected);
        assert!(changes(None, Some("not JSON")).is_empty());
    }
}
