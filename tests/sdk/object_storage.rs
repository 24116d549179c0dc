//! The store for files on a real server of object storage: moto, which speaks S3.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use atelier::domain::model::Sha256;
use atelier::domain::secret::Secret;
use atelier::files::{self, FileStore, Limit, Listed, ObjectSettings, Place, Spool, Spooled};

use crate::python;
use crate::support::{ADMIN, Server, Setup};

const NEEDS: python::Needs = python::Needs { oldest: 11, ..python::Needs::USUAL };
const LIMIT: Limit = Limit { bytes: 1 << 30, rule: "must be smaller" };

/// A server of object storage with a bucket `models`.
pub struct ObjectStorage {
    server: Child,
    pub endpoint: String,
}

impl ObjectStorage {
    /// # Panics
    ///
    /// When moto cannot be installed, or does not serve within a minute.
    pub fn start() -> Self {
        let python = python::environment("moto", NEEDS);
        let mut server = python::compiling_once(&mut Command::new(python.with_file_name("moto_server")))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto_server starts");
        let log = server.stderr.take().expect("stderr is piped");
        let (sender, receiver) = mpsc::channel();
        // It reads to the end, so that the server never waits for its log.
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("Running on ") {
                    let _ = sender.send(address.trim().to_owned());
                }
            }
        });
        let endpoint = receiver.recv_timeout(Duration::from_mins(1)).expect("moto_server serves within a minute");
        let storage = Self { server, endpoint };
        ureq::put(format!("{}/models", storage.endpoint)).send_empty().expect("a bucket is created");
        storage
    }

    fn settings(&self, url: &str) -> ObjectSettings {
        ObjectSettings {
            url: url.to_owned(),
            endpoint: Some(self.endpoint.clone()),
            region: Some("us-east-1".to_owned()),
            access_key: Some(("id".to_owned(), Secret::new("secret"))),
        }
    }
}

impl Drop for ObjectStorage {
    fn drop(&mut self) {
        // It ends with the test in any case.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn spooled(spool: &Spool, bytes: &[u8]) -> Spooled {
    let mut incoming = spool.begin(LIMIT).expect("a file in the spool");
    incoming.write(bytes).expect("bytes");
    incoming.finish().expect("a whole file")
}

fn read(store: &dyn FileStore, sha256: &Sha256, range: std::ops::Range<u64>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    store.open(sha256, range).expect("an answer")?.read_to_end(&mut bytes).expect("all bytes");
    Some(bytes)
}

#[test]
fn files_are_kept_in_object_storage() {
    let storage = ObjectStorage::start();
    let folder = tempfile::tempdir().expect("a folder");
    for url in ["s3://models", "s3://models/team/files"] {
        let place = Place::Object(storage.settings(url));
        let (store, spool) = files::open(folder.path(), &place).expect("a store");
        let store = store.as_ref();
        // One is sent whole, the other one in three parts.
        let small: Vec<u8> = (0..100_u8).collect();
        let large: Vec<u8> = (0..20_000_003_u32).map(|number| number.to_le_bytes()[number as usize % 3]).collect();
        let mut listed = Vec::new();
        for bytes in [small, large] {
            let size = bytes.len() as u64;
            let mut file = spooled(&spool, &bytes);
            let sha256 = file.sha256();
            assert_eq!((store.size(&sha256).expect("an answer"), read(store, &sha256, 0..size)), (None, None));
            store.place(&mut file).expect("it is placed");
            store.place(&mut file).expect("it is placed again");
            assert_eq!(store.size(&sha256).expect("an answer"), Some(size));
            let end = bytes.len();
            for range in [0..end, 0..1, 17..50, end - 1..end, 5..5] {
                let part = bytes[range.clone()].to_vec();
                let [first, last] = [range.start, range.end].map(|at| u64::try_from(at).expect("a size"));
                assert!(read(store, &sha256, first..last) == Some(part), "{range:?} of {size}");
            }
            store.remove(&sha256).expect("it is removed");
            store.remove(&sha256).expect("it is removed again");
            assert_eq!((store.size(&sha256).expect("an answer"), read(store, &sha256, 5..5)), (None, None));
            // A file that was removed at that moment is placed again.
            store.place(&mut file).expect("it is placed after it was removed");
            assert!(read(store, &sha256, 0..size).as_ref() == Some(&bytes));
            listed.push(Listed::File { sha256, size });
        }
        let address = format!("{}/{}/note", storage.endpoint, url.trim_start_matches("s3://"));
        ureq::put(address).send("x").expect("another object");
        listed.push(Listed::Other(format!(
            "{}note",
            url.strip_prefix("s3://models/").map_or(String::new(), |at| format!("{at}/"))
        )));
        listed.sort();
        let mut found = Vec::new();
        let each = &mut |entry| {
            found.push(entry);
            Ok(())
        };
        store.list(each).expect("a list");
        // The bucket without a prefix has all of it.
        found.sort();
        assert_eq!(found, listed);
        for entry in listed {
            if let Listed::File { sha256, .. } = entry {
                store.remove(&sha256).expect("it is removed");
            }
        }
    }
    let left = std::fs::read_dir(folder.path().join("files/incoming")).expect("the spool").count();
    assert_eq!(left, 0, "in the spool");
}

#[test]
fn a_server_keeps_its_files_in_object_storage() {
    let storage = ObjectStorage::start();
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "secret\n").expect("the secret is written");
    let setup = Setup::new()
        .env("ATELIER_FILES_URL", "s3://models/team")
        .env("ATELIER_FILES_ENDPOINT", &storage.endpoint)
        .env("ATELIER_FILES_REGION", "us-east-1")
        .env("ATELIER_FILES_ACCESS_KEY", "id")
        .env("ATELIER_FILES_SECRET_KEY_FILE", secret.path());
    let server = setup.start();
    let key = String::from_utf8(server.cli(&["key", "create", "--user", ADMIN]).stdout).expect("a key");
    let send = |server: &Server, path: &str, kind: &str, body: &[u8]| {
        let request = ureq::post(format!("{}/v1/api/{path}", server.base()));
        let request = request.header("authorization", format!("Bearer {}", key.trim())).content_type(kind);
        request.config().http_status_as_error(false).build().send(body).expect("an answer")
    };
    let json = |server: &Server, path: &str, body: serde_json::Value| {
        let mut answer = send(server, path, "application/json", body.to_string().as_bytes());
        answer.body_mut().read_json::<serde_json::Value>().expect("JSON")
    };
    let workspace = json(&server, "workspaces/create", serde_json::json!({ "workspace_name": "files" }));
    let workspace = workspace["workspace_id"].as_i64().expect("an id");
    let bytes: Vec<u8> = (0..10_000_000_u32).map(|number| number.to_le_bytes()[number as usize % 3]).collect();
    let path = format!("models/upload_stream?name=m&filename=m.onnx&workspace_id={workspace}");
    let mut answer = send(&server, &path, "application/octet-stream", &bytes);
    let answer = answer.body_mut().read_json::<serde_json::Value>().expect("JSON");
    let version =
        answer["insert_models"]["returning"][0]["models"][0]["id"].as_i64().unwrap_or_else(|| panic!("{answer}"));
    let download = |range: &str| {
        let request = ureq::get(format!("{}/v1/api/models/{version}/file", server.base()));
        let request = request.header("authorization", format!("Bearer {}", key.trim())).header("range", range);
        let mut answer = request.call().expect("the file");
        answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("all bytes")
    };
    assert!(download("bytes=0-") == bytes);
    assert!(download("bytes=9000000-9000009") == bytes[9_000_000..9_000_010]);
    let local = names(&server.data_dir().join("files"));
    assert!(local.is_empty(), "on the local disk: {local:?}");

    let body = serde_json::json!({ "model_id": "m", "workspace_id": workspace, "confirm_delete": true });
    assert_eq!(json(&server, "models/delete_model", body)["bytes"], bytes.len());
    let list = || {
        let mut answer = ureq::get(format!("{}/models?list-type=2", storage.endpoint)).call().expect("a list");
        answer.body_mut().read_to_string().expect("a list")
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while list().contains("<Key>") {
        assert!(std::time::Instant::now() < deadline, "{}", list());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_restore_replaces_a_damaged_object() {
    let storage = ObjectStorage::start();
    let place = tempfile::tempdir().expect("a folder");
    let atelier = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
        command.args(line.split_whitespace()).current_dir(place.path());
        for (name, value) in [
            ("URL", "s3://models/team"),
            ("ENDPOINT", &storage.endpoint),
            ("REGION", "us-east-1"),
            ("ACCESS_KEY", "id"),
            ("SECRET_KEY", "secret"),
        ] {
            command.env(format!("ATELIER_FILES_{name}"), value);
        }
        let output = command.stdin(Stdio::null()).output().expect("it runs");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.success(), "{line}: {text}{}", String::from_utf8_lossy(&output.stdout));
    };
    atelier("user add ada@example.com --admin");
    atelier("workspace create vision --owner ada@example.com");
    let models = [("small", vec![7; 1000]), ("large", vec![8; 9_000_000]), ("whole", vec![9; 1000])];
    for (name, bytes) in &models {
        std::fs::write(place.path().join(name), bytes).expect("a file");
        atelier(&format!("model put {name} --workspace 1 --name {name}"));
    }
    atelier("backup b.tar");
    atelier("backup backups/");
    let sha256 = |bytes: &[u8]| {
        let mut hash = atelier::tokens::file_hash::FileHash::new();
        hash.update(bytes);
        hash.finish()
    };
    let (store, _) = files::open(place.path(), &Place::Object(storage.settings("s3://models/team"))).expect("a store");
    // The time at which an object was stored, in seconds.
    let modified = |bytes: &[u8]| {
        let mut answer = ureq::get(format!("{}/models?list-type=2", storage.endpoint)).call().expect("a list");
        let list = answer.body_mut().read_to_string().expect("a list");
        let (_, rest) = list.split_once(&sha256(bytes).to_string()).expect("the object");
        let (_, rest) = rest.split_once("<LastModified>").expect("its time");
        rest.split_once('<').expect("its end").0.to_owned()
    };
    let archive = std::fs::read_dir(place.path().join("backups")).expect("backups").map(|entry| entry.expect("one"));
    let archive = archive.map(|entry| entry.file_name().into_string().expect("text"));
    let mut archive = archive.filter(|name| name.starts_with("atelier-"));
    let archive = archive.next().expect("a backup");
    // An object that is sent again has a later time.
    let before = modified(&models[2].1);
    std::thread::sleep(Duration::from_millis(1100));
    for (number, backup) in ["b.tar".to_owned(), format!("backups/{archive}")].iter().enumerate() {
        for (_, bytes) in &models[..2] {
            let mut damaged = bytes.clone();
            damaged[500] ^= 1;
            let address = format!("{}/models/team/{}", storage.endpoint, sha256(bytes));
            // A request without a signature may add an object, but not replace one.
            store.remove(&sha256(bytes)).expect("it is removed");
            ureq::put(address).send(&damaged).expect("a damaged object");
        }
        atelier(&format!("restore {backup} --data-dir restored-{number}"));
        for (name, bytes) in &models {
            let size = bytes.len() as u64;
            assert!(read(store.as_ref(), &sha256(bytes), 0..size).as_ref() == Some(bytes), "{name} of {backup}");
        }
        assert_eq!(modified(&models[2].1), before, "a whole one is not sent again");
        atelier(&format!("check --data-dir restored-{number}"));
    }
}

/// The names of all files in a folder and those in it.
fn names(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { names(&path) } else { vec![path] }).collect()
}

#[test]
fn storage_that_cannot_be_reached_is_an_error() {
    let storage = ObjectStorage::start();
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::Object(storage.settings("s3://another-bucket"));
    let (store, spool) = files::open(folder.path(), &place).expect("a store");
    let mut file = spooled(&spool, b"x");
    let error = store.place(&mut file).expect_err("there is no such bucket").chain();
    assert!(error.contains("cannot use its object storage") && error.contains("another-bucket"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}
