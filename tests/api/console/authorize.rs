//! The authorization and device endpoints, and the consent pages.

use std::sync::OnceLock;

use atelier::tokens::opaque::Fingerprint;

use super::browser::{Browser, FORM, continue_url, hidden};
use crate::client::{Answer, TOKEN};
use crate::support::Setup;
use crate::world::{Person, World, encoded};

const OAUTH2: &str = "/oauth2/authorize";
const KEYCLOAK: &str = "/auth/realms/master/protocol/openid-connect/auth";
const CALLBACK: &str = "http://127.0.0.1:5123/callback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const DEVICE: &str = "/auth/realms/master/device";
const GRAFANA: &str = "https://grafana.example/login?x=1";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let world = World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"]));
        let sql = "INSERT INTO clients (id, name, built_in, confidential, grants, scopes, redirect_uris,
                       post_logout_redirect_uris, refresh, created_at, updated_at)
                   VALUES ('grafana', 'Grafana <b>', 0, 0, 'authorization_code refresh_token',
                       'openid email profile offline_access', 'https://grafana.example/login?x=1', 'https://grafana.example/bye', 'rotating', 0, 0)";
        world.database().write(sql, []);
        world
    })
}

/// The parameters of a valid request, with some replaced; one that is replaced by nothing is left out.
fn authorize_query(client: &str, redirect: &str, but: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect),
        ("scope", "openid email"),
        ("state", "st&te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("utm_source", "cli"),
    ];
    pairs.retain(|(name, _)| !but.iter().any(|(other, _)| other == name));
    pairs.extend(but.iter().filter(|(_, value)| !value.is_empty()));
    serde_urlencoded::to_string(pairs).expect("a query")
}

fn ax(but: &[(&str, &str)]) -> String {
    format!("{OAUTH2}?{}", authorize_query("arize-cli", CALLBACK, but))
}

fn grafana(but: &[(&str, &str)]) -> String {
    format!("{KEYCLOAK}?{}", authorize_query("grafana", GRAFANA, but))
}

fn enter(person: &Person) -> Browser {
    Browser::signed_in(&world().nobody, &person.email, &person.password)
}

/// The parameters of the redirect back to the client.
#[track_caller]
fn sent_back(to: &str, base: &str) -> Vec<(String, String)> {
    let query = to.strip_prefix(base).unwrap_or_else(|| panic!("{to} is not {base}")).trim_start_matches(['?', '&']);
    serde_urlencoded::from_str(query).expect("a query")
}

#[track_caller]
fn value(pairs: &[(String, String)], name: &str) -> String {
    let found = pairs.iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no {name} in {pairs:?}")).1.clone()
}

#[track_caller]
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").expect("a location").to_owned()
}

#[track_caller]
fn error(answer: &Answer) -> String {
    let back = sent_back(&location(answer), CALLBACK);
    assert_eq!(value(&back, "state"), "st&te");
    assert!(value(&back, "iss").ends_with("/auth/realms/master") && back.iter().all(|(name, _)| name != "code"));
    value(&back, "error")
}

/// Approves a request of `arize-cli` on its page, and returns where the browser is redirected.
#[track_caller]
fn approved(browser: &Browser, answer: &Answer) -> String {
    let to = location(answer);
    assert!(to.starts_with("/auth/consent?"), "{to}");
    let page = browser.get(&to);
    assert!(page.body.contains("Authorize ax on this computer"), "{page:?}");
    let request = hidden(&page.body, "request").expect("the question");
    continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "allow")]))
}

#[test]
fn a_built_in_client_asks_once_in_each_browser_session() {
    let browser = Browser::new(&world().nobody);
    let to = location(&browser.get(&ax(&[])));
    assert!(to.starts_with("/auth/sign-in?next=%2Foauth2%2Fauthorize%3F") && !to.contains("utm_source"), "{to}");
    let page = browser.get(&to);
    let next = hidden(&page.body, "next").expect("a next");
    let bob = &world().bob;
    let fields = [("username", bob.email.as_str()), ("password", bob.password.as_str()), ("next", &next)];
    let on = continue_url(&browser.post("/auth/sign-in", &fields));
    assert_eq!(on, next);
    let back = sent_back(&approved(&browser, &browser.get(&on)), CALLBACK);
    assert!(value(&back, "code").starts_with("atlg_"));
    assert_eq!(value(&back, "state"), "st&te");
    assert_eq!(value(&back, "iss"), format!("{}/auth/realms/master", world().nobody.base()));
    let row = "SELECT verb || ' ' || dialect FROM audit WHERE actor = 'bob@example.com' ORDER BY id DESC LIMIT 1";
    assert_eq!(world().database().rows(row, []), ["authorizations.grant console"]);
    let again = sent_back(&location(&browser.get(&ax(&[]))), CALLBACK);
    assert_ne!(value(&again, "code"), value(&back, "code"));
}

#[test]
fn unregistered_redirect_uris_are_refused() {
    let browser = enter(&world().new_member("quinn"));
    let codes = || {
        world().database().one::<i64>(
            "SELECT count(*) FROM audit WHERE verb = 'authorizations.grant'
                                                   AND actor = 'quinn@example.com'",
            [],
        )
    };
    let registered = "https://grafana.example/login?x=1";
    let mut bad: Vec<String> = (0..registered.len())
        .map(|at| {
            let mut bytes = registered.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            String::from_utf8(bytes).expect("a text")
        })
        .collect();
    bad.extend([format!("{registered}0"), format!("{registered}/"), registered[..registered.len() - 1].to_owned()]);
    bad.extend(["https://evil.example/", "//evil.example", "javascript:alert(1)", CALLBACK].map(str::to_owned));
    for redirect in bad {
        let answer = browser.get(&format!("{OAUTH2}?{}", authorize_query("grafana", &redirect, &[])));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{redirect}: {answer:?}");
        assert!(answer.body.contains("redirect_uri is not registered for the client."), "{answer:?}");
    }
    for (but, word) in [
        (("client_id", ""), "client_id is missing"),
        (("client_id", "nobody"), "The client is unknown"),
        (("redirect_uri", ""), "redirect_uri is missing"),
    ] {
        let answer = browser.get(&ax(&[but]));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{but:?}");
        assert!(answer.body.contains(word), "{answer:?}");
    }
    let twice = browser.get(&format!("{}&state=other", ax(&[])));
    assert_eq!((twice.status, twice.header("location")), (400, None));
    assert!(twice.body.contains("The parameter state is given more than once."), "{twice:?}");
    assert_eq!(codes(), 0);
}

#[test]
fn errors_in_a_request_are_returned_to_the_client() {
    let browser = enter(&world().carol);
    for (but, code) in [
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("request", "x.y.z"), "request_not_supported"),
        (("request_uri", "https://x"), "request_uri_not_supported"),
        (("scope", "nonsense"), "invalid_scope"),
        (("prompt", "none login"), "invalid_request"),
    ] {
        assert_eq!(error(&browser.get(&ax(&[but]))), code, "{but:?}");
    }
    let nobody = Browser::new(&world().nobody);
    assert_eq!(error(&nobody.get(&ax(&[("prompt", "none")]))), "login_required");
    let consent = location(&browser.get(&grafana(&[("prompt", "none")])));
    assert!(consent.starts_with("https://grafana.example/login?x=1&error=consent_required"), "{consent}");
}

#[test]
fn an_authorization_request_can_be_posted_as_a_form() {
    let (path, browser) = (OAUTH2, enter(&world().carol));
    let query = authorize_query("arize-cli", CALLBACK, &[("nonce", "n")]);
    let form = [super::browser::FORM, ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    let to = location(&world().nobody.send("POST", path, &form, &query));
    assert!(to.starts_with("/oauth2/authorize?client_id=arize-cli&") && to.contains("nonce=n"), "{to}");
    assert!(approved(&browser, &browser.get(&to)).starts_with(CALLBACK));
    assert_eq!(world().nobody.send("POST", path, &[("content-type", "application/json")], "{}").status, 400);
    assert_eq!(world().nobody.send("POST", path, &form[..1], "state=a&state=b").status, 400);
}

#[test]
fn a_client_gets_access_only_with_the_users_consent() {
    let lena = world().new_member("lena");
    let browser = enter(&lena);
    let to = location(&browser.get(&grafana(&[])));
    assert!(to.starts_with("/auth/consent?"), "{to}");
    let page = browser.get(&to);
    for part in ["Grafana &#60;b&#62; (grafana)", "grafana.example</dd>", "lena@example.com", "see your email address"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let request = hidden(&page.body, "request").expect("the question");
    let decide = |decision: &str| browser.post("/auth/consent", &[("request", &request), ("decision", decision)]);
    for decision in ["deny", "", "perhaps"] {
        let back = sent_back(&continue_url(&decide(decision)), "https://grafana.example/login?x=1");
        assert_eq!(value(&back, "error"), "access_denied");
    }
    let unasked = browser.post_as("/auth/consent", &[("request", &request), ("decision", "allow")], &[]);
    assert_eq!(unasked.status, 403, "without the token of the form");
    assert!(location(&browser.get(&grafana(&[]))).starts_with("/auth/consent?"), "still to be asked");
    let back = sent_back(&continue_url(&decide("allow")), "https://grafana.example/login?x=1");
    assert!(value(&back, "code").starts_with("atlg_"));
    assert!(location(&browser.get(&grafana(&[]))).contains("code=atlg_"), "asked once");
    assert!(location(&browser.get(&grafana(&[("scope", "openid profile")]))).starts_with("/auth/consent?"), "for more");
    assert!(location(&browser.get(&grafana(&[("prompt", "consent")]))).starts_with("/auth/consent?"), "or if it wants");
    let evil = request.replace("https%3A%2F%2Fgrafana.example", "https%3A%2F%2Fevil.example");
    assert_ne!(evil, request);
    assert_eq!(browser.post("/auth/consent", &[("request", &evil), ("decision", "allow")]).status, 400);

    let account = browser.get("/auth/account");
    assert!(account.body.contains("Grafana &#60;b&#62;</h3>"), "{account:?}");
    let answer = browser.post("/auth/account/programs/withdraw", &[("client", "grafana")]);
    assert_eq!(location(&answer), "/auth/account?done=withdrawn");
    assert!(location(&browser.get(&grafana(&[]))).starts_with("/auth/consent?"), "asked anew");
    assert_eq!(browser.post("/auth/account/programs/withdraw", &[("client", "grafana")]).status, 404);
}

#[test]
fn a_user_who_must_sign_in_again_does_so_once() {
    let mona = world().new_member("mona");
    for but in [("prompt", "login"), ("max_age", "0"), ("prompt", "select_account")] {
        let browser = enter(&mona);
        let to = location(&browser.get(&ax(&[but])));
        assert!(to.starts_with("/auth/sign-in?next=") && to.contains("&again=1"), "{to}");
        let page = browser.get(&to);
        assert_eq!(page.status, 200, "the form, though somebody is in: {page:?}");
        let next = hidden(&page.body, "next").expect("a next");
        assert!(location(&browser.get(&next)).starts_with("/auth/sign-in?"), "not before they did");
        browser.get(&to);
        let fields = [("username", mona.email.as_str()), ("password", mona.password.as_str()), ("next", &next)];
        let on = continue_url(&browser.post("/auth/sign-in", &fields));
        assert!(approved(&browser, &browser.get(&on)).contains("code=atlg_"), "{but:?}");
        let forged = next.replace("state=st", "state=xx");
        assert!(location(&browser.get(&forged)).starts_with("/auth/sign-in?"), "for this very question only");
        assert!(location(&browser.get(&ax(&[but]))).starts_with("/auth/sign-in?"), "and asked again the next time");
    }
    let browser = enter(&mona);
    assert!(approved(&browser, &browser.get(&ax(&[("max_age", "600")]))).contains("code=atlg_"));
    let page = Browser::new(&world().nobody).get(&format!("/auth/sign-in?login_hint={}", encoded("\"><x")));
    assert!(page.body.contains("value=\"&#34;&#62;&#60;x\""), "{page:?}");
}

#[test]
fn a_client_can_sign_its_user_out() {
    let pia = world().new_member("pia");
    let enter_and_let_in = || {
        let browser = enter(&pia);
        let to = location(&browser.get(&grafana(&[("prompt", "consent")])));
        let request = hidden(&browser.get(&to).body, "request").expect("the question");
        let on = continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "allow")]));
        let code = value(&sent_back(&on, "https://grafana.example/login?x=1"), "code");
        let tokens = world().nobody.form(
            crate::client::TOKEN,
            &[
                ("grant_type", "authorization_code"),
                ("client_id", "grafana"),
                ("code", &code),
                ("redirect_uri", "https://grafana.example/login?x=1"),
                ("code_verifier", VERIFIER),
            ],
        );
        (browser, tokens.text("id_token"), tokens.text("refresh_token"))
    };
    let leave =
        |pairs: &[(&str, &str)]| format!("/auth/sign-out?{}", serde_urlencoded::to_string(pairs).expect("a query"));
    let bye = ("post_logout_redirect_uri", "https://grafana.example/bye");
    let (browser, hint, refresh_token) = enter_and_let_in();
    for bad in [
        leave(&[("id_token_hint", "nonsense")]),
        leave(&[("id_token_hint", &hint), ("post_logout_redirect_uri", "https://evil.example/")]),
        leave(&[bye]),
        leave(&[("client_id", "arize-cli"), bye]),
        leave(&[("client_id", "arize-cli"), ("id_token_hint", &hint)]),
    ] {
        let answer = browser.get(&bad);
        assert_eq!((answer.status, answer.header("location")), (400, None), "{bad}: {answer:?}");
    }
    let bob = enter(&world().bob);
    let page = bob.get(&leave(&[("id_token_hint", &hint), bye]));
    assert!(page.status == 200 && page.body.contains("asks you to sign out"), "another's token: {page:?}");
    assert_eq!(browser.get("/auth/account").status, 200, "nobody is out yet");
    let answer = browser.get(&leave(&[("id_token_hint", &hint), bye, ("state", "a b")]));
    assert_eq!(location(&answer), "https://grafana.example/bye?state=a+b");
    assert_eq!((browser.cookie("atelier"), browser.get("/auth/account").status), (None, 303));
    let pairs = [("grant_type", "refresh_token"), ("client_id", "grafana"), ("refresh_token", refresh_token.as_str())];
    assert_eq!(world().nobody.form(crate::client::TOKEN, &pairs).status, 400, "the program is out, too");

    let (browser, _, _) = enter_and_let_in();
    let page = browser.get(&leave(&[("client_id", "grafana"), bye]));
    let request = hidden(&page.body, "request").expect("what is asked");
    assert_eq!(browser.get("/auth/account").status, 200, "without a token, the person is asked");
    let answer = browser.post("/auth/sign-out", &[("request", &request)]);
    assert_eq!(continue_url(&answer), "https://grafana.example/bye");
    assert_eq!(browser.get("/auth/account").status, 303);
    assert_eq!(location(&browser.get(&leave(&[("client_id", "grafana"), bye]))), "https://grafana.example/bye");
}

/// Starts the authorization of a device.
fn wait_with(letters: &str, end: i64) {
    let (code, typed) = (Fingerprint::of(&format!("{letters} {end}")), Fingerprint::of(letters));
    let sql = "INSERT INTO device_codes (fingerprint, user_code, client, scope, address, state, second_factor, pause,
                   created_at, expires_at)
               VALUES (?1, ?2, 'sdk-client', 'openid email', '192.0.2.7', 'pending', 0, 5, 1790000000000000, ?3)";
    world().database().write(sql, rusqlite::params![code.as_bytes().as_slice(), typed.as_bytes().as_slice(), end]);
}

fn state(letters: &str) -> String {
    let typed = Fingerprint::of(letters);
    world().database().one("SELECT state FROM device_codes WHERE user_code = ?1", [typed.as_bytes().as_slice()])
}

#[test]
fn a_device_is_authorized_by_confirming_its_code() {
    let nora = world().new_member("nora");
    for letters in ["BCDFGHJK", "BCDFGHJL", "BCDFGHJM"] {
        wait_with(letters, 250_000_000_000_000_000);
    }
    wait_with("BCDFGHJN", 1);
    let link = format!("{DEVICE}?user_code=BCDF-GHJK");
    let to = location(&Browser::new(&world().nobody).get(&link));
    assert_eq!(to, "/auth/sign-in?next=%2Fauth%2Frealms%2Fmaster%2Fdevice%3Fuser_code%3DBCDF-GHJK");
    let browser = enter(&nora);
    assert!(browser.get(DEVICE).body.contains("autocapitalize=\"characters\""));
    for typed in ["", "x", "BCDF-GHJN", "ZZZZ-ZZZZ", "<b>", &"B".repeat(500)] {
        let page = browser.post(DEVICE, &[("user_code", typed)]);
        assert_eq!(page.status, 400, "{typed}: {page:?}");
        assert!(page.body.contains("No device is waiting for this code"), "{page:?}");
        assert_eq!(browser.post(DEVICE, &[("user_code", typed), ("decision", "allow")]).status, 400);
    }
    for page in [browser.get(&link), browser.post(DEVICE, &[("user_code", "bcdf ghjk")])] {
        assert_eq!(page.status, 200, "{page:?}");
        for part in
            [">BCDF-GHJK<", "Wallaroo SDK (sdk-client)", "192.0.2.7", "Authorize it only if you started this yourself."]
        {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
    }
    assert_eq!(state("BCDFGHJK"), "pending", "to look at it decides nothing");
    let unasked = browser.post_as(DEVICE, &[("user_code", "BCDF-GHJK"), ("decision", "allow")], &[]);
    assert_eq!((unasked.status, state("BCDFGHJK").as_str()), (403, "pending"));
    let decide = |code: &str, decision: &str| browser.post(DEVICE, &[("user_code", code), ("decision", decision)]);
    assert!(decide("BCDF-GHJK", "allow").body.contains("Wallaroo SDK is authorized."));
    assert_eq!(state("BCDFGHJK"), "approved");
    assert_eq!(decide("BCDF-GHJK", "deny").status, 400, "decided once");
    assert!(decide("BCDF-GHJL", "deny").body.contains("Wallaroo SDK was not authorized."));
    assert_eq!(state("BCDFGHJL"), "denied");
    let other = format!("{KEYCLOAK}/../device").replace("auth/../", "");
    assert!(browser.get(&format!("{other}?user_code=BCDFGHJM")).body.contains("BCDF-GHJM"));
}

#[test]
fn users_see_and_end_their_own_sessions() {
    let olga = world().new_member("olga");
    let (browser, second) = (enter(&olga), enter(&olga));
    let bob = enter(&world().bob);
    let page = browser.get("/auth/account");
    assert_eq!(page.body.matches("this session").count(), 1);
    assert!(page.body.contains("Wallaroo SDK"), "the session of a program: {page:?}");
    assert!(page.body.contains("<h2>Connected apps: none</h2>"), "{page:?}");
    let sql = "SELECT sessions.uuid FROM sessions JOIN users ON users.id = user_id
               WHERE email = 'olga@example.com' AND client IS NULL ORDER BY sessions.id DESC LIMIT 1";
    let newest: String = world().database().one(sql, []);
    let end = |who: &Browser, id: &str| {
        who.get("/auth/account");
        who.post("/auth/account/sessions/end", &[("session", id)])
    };
    assert_eq!(end(&bob, &newest).status, 403, "another's is not to be ended");
    assert_eq!(end(&browser, "nonsense").status, 404);
    assert_eq!(second.get("/auth/account").status, 200);
    assert_eq!(location(&end(&browser, &newest)), "/auth/account?done=session");
    assert_eq!(second.get("/auth/account").status, 303);

    let third = enter(&olga);
    browser.get("/auth/account");
    let answer = browser.post("/auth/account/sessions/end-others", &[]);
    assert_eq!(location(&answer), "/auth/account?done=others");
    assert_eq!(third.get("/auth/account").status, 303);
    assert_eq!(world().nobody.refresh(&olga.refresh_token).status, 400, "those of programs, too");
    assert_eq!(browser.get("/auth/account").status, 200, "but not this one");

    let fourth = enter(&olga);
    browser.get("/auth/account/password");
    let change = |current: &str, new: &str, again: &str| {
        browser.post("/auth/account/password", &[("current", current), ("password", new), ("again", again)])
    };
    assert_eq!(change("wrong", "a long enough one", "a long enough one").status, 403);
    assert_eq!(change(&olga.password, "short", "short").status, 400);
    assert_eq!(change(&olga.password, "a long enough one", "another one").status, 400);
    assert_eq!(change(&olga.password, &olga.password, &olga.password).status, 400);
    assert_eq!(fourth.get("/auth/account").status, 200);
    let answer = change(&olga.password, "a long enough one", "a long enough one");
    assert_eq!(location(&answer), "/auth/account?done=password");
    assert_eq!(fourth.get("/auth/account").status, 303);
    assert!(browser.get("/auth/account?done=password").body.contains("Your password has been changed."));
    Browser::signed_in(&world().nobody, &olga.email, "a long enough one");
}

/// Sends a form to the token endpoint as `grafana`, with some parameters replaced.
fn trade(code: &str, but: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", "grafana"),
        ("redirect_uri", GRAFANA),
        ("code_verifier", VERIFIER),
        ("code", code),
    ];
    for (name, value) in but {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    let body = serde_urlencoded::to_string(form).expect("a form");
    world().nobody.send("POST", TOKEN, &[FORM], body)
}

#[track_caller]
fn is_invalid_grant(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")), "{what}: {answer:?}");
}

/// A code of `grafana` for a user who has authorized it.
fn code_of(browser: &Browser) -> String {
    let answer = browser.get(&grafana(&[]));
    let mut to = location(&answer);
    if to.starts_with("/auth/consent?") {
        let request = hidden(&browser.get(&to).body, "request").expect("the question");
        to = continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "allow")]));
    }
    value(&sent_back(&to, GRAFANA), "code")
}

#[test]
fn a_code_is_valid_once_for_its_redirect_uri_verifier_and_client() {
    let browser = enter(&world().new_member("petra"));
    let code = code_of(&browser);
    let altered = format!("{GRAFANA}0");
    let (short, long) = (&VERIFIER[..42], "a".repeat(129));
    for (what, but) in [
        ("a byte more", ("redirect_uri", altered.as_str())),
        ("a byte less", ("redirect_uri", &GRAFANA[..GRAFANA.len() - 1])),
        ("another verifier", ("code_verifier", &VERIFIER.replace('d', "e"))),
        ("the challenge itself", ("code_verifier", CHALLENGE)),
        ("a short verifier", ("code_verifier", short)),
        ("a long verifier", ("code_verifier", &long)),
        ("another client", ("client_id", "arize-cli")),
    ] {
        is_invalid_grant(&trade(&code, &[but]), what);
    }
    let tokens = trade(&code, &[]).ok();
    let token = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    let userinfo = || world().nobody.with(&token("access_token")).get("/oauth2/userinfo").status;
    assert_eq!(userinfo(), 200);
    is_invalid_grant(&trade(&code, &[]), "a code that comes twice");
    assert_eq!(userinfo(), 401, "and its tokens are void");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &token("refresh_token"))];
    is_invalid_grant(&trade(&code, &refresh), "the refresh token, too");
}

#[test]
fn concurrent_exchanges_of_one_code_leave_no_valid_token() {
    let browser = enter(&world().new_member("quentin"));
    let code = code_of(&browser);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| trade(&code, &[]))).collect();
        all.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(good.len(), 1, "{answers:?}");
    let access = good[0].json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(world().nobody.with(&access).get("/oauth2/userinfo").status, 401);
}

#[test]
fn disabled_users_cannot_use_codes_or_refresh_tokens() {
    for (name, change) in [("rosa", "enabled = 0"), ("sven", "must_change_password = 1"), ("tina", "state = 'blocked'")]
    {
        let somebody = world().new_member(name);
        let browser = enter(&somebody);
        let tokens = trade(&code_of(&browser), &[]).ok();
        let refresh_token = tokens["refresh_token"].as_str().expect("a token").to_owned();
        let code = code_of(&browser);
        let sql = format!("UPDATE users SET {change} WHERE email = '{}'", somebody.email);
        world().database().write(&sql, []);
        is_invalid_grant(&trade(&code, &[]), change);
        is_invalid_grant(&trade(&code, &[("grant_type", "refresh_token"), ("refresh_token", &refresh_token)]), change);
        assert!(location(&browser.get(&grafana(&[]))).starts_with("/auth/sign-in?"), "{change}");
    }
}

#[test]
fn deleting_a_client_revokes_its_tokens() {
    let world = World::start();
    let add = ["client", "add", "gone", "--public", "--redirect-uri", "https://gone.example/cb"];
    let scopes = ["--grant", "authorization_code", "--grant", "refresh_token", "--scope", "openid", "--scope", "email"];
    assert!(world.server.cli(&[add.as_slice(), &scopes].concat()).status.success());
    let browser = Browser::signed_in(&world.nobody, &world.bob.email, &world.bob.password);
    let back = "https://gone.example/cb";
    let to = location(&browser.get(&format!("{OAUTH2}?{}", authorize_query("gone", back, &[]))));
    let request = hidden(&browser.get(&to).body, "request").expect("the question");
    let to = continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "allow")]));
    let code = value(&sent_back(&to, back), "code");
    let ask = |form: &[(&str, &str)]| {
        let form = [form, &[("client_id", "gone")]].concat();
        world.nobody.send("POST", TOKEN, &[FORM], serde_urlencoded::to_string(form).expect("a form"))
    };
    let form = [("grant_type", "authorization_code"), ("redirect_uri", back), ("code_verifier", VERIFIER)];
    let tokens = ask(&[form.as_slice(), &[("code", code.as_str())]].concat()).ok();
    let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    let bearer = world.nobody.with(&text("access_token"));
    assert_eq!(bearer.get("/oauth2/userinfo").status, 200);
    assert!(world.server.cli(&["client", "remove", "gone", "--yes"]).status.success());
    assert_eq!(bearer.get("/oauth2/userinfo").status, 401);
    assert_eq!(bearer.get("/v2/spaces").status, 401);
    let refresh = ask(&[("grant_type", "refresh_token"), ("refresh_token", &text("refresh_token"))]);
    assert_eq!((refresh.status, refresh.json()["error"].as_str()), (401, Some("invalid_client")), "{refresh:?}");
    assert_eq!(browser.get(&format!("{OAUTH2}?{}", authorize_query("gone", back, &[]))).status, 400);
}
