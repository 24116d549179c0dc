//! What happens once happens once on two servers, also if both are asked at the same moment; and a sign-in that begins on
//! one server goes on at the other.

use std::collections::BTreeSet;
use std::sync::Barrier;

use crate::client::{Answer, Client, TOKEN};
use crate::console::authenticator::{code, code_of, key, recovery_codes};
use crate::console::browser::{Browser, continue_url, hidden};
use crate::postgres::{pair, pair_of};
use crate::world::Person;

const FACTOR: &str = "/auth/account/second-factor";
const CODE: &str = "/auth/sign-in/code";
const CALLBACK: &str = "http://127.0.0.1:5123/callback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The wrong attempts of these tests are not what they are about.
const PATIENT: [&str; 2] = ["--sign-in-free-failures", "1000"];

/// Does something with each of several things at the same moment.
fn at_once<T: Sync, U: Send>(things: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let start = Barrier::new(things.len());
    std::thread::scope(|scope| {
        let run = |thing| {
            start.wait();
            work(thing)
        };
        let threads: Vec<_> = things.iter().map(|thing| scope.spawn(move || run(thing))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect()
    })
}

/// The statuses, in order.
fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut all: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    all.sort_unstable();
    all
}

/// Sets up a second factor. Returns the key of the app and the recovery codes.
fn with_factor(client: &Client, who: &Person) -> (String, Vec<String>) {
    let browser = Browser::signed_in(client, &who.email, &who.password);
    browser.get("/auth/account");
    let page = browser.post(FACTOR, &[]);
    let codes = browser.post(&format!("{FACTOR}/confirm"), &[("code", &code(&page, 0))]);
    (key(&page), recovery_codes(&codes))
}

/// A code for the command line of Arize.
fn authorization_code(browser: &Browser) -> String {
    let query = [
        ("response_type", "code"),
        ("client_id", "arize-cli"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let query = serde_urlencoded::to_string(query).expect("a query");
    let answer = browser.get(&format!("/oauth2/authorize?{query}"));
    let mut to = answer.header("location").unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    if to.starts_with("/auth/consent?") {
        let request = hidden(&browser.get(&to).body, "request").expect("the question");
        to = continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "allow")]));
    }
    let (_, query) = to.split_once('?').unwrap_or_else(|| panic!("no query: {to}"));
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("a query");
    pairs.into_iter().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("no code: {to}")).1
}

/// Exchanges a code.
fn trade(client: &Client, code: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "arize-cli"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("code", code),
    ];
    client.form(TOKEN, &fields)
}

fn refresh(client: &Client, token: &str) -> Answer {
    client.form(TOKEN, &[("grant_type", "refresh_token"), ("client_id", "arize-cli"), ("refresh_token", token)])
}

#[test]
fn a_sign_in_goes_on_at_the_other_server() {
    let pair = pair();
    let (both, bob) = (pair.both(), &pair.one.bob);
    for round in 0..2 {
        let (key, recovery) = with_factor(&both, bob);
        for code in [code_of(&key, 1), recovery[round].clone()] {
            let browser = Browser::new(&both);
            let half = browser.sign_in(&bob.email, &bob.password);
            assert_eq!(half.header("location"), Some(CODE), "{half:?}");
            browser.get(CODE);
            let done = browser.post(CODE, &[("code", &code)]);
            assert_eq!((done.status, done.header("location")), (303, Some("/")), "{done:?}");
            let tokens = trade(&both, &authorization_code(&browser)).ok();
            let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
            let mut latest = text("refresh_token");
            for _ in 0..3 {
                latest = refresh(&both, &latest).text("refresh_token");
            }
            let bearer = both.with(&text("access_token"));
            assert_eq!([(); 2].map(|()| bearer.get("/oauth2/userinfo").status), [200; 2]);
            browser.get("/auth/sign-out");
            assert_eq!(browser.post("/auth/sign-out", &[]).status, 303);
            assert_eq!([(); 2].map(|()| browser.get("/auth/account").status), [303; 2]);
        }
        let reset = pair.one.server.cli(&["user", "reset-mfa", &bob.email, "--yes"]);
        assert!(reset.status.success(), "{reset:?}");
    }
}

#[test]
fn an_authorization_code_is_exchanged_once_by_two_servers() {
    let pair = pair_of(&PATIENT);
    let (each, carol) = (pair.each(), &pair.one.carol);
    let browser = Browser::signed_in(&pair.both(), &carol.email, &carol.password);
    for round in 0..10 {
        let code = authorization_code(&browser);
        let answers = at_once(&each, |client| trade(client, &code));
        assert_eq!(statuses(&answers), [200, 400], "round {round}: {answers:?}");
        let (done, refused) = if answers[0].status == 200 { (0, 1) } else { (1, 0) };
        assert_eq!(answers[refused].json()["error"], "invalid_grant");
        // It may have been stolen, so what it led to ends.
        let token = answers[done].text("access_token");
        assert_eq!(each.clone().map(|client| client.with(&token).get("/oauth2/userinfo").status), [401; 2]);
        assert_eq!(refresh(&each[refused], &answers[done].text("refresh_token")).status, 400);
    }
}

#[test]
fn a_refresh_token_has_one_successor_on_two_servers() {
    let pair = pair_of(&PATIENT);
    let (each, carol) = (pair.each(), &pair.one.carol);
    let browser = Browser::signed_in(&pair.both(), &carol.email, &carol.password);
    let mut latest = trade(&each[0], &authorization_code(&browser)).text("refresh_token");
    let asked = [&each[0], &each[1], &each[0], &each[1]];
    for round in 0..20 {
        let answers = at_once(&asked, |client| refresh(client, &latest));
        let next: BTreeSet<_> = answers.iter().map(|answer| answer.text("refresh_token")).collect();
        assert_eq!(next.len(), 1, "round {round}: {answers:?}");
        latest = next.into_iter().next().expect("a token");
    }
    let audit = "SELECT count(*) FROM audit WHERE verb = 'sessions.end_replayed'";
    assert_eq!(pair.one.database().one::<i64>(audit, []), 0, "nobody took them for stolen");
}
