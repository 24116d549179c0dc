//! The grid of every route and its answer to everybody, and what is answered where no route leads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use atelier::http::routes::Entry;
use atelier::http::{console, keycloak, ops, wallaroo};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::world::{Person, World, invite};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// Every route of the server.
fn routes() -> Vec<Entry> {
    [wallaroo::routes(), keycloak::routes(), console::routes(), ops::routes()].concat()
}

/// What is asked of a route: the same of everybody, but for names that can be given once.
struct Ask {
    path: String,
    body: Option<Value>,
    form: Option<String>,
}

/// The fixed small world: the workspace, erin, who is in it and about whom everybody asks, and a session.
struct Stage {
    workspace: i64,
    refresh_token: String,
    erin: Person,
    /// The path of a link by which bob chooses a password.
    link: String,
}

impl Stage {
    /// The question that is put to a route by the caller of this column; none for a route nobody thought of.
    fn ask(&self, method: &str, path: &str, column: usize) -> Option<Ask> {
        let (id, erin) = (self.workspace, &self.erin);
        let about_erin = json!({ "workspace_id": id, "email": erin.email });
        let body = match (method, path) {
            ("GET", "/auth/invitation") => return Some(Ask { path: self.link.clone(), body: None, form: None }),
            ("POST", "/auth/password" | "/auth/invitation") => {
                // Too short, so that nobody has to wait for having guessed, and the link stays good.
                let token = self.link.rsplit('=').next().expect("a token");
                let form = Some(format!("token={token}&password=short"));
                return Some(Ask { path: path.to_owned(), body: None, form });
            }
            ("GET", "/v1/api/config" | "/v1/api/openapi.json" | "/healthz" | "/readyz" | "/auth/password") => None,
            ("GET", "/auth/realms/master/.well-known/openid-configuration") => None,
            ("GET", "/auth/realms/master/protocol/openid-connect/certs") => None,
            ("GET", "/auth/admin/realms/master/users") => {
                return Some(Ask { path: format!("{path}?email={}", erin.email), body: None, form: None });
            }
            ("GET" | "PUT", "/auth/admin/realms/master/users/{id}") => {
                let body = (method == "PUT").then(|| json!({ "firstName": format!("Erin {column}") }));
                return Some(Ask { path: path.replace("{id}", &erin.uuid), body, form: None });
            }
            ("POST", "/auth/realms/master/protocol/openid-connect/token") => {
                let pairs = [
                    ("client_id", "sdk-client"),
                    ("grant_type", "refresh_token"),
                    ("refresh_token", &self.refresh_token),
                ];
                let form = serde_urlencoded::to_string(pairs).expect("a form");
                return Some(Ask { path: path.to_owned(), body: None, form: Some(form) });
            }
            ("POST", "/v1/api/workspaces/list" | "/v1/api/workspaces/validate" | "/v1/api/users/query") => {
                Some(json!({}))
            }
            ("POST", "/v1/api/workspaces/create") => Some(json!({ "workspace_name": format!("of-column-{column}") })),
            ("POST", "/v1/api/workspaces/add_user" | "/v1/api/workspaces/remove_user") => Some(about_erin),
            ("POST", "/v1/api/workspaces/list_users") => Some(json!({ "workspace_id": id })),
            ("POST", "/v1/api/users/invite") => Some(json!({ "email": format!("of-column-{column}@example.com") })),
            ("POST", "/v1/api/users/activate" | "/v1/api/users/deactivate") => Some(json!({ "email": erin.email })),
            ("POST", "/v1/api/user") => Some(json!({
                "id": erin.uuid, "firstName": "Erin", "lastName": "E", "email": erin.email, "enabled": true, "isAdmin": false
            })),
            ("POST", "/v1/graphql") => Some(json!({ "query": format!("{{ workspace_by_pk(id: {id}) {{ name }} }}") })),
            _ => return None,
        };
        Some(Ask { path: path.to_owned(), body, form: None })
    }
}

fn send(client: &Client, method: &str, ask: &Ask) -> Answer {
    match (&ask.body, &ask.form) {
        (Some(body), _) => client.send(method, &ask.path, &[("content-type", "application/json")], body.to_string()),
        (None, Some(form)) => {
            client.send(method, &ask.path, &[("content-type", "application/x-www-form-urlencoded")], form)
        }
        (None, None) => client.send(method, &ask.path, &[], ()),
    }
}

/// The status, and in a word why, where the dialect has one status for many reasons.
fn cell(answer: &Answer) -> String {
    let why = match answer.status {
        400 if answer.body.contains(" needs ") => "/right",
        400 if answer.body.contains("does not exist") => "/unseen",
        200 if answer.body.starts_with("{\"errors\"") => "/errors",
        200 if answer.body == r#"{"data":{"workspace_by_pk":null}}"# || answer.body == "[]" => "/none",
        _ => "",
    };
    format!("{}{why}", answer.status)
}

#[test]
fn every_route_answers_everybody_as_the_golden_grid_has_it() {
    let world = World::start();
    let (ada, bob, carol, nobody) = (&world.ada, &world.bob, &world.carol, &world.nobody);
    let outsider = world.somebody("olaf");
    let erin = invite(ada, nobody, "erin@example.com", "the password of erin");
    let workspace = bob.create("den");
    bob.add(workspace, carol, "collaborator");
    bob.add(workspace, &erin, "collaborator");
    let made = world.server.cli(&["user", "reset-link", "bob@example.com"]);
    let url = String::from_utf8(made.stdout).expect("a link").trim_end().to_owned();
    let link = url[url.find("/auth/").expect("a path")..].to_owned();
    let stage = Stage { workspace, refresh_token: bob.refresh_token.clone(), erin, link };
    let bad = nobody.with("nonsense");
    let columns = [
        ("nobody", nobody),
        ("bad token", &bad),
        ("outsider", &*outsider),
        ("member", &**carol),
        ("owner", &**bob),
        ("admin", &**ada),
    ];

    let mut grid = "\
# Every route and its answer to: nobody; a bad token; a person who is not in the workspace; a member of it;
# an owner of it; an administrator who is not in it. They ask one after the other, each about the same workspace
# and about erin, who begins as its member.
#
# /right: the refusal names the right that is missing. /unseen: to the one who asks, the thing does not exist.
# /none: nothing was found. /errors: GraphQL's way to refuse.
#
# ATELIER_TEST_BLESS=1 cargo test --test api routes writes this anew; read what it says.

"
    .to_owned();
    let mut line = format!("{:<62}", "");
    for (name, _) in columns {
        let _ = write!(line, "{name:<12}");
    }
    let _ = writeln!(grid, "{}", line.trim_end());
    let mut unasked = Vec::new();
    for entry in routes() {
        let mut line = format!("{:<62}", format!("{} {}", entry.method, entry.path));
        for (column, (_, client)) in columns.iter().enumerate() {
            let Some(ask) = stage.ask(entry.method.as_str(), entry.path, column) else {
                unasked.push(format!("{} {}", entry.method, entry.path));
                break;
            };
            let answer = send(client, entry.method.as_str(), &ask);
            assert!(answer.status < 500, "{line}: {answer:?}");
            let _ = write!(line, "{:<12}", cell(&answer));
        }
        let _ = writeln!(grid, "{}", line.trim_end());
    }
    assert_eq!(unasked, [""; 0], "routes that this test does not know how to ask");

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/routes.txt");
    if std::env::var_os("ATELIER_TEST_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().expect("a folder")).expect("a folder");
        std::fs::write(&golden, &grid).expect("the golden file");
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(grid == kept, "the grid is not tests/golden/routes.txt any more:\n{grid}");
}

#[test]
fn each_route_stands_in_the_tables_once() {
    let mut seen = BTreeSet::new();
    for entry in routes() {
        assert!(seen.insert(format!("{} {}", entry.method, entry.path)), "{} {}", entry.method, entry.path);
    }
    assert!(seen.len() >= 22, "{seen:?}");
}

/// What a dialect says of a wrong method or path.
fn refusal(path: &str, status: u16, text: &str) -> Result<Value, String> {
    if path.starts_with("/auth") {
        Ok(json!({ "error": text }))
    } else if path.starts_with("/v1") && path != "/v1/api/openapi.json" {
        Ok(json!({ "msg": text, "code": status }))
    } else {
        Err(text.to_owned())
    }
}

#[test]
fn another_method_is_a_405_that_names_those_there_are() {
    let mut by_path: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for entry in routes() {
        by_path.entry(entry.path).or_default().insert(entry.method.to_string());
    }
    for (path, methods) in by_path {
        let asked = path.replace("{id}", &world().bob.uuid);
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"] {
            if methods.contains(method) {
                continue;
            }
            let allowed = methods.iter().cloned().collect::<Vec<_>>().join(", ");
            // Who asks does not matter, nor what.
            for client in [&world().nobody, &*world().ada] {
                let answer = match method {
                    "GET" | "OPTIONS" | "DELETE" => client.send(method, &asked, &[], ()),
                    _ => client.send(method, &asked, &[], "{"),
                };
                assert_eq!((answer.status, answer.header("allow")), (405, Some(&*allowed)), "{method} {path}");
                let text = format!("the endpoint does not have this method; it has {allowed}");
                if console::routes().iter().any(|entry| entry.path == path) {
                    assert!(answer.body.contains("the page does not have this method"), "{method} {path}: {answer:?}");
                    continue;
                }
                match refusal(path, 405, &text) {
                    Ok(body) => assert_eq!(answer.json(), body, "{method} {path}"),
                    Err(_) => assert_eq!(answer.body, "this can be read only; it has GET\n", "{method} {path}"),
                }
            }
        }
    }
}

#[test]
fn a_path_that_leads_nowhere_is_a_404_in_the_dialects_words() {
    let wallaroo = (404, json!({ "msg": "there is no endpoint at this path", "code": 404 }));
    let keycloak = (404, json!({ "error": "RESTEASY003210: Could not find resource for full path" }));
    for client in [&world().nobody, &*world().ada] {
        for path in [
            "/v1",
            "/v1/",
            "/v1/api",
            "/v1/api/",
            "/v1/api/workspaces",
            "/v1/api/workspaces/",
            "/v1/api/workspaces/list/",
            "/v1/api/workspaces/nonsense",
            "/v1/API/config",
            "/v1/graphql/x",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(client.send(method, path, &[], ()).told(), wallaroo, "{method} {path}");
            }
        }
        for path in [
            "/auth",
            "/auth/",
            "/auth/realms/other/protocol/openid-connect/token",
            "/auth/realms/master",
            "/auth/admin/realms/master/users/",
            "/auth/admin/realms/master/users/1/groups",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(client.send(method, path, &[], ()).told(), keycloak, "{method} {path}");
            }
        }
        for path in ["/", "/nonsense", "/v1api", "/v10/api/config", "/authx", "/healthz/", "/favicon.ico", "/.env"] {
            let answer = client.get(path);
            assert_eq!((answer.status, answer.body.as_str()), (404, "there is nothing here\n"), "{path}");
        }
    }
}

#[test]
fn nothing_is_ever_redirected_but_the_page_of_the_documents() {
    for entry in routes() {
        let path = entry.path.replace("{id}", &world().bob.uuid);
        for path in [path.clone(), format!("{path}/"), path.replacen('/', "//", 1)] {
            let answer = world().ada.send(entry.method.as_str(), &path, &[], ());
            assert!(!(300..400).contains(&answer.status), "{path}: {answer:?}");
        }
    }
    let answer = world().nobody.get("/v1/api/docs");
    assert_eq!((answer.status, answer.header("location")), (307, Some("/v1/api/docs/")));
}
