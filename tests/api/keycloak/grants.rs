//! Client authentication, devices, introspection, revocation, userinfo and logout.

use std::sync::OnceLock;

use atelier::tokens::opaque::{self, Kind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{Answer, TOKEN};
use crate::world::World;

const REALM: &str = "/auth/realms/master/protocol/openid-connect";
const VALIDATE: &str = "/v1/api/workspaces/validate";

/// A world with a client that has a secret, a bot and rotating refresh tokens; and the secret.
fn world() -> &'static (World, String) {
    static WORLD: OnceLock<(World, String)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let world = World::start();
        let (secret, kept) = opaque::mint(Kind::ClientSecret);
        let bot = world.database().write(
            "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                 must_change_password, created_at)
             VALUES ('00000000-0000-4000-8000-000000000b07', 'bot@bots.invalid', 'bot@bots.invalid', 'ci', '', 'bot',
                 'active', 1, 0, 'member', 0, 0)",
            [],
        );
        world.database().write(
            "INSERT INTO clients (id, name, built_in, confidential, secret, grants, scopes, redirect_uris,
                 post_logout_redirect_uris, refresh, service_user_id, created_at, updated_at)
             VALUES ('ci', 'CI', 0, 1, ?1, 'password refresh_token client_credentials',
                 'openid email profile offline_access api', '', '', 'rotating', ?2, 0, 0)",
            rusqlite::params![kept.as_bytes(), bot],
        );
        (world, secret.expose().to_owned())
    })
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn ask(path: &str, authorization: Option<&str>, form: &[(&str, &str)]) -> Answer {
    let form = serde_urlencoded::to_string(form).expect("a form");
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
    headers.extend(authorization.map(|value| ("authorization", value)));
    world().0.nobody.send("POST", path, &headers, form)
}

#[track_caller]
fn is_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{answer:?}");
}

/// The tokens of bob through `ci`.
fn tokens(scope: &str) -> Value {
    let (world, secret) = world();
    let (email, password) = (world.bob.email.as_str(), world.bob.password.as_str());
    let form = [("grant_type", "password"), ("username", email), ("password", password), ("scope", scope)];
    ask(TOKEN, Some(&basic("ci", secret)), &form).ok()
}

fn text<'a>(tokens: &'a Value, field: &str) -> &'a str {
    tokens[field].as_str().unwrap_or_else(|| panic!("{field}: {tokens}"))
}

#[test]
fn a_client_authenticates_in_exactly_one_way() {
    let (_, secret) = world();
    let grant = ("grant_type", "client_credentials");
    let header = basic("ci", secret);
    for path in [TOKEN, "/oauth2/token"] {
        assert_eq!(ask(path, Some(&header), &[grant]).status, 200);
        assert_eq!(ask(path, None, &[grant, ("client_id", "ci"), ("client_secret", secret)]).status, 200);
        assert_eq!(ask(path, Some(&header), &[grant, ("client_id", "ci")]).status, 200);
    }
    is_error(&ask(TOKEN, Some(&header), &[grant, ("client_secret", secret)]), 400, "invalid_request");
    is_error(&ask(TOKEN, Some(&header), &[grant, ("client_id", "sdk-client")]), 400, "invalid_request");
    let (other, _) = opaque::mint(Kind::ClientSecret);
    for bad in [basic("ci", other.expose()), basic("ci", ""), basic("nobody", secret), "Basic !".to_owned()] {
        let answer = ask(TOKEN, Some(&bad), &[grant]);
        is_error(&answer, 401, "invalid_client");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")), "{answer:?}");
    }
    for form in [
        &[grant, ("client_id", "ci")][..],
        &[grant, ("client_id", "sdk-client"), ("client_secret", secret)],
        &[grant, ("client_id", "api-client"), ("client_secret", secret)],
    ] {
        let answer = ask(TOKEN, None, form);
        is_error(&answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[test]
fn a_client_acts_as_its_bot() {
    let (world, secret) = world();
    let answer = ask(TOKEN, Some(&basic("ci", secret)), &[("grant_type", "client_credentials")]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.ok();
    assert_eq!((tokens.get("refresh_token"), tokens.get("id_token")), (None, None));
    assert_eq!(tokens["refresh_expires_in"], 0);
    let access = text(&tokens, "access_token");
    assert_eq!(world.nobody.with(access).post(VALIDATE, &json!({})).status, 200);
    let told = ask(&format!("{REALM}/token/introspect"), Some(&basic("ci", secret)), &[("token", access)]).ok();
    assert_eq!((&told["active"], &told["username"]), (&json!(true), &json!("service-account-ci")));
}

#[test]
fn refresh_tokens_rotate_and_reuse_ends_the_session() {
    let (world, secret) = world();
    let header = basic("ci", secret);
    let first = tokens("openid api");
    let refresh = |token: &str| ask(TOKEN, Some(&header), &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let one = refresh(text(&first, "refresh_token")).ok();
    let again = refresh(text(&first, "refresh_token")).ok();
    assert_eq!(one["refresh_token"], again["refresh_token"], "the same successor");
    let two = refresh(text(&one, "refresh_token")).ok();
    world.database().write("UPDATE refresh_tokens SET exchanged_at = exchanged_at - 31000000", []);
    assert_eq!(world.nobody.with(text(&two, "access_token")).post(VALIDATE, &json!({})).status, 200);
    is_error(&refresh(text(&first, "refresh_token")), 400, "invalid_grant");
    is_error(&refresh(text(&two, "refresh_token")), 400, "invalid_grant");
    assert_eq!(world.nobody.with(text(&two, "access_token")).post(VALIDATE, &json!({})).status, 401);
    let narrow = tokens("openid email");
    let form =
        |scope| [("grant_type", "refresh_token"), ("refresh_token", text(&narrow, "refresh_token")), ("scope", scope)];
    assert_eq!(ask(TOKEN, Some(&header), &form("email")).text("scope"), "email");
    is_error(&ask(TOKEN, Some(&header), &form("email offline_access")), 400, "invalid_scope");
}

#[test]
fn a_device_gets_the_verification_uri() {
    let base = world().0.server.base();
    for path in [&format!("{REALM}/auth/device"), "/oauth2/device_authorization"] {
        let told = ask(path, None, &[("client_id", "sdk-client")]).ok();
        let code = text(&told, "user_code");
        assert_eq!((&told["interval"], &told["expires_in"]), (&json!(5), &json!(600)));
        assert_eq!(told["verification_uri"], format!("{base}/auth/realms/master/device"));
        assert_eq!(told["verification_uri_complete"], format!("{base}/auth/realms/master/device?user_code={code}"));
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        let poll =
            || ask(TOKEN, None, &[grant, ("client_id", "sdk-client"), ("device_code", text(&told, "device_code"))]);
        is_error(&poll(), 400, "authorization_pending");
        is_error(&poll(), 400, "slow_down");
    }
    is_error(&ask(&format!("{REALM}/auth/device"), None, &[("client_id", "arize-cli")]), 400, "unauthorized_client");
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let form = [grant, ("client_id", "sdk-client"), ("device_code", "atld_nonsense")];
    is_error(&ask(TOKEN, None, &form), 400, "invalid_grant");
}

#[test]
fn a_client_introspects_revokes_and_signs_out_its_own_tokens() {
    let (world, secret) = world();
    let header = basic("ci", secret);
    let introspect = |token: &str| ask("/oauth2/introspect", Some(&header), &[("token", token)]).ok();
    let made = tokens("openid email");
    let told = introspect(text(&made, "access_token"));
    assert_eq!(
        (&told["active"], &told["client_id"], &told["token_type"]),
        (&json!(true), &json!("ci"), &json!("Bearer"))
    );
    assert_eq!((&told["sub"], &told["scope"]), (&json!(world.bob.uuid), &json!("openid email profile")));
    assert_eq!(introspect(text(&made, "refresh_token"))["typ"], "Refresh");
    for nothing in ["nonsense", "atl_x", text(&made, "id_token")] {
        assert_eq!(introspect(nothing), json!({ "active": false }));
    }
    is_error(&ask("/oauth2/introspect", None, &[("client_id", "sdk-client"), ("token", "x")]), 401, "invalid_client");
    is_error(&ask("/oauth2/introspect", Some(&header), &[]), 400, "invalid_request");
    // A revocation by another client is ignored.
    let other = [("client_id", "sdk-client"), ("token", text(&made, "access_token"))];
    assert_eq!(ask("/oauth2/revoke", None, &other).status, 200);
    assert_eq!(introspect(text(&made, "access_token"))["active"], true);
    assert_eq!(ask("/oauth2/revoke", Some(&header), &[("token", text(&made, "refresh_token"))]).status, 200);
    assert_eq!(introspect(text(&made, "access_token")), json!({ "active": false }));
    assert_eq!(ask("/oauth2/revoke", Some(&header), &[("token", text(&made, "refresh_token"))]).status, 200);
    let made = tokens("openid");
    let logout = format!("{REALM}/logout");
    let form = [("refresh_token", text(&made, "refresh_token"))];
    is_error(&ask(&logout, None, &[("client_id", "sdk-client"), form[0]]), 400, "invalid_grant");
    assert_eq!(ask(&logout, Some(&header), &form).status, 204);
    assert_eq!(introspect(text(&made, "refresh_token")), json!({ "active": false }));
    let answer = ask(&logout, None, &[("id_token_hint", "a.b"), ("state", "x y"), ("evil", "1")]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/sign-out?id_token_hint=a.b&state=x+y")));
}

#[test]
fn userinfo_contains_the_claims_of_the_scopes() {
    let (world, secret) = world();
    let path = format!("{REALM}/userinfo");
    let made = tokens("openid");
    let bob = world.nobody.with(text(&made, "access_token"));
    let mut told = json!({ "sub": world.bob.uuid, "email": world.bob.email, "email_verified": true });
    told["preferred_username"] = json!(world.bob.email);
    assert_eq!(bob.get(&path).outcome(), (200, told.clone()), "as Keycloak tells whoever asks for openid alone");
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", text(&made, "refresh_token")), ("scope", "openid email")];
    let less = ask(TOKEN, Some(&basic("ci", secret)), &form).ok();
    let bob = world.nobody.with(text(&less, "access_token"));
    told.as_object_mut().expect("an object").remove("preferred_username");
    assert_eq!(bob.get(&path).outcome(), (200, told.clone()));
    assert_eq!(bob.send("POST", "/oauth2/userinfo", &[], ()).outcome(), (200, told));
    let answer = world.bob.get(&path);
    is_error(&answer, 403, "insufficient_scope");
    assert!(answer.header("www-authenticate").is_some_and(|value| value.contains("insufficient_scope")));
    let bare = "Bearer realm=\"master\"";
    let wrong = format!("{bare}, error=\"invalid_token\"");
    for (nobody, challenge) in [(&world.nobody, bare), (&world.nobody.with("nonsense"), &wrong)] {
        let answer = nobody.get(&path);
        is_error(&answer, 401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
}
