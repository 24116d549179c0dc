//! G13: the first and a deep page of every list, with every filter and for every kind of person, at a million rows of
//! each table beside a thousand. No response comes from the cache.

use std::fs;

use atelier::app::identity::oauth::clients;
use atelier::domain::client::ClientId;
use atelier::tokens::tags::TagKey;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rusqlite::Connection;

use crate::bench::{Bench, Neighbour};
use crate::crowd::{Crowd, HOLLOW, LAST_OF_PEOPLE, PEOPLE};
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::report::Target;
use crate::seed::ADMIN;
use crate::server::Server;

const GOAL: Goal = Goal::G13;

/// The CPU time that a page may always take, in microseconds.
const ALWAYS_ALLOWED: f64 = 1000.0;

/// How often the CPU time at a thousand rows a page may take at a million.
const MOST_TIMES: f64 = 1.5;

/// The number of the worst pages in the notes.
const WORST: usize = 12;

/// A file, its server, and the tokens of its people.
struct Place {
    rows: u64,
    server: Server,
    neighbour: Neighbour,
    tags: TagKey,
    tokens: Vec<(&'static str, String)>,
}

impl Place {
    fn begin(bench: &mut Bench, rows: u64) -> Result<Self> {
        let home = bench.copy_of(&Crowd { rows }.prepare(&bench.arguments)?)?;
        let secret: Vec<u8> =
            Connection::open(home.join("atelier.db"))?.query_row("SELECT secret FROM meta", [], |row| row.get(0))?;
        let server = Server::start(&bench.arguments, &home)?;
        let mut tokens = vec![("administrator", server.sign_in(ADMIN)?.access)];
        for (name, what) in PEOPLE {
            tokens.push((what, server.sign_in(&format!("{name}@example.com"))?.access));
        }
        let neighbour = Neighbour::of(&server)?;
        Ok(Self { rows, server, neighbour, tags: TagKey::new(&secret), tokens })
    }

    /// The public id of a row.
    fn id(&self, kind: &str, row: u64) -> String {
        let text = format!("{kind}:{row}");
        let length = 8 + (3 - (text.len() + 1 + 8) % 3) % 3;
        STANDARD.encode(format!("{text}:{}", self.tags.tag("id", &text, length)))
    }

    fn cursor(&self, list: &str, row: u64) -> String {
        URL_SAFE_NO_PAD.encode(format!("{row}:{}", self.tags.tag("cursor", &format!("{list} {row}"), 16)))
    }

    /// The CPU time of the server for one request, in microseconds; none if it refuses the request.
    fn cpu(&self, page: &Page, token: &str) -> Result<Option<f64>> {
        self.neighbour.touch();
        let before = nanos_of(self.server.pid())?;
        let done = self.server.client.send(page.method, &page.path, Some(token), "application/json", "{}");
        let after = nanos_of(self.server.pid())?;
        Ok(done.is_ok().then(|| to_f64(after.saturating_sub(before)) / 1e3))
    }

    /// Every page of every list.
    fn pages(&self) -> Result<Vec<Page>> {
        let rows = self.rows;
        let (home, other) = (self.id("Organization", 1), self.id("Organization", 5));
        let (space, small) = (self.id("Space", 2), self.id("Space", 5));
        let (maker, somebody) = (self.id("User", 6), self.id("User", LAST_OF_PEOPLE + 7));
        let mut all = Vec::new();
        let mut list = |name: &'static str, last: u64, filters: Vec<String>| {
            for filter in filters {
                let path = format!("/v2/{}?limit=50{filter}", name.replace('_', "-"));
                let cursor = self.cursor(name, last);
                let shown = format!("/v2/{}{}", name.replace('_', "-"), shown(&filter));
                all.push(Page::get(shown.clone(), path.clone(), false));
                all.push(Page::get(format!("{shown}, deep"), format!("{path}&cursor={cursor}"), false));
            }
        };
        let with = |field: &str, values: &[&str]| -> Vec<String> {
            let some = values.iter().map(|value| format!("&{field}={value}"));
            [String::new()].into_iter().chain(some).collect()
        };
        let and = |some: Vec<String>, more: Vec<String>| -> Vec<String> {
            some.iter().flat_map(|one| more.iter().map(move |other| format!("{one}{other}"))).collect()
        };
        let deep = rows * 3 / 4;
        let names = ["zqxjwvk", "00099"];
        list("spaces", deep, and(with("org_id", &[&home, &other]), with("name", &names)));
        list("organizations", deep, with("name", &names));
        list("projects", deep, and(with("space_id", &[&space, &small]), with("name", &names)));
        list("projects", deep, and(with("project_type", &["EXPERIMENT"]), with("space_name", &names)));
        list("resource_restrictions", deep, vec![String::new()]);
        for kind in ["SPACE", "PROJECT"] {
            let after = if kind == "SPACE" { deep } else { rows + deep };
            list("role_bindings", after, and(vec![format!("&resource_type={kind}")], with("user_id", &[&somebody])));
        }
        list("roles", deep, with("is_predefined", &["true", "false"]));
        list(
            "users",
            deep,
            and(with("status", &["ACTIVE", "INVITED", "EXPIRED"]), with("email", &["zqxjwvk", "00099"])),
        );
        for kind in ["USER", "SERVICE"] {
            for status in ["ACTIVE", "REVOKED"] {
                let what = format!("&key_type={kind}&status={status}");
                let whose = and(with("space_id", &[&space, &small]), with("user_id", &[&maker]));
                list("api_keys", rows * 5 / 8, and(vec![what], whose));
            }
        }
        let verbs = with("operation_name", &["keys.create", "keys.revoke", "workspaces.create", "sessions.begin"]);
        list("audit_logs", rows * 5, and(verbs, with("user_id", &[&maker, &somebody])));

        let users = "/auth/admin/realms/master/users";
        let filters = [
            "",
            "&enabled=false",
            "&emailVerified=false",
            "&search=zqxjwvk",
            "&search=%22zqxjwvk%22",
            "&firstName=zq*",
        ];
        for filter in filters {
            let (shown, path) = (format!("{users}{}", shown(filter)), format!("{users}?max=100{filter}"));
            all.push(Page::get(format!("{shown}, deep"), format!("{path}&first={deep}"), true));
            all.push(Page::get(shown, path, false));
            let path = format!("{users}/count?max=100{filter}");
            all.push(Page::get(format!("{users}/count{}", self::shown(filter)), path, true));
        }
        let path = format!("{users}?email=person-0000500%40example.com");
        all.push(Page::get(format!("{users} with an email"), path, false));
        // The UUID of `admin-cli` depends on its name only.
        let client = clients::uuid(&ClientId::parse("admin-cli")?);
        let sessions = format!("/auth/admin/realms/master/clients/{client}/user-sessions");
        all.push(Page::get("sessions of a client".to_owned(), format!("{sessions}?max=100"), false));
        let path = format!("{sessions}?max=100&first={deep}");
        all.push(Page::get("sessions of a client, deep".to_owned(), path, true));
        all.push(Page {
            method: "POST",
            what: "/v1/api/workspaces/list".to_owned(),
            path: "/v1/api/workspaces/list".to_owned(),
            told: true,
        });
        Ok(all)
    }
}

/// A filter for people: without the ids.
fn shown(filter: &str) -> String {
    let parts = filter.split('&').filter(|part| !part.is_empty());
    let parts: Vec<_> = parts
        .map(|part| part.split_once('=').filter(|(name, _)| name.ends_with("_id")).map_or(part, |(name, _)| name))
        .collect();
    if parts.is_empty() { String::new() } else { format!(" with {}", parts.join(" and ")) }
}

/// A page of a list.
struct Page {
    method: &'static str,
    what: String,
    path: String,
    /// Whether its figure is reported without a bound: a count, a long list, or a page that is found by skipping rows.
    told: bool,
}

impl Page {
    fn get(what: String, path: String, told: bool) -> Self {
        Self { method: "GET", what, path, told }
    }
}

/// The CPU time of all threads of a process so far, in nanoseconds. One request is too short for the clock ticks of
/// `/proc/PID/stat`.
fn nanos_of(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let spent = text.split(' ').next().and_then(|text| text.parse::<u64>().ok());
        sum += spent.ok_or_else(|| BenchError::new("/proc/PID/task/TID/schedstat is not as it was"))?;
    }
    Ok(sum)
}

#[expect(clippy::cast_precision_loss, reason = "the times of single requests are small")]
fn to_f64(number: u64) -> f64 {
    number as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A page for one person: its CPU time at a thousand and at a million rows, in microseconds.
struct Cell {
    what: String,
    small: f64,
    large: f64,
    told: bool,
}

impl Cell {
    /// The share of the allowed CPU time that the page takes.
    fn share(&self) -> f64 {
        self.large / (self.small * MOST_TIMES).max(ALWAYS_ALLOWED)
    }
}

pub(super) fn flat(bench: &mut Bench) -> Result<()> {
    let (thousand, million) = if bench.arguments.quick { (1_000, 20_000) } else { (1_000, 1_000_000) };
    let small = Place::begin(bench, thousand)?;
    let large = Place::begin(bench, million)?;
    let (small_pages, large_pages) = (small.pages()?, large.pages()?);
    let mut cells = Vec::new();
    for (who, (name, token)) in small.tokens.iter().enumerate() {
        eprintln!("{:4} {} lists of {name}", GOAL.name(), small_pages.len());
        for (page, deep) in small_pages.iter().zip(&large_pages) {
            let times = |place: &Place, page: &Page, token: &str| -> Result<Option<f64>> {
                let Some(first) = place.cpu(page, token)? else { return Ok(None) };
                // The first request of a search reads the names.
                let rounds = if first > 100_000.0 { 2 } else { bench.arguments.rounds };
                let rest = (0..rounds).map(|_| place.cpu(page, token)).collect::<Result<Option<Vec<_>>>>()?;
                Ok(rest.map(median))
            };
            let (one, other) = (times(&small, page, token)?, times(&large, deep, &large.tokens[who].1)?);
            if let (Some(small), Some(large)) = (one, other) {
                let told = page.told || *name == HOLLOW;
                cells.push(Cell { what: format!("{} of {name}", page.what), small, large, told });
            }
        }
    }
    small.neighbour.verify()?;
    large.neighbour.verify()?;
    cells.sort_by(|one, other| other.share().total_cmp(&one.share()));
    let worst = |told: bool| cells.iter().filter(move |cell| cell.told == told).take(WORST);
    let report = &mut bench.report;
    for told in [false, true] {
        for cell in worst(told) {
            let kind = if told { "told" } else { "bounded" };
            let line = format!("{kind}: {}: {:.0} us, then {:.0} us", cell.what, cell.small, cell.large);
            report.note(GOAL, &line)?;
        }
    }
    let bounded: Vec<_> = cells.iter().filter(|cell| !cell.told).collect();
    let over = bounded.iter().filter(|cell| cell.share() > 1.0).count();
    report.note(GOAL, &format!("{} pages of {} are over the bound", over, bounded.len()))?;
    let Some(first) = bounded.first() else { return Err(BenchError::new("no list was answered")) };
    let what = format!("CPU of the worst page over what it may take: {}", first.what);
    report.measure(GOAL, &what, "x", Target::AtMost(1.0), &[first.share()])
}
