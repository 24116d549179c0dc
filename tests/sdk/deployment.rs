//! The files for containers, Kubernetes and GitHub, and the licenses of the dependencies, checked by the tools of their
//! fields without a network: schemas of Docker Compose, of Kubernetes and of GitHub's workflows, and cargo-deny.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::python;

/// Runs a checker in the root of the repository. Returns whether it is content, and what it says.
fn check(program: &str, arguments: &[&str]) -> (bool, String) {
    let python = python::environment("deployment", python::Needs { oldest: 11, ..python::Needs::USUAL });
    let program = python.with_file_name(program);
    let output = Command::new(program).args(arguments).current_dir(root()).stdin(Stdio::null()).output();
    let output = output.expect("the checker starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the repository")
}

/// The documents of a file of YAML.
fn documents(path: &str) -> Vec<Value> {
    let program = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let (is_good, said) = check("python", &["-c", program, path]);
    assert!(is_good, "{said}");
    serde_json::from_str(&said).expect("Python writes JSON")
}

/// A copy of a file in which something is wrong.
fn spoiled(folder: &Path, path: &str, from: &str, to: &str) -> PathBuf {
    let text = read(path);
    assert!(text.contains(from), "{path} has no {from}");
    let file = folder.join(Path::new(path).file_name().expect("a name"));
    fs::write(&file, text.replace(from, to)).expect("a file");
    file
}

#[test]
fn the_workflows_follow_their_schema_and_call_the_scripts() {
    let schema = |file: &str| check("check-jsonschema", &["--builtin-schema", "vendor.github-workflows", file]);
    for (workflow, script) in [("ci", ".ci/run"), ("release", "packaging/release"), ("audit", "check advisories")] {
        let path = format!(".github/workflows/{workflow}.yml");
        let (is_good, said) = schema(&path);
        assert!(is_good, "{said}");
        assert!(read(&path).contains(script), "{path} does not call {script}");
        // Nothing may do more than it says.
        assert_eq!(documents(&path)[0]["permissions"]["contents"], "read", "{path}");
    }
    for script in [".ci/run", "packaging/release"] {
        assert!(root().join(script).is_file(), "{script}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = spoiled(folder.path(), ".github/workflows/ci.yml", "runs-on:", "runs-in:");
    assert!(!schema(wrong.to_str().expect("a path")).0, "the schema refuses nothing");
}

#[test]
fn the_compose_file_follows_its_schema() {
    let schema = |file: &str| check("check-jsonschema", &["--builtin-schema", "vendor.compose-spec", file]);
    let (is_good, said) = schema("examples/compose.yaml");
    assert!(is_good, "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = spoiled(folder.path(), "examples/compose.yaml", "cap_drop:", "cap_drip:");
    assert!(!schema(wrong.to_str().expect("a path")).0, "the schema refuses nothing");
    let compose = &documents("examples/compose.yaml")[0];
    assert!(
        root()
            .join("examples")
            .join(compose["services"]["atelier"]["build"]["context"].as_str().expect("a path"))
            .join("Dockerfile")
            .is_file()
    );
}

#[test]
fn the_objects_of_kubernetes_follow_their_schemas() {
    let schema = |file: &str| check("kubernetes-validate", &["--strict", file]);
    let (is_good, said) = schema("examples/kubernetes.yaml");
    assert!(is_good, "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = spoiled(folder.path(), "examples/kubernetes.yaml", "readinessProbe:", "readinesProbe:");
    assert!(!schema(wrong.to_str().expect("a path")).0, "the schema refuses nothing");

    let objects = documents("examples/kubernetes.yaml");
    let [service, set] = objects.as_slice() else { panic!("{} objects", objects.len()) };
    assert_eq!((&service["kind"], &service["metadata"]["name"]), (&"Service".into(), &"atelier".into()));
    assert_eq!(set["spec"]["serviceName"], "atelier");
    assert_eq!(service["spec"]["selector"], set["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(set["spec"]["selector"]["matchLabels"], set["spec"]["template"]["metadata"]["labels"]);
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    for (probe, path) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
    }
    // Variables of the configuration, as its own test knows them.
    for variable in container["env"].as_array().expect("a list") {
        let name = variable["name"].as_str().expect("a name");
        let key = name.strip_prefix("ATELIER_").expect("a variable of the configuration").to_lowercase();
        let example = read("config.example.toml");
        assert!(example.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{key} = "))), "{name}");
    }
}

#[test]
fn the_image_has_only_the_program_and_runs_it_as_nobody() {
    let text = read("Dockerfile");
    let stages: Vec<&str> = text.split("\nFROM ").skip(1).collect();
    let [build, image] = stages.as_slice() else { panic!("{} stages", stages.len()) };
    let rust = read("Cargo.toml");
    let rust =
        rust.lines().find_map(|line| line.strip_prefix("rust-version = \"")).expect("a version").trim_end_matches('"');
    assert!(build.starts_with(&format!("docker.io/library/rust:{rust}-alpine AS build\n")), "{build}");
    let line = |word: &str| {
        let found = image.lines().find_map(|line| line.trim().split_once(' ').filter(|(first, _)| *first == word));
        found.unwrap_or_else(|| panic!("the image has no {word}")).1
    };
    assert!(line("USER").bytes().all(|byte| byte.is_ascii_digit() || byte == b':'), "Kubernetes needs a number");
    assert_eq!(line("ENTRYPOINT"), r#"["/usr/bin/atelier"]"#);
    assert_eq!(line("CMD"), r#"["serve"]"#);
    assert!(line("HEALTHCHECK").ends_with(r#"CMD ["/usr/bin/atelier", "health"]"#));
    assert!(line("COPY").starts_with("--from=build "));
    assert!(!image.contains("RUN"), "the image has no shell");
}

#[test]
fn the_dependencies_have_permissive_licenses_and_known_sources() {
    let deny = |config: &str| check("cargo-deny", &["--config", config, "check", "licenses", "bans", "sources"]);
    let (is_good, said) = deny("deny.toml");
    assert!(is_good, "{said}");
    assert!(said.contains("licenses ok"), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let strict = spoiled(folder.path(), "deny.toml", "\"MIT\", ", "");
    let (is_good, said) = deny(strict.to_str().expect("a path"));
    assert!(!is_good && said.contains("licenses FAILED"), "{said}");
}
