//! Every list of the console at 10,000 rows: a page has at most 25 of them, stays small, and the search finds the last.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::browser::Browser;
use crate::support::Setup;
use crate::world::World;

/// The rows of each list.
const ROWS: i64 = 10_000;

/// What a page of a list may have: rows, and bytes of HTML.
const PAGE: usize = 25;
const LARGEST: usize = 50 * 1024;

/// The rows. `bob` has 10,000 of all that a person has; the other people are in the workspace `hub`, which has 10,000 of
/// all that a workspace has. A name ends with its number of five digits.
const SEED: &str = include_str!("large.sql");

/// A list: its address, the positions that its pages go through as a query for the lowest and the highest one, and a query
/// of the address that leads to a row, with a text of that row.
struct List {
    at: String,
    positions: String,
    finds: Option<(&'static str, &'static str)>,
}

fn list(at: impl Into<String>, positions: impl Into<String>) -> List {
    List { at: at.into(), positions: positions.into(), finds: None }
}

fn searched(at: impl Into<String>, positions: impl Into<String>, finds: (&'static str, &'static str)) -> List {
    List { finds: Some(finds), ..list(at, positions) }
}

fn administrators(hub: i64, bob: &str) -> Vec<List> {
    let of = |table: &str| format!("SELECT min(id), max(id) FROM {table}");
    let here = |table: &str| format!("{} WHERE workspace_id = {hub}", of(table));
    let bobs = |table: &str| format!("{} WHERE user_id = (SELECT id FROM users WHERE uuid = '{bob}')", of(table));
    let people = of("users WHERE kind = 'person'");
    let (base, person) = (format!("/workspaces/{hub}"), format!("/people/{bob}"));
    vec![
        searched("/?show=all", of("workspaces"), ("&q=place-10000", "place-10000<")),
        searched("/?show=all&sort=name", of("workspaces"), ("&q=place-10000", "place-10000<")),
        list(&base, of("users")),
        list(format!("{base}/models"), here("models")),
        list(format!("{base}/models/1"), of("model_versions")),
        list(format!("{base}/pipelines"), here("pipelines")),
        list(format!("{base}/pipelines/1"), of("pipeline_versions")),
        list(format!("{base}/connections"), of("connections")),
        list(format!("{base}/tags"), here("tags")),
        searched(format!("{base}/projects"), here("projects"), ("?q=project-10000", "project-10000<")),
        // Its pages end after a number of rows of the audit log, so they may have few rows.
        list(format!("{base}/activity"), ""),
        list(format!("{base}/activity?after=15000"), ""),
        list(format!("{base}/activity?after=20"), ""),
        searched("/people", &people, ("?q=person-10000", "person-10000@example.com<")),
        searched("/people?status=active", &people, ("&q=person-10000", "person-10000@example.com<")),
        list(&person, ""),
        list(format!("{person}/workspaces"), of("workspaces")),
        list(format!("{person}/organizations"), of("organizations")),
        list(format!("{person}/workspace-roles"), bobs("bindings") + " AND project_id IS NULL"),
        list(format!("{person}/project-roles"), bobs("bindings") + " AND workspace_id IS NULL"),
        list(format!("{person}/keys"), bobs("keys")),
        list(format!("{person}/sessions"), bobs("sessions")),
        list("/service-keys", of("keys WHERE service = 1")),
        list(format!("/service-keys?workspace={hub}"), of("keys WHERE service = 1")),
        searched("/access", "", ("?person=person-10000", "person-10000@example.com<")),
        searched("/access?only=direct", "", ("&workspace=place-10000", "place-10000<")),
        searched("/organizations", of("organizations"), ("?q=group-10000", "group-10000<")),
        list("/organizations/1", of("users")),
        list("/roles", of("roles")),
        list("/roles/10", ""),
        list("/bindings", of("bindings WHERE project_id IS NULL")),
        list("/bindings?on=projects", of("bindings WHERE workspace_id IS NULL")),
        list("/bindings/new", ""),
        searched("/apps", "", ("?after=app-09990", "app-10000<")),
        list("/apps/app-00001", ""),
        searched("/audit", of("audit"), ("?verb=sign_ins.delay", "object-10000<")),
        list("/audit/sign-ins", of("audit WHERE verb = 'sign_ins.delay'")),
        list("/people/new", ""),
        list("/workspaces/new", ""),
        searched("/search", "", ("?q=person-10000", ">person-10000@example.com")),
    ]
}

fn bobs() -> Vec<List> {
    let of = |table: &str| format!("SELECT min(id), max(id) FROM {table}");
    let people = of("users WHERE kind = 'person'");
    vec![
        searched("/", of("workspaces"), ("?q=place-10000", "place-10000<")),
        searched("/?sort=name", of("workspaces"), ("&q=place-10000", "place-10000<")),
        searched("/?show=all", of("workspaces"), ("&q=place-10000", "place-10000<")),
        list("/keys", of("keys WHERE service = 0")),
        list("/service-keys", of("keys WHERE service = 1")),
        searched("/service-keys/new", of("workspaces"), ("?q=place-10000", "place-10000<")),
        searched("/people", &people, ("?q=person-10000", "person-10000@example.com<")),
        searched("/organizations", of("organizations"), ("?q=group-10000", "group-10000<")),
        list("/bindings", of("bindings WHERE project_id IS NULL")),
        list("/auth/account", ""),
        searched("/auth/account?app=app-09990", of("sessions WHERE address = '192.0.2.1'"), ("", "app-10000")),
        list("/workspaces/new", ""),
        searched("/search", "", ("?q=place-10000", ">place-10000")),
    ]
}

/// The pages of a list that are looked at, with what went wrong and how long each took.
struct Looking<'a> {
    world: &'a World,
    browser: Browser,
    who: &'static str,
    wrong: Vec<String>,
    sizes: Vec<(usize, Duration, String)>,
}

impl Looking<'_> {
    fn look(&mut self, list: &List) {
        let first = self.open(&list.at);
        if !list.positions.is_empty() {
            let Some(next) = next(&first) else {
                self.wrong.push(format!("{} {}: there is no next page", self.who, list.at));
                return;
            };
            let positions = self.world.database().rows(&list.positions, []);
            let (lowest, highest) = positions[0].split_once('|').expect("two positions");
            let (lowest, highest): (i64, i64) = (lowest.parse().expect("a number"), highest.parse().expect("a number"));
            let middle = i64::midpoint(lowest, highest);
            let near_end = if next < middle { highest - 3 } else { lowest + 3 };
            let join = if list.at.contains('?') { '&' } else { '?' };
            let at_middle = self.open(&format!("{}{join}after={middle}", list.at));
            if rows(&at_middle).is_empty() {
                self.wrong.push(format!("{} {}: the page in the middle is empty", self.who, list.at));
            }
            let at_last = self.open(&format!("{}{join}after={near_end}", list.at));
            if rows(&at_last).is_empty() || at_last.contains("rel=\"next\"") {
                self.wrong.push(format!("{} {} after {near_end}: it is not the last page", self.who, list.at));
            }
        }
        if let Some((query, name)) = list.finds {
            let found = self.open(&format!("{}{query}", list.at));
            if !found.contains(name) {
                self.wrong.push(format!("{} {}{query} does not have {name}", self.who, list.at));
            }
        }
    }

    /// Opens a page and judges it. Returns its HTML.
    fn open(&mut self, path: &str) -> String {
        let begun = Instant::now();
        let page = self.browser.get(path);
        let (took, size) = (begun.elapsed(), page.body.len());
        self.sizes.push((size, took, format!("{} {path}", self.who)));
        let most = rows(&page.body).into_iter().max().unwrap_or(0);
        if page.status != 200 || most > PAGE || size > LARGEST {
            self.wrong.push(format!("{} {path}: status {}, {most} rows, {size} bytes", self.who, page.status));
        }
        page.body
    }
}

/// The rows of each list of a page that has any.
fn rows(page: &str) -> Vec<usize> {
    let each = |begin: &str, end: &str, row: &str| {
        let parts = page.split(begin).skip(1).map(|rest| rest.split(end).next().unwrap_or(rest));
        parts.map(|part| part.matches(row).count()).collect::<Vec<_>>()
    };
    // One row is the head.
    let tables = each("<table class=\"rows", "</table>", "<tr").into_iter().map(|all| all - 1);
    tables.chain(each("<ul class=\"list\"", "</ul>", "<li")).filter(|count| *count > 0).collect()
}

/// Where the next page begins.
fn next(page: &str) -> Option<i64> {
    let (link, _) = page.split_once("\" rel=\"next\"")?;
    let (_, after) = link.rsplit_once("after=")?;
    after.split('&').next()?.parse().ok()
}

#[test]
fn every_list_is_paged_and_small_at_10_000_rows() {
    let world = World::of(Setup::new());
    let hub = world.bob.create("hub");
    let database = world.database();
    database.write_all(SEED);
    for table in ["users", "workspaces", "organizations", "keys", "models", "roles", "clients", "audit", "sessions"] {
        assert!(database.count(table) >= ROWS, "{table} has {} rows", database.count(table));
    }
    let (mut wrong, mut sizes) = (Vec::new(), Vec::new());
    for (who, person, lists) in [("ada", &world.ada, administrators(hub, &world.bob.uuid)), ("bob", &world.bob, bobs())]
    {
        let browser = Browser::signed_in(&world.nobody, &person.email, &person.password);
        let mut looking = Looking { world: &world, browser, who, wrong: Vec::new(), sizes: Vec::new() };
        for list in &lists {
            looking.look(list);
        }
        wrong.append(&mut looking.wrong);
        sizes.append(&mut looking.sizes);
    }
    sizes.sort_by_key(|size| Reverse(size.1));
    let mut told = String::new();
    for (size, took, path) in sizes {
        writeln!(told, "{size:>6} bytes {:>5} ms  {path}", took.as_millis()).expect("a text");
    }
    println!("{told}");
    assert!(wrong.is_empty(), "{wrong:#?}\n{told}");
}
