//! Every page of the console for every persona, and every form when another site sends it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use actix_web::http::Method;
use atelier::http::console;
use atelier::http::routes::Entry;

use super::browser::Browser;
use crate::arize::scene;
use crate::client::{Answer, Client};
use crate::support::Setup;
use crate::world::{Person, World};

/// The people of a house: an organization with a workspace, and others.
pub struct House {
    pub world: World,
    pub people: Vec<(&'static str, Browser)>,
    workspace: i64,
    organization: i64,
    project: i64,
    role: i64,
    binding: i64,
    key: i64,
    /// The member, about whom the pages of people are.
    member: Person,
}

/// The browsers keep their cookies in cells, so one test at a time uses them.
static HOUSE: OnceLock<Mutex<House>> = OnceLock::new();

fn house() -> MutexGuard<'static, House> {
    HOUSE.get_or_init(|| Mutex::new(House::new())).lock().unwrap_or_else(PoisonError::into_inner)
}

impl House {
    fn new() -> Self {
        Self::of(Setup::new(), "")
    }

    /// A house whose browsers open the pages below a base path.
    pub fn of(setup: Setup, base_path: &str) -> Self {
        let world = World::of(setup.args(&["--sign-in-free-failures", "1000"]));
        let door = Client::new(&format!("{}{base_path}", world.server.base()));
        let organization = scene::organization(&world, "Acme & Sons");
        let enter = |name: &str, role: &str| {
            let who = world.new_member(name);
            scene::add_to_organization(&world, &organization, &who, role);
            who
        };
        let (oscar, olga) = (enter("oscar", "ADMIN"), enter("olga", "MEMBER"));
        let (mia, rita, anna) = (enter("mia", "MEMBER"), enter("rita", "MEMBER"), enter("anna", "MEMBER"));
        let (sam, _) = scene::stranger(&world, "sam");
        let space = scene::space(&olga, &organization, "fraud <b>detection</b>");
        for (who, role) in [(&mia, "MEMBER"), (&rita, "READ_ONLY"), (&anna, "READ_ONLY")] {
            scene::join(&world, &olga, &space, who, role);
        }
        // An account becomes that of an annotator only when it is made, so the file is changed.
        for table in ["members", "organization_members"] {
            let sql =
                format!("UPDATE {table} SET role = 'annotator' WHERE user_id = (SELECT id FROM users WHERE uuid = ?1)");
            world.database().write(&sql, [&anna.uuid]);
        }
        world.database().write("UPDATE users SET role = 'annotator' WHERE uuid = ?1", [&anna.uuid]);
        scene::project(&olga, &space, "scores");
        let role = scene::named_role(&world, "tracer", &["PROJECT_READ"]);
        let bound = serde_json::json!({ "role_id": role, "user_id": scene::user(&world, &rita), "resource_type": "SPACE", "resource_id": space });
        scene::created(&olga.post("/v2/role-bindings", &bound));
        scene::created(&mia.post("/v2/api-keys", &serde_json::json!({ "name": "of mia" })));
        let added = world.server.cli(&[
            "client",
            "add",
            "grafana",
            "--name",
            "Grafana",
            "--redirect-uri",
            "https://grafana.example/x",
        ]);
        assert!(added.status.success(), "{added:?}");
        let browser = |who: &Person| Browser::signed_in(&door, &who.email, &who.password);
        let people = vec![
            ("signed out", Browser::new(&door)),
            ("stranger", browser(&sam)),
            ("annotator", browser(&anna)),
            ("reader", browser(&rita)),
            ("member", browser(&mia)),
            ("owner", browser(&olga)),
            ("org admin", browser(&oscar)),
            ("administrator", browser(&world.ada)),
        ];
        let one = |sql: &str| world.database().one::<i64>(sql, []);
        Self {
            workspace: one("SELECT max(id) FROM workspaces"),
            organization: one("SELECT id FROM organizations WHERE name = 'Acme & Sons'"),
            project: one("SELECT max(id) FROM projects"),
            role: one("SELECT id FROM roles WHERE name = 'tracer'"),
            binding: one("SELECT max(id) FROM bindings"),
            key: one("SELECT max(id) FROM keys"),
            member: mia,
            people,
            world,
        }
    }

    /// A path with its variables filled in.
    pub fn filled(&self, path: &str) -> String {
        let fill = |segment: &str| match segment {
            "{workspace}" => self.workspace.to_string(),
            "{organization}" => self.organization.to_string(),
            "{project}" => self.project.to_string(),
            "{role}" => self.role.to_string(),
            "{binding}" => self.binding.to_string(),
            "{key}" => self.key.to_string(),
            "{user}" => self.member.uuid.clone(),
            "{app}" => "grafana".to_owned(),
            "{entry}" => "1".to_owned(),
            segment if segment.starts_with('{') => "4711".to_owned(),
            segment => segment.to_owned(),
        };
        path.split('/').map(fill).collect::<Vec<_>>().join("/")
    }
}

/// The routes of one method.
pub fn routes(method: &Method) -> Vec<Entry> {
    console::routes().into_iter().filter(|entry| entry.method == *method).collect()
}

/// The answer in a cell of the grid.
fn cell(answer: &Answer) -> String {
    match answer.header("location") {
        Some(to) if to.starts_with("/auth/sign-in") => "sign-in".to_owned(),
        Some(_) => "elsewhere".to_owned(),
        None => answer.status.to_string(),
    }
}

/// The first attribute with an element in it, which the browser would end at the element's first quote.
fn markup_in_attribute(page: &str) -> Option<&str> {
    let values = page.split("=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| value);
    values.into_iter().find(|value| value.contains('<'))
}

#[test]
fn every_page_answers_every_persona_as_the_golden_grid_says() {
    let house = house();
    let mut grid = String::new();
    let columns: Vec<_> = house.people.iter().map(|(name, _)| format!("{name:>13}")).collect();
    let _ = writeln!(grid, "{:<72}{}", "page", columns.concat());
    for entry in routes(&Method::GET) {
        // A sign-out and a link that is used up would change what the next pages show.
        if entry.path == "/auth/sign-out" || entry.path == "/assets/{file}" {
            continue;
        }
        let path = house.filled(entry.path);
        let mut line = format!("{:<72}", entry.path);
        for (name, browser) in &house.people {
            let answer = browser.get(&path);
            assert!(answer.status < 500, "{name} {path}: {answer:?}");
            let is_page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
            if is_page && answer.status == 200 {
                assert!(!answer.body.contains("<b>detection"), "{path} shows markup");
                assert!(!answer.body.contains("style=\"") && !answer.body.contains(" onclick"), "{path}");
                assert_eq!(markup_in_attribute(&answer.body), None, "{path}");
            }
            let _ = write!(line, "{:>13}", cell(&answer));
        }
        let _ = writeln!(grid, "{}", line.trim_end());
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pages.txt");
    if std::env::var_os("ATELIER_TEST_BLESS").is_some() {
        std::fs::write(&golden, &grid).expect("the golden file");
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(grid == kept, "the grid is not tests/golden/pages.txt any more:\n{grid}");
}

#[test]
fn no_form_is_taken_from_another_site_or_without_the_token_of_the_page() {
    let house = house();
    let before = house.world.database().newest_audit();
    for entry in routes(&Method::POST) {
        // Clients may post an authorization request from anywhere; it changes nothing here.
        if entry.path.ends_with("/authorize") || entry.path.ends_with("/openid-connect/auth") {
            continue;
        }
        let path = house.filled(entry.path);
        for (name, browser) in &house.people {
            browser.get("/auth/account/password");
            let token = browser.token();
            let evil = browser.post_as(&path, &[("token", token.as_str())], &[("origin", "https://evil.example")]);
            assert_eq!(evil.status, 403, "{name} {path}: {evil:?}");
            let without = browser.post_as(&path, &[("name", "x")], &[]);
            assert_eq!(without.status, 403, "{name} {path}: {without:?}");
        }
    }
    assert_eq!(house.world.database().audit_after(before), [""; 0], "nothing has changed");
}

#[test]
fn an_address_of_nothing_is_not_found() {
    let house = house();
    let (_, ada) = house.people.last().expect("an administrator");
    for entry in routes(&Method::GET).into_iter().filter(|entry| entry.path.contains('{')) {
        for wrong in ["0", "-1", "4711471147114711", "99999999999999999999", "x", "%00", "..", "a%2fb", "%f0%28"] {
            let fill = |segment: &str| if segment.starts_with('{') { wrong.to_owned() } else { segment.to_owned() };
            let path = entry.path.split('/').map(fill).collect::<Vec<_>>().join("/");
            let answer = ada.get(&path);
            assert!(matches!(answer.status, 404 | 400 | 303), "{path}: {answer:?}");
        }
    }
}

#[test]
fn a_stranger_cannot_tell_an_address_of_something_from_one_of_nothing() {
    let house = house();
    let (_, sam) = house.people.iter().find(|(name, _)| *name == "stranger").expect("a stranger");
    let nobody = "01234567-89ab-4cde-8f01-23456789abcd";
    // Roles, apps and audit rows are of the whole account: there the answer depends on the person alone.
    let of_account = ["{role}", "{app}", "{entry}", "{backup}", "{file}"];
    let about = |path: &str| path.contains('{') && !of_account.iter().any(|name| path.contains(name));
    let mut asked = 0;
    for entry in console::routes().into_iter().filter(|entry| about(entry.path)) {
        let missing = |segment: &str| match segment {
            "{user}" => nobody.to_owned(),
            segment if segment.starts_with('{') => "4711".to_owned(),
            segment => segment.to_owned(),
        };
        let (real, missing) =
            (house.filled(entry.path), entry.path.split('/').map(missing).collect::<Vec<_>>().join("/"));
        let ask = |path: &str| {
            if entry.method == Method::GET {
                return sam.get(path);
            }
            sam.get("/auth/account/password");
            sam.post(path, &[("name", "x"), ("role", "reader"), ("email", "ada@example.com")])
        };
        let (of_real, of_missing) = (ask(&real), ask(&missing));
        // A refusal may repeat what the path has.
        let plain = |answer: &Answer, path: &str| {
            let ids = path.split('/').zip(entry.path.split('/')).filter(|(_, name)| name.starts_with('{'));
            let (_, main) = answer.body.split_once("<main").unwrap_or(("", &answer.body));
            ids.fold(main.replace(&sam.token(), "TOKEN"), |body, (id, _)| {
                // A number is also a part of others.
                if id.len() == nobody.len() { body.replace(id, "ID") } else { body.replace(&format!(" {id} "), " ID ") }
            })
        };
        assert_eq!(of_real.status, of_missing.status, "{} {real}: {of_real:?}", entry.method);
        assert_eq!(plain(&of_real, &real), plain(&of_missing, &missing), "{} {real}", entry.method);
        asked += 1;
    }
    assert!(asked > 60, "{asked} addresses");
}
