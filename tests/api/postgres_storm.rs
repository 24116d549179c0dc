//! Connections that end at any moment, and commits that no standby has: what is acknowledged is there, and everything else
//! is 503.

use std::time::{Duration, Instant};

use crate::postgres::SHARED;
use crate::postgres_failover::{ada, check, create, signal, start, under_load, until_it_works};
use crate::support::Setup;
use crate::support::instance::{Instance, PASSWORD};
use crate::world::fresh;

/// Ends or cancels sessions of a server at random for ten seconds. Returns how many, and how many there were at most.
const STORM: &str = "
    CREATE FUNCTION pg_temp.storm() RETURNS TEXT LANGUAGE plpgsql AS $$
    DECLARE ended INTEGER := 0; most INTEGER := 0; seen INTEGER; one INTEGER;
    BEGIN
        FOR i IN 1..100 LOOP
            PERFORM pg_stat_clear_snapshot();
            SELECT count(*), (array_agg(pid ORDER BY random()))[1] INTO seen, one
            FROM pg_stat_activity WHERE application_name LIKE 'atelier%';
            most := greatest(most, seen);
            ended := ended + coalesce(
                CAST(CASE WHEN i % 2 = 0 THEN pg_terminate_backend(one) ELSE pg_cancel_backend(one) END AS INTEGER), 0);
            PERFORM pg_sleep(0.1);
        END LOOP;
        RETURN ended || ' ' || most;
    END $$;
    SELECT pg_temp.storm()";

/// The maximum number of connections that read.
const READERS: usize = 6;

#[test]
fn sessions_that_end_at_random_lose_nothing_and_come_back() {
    let instance = Instance::start();
    let readers = READERS.to_string();
    let server = Setup::new().database(&instance.address()).args(&SHARED).args(&["--readers", &readers]).start();
    let client = ada(&server);
    let mut seen = String::new();
    let told = under_load(&[&client], || {
        seen = instance.run(STORM);
        until_it_works(&client);
    });
    let (ended, most) = seen.trim().split_once(' ').expect("two numbers");
    println!("{ended} sessions ended or cancelled, at most {most} at once");
    assert!(ended.parse::<usize>().expect("a number") > 50, "{ended}");
    assert_eq!(told.lost, 0, "every request was answered");
    // Those that were just ended may still be seen.
    assert!(most.parse::<usize>().expect("a number") <= READERS + 3 + 3, "{most} connections");
    check(&instance, &server, &told);
    assert_eq!(client.get("/readyz").status, 200);
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains(" 500 "), "{log}");
}

#[test]
fn a_password_that_changes_is_503_until_it_is_the_old_one_again() {
    let instance = Instance::start();
    let server = start(&instance.address());
    let client = ada(&server);
    let told = under_load(&[&client], || {
        std::thread::sleep(Duration::from_millis(300));
        instance.run("ALTER ROLE postgres PASSWORD 'another'");
        instance.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'atelier%'");
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(create(&client, &fresh("refused")), Some(false));
        instance.run(&format!("ALTER ROLE postgres PASSWORD '{PASSWORD}'"));
        until_it_works(&client);
    });
    assert!(told.lost == 0 && told.refused > 0, "{told:?}");
    check(&instance, &server, &told);
    let words = "cannot connect to the database atelier at ";
    assert!(
        server.log().contains(words) && server.log().contains("password authentication failed"),
        "{}",
        server.log()
    );
}

/// Waits until the commit of a server waits for a standby. Returns the process of PostgreSQL.
fn waiting_commit(instance: &Instance) -> String {
    let ends = Instant::now() + Duration::from_secs(5);
    loop {
        let sql =
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'atelier writer' AND wait_event = 'SyncRep'";
        let found = instance.run(sql);
        if let Some(pid) = found.lines().next() {
            return pid.to_owned();
        }
        assert!(Instant::now() < ends, "no commit waits");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_write_of_a_database_that_hangs_is_refused_in_time() {
    let instance = Instance::start();
    let setup = Setup::new().database(&instance.address()).args(&SHARED);
    let server = setup.args(&["--request-timeout", "1s"]).start();
    let client = ada(&server);
    assert_eq!(create(&client, &fresh("before")), Some(true));
    let writer = instance.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'atelier writer'");
    signal(writer.trim(), "STOP");
    let begun = Instant::now();
    let refused = create(&client, &fresh("meanwhile"));
    // Without a limit of its own, an answer of PostgreSQL may take two minutes.
    let waited = begun.elapsed();
    signal(writer.trim(), "CONT");
    assert!(refused == Some(false) && waited < Duration::from_secs(20), "{refused:?} after {waited:?}");
    until_it_works(&client);
}

#[test]
fn a_commit_that_no_standby_has_is_not_acknowledged() {
    let first = Instance::start();
    let second = first.synchronous_standby();
    let server = start(&first.address());
    let client = ada(&server);
    let told = under_load(&[&client], || {
        std::thread::sleep(Duration::from_millis(500));
        second.stop("fast");
        let begun = Instant::now();
        assert_eq!(create(&client, &fresh("alone")), Some(false));
        println!("refused after {:?}", begun.elapsed());
        // request_timeout is 10 s.
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert_eq!(client.get("/auth/admin/realms/master/users").status, 200, "reads go on");
        second.start_again();
        until_it_works(&client);
    });
    assert!(told.lost == 0 && told.refused > 0, "{told:?}");
    check(&first, &server, &told);

    // PostgreSQL acknowledges a commit whose wait is cancelled, with a warning.
    second.stop("fast");
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| create(&client, &fresh("cancelled")));
        let writer = waiting_commit(&first);
        first.run(&format!("SELECT pg_cancel_backend({writer})"));
        asked.join().expect("an answer")
    });
    assert_eq!(answer, Some(false), "a failover would lose it");
    // A commit that the standby has in time is acknowledged after all.
    let name = fresh("late");
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| create(&client, &name));
        let writer = waiting_commit(&first);
        first.run(&format!("SELECT pg_cancel_backend({writer})"));
        second.start_again();
        asked.join().expect("an answer")
    });
    assert_eq!(answer, Some(true));
    first.stop("immediate");
    second.promote();
    assert_eq!(second.run(&format!("SELECT count(*) FROM atelier.workspaces WHERE name = '{name}'")).trim(), "1");
}
