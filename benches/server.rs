//! The real binary, running on a data directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::arguments::Arguments;
use super::client::Client;
use super::error::{BenchError, Result};
use super::load::{Load, Script, encode};
use super::process::Process;
use super::seed::{ADMIN, PASSWORD};

/// The token endpoint.
pub const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";

/// The lifetime of access tokens. None expires during a measurement.
const TOKEN_LIFE: &str = "6h";

/// A running atelier.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
    home: PathBuf,
    /// The client for requests outside of the measured runs.
    pub client: Client,
}

/// The tokens from a sign-in.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Server {
    /// Starts the server on this data directory.
    pub fn start(arguments: &Arguments, home: &Path) -> Result<Self> {
        Self::start_with(arguments, home, &[])
    }

    /// Starts the server on this data directory with further options.
    pub fn start_with(arguments: &Arguments, home: &Path, options: &[String]) -> Result<Self> {
        let mut command = command(arguments, home);
        let (process, base) = Process::serving("atelier", command.args(options), "listening on http://")?;
        let client = Client::new(&format!("http://{base}"));
        Ok(Self { process, address: base.parse()?, home: home.to_owned(), client })
    }

    /// Starts the server. Returns the time from there to its first response.
    pub fn start_timed(arguments: &Arguments, home: &Path) -> Result<(Self, Duration)> {
        let mut command = command(arguments, home);
        let start = Instant::now();
        let (process, base) = Process::serving("atelier", &mut command, "listening on http://")?;
        let client = Client::new(&format!("http://{base}"));
        client.send("GET", "/healthz", None, "", "")?;
        let took = start.elapsed();
        Ok((Self { process, address: base.parse()?, home: home.to_owned(), client }, took))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The data directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    pub fn database(&self) -> PathBuf {
        self.home.join("atelier.db")
    }

    /// Stops the server and waits until it has ended.
    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }

    /// A run over so many connections that also measures CPU time and memory.
    pub fn load(&self, connections: usize, times: (Duration, Duration)) -> Load {
        Load::new(self.address, connections, times).watching(self.pid())
    }

    /// Signs in a seeded user.
    pub fn sign_in(&self, email: &str) -> Result<Tokens> {
        let response = self.client.form(TOKEN, &sign_in_form(email))?;
        tokens(&response).ok_or_else(|| BenchError::new("the token endpoint gave no tokens"))
    }

    /// Signs in the administrator and returns the access token.
    pub fn admin(&self) -> Result<String> {
        Ok(self.sign_in(ADMIN)?.access)
    }

    /// Signs in many users concurrently. Returns their access tokens in the same order.
    pub fn sign_in_all(&self, emails: &[String]) -> Result<Vec<String>> {
        let mut script = SignIns::each(emails);
        let load = Load::new(self.address, emails.len().min(16), (Duration::ZERO, Duration::ZERO));
        load.limited(emails.len() as u64).go(&mut script)?;
        script.tokens.into_iter().collect::<Option<_>>().ok_or_else(|| BenchError::new("somebody was not signed in"))
    }
}

fn command(arguments: &Arguments, home: &Path) -> Command {
    let mut command = Command::new(&arguments.binary);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("ATELIER_")) {
            command.env_remove(name);
        }
    }
    command.arg("serve").arg("--data-dir").arg(home);
    command.args(["--listen", "127.0.0.1:0", "--access-token-life", TOKEN_LIFE]);
    for (key, value) in &arguments.set {
        command.arg(format!("--{}={value}", key.replace('_', "-")));
    }
    // The server writes its log as configured, but no log reaches the disk.
    command.stderr(Stdio::null());
    command
}

fn sign_in_form(email: &str) -> [(&str, &str); 4] {
    [("client_id", "sdk-client"), ("grant_type", "password"), ("username", email), ("password", PASSWORD)]
}

fn tokens(response: &Value) -> Option<Tokens> {
    let text = |name: &str| response.get(name)?.as_str().map(str::to_owned);
    Some(Tokens { access: text("access_token")?, refresh: text("refresh_token")? })
}

fn sign_in_request(email: &str) -> Vec<u8> {
    let form = serde_urlencoded::to_string(sign_in_form(email)).unwrap_or_default();
    encode("POST", TOKEN, None, "application/x-www-form-urlencoded", &form)
}

/// Signs in users in turn, and starts again after the last.
pub struct SignIns {
    requests: Vec<Vec<u8>>,
    next: usize,
    /// The user that each connection signs in.
    under_way: Vec<usize>,
    tokens: Vec<Option<String>>,
    wrong: Option<(u16, String)>,
}

impl SignIns {
    pub fn each(emails: &[String]) -> Self {
        Self {
            requests: emails.iter().map(|email| sign_in_request(email)).collect(),
            next: 0,
            under_way: Vec::new(),
            tokens: vec![None; emails.len()],
            wrong: None,
        }
    }
}

impl Script for SignIns {
    fn write(&mut self, connection: usize, request: &mut Vec<u8>) {
        let person = self.next % self.requests.len();
        self.next += 1;
        self.under_way.resize(self.under_way.len().max(connection + 1), 0);
        self.under_way[connection] = person;
        request.extend_from_slice(&self.requests[person]);
    }

    fn take(&mut self, connection: usize, status: u16, body: &[u8]) -> bool {
        let response = serde_json::from_slice(body).ok().filter(|_| status == 200);
        let Some(tokens) = response.as_ref().and_then(tokens) else {
            self.wrong = Some((status, String::from_utf8_lossy(body).into_owned()));
            return false;
        };
        self.tokens[self.under_way[connection]] = Some(tokens.access);
        true
    }

    fn last_error(&self) -> String {
        self.wrong.as_ref().map_or_else(String::new, |(status, body)| format!("status {status}: {body}"))
    }
}

/// Exchanges one refresh token again and again. Each time returns another JWT.
pub struct Refreshes {
    request: Vec<u8>,
    /// The JWTs.
    pub tokens: Vec<String>,
}

impl Refreshes {
    pub fn of(refresh_token: &str) -> Self {
        let form = [("client_id", "sdk-client"), ("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        let form = serde_urlencoded::to_string(form).unwrap_or_default();
        Self { request: encode("POST", TOKEN, None, "application/x-www-form-urlencoded", &form), tokens: Vec::new() }
    }
}

impl Script for Refreshes {
    fn write(&mut self, _: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn take(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        let response = serde_json::from_slice(body).ok().filter(|_| status == 200);
        let token = response.as_ref().and_then(tokens);
        self.tokens.extend(token.clone().map(|tokens| tokens.access));
        token.is_some()
    }
}
