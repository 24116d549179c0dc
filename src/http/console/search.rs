//! `/search`: workspaces, people and pages of the console by a part of their name.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::runtime::state::AppState;
use crate::app::workspace_lists::{self, ListSearch, Order, Which};
use crate::app::{offers, users};
use crate::domain::page::Page;
use crate::domain::text::fold;
use crate::domain::user::UserSearch;
use crate::policy::Action;

/// The maximum number of results of each kind.
const MAX_RESULTS: usize = 8;
const FIRST: Page = Page { after: None, limit: 8 };

/// Pages that are in no navigation.
const PAGES: [(&str, &str); 4] = [
    ("/workspaces/new", "New workspace"),
    ("/auth/account/password", "Change password"),
    ("/auth/account/second-factor", "Set up two-factor authentication"),
    ("/auth/sign-out", "Sign out"),
];

#[derive(Template)]
#[template(path = "console/search.html")]
struct SearchPage {
    shell: Shell,
    title: &'static str,
    q: String,
    results: Vec<Found>,
}

struct Found {
    to: String,
    text: String,
    kind: &'static str,
}

/// `GET /search?q=...`
pub(super) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    shell::show(&state, &browser, |view| {
        let shell = Shell::new(&browser, &actor, Part::Workspaces);
        let q = parameters.text("q").trim();
        let mut results = Vec::new();
        if !q.is_empty() {
            let search = ListSearch { which: Which::All, order: Order::Name, name: Some(q.to_owned()) };
            let workspaces = workspace_lists::page(view, &actor, &search, FIRST)?.slice.items;
            results.extend(workspaces.into_iter().map(|listed| Found {
                to: format!("/workspaces/{}", listed.workspace.id),
                text: listed.workspace.name.as_str().to_owned(),
                kind: "workspace",
            }));
            if offers::in_account(&actor).allows(Action::InviteUser) {
                let search = UserSearch { email: Some(q.to_owned()), statuses: Vec::new() };
                let people = users::page(view, &actor, &search, FIRST)?.items;
                results.extend(people.into_iter().map(|user| Found {
                    to: format!("/people/{}", user.uuid),
                    text: user.email.to_string(),
                    kind: "person",
                }));
            }
        }
        let folded = fold(q);
        let navigation = shell.navigation.iter().map(|link| (link.to, link.text));
        let pages = navigation.chain(PAGES).filter(|(_, text)| fold(text).contains(&folded)).take(MAX_RESULTS);
        results.extend(pages.map(|(to, text)| Found { to: to.to_owned(), text: text.to_owned(), kind: "page" }));
        Ok(SearchPage { shell, title: "Search", q: q.to_owned(), results })
    })
}
