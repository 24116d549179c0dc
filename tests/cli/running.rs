//! The command line beside a running server: changes take effect on its next request.

use std::fs::{self, File};

use serde_json::{Value, json};

use crate::support::{ADMIN, Server, Setup};
use crate::{PASSWORD, Place};

/// Runs a command on the server's data and gives its stdout.
fn cli(server: &Server, line: &str) -> String {
    let output = server.cli(&line.split_whitespace().collect::<Vec<_>>());
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn client() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

/// The response to a list of workspaces with this key.
fn answer(server: &Server, key: &str) -> u16 {
    let url = format!("{}/v1/api/workspaces/list", server.base());
    let request = client().post(url).header("authorization", format!("Bearer {key}"));
    request.send_json(json!({})).unwrap().status().as_u16()
}

/// The tokens for a password, or the status of the refusal.
fn sign_in(server: &Server, user: &str, password: &str) -> Result<Value, u16> {
    let form = [("client_id", "sdk-client"), ("grant_type", "password"), ("username", user), ("password", password)];
    token(server, &form)
}

fn token(server: &Server, form: &[(&str, &str)]) -> Result<Value, u16> {
    let url = format!("{}/auth/realms/master/protocol/openid-connect/token", server.base());
    let mut answer = client().post(url).send_form(form.iter().copied()).unwrap();
    match answer.status().as_u16() {
        200 => Ok(answer.body_mut().read_json().unwrap()),
        status => Err(status),
    }
}

#[test]
fn a_key_works_until_it_is_revoked() {
    let server = Server::start();
    let key = cli(&server, &format!("key create --user {ADMIN} --expires 90d"));
    assert_eq!(answer(&server, &key), 200);
    // The use is noted in passing, so the answer may be here before.
    let noted = |_| {
        let listed: Value = serde_json::from_str(&cli(&server, "key list --json")).unwrap();
        listed[0]["last_used_at"].is_string()
    };
    assert!((0..100).any(noted), "the last use is listed");
    cli(&server, "key revoke 1 --yes");
    assert_eq!(answer(&server, &key), 401);
    assert!(!server.log().contains(&key));
}

#[test]
fn a_user_signs_in_until_disabled() {
    let server = Server::start();
    let password = cli(&server, "user add bob@example.com");
    let tokens = sign_in(&server, "bob@example.com", &password).unwrap();
    let access = tokens["access_token"].as_str().unwrap();
    let key = cli(&server, "key create --user bob@example.com");
    assert_eq!((answer(&server, access), answer(&server, &key)), (200, 200));
    let listed: Value = serde_json::from_str(&cli(&server, "user list --json")).unwrap();
    assert!(listed[1]["last_sign_in_at"].is_string(), "{listed}");

    cli(&server, "user disable bob@example.com --yes");
    assert_eq!((answer(&server, access), answer(&server, &key)), (401, 401));
    assert!(sign_in(&server, "bob@example.com", &password).is_err());

    cli(&server, "user enable bob@example.com");
    assert_eq!(answer(&server, access), 401, "a session that was ended stays ended");
    assert_eq!(answer(&server, &key), 401, "and so does a key that was revoked");
    assert!(sign_in(&server, "bob@example.com", &password).is_ok());
}

#[test]
fn a_new_password_ends_every_session() {
    let server = Server::start();
    let old = cli(&server, "user add bob@example.com");
    let tokens = sign_in(&server, "bob@example.com", &old).unwrap();
    let key = cli(&server, "key create --user bob@example.com");
    let new = cli(&server, "user passwd bob@example.com --revoke-keys --yes");
    assert_ne!(old, new);
    assert_eq!(answer(&server, tokens["access_token"].as_str().unwrap()), 401);
    assert_eq!(answer(&server, &key), 401);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("client_id", "sdk-client"), ("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert_eq!(token(&server, &form).unwrap_err(), 400);
    assert!(sign_in(&server, "bob@example.com", &old).is_err());
    assert!(sign_in(&server, "bob@example.com", &new).is_ok());
    for secret in [&old, &new, &key] {
        assert!(!server.log().contains(secret.as_str()));
    }
}

#[test]
fn a_user_added_before_the_first_start_is_the_first_administrator() {
    let place = Place::with_ada();
    let server = Setup::new().without_admin().data_dir(place.data()).start();
    assert!(!place.data().join("first-admin.txt").exists());
    assert!(!server.log().contains("This is the first start"));
    assert!(sign_in(&server, "ada@example.com", PASSWORD).is_ok());
}

#[test]
fn check_runs_beside_a_server() {
    let server = Server::start();
    for _ in 0..3 {
        let told: Value = serde_json::from_str(&cli(&server, "check --json")).unwrap();
        let running = told["findings"].as_array().unwrap().iter().find(|finding| finding["what"] == "server").unwrap();
        assert_eq!(running["found"], format!("running, as process {}", server.pid()));
        assert_eq!(told["sound"], true, "{told:#}");
    }
    let key = cli(&server, &format!("key create --user {ADMIN}"));
    assert_eq!(answer(&server, &key), 200);
}

#[test]
fn the_schema_is_not_upgraded_under_a_running_server() {
    let place = Place::with_ada();
    place.sql("PRAGMA user_version = 0");
    let before = fs::read(place.database()).unwrap();
    let lock = File::create(place.data().join("atelier.lock")).unwrap();
    lock.lock().unwrap();
    let words = format!(
        "the data file must be upgraded to schema version {} first, but a server is running; stop the server, or use the \
         atelier that it was started from; run `atelier check` for details",
        atelier::store::schema::VERSION
    );
    place.run("user list").refused(1, &words);
    assert_eq!(fs::read(place.database()).unwrap(), before);

    let fresh = Place::new();
    fs::create_dir(fresh.data()).unwrap();
    let lock = File::create(fresh.data().join("atelier.lock")).unwrap();
    lock.lock().unwrap();
    let run = fresh.run("user add ada@example.com");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("stop the server, or "), "{}", run.err);
    assert_eq!(fs::read(fresh.database()).unwrap(), b"", "a server that is just starting makes the tables itself");
}

/// The link that a command prints, with the rest of its output.
fn link(server: &Server, args: &[&str]) -> (String, String) {
    let output = server.cli(args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{err}");
    (out.split("/auth/invitation?token=atli_").next().unwrap().to_owned(), err)
}

#[test]
fn links_have_the_url_of_the_running_server() {
    let line = ["user", "reset-link", ADMIN];
    let server = Setup::new().args(&["--public-url", "https://atelier.example.com"]).start();
    assert_eq!(link(&server, &line).0, "https://atelier.example.com");
    // It is the server's word that counts, not what is set where the command is typed.
    let told = server.cli(&["check", "--json", "--public-url", "https://other.example.com"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let find = |what: &str| {
        told["findings"].as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap().clone()
    };
    let other = find("configuration");
    assert_eq!(other["level"], "warning");
    let found = other["found"].as_str().unwrap();
    let wanted = "public_url is \"https://atelier.example.com\" there and \"https://other.example.com\" here";
    assert!(found.starts_with("the running server uses other values: ") && found.contains(wanted), "{found}");
    assert!(found.contains("listen is [\"127.0.0.1:0\"] there and [\"127.0.0.1:8787\"] here"), "{found}");
    assert!(!found.contains("workers") && !found.contains("data_dir"), "{found}");
    // The output says only that a secret is set.
    assert!(found.contains("admin_password is \"***\" there and (not set) here"), "{found}");
    let lock = fs::read_to_string(server.data_dir().join("atelier.lock")).unwrap();
    assert!(
        !lock.contains(crate::support::ADMIN_PASSWORD) && lock.contains("\"admin_password\":\"\\\"***\\\"\""),
        "{lock}"
    );
    assert_eq!(crate::mode(&server.data_dir().join("atelier.lock")), 0o600);
    drop(server);

    // Without one, it is the address that the server listens on, with the port that it was given.
    let server = Server::start();
    assert_eq!(link(&server, &line).0, server.base());
    assert_ne!(server.base(), "http://127.0.0.1:8787");
    let server = Setup::new().listen("[::1]:0").start();
    assert_eq!(link(&server, &line).0, server.base());
}

#[test]
fn links_of_a_running_server_on_all_addresses_are_local() {
    let server = Setup::new().args(&["--listen", "0.0.0.0:0"]).start();
    assert!(link(&server, &["user", "reset-link", ADMIN]).0.starts_with("http://127.0.0.1:"));
}

#[test]
fn a_link_of_a_server_on_all_addresses_warns_that_it_is_local() {
    let place = Place::with_ada();
    let run = place.run_with("user reset-link ada@example.com", &[("ATELIER_LISTEN", "0.0.0.0:9999")]).good();
    assert!(run.out.starts_with("http://127.0.0.1:9999/auth/"), "{}", run.out);
    assert!(run.err.ends_with("the link works on this machine only; set public_url to the address that people use\n"));
    let run = place.run_with("user reset-link ada@example.com", &[("ATELIER_LISTEN", "[::]:9999")]).good();
    assert!(run.out.starts_with("http://[::1]:9999/auth/"), "{}", run.out);
    let listen = [("ATELIER_LISTEN", "0.0.0.0:9999,10.1.2.3:9998")];
    let run = place.run_with("user reset-link ada@example.com", &listen).good();
    assert!(run.out.starts_with("http://10.1.2.3:9998/auth/"), "{}", run.out);
}

#[test]
fn check_with_the_configuration_of_the_server_finds_no_difference() {
    let place = Place::new();
    let server = Setup::new().without_admin().data_dir(place.data()).start();
    let told = place.json("check --json --listen 127.0.0.1:0");
    let findings = told["findings"].as_array().unwrap();
    let same = findings.iter().find(|finding| finding["what"] == "configuration").unwrap();
    assert_eq!((&same["level"], &same["found"]), (&json!("ok"), &json!("the same as in the running server")));
    drop(server);
    // The files of a killed server do not count as a running one.
    assert!(fs::read_to_string(place.data().join("atelier.lock")).unwrap().contains("127.0.0.1:0"));
    let told = place.json("check --json");
    assert!(!told["findings"].as_array().unwrap().iter().any(|finding| finding["what"] == "configuration"));
    let run = place.run("user reset-link admin@localhost").good();
    assert!(run.out.starts_with("http://127.0.0.1:8787/"), "{}", run.out);
    // An older server tells its process only.
    let lock = File::create(place.data().join("atelier.lock")).unwrap();
    lock.lock().unwrap();
    fs::write(place.data().join("atelier.lock"), "17\n").unwrap();
    let told = place.json("check --json");
    let running = told["findings"].as_array().unwrap().iter().find(|finding| finding["what"] == "server").unwrap();
    assert_eq!(running["found"], "running, as process 17");
}
