//! https of the server itself, with curl, openssl and a client of HTTP/2 that misbehaves.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::raw;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};

/// A certificate for `localhost` and 127.0.0.1 in a folder, of a root of its own.
const CERTIFICATE: &str = r#"
set -eu
cd "$1"
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new -keyout root.key -out root.pem -days 2 -subj "/CN=root $2"
openssl req $new -keyout new.key -out server.csr -subj "/CN=$2"
echo subjectAltName=DNS:localhost,IP:127.0.0.1 >names
openssl x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -out new.pem -extfile names
mv new.key server.key
mv new.pem server.pem
"#;

/// The files of a certificate.
struct Place(TempDir);

impl Place {
    fn new(name: &str) -> Self {
        let this = Self(tempfile::tempdir().expect("a folder"));
        this.issue(name);
        this
    }

    /// Replaces root, certificate and key.
    fn issue(&self, name: &str) {
        let done = Command::new("sh").args(["-c", CERTIFICATE, "sh"]).arg(self.0.path()).arg(name).output();
        let done = done.expect("a shell runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn setup(&self) -> Setup {
        let [certificate, key] = ["server.pem", "server.key"].map(|name| self.file(name));
        Setup::new().args(&[Path::new("--tls-certificate"), &certificate, Path::new("--tls-key"), &key])
    }

    /// Calls curl, which trusts the root.
    fn curl(&self, arguments: &[&str]) -> Output {
        curl(&self.file("root.pem"), arguments)
    }
}

fn curl(root: &Path, arguments: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert"])
        .arg(root)
        .args(arguments)
        .output()
        .expect("curl runs")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn wait_for_log(server: &Server, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.log().contains(words) {
        assert!(Instant::now() < deadline, "the log does not have {words:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn both_versions_of_http_are_served_over_tls() {
    let place = Place::new("one");
    let server = place.setup().start();
    let base = server.base();
    assert!(base.starts_with("https://127.0.0.1:"), "{base}");
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1"), ("--tlsv1.3", "2")] {
        let url = format!("{base}/healthz");
        let done = place.curl(&[flag, "--write-out", "%{http_version} %{http_code}", "--output", "/dev/null", &url]);
        assert_eq!(text(&done), format!("{version} 200"));
        // A response to HEAD has no body, and the length of one.
        let head = text(&place.curl(&[flag, "--head", &url])).to_lowercase();
        assert!(head.contains("content-length: ") && head.contains("x-request-id: "), "{head}");
        assert!(head.contains("date: ") && !head.contains("strict-transport-security"), "{head}");
    }
    // A form, the issuer, and the cookie of a page.
    let token = format!("{base}/auth/realms/master/protocol/openid-connect/token");
    for flag in ["--http2", "--http1.1"] {
        let (form, user) = ("client_id=sdk-client&grant_type=password", format!("username={ADMIN}"));
        let password = format!("password={ADMIN_PASSWORD}");
        let urlencode = "--data-urlencode";
        let done = place.curl(&[flag, "--data", form, urlencode, &user, urlencode, &password, &token]);
        let answer: serde_json::Value = serde_json::from_str(&text(&done)).expect("JSON");
        let access = answer["access_token"].as_str().expect("a token");
        let body = format!("{{\"workspace_name\": \"over-{}\"}}", &flag[2..7]);
        let bearer = format!("authorization: Bearer {access}");
        let create = format!("{base}/v1/api/workspaces/create");
        let json = "content-type: application/json";
        let done = place.curl(&[flag, "--header", &bearer, "--header", json, "--data", &body, &create]);
        assert!(text(&done).contains("workspace_id"), "{done:?}");
        let spaces = format!("{base}/v2/spaces");
        // A body that is too large is refused, and the connection can be used for the next request.
        let large = format!("@{}", large_file(&place, 12 << 20).display());
        let health = format!("{base}/healthz");
        let status = "%{http_code} ";
        let done = place.curl(&[
            flag,
            "--header",
            &bearer,
            "--header",
            json,
            "--header",
            "expect:",
            "--data-binary",
            &large,
            "--write-out",
            status,
            "--output",
            "/dev/null",
            &spaces,
            "--next",
            "--silent",
            flag,
            "--cacert",
            &place.file("root.pem").display().to_string(),
            "--write-out",
            status,
            "--output",
            "/dev/null",
            &health,
        ]);
        assert_eq!(text(&done), "413 200 ");
    }
    // The client reads why its body was refused, although it has sent more than is read.
    let large = format!("@{}", large_file(&place, 3 << 20).display());
    for flag in ["--http2", "--http1.1"].repeat(5) {
        let done =
            place.curl(&[flag, "--header", "expect:", "--data-binary", &large, "--write-out", " %{http_code}", &token]);
        assert!(text(&done).ends_with(" 413"), "{flag} {done:?}");
    }
    let discovery = format!("{base}/auth/realms/master/.well-known/openid-configuration");
    let discovery: serde_json::Value = serde_json::from_str(&text(&place.curl(&[&discovery]))).expect("JSON");
    assert_eq!(discovery["issuer"], format!("{base}/auth/realms/master"));
    let head = text(&place.curl(&["--head", &format!("{base}/auth/sign-in")])).to_lowercase();
    assert!(head.contains("set-cookie: __host-atelier-form") && head.contains("; secure"), "{head}");
    // Many requests at once on one connection.
    let urls: Vec<String> = (0..150).map(|number| format!("{base}/healthz?{number}")).collect();
    let mut arguments = vec!["--http2", "--parallel", "--parallel-max", "120", "--write-out", "%{http_code}\n"];
    for url in &urls {
        arguments.extend(["--output", "/dev/null", url.as_str()]);
    }
    let codes = text(&place.curl(&arguments));
    assert_eq!(codes.lines().filter(|code| *code == "200").count(), 150, "{codes}");
    let health = format!("{base}/healthz");
    let done = place.curl(&["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", &health]);
    assert!(!done.status.success(), "{done:?}");
    wait_for_log(&server, "127.0.0.1 did not complete the TLS handshake: ");
    let done = place.curl(&["--tls-max", "1.2", &format!("{base}/healthz")]);
    assert!(done.status.success(), "{done:?}");
}

/// A file of that size.
fn large_file(place: &Place, size: usize) -> PathBuf {
    let path = place.file("large");
    std::fs::write(&path, vec![b' '; size]).expect("a file");
    path
}

#[test]
fn a_public_url_of_https_makes_browsers_strict_but_not_with_a_certificate_of_its_own() {
    let place = Place::new("one");
    let server = place.setup().args(&["--public-url", "https://ml.example.com"]).start();
    let head = text(&place.curl(&["--head", &format!("{}/healthz", server.base())])).to_lowercase();
    assert!(head.contains("strict-transport-security"), "{head}");

    let own = Setup::new().args(&["--tls-self-signed", "--public-url", "https://ml.example.com"]).start();
    let root = own.data_dir().join("self-signed.pem");
    let head = text(&curl(&root, &["--head", &format!("{}/healthz", own.base())])).to_lowercase();
    assert!(head.starts_with("http/2 200") && !head.contains("strict-transport-security"), "{head}");
    let by_name = own.base().replace("127.0.0.1", "localhost");
    assert!(curl(&root, &["--fail", &format!("{by_name}/healthz")]).status.success());
    assert!(own.log().contains(&root.display().to_string()), "{}", own.log());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(own.data_dir().join("self-signed.key")).expect("a key").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let place = Place::new("one");
    let mut server = place.setup().start();
    let url = format!("{}/healthz", server.base());
    let name = |place: &Place| {
        let done = place.curl(&["--verbose", "--fail", "--output", "/dev/null", &url]);
        let words = String::from_utf8_lossy(&done.stderr).into_owned();
        words.lines().find_map(|line| line.split_once("subject: CN=").map(|(_, name)| name.trim().to_owned()))
    };
    assert_eq!(name(&place).as_deref(), Some("one"));
    place.issue("two");
    wait_for_log(&server, "new connections use the new TLS certificate");
    assert_eq!(name(&place).as_deref(), Some("two"));

    let other = Place::new("other");
    std::fs::copy(other.file("server.key"), place.file("server.key")).expect("a copy");
    wait_for_log(&server, "the TLS certificate before stays in use: ");
    assert_eq!(name(&place).as_deref(), Some("two"));
    std::fs::write(place.file("server.pem"), "nonsense").expect("a file");
    wait_for_log(&server, "server.pem has no certificate in PEM");
    assert_eq!(name(&place).as_deref(), Some("two"));

    place.issue("three");
    assert!(!server.log().contains("may read or replace the private key"), "{}", server.log());
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(place.file("server.key"), open).expect("permissions");
    let pid = server.pid().to_string();
    assert!(Command::new("sh").args(["-c", "kill -HUP $0", &pid]).status().is_ok_and(|status| status.success()));
    wait_for_log(&server, "again on SIGHUP");
    let deadline = Instant::now() + Duration::from_secs(10);
    while name(&place).as_deref() != Some("three") {
        assert!(Instant::now() < deadline, "the certificate is not new after SIGHUP");
    }
    wait_for_log(&server, "every user of this machine may read or replace the private key");
    assert!(server.ended().is_none(), "SIGHUP does not stop a server with a certificate");
}

#[test]
fn sighup_reads_a_self_signed_certificate_again() {
    let mut server = Setup::new().args(&["--tls-self-signed"]).start();
    let pid = server.pid().to_string();
    assert!(Command::new("sh").args(["-c", "kill -HUP $0", &pid]).status().is_ok_and(|status| status.success()));
    wait_for_log(&server, "reading the TLS certificate again on SIGHUP");
    wait_for_log(&server, "self-signed.pem is the same as before");
    let root = server.data_dir().join("self-signed.pem");
    assert!(curl(&root, &["--fail", &format!("{}/healthz", server.base())]).status.success());
    assert!(server.ended().is_none() && server.stop().success());
}

#[test]
fn a_head_that_is_too_large_is_answered_over_tls_too() {
    let place = Place::new("one");
    let server = place.setup().start();
    let url = format!("{}/healthz", server.base());
    let quiet = ["--output", "/dev/null", "--write-out", "%{http_code} "];
    let header = place.file("header");
    let (by_file, root) = (format!("@{}", header.display()), place.file("root.pem").display().to_string());
    for (flag, length, codes) in [
        ("--http1.1", 20_000, "200 200 "),
        ("--http1.1", 70_000, "200 431 "),
        ("--http1.1", 120_000, "200 431 "),
        ("--http2", 20_000, "200 200 "),
        ("--http2", 40_000, "200 431 "),
    ] {
        std::fs::write(&header, format!("x: {}", "y".repeat(length))).expect("a file");
        let first = [&quiet[..], &[flag, &url, "--next"]].concat();
        let second = [&quiet[..], &["--silent", "--cacert", &root, flag, "--header", &by_file, &url]].concat();
        assert_eq!(text(&place.curl(&[first, second].concat())), codes, "{flag} {length}");
    }
}

#[test]
fn a_start_without_a_sound_pair_is_refused() {
    let place = Place::new("one");
    let other = Place::new("other");
    let data = tempfile::tempdir().expect("a folder");
    let serve = |certificate: &Path, key: &Path| {
        let done = crate::support::run(&[
            Path::new("serve"),
            Path::new("--data-dir"),
            data.path(),
            Path::new("--listen=127.0.0.1:0"),
            Path::new("--tls-certificate"),
            certificate,
            Path::new("--tls-key"),
            key,
        ]);
        assert!(!done.status.success());
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    let place_of_data = data.path().display().to_string();
    let lone = place.file("server.pem").display().to_string();
    let done = crate::support::run(&["serve", "--data-dir", &place_of_data, "--tls-certificate", &lone]);
    let words = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && words.contains("must be set together"), "{words}");
    let words = serve(&place.file("server.pem"), &other.file("server.key"));
    assert!(words.contains("are no pair of certificate and key"), "{words}");
    let words = serve(&place.file("absent"), &place.file("server.key"));
    assert!(words.contains("cannot read the certificate in"), "{words}");
    let words = serve(&place.file("server.pem"), &place.file("server.pem"));
    assert!(words.contains("cannot read the private key in"), "{words}");
}

#[test]
fn plain_http_at_the_https_port_is_answered_with_advice() {
    let place = Place::new("one");
    let server = place.setup().start();
    let plain = server.base().replace("https://", "http://");
    for request in [&b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let answer = raw::exchange(&plain, request).expect("an answer");
        assert_eq!((answer.status, answer.text().contains("use an https:// address")), (400, true), "{answer:?}");
    }
    assert!(raw::exchange(&plain, b"\x00\x01nonsense").is_none());
    wait_for_log(&server, "127.0.0.1 sent plain HTTP to 127.0.0.1:");
    assert_eq!(server.log().matches("sent plain HTTP").count(), 1, "{}", server.log());
    assert!(place.curl(&["--fail", &format!("{}/healthz", server.base())]).status.success());
}

#[test]
fn slow_handshakes_and_idle_connections_are_closed() {
    let place = Place::new("one");
    let mut server = place.setup().args(&["--request-timeout", "1s", "--keep-alive", "2s"]).start();
    let plain = server.base().replace("https://", "http://");
    let started = Instant::now();
    let mut silent = raw::connect(&plain);
    let mut half = raw::connect(&plain);
    half.write_all(b"\x16\x03\x01\x02\x00\x01").expect("bytes");
    assert_eq!((raw::read_rest(&mut silent), raw::read_rest(&mut half)), (String::new(), String::new()));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());

    let address = server.base().trim_start_matches("https://").to_owned();
    let session = |alpn: &str, begin: &[u8]| {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &address, "-alpn", alpn])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        let mut input = client.stdin.take().expect("a pipe");
        input.write_all(begin).expect("bytes");
        (client, input)
    };
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let begins: [(&str, &[u8]); 4] = [("http/1.1", b""), ("http/1.1", b"GET / HT"), ("h2", b""), ("h2", preface)];
    for (alpn, begin) in begins {
        let (started, (mut client, _input)) = (Instant::now(), session(alpn, begin));
        client.wait().expect("openssl ends");
        assert!(started.elapsed() < Duration::from_secs(10), "{alpn} {:?}", started.elapsed());
    }
    // A stop does not wait for a client that is idle.
    let (mut client, _input) = session("h2", preface);
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    assert!(server.stop().success());
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    client.wait().expect("openssl ends");
}

#[test]
fn one_address_cannot_take_all_connections_of_tls() {
    let place = Place::new("one");
    let server =
        place.setup().args(&["--workers", "1", "--max-connections", "20", "--connections-per-address", "8"]).start();
    let plain = server.base().replace("https://", "http://");
    let held: Vec<_> = (0..30).map(|_| raw::connect(&plain)).collect();
    let done = place.curl(&["--http2", "--fail", &format!("{}/healthz", server.base())]);
    assert!(done.status.success(), "{done:?}");
    drop(held);
}

#[test]
fn a_client_of_http2_is_bounded() {
    let place = Place::new("one");
    let server = place.setup().args(&["--write-timeout", "1s", "--request-timeout", "2s"]).start();
    let address = server.base().trim_start_matches("https://").to_owned();
    let key = server.cli(&["key", "create", "--user", ADMIN, "--name", "h2"]);
    let mut client = Command::new("python3")
        .args(["-", &address, &place.file("root.pem").display().to_string(), text(&key).trim()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    client.stdin.take().expect("a pipe").write_all(include_bytes!("http2.py")).expect("the program");
    let done = client.wait_with_output().expect("python3 ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(place.curl(&["--fail", &format!("{}/healthz", server.base())]).status.success());
}
