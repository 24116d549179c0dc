//! Finds nginx, or installs Debian's where that may be done, and runs it with TLS before a server.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::packages;

/// A running nginx, killed when dropped.
#[derive(Debug)]
pub struct Nginx {
    master: Child,
    _folder: TempDir,
}

impl Nginx {
    /// Serves https on this port, with these lines in its `server` block.
    ///
    /// # Panics
    ///
    /// When it cannot be started; with what it says.
    pub fn start(port: u16, lines: &str) -> Self {
        installed();
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().display();
        certificate(folder.path());
        // The workers of a server that root starts run as somebody who cannot enter the folder.
        let user = if packages::is_root() { "user root;" } else { "" };
        let text = format!(
            "{user} worker_processes 1; daemon off; pid {place}/pid; error_log {place}/error.log;
             events {{ worker_connections 256; }}
             http {{
                 access_log off; default_type text/plain;
                 client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
                 uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
                 server {{
                     listen 127.0.0.1:{port} ssl;
                     ssl_certificate {place}/front.pem; ssl_certificate_key {place}/front.key;
                     {lines}
                 }}
             }}"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, text).expect("a file");
        let mut command = Command::new("nginx");
        command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(&file).stdin(Stdio::null());
        let master = command.spawn().expect("nginx starts");
        let mut this = Self { master, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = this.master.try_wait().expect("nginx can be waited for");
            assert!(ended.is_none() && Instant::now() < deadline, "nginx does not serve: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        this
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A killed master leaves its workers.
        let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.master.id())).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.master.kill();
        }
        let _ = self.master.wait();
    }
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// A certificate for 127.0.0.1 that vouches for itself, and its key.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-keyout")
        .arg(folder.join("front.key"))
        .arg("-out")
        .arg(folder.join("front.pem"))
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "no certificate: {}", String::from_utf8_lossy(&made.stderr));
}

/// # Panics
///
/// When nginx is not there and cannot be installed; it says which package is wanted.
fn installed() {
    let runs = || Command::new("nginx").arg("-v").output().is_ok_and(|output| output.status.success());
    if runs() {
        return;
    }
    packages::install(&["nginx-light"]);
    assert!(
        runs(),
        "nginx is not there, so nothing can be tested behind it. Install it (Debian: apt-get install nginx-light) so that \
         it is found on PATH. `cargo test` installs it itself where it runs as root."
    );
}
