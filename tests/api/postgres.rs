//! The server on a database of PostgreSQL, alone and beside another one.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::client::Client;
use crate::console::browser::Browser;
use crate::support::postgres::cluster;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup, database_name, empty_database, fresh_database, run_on};
use crate::world::{Person, World};

/// The secret of a new key.
fn key(server: &Server, whose: &Person) -> String {
    let made = server.cli(&["key", "create", "--user", &whose.email, "--expires", "1d"]);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).expect("a text").trim_end().to_owned()
}

#[test]
fn a_server_on_postgresql_answers_as_on_a_file() {
    let address = empty_database();
    let mut world = World::of(Setup::new().database(&address));
    assert!(!world.server.data_dir().join("atelier.db").exists(), "nothing is in the directory");
    let vision = world.bob.create("vision");
    world.bob.add(vision, &world.carol, "COLLABORATOR");
    assert_eq!(world.carol.members(vision).len(), 2);
    assert_eq!(world.bob.post("/v1/api/workspaces/create", &json!({ "workspace_name": "vision" })).status, 400);

    let robot = world.nobody.with(&key(&world.server, &world.carol));
    let names = |client: &Client, part: &str| -> Vec<String> {
        let found = client.get(&format!("/v2/spaces?name={part}")).ok();
        let spaces = found["spaces"].as_array().expect("a list").iter();
        spaces.map(|space| space["name"].as_str().expect("a name").to_owned()).collect()
    };
    for name in ["vision-two", "speech", "off-50"] {
        world.carol.create(name);
    }
    assert_eq!(names(&robot, "vis"), ["vision", "vision-two"]);
    assert_eq!(names(&robot, "P"), ["speech"]);
    assert_eq!(names(&robot, "5"), ["off-50"]);
    assert_eq!(names(&robot, "_"), [""; 0], "no character stands for others");
    assert_eq!(names(&robot, "o%25f"), [""; 0]);
    assert_eq!(names(&robot, "nothing"), [""; 0]);
    assert_eq!(world.ada.get("/auth/admin/realms/master/users?search=CAR").ok()[0]["email"], "carol@example.com");

    let verified = world.server.cli(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
    let disabled = world.server.cli(&["user", "disable", "carol@example.com", "--yes"]);
    assert!(disabled.status.success(), "{disabled:?}");
    assert_eq!(robot.get("/v2/spaces").status, 401, "the next request is refused");
    assert_eq!(world.nobody.get("/readyz").status, 200);

    let metrics = world.ada.get("/metrics");
    assert_eq!(metrics.status, 200, "{metrics:?}");
    let has = |begin: &str| metrics.body.lines().any(|line| line.starts_with(begin));
    assert!(metrics.body.contains("engine=\"postgresql\"") && has("atelier_database_up 1"), "{}", metrics.body);
    assert!(has("atelier_database_bytes ") && has("atelier_commit_duration_seconds_count "), "{}", metrics.body);
    assert!(!has("atelier_write_ahead_log_bytes ") && !has("atelier_checkpoint_duration"), "{}", metrics.body);
    let status = world.server.cli(&["status"]);
    let told = String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success() && told.contains("data in postgresql"), "{told}");

    assert!(world.server.stop().success());
    let again = Setup::new().database(&address).data_dir(world.server.data_dir()).start();
    let bob = Person::enter(&Client::new(again.base()), "bob@example.com", "bob builds bridges");
    assert_eq!(names(&bob, ""), ["vision"]);
    let backup = again.cli(&["backup", "/tmp/never.tar"]);
    let words = String::from_utf8_lossy(&backup.stderr).into_owned();
    assert!(!backup.status.success() && words.contains("pg_dump"), "{words}");
}

#[test]
fn the_page_about_the_server_tells_how_postgresql_is_backed_up() {
    let world = World::of(Setup::new().database(&fresh_database()));
    let ada = Browser::signed_in(&world.nobody, &world.ada.email, &world.ada.password);
    let page = ada.get("/system");
    assert!(
        page.status == 200 && page.body.contains("The data is in PostgreSQL, and the server makes no backups of it.")
    );
    assert!(page.body.contains("Not made by this server, whose data is in PostgreSQL"), "the first step: {page:?}");
    assert!(!page.body.contains("backup_directory") && !page.body.contains("atelier backup"), "{page:?}");
    let refused = ada.post("/system/backups", &[]);
    assert!(refused.status >= 400 && refused.status < 500 && refused.body.contains("pg_dump"), "{refused:?}");
    // Where the server would make them, it does not start.
    let words =
        run_on(&fresh_database(), tempfile::tempdir().expect("a directory").path(), &["--backup-directory", "/b"]);
    let words = String::from_utf8_lossy(&words.stderr).into_owned();
    assert!(words.contains("pg_dump") && words.contains("remove backup_directory"), "{words}");
}

#[test]
fn a_check_and_a_server_warn_of_postgresql_without_fsync() {
    let server = Setup::new().database(&fresh_database()).start();
    let warning = "fsync: it is off in PostgreSQL, so a crash of its machine loses data; set it to on";
    assert!(server.log().contains(warning), "{}", server.log());
    let check = server.cli(&["check", "--json"]);
    let report: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    assert!(findings.iter().any(|finding| finding["what"] == "fsync" && finding["level"] == "warning"), "{report}");
    let listed = server.cli(&["user", "list"]);
    assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
}

#[test]
fn a_server_refuses_postgresql_without_fsync_that_may_not_lose_data() {
    let address = fresh_database();
    let name = database_name(&address);
    cluster().run(name, &format!("ALTER DATABASE {name} SET atelier.may_lose_data = off"));
    let refused = run_on(&address, tempfile::tempdir().expect("a directory").path(), &[]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && words.contains("fsync is off, so a crash of the machine would lose"),
        "{words}"
    );
}

/// Two servers on one database.
pub struct Pair {
    pub one: World,
    pub other: Server,
    pub address: String,
}

/// What several servers need in common. No file is stored in these tests, so no object storage is there.
pub const SHARED: [&str; 6] =
    ["--public-url", "http://atelier.test", "--files-url", "s3://models", "--files-endpoint", "http://127.0.0.1:9"];

pub fn pair() -> Pair {
    pair_of(&[])
}

/// Two servers with these words on their command lines.
pub fn pair_of(args: &[&str]) -> Pair {
    let address = fresh_database();
    let setup = || Setup::new().database(&address).args(&SHARED).args(args);
    let one = World::of(setup());
    let key = one.server.data_dir().join("master.key");
    let other = setup().args(&["--master-key-file"]).args(&[key]).start();
    Pair { one, other, address }
}

impl Pair {
    /// A client whose requests go to one server and to the other in turn.
    pub fn both(&self) -> Client {
        Client::among(&[self.one.server.base(), self.other.base()])
    }

    /// A client of each server.
    pub fn each(&self) -> [Client; 2] {
        [self.one.nobody.clone(), Client::new(self.other.base())]
    }
}

#[test]
fn what_ends_on_one_server_ends_on_the_other() {
    let Pair { one, other, .. } = pair();
    let there = Client::new(other.base());
    for round in 0..20 {
        let email = format!("guest{round}@example.com");
        let guest = crate::world::invite(&one.ada, &one.nobody, &email, "the password of a guest");
        let elsewhere = there.with(guest.credential());
        for _ in 0..3 {
            assert_eq!(elsewhere.post("/v1/api/workspaces/validate", &json!({})).status, 200);
        }
        let user = format!("/auth/admin/realms/master/users/{}", guest.uuid);
        assert!(one.ada.put(&user, &json!({ "enabled": false })).status < 300);
        assert_eq!(elsewhere.post("/v1/api/workspaces/validate", &json!({})).status, 401, "round {round}");
    }
}

#[test]
fn one_owner_is_left_of_those_who_leave_at_once() {
    let Pair { one, other, .. } = pair();
    let there = Client::new(other.base());
    for round in 0..5 {
        let den = one.bob.create(&format!("den-{round}"));
        one.bob.add(den, &one.carol, "OWNER");
        one.bob.add(den, &one.ada, "OWNER");
        let refused = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for (index, who) in [&one.ada, &one.bob, &one.carol].into_iter().enumerate() {
                let (client, refused) = (if index % 2 == 0 { there.clone() } else { one.nobody.clone() }, &refused);
                scope.spawn(move || {
                    let body = json!({ "workspace_id": den, "user_id": who.uuid });
                    let answer = client.with(who.credential()).post("/v1/api/workspaces/remove_user", &body);
                    if answer.status != 200 {
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        let owners = one.ada.members(den).into_iter().filter(|(_, role)| role == "OWNER").count();
        assert_eq!((owners, refused.into_inner()), (1, 1), "round {round}");
    }
}

#[test]
fn a_connection_that_ends_is_replaced() {
    let Pair { one, other, address } = pair();
    let there = Person::enter(&Client::new(other.base()), ADMIN, ADMIN_PASSWORD);
    let name = database_name(&address);
    for round in 0..5 {
        cluster().run(
            "postgres",
            &format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}';"),
        );
        let den = there.create(&format!("den-{round}"));
        assert_eq!(one.ada.members(den).len(), 1);
    }
}

#[test]
fn an_older_database_is_upgraded_by_the_first_server() {
    let address = empty_database();
    let mut world = World::of(Setup::new().database(&address));
    let name = database_name(&address);
    assert!(world.server.stop().success());
    let older = "ALTER TABLE atelier.clients DROP COLUMN pkce, DROP COLUMN group_names;
                 ALTER TABLE atelier.unreferenced_files DROP COLUMN generation;
                 UPDATE atelier.meta SET version = 10;";
    cluster().run(name, older);
    let again = Setup::new().database(&address).data_dir(world.server.data_dir()).start();
    let said = format!("upgraded the database from schema version 10 to {}", atelier::store::schema::VERSION);
    assert!(again.log().contains(&said), "{}", again.log());
    let changed = again.cli(&["client", "add", "app", "--redirect-uri", "https://app.example/", "--group", "a=b"]);
    assert!(changed.status.success(), "{changed:?}");
}
