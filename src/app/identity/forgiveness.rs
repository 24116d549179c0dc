//! Clears the failed attempts of a person or an address, so that nobody has to wait any longer.

use std::net::IpAddr;

use serde_json::Value;

use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::app::{audit, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::noun::Noun;
use crate::error::Result;
use crate::policy::Action;

/// Clears the failed sign-ins of a person from everywhere.
///
/// Requires an actor who may set the person's password.
pub async fn forgive_person(state: &AppState, actor: &Actor, who: lookup::Named) -> Result<()> {
    let write = state.write_as(actor, move |tx, actor| {
        let user = lookup::user(tx, actor, &who)?;
        lookup::require_user(tx, actor, user.id, Action::SetPassword, user.uuid)?;
        audit::record(tx, actor, "sign_ins.forgive", (ObjectKind::User, user.uuid), (Value::Null, Value::Null))?;
        Ok(user.uuid)
    });
    let uuid = write.await?;
    // The same account as an attempt counts for.
    state.throttle.forgive_account(ThrottleScope::Password, ("user", uuid.to_string()))
}

/// Clears all failures from the network of an address.
///
/// Requires an administrator.
pub async fn forgive_address(state: &AppState, actor: &Actor, address: IpAddr) -> Result<()> {
    let write = state.write_as(actor, move |tx, actor| {
        standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Audit, address)?;
        audit::record(tx, actor, "sign_ins.forgive", (ObjectKind::Address, address), (Value::Null, Value::Null))
    });
    write.await?;
    for scope in ThrottleScope::ALL {
        state.throttle.forgive_network(scope, address)?;
    }
    Ok(())
}
