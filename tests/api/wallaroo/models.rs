//! `/v1/api/models/*`: lists, configurations, deletion and moves.

use std::sync::OnceLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::uploads::{self, SCHEMA, register, upload, version};
use crate::client::{Answer, Client, refused};
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn ask(who: &Client, verb: &str, body: &Value) -> Answer {
    who.post(&format!("/v1/api/models/{verb}"), body)
}

fn missing(what: &str) -> (u16, Value) {
    (404, json!({ "msg": format!("{what} does not exist"), "code": 404 }))
}

fn bobs_workspace() -> (i64, &'static Person) {
    (world().bob.create(&fresh("lab")), &world().bob)
}

/// The id of the model of a version.
#[track_caller]
fn model_of(who: &Client, workspace: i64, name: &str) -> i64 {
    let list = ask(who, "list_versions_for_model", &json!({ "model_id": name, "workspace_id": workspace })).ok();
    list["models"][0]["model"]["id"].as_i64().expect("an id")
}

/// The UUID of a version.
#[track_caller]
fn uuid_of(who: &Client, id: i64) -> String {
    version(who, id)["model_version"]["file_info"]["version"].as_str().expect("a UUID").to_owned()
}

/// The names of the models in a list, with the ids of their versions.
#[track_caller]
fn listed(who: &Client, body: &Value) -> Vec<(String, Vec<i64>)> {
    let list = ask(who, "list", body).ok();
    let id = |version: &Value| version["model_version"]["id"].as_i64().expect("an id");
    let entry = |entry: &Value| {
        let versions = entry["model_versions"].as_array().expect("versions").iter().map(id).collect();
        (entry["model"]["name"].as_str().expect("a name").to_owned(), versions)
    };
    list["models"].as_array().expect("models").iter().map(entry).collect()
}

#[test]
fn a_list_has_models_with_their_versions_and_workspaces() {
    let (world, workspace) = (world(), world().bob.create("listed-models"));
    let (bob, carol) = (&world.bob, &world.carol);
    bob.add(workspace, carol, "collaborator");
    let first = upload(bob, workspace, "ccfraud", "one");
    let second = upload(carol, workspace, "ccfraud", "two");
    let other = register(bob, workspace, "aloha");
    let list = ask(bob, "list", &json!({ "workspace_id": workspace, "workspace_name": null })).ok();
    let model = model_of(bob, workspace, "ccfraud");
    let (entry, times) = (&list["models"][0], &list["models"][0]["model"]);
    let whole = json!({
        "model": {
            "id": model, "name": "ccfraud", "owner_id": bob.uuid, "created_at": times["created_at"],
            "updated_at": times["updated_at"], "workspace_id": workspace,
        },
        "model_versions": [version(bob, second), version(bob, first)],
        "workspace": {
            "id": workspace, "name": "listed-models", "archived": false, "created_by": bob.uuid,
            "created_at": entry["workspace"]["created_at"],
        },
    });
    assert_eq!(entry, &whole);
    assert!(times["created_at"].as_str().expect("a time").ends_with("+00:00") && times["updated_at"].is_string());
    let all = [("ccfraud".to_owned(), vec![second, first]), ("aloha".to_owned(), vec![other])];
    assert_eq!(listed(bob, &json!({ "workspace_name": "listed-models" })), all);
    assert_eq!(listed(carol, &json!({ "workspace_id": workspace })), all);

    let named = |name: &str, workspace: i64| {
        ask(bob, "list_versions_for_model", &json!({ "model_id": name, "workspace_id": workspace })).ok()
    };
    assert_eq!(named("ccfraud", workspace), json!({ "models": [whole] }));
    assert_eq!(named("CCFraud", workspace), json!({ "models": [] }));
    assert_eq!(named("ccfraud", 0), json!({ "models": [] }));
}

#[test]
fn a_list_of_what_the_caller_may_not_see_is_empty() {
    let world = World::start();
    let (mine, hers) = (world.bob.create("mine"), world.carol.create("hers"));
    let (first, second) = (upload(&world.bob, mine, "m", "x"), upload(&world.carol, hers, "m", "x"));
    assert_eq!(listed(&world.bob, &json!({})), [("m".to_owned(), vec![first])]);
    let both = [("m".to_owned(), vec![first]), ("m".to_owned(), vec![second])];
    assert_eq!(listed(&world.ada, &json!({ "workspace_id": null, "workspace_name": null })), both);
    for body in [
        json!({ "workspace_id": hers }),
        json!({ "workspace_id": 99 }),
        json!({ "workspace_name": "hers" }),
        json!({ "workspace_name": "nothing" }),
        json!({ "workspace_name": "" }),
        json!({ "workspace_id": mine, "workspace_name": "hers" }),
    ] {
        assert_eq!(ask(&world.bob, "list", &body).body, r#"{"models":[]}"#, "{body}");
    }
    let wrong = ask(&world.bob, "list", &json!({ "workspace_id": "1" }));
    assert_eq!(wrong.outcome(), refused("workspace_id: invalid type: string \"1\", expected i64"));
    assert_eq!(ask(&world.bob, "list_registries", &json!({ "workspace_id": mine })).body, "[]");
}

#[test]
fn a_model_has_its_versions_newest_first() {
    let (workspace, bob) = bobs_workspace();
    let name = fresh("series");
    let (first, second) = (upload(bob, workspace, &name, "one"), register(bob, workspace, &name));
    let model = model_of(bob, workspace, &name);
    let shown = ask(bob, "get", &json!({ "id": model })).ok();
    let entry = |id: i64, image: Option<&str>| {
        let version = version(bob, id);
        let info = &version["model_version"]["file_info"];
        json!({
            "sha": info["sha"], "models_pk_id": model, "model_version": info["version"], "owner_id": bob.uuid,
            "model_id": name, "id": id, "file_name": info["file_name"], "image_path": image,
        })
    };
    let versions = [entry(second, Some("ghcr.io/team/model:1")), entry(first, None)];
    let head = ask(bob, "get_by_id", &json!({ "id": model })).ok();
    let mut whole = head.clone();
    whole["models"] = json!(versions);
    whole["workspace"] = json!({ "id": workspace, "name": shown["workspace"]["name"] });
    assert_eq!(shown, whole);
    let keys: Vec<_> = head.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["created_at", "id", "name", "owner_id", "updated_at", "workspace_id"]);

    let with_status = |mut version: Value| {
        version["status"] = json!("ready");
        version
    };
    let [newest, oldest] = versions;
    let all = json!([with_status(newest), with_status(oldest)]);
    let other = world().bob.create(&fresh("lab"));
    upload(bob, other, "unrelated", "x");
    for body in [
        json!({ "models_pk_id": model }),
        json!({ "model_id": name, "models_pk_id": null }),
        json!({ "model_id": name, "models_pk_id": model }),
        json!({ "model_id": "no-such-name", "models_pk_id": model }),
    ] {
        assert_eq!(ask(bob, "list_versions", &body).ok(), all, "{body}");
    }
    let unrelated = model_of(bob, other, "unrelated");
    let both = ask(bob, "list_versions", &json!({ "model_id": name, "models_pk_id": unrelated })).ok();
    assert_eq!(both.as_array().map(Vec::len), Some(3));
    assert_eq!(ask(&world().carol, "list_versions", &json!({ "model_id": name, "models_pk_id": model })).body, "[]");
    assert_eq!(
        ask(bob, "list_versions", &json!({})).outcome(),
        refused("model_id: is required unless models_pk_id is given")
    );
}

#[test]
fn a_configuration_is_added_and_shown() {
    let (workspace, bob) = bobs_workspace();
    let id = upload(bob, workspace, "m", "x");
    let short = || ask(bob, "get_config_by_id", &json!({ "model_id": id })).ok()["model_config"].clone();
    let former = version(bob, id)["config"]["id"].as_i64().expect("an id");
    assert_eq!(short(), json!({ "id": former, "runtime": "onnx", "tensor_fields": null, "filter_threshold": null }));

    let dynamic = json!({ "max_batch_delay_ms": 10, "batch_size_target": 4, "batch_size_limit": 10 });
    let openai = json!({ "enabled": true, "completion_config": {}, "chat_completion_config": { "temperature": 0.3 } });
    let body = json!({
        "model_version_id": id, "tensor_fields": ["tensor"], "filter_threshold": 0.5, "input_schema": SCHEMA,
        "batch_config": "dynamic", "dynamic_batching_config": dynamic,
        "continuous_batching_config": { "max_concurrent_batch_size": 256 }, "openai_config": openai,
    });
    let config = ask(bob, "insert_model_config", &body).ok()["model_config"].clone();
    let whole = json!({
        "id": config["id"], "model_version_id": id, "runtime": "onnx", "filter_threshold": 0.5,
        "tensor_fields": ["tensor"], "input_schema": SCHEMA, "output_schema": null, "batch_config": "dynamic",
        "dynamic_batching_config": dynamic, "continuous_batching_config": { "max_concurrent_batch_size": 256 },
        "queue_depth": null, "sidekick_uri": null, "openai": openai,
    });
    assert_eq!(config, whole);
    assert!(config["id"].as_i64() > Some(former));
    assert_eq!(version(bob, id)["config"], whole);
    assert_eq!(short()["tensor_fields"], json!(["tensor"]));
    assert_eq!(ask(bob, "insert_model_config", &body).ok()["model_config"], whole, "the same again is the same one");

    let outcome = |field: &str, value: Value| {
        ask(bob, "insert_model_config", &json!({ "model_version_id": id, field: value })).outcome()
    };
    assert_eq!(outcome("batch_config", json!("all")), refused("batch_config: must be single or dynamic"));
    let rule = "tensor_fields: must have names of 1 to 255 characters without control characters";
    assert_eq!(outcome("tensor_fields", json!([""])), refused(rule));
    let rule = "dynamic_batching_config: must have a whole number as max_batch_delay_ms";
    assert_eq!(outcome("dynamic_batching_config", json!({})), refused(rule));
    let rule = "continuous_batching_config: must have a whole number as max_concurrent_batch_size";
    assert_eq!(outcome("continuous_batching_config", json!({})), refused(rule));
    assert_eq!(outcome("openai_config", json!([])), refused("openai_config: must be an object"));
    assert_eq!(outcome("input_schema", json!("A")), refused("input_schema: must be standard base64 with padding"));
    assert_eq!(version(bob, id)["config"], whole);
}

#[test]
fn the_log_of_an_upload_says_what_was_stored() {
    let (workspace, bob) = bobs_workspace();
    let id = upload(bob, workspace, "m", "x");
    let logs = |body: &Value| ask(bob, "get_upload_logs", body).ok()["logs"].clone();
    let shown = version(bob, id);
    let at = shown["model_version"]["created_at"].as_str().expect("a time");
    let sha = shown["model_version"]["file_info"]["sha"].as_str().expect("a hash");
    let last = format!("{at} INFO ready: atelier keeps models; it does not convert or run them");
    let first = format!("{at} INFO stored m.onnx, 1 bytes, SHA-256 {sha}");
    assert_eq!(logs(&json!({ "model_version_id": id })), json!([first, last]));
    assert_eq!(logs(&json!({ "model_version_id": id, "lines": 1 })), json!([last]));
    assert_eq!(logs(&json!({ "model_version_id": id, "lines": 0 })), json!([]));
    let image = register(bob, workspace, "image");
    assert!(
        logs(&json!({ "model_version_id": image }))[0]
            .as_str()
            .expect("a line")
            .ends_with("the image ghcr.io/team/model:1")
    );
}

#[test]
fn a_deletion_tells_the_bytes_before_it_is_confirmed() {
    let (workspace, bob) = bobs_workspace();
    let (first, second) = (upload(bob, workspace, "m", "12345678"), upload(bob, workspace, "m", "123456"));
    let last = upload(bob, workspace, "m", "123");
    let uuids = [uuid_of(bob, first), uuid_of(bob, second)];
    let of_model = json!({ "model_id": "m", "workspace_id": workspace });
    let of_versions = json!({ "model_versions": uuids });
    for confirm in [json!(null), json!(false)] {
        for (verb, body, bytes) in [("delete_model", &of_model, 17), ("delete_model_versions", &of_versions, 14)] {
            let mut body = body.clone();
            body["confirm_delete"] = confirm.clone();
            assert_eq!(ask(bob, verb, &body).outcome(), (200, json!({ "bytes": bytes })), "{verb}");
        }
    }
    assert_eq!(listed(bob, &json!({ "workspace_id": workspace })), [("m".to_owned(), vec![last, second, first])]);
    let confirmed = |body: &Value| {
        let mut body = body.clone();
        body["confirm_delete"] = json!(true);
        body
    };
    let done = ask(bob, "delete_model_versions", &confirmed(&of_versions));
    assert_eq!(done.outcome(), (200, json!({ "bytes": 14 })));
    assert_eq!(listed(bob, &json!({ "workspace_id": workspace })), [("m".to_owned(), vec![last])]);
    let again = ask(bob, "delete_model_versions", &confirmed(&json!({ "model_versions": [uuids[1]] })));
    assert_eq!(again.outcome(), missing(&format!("model version {}", uuids[1])));
    assert_eq!(ask(bob, "delete_model", &confirmed(&of_model)).outcome(), (200, json!({ "bytes": 3 })));
    assert_eq!(listed(bob, &json!({ "workspace_id": workspace })), []);
    assert_eq!(ask(bob, "delete_model", &of_model).outcome(), missing("model m"));
    let many = json!({ "model_versions": vec![Uuid::nil(); 1001] });
    let rule = refused("model_versions: must have at most 1000 versions");
    assert_eq!(ask(bob, "delete_model_versions", &many).outcome(), rule);
}

#[test]
fn a_version_in_use_is_not_deleted() {
    let (workspace, bob) = bobs_workspace();
    let uuid = uuid_of(bob, register(bob, workspace, "m"));
    let database = world().database();
    let pipeline = database.write(
        "INSERT INTO pipelines (workspace_id, name, created_at, updated_at) VALUES (?1, 'fraud', 0, 0)",
        [workspace],
    );
    let named = database.write(
        "INSERT INTO pipeline_versions (pipeline_id, uuid, created_at) VALUES (?1, ?2, 0)",
        rusqlite::params![pipeline, Uuid::new_v4().to_string()],
    );
    database.write("INSERT INTO pipeline_version_models VALUES (?1, 'm', ?2)", rusqlite::params![named, uuid]);
    let msg = format!(
        "model version {uuid} is in use by the pipeline fraud; create a version of it without this model, or delete it, first"
    );
    let in_use = (409, json!({ "msg": msg, "code": 409 }));
    for confirm in [false, true] {
        let body = json!({ "model_id": "m", "workspace_id": workspace, "confirm_delete": confirm });
        assert_eq!(ask(bob, "delete_model", &body).outcome(), in_use);
        let body = json!({ "model_versions": [uuid], "confirm_delete": confirm });
        assert_eq!(ask(bob, "delete_model_versions", &body).outcome(), in_use);
    }
}

#[test]
fn a_model_moves_to_another_workspace() {
    let (workspace, bob) = bobs_workspace();
    let other = bob.create(&fresh("lab"));
    let id = upload(bob, workspace, "m", "x");
    let model = model_of(bob, workspace, "m");
    let body = json!({ "model_id": model, "workspace_id": other });
    assert_eq!(ask(bob, "move", &body).outcome(), (200, json!({})));
    assert_eq!(listed(bob, &json!({ "workspace_id": other })), [("m".to_owned(), vec![id])]);
    upload(bob, workspace, "m", "x");
    let taken = ask(bob, "move", &json!({ "model_id": model, "workspace_id": workspace }));
    assert_eq!(taken.outcome(), (409, json!({ "msg": "model m already exists", "code": 409 })));
    let hers = world().carol.create(&fresh("den"));
    let unseen = ask(bob, "move", &json!({ "model_id": model, "workspace_id": hers }));
    assert_eq!(unseen.outcome(), refused(&format!("workspace {hers} does not exist")));
}

#[test]
fn models_of_others_are_as_missing_ones() {
    let (workspace, bob) = bobs_workspace();
    let carol = &world().carol;
    let id = upload(bob, workspace, "m", "x");
    let (model, uuid) = (model_of(bob, workspace, "m"), uuid_of(bob, id));
    let hers = carol.create(&fresh("den"));
    let unseen = |verb: &str, body: Value, what: String| {
        assert_eq!(ask(carol, verb, &body).outcome(), missing(&what), "{verb}");
    };
    for (model, version) in [(model, id), (i64::MAX, i64::MAX - 1)] {
        unseen("get", json!({ "id": model }), format!("model {model}"));
        unseen("get_by_id", json!({ "id": model }), format!("model {model}"));
        unseen("move", json!({ "model_id": model, "workspace_id": hers }), format!("model {model}"));
        unseen("get_config_by_id", json!({ "model_id": version }), format!("model version {version}"));
        for verb in ["get_version_by_id", "get_model_version_by_id", "get_upload_logs", "insert_model_config"] {
            unseen(verb, json!({ "model_version_id": version }), format!("model version {version}"));
        }
    }
    for uuid in [uuid, Uuid::from_u128(7).to_string()] {
        let body = json!({ "model_versions": [uuid], "confirm_delete": true });
        unseen("delete_model_versions", body, format!("model version {uuid}"));
    }
    let body = json!({ "model_id": "m", "workspace_id": workspace, "confirm_delete": true });
    assert_eq!(ask(carol, "delete_model", &body).outcome(), refused(&format!("workspace {workspace} does not exist")));
    assert_eq!(listed(bob, &json!({ "workspace_id": workspace })), [("m".to_owned(), vec![id])]);

    // A collaborator may do everything but delete and move.
    bob.add(workspace, carol, "collaborator");
    ask(carol, "insert_model_config", &json!({ "model_version_id": id, "batch_config": "single" })).ok();
    let rule = "you cannot delete or move this model: only owners of its workspace, administrators and named roles with \
                ML_MODEL_DELETE can";
    assert_eq!(ask(carol, "delete_model", &body).outcome(), refused(rule));
    assert_eq!(ask(carol, "move", &json!({ "model_id": model, "workspace_id": hers })).outcome(), refused(rule));
}

#[test]
fn a_model_outlives_its_creator() {
    let world = World::start();
    let workspace = world.bob.create("lab");
    world.bob.add(workspace, &world.carol, "owner");
    let id = upload(&world.bob, workspace, "m", "x");
    let database = world.database();
    database.write("UPDATE models SET created_by = NULL", []);
    database.write("UPDATE model_versions SET created_by = NULL", []);
    let shown = version(&world.carol, id);
    assert_eq!(shown["model_version"]["created_by"], "");
    let model = model_of(&world.carol, workspace, "m");
    assert_eq!(ask(&world.carol, "get", &json!({ "id": model })).ok()["owner_id"], "");
}

#[test]
fn the_list_of_workspaces_has_the_versions() {
    let (workspace, bob) = bobs_workspace();
    let first = upload(bob, workspace, "a", "x");
    let second = upload(bob, workspace, "b", "x");
    let third = uploads::upload(bob, workspace, "a", "y");
    let list = bob.post("/v1/api/workspaces/list", &json!({})).ok();
    let all = list["workspaces"].as_array().expect("workspaces");
    let found = all.iter().find(|entry| entry["id"] == workspace).expect("the workspace");
    assert_eq!(found["models"], json!([first, third, second]));
}
