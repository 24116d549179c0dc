//! `/people/{user}/...`: links to come in, sessions and keys.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use uuid::Uuid;

use super::super::Failure;
use super::super::browser::Browser;
use super::super::controls::{self, ConsoleForm, Control};
use super::super::form::Form;
use super::super::shell::{Part, Shell};
use super::super::signed_in::{RecentlySignedIn, SignedIn};
use super::account::for_action;
use super::{OncePage, Secret, address, name, named, path_to};
use crate::app::identity::links::{self, Reset};
use crate::app::identity::{forgiveness, second_factors, session_list};
use crate::app::keys;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::KeyId;
use crate::domain::link::Purpose;
use crate::domain::noun::Noun;
use crate::domain::user::User;
use crate::error::{Error, Result as CoreResult};
use crate::policy::Action;

/// A form about a person, which asks before something is done.
fn question(browser: &Browser, actor: &Actor, user: &User, title: String, word: &str) -> ConsoleForm {
    let base = address(user);
    ConsoleForm {
        path: path_to(user),
        ..ConsoleForm::new(Shell::new(browser, actor, Part::People), title, format!("{base}/{word}"), base)
    }
}

/// The page that shows a link once.
fn show_link(
    browser: &Browser,
    actor: &Actor,
    user: &User,
    purpose: Purpose,
    secret: &str,
) -> Result<HttpResponse, Failure> {
    let life = match purpose {
        Purpose::Invitation => "72 hours",
        Purpose::PasswordReset => "30 minutes",
    };
    let page = OncePage {
        shell: Shell::new(browser, actor, Part::People),
        title: format!("Link for {}", name(user)),
        path: path_to(user),
        texts: vec![
            format!("With this link, {} chooses a password. It works once, within {life}.", user.email),
            "Copy it now and send it over a channel that only this person reads: it is not shown again.".to_owned(),
        ],
        secrets: vec![Secret { whose: user.email.to_string(), text: link(browser, secret) }],
        csv: String::new(),
        back: address(user),
    };
    page.show(browser)
}

/// The address of the page of a link.
pub(super) fn link(browser: &Browser, secret: &str) -> String {
    browser.address(&format!("/auth/invitation?token={secret}"))
}

/// `GET /people/{user}/reset-password`
pub(in crate::http::console) async fn reset_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::SetPassword)?;
    reset_page(&browser, &actor, &user).show(&browser)
}

fn reset_page(browser: &Browser, actor: &Actor, user: &User) -> ConsoleForm {
    ConsoleForm {
        text: format!(
            "This makes a link with which {} chooses a new password. The old password works until then; after it, \
             all sessions end.",
            user.email
        ),
        fields: vec![
            Control::check("second_factor", "Also remove two-factor authentication", false),
            Control::check("keys", "Also revoke all API keys now", false),
        ],
        button: "Make link",
        ..question(browser, actor, user, format!("Reset the password of {}?", name(user)), "reset-password")
    }
}

/// `POST /people/{user}/reset-password`: shows the link, once.
pub(in crate::http::console) async fn reset(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    let user = for_action(&state, &actor, &who, Action::SetPassword)?;
    let also = Reset { second_factor: form.is_checked("second_factor"), keys: form.is_checked("keys") };
    match links::issue(&state, &actor, &who, Purpose::PasswordReset, also).await {
        Ok((user, secret)) => show_link(&browser, &actor, &user, Purpose::PasswordReset, secret.expose()),
        Err(error) => reset_page(&browser, &actor, &user).show_again(&browser, error.into()),
    }
}

/// `GET /people/{user}/invitation`
pub(in crate::http::console) async fn invitation_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::SetPassword)?;
    invitation_page(&browser, &actor, &user).show(&browser)
}

fn invitation_page(browser: &Browser, actor: &Actor, user: &User) -> ConsoleForm {
    ConsoleForm {
        text: "An earlier link of this invitation stops working, and the invitation lasts 72 hours from now."
            .to_owned(),
        button: "Make link",
        ..question(browser, actor, user, format!("Make a link for {}?", name(user)), "invitation")
    }
}

/// `POST /people/{user}/invitation`: shows the link, once.
pub(in crate::http::console) async fn invitation(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    let user = for_action(&state, &actor, &who, Action::SetPassword)?;
    match links::issue(&state, &actor, &who, Purpose::Invitation, Reset::default()).await {
        Ok((user, secret)) => show_link(&browser, &actor, &user, Purpose::Invitation, secret.expose()),
        Err(error) => invitation_page(&browser, &actor, &user).show_again(&browser, error.into()),
    }
}

/// `GET /people/{user}/reset-second-factor`: asks for confirmation.
pub(in crate::http::console) async fn factor_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::SetPassword)?;
    factor_page(&browser, &actor, &user).show(&browser)
}

fn factor_page(browser: &Browser, actor: &Actor, user: &User) -> ConsoleForm {
    let consequences = [
        "The authenticator app and the recovery codes stop working.",
        "All sessions end.",
        "The password alone is enough to sign in, until two-factor authentication is set up again.",
    ];
    ConsoleForm {
        consequences: consequences.map(str::to_owned).to_vec(),
        fields: vec![Control::check("link", "Also make a link to choose a new password", false)],
        button: "Remove",
        is_dangerous: true,
        ..question(
            browser,
            actor,
            user,
            format!("Remove two-factor authentication of {}?", name(user)),
            "reset-second-factor",
        )
    }
}

/// `POST /people/{user}/reset-second-factor`
pub(in crate::http::console) async fn reset_factor(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    let user = for_action(&state, &actor, &who, Action::SetPassword)?;
    let refused = |error: Error| factor_page(&browser, &actor, &user).show_again(&browser, error.into());
    if form.is_checked("link") {
        let also = Reset { second_factor: true, keys: false };
        return match links::issue(&state, &actor, &who, Purpose::PasswordReset, also).await {
            Ok((user, secret)) => show_link(&browser, &actor, &user, Purpose::PasswordReset, secret.expose()),
            Err(error) => refused(error),
        };
    }
    match state.write_as(&actor, move |tx, actor| second_factors::reset(tx, actor, &who)).await {
        Ok((user, true)) => Ok(controls::done(&address(&user), "person-factor-removed")),
        Ok((user, false)) => Ok(controls::done(&address(&user), "person-no-factor")),
        Err(error) => refused(error),
    }
}

/// `POST /people/{user}/unlock`: clears the failed sign-ins, so that the person does not have to wait.
pub(in crate::http::console) async fn unlock(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    let user = for_action(&state, &actor, &who, Action::SetPassword)?;
    forgiveness::forgive_person(&state, &actor, who).await?;
    Ok(controls::done(&address(&user), "forgiven"))
}

/// `POST /people/{user}/sessions/end`
pub(in crate::http::console) async fn end_session(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::EndSession)?;
    let text = form.text("session");
    let id = Uuid::try_parse(text).map_err(|_| Error::not_found(Noun::Session, text))?;
    state.write_as(&actor, move |tx, actor| session_list::end(tx, actor, id)).await?;
    Ok(controls::done(&address(&user), "session"))
}

/// `GET /people/{user}/sessions/end-all`: asks for confirmation.
pub(in crate::http::console) async fn end_all_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::EndSession)?;
    let is_me = actor.user() == Some(user.id);
    let page = ConsoleForm {
        text: if is_me {
            "All browsers and apps other than this one will have to sign in again.".to_owned()
        } else {
            format!("{} will have to sign in again in every browser and app. API keys stay valid.", user.email)
        },
        button: "End all sessions",
        is_dangerous: true,
        ..question(&browser, &actor, &user, format!("End all sessions of {}?", name(&user)), "sessions/end-all")
    };
    page.show(&browser)
}

/// `POST /people/{user}/sessions/end-all`: ends all sessions of the person but the actor's own.
pub(in crate::http::console) async fn end_all_sessions(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { actor, session: here, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::EndSession)?;
    let id = user.id;
    state.write_as(&actor, move |tx, actor| session_list::end_others(tx, actor, id, here.uuid)).await?;
    Ok(controls::done(&address(&user), "person-sessions-ended"))
}

/// `POST /people/{user}/keys/revoke`
pub(in crate::http::console) async fn revoke_key(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::RevokeKey)?;
    let id = key_id(form.text("key"))?;
    state.write_as(&actor, move |tx, actor| keys::revoke(tx, actor, id)).await?;
    Ok(controls::done(&address(&user), "person-key-revoked"))
}

fn key_id(text: &str) -> CoreResult<KeyId> {
    text.parse().map(KeyId).map_err(|_| Error::not_found(Noun::Key, text))
}

/// `GET /people/{user}/keys/revoke-all`: asks for confirmation.
pub(in crate::http::console) async fn revoke_all_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::RevokeKey)?;
    let page = ConsoleForm {
        text: format!("Programs that use the API keys of {} stop working at once.", user.email),
        button: "Revoke all keys",
        is_dangerous: true,
        ..question(&browser, &actor, &user, format!("Revoke all API keys of {}?", name(&user)), "keys/revoke-all")
    };
    page.show(&browser)
}

/// `POST /people/{user}/keys/revoke-all`
pub(in crate::http::console) async fn revoke_all(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let user = for_action(&state, &actor, &named(&path)?, Action::RevokeKey)?;
    let whose = user.clone();
    state.write_as(&actor, move |tx, actor| keys::revoke_of(tx, actor, &whose)).await?;
    Ok(controls::done(&address(&user), "person-keys-revoked"))
}
