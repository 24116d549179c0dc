//! What happens once happens once on two servers, also if both are asked at the same moment; and a sign-in that begins on
//! one server goes on at the other.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::{Value, json};

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

/// A sign-in with a code in place of the second page.
fn by_code(client: &Client, who: &Person, code: &str) -> Answer {
    let fields = [
        ("client_id", "sdk-client"),
        ("grant_type", "password"),
        ("username", &who.email),
        ("password", &who.password),
        ("totp", code),
    ];
    client.form(TOKEN, &fields)
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
fn a_code_is_accepted_once_by_two_servers() {
    let pair = pair_of(&PATIENT);
    let (each, bob) = (pair.each(), &pair.one.bob);
    let (key, recovery) = with_factor(&each[0], bob);
    for (round, recovery) in recovery.iter().take(6).enumerate() {
        // As if the code before had been one of an hour ago.
        pair.one.database().write("UPDATE second_factors SET last_step = last_step - 120", []);
        let code = code_of(&key, 0);
        let answers = at_once(&each, |client| by_code(client, bob, &code));
        assert_eq!(statuses(&answers), [200, 401], "code of the app, round {round}: {answers:?}");
        let answers = at_once(&each, |client| {
            let browser = Browser::new(client);
            browser.sign_in(&bob.email, &bob.password);
            browser.get(CODE);
            browser.post(CODE, &[("code", recovery)])
        });
        assert_eq!(statuses(&answers), [303, 403], "recovery code, round {round}: {answers:?}");
    }
}

#[test]
fn five_of_twenty_wrong_codes_are_judged_by_two_servers() {
    let pair = pair_of(&PATIENT);
    let (each, bob) = (pair.each(), &pair.one.bob);
    let (key, _) = with_factor(&each[0], bob);
    let clients: Vec<_> = (0..20).map(|n| &each[n % 2]).collect();
    let answers = at_once(&clients, |client| by_code(client, bob, "000000"));
    let mut expected = vec![401; 5];
    expected.resize(20, 429);
    assert_eq!(statuses(&answers), expected);
    // However slow this was.
    let now = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
    pair.one.database().write(&format!("UPDATE wrong_codes SET last_at = {now}"), []);
    assert_eq!(each.clone().map(|client| by_code(&client, bob, &code_of(&key, 1)).status), [429; 2], "nor a right one");
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

const OWNERS: i64 = 50;

#[test]
fn one_of_fifty_owners_is_left_who_are_demoted_at_once_by_two_servers() {
    let pair = pair();
    let (rows, ada) = (pair.one.database(), &pair.one.ada);
    let den = ada.create("den");
    rows.write(
        "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
             must_change_password, created_at)
         SELECT gen_random_uuid()::text, format('owner%s@example.com', n), format('owner%s@example.com', n), '', '',
             'person', 'active', 1, 0, 'member', 0, 0
         FROM generate_series(1, ?1::bigint) n",
        [OWNERS],
    );
    rows.write(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at)
         SELECT 1, id, 'member', 0 FROM users WHERE email LIKE 'owner%'",
        [],
    );
    let owners = rows.rows("SELECT uuid FROM users WHERE email LIKE 'owner%' ORDER BY id", []);
    let clients = pair.each().map(|client| client.with(ada.credential()));
    let jobs: Vec<_> = owners.iter().enumerate().map(|(index, uuid)| (&clients[index % 2], uuid)).collect();
    for round in 0..20 {
        rows.write("DELETE FROM members WHERE workspace_id = ?1", [den]);
        rows.write(
            "INSERT INTO members (workspace_id, user_id, role, created_at)
             SELECT ?1, id, 'owner', 0 FROM users WHERE email LIKE 'owner%'",
            [den],
        );
        let answers = at_once(&jobs, |(client, uuid)| {
            let body = json!({ "workspace_id": den, "user_id": uuid, "user_type": "collaborator" });
            client.post("/v1/api/workspaces/add_user", &body)
        });
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
        assert!(matches!(&refused[..], [one] if one.status == 400), "round {round}: {refused:?}");
        let left = "SELECT count(*) FROM members WHERE workspace_id = ?1 AND role = 'owner'";
        assert_eq!(rows.one::<i64>(left, [den]), 1, "round {round}");
        for client in &clients {
            let members = client.post("/v1/api/workspaces/list_users", &json!({ "workspace_id": den })).ok();
            let is_owner = |member: &&Value| member["user_type"] == "OWNER";
            let members = members["users"].as_array().expect("a list");
            assert_eq!((members.len(), members.iter().filter(is_owner).count()), (owners.len(), 1));
        }
    }
}
