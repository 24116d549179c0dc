//! `/people`: the list.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::super::controls::{self, Pager};
use super::super::moment::Moment;
use super::super::parameters::Parameters;
use super::super::shell::{self, Part, Shell};
use super::super::signed_in::SignedIn;
use super::super::{Failure, assets};
use super::{PEOPLE, name, role_text, status_class, status_text};
use crate::app::people::{self, Listed};
use crate::app::runtime::state::AppState;
use crate::app::{offers, users};
use crate::domain::actor::Actor;
use crate::domain::people::PeopleSearch;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserStatus;
use crate::error::{InField, Result as CoreResult};
use crate::policy::Action;

/// The statuses that the list can be limited to.
const STATUSES: [UserStatus; 4] = [UserStatus::Active, UserStatus::Invited, UserStatus::Expired, UserStatus::Disabled];

#[derive(Template)]
#[template(path = "console/people/list.html")]
struct PeoplePage {
    shell: Shell,
    title: &'static str,
    q: String,
    status: String,
    statuses: Vec<(&'static str, &'static str)>,
    rows: Vec<Row>,
    pager: Pager,
    /// Whether the actor manages accounts, and so sees how people sign in.
    manages: bool,
    invites: bool,
}

struct Row {
    /// For the checkbox.
    id: String,
    uuid: String,
    name: String,
    /// Empty if it is the name.
    email: String,
    status: &'static str,
    status_class: &'static str,
    role: &'static str,
    last_sign_in: Option<Moment>,
    second_factor: &'static str,
    keys: String,
}

impl Row {
    fn of(actor: &Actor, now: Timestamp, listed: &Listed) -> Self {
        let user = &listed.profile.user;
        let name = name(user);
        let email = user.email.to_string();
        let last = user.last_sign_in_at.filter(|_| users::knows_last_sign_in(actor, user));
        let factor = listed.profile.entry.map(|entry| if entry.second_factor.is_some() { "On" } else { "Off" });
        Self {
            id: user.id.to_string(),
            uuid: user.uuid.to_string(),
            email: if name == email { String::new() } else { email },
            name,
            status: status_text(user.status(now)),
            status_class: status_class(user.status(now)),
            role: role_text(user.role),
            last_sign_in: last.map(Moment),
            second_factor: factor.unwrap_or_default(),
            keys: listed.keys.map(|keys| keys.to_string()).unwrap_or_default(),
        }
    }
}

/// `GET /people?q=...&status=...`
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    shell::show(&state, &browser, |view| {
        let search = search(&parameters)?;
        let found = people::page(view, &actor, &search, controls::page_of(&parameters))?;
        Ok(PeoplePage {
            shell: Shell::new(&browser, &actor, Part::People).after(&parameters),
            title: Part::People.title(),
            q: parameters.text("q").to_owned(),
            status: search.status.map(UserStatus::as_str).unwrap_or_default().to_owned(),
            statuses: STATUSES.map(|status| (status.as_str(), status_text(status))).to_vec(),
            pager: Pager::new(PEOPLE, &parameters, &found),
            rows: found.items.into_iter().map(|listed| Row::of(&actor, view.now, &listed)).collect(),
            manages: users::manages(&actor),
            invites: offers::in_account(&actor).allows(Action::InviteUser),
        })
    })
}

fn search(parameters: &Parameters) -> CoreResult<PeopleSearch> {
    let wanted = parameters.text("status");
    Ok(PeopleSearch {
        words: PeopleSearch::parse_words(parameters.text("q")).in_field("q")?,
        status: STATUSES.into_iter().find(|status| status.as_str() == wanted),
        ..PeopleSearch::default()
    })
}
