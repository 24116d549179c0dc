//! A server with rows of every kind, made through its APIs, and its exports.

use std::fmt::Write as _;
use std::fs;
use std::sync::OnceLock;

use atelier::app::setup;
use atelier::store::data_dir::DataDir;
use atelier::store::{Address, Sizes, Store};
use atelier::tokens::file_hash::FileHash;
use atelier::tokens::seal::MasterKey;
use serde_json::{Value, json};

use crate::support::{self, Setup};
use crate::{PASSWORD, Place};

pub(super) const BOBS_PASSWORD: &str = PASSWORD;

pub(super) struct World {
    pub(super) place: Place,
    /// An export without secrets, and one with them under the passphrase "a long passphrase".
    pub(super) plain: String,
    pub(super) full: String,
}

impl World {
    /// The API key of bob.
    pub(super) fn bobs_key(&self) -> String {
        fs::read_to_string(self.place.path().join("bobs-key")).unwrap()
    }
}

pub(super) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let place = Place::with_ada();
        for (email, name) in [("bob@example.com", "Bob"), ("carol@example.com", "Carol"), ("dora@example.com", "Dora")]
        {
            place.run(&format!("user add {email} --first-name {name} --password-stdin")).good();
        }
        let key = |email: &str| place.run(&format!("key create --user {email}")).good().out.trim().to_owned();
        let (ada, bob) = (key("ada@example.com"), key("bob@example.com"));
        fs::write(place.path().join("bobs-key"), &bob).unwrap();
        let service = "client add robot --grant client_credentials --scope api --service-role member";
        place.run(service).good();
        place.run("client add grafana --redirect-uri https://grafana.example/cb").good();
        {
            let server = Setup::new().data_dir(place.data()).without_admin().start();
            fill(server.base(), &ada, &bob);
        }
        seal_a_second_factor(&place);
        fs::write(place.path().join("pass"), "a long passphrase\n").unwrap();
        crate::chmod(&place.path().join("pass"), 0o600);
        let plain = place.run("export").good().out;
        let full = place.run("export - --with-secrets --passphrase-file pass").good().out;
        World { place, plain, full }
    })
}

fn fill(base: &str, ada: &str, bob: &str) {
    let made =
        |key: &str, path: &str, body: Value| post(base, key, path, &body)["id"].as_str().unwrap_or_default().to_owned();
    let users = get(base, ada, "/v2/users");
    let user = |email: &str| {
        let found = users["users"].as_array().unwrap().iter().find(|user| user["email"] == email).unwrap();
        found["id"].clone()
    };
    let role = |name: &str| json!({ "type": "PREDEFINED", "name": name });
    let far = made(ada, "/v2/organizations", json!({ "name": "Far away" }));
    let body = json!({ "user_id": user("bob@example.com"), "role": role("ADMIN") });
    post(base, ada, &format!("/v2/organizations/{far}/users"), &body);
    made(bob, "/v2/spaces", json!({ "name": "den", "organization_id": far, "is_private": true }));
    let workspace = post(base, bob, "/v1/api/workspaces/create", &json!({ "workspace_name": "vision" }));
    let workspace = workspace["workspace_id"].clone();
    let spaces = get(base, bob, "/v2/spaces");
    let space =
        spaces["spaces"].as_array().unwrap().iter().find(|space| space["name"] == "vision").unwrap()["id"].clone();
    let space_path = space.as_str().unwrap().to_owned();
    let looker = made(ada, "/v2/roles", json!({ "name": "looker", "permissions": ["SPACE_READ", "PROJECT_READ"] }));
    let body = json!({ "user_id": user("carol@example.com"), "role": role("MEMBER") });
    post(base, bob, &format!("/v2/spaces/{space_path}/users"), &body);
    let body = json!({ "user_id": user("dora@example.com"), "role": { "type": "CUSTOM", "id": looker } });
    post(base, bob, &format!("/v2/spaces/{space_path}/users"), &body);
    let project = made(bob, "/v2/projects", json!({ "name": "valves", "space_id": space }));
    let body = json!({ "role_id": looker, "user_id": user("carol@example.com"), "resource_type": "PROJECT", "resource_id": project });
    post(base, bob, "/v2/role-bindings", &body);
    post(base, bob, "/v2/resource-restrictions", &json!({ "resource_id": project }));
    let tag = made(bob, "/v2/tags", json!({ "name": "Größe", "space_id": space, "color": "pine" }));
    post(base, bob, &format!("/v2/projects/{project}/tags"), &json!({ "tag_ids": [tag] }));
    let metadata = json!({
        "name": "ccfraud", "visibility": "private", "workspace_id": workspace,
        "conversion": { "framework": "onnx", "python_version": "3.8", "requirements": [] },
    });
    upload(base, bob, &metadata);
    let listed = post(base, bob, "/v1/api/models/list", &json!({ "workspace_id": workspace }));
    let uuid = listed["models"][0]["model_versions"][0]["model_version"]["file_info"]["version"].clone();
    let steps = json!([{ "ModelInference": { "models": [{ "name": "ccfraud", "version": uuid, "sha": "" }] } }]);
    let body =
        json!({ "pipeline_id": "flow", "workspace_id": workspace, "definition": { "id": "flow", "steps": steps } });
    post(base, bob, "/v1/api/pipelines/create", &body);
    let details = json!({ "key": "hunter2-secret" });
    let connection =
        made(bob, "/v1/api/connections/create", json!({ "name": "store", "type": "s3", "details": details }));
    let body = json!({ "workspace_id": workspace, "connection_id": connection });
    post(base, bob, "/v1/api/connections/add_to_workspace", &body);
}

/// Rows that a person makes on pages and with GraphQL.
fn seal_a_second_factor(place: &Place) {
    let key = MasterKey::load(&place.data().join("master.key")).unwrap();
    let db = place.db();
    let uuid: String = db.one("SELECT uuid FROM users WHERE email = 'dora@example.com'", []);
    let sealed = key.seal(&format!("second-factor/{uuid}"), b"12345678901234567890").unwrap();
    let sql = "INSERT INTO second_factors (user_id, sealed, created_at, confirmed_at)
               SELECT id, ?1, 1, 2 FROM users WHERE email = 'dora@example.com'";
    db.write(sql, [sealed]);
    db.run(
        "INSERT INTO recovery_codes (fingerprint, user_id)
             SELECT randomblob(32), id FROM users WHERE email = 'dora@example.com';
         INSERT INTO consents (user_id, client, scope, created_at)
             SELECT id, 'grafana', 'openid email', 7 FROM users WHERE email = 'bob@example.com';
         INSERT INTO default_workspaces (user_id, workspace_id)
             SELECT user_id, workspace_id FROM members WHERE role = 'owner'
                 AND workspace_id = (SELECT id FROM workspaces WHERE name = 'vision');
         INSERT INTO tags (organization_id, name, name_key, created_at, updated_at)
             SELECT id, 'shared', 'shared', 5, 5 FROM organizations WHERE home = 1;
         INSERT INTO model_version_tags SELECT v.id, t.id FROM model_versions v, tags t WHERE t.name = 'shared';
         INSERT INTO pipeline_tags (pipeline_id, tag_id) SELECT p.id, t.id FROM pipelines p, tags t WHERE t.name = 'shared';",
    );
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

#[track_caller]
pub(super) fn post(base: &str, key: &str, path: &str, body: &Value) -> Value {
    let request = agent().post(format!("{base}{path}")).header("authorization", format!("Bearer {key}"));
    let mut answer = request.send_json(body).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(answer.status().is_success(), "{path}: {} {text}", answer.status());
    serde_json::from_str(&text).unwrap_or_default()
}

#[track_caller]
fn get(base: &str, key: &str, path: &str) -> Value {
    let mut answer =
        agent().get(format!("{base}{path}")).header("authorization", format!("Bearer {key}")).call().unwrap();
    answer.body_mut().read_json().unwrap()
}

fn upload(base: &str, key: &str, metadata: &Value) {
    let mut body = String::new();
    for (name, file, content) in
        [("metadata", "", metadata.to_string().as_str()), ("file", "; filename=\"m.onnx\"", "abc")]
    {
        write!(body, "--AaB03x\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n").unwrap();
    }
    let request = agent().post(format!("{base}/v1/api/models/upload"));
    let request = request.header("authorization", format!("Bearer {key}"));
    let request = request.header("content-type", "multipart/form-data; boundary=AaB03x");
    let mut answer = request.send(body + "--AaB03x--\r\n").unwrap();
    assert!(answer.status().is_success(), "{}", answer.body_mut().read_to_string().unwrap());
}

/// The tokens for a password, or the status of the refusal.
pub(super) fn sign_in(base: &str, user: &str, password: &str) -> Result<Value, u16> {
    let form = [("client_id", "sdk-client"), ("grant_type", "password"), ("username", user), ("password", password)];
    let mut answer =
        agent().post(format!("{base}/auth/realms/master/protocol/openid-connect/token")).send_form(form).unwrap();
    match answer.status().as_u16() {
        200 => Ok(answer.body_mut().read_json().unwrap()),
        status => Err(status),
    }
}

/// A place with the contents of a new server, and nobody in it.
pub(super) fn empty() -> Place {
    let place = Place::new();
    let home = DataDir::open(place.data()).unwrap();
    let address = support::database_of(&place.data()).map(|address| Address::parse(&address).unwrap());
    let sizes =
        Sizes { readers: 1, write_queue: 4, page_cache_kib: 512, search_memory: 0, max_read: None, max_write: None };
    let store = match &address {
        Some(address) => Store::open_postgres(address, sizes),
        None => Store::open(&home.database(), sizes),
    };
    let store = store.unwrap();
    setup::settle(&store).unwrap();
    store.close();
    MasterKey::create(&home.master_key()).unwrap();
    place
}

/// The lines of a file as JSON.
pub(super) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file of these rows, with a right trailer.
pub(super) fn file(header: &Value, rows: &[Value]) -> String {
    let mut text = format!("{header}\n");
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for row in rows {
        writeln!(text, "{row}").unwrap();
        *counts.entry(row["kind"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let mut hash = FileHash::new();
    hash.update(text.as_bytes());
    let sha256 = hash.finish().to_string();
    let trailer = json!({ "kind": "trailer", "rows": rows.len(), "counts": counts, "sha256": sha256 });
    text + &format!("{trailer}\n")
}

/// A file with so many users.
pub(super) fn many_users(number: u32) -> String {
    let header = lines(&world().plain)[0].clone();
    let user = |n: u32| {
        json!({
            "kind": "user", "id": n + 1, "uuid": format!("00000000-0000-4000-8000-{n:012}"),
            "email": format!("user{n}@example.com"), "first_name": "", "last_name": "", "user_kind": "person",
            "state": "active", "enabled": true, "developer": true, "role": "member", "must_change_password": false,
            "created_at": "2026-01-01T00:00:00Z",
        })
    };
    file(&header, &(0..number).map(user).collect::<Vec<_>>())
}

pub(super) fn number(place: &Place, sql: &str) -> i64 {
    place.db().one(sql, [])
}

pub(super) fn text(place: &Place, sql: &str) -> String {
    place.db().one(sql, [])
}
