//! MLflow with workspaces and without sign-in, in a virtual environment under the target directory.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Reference;
use crate::arguments::Arguments;
use crate::bench::reusable_folder;
use crate::client::Client;
use crate::error::{BenchError, Result};
use crate::process::Process;

/// The pinned requirements.
const PINNED: &str = include_str!("mlflow.txt");

/// The endpoint that lists and creates workspaces.
pub const WORKSPACES: &str = "/api/3.0/mlflow/workspaces";

/// The maximum time for starting.
const TIMEOUT: Duration = Duration::from_mins(3);

/// A running MLflow.
pub struct Mlflow {
    pub reference: Reference,
    /// The client for requests outside of the measured runs.
    pub client: Client,
    /// The time from its start to its first response.
    pub start: Duration,
}

/// The pinned version.
pub fn version() -> &'static str {
    PINNED.lines().find_map(|line| line.strip_prefix("mlflow==")).unwrap_or("of an unknown version")
}

/// Creates the virtual environment if it is missing, and starts the server with two workers and a new database.
pub fn start(arguments: &Arguments, folder: &Path) -> Result<Mlflow> {
    let bin = environment(arguments)?.join("bin");
    let home = tempfile::Builder::new().prefix("mlflow-").tempdir_in(folder)?.keep();
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new(bin.join("mlflow"));
    command.args(["server", "--host", "127.0.0.1", "--port", &address.port().to_string()]);
    command.args(["--workers", "2", "--enable-workspaces", "--backend-store-uri"]);
    command
        .arg(format!("sqlite:///{}/mlflow.db", home.display()))
        .arg("--default-artifact-root")
        .arg(home.join("artifacts"));
    command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "true").current_dir(&home);
    // The server calls programs of its environment by name.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?;
    command.env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut process = Process::start("mlflow", &mut command)?;
    let client = Client::new(&format!("http://{address}"));
    while client.send("GET", WORKSPACES, None, "", "").is_err() {
        if process.has_ended() || begun.elapsed() > TIMEOUT {
            return Err(BenchError::new("MLflow does not serve"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(Mlflow { reference: Reference { process, address }, client, start: begun.elapsed() })
}

/// The virtual environment. The stamp is written last, so an incomplete or outdated environment is created again.
fn environment(arguments: &Arguments) -> Result<PathBuf> {
    let home = reusable_folder()?.join("mlflow");
    let stamp = home.join("stamp.txt");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == PINNED) {
        return Ok(home);
    }
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    eprintln!("installing MLflow {} (once)", version());
    let given = arguments.python.iter().map(|path| path.to_string_lossy().into_owned());
    let usual = ["python3.12", "python3.11", "python3.10", "python3"].map(str::to_owned);
    let is_created = given.chain(usual).any(|python| {
        let mut command = Command::new(python);
        command.args(["-m", "venv"]).arg(&home).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if !is_created {
        return Err(BenchError::new("there is no Python with venv for MLflow; name one with --python"));
    }
    let list = home.join("requirements.txt");
    fs::write(&list, PINNED)?;
    let mut pip = Command::new(home.join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install", "--no-deps", "-r"]);
    let output = pip.arg(&list).output()?;
    if !output.status.success() {
        return Err(BenchError::new(String::from_utf8_lossy(&output.stderr)).when("MLflow cannot be installed"));
    }
    fs::write(stamp, PINNED)?;
    Ok(home)
}
