//! `/workspaces/{workspace}`: the members, and their roles.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab, parse_role, role_text};
use crate::app::runtime::state::AppState;
use crate::app::users::Named;
use crate::app::{members, offers, roles, users, workspaces};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::{RoleId, UserId, WorkspaceId};
use crate::domain::member::{Member, Role};
use crate::domain::page::Page;
use crate::domain::user::{AccountRole, User, UserKind};
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::console::browser::Browser;
use crate::http::console::controls::{self, Pager, ROWS};
use crate::http::console::form::Form;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::suggestions::{self, Suggestions};
use crate::http::console::{Failure, assets};
use crate::policy::Action;
use crate::store::{Tx, View};

/// The maximum number of named roles that the form offers.
const MAX_ROLES: u32 = 50;

#[derive(Template)]
#[template(path = "console/workspace/members.html")]
struct MembersPage {
    shell: Shell,
    title: String,
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
    may_add: bool,
    may_remove: bool,
    /// The number of the user, if they may leave.
    leaves: Option<UserId>,
    may_invite: bool,
    /// What was typed into the form.
    email: String,
    chosen: String,
    roles: Vec<(String, String)>,
}

impl InFrame for MembersPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Row {
    user: UserId,
    email: String,
    name: String,
    is_me: bool,
    is_bot: bool,
    /// The word for the present role.
    role: String,
    /// The roles to choose from, and which is the present one.
    choices: Vec<(String, bool)>,
}

/// `GET /workspaces/{workspace}`
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    frame::show(&state, &browser, None, |view| members_page(view, &browser, &actor, id, &parameters))
}

fn members_page(
    view: &View,
    browser: &Browser,
    actor: &Actor,
    id: WorkspaceId,
    parameters: &Parameters,
) -> CoreResult<MembersPage> {
    let Opened { workspace, offers, shell, title, frame } =
        frame::open(view, browser, actor, id, (Tab::Members, parameters))?;
    let found = members::page(view, actor, id, controls::page_of(parameters))?;
    let me = actor.user();
    let is_member = match actor.person() {
        Some(person) => members::find(view, actor, id, &Named::Uuid(person.uuid))?.is_some(),
        None => false,
    };
    let may_add = offers.allows(Action::AddMember);
    let named = if may_add || offers.allows(Action::BindRole) { named_roles(view, actor)? } else { Vec::new() };
    let predefined = Role::PREDEFINED.into_iter().map(|role| (role.as_str().to_owned(), role_text(role).to_owned()));
    let pager = Pager::new(&Tab::Members.of(id), parameters, &found);
    let mut rows = Vec::new();
    for (member, user) in found.items {
        rows.push(row(view, actor, &member, &user, may_add)?);
    }
    Ok(MembersPage {
        shell,
        title,
        pager,
        may_add,
        may_remove: offers.allows(Action::RemoveMember),
        leaves: me.filter(|_| is_member),
        may_invite: may_add
            && offers::in_account(actor).allows(Action::InviteUser)
            && offers::in_organization(view, actor, workspace.organization)?.allows(Action::ManageOrganizationMembers),
        email: parameters.text("email").to_owned(),
        chosen: parameters.get("role").unwrap_or(Role::Member.as_str()).to_owned(),
        roles: predefined.chain(named).collect(),
        rows,
        frame,
    })
}

/// The named roles that the user may see, with the value that the form has for each.
fn named_roles(view: &View, actor: &Actor) -> CoreResult<Vec<(String, String)>> {
    let first = Page { after: None, limit: MAX_ROLES };
    match roles::page(view, actor, Some(false), first) {
        Ok(found) => {
            let named = found.items.into_iter().map(|role| (role.id.to_string(), role.name.as_str().to_owned()));
            Ok(named.collect())
        }
        Err(Error::Forbidden { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn row(view: &View, actor: &Actor, member: &Member, user: &User, may_change: bool) -> CoreResult<Row> {
    let role = match member.role {
        Role::Custom(id) => match roles::visible(view, actor, id) {
            Ok(role) => role.name.as_str().to_owned(),
            Err(Error::Forbidden { .. } | Error::NotFound { .. }) => role_text(member.role).to_owned(),
            Err(error) => return Err(error),
        },
        role => role_text(role).to_owned(),
    };
    // Annotators of the account can have no other role, and nobody else can have theirs.
    let annotates = user.role == AccountRole::Annotator;
    let choices = Role::PREDEFINED.into_iter().filter(|role| (*role == Role::Annotator) == annotates);
    let mut choices: Vec<(String, bool)> =
        choices.map(|role| (role_text(role).to_owned(), role == member.role)).collect();
    if member.role.custom().is_some() {
        choices.insert(0, (role.clone(), true));
    }
    Ok(Row {
        user: user.id,
        email: user.email.to_string(),
        name: full_name(user),
        is_me: actor.user() == Some(user.id),
        is_bot: user.kind == UserKind::Bot,
        choices: if may_change { choices } else { Vec::new() },
        role,
    })
}

fn full_name(user: &User) -> String {
    format!("{} {}", user.first_name.as_str(), user.last_name.as_str()).trim().to_owned()
}

/// `POST /workspaces/{workspace}/members`: adds a person.
pub(in crate::http::console) async fn add(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let parsed = Email::parse(form.text("email")).in_field("email").and_then(|email| Ok((email, role_of(&form)?)));
    let added = match parsed {
        Ok((email, role)) => {
            let who = Named::Email(email);
            state.write_as(&actor, move |tx, actor| members::upsert(tx, actor, id, &who, role)).await
        }
        Err(error) => Err(error),
    };
    match added {
        Ok(_) => Ok(controls::done(&Tab::Members.of(id), "member-added")),
        Err(error) => {
            let typed = ["email", "role"].into_iter().fold(Parameters::default(), |all, name| {
                if form.text(name).is_empty() { all } else { all.with(name, form.text(name)) }
            });
            let read = |view: &View| members_page(view, &browser, &actor, id, &typed);
            frame::show(&state, &browser, Some(error.into()), read)
        }
    }
}

/// The role of a form: the word of a predefined one, or the number of a named one.
pub(super) fn role_of(form: &Form) -> CoreResult<Role> {
    let text = form.text("role");
    let named = || text.parse().ok().map(|id| Role::Custom(RoleId(id)));
    parse_role(text).or_else(named).ok_or_else(|| Error::invalid("role", "must be one of the roles"))
}

/// `POST /workspaces/{workspace}/members/roles`: changes the roles that differ from those that the page showed.
///
/// The name of each choice is `r:USER:ROLE`, so that a page does not undo what somebody else has changed meanwhile.
pub(in crate::http::console) async fn change_roles(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let changed: Vec<(UserId, Role)> = form
        .with_prefix("r:")
        .filter_map(|(name, value)| {
            let (user, shown) = name.split_once(':')?;
            let role = parse_role(value).filter(|_| !value.eq_ignore_ascii_case(shown))?;
            Some((UserId(user.parse().ok()?), role))
        })
        .take(ROWS as usize)
        .collect();
    let change = move |tx: &Tx, actor: &Actor| {
        changed
            .iter()
            .try_for_each(|(user, role)| members::upsert(tx, actor, id, &Named::Number(*user), *role).map(drop))
    };
    match state.write_as(&actor, change).await {
        Ok(()) => Ok(controls::done(&Tab::Members.of(id), "member-roles")),
        Err(error) => {
            let read = |view: &View| members_page(view, &browser, &actor, id, &Parameters::default());
            frame::show(&state, &browser, Some(error.into()), read)
        }
    }
}

/// `GET /workspaces/{workspace}/members/suggest?email=...`: the options of the input for an address.
pub(in crate::http::console) async fn suggest(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let options = state.read_inline(|view| {
        workspaces::visible(view, &actor, id)?;
        let Some(email) = parameters.get("email").filter(|email| !email.is_empty()) else { return Ok(Vec::new()) };
        suggestions::people(view, &actor, email)
    })?;
    Suggestions::show(options, &browser)
}

/// `GET /workspaces/{workspace}/members/{user}/remove`: asks for confirmation.
pub(in crate::http::console) async fn removal(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    show_removal(&state, &browser, &actor, &address, None)
}

/// `POST /workspaces/{workspace}/members/{user}/remove`
pub(in crate::http::console) async fn remove(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let (id, who) = (address.workspace()?, address.user()?);
    let is_me = who.is(&actor);
    match state.write_as(&actor, move |tx, actor| members::remove(tx, actor, id, &who)).await {
        Ok(_) if is_me => Ok(controls::done("/", "workspace-left")),
        Ok(_) => Ok(controls::done(&Tab::Members.of(id), "member-removed")),
        Err(error) => show_removal(&state, &browser, &actor, &address, Some(error.into())),
    }
}

fn show_removal(
    state: &AppState,
    browser: &Browser,
    actor: &Actor,
    address: &Address,
    refused: Option<Failure>,
) -> Result<HttpResponse, Failure> {
    let (id, who) = (address.workspace()?, address.user()?);
    frame::show_form(state, browser, refused, |view| {
        let workspace = workspaces::visible(view, actor, id)?;
        let user = users::principal(view, actor, &who)?;
        let is_me = actor.user() == Some(user.id);
        let (title, button) = if is_me {
            ("Leave this workspace?".to_owned(), "Leave")
        } else {
            (format!("Remove {} from this workspace?", user.email), "Remove")
        };
        let action = format!("{}/members/{}/remove", Tab::Members.of(id), user.id);
        let whose = if is_me {
            "Your role and your role bindings here end at once."
        } else {
            "Their role and their role bindings here end at once."
        };
        let after = if workspace.private {
            "The workspace is private: without another right, it disappears from the list."
        } else {
            "The workspace is open to its organization, whose members can still read it."
        };
        Ok(controls::ConsoleForm {
            consequences: vec![whose.to_owned(), after.to_owned()],
            button,
            is_dangerous: true,
            ..frame::form(
                view,
                browser,
                actor,
                (&workspace, Tab::Members, (!is_me).then_some(Action::RemoveMember)),
                title,
                action,
            )?
        })
    })
}
