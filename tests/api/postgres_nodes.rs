//! What several servers on one database of PostgreSQL share, and when they refuse to run beside each other.

use std::collections::HashSet;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Answer, Client};
use crate::console::browser::Browser;
use crate::postgres::{Pair, SHARED, pair, pair_of};
use crate::support::postgres::cluster;
use crate::support::{ADMIN, ADMIN_PASSWORD, Setup, database_name, fresh_database, run_on};
use crate::world::Person;

/// One request, which is refused once it may not be made.
fn validate(client: &Client) -> u16 {
    client.post("/v1/api/workspaces/validate", &json!({})).status
}

#[test]
fn a_failure_on_one_server_counts_on_the_other() {
    let Pair { one, other, address } = pair();
    let clients = [one.nobody.clone(), Client::new(other.base())];
    let wrong = |client: &Client| client.sign_in("bob@example.com", "a guess");
    let wait = |answer: &Answer| {
        let seconds = answer.header("retry-after").expect("a time").parse().expect("a number");
        std::thread::sleep(Duration::from_secs(seconds));
    };
    // Five are free. The sixth makes the account wait for a second, the next ones for two, four and eight.
    let (mut judged, mut at) = (0, 0);
    while judged < 9 {
        let answer = wrong(&clients[at % 2]);
        at += 1;
        match answer.status {
            429 => wait(&answer),
            _ => judged += 1,
        }
    }
    let both: Vec<_> = clients.iter().map(|client| client.sign_in("bob@example.com", &one.bob.password)).collect();
    assert_eq!(both.iter().map(|answer| answer.status).collect::<Vec<_>>(), [429, 429], "{both:?}");
    assert_eq!(clients[1].sign_in("carol@example.com", &one.carol.password).status, 200, "nobody else waits");

    wait(&both[1]);
    assert_eq!(clients[1].sign_in("bob@example.com", &one.bob.password).status, 200);
    for _ in 0..5 {
        assert_ne!(wrong(&clients[0]).status, 429, "a success on one server clears the failures on the other");
    }
    let stored = cluster().run(database_name(&address), "SELECT sum(failures) FROM atelier.failures;");
    assert_eq!(stored.trim(), "5");
}

#[test]
fn an_administrator_clears_failures_on_any_server() {
    let pair = pair_of(&["--sign-in-free-failures", "2"]);
    let (each, bob, rows) = (pair.each(), &pair.one.bob, pair.one.database());
    let right = || each.clone().map(|client| client.sign_in(&bob.email, &bob.password).status);
    for (failing, clearing) in [(&each[0], &each[1]), (&each[1], &each[0])] {
        let waits = (0..10).any(|_| failing.sign_in(&bob.email, "a guess").status == 429);
        assert!(waits, "failures make the account wait");
        // However slow this test is.
        rows.write("UPDATE failures SET until = until + 600000000 WHERE until > 0", []);
        assert_eq!(right(), [429; 2]);
        let ada = Browser::signed_in(clearing, ADMIN, ADMIN_PASSWORD);
        ada.get("/audit/sign-ins");
        assert_eq!(ada.post("/audit/sign-ins/clear", &[("user", &bob.uuid)]).status, 303);
        assert_eq!(right(), [200; 2]);
    }
}

#[test]
fn what_is_revoked_on_one_server_is_refused_by_the_other() {
    let Pair { one, other, .. } = pair();
    let there = Client::new(other.base());
    let bob = there.with(one.bob.credential());
    let den = one.ada.create("den");
    let body = json!({ "workspace_id": den });
    let carol = there.with(one.carol.credential());
    for round in 0..120 {
        one.ada.add(den, &one.carol, "COLLABORATOR");
        for _ in 0..2 {
            assert_eq!(carol.post("/v1/api/workspaces/list_users", &body).status, 200, "round {round}");
        }
        let member = json!({ "workspace_id": den, "user_id": one.carol.uuid });
        one.ada.post("/v1/api/workspaces/remove_user", &member).ok();
        assert_ne!(carol.post("/v1/api/workspaces/list_users", &body).status, 200, "member, round {round}");
    }
    for round in 0..50 {
        let made = one.bob.post("/v2/api-keys", &json!({ "key_type": "USER", "name": format!("key {round}") })).json();
        let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let holder = there.with(&text("key"));
        for _ in 0..2 {
            assert_eq!(holder.get("/v2/spaces").status, 200, "round {round}");
        }
        let revoked = one.bob.send("PUT", &format!("/v2/api-keys/{}/revoke", text("id")), &[], ());
        assert!(revoked.status < 300, "{revoked:?}");
        assert_eq!(holder.get("/v2/spaces").status, 401, "key, round {round}");
    }
    assert_eq!(validate(&bob), 200);
    for round in 0..10 {
        let guest = Person::enter(&one.nobody, "bob@example.com", &one.bob.password);
        let elsewhere = there.with(guest.credential());
        assert_eq!((validate(&elsewhere), validate(&elsewhere)), (200, 200));
        let path = format!("/auth/admin/realms/master/users/{}/logout", guest.uuid);
        assert!(one.ada.post(&path, &json!({})).status < 300);
        assert_eq!(validate(&elsewhere), 401, "session, round {round}");
    }
    let ada = Browser::signed_in(&one.nobody, ADMIN, ADMIN_PASSWORD);
    let person = format!("/people/{}", one.carol.uuid);
    ada.get(&person);
    for round in 0..60 {
        for (role, sees) in [("administrator", true), ("member", false)] {
            let changed = ada.post(&format!("{person}/role"), &[("role", role)]);
            assert_eq!(changed.status, 303, "{changed:?}");
            for _ in 0..2 {
                let list = carol.post("/v1/api/workspaces/list", &json!({}));
                assert_eq!((list.status, list.body.contains("\"den\"")), (200, sees), "{role}, round {round}");
            }
        }
    }
}

#[test]
fn a_new_signing_key_is_known_to_all() {
    let Pair { one, other, .. } = pair();
    let there = Client::new(other.base());
    let published = |client: &Client| client.get("/auth/realms/master/protocol/openid-connect/certs").ok();
    for round in 0..3 {
        let before = published(&one.nobody);
        assert_eq!(published(&there), before);
        let rotated = one.server.cli(&["signing-key", "rotate"]);
        assert!(rotated.status.success(), "{rotated:?}");
        let after = published(&there);
        assert_ne!(after, before, "round {round}");
        assert_eq!(published(&one.nobody), after, "round {round}");
        let (here, elsewhere) = if round % 2 == 0 { (&one.nobody, &there) } else { (&there, &one.nobody) };
        let bob = Person::enter(here, "bob@example.com", &one.bob.password);
        assert_eq!(validate(&elsewhere.with(bob.credential())), 200, "round {round}");
    }
}

#[test]
fn ids_are_in_the_order_of_commits() {
    let Pair { one, other, .. } = pair();
    let bob = [one.bob.with(one.bob.credential()), Client::new(other.base()).with(one.bob.credential())];
    let (mut last, mut seen) = (0, HashSet::new());
    for round in 0..50 {
        let body = json!({ "workspace_name": format!("den-{round}") });
        let id = bob[round % 2].post("/v1/api/workspaces/create", &body).number("workspace_id");
        assert!(id > last && seen.insert(id), "{id} after {last}");
        last = id;
    }
}

/// Runs a server that refuses to start.
fn refused(address: &str, args: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let begun = Instant::now();
    let Output { status, stderr, .. } = run_on(address, dir.path(), args);
    let words = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(1), "{words}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{words}");
    words
}

#[test]
fn a_server_that_does_not_fit_the_others_is_refused() {
    let address = fresh_database();
    let mut alone = Setup::new().database(&address).args(&["--public-url", "http://atelier.test"]).start();
    let key = alone.data_dir().join("master.key");
    let key = key.to_str().expect("a path");
    let files = [&SHARED[..], &["--master-key-file", key]].concat();
    let words = refused(&address, &files);
    assert!(words.contains("another server runs on the database") && words.contains("files_url"), "{words}");
    let name = database_name(&address);
    let nodes = || cluster().run(name, "SELECT count(*) FROM atelier.nodes;").trim().to_owned();
    assert_eq!(nodes(), "1", "who is refused is not registered");
    let found = alone.cli(&["check"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("1 server runs on the database"), "{found:?}");
    assert!(alone.stop().success());
    assert_eq!(nodes(), "0", "who stops is not registered");

    let words = refused(&address, &SHARED);
    assert!(words.contains("master key") && words.contains("master_key_file"), "{words}");
    let mut first = Setup::new().database(&address).args(&files).start();
    let elsewhere: Vec<_> =
        files.iter().map(|word| if *word == "http://atelier.test" { "http://elsewhere.test" } else { word }).collect();
    let words = refused(&address, &elsewhere);
    assert!(words.contains("public_url"), "{words}");
    let words = refused(&address, &[&files[..], &["--readers", "900"]].concat());
    assert!(words.contains("connections") && words.contains("max_connections"), "{words}");
    assert_eq!(nodes(), "1");

    let version = atelier::store::schema::VERSION;
    for (other, next) in
        [(version - 1, "stop all of them"), (version + 1, "install the atelier"), (9, "choose another")]
    {
        cluster().run(name, &format!("UPDATE atelier.meta SET version = {other};"));
        let words = refused(&address, &files);
        assert!(words.contains(next), "version {other}: {words}");
    }
    cluster().run(name, &format!("UPDATE atelier.meta SET version = {version};"));
    // Who was killed is gone with its connection.
    assert!(!first.stop_by("KILL").success());
    let again = Setup::new().database(&address).args(&["--public-url", "http://atelier.test"]);
    let again = again.args(&["--master-key-file", key]).start();
    Person::enter(&Client::new(again.base()), ADMIN, ADMIN_PASSWORD);
}
