//! MLflow with workspaces and without sign-in, in a virtual environment under the target directory.

use std::path::Path;

use super::peer::{Ask, Peer, Work};
use super::{Reference, free_address, python, workers};
use crate::arguments::Arguments;
use crate::error::Result;
use crate::load::encode;
use crate::names;

/// The pinned requirements.
const PINNED: &str = include_str!("mlflow.txt");

/// The endpoint that lists and creates workspaces.
const WORKSPACES: &str = "/api/3.0/mlflow/workspaces";

/// The number of workspaces in a list, which is all there are.
const LISTED: u64 = 20;

/// Starts the server with a new database, and creates the workspaces of the list.
pub fn start(arguments: &Arguments, folder: &Path) -> Result<Peer> {
    let environment = python::environment(arguments, "mlflow", PINNED)?;
    let home = tempfile::Builder::new().prefix("mlflow-").tempdir_in(folder)?.keep();
    let (address, workers) = (free_address()?, workers());
    let mut command = python::program(&environment, "mlflow")?;
    command.args(["server", "--host", "127.0.0.1", "--port", &address.port().to_string()]);
    command.args(["--workers", &workers.to_string(), "--enable-workspaces", "--backend-store-uri"]);
    command
        .arg(format!("sqlite:///{}/mlflow.db", home.display()))
        .arg("--default-artifact-root")
        .arg(home.join("artifacts"));
    command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "true").current_dir(&home);
    let (reference, start) = Reference::serving("MLflow", &mut command, address, WORKSPACES)?;
    let client = reference.client();
    // One workspace exists from the start.
    for number in 1..LISTED {
        let body = format!("{{\"name\":\"{}\"}}", names::name(number).replace(' ', "-"));
        client.send("POST", WORKSPACES, None, "application/json", &body)?;
    }
    let create = |number: u64| {
        encode("POST", WORKSPACES, None, "application/json", &format!("{{\"name\":\"bench-{number:09}\"}}"))
    };
    let version = python::version(PINNED, "mlflow");
    Ok(Peer {
        name: "MLflow",
        mode: format!(
            "MLflow {version} with {workers} workers on SQLite, without sign-in, with {LISTED} workspaces; it took \
             {:.1} s to start",
            start.as_secs_f64()
        ),
        reference,
        asks: vec![
            (Work::List, Ask::same(encode("GET", WORKSPACES, None, "", ""), 200, "\"workspaces\"")),
            (Work::Create, Ask::numbered(create, 201, "bench-")),
        ],
    })
}
