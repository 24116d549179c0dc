//! `atelier pipeline`, `connection` and `tag`.

use std::fs;

use serde_json::{Value, json};

use crate::support::Setup;
use crate::{Place, run_in};

/// The verb and the object of the newest row of the audit log.
fn newest(place: &Place) -> (String, String) {
    let rows = place.db().rows("SELECT verb, kind || '/' || object FROM audit ORDER BY id DESC LIMIT 1", []);
    let (verb, object) = rows[0].split_once('|').unwrap();
    (verb.to_owned(), object.to_owned())
}

/// Runs a command that prints this and says that, and leaves this audit row.
#[track_caller]
fn does(place: &Place, line: &str, out: &str, err: &str, audited: (&str, &str)) {
    let run = place.run(line).good();
    assert_eq!((run.out.as_str(), run.err.as_str()), (out, err), "{line}");
    let (verb, object) = newest(place);
    assert_eq!((verb.as_str(), object.as_str()), audited, "{line}");
}

fn ids(listed: &Value) -> Vec<i64> {
    listed.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
}

/// A directory with the workspaces vision and nlp, and a version of the model ccfraud. Returns the UUID of the version.
fn place() -> (Place, String) {
    let place = Place::with_ada();
    fs::write(place.path().join("m.onnx"), "abc").unwrap();
    for line in [
        "workspace create vision --owner ada@example.com",
        "workspace create nlp --owner ada@example.com",
        "model put m.onnx --workspace vision --name ccfraud",
    ] {
        place.run(line).good();
    }
    let version = place.json("model show 1 --json")["uuid"].as_str().unwrap().to_owned();
    (place, version)
}

#[test]
fn a_pipeline_from_its_creation_to_its_deletion() {
    let (place, model) = place();
    let definition = json!({ "id": "flow", "steps": [
        { "ModelInference": { "models": [{ "name": "ccfraud", "version": model }] } }
    ] });
    fs::write(place.path().join("flow.json"), definition.to_string()).unwrap();
    let words = "version 1 of the pipeline Home/vision/flow is created\n";
    let line = "pipeline create vision flow --definition-file flow.json";
    does(&place, line, "1\n", words, ("pipelines.create", "pipeline/1"));
    let words = "version 2 of the pipeline Home/vision/flow is created\n";
    does(&place, "pipeline create Home/vision flow", "2\n", words, ("pipelines.create_version", "pipeline_version/2"));
    assert_eq!(place.run("pipeline definition 1").good().out, format!("{definition}\n"));
    let none = "version 2 was created without a definition; see another version";
    place.run("pipeline definition 2").refused(1, none);

    let shown = place.json("pipeline show vision/flow --json");
    assert_eq!((&shown["id"], &shown["workspace"]), (&json!(1), &json!("Home/vision")));
    assert_eq!(place.json("pipeline show 1 --json"), shown);
    let versions = place.json("pipeline versions vision/flow --json");
    assert_eq!((ids(&versions), &versions[0]["has_definition"]), (vec![2, 1], &json!(false)), "newest first");
    assert_eq!(ids(&place.json("pipeline versions 1 --limit 1 --json")), [2]);

    let words = "version 3 of the pipeline Home/nlp/copied is created\n";
    does(&place, "pipeline copy vision/flow nlp copied", "3\n", words, ("pipelines.copy", "pipeline/2"));
    assert_eq!(ids(&place.json("pipeline list --json")), [1, 2]);
    assert_eq!(ids(&place.json("pipeline list --workspace nlp --json")), [2]);
    assert_eq!(ids(&place.json("pipeline list --filter FLO --json")), [1]);
    let words = "the pipeline is now Home/vision/copied\n";
    does(&place, "pipeline move nlp/copied --to vision", "", words, ("pipelines.move", "pipeline/2"));

    let audited = ("pipelines.delete_version", "pipeline_version/2");
    does(&place, "pipeline delete-version 2 --yes", "", "version 2 deleted\n", audited);
    let words = "the pipeline Home/vision/flow is deleted\n";
    does(&place, "pipeline delete vision/flow --yes", "", words, ("pipelines.delete", "pipeline/1"));
    let gone = "pipeline flow does not exist; `atelier pipeline list` shows all pipelines; name one as WORKSPACE/NAME \
                or by its id";
    place.run("pipeline show vision/flow").refused(1, gone);
    place.run("pipeline show flow").refused(1, gone);
}

#[test]
fn a_pipeline_that_is_not_right_is_refused_and_changes_nothing() {
    let (place, model) = place();
    let step = |name: &str, version: &str| {
        json!({ "steps": [{ "ModelInference": { "models": [{ "name": name, "version": version }] } }] }).to_string()
    };
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (text, words) in [
        ("{", "--definition-file: "),
        ("[]", "--definition-file: "),
        (&step("other", &model), "--definition-file.steps[0].ModelInference.models[0].name: must be the name"),
        (&step("ccfraud", unknown), &format!("model version {unknown} does not exist")),
        (&format!("{{\"x\": \"{}\"}}", "y".repeat(256 << 10)), "--definition-file: must have at most 262144 bytes"),
        (&format!("{{\"x\": \"{}\"}}", "ä".repeat(256 << 10)), "--definition-file: must have at most 262144 bytes"),
    ] {
        fs::write(place.path().join("flow.json"), text).unwrap();
        let run = place.run("pipeline create vision flow --definition-file flow.json");
        assert!(run.code != 0 && run.err.starts_with(&format!("error: {words}")), "{}", run.err);
        assert!(run.err.len() < 1000, "{}", run.err);
    }
    for (line, words) in [
        ("pipeline create vision Flow", "NAME: must contain only lowercase letters"),
        ("pipeline create nowhere flow", "workspace nowhere does not exist"),
        ("pipeline create vision flow --definition-file nowhere", "cannot read nowhere: "),
        ("pipeline create vision flow --definition-file .", "cannot read .: "),
        ("pipeline versions 7", "pipeline 7 does not exist"),
        ("pipeline definition 7", "pipeline version 7 does not exist"),
        ("pipeline delete-version 7 --yes", "pipeline version 7 does not exist"),
    ] {
        let run = place.run(line);
        assert!(run.code != 0 && run.err.starts_with(&format!("error: {words}")), "{line}: {}", run.err);
    }
    assert_eq!(place.json("pipeline list --json"), json!([]));
}

#[test]
fn tags_are_attached_and_detached() {
    let (place, _) = place();
    place.run("project create vision chatbot").good();
    place.run("pipeline create vision flow").good();
    let words = "the tag production of Home/vision is created; `atelier tag attach` attaches it\n";
    let line = "tag create production --workspace vision --color Green";
    does(&place, line, "1\n", words, ("tags.create", "tag/1"));
    let words = "the tag reviewed of Home is created; `atelier tag attach` attaches it\n";
    does(&place, "tag create reviewed", "2\n", words, ("tags.create", "tag/2"));
    place.run(line).refused(1, "tag production already exists; choose another name; `atelier tag list` shows all tags");
    let listed = place.json("tag list --json");
    assert_eq!((ids(&listed), &listed[0]["color"], &listed[1]["of"]), (vec![1, 2], &json!("green"), &json!("Home")));
    assert_eq!(ids(&place.json("tag list --workspace vision --json")), [1]);
    does(&place, "tag change 1 --name live", "", "the tag 1 is live\n", ("tags.change", "tag/1"));

    for (target, words, object) in [
        ("--model-version 1", "version 1 of a model", "model_version/1"),
        ("--pipeline vision/flow", "the pipeline vision/flow", "pipeline/1"),
        ("--project vision/chatbot", "the project vision/chatbot", "project/1"),
    ] {
        let said = format!("the tag live is attached to {words}\n");
        does(&place, &format!("tag attach 1 {target}"), "", &said, ("tags.attach", object));
        let said = format!("the tag live is detached from {words}\n");
        does(&place, &format!("tag detach 1 {target} --yes"), "", &said, ("tags.detach", object));
        let again = place.run(&format!("tag detach 1 {target} --yes")).good();
        assert_eq!(again.err, format!("the tag live is not attached to {words}; nothing was changed\n"));
    }
    let run = place.run("tag attach 1");
    assert!(run.code == 2 && run.err.contains("--model-version <ID>"), "{}", run.err);
    place.run("tag change 1").refused(2, "nothing to change; give --name, --description or --color");
    place.run("tag delete 7 --yes").refused(1, "tag 7 does not exist; `atelier tag list` shows all tags");
    does(&place, "tag delete 1 --yes", "", "the tag live is deleted\n", ("tags.delete", "tag/1"));
    does(&place, "tag delete 2 --yes", "", "the tag reviewed is deleted\n", ("tags.delete", "tag/2"));
}

#[test]
fn the_details_of_a_connection_are_never_an_argument_and_shown_on_request_only() {
    let (place, _) = place();
    let early = place.run("connection create warehouse --type S3");
    assert!(early.code == 1 && early.err.contains("start the server once"), "{}", early.err);
    assert!(Setup::new().data_dir(place.data()).without_admin().start().stop().success());

    let details = r#"{"password":"correct horse"}"#;
    fs::write(place.path().join("details.json"), details).unwrap();
    let made = place.run("connection create warehouse --type SNOWFLAKE --details-file details.json").good();
    let uuid = made.out.trim().to_owned();
    let words = "the connection warehouse is created; `atelier connection link` adds it to a workspace\n";
    assert!(uuid.len() == 36 && made.err.ends_with(words), "{uuid}: {}", made.err);
    assert_eq!(newest(&place), ("connections.create".to_owned(), "connection/1".to_owned()));
    place.holds_no("correct horse");
    place.run("connection create warehouse --type S3").refused(
        1,
        "connection warehouse already exists; choose another name; `atelier connection list` shows all connections",
    );
    // The harness checks that what stdin has is not in the output.
    run_in(place.path(), "connection create bucket --type S3 --details-stdin --json", details, &[]).good();
    for (text, words) in [
        ("{\"password\": \"correct horse\"", "--details-stdin: "),
        ("[\"correct horse\"]", "--details-stdin: must be a JSON object or null"),
    ] {
        let run = run_in(place.path(), "connection create broken --type S3 --details-stdin", text, &[]);
        assert!(run.code == 2 && run.err.starts_with(&format!("error: {words}")), "{}", run.err);
        assert!(!run.err.contains("correct horse"), "{}", run.err);
    }

    let words = "the members of the workspace Home/vision can read the connection warehouse\n";
    does(&place, "connection link warehouse vision", "", words, ("connections.link", "connection/1"));
    let shown = place.json(&format!("connection show {uuid} --json"));
    assert_eq!(place.json("connection show warehouse --json"), shown);
    assert_eq!((&shown["workspaces"], &shown["details"]), (&json!(["vision"]), &Value::Null));
    let whole = place.json("connection show warehouse --with-details --json");
    assert_eq!(whole["details"], json!({ "password": "correct horse" }));
    assert!(!place.run("connection list --json").good().out.contains("correct horse"));
    assert_eq!(place.json("connection list --json").as_array().unwrap().len(), 2);
    let there = place.json("connection list --workspace vision --json");
    assert_eq!((there.as_array().unwrap().len(), &there[0]["id"]), (1, &json!(uuid)));

    let words = "the connection warehouse is not in the workspace Home/vision\n";
    does(&place, "connection unlink warehouse vision --yes", "", words, ("connections.unlink", "connection/1"));
    let words = "the connection warehouse is deleted\n";
    does(&place, "connection delete warehouse --yes", "", words, ("connections.delete", "connection/1"));
    place
        .run("connection show warehouse")
        .refused(1, "connection warehouse does not exist; `atelier connection list` shows all connections");
}
