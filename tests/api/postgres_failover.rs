//! What the server does while connections to PostgreSQL end, PostgreSQL is gone, or another server dies.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Client;
use crate::postgres::SHARED;
use crate::support::instance::Instance;
use crate::support::stop::Stop;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};
use crate::world::{Person, fresh};

/// How long a server may take until it works again.
const BACK: Duration = Duration::from_secs(30);

/// The number of clients of a server.
const CLIENTS: usize = 4;

pub fn start(address: &str) -> Server {
    Setup::new().database(address).args(&SHARED).start()
}

/// Another server on the same database.
fn start_beside(one: &Server, address: &str) -> Server {
    let key = one.data_dir().join("master.key");
    Setup::new().database(address).args(&SHARED).args(&["--master-key-file"]).args(&[key]).start()
}

pub fn ada(server: &Server) -> Client {
    let ada = Person::enter(&Client::new(server.base()), ADMIN, ADMIN_PASSWORD);
    ada.with(ada.credential())
}

/// Whether a workspace was created; none if the server says that it cannot now.
pub fn create(client: &Client, name: &str) -> Option<bool> {
    let body = json!({ "workspace_name": name }).to_string();
    let answer = client.try_send("POST", "/v1/api/workspaces/create", &[], body).ok()?;
    match answer.status {
        200 => Some(true),
        503 => {
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            Some(false)
        }
        // The server was stopped while the request arrived, and has not looked at it.
        408 => Some(false),
        _ => panic!("{name}: {answer:?}"),
    }
}

/// Creates workspaces until one is there. Returns how long that took.
pub fn until_it_works(client: &Client) -> Duration {
    let since = Instant::now();
    while create(client, &fresh("after")) != Some(true) {
        assert!(since.elapsed() < BACK, "it does not work again after {BACK:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    since.elapsed()
}

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Told {
    pub acknowledged: Vec<String>,
    pub refused: usize,
    pub lost: usize,
}

/// Does something while clients create and list workspaces.
pub fn under_load(clients: &[&Client], during: impl FnOnce()) -> Told {
    let (enough, refused, lost) = (Stop::default(), AtomicUsize::new(0), AtomicUsize::new(0));
    let (enough, refused, lost) = (&enough, &refused, &lost);
    std::thread::scope(|scope| {
        let stops = enough.at_the_end();
        let mut writers = Vec::new();
        for client in clients {
            for _ in 0..CLIENTS {
                let client = client.with(client.credential());
                writers.push(scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    while !enough.is_set() {
                        let name = fresh("load");
                        match create(&client, &name) {
                            Some(true) => acknowledged.push(name),
                            Some(false) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                            None => drop(lost.fetch_add(1, Ordering::Relaxed)),
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    acknowledged
                }));
            }
            let client = client.with(client.credential());
            scope.spawn(move || {
                while !enough.is_set() {
                    if let Ok(answer) = client.try_send("GET", "/auth/admin/realms/master/users", &[], ()) {
                        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        during();
        drop(stops);
        let acknowledged = writers.into_iter().flat_map(|writer| writer.join().expect("a client")).collect();
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Told { acknowledged, refused: count(refused), lost: count(lost) }
    })
}

/// Asserts that what was acknowledged is there, and that everything is there once and in the audit log.
pub fn check(instance: &Instance, server: &Server, told: &Told) {
    println!("{} acknowledged, {} refused, {} lost", told.acknowledged.len(), told.refused, told.lost);
    let mut found = BTreeMap::new();
    for name in instance.run("SELECT name FROM atelier.workspaces WHERE name LIKE 'load-%'").lines() {
        *found.entry(name.to_owned()).or_insert(0) += 1;
    }
    let lost: Vec<_> = told.acknowledged.iter().filter(|name| !found.contains_key(*name)).collect();
    assert!(lost.is_empty(), "acknowledged, but not there: {lost:?}");
    assert!(!told.acknowledged.is_empty(), "nothing was acknowledged");
    assert!(found.values().all(|times| *times == 1), "written twice: {found:?}");
    let counts = instance.run(
        "SELECT (SELECT count(*) FROM atelier.workspaces), count(*), count(DISTINCT object)
         FROM atelier.audit WHERE verb = 'workspaces.create'",
    );
    let counts: Vec<&str> = counts.trim().split('\t').collect();
    assert!(counts[0] == counts[1] && counts[1] == counts[2], "workspaces, audit rows, their workspaces: {counts:?}");
    let verified = server.cli(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

pub fn signal(process: impl Display, name: &str) {
    let done = Command::new("sh").arg("-c").arg(format!("kill -{name} {process}")).status();
    assert!(done.is_ok_and(|status| status.success()), "the process can be signalled");
}

#[test]
fn sessions_that_end_and_a_restart_lose_nothing() {
    let instance = Instance::start();
    let server = start(&instance.address());
    let client = ada(&server);
    let told = under_load(&[&client], || {
        for _ in 0..6 {
            std::thread::sleep(Duration::from_secs(1));
            instance.run(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'atelier %'",
            );
        }
        until_it_works(&client);
    });
    assert_eq!(told.lost, 0, "every request was answered");
    check(&instance, &server, &told);
    assert!(told.refused < told.acknowledged.len(), "most requests wait for another connection: {}", told.refused);

    let told = under_load(&[&client], || {
        std::thread::sleep(Duration::from_millis(300));
        instance.stop("fast");
        std::thread::sleep(Duration::from_secs(1));
        instance.start_again();
        until_it_works(&client);
        std::thread::sleep(Duration::from_millis(300));
    });
    assert!(told.lost == 0 && told.refused > 0, "{told:?}");
    check(&instance, &server, &told);
    assert_eq!(client.get("/readyz").status, 200);
}

#[test]
fn a_standby_takes_over_with_everything() {
    let first = Instance::start();
    let second = first.synchronous_standby();
    let address = first.address_with(&second);
    let one = start(&address);
    let other = start_beside(&one, &address);
    let (here, there) = (ada(&one), ada(&other));
    let told = under_load(&[&here, &there], || {
        std::thread::sleep(Duration::from_secs(1));
        first.stop("immediate");
        std::thread::sleep(Duration::from_secs(1));
        second.promote();
        println!("back after {:?} and {:?}", until_it_works(&here), until_it_works(&there));
        std::thread::sleep(Duration::from_millis(300));
    });
    assert!(told.lost == 0 && told.refused > 0, "{told:?}");
    check(&second, &one, &told);
    assert_eq!(here.get("/readyz").status, 200);
    assert_eq!(there.get("/readyz").status, 200);
}

/// Stops a server while it holds the lock of all writes.
fn stop_in_its_turn(instance: &Instance, server: &Server, writer: &str) {
    for _ in 0..200 {
        signal(server.pid(), "STOP");
        // PostgreSQL may still answer what was sent before.
        std::thread::sleep(Duration::from_millis(30));
        let state = instance.run(&format!("SELECT state, query FROM pg_stat_activity WHERE pid = {writer}"));
        // The lock comes with the statement after the first one.
        if state.starts_with("idle in transaction\t") && !state.contains("BEGIN") {
            return;
        }
        signal(server.pid(), "CONT");
        std::thread::sleep(Duration::from_millis(11));
    }
    panic!("the server is never seen in its turn");
}

/// The process of PostgreSQL that writes for a server, which is the only one.
fn writer_of(instance: &Instance, but: &str) -> String {
    let all = instance.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'atelier writer'");
    let mut writers = all.lines().filter(|pid| *pid != but);
    let writer = writers.next().expect("a writer").to_owned();
    assert_eq!(writers.next(), None, "one writer");
    writer
}

#[test]
fn a_server_that_dies_in_its_turn_lets_the_other_go_on() {
    let instance = Instance::start();
    let address = instance.address();
    let mut one = start(&address);
    let writer = writer_of(&instance, "");
    let other = start_beside(&one, &address);
    let (here, there) = (ada(&one), ada(&other));
    let writer_there = writer_of(&instance, &writer);
    let told = under_load(&[&here], || {
        std::thread::sleep(Duration::from_millis(300));
        stop_in_its_turn(&instance, &one, &writer);
        let waited = until_it_works(&there);
        println!("the other went on {waited:?} after one was stopped");
        assert!(waited < Duration::from_secs(10), "PostgreSQL ends a session that is idle in a transaction after 8 s");
        // PostgreSQL has ended its session, so it begins its batch anew.
        signal(one.pid(), "CONT");
        println!("it is back after {:?}", until_it_works(&here));

        stop_in_its_turn(&instance, &one, &writer_of(&instance, &writer_there));
        signal(one.pid(), "KILL");
        let waited = until_it_works(&there);
        println!("the other went on {waited:?} after one was killed");
        assert!(waited < Duration::from_secs(10), "{waited:?}");
    });
    one.stop();
    check(&instance, &other, &told);
}

#[test]
fn what_was_acknowledged_survives_a_kill_of_everything() {
    let instance = Instance::start();
    let address = instance.address();
    let mut one = start(&address);
    let mut other = start_beside(&one, &address);
    let (here, there) = (ada(&one), ada(&other));
    let told = under_load(&[&here, &there], || {
        std::thread::sleep(Duration::from_secs(1));
        signal(one.pid(), "KILL");
        signal(other.pid(), "KILL");
        instance.kill();
    });
    one.stop();
    other.stop();
    instance.start_again();
    let again = Setup::new().database(&address).args(&SHARED).data_dir(one.data_dir());
    let again = again.start();
    check(&instance, &again, &told);
    until_it_works(&ada(&again));
}

#[test]
fn servers_go_on_after_a_kill_of_postgresql_and_postgresql_after_a_kill_of_them() {
    let instance = Instance::start();
    let address = instance.address();
    let mut one = start(&address);
    let mut other = start_beside(&one, &address);
    let (here, there) = (ada(&one), ada(&other));
    let told = under_load(&[&here, &there], || {
        std::thread::sleep(Duration::from_millis(500));
        instance.kill();
        std::thread::sleep(Duration::from_millis(500));
        instance.start_again();
        println!("back after {:?} and {:?}", until_it_works(&here), until_it_works(&there));
        std::thread::sleep(Duration::from_millis(300));
    });
    assert!(told.lost == 0 && told.refused > 0, "{told:?}");
    check(&instance, &one, &told);

    let told = under_load(&[&here, &there], || {
        std::thread::sleep(Duration::from_millis(500));
        signal(one.pid(), "KILL");
        signal(other.pid(), "KILL");
    });
    one.stop();
    other.stop();
    // At once: the sessions of those who were killed hold nobody up.
    let again = Setup::new().database(&address).args(&SHARED).data_dir(one.data_dir()).start();
    let beside = start_beside(&again, &address);
    check(&instance, &again, &told);
    println!("back after {:?} and {:?}", until_it_works(&ada(&again)), until_it_works(&ada(&beside)));
}
