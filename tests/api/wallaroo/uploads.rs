//! `/v1/api/models/upload`, `upload_and_convert`, `upload_stream` and `{version}/file`.

use std::io::Write;
use std::sync::OnceLock;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::client::{Answer, Client, refused};
use crate::raw;
use crate::support::Setup;
use crate::world::{Person, World, fresh};

pub const UPLOAD: &str = "/v1/api/models/upload";
pub const CONVERT: &str = "/v1/api/models/upload_and_convert";
pub const STREAM: &str = "/v1/api/models/upload_stream";

/// A schema message of Arrow with a list of numbers.
pub const SCHEMA: &str = "/////7AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAEAAAAEAAAAyP///wAAARAUAAAAJ\
                          AAAAAQAAAABAAAAMAAAAAYAAAB0ZW5zb3IAAAAABgAIAAQABgAAAB0AAAAQABQACAAGAAcADAAAABAAEAAAAAAAAQMQAAAAHAAA\
                          AAQAAAAAAAAABAAAAGl0ZW0AAAYACAAGAAYAAAAAAAEAAAAAAA==";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// The type of [`form`].
pub const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=AaB03x");

/// A form of parts with a name, perhaps a file name, and a content.
pub fn form(parts: &[(&str, Option<&str>, &str)]) -> String {
    let mut body = String::new();
    for (name, file_name, content) in parts {
        body.push_str("--AaB03x\r\ncontent-disposition: form-data; name=\"");
        body.push_str(name);
        if let Some(file_name) = file_name {
            body.push_str("\"; filename=\"");
            body.push_str(file_name);
        }
        body.push_str("\"\r\n\r\n");
        body.push_str(content);
        body.push_str("\r\n");
    }
    body + "--AaB03x--\r\n"
}

/// Sends a form as the SDK does: the metadata, and a file with this name and content.
pub fn send(who: &Client, path: &str, metadata: &Value, file: Option<(&str, &str)>) -> Answer {
    let metadata = metadata.to_string();
    let mut parts = vec![("metadata", None, metadata.as_str())];
    parts.extend(file.map(|(name, content)| ("file", Some(name), content)));
    who.send("POST", path, &[FORM], form(&parts))
}

pub fn metadata(workspace: i64, name: &str) -> Value {
    json!({
        "name": name, "visibility": "private", "workspace_id": workspace,
        "conversion": { "framework": "onnx", "python_version": "3.8", "requirements": [] },
    })
}

/// The id of an uploaded version.
#[track_caller]
pub fn id(answer: &Answer) -> i64 {
    assert!([200, 202].contains(&answer.status), "{answer:?}");
    let id = answer.json()["insert_models"]["returning"][0]["models"][0]["id"].as_i64().expect("an id");
    let whole = json!({ "insert_models": { "returning": [{ "models": [{ "id": id }] }] } });
    assert_eq!(answer.json(), whole);
    id
}

/// Uploads a version of a model, and returns its id.
#[track_caller]
pub fn upload(who: &Client, workspace: i64, name: &str, content: &str) -> i64 {
    id(&send(who, UPLOAD, &metadata(workspace, name), Some(("m.onnx", content))))
}

/// Registers an image as a version of a model, and returns its id.
#[track_caller]
pub fn register(who: &Client, workspace: i64, name: &str) -> i64 {
    let mut metadata = metadata(workspace, name);
    metadata["image_path"] = json!("ghcr.io/team/model:1");
    metadata["conversion"]["framework"] = json!("mlflow");
    id(&send(who, UPLOAD, &metadata, None))
}

/// A version as `get_version_by_id` shows it.
#[track_caller]
pub fn version(who: &Client, id: i64) -> Value {
    let answer = who.post("/v1/api/models/get_version_by_id", &json!({ "model_version_id": id }));
    answer.ok()["model_version"].clone()
}

fn file_path(version: i64) -> String {
    format!("/v1/api/models/{version}/file")
}

/// The SHA-256 of a text, by another implementation than the server's use of it.
fn sha256(content: &str) -> String {
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes()).as_ref())
}

fn bobs_workspace() -> (i64, &'static Person) {
    (world().bob.create(&fresh("lab")), &world().bob)
}

#[test]
fn an_upload_is_shown_and_given_back_whole() {
    let (workspace, bob) = bobs_workspace();
    let mut metadata = metadata(workspace, "CCFraud");
    metadata["conversion"]["arch"] = json!("x86");
    metadata["input_schema"] = json!(SCHEMA);
    metadata["registry_id"] = json!(null);
    let content = "not a real model ".repeat(10_000);
    let made = send(bob, UPLOAD, &metadata, Some(("über.onnx", &content)));
    assert_eq!(made.status, 200);
    let shown = version(bob, id(&made));
    let whole = json!({
        "model_version": {
            "name": "CCFraud", "visibility": "private", "workspace_id": workspace, "conversion": metadata["conversion"],
            "id": id(&made), "image_path": null, "status": "ready", "task_id": null,
            "file_info": {
                "version": shown["model_version"]["file_info"]["version"], "sha": sha256(&content),
                "file_name": "über.onnx", "size": content.len(),
            },
            "created_by": bob.email, "created_at": shown["model_version"]["created_at"], "deployed": false,
            "error_summary": null,
        },
        "config": {
            "id": shown["config"]["id"], "model_version_id": id(&made), "runtime": "onnx", "filter_threshold": null,
            "tensor_fields": null, "input_schema": SCHEMA, "output_schema": null, "batch_config": null,
            "dynamic_batching_config": null, "continuous_batching_config": null, "queue_depth": null,
            "sidekick_uri": null, "openai": null,
        },
    });
    assert_eq!(shown, whole);
    assert!(shown["model_version"]["created_at"].as_str().expect("a time").ends_with("+00:00"));
    let file = bob.get(&file_path(id(&made)));
    assert_eq!((file.status, file.body == content), (200, true));
    assert_eq!(file.header("content-type"), Some("application/octet-stream"));
    assert_eq!(file.header("etag"), Some(&*format!("\"{}\"", sha256(&content))));
}

#[test]
fn the_parts_of_a_form_come_in_either_order() {
    let (workspace, bob) = bobs_workspace();
    let metadata = metadata(workspace, "m").to_string();
    let parts = [("file", Some("a.onnx"), "first"), ("metadata", None, &*metadata)];
    let answer = bob.send("POST", CONVERT, &[FORM], form(&parts));
    assert_eq!(answer.status, 202);
    assert_eq!(bob.get(&file_path(id(&answer))).body, "first");
    let conversion: Value = serde_json::from_str(&metadata).expect("JSON");
    assert_eq!(version(bob, id(&answer))["model_version"]["conversion"], conversion["conversion"]);
}

#[test]
fn a_conversion_is_given_back_as_it_was_sent() {
    let (workspace, bob) = bobs_workspace();
    let conversion =
        r#"{"python_version":"3.8","framework":"hugging-face-text-generation","requirements":["b==2.0","a"],"x":1.10}"#;
    let metadata = format!(r#"{{"name":"m","workspace_id":{workspace},"conversion":{conversion}}}"#);
    let parts = [("metadata", None, &*metadata), ("file", Some("models/a.zip"), "zip")];
    let made = id(&bob.send("POST", CONVERT, &[FORM], form(&parts)));
    let shown = bob.post("/v1/api/models/get_model_version_by_id", &json!({ "model_version_id": made }));
    assert!(shown.body.contains(&format!(r#""conversion":{conversion}"#)), "{shown:?}");
    let version = &shown.json()["model_version"];
    assert_eq!(version["model_version"]["file_info"]["file_name"], "a.zip");
    assert_eq!(
        (&version["model_version"]["visibility"], &version["config"]["runtime"]),
        (&json!("private"), &json!("flight"))
    );
}

#[test]
fn an_image_is_a_version_without_a_file() {
    let (workspace, bob) = bobs_workspace();
    let made = register(bob, workspace, "image");
    let shown = version(bob, made);
    let file_info = &shown["model_version"]["file_info"];
    assert_eq!(shown["model_version"]["image_path"], "ghcr.io/team/model:1");
    assert_eq!((&file_info["sha"], &file_info["file_name"], &file_info["size"]), (&json!(""), &json!(""), &json!(0)));
    assert_eq!(shown["config"]["runtime"], "mlflow");
    let none = refused("this version is an image of a container registry: it has no file");
    assert_eq!(bob.get(&file_path(made)).outcome(), none);
    let mut both = metadata(workspace, "both");
    both["image_path"] = json!("ghcr.io/a");
    let answer = send(bob, UPLOAD, &both, Some(("m.onnx", "x")));
    assert_eq!(answer.outcome(), refused("image_path: must be omitted when a file is uploaded"));
    let answer = send(bob, UPLOAD, &metadata(workspace, "neither"), None);
    assert_eq!(answer.outcome(), refused("image_path: is required when no file is uploaded"));
}

#[test]
fn a_body_that_is_a_file_is_uploaded_with_any_type() {
    let (workspace, bob) = bobs_workspace();
    let path = format!("{STREAM}?name=stream&filename=a%2Fb%20c.onnx&visibility=public&workspace_id={workspace}");
    let answer = bob.send("POST", &path, &[("content-type", "contentType")], "the whole body");
    assert_eq!(answer.status, 200);
    let shown = version(bob, id(&answer));
    assert_eq!(shown["model_version"]["visibility"], "public");
    assert_eq!(shown["model_version"]["file_info"]["file_name"], "b c.onnx");
    assert_eq!((&shown["config"]["runtime"], &shown["model_version"]["conversion"]), (&json!("onnx"), &Value::Null));
    assert_eq!(bob.get(&file_path(id(&answer))).body, "the whole body");

    let outcome = |query: &str| bob.send("POST", &format!("{STREAM}?{query}"), &[], "x").outcome();
    assert_eq!(outcome("name=a&filename=b"), refused("workspace_id: is a required query parameter"));
    assert_eq!(outcome("name=a&filename=b&workspace_id=x"), refused("workspace_id: must be a whole number"));
    let query = |rest: &str| format!("workspace_id={workspace}&{rest}");
    assert_eq!(outcome(&query("filename=b")), refused("name: is a required query parameter"));
    assert_eq!(outcome(&query("name=a")), refused("filename: is a required query parameter"));
    assert_eq!(
        outcome(&query("name=a&filename=b%00")),
        refused("filename: must not have a file name with control characters")
    );
    assert_eq!(outcome(&query("name=a&filename=b&visibility=x")), refused("visibility: must be private or public"));
}

#[test]
fn a_malformed_upload_is_refused_and_leaves_nothing() {
    let world = World::start();
    let (workspace, bob) = (world.bob.create("lab"), &world.bob);
    let outcome = |field: &str, value: Value| {
        let mut metadata = metadata(workspace, "m");
        metadata[field] = value;
        send(bob, UPLOAD, &metadata, Some(("m.onnx", "x"))).outcome()
    };
    let schema =
        refused("input_schema: must be base64 of an Arrow schema message, as pyarrow.Schema.serialize() returns it");
    assert_eq!(outcome("input_schema", json!("AAAA")), schema);
    assert_eq!(outcome("output_schema", json!("é")), refused("output_schema: must be standard base64 with padding"));
    assert_eq!(
        outcome("name", json!("a_b")),
        refused("name: must contain only letters a to z in any case, digits and hyphens")
    );
    assert_eq!(outcome("name", json!("1a")), refused("name: must begin with a letter"));
    assert_eq!(outcome("visibility", json!("all")), refused("visibility: must be private or public"));
    assert_eq!(outcome("workspace_id", json!(null)), refused("workspace_id: invalid type: null, expected i64"));
    assert_eq!(
        outcome("image_path", json!("a b")),
        refused("image_path: must not contain spaces or control characters")
    );
    let (status, body) = outcome("conversion", json!({ "framework": "caffe" }));
    let msg = body["msg"].as_str().expect("a message");
    assert!(status == 400 && msg.starts_with("conversion: must have a framework, which is one of onnx, "), "{msg}");
    assert!(msg.contains("hugging-face-zero-shot-object-detection"), "{msg}");

    let right = metadata(workspace, "m").to_string();
    for (parts, rule) in [
        (vec![("file", Some("m.onnx"), "x")], "metadata: is missing; the form must have this part"),
        (vec![("metadata", None, "{")], "body: EOF while parsing an object at line 1 column 1"),
        (vec![("metadata", None, &*right), ("file", None, "x")], "file: must have a file name"),
        (
            vec![("metadata", None, &*right), ("other", None, "x")],
            "other: is an unexpected part of the form; it must have one part metadata and at most one part file",
        ),
    ] {
        assert_eq!(bob.send("POST", UPLOAD, &[FORM], form(&parts)).outcome(), refused(rule));
    }
    let answer = bob.send("POST", UPLOAD, &[("content-type", "application/json")], right.as_str());
    assert!(answer.status == 400 && answer.body.contains("body: must be a multipart/form-data form"), "{answer:?}");
    let database = world.database();
    assert_eq!((database.count("models"), database.count("model_versions")), (0, 0));
}

#[test]
fn a_range_of_a_file_can_be_downloaded() {
    let (workspace, bob) = bobs_workspace();
    let made = upload(bob, workspace, "m", "0123456789");
    let part = |range: &str| {
        let answer = bob.send("GET", &file_path(made), &[("range", range)], ());
        (answer.status, answer.header("content-range").map(str::to_owned), answer.body)
    };
    let range = |text: &str| Some(format!("bytes {text}/10"));
    assert_eq!(part("bytes=2-4"), (206, range("2-4"), "234".to_owned()));
    assert_eq!(part("bytes=7-"), (206, range("7-9"), "789".to_owned()));
    assert_eq!(part("bytes=-2"), (206, range("8-9"), "89".to_owned()));
    assert_eq!(part("bytes=10-"), (416, range("*"), String::new()));
    let tag = format!("\"{}\"", sha256("0123456789"));
    let unchanged = bob.send("GET", &file_path(made), &[("if-none-match", &tag)], ());
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    let head = bob.send("HEAD", &file_path(made), &[], ());
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
}

#[test]
fn a_file_is_stored_once_however_often_it_is_uploaded() {
    let world = World::start();
    let (workspace, other) = (world.bob.create("lab"), world.carol.create("den"));
    let first = upload(&world.bob, workspace, "m", "the same");
    let second = upload(&world.carol, other, "m", "the same");
    assert_eq!(world.bob.get(&file_path(first)).body, world.carol.get(&file_path(second)).body);
    let bytes: i64 = world.database().one("SELECT file_bytes FROM organizations WHERE home = 1", []);
    assert_eq!(bytes, 8);
}

#[test]
fn a_file_is_seen_by_the_members_of_its_workspace_only() {
    let (workspace, bob) = bobs_workspace();
    let (carol, ada) = (&world().carol, &world().ada);
    let made = upload(bob, workspace, "m", "secret");
    let missing = |id: &str| (404, json!({ "msg": format!("model version {id} does not exist"), "code": 404 }));
    assert_eq!(carol.get(&file_path(made)).outcome(), missing(&made.to_string()));
    assert_eq!(carol.get(&file_path(i64::MAX)).outcome(), missing(&i64::MAX.to_string()));
    assert_eq!(carol.get("/v1/api/models/x/file").outcome(), missing("x"));
    assert_eq!(ada.get(&file_path(made)).body, "secret");
    let unseen = refused(&format!("workspace {workspace} does not exist"));
    for path in [UPLOAD, CONVERT] {
        let answer = send(carol, path, &metadata(workspace, "m"), Some(("m.onnx", "x")));
        assert_eq!(answer.outcome(), unseen, "{path}");
    }
    let path = format!("{STREAM}?name=m&filename=m.onnx&workspace_id={workspace}");
    assert_eq!(carol.send("POST", &path, &[], "x").outcome(), unseen);
    bob.add(workspace, carol, "collaborator");
    assert_eq!(carol.get(&file_path(made)).body, "secret");
    upload(carol, workspace, "m", "hers");
    world().database().write("UPDATE workspaces SET archived = 1 WHERE id = ?1", [workspace]);
    let archived = refused(
        "this workspace is archived, so it cannot be changed; one of its owners or an administrator can restore it",
    );
    assert_eq!(send(bob, UPLOAD, &metadata(workspace, "m"), Some(("m.onnx", "x"))).outcome(), archived);
    assert_eq!(carol.get(&file_path(made)).body, "secret", "it can still be read");
}

#[test]
fn a_full_organization_takes_no_more_files() {
    let world = World::of(Setup::new().args(&["--organization-files", "4KiB"]));
    let (workspace, bob) = (world.bob.create("lab"), &world.bob);
    let (first, second) = ("1".repeat(3000), "2".repeat(3000));
    upload(bob, workspace, "m", &first);
    let answer = send(bob, UPLOAD, &metadata(workspace, "m"), Some(("m.onnx", &second)));
    assert_eq!(answer.status, 507, "{answer:?}");
    upload(bob, workspace, "m", &first);
    register(bob, workspace, "image");
}

#[test]
fn a_refusal_does_not_wait_for_the_file() {
    let (workspace, _) = bobs_workspace();
    let head = |credential: &str| {
        format!(
            "POST {STREAM}?name=m&filename=m&workspace_id={workspace} HTTP/1.1\r\nhost: x\r\n\
             authorization: Bearer {credential}\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n"
        )
    };
    for (credential, status) in [("nonsense", 401), (world().carol.credential(), 400)] {
        let mut stream = raw::connect(world().server.base());
        stream.write_all(head(credential).as_bytes()).expect("a request");
        let mut answer = raw::read_head(&mut stream).expect("an answer");
        if answer.status == 100 {
            answer = raw::read_head(&mut stream).expect("an answer");
        }
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
