//! The references that atelier is compared with. Each is a separate process.
//!
//! The constant handler and the naive design are this same program, started under another name, with the same web
//! server and as many workers. MLflow and PostgreSQL are products of others.

pub mod constant;
pub mod mlflow;
pub mod naive;
pub mod postgres;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::error::{BenchError, Result};
use super::load::Load;
use super::process::Process;

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

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
