//! `/access`: who can reach which workspaces, as a matrix and as CSV.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Data;
use askama::Template;

use super::controls::Pager;
use super::parameters::Parameters;
use super::shell::{Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets, page};
use crate::app::access::{self, Way};
use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::app::{users, workspaces};
use crate::domain::actor::Actor;
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::{Page, Slice};
use crate::domain::user::{User, UserSearch};
use crate::domain::workspace::{Workspace, WorkspaceSearch};
use crate::error::{Error, Result as CoreResult};
use crate::http::pieces;
use crate::store::View;

const ACCESS: &str = "/access";

/// The numbers of people and workspaces on the page at first, and at most.
const FIRST: Size = Size { people: 20, workspaces: 25 };
const LARGE: Size = Size { people: 200, workspaces: 1000 };

#[derive(Clone, Copy)]
struct Size {
    people: u32,
    workspaces: u32,
}

/// How the matrix shows a way: a letter, the class of its color, and its words.
struct Sign {
    letter: &'static str,
    class: &'static str,
    words: &'static str,
    /// The cell of the table. There may be 200,000 of them, so it is not put together for each.
    cell: &'static str,
}

macro_rules! sign {
    ($letter:literal, $class:literal, $words:literal) => {
        Sign { letter: $letter, class: $class, words: $words, cell: concat!("<td class=\"", $class, "\">", $letter) }
    };
}

const CUSTOM: Sign = sign!("C", "w-c", "member with a role of the account");

const fn sign(way: Way) -> Sign {
    match way {
        Way::Member(Role::Owner) => sign!("O", "w-o", "owner"),
        Way::Member(Role::Member) => sign!("M", "w-m", "member"),
        Way::Member(Role::Reader) => sign!("R", "w-r", "reader"),
        Way::Member(Role::Annotator) => sign!("A", "w-a", "annotator"),
        Way::Member(Role::Custom(_)) => CUSTOM,
        Way::Binding => sign!("B", "w-b", "role binding"),
        Way::Organization(OrganizationRole::Admin) => sign!("o", "w-org", "admin of the organization"),
        Way::Organization(OrganizationRole::Member) => sign!("m", "w-org", "member of the organization"),
        Way::Organization(OrganizationRole::Reader) => sign!("r", "w-org", "reader of the organization"),
        Way::Organization(OrganizationRole::Annotator) => sign!("a", "w-org", "annotator of the organization"),
        Way::Administrator => sign!("*", "w-org", "administrator of the account"),
    }
}

/// Every sign, for the legend.
const LEGEND: [Sign; 11] = [
    sign(Way::Member(Role::Owner)),
    sign(Way::Member(Role::Member)),
    sign(Way::Member(Role::Reader)),
    sign(Way::Member(Role::Annotator)),
    CUSTOM,
    sign(Way::Binding),
    sign(Way::Organization(OrganizationRole::Admin)),
    sign(Way::Organization(OrganizationRole::Member)),
    sign(Way::Organization(OrganizationRole::Reader)),
    sign(Way::Organization(OrganizationRole::Annotator)),
    sign(Way::Administrator),
];

#[derive(Template)]
#[template(path = "console/access.html")]
struct AccessPage {
    shell: Shell,
    title: &'static str,
    person: String,
    workspace: String,
    only: String,
    is_large: bool,
    /// The query of the page, for the links to others.
    query: String,
    columns: Vec<Workspace>,
    rows: Vec<Row>,
    people: Pager,
    workspaces: Pager,
}

struct Row {
    user: User,
    /// The cells of the table, as HTML.
    cells: String,
}

/// What the matrix is asked for.
struct Asked {
    people: UserSearch,
    workspaces: WorkspaceSearch,
    /// Whether only memberships and bindings count.
    only_direct: bool,
}

impl Asked {
    fn of(parameters: &Parameters) -> Self {
        Self {
            people: UserSearch { email: parameters.owned("person"), statuses: Vec::new() },
            workspaces: WorkspaceSearch { name: parameters.owned("workspace"), ..WorkspaceSearch::default() },
            only_direct: parameters.text("only") == "direct",
        }
    }
}

/// `GET /access?person=...&workspace=...&only=direct&size=large`
pub(super) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let shell = Shell::new(&browser, &actor, Part::Access).after(&parameters);
    let is_large = parameters.text("size") == "large";
    let write = move |view: &LongView, actor: &Actor, out: &mut BodyWriter| {
        page::write(&access_page(view, actor, &parameters, is_large, shell.clone())?, out)
    };
    Ok(browser.show_answer(state.read_list(&actor, Coding::Identity, write).await?))
}

fn access_page(
    view: &View,
    actor: &Actor,
    parameters: &Parameters,
    is_large: bool,
    shell: Shell,
) -> CoreResult<AccessPage> {
    let asked = Asked::of(parameters);
    let size = if is_large { LARGE } else { FIRST };
    let after = |name| parameters.text(name).parse().ok();
    let people = Page { after: after("after"), limit: size.people };
    let people = users::page(view, actor, &asked.people, people)?;
    let columns = Page { after: after("workspaces"), limit: size.workspaces };
    let columns = workspaces::page(view, actor, &asked.workspaces, columns)?;
    let ways = access::ways(view, actor, &people.items, &columns.items)?;
    let is_shown = |way: &Way| !asked.only_direct || is_direct(*way);
    let cell = |way: &Option<Way>| way.filter(is_shown).map_or("<td>", |way| sign(way).cell);
    Ok(AccessPage {
        shell,
        title: "Who can reach what",
        person: parameters.text("person").to_owned(),
        workspace: parameters.text("workspace").to_owned(),
        only: parameters.text("only").to_owned(),
        is_large,
        query: parameters.without("after").without("workspaces").query(),
        people: Pager::new(ACCESS, parameters, &people),
        workspaces: columns_pager(parameters, &columns),
        rows: ways
            .rows()
            .zip(people.items)
            .map(|(ways, user)| Row { cells: ways.iter().map(cell).collect(), user })
            .collect(),
        columns: columns.items,
    })
}

/// The links to the other workspaces.
fn columns_pager(parameters: &Parameters, slice: &Slice<Workspace>) -> Pager {
    let others = parameters.without("workspaces").without("done");
    let address = |others: Parameters| format!("{ACCESS}?{}", others.query());
    Pager {
        first: parameters.get("workspaces").map(|_| address(others.clone())),
        next: slice.next.map(|next| address(others.clone().with("workspaces", next.to_string()))),
    }
}

const fn is_direct(way: Way) -> bool {
    matches!(way, Way::Member(_) | Way::Binding)
}

/// `GET /access.csv`: all pairs of a person and a workspace that the person reaches, with the same filters.
pub(super) async fn csv(
    state: Data<AppState>,
    RecentlySignedIn { actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let write = move |view: &LongView, actor: &Actor, out: &mut BodyWriter| {
        out.text("email,name,workspace_id,workspace,way,role\r\n")?;
        let asked = Asked::of(&parameters);
        let mut after = None;
        loop {
            let people = users::page(view, actor, &asked.people, Page { after, limit: LARGE.people })?;
            rows(view, actor, &asked, &people.items, out)?;
            after = people.next;
            if after.is_none() {
                return Ok(());
            }
        }
    };
    let body = state.read_list(&actor, Coding::Identity, write).await?;
    Ok(HttpResponse::build(StatusCode::OK)
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"access.csv\""))
        .body(pieces::answer(body)))
}

/// The rows of these people.
fn rows(view: &LongView, actor: &Actor, asked: &Asked, people: &[User], out: &mut BodyWriter) -> CoreResult<()> {
    let mut after = None;
    loop {
        let columns = workspaces::page(view, actor, &asked.workspaces, Page { after, limit: LARGE.workspaces })?;
        let ways = access::ways(view, actor, people, &columns.items)?;
        for (user, ways) in people.iter().zip(ways.rows()) {
            for (workspace, way) in columns.items.iter().zip(ways) {
                let Some(way) = way.filter(|way| !asked.only_direct || is_direct(*way)) else { continue };
                view.count_row()?;
                let kind = match way {
                    Way::Member(_) => "member",
                    Way::Binding => "role binding",
                    Way::Organization(_) => "organization",
                    Way::Administrator => "administrator",
                };
                let id = workspace.id.to_string();
                let record = [user.email.as_str(), &user.name(), &id, workspace.name.as_str(), kind, sign(way).words];
                out.text(&line(&record)?)?;
            }
        }
        after = columns.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// A line of CSV (RFC 4180). A value that a spreadsheet would take for a formula gets an apostrophe.
pub(super) fn line(values: &[&str]) -> CoreResult<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let safe = |value: &&str| {
        if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { (*value).to_owned() }
    };
    writer.write_record(values.iter().map(safe)).map_err(Error::internal)?;
    let bytes = writer.into_inner().map_err(|error| Error::internal(error.to_string()))?;
    String::from_utf8(bytes).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text_in_a_line() {
        assert_eq!(line(&["a,b", "=1+1", "x\"y"]).unwrap(), "\"a,b\",'=1+1,\"x\"\"y\"\r\n");
    }
}
