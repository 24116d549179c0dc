//! Hidden things get exactly the answers of missing ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use atelier::http::{arize, keycloak, ops, wallaroo};
use uuid::Uuid;

use super::routes::{OF_THE_ACCOUNT, TEMPLATES, WITHOUT_IDS};
use super::tenants::{Tenant, of_nothing};
use crate::arize::scene;
use crate::client::{Answer, Client};
use crate::console::browser::Browser;
use crate::wallaroo::uploads;
use crate::world::World;

/// The two tenants: the home organization with bob and carol, and a second organization.
fn tenants(world: &World, role: &str) -> [Tenant; 2] {
    let home = scene::home(world);
    scene::add_to_organization(world, &home, &world.bob, "ADMIN");
    let (gwen, guild) = scene::stranger(world, "gwen");
    let gus = world.new_member("gus");
    scene::add_to_organization(world, &guild, &gus, "MEMBER");
    scene::gone(&scene::delete(&world.ada, &format!("/v2/organizations/{home}/users/{}", scene::user(world, &gus))));
    [Tenant::new(world, &home, [&world.bob, &world.carol], role), Tenant::new(world, &guild, [&gwen, &gus], role)]
}

/// The slots of a template, each once.
fn slots(text: &str) -> BTreeSet<&str> {
    let names = text.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(name, _)| name));
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase())).collect()
}

/// The response to a request with an id in each slot, without what differs between any two requests.
fn answer_to(client: &Client, route: &str, (path, body): (&str, &str), ids: &BTreeMap<&str, String>) -> String {
    let filled =
        |text: &str| ids.iter().fold(text.to_owned(), |text, (slot, id)| text.replace(&format!("<{slot}>"), id));
    let method = route.split(' ').next().expect("a method");
    let (path, body) = (filled(path), filled(body));
    let answer = if body.is_empty() {
        client.send(method, &path, &[], ())
    } else {
        let json = ("content-type", "application/json");
        let kind = if body.starts_with("--") { uploads::FORM } else { json };
        client.send(method, &path, &[kind], body)
    };
    plain(&answer, ids.values())
}

fn plain<'a>(answer: &Answer, ids: impl Iterator<Item = &'a String>) -> String {
    let request = answer.header("x-request-id").unwrap_or_default();
    let mut body = answer.body.replace(request, "REQUEST");
    for id in ids {
        // A number may be part of any text; the dialect that has numbers says what it is of.
        if id.parse::<i64>().is_err() {
            body = body.replace(id, "ID");
            continue;
        }
        for what in ["workspace", "model", "model version", "pipeline", "pipeline version"] {
            body = body.replace(&format!("{what} {id} "), &format!("{what} ID "));
        }
    }
    let mut told = format!("{} {body}", answer.status);
    for (name, value) in answer.all_headers() {
        // Says whether a body that no handler reads had arrived whole, which is a matter of time.
        if name == "connection" {
            continue;
        }
        // Their values depend on the request and on the length of the repeated id.
        let varies = ["x-request-id", "date", "content-length", "set-cookie", "etag"].contains(&name.as_str());
        let _ = write!(told, "\n{name}: {}", if varies { "..." } else { &value });
    }
    told
}

/// The tenant of the callers, the tenant of the ids, and the slots to fill.
type Swap<'a> = (&'a Tenant, &'a Tenant, &'a [&'a str]);

/// Every slot: everything of one tenant is hidden from the other.
const ALL: &[&str] = &[
    "organization",
    "space",
    "number",
    "project",
    "tag",
    "connection",
    "called",
    "binding",
    "key",
    "user",
    "uuid",
    "email",
    "session",
    "credential",
    "model",
    "modelversion",
    "pipeline",
    "variant",
    "version",
    "stepmodel",
];

/// What a private space hides within one organization.
const PRIVATE: &[&str] = &[
    "space",
    "number",
    "project",
    "tag",
    "connection",
    "called",
    "binding",
    "key",
    "model",
    "modelversion",
    "pipeline",
    "variant",
    "version",
    "stepmodel",
];

/// The answers to a caller of one tenant for an id of another, and for missing ids.
fn compare(world: &World, route: &str, request: (&str, &str), (own, other, hidden): Swap, faults: &mut Vec<String>) {
    let text = [request.0, request.1].concat();
    let slots = slots(&text);
    let hidden: BTreeSet<&str> = slots.iter().filter(|slot| hidden.contains(slot)).copied().collect();
    let mut swaps: Vec<BTreeSet<&str>> = hidden.iter().map(|slot| BTreeSet::from([*slot])).collect();
    if hidden.len() > 1 {
        swaps.push(hidden);
    }
    for (who, client) in &own.callers {
        for swapped in &swaps {
            let mine = slots.iter().map(|slot| (*slot, own.own(slot).to_owned()));
            let mine: BTreeMap<&str, String> = mine.collect();
            let with = |nth: usize, of: &dyn Fn(&str) -> Vec<String>| {
                let mut ids = mine.clone();
                for slot in swapped {
                    let choice = of(slot);
                    ids.insert(slot, choice[nth.min(choice.len() - 1)].clone());
                }
                ids
            };
            let nothing = |slot: &str| of_nothing(world, slot);
            let hidden = |slot: &str| other.ids[slot].clone();
            let expected = answer_to(client, route, request, &with(0, &nothing));
            let others = (1..4).map(|nth| with(nth, &nothing)).chain((0..4).map(|nth| with(nth, &hidden)));
            for ids in others {
                let found = answer_to(client, route, request, &ids);
                if found != expected {
                    faults
                        .push(format!("{who}: {route} {request:?}\n{ids:?}\n{found}\n--- but of nothing\n{expected}"));
                }
            }
        }
    }
}

#[test]
fn every_route_answers_for_hidden_things_as_for_missing_ones() {
    let world = World::start();
    let role = scene::named_role(&world, "Visitor", &["SPACE_READ", "PROJECT_READ"]);
    let [home, guild] = &tenants(&world, &role);
    let [dan, erin] = ["dan", "erin"].map(|name| world.new_member(name));
    let neighbour = Tenant::new(&world, &scene::home(&world), [&dan, &erin], &role);
    let rows = || {
        let database = world.database();
        [
            "users",
            "organizations",
            "organization_members",
            "workspaces",
            "members",
            "roles",
            "bindings",
            "projects",
            "restrictions",
            "tags",
            "project_tags",
            "connections",
            "connection_workspaces",
            "keys",
            "sessions",
            "models",
            "model_versions",
            "model_configs",
            "pipelines",
            "pipeline_versions",
        ]
        .map(|table| database.count(table))
    };
    let before = rows();
    let mut faults = Vec::new();
    for (route, path, body) in TEMPLATES {
        let (path, body) = (path.replace("[role]", &role), body.replace("[role]", &role));
        for swap in [(home, guild, ALL), (guild, home, ALL), (&neighbour, home, PRIVATE)] {
            compare(&world, route, (&path, &body), swap, &mut faults);
        }
    }
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults[..faults.len().min(8)].join("\n\n"));
    assert_eq!(rows(), before, "nothing was made or taken away");
}

#[test]
fn every_route_with_an_id_is_tested() {
    let asked: BTreeSet<&str> = TEMPLATES.iter().map(|(route, _, _)| *route).collect();
    let excepted: BTreeSet<&str> = OF_THE_ACCOUNT.iter().chain(WITHOUT_IDS).copied().collect();
    let mut all = BTreeSet::new();
    for entry in [wallaroo::routes(), keycloak::routes(), arize::routes(), ops::routes()].concat() {
        // HEAD answers as GET does, without a body.
        let route = format!("{} {}", entry.method, entry.path).replacen("HEAD ", "GET ", 1);
        let open = ops::routes().iter().any(|open| open.path == entry.path);
        let known = asked.contains(route.as_str()) || excepted.contains(route.as_str()) || open;
        assert!(known, "{route} has no template: say in judgement/routes.rs where it takes ids");
        all.insert(route);
    }
    for route in asked.union(&excepted) {
        assert!(all.contains(*route), "{route} is no route");
    }
    assert!(WITHOUT_IDS.iter().all(|route| !route.contains('{')), "a path with a gap takes an id");
    // The pages of the console are asked in `console/pages.rs`.
}

#[test]
fn pages_show_nothing_of_others() {
    let world = World::start();
    let role = scene::named_role(&world, "Visitor", &["SPACE_READ", "PROJECT_READ"]);
    let [home, guild] = tenants(&world, &role);
    let (email, password) = &guild.member;
    let browser = Browser::signed_in(&world.nobody, email, password);
    let ask = |path: &str, field: &str, id: &str| {
        browser.get("/auth/account");
        let answer = browser.post(path, &[(field, id)]);
        plain(&answer, [id.to_owned(), browser.token()].iter())
    };
    // Carol has let a program in; gus has not.
    let made = world.server.cli(&["client", "add", "the-app", "--redirect-uri", "https://app.example.com/in"]);
    assert!(made.status.success(), "{made:?}");
    world.database().write(
        "INSERT INTO consents (user_id, client, scope, created_at)
         SELECT id, 'the-app', 'openid', 0 FROM users WHERE email = ?1",
        [&home.member.0],
    );
    for (path, field, hidden, nothing) in [
        ("/auth/account/sessions/end", "session", home.own("session").to_owned(), Uuid::new_v4().to_string()),
        ("/auth/account/programs/withdraw", "client", "the-app".to_owned(), "no-app".to_owned()),
    ] {
        let told = ask(path, field, &hidden);
        assert!(told.starts_with("404"), "{told}");
        assert_eq!(told, ask(path, field, &nothing), "{path}");
    }
    let live = "SELECT count(*) FROM sessions WHERE uuid = ?1";
    assert_eq!(world.database().one::<i64>(live, [home.own("session")]), 1);
    assert_eq!(world.database().count("consents"), 1);
}
