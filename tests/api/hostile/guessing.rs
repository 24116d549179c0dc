//! Guessing of passwords and codes, and creation of too many things.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Answer, Client, TOKEN};
use crate::console::browser::Browser;
use crate::support::stop::Stop;
use crate::support::{ADMIN, ADMIN_PASSWORD, Setup};
use crate::world::{Person, World, fresh, wait_for_log};

/// The device authorization endpoint.
const DEVICE: &str = "/auth/realms/master/protocol/openid-connect/auth/device";
const FORM: &str = "application/x-www-form-urlencoded";

/// A server that trusts this machine as a proxy.
fn behind_a_proxy() -> Setup {
    Setup::new().args(&["--trusted-proxies", "127.0.0.1"])
}

/// Asks for tokens from an address.
fn sign_in_from(client: &Client, address: &str, name: &str, password: &str) -> Answer {
    let pairs = [("client_id", "sdk-client"), ("grant_type", "password"), ("username", name), ("password", password)];
    post_from(client, address, TOKEN, &pairs)
}

fn post_from(client: &Client, address: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
    let headers = [("content-type", FORM), ("x-forwarded-for", address)];
    client.send("POST", path, &headers, serde_urlencoded::to_string(pairs).expect("a form"))
}

/// The seconds of `Retry-After`.
#[track_caller]
fn retry_after(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{answer:?}");
    answer.header("retry-after").and_then(|wait| wait.parse().ok()).filter(|wait| *wait > 0).expect("a time to wait")
}

/// Creates a user who never signed in.
fn new_user(ada: &Person, name: &str) -> (String, String) {
    let (email, password) =
        (format!("{name}@example.com"), format!("{} waits for {}", fresh("somebody"), fresh("turn")));
    ada.post("/v1/api/users/invite", &json!({ "email": email, "password": password })).ok();
    (email, password)
}

#[test]
fn unknown_names_do_not_lock_out_an_address() {
    let world = World::start();
    let [(dora, her_password), (erin, another)] = ["dora", "erin"].map(|name| new_user(&world.ada, name));
    for n in 0..58 {
        let answer = world.nobody.sign_in(&format!("invented{n}@example.com"), "a wrong guess");
        assert_eq!(answer.status, 401, "{n} {answer:?}");
    }
    assert_eq!(world.nobody.sign_in(&dora, &her_password).status, 200, "not even somebody new");
    let more: Vec<_> = (58..90).map(|n| world.nobody.sign_in(&format!("invented{n}@example.com"), "wrong")).collect();
    let slowed = more.iter().filter(|answer| answer.status == 429).count();
    assert!(slowed > 10, "password spraying is slowed: {slowed}");
    assert!(retry_after(&world.nobody.sign_in(&erin, &another)) <= 900);
    // Users who have signed in from here before.
    assert_eq!(world.nobody.sign_in(ADMIN, ADMIN_PASSWORD).status, 200);
    assert_eq!(world.nobody.sign_in(&dora, &her_password).status, 200);
    Browser::signed_in(&world.nobody, "bob@example.com", &world.bob.password);
}

#[test]
fn a_known_address_survives_a_restart_and_has_its_own_limit() {
    let place = tempfile::tempdir().expect("a place");
    let server = behind_a_proxy().data_dir(place.path()).start();
    assert_eq!(sign_in_from(&Client::new(server.base()), "192.0.2.1", ADMIN, ADMIN_PASSWORD).status, 200);
    assert_eq!(sign_in_from(&Client::new(server.base()), "2001:db8:0:1::5", ADMIN, ADMIN_PASSWORD).status, 200);
    drop(server);
    let server = behind_a_proxy().data_dir(place.path()).start();
    let nobody = Client::new(server.base());
    let mut refused = 0;
    for n in 0..130 {
        refused += u32::from(sign_in_from(&nobody, &format!("10.0.{n}.1"), ADMIN, "wrong").status == 429);
    }
    assert!(refused > 10, "guessing from many addresses is slowed: {refused}");
    for known in ["192.0.2.1", "2001:db8:0:1::9"] {
        assert_eq!(sign_in_from(&nobody, known, ADMIN, ADMIN_PASSWORD).status, 200, "{known}");
    }
    let guesses: Vec<_> = (0..7).map(|_| sign_in_from(&nobody, "192.0.2.1", ADMIN, "wrong").status).collect();
    assert_eq!(guesses, [401, 401, 401, 401, 401, 401, 429], "who has the address of somebody does not guess for ever");
    assert_eq!(sign_in_from(&nobody, "2001:db8:0:1::9", ADMIN, ADMIN_PASSWORD).status, 200);
}

#[test]
fn fast_retries_do_not_lock_out_a_patient_user() {
    let world = World::of(behind_a_proxy().args(&["--sign-in-longest-wait", "10s"]));
    let nobody = &world.nobody;
    let fresh_address = {
        let count = AtomicU32::new(0);
        move || {
            let n = count.fetch_add(1, Ordering::Relaxed);
            format!("10.{}.{}.7", n / 256, n % 256)
        }
    };
    let spent = (0..400).any(|_| sign_in_from(nobody, &fresh_address(), ADMIN, "wrong").status == 429);
    assert!(spent, "the account is being guessed at");
    let enough = Stop::default();
    std::thread::scope(|scope| {
        let _stops = enough.at_the_end();
        scope.spawn(|| {
            while !enough.is_set() {
                sign_in_from(nobody, &fresh_address(), ADMIN, "wrong");
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        std::thread::sleep(Duration::from_secs(2));
        for owner_at in ["203.0.113.1", "203.0.113.2"] {
            let mut answer = sign_in_from(nobody, owner_at, ADMIN, ADMIN_PASSWORD);
            if answer.status != 200 {
                let wait = retry_after(&answer);
                assert!(wait <= 10, "{wait}");
                let due = Instant::now() + Duration::from_secs(wait);
                // Early requests cost nothing.
                assert!(retry_after(&sign_in_from(nobody, owner_at, ADMIN, ADMIN_PASSWORD)) <= wait);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                answer = sign_in_from(nobody, owner_at, ADMIN, ADMIN_PASSWORD);
            }
            assert_eq!(answer.status, 200, "{owner_at} {answer:?}");
        }
    });
}

#[test]
fn valid_client_secrets_and_links_are_never_delayed() {
    let world = World::start();
    let data = world.server.data_dir().to_str().expect("a path").to_owned();
    let run = |args: &[&str]| {
        let out = crate::support::run(&[args, &["--data-dir", &data]].concat());
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).expect("a text")
    };
    let secret = run(&["client", "add", "ci", "--confidential", "--grant", "client_credentials"]).trim().to_owned();
    let ask = |secret: &str| {
        let pairs = [("client_id", "ci"), ("client_secret", secret), ("grant_type", "client_credentials")];
        world.nobody.form(TOKEN, &pairs)
    };
    let wrong: Vec<_> = (0..10).map(|_| ask("atlc_wrong").status).collect();
    assert_eq!((wrong[0], wrong[9]), (401, 429), "wrong ones are slowed");
    assert_eq!(ask(&secret).status, 200);
    let link = run(&["user", "reset-link", "bob@example.com"]);
    let token = link.trim().split("token=").nth(1).expect("a link").to_owned();
    let path = link.trim().split_once("/auth/").expect("an address").1.split('?').next().expect("a path").to_owned();
    let open = |token: &str| world.nobody.get(&format!("/auth/{path}?token={token}"));
    let wrong: Vec<_> = (0..10).map(|_| open("atli_wrong").status).collect();
    assert_eq!((wrong[0], wrong[9]), (410, 429), "{path}");
    assert_eq!(open(&token).status, 200);
}

#[test]
fn a_burst_of_one_user_does_not_fail_the_sign_ins_of_others() {
    let world = World::of(Setup::new().args(&["--password-threads", "1", "--password-queue", "16"]));
    let done = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let burst: Vec<_> = (0..60)
            .map(|n| {
                let (client, done) = (world.ada.with(world.ada.credential()), &done);
                scope.spawn(move || {
                    let name =
                        json!({ "email": format!("burst{n}@example.com"), "password": "a long enough password" });
                    let answer = client.post("/v1/api/users/invite", &name);
                    done.fetch_add(1, Ordering::Relaxed);
                    answer
                })
            })
            .collect();
        while done.load(Ordering::Relaxed) < 55 {
            for person in [&world.bob, &world.carol] {
                let answer = world.nobody.sign_in(&person.email, &person.password);
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        }
        let answers: Vec<_> = burst.into_iter().map(|thread| thread.join().expect("an answer")).collect();
        let turned_away: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
        assert!(!turned_away.is_empty(), "half of the queue is one person's");
        for answer in turned_away {
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{answer:?}");
        }
    });
}

/// Repeats a request until it is refused; returns how often it succeeded, and the refusal.
fn until_refused(mut make: impl FnMut(u32) -> Answer) -> (u32, Answer) {
    for n in 0..2000 {
        let answer = make(n);
        if answer.status >= 400 {
            return (n, answer);
        }
    }
    panic!("it has no end");
}

#[test]
fn what_a_member_creates_per_minute_is_limited() {
    let world = World::start();
    let key = |who: &Person| who.post("/v2/api-keys", &json!({ "name": fresh("key") }));
    let (made, refused) = until_refused(|_| key(&world.bob));
    assert!((60..120).contains(&made), "{made}");
    let wait = retry_after(&refused);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let detail = refused.json()["detail"].as_str().expect("a detail").to_owned();
    assert_eq!(detail, format!("too many API keys were made within a minute; try again in {wait} s"));
    assert_eq!(key(&world.carol).status, 201, "nobody else is held up");
    std::thread::sleep(Duration::from_secs(wait));
    assert_eq!(key(&world.bob).status, 201, "who comes back then goes on");
    let (made, refused) = until_refused(|_| {
        let email = format!("{}@example.com", fresh("guest"));
        let body = json!({ "name": "A Guest", "email": email, "role": { "type": "PREDEFINED", "name": "MEMBER" },
                           "invite_mode": "EMAIL_LINK" });
        world.bob.post("/v2/users", &body)
    });
    assert!((60..120).contains(&made), "{made} {refused:?}");
    retry_after(&refused);
    assert!(refused.body.contains("too many people were invited within a minute"), "{refused:?}");
}

#[test]
fn administrators_create_200_keys_and_all_ways_to_add_users_share_one_limit() {
    let world = World::start();
    for n in 0..200 {
        assert_eq!(world.ada.post("/v2/api-keys", &json!({ "name": fresh("key") })).status, 201, "{n}");
    }
    let (made, refused) = until_refused(|_| {
        let email = format!("{}@example.com", fresh("made"));
        world
            .ada
            .post("/auth/admin/realms/master/users", &json!({ "username": email, "email": email, "enabled": true }))
    });
    assert!(made >= 290, "{made} {refused:?}");
    retry_after(&refused);
    assert!(refused.body.contains("too many people were invited within a minute"), "{refused:?}");
    // The bucket refills while these are asked, so each is asked until it is refused.
    let (_, refused) = until_refused(|_| {
        let email = format!("{}@example.com", fresh("invited"));
        world.ada.post("/v1/api/users/invite", &json!({ "email": email }))
    });
    let wait = retry_after(&refused);
    let msg = format!("too many people were invited within a minute; try again in {wait} s");
    assert_eq!(refused.json(), json!({ "msg": msg, "code": 429 }));
    // Invalid requests do not count.
    for _ in 0..100 {
        let role = json!({ "type": "PREDEFINED", "name": "ADMIN" });
        let body = json!({ "name": "X", "email": "x@example.com", "role": role, "invite_mode": "EMAIL_LINK" });
        let again = world.bob.post("/v2/users", &body);
        assert_eq!(again.status, 422, "{again:?}");
    }
}

#[test]
fn device_codes_have_their_own_limit_and_are_not_failures() {
    let world = World::start();
    let ask = |_| world.nobody.form(DEVICE, &[("client_id", "sdk-client")]);
    let first = ask(0);
    let (asked, refused) = until_refused(ask);
    assert!((59..110).contains(&asked), "{asked}");
    retry_after(&refused);
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert!(!refused.body.contains("failed"), "nobody failed: {refused:?}");
    assert!(refused.body.contains("too many device codes"), "{refused:?}");
    assert_eq!(world.nobody.sign_in(ADMIN, ADMIN_PASSWORD).status, 200);
    let browser = Browser::signed_in(&world.nobody, "bob@example.com", &world.bob.password);
    let code = first.text("user_code");
    let page = browser.get(&format!("/auth/realms/master/device?user_code={code}"));
    assert!(page.status == 200 && page.body.contains(&code), "the codes that were given are good: {page:?}");
}

/// The lines of the log that have this text.
fn lines(log: &str, text: &str) -> Vec<String> {
    log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

#[test]
fn a_refused_sign_in_is_logged_without_secrets() {
    let world = World::of(behind_a_proxy());
    let wrong = "a very secret guess";
    sign_in_from(&world.nobody, "198.51.100.9", "BOB@example.com", wrong);
    sign_in_from(&world.nobody, "198.51.100.10", "mallory@example.com\nsign-in refused: kind=forged", wrong);
    sign_in_from(&world.nobody, "198.51.100.11", "mallory@example.com", wrong);
    sign_in_from(&world.nobody, "198.51.100.12", "my own password!", "bob@example.com");
    sign_in_from(&world.nobody, "198.51.100.13", &format!("{}\u{202e}@example.com", "é".repeat(100)), wrong);
    Browser::new(&world.nobody).sign_in("carol@example.com", wrong);
    let secret = [("client_id", "api-\"client\r\nx"), ("client_secret", "atlc_secret"), ("grant_type", "password")];
    post_from(&world.nobody, "198.51.100.14", TOKEN, &secret);
    world.nobody.refresh("atlr_secret");
    world.nobody.with("atl_secret").get("/v2/spaces");
    world.nobody.get("/auth/invitation?token=atli_secret");
    wait_for_log(&world.server, "kind=link");
    let log = world.server.log();
    let refused = lines(&log, "sign-in refused: ");
    let has = |parts: &[&str]| {
        let found = refused.iter().filter(|line| parts.iter().all(|part| line.contains(part))).count();
        assert_eq!(found, 1, "{parts:?} in {refused:#?}");
    };
    let by_sdk = "client=\"sdk-client\" dialect=keycloak request=";
    has(&["WARN", "kind=password reason=wrong account=\"bob@example.com\" address=198.51.100.9", by_sdk]);
    has(&["kind=password reason=wrong account=\"(no address)\" address=198.51.100.10 ", by_sdk]);
    has(&["account=\"mallory@example.com\" address=198.51.100.11 ", by_sdk]);
    has(&["account=\"(no address)\" address=198.51.100.12 "]);
    has(&["address=198.51.100.13 "]);
    has(&["kind=password reason=wrong account=\"carol@example.com\" address=127.0.0.1 client=- dialect=console"]);
    has(&["kind=client_secret reason=wrong account=- address=198.51.100.14 client=\"api-\\u{22}client\\u{d}\\u{a}x\""]);
    has(&["kind=refresh_token reason=wrong account=- address=127.0.0.1 client=\"sdk-client\""]);
    has(&["kind=api_key reason=wrong account=- address=127.0.0.1 client=-"]);
    has(&["kind=link reason=wrong account=- address=127.0.0.1"]);
    assert!(refused.iter().all(|line| line.chars().count() < 500 && !line.contains('\u{202e}')), "{refused:#?}");
    for hidden in [wrong, "my own password", "atlc_secret", "atlr_secret", "atl_secret", "atli_secret", "kind=forged"] {
        assert!(!log.contains(hidden), "{hidden}");
    }
    // The line of each request tells the client's address, too.
    let request = lines(&log, "POST /auth/realms/master/protocol/openid-connect/token 401");
    assert!(request.iter().any(|line| line.contains(" - 198.51.100.9 ")), "{request:#?}");
}

#[test]
fn a_threshold_adds_one_audit_row_and_a_flood_few_log_lines() {
    let world = World::of(behind_a_proxy().args(&["--sign-in-longest-wait", "2s"]));
    for _ in 0..20 {
        sign_in_from(&world.nobody, "198.51.100.9", "bob@example.com", "wrong");
    }
    wait_for_log(&world.server, "sign-ins delayed: ");
    let database = world.database();
    let rows = || {
        let sql =
            "SELECT a.address, a.dialect, a.kind, u.email, a.after FROM audit a LEFT JOIN users u ON u.uuid = a.object
                   WHERE a.verb = 'sign_ins.delay' ORDER BY a.id";
        database.rows(sql, [])
    };
    let told = r#"{"account":"bob@example.com","kind":"password","scope":"account_at_address"}"#;
    let deadline = Instant::now() + Duration::from_secs(20);
    while rows().is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(rows(), [format!("198.51.100.9|keycloak|user|bob@example.com|{told}")]);
    let delayed = lines(&world.server.log(), "sign-ins delayed: ");
    assert_eq!(delayed.len(), 1, "{delayed:#?}");
    assert!(
        delayed[0].contains("scope=account_at_address kind=password account=\"bob@example.com\" address=198.51.100.9 "),
        "{delayed:?}"
    );
    // A flood is cut, and the omitted lines are counted.
    let (start, flood) = (Instant::now(), world.nobody.with("atl_nonsense"));
    for _ in 0..400 {
        flood.get("/v2/spaces");
    }
    std::thread::sleep(Duration::from_millis(1100));
    flood.get("/v2/spaces");
    wait_for_log(&world.server, " left_out=");
    let seconds = usize::try_from(start.elapsed().as_secs()).expect("a few");
    let told = lines(&world.server.log(), "kind=api_key").len();
    assert!((100..=102 + seconds).contains(&told), "{told} in {seconds} s");
}
