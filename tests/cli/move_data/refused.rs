//! What is not moved, and what it says.

use std::fs;
use std::time::{Duration, Instant};

use super::{Place, database, full, names, run_in, schemas};
use crate::chmod;
use crate::support::Setup;

const SECRET: &str = "hunter-2-hunter-2";

#[test]
fn a_running_server_is_refused() {
    let (cluster, name, address) = database();
    let place = Place::with_ada();
    let mut server = Setup::new().data_dir(place.data()).start();
    let refused = server.cli(&["move", "--to", &address, "--yes"]);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(words.contains(&format!("a server (process {}) is using ", server.pid())), "{words}");
    assert_eq!(schemas(cluster, &name), "");
    server.stop();
}

#[test]
fn the_command_wants_one_direction_and_a_confirmation() {
    let place = full();
    let (cluster, name, address) = database();
    let before = fs::read(place.database()).unwrap();
    for (line, words) in [
        ("move".to_owned(), "--to <ADDRESS>"),
        (format!("move postgres://me:{SECRET}@host/x"), "--to <ADDRESS>"),
        (format!("move --to {address} postgres://me:{SECRET}@host/x --yes"), "give one database, with --to or --from"),
        (format!("move --to {address} --from {address}"), "cannot be used with"),
        (format!("move --to {address}"), "; confirm it with --yes"),
        ("move --to mysql://me@host/x --yes".to_owned(), "--to must begin with postgres://; write it as"),
        ("move --from postgres://host/x --yes".to_owned(), "--from must name a user; write it as"),
    ] {
        let run = place.run(&line);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{line}: {}", run.err);
        assert!(run.err.contains(words) && !run.err.contains(SECRET), "{line}: {}", run.err);
    }
    assert_eq!(schemas(cluster, &name), "");
    assert!(fs::read(place.database()).unwrap() == before);
}

#[test]
fn data_is_not_overwritten() {
    let place = full();
    let (cluster, name, address) = database();
    let run = place.run(&format!("move --from {address} --yes"));
    assert!(run.err.contains("atelier.db is there already; move it away, or choose"), "{}", run.err);
    let other = Place::new();
    let run = other.run(&format!("move --from {address} --yes"));
    assert!(run.err.contains("has no schema atelier, so there is nothing to move"), "{}", run.err);
    assert_eq!(names(&other.data()), ["atelier.lock"]);

    cluster.run(&name, "CREATE SCHEMA atelier;");
    let run = place.run(&format!("move --to {address} --yes"));
    assert_eq!(run.code, 1);
    assert!(run.err.contains("has a schema atelier already; if an earlier move"), "{}", run.err);
    cluster.run(&name, "DROP SCHEMA atelier;");

    let aside = place.data().join("atelier.db.moved");
    fs::write(&aside, "").unwrap();
    let run = place.run(&format!("move --to {address} --yes"));
    assert!(run.err.contains("atelier.db.moved of an earlier move is there; move it to"), "{}", run.err);
    assert_eq!(schemas(cluster, &name), "");
    fs::remove_file(&aside).unwrap();
    place.run(&format!("move --to {address} --yes")).good();

    cluster.run(&name, "CREATE SCHEMA atelier_moved;");
    let run = place.run(&format!("move --from {address} --yes"));
    assert!(run.err.contains("has the schema atelier_moved of an earlier move back"), "{}", run.err);
    cluster.run(&name, "DROP SCHEMA atelier_moved; UPDATE atelier.meta SET version = 77;");
    let run = place.run(&format!("move --from {address} --yes"));
    assert!(run.err.contains("has schema version 77, but this atelier supports version "), "{}", run.err);
    // SQLite would play the journal back into the new file.
    cluster.run(&name, &format!("UPDATE atelier.meta SET version = {};", atelier::store::schema::VERSION));
    let journal = place.data().join("atelier.db-journal");
    fs::write(&journal, "journal").unwrap();
    let run = place.run(&format!("move --from {address} --yes"));
    assert!(run.err.contains("atelier.db-journal is there already"), "{}", run.err);
    fs::remove_file(&journal).unwrap();
    place.run(&format!("move --from {address} --yes")).good();
}

#[test]
fn a_database_in_use_is_refused() {
    let place = full();
    let (cluster, name, address) = database();
    place.run(&format!("move --to {address} --yes")).good();
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.run(&name, "SET application_name = 'atelier writer'; SELECT pg_sleep(6);"));
        let ends = Instant::now() + Duration::from_secs(5);
        loop {
            let run = place.run(&format!("move --from {address} --dry-run"));
            if run.code == 1 {
                assert!(run.err.contains("1 connections of atelier to "), "{}", run.err);
                assert!(run.err.contains(" are open, from this machine; stop every server"), "{}", run.err);
                break;
            }
            assert!(Instant::now() < ends, "it is not refused");
        }
    });
    place.run(&format!("move --from {address} --yes")).good();
}

#[test]
fn a_wrong_password_and_an_absent_server_are_told_without_the_password() {
    let place = full();
    let (cluster, name, address) = database();
    let folder = address.split_once("host=").unwrap().1;
    cluster.run(
        &name,
        &format!(
            "CREATE ROLE locked_{name} LOGIN SUPERUSER PASSWORD 'right-{SECRET}';
             SELECT format('COPY (VALUES (''local all locked_{name} scram-sha-256''), (''local all all trust'')) TO %L',
                           current_setting('hba_file')) \\gexec
             SELECT pg_reload_conf();"
        ),
    );
    std::thread::sleep(Duration::from_millis(500));
    for (to, words) in [
        (format!("postgres://locked_{name}:{SECRET}@/{name}?host={folder}"), "password authentication failed"),
        (format!("postgres://locked_{name}@/{name}?host={folder}"), "it asks for a password, and none is given"),
        (format!("postgres://locked_{name}@/{name}?host={folder}&password={SECRET}"), "password authentication failed"),
        (format!("postgres://me:{SECRET}@127.0.0.1:1/x"), "Connection refused"),
        (
            format!("postgres://me:{SECRET}@192.0.2.1/x?sslmode=disable&connect_timeout=1"),
            "cannot connect to the database x at ",
        ),
        (format!("postgres://postgres:{SECRET}@/absent_{name}?host={folder}"), "does not exist"),
    ] {
        let start = Instant::now();
        let run = run_in(place.path(), &format!("move --to {to} --yes"), "", &[("HOME", "/nowhere")]);
        assert_eq!(run.code, 1, "{to}: {}", run.err);
        assert!(run.err.contains(words), "{to}: {}", run.err);
        assert!(run.err.contains("; check the address, the user and the password"), "{to}: {}", run.err);
        assert!(!run.err.contains(SECRET), "{}", run.err);
        assert!(start.elapsed() < Duration::from_secs(20), "{to}");
    }
    // The right one, from the file of PostgreSQL's own programs.
    let file = place.path().join("pgpass");
    fs::write(&file, format!("*:*:{name}:*:right-{SECRET}\n")).unwrap();
    chmod(&file, 0o600);
    let to = format!("postgres://locked_{name}@/{name}?host={folder}");
    let variables = [("PGPASSFILE", file.to_str().unwrap())];
    let run = run_in(place.path(), &format!("move --to {to} --yes"), "", &variables).good();
    assert!(!run.err.contains(SECRET) && !run.out.contains(SECRET));
    assert!(run.err.contains(&format!("set database = \"{to}\"")), "{}", run.err);
    let with = to.replacen('@', &format!(":right-{SECRET}@"), 1);
    let run = run_in(place.path(), &format!("move --from {with} --yes"), "", &[]).good();
    assert!(!run.err.contains(SECRET) && !run.out.contains(SECRET));
}

#[test]
fn a_database_that_is_not_fit_is_told_with_the_next_step() {
    let place = full();
    let (cluster, name, address) = database();
    cluster.run(&name, &format!("ALTER DATABASE {name} SET synchronous_commit = off;"));
    let run = place.run(&format!("move --to {address} --yes"));
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("synchronous_commit is off, so acknowledged writes could be lost; set it to on"),
        "{}",
        run.err
    );
    cluster.run(&name, &format!("ALTER DATABASE {name} RESET synchronous_commit; CREATE ROLE poor_{name} LOGIN;"));
    let run = place.run(&format!("move --to {} --yes", address.replacen("postgres@", &format!("poor_{name}@"), 1)));
    assert!(run.err.contains("permission denied for database"), "{}", run.err);
    assert!(run.err.contains("(GRANT CREATE ON DATABASE)"), "{}", run.err);
    assert_eq!(schemas(cluster, &name), "");
}

#[test]
fn a_text_that_postgresql_cannot_have_is_refused_with_its_row() {
    for (sql, words) in [
        (
            "INSERT INTO pipeline_version_models VALUES (1001, 'a' || char(0) || 'b', '7')",
            "model_name of the row 1001, \"a\\0b\", \"7\" of the table pipeline_version_models contains the character U+0000",
        ),
        (
            "UPDATE users SET last_name = CAST(x'6180ff' AS TEXT) WHERE id = 1002",
            "last_name of the row 1002 of the table users is not UTF-8",
        ),
    ] {
        let place = full();
        place.sql(sql);
        let (cluster, name, address) = database();
        let before = fs::read(place.database()).unwrap();
        for end in ["--dry-run", "--yes"] {
            let run = place.run(&format!("move --to {address} {end}"));
            assert_eq!(run.code, 1);
            assert!(run.err.contains(words), "{}", run.err);
            assert!(run.err.contains("so it cannot be in PostgreSQL; nothing was changed"), "{}", run.err);
        }
        assert_eq!(schemas(cluster, &name), "");
        assert!(fs::read(place.database()).unwrap() == before);
    }
}

#[test]
fn a_row_without_its_parent_is_told_with_its_table() {
    let place = full();
    place.sql("INSERT INTO project_tags VALUES (4711, 1001)");
    let (cluster, name, address) = database();
    let run = place.run(&format!("move --to {address} --yes"));
    assert_eq!(run.code, 1);
    assert!(run.err.contains("cannot move the table project_tags: PostgreSQL: "), "{}", run.err);
    assert!(run.err.contains("violates foreign key constraint"), "{}", run.err);
    assert!(run.err.contains("; nothing was changed; correct the cause"), "{}", run.err);
    assert_eq!((schemas(cluster, &name).as_str(), place.database().exists()), ("", true));
}
