//! `/people/{user}`: a person, what they have, and where each right comes from.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use super::super::browser::Browser;
use super::super::controls::{self, Pager, Step};
use super::super::moment::Moment;
use super::super::parameters::Parameters;
use super::super::paths::query;
use super::super::shell::{self, Part, Shell};
use super::super::signed_in::SignedIn;
use super::super::{Failure, assets};
use super::picture::Picture;
use super::rows::{self, BindingRow, KeyRow, OrganizationRow, Section, SessionRow, WorkspaceRow};
use super::{PEOPLE, address, name, named, path_to, path_to_people, role_text, status_class, status_text};
use crate::app::offers::{self, Offers};
use crate::app::people::{self, Entry};
use crate::app::runtime::state::AppState;
use crate::app::users::{self, Named};
use crate::domain::actor::Actor;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::session::Session;
use crate::domain::user::{AccountRole, User, UserState, UserStatus};
use crate::error::{Error, Result as CoreResult};
use crate::policy::Action;
use crate::store::View;

/// The rows of each list on the page of a person.
const FEW: u32 = 5;

/// A list on the page. `None` if the actor may not know it.
type List<R> = Option<Shown<R>>;

struct Shown<R> {
    rows: Vec<R>,
    pager: Pager,
    /// Whether there is more than the page of the person shows.
    has_more: bool,
}

#[derive(Template)]
#[template(path = "console/people/person.html")]
struct PersonPage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    base: String,
    email: String,
    /// The person's own page: facts and actions. `None` on the page of one list.
    facts: Option<Facts>,
    workspaces: List<WorkspaceRow>,
    picture: Option<Picture>,
    organizations: List<OrganizationRow>,
    bindings: List<BindingRow>,
    project_bindings: List<BindingRow>,
    keys: List<KeyRow>,
    sessions: List<SessionRow>,
    /// Whether the keys are those that have ended.
    is_ended: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact, or an action that is offered")]
struct Facts {
    id: String,
    uuid: String,
    /// The id in the Arize clients.
    public_id: String,
    status: &'static str,
    status_class: &'static str,
    role: &'static str,
    /// What the role means.
    role_gives: &'static str,
    is_email_verified: bool,
    since: Moment,
    invited_until: Option<Moment>,
    knows_last_sign_in: bool,
    last_sign_in: Option<Moment>,
    /// How the person signs in, if the actor may know it.
    entry: Option<(bool, Option<Moment>)>,
    must_change_password: bool,
    is_developer: bool,
    is_me: bool,
    changes: bool,
    disables: bool,
    enables: bool,
    deletes: bool,
    resets_password: bool,
    removes_factor: bool,
    unlocks: bool,
    makes_link: bool,
    /// The page for another invitation.
    invites_again: Option<String>,
}

impl Facts {
    fn of(
        view: &View,
        actor: &Actor,
        (user, public_id): (&User, String),
        entry: Option<Entry>,
        offers: Offers,
    ) -> Self {
        let status = user.status(view.now);
        let (is_me, changes) = (actor.user() == Some(user.id), offers.allows(Action::ChangeUser));
        let (sets_password, has_factor) =
            (offers.allows(Action::SetPassword), entry.is_some_and(|entry| entry.second_factor.is_some()));
        Self {
            id: user.id.to_string(),
            uuid: user.uuid.to_string(),
            public_id,
            status: status_text(status),
            status_class: status_class(status),
            role: role_text(user.role),
            role_gives: match user.role {
                AccountRole::Administrator => "reads and manages everything",
                AccountRole::Member => "has the rights of the memberships below",
                AccountRole::UiOnly => "has the rights of the memberships below, in web pages only",
                AccountRole::Annotator => "annotates what the memberships below allow to read",
            },
            is_email_verified: user.email_verified.is_some(),
            since: Moment(user.created_at),
            invited_until: match user.state {
                UserState::Invited { until } => Some(Moment(until)),
                UserState::Active | UserState::Blocked => None,
            },
            knows_last_sign_in: users::knows_last_sign_in(actor, user),
            last_sign_in: user.last_sign_in_at.map(Moment),
            entry: entry.map(|entry| (entry.password, entry.second_factor.map(Moment))),
            must_change_password: user.must_change_password && entry.is_some(),
            is_developer: user.developer,
            is_me,
            changes,
            disables: changes && user.enabled && !is_me,
            enables: changes && !user.enabled,
            deletes: offers.allows(Action::BlockUser) && !is_me,
            resets_password: sets_password && status == UserStatus::Active && !is_me,
            removes_factor: sets_password && has_factor && !is_me,
            unlocks: sets_password && status == UserStatus::Active && !is_me,
            makes_link: sets_password && status == UserStatus::Invited,
            invites_again: (sets_password && status == UserStatus::Expired)
                .then(|| format!("{PEOPLE}/new?{}", query(&[("email", user.email.as_str())]))),
        }
    }
}

/// `GET /people/{user}`
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, session, input: parameters }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let who = named(&path)?;
    shell::show(&state, &browser, |view| page(view, &browser, &actor, &who, &parameters, &session, None))
}

/// `GET /people/{user}/{list}`: one list of what the person has, page by page.
pub(in crate::http::console) async fn list(
    state: Data<AppState>,
    path: Path<(String, String)>,
    SignedIn { browser, actor, session, input: parameters }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let (user, word) = path.into_inner();
    let who = named(&user)?;
    let section = Section::ALL.into_iter().find(|section| section.word() == word);
    let section = section.ok_or_else(|| Error::not_found(Noun::User, format!("{user}/{word}")))?;
    shell::show(&state, &browser, |view| page(view, &browser, &actor, &who, &parameters, &session, Some(section)))
}

fn page(
    view: &View,
    browser: &Browser,
    actor: &Actor,
    who: &Named,
    parameters: &Parameters,
    here: &Session,
    only: Option<Section>,
) -> CoreResult<PersonPage> {
    let user = users::named(view, actor, who)?;
    let profile = people::get(view, actor, user.uuid)?;
    let offers = offers::toward(view, actor, user.id)?;
    let base = address(&user);
    let is_ended = parameters.get("ended").is_some();
    let lists = Lists { base: &base, parameters, only };
    let workspaces = lists.read(Section::Workspaces, |page| rows::workspaces_of(view, actor, who, page))?;
    Ok(PersonPage {
        shell: Shell::new(browser, actor, Part::People).after(parameters),
        title: only.map_or_else(|| name(&user), |section| section.title().to_owned()),
        path: if only.is_some() { path_to(&user) } else { path_to_people() },
        email: user.email.to_string(),
        facts: only
            .is_none()
            .then(|| Facts::of(view, actor, (&user, browser.public_id(&user.id)), profile.entry, offers)),
        picture: workspaces.as_ref().and_then(|list| Picture::of(&list.rows)),
        workspaces,
        organizations: lists.read(Section::Organizations, |page| rows::organizations(view, actor, who, page))?,
        bindings: lists.read(Section::Bindings, |page| rows::bindings_of(view, actor, &user, false, page))?,
        project_bindings: lists
            .read(Section::ProjectBindings, |page| rows::bindings_of(view, actor, &user, true, page))?,
        keys: lists.allowed(offers.allows(Action::ReadKeys), Section::Keys, |page| {
            rows::keys_of(view, actor, &user, !is_ended, page)
        })?,
        sessions: lists.allowed(offers.allows(Action::ReadSessions), Section::Sessions, |page| {
            rows::sessions_of(view, actor, who, here, page)
        })?,
        is_ended,
        base,
    })
}

/// Which lists are shown, and how far.
struct Lists<'p> {
    base: &'p str,
    parameters: &'p Parameters,
    /// The only list on the page.
    only: Option<Section>,
}

impl Lists<'_> {
    fn read<R>(&self, section: Section, rows: impl FnOnce(Page) -> CoreResult<Slice<R>>) -> CoreResult<List<R>> {
        let page = match self.only {
            Some(only) if only == section => controls::page_of(self.parameters),
            Some(_) => return Ok(None),
            None => Page { after: None, limit: FEW },
        };
        let found = rows(page)?;
        let has_more = self.only.is_none() && found.next.is_some();
        let pager = Pager::new(&format!("{}/{}", self.base, section.word()), self.parameters, &found);
        Ok(Some(Shown { rows: found.items, pager, has_more }))
    }

    fn allowed<R>(
        &self,
        is_allowed: bool,
        section: Section,
        rows: impl FnOnce(Page) -> CoreResult<Slice<R>>,
    ) -> CoreResult<List<R>> {
        // The verb refuses it on the list's own page.
        if is_allowed || self.only == Some(section) { self.read(section, rows) } else { Ok(None) }
    }
}
