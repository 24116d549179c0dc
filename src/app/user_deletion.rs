//! Closes a person's account for good.

use serde_json::json;

use crate::app::{audit, lookup, members, users};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::UserId;
use crate::domain::member::Role;
use crate::domain::organization::{OrganizationMember, OrganizationRole};
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
    for member in store::organizations::memberships(tx, id)? {
        hand_over_organization(tx, actor, &member)?;
    }
    for member in store::members::list_of(tx, id, None)? {
        if member.role == Role::Owner && store::members::count_other_owners(tx, member.workspace, id)? == 0 {
            members::hand_over(tx, actor, member.workspace, &before)?;
        }
    }
    if let Some((_, workspace)) = store::default_workspaces::find(tx, id)? {
        store::default_workspaces::delete(tx, id, workspace)?;
    }
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

/// Makes sure that an organization has an admin after this member leaves.
fn hand_over_organization(tx: &Tx, actor: &Actor, leaving: &OrganizationMember) -> Result<()> {
    let place = leaving.organization;
    if leaving.role != OrganizationRole::Admin || store::organizations::count_other_admins(tx, place, leaving.user)? > 0
    {
        return Ok(());
    }
    let heir = actor.user().map(|me| store::users::find(tx, me)).transpose()?.flatten();
    let heir = heir.filter(|me| me.kind == UserKind::Person);
    let seat = heir.as_ref().map(|heir| store::organizations::find_member(tx, place, heir.id)).transpose()?.flatten();
    let (Some(heir), Some(seat)) = (heir, seat) else {
        return Err(Error::Refused {
            rule: "the user is the last admin of an organization; give it another admin first",
        });
    };
    store::organizations::upsert_member(tx, place, heir.id, OrganizationRole::Admin)?;
    let object = (ObjectKind::OrganizationMember, format!("{place}/{}", heir.uuid));
    let change = (json!({ "role": seat.role.as_str() }), json!({ "role": OrganizationRole::Admin.as_str() }));
    audit::record(tx, actor, "organizations.put_member", object, change)
}
