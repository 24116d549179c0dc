//! Contents and integrity of the log and the audit.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::console::authenticator::code;
use crate::console::browser::Browser;

use crate::support::database::Database;
use crate::support::{self, ADMIN, Server, Setup};
use crate::world::{Person, World};

/// Runs `atelier LINE` on the data of a server: whether it succeeded, its stdout and stderr.
fn cli(server: &Server, line: &str) -> (bool, String, String) {
    let output = server.cli(&line.split_whitespace().collect::<Vec<_>>());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The output of a command that succeeds.
fn good(server: &Server, line: &str) -> String {
    let (is_good, out, err) = cli(server, line);
    assert!(is_good, "{line}: {err}");
    out.trim_end().to_owned()
}

fn check_audit(server: &Server) -> Value {
    serde_json::from_str(&cli(server, "audit verify --json").1).expect("JSON")
}

#[test]
fn concurrent_writes_keep_the_audit_one_chain() {
    let world = World::start();
    let tasks = 6;
    thread::scope(|scope| {
        for task in 0..tasks {
            let (ada, nobody) = (&world.ada, &world.nobody);
            scope.spawn(move || {
                let ada: Client = nobody.with(ada.credential());
                for number in 0..20 {
                    let name = format!("chain-{task}-{number}");
                    let made = ada.post("/v1/api/workspaces/create", &json!({ "workspace_name": name }));
                    assert_eq!(made.status, 200, "{made:?}");
                    // A write that fails in the same batch leaves no gap.
                    let refused = ada.post("/v1/api/workspaces/create", &json!({ "workspace_name": name }));
                    assert_ne!(refused.json()["workspace_id"].as_i64(), Some(0));
                }
            });
        }
        scope.spawn(|| {
            for number in 0..6 {
                good(&world.server, &format!("user add chain{number}@example.com"));
                let told = check_audit(&world.server);
                assert_eq!(told["sound"], true, "{told:#}");
            }
        });
    });
    let told = check_audit(&world.server);
    assert_eq!(told["sound"], true, "{told:#}");
    let database = world.database();
    assert_eq!(told["rows"], database.count("audit"));
    assert_eq!(database.one::<i64>("SELECT count(*) FROM audit WHERE verb = 'workspaces.create'", []), tasks * 20);
    assert_eq!(database.one::<i64>("SELECT count(*) FROM audit WHERE hash IS NULL", []), 0);
    assert_eq!(database.one::<i64>("SELECT max(id) - min(id) + 1 - count(*) FROM audit", []), 0);

    database.write("UPDATE audit SET after = '{}' WHERE verb = 'users.create' AND id > 20", []);
    let told = check_audit(&world.server);
    assert_eq!((&told["sound"], &told["faults"][0]["fault"]), (&json!(false), &json!("changed")), "{told:#}");
}

#[test]
fn the_newest_audit_hash_is_logged_at_start_and_stop() {
    let mut world = World::start();
    let head = good(&world.server, "audit verify");
    assert!(!world.server.log().contains(&head), "it is another one than at the start");
    good(&world.server, &format!("audit verify --expect {}", hash_in(&world.server.log())));
    assert!(world.server.stop().success());
    assert_eq!(hash_in(&world.server.log()), head);
}

/// The last audit hash in a log.
fn hash_in(log: &str) -> String {
    let line = log.lines().rev().find(|line| line.contains("audit log: the newest row is ")).expect("a line");
    line.rsplit(' ').next().expect("a hash").to_owned()
}

const LIST: &str = "/v1/api/workspaces/list";

/// The status of a request for the workspaces with this credential.
fn status(nobody: &Client, credential: &str) -> u16 {
    nobody.with(credential).post(LIST, &json!({})).status
}

#[test]
fn sessions_are_listed_and_ended_singly_by_user_and_all_at_once() {
    let world = World::start();
    let (server, nobody) = (&world.server, &world.nobody);
    let key = good(server, &format!("key create --user {ADMIN}"));
    let second = Person::enter(nobody, &world.bob.email, &world.bob.password);
    let browser = Browser::signed_in(nobody, &world.bob.email, &world.bob.password);
    assert_eq!(browser.get("/auth/account").status, 200);
    let listed = |line: &str| -> Vec<Value> { serde_json::from_str(&good(server, line)).expect("a list") };
    let bobs = listed("session list --user BOB@example.com --json");
    assert_eq!(bobs.len(), 3, "{bobs:?}");
    assert_eq!((&bobs[0]["client"], &bobs[0]["user"]), (&Value::Null, &json!("bob@example.com")));
    assert_eq!((&bobs[1]["client"], &bobs[1]["address"]), (&json!("sdk-client"), &json!("127.0.0.1")));
    let everybodys = listed("session list --json");
    assert_eq!(everybodys.len(), 5);
    let table = good(server, "session list");
    assert!(table.starts_with("ID ") && table.lines().count() == 6 && table.contains("  browser  "), "{table}");
    for secret in [key.as_str(), second.credential(), &second.refresh_token] {
        assert!(!table.contains(secret));
    }

    let newest = bobs[1]["id"].as_str().expect("an id");
    good(server, &format!("session end {newest} --yes"));
    assert_eq!((status(nobody, second.credential()), status(nobody, world.bob.credential())), (401, 200));
    assert!(!cli(server, &format!("session end {newest} --yes")).0, "it is no more");
    good(server, "session end --user bob@example.com --yes");
    assert_eq!((status(nobody, world.bob.credential()), status(nobody, world.ada.credential())), (401, 200));
    assert_eq!(browser.get("/auth/account").status, 303);

    // Everything that is a session, or would become one.
    let bob = Person::enter(nobody, &world.bob.email, &world.bob.password);
    let browser = Browser::signed_in(nobody, &world.bob.email, &world.bob.password);
    let device = nobody.form("/auth/realms/master/protocol/openid-connect/auth/device", &[("client_id", "sdk-client")]);
    let device_code = device.text("device_code");
    let all = [world.ada.credential(), world.carol.credential(), bob.credential()];
    assert!(all.iter().all(|token| status(nobody, token) == 200));
    let (is_good, out, err) = cli(server, "session end --all --yes");
    assert!(is_good && out.is_empty(), "{err}");
    assert_eq!(err, "all users are signed out; 4 sessions ended; API keys still work\n");
    assert!(all.iter().all(|token| status(nobody, token) == 401));
    for refresh_token in [&world.ada.refresh_token, &bob.refresh_token] {
        assert_eq!(nobody.refresh(refresh_token).status, 400);
    }
    assert_eq!(browser.get("/auth/account").status, 303);
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let fields = [("client_id", "sdk-client"), ("grant_type", grant), ("device_code", &device_code)];
    assert_eq!(nobody.form(crate::client::TOKEN, &fields).json()["error"], "invalid_grant");
    assert_eq!(status(nobody, &key), 200, "a key is no session");
    let database = world.database();
    let row = "SELECT verb, actor, object, before FROM audit ORDER BY id DESC LIMIT 1";
    assert_eq!(database.rows(row, []), [r#"sessions.end_everybodys|operator|all|{"sessions":4}"#]);
    for table in ["sessions", "refresh_tokens", "authorization_codes", "device_codes", "pending_sign_ins"] {
        assert_eq!(database.count(table), 0, "{table}");
    }
    assert_eq!(good(server, "session list"), "");
    Person::enter(nobody, &world.bob.email, &world.bob.password);
    for line in ["session end", "session end --all --user bob@example.com --yes", "session end --all nonsense --yes"] {
        assert!(!cli(server, line).0, "{line}");
    }
    assert_eq!(status(nobody, Person::enter(nobody, ADMIN, &world.ada.password).credential()), 200);
}

/// A user with a second factor, and the page that shows its key.
fn with_second_factor(world: &World, name: &str) -> (Person, Answer) {
    let somebody = world.new_member(name);
    let browser = Browser::signed_in(&world.nobody, &somebody.email, &somebody.password);
    browser.get("/auth/account");
    let page = browser.post("/auth/account/second-factor", &[]);
    let codes = browser.post("/auth/account/second-factor/confirm", &[("code", &code(&page, 0))]);
    assert!(codes.status == 200, "{codes:?}");
    (somebody, page)
}

/// The status of a sign-in with this code; 500 if the second factor cannot be decrypted.
fn code_status(nobody: &Client, somebody: &Person, code: &str) -> u16 {
    let browser = Browser::new(nobody);
    browser.sign_in(&somebody.email, &somebody.password);
    browser.get("/auth/sign-in/code");
    browser.post("/auth/sign-in/code", &[("code", code)]).status
}

/// The ids of the keys that the values of a file are encrypted with.
fn sealed_under(data_dir: &Path) -> BTreeSet<String> {
    let sql = "SELECT DISTINCT lower(hex(substr(sealed, 2, 8))) FROM signing_keys
               UNION SELECT lower(hex(substr(sealed, 2, 8))) FROM second_factors
               UNION SELECT lower(hex(substr(sealed, 2, 8))) FROM connections";
    Database::open(data_dir).rows(sql, []).into_iter().collect()
}

#[test]
fn the_master_key_is_rotated_under_a_running_server() {
    let mut world = World::of(Setup::new().args(&["--signing-algorithm", "EdDSA"]));
    let (kim, page) = with_second_factor(&world, "kim");
    let connection = json!({ "name": "store", "type": "HTTP", "details": { "token": "hunter2" } });
    world.bob.post("/v1/api/connections/create", &connection).ok();
    let details =
        |who: &Client| who.post("/v1/api/connections/get", &json!({ "name": "store" })).ok()["details"].clone();
    let before: Vec<_> = sealed_under(world.server.data_dir()).into_iter().collect();
    let told: Value = serde_json::from_str(&good(&world.server, "master-key rotate --json")).expect("JSON");
    assert_eq!(
        (&told["before"], &told["signing_keys"], &told["second_factors"], &told["connections"]),
        (&json!(before[0]), &json!(2), &json!(1), &json!(1))
    );
    let now = told["master_key"].as_str().expect("an id").to_owned();
    let kept = world.server.data_dir().join(format!("master.key.{}", before[0]));
    assert_eq!(told["kept"], kept.display().to_string());
    assert!(kept.is_file() && !world.server.data_dir().join("master.key.new").exists());
    assert_eq!(sealed_under(world.server.data_dir()), [now.clone()].into());

    // Old values can be decrypted, tokens stay valid, and new secrets are encrypted with the new key.
    assert_eq!(code_status(&world.nobody, &kim, "000000"), 403);
    assert_eq!(code_status(&world.nobody, &kim, &code(&page, 1)), 303);
    assert_eq!(status(&world.nobody, world.ada.credential()), 200);
    assert_eq!(details(&world.bob), connection["details"]);
    let (lea, _) = with_second_factor(&world, "lea");
    good(&world.server, "keys rotate");
    assert_eq!(status(&world.nobody, Person::enter(&world.nobody, ADMIN, &world.ada.password).credential()), 200);
    assert_eq!(sealed_under(world.server.data_dir()), [now.clone()].into());
    let again = good(&world.server, "master-key rotate");
    assert!(again.len() == 16 && again != now, "{again}");
    assert_eq!(code_status(&world.nobody, &lea, "000000"), 403);
    assert!(cli(&world.server, "check").0);
    let row =
        "SELECT verb, kind, object, before, after FROM audit WHERE verb = 'master_key.rotate' ORDER BY id LIMIT 1";
    let after = format!(r#"{{"connections":1,"key":"{now}","second_factors":1,"signing_keys":2}}"#);
    let row_wanted = format!(r#"master_key.rotate|master_key|{now}|{{"key":"{}"}}|{after}"#, before[0]);
    assert_eq!(world.database().rows(row, []), [row_wanted]);

    assert!(world.server.stop().success());
    let server = Setup::new().data_dir(world.server.data_dir()).args(&["--signing-algorithm", "EdDSA"]).start();
    let nobody = Client::new(server.base());
    assert_eq!(status(&nobody, Person::enter(&nobody, ADMIN, &world.ada.password).credential()), 200);
    assert_eq!(code_status(&nobody, &lea, "000000"), 403);
    assert_eq!(details(&Person::enter(&nobody, ADMIN, &world.ada.password)), connection["details"]);
    // No output contains a key.
    let text = fs::read_to_string(server.data_dir().join("master.key")).expect("a key");
    let line = text.lines().last().expect("a line");
    assert!(!world.server.log().contains(line) && !server.log().contains(line));
}

/// A copy of the files of a directory, and of the database of PostgreSQL that goes with it, to start from again.
struct Copy {
    files: Vec<(String, Vec<u8>)>,
    database: Option<String>,
}

impl Copy {
    fn of(directory: &Path) -> Self {
        let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
        let files = entries.map(|entry| (name(&entry), fs::read(entry.path()).expect("a file"))).collect();
        Self { files, database: support::copy_of_database(directory) }
    }

    fn restore(&self, directory: &Path) {
        for entry in fs::read_dir(directory).expect("a directory") {
            fs::remove_file(entry.expect("an entry").path()).expect("a file");
        }
        for (name, bytes) in &self.files {
            put(&directory.join(name), bytes);
        }
        if let Some(database) = &self.database {
            support::use_copy_of(database, directory);
        }
    }
}

fn name(entry: &fs::DirEntry) -> String {
    entry.file_name().into_string().expect("a name")
}

/// Writes a file that only its owner may read.
fn put(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, bytes).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

#[test]
fn an_interrupted_rotation_resumes() {
    let mut world = World::of(Setup::new().args(&["--signing-algorithm", "EdDSA"]));
    let (kim, _) = with_second_factor(&world, "kim");
    assert!(world.server.stop().success());
    let place = world.server.data_dir().to_owned();
    let (current, next) = (place.join("master.key"), place.join("master.key.new"));
    let old = sealed_under(&place);
    let old_id = old.first().expect("an id").clone();
    let start = || Setup::new().data_dir(&place).args(&["--signing-algorithm", "EdDSA"]).start();
    let before = Copy::of(&place);
    let other = base64::engine::general_purpose::STANDARD.encode([7; 32]);

    // The new key was not or only half written, or whole, but nothing was sealed under it.
    for half in ["", "# atelier's mas", &other[..20], &other] {
        before.restore(&place);
        put(&next, half.as_bytes());
        let (is_sound, told, _) = cli(&world.server, "check");
        assert!(is_sound && told.contains("a rotation was interrupted"), "{told}");
        let server = start();
        assert_eq!(code_status(&Client::new(server.base()), &kim, "000000"), 403);
        drop(server);
        assert_eq!(sealed_under(&place), old, "a start seals nothing anew");
        let now = good(&world.server, "master-key rotate");
        assert_eq!(sealed_under(&place), [now.clone()].into());
        let is_used = fs::read_to_string(&current).expect("a key").contains(&other);
        assert_eq!(is_used, half == other, "a whole key is used, half a key is not");
        assert!(!next.exists() && cli(&world.server, "check").0);
    }

    // All is sealed under the new key, which has not its name yet; the old one has its other name already, or not.
    before.restore(&place);
    let now = good(&world.server, "master-key rotate");
    let kept = place.join(format!("master.key.{old_id}"));
    fs::rename(&current, &next).expect("a name");
    fs::copy(&kept, &current).expect("a copy");
    for keep in [true, false] {
        if !keep {
            fs::remove_file(&kept).expect("a file");
        }
        let sealed = Copy::of(&place);
        let (is_sound, told, _) = cli(&world.server, "check");
        assert!(is_sound && told.contains("a rotation was interrupted"), "{told}");
        // The start of a server finishes it.
        let server = start();
        assert_eq!(code_status(&Client::new(server.base()), &kim, "000000"), 403);
        assert!(!next.exists() && kept.exists());
        assert!(server.log().contains("finished an interrupted rotation of the master key"));
        drop(server);
        assert!(cli(&world.server, "check").0);
        // So does the next run, which does not start another rotation.
        sealed.restore(&place);
        assert_eq!(good(&world.server, "master-key rotate"), now);
        assert!(!next.exists() && kept.exists());
        // Another key that is asked for is not lost in silence.
        sealed.restore(&place);
        put(&place.join("other"), other.as_bytes());
        let (is_good, _, err) =
            cli(&world.server, &format!("master-key rotate --new-key-file {}", place.join("other").display()));
        assert!(!is_good && err.contains("run this command again to rotate to another key"), "{err}");
        sealed.restore(&place);
    }

    // A wrong key is refused, and nothing changes.
    before.restore(&place);
    put(&current, other.as_bytes());
    let (is_good, _, err) = cli(&world.server, "master-key rotate");
    assert!(!is_good && err.contains("the signing keys were not sealed under"), "{err}");
    assert_eq!(sealed_under(&place), old);
}

#[test]
fn a_killed_rotation_loses_nothing() {
    let mut world = World::of(Setup::new().args(&["--signing-algorithm", "EdDSA"]));
    let (kim, _) = with_second_factor(&world, "kim");
    assert!(world.server.stop().success());
    let place = world.server.data_dir().to_owned();
    let rotate = || {
        let mut command = support::atelier_on(&place);
        command.args(["master-key", "rotate", "--data-dir"]).arg(&place);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process")
    };
    let whole = {
        let start = std::time::Instant::now();
        assert!(rotate().wait().expect("an end").success());
        start.elapsed()
    };
    for moment in 0..30_u32 {
        let mut child = rotate();
        thread::sleep(whole * moment / 24);
        // It may have finished already.
        let _ = child.kill();
        let _ = child.wait();
        let (is_sound, told, _) = cli(&world.server, "check");
        assert!(is_sound, "killed at moment {moment}: {told}");
        assert_eq!(sealed_under(&place).len(), 1, "killed at moment {moment}");
    }
    let server = Setup::new().data_dir(&place).args(&["--signing-algorithm", "EdDSA"]).start();
    assert_eq!(code_status(&Client::new(server.base()), &kim, "000000"), 403);
    assert!(!place.join("master.key.new").exists() || cli(&server, "master-key rotate").0);
    assert_eq!(check_audit(&server)["sound"], true);
}

/// How many bits the keys of a server have, in the order of its key set.
fn bits(server: &Server) -> Vec<usize> {
    let keys = Client::new(server.base()).get("/auth/realms/master/protocol/openid-connect/certs").json();
    let modulus = |key: &Value| {
        let text = key["n"].as_str().expect("a modulus");
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url").len() * 8
    };
    keys["keys"].as_array().expect("a list").iter().map(modulus).collect()
}

#[test]
fn new_signing_keys_have_the_configured_size() {
    // Tokens name their issuer, which must not contain the port.
    let url = ["--public-url", "http://localhost:8787"];
    let mut world = World::of(Setup::new().args(&url));
    assert_eq!(bits(&world.server), [2048, 2048]);
    let token = world.ada.credential().to_owned();
    assert!(world.server.stop().success());
    let server =
        Setup::new().data_dir(world.server.data_dir()).args(&url).args(&["--signing-key-bits", "3072"]).start();
    let mut found = bits(&server);
    found.sort_unstable();
    assert_eq!(found, [2048, 3072, 3072], "the key before verifies still");
    let nobody = Client::new(server.base());
    assert_eq!(status(&nobody, &token), 200);
    let ada = Person::enter(&nobody, ADMIN, &world.ada.password);
    let signature = ada.credential().rsplit('.').next().expect("a signature");
    assert_eq!(signature.len(), 512, "384 bytes in base64");
    // The command line makes what the running server would make, whatever is set where it is typed.
    good(&server, "keys rotate");
    let mut found = bits(&server);
    found.sort_unstable();
    assert_eq!(found, [2048, 3072, 3072, 3072]);
    let listed: Value = serde_json::from_str(&good(&server, "keys list --json")).expect("JSON");
    assert_eq!(listed.as_array().expect("a list").iter().filter(|key| key["bits"] == 3072).count(), 3);
}
