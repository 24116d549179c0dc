//! `/auth/realms/master/protocol/openid-connect/token`.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Client, TOKEN};
use crate::raw;
use crate::support::{ADMIN, ADMIN_PASSWORD, Setup};
use crate::world::{Person, World};

const CERTS: &str = "/auth/realms/master/protocol/openid-connect/certs";
const DISCOVERY: &str = "/auth/realms/master/.well-known/openid-configuration";
const VALIDATE: &str = "/v1/api/workspaces/validate";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// A refusal of the token endpoint.
fn refusal(error: &str, description: &str) -> Value {
    json!({ "error": error, "error_description": description })
}

/// The unverified claims of a token.
fn claims(token: &str) -> Value {
    let middle = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).expect("base64url")).expect("JSON")
}

/// The claims of a token, verified with the published keys.
fn verified_claims(nobody: &Client, token: &str, issuer: &str) -> Value {
    let set: JwkSet = serde_json::from_value(nobody.get(CERTS).ok()).expect("a key set");
    let header = decode_header(token).expect("a header");
    let key = set.find(header.kid.as_deref().expect("a kid")).expect("the published key");
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&["account"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    decode::<Value>(token, &DecodingKey::from_jwk(key).expect("a key"), &validation).expect("a sound token").claims
}

/// The claims of an id token, verified with the published keys.
fn proved_id(nobody: &Client, token: &str) -> Value {
    let set: JwkSet = serde_json::from_value(nobody.get(CERTS).ok()).expect("a key set");
    let header = decode_header(token).expect("a header");
    let key = set.find(header.kid.as_deref().expect("a kid")).expect("the published key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["sdk-client"]);
    decode::<Value>(token, &DecodingKey::from_jwk(key).expect("a key"), &validation).expect("a sound token").claims
}

fn uuid(value: &Value) -> Uuid {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no UUID: {value}"))
}

/// Asserts the headers that keep tokens out of caches (RFC 6749, section 5.1).
#[track_caller]
fn is_not_kept(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
}

#[test]
fn the_response_has_exactly_the_fields_of_keycloak() {
    let answer = world().nobody.sign_in(&world().bob.email, &world().bob.password);
    is_not_kept(&answer);
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let mut body = answer.ok();
    let fields = body.as_object_mut().expect("an object");
    let access = fields.remove("access_token").expect("a token");
    let refresh = fields.remove("refresh_token").expect("a token");
    let session = fields.remove("session_state").expect("a session");
    let idle = fields.remove("refresh_expires_in").expect("a number").as_i64().expect("a number");
    assert_eq!(access.as_str().expect("a text").split('.').count(), 3);
    let refresh = refresh.as_str().expect("a text");
    assert!(refresh.starts_with("atlr_") && refresh.len() == 53, "{refresh}");
    let month = 30 * 24 * 60 * 60;
    assert!((month - 60..=month).contains(&idle), "{idle}");
    assert_eq!(
        body,
        json!({ "expires_in": 300, "token_type": "Bearer", "not-before-policy": 0, "scope": "email profile api" })
    );
    assert_eq!(uuid(&claims(access.as_str().expect("a text"))["sid"]), uuid(&session));
}

#[test]
fn the_claims_match_the_contract() {
    let (world, base) = (World::start(), |world: &World| world.server.base().to_owned());
    let sql = "UPDATE users SET first_name = 'Bob', last_name = 'Bee' WHERE uuid = ?1";
    world.database().write(sql, [&world.bob.uuid]);
    let issuer = format!("{}/auth/realms/master", base(&world));
    for (who, roles, default, allowed) in [
        (
            &world.ada,
            json!(["admin", "default-roles-master", "offline_access", "uma_authorization"]),
            "admin_user",
            json!(["user", "admin_user"]),
        ),
        (&world.bob, json!(["default-roles-master", "offline_access", "uma_authorization"]), "user", json!(["user"])),
    ] {
        let token = world.nobody.sign_in(&who.email.to_uppercase(), &who.password).text("access_token");
        let header = decode_header(&token).expect("a header");
        assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::RS256, Some("JWT")));
        let mut told = verified_claims(&world.nobody, &token, &issuer);
        let (iat, exp) = (told["iat"].as_i64().expect("a number"), told["exp"].as_i64().expect("a number"));
        assert_eq!(exp - iat, 300);
        assert_eq!(uuid(&told["jti"]).get_version_num(), 4);
        assert_eq!(told["sid"], told["session_state"]);
        uuid(&told["sid"]);
        for moving in ["iat", "exp", "jti", "sid", "session_state"] {
            told.as_object_mut().expect("an object").remove(moving);
        }
        let mut expected = json!({
            "iss": issuer, "aud": ["master-realm", "account"], "sub": who.uuid, "typ": "Bearer", "azp": "sdk-client",
            "acr": "1", "realm_access": { "roles": roles },
            "resource_access": { "master-realm": { "roles": ["manage-users", "view-users"] } },
            "scope": "email profile api", "email_verified": true, "email": who.email, "preferred_username": who.email,
            "https://hasura.io/jwt/claims": {
                "x-hasura-user-id": who.uuid, "x-hasura-user-email": who.email, "x-hasura-default-role": default,
                "x-hasura-allowed-roles": allowed, "x-hasura-user-groups": "{}"
            }
        });
        if who.email == "bob@example.com" {
            expected["name"] = json!("Bob Bee");
            expected["given_name"] = json!("Bob");
            expected["family_name"] = json!("Bee");
        }
        assert_eq!(told, expected);
    }
}

#[test]
fn tokens_of_every_algorithm_verify_with_the_published_key() {
    for (word, algorithm, kind) in [("ES256", Algorithm::ES256, "EC"), ("EdDSA", Algorithm::EdDSA, "OKP")] {
        let server = Setup::new().args(&["--signing-algorithm", word]).start();
        let nobody = Client::new(server.base());
        let token = nobody.sign_in(ADMIN, ADMIN_PASSWORD).text("access_token");
        assert_eq!(decode_header(&token).expect("a header").alg, algorithm);
        verified_claims(&nobody, &token, &format!("{}/auth/realms/master", server.base()));
        let certs = nobody.get(CERTS).ok();
        assert_eq!((&certs["keys"][0]["alg"], &certs["keys"][0]["kty"]), (&json!(word), &json!(kind)));
        assert_eq!(nobody.with(&token).post(VALIDATE, &json!({})).status, 200);
    }
}

#[test]
fn a_token_names_the_issuer_that_discovery_names_for_the_same_host() {
    let world = world();
    let port = world.server.base().rsplit(':').next().expect("a port");
    let own = format!("http://127.0.0.1:{port}");
    for (host, origin) in [
        (format!("127.0.0.1:{port}"), own.clone()),
        (format!("localhost:{port}"), format!("http://localhost:{port}")),
        (format!("LocalHost:{port}"), format!("http://localhost:{port}")),
        ("evil.example".to_owned(), own.clone()),
        (format!("evil.example:{port}"), own.clone()),
        (format!("127.0.0.1:{port}@evil.example"), own.clone()),
        ("127.0.0.1".to_owned(), own.clone()),
    ] {
        let headers = [("host", host.as_str()), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")];
        let issuer = format!("{origin}/auth/realms/master");
        let discovered = world.nobody.send("GET", DISCOVERY, &headers, ()).ok();
        assert_eq!(discovered["issuer"], json!(issuer), "{host}");
        assert_eq!(discovered["token_endpoint"], json!(format!("{origin}{TOKEN}")), "{host}");
        let form = format!("client_id=sdk-client&grant_type=refresh_token&refresh_token={}", world.bob.refresh_token);
        let headers = [headers.as_slice(), &[("content-type", "application/x-www-form-urlencoded")]].concat();
        let token = world.nobody.send("POST", TOKEN, &headers, form).text("access_token");
        assert_eq!(verified_claims(&world.nobody, &token, &issuer)["iss"], json!(issuer), "{host}");
        // Whichever of its names a token bears, the server knows it as its own.
        assert_eq!(world.nobody.with(&token).post(VALIDATE, &json!({})).status, 200, "{host}");
    }
}

#[test]
fn a_request_without_a_host_gets_the_first_name() {
    let request = format!("GET {DISCOVERY} HTTP/1.0\r\n\r\n");
    let answer = raw::exchange(world().server.base(), request.as_bytes()).expect("an answer");
    let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(told["issuer"], json!(format!("{}/auth/realms/master", world().server.base())));
}

#[test]
fn a_public_url_names_the_issuer_whatever_the_host() {
    let server = Setup::new().args(&["--public-url", "https://ml.example.com"]).start();
    let nobody = Client::new(server.base());
    let issuer = "https://ml.example.com/auth/realms/master";
    for host in ["ml.example.com", "localhost", "evil.example"] {
        let discovered = nobody.send("GET", DISCOVERY, &[("host", host)], ()).ok();
        assert_eq!(discovered["issuer"], json!(issuer));
        assert_eq!(discovered["jwks_uri"], json!(format!("https://ml.example.com{CERTS}")));
    }
    let token = nobody.sign_in(ADMIN, ADMIN_PASSWORD).text("access_token");
    verified_claims(&nobody, &token, issuer);
    assert_eq!(nobody.with(&token).post(VALIDATE, &json!({})).status, 200);
}

#[test]
fn a_trusted_host_names_the_issuer_too() {
    let server = Setup::new().args(&["--trusted-hosts", "atelier.lan"]).start();
    let nobody = Client::new(server.base());
    let issuer = |host: &str| nobody.send("GET", DISCOVERY, &[("host", host)], ()).ok()["issuer"].clone();
    assert_eq!(issuer("atelier.lan"), json!("http://atelier.lan/auth/realms/master"));
    assert_eq!(issuer("atelier.lan.evil.example"), json!(format!("{}/auth/realms/master", server.base())));
}

#[test]
fn tokens_of_other_servers_and_altered_tokens_are_refused() {
    let other = Setup::new().start();
    let foreign = Client::new(other.base()).sign_in(ADMIN, ADMIN_PASSWORD).text("access_token");
    let own = world().ada.credential();
    let parts: Vec<&str> = own.split('.').collect();
    let mut promoted = claims(own);
    promoted["sub"] = json!(world().bob.uuid);
    let promoted = URL_SAFE_NO_PAD.encode(promoted.to_string());
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    for token in [
        foreign,
        format!("{}.{promoted}.{}", parts[0], parts[2]),
        format!("{unsigned}.{}.", parts[1]),
        format!("{unsigned}.{promoted}."),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{own}x"),
        own[..own.len() - 1].to_owned(),
    ] {
        let told = world().nobody.with(&token).post(VALIDATE, &json!({})).outcome();
        assert_eq!(told, (401, json!({ "msg": "the access token is invalid or expired", "code": 401 })));
    }
}

#[test]
fn an_access_token_expires_before_its_session() {
    let server = Setup::new().args(&["--access-token-life", "1s"]).start();
    let nobody = Client::new(server.base());
    let answer = nobody.sign_in(ADMIN, ADMIN_PASSWORD);
    assert_eq!(answer.number("expires_in"), 1);
    let ada = nobody.with(&answer.text("access_token"));
    let deadline = Instant::now() + Duration::from_secs(20);
    let told = loop {
        let answer = ada.post(VALIDATE, &json!({}));
        if answer.status != 200 || Instant::now() > deadline {
            break answer.outcome();
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(told, (401, json!({ "msg": "the access token is invalid or expired", "code": 401 })));
    let renewed = nobody.refresh(&answer.text("refresh_token"));
    assert_eq!(claims(&renewed.text("access_token"))["sid"], answer.json()["session_state"]);
}

#[test]
fn no_token_outlives_its_session() {
    let server = Setup::new().args(&["--session-idle", "90s", "--session-life", "2m"]).start();
    let nobody = Client::new(server.base());
    let first = nobody.sign_in(ADMIN, ADMIN_PASSWORD);
    assert!((60..=120).contains(&first.number("expires_in")), "{first:?}");
    assert!((60..=90).contains(&first.number("refresh_expires_in")), "{first:?}");
    let database = crate::support::database::Database::open(server.data_dir());
    // The session nears its end.
    database.write("UPDATE sessions SET ends_at = ends_at - 100 * 1000000", []);
    let later = nobody.refresh(&first.text("refresh_token"));
    assert!((1..=20).contains(&later.number("expires_in")), "{later:?}");
    assert!((1..=20).contains(&later.number("refresh_expires_in")), "{later:?}");
    let claims = claims(&later.text("access_token"));
    let life = claims["exp"].as_i64().expect("a number") - claims["iat"].as_i64().expect("a number");
    assert!((1..=20).contains(&life), "{life}");
}

// Invalid requests.

#[test]
fn errors_have_the_codes_of_the_rfc_and_are_not_cached() {
    let unknown_client = (401, refusal("invalid_client", "Invalid client or Invalid client credentials"));
    let missing = |name: &str| (400, refusal("invalid_request", &format!("Missing form parameter: {name}")));
    let twice = |name: &str| (400, refusal("invalid_request", &format!("{name} is given more than once")));
    let unsupported = (400, refusal("unsupported_grant_type", "Unsupported grant_type"));
    let not_allowed = (400, refusal("unauthorized_client", "Client not allowed for this grant"));
    let bad_refresh_token = (400, refusal("invalid_grant", "Invalid refresh token"));
    for (form, told) in [
        ("", unknown_client.clone()),
        ("grant_type=password&username=x&password=y", unknown_client.clone()),
        ("client_id=&grant_type=password", unknown_client.clone()),
        ("client_id=nobody&grant_type=password&username=x&password=y", unknown_client.clone()),
        ("client_id=SDK-CLIENT&grant_type=password&username=x&password=y", unknown_client),
        ("client_id=sdk-client", missing("grant_type")),
        ("client_id=sdk-client&grant_type=", missing("grant_type")),
        ("client_id=sdk-client&grant_type=password", missing("username")),
        ("client_id=sdk-client&grant_type=password&username=&password=y", missing("username")),
        ("client_id=sdk-client&grant_type=password&username=x", missing("password")),
        ("client_id=sdk-client&grant_type=password&username=x&password=", missing("password")),
        ("client_id=sdk-client&grant_type=refresh_token", missing("refresh_token")),
        ("client_id=sdk-client&grant_type=refresh_token&refresh_token=", missing("refresh_token")),
        ("client_id=sdk-client&grant_type=magic", unsupported.clone()),
        ("client_id=sdk-client&grant_type=Password&username=x&password=y", unsupported),
        ("client_id=sdk-client&grant_type=client_credentials", not_allowed.clone()),
        ("client_id=sdk-client&grant_type=authorization_code&code=x", not_allowed),
        ("client_id=arize-cli&grant_type=authorization_code", missing("code")),
        ("client_id=arize-cli&grant_type=authorization_code&code=x", missing("redirect_uri")),
        ("client_id=arize-cli&grant_type=authorization_code&code=x&redirect_uri=y", missing("code_verifier")),
        ("client_id=sdk-client&client_id=sdk-client&grant_type=password", twice("client_id")),
        ("client_id=sdk-client&grant_type=password&username=a&username=b&password=y", twice("username")),
        ("client_id=sdk-client&grant_type=password&username=a&password=y&password=y", twice("password")),
        ("client_id=sdk-client&grant_type=refresh_token&refresh_token=x", bad_refresh_token.clone()),
        ("client_id=sdk-client&grant_type=refresh_token&refresh_token=atlr_x", bad_refresh_token),
    ] {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = world().nobody.send("POST", TOKEN, &headers, form);
        assert_eq!(answer.outcome(), told, "{form}");
        is_not_kept(&answer);
    }
}

#[test]
fn only_a_form_body_is_read() {
    let form = format!("client_id=sdk-client&grant_type=password&username={ADMIN}&password={ADMIN_PASSWORD}");
    let form = form.replace(' ', "+");
    let told = (400, refusal("invalid_request", "the body must be application/x-www-form-urlencoded"));
    for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", "nonsense"] {
        let answer = world().nobody.send("POST", TOKEN, &[("content-type", content_type)], &form);
        assert_eq!(answer.outcome(), told, "{content_type}");
        is_not_kept(&answer);
    }
    let bare = format!("POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{form}", form.len());
    let answer = raw::exchange(world().server.base(), bare.as_bytes()).expect("an answer");
    assert_eq!((answer.status, serde_json::from_slice(&answer.body).expect("JSON")), told, "no type at all");
    for content_type in ["application/x-www-form-urlencoded; charset=UTF-8", "APPLICATION/x-www-form-urlencoded"] {
        assert_eq!(world().nobody.send("POST", TOKEN, &[("content-type", content_type)], &form).status, 200);
    }
    let query = format!("{TOKEN}?{form}");
    let answer = world().nobody.send("POST", &query, &[("content-type", "application/x-www-form-urlencoded")], "");
    assert_eq!(answer.status, 401, "what stands in the address does not count: {answer:?}");
}

#[test]
fn a_form_over_the_limit_is_refused() {
    let form = format!("client_id=sdk-client&grant_type=password&username=x&password={}", "y".repeat(1 << 20));
    let answer = world().nobody.send("POST", TOKEN, &[("content-type", "application/x-www-form-urlencoded")], form);
    let told = refusal("invalid_request", "body: must not be larger than 16 KiB");
    assert_eq!(answer.outcome(), (413, told));
}

#[test]
fn known_requested_scopes_are_granted() {
    let (email, password) = (world().bob.email.as_str(), world().bob.password.as_str());
    let ask = |scope| {
        let form = [
            ("client_id", "sdk-client"),
            ("grant_type", "password"),
            ("username", email),
            ("password", password),
            ("scope", scope),
        ];
        world().nobody.form(TOKEN, &form)
    };
    let answer = ask("openid admin");
    assert_eq!(answer.text("scope"), "openid email profile api");
    let id = proved_id(&world().nobody, &answer.text("id_token"));
    assert_eq!((&id["typ"], &id["aud"], &id["sub"]), (&json!("ID"), &json!("sdk-client"), &json!(world().bob.uuid)));
    assert_eq!(id["email"], email);
    assert_eq!(world().nobody.with(&answer.text("id_token")).post(VALIDATE, &json!({})).status, 401);
    let refused = ask("admin");
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_scope")));
    let year = ask("offline_access").number("refresh_expires_in");
    assert!(year > 80 * 24 * 60 * 60, "{year}");
}

// Refused users.

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let (nobody, bob, database) = (&world().nobody, &world().bob, world().database());
    let before: i64 = database.one("SELECT count(*) FROM sessions", []);
    let wrong = nobody.sign_in(&bob.email, "not bob's password");
    let unknown = nobody.sign_in("nobody@example.com", "not bob's password");
    let no_address = nobody.sign_in("no address at all", &bob.password);
    assert_eq!(wrong.outcome(), (401, refusal("invalid_grant", "Invalid user credentials")));
    for other in [unknown, no_address] {
        assert_eq!((other.status, &other.body), (wrong.status, &wrong.body));
        is_not_kept(&other);
    }
    let mut padded = bob.password.clone();
    padded.push(' ');
    assert_eq!(nobody.sign_in(&bob.email, &padded).status, 401, "a password is taken as it is");
    assert!(database.one::<i64>("SELECT count(*) FROM sessions", []) >= before);
    assert_eq!(database.one::<i64>("SELECT count(*) FROM audit WHERE object LIKE 'nobody@%'", []), 0);
}

#[test]
fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let server = Setup::new().args(&["--sign-in-free-failures", "100"]).start();
    let nobody = Client::new(server.base());
    let takes = |email: &str| {
        let started = Instant::now();
        assert_eq!(nobody.sign_in(email, "wrong").status, 401);
        started.elapsed()
    };
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    // The fastest of some, for what else runs here only slows them down. Without the hash for nobody, the answer would come
    // fifty times as fast, however often it is tried.
    let alike = (1..=40).any(|tried| {
        known = known.min(takes(ADMIN));
        unknown = unknown.min(takes("nobody@example.com"));
        tried >= 5 && unknown * 3 > known && known * 3 > unknown
    });
    assert!(alike, "{known:?} {unknown:?}");
}

#[test]
fn only_the_right_password_reveals_that_an_account_is_disabled() {
    let (nobody, lou) = (&world().nobody, world().new_member("lou"));
    world().ada.post("/v1/api/users/deactivate", &json!({ "email": lou.email })).ok();
    let wrong = nobody.sign_in(&lou.email, "wrong");
    assert_eq!(wrong.outcome(), (401, refusal("invalid_grant", "Invalid user credentials")));
    let right = nobody.sign_in(&lou.email, &lou.password);
    assert_eq!(right.outcome(), (400, refusal("invalid_grant", "Account disabled")));
    is_not_kept(&right);
    let refreshed = nobody.refresh(&lou.refresh_token);
    assert_eq!(refreshed.outcome(), (400, refusal("invalid_grant", "Token is not active")), "the session is gone");
}

// refresh_token

#[test]
fn a_refresh_token_works_repeatedly() {
    let (nobody, mia) = (&world().nobody, world().new_member("mia"));
    let session = claims(mia.credential())["sid"].clone();
    let mut seen = vec![mia.credential().to_owned()];
    for _ in 0..3 {
        let answer = nobody.refresh(&mia.refresh_token);
        is_not_kept(&answer);
        assert_eq!(answer.text("refresh_token"), mia.refresh_token);
        assert_eq!(answer.json()["session_state"], session);
        assert_eq!(answer.number("expires_in"), 300);
        let token = answer.text("access_token");
        assert_eq!(claims(&token)["sub"], json!(mia.uuid));
        seen.push(token);
    }
    for token in &seen {
        assert_eq!(nobody.with(token).post(VALIDATE, &json!({})).status, 200, "each stays good until it ends");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "each is another one");
    let sessions = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.uuid = ?1";
    assert_eq!(world().database().one::<i64>(sessions, [&mia.uuid]), 1);
}

#[test]
fn a_refresh_token_works_only_for_its_client() {
    let (nobody, ned) = (&world().nobody, world().new_member("ned"));
    let sql = "UPDATE sessions SET client = ?1 WHERE user_id = (SELECT id FROM users WHERE uuid = ?2)";
    world().database().write(sql, ["admin-cli", ned.uuid.as_str()]);
    let told = (400, refusal("invalid_grant", "Invalid refresh token"));
    assert_eq!(nobody.refresh(&ned.refresh_token).outcome(), told);
    world().database().write(sql, ["sdk-client", ned.uuid.as_str()]);
    assert_eq!(nobody.refresh(&ned.refresh_token).status, 200, "the attempt has done no harm");
}

#[test]
fn access_tokens_and_altered_tokens_do_not_refresh() {
    let (nobody, bob) = (&world().nobody, &world().bob);
    let told = (400, refusal("invalid_grant", "Invalid refresh token"));
    let mut altered = bob.refresh_token.clone();
    altered.replace_range(10..11, if &altered[10..11] == "A" { "B" } else { "A" });
    let key = bob.refresh_token.replace("atlr_", "atl_");
    for token in [bob.credential(), &altered, &key, &format!("{} ", bob.refresh_token)] {
        assert_eq!(nobody.refresh(token).outcome(), told);
    }
}

#[test]
fn a_session_ends_when_idle_or_too_old() {
    // On a shared server, another sign-in would delete the ended session.
    let world = World::start();
    let (nobody, database) = (&world.nobody, world.database());
    for column in ["idle_until", "ends_at"] {
        let oda = world.new_member(&format!("oda-{}", column.replace('_', "-")));
        let sql = format!("UPDATE sessions SET {column} = 1 WHERE user_id = (SELECT id FROM users WHERE uuid = ?1)");
        database.write(&sql, [&oda.uuid]);
        let refused = nobody.refresh(&oda.refresh_token).outcome();
        assert_eq!(refused, (400, refusal("invalid_grant", "Token is not active")), "{column}");
        let told = oda.post(VALIDATE, &json!({})).outcome();
        assert_eq!(told, (401, json!({ "msg": "the session has ended; sign in again", "code": 401 })), "{column}");
    }
}

#[test]
fn a_sign_in_is_audited_without_secrets_and_a_refresh_is_not() {
    let (nobody, database) = (&world().nobody, world().database());
    let pia = world().new_member("pia");
    for _ in 0..3 {
        nobody.refresh(&pia.refresh_token).ok();
    }
    let sql = "SELECT verb, actor, credential, dialect, address, after FROM audit
               WHERE kind = 'session' AND actor_id = (SELECT id FROM users WHERE uuid = ?1) ORDER BY id";
    let rows = database.rows(sql, [&pia.uuid]);
    let [begun] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(begun.starts_with("sessions.begin|pia@example.com|password|keycloak|127.0.0.1|"), "{begun}");
    for secret in [pia.credential(), &pia.refresh_token, &pia.password] {
        assert!(!rows.concat().contains(secret));
    }
}

// Disabled grants.

#[test]
fn without_the_password_grant_sessions_continue_but_none_start() {
    let place = tempfile::tempdir().expect("a directory");
    let server = Setup::new().data_dir(place.path()).args(&["--public-url", "http://atelier.lan"]).start();
    let signed_in = Client::new(server.base()).sign_in(ADMIN, ADMIN_PASSWORD);
    drop(server);
    let server = Setup::new()
        .data_dir(place.path())
        .args(&["--public-url", "http://atelier.lan", "--password-grant", "false"])
        .start();
    let nobody = Client::new(server.base());
    let told = (400, refusal("unauthorized_client", "Client not allowed for this grant"));
    assert_eq!(nobody.sign_in(ADMIN, ADMIN_PASSWORD).outcome(), told);
    assert_eq!(nobody.sign_in(ADMIN, "wrong").outcome(), told);
    let grants = nobody.get(DISCOVERY).ok()["grant_types_supported"].clone();
    assert!(!grants.as_array().expect("a list").contains(&json!("password")), "{grants}");
    let refreshed = nobody.refresh(&signed_in.text("refresh_token")).text("access_token");
    for token in [refreshed, signed_in.text("access_token")] {
        assert_eq!(nobody.with(&token).post(VALIDATE, &json!({})).status, 200);
    }
}

// Throttling.

/// Asserts that an attempt is refused for about this long.
#[track_caller]
fn is_throttled(answer: &Answer, seconds: i64) {
    let said = answer.header("retry-after").expect("a time to wait").parse::<i64>().expect("a number");
    assert!((1..=seconds).contains(&said), "{said}");
    let text = format!("too many failed attempts; try again in {said} s");
    assert_eq!(answer.outcome(), (429, refusal("temporarily_unavailable", &text)));
    is_not_kept(answer);
}

#[test]
fn each_failure_lengthens_the_wait_and_a_success_resets_it() {
    let server = Setup::new().args(&["--sign-in-free-failures", "2"]).start();
    let nobody = Client::new(server.base());
    let sign_in = |password: &str| nobody.sign_in(ADMIN, password);
    for _ in 0..2 {
        assert_eq!(sign_in("wrong").status, 401, "the first are free");
    }
    assert_eq!(sign_in("wrong").status, 401);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(sign_in("wrong").status, 401);
    let failed = Instant::now();
    // Now it is two seconds; not even the right password shortens them, and what is turned away counts for nothing.
    for password in ["wrong", ADMIN_PASSWORD, "wrong", "wrong"] {
        is_throttled(&sign_in(password), 2);
    }
    let first_wait = sign_in("wrong").header("retry-after").map(str::to_owned);
    assert_eq!(first_wait.as_deref(), Some("2"), "rounded up, so that who obeys is not turned away again");
    std::thread::sleep(Duration::from_millis(2100).saturating_sub(failed.elapsed()));
    assert_eq!(sign_in(ADMIN_PASSWORD).status, 200);
    // The count starts again.
    for _ in 0..2 {
        assert_eq!(sign_in("wrong").status, 401);
    }
    assert_eq!(sign_in(ADMIN_PASSWORD).status, 200);
}

#[test]
fn failures_at_one_address_do_not_lock_out_another() {
    let setup = Setup::new().args(&["--sign-in-free-failures", "1", "--trusted-proxies", "127.0.0.1"]);
    let world = World::of(setup);
    let form = |password: &str| {
        let pairs =
            [("client_id", "sdk-client"), ("grant_type", "password"), ("username", ADMIN), ("password", password)];
        serde_urlencoded::to_string(pairs).expect("a form")
    };
    let from = |address: &str, password: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-forwarded-for", address)];
        world.nobody.send("POST", TOKEN, &headers, form(password))
    };
    // Fail until refused.
    let turned_away = (0..20).map(|_| from("192.0.2.66", "wrong")).find(|answer| answer.status == 429);
    let turned_away = turned_away.expect("a wait at last");
    is_throttled(&turned_away, 900);
    assert_eq!(from("192.0.2.66, 127.0.0.1", "wrong").status, 429, "seen through a proxy of ours");
    assert_eq!(from("198.51.100.7", ADMIN_PASSWORD).status, 200, "ada elsewhere is not kept waiting");
    assert_eq!(from("198.51.100.7, 192.0.2.66", "wrong").status, 429, "what the client itself wrote is not believed");
    assert_eq!(world.nobody.sign_in(ADMIN, ADMIN_PASSWORD).status, 200);
    // Nor do others have to wait there.
    let bob = [
        ("client_id", "sdk-client"),
        ("grant_type", "password"),
        ("username", "bob@example.com"),
        ("password", &world.bob.password),
    ];
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-forwarded-for", "192.0.2.66")];
    let answer = world.nobody.send("POST", TOKEN, &headers, serde_urlencoded::to_string(bob).expect("a form"));
    assert_eq!(answer.status, 200);
    let sql = "SELECT DISTINCT address FROM audit WHERE verb = 'sessions.begin' ORDER BY address";
    assert_eq!(world.database().rows(sql, []), ["127.0.0.1", "192.0.2.66", "198.51.100.7"]);
}

#[test]
fn only_trusted_proxies_name_the_client_address() {
    let (nobody, database) = (&world().nobody, world().database());
    let newest = database.newest_audit();
    let bob = &world().bob;
    let form = [
        ("client_id", "sdk-client"),
        ("grant_type", "password"),
        ("username", &bob.email),
        ("password", &bob.password),
    ];
    let form = serde_urlencoded::to_string(form).expect("a form");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-forwarded-for", "203.0.113.5")];
    assert_eq!(nobody.send("POST", TOKEN, &headers, form).status, 200);
    let sql = "SELECT count(*) FROM audit WHERE id > ?1 AND address = ?2";
    assert_eq!(database.one::<i64>(sql, params![newest, "203.0.113.5"]), 0);
}

#[test]
fn a_changed_email_or_name_is_in_the_next_token() {
    let qi = world().new_member("qi");
    let path = format!("/auth/admin/realms/master/users/{}", qi.uuid);
    let change = json!({ "firstName": "Qi", "lastName": "Zhao", "email": "zhao@example.com" });
    assert_eq!(world().ada.put(&path, &change).status, 204);
    let told = claims(&world().nobody.refresh(&qi.refresh_token).text("access_token"));
    assert_eq!(
        (&told["email"], &told["name"], &told["sub"]),
        (&json!("zhao@example.com"), &json!("Qi Zhao"), &json!(qi.uuid))
    );
    assert_eq!(Person::enter(&world().nobody, "zhao@example.com", &qi.password).uuid, qi.uuid);
}
