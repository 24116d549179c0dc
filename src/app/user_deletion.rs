//! Closes a person's account for good.

use serde_json::json;

use crate::app::{audit, lookup, members, users};
use crate::domain::actor::Actor;
use crate::domain::audit::{Change, ObjectKind};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{User, UserKind, UserState};
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx};

/// Closes a person's account for good. Every membership, binding, session, key and link ends, and the address is free
/// for another account. A repeated call changes nothing.
///
/// A workspace whose last enabled owner is the person gets a new owner: the actor, if they are in its organization, or
/// else the organization's first admin. Requires an administrator, who cannot close their own account. Refused when the
/// account would have no enabled administrator, and when an organization without the actor would have no admin.
pub fn block(tx: &Tx, actor: &Actor, id: UserId) -> Result<()> {
    let before = lookup::person(tx, actor, &lookup::Named::Number(id), Action::BlockUser)?;
    if actor.user() == Some(id) {
        return Err(Error::Refused { rule: "you cannot delete your own account; ask another administrator" });
    }
    if before.state == UserState::Blocked {
        return Ok(());
    }
    if users::governs(&before) {
        users::keep_an_administrator(tx, &before)?;
    }
    // Organizations first: their new admins can then take over the workspaces.
    hand_over_organizations(tx, actor, id)?;
    members::hand_over_all(tx, actor, &before)?;
    let bindings = store::bindings::delete_of(tx, id, None)?;
    let workspaces = store::members::delete_of(tx, id)?;
    let organizations = store::organizations::delete_members_of(tx, id)?;
    let mut audited = json!({ "state": UserState::Blocked.as_str(), "ended": users::end_access(tx, id)? });
    audited["ended"]["bindings"] = json!(bindings);
    audited["ended"]["workspaces"] = json!(workspaces);
    audited["ended"]["organizations"] = json!(organizations);
    let after = User { state: UserState::Blocked, enabled: false, must_change_password: false, ..before.clone() };
    store::users::update(tx, &after)?;
    store::users::update_password(tx, id, None)?;
    audit::record(tx, actor, "users.block", (ObjectKind::User, after.uuid), (users::to_audit(&before), audited))
}

/// Makes the actor an admin of each organization whose last admin leaves.
///
/// Refused when the actor is not a person in all of them.
fn hand_over_organizations(tx: &Tx, actor: &Actor, leaving: UserId) -> Result<()> {
    let organizations = store::organizations::administered_alone(tx, leaving)?;
    if organizations.is_empty() {
        return Ok(());
    }
    let nobody =
        || Error::Refused { rule: "the user is the last admin of an organization; give it another admin first" };
    let heir = actor.person().filter(|me| me.kind == UserKind::Person).ok_or_else(nobody)?;
    let roles = store::organizations::roles_in(tx, Some(heir.id), organizations.iter().copied())?;
    let change = |id: &OrganizationId| {
        let before = roles.get(id).copied().flatten().ok_or_else(nobody)?;
        Ok(Change {
            object: format!("{id}/{}", heir.uuid),
            before: json!({ "role": before.as_str() }),
            after: json!({ "role": OrganizationRole::Admin.as_str() }),
        })
    };
    let changes: Vec<Change> = organizations.iter().map(change).collect::<Result<_>>()?;
    store::organizations::promote(tx, heir.id, &organizations)?;
    let (verb, kind) = ("organizations.put_member", ObjectKind::OrganizationMember);
    audit::record_all(tx, actor, verb, kind, changes.into_iter())
}
