//! The Wallaroo SDK, in a virtual environment under the target directory.

use serde_json::Value;

use super::python;
use crate::bench::Bench;
use crate::error::{BenchError, Result};
use crate::seed::{ADMIN, PASSWORD};
use crate::server::Server;

/// The pinned requirements, which the tests have, too.
const PINNED: &str = include_str!("../../tests/sdk/wallaroo-2026.1.3.txt");

/// Lists the models and the pipelines of a workspace, and shows both lists as a notebook does. Prints a line for each:
/// what was done, the seconds, and the number of requests.
const PROGRAM: &str = r#"
import json, os, sys, time
import httpx, requests
import wallaroo

count = 0

def counted(send):
    def other(*args, **kwargs):
        global count
        count += 1
        return send(*args, **kwargs)
    return other

for client in (httpx.Client, requests.Session):
    client.send = counted(client.send)
sdk = wallaroo.Client(api_endpoint=sys.argv[1], auth_type="user_password")
workspace = next(w for w in sdk.list_workspaces() if w.id() == int(sys.argv[2]))
sdk.set_current_workspace(workspace)
for name, work in [
    ("list_models", sdk.list_models),
    ("list_pipelines", sdk.list_pipelines),
    ("list_models, shown", lambda: sdk.list_models()._repr_html_()),
    ("list_pipelines, shown", lambda: sdk.list_pipelines()._repr_html_()),
]:
    count, begun = 0, time.monotonic()
    work()
    print(json.dumps([name, time.monotonic() - begun, count]))
"#;

/// What each list took in seconds, and how many requests.
pub fn lists(bench: &Bench, server: &Server, workspace: i64) -> Result<Vec<(String, f64, u64)>> {
    let environment = python::environment(&bench.arguments, "wallaroo", PINNED)?;
    let mut command = python::program(&environment, "python")?;
    command.args(["-c", PROGRAM, &format!("http://{}", server.address()), &workspace.to_string()]);
    command.env("WALLAROO_USER", ADMIN).env("WALLAROO_PASSWORD", PASSWORD);
    let output = command.output()?;
    if !output.status.success() {
        return Err(BenchError::new(String::from_utf8_lossy(&output.stderr)).when("the SDK"));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let lists = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let list = |line: Value| Some((line.get(0)?.as_str()?.to_owned(), line.get(1)?.as_f64()?, line.get(2)?.as_u64()?));
    Ok(lists.filter_map(list).collect())
}
