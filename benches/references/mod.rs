//! The references that atelier is compared with. Each is a separate process.
//!
//! The constant handler and the naive design are this same program, started under another name, with the same web
//! server and as many workers. The others are products of others.

pub mod constant;
pub mod keystone;
pub mod mlflow;
pub mod naive;
pub mod nginx;
pub mod oidc_provider;
pub mod peer;
pub mod pgbench;
pub mod postgres;
mod python;
pub mod wallaroo;
pub mod zenml;

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::client::Client;
use super::error::{BenchError, Result};
use super::load::Load;
use super::process::{Process, cpu_of};

/// The maximum time until a product of others serves.
const TIMEOUT: Duration = Duration::from_mins(3);

/// The time without much work after which a product of others counts as idle.
const IDLE: Duration = Duration::from_secs(1);

/// A running reference with an HTTP interface.
#[derive(Debug)]
pub struct Reference {
    process: Process,
    address: SocketAddr,
}

impl Reference {
    /// Starts this program as a reference.
    fn start(name: &str, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--reference", name]).args(arguments).stderr(Stdio::null());
        let (process, address) = Process::serving(name, &mut command, "listening on ")?;
        Ok(Self { process, address: address.parse()? })
    }

    /// Starts a product of others, and waits until it answers a GET of this path. Returns the time that this took. Then
    /// waits for its other workers.
    fn serving(name: &str, command: &mut Command, address: SocketAddr, path: &str) -> Result<(Self, Duration)> {
        let begun = Instant::now();
        let mut process = Process::start(name, command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let client = Client::new(&format!("http://{address}"));
        while client.send("GET", path, None, "", "").is_err() {
            if process.has_ended() || begun.elapsed() > TIMEOUT {
                return Err(BenchError::new(format!("{name} does not serve; try {command:?} by hand")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let start = begun.elapsed();
        rest(process.pid())?;
        Ok((Self { process, address }, start))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client for requests outside of the measured runs.
    fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address))
    }

    /// A run over so many connections that also measures CPU time and memory.
    pub fn load(&self, connections: usize, times: (Duration, Duration)) -> Load {
        Load::new(self.address, connections, times).watching(self.process.pid())
    }
}

/// Runs as a reference until a signal ends the process.
pub fn run(name: &str, arguments: &[String]) -> Result<()> {
    match (name, arguments) {
        ("constant", [path, body]) => constant::serve(path, body),
        ("naive", [seeded, own, modulus, exponent]) => naive::serve(seeded, own, modulus, exponent),
        _ => Err(BenchError::new(format!("{name} with {} words is no reference", arguments.len()))),
    }
}

/// Waits until a process and its children are idle.
fn rest(pid: u32) -> Result<()> {
    let (begun, mut busy) = (Instant::now(), cpu_of(pid)?);
    while begun.elapsed() < TIMEOUT {
        std::thread::sleep(IDLE);
        let now = cpu_of(pid)?;
        if now.saturating_sub(busy) < IDLE / 10 {
            break;
        }
        busy = now;
    }
    Ok(())
}

/// A free address on the loopback interface.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Runs a program to its end. Fails with what it wrote.
fn complete(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let reason = BenchError::new(String::from_utf8_lossy(&output.stderr));
    Err(reason.when(command.get_program().to_string_lossy()))
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
