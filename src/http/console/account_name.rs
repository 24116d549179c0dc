//! `/auth/account/name`: users change their own name.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::Failure;
use super::browser::Browser;
use super::controls::{self, ConsoleForm, Control, Input};
use super::form::Form;
use super::paths::ACCOUNT;
use super::shell::{Part, Shell};
use super::signed_in::SignedIn;
use crate::app::runtime::state::AppState;
use crate::app::users;
use crate::domain::actor::Actor;
use crate::domain::user::PersonName;
use crate::error::{AuthError, Error, InField, Result as CoreResult};

const NAME: &str = "/auth/account/name";

/// `GET /auth/account/name`: the form.
pub(super) async fn form(
    state: Data<AppState>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let uuid = actor.person().ok_or(AuthError::SessionOver).map_err(Error::from)?.uuid;
    let me = state.read_inline(|view| users::get(view, &actor, uuid))?;
    page(&browser, &actor, me.first_name.as_str(), me.last_name.as_str()).show(&browser)
}

/// `POST /auth/account/name`
pub(super) async fn change(
    state: Data<AppState>,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (first_name, last_name) = (form.text("first_name"), form.text("last_name"));
    let changed = match parse(first_name, last_name) {
        Ok((first, last)) => {
            state.write_as(&actor, move |tx, actor| users::change_own_name(tx, actor, &first, &last)).await
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(controls::done(ACCOUNT, "name-changed")),
        Err(error) => page(&browser, &actor, first_name, last_name).show_again(&browser, error.into()),
    }
}

fn parse(first_name: &str, last_name: &str) -> CoreResult<(PersonName, PersonName)> {
    Ok((PersonName::parse(first_name).in_field("first_name")?, PersonName::parse(last_name).in_field("last_name")?))
}

fn page(browser: &Browser, actor: &Actor, first_name: &str, last_name: &str) -> ConsoleForm {
    let name = |field, label, autocomplete, value: &str| Control {
        max_length: PersonName::MAX_LENGTH,
        autocomplete,
        ..Control::new(Input::Text, field, label).value(value).optional()
    };
    ConsoleForm {
        text: "The people who see you see this name. Your email address stays: an administrator changes it.".to_owned(),
        fields: vec![
            name("first_name", "First name", "given-name", first_name),
            name("last_name", "Last name", "family-name", last_name),
        ],
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Account), "Change name", NAME, ACCOUNT)
    }
}
