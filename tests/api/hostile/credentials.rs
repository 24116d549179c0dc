//! Keys after a recovery, bursts of guessed codes, hijacked sessions and weak passwords.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use argon2::PasswordHasher as _;
use atelier::tokens::opaque::Fingerprint;
use rusqlite::params;
use serde_json::{Value, json};

use crate::arize::scene;
use crate::client::{Answer, Client, TOKEN};
use crate::console::authenticator::{code, code_of, key, recovery_codes};
use crate::console::browser::{Browser, form, hidden};
use crate::support::{ADMIN, Setup};
use crate::world::{Person, World, encoded, fresh};

const ACCOUNT: &str = "/auth/account";
const CODE: &str = "/auth/sign-in/code";
const FACTOR: &str = "/auth/account/second-factor";
const CONFIRM: &str = "/auth/account/confirm";
const CHOSEN: &str = "a password of one's own";
const HELD: &str = "API keys of this account are on hold until its temporary password is replaced; sign in at the \
                    sign-in page to choose a new password";
const CONFIRM_FIRST: &str = "confirm that it is you: this requires a sign-in with your password or a code within the \
                             last five minutes; sign in again and retry";

/// A way to change a password, with more fields: the page, and the response to the form.
type Way<'a> = &'a dyn Fn(&Person, &[(&str, &str)]) -> (Answer, Answer);

/// A place that asks for a code.
type Place<'a> = &'a dyn Fn(&str) -> Answer;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

/// Runs a command on the server's data; returns its stdout and stderr.
#[track_caller]
fn cli(world: &World, line: &str) -> (String, String) {
    let out = world.server.cli(&line.split(' ').collect::<Vec<_>>());
    let text = |bytes| String::from_utf8(bytes).expect("a text").trim_end().to_owned();
    assert!(out.status.success(), "{line}: {out:?}");
    (text(out.stdout), text(out.stderr))
}

/// A user with an API key.
fn api_key(world: &World, email: &str) -> Client {
    world.nobody.with(&cli(world, &format!("key create --user {email}")).0)
}

/// The answer of each dialect to a credential: status and reason.
fn answers_to(who: &Client) -> [(u16, String); 4] {
    let said = |answer: &Answer, at: &str| {
        let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        (answer.status, told.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    [
        said(&who.post("/v1/api/workspaces/list", &json!({})), "/msg"),
        said(&who.post("/v1/graphql", &json!({ "query": "{ __typename }" })), "/errors/0/message"),
        said(&who.get("/v2/spaces"), "/detail"),
        said(&who.get("/auth/admin/realms/master/users"), "/error_description"),
    ]
}

#[track_caller]
fn works(who: &Client) {
    let told = answers_to(who);
    assert!(told.iter().all(|(status, _)| *status == 200), "{told:?}");
}

#[track_caller]
fn is_refused(who: &Client, why: &str) {
    for (status, said) in answers_to(who) {
        assert_eq!(status, 401, "{said}");
        assert!(said.contains(why), "{said:?} does not say {why:?}");
    }
}

/// Sets up a second factor; returns the browser, the key of the app and the recovery codes.
fn with_factor(nobody: &Client, who: &Person) -> (Browser, String, Vec<String>) {
    let browser = Browser::signed_in(nobody, &who.email, &who.password);
    browser.get(ACCOUNT);
    let page = browser.post(FACTOR, &[]);
    let codes = browser.post(&format!("{FACTOR}/confirm"), &[("code", &code(&page, 0))]);
    (browser, key(&page), recovery_codes(&codes))
}

/// A sign-in at the pages that waits for a code.
#[track_caller]
fn half(nobody: &Client, who: &Person) -> Browser {
    let browser = Browser::new(nobody);
    assert_eq!(browser.sign_in(&who.email, &who.password).header("location"), Some(CODE));
    browser.get(CODE);
    browser
}

/// A grant of a password and a code.
fn by_code(nobody: &Client, who: &Person, code: &str) -> Answer {
    let fields = [
        ("client_id", "sdk-client"),
        ("grant_type", "password"),
        ("username", &who.email),
        ("password", &who.password),
        ("totp", code),
    ];
    nobody.form(TOKEN, &fields)
}

/// Restarts the wait after wrong codes now, however slow the machine was.
fn restart_the_wait(world: &World) {
    let now = UNIX_EPOCH.elapsed().expect("a clock after 1970").as_micros();
    let now = i64::try_from(now).expect("a clock before 290 000");
    world.database().write("UPDATE wrong_codes SET last_at = ?1", [now]);
}

/// Makes the last proof of every session of a user older.
fn age(world: &World, who: &Person, seconds: i64) {
    let sql = "UPDATE sessions SET authenticated_at = authenticated_at - ?1
               WHERE user_id = (SELECT id FROM users WHERE email = ?2)";
    world.database().write(sql, params![seconds * 1_000_000, who.email]);
}

#[test]
fn a_recovery_revokes_the_users_keys_by_default() {
    let world = World::start();
    let (stolen, bobs) = (api_key(&world, ADMIN), api_key(&world, "bob@example.com"));
    let space = scene::space(&world.ada, &scene::home(&world), "of ada");
    let places = json!([{ "org_id": scene::home(&world), "role": scene::role("ADMIN"),
                          "spaces": [{ "space_id": space, "role": scene::role("ADMIN") }] }]);
    let body = json!({ "key_type": "SERVICE", "name": "nightly", "organizations": places });
    let service = scene::created(&world.ada.post("/v2/api-keys", &body));
    let service = world.nobody.with(&scene::text(&service, "key"));
    works(&stolen);

    let (_, said) = cli(&world, "admin recover ada@example.com --keep-keys --yes");
    assert!(said.contains("all their sessions have ended; their API keys still work"), "{said}");
    works(&stolen);
    let (_, said) = cli(&world, "admin recover ada@example.com --yes");
    assert!(said.contains("all their sessions have ended and all their API keys are revoked"), "{said}");
    let id = world.database().one::<i64>("SELECT id FROM keys WHERE name = 'nightly'", []);
    let listed = format!(
        "service keys that ada@example.com created still work: {id} (nightly); `atelier key revoke ID` revokes one"
    );
    assert!(said.ends_with(&listed), "{said}");
    is_refused(&stolen, "the API key has been revoked or has expired");
    works(&bobs);
    assert_eq!(service.get("/v2/spaces").status, 200, "the operator decides on those");
    let told: Value = serde_json::from_str(&cli(&world, "admin recover ada@example.com --json --yes").0).expect("JSON");
    assert_eq!(told["service_keys"], json!([{ "id": id, "name": "nightly" }]));
    cli(&world, &format!("key revoke {id} --yes"));
    let told: Value = serde_json::from_str(&cli(&world, "admin recover --json --yes").0).expect("JSON");
    assert_eq!((&told["email"], &told["service_keys"]), (&json!(ADMIN), &json!([])));
}

#[test]
fn keys_do_not_work_while_a_new_password_is_required() {
    let (world, dan) = (world(), world().new_member("dan"));
    let (key, again) = (api_key(world, &dan.email), api_key(world, &dan.email));
    works(&key);
    works(&again);
    let body = json!({ "type": "password", "value": "for a moment only", "temporary": true });
    let path = format!("/auth/admin/realms/master/users/{}/reset-password", dan.uuid);
    assert_eq!(world.ada.put(&path, &body).status, 204);
    for who in [&key, &again, &key] {
        is_refused(who, HELD);
    }
    let write = key.post("/v1/api/workspaces/create", &json!({ "workspace_name": fresh("held") }));
    assert_eq!((write.status, write.json()["msg"].as_str()), (401, Some(HELD)));
    let out = world.server.cli(&["key", "create", "--user", &dan.email]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("must replace the temporary password first"), "{said}");

    let browser = Browser::new(&world.nobody);
    let answer = browser.sign_in(&dan.email, "for a moment only");
    assert_eq!(answer.header("location"), Some("/auth/sign-in/password"));
    browser.get("/auth/sign-in/password");
    let chosen = browser.post("/auth/sign-in/password", &[("password", CHOSEN), ("again", CHOSEN)]);
    assert_eq!(chosen.status, 303, "{chosen:?}");
    works(&key);
    works(&again);

    // Keys of a user who was created with a temporary password do not work either.
    let body = json!({ "email": "tess@example.com", "password": "for a moment only", "require_reset": true });
    world.ada.post("/v1/api/users/invite", &body).ok();
    let out = world.server.cli(&["key", "create", "--user", "tess@example.com"]);
    assert!(!out.status.success(), "{out:?}");
}

#[test]
fn every_password_change_offers_to_revoke_keys() {
    let (world, nobody) = (world(), &world().nobody);
    let demand = |who: &Person| {
        let sql = "UPDATE users SET must_change_password = 1 WHERE email = ?1";
        world.database().write(sql, [&who.email]);
    };
    let ways: [(&str, Way); 4] = [
        ("own", &|who, more| {
            let browser = Browser::signed_in(nobody, &who.email, &who.password);
            let page = browser.get("/auth/account/password");
            let fields = [("current", who.password.as_str()), ("password", CHOSEN), ("again", CHOSEN)];
            (page, browser.post("/auth/account/password", &[&fields, more].concat()))
        }),
        ("forced", &|who, more| {
            demand(who);
            let browser = Browser::new(nobody);
            browser.sign_in(&who.email, &who.password);
            let page = browser.get("/auth/sign-in/password");
            let fields = [("password", CHOSEN), ("again", CHOSEN)];
            (page, browser.post("/auth/sign-in/password", &[&fields, more].concat()))
        }),
        ("link", &|who, more| {
            let (link, _) = cli(world, &format!("user reset-link {}", who.email));
            let (_, token) = link.split_once("token=").expect("a link");
            let page = nobody.get(&format!("/auth/invitation?token={token}"));
            let fields = [("link", token), ("password", CHOSEN), ("again", CHOSEN)];
            (page, form(nobody, "/auth/invitation", &[&fields, more].concat()))
        }),
        ("temporary", &|who, more| {
            demand(who);
            let page = nobody.get("/auth/password");
            let fields =
                [("email", who.email.as_str()), ("temporary", &who.password), ("password", CHOSEN), ("again", CHOSEN)];
            (page, form(nobody, "/auth/password", &[&fields, more].concat()))
        }),
    ];
    for (way, choose) in ways {
        for (number, (more, revoked)) in [(&[][..], false), (&[("revoke_keys", "yes")][..], true)].iter().enumerate() {
            let who = world.new_member(&format!("{way}{number}"));
            let key = api_key(world, &who.email);
            let (page, answer) = choose(&who, more);
            assert!(page.body.contains(" name=\"revoke_keys\" type=\"checkbox\" value=\"yes\"> Also revoke"));
            assert!([200, 303].contains(&answer.status), "{way}: {answer:?}");
            assert_eq!(nobody.sign_in(&who.email, CHOSEN).status, 200, "{way}");
            if *revoked { is_refused(&key, "revoked") } else { works(&key) }
        }
    }
    // The command line does not affect the keys of others.
    let (lena, other) = (world.new_member("lena"), api_key(world, "carol@example.com"));
    for (line, revoked) in [
        ("user passwd lena@example.com", false),
        ("user passwd lena@example.com --revoke-keys --yes", true),
        ("user reset-link lena@example.com", false),
        ("user reset-link lena@example.com --revoke-keys --yes", true),
    ] {
        let key = api_key(world, &lena.email);
        cli(world, line);
        if revoked { is_refused(&key, "revoked") } else { works(&key) }
    }
    works(&other);
}

#[test]
fn changing_the_second_factor_ends_every_other_session() {
    let (world, nobody, iris) = (world(), &world().nobody, world().new_member("iris"));
    let here = Browser::signed_in(nobody, &iris.email, &iris.password);
    let there = Browser::signed_in(nobody, &iris.email, &iris.password);
    let device = nobody.form("/oauth2/device_authorization", &[("client_id", "sdk-client")]).ok();
    let user_code = device["user_code"].as_str().expect("a code");
    there.get(&format!("/auth/realms/master/device?user_code={user_code}"));
    there.post("/auth/realms/master/device", &[("user_code", user_code), ("decision", "allow")]);
    here.get(ACCOUNT);
    let page = here.post(FACTOR, &[]);
    assert_eq!(there.get(ACCOUNT).status, 200, "nothing is confirmed yet");
    let codes = recovery_codes(&here.post(&format!("{FACTOR}/confirm"), &[("code", &code(&page, 0))]));
    let ended = |browser: &Browser| browser.get(ACCOUNT).status == 303;
    assert!(!ended(&here) && ended(&there));
    is_refused(&iris, "");
    assert_eq!(nobody.refresh(&iris.refresh_token).status, 400);
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let code_of_device = ("device_code", device["device_code"].as_str().expect("a code"));
    let polled = nobody.form(TOKEN, &[grant, ("client_id", "sdk-client"), code_of_device]);
    assert_eq!(polled.status, 400, "what was approved leads nowhere: {polled:?}");
    let sql = "SELECT count(*) FROM device_codes WHERE user_id = (SELECT id FROM users WHERE email = ?1)";
    assert_eq!(world.database().one::<i64>(sql, [&iris.email]), 0);

    let (waiting, other) = (half(nobody, &iris), half(nobody, &iris));
    assert_eq!(other.post(CODE, &[("code", &codes[0])]).status, 303);
    let token = by_code(nobody, &iris, &code(&page, 1));
    let token = nobody.with(&token.text("access_token"));
    here.get(&format!("{FACTOR}/remove"));
    let removed = here.post(&format!("{FACTOR}/remove"), &[("code", &codes[1])]);
    assert_eq!(removed.header("location"), Some("/auth/account?done=off"), "{removed:?}");
    assert!(!ended(&here) && ended(&other));
    is_refused(&token, "");
    assert_eq!(waiting.post(CODE, &[("code", &codes[2])]).header("location"), Some("/auth/sign-in"));
}

#[test]
fn five_of_200_concurrent_wrong_codes_are_checked() {
    let mut world = World::of(Setup::new().args(&["--sign-in-free-failures", "1000"]));
    let (_, key, recovery) = with_factor(&world.nobody, &world.bob);
    let browsers: Vec<_> = (0..40).map(|_| half(&world.nobody, &world.bob)).collect();
    let (judged, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for browser in browsers {
            let (judged, waiting) = (&judged, &waiting);
            scope.spawn(move || {
                for _ in 0..5 {
                    let answer = browser.post(CODE, &[("code", "000000")]);
                    match answer.status {
                        403 => judged.fetch_add(1, Ordering::Relaxed),
                        429 => waiting.fetch_add(1, Ordering::Relaxed),
                        _ => panic!("{answer:?}"),
                    };
                }
            });
        }
    });
    assert_eq!((judged.into_inner(), waiting.into_inner()), (5, 195));
    let wrong = "SELECT count(*) FROM audit WHERE verb = 'half_sign_ins.wrong_code'";
    assert_eq!(world.database().one::<i64>(wrong, []), 5);

    restart_the_wait(&world);
    // The right password clears nothing, and right codes wait wherever they are typed, after a new start too.
    let right = |place: &World, nobody: &Client| {
        let bob = &place.bob;
        let half = half(nobody, bob);
        for code in [code_of(&key, 1), recovery[0].clone(), recovery[1].to_uppercase()] {
            let answer = half.post(CODE, &[("code", &code)]);
            assert_eq!(answer.status, 429, "{answer:?}");
            assert!(answer.body.contains("Too many failed attempts; try again in "), "{answer:?}");
            let seconds = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok());
            assert!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "{answer:?}");
        }
        let refused = by_code(nobody, bob, &code_of(&key, 1));
        assert_eq!((refused.status, refused.json()["error"].as_str()), (429, Some("temporarily_unavailable")));
    };
    right(&world, &world.nobody);
    world.server.stop();
    let server = Setup::new().data_dir(world.server.data_dir()).args(&["--sign-in-free-failures", "1000"]).start();
    right(&world, &Client::new(server.base()));

    // Other users do not wait, and a reset ends it.
    let nobody = Client::new(server.base());
    with_factor(&nobody, &world.carol);
    assert!(server.cli(&["user", "reset-mfa", &world.bob.email, "--yes"]).status.success());
    Browser::signed_in(&nobody, &world.bob.email, &world.bob.password);
}

#[test]
fn wrong_codes_are_counted_per_user_on_every_page() {
    let (world, nobody, max) = (world(), &world().nobody, world().new_member("max"));
    let (browser, key, recovery) = with_factor(nobody, &max);
    let user = "SELECT id FROM users WHERE email = 'max@example.com'";
    let count = || {
        let sql = format!("SELECT coalesce(sum(count), 0) FROM wrong_codes WHERE user_id = ({user})");
        world.database().one::<i64>(&sql, [])
    };
    let wait_is_over = || {
        world.database().write(&format!("UPDATE wrong_codes SET last_at = 1 WHERE user_id = ({user})"), []);
    };
    let typed: [(&str, Place); 5] = [
        ("the sign-in", &|code| half(nobody, &max).post(CODE, &[("code", code)])),
        ("the token endpoint", &|code| by_code(nobody, &max, code)),
        ("new recovery codes", &|code| {
            browser.get(&format!("{FACTOR}/recovery-codes"));
            browser.post(&format!("{FACTOR}/recovery-codes"), &[("code", code)])
        }),
        ("the removal", &|code| {
            browser.get(&format!("{FACTOR}/remove"));
            browser.post(&format!("{FACTOR}/remove"), &[("code", code)])
        }),
        ("the confirmation", &|code| {
            browser.get(CONFIRM);
            browser.post(CONFIRM, &[("code", code)])
        }),
    ];
    for (number, (place, type_in)) in (1..).zip(&typed) {
        let wrong = if number % 2 == 0 { "000000" } else { "aaaa-aaaa-aaaa-aaaa" };
        let status = type_in(wrong).status;
        assert!([401, 403].contains(&status), "{place}: {status}");
        assert_eq!(count(), number, "{place}");
    }
    restart_the_wait(world);
    for (place, type_in) in &typed {
        for right in [code_of(&key, 1), recovery[0].clone()] {
            assert_eq!(type_in(&right).status, 429, "{place}");
        }
    }
    assert_eq!(count(), 5, "what is not judged is not counted");
    wait_is_over();
    assert_eq!(typed[4].1("000000").status, 403, "one more is judged");
    restart_the_wait(world);
    assert_eq!(typed[0].1(&recovery[0]).status, 429, "and the next one waits");
    wait_is_over();
    assert_eq!(typed[0].1(&recovery[0]).status, 303);
    assert_eq!(count(), 0);

    // A burst at the token endpoint, with the right password.
    let wrong = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..30 {
            let (wrong, max) = (&wrong, &max);
            scope.spawn(move || {
                let answer = by_code(nobody, max, "000000");
                assert!([401, 429].contains(&answer.status), "{answer:?}");
                wrong.fetch_add(usize::from(answer.status == 401), Ordering::Relaxed);
            });
        }
    });
    assert_eq!((wrong.into_inner(), count()), (5, 5));
}

#[test]
fn wrong_codes_are_counted_during_setup_too() {
    let (world, nobody, sven) = (world(), &world().nobody, world().new_member("sven"));
    let browser = Browser::signed_in(nobody, &sven.email, &sven.password);
    browser.get(ACCOUNT);
    let page = browser.post(FACTOR, &[]);
    let confirm = |code: &str| browser.post(&format!("{FACTOR}/confirm"), &[("code", code)]);
    for _ in 0..5 {
        assert_eq!(confirm("000000").status, 403);
    }
    assert_eq!(confirm(&code(&page, 0)).status, 429);
    let ago = "UPDATE second_factors SET created_at = created_at - 3601000000
               WHERE user_id = (SELECT id FROM users WHERE email = 'sven@example.com')";
    world.database().write(ago, []);
    let none = "DELETE FROM wrong_codes WHERE user_id = (SELECT id FROM users WHERE email = 'sven@example.com')";
    world.database().write(none, []);
    let late = confirm(&code(&page, 0));
    assert_eq!(late.status, 400, "a key that lay there for long: {late:?}");
    assert!(!late.body.contains("id=\"secret\""), "nor is it shown");
}

#[test]
fn a_session_without_recent_proof_cannot_change_the_second_factor_or_end_other_sessions() {
    let (world, nobody, uma) = (world(), &world().nobody, world().new_member("uma"));
    let browser = Browser::signed_in(nobody, &uma.email, &uma.password);
    let other = Browser::signed_in(nobody, &uma.email, &uma.password);
    browser.get(ACCOUNT);
    let begun = browser.post(FACTOR, &[]);
    age(world, &uma, 301);
    let others = "/auth/account/sessions/end-others";
    let confirm = format!("{FACTOR}/confirm");
    for (method, path, next) in [
        ("POST", FACTOR, FACTOR),
        ("GET", FACTOR, FACTOR),
        ("POST", confirm.as_str(), FACTOR),
        ("POST", others, others),
        ("GET", others, others),
    ] {
        browser.get(ACCOUNT);
        let fields = [("code", code(&begun, 0))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = if method == "GET" { browser.get(path) } else { browser.post(path, &fields) };
        let to = format!("{CONFIRM}?next={}", encoded(next));
        assert_eq!((answer.status, answer.header("location")), (303, Some(to.as_str())), "{method} {path}");
        assert!(!answer.body.contains("secret"), "{answer:?}");
    }
    let wrong = browser.post(&confirm, &[("code", "000000")]);
    assert!(wrong.status == 303 && !wrong.body.contains(&key(&begun)), "a wrong code does not show the key: {wrong:?}");
    let sql = "SELECT count(*) FROM second_factors f JOIN users u ON u.id = f.user_id
               WHERE u.email = 'uma@example.com' AND f.confirmed_at IS NOT NULL";
    assert_eq!(world.database().one::<i64>(sql, []), 0);
    assert_eq!(other.get(ACCOUNT).status, 200);

    let page = browser.get(&format!("{CONFIRM}?next={}", encoded(FACTOR)));
    assert!(page.body.contains("Confirm that it is you") && !page.body.contains("name=\"code\""), "{page:?}");
    assert_eq!(hidden(&page.body, "next").as_deref(), Some(FACTOR));
    let post = |fields: &[(&str, &str)]| browser.post(CONFIRM, &[fields, &[("next", FACTOR)]].concat());
    for (fields, status) in [
        (&[][..], 400),
        (&[("password", "")][..], 400),
        (&[("password", "not hers")][..], 403),
        (&[("password", world.bob.password.as_str())][..], 403),
    ] {
        assert_eq!(post(fields).status, status, "{fields:?}");
        assert_eq!(browser.get(FACTOR).status, 303, "still not");
        browser.get(CONFIRM);
    }
    let stranger = browser.post_as(CONFIRM, &[("password", &uma.password), ("next", FACTOR)], &[]);
    assert_eq!(stranger.status, 403, "without the token of the form");
    let token = browser.token();
    let fields = [("password", uma.password.as_str()), ("next", "//evil.example"), ("token", &token)];
    assert_eq!(browser.post_as(CONFIRM, &fields, &[]).status, 400, "no way to another server");
    let answer = post(&[("password", &uma.password)]);
    assert_eq!((answer.status, answer.header("location")), (303, Some(FACTOR)), "{answer:?}");
    let page = browser.get(FACTOR);
    assert!(page.status == 200 && !page.body.contains("id=\"secret\""), "somebody else may know that key: {page:?}");
    let page = browser.post(FACTOR, &[]);
    assert_ne!(key(&page), key(&begun));
    let done = browser.post(&confirm, &[("code", &code(&page, 0))]);
    let recovery = recovery_codes(&done);

    // From now on a code will do, in this session alone.
    age(world, &uma, 301);
    assert_eq!(browser.get(others).status, 303);
    assert!(browser.get(CONFIRM).body.contains("name=\"code\""));
    let third = half(nobody, &uma);
    third.post(CODE, &[("code", &recovery[0])]);
    age(world, &uma, 301);
    browser.get(CONFIRM);
    let answer = browser.post(CONFIRM, &[("code", &recovery[1]), ("next", others)]);
    assert_eq!((answer.status, answer.header("location")), (303, Some(others)), "{answer:?}");
    assert_eq!(third.get(others).status, 303, "another browser has proved nothing");
    assert_eq!(browser.get(others).status, 200);
    let answer = browser.post(others, &[]);
    assert_eq!(answer.header("location"), Some("/auth/account?done=others"), "{answer:?}");
    assert_eq!(third.get(ACCOUNT).status, 303);

    // A change of the password is a proof, too.
    age(world, &uma, 301);
    browser.get("/auth/account/password");
    let fields = [("current", uma.password.as_str()), ("password", CHOSEN), ("again", CHOSEN)];
    assert_eq!(browser.post("/auth/account/password", &fields).status, 303);
    assert_eq!(browser.get(others).status, 200);
}

#[test]
fn changing_your_own_account_by_an_api_needs_recent_proof_too() {
    let world = World::start();
    let (ada, uuid) = (&world.ada, world.ada.uuid.clone());
    with_factor(&world.nobody, &world.carol);
    let key = api_key(&world, ADMIN);
    let users = "/auth/admin/realms/master/users";
    let otp = |who: &Person| {
        let listed = ada.get(&format!("{users}/{}/credentials", who.uuid)).ok();
        let found = listed.as_array().expect("a list").iter().find(|one| one["type"] == "otp").cloned();
        found.map(|one| format!("{users}/{}/credentials/{}", who.uuid, one["id"].as_str().expect("an id")))
    };
    let edit = |id: &str, email: &str| json!({ "id": id, "firstName": "A", "lastName": "", "email": email, "enabled": true, "isAdmin": true });
    let password = json!({ "type": "password", "value": "set without the old one" });
    let to_oneself = |who: &Client| {
        [
            who.put(&format!("{users}/{uuid}"), &json!({ "email": "mallory@example.com" })),
            who.put(&format!("{users}/{uuid}/reset-password"), &password),
            who.post(&format!("{users}/{uuid}/logout"), &json!({})),
            who.post("/v1/api/user", &edit(&uuid, "mallory@example.com")),
        ]
    };
    age(&world, ada, 301);
    for who in [&**ada, &key] {
        for answer in to_oneself(who) {
            assert_eq!(answer.status, 401, "{answer:?}");
            let told = answer.json();
            let said = told.get("error_description").or_else(|| told.get("msg")).and_then(Value::as_str);
            assert_eq!(said, Some(CONFIRM_FIRST));
        }
    }
    let challenge = to_oneself(ada)[0].header("www-authenticate").expect("a challenge").to_owned();
    assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
    // Harmless changes, and changes to others, need none.
    assert_eq!(ada.put(&format!("{users}/{uuid}"), &json!({ "email": ADMIN, "firstName": "Ada" })).status, 204);
    let bob = &world.bob.uuid;
    assert_eq!(ada.put(&format!("{users}/{bob}"), &json!({ "email": "robert@example.com" })).status, 204);
    assert_eq!(ada.put(&format!("{users}/{bob}/reset-password"), &password).status, 204);
    assert_eq!(ada.post(&format!("{users}/{bob}/logout"), &json!({})).status, 204);
    assert_eq!(ada.send("DELETE", &otp(&world.carol).expect("a factor"), &[], ()).status, 204);

    with_factor(&world.nobody, &Person::enter(&world.nobody, ADMIN, &world.ada.password));
    assert_eq!(world.nobody.sign_in(ADMIN, &world.ada.password).status, 401, "the password alone does not let in");
    let own = format!("{users}/{uuid}/credentials");
    let listed = key.get(&own).ok();
    let id =
        listed.as_array().expect("a list").iter().find(|one| one["type"] == "otp").expect("a factor")["id"].clone();
    let gone = key.send("DELETE", &format!("{own}/{}", id.as_str().expect("an id")), &[], ());
    assert_eq!((gone.status, gone.json()["error_description"].as_str()), (401, Some(CONFIRM_FIRST)));
    cli(&world, "user reset-mfa ada@example.com --yes");
    let fresh = Person::enter(&world.nobody, ADMIN, &world.ada.password);
    assert_eq!(fresh.put(&format!("{users}/{uuid}"), &json!({ "email": "ada2@example.com" })).status, 204);
    assert_eq!(fresh.post(&format!("{users}/{uuid}/logout"), &json!({})).status, 204);
}

/// Each way to set a password, with the place of the error in its response and the status.
fn set_everywhere(world: &World, who: &Person, password: &str, mut check: impl FnMut(&str, &Answer)) {
    let (nobody, ada) = (&world.nobody, &world.ada);
    world.database().write("UPDATE users SET must_change_password = 0 WHERE email = ?1", [&who.email]);
    let users = "/auth/admin/realms/master/users";
    let credential = json!({ "type": "password", "value": password });
    let new = |email: &str| json!({ "username": email, "enabled": true, "credentials": [credential.clone()] });
    check("Keycloak, reset-password", &ada.put(&format!("{users}/{}/reset-password", who.uuid), &credential));
    check("Keycloak, create", &ada.post(users, &new(&who.email.replace('@', "+k@"))));
    let invitation = json!({ "email": who.email.replace('@', "+w@"), "password": password });
    check("Wallaroo, invite", &ada.post("/v1/api/users/invite", &invitation));
    let twice = [("password", password), ("again", password)];
    let browser = Browser::signed_in(nobody, &who.email, &who.password);
    browser.get("/auth/account/password");
    let current = ("current", who.password.as_str());
    check("page, own", &browser.post("/auth/account/password", &[&[current], &twice[..]].concat()));
    let (link, _) = cli(world, &format!("user reset-link {}", who.email));
    let (_, token) = link.split_once("token=").expect("a link");
    check("page, link", &form(nobody, "/auth/invitation", &[&[("link", token)], &twice[..]].concat()));
    let demand = "UPDATE users SET must_change_password = 1 WHERE email = ?1";
    world.database().write(demand, [&who.email]);
    let mine = [("email", who.email.as_str()), ("temporary", who.password.as_str())];
    check("page, temporary", &form(nobody, "/auth/password", &[&mine, &twice[..]].concat()));
    let browser = Browser::new(nobody);
    browser.sign_in(&who.email, &who.password);
    browser.get("/auth/sign-in/password");
    check("page, forced", &browser.post("/auth/sign-in/password", &twice));
}

#[test]
fn weak_passwords_are_refused_everywhere() {
    let (world, rory) = (world(), world().new_member("rory.gilmore"));
    let names = "UPDATE users SET first_name = 'Lorelai', last_name = 'Gilmore' WHERE email = ?1";
    world.database().write(names, [&rory.email]);
    let length = "must have 10 to 256 characters";
    let common = "must not be a common password; a few unrelated words make a good one";
    let unseen = "must not contain control characters or invisible characters";
    let own = "must not be based on your own email address or name";
    for (password, rule) in [
        ("ninechars", length),
        ("u\u{308}u\u{308}u\u{308}u\u{308}u\u{308}u\u{308}u\u{308}u\u{308}u\u{308}", length),
        ("1234567890", common),
        ("Password123", common),
        ("QWERTYUIOP", common),
        ("1q2w3e4r5t6y", common),
        ("Iloveyou123", common),
        ("password1234!", common),
        ("zero\u{200b}width space", unseen),
        ("right\u{202e}to left", unseen),
        ("a bell\u{7} in it", unseen),
    ] {
        set_everywhere(world, &rory, password, |way, answer| {
            assert_eq!(answer.status, 400, "{way}, {password:?}: {answer:?}");
            let field = match way {
                "Wallaroo, invite" => "password: ",
                "Keycloak, create" | "Keycloak, reset-password" => "value: ",
                _ => "The new password ",
            };
            assert!(answer.body.contains(&format!("{field}{rule}")), "{way}, {password:?}: {answer:?}");
        });
    }
    let of_oneself = ["rory.gilmore@example.com", "Rory-Gilmore-2026", "gilmorerory", "EXAMPLE.com.123"];
    for password in of_oneself {
        set_everywhere(world, &rory, password, |way, answer| {
            assert_eq!(answer.status, 400, "{way}, {password:?}: {answer:?}");
            assert!(answer.body.contains(own), "{way}, {password:?}: {answer:?}");
        });
    }
    // In every spelling of the name.
    world.database().write("UPDATE users SET first_name = 'Zoe\u{308}rine' WHERE email = ?1", [&rory.email]);
    let path = format!("/auth/admin/realms/master/users/{}/reset-password", rory.uuid);
    let zoe = json!({ "type": "password", "value": "zo\u{eb}rine-2026" });
    assert_eq!(world.ada.put(&path, &zoe).status, 400);
    world.database().write(names, [&rory.email]);
    let lorelai = json!({ "type": "password", "value": "Lorelai*Gilmore" });
    assert_eq!(world.ada.put(&path, &lorelai).status, 400, "the name");
    let sql = "SELECT count(*) FROM users WHERE email LIKE 'rory.gilmore+%'";
    assert_eq!(world.database().one::<i64>(sql, []), 0, "nobody was made");
    world.database().write("UPDATE users SET must_change_password = 0 WHERE email = ?1", [&rory.email]);
    assert_eq!(world.nobody.sign_in(&rory.email, &rory.password).status, 200, "nothing is changed");
    // Another user may have it, and one that only contains a name is accepted.
    let bob = json!({ "email": "stars@hollow.example", "password": "gilmorerory" });
    world.ada.post("/v1/api/users/invite", &bob).ok();
    let good = json!({ "type": "password", "value": "rory reads at night" });
    assert_eq!(world.ada.put(&path, &good).status, 204);

    // The command line, and the first administrator's of the configuration.
    let file = tempfile::NamedTempFile::new().expect("a file");
    for (password, rule) in
        [("ninechars", length), ("Password123", common), ("rory.gilmore@example.com", "address or name")]
    {
        std::fs::write(file.path(), password).expect("a write");
        for line in ["user passwd rory.gilmore@example.com", "user add rory.gilmore@example.com"] {
            let line = format!("{line} --password-file {}", file.path().display());
            let out = world.server.cli(&line.split(' ').collect::<Vec<_>>());
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(out.status.code() == Some(2) && said.starts_with("error: password: must"), "{line}: {said}");
            assert!(said.contains(rule) && !said.contains(password), "{line}: {said}");
        }
        let place = tempfile::tempdir().expect("a directory");
        let place = place.path().join("data");
        let out = crate::support::atelier_on_new(&place)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&place)
            .env("ATELIER_ADMIN_EMAIL", "rory.gilmore@example.com")
            .env("ATELIER_ADMIN_PASSWORD_FILE", file.path())
            .output()
            .expect("the binary starts");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && said.contains(rule), "{said}");
        assert!(said.contains("the first administrator's password must"), "{said}");
    }
}

#[test]
fn passwords_are_compared_in_normalized_form() {
    let (world, nobody, zoe) = (world(), &world().nobody, world().new_member("zoe"));
    let forms =
        ["Z\u{fc}rich ist sch\u{f6}n", "Zu\u{308}rich ist scho\u{308}n", "Zu\u{308}rich\u{a0}ist\u{2003}sch\u{f6}n"];
    let path = format!("/auth/admin/realms/master/users/{}/reset-password", zoe.uuid);
    for set in forms {
        assert_eq!(world.ada.put(&path, &json!({ "type": "password", "value": set })).status, 204);
        for typed in forms {
            assert_eq!(nobody.sign_in(&zoe.email, typed).status, 200, "{set:?} {typed:?}");
            let browser = Browser::signed_in(nobody, &zoe.email, typed);
            browser.get(CONFIRM);
            assert_eq!(browser.post(CONFIRM, &[("password", typed)]).status, 303, "{set:?} {typed:?}");
        }
        for other in [
            "Zurich ist schon",
            "z\u{fc}rich ist sch\u{f6}n",
            "Z\u{fc}rich  ist sch\u{f6}n",
            "Z\u{fc}rich ist sch\u{f6}n ",
        ] {
            assert_eq!(nobody.sign_in(&zoe.email, other).status, 401, "{other:?}");
        }
    }
    // Another form of the same password is not a new one, and the two fields may differ in form.
    let browser = Browser::signed_in(nobody, &zoe.email, forms[0]);
    browser.get("/auth/account/password");
    let same = [("current", forms[0]), ("password", forms[1]), ("again", forms[2])];
    let answer = browser.post("/auth/account/password", &same);
    assert!(answer.status == 400 && answer.body.contains("must differ from the current password"), "{answer:?}");
    let fields =
        [("current", forms[1]), ("password", "Zu\u{308}rich war sch\u{f6}n"), ("again", "Z\u{fc}rich war sch\u{f6}n")];
    assert_eq!(browser.post("/auth/account/password", &fields).status, 303);
}

#[test]
fn older_short_or_unnormalized_passwords_still_work() {
    let (world, nobody, otto) = (world(), &world().nobody, world().new_member("otto"));
    let argon2 = argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        argon2::Params::new(19_456, 2, 1, None).expect("parameters"),
    );
    let kept = || world.database().one::<String>("SELECT password_hash FROM users WHERE email = ?1", [&otto.email]);
    for old in ["8 chars!", "12345678", "Zu\u{308}rich", "pass\u{a0}word", "tab\there"] {
        let hash = argon2.hash_password(old.as_bytes()).expect("a hash").to_string();
        let put = || {
            world.database().write("UPDATE users SET password_hash = ?1 WHERE email = ?2", [&hash, &otto.email]);
        };
        put();
        assert_eq!(nobody.sign_in(&otto.email, &format!("{old}x")).status, 401);
        assert_eq!(kept(), hash);
        assert_eq!(nobody.sign_in(&otto.email, old).status, 200, "{old:?}");
        let other_form = old.contains(['\u{308}', '\u{a0}']);
        assert_eq!(kept() != hash, other_form, "{old:?} is kept in the one form from then on");
        assert_eq!(nobody.sign_in(&otto.email, old).status, 200, "{old:?} a second time");
        let composed = old.replace("u\u{308}", "\u{fc}").replace('\u{a0}', " ");
        assert_eq!(nobody.sign_in(&otto.email, &composed).status, 200, "{composed:?}");
        put();
        Browser::signed_in(nobody, &otto.email, old);
    }
}

#[test]
fn recovery_codes_have_80_bits_and_older_ones_still_work() {
    let (world, nobody, ruth) = (world(), &world().nobody, world().new_member("ruth"));
    let (_, _, codes) = with_factor(nobody, &ruth);
    assert_eq!(codes.len(), 10);
    for code in &codes {
        let letters: String = code.split('-').inspect(|group| assert_eq!(group.len(), 4, "{code}")).collect();
        // 32 letters and digits, five bits each.
        assert_eq!(letters.len(), 16, "{code}");
        assert!(letters.bytes().all(|c| b"abcdefghjkmnpqrstuvwxyz123456789".contains(&c)), "{code}");
    }
    let old = Fingerprint::of(&format!("{} k7mpx2qd9hrt", ruth.uuid));
    let sql = "INSERT INTO recovery_codes (fingerprint, user_id) SELECT ?1, id FROM users WHERE email = ?2";
    world.database().write(sql, params![old.as_bytes(), ruth.email]);
    assert_eq!(half(nobody, &ruth).post(CODE, &[("code", "K7MP-x2qd 9hrt")]).status, 303);
    assert_eq!(half(nobody, &ruth).post(CODE, &[("code", "k7mp-x2qd-9hrt")]).status, 403, "once");
}
