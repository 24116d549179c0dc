//! OAuth clients that request more than they are registered for.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::client::{Answer, Client, TOKEN};
use crate::console::browser::{Browser, continue_url, hidden};
use crate::support::Setup;
use crate::world::{Person, World};

const REALM: &str = "/auth/realms/master/protocol/openid-connect";
const AUTHORIZE: &str = "/oauth2/authorize";
const DEVICE: &str = "/auth/realms/master/device";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Why a token does not reach the API.
const WHY: &str = "the access token does not have the scope api: register the client for this scope (`atelier client \
                   update`), and request it when you sign in";

const WEB: &str = "https://grafana.example/login";
const APP: &str = "com.example.app:/callback";

/// A server with clients of each kind: `narrow` and `narrow-robot` are not registered for the API, all others are.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let world = World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"]));
        let tokens = "--grant password --grant refresh_token --grant device_code";
        let code = "--grant authorization_code --grant refresh_token --grant device_code";
        let all = "--scope openid --scope email --scope profile --scope offline_access --scope api";
        for line in [
            format!("narrow --public {tokens}"),
            format!("wide --public {tokens} {all}"),
            format!("web --public --name Grafana --redirect-uri {WEB} {code} {all}"),
            format!(
                "native --public --name Native --redirect-uri {APP} --redirect-uri http://127.0.0.1/cb {code} {all}"
            ),
            format!(
                "leaving --public --redirect-uri {WEB} --post-logout-redirect-uri https://grafana.example/bye {code}"
            ),
        ] {
            cli(&world, &format!("client add {line}"));
        }
        world
    })
}

fn cli(world: &World, line: &str) -> String {
    let run = world.server.cli(&line.split(' ').collect::<Vec<_>>());
    assert!(run.status.success(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("a text").trim().to_owned()
}

/// The claims of a token, whose signature does not matter here.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
}

/// Asks for tokens with a password.
fn with_password(client: &str, who: &Person, scope: &str) -> Answer {
    let mut form = vec![("grant_type", "password"), ("client_id", client), ("username", &who.email)];
    form.push(("password", &who.password));
    if !scope.is_empty() {
        form.push(("scope", scope));
    }
    world().nobody.form(TOKEN, &form)
}

fn refreshed(client: &str, token: &str, scope: &str) -> Answer {
    let mut form = vec![("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
    if !scope.is_empty() {
        form.push(("scope", scope));
    }
    world().nobody.form(TOKEN, &form)
}

fn basic(client: &str, secret: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let authorization = format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")));
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", &authorization)];
    world().nobody.send("POST", path, &headers, serde_urlencoded::to_string(form).expect("a form"))
}

/// Asserts that a bearer token reaches every dialect of the API.
#[track_caller]
fn reaches_the_api(bearer: &Client) {
    for answer in [
        bearer.post("/v1/api/workspaces/list", &json!({})),
        bearer.get("/v2/spaces"),
        bearer.post("/v1/graphql", &json!({ "query": "{ workspace { id } }" })),
        bearer.get("/auth/admin/realms/master/users"),
    ] {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Asserts that each dialect refuses a bearer token with the reason and the next step.
#[track_caller]
fn does_not_reach_the_api(bearer: &Client) {
    let challenge = "error=\"insufficient_scope\", scope=\"api\"";
    // A cached token must not open anything the second time.
    for _ in 0..2 {
        let answer = bearer.post("/v1/api/workspaces/list", &json!({}));
        assert_eq!(answer.outcome(), (401, json!({ "msg": WHY, "code": 401 })));
        assert_eq!(answer.header("www-authenticate"), Some(&*format!("Bearer {challenge}")));
        let answer = bearer.get("/v2/spaces");
        assert_eq!((answer.status, &answer.json()["detail"]), (401, &json!(WHY)), "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some(&*format!("Bearer {challenge}")));
        let answer = bearer.post("/v1/graphql", &json!({ "query": "{ workspace { id } }" }));
        assert_eq!((answer.status, &answer.json()["errors"][0]["message"]), (401, &json!(WHY)), "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some(&*format!("Bearer {challenge}")));
        let answer = bearer.get("/auth/admin/realms/master/users");
        assert_eq!(answer.outcome(), (401, json!({ "error": "HTTP 401 Unauthorized", "error_description": WHY })));
        assert_eq!(answer.header("www-authenticate"), Some(&*format!("Bearer realm=\"master\", {challenge}")));
    }
    for (method, path) in [("POST", "/v2/api-keys"), ("POST", "/v2/users"), ("POST", "/auth/admin/realms/master/users")]
    {
        assert_eq!(bearer.send(method, path, &[("content-type", "application/json")], "{}").status, 401, "{path}");
    }
}

/// The authorization request of a client.
fn asks(client: &str, redirect: &str, scope: &str, more: &[(&str, &str)]) -> String {
    let pairs = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect),
        ("scope", scope),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let query = serde_urlencoded::to_string([pairs.as_slice(), more].concat()).expect("a query");
    format!("{AUTHORIZE}?{query}")
}

#[track_caller]
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").expect("a location").to_owned()
}

/// A parameter of a URL.
#[track_caller]
fn parameter(address: &str, name: &str) -> String {
    let (_, query) = address.split_once('?').unwrap_or_else(|| panic!("no query: {address}"));
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("a query");
    let found = pairs.into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name}: {address}")).1
}

/// Approves a client on its page; returns the code.
#[track_caller]
fn allow(browser: &Browser, page: &Answer) -> String {
    assert_eq!(page.status, 200, "{page:?}");
    let request = hidden(&page.body, "request").expect("the request");
    parameter(&continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "allow")])), "code")
}

/// The consent page of a request.
#[track_caller]
fn page_of(browser: &Browser, request: &str) -> Answer {
    let to = location(&browser.get(request));
    assert!(to.starts_with("/auth/consent?"), "{to}");
    browser.get(&to)
}

fn trade(client: &str, code: &str, redirect: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", redirect),
        ("code_verifier", VERIFIER),
    ];
    world().nobody.form(TOKEN, &form)
}

fn enter(person: &Person) -> Browser {
    Browser::signed_in(&world().nobody, &person.email, &person.password)
}

fn bearer(tokens: &Answer) -> Client {
    world().nobody.with(&tokens.text("access_token"))
}

const API_ACCESS: &str = "see and change everything here that you can see and change";

#[test]
fn a_client_without_the_api_scope_never_reaches_the_api() {
    let (world, ada) = (world(), &world().ada);
    for (scope, granted) in [
        ("", "email profile"),
        ("openid", "openid email profile"),
        ("openid api", "openid email profile"),
        ("openid email profile offline_access api", "openid email profile offline_access"),
    ] {
        let tokens = with_password("narrow", ada, scope);
        assert_eq!(tokens.text("scope"), granted);
        assert_eq!(claims(&tokens.text("access_token"))["aud"], "narrow", "{scope}: the client alone");
        does_not_reach_the_api(&bearer(&tokens));
        let again = refreshed("narrow", &tokens.text("refresh_token"), "");
        does_not_reach_the_api(&bearer(&again));
        let wider = refreshed("narrow", &again.text("refresh_token"), "email api");
        assert_eq!((wider.status, &wider.json()["error"]), (400, &json!("invalid_scope")), "{wider:?}");
    }
    let only = with_password("narrow", ada, "api");
    assert_eq!((only.status, &only.json()["error"]), (400, &json!("invalid_scope")), "{only:?}");

    let tokens = with_password("narrow", ada, "openid email");
    assert_eq!(bearer(&tokens).get("/oauth2/userinfo").text("email"), ada.email);
    let secret = cli(world, "client add resource-server --grant password");
    let token = tokens.text("access_token");
    let told = basic("resource-server", &secret, "/oauth2/introspect", &[("token", &token)]).ok();
    assert_eq!((&told["active"], &told["aud"], &told["client_id"]), (&json!(true), &json!("narrow"), &json!("narrow")));
    let id_token = world.nobody.with(&tokens.text("id_token"));
    assert_eq!((id_token.get("/v2/spaces").status, id_token.get("/oauth2/userinfo").status), (401, 401));
}

#[test]
fn a_client_with_the_api_scope_can_request_and_drop_it() {
    let bob = &world().bob;
    for scope in ["", "openid", "openid offline_access"] {
        let tokens = with_password("wide", bob, scope);
        assert_eq!(claims(&tokens.text("access_token"))["aud"], "wide", "{scope}");
        does_not_reach_the_api(&bearer(&tokens));
        let wider = refreshed("wide", &tokens.text("refresh_token"), "api");
        assert_eq!((wider.status, &wider.json()["error"]), (400, &json!("invalid_scope")), "{scope}: {wider:?}");
    }
    let tokens = with_password("wide", bob, "openid api");
    assert_eq!(tokens.text("scope"), "openid email profile api");
    let first = bearer(&tokens);
    assert_eq!(claims(first.credential())["aud"], json!(["master-realm", "account", "wide"]));
    reaches_the_api(&first);
    let narrow = refreshed("wide", &tokens.text("refresh_token"), "openid email");
    assert_eq!(narrow.text("scope"), "openid email");
    does_not_reach_the_api(&bearer(&narrow));
    assert_eq!(bearer(&narrow).get("/oauth2/userinfo").status, 200);
    reaches_the_api(&first);
    let whole = refreshed("wide", &narrow.text("refresh_token"), "");
    assert_eq!(whole.text("scope"), "openid email profile api", "the session has lost nothing");
    reaches_the_api(&bearer(&whole));
}

#[test]
fn a_client_that_loses_the_api_scope_is_refused_on_the_next_request() {
    let world = world();
    cli(world, "client add shrinking --public --grant password --grant refresh_token --scope openid --scope api");
    let tokens = with_password("shrinking", &world.bob, "openid api");
    reaches_the_api(&bearer(&tokens));
    cli(world, "client update shrinking --scope openid");
    for path in ["/v2/spaces", "/auth/admin/realms/master/users", "/oauth2/userinfo"] {
        assert_eq!(bearer(&tokens).get(path).status, 401, "{path}");
    }
    assert_eq!(refreshed("shrinking", &tokens.text("refresh_token"), "").status, 400);
    does_not_reach_the_api(&bearer(&with_password("shrinking", &world.bob, "openid api")));
    cli(world, "client update shrinking --scope openid --scope api");
    reaches_the_api(&bearer(&with_password("shrinking", &world.bob, "openid api")));
}

#[test]
fn the_scopes_of_the_session_limit_its_tokens() {
    // As a token that was made by an older server, which named the API in the audience of every token.
    let (world, fay) = (world(), world().new_member("fay"));
    let tokens = with_password("wide", &fay, "openid api");
    reaches_the_api(&bearer(&tokens));
    let sql =
        "UPDATE sessions SET scope = ?1 WHERE client = 'wide' AND user_id = (SELECT id FROM users WHERE uuid = ?2)";
    for scope in ["openid email", "openid apian", ""] {
        world.database().write(sql, [scope, &fay.uuid]);
        does_not_reach_the_api(&bearer(&tokens));
        assert_eq!(bearer(&tokens).get("/oauth2/userinfo").status, 200);
    }
    world.database().write(sql, ["openid api", &fay.uuid]);
    reaches_the_api(&bearer(&tokens));
}

#[test]
fn client_credentials_need_the_api_scope_too() {
    let world = world();
    let grant = ("grant_type", "client_credentials");
    let secret = cli(world, "client add narrow-robot --grant client_credentials --service-role administrator");
    for form in [vec![grant], vec![grant, ("scope", "openid api")]] {
        let tokens = basic("narrow-robot", &secret, TOKEN, &form);
        assert_eq!(claims(&tokens.text("access_token"))["aud"], "narrow-robot");
        does_not_reach_the_api(&bearer(&tokens));
    }
    let secret = cli(world, "client add robot --grant client_credentials --scope openid --scope api");
    // `python-keycloak` asks for `openid` alone and cannot be told otherwise.
    for (form, scope) in [(vec![grant], "api"), (vec![grant, ("scope", "openid")], "openid api")] {
        let tokens = basic("robot", &secret, TOKEN, &form);
        assert_eq!(tokens.text("scope"), scope);
        reaches_the_api(&bearer(&tokens));
    }
}

#[test]
fn built_in_clients_reach_the_api_without_requesting_the_scope() {
    let (world, carol) = (world(), &world().carol);
    for client in ["sdk-client", "admin-cli"] {
        for (scope, granted) in [("", "email profile api"), ("openid", "openid email profile api")] {
            let tokens = with_password(client, carol, scope);
            assert_eq!(tokens.text("scope"), granted, "{client}");
            assert_eq!(claims(&tokens.text("access_token"))["aud"], json!(["master-realm", "account"]), "{client}");
            reaches_the_api(&bearer(&tokens));
            // Programs that send the scope of their first request again, as authlib does, lose nothing by it.
            let again = refreshed(client, &tokens.text("refresh_token"), "email");
            assert_eq!(again.text("scope"), "email api", "{client}");
            reaches_the_api(&bearer(&again));
        }
    }
    let secret = cli(world, "client rotate-secret api-client --yes");
    reaches_the_api(&bearer(&basic("api-client", &secret, TOKEN, &[("grant_type", "client_credentials")])));
    let browser = enter(carol);
    let loopback = "http://127.0.0.1:4711/callback";
    let page = page_of(&browser, &asks("arize-cli", loopback, "openid email", &[]));
    assert!(page.body.contains(API_ACCESS), "{page:?}");
    let tokens = trade("arize-cli", &allow(&browser, &page), loopback);
    assert_eq!(tokens.text("scope"), "openid email api");
    reaches_the_api(&bearer(&tokens));
}

#[test]
fn the_consent_page_shows_access_to_the_api() {
    let una = world().new_member("una");
    let browser = enter(&una);
    let page = page_of(&browser, &asks("web", WEB, "openid email", &[]));
    assert!(!page.body.contains(API_ACCESS) && page.body.contains("see your email address"), "{page:?}");
    let tokens = trade("web", &allow(&browser, &page), WEB);
    does_not_reach_the_api(&bearer(&tokens));
    assert!(location(&browser.get(&asks("web", WEB, "openid", &[]))).starts_with(WEB), "asked once");
    // The consent does not cover the API.
    let silent = location(&browser.get(&asks("web", WEB, "openid api", &[("prompt", "none")])));
    assert_eq!(parameter(&silent, "error"), "consent_required");
    let page = page_of(&browser, &asks("web", WEB, "openid api", &[]));
    assert!(page.body.contains(API_ACCESS), "{page:?}");
    let tokens = trade("web", &allow(&browser, &page), WEB);
    assert_eq!(tokens.text("scope"), "openid api");
    reaches_the_api(&bearer(&tokens));
    assert!(browser.get("/auth/account").body.contains("openid email api"));
}

/// Authorizes a device as a user; returns its tokens and the consent page.
fn by_device(client: &str, scope: &str, browser: &Browser) -> (Answer, Answer) {
    let mut form = vec![("client_id", client)];
    if !scope.is_empty() {
        form.push(("scope", scope));
    }
    let begun = world().nobody.form(&format!("{REALM}/auth/device"), &form);
    let code = begun.text("user_code");
    let page = browser.get(&format!("{DEVICE}?user_code={code}"));
    assert_eq!(browser.post(DEVICE, &[("user_code", &code), ("decision", "allow")]).status, 200);
    let device = begun.text("device_code");
    let poll = [("grant_type", DEVICE_GRANT), ("client_id", client), ("device_code", &device)];
    (world().nobody.form(TOKEN, &poll), page)
}

#[test]
fn a_device_reaches_the_api_only_if_its_page_showed_it() {
    let browser = enter(&world().new_member("viola"));
    for (client, scope, api) in [
        ("narrow", "openid api", false),
        ("wide", "", false),
        ("wide", "openid", false),
        ("wide", "openid api", true),
        ("sdk-client", "", true),
    ] {
        let (tokens, page) = by_device(client, scope, &browser);
        assert_eq!(page.body.contains(API_ACCESS), api, "{client} {scope}: {page:?}");
        if api {
            reaches_the_api(&bearer(&tokens));
        } else {
            does_not_reach_the_api(&bearer(&tokens));
        }
    }
}

const LOOPBACK: &str = "http://127.0.0.1:4711/callback";
const SILENT: (&str, &str) = ("prompt", "none");

/// How many codes a user's browsers received.
fn codes(who: &Person) -> i64 {
    let sql = "SELECT count(*) FROM audit WHERE verb = 'authorizations.grant' AND actor = ?1";
    world().database().one(sql, [&who.email])
}

/// The error of a request with `prompt=none`.
#[track_caller]
fn silently_refused(browser: &Browser, client: &str, redirect: &str) -> String {
    let to = location(&browser.get(&asks(client, redirect, "openid email", &[SILENT])));
    assert!(to.starts_with(redirect) && !to.contains("code="), "{to}");
    parameter(&to, "error")
}

#[test]
fn the_command_line_always_needs_approval_in_the_browser() {
    let wanda = world().new_member("wanda");
    let browser = enter(&wanda);
    let ask = |scope: &str, more: &[(&str, &str)]| asks("arize-cli", LOOPBACK, scope, more);
    assert_eq!(silently_refused(&browser, "arize-cli", LOOPBACK), "interaction_required");
    let page = page_of(&browser, &ask("openid email", &[]));
    for part in ["Authorize ax on this computer", "wanda@example.com", "an app on this computer"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    // Another user cannot approve it.
    let request = hidden(&page.body, "request").expect("the request");
    let (token, pressed) = (browser.token(), [("request", request.as_str()), ("decision", "allow")]);
    let with_token = [pressed.as_slice(), &[("token", &token)]].concat();
    assert_eq!(browser.post_as("/auth/consent", &pressed, &[]).status, 403, "without the token of the form");
    for elsewhere in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        assert_eq!(browser.post_as("/auth/consent", &with_token, &[elsewhere]).status, 403, "{elsewhere:?}");
    }
    let denied = continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "deny")]));
    assert_eq!(parameter(&denied, "error"), "access_denied");
    assert_eq!(
        (codes(&wanda), silently_refused(&browser, "arize-cli", LOOPBACK)),
        (0, "interaction_required".to_owned())
    );

    let page = page_of(&browser, &ask("openid email", &[]));
    let tokens = trade("arize-cli", &allow(&browser, &page), LOOPBACK);
    reaches_the_api(&bearer(&tokens));
    // Asked once: from now on this browser session gives codes, also to another port, but not for more.
    let other_port = asks("arize-cli", "http://127.0.0.1:1/callback", "openid email", &[SILENT]);
    for request in [ask("openid email", &[]), ask("openid", &[SILENT]), other_port] {
        assert!(location(&browser.get(&request)).contains("code=atlg_"), "{request}");
    }
    let more = location(&browser.get(&ask("openid offline_access", &[SILENT])));
    assert_eq!(parameter(&more, "error"), "interaction_required");
    page_of(&browser, &ask("openid offline_access", &[]));
    page_of(&browser, &ask("openid email", &[("prompt", "consent")]));
    assert_eq!(codes(&wanda), 4);

    // Another browser of the same person is asked, and so is this one after it signed in anew.
    assert_eq!(silently_refused(&enter(&wanda), "arize-cli", LOOPBACK), "interaction_required");
    browser.sign_in(&wanda.email, &wanda.password);
    assert_eq!(silently_refused(&browser, "arize-cli", LOOPBACK), "interaction_required");
    page_of(&browser, &ask("openid email", &[]));
    let row = "SELECT kind || ' ' || after FROM audit WHERE verb = 'approvals.give' AND actor = 'wanda@example.com'";
    let told = r#"session {"client":"arize-cli","scope":"openid email api"}"#;
    assert_eq!(world().database().rows(row, []), [told]);
    assert_eq!(codes(&wanda), 4);
}

#[test]
fn a_native_client_needs_approval_in_each_browser_session() {
    let yara = world().new_member("yara");
    for redirect in [LOOPBACK.replace("/callback", "/cb").as_str(), APP] {
        let browser = enter(&yara);
        let first = redirect != APP;
        let expected = if first { "consent_required" } else { "interaction_required" };
        assert_eq!(silently_refused(&browser, "native", redirect), expected);
        let page = page_of(&browser, &asks("native", redirect, "openid email", &[]));
        assert!(page.body.contains("Authorize Native on this computer"), "{page:?}");
        assert_eq!(trade("native", &allow(&browser, &page), redirect).status, 200);
        assert!(location(&browser.get(&asks("native", redirect, "openid email", &[SILENT]))).contains("code=atlg_"));
        let later = enter(&yara);
        assert_eq!(silently_refused(&later, "native", redirect), "interaction_required");
        page_of(&later, &asks("native", redirect, "openid email", &[]));
    }
    // An address that is protected by https is that of one program, and a secret is, too.
    let secret = cli(world(), "client add desktop --redirect-uri http://127.0.0.1/cb");
    let at_desktop = LOOPBACK.replace("/callback", "/cb");
    for (client, redirect) in [("web", WEB), ("desktop", at_desktop.as_str())] {
        let browser = enter(&yara);
        let page = page_of(&browser, &asks(client, redirect, "openid email", &[]));
        allow(&browser, &page);
        let later = location(&enter(&yara).get(&asks(client, redirect, "openid email", &[SILENT])));
        assert!(later.contains("code=atlg_"), "{later}");
        if client == "desktop" {
            let code = parameter(&later, "code");
            let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", redirect)];
            let form = [form.as_slice(), &[("code_verifier", VERIFIER)]].concat();
            let nobody = trade(client, &code, redirect);
            assert_eq!(nobody.status, 401, "worth nothing without the secret: {nobody:?}");
            assert_eq!(basic(client, &secret, TOKEN, &form).status, 200);
        }
    }
}

#[test]
fn an_approval_ends_with_its_client_and_its_session() {
    let zoe = world().new_member("zoe");
    cli(world(), "client add brief --public --redirect-uri com.example.brief:/cb");
    let browser = enter(&zoe);
    let page = page_of(&browser, &asks("brief", "com.example.brief:/cb", "openid", &[]));
    allow(&browser, &page);
    let approvals = || -> i64 { world().database().one("SELECT count(*) FROM approvals WHERE client = 'brief'", []) };
    assert_eq!(approvals(), 1);
    browser.get("/auth/account");
    assert_eq!(browser.post("/auth/sign-out", &[]).status, 303);
    assert_eq!(approvals(), 0);
    let browser = enter(&zoe);
    let page = page_of(&browser, &asks("brief", "com.example.brief:/cb", "openid", &[]));
    allow(&browser, &page);
    browser.get("/auth/account");
    assert_eq!(browser.post("/auth/account/programs/withdraw", &[("client", "brief")]).status, 303);
    assert_eq!(approvals(), 0);
    let page = page_of(&browser, &asks("brief", "com.example.brief:/cb", "openid", &[]));
    allow(&browser, &page);
    cli(world(), "client remove brief --yes");
    assert_eq!(approvals(), 0);
}

/// Gets tokens for a client, with approval on the page if needed.
#[track_caller]
fn tokens_through(browser: &Browser, client: &str) -> Answer {
    let request = asks(client, WEB, "openid email", &[]);
    let to = location(&browser.get(&request));
    let code = if to.starts_with(WEB) { parameter(&to, "code") } else { allow(browser, &browser.get(&to)) };
    trade(client, &code, WEB)
}

#[track_caller]
fn is_valid(tokens: &Answer) -> bool {
    let status = bearer(tokens).get("/oauth2/userinfo").status;
    assert!([200, 401].contains(&status), "{status}");
    status == 200
}

/// A logout by a client, by `GET` or as a form; returns the page after the redirect.
#[track_caller]
fn log_out(browser: &Browser, method: &str, parameters: &[(&str, &str)]) -> Answer {
    let (path, query) = (format!("{REALM}/logout"), serde_urlencoded::to_string(parameters).expect("a query"));
    let to = match method {
        "GET" => location(&browser.get(&format!("{path}?{query}"))),
        _ => location(&browser.post_as(&path, parameters, &[])),
    };
    assert!(to.starts_with("/auth/sign-out?"), "{to}");
    browser.get(&to)
}

const BYE: (&str, &str) = ("post_logout_redirect_uri", "https://grafana.example/bye");
const LEAVING: (&str, &str) = ("client_id", "leaving");

#[test]
fn a_logout_by_a_client_needs_confirmation() {
    let abel = world().new_member("abel");
    for (method, parameters) in
        [("GET", vec![LEAVING, BYE]), ("GET", vec![LEAVING]), ("POST", vec![LEAVING, BYE]), ("POST", vec![LEAVING])]
    {
        let (here, elsewhere) = (enter(&abel), enter(&abel));
        let before = tokens_through(&here, "leaving");
        // The browser stays the same when the person signs in anew, and its session does not.
        here.sign_in(&abel.email, &abel.password);
        let after = tokens_through(&here, "leaving");
        let unused = parameter(&location(&here.get(&asks("leaving", WEB, "openid email", &[]))), "code");
        let other_browser = tokens_through(&elsewhere, "leaving");
        let other_client = tokens_through(&here, "web");
        let by_password = with_password("wide", &abel, "openid");

        let page = log_out(&here, method, &parameters);
        assert!(page.status == 200 && page.body.contains("leaving asks you to sign out."), "{page:?}");
        let request = hidden(&page.body, "request").expect("the request");
        assert_eq!(
            here.post_as("/auth/sign-out", &[("request", &request)], &[]).status,
            403,
            "without the form's token"
        );
        for tokens in [&before, &after, &other_browser, &other_client] {
            assert!(is_valid(tokens), "nothing ends before the person says so");
        }
        let left = here.post("/auth/sign-out", &[("request", &request)]);
        if parameters.contains(&BYE) {
            assert_eq!(continue_url(&left), "https://grafana.example/bye");
        } else {
            assert_eq!(location(&left), "/auth/signed-out");
        }
        assert_eq!(here.get("/auth/account").status, 303, "the browser is signed out");
        assert!(!is_valid(&before) && !is_valid(&after), "{method} {parameters:?}");
        for tokens in [&before, &after] {
            let refresh = refreshed("leaving", &tokens.text("refresh_token"), "");
            assert_eq!(refresh.json()["error_description"], "Token is not active");
        }
        assert_eq!(trade("leaving", &unused, WEB).status, 400, "what was on its way is void");
        assert!(is_valid(&other_browser) && is_valid(&other_client) && is_valid(&by_password));
        assert_eq!(elsewhere.get("/auth/account").status, 200);
    }
    let row =
        "SELECT kind || ' ' || before FROM audit WHERE verb = 'sessions.end_through' AND actor = 'abel@example.com'";
    assert_eq!(world().database().rows(row, []), [r#"user {"client":"leaving","sessions":2}"#; 4]);
}

#[test]
fn a_logout_does_not_end_the_sessions_of_other_users_of_the_browser() {
    let (cora, dana) = (world().new_member("cora"), world().new_member("dana"));
    let browser = enter(&cora);
    let of_cora = tokens_through(&browser, "leaving");
    browser.sign_in(&dana.email, &dana.password);
    let of_dana = tokens_through(&browser, "leaving");
    let hint = of_cora.text("id_token");
    // The id token of another person is no answer in the place of the one who is in.
    let page = log_out(&browser, "GET", &[("id_token_hint", &hint), BYE]);
    assert_eq!(page.status, 200, "{page:?}");
    let request = hidden(&page.body, "request").expect("the request");
    assert_eq!(continue_url(&browser.post("/auth/sign-out", &[("request", &request)])), "https://grafana.example/bye");
    assert!(is_valid(&of_cora) && !is_valid(&of_dana));
    // Nobody is signed in: an id token ends its session, and a client id alone ends nothing.
    assert_eq!(location(&log_out(&browser, "GET", &[LEAVING, BYE])), "https://grafana.example/bye");
    assert!(is_valid(&of_cora));
    let left = log_out(&browser, "GET", &[("id_token_hint", &hint), BYE]);
    assert_eq!(location(&left), "https://grafana.example/bye");
    assert!(!is_valid(&of_cora));
}

/// Whether `python-keycloak` signs in again after a refusal (its `ConnectionManager`, `refresh_token`).
fn signs_in_again(answer: &Answer) -> bool {
    let words = ["Refresh token expired", "Token is not active", "Session not active"];
    answer.status == 400 && words.iter().any(|words| answer.body.contains(words))
}

#[test]
fn a_replayed_refresh_token_is_reported_as_not_active() {
    let world = world();
    let ella = world.new_member("ella");
    let of_ella = "(SELECT id FROM users WHERE email = 'ella@example.com')";
    let begin = || with_password("wide", &ella, "openid").text("refresh_token");
    let refresh = |token: &str| refreshed("wide", token, "");
    let outcome = |answer: &Answer, words: &str| {
        let expected = json!({ "error": "invalid_grant", "error_description": words });
        assert_eq!(answer.outcome(), (400, expected));
    };
    let not_active = |answer: &Answer| {
        outcome(answer, "Token is not active");
        assert!(signs_in_again(answer));
    };

    // Two workers share a token; the second comes after the grace, and again, and so does the first.
    let first = begin();
    let second = refresh(&first).text("refresh_token");
    let age = format!(
        "UPDATE refresh_tokens SET exchanged_at = exchanged_at - 31000000
         WHERE session_id IN (SELECT id FROM sessions WHERE user_id = {of_ella})"
    );
    world.database().write(&age, []);
    for late in [&first, &first, &second] {
        not_active(&refresh(late));
    }
    // One whose older tokens were swept out is known by what all of a session have in common.
    let first = begin();
    let second = refresh(&first).text("refresh_token");
    world.database().write(&age, []);
    let third = refresh(&second).text("refresh_token");
    for late in [&first, &third] {
        not_active(&refresh(late));
    }
    // A session that was ended, is idle for too long or too old.
    let ended = begin();
    let form = [("client_id", "wide"), ("refresh_token", ended.as_str())];
    assert_eq!(world.nobody.form(&format!("{REALM}/logout"), &form).status, 204);
    not_active(&refresh(&ended));
    for column in ["idle_until", "ends_at"] {
        let over = begin();
        let sql = format!("UPDATE sessions SET {column} = 1 WHERE client = 'wide' AND user_id = {of_ella}");
        world.database().write(&sql, []);
        not_active(&refresh(&over));
    }
    // A token of another server or client is no reason to sign in again.
    let good = begin();
    let other_client = refreshed("narrow", &good, "");
    for answer in [refresh("nonsense"), refresh(&good[..good.len() - 1]), refresh("a.b.c"), other_client] {
        outcome(&answer, "Invalid refresh token");
        assert!(!signs_in_again(&answer));
    }
    assert_eq!(refresh(&good).status, 200, "none of this has ended it");
    // A disabled user learns it at sign-in, and not before.
    let held = begin();
    assert!(world.server.cli(&["user", "disable", "ella@example.com", "--yes"]).status.success());
    not_active(&refresh(&held));
    outcome(&with_password("wide", &ella, ""), "Account disabled");
}

#[test]
fn discovery_lists_what_is_supported() {
    let told = world().nobody.get("/auth/realms/master/.well-known/openid-configuration").ok();
    assert_eq!(told["scopes_supported"], json!(["openid", "email", "profile", "offline_access", "groups", "api"]));
}
