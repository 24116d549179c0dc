//! A user's account: shown, renamed, disabled, deleted.

use serde_json::json;

use super::to_json;
use crate::app::identity::second_factors;
use crate::app::users::{self, Named};
use crate::app::{organizations, people, user_deletion};
use crate::cli::confirm::Confirm;
use crate::cli::data::or_refused;
use crate::cli::list::print_one;
use crate::cli::{CliError, data, say};
use crate::domain::actor::Actor;
use crate::domain::organization::{Organization, OrganizationRole};
use crate::domain::user::{AccountRole, User, UserChange};
use crate::error::Error;
use crate::store::data_dir::DataDir;

/// The organizations of a user that are shown.
const SHOWN: usize = 100;

/// The next step if the rule on administrators prevents a change.
const ANOTHER_FIRST: &str = "create another one first with `atelier user promote` or `atelier user enable`";

/// Parses a role in the account.
pub(super) fn role(word: &str) -> Result<AccountRole, CliError> {
    word.parse().map_err(|_| {
        let known: Vec<&str> = AccountRole::ALL.into_iter().map(AccountRole::as_str).collect();
        CliError::Usage(format!("--role: must be one of {}, not {word:?}; correct it and try again", known.join(", ")))
    })
}

pub(super) fn show(home: &DataDir, email: &str, json: bool) -> Result<(), CliError> {
    let who = Named::Email(data::address(email)?);
    let value = data::read(home, |view, actor| {
        let user = users::named(view, actor, &who)?;
        let entry = people::entry(view, actor, user.uuid)?;
        let organizations = organizations::first_of(view, actor, user.id, SHOWN)?;
        let mut value = to_json(&user);
        value["password"] = entry.password.into();
        value["must_change_password"] = user.must_change_password.into();
        value["second_factor_at"] = json!(entry.second_factor.map(|moment| moment.to_string()));
        value["developer"] = user.developer.into();
        let place = |(organization, role): &(Organization, OrganizationRole)| json!({ "id": organization.id.0, "name": organization.name.as_str(), "role": role.as_str() });
        value["organizations"] = organizations.items.iter().map(place).collect();
        Ok(value)
    })?;
    print_one(&value, json)
}

pub(super) fn rename(home: &DataDir, email: &str, change: UserChange, json: bool) -> Result<(), CliError> {
    if change.email.is_none() && change.first_name.is_none() && change.last_name.is_none() {
        return Err(CliError::Usage("nothing to change; give --email, --first-name or --last-name".to_owned()));
    }
    let who = Named::Email(data::address(email)?);
    let user = data::write(home, move |tx, actor| users::change(tx, actor, &who, &change))?;
    if json {
        return print_one(&to_json(&user), true);
    }
    let name = format!("{} {}", user.first_name.as_str(), user.last_name.as_str());
    say(&format!("{} is named {:?}", user.email, name.trim()));
    Ok(())
}

fn found(home: &DataDir, email: &str) -> Result<User, CliError> {
    let who = Named::Email(data::address(email)?);
    data::read(home, |view, actor| users::named(view, actor, &who))
}

/// Asks whether to revoke the keys of a user.
pub(super) fn confirm_revocation(home: &DataDir, email: &str, confirm: Confirm) -> Result<(), CliError> {
    confirm.ask(&format!("revoke all API keys of {}", found(home, email)?.email))
}

pub(super) fn disable(home: &DataDir, email: &str, confirm: Confirm) -> Result<(), CliError> {
    let user = found(home, email)?.email;
    confirm.ask_undoable(&format!("disable the user {user}"), &format!("atelier user enable {user}"))?;
    change(home, email, UserChange { enabled: Some(false), ..UserChange::default() })
}

pub(super) fn demote(home: &DataDir, email: &str, confirm: Confirm) -> Result<(), CliError> {
    let user = found(home, email)?.email;
    confirm
        .ask_undoable(&format!("make the administrator {user} a member"), &format!("atelier user promote {user}"))?;
    change(home, email, UserChange { administrator: Some(false), ..UserChange::default() })
}

pub(super) fn set_developer(home: &DataDir, email: &str, developer: bool, confirm: Confirm) -> Result<(), CliError> {
    let user = found(home, email)?.email;
    if !developer {
        let undo = format!("atelier user set-developer {user} yes");
        confirm.ask_undoable(&format!("forbid {user} to create API keys"), &undo)?;
    }
    let who = Named::Email(user);
    let change = UserChange { developer: Some(developer), ..UserChange::default() };
    let user = data::write(home, move |tx, actor| users::change(tx, actor, &who, &change))?;
    say(&if user.developer {
        format!("{} may create API keys", user.email)
    } else {
        format!("{0} may not create API keys; `atelier key list --user {0}` shows those that stay valid", user.email)
    });
    Ok(())
}

pub(super) fn change(home: &DataDir, email: &str, change: UserChange) -> Result<(), CliError> {
    let who = Named::Email(data::address(email)?);
    let user = data::with(home, |store| {
        let actor = Actor::operator();
        let changed = store.write_and_wait(move |tx| users::change(tx, &actor, &who, &change));
        changed.map_err(|error| match error {
            Error::Refused { rule } if rule == users::KEEPS_AN_ADMINISTRATOR => or_refused(ANOTHER_FIRST)(error),
            other => other.into(),
        })
    })?;
    let state = if user.enabled { "enabled" } else { "disabled" };
    say(&format!("{} is {state}, {}", user.email, user.role.as_str()));
    Ok(())
}

pub(super) fn delete(home: &DataDir, email: &str, confirm: Confirm) -> Result<(), CliError> {
    let user = found(home, email)?;
    confirm.ask(&format!("delete the user {} permanently", user.email))?;
    let id = user.id;
    data::with(home, |store| {
        let actor = Actor::operator();
        let delete = store.write_and_wait(move |tx| user_deletion::block(tx, &actor, id));
        delete.map_err(or_refused("`atelier user show EMAIL` shows the organizations of a user"))
    })?;
    say(&format!("{} is deleted; the email address is free for another account", user.email));
    Ok(())
}

pub(super) fn reset_second_factor(home: &DataDir, email: &str, confirm: Confirm) -> Result<(), CliError> {
    let who = Named::Email(data::address(email)?);
    let (user, has_one) = data::read(home, |view, actor| {
        let user = users::named(view, actor, &who)?;
        let entry = people::entry(view, actor, user.uuid)?;
        Ok((user, entry.second_factor.is_some()))
    })?;
    if has_one {
        confirm.ask(&format!("remove the second factor of {} and end all sessions", user.email))?;
    }
    let (user, was_removed) = data::write(home, move |tx, actor| second_factors::reset(tx, actor, &who))?;
    if was_removed {
        say(&format!("the second factor of {} was removed; all sessions have ended", user.email));
    } else {
        say(&format!("{} has no second factor; nothing was changed", user.email));
    }
    Ok(())
}

pub(super) fn verify(home: &DataDir, email: &str, verified: bool) -> Result<(), CliError> {
    let who = Named::Email(data::address(email)?);
    let change = UserChange { email_verified: Some(verified), ..UserChange::default() };
    let user = data::write(home, move |tx, actor| users::change(tx, actor, &who, &change))?;
    say(&format!("the address {} is {}", user.email, if verified { "verified" } else { "not verified" }));
    Ok(())
}
