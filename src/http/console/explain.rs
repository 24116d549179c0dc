//! `/access/explain`: why a person may do something, or may not.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::controls::Step;
use super::parameters::Parameters;
use super::shell::{Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::explanations::{self, Explained, Named, Thing};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::noun::sentence;
use crate::domain::permission::{Permission, PermissionSet};
use crate::error::{Error, InField, Result as CoreResult};
use crate::policy::{Action, Decision};
use crate::store::View;

/// The maximum number of characters of the thing.
const MAX_ON: usize = 800;

#[derive(Template)]
#[template(path = "console/explain.html")]
struct ExplainPage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    user: String,
    action: String,
    on: String,
    answer: Option<Answer>,
}

/// An explanation in words.
struct Answer {
    sentence: String,
    is_allowed: bool,
    reasons: Vec<Line>,
    changes: Vec<Line>,
}

struct Line {
    text: String,
    /// The permissions that it is about; empty for none.
    permissions: String,
    /// Whether it is enough by itself.
    is_sufficient: bool,
}

/// `GET /access/explain?user=EMAIL&action=ACTION&on=KIND:NAME`
pub(super) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let mut page = ExplainPage {
        shell: Shell::new(&browser, &actor, Part::Access),
        title: "Explain a right",
        path: vec![Step::new(Part::Access.path(), Part::Access.title())],
        user: parameters.get("user").map_or_else(|| own_email(&actor), str::to_owned),
        action: parameters.text("action").to_owned(),
        on: parameters.text("on").to_owned(),
        answer: None,
    };
    if page.action.is_empty() && page.on.is_empty() {
        return browser.show_console(StatusCode::OK, &page);
    }
    let asked = (page.user.clone(), page.action.clone(), page.on.clone());
    let asking = actor.clone();
    let found = state.read_blocking(move |view| explain(view, &asking, &asked)).await;
    let status = match found {
        Ok(found) => {
            page.answer = Some(Answer::of(&found));
            StatusCode::OK
        }
        Err(error) if error.is_refusal() => {
            page.shell = page.shell.because(&error.to_string());
            Failure::from(error).status_code()
        }
        Err(error) => return Err(error.into()),
    };
    browser.show_console(status, &page)
}

fn own_email(actor: &Actor) -> String {
    actor.person().map_or_else(String::new, |person| person.email.to_string())
}

fn explain(view: &View, actor: &Actor, (user, action, on): &(String, String, String)) -> CoreResult<Explained> {
    let user = Named::Email(Email::parse(user.trim()).in_field("user")?);
    let action: Action = action.parse().map_err(|_| Error::invalid("action", "must be one of the actions"))?;
    if on.chars().count() > MAX_ON {
        return Err(Error::invalid("on", format!("must have at most {MAX_ON} characters")));
    }
    let on = Thing::parse(on.trim(), "workspace").in_field("on")?;
    explanations::explain(view, actor, &user, action, &on)
}

impl Answer {
    fn of(found: &Explained) -> Self {
        let action = found.action.as_str().replace('-', " ");
        let verdict = match found.decision {
            Decision::Allowed => "may",
            Decision::Forbidden => "may not",
            Decision::Hidden => "does not even see the object, so may not",
        };
        // Most sentences name the permissions themselves.
        let names = |text: &str, permissions: PermissionSet| {
            let names = permissions.iter().map(Permission::name).filter(|name| !text.contains(name));
            names.collect::<Vec<_>>().join(", ")
        };
        Self {
            sentence: format!("{} {verdict} {action}.", found.user.email),
            is_allowed: found.decision == Decision::Allowed,
            reasons: found
                .reasons
                .iter()
                .map(|reason| Line {
                    text: sentence(&reason.text, "workspace"),
                    permissions: names(&reason.text, reason.permissions),
                    is_sufficient: reason.sufficient,
                })
                .collect(),
            changes: found
                .changes
                .iter()
                .map(|change| Line {
                    text: sentence(&change.text, "workspace"),
                    permissions: names(&change.text, change.permissions),
                    is_sufficient: true,
                })
                .collect(),
        }
    }
}
