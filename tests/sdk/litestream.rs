//! The real Litestream beside the real server, with the configuration of docs/how-to/replicate.md.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Server, Setup, run};
use crate::{key, python};

/// The steps of an older version.
const STEPS: [&str; 8] = [
    include_str!("../../src/store/engine/steps/0001.sql"),
    include_str!("../../src/store/engine/steps/0002.sql"),
    include_str!("../../src/store/engine/steps/0003.sql"),
    include_str!("../../src/store/engine/steps/0004.sql"),
    include_str!("../../src/store/engine/steps/0005.sql"),
    include_str!("../../src/store/engine/steps/0006.sql"),
    include_str!("../../src/store/engine/steps/0007.sql"),
    include_str!("../../src/store/engine/steps/0008.sql"),
];

/// The rows of the older file.
const OLD_ROWS: u64 = 500;

/// Writes that were acknowledged so long before the machine is lost are in the replica: a multiple of the interval in
/// which Litestream copies, because the machine of the test may be slow.
const COPIED_AFTER: Duration = Duration::from_secs(6);

/// A data directory, its replica, and the configuration of Litestream.
struct Place {
    folder: TempDir,
    program: PathBuf,
}

impl Place {
    fn new() -> Self {
        let program = python::environment("litestream", python::Needs::USUAL).with_file_name("litestream");
        let place = Self { folder: tempfile::tempdir().expect("a folder"), program };
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to/replicate.md");
        let page = fs::read_to_string(page).expect("the page");
        let (_, rest) = page.split_once("```yaml\n").expect("a configuration");
        let (config, _) = rest.split_once("```").expect("its end");
        let replica = format!("file://{}", place.path("replica").display());
        let (database, bucket) = ("/var/lib/atelier/atelier.db", "s3://your-bucket/atelier");
        assert!(config.contains(database) && config.contains(bucket), "{config}");
        let config = config.replace(database, &place.database().display().to_string()).replace(bucket, &replica);
        fs::write(place.path("litestream.yml"), config).expect("a file");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn database(&self) -> PathBuf {
        self.data().join("atelier.db")
    }

    /// A data file of schema version 8.
    fn create_old_file(&self) {
        private(&self.data());
        let conn = Connection::open(self.database()).expect("a file");
        for step in STEPS {
            conn.execute_batch(step).expect("a step");
        }
        conn.execute_batch(&format!(
            "PRAGMA user_version = 8;
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {OLD_ROWS})
             INSERT INTO organizations (name, name_key, description, home, created_at)
             SELECT 'old-' || n, 'old-' || n, '', 0, 5 FROM n;"
        ))
        .expect("rows");
    }

    fn litestream(&self) -> Litestream {
        let log = fs::File::create(self.path("litestream.log")).expect("a file");
        let child = Command::new(&self.program)
            .args(["replicate", "-config"])
            .arg(self.path("litestream.yml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a handle"))
            .stderr(log)
            .spawn()
            .expect("litestream starts");
        Litestream { child, log: self.path("litestream.log") }
    }

    /// Restores into a new data directory, which takes the place of the old one.
    fn restore(&self) {
        let restored = self.path("restored");
        private(&restored);
        let mut command = Command::new("sh");
        command.args(["-c", "umask 077; exec \"$0\" restore -config \"$1\" -o \"$2\" \"$3\""]).arg(&self.program);
        command.arg(self.path("litestream.yml")).arg(restored.join("atelier.db")).arg(self.database());
        good(&command.output().expect("litestream starts"));
        fs::copy(self.data().join("master.key"), restored.join("master.key")).expect("the master key");
        fs::remove_dir_all(self.data()).expect("the old directory");
        fs::rename(&restored, self.data()).expect("a rename");
        let check = run(&["check", "--json", "--data-dir", self.data().to_str().expect("a name")]);
        good(&check);
        let check: Value = serde_json::from_slice(&check.stdout).expect("JSON");
        for what in ["integrity", "foreign keys", "master key", "audit"] {
            let finding = check["findings"].as_array().expect("findings").iter().find(|one| one["what"] == what);
            assert_eq!(finding.expect("a finding")["level"], "ok", "{check:#}");
        }
    }
}

/// Litestream: killed when dropped.
struct Litestream {
    child: Child,
    log: PathBuf,
}

impl Litestream {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log")
    }

    fn wait_for(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.log().contains(words) {
            assert!(Instant::now() < deadline, "{words} is not in the log:\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Litestream {
    fn drop(&mut self) {
        // It ends with the test in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("---- the log of litestream\n{}----", self.log());
        }
    }
}

fn private(folder: &Path) {
    fs::create_dir(folder).expect("a directory");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("its mode");
}

fn good(output: &Output) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

fn post(base: &str, key: &str, path: &str, body: &Value) -> Result<Value, ureq::Error> {
    let request = ureq::post(format!("{base}/v1/api/{path}")).header("authorization", format!("Bearer {key}"));
    request.send_json(body)?.body_mut().read_json()
}

/// Creates workspaces until it is ended.
struct Load {
    is_ended: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<(Instant, String)>>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Load {
    fn begin(server: &Server, key: &str) -> Self {
        let mut load = Self { is_ended: Arc::default(), acknowledged: Arc::default(), threads: Vec::new() };
        for turn in 0..4 {
            let (is_ended, acknowledged) = (load.is_ended.clone(), load.acknowledged.clone());
            let (base, key) = (server.base().to_owned(), key.to_owned());
            load.threads.push(thread::spawn(move || {
                for number in 0.. {
                    let name = format!("load-{turn}-{number}");
                    let created = post(&base, &key, "workspaces/create", &json!({ "workspace_name": name }));
                    if is_ended.load(Ordering::Relaxed) {
                        return;
                    }
                    match created {
                        Ok(_) => acknowledged.lock().expect("no panic").push((Instant::now(), name)),
                        // The server is gone, or busy.
                        Err(_) => thread::sleep(Duration::from_millis(100)),
                    }
                }
            }));
        }
        load
    }

    fn len(&self) -> usize {
        self.acknowledged.lock().expect("no panic").len()
    }

    /// Ends after the server was killed. Returns the writes that were acknowledged long enough before.
    fn end(self, killed: Instant) -> Vec<String> {
        self.is_ended.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("no panic");
        }
        let all = self.acknowledged.lock().expect("no panic");
        let old = all.iter().filter(|(at, _)| *at + COPIED_AFTER < killed);
        old.map(|(_, name)| name.clone()).collect()
    }
}

fn workspaces(server: &Server, key: &str) -> Vec<String> {
    let list = post(server.base(), key, "workspaces/list", &json!({})).expect("a list");
    let name = |workspace: &Value| workspace["name"].as_str().expect("a name").to_owned();
    list["workspaces"].as_array().expect("a list").iter().map(name).collect()
}

#[test]
fn a_replica_survives_a_checkpoint_an_upgrade_and_the_loss_of_the_machine() {
    let place = Place::new();
    place.create_old_file();
    let litestream = place.litestream();
    litestream.wait_for("snapshot complete");

    // The upgrade, while Litestream runs.
    let server = Setup::new().data_dir(place.data()).start();
    assert!(server.log().contains("upgraded the data file from schema version 8 to "), "{}", server.log());
    assert!(place.data().join("backup").is_dir());

    // Checkpoints under load: the file grows beyond what the upgrade left.
    let secret = key(&server);
    let load = Load::begin(&server, &secret);
    let length = || fs::metadata(place.database()).expect("the data file").len();
    let begin = length();
    let deadline = Instant::now() + Duration::from_mins(3);
    while length() < begin + (1 << 20) || load.len() < 500 {
        assert!(Instant::now() < deadline, "no checkpoint: {} of {begin} bytes, {} writes", length(), load.len());
        thread::sleep(Duration::from_millis(100));
    }
    thread::sleep(COPIED_AFTER + Duration::from_secs(2));

    // The machine is lost.
    let killed = Instant::now();
    drop(litestream);
    drop(server);
    let written = load.end(killed);
    assert!(written.len() > 500, "{}", written.len());
    place.restore();

    let server = Setup::new().data_dir(place.data()).start();
    let listed = workspaces(&server, &secret);
    let lost: Vec<_> = written.iter().filter(|name| !listed.contains(name)).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), written.len());
    let conn = Connection::open(place.database()).expect("the data file");
    let sql = "SELECT count(*) FROM organizations WHERE name LIKE 'old-%'";
    assert_eq!(conn.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number").cast_unsigned(), OLD_ROWS);
    drop(conn);

    // Litestream goes on with the restored directory and the same replica.
    let litestream = place.litestream();
    litestream.wait_for("fetched latest L0 file from replica");
    post(server.base(), &secret, "workspaces/create", &json!({ "workspace_name": "after" })).expect("a workspace");
    thread::sleep(COPIED_AFTER);
    drop(litestream);
    drop(server);
    place.restore();
    let server = Setup::new().data_dir(place.data()).start();
    assert!(workspaces(&server, &secret).contains(&"after".to_owned()));
}
