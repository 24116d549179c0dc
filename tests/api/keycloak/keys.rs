//! The signing keys: rotation under a running server, and verification of tokens.

use std::path::Path;
use std::time::{Duration, Instant};

use atelier::tokens::seal::MasterKey;
use atelier::tokens::signing::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::database::Database;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};

const CERTS: &str = "/auth/realms/master/protocol/openid-connect/certs";
const VALIDATE: &str = "/v1/api/workspaces/validate";

fn token(server: &Server) -> String {
    Client::new(server.base()).sign_in(ADMIN, ADMIN_PASSWORD).text("access_token")
}

fn kid(token: &str) -> String {
    decode_header(token).expect("a header").kid.expect("a kid")
}

/// The names of the published keys, in their order.
fn published(server: &Server) -> Vec<String> {
    let set = Client::new(server.base()).get(CERTS).ok();
    let keys = set["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

fn status(server: &Server, token: &str) -> u16 {
    Client::new(server.base()).with(token).post(VALIDATE, &json!({})).status
}

/// Whether a third-party library verifies a token.
fn verifies(server: &Server, token: &str) -> bool {
    let set: JwkSet = serde_json::from_value(Client::new(server.base()).get(CERTS).ok()).expect("a key set");
    let header = decode_header(token).expect("a header");
    let Some(key) = header.kid.as_deref().and_then(|kid| set.find(kid)) else { return false };
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["account"]);
    decode::<Value>(token, &DecodingKey::from_jwk(key).expect("a key"), &validation).is_ok()
}

fn rotate(server: &Server) -> Value {
    let output = server.cli(&["keys", "rotate", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_rotation_by_the_command_line_takes_effect_on_the_next_token() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let server = Setup::new().args(&["--signing-algorithm", algorithm]).start();
        let before = token(&server);
        let [active, next] = <[String; 2]>::try_from(published(&server)).expect("an active and a next key");
        assert_eq!(kid(&before), active);
        let told = rotate(&server);
        assert_eq!((&told["active"], &told["retired"]), (&json!(next), &json!(active)));
        let after = token(&server);
        assert_eq!(kid(&after), next, "{algorithm}");
        let newest = told["next"].as_str().expect("a kid").to_owned();
        assert_eq!(published(&server), [next, newest, active]);
        for token in [&before, &after] {
            assert_eq!(status(&server, token), 200, "{algorithm}");
            assert!(verifies(&server, token), "{algorithm}");
        }
    }
}

#[test]
fn a_retired_key_is_deleted_after_its_last_token_expires() {
    // Times in a token are whole seconds, so a token of three seconds lives two at least.
    let server = Setup::new().args(&["--access-token-life", "3s", "--signing-algorithm", "EdDSA"]).start();
    rotate(&server);
    assert_eq!(published(&server).len(), 3);
    let deadline = Instant::now() + Duration::from_secs(30);
    while published(&server).len() > 2 {
        assert!(Instant::now() < deadline, "the key is published still");
        std::thread::sleep(Duration::from_millis(200));
    }
    // The next rotation, or the server in a minute, takes the row away.
    let database = Database::open(server.data_dir());
    rotate(&server);
    assert_eq!(database.count("signing_keys"), 3);
    let swept = "SELECT count(*) FROM audit WHERE verb = 'signing_keys.delete'";
    assert_eq!(database.one::<i64>(swept, []), 1);
    assert_eq!(status(&server, &token(&server)), 200);
}

#[test]
fn the_server_rotates_keys_on_schedule() {
    let lives = ["--access-token-life", "3s", "--signing-key-life", "3s", "--signing-algorithm", "EdDSA"];
    let server = Setup::new().args(&lives).start();
    let next = published(&server).swap_remove(1);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !published(&server).starts_with(std::slice::from_ref(&next)) {
        assert!(Instant::now() < deadline, "no rotation");
        // It takes part in the next one only if the test is slow; then the first is long past.
        let rotations = Database::open(server.data_dir())
            .one::<i64>("SELECT count(*) FROM audit WHERE verb = 'signing_keys.rotate'", []);
        if rotations > 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(status(&server, &token(&server)), 200);
}

#[test]
fn concurrent_rotations_leave_one_key_of_each_state_and_valid_tokens() {
    let server = Setup::new().args(&["--signing-algorithm", "ES256"]).start();
    let tokens = std::thread::scope(|scope| {
        let rotations: Vec<_> =
            (0..4).map(|_| scope.spawn(|| server.cli(&["keys", "rotate"]).status.success())).collect();
        let tokens: Vec<_> = (0..6).map(|_| token(&server)).collect();
        let done = rotations.into_iter().map(|thread| thread.join().expect("no panic")).filter(|done| *done).count();
        let rows = Database::open(server.data_dir())
            .rows("SELECT state, count(*) FROM signing_keys GROUP BY state ORDER BY state", []);
        assert_eq!(rows, ["active|1".to_owned(), "next|1".to_owned(), format!("retired|{done}")]);
        tokens
    });
    for token in tokens {
        assert_eq!(status(&server, &token), 200);
        assert!(verifies(&server, &token));
    }
}

#[test]
fn a_changed_algorithm_signs_new_tokens_and_accepts_old_ones() {
    let place = tempfile::tempdir().expect("a directory");
    let start = |algorithm: &str| {
        let address = ["--signing-algorithm", algorithm, "--public-url", "http://localhost:1"];
        Setup::new().data_dir(place.path()).args(&address).start()
    };
    let before = token(&start("RS256"));
    let server = start("ES256");
    let after = token(&server);
    assert_eq!(decode_header(&after).expect("a header").alg, jsonwebtoken::Algorithm::ES256);
    assert_eq!(published(&server).len(), 3);
    for token in [before, after] {
        assert_eq!(status(&server, &token), 200);
        assert!(verifies(&server, &token));
    }
}

/// The active signing key, decrypted from the file with the master key.
fn active(data_dir: &Path) -> SigningKey {
    let master = MasterKey::load(&data_dir.join("master.key")).expect("the master key");
    let database = Database::open(data_dir);
    let column = |name: &str| format!("SELECT {name} FROM signing_keys WHERE state = 'active'");
    let kid: String = database.one(&column("kid"), []);
    let algorithm: String = database.one(&column("algorithm"), []);
    let sealed: Vec<u8> = database.one(&column("sealed"), []);
    let der = master.open(&kid, &sealed).expect("the key opens");
    SigningKey::from_pkcs8(algorithm.parse().expect("an algorithm"), &der).expect("a key")
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}

#[test]
fn tokens_with_a_valid_signature_but_wrong_claims_are_refused() {
    let server = Setup::new().start();
    let own = token(&server);
    let key = active(server.data_dir());
    let parts: Vec<&str> = own.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let signed = |header: &Value, claims: &Value| {
        let message = format!("{}.{}", part(header), part(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).expect("a signature")))
    };
    assert_eq!(status(&server, &signed(&header, &claims)), 200, "the test signs as the server does");
    let mut missing = claims.clone();
    missing.as_object_mut().expect("an object").remove("exp");
    let jwk = Client::new(server.base()).get(CERTS).ok()["keys"][0].clone();
    let hmac = EncodingKey::from_secret(key.public().as_public());
    let mut symmetric = Header::new(jsonwebtoken::Algorithm::HS256);
    symmetric.kid = Some(key.kid().to_owned());
    let refused = [
        ("alg none", format!("{}.{}.", part(&with(header.clone(), "alg", json!("none"))), parts[1])),
        ("HMAC", encode(&symmetric, &claims, &hmac).expect("a token")),
        ("RS512", signed(&with(header.clone(), "alg", json!("RS512")), &claims)),
        ("ES256", signed(&with(header.clone(), "alg", json!("ES256")), &claims)),
        ("kid", signed(&with(header.clone(), "kid", json!("unknown")), &claims)),
        ("jku", signed(&with(header.clone(), "jku", json!("https://evil.example/jwks")), &claims)),
        ("jwk", signed(&with(header.clone(), "jwk", jwk), &claims)),
        ("x5u", signed(&with(header.clone(), "x5u", json!("https://evil.example/x5u")), &claims)),
        ("crit", signed(&with(header.clone(), "crit", json!(["exp"])), &claims)),
        ("header typ", signed(&with(header.clone(), "typ", json!("logout+jwt")), &claims)),
        ("no exp", signed(&header, &missing)),
        ("exp as text", signed(&header, &with(claims.clone(), "exp", json!("9999999999")))),
        ("exp past", signed(&header, &with(claims.clone(), "exp", json!(1)))),
        ("aud", signed(&header, &with(claims.clone(), "aud", json!("another")))),
        ("iss", signed(&header, &with(claims.clone(), "iss", json!("https://evil.example/auth/realms/master")))),
        ("an id token", signed(&header, &with(claims.clone(), "typ", json!("ID")))),
        ("a refresh token", signed(&header, &with(claims.clone(), "typ", json!("Refresh")))),
        ("no session", signed(&header, &with(claims.clone(), "sid", json!(uuid::Uuid::new_v4())))),
        ("another's session", signed(&header, &with(claims, "sub", json!(uuid::Uuid::new_v4())))),
    ];
    for (what, token) in refused {
        assert_eq!(status(&server, &token), 401, "{what}");
        let client = Client::new(server.base()).with(&token);
        assert_eq!(client.get("/v2/spaces").status, 401, "{what}");
        assert_eq!(client.get("/auth/admin/realms/master/users").status, 401, "{what}");
    }
}
