//! `/v1/api/pipelines/*`, and what atelier answers to those who want it to run something.

use std::sync::OnceLock;

use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arize::scene;
use crate::client::{Answer, Client, refused};
use crate::world::{Person, World, fresh};

const CREATE: &str = "/v1/api/pipelines/create";
const LIST: &str = "/v1/api/pipelines/list_pipelines";
const VERSIONS: &str = "/v1/api/pipelines/list_pipeline_versions";
const BY_NAME: &str = "/v1/api/pipelines/get_pipeline_by_name";
const VERSION: &str = "/v1/api/pipelines/get_version";
const COPY: &str = "/v1/api/pipelines/copy";
const MOVE: &str = "/v1/api/pipelines/move";
const DELETE: &str = "/v1/api/pipelines/delete_pipeline";
const DELETE_VERSIONS: &str = "/v1/api/pipelines/delete_pipeline_versions";
const DEPLOY: &str = "/v1/api/pipelines/deploy";

const NOT_RUN: &str = "atelier keeps models and pipelines; it does not run them";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// Creates a version of a pipeline: the ids of the pipeline and of the version, and the UUID of the version.
#[track_caller]
pub fn create(who: &Client, workspace: i64, name: &str, definition: &Value) -> (i64, i64, String) {
    let body = json!({ "pipeline_id": name, "workspace_id": workspace, "definition": definition });
    let made = who.post(CREATE, &body);
    let uuid = made.text("pipeline_variant_version");
    (made.number("pipeline_pk_id"), made.number("pipeline_variant_pk_id"), uuid)
}

/// A version of a model without a file, as a step names it.
pub fn model(world: &World, workspace: i64, name: &str) -> Value {
    let database = world.database();
    let sql = "INSERT INTO models (workspace_id, name, created_at, updated_at) VALUES (?1, ?2, 0, 0)
               ON CONFLICT DO NOTHING";
    database.write(sql, params![workspace, name]);
    let uuid = Uuid::new_v4().to_string();
    let sql = "INSERT INTO model_versions
                   (model_id, organization_id, uuid, visibility, size, file_name, image_path, created_at, updated_at)
               SELECT m.id, w.organization_id, ?3, 'private', 0, '', 'image', 0, 0 FROM models m
               JOIN workspaces w ON w.id = m.workspace_id WHERE m.workspace_id = ?1 AND m.name = ?2";
    database.write(sql, params![workspace, name, uuid]);
    json!({ "name": name, "version": uuid, "sha": "" })
}

/// The names of the pipelines that a request finds, in order.
#[track_caller]
fn names(who: &Client, question: &Value) -> Vec<String> {
    let answer = who.post(LIST, question).ok();
    let list = answer["pipelines"].as_array().expect("a list");
    list.iter().map(|entry| entry["pipeline"]["name"].as_str().expect("a name").to_owned()).collect()
}

fn missing(msg: &str) -> (u16, Value) {
    (404, json!({ "msg": msg, "code": 404 }))
}

#[test]
fn a_version_is_created_each_time_and_the_pipeline_once() {
    let (world, workspace) = (world(), world().bob.create(&fresh("pipes")));
    let body = json!({ "pipeline_id": "ccfraud", "workspace_id": workspace, "definition": {} });
    let first = world.bob.post(CREATE, &body);
    let (id, version, uuid) = (
        first.number("pipeline_pk_id"),
        first.number("pipeline_variant_pk_id"),
        first.text("pipeline_variant_version"),
    );
    let whole =
        format!(r#"{{"pipeline_pk_id":{id},"pipeline_variant_pk_id":{version},"pipeline_variant_version":"{uuid}"}}"#);
    assert_eq!(first.body, whole);
    for definition in [json!({ "steps": [] }), json!({ "id": "ccfraud", "steps": [{ "MultiOut": {} }] }), Value::Null] {
        let (again, next, other) = create(&world.bob, workspace, "ccfraud", &definition);
        assert!(again == id && next > version && other != uuid, "{definition}");
    }
    let absent = json!({ "pipeline_id": "ccfraud", "workspace_id": workspace });
    assert_eq!(world.bob.post(CREATE, &absent).number("pipeline_pk_id"), id);
    let listed = world.bob.post("/v1/api/workspaces/list", &json!({})).ok();
    let listed = listed["workspaces"].as_array().expect("a list").iter().find(|entry| entry["id"] == workspace);
    assert_eq!(listed.expect("the workspace")["pipelines"], json!([id]));
}

#[test]
fn every_kind_of_step_comes_back_as_it_was_sent() {
    let (world, workspace) = (world(), world().bob.create(&fresh("steps")));
    let model = model(world, workspace, "Aloha").to_string();
    let steps = [
        format!(r#"{{"ModelInference":{{"models":[{model} , {model}]}}}}"#),
        format!(r#"{{"RandomSplit":{{"hash_key":null,"weights":[{{"model":{model},"weight":1.50}}]}}}}"#),
        format!(r#"{{"RandomSplit":{{"weights":[{{"weight":2,"model":{model}}}],"hash_key":"h\u00e9"}}}}"#),
        format!(r#"{{"MetaValueSplit":{{"split_key":"k","control":{model},"routes":{{"b":{model},"a":{model}}}}}}}"#),
        format!(r#"{{"RowsToModels":{{"rows_to_models":[{{"row_index":0,"model":{model}}}]}}}}"#),
        r#"{"AuditResults":{"from":1,"to":null}}"#.to_owned(),
        r#"{"Check":{"tree":["{\"Alias\":[{},\"x\"]}"]}}"#.to_owned(),
        r#"{"ColumnsSelect":{"columns":[0,2]}}"#.to_owned(),
        r#"{"ColumnsToRows":{}}"#.to_owned(),
        r#"{"Nth":{"index":0}}"#.to_owned(),
        r#"{"MultiOut":{}}"#.to_owned(),
        r#"{"Average":{}}"#.to_owned(),
    ];
    let definition = format!(r#"{{ "id": "all-steps","steps":[{}], "z":1e2}}"#, steps.join(", "));
    let body = format!(r#"{{"pipeline_id":"all-steps","workspace_id":{workspace},"definition":{definition}}}"#);
    let made = world.bob.send("POST", CREATE, &[], body);
    let uuid = made.text("pipeline_variant_version");
    let read = world.bob.post(VERSION, &json!({ "version": uuid }));
    let whole = format!(r#"{{"pipeline_id":"all-steps","version":"{uuid}","definition":{definition}}}"#);
    assert_eq!((read.status, read.body), (200, whole));
    let listed = world.bob.post(VERSIONS, &json!({ "pipeline_id": "all-steps", "workspace_id": workspace }));
    assert!(listed.body.contains(&format!(r#""steps":{definition}}}"#)), "{}", listed.body);
}

#[test]
fn lists_have_the_pipeline_and_its_workspace() {
    let (world, name) = (world(), fresh("listed"));
    let workspace = world.bob.create(&name);
    let (id, _, first) = create(&world.bob, workspace, "ccfraud", &json!({ "steps": [] }));
    let (_, _, second) = create(&world.bob, workspace, "ccfraud", &Value::Null);
    let database = world.database();
    database.write("UPDATE pipelines SET created_at = 0, updated_at = 1500000 WHERE id = ?1", [id]);
    database.write("UPDATE pipeline_versions SET created_at = 25610 WHERE pipeline_id = ?1", [id]);
    database.write("UPDATE workspaces SET created_at = 0 WHERE id = ?1", [workspace]);
    let found = format!(
        concat!(
            r#""pipeline":{{"id":{id},"name":"ccfraud","created_at":"1970-01-01T00:00:00+00:00","#,
            r#""updated_at":"1970-01-01T00:00:01.5+00:00"}},"workspace":{{"id":{workspace},"name":"{name}","#,
            r#""archived":false,"created_at":"1970-01-01T00:00:00+00:00","created_by":"{uuid}","group_id":null}},"#,
            r#""plateau_topic":"pipeline-{id}-inference""#
        ),
        id = id,
        workspace = workspace,
        name = name,
        uuid = world.bob.uuid
    );
    let whole = format!(r#"{{"pipelines":[{{{found},"deployment":null,"pipeline_version":null}}]}}"#);
    for question in [
        json!({ "workspace_id": workspace, "workspace_name": null }),
        json!({ "workspace_name": name }),
        json!({ "workspace_id": workspace, "workspace_name": name }),
    ] {
        let listed = world.bob.post(LIST, &question);
        assert_eq!((listed.status, &listed.body), (200, &whole), "{question}");
    }
    let got = world.bob.post(BY_NAME, &json!({ "pipeline_name": "ccfraud", "workspace_id": workspace }));
    assert_eq!((got.status, got.body), (200, format!("{{{found}}}")));

    let versions = world.bob.post(VERSIONS, &json!({ "pipeline_id": "ccfraud", "workspace_id": workspace }));
    let version = |uuid: &str, steps: &str| {
        format!(
            concat!(
                r#"{{{found},"deployment":null,"pipeline_version":{{"id":"ccfraud","workspace_id":{workspace},"#,
                r#""version":"{uuid}","created_at":"1970-01-01T00:00:00.02561+00:00","#,
                r#""created_by":"bob@example.com"{steps}}}}}"#
            ),
            found = found,
            workspace = workspace,
            uuid = uuid,
            steps = steps
        )
    };
    let entries = [version(&second, ""), version(&first, r#","steps":{"steps":[]}"#)].join(",");
    assert_eq!((versions.status, versions.body), (200, format!(r#"{{"pipeline_versions":[{entries}]}}"#)));

    for path in ["/v1/api/plateau/get_topic_name", "/v1/api/plateau/get_pipeline_topic_name"] {
        let question = json!({ "pipeline_pk_id": id, "pipeline_name": "ccfraud", "workspace_id": workspace });
        let topic = world.bob.post(path, &question);
        assert_eq!(topic.outcome(), (200, json!({ "topic_name": format!("pipeline-{id}-inference") })), "{path}");
    }
}

#[test]
fn a_list_has_what_the_caller_may_see() {
    let world = World::start();
    let (bobs, carols) = (world.bob.create("bobs"), world.carol.create("carols"));
    create(&world.bob, bobs, "one", &json!({}));
    create(&world.bob, bobs, "two", &json!({}));
    create(&world.carol, carols, "three", &json!({}));
    let all = json!({});
    assert_eq!(names(&world.bob, &all), ["one", "two"]);
    assert_eq!(names(&world.carol, &all), ["three"]);
    assert_eq!(names(&world.ada, &all), ["one", "two", "three"]);
    for unseen in [
        json!({ "workspace_id": carols }),
        json!({ "workspace_id": 999_999 }),
        json!({ "workspace_id": bobs, "workspace_name": "carols" }),
        json!({ "workspace_name": "carols" }),
        json!({ "workspace_name": "nowhere" }),
        json!({ "workspace_name": "" }),
    ] {
        assert_eq!(world.bob.post(LIST, &unseen).body, r#"{"pipelines":[]}"#, "{unseen}");
    }
    world.bob.add(bobs, &world.carol, "collaborator");
    assert_eq!(names(&world.carol, &all), ["one", "two", "three"]);
    // More than a first attempt reads.
    let database = world.database();
    let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1500)
               INSERT INTO pipelines (workspace_id, name, created_at, updated_at) SELECT ?1, 'p' || n, 0, 0 FROM n";
    database.write(sql, [carols]);
    assert_eq!(names(&world.carol, &json!({ "workspace_name": "carols" })).len(), 1501);
    assert_eq!(names(&world.carol, &all).len(), 1503);
}

#[test]
fn refusals_name_the_field_and_change_nothing() {
    let (world, workspace) = (world(), world().bob.create(&fresh("refused")));
    let hers = world.carol.create(&fresh("hers"));
    let (mine, secret) = (model(world, workspace, "mine"), model(world, hers, "secret"));
    let ask = |name: &str, definition: Value| {
        let body = json!({ "pipeline_id": name, "workspace_id": workspace, "definition": definition });
        world.bob.post(CREATE, &body).outcome()
    };
    let before = world.database().newest_audit();
    let rule = "pipeline_id: must contain only lowercase letters a to z, digits and hyphens";
    assert_eq!(ask("Upper", json!({})), refused(rule));
    assert_eq!(ask("", json!({})), refused("pipeline_id: must not be empty"));
    assert_eq!(ask(&"a".repeat(64), json!({})), refused("pipeline_id: must have at most 63 characters"));
    assert_eq!(ask("a-", json!({})), refused("pipeline_id: must not begin or end with a hyphen"));
    assert_eq!(ask("a", json!([])), refused("definition: must be an object"));
    let steps = |step: Value| json!({ "steps": [{ "MultiOut": {} }, { "Average": {} }, step] });
    let (status, told) = ask("a", steps(json!({ "Sum": {} })));
    let msg = told["msg"].as_str().expect("a text");
    assert_eq!(status, 400);
    assert!(
        msg.starts_with("definition.steps[2]: has the unknown kind \"Sum\"; the kinds are AuditResults, "),
        "{msg}"
    );
    let rule = "definition.steps[2].Nth.index: must be an integer of at most 32 bits";
    assert_eq!(ask("a", steps(json!({ "Nth": { "index": "0" } }))), refused(rule));
    let infer = |model: &Value| steps(json!({ "ModelInference": { "models": [model] } }));
    let told = |model: &Value| {
        refused(&format!("model version {} does not exist", model["version"].as_str().expect("a UUID")))
    };
    let absent = json!({ "name": "mine", "version": Uuid::from_u128(7), "sha": "" });
    assert_eq!(ask("a", infer(&absent)), told(&absent));
    assert_eq!(ask("a", infer(&secret)), told(&secret));
    let renamed = json!({ "name": "other", "version": mine["version"], "sha": "" });
    let rule = "definition.steps[2].ModelInference.models[0].name: must be the name of the model of this version";
    assert_eq!(ask("a", infer(&renamed)), refused(rule));
    let forged = json!({ "name": "mine", "version": mine["version"], "sha": "0".repeat(64) });
    let rule = "definition.steps[2].ModelInference.models[0].sha: must be the SHA-256 of this model version";
    assert_eq!(ask("a", infer(&forged)), refused(rule));
    let deep = format!(
        r#"{{"pipeline_id":"a","workspace_id":{workspace},"definition":{{"x":{}{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    assert_eq!(world.bob.send("POST", CREATE, &[], deep).status, 400);
    let unseen = json!({ "pipeline_id": "a", "workspace_id": hers, "definition": {} });
    assert_eq!(world.bob.post(CREATE, &unseen).outcome(), refused(&format!("workspace {hers} does not exist")));
    let sql = "SELECT count(*) FROM audit WHERE id > ?1 AND verb LIKE 'pipelines.%' AND CAST(after ->> 'workspace' AS INTEGER) = ?2";
    assert_eq!(world.database().one::<i64>(sql, params![before, workspace]), 0);
    assert_eq!(names(&world.bob, &json!({ "workspace_id": workspace })), [""; 0]);
}

#[test]
fn a_missing_pipeline_is_told_as_the_sdk_reads_it() {
    let (world, workspace) = (world(), world().bob.create(&fresh("missing")));
    let hers = world.carol.create(&fresh("hers"));
    let (id, _, uuid) = create(&world.carol, hers, "ccfraud", &json!({}));
    // The SDK has an own text for 404.
    for workspace in [workspace, hers, 999_999] {
        let question = json!({ "pipeline_name": "ccfraud", "workspace_id": workspace });
        assert_eq!(world.bob.post(BY_NAME, &question).outcome(), missing("pipeline ccfraud does not exist"));
        let named = json!({ "pipeline_id": "ccfraud", "workspace_id": workspace });
        assert_eq!(world.bob.post(DELETE, &named).outcome(), missing("pipeline ccfraud does not exist"));
        assert_eq!(world.bob.post(VERSIONS, &named).outcome(), (200, json!({ "pipeline_versions": [] })));
    }
    // The SDK shows the message of a 400 only.
    let told = format!("pipeline version {uuid} does not exist");
    assert_eq!(world.bob.post(VERSION, &json!({ "version": uuid })).outcome(), refused(&told));
    let versions = json!({ "pipeline_versions": [uuid] });
    assert_eq!(world.bob.post(DELETE_VERSIONS, &versions).outcome(), missing(&told));
    let topic = world.bob.post("/v1/api/plateau/get_topic_name", &json!({ "pipeline_pk_id": id }));
    assert_eq!(topic.outcome(), missing(&format!("pipeline {id} does not exist")));
}

#[test]
fn pipelines_are_copied_moved_and_deleted() {
    let world = world();
    let [from, to] = ["from", "to"].map(|name| world.bob.create(&fresh(name)));
    world.bob.add(from, &world.carol, "collaborator");
    world.bob.add(to, &world.carol, "collaborator");
    let (id, _, first) = create(&world.carol, from, "ccfraud", &json!({ "steps": [{ "MultiOut": {} }] }));
    let before = world.database().newest_audit();
    let copy = |name: &str| json!({ "name": name, "workspace_id": to, "source_pipeline": id });
    let copied = world.carol.post(COPY, &copy("copied"));
    let (copy_id, copy_version) = (copied.number("pipeline_pk_id"), copied.number("pipeline_variant_pk_id"));
    let whole = format!(
        r#"{{"pipeline_pk_id":{copy_id},"pipeline_variant_pk_id":{copy_version},"pipeline_version":null,"deployment":null}}"#
    );
    assert_eq!(copied.body, whole);
    let taken = json!({ "msg": "pipeline copied already exists", "code": 409 });
    assert_eq!(world.carol.post(COPY, &copy("copied")).outcome(), (409, taken));

    let question = json!({ "pipeline_id": id, "workspace_id": to });
    let may_not = "you cannot delete or move this pipeline: only owners of its workspace, administrators and named \
                   roles with PROJECT_DELETE can";
    assert_eq!(world.carol.post(MOVE, &question).outcome(), refused(may_not));
    assert_eq!(world.bob.post(MOVE, &question).outcome(), (200, question.clone()));
    assert_eq!(world.bob.post(MOVE, &question).outcome(), (200, question));
    assert_eq!(names(&world.carol, &json!({ "workspace_id": from })), [""; 0]);
    assert_eq!(names(&world.carol, &json!({ "workspace_id": to })), ["ccfraud", "copied"]);
    create(&world.bob, from, "ccfraud", &json!({}));
    let back = json!({ "pipeline_id": id, "workspace_id": from });
    let taken = json!({ "msg": "pipeline ccfraud already exists", "code": 409 });
    assert_eq!(world.bob.post(MOVE, &back).outcome(), (409, taken));

    let versions = json!({ "pipeline_versions": [first] });
    assert_eq!(world.carol.post(DELETE_VERSIONS, &versions).outcome(), refused(may_not));
    assert_eq!(world.bob.post(DELETE_VERSIONS, &versions).outcome(), (200, versions));
    let named = json!({ "pipeline_id": "ccfraud", "workspace_id": to });
    assert_eq!(world.carol.post(DELETE, &named).outcome(), refused(may_not));
    assert_eq!(world.bob.post(DELETE, &named).outcome(), (200, named));
    let audit = world.database().audit_after(before);
    let verbs: Vec<_> = audit.iter().filter_map(|line| line.split('|').next()).collect();
    let pipelines: Vec<_> = verbs.into_iter().filter(|verb| verb.starts_with("pipelines.")).collect();
    for verb in ["copy", "move", "create", "delete_version", "delete"] {
        assert!(pipelines.contains(&format!("pipelines.{verb}").as_str()), "{pipelines:?}");
    }
}

#[test]
fn an_archived_workspace_is_read_only() {
    let (world, workspace) = (world(), world().bob.create(&fresh("archived")));
    let (id, _, uuid) = create(&world.bob, workspace, "ccfraud", &json!({}));
    world.database().write("UPDATE workspaces SET archived = 1 WHERE id = ?1", [workspace]);
    let told = refused(
        "this workspace is archived, so it cannot be changed; one of its owners or an administrator can restore it",
    );
    let other = world.bob.create(&fresh("open"));
    let asks: [(&str, Value); 5] = [
        (CREATE, json!({ "pipeline_id": "ccfraud", "workspace_id": workspace })),
        (COPY, json!({ "name": "copied", "workspace_id": workspace, "source_pipeline": id })),
        (MOVE, json!({ "pipeline_id": id, "workspace_id": other })),
        (DELETE, json!({ "pipeline_id": "ccfraud", "workspace_id": workspace })),
        (DELETE_VERSIONS, json!({ "pipeline_versions": [uuid] })),
    ];
    for (path, body) in asks {
        assert_eq!(world.bob.post(path, &body).outcome(), told, "{path}");
    }
    assert_eq!(names(&world.bob, &json!({ "workspace_id": workspace })), ["ccfraud"]);
}

/// Asks to deploy, as a client with this `User-Agent`.
fn deploy(who: &Person, agent: &str, version: i64) -> Answer {
    let body = json!({ "deploy_id": "ccfraud", "pipeline_version_pk_id": version, "engine_config": {} });
    who.send("POST", DEPLOY, &[("user-agent", agent)], body.to_string())
}

#[test]
fn a_deployment_is_refused_where_its_caller_reads_it() {
    let (world, workspace) = (world(), world().bob.create(&fresh("deployed")));
    let (_, version, _) = create(&world.bob, workspace, "ccfraud", &json!({}));
    for agent in ["WallarooSDK/2026.1.3", "WallarooSDK/2024.4.4"] {
        assert_eq!(deploy(&world.bob, agent, version).outcome(), (200, json!({ "id": version })), "{agent}");
        let hidden = deploy(&world.carol, agent, version).outcome();
        assert_eq!(hidden, missing(&format!("pipeline version {version} does not exist")));
        assert_eq!(deploy(&world.carol, agent, 999_999).outcome(), missing("pipeline version 999999 does not exist"));
    }
    for agent in ["curl/8.5.0", "python-requests/2.32.3", ""] {
        for who in [&world.bob, &world.carol] {
            assert_eq!(deploy(who, agent, version).outcome(), refused(NOT_RUN), "{agent}");
        }
    }
    let without = world.bob.send("POST", DEPLOY, &[("user-agent", "WallarooSDK/2026.1.3")], "{}");
    assert_eq!(without.outcome(), refused(NOT_RUN));
}

#[test]
fn what_atelier_does_not_do_is_empty_or_refused() {
    let (world, empty) = (world(), json!({}));
    let ask = |path: &str, body: &Value| world.bob.post(path, body).outcome();
    let none = (200, json!([]));
    let publishes = (200, json!({ "publishes": [], "edges": [] }));
    for body in [json!({}), json!({ "pipeline_id": 1, "workspace_id": 999_999 })] {
        assert_eq!(ask("/v1/api/pipelines/list_publishes_for_pipeline", &body), publishes);
    }
    for (agent, status) in [("WallarooSDK/2024.4.4", 202), ("WallarooSDK/2025.1.6", 200), ("curl/8.5.0", 200)] {
        let path = "/v1/api/pipelines/list_publishes_for_pipeline";
        let answer = world.bob.send("POST", path, &[("user-agent", agent)], "{}");
        assert_eq!(answer.outcome(), (status, publishes.1.clone()), "{agent}");
    }
    let orchestrations = json!({ "task_run_status": [], "workspace_ids": [1] });
    assert_eq!(ask("/v1/api/orchestration/list_all", &orchestrations), (200, json!({ "orchestrations": [] })));
    assert_eq!(ask("/v1/api/task/list", &json!({ "workspace_id": 1, "killed": false })), none);
    assert_eq!(ask("/v2/api/assays/get", &json!({ "active": "All" })), none);
    let features = json!({ "features": { "plateau": "true" }, "name": "atelier", "is_auth_enabled": true });
    assert_eq!(world.bob.send("POST", "/v1/api/features/list", &[], ()).outcome(), (200, features));
    assert_eq!(ask("/v1/api/pipelines/undeploy", &json!({ "pipeline_id": 1, "deployment_id": 2 })), (200, Value::Null));
    assert_eq!(ask("/v1/api/pipelines/infer/ccfraud-7/ccfraud", &json!([{ "a": 1 }])), refused(NOT_RUN));
    let question = json!({ "workspace_id": 1, "pipeline_name": "ccfraud" });
    assert_eq!(ask("/v1/api/admin/get_pipeline_external_url", &question), refused(NOT_RUN));
    let (status, told) = ask("/v1/api/status/get_deployment", &json!({ "name": "ccfraud-7" }));
    assert_eq!((status, told["msg"].as_str().map(|msg| msg.ends_with(NOT_RUN))), (404, Some(true)));
    assert_eq!(ask("/v1/api/task/get_by_id", &json!({ "id": Uuid::nil() })).0, 404);
    let no_logs = format!("{NOT_RUN}, so there are no logs");
    assert_eq!(ask("/v1/logs/topic/pipeline-7-inference/records", &empty), missing(&no_logs));
    assert_eq!(world.bob.get("/v1/logs/topic/pipeline-7-inference").outcome(), missing(&no_logs));
    assert_eq!(ask("/v1/api/pipelines/get_logs", &empty), refused(&no_logs));
    let publish = ask("/v1/api/pipelines/publish", &json!({ "pipeline_version_id": 1, "model_config_ids": [] }));
    assert_eq!(publish, refused(&format!("{NOT_RUN} or publish them to a registry")));
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\nPK\r\n--x--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=x")];
    let uploaded = world.bob.send("POST", "/v1/api/orchestration/upload", &kind, form);
    let told = "atelier keeps models and pipelines; it does not run orchestrations";
    assert_eq!(uploaded.outcome(), refused(told));
}

#[test]
fn pipelines_of_another_organization_are_hidden() {
    let world = world();
    let workspace = world.bob.create(&fresh("tenant"));
    let (id, version, uuid) = create(&world.bob, workspace, "ccfraud", &json!({}));
    let (gwen, guild) = scene::stranger(world, &fresh("gwen"));
    let name = fresh("hall");
    scene::space(&gwen, &guild, &name);
    let hall: i64 = world.database().one("SELECT id FROM workspaces WHERE name = ?1", [&name]);
    create(&gwen, hall, "theirs", &json!({}));
    assert_eq!(names(&gwen, &json!({})), ["theirs"]);
    assert_eq!(names(&gwen, &json!({ "workspace_id": workspace })), [""; 0]);
    // A name of a workspace means one of the home organization.
    assert_eq!(names(&gwen, &json!({ "workspace_name": name })), [""; 0]);
    assert!(!names(&world.bob, &json!({})).contains(&"theirs".to_owned()));
    for body in
        [json!({ "pipeline_id": id, "workspace_id": hall }), json!({ "pipeline_id": 999_999, "workspace_id": hall })]
    {
        let told = format!("pipeline {} does not exist", body["pipeline_id"]);
        assert_eq!(gwen.post(MOVE, &body).outcome(), missing(&told));
    }
    assert_eq!(gwen.post(VERSION, &json!({ "version": uuid })).status, 400);
    assert_eq!(deploy(&gwen, "WallarooSDK/2026.1.3", version).status, 404);
    // An administrator of both sees both, and cannot move between them.
    let across = json!({ "pipeline_id": id, "workspace_id": hall });
    let rule = "this workspace is of another organization; a pipeline can be moved only within its organization";
    assert_eq!(world.ada.post(MOVE, &across).outcome(), refused(rule));
}
