//! `/`: the workspaces of the user.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::controls::{self, Pager};
use super::first_steps::FirstSteps;
use super::moment::Moment;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::offers;
use crate::app::runtime::state::AppState;
use crate::app::workspace_lists::{self, Access, ListSearch, Listed, Order, Which};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::policy::Action;

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    shell: Shell,
    title: &'static str,
    first_steps: FirstSteps,
    q: String,
    which: Which,
    order: Order,
    is_unordered: bool,
    /// Whether the user may see workspaces of several organizations, so that the list names them.
    names_organizations: bool,
    sees_everything: bool,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    id: String,
    name: String,
    description: String,
    organization: String,
    is_private: bool,
    is_archived: bool,
    role: String,
    why: String,
    last_added: Moment,
}

/// `GET /?q=...&show=mine|all|archived&sort=newest|name`
pub(super) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    shell::show(&state, &browser, |view| {
        let which = match parameters.text("show") {
            "all" => Which::All,
            "archived" => Which::Archived,
            _ => Which::Joined,
        };
        let order = if parameters.text("sort") == "name" { Order::Name } else { Order::Newest };
        let search = ListSearch { which, order, name: parameters.owned("q") };
        let found = workspace_lists::page(view, &actor, &search, controls::page_of(&parameters))?;
        let pager = Pager::new("/", &parameters, &found.slice);
        let rows: Vec<Row> = found.slice.items.into_iter().map(row).collect();
        let first = rows.first().map(|row| row.organization.clone());
        Ok(HomePage {
            shell: Shell::new(&browser, &actor, Part::Workspaces).after(&parameters),
            title: Part::Workspaces.title(),
            first_steps: FirstSteps::of(&state, view, &actor)?,
            q: parameters.text("q").to_owned(),
            which,
            order,
            is_unordered: found.is_unordered,
            names_organizations: rows.iter().any(|row| Some(&row.organization) != first.as_ref()),
            sees_everything: offers::in_account(&actor).allows(Action::ReadEverything),
            pager,
            rows,
        })
    })
}

fn row(listed: Listed) -> Row {
    let workspace = listed.workspace;
    // The organization's members read what is not private. To a member of the workspace, this says nothing.
    let says_more = |access: &&Access| {
        matches!(access, Access::Organization(OrganizationRole::Admin) | Access::Binding(_) | Access::Administrator)
    };
    let others = listed.access.iter().skip(1).filter(says_more);
    let (role, mut why) = listed.access.first().map(words).unwrap_or_default();
    for (role, also) in others.map(words) {
        let also = if also.is_empty() { role } else { format!("{role} {also}") };
        why = if why.is_empty() { format!("also {also}") } else { format!("{why}, also {also}") };
    }
    Row {
        id: workspace.id.to_string(),
        name: workspace.name.as_str().to_owned(),
        description: workspace.description.as_str().chars().take(MAX_DESCRIPTION).collect(),
        organization: listed.organization.unwrap_or_default(),
        is_private: workspace.private,
        is_archived: workspace.archived,
        role,
        why,
        last_added: Moment(listed.last_added),
    }
}

/// The number of characters of a description in the list.
const MAX_DESCRIPTION: usize = 120;

/// What the user is in a workspace, and by what.
fn words(access: &Access) -> (String, String) {
    let named = |name: &Option<String>| name.clone().unwrap_or_else(|| "Named role".to_owned());
    let (role, why) = match access {
        Access::Member(role) => (predefined(*role).to_owned(), "as a member"),
        Access::NamedMember(name) => (named(name), "as a member"),
        Access::Binding(name) => (named(name), "by a role binding"),
        Access::Organization(OrganizationRole::Admin) => ("Admin".to_owned(), "of the organization"),
        Access::Organization(OrganizationRole::Member) => ("Reader".to_owned(), "as a member of the organization"),
        Access::Organization(OrganizationRole::Reader) => ("Reader".to_owned(), "as a reader of the organization"),
        Access::Organization(OrganizationRole::Annotator) => {
            ("Annotator".to_owned(), "as an annotator of the organization")
        }
        Access::Administrator => ("Administrator".to_owned(), ""),
    };
    (role, why.to_owned())
}

const fn predefined(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Member => "Member",
        Role::Reader => "Reader",
        Role::Annotator => "Annotator",
        Role::Custom(_) => "Named role",
    }
}
