//! Runs nginx, Caddy and HAProxy with TLS before servers; installs Debian's where that may be done.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::programs::program;
use crate::support::packages;

/// The name that the certificate of each proxy is for, beside 127.0.0.1.
pub const HOST: &str = "atelier.example.com";

/// A proxy that is about to start: its folder, its certificate and its port.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    pub port: u16,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        certificate(folder.path());
        Self { folder, port: free_port() }
    }

    /// The certificate, which clients trust by it.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("front.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("front.key")
    }

    /// One file with both.
    pub fn both(&self) -> PathBuf {
        self.folder.path().join("both.pem")
    }

    /// Starts nginx with these blocks in `http`.
    ///
    /// # Panics
    ///
    /// As the others: when it is missing or does not serve.
    pub fn nginx(self, blocks: &str) -> Proxy {
        let place = self.folder.path().display();
        // The workers of a server that root starts run as somebody who cannot enter the folder.
        let user = if packages::is_root() { "user root;" } else { "" };
        let text = format!(
            "{user} worker_processes 1; daemon off; pid {place}/pid; error_log {place}/error.log;
             events {{ worker_connections 256; }}
             http {{
                 access_log off; default_type text/plain;
                 client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
                 uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
                 {blocks}
             }}"
        );
        let (nginx, errors) = (program("nginx", &["nginx"]), self.folder.path().join("error.log"));
        self.start(&nginx, &[Path::new("-e"), &errors, Path::new("-c")], &text)
    }

    /// Starts nginx with these lines in the `server` block of its port.
    pub fn nginx_with(self, lines: &str) -> Proxy {
        let blocks = format!(
            "server {{
                 listen 127.0.0.1:{} ssl;
                 ssl_certificate {}; ssl_certificate_key {};
                 {lines}
             }}",
            self.port,
            self.certificate().display(),
            self.key().display()
        );
        self.nginx(&blocks)
    }

    /// Starts Caddy with these sites.
    pub fn caddy(self, sites: &str) -> Proxy {
        let place = self.folder.path().display();
        let text = format!(
            "{{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n\tlog {{\n\t\tlevel ERROR\n\t}}\n\tstorage file_system {place}\n}}\n{sites}"
        );
        let arguments = ["run", "--adapter", "caddyfile", "--config"].map(Path::new);
        self.start(&program("caddy", &["caddy"]), &arguments, &text)
    }

    /// Starts HAProxy with this configuration.
    pub fn haproxy(self, text: &str) -> Proxy {
        self.start(&program("haproxy", &["haproxy"]), &["-db", "-f"].map(Path::new), text)
    }

    /// Starts a program with its configuration as the last argument, and waits until it serves.
    fn start(self, program: &Path, arguments: &[&Path], text: &str) -> Proxy {
        let file = self.folder.path().join("configuration");
        fs::write(&file, text).expect("a file");
        let mut command = Command::new(program);
        command.args(arguments).arg(&file).stdin(Stdio::null()).env("HOME", self.folder.path());
        let mut child = command.spawn().expect("the proxy starts");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = child.try_wait().expect("the proxy can be waited for");
            assert!(ended.is_none() && Instant::now() < deadline, "{} does not serve: {ended:?}", program.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        Proxy { child, place: self }
    }
}

/// A running proxy, ended when dropped.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    place: Place,
}

impl Proxy {
    /// Asks it with curl for a path below [`HOST`] and returns the status and the body. The request comes from 127.0.0.2,
    /// and claims to come from [`ELSEWHERE`].
    pub fn ask(&self, path: &str, arguments: &[&str]) -> (u16, String) {
        self.try_ask(path, arguments).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The same where the proxy may break off its answer; then with the words of curl.
    pub fn try_ask(&self, path: &str, arguments: &[&str]) -> Result<(u16, String), String> {
        let (port, certificate) = (self.place.port, self.place.certificate());
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20", "--interface", "127.0.0.2"])
            .args(["--resolve", &format!("{HOST}:{port}:127.0.0.1"), "--write-out", "\n%{http_code}"])
            .args(["--header", &format!("X-Forwarded-For: {ELSEWHERE}"), "--cacert"])
            .arg(certificate)
            .args(arguments)
            .arg(format!("https://{HOST}:{port}{path}"))
            .stdin(Stdio::null())
            .output()
            .expect("curl runs (Debian: apt-get install curl)");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let (body, status) = said.rsplit_once('\n').expect("curl writes the status");
        Ok((status.parse().expect("a status"), body.to_owned()))
    }
}

/// An address that clients claim to have.
pub const ELSEWHERE: &str = "203.0.113.7";

impl Drop for Proxy {
    fn drop(&mut self) {
        // A killed master leaves its workers.
        let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// A certificate that vouches for itself, and its key, apart and in one file.
fn certificate(folder: &Path) {
    let names = format!("subjectAltName=IP:127.0.0.1,DNS:{HOST}");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=127.0.0.1", "-addext", &names, "-keyout"])
        .arg(folder.join("front.key"))
        .arg("-out")
        .arg(folder.join("front.pem"))
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "no certificate: {}", String::from_utf8_lossy(&made.stderr));
    let [certificate, key] = ["front.pem", "front.key"].map(|name| fs::read(folder.join(name)).expect("a file"));
    fs::write(folder.join("both.pem"), [certificate, key].concat()).expect("a file");
}
