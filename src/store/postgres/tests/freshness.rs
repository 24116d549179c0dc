//! The look after the arrival of a request is what makes cached data fresh in several processes. A message after the
//! commit comes too late.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use rusqlite::named_params;

use super::{database, run};
use crate::stop::Stop;
use crate::store::postgres::cluster::cluster;
use crate::store::versioned_cache::VersionedCache;
use crate::store::{Address, DataVersion, Sizes, Store};

const ROUNDS: usize = 500;

/// The threads that look all the while, so that looks are shared.
const CROWD: usize = 4;

const KEYS: &str = "
    CREATE TABLE atelier.some_keys (id BIGINT PRIMARY KEY, good BIGINT NOT NULL);
    INSERT INTO atelier.some_keys VALUES (1, 0);";

/// Each commit sends its version to those who listen.
const NOTIFY: &str = "
    CREATE FUNCTION atelier.notify() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_notify('version', NEW.generation || ' ' || NEW.edition); RETURN NEW; END $$;
    CREATE TRIGGER notify AFTER UPDATE ON atelier.meta FOR EACH ROW EXECUTE FUNCTION atelier.notify();";

/// Two processes, the second of which caches whether a key is good, as the credential cache does.
struct Two {
    writer: Store,
    reader: Store,
    cache: VersionedCache<i64, DataVersion, bool>,
}

impl Two {
    fn on(name: &str) -> Self {
        let address = Address::parse(&cluster().address(name)).unwrap();
        let open = || Store::open_postgres(&address, Sizes::default()).unwrap();
        Self { writer: open(), reader: open(), cache: VersionedCache::new(1024) }
    }

    fn set(&self, good: bool) {
        let update = "UPDATE some_keys SET good = :good WHERE id = 1";
        let write = self.writer.write_and_wait(move |tx| {
            tx.conn.prepare_cached(update)?.execute(named_params! { ":good": i64::from(good) })?;
            Ok(())
        });
        write.unwrap();
    }

    /// Whether the second process accepts the key, by what it knows at this version.
    fn accepts(&self, version: DataVersion) -> bool {
        if let Some(good) = self.cache.find(&1, &version) {
            return good;
        }
        let select = "SELECT good FROM some_keys WHERE id = 1";
        let read = self.reader.read(|view| {
            Ok(view.conn.prepare_cached(select)?.query_row(named_params! {}, |row| row.get::<_, i64>(0))?)
        });
        let good = read.unwrap() == 1;
        self.cache.insert(1, version, good, 1);
        good
    }

    /// Whether the second process accepts the key after the first one has revoked it.
    fn is_stale(&self, version: impl Fn() -> DataVersion) -> bool {
        self.set(true);
        let since = Instant::now();
        while !self.accepts(version()) {
            assert!(since.elapsed() < Duration::from_secs(10), "the key is never accepted");
        }
        assert!(self.accepts(version()));
        self.set(false);
        self.accepts(version())
    }

    /// Whether each of several rounds was stale, while others ask for the version as well.
    fn stale_rounds(&self) -> Vec<bool> {
        let over = Stop::default();
        thread::scope(|scope| {
            let _stops = over.at_the_end();
            for _ in 0..CROWD {
                scope.spawn(|| {
                    while !over.is_set() {
                        self.reader.data_version().unwrap();
                    }
                });
            }
            (0..ROUNDS).map(|_| self.is_stale(|| self.reader.data_version().unwrap())).collect()
        })
    }
}

impl Drop for Two {
    fn drop(&mut self) {
        self.writer.close();
        self.reader.close();
    }
}

/// The version that the last message named, from now on.
fn listen(name: &str, now: DataVersion) -> Arc<Mutex<DataVersion>> {
    let address = cluster().address(name);
    let (_, folder) = address.split_once("host=").unwrap();
    let mut stream = UnixStream::connect(format!("{folder}/.s.PGSQL.5432")).unwrap();
    let mut output = BytesMut::new();
    frontend::startup_message([("user", "postgres"), ("database", name)], &mut output).unwrap();
    frontend::query("LISTEN version", &mut output).unwrap();
    stream.write_all(&output).unwrap();
    let mut input = BytesMut::new();
    let mut next = move || loop {
        if let Some(message) = Message::parse(&mut input).unwrap() {
            return Some(message);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(length) => input.extend_from_slice(&chunk[..length]),
        }
    };
    while !matches!(next().unwrap(), Message::CommandComplete(_)) {}
    let told = Arc::new(Mutex::new(now));
    let heard = told.clone();
    // It ends with the process.
    thread::spawn(move || {
        while let Some(message) = next() {
            if let Message::NotificationResponse(body) = message {
                let (generation, edition) = body.message().unwrap().split_once(' ').unwrap();
                *heard.lock().unwrap() = DataVersion::of(generation.parse().unwrap(), edition.parse().unwrap());
            }
        }
    });
    told
}

#[test]
fn cached_data_is_fresh_because_of_the_look() {
    let name = database();
    run(&name, KEYS);
    assert_eq!(Two::on(&name).stale_rounds(), [false; ROUNDS]);

    let without = database();
    run(&without, &[KEYS, NOTIFY].concat());
    let two = Two::on(&without);
    let told = listen(&without, two.reader.data_version().unwrap());
    let is_stale = || two.is_stale(|| *told.lock().unwrap());
    assert!((0..ROUNDS).any(|_| is_stale()), "this test can fail");
}
