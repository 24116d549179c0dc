//! The audit of tags that are detached because something moves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::app::audit;
use crate::domain::actor::Actor;
use crate::domain::audit::{Change, ObjectKind};
use crate::domain::ids::TagId;
use crate::error::Result;
use crate::store::Tx;

/// Records the tags that were detached from objects of a kind: one row for each object.
pub(super) fn record(
    tx: &Tx,
    actor: &Actor,
    kind: ObjectKind,
    detached: impl Iterator<Item = (i64, TagId)>,
) -> Result<()> {
    let mut of_objects: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (object, tag) in detached {
        of_objects.entry(object).or_default().push(tag.0);
    }
    let change = |(object, tags): (i64, Vec<i64>)| Change {
        object: object.to_string(),
        before: json!({ "tags": tags }),
        after: Value::Null,
    };
    audit::record_all(tx, actor, "tags.detach", kind, of_objects.into_iter().map(change))
}
