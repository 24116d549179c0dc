//! `/people/{user}/...`: changes of an account.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use super::super::Failure;
use super::super::browser::Browser;
use super::super::controls::{self, ConsoleForm, Control, Input};
use super::super::form::Form;
use super::super::shell::{Part, Shell};
use super::super::signed_in::{RecentlySignedIn, SignedIn};
use super::{PEOPLE, address, name, named, path_to, role_text};
use crate::app::runtime::state::AppState;
use crate::app::users::{self, Named};
use crate::app::{offers, user_deletion};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::user::{AccountRole, PersonName, User, UserChange};
use crate::error::{Error, InField, Result as CoreResult};
use crate::policy::Action;
use crate::store::View;

/// The person for an action, for the page that asks. The verb judges again.
pub(super) fn for_action(state: &AppState, actor: &Actor, who: &Named, action: Action) -> Result<User, Failure> {
    let found = state.read_inline(|view: &View| {
        let user = users::named(view, actor, who)?;
        offers::toward(view, actor, user.id)?.require(action)?;
        Ok(user)
    });
    Ok(found?)
}

/// `GET /people/{user}/edit`
pub(in crate::http::console) async fn edit_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::ChangeUser)?;
    let values = [user.email.as_str(), user.first_name.as_str(), user.last_name.as_str()];
    let is_verified = user.email_verified.is_some();
    edit_page(&browser, &actor, &user, values, is_verified).show(&browser)
}

/// `POST /people/{user}/edit`
pub(in crate::http::console) async fn edit(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    let user = for_action(&state, &actor, &who, Action::ChangeUser)?;
    let changed = match edited(&form) {
        Ok(change) => state.write_as(&actor, move |tx, actor| users::change(tx, actor, &who, &change)).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(user) => Ok(controls::done(&address(&user), "saved")),
        Err(error) => {
            let values = ["email", "first_name", "last_name"].map(|field| form.text(field));
            let is_verified = form.is_checked("verified");
            edit_page(&browser, &actor, &user, values, is_verified).show_again(&browser, error.into())
        }
    }
}

fn edited(form: &Form) -> CoreResult<UserChange> {
    Ok(UserChange {
        email: Some(Email::parse(form.text("email")).in_field("email")?),
        first_name: Some(PersonName::parse(form.text("first_name")).in_field("first_name")?),
        last_name: Some(PersonName::parse(form.text("last_name")).in_field("last_name")?),
        email_verified: Some(form.is_checked("verified")),
        ..UserChange::default()
    })
}

fn edit_page(browser: &Browser, actor: &Actor, user: &User, values: [&str; 3], is_verified: bool) -> ConsoleForm {
    let [email, first_name, last_name] = values;
    let text = |field, label| Control {
        max_length: PersonName::MAX_LENGTH,
        ..Control::new(Input::Text, field, label).optional()
    };
    ConsoleForm {
        path: path_to(user),
        fields: vec![
            text("first_name", "First name").value(first_name),
            text("last_name", "Last name").value(last_name),
            Control::new(Input::Email, "email", "Email").hint("It is also the name to sign in with.").value(email),
            Control::check("verified", "The email is verified: apps may link accounts by it", is_verified),
        ],
        ..ConsoleForm::new(
            Shell::new(browser, actor, Part::People),
            format!("Edit {}", name(user)),
            format!("{}/edit", address(user)),
            address(user),
        )
    }
}

/// `GET /people/{user}/role`
pub(in crate::http::console) async fn role_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::ChangeUser)?;
    role_page(&browser, &actor, &user, user.role.as_str(), user.developer).show(&browser)
}

/// `POST /people/{user}/role`
pub(in crate::http::console) async fn change_role(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    let user = for_action(&state, &actor, &who, Action::ChangeUser)?;
    let (role, developer) = (form.text("role"), form.is_checked("developer"));
    let change = UserChange {
        administrator: Some(role == AccountRole::Administrator.as_str()),
        developer: Some(developer),
        ..UserChange::default()
    };
    match state.write_as(&actor, move |tx, actor| users::change(tx, actor, &who, &change)).await {
        Ok(user) => Ok(controls::done(&address(&user), "saved")),
        Err(error) => role_page(&browser, &actor, &user, role, developer).show_again(&browser, error.into()),
    }
}

fn role_page(browser: &Browser, actor: &Actor, user: &User, role: &str, developer: bool) -> ConsoleForm {
    // A former administrator becomes a member; the other roles are given with the invitation only.
    let usual = match user.role {
        AccountRole::Administrator => AccountRole::Member,
        other => other,
    };
    let choices = [AccountRole::Administrator, usual].map(|role| (role.as_str(), role_text(role)));
    let mut consequences = match user.role {
        AccountRole::Administrator => vec![
            "As a member, the person has only the rights of their own memberships and role bindings. The one in the home \
             organization becomes that of a member.",
            "At least one other person must be an administrator who can sign in.",
        ],
        _ => vec![
            "As an administrator, the person reads and manages everything of this server: private workspaces, people, \
             roles, apps and the audit log. In the home organization they become an admin.",
        ],
    };
    consequences.extend(match user.role {
        AccountRole::UiOnly | AccountRole::Annotator => Some(
            "This cannot be taken back: an administrator can become a member, but the other roles are given with an \
             invitation only.",
        ),
        AccountRole::Administrator | AccountRole::Member => None,
    });
    consequences.push("The change applies at once, also to open sessions and API keys.");
    consequences.push("Without the permission to make API keys, the existing keys stay until they are revoked.");
    ConsoleForm {
        path: path_to(user),
        consequences: consequences.into_iter().map(str::to_owned).collect(),
        fields: vec![
            Control::choice("role", "Role", choices, role),
            Control::check("developer", "May make API keys", developer),
        ],
        ..ConsoleForm::new(
            Shell::new(browser, actor, Part::People),
            format!("Role of {}", name(user)),
            format!("{}/role", address(user)),
            address(user),
        )
    }
}

/// `POST /people/{user}/enable`
pub(in crate::http::console) async fn enable(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    let change = UserChange { enabled: Some(true), ..UserChange::default() };
    let user = state.write_as(&actor, move |tx, actor| users::change(tx, actor, &who, &change)).await?;
    Ok(controls::done(&address(&user), "person-enabled"))
}

/// `GET /people/{user}/delete`: asks for confirmation.
pub(in crate::http::console) async fn delete_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::BlockUser)?;
    delete_page(&browser, &actor, &user, "").show(&browser)
}

/// `POST /people/{user}/delete`
pub(in crate::http::console) async fn delete(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::BlockUser)?;
    let (typed, id) = (form.text("name"), user.id);
    let deleted = if Email::fold(typed.trim()) == user.email.key() {
        state.write_as(&actor, move |tx, actor| user_deletion::block(tx, actor, id)).await
    } else {
        Err(Error::invalid("name", "must be the email of the person who is deleted"))
    };
    match deleted {
        Ok(()) => Ok(controls::done(PEOPLE, "person-deleted")),
        Err(error) => delete_page(&browser, &actor, &user, typed).show_again(&browser, error.into()),
    }
}

fn delete_page(browser: &Browser, actor: &Actor, user: &User, typed: &str) -> ConsoleForm {
    let consequences = [
        "All memberships, role bindings, sessions and API keys end, and cannot be restored.",
        "Workspaces that nobody else owns get a new owner: you, or the first admin of their organization.",
        "Models and other contents stay, and the audit log keeps who it was.",
        "The email address is free for another account.",
    ];
    ConsoleForm {
        path: path_to(user),
        text: "To end access for a while, disable the account instead.".to_owned(),
        consequences: consequences.map(str::to_owned).to_vec(),
        fields: vec![Control::new(Input::Email, "name", format!("To confirm, type {}", user.email)).value(typed)],
        button: "Delete",
        is_dangerous: true,
        ..ConsoleForm::new(
            Shell::new(browser, actor, Part::People),
            format!("Delete {}?", name(user)),
            format!("{}/delete", address(user)),
            address(user),
        )
    }
}
