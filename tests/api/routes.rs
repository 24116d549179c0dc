//! The golden grid of every route and its answer to every caller, and the answers of unknown paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use atelier::http::routes::Entry;
use atelier::http::{arize, console, keycloak, ops, wallaroo};
use atelier::policy::Action;
use serde_json::{Value, json};

use crate::arize::scene;
use crate::client::{Answer, Client, TOKEN};
use crate::documents;
use crate::wallaroo::{model_requests, pipeline_requests, uploads};
use crate::world::{Person, World, fresh, invite};

mod archived;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// Every route of the server.
fn routes() -> Vec<Entry> {
    [wallaroo::routes(), keycloak::routes(), console::routes(), ops::routes(), arize::routes()].concat()
}

/// A path with every variable segment filled in.
fn filled(path: &str) -> String {
    let fill = |segment: &str| if segment.starts_with('{') { world().bob.uuid.clone() } else { segment.to_owned() };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

/// The request for a route: the same for every caller, except for unique names.
struct Ask {
    path: String,
    body: Option<Value>,
    form: Option<String>,
}

/// The fixed small world: a workspace, its member erin, who is the subject of every request, and a session.
struct Stage {
    workspace: i64,
    refresh_token: String,
    erin: Person,
    /// A user to delete.
    leaving: Person,
    /// The path of bob's password link.
    link: String,
    models: model_requests::Stage,
    pipelines: pipeline_requests::Stage,
    /// A connection of bob's in the workspace.
    connection: String,
}

impl Stage {
    /// The request for a route by the caller of this column; none for an unlisted route.
    #[expect(clippy::too_many_lines, reason = "one table of every route")]
    fn ask(&self, method: &str, path: &str, column: usize) -> Option<Ask> {
        let (id, erin) = (self.workspace, &self.erin);
        let about_erin = json!({ "workspace_id": id, "email": erin.email });
        if let Some((path, body, form)) = self.models.ask(path) {
            return Some(Ask { path, body, form });
        }
        if let Some((path, body)) = self.pipelines.ask(path, column) {
            return Some(Ask { path, body, form: None });
        }
        let is_page = console::routes().iter().any(|page| page.path == path);
        let body = match (method, path) {
            ("GET", "/auth/invitation") => return Some(Ask { path: self.link.clone(), body: None, form: None }),
            ("POST", "/oauth2/authorize" | "/auth/realms/master/protocol/openid-connect/auth") => {
                let form = Some("client_id=arize-cli".to_owned());
                return Some(Ask { path: path.to_owned(), body: None, form });
            }
            // A bearer token opens no page, and no form is taken without the token of a page.
            ("GET", path) if is_page => return Some(Ask { path: filled(path), body: None, form: None }),
            ("POST", path) if is_page => {
                let form = Some("password=short&decision=allow&user_code=BCDF-GHJK".to_owned());
                return Some(Ask { path: filled(path), body: None, form });
            }
            (
                "GET",
                "/v1/api/config"
                | "/v1/api/openapi.json"
                | "/v1/api/docs"
                | "/v2/openapi.json"
                | "/v2/docs"
                | "/healthz"
                | "/readyz"
                | "/metrics"
                | "/status"
                | "/auth/realms/master"
                | "/auth/admin/serverinfo"
                | "/auth/admin/realms"
                | "/auth/admin/realms/master"
                | "/auth/admin/realms/master/clients"
                | "/auth/realms/master/.well-known/openid-configuration"
                | "/.well-known/openid-configuration"
                | "/.well-known/oauth-authorization-server"
                | "/.well-known/oauth-authorization-server/auth/realms/master"
                | "/auth/realms/master/protocol/openid-connect/logout"
                | "/auth/realms/master/protocol/openid-connect/userinfo"
                | "/oauth2/userinfo"
                | "/auth/realms/master/protocol/openid-connect/certs",
            )
            | ("POST", "/auth/realms/master/protocol/openid-connect/userinfo" | "/oauth2/userinfo") => None,
            ("GET", "/v1/api/docs/{file:.*}" | "/v2/docs/{file:.*}") => {
                return Some(Ask { path: path.replace("{file:.*}", "index.html"), body: None, form: None });
            }
            ("GET" | "DELETE", path) if path.contains("/clients/{id}") || path.contains("/sessions/{id}") => {
                // Nobody has a client or a session of this id.
                let path = path.replace("{id}", "00000000-0000-4000-8000-000000000000");
                return Some(Ask { path, body: None, form: None });
            }
            ("POST", "/auth/admin/realms/master/users") => {
                Some(json!({ "email": format!("made-{column}@example.com"), "enabled": true }))
            }
            // A user whom only the administrator can change, other than erin.
            ("DELETE", "/auth/admin/realms/master/users/{id}") => {
                return Some(Ask { path: path.replace("{id}", &self.leaving.uuid), body: None, form: None });
            }
            (_, path) if path.starts_with("/auth/admin/realms/master/users/{id}/") => {
                let body = match path.rsplit('/').next() {
                    Some("reset-password") => Some(json!({ "value": "the password of erin" })),
                    Some("execute-actions-email" | "send-verify-email") => Some(json!([])),
                    _ => None,
                };
                return Some(Ask { path: path.replace("{id}", &erin.uuid), body, form: None });
            }
            ("GET", "/auth/admin/realms/master/users" | "/auth/admin/realms/master/users/count") => {
                return Some(Ask { path: format!("{path}?email={}", erin.email), body: None, form: None });
            }
            ("GET" | "PUT", "/auth/admin/realms/master/users/{id}") => {
                let body = (method == "PUT").then(|| json!({ "firstName": format!("Erin {column}") }));
                return Some(Ask { path: path.replace("{id}", &erin.uuid), body, form: None });
            }
            (
                "POST",
                "/auth/realms/master/protocol/openid-connect/auth/device"
                | "/oauth2/device_authorization"
                | "/auth/realms/master/protocol/openid-connect/token/introspect"
                | "/oauth2/introspect"
                | "/auth/realms/master/protocol/openid-connect/revoke"
                | "/oauth2/revoke"
                | "/auth/realms/master/protocol/openid-connect/logout",
            ) => {
                let form = Some("client_id=sdk-client&token=nonsense&refresh_token=nonsense".to_owned());
                return Some(Ask { path: path.to_owned(), body: None, form });
            }
            ("POST", "/auth/realms/master/protocol/openid-connect/token" | "/oauth2/token") => {
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
            ("POST", "/v1/api/workspaces/list_users" | "/v1/api/connections/list") => {
                Some(json!({ "workspace_id": id }))
            }
            ("POST", "/v1/api/users/invite") => Some(json!({ "email": format!("of-column-{column}@example.com") })),
            ("POST", "/v1/api/users/activate" | "/v1/api/users/deactivate") => Some(json!({ "email": erin.email })),
            ("POST", "/v1/api/user") => Some(json!({
                "id": erin.uuid, "firstName": "Erin", "lastName": "E", "email": erin.email, "enabled": true, "isAdmin": false
            })),
            ("POST", "/v1/api/connections/create") => {
                Some(json!({ "name": format!("of-column-{column}"), "type": "HTTP", "details": {} }))
            }
            ("POST", "/v1/api/connections/get" | "/v1/api/connections/delete") => Some(json!({ "name": "store" })),
            ("POST", "/v1/api/connections/get_by_id") => Some(json!({ "id": self.connection })),
            ("POST", "/v1/api/connections/add_to_workspace" | "/v1/api/connections/remove_from_workspace") => {
                Some(json!({ "workspace_id": id, "connection_id": self.connection }))
            }
            ("POST", "/v1/graphql") => Some(json!({ "query": format!("{{ workspace_by_pk(id: {id}) {{ name }} }}") })),
            _ => return None,
        };
        Some(Ask { path: path.to_owned(), body, form: None })
    }
}

/// The name of a route in the grid.
fn named(entry: &Entry) -> String {
    let methods = if entry.method.as_str() == "GET" { "GET, HEAD" } else { entry.method.as_str() };
    format!("{methods} {}", entry.path)
}

/// Asserts that `HEAD` has the status of `GET`, and no body.
#[track_caller]
fn check_head(client: &Client, ask: &Ask, answer: &Answer) {
    let head = client.send("HEAD", &ask.path, &[], ());
    assert_eq!((head.status, head.body.as_str()), (answer.status, ""), "HEAD {}", ask.path);
}

fn send(client: &Client, method: &str, ask: &Ask) -> Answer {
    match (&ask.body, &ask.form) {
        (Some(body), _) => client.send(method, &ask.path, &[("content-type", "application/json")], body.to_string()),
        (None, Some(form)) => {
            let urlencoded = ("content-type", "application/x-www-form-urlencoded");
            let kind = if form.starts_with("--") { uploads::FORM } else { urlencoded };
            client.send(method, &ask.path, &[kind], form)
        }
        (None, None) => client.send(method, &ask.path, &[], ()),
    }
}

/// The administrator through a client that has no scope `api`.
fn without_api(world: &World) -> Client {
    let add = ["client", "add", "narrow", "--public", "--grant", "password", "--scope", "openid"];
    assert!(world.server.cli(&add).status.success());
    let (email, password) = (world.ada.email.as_str(), world.ada.password.as_str());
    let form = [("grant_type", "password"), ("client_id", "narrow"), ("username", email), ("password", password)];
    let tokens = world.nobody.form(TOKEN, &[form.as_slice(), &[("scope", "openid api")]].concat());
    world.nobody.with(&tokens.text("access_token"))
}

/// The status, and a word for the reason where one status has many.
fn cell(answer: &Answer) -> String {
    let why = match answer.status {
        400 if Action::ALL.iter().any(|action| answer.body.contains(&action.need("workspace"))) => "/right",
        400 if answer.body.contains("does not exist") => "/unseen",
        200 if answer.body.starts_with("{\"errors\"") => "/errors",
        200 if answer.body == r#"{"data":{"workspace_by_pk":null}}"# || answer.body == "[]" => "/none",
        _ => "",
    };
    format!("{}{why}", answer.status)
}

#[test]
fn every_route_answers_as_the_golden_grid_says() {
    let world = World::start();
    let (ada, bob, carol, nobody) = (&world.ada, &world.bob, &world.carol, &world.nobody);
    let outsider = world.new_member("olaf");
    let erin = invite(ada, nobody, "erin@example.com", "the password of erin");
    let leaving = invite(ada, nobody, "leaving@example.com", "the password of leaving");
    let workspace = bob.create("den");
    bob.add(workspace, carol, "collaborator");
    bob.add(workspace, &erin, "collaborator");
    let made = world.server.cli(&["user", "reset-link", "bob@example.com"]);
    let url = String::from_utf8(made.stdout).expect("a link").trim_end().to_owned();
    let link = url[url.find("/auth/").expect("a path")..].to_owned();
    let pipelines = pipeline_requests::Stage::new(bob, workspace, 7);
    let models = model_requests::Stage::new(bob, workspace);
    let body = json!({ "name": "store", "type": "HTTP", "details": { "token": "s" } });
    let connection = bob.post("/v1/api/connections/create", &body).text("id");
    let linked = json!({ "workspace_id": workspace, "connection_id": connection });
    bob.post("/v1/api/connections/add_to_workspace", &linked).ok();
    let refresh_token = bob.refresh_token.clone();
    let stage = Stage { workspace, refresh_token, erin, leaving, link, models, pipelines, connection };
    let bad = nobody.with("nonsense");
    let narrow = without_api(&world);
    let columns = [
        ("nobody", nobody),
        ("bad token", &bad),
        ("no api", &narrow),
        ("outsider", &*outsider),
        ("member", &**carol),
        ("owner", &**bob),
        ("admin", &**ada),
    ];

    let mut grid = "\
# Every route and its answer to: nobody; a bad token; a token of an administrator without the scope api; a person who is
# not in the workspace; a member of it; an owner of it; an administrator who is not in it. They ask one after the other,
# each about the same workspace and about erin, who begins as its member.
#
# /right: the refusal names the right that is missing. /unseen: to the one who asks, the thing does not exist.
# /none: nothing was found. /errors: GraphQL's way to refuse.
#
# ATELIER_TEST_BLESS=1 cargo test --test api routes writes this anew; read what it says.

"
    .to_owned();
    let mut row = format!("{:<74}", "");
    for (name, _) in columns {
        let _ = write!(row, "{name:<12}");
    }
    let _ = writeln!(grid, "{}", row.trim_end());
    let mut unasked = Vec::new();
    let of_arize: BTreeSet<&str> = arize::routes().iter().map(|entry| entry.path).collect();
    for entry in routes().into_iter().filter(|entry| !of_arize.contains(entry.path)) {
        let mut row = format!("{:<74}", named(&entry));
        for (column, (_, client)) in columns.iter().enumerate() {
            let Some(ask) = stage.ask(entry.method.as_str(), entry.path, column) else {
                unasked.push(format!("{} {}", entry.method, entry.path));
                break;
            };
            let answer = send(client, entry.method.as_str(), &ask);
            if entry.method.as_str() == "GET" {
                check_head(client, &ask, &answer);
            }
            assert!(answer.status < 500, "{row}: {answer:?}");
            let _ = write!(row, "{:<12}", cell(&answer));
        }
        let _ = writeln!(grid, "{}", row.trim_end());
    }
    assert_eq!(unasked, [""; 0], "routes that this test does not know how to ask");
    grid.push_str(&arize_grid(&world, &narrow));

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/routes.txt");
    if std::env::var_os("ATELIER_TEST_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().expect("a folder")).expect("a folder");
        std::fs::write(&golden, &grid).expect("the golden file");
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(grid == kept, "the grid is not tests/golden/routes.txt any more:\n{grid}");
}

/// The people of an organization, beside its owner of a space, bob, and the administrator of the account, ada.
struct Cast {
    reader: Person,
    member: Person,
    governor: Person,
    erin: Person,
    erin_id: String,
    stranger: Person,
}

/// A small organization, created anew for each request that may change it.
struct Set {
    name: String,
    organization: String,
    space: String,
    project: String,
    role: String,
    spare_role: String,
    binding: String,
}

impl Set {
    fn new(world: &World, cast: &Cast) -> Self {
        let name = fresh("works");
        let organization = scene::organization(world, &name);
        for who in [&cast.reader, &cast.member, &world.bob, &cast.erin] {
            scene::add_to_organization(world, &organization, who, "MEMBER");
        }
        scene::add_to_organization(world, &organization, &cast.governor, "ADMIN");
        let space = scene::space(&world.bob, &organization, "den");
        scene::join(world, &world.bob, &space, &cast.reader, "READ_ONLY");
        for who in [&cast.member, &cast.erin] {
            scene::join(world, &world.bob, &space, who, "MEMBER");
        }
        let project = scene::project(&world.bob, &space, "valves");
        let role = scene::named_role(world, &fresh("looker"), &["SPACE_READ"]);
        let spare_role = scene::named_role(world, &fresh("spare"), &["SPACE_READ"]);
        let bound = json!({
            "role_id": role, "user_id": cast.erin_id, "resource_type": "SPACE", "resource_id": space,
        });
        let binding = scene::text(&scene::created(&world.bob.post("/v2/role-bindings", &bound)), "id");
        Self { name, organization, space, project, role, spare_role, binding }
    }

    /// An invited user in the organization.
    fn invited(&self, world: &World) -> String {
        let body = json!({
            "name": "Ivo", "email": format!("{}@example.com", fresh("ivo")), "role": scene::role("MEMBER"),
            "invite_mode": "EMAIL_LINK",
        });
        let id = scene::text(&scene::created(&world.ada.post("/v2/users", &body)), "id");
        let member = json!({ "user_id": id, "role": scene::role("MEMBER") });
        world.ada.post(&format!("/v2/organizations/{}/users", self.organization), &member).ok();
        id
    }

    /// A tag of the project.
    fn tag(&self, world: &World) -> String {
        let tag =
            scene::created(&world.bob.post("/v2/tags", &json!({ "name": fresh("live"), "space_id": self.space })));
        let id = scene::text(&tag, "id");
        world.bob.post(&format!("/v2/projects/{}/tags", self.project), &json!({ "tag_ids": [id] })).ok();
        id
    }

    /// The request for a route; none for an unlisted route.
    fn ask(&self, world: &World, cast: &Cast, method: &str, path: &str) -> Option<Ask> {
        let query = match (method, path) {
            ("GET", "/v2/spaces") => format!("?org_id={}", self.organization),
            ("GET", "/v2/organizations") => format!("?name={}", self.name),
            ("GET", "/v2/projects") => format!("?space_id={}", self.space),
            ("GET", "/v2/explain") => format!("?action=update-space&on={}", self.space),
            ("GET", "/v2/users") => format!("?email={}", cast.erin.email),
            ("GET", "/v2/role-bindings") => format!("?resource_type=SPACE&user_id={}", cast.erin_id),
            _ => String::new(),
        };
        let named = json!({ "name": fresh("renamed") });
        let tag = if path.contains("tag") { self.tag(world) } else { String::new() };
        let member = json!({ "user_id": cast.erin_id, "role": scene::role("READ_ONLY") });
        let body = match (method, path) {
            ("GET", "/v2/resource-restrictions") | ("DELETE", "/v2/resource-restrictions/{resource_id}") => {
                world.bob.post("/v2/resource-restrictions", &json!({ "resource_id": self.project })).ok();
                None
            }
            ("DELETE", "/v2/users/{user_id}") | ("POST", "/v2/users/{user_id}/resend-invitation") => {
                let path = path.replace("{user_id}", &self.invited(world));
                return Some(Ask { path, body: (method == "POST").then(|| json!({})), form: None });
            }
            ("POST", "/v2/users/{user_id}/reset-password") => Some(json!({})),
            ("POST", "/v2/users") => Some(json!({
                "name": "Ines", "email": format!("{}@example.com", fresh("ines")), "role": scene::role("MEMBER"),
                "invite_mode": "EMAIL_LINK",
            })),
            ("POST", "/v2/api-keys") => Some(json!({ "key_type": "USER", "name": "mine" })),
            (
                _,
                "/v2/api-keys/{api_key_id}" | "/v2/api-keys/{api_key_id}/refresh" | "/v2/api-keys/{api_key_id}/revoke",
            ) => {
                let made = world.bob.post("/v2/api-keys", &json!({ "key_type": "USER", "name": "bob's" }));
                let path = path.replace("{api_key_id}", &scene::text(&scene::created(&made), "id"));
                return Some(Ask { path, body: (method != "DELETE").then(|| json!({})), form: None });
            }
            ("DELETE", "/v2/roles/{role_id}") => {
                let path = path.replace("{role_id}", &self.spare_role);
                return Some(Ask { path, body: None, form: None });
            }
            ("POST" | "DELETE", "/v2/projects/{project_id}/tags") => Some(json!({ "tag_ids": [tag] })),
            ("GET" | "DELETE", _) if THINGS.iter().any(|thing| path.starts_with(thing)) => None,
            ("POST", "/v2/spaces") => Some(json!({ "name": "new", "organization_id": self.organization })),
            ("POST", "/v2/roles") => Some(json!({ "name": fresh("new"), "permissions": ["TAG_READ"] })),
            ("POST", "/v2/projects" | "/v2/tags") => Some(json!({ "name": "new", "space_id": self.space })),
            ("POST", "/v2/resource-restrictions") => Some(json!({ "resource_id": self.project })),
            ("POST", "/v2/role-bindings") => Some(json!({
                "role_id": self.role, "user_id": cast.erin_id, "resource_type": "PROJECT", "resource_id": self.project,
            })),
            ("POST", "/v2/spaces/{space_id}/users" | "/v2/organizations/{org_id}/users") => Some(member),
            ("PATCH", "/v2/role-bindings/{binding_id}") => Some(json!({ "role_id": self.spare_role })),
            ("POST", "/v2/organizations")
            | (
                "PATCH",
                "/v2/spaces/{space_id}"
                | "/v2/organizations/{org_id}"
                | "/v2/projects/{project_id}"
                | "/v2/tags/{tag_id}"
                | "/v2/roles/{role_id}"
                | "/v2/users/{user_id}",
            ) => Some(named),
            _ => return None,
        };
        let path = path
            .replace("{space_id}", &self.space)
            .replace("{org_id}", &self.organization)
            .replace("{project_id}", &self.project)
            .replace("{tag_id}", &tag)
            .replace("{resource_id}", &self.project)
            .replace("{role_id}", &self.role)
            .replace("{binding_id}", &self.binding)
            .replace("{user_id}", &cast.erin_id);
        Some(Ask { path: format!("{path}{query}"), body, form: None })
    }
}

const THINGS: [&str; 11] = [
    "/v2/api-keys",
    "/v2/users",
    "/v2/spaces",
    "/v2/organizations",
    "/v2/roles",
    "/v2/role-bindings",
    "/v2/projects",
    "/v2/tags",
    "/v2/resource-restrictions",
    "/v2/audit-logs",
    "/v2/explain",
];

/// Every route of the Arize dialect, whose responses match its document.
fn arize_grid(world: &World, narrow: &Client) -> String {
    let document = world.nobody.get("/v2/openapi.json").ok();
    let (stranger, _) = scene::stranger(world, "sten");
    let [reader, member, governor, erin] = ["rita", "mel", "orla", "edda"].map(|name| world.new_member(name));
    let erin_id = scene::user(world, &erin);
    let cast = Cast { reader, member, governor, erin, erin_id, stranger };
    let columns: [(&str, &Client); 8] = [
        ("nobody", &world.nobody),
        ("no api", narrow),
        ("stranger", &cast.stranger),
        ("reader", &cast.reader),
        ("member", &cast.member),
        ("owner", &world.bob),
        ("org admin", &cast.governor),
        ("admin", &world.ada),
    ];
    let mut grid = "
# The routes of the Arize dialect and their answers to: nobody; a token of an administrator of the account without the
# scope api; a member of another organization only; three members of the organization, who read, are a member of and own its private space; an administrator of the organization, who
# is not in the space; an administrator of the account, who is not in it either. What they would change is made anew
# for each; they ask about edda, a member of the space, and about a role that she has.

"
    .to_owned();
    let mut line = format!("{:<62}", "");
    for (name, _) in columns {
        let _ = write!(line, "{name:<12}");
    }
    let _ = writeln!(grid, "{}", line.trim_end());
    let mut unasked = Vec::new();
    for entry in arize::routes() {
        let (method, name) = (entry.method.as_str(), named(&entry));
        let mut line = format!("{name:<62}");
        let shared = (method == "GET").then(|| Set::new(world, &cast));
        for (_, client) in columns {
            let own = if shared.is_none() { Some(Set::new(world, &cast)) } else { None };
            let Some(ask) = shared.as_ref().or(own.as_ref()).and_then(|set| set.ask(world, &cast, method, entry.path))
            else {
                unasked.push(name);
                break;
            };
            let answer = send(client, method, &ask);
            if method == "GET" {
                check_head(client, &ask, &answer);
            }
            documents::as_described(&document, method, entry.path, &answer);
            let nothing = answer.status == 200 && answer.body.contains("[],\"pagination\"");
            let _ = write!(line, "{:<12}", format!("{}{}", answer.status, if nothing { "/none" } else { "" }));
        }
        let _ = writeln!(grid, "{}", line.trim_end());
    }
    assert_eq!(unasked, [""; 0], "routes that this test does not know how to ask");
    grid
}

#[test]
fn each_route_is_registered_once() {
    let mut seen = BTreeSet::new();
    for entry in routes() {
        assert!(seen.insert(format!("{} {}", entry.method, entry.path)), "{} {}", entry.method, entry.path);
    }
    assert!(seen.len() >= 22, "{seen:?}");
}

/// The answer of a dialect to a wrong method or path.
fn refusal(path: &str, status: u16, text: &str) -> Result<Value, String> {
    if path.starts_with("/auth") || path.starts_with("/oauth2") || path.starts_with("/.well-known") {
        Ok(json!({ "error": text }))
    } else if ops::routes().iter().any(|page| page.path == path) {
        Err(text.to_owned())
    } else if path.starts_with("/v1") {
        Ok(json!({ "msg": text, "code": status }))
    } else if path.starts_with("/v2") {
        Ok(json!(text))
    } else {
        Err(text.to_owned())
    }
}

#[test]
fn a_wrong_method_is_405_with_the_allowed_ones() {
    let mut by_path: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in routes() {
        by_path.entry(entry.path).or_default().push(entry.method.to_string());
    }
    for (path, methods) in by_path {
        let asked = filled(path);
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"] {
            if methods.iter().any(|known| known == method || (method == "HEAD" && known == "GET")) {
                continue;
            }
            let allowed = methods.join(", ").replace("GET", "GET, HEAD");
            // The caller and the body do not matter.
            for client in [&world().nobody, &*world().ada] {
                let answer = match method {
                    "GET" | "HEAD" | "OPTIONS" | "DELETE" => client.send(method, &asked, &[], ()),
                    _ => client.send(method, &asked, &[], "{"),
                };
                assert_eq!((answer.status, answer.header("allow")), (405, Some(&*allowed)), "{method} {path}");
                if method == "HEAD" {
                    assert_eq!(answer.body, "", "{path}");
                    continue;
                }
                let text = format!("this endpoint does not support the method; it supports {allowed}");
                if console::routes().iter().any(|entry| entry.path == path) {
                    assert!(
                        answer.body.contains("This page does not support the method"),
                        "{method} {path}: {answer:?}"
                    );
                    continue;
                }
                // A route of the Wallaroo dialect may be under the prefix of another one.
                let is_wallaroo = wallaroo::routes().iter().any(|entry| entry.path == path);
                match refusal(if is_wallaroo { "/v1" } else { path }, 405, &text) {
                    Ok(Value::String(detail)) => assert_eq!(answer.json()["detail"], detail, "{method} {path}"),
                    Ok(body) => assert_eq!(answer.json(), body, "{method} {path}"),
                    Err(_) => assert_eq!(answer.body, "this path supports GET and HEAD only\n", "{method} {path}"),
                }
            }
        }
    }
}

#[test]
fn an_unknown_path_is_404_in_the_format_of_the_dialect() {
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
                assert_eq!(client.send(method, path, &[], ()).outcome(), wallaroo, "{method} {path}");
            }
        }
        for path in [
            "/auth",
            "/auth/",
            "/auth/realms/other/protocol/openid-connect/token",
            "/auth/realms/other",
            "/auth/admin/realms/master/users/",
            "/auth/admin/realms/master/users/1/nonsense",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(client.send(method, path, &[], ()).outcome(), keycloak, "{method} {path}");
            }
        }
        for path in
            ["/v2", "/v2/", "/v2/nonsense", "/v2/spaces/", "/v2/spaces/x/y", "/v2/Spaces", "/v2/spaces/x/users/y/z"]
        {
            for method in ["GET", "POST", "DELETE"] {
                let answer = client.send(method, path, &[], ());
                scene::problem(&answer, 404, "there is no endpoint at this path");
            }
        }
        for path in ["/nonsense", "/v2x", "/v1api", "/v10/api/config", "/authx", "/healthz/", "/favicon.png", "/.env"] {
            let answer = client.get(path);
            assert_eq!((answer.status, answer.body.as_str()), (404, "not found\n"), "{path}");
        }
    }
}

#[test]
fn only_pages_redirect() {
    for entry in routes() {
        let path = filled(entry.path);
        for path in [path.clone(), format!("{path}/"), path.replacen('/', "//", 1)] {
            let answer = world().ada.send(entry.method.as_str(), &path, &[], ());
            // The pages lead people on, and a browser that signs out at a program's asking is sent to the page for it.
            let is_page = console::routes().iter().any(|page| page.path == entry.path);
            let leads_on = path == filled(entry.path) && (is_page || path.ends_with("/openid-connect/logout"));
            let to_page = answer.status == 303 && answer.header("location").is_some_and(|to| to.starts_with("/auth/"));
            let to_docs = answer.status == 307 && answer.header("location") == Some(&*format!("{path}/"));
            assert!(
                (leads_on && to_page) || (path.ends_with("/docs") && to_docs) || !(300..400).contains(&answer.status),
                "{path}: {answer:?}"
            );
        }
    }
    for (path, page) in [("/v1/api/docs", "/v1/api/docs/"), ("/v2/docs", "/v2/docs/")] {
        let answer = world().nobody.get(path);
        assert_eq!((answer.status, answer.header("location")), (307, Some(page)));
    }
}
