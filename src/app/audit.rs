//! Records what was done, in the transaction that does it.

use serde_json::Value;

use crate::domain::actor::Actor;
use crate::domain::audit::{Entry, ObjectKind};
use crate::error::Result;
use crate::store::{self, Tx};

/// Records one change.
pub(super) fn record(
    tx: &Tx,
    actor: &Actor,
    verb: &'static str,
    (kind, object): (ObjectKind, impl ToString),
    (before, after): (Value, Value),
) -> Result<()> {
    let entry = Entry { verb, kind, object: object.to_string(), before, after };
    store::audit::insert(tx, actor, &entry)
}
