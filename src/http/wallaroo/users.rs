//! `/v1/api/users/*` and `/v1/api/user` (contract, section 2.7).

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Body, Nothing};
use super::failure::{AlwaysRefusals, Refusal};
use super::{Caller, Failure};
use crate::app::creations::{self, Creation};
use crate::app::desk::Desk;
use crate::app::passwords::Owner;
use crate::app::pool::Lane;
use crate::app::{passwords, users};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::user::{AccountRole, NewUser, PersonName, UserChange};
use crate::error::{Error, InField, Result};
use crate::http::person::Representation;
use crate::tokens::password::generate;

/// Whom to look up.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct UserQuestion {
    /// These people; left out, everybody whom the caller may find.
    user_ids: Option<Vec<Uuid>>,
}

/// The people, by UUID; null for one who does not exist or whom the caller may not find.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsersFound {
    users: BTreeMap<Uuid, Found>,
}

/// A person, or null.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Found(Option<Representation>);

/// Looks people up.
#[utoipa::path(post, path = "/v1/api/users/query", tag = "users", request_body = UserQuestion,
    responses(
        (status = 200, description = "The people, by UUID", body = UsersFound),
        (status = 400, description = "Malformed question", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn query(
    desk: Data<Desk>,
    caller: Caller,
    body: Body<UserQuestion>,
) -> Result<Json<UsersFound>, Failure> {
    let asked = body.0.user_ids;
    let mut users: BTreeMap<_, _> = asked.iter().flatten().map(|id| (*id, Found(None))).collect();
    let found = desk
        .read_as(&caller, move |view, caller| {
            let found = match &asked {
                None => users::list(view, caller)?,
                Some(ids) => users::find_many(view, caller, ids)?,
            };
            let shown = found.iter().map(|user| (user.uuid, Found(Some(Representation::new(user, caller)))));
            Ok(shown.collect::<Vec<_>>())
        })
        .await?;
    users.extend(found);
    Ok(Json(UsersFound { users }))
}

/// A person to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Invitation {
    /// The e-mail address, which becomes the user name.
    #[schema(example = "bob@example.com")]
    email: String,
    /// The password, 10 to 256 characters, not a common one and not made of the address; left out, one is made up.
    password: Option<String>,
    /// `admin` for an administrator; `user`, or left out, for everybody else.
    roles: Option<Vec<String>>,
    /// Whether the password has to be changed, at `/auth/password`, before the first sign-in.
    require_reset: Option<bool>,
}

/// The new person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invited {
    /// The UUID.
    id: Uuid,
    /// The password, shown this once.
    password: String,
}

/// Makes an account for somebody. Administrators may.
#[utoipa::path(post, path = "/v1/api/users/invite", tag = "users", request_body = Invitation,
    responses(
        (status = 200, description = "The person and the password", body = Invited),
        (status = 400, description = "Malformed, the address is taken, or a right is missing", body = Refusal),
        (status = 429, description = "Too many within a minute; `Retry-After` says when to come back", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn invite(desk: Data<Desk>, caller: Caller, body: Body<Invitation>) -> Result<Json<Invited>, Failure> {
    let require_reset = body.0.require_reset.unwrap_or(false);
    let (new, password) = invited(body.0)?;
    users::may_create(&caller, &new.email)?;
    let permit = creations::permit(&desk, &caller, Creation::Person)?;
    let hash = passwords::hash(&desk, Lane::from(&*caller), password.clone(), &Owner::from(&new)).await?;
    let id = Uuid::new_v4();
    let make = if require_reset { users::create_to_reset } else { users::create };
    desk.write_as(&caller, move |tx, caller| make(tx, caller, &new, id, Some(&hash))).await?;
    permit.use_up();
    Ok(Json(Invited { id, password: password.expose().to_owned() }))
}

fn invited(invitation: Invitation) -> Result<(NewUser, Password)> {
    let email = Email::parse(&invitation.email).in_field("email")?;
    let password = match invitation.password {
        Some(text) => Password::parse(&text).in_field("password")?,
        None => generate(),
    };
    let mut role = AccountRole::Member;
    for (index, word) in invitation.roles.unwrap_or_default().iter().enumerate() {
        match word.as_str() {
            "admin" => role = AccountRole::Administrator,
            "user" => {}
            _ => return Err(Error::invalid(format!("roles[{index}]"), "must be admin or user")),
        }
    }
    Ok((NewUser { email, first_name: PersonName::default(), last_name: PersonName::default(), role }, password))
}

/// Which person.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ByEmail {
    /// The e-mail address.
    email: String,
}

/// Lets a person in again. Administrators may.
#[utoipa::path(post, path = "/v1/api/users/activate", tag = "users", request_body = ByEmail,
    responses(
        (status = 200, description = "Done", body = Nothing),
        (status = 400, description = "Malformed, unknown person, or a right is missing", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn activate(desk: Data<Desk>, caller: Caller, body: Body<ByEmail>) -> Result<Json<Nothing>, Failure> {
    set_enabled(&desk, caller, &body.0, true).await
}

/// Keeps a person out, at once. Administrators may.
#[utoipa::path(post, path = "/v1/api/users/deactivate", tag = "users", request_body = ByEmail,
    responses(
        (status = 200, description = "Done", body = Nothing),
        (status = 400, description = "Malformed, unknown person, the last administrator, or a right is missing", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn deactivate(
    desk: Data<Desk>,
    caller: Caller,
    body: Body<ByEmail>,
) -> Result<Json<Nothing>, Failure> {
    set_enabled(&desk, caller, &body.0, false).await
}

async fn set_enabled(desk: &Desk, caller: Caller, who: &ByEmail, enabled: bool) -> Result<Json<Nothing>, Failure> {
    let who = users::Named::Email(Email::parse(&who.email).in_field("email")?);
    let change = UserChange { enabled: Some(enabled), ..UserChange::default() };
    desk.write_as(&caller, move |tx, caller| users::change(tx, caller, &who, &change)).await?;
    Ok(Json(Nothing {}))
}

/// A person as they shall be; every field is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EditUser {
    /// The UUID.
    id: Uuid,
    /// The first name.
    first_name: String,
    /// The last name.
    last_name: String,
    /// The e-mail address, which is the user name too.
    email: String,
    /// Whether the person may sign in.
    enabled: bool,
    /// Whether the person is an administrator.
    is_admin: bool,
}

/// Changes a person's account. Administrators may.
#[utoipa::path(post, path = "/v1/api/user", tag = "users", request_body = EditUser,
    responses(
        (status = 200, description = "Done", body = Nothing),
        (status = 400, description = "Malformed, unknown person, the last administrator, or a right is missing", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn edit(desk: Data<Desk>, caller: Caller, body: Body<EditUser>) -> Result<Json<Nothing>, Failure> {
    let edit = body.0;
    let change = UserChange {
        email: Some(Email::parse(&edit.email).in_field("email")?),
        email_verified: None,
        first_name: Some(PersonName::parse(&edit.first_name).in_field("firstName")?),
        last_name: Some(PersonName::parse(&edit.last_name).in_field("lastName")?),
        enabled: Some(edit.enabled),
        developer: None,
        administrator: Some(edit.is_admin),
    };
    desk.write_as(&caller, move |tx, caller| users::change(tx, caller, &users::Named::Uuid(edit.id), &change)).await?;
    Ok(Json(Nothing {}))
}
