//! `atelier model`.

use std::fs;

use serde_json::json;

use crate::support::Setup;
use crate::{Place, mode, names, run_in};

/// A directory with an administrator and the workspace 1.
fn place() -> Place {
    let place = Place::with_ada();
    place.sql(
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
             ml_models_enabled) SELECT id, 'vision', 'vision', '', 1, 0, 0, 1 FROM organizations WHERE home = 1",
    );
    place
}

/// The SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn a_file_is_uploaded_listed_and_copied_out_again() {
    let place = place();
    let empty = place.run("model list").good();
    let words = "there are no models; `atelier model put FILE --workspace ID --name NAME` uploads one\n";
    assert_eq!((empty.out.as_str(), empty.err.as_str()), ("", words));
    fs::write(place.path().join("m.onnx"), "abc").unwrap();
    let put = place.run("model put m.onnx --workspace 1 --name ccfraud").good();
    assert_eq!((put.out.as_str(), put.err.as_str()), ("1\n", "version 1 uploaded, 3 B\n"));
    assert_eq!(place.run("model put m.onnx --workspace 1 --name ccfraud --framework sklearn").good().out, "2\n");

    let listed = place.json("model list --json");
    let version = &listed[1];
    assert_eq!(version["id"], 1);
    assert_eq!((&version["name"], &version["workspace"]), (&json!("ccfraud"), &json!("vision")));
    assert_eq!(
        (&version["file_name"], &version["size"], &version["sha256"]),
        (&json!("m.onnx"), &json!(3), &json!(ABC))
    );
    let text = place.run("model list --workspace 1 --name ccfraud").good().out;
    assert!(text.starts_with("VERSION  MODEL    WORKSPACE  FILE    SIZE  CREATED BY  CREATED\n2 "), "{text}");
    assert_eq!(place.json("model list --workspace 2 --json"), json!([]));

    let stored = place.data().join(format!("files/ba/{ABC}"));
    assert_eq!((fs::read_to_string(&stored).unwrap().as_str(), mode(&stored)), ("abc", 0o600));
    assert_eq!(names(&place.data().join("files/incoming")), Vec::<String>::new());

    place
        .run("model get 1")
        .refused(1, "cannot create m.onnx: File exists (os error 17); remove it, or choose another file with --output");
    let get = place.run("model get 1 --output copy.onnx").good();
    assert_eq!(get.err, format!("3 B written to copy.onnx, SHA-256 {ABC}\n"));
    assert_eq!(fs::read_to_string(place.path().join("copy.onnx")).unwrap(), "abc");
    let get = place.run("model get 2 -o -").good();
    assert_eq!((get.out.as_str(), get.err.as_str()), ("abc", ""));
}

#[test]
fn a_file_is_copied_out_under_a_safe_name() {
    let place = place();
    let (uploaded, out) = (place.path().join("m.onnx"), place.path().join("out"));
    fs::write(&uploaded, "abc").unwrap();
    fs::create_dir(&out).unwrap();
    for (id, (name, safe)) in [
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("--output=x", "output=x"),
        (". -a", "a"),
        ("...", "model"),
        ("über model.onnx", "über model.onnx"),
    ]
    .into_iter()
    .enumerate()
    {
        place.run("model put m.onnx --workspace 1 --name a").good();
        let id = id + 1;
        place.sql(&format!("UPDATE model_versions SET file_name = '{name}' WHERE id = {id}"));
        let data = place.data();
        let run = run_in(&out, &format!("model get {id} --data-dir {}", data.display()), "", &[]).good();
        assert_eq!(run.err, format!("3 B written to {safe}, SHA-256 {ABC}\n"));
        let file = out.join(safe);
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("abc", 0o600), "{name}");
    }
    assert_eq!(names(&out).len(), 6);
}

#[test]
fn a_refused_upload_leaves_nothing() {
    let place = place();
    fs::write(place.path().join("m.onnx"), "abc").unwrap();
    for (line, begin) in [
        ("model put none --workspace 1 --name a", "cannot read none: "),
        ("model put m.onnx --workspace 1 --name 1a", "--name: must begin with a letter"),
        ("model put m.onnx --workspace 1 --name a --framework x", "--framework: must have a framework"),
        ("model put m.onnx --workspace 2 --name a", "workspace 2 does not exist"),
        ("model get 1", "model version 1 does not exist"),
    ] {
        let run = place.run(line);
        assert!(run.code != 0 && run.err.starts_with(&format!("error: {begin}")), "{line}: {}", run.err);
    }
    for (variable, words) in [
        ("ATELIER_MAX_FILE", "must not be larger than the server's max_file"),
        ("ATELIER_ORGANIZATION_FILES", "the files of the organization may take at most 2 bytes in total"),
    ] {
        let run = place.run_with("model put m.onnx --workspace 1 --name a", &[(variable, "2B")]);
        assert!(run.code == 1 && run.err.contains(words), "{}", run.err);
    }
    place.sql("UPDATE workspaces SET archived = 1");
    let run = place.run("model put m.onnx --workspace 1 --name a");
    assert!(run.code == 1 && run.err.contains("archived"), "{}", run.err);
    let left = place.data().join("files/incoming");
    assert!(!left.exists() || names(&left).is_empty());
    assert_eq!(place.json("model list --json"), json!([]));
    assert!(place.run("check").good().out.contains("0 files, 0 bytes, whole"));
}

#[test]
fn a_damaged_file_is_not_copied_out() {
    let place = place();
    fs::write(place.path().join("m.onnx"), "abc").unwrap();
    place.run("model put m.onnx --workspace 1 --name a").good();
    let stored = place.data().join(format!("files/ba/{ABC}"));
    for damaged in ["abd", "ab"] {
        fs::write(&stored, damaged).unwrap();
        place.run("model get 1 -o out").refused(1, &format!("the file {ABC} is damaged; run `atelier check`"));
        assert!(!place.path().join("out").exists());
    }
    fs::remove_file(&stored).unwrap();
    place.run("model get 1 -o out").refused(1, &format!("the file {ABC} is missing; run `atelier check`"));
}

#[test]
fn files_are_copied_beside_a_running_server() {
    let place = place();
    let mut server = Setup::new().data_dir(place.data()).without_admin().start();
    fs::write(place.path().join("m.onnx"), "abc").unwrap();
    place.run("model put m.onnx --workspace 1 --name a").good();
    assert_eq!(place.run("model get 1 -o -").good().out, "abc");
    let elsewhere = place.run_with("model get 1 -o -", &[("ATELIER_FILES_URL", "s3://models")]);
    elsewhere.refused(
        2,
        "the running server has another value of files_url; use the same variables and --config as the server",
    );
    assert!(server.stop().success());
}
