//! The real binary, started on a data directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::arguments::Arguments;
use super::client::Client;
use super::load::{Load, Script, ask};
use super::process::Process;
use super::seed::{ADMIN, PASSWORD};
use super::trouble::{Result, Trouble};

/// Where tokens are asked for.
pub const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";

/// How long access tokens live, so that none expires while something is measured.
const TOKEN_LIFE: &str = "6h";

/// A running atelier.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
    home: PathBuf,
    /// For what is done once.
    pub client: Client,
}

/// What somebody is given who signs in.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The JWT.
    pub access: String,
    /// What leads to another JWT.
    pub refresh: String,
}

impl Server {
    /// Starts it on this data directory.
    pub fn start(arguments: &Arguments, home: &Path) -> Result<Self> {
        let (process, base) = Process::serving("atelier", &mut command(arguments, home), "listening on http://")?;
        let client = Client::new(&format!("http://{base}"));
        Ok(Self { process, address: base.parse()?, home: home.to_owned(), client })
    }

    /// Starts it and tells how long it took from there to its first answer.
    pub fn start_timed(arguments: &Arguments, home: &Path) -> Result<(Self, Duration)> {
        let mut command = command(arguments, home);
        let start = Instant::now();
        let (process, base) = Process::serving("atelier", &mut command, "listening on http://")?;
        let client = Client::new(&format!("http://{base}"));
        client.ask("GET", "/healthz", None, "", "")?;
        let took = start.elapsed();
        Ok((Self { process, address: base.parse()?, home: home.to_owned(), client }, took))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its data file.
    pub fn database(&self) -> PathBuf {
        self.home.join("atelier.db")
    }

    /// Stops it and waits until it has stopped.
    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }

    /// A run against it over so many connections, which tells its costs.
    pub fn load(&self, connections: usize, times: (Duration, Duration)) -> Load {
        Load::new(self.address, connections, times).watching(self.pid())
    }

    /// Signs somebody in who was seeded.
    pub fn sign_in(&self, email: &str) -> Result<Tokens> {
        let answer = self.client.form(TOKEN, &sign_in_form(email))?;
        tokens(&answer).ok_or_else(|| Trouble::new("the token endpoint gave no tokens"))
    }

    /// Signs the administrator in.
    pub fn admin(&self) -> Result<String> {
        Ok(self.sign_in(ADMIN)?.access)
    }

    /// Signs many in at a time; their access tokens, in their order.
    pub fn sign_in_all(&self, emails: &[String]) -> Result<Vec<String>> {
        let mut script = SignIns::each(emails);
        let load = Load::new(self.address, emails.len().min(16), (Duration::ZERO, Duration::ZERO));
        load.limited(emails.len() as u64).go(&mut script)?;
        script.tokens.into_iter().collect::<Option<_>>().ok_or_else(|| Trouble::new("somebody was not signed in"))
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
    // The log is written as configured, to where it costs the disk nothing.
    command.stderr(Stdio::null());
    command
}

fn sign_in_form(email: &str) -> [(&str, &str); 4] {
    [("client_id", "sdk-client"), ("grant_type", "password"), ("username", email), ("password", PASSWORD)]
}

fn tokens(answer: &Value) -> Option<Tokens> {
    let text = |name: &str| answer.get(name)?.as_str().map(str::to_owned);
    Some(Tokens { access: text("access_token")?, refresh: text("refresh_token")? })
}

/// A sign-in as it goes over the wire.
fn sign_in_request(email: &str) -> Vec<u8> {
    let form = serde_urlencoded::to_string(sign_in_form(email)).unwrap_or_default();
    ask("POST", TOKEN, None, "application/x-www-form-urlencoded", &form)
}

/// People signing in, one after the other and then again from the first on.
pub struct SignIns {
    requests: Vec<Vec<u8>>,
    next: usize,
    /// Whom each connection signs in.
    under_way: Vec<usize>,
    tokens: Vec<Option<String>>,
    wrong: Option<(u16, String)>,
}

impl SignIns {
    /// These people.
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
        let answer = serde_json::from_slice(body).ok().filter(|_| status == 200);
        let Some(tokens) = answer.as_ref().and_then(tokens) else {
            self.wrong = Some((status, String::from_utf8_lossy(body).into_owned()));
            return false;
        };
        self.tokens[self.under_way[connection]] = Some(tokens.access);
        true
    }

    fn complaint(&self) -> String {
        self.wrong.as_ref().map_or_else(String::new, |(status, body)| format!("status {status}: {body}"))
    }
}

/// Exchanging one refresh token again and again, which gives another JWT each time.
pub struct Refreshes {
    request: Vec<u8>,
    /// The JWTs.
    pub tokens: Vec<String>,
}

impl Refreshes {
    /// Exchanging this one.
    pub fn of(refresh_token: &str) -> Self {
        let form = [("client_id", "sdk-client"), ("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        let form = serde_urlencoded::to_string(form).unwrap_or_default();
        Self { request: ask("POST", TOKEN, None, "application/x-www-form-urlencoded", &form), tokens: Vec::new() }
    }
}

impl Script for Refreshes {
    fn write(&mut self, _: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn take(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        let answer = serde_json::from_slice(body).ok().filter(|_| status == 200);
        let token = answer.as_ref().and_then(tokens);
        self.tokens.extend(token.clone().map(|tokens| tokens.access));
        token.is_some()
    }
}
