//! wget, as scripts and the probes of small images use it: over TLS, for health and for files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{ADMIN, Server, Setup, packages};

/// wget's exit codes for a refused credential and for another error of the server.
const REFUSED: Option<i32> = Some(6);
const SERVER_ERROR: Option<i32> = Some(8);

/// Runs wget, which trusts the server's own certificate.
fn wget(server: &Server, arguments: &[&str], path: &str) -> Output {
    let run = || {
        Command::new("wget")
            .args(["--no-config", "--no-proxy", "--no-verbose", "--tries=1", "--timeout=20", "--ca-certificate"])
            .arg(server.data_dir().join("self-signed.pem"))
            .args(arguments)
            .arg(format!("{}{path}", server.base()))
            .stdin(Stdio::null())
            .output()
    };
    run()
        .or_else(|_| {
            packages::install(&["wget"]);
            run()
        })
        .expect("wget is there (Debian: apt-get install wget)")
}

fn printed(server: &Server, command: &[&str]) -> String {
    let output = server.cli(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a text").trim_end().to_owned()
}

#[test]
fn wget_asks_for_health() {
    let server = Setup::new().args(&["--tls-self-signed"]).start();
    for path in ["/healthz", "/readyz"] {
        let head = wget(&server, &["--spider"], path);
        assert!(head.status.success(), "{head:?}");
    }
    let ready = wget(&server, &["--output-document=-"], "/readyz");
    let ready: serde_json::Value = serde_json::from_slice(&ready.stdout).expect("JSON");
    assert_eq!(ready["status"], "ready");
    assert_eq!(wget(&server, &["--spider"], "/nowhere").status.code(), SERVER_ERROR);
}

#[test]
fn wget_goes_on_with_a_download() {
    let server = Setup::new().args(&["--tls-self-signed"]).start();
    let folder = tempfile::tempdir().expect("a folder");
    let [file, copy] = ["model.onnx", "copy.onnx"].map(|name| folder.path().join(name));
    let text = |path: &Path| path.to_str().expect("a path").to_owned();
    let content: Vec<u8> = (0..300_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    fs::write(&file, &content).expect("a file");
    printed(&server, &["workspace", "create", "vision", "--owner", ADMIN]);
    let version = printed(&server, &["model", "put", &text(&file), "--workspace", "vision", "--name", "ccfraud"]);
    let path = format!("/v1/api/models/{version}/file");

    assert_eq!(wget(&server, &["--output-document=-"], &path).status.code(), REFUSED);
    let basic = ["--spider", "--auth-no-challenge", "--user=ada", "--password=x", "--server-response"];
    let told = wget(&server, &basic, &path);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.code() == REFUSED && said.contains("www-authenticate: Bearer"), "{said}");

    let key = printed(&server, &["key", "create", "--user", ADMIN]);
    let header = format!("--header=Authorization: Bearer {key}");
    let to = format!("--output-document={}", text(&copy));
    let go_on = || wget(&server, &[&header, "--continue", &to, "--server-response"], &path);
    for (length, status) in
        [(0, "200 OK"), (1, "206 Partial Content"), (299_999, "206 Partial Content"), (300_000, "416 ")]
    {
        fs::write(&copy, &content[..length]).expect("a file");
        let done = go_on();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success() && said.contains(&format!("HTTP/1.1 {status}")), "{length}: {said}");
        assert!(fs::read(&copy).expect("a file") == content, "{length} bytes were there before");
    }
}
