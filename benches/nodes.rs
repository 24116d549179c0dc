//! Nodes on a database of PostgreSQL that has the rows of a seed.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::bench::Bench;
use super::error::{BenchError, Result};
use super::load::Load;
use super::references::postgres::{self, Postgres, Session};
use super::seed::Seed;
use super::server::Server;

/// The database that nodes use.
const DATABASE: &str = "atelier";

/// Another database with the same rows.
const COPY: &str = "copy";

/// Nodes refuse to start beside each other without an object storage. Nothing is stored there.
const SHARED: [&str; 6] =
    ["--public-url", "http://atelier.test", "--files-url", "s3://models", "--files-endpoint", "http://127.0.0.1:9"];

/// A database with the rows of a seed, and what its nodes have in common.
pub struct Shared {
    pub postgres: Postgres,
    /// The data directory that the rows came from.
    home: PathBuf,
}

impl Shared {
    /// Starts PostgreSQL and moves the rows of a seed into it.
    pub fn start(bench: &mut Bench, seed: Seed) -> Result<Self> {
        let home = bench.copy(seed)?;
        let postgres = postgres::start(&bench.arguments, bench.scratch())?;
        postgres.run("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        let mut command = Command::new(&bench.arguments.binary);
        command.arg("move").arg("--to").arg(postgres.address(DATABASE)).arg("--yes").arg("--data-dir").arg(&home);
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(BenchError::new(String::from_utf8_lossy(&output.stderr)).when("atelier move"));
        }
        // Autovacuum would do it during the runs.
        postgres.run(DATABASE, "VACUUM ANALYZE")?;
        Ok(Self { postgres, home })
    }

    /// Starts a node.
    pub fn node(&self, bench: &Bench) -> Result<Server> {
        let home = tempfile::Builder::new().prefix("node-").tempdir_in(bench.scratch())?.keep();
        let mut options = SHARED.map(str::to_owned).to_vec();
        options.extend(["--database".to_owned(), self.postgres.address(DATABASE)]);
        options.extend(["--master-key-file".to_owned(), self.home.join("master.key").display().to_string()]);
        Server::start_with(&bench.arguments, &home, &options)
    }

    /// Copies the database, which no node may use yet. Returns its name.
    pub fn copy(&self) -> Result<&'static str> {
        self.postgres.run("postgres", &format!("CREATE DATABASE {COPY} TEMPLATE {DATABASE}"))?;
        self.postgres.run(COPY, "VACUUM ANALYZE")?;
        // atelier numbers the rows of the audit itself.
        self.postgres.run(COPY, "SELECT setval('atelier.audit_id_seq', max(id)) FROM atelier.audit")?;
        Ok(COPY)
    }

    /// A run that measures the CPU time of the node and then of the database.
    pub fn watched(&self, load: Load) -> Load {
        load.watching(self.postgres.pid())
    }

    /// Somebody else who changes the data.
    pub fn neighbour(&self) -> Result<Neighbour> {
        let mut session = self.postgres.session(DATABASE)?;
        // Its wait for the disk is not what is measured.
        session.run("SET synchronous_commit = off")?;
        Ok(Neighbour { session: RefCell::new(session), failed: Cell::new(0) })
    }
}

/// A session that changes the data as another node does. Each change makes the cached responses of all nodes stale.
pub struct Neighbour {
    session: RefCell<Session>,
    failed: Cell<u64>,
}

impl Neighbour {
    /// Commits a change.
    pub fn touch(&self) {
        const SQL: &str = "UPDATE atelier.meta SET generation = generation + 1, edition = (random() * 1e15)::bigint";
        if self.session.borrow_mut().run(SQL).is_err() {
            self.failed.set(self.failed.get() + 1);
        }
    }

    /// Fails if a change was not committed, because responses may then have come from the cache.
    pub fn verify(&self) -> Result<()> {
        match self.failed.get() {
            0 => Ok(()),
            failed => Err(BenchError::new(format!("{failed} changes by another session failed"))),
        }
    }
}
