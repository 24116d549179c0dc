//! What atelier is measured beside: each a process of its own.
//!
//! The constant handler and the naive design are this program, started again under another name, with the same web
//! server and as many workers. MLflow and PostgreSQL are what others made.

pub mod constant;
pub mod mlflow;
pub mod naive;
pub mod postgres;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::load::Load;
use super::process::Process;
use super::trouble::{Result, Trouble};

/// A running reference that speaks HTTP.
#[derive(Debug)]
pub struct Reference {
    process: Process,
    address: SocketAddr,
}

impl Reference {
    /// Starts this program again as a reference.
    fn start(name: &str, words: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--reference", name]).args(words).stderr(Stdio::null());
        let (process, address) = Process::serving(name, &mut command, "listening on ")?;
        Ok(Self { process, address: address.parse()? })
    }

    /// A run against it over so many connections, which tells its costs.
    pub fn load(&self, connections: usize, times: (Duration, Duration)) -> Load {
        Load::new(self.address, connections, times).watching(self.process.pid())
    }
}

/// Is a reference until it is told to stop.
pub fn be(name: &str, words: &[String]) -> Result<()> {
    match (name, words) {
        ("constant", [path, body]) => constant::serve(path, body),
        ("naive", [seeded, own, modulus, exponent]) => naive::serve(seeded, own, modulus, exponent),
        _ => Err(Trouble::new(format!("{name} with {} words is no reference", words.len()))),
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
