//! The OpenAPI documents match the server, and the pages that show them load nothing from other servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use atelier::http::routes::Entry;
use atelier::http::{arize, wallaroo};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::hostile_disk::HostileDisk;
use crate::support::Setup;
use crate::support::database::Database;
use crate::wallaroo::pipeline_requests::{self, CONSTANT};
use crate::wallaroo::{model_requests, pipelines};
use crate::world::{World, fresh, full_line, wait_for_log};

const DOCUMENT: &str = "/v1/api/openapi.json";

/// Each document, the page that shows it, and the routes that it describes.
fn documents() -> [(&'static str, &'static str, Vec<Entry>); 2] {
    [(DOCUMENT, "/v1/api/docs/", wallaroo::routes()), ("/v2/openapi.json", "/v2/docs/", arize::routes())]
}

/// Compares a response with its description.
#[track_caller]
pub fn as_described(document: &Value, method: &str, path: &str, answer: &Answer) {
    let operation = &document["paths"][path][method.to_lowercase()];
    let described = &operation["responses"][answer.status.to_string()];
    assert!(described.is_object(), "{method} {path} answers {} undescribed: {answer:?}", answer.status);
    if answer.body.is_empty() {
        assert!(described["content"].is_null(), "{method} {path}: {described}");
        return;
    }
    let kind = answer.header("content-type").expect("a type");
    let schema = &described["content"][kind]["schema"];
    assert!(schema.is_object(), "{method} {path} {} has no schema for {kind}: {described}", answer.status);
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::draft202012::new(&whole).expect("a schema");
    if let Err(error) = validator.validate(&answer.json()) {
        panic!("{method} {path} {}: {error}: {}", answer.status, answer.body);
    }
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// Compares real responses with their descriptions, and records which were seen.
struct Recorder {
    document: Value,
    seen: BTreeMap<String, BTreeSet<u16>>,
}

impl Recorder {
    fn new(nobody: &Client) -> Self {
        Self { document: nobody.get(DOCUMENT).ok(), seen: BTreeMap::new() }
    }

    /// The description of an operation.
    fn operation(&self, method: &str, path: &str) -> &Value {
        let operation = &self.document["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not described");
        operation
    }

    /// A schema with what it refers to.
    fn validator(&self, schema: &Value) -> jsonschema::Validator {
        let whole = json!({ "allOf": [schema], "components": self.document["components"] });
        jsonschema::draft202012::new(&whole).expect("a schema")
    }

    /// Sends a request, and compares the response (and the request, if accepted) with its description.
    fn ask(&mut self, client: &Client, method: &str, path: &str, body: &Value) -> Answer {
        let answer = match method {
            "GET" => client.get(path),
            _ => client.post(path, body),
        };
        self.compare(answer, method, path, body)
    }

    /// Compares the response to a request for a route with its description.
    fn compare(&mut self, answer: Answer, method: &str, path: &str, body: &Value) -> Answer {
        let operation = self.operation(method, path).clone();
        as_described(&self.document, method, path, &answer);
        if !answer.body.is_empty() {
            assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
        }
        if answer.status == 200 && method == "POST" && !answer.body.starts_with("{\"errors\"") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_object() {
                assert!(self.validator(schema).is_valid(body), "{path} takes what it does not describe: {body}");
            }
        }
        self.seen.entry(format!("{method} {path}")).or_default().insert(answer.status);
        answer
    }
}

/// Requests that succeed, for each operation in turn.
fn successes(world: &World, workspace: i64) -> Vec<(&'static str, &'static str, Value)> {
    let (carol, email) = (&world.carol, format!("{}@example.com", fresh("described")));
    let member = json!({ "workspace_id": workspace, "email": carol.email });
    let connection: String = world.database().one("SELECT uuid FROM connections WHERE name = 'described'", []);
    let link = json!({ "workspace_id": workspace, "connection_id": connection });
    let made = fresh("described");
    let mut requests = vec![
        ("GET", "/v1/api/config", Value::Null),
        ("POST", "/v1/api/workspaces/create", json!({ "workspace_name": fresh("described") })),
        ("POST", "/v1/api/workspaces/list", json!({})),
        ("POST", "/v1/api/workspaces/list", json!({ "user_ids": [carol.uuid], "user_id": null })),
        ("POST", "/v1/api/workspaces/add_user", member.clone()),
        (
            "POST",
            "/v1/api/workspaces/add_user",
            json!({ "workspace_id": workspace, "user_id": carol.uuid, "user_type": "owner", "url": "x" }),
        ),
        ("POST", "/v1/api/workspaces/list_users", json!({ "workspace_id": workspace })),
        ("POST", "/v1/api/workspaces/remove_user", member.clone()),
        ("POST", "/v1/api/workspaces/remove_user", member),
        ("POST", "/v1/api/workspaces/validate", json!({})),
        ("POST", "/v1/api/users/query", json!({})),
        ("POST", "/v1/api/users/query", json!({ "user_ids": [carol.uuid, uuid::Uuid::from_u128(1)] })),
        ("POST", "/v1/api/users/invite", json!({ "email": email })),
        ("POST", "/v1/api/users/deactivate", json!({ "email": email })),
        ("POST", "/v1/api/users/activate", json!({ "email": email })),
        (
            "POST",
            "/v1/api/user",
            json!({
                "id": carol.uuid, "firstName": "Carol", "lastName": "C", "email": carol.email, "enabled": true, "isAdmin": false
            }),
        ),
        ("POST", "/v1/api/connections/create", json!({ "name": made, "type": "HTTP" })),
        ("POST", "/v1/api/connections/list", json!({})),
        ("POST", "/v1/api/connections/list", json!({ "workspace_id": workspace })),
        ("POST", "/v1/api/connections/get", json!({ "name": "described" })),
        ("POST", "/v1/api/connections/get_by_id", json!({ "id": connection })),
        ("POST", "/v1/api/connections/add_to_workspace", link.clone()),
        ("POST", "/v1/api/connections/remove_from_workspace", link),
        ("POST", "/v1/api/connections/delete", json!({ "name": made })),
        (
            "POST",
            "/v1/graphql",
            json!({ "query": format!("{{ workspace_by_pk(id: {workspace}) {{ id name created_at }} }}") }),
        ),
    ];
    requests.extend(pipeline_requests::successes(world, workspace));
    requests
}

#[test]
fn documents_are_openapi_3_1_and_describe_exactly_the_routes() {
    for (document, _, routes) in documents() {
        describes(document, routes);
    }
}

fn describes(document: &str, routes: Vec<Entry>) {
    let answer = world().nobody.get(document);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.ok();
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1."), "{}", document["openapi"]);
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().expect("an item").keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let mounted: BTreeSet<String> =
        routes.into_iter().map(|entry| format!("{} {}", entry.method, entry.path)).collect();
    assert_eq!(described, mounted);
}

#[test]
fn every_operation_has_a_summary_and_its_authentication() {
    for (document, _, _) in documents() {
        has_a_summary(&world().nobody.get(document).ok());
    }
}

#[test]
fn every_limit_has_its_minimum_and_maximum() {
    let document = world().nobody.get("/v2/openapi.json").ok();
    let operations =
        document["paths"].as_object().expect("paths").values().flat_map(|item| item.as_object().into_iter().flatten());
    let limits = operations
        .flat_map(|(_, operation)| operation["parameters"].as_array().into_iter().flatten())
        .filter(|parameter| parameter["name"] == "limit");
    let bounds: Vec<_> = limits.map(|limit| (&limit["schema"]["minimum"], &limit["schema"]["maximum"])).collect();
    assert_eq!(bounds, vec![(&json!(1), &json!(100)); 9]);
}

fn has_a_summary(document: &Value) {
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    assert_eq!(document["security"], json!([{ "bearer": [] }]));
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{method} {path}");
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(summary.ends_with('.'), "{method} {path} has no summary: {summary:?}");
            assert!(operation["tags"].is_array(), "{method} {path}");
            let open = path == "/v1/api/config";
            assert_eq!(operation.get("security").is_some(), open, "{method} {path}");
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let reference = reference.split('"').next().expect("a reference");
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn real_responses_match_their_descriptions() {
    let disk = HostileDisk::new();
    let setup = Setup::new().args(&["--write-queue", "1", "--workers", "2"]);
    let world = World::of(disk.under(setup));
    let mut recorder = Recorder::new(&world.nobody);
    let workspace = world.bob.create("described");
    pipelines::create(&world.bob, workspace, "valves", &json!({}));
    world.bob.post("/v1/api/connections/create", &json!({ "name": "described", "type": "HTTP" })).ok();

    for (method, path, body) in successes(&world, workspace) {
        let answer = recorder.ask(&world.ada, method, path, &body);
        let done = ["connections/remove_from_workspace", "connections/delete"].iter().any(|end| path.ends_with(end));
        let expected = if done { 204 } else { 200 };
        assert_eq!(answer.status, expected, "{method} {path} {body}: {answer:?}");
    }
    for (method, path, body) in successes(&world, workspace) {
        if path == "/v1/api/config" {
            continue;
        }
        assert_eq!(recorder.ask(&world.nobody, method, path, &body).status, 401, "{path}");
        // Wrong in type, in value and in right.
        for wrong in [
            json!([]),
            json!({ "workspace_id": "x", "workspace_name": 1, "email": 1, "user_ids": 1, "id": 1, "query": 1 }),
        ] {
            let answer = recorder.ask(&world.ada, method, path, &wrong);
            let expected = if path.ends_with("validate") || path == "/v1/graphql" { 200 } else { 400 };
            assert_eq!(answer.status, expected, "{path} {wrong}");
        }
        recorder.ask(&world.carol, method, path, &body);
    }
    of_pipelines(&world, &mut recorder, workspace);
    let models = of_models(&world, &mut recorder, workspace);
    refusals_of_connections(&world, &mut recorder, workspace);
    busy(&world, &mut recorder, workspace);
    full(&world, &disk, &mut recorder, workspace);
    too_many(&world, &mut recorder);
    broken(&world, &mut recorder, workspace, &models);

    // Every described response was seen.
    let mut unseen = Vec::new();
    for entry in wallaroo::routes() {
        let name = format!("{} {}", entry.method, entry.path);
        let responses =
            recorder.operation(entry.method.as_str(), entry.path)["responses"].as_object().expect("answers");
        let seen = recorder.seen.get(&name).cloned().unwrap_or_default();
        unseen.extend(
            responses
                .keys()
                .filter(|code| !seen.contains(&code.parse().expect("a status")))
                .map(|code| format!("{name} {code}")),
        );
    }
    // These have nothing to write, and a read waits rather than give up.
    unseen.retain(|line| ![" 503", " 507"].iter().any(|status| line.ends_with(status)));
    assert_eq!(unseen, [""; 0], "described and never seen");
}

/// What only some requests about pipelines are answered.
fn of_pipelines(world: &World, recorder: &mut Recorder, workspace: i64) {
    let (id, version, _) = pipelines::create(&world.bob, workspace, "valves", &json!({}));
    let copy = json!({ "name": "valves", "workspace_id": workspace, "source_pipeline": id });
    assert_eq!(recorder.ask(&world.bob, "POST", "/v1/api/pipelines/copy", &copy).status, 409);
    let other = world.bob.create(&fresh("other"));
    pipelines::create(&world.bob, other, "valves", &json!({}));
    let moved = json!({ "pipeline_id": id, "workspace_id": other });
    assert_eq!(recorder.ask(&world.bob, "POST", "/v1/api/pipelines/move", &moved).status, 409);
    let unknown = json!({ "pipeline_versions": [uuid::Uuid::nil()] });
    assert_eq!(recorder.ask(&world.bob, "POST", "/v1/api/pipelines/delete_pipeline_versions", &unknown).status, 404);

    let deploy = "/v1/api/pipelines/deploy";
    let body = json!({ "pipeline_version_pk_id": version });
    for (client, agent, status) in [
        (&*world.bob, "WallarooSDK/2026.1.3", 200),
        (&*world.carol, "WallarooSDK/2026.1.3", 404),
        (&*world.bob, "curl/8.5.0", 400),
        (&world.nobody, "curl/8.5.0", 401),
    ] {
        let answer = client.send("POST", deploy, &[("user-agent", agent)], body.to_string());
        assert_eq!(recorder.compare(answer, "POST", deploy, &body).status, status);
    }
    let publishes = "/v1/api/pipelines/list_publishes_for_pipeline";
    let answer = world.bob.send("POST", publishes, &[("user-agent", "WallarooSDK/2024.4.4")], "{}");
    assert_eq!(recorder.compare(answer, "POST", publishes, &json!({})).status, 202);
    for (method, route, path, status) in CONSTANT {
        for (client, status) in [(&*world.bob, *status), (&*world.carol, *status), (&world.nobody, 401)] {
            let answer = client.send(method, path, &[], ());
            assert_eq!(recorder.compare(answer, method, route, &Value::Null).status, status, "{path}");
        }
    }
}

/// The routes of models: the method and the path.
fn routes_of_models() -> impl Iterator<Item = (String, &'static str)> {
    let routes = wallaroo::routes().into_iter().filter(|entry| entry.path.starts_with("/v1/api/models/"));
    routes.map(|entry| (entry.method.to_string(), entry.path))
}

/// Every response to requests about models, but for those of a server in trouble.
fn of_models(world: &World, recorder: &mut Recorder, workspace: i64) -> model_requests::Stage {
    let stage = model_requests::Stage::new(&world.bob, workspace);
    let hers = world.carol.create(&fresh("hers"));
    for (method, route) in routes_of_models() {
        if route == model_requests::FILE {
            continue;
        }
        let body = stage.ask(route).and_then(|(_, body, _)| body).unwrap_or_default();
        let done = recorder.compare(stage.send(&world.bob, &method, route), &method, route, &body);
        assert!([200, 202].contains(&done.status), "{done:?}");
        let unknown = recorder.compare(stage.send(&world.nobody, &method, route), &method, route, &body);
        assert_eq!(unknown.status, 401, "{route}");
        recorder.compare(stage.send(&world.carol, &method, route), &method, route, &body);
        if !route.ends_with("list_registries") {
            let wrong = recorder.compare(stage.send_wrong(&world.bob, &method, route), &method, route, &body);
            assert_eq!(wrong.status, 400, "{route}: {wrong:?}");
        }
    }
    let mut refused = |who: &Client, verb: &str, body: &Value, status: u16| {
        let answer = recorder.ask(who, "POST", &format!("/v1/api/models/{verb}"), body);
        assert_eq!(answer.status, status, "{verb} {body}: {answer:?}");
    };
    refused(&world.bob, "delete_model", &json!({ "model_id": "nothing", "workspace_id": workspace }), 404);
    let other = world.bob.create(&fresh("other"));
    crate::wallaroo::uploads::register(&world.bob, other, &stage.name);
    refused(&world.bob, "move", &json!({ "model_id": stage.model, "workspace_id": other }), 409);
    refused(&world.bob, "move", &json!({ "model_id": stage.model, "workspace_id": hers }), 400);
    let step = json!({ "ModelInference": { "models": [{ "name": stage.name, "version": stage.uuid, "sha": "" }] } });
    pipelines::create(&world.bob, workspace, "needs-it", &json!({ "steps": [step] }));
    refused(&world.bob, "delete_model", &json!({ "model_id": stage.name, "workspace_id": workspace }), 409);
    refused(&world.bob, "delete_model_versions", &json!({ "model_versions": [stage.uuid] }), 409);

    let (file, path) = (model_requests::FILE, format!("/v1/api/models/{}/file", stage.version));
    for (client, status) in [(&world.nobody, 401), (&*world.carol, 404)] {
        let answer = recorder.compare(client.get(&path), "GET", file, &Value::Null);
        assert_eq!(answer.status, status);
    }
    recorder.compare(stage.send_wrong(&world.bob, "GET", file), "GET", file, &Value::Null);
    let whole = world.bob.get(&path);
    let tag = whole.header("etag").expect("a tag").to_owned();
    for (header, status) in [
        (("accept", "*/*"), 200),
        (("range", "bytes=1-"), 206),
        (("range", "bytes=99-"), 416),
        (("if-none-match", &*tag), 304),
    ] {
        let answer = world.bob.send("GET", &path, &[header], ());
        let described = &recorder.operation("GET", file)["responses"][status.to_string()];
        let kind = answer.header("content-type");
        assert!(answer.status == status && described.is_object(), "{answer:?}");
        assert_eq!(kind.is_some(), described["content"][kind.unwrap_or_default()].is_object(), "{answer:?}");
        recorder.seen.entry(format!("GET {file}")).or_default().insert(status);
    }
    stage
}

/// What only connections are refused with.
fn refusals_of_connections(world: &World, recorder: &mut Recorder, workspace: i64) {
    let place = |verb: &str| format!("/v1/api/connections/{verb}");
    let mut refused = |who: &Client, verb: &str, body: &Value, status: u16| {
        let answer = recorder.ask(who, "POST", &place(verb), body);
        assert_eq!(answer.status, status, "{verb} {body}: {answer:?}");
    };
    let (named, unknown) = (json!({ "name": "described", "type": "HTTP" }), uuid::Uuid::from_u128(1));
    refused(&world.carol, "create", &named, 409);
    refused(&world.bob, "remove_from_workspace", &json!({ "workspace_id": workspace, "connection_id": unknown }), 404);
    refused(&world.bob, "delete", &json!({ "name": "nothing" }), 404);
    let connection = world.carol.post(&place("create"), &json!({ "name": "of carol", "type": "HTTP" })).text("id");
    let link = json!({ "workspace_id": workspace, "connection_id": connection });
    let database = world.database();
    database.write("UPDATE workspaces SET private = 0 WHERE id = ?1", [workspace]);
    refused(&world.carol, "add_to_workspace", &link, 403);
    database.write("UPDATE workspaces SET private = 1, archived = 1 WHERE id = ?1", [workspace]);
    refused(&world.ada, "add_to_workspace", &link, 409);
    database.write("UPDATE workspaces SET archived = 0 WHERE id = ?1", [workspace]);
    let mut many = (0..100).map(|n| json!({ "name": format!("one of many {n}"), "type": "HTTP" }));
    let last = many.find(|new| world.carol.post(&place("create"), new).status == 429);
    refused(&world.carol, "create", &last.expect("it has an end"), 429);
}

/// What is new while the disk is full.
fn full(world: &World, disk: &HostileDisk, recorder: &mut Recorder, workspace: i64) {
    let questions = successes(world, workspace);
    world.database().fill_disk(disk);
    for (method, path, body) in questions {
        if ["create", "invite"].iter().any(|ending| path.ends_with(ending)) {
            assert_eq!(recorder.ask(&world.ada, method, path, &body).status, 507, "{path}");
        }
    }
    world.database().free_disk(disk);
}

/// Every change while the write queue is full.
fn busy(world: &World, recorder: &mut Recorder, workspace: i64) {
    let database = world.database();
    full_line(&world.ada, &database, || {
        for (method, path, body) in successes(world, workspace) {
            let of_workspaces = ["create", "add_user", "remove_user", "invite", "activate", "deactivate", "api/user"];
            let of_pipelines = ["copy", "move", "delete_pipeline", "delete_pipeline_versions"];
            let writes = [of_workspaces.as_slice(), &of_pipelines].concat();
            if writes.iter().any(|ending| path.ends_with(ending)) {
                let answer = recorder.ask(&world.ada, method, path, &body);
                assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}: {answer:?}");
                let whole = json!({ "msg": "the server is busy; try again in 1 s", "code": 503 });
                assert_eq!(answer.json(), whole, "{path}");
            }
        }
    });
}

/// An invitation after too many users were created within a minute.
fn too_many(world: &World, recorder: &mut Recorder) {
    let made = (0..2000).find(|_| {
        let email = format!("{}@example.com", fresh("one-of-many"));
        world.ada.post("/auth/admin/realms/master/users", &json!({ "username": email, "email": email })).status == 429
    });
    assert!(made.is_some(), "it has an end");
    for _ in 0..20 {
        let body = json!({ "email": format!("{}@example.com", fresh("one-too-many")) });
        let answer = recorder.ask(&world.ada, "POST", "/v1/api/users/invite", &body);
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            return;
        }
    }
    panic!("every invitation was taken");
}

/// Everything while a table is missing.
fn broken(world: &World, recorder: &mut Recorder, workspace: i64, models: &model_requests::Stage) {
    let database: Database = world.database();
    let questions = successes(world, workspace);
    database.write("ALTER TABLE sessions RENAME TO lost", []);
    let reason = match database {
        Database::File(_) => "no such table: sessions",
        Database::Postgres(_) => "PostgreSQL: relation \"sessions\" does not exist (42P01)",
    };
    for (method, path, body) in questions {
        if path == "/v1/api/config" {
            continue;
        }
        let answer = recorder.ask(&world.ada, method, path, &body);
        if path == "/v1/graphql" {
            assert!(answer.body.contains("internal error"), "{answer:?}");
        } else {
            let id = answer.header("x-request-id").expect("an id");
            let msg = format!("internal error; look in the server's log for request {id}");
            assert_eq!(answer.outcome(), (500, json!({ "msg": msg, "code": 500 })), "{path}");
            wait_for_log(&world.server, &format!("{id} internal error: {reason}"));
        }
        assert!(!answer.body.contains("sessions") && !answer.body.contains("SELECT"), "{answer:?}");
    }
    let routes = CONSTANT.iter().map(|(method, route, path, _)| (*method, *route, *path));
    let deploy = "/v1/api/pipelines/deploy";
    for (method, route, path) in routes.chain([("POST", deploy, deploy)]) {
        let answer = world.ada.send(method, path, &[], ());
        assert_eq!(recorder.compare(answer, method, route, &Value::Null).status, 500, "{path}");
    }
    for (method, route) in routes_of_models() {
        let answer = models.send(&world.ada, &method, route);
        assert_eq!(recorder.compare(answer, &method, route, &Value::Null).status, 500, "{route}");
    }
    database.write("ALTER TABLE lost RENAME TO sessions", []);
    assert_eq!(world.ada.post("/v1/api/workspaces/validate", &json!({})).status, 200, "and all is well again");
}

#[test]
fn the_pages_of_the_documents_load_nothing_from_other_servers() {
    for (document, page, _) in documents() {
        loads_only_own_files(document, page);
    }
}

fn loads_only_own_files(document: &str, place: &str) {
    let is = |part: &str, kind: &str| Path::new(part).extension().is_some_and(|extension| extension == kind);
    let page = world().nobody.get(place);
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").expect("a type").starts_with("text/html"), "{page:?}");
    let mut parts: Vec<String> = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        parts
            .extend(page.body.split(attribute).skip(1).map(|rest| rest.split('"').next().expect("a value").to_owned()));
    }
    assert!(parts.iter().any(|part| is(part, "js")) && parts.iter().any(|part| is(part, "css")), "{parts:?}");
    for part in &parts {
        assert!(!part.contains("//"), "{part} is elsewhere");
        let answer = world().nobody.send("GET", &format!("{place}{}", part.trim_start_matches("./")), &[], ());
        assert_eq!(answer.status, 200, "{part}");
        if is(part, "css") {
            assert!(!answer.body.contains("@import") && !answer.body.contains("url(http"), "{part}");
        }
    }
    assert!(!page.body.contains("http://") && !page.body.contains("https://"), "{}", page.body);
    let start = world().nobody.get(&format!("{place}swagger-initializer.js"));
    assert_eq!(start.status, 200);
    assert!(start.body.contains(document), "{}", start.body);
    assert!(!start.body.contains("http://") && !start.body.contains("https://"), "{}", start.body);
}

#[test]
fn the_pages_of_the_documents_are_compressed_for_those_who_accept_it() {
    let nobody = &world().nobody;
    for (file, kind) in [("swagger-ui-bundle.js", "text/javascript"), ("swagger-ui.css", "text/css")] {
        let path = format!("/v2/docs/{file}");
        let plain = nobody.get(&path);
        assert_eq!(
            (plain.status, plain.header("content-encoding"), plain.header("vary")),
            (200, None, Some("Accept-Encoding"))
        );
        assert!(plain.header("content-type").expect("a type").starts_with(kind), "{plain:?}");
        assert!(plain.body.len() > 100_000, "{file} has {} bytes", plain.body.len());
        let size = |accepted: &str| {
            let answer = nobody.send("HEAD", &path, &[("accept-encoding", accepted)], ());
            let length: usize = answer.header("content-length").expect("a length").parse().expect("a number");
            (length, answer.header("content-encoding").map(str::to_owned))
        };
        for accepted in ["gzip", "gzip, deflate, br, zstd"] {
            let (length, encoding) = size(accepted);
            assert!(length * 3 < plain.body.len() && encoding.as_deref() == Some("gzip"), "{accepted}: {length}");
        }
        for refused in ["identity", "br", "*", "gzip;q=0", "gzip;q=0, *", "nonsense;;"] {
            assert_eq!(size(refused), (plain.body.len(), None), "{refused}");
        }
    }
    for unused in ["swagger-ui.js", "swagger-ui-es-bundle.js", "swagger-ui-standalone-preset.js", "../openapi.json"] {
        assert_eq!(nobody.get(&format!("/v2/docs/{unused}")).status, 404, "{unused}");
    }
}
