//! Tests of the writer, as seen by its callers and by a second connection.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use rusqlite::OpenFlags;

use super::*;
use crate::error::Error;
use crate::store::data_dir::shared_file::SharedFile;
use crate::store::engine::data_version::DataVersionProbe;
use crate::store::engine::write_queue::{LONG_WRITE, MAX_BATCH, Pending, RETRY_AFTER};
use crate::store::engine::{open, schema};

/// After this time the writer counts as hanging.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long the writer waits for the lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_millis(400);

/// A writer on a file of its own, which has the additional table `note`.
struct Bench {
    writer: Writer,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn bench(queue: usize) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("atelier.db");
    let file = SharedFile::open_or_create(&path).unwrap();
    let mut conn = open::for_writing(&path, 2048).unwrap();
    schema::bring_up_to_date(&mut conn).unwrap();
    conn.execute_batch(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, after INTEGER REFERENCES note) STRICT",
    )
    .unwrap();
    conn.busy_timeout(BUSY_TIMEOUT).unwrap();
    let probe = DataVersionProbe::on(&path).unwrap();
    let watch = Arc::new(Watch::begin(&conn, &path, &path, file, None).unwrap());
    let checkpoints = Checkpoints::new(Arc::default(), probe, BUSY_TIMEOUT);
    Bench { writer: Writer::start(conn, checkpoints, watch, queue, Arc::default()).unwrap(), path, _folder: folder }
}

impl Bench {
    /// A separate connection, as another process would have.
    fn other(&self) -> Connection {
        Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
    }

    /// The committed notes, in the order of their writes.
    fn notes(&self) -> Vec<String> {
        notes(&self.other())
    }

    fn generation(&self) -> i64 {
        self.other().query_row("SELECT generation FROM meta", [], |row| row.get(0)).unwrap()
    }

    /// Runs this write and returns its result.
    fn now<T: Send + 'static>(&self, work: impl Fn(&Tx) -> Result<T> + Send + 'static) -> Result<T> {
        wait(self.writer.send(work).unwrap())
    }

    /// Keeps the writer busy, so that the writes that are queued meanwhile form one batch.
    fn hold(&self) -> Hold {
        let (started, has_started) = channel();
        let (release, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let answer = self.writer.send(move |_| {
            started.send(()).unwrap();
            gate.lock().unwrap().recv_timeout(TIMEOUT).unwrap();
            Ok(())
        });
        has_started.recv_timeout(TIMEOUT).unwrap();
        Hold { release, answer: answer.unwrap() }
    }
}

struct Hold {
    release: Sender<()>,
    answer: Pending<()>,
}

impl Hold {
    fn release(self) {
        self.release.send(()).unwrap();
        wait(self.answer).unwrap();
    }
}

/// Waits for a result until the time limit.
fn wait<T: Send + 'static>(pending: Pending<T>) -> Result<T> {
    let (answer, answered) = channel();
    thread::spawn(move || answer.send(pending.wait()));
    answered.recv_timeout(TIMEOUT).expect("the writer hangs")
}

fn notes(conn: &Connection) -> Vec<String> {
    let mut query = conn.prepare("SELECT text FROM note ORDER BY id").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
}

fn note(text: &'static str) -> impl Fn(&Tx) -> Result<()> + Send + 'static {
    move |tx| {
        tx.conn.sqlite().unwrap().execute("INSERT INTO note (text) VALUES (?1)", [text])?;
        Ok(())
    }
}

fn refused() -> Error {
    Error::Refused { rule: "not like this" }
}

#[test]
fn a_failing_write_rolls_back_alone_while_the_others_commit() {
    let bench = bench(8);
    let before = bench.generation();
    let hold = bench.hold();
    let first = bench.writer.send(note("first")).unwrap();
    let failing = bench
        .writer
        .send(|tx| {
            note("never")(tx)?;
            note("nor this")(tx)?;
            Err::<(), _>(refused())
        })
        .unwrap();
    let last = bench.writer.send(note("last")).unwrap();
    hold.release();
    wait(first).unwrap();
    assert!(matches!(wait(failing), Err(Error::Refused { .. })));
    wait(last).unwrap();
    assert_eq!(bench.notes(), ["first", "last"]);
    assert_eq!(bench.generation(), before + 1, "all three were in one commit");
}

#[test]
fn a_panicking_write_rolls_back_alone_while_the_others_commit() {
    let bench = bench(8);
    let hold = bench.hold();
    let first = bench.writer.send(note("first")).unwrap();
    let panicking = bench
        .writer
        .send(|tx| {
            note("never")(tx)?;
            let mut open = tx.conn.sqlite().unwrap().prepare("SELECT text FROM note")?;
            let _rows = open.query([])?.next()?;
            std::panic::panic_any("a test's panic") as Result<()>
        })
        .unwrap();
    let last = bench.writer.send(note("last")).unwrap();
    hold.release();
    wait(first).unwrap();
    assert_eq!(wait(panicking).unwrap_err().chain(), "internal error: a write panicked");
    wait(last).unwrap();
    assert_eq!(bench.notes(), ["first", "last"]);
    bench.now(note("afterwards")).unwrap();
}

#[test]
fn a_write_sees_the_earlier_writes_of_its_batch() {
    let bench = bench(8);
    let hold = bench.hold();
    let first = bench.writer.send(note("taken")).unwrap();
    let second = bench.writer.send(note("taken")).unwrap();
    hold.release();
    wait(first).unwrap();
    assert!(wait(second).is_err());
}

#[test]
fn no_answer_is_sent_before_the_commit() {
    let bench = bench(8);
    let (at_commit, is_at_commit) = channel();
    let (open_gate, gate) = channel::<()>();
    let gate = Mutex::new(Some(gate));
    let setting = bench.writer.send(move |tx| {
        let (at_commit, gate) = (at_commit.clone(), gate.lock().unwrap().take().unwrap());
        let hook = move || {
            at_commit.send(()).unwrap();
            gate.recv_timeout(TIMEOUT).unwrap();
            false
        };
        Ok(tx.conn.sqlite().unwrap().commit_hook(Some(hook))?)
    });
    is_at_commit.recv_timeout(TIMEOUT).unwrap();
    open_gate.send(()).unwrap();
    wait(setting.unwrap()).unwrap();

    let hold = bench.hold();
    let [one, two] = ["one", "two"].map(|text| bench.writer.send(note(text)).unwrap());
    let failing = bench.writer.send(|_| Err::<(), _>(refused())).unwrap();
    let mut pending = vec![one, two, failing];
    hold.release.send(()).unwrap();
    is_at_commit.recv_timeout(TIMEOUT).unwrap();
    open_gate.send(()).unwrap();
    is_at_commit.recv_timeout(TIMEOUT).unwrap();
    thread::sleep(Duration::from_millis(100));
    for Pending(answer) in &mut pending {
        assert!(answer.try_recv().is_err(), "an answer came before the commit");
    }
    assert!(bench.notes().is_empty(), "nothing is committed yet");
    open_gate.send(()).unwrap();

    let other = bench.other();
    let answers: Vec<_> = pending
        .into_iter()
        .map(|pending| {
            let answer = wait(pending);
            // A committed row is visible to everybody at the moment of the answer.
            (answer.is_ok(), notes(&other))
        })
        .collect();
    let all = ["one", "two"].map(str::to_owned).to_vec();
    assert_eq!(answers, [(true, all.clone()), (true, all.clone()), (false, all)]);
}

#[test]
fn every_answer_finds_its_row_on_a_second_connection() {
    let bench = Arc::new(bench(64));
    thread::scope(|scope| {
        for thread in 0..4 {
            let bench = &bench;
            scope.spawn(move || {
                let other = bench.other();
                for n in 0..25 {
                    let text = format!("{thread}/{n}");
                    let row = text.clone();
                    let id = bench.now(move |tx| {
                        tx.conn.sqlite().unwrap().execute("INSERT INTO note (text) VALUES (?1)", [&row])?;
                        Ok(tx.conn.sqlite().unwrap().last_insert_rowid())
                    });
                    let sql = "SELECT text FROM note WHERE id = ?1";
                    let found: String = other.query_row(sql, [id.unwrap()], |row| row.get(0)).unwrap();
                    assert_eq!(found, text);
                }
            });
        }
    });
}

#[test]
fn a_full_queue_fails_as_busy() {
    let bench = bench(2);
    let hold = bench.hold();
    let waiting = [bench.writer.send(note("one")).unwrap(), bench.writer.send(note("two")).unwrap()];
    for _ in 0..3 {
        let refused = bench.writer.send(note("one too many")).map(drop);
        assert!(matches!(refused, Err(Error::Busy { retry_after }) if retry_after == RETRY_AFTER));
    }
    hold.release();
    for pending in waiting {
        wait(pending).unwrap();
    }
    bench.now(note("room again")).unwrap();
    assert_eq!(bench.notes(), ["one", "two", "room again"]);
}

#[test]
fn a_write_that_loses_the_transaction_does_not_fail_the_others() {
    let bench = bench(8);
    let runs = Arc::new(AtomicUsize::new(0));
    let hold = bench.hold();
    let first = bench.writer.send(note("first")).unwrap();
    let counted = runs.clone();
    let conflicting = bench
        .writer
        .send(move |tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            note("first")(tx)
        })
        .unwrap();
    let guilty = bench
        .writer
        .send(|tx| {
            note("never")(tx)?;
            Ok(tx.conn.sqlite().unwrap().execute_batch("ROLLBACK")?)
        })
        .unwrap();
    let last = bench.writer.send(note("last")).unwrap();
    hold.release();
    wait(first).unwrap();
    assert!(wait(conflicting).is_err());
    assert!(matches!(wait(guilty), Err(Error::Internal(_))));
    wait(last).unwrap();
    assert_eq!(bench.notes(), ["first", "last"]);
    assert_eq!(runs.load(Ordering::SeqCst), 2, "once in the batch, once alone");
}

#[test]
fn a_write_that_rolls_back_and_fails_does_not_fail_the_others() {
    let bench = bench(8);
    let hold = bench.hold();
    let first = bench.writer.send(note("first")).unwrap();
    let guilty = bench
        .writer
        .send(|tx| {
            tx.conn.sqlite().unwrap().execute_batch("ROLLBACK")?;
            Err::<(), _>(refused())
        })
        .unwrap();
    let last = bench.writer.send(note("last")).unwrap();
    hold.release();
    wait(first).unwrap();
    assert!(matches!(wait(guilty), Err(Error::Refused { .. })));
    wait(last).unwrap();
    assert_eq!(bench.notes(), ["first", "last"]);
}

#[test]
fn a_full_disk_fails_only_the_write_that_does_not_fit() {
    let bench = bench(8);
    bench
        .now(|tx| {
            let pages: i64 = tx.conn.sqlite().unwrap().pragma_query_value(None, "page_count", |row| row.get(0))?;
            Ok(tx.conn.sqlite().unwrap().pragma_update_and_check(None, "max_page_count", pages + 8, |_| Ok(()))?)
        })
        .unwrap();
    let hold = bench.hold();
    let first = bench.writer.send(note("first")).unwrap();
    let large = bench
        .writer
        .send(|tx| {
            tx.conn.sqlite().unwrap().execute("INSERT INTO note (text) VALUES (hex(zeroblob(1000000)))", [])?;
            Ok(())
        })
        .unwrap();
    let last = bench.writer.send(note("last")).unwrap();
    hold.release();
    wait(first).unwrap();
    let message = wait(large).unwrap_err().chain();
    assert!(message.contains("full"), "{message}");
    wait(last).unwrap();
    assert_eq!(bench.notes(), ["first", "last"]);
}

#[test]
fn a_failed_commit_returns_an_error_and_changes_nothing() {
    let bench = bench(8);
    let before = bench.generation();
    let dangling = || {
        bench
            .writer
            .send(|tx| {
                tx.conn.sqlite().unwrap().execute_batch("PRAGMA defer_foreign_keys = ON")?;
                tx.conn.sqlite().unwrap().execute("INSERT INTO note (text, after) VALUES ('dangling', 4711)", [])?;
                Ok(())
            })
            .unwrap()
    };
    assert!(matches!(wait(dangling()), Err(Error::Internal(_))));
    assert!(bench.notes().is_empty());
    assert_eq!(bench.generation(), before);

    let hold = bench.hold();
    let first = bench.writer.send(note("first")).unwrap();
    let guilty = dangling();
    let last = bench.writer.send(note("last")).unwrap();
    hold.release();
    wait(first).unwrap();
    let message = wait(guilty).unwrap_err().chain();
    assert_eq!(message, "internal error: FOREIGN KEY constraint failed");
    wait(last).unwrap();
    assert_eq!(bench.notes(), ["first", "last"]);
}

#[test]
fn a_refused_commit_returns_an_error_and_changes_nothing() {
    let bench = bench(8);
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = commits.clone();
    bench
        .now(move |tx| {
            let counted = counted.clone();
            // The hook accepts the commits of this write, of the hold and of the last write.
            let refuse = move || (2..5).contains(&counted.fetch_add(1, Ordering::SeqCst));
            Ok(tx.conn.sqlite().unwrap().commit_hook(Some(refuse))?)
        })
        .unwrap();
    // The batch is refused, and then each of its three writes except the last.
    let hold = bench.hold();
    let [one, two, three] = ["one", "two", "three"].map(|text| bench.writer.send(note(text)).unwrap());
    hold.release();
    assert!(matches!(wait(one), Err(Error::Internal(_))));
    assert!(matches!(wait(two), Err(Error::Internal(_))));
    wait(three).unwrap();
    assert_eq!(bench.notes(), ["three"]);
    assert_eq!(commits.load(Ordering::SeqCst), 6);
}

#[test]
fn closing_finishes_the_queued_writes() {
    let bench = bench(8);
    let hold = bench.hold();
    let pending = ["one", "two", "three"].map(|text| bench.writer.send(note(text)).unwrap());
    thread::scope(|scope| {
        let closing = scope.spawn(|| bench.writer.close());
        let start = Instant::now();
        while bench.writer.send(note("too late")).is_ok() {
            assert!(start.elapsed() < TIMEOUT);
        }
        hold.release();
        closing.join().unwrap();
    });
    for pending in pending {
        wait(pending).unwrap();
    }
    let notes = bench.notes();
    assert_eq!(notes[..3], ["one", "two", "three"]);
    let refused = bench.writer.send(note("after the end")).map(drop);
    assert!(matches!(refused, Err(Error::Busy { .. })));
    bench.writer.close();
    let log = bench.path.with_extension("db-wal");
    assert!(std::fs::metadata(log).map_or(0, |file| file.len()) == 0, "the write-ahead log is in the file");
}

#[test]
fn a_lock_of_another_process_fails_the_whole_queue_as_busy_at_once() {
    let bench = bench(64);
    let other = bench.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let late: Vec<_> = (0..40).map(|_| bench.writer.send(note("never")).unwrap()).collect();
    for pending in late {
        assert!(matches!(wait(pending), Err(Error::Busy { retry_after }) if retry_after == RETRY_AFTER));
    }
    assert!(start.elapsed() < BUSY_TIMEOUT * 10, "one wait or two, not one for each of forty");
    other.execute_batch("ROLLBACK").unwrap();
    bench.now(note("free again")).unwrap();
}

#[test]
fn the_result_of_a_lost_transaction_is_discarded() {
    let bench = bench(8);
    let (seize, seized) = (Mutex::new(Some(bench.other())), Arc::new(Mutex::new(None)));
    let keep = seized.clone();
    let hold = bench.hold();
    let _first = bench.writer.send(note("first")).unwrap();
    let conflicting = bench.writer.send(note("first")).unwrap();
    let _guilty = bench.writer.send(move |tx| {
        tx.conn.sqlite().unwrap().execute_batch("ROLLBACK")?;
        // Another process begins first, and the writes cannot be retried as long as its transaction is open.
        if let Some(other) = seize.lock().unwrap().take() {
            other.execute_batch("BEGIN IMMEDIATE")?;
            *keep.lock().unwrap() = Some(other);
        }
        Ok(())
    });
    hold.release();
    assert!(matches!(wait(conflicting), Err(Error::Busy { .. })), "it never met the row that it failed on");
    drop(seized.lock().unwrap().take());
}

#[test]
fn a_short_lock_of_another_process_is_waited_for() {
    let bench = bench(8);
    let other = bench.other();
    other.execute_batch("BEGIN IMMEDIATE; INSERT INTO note (text) VALUES ('theirs')").unwrap();
    let pending = bench.writer.send(note("ours")).unwrap();
    thread::sleep(BUSY_TIMEOUT / 10);
    other.execute_batch("COMMIT").unwrap();
    wait(pending).unwrap();
    assert_eq!(bench.notes(), ["theirs", "ours"]);
}

#[test]
fn a_batch_is_bounded() {
    let bench = bench(MAX_BATCH * 2);
    let before = bench.generation();
    let hold = bench.hold();
    let pending: Vec<_> = (0..MAX_BATCH + 10)
        .map(|n| {
            let work = move |tx: &Tx| {
                tx.conn.sqlite().unwrap().execute("INSERT INTO note (text) VALUES (?1)", [n.to_string()])?;
                Ok(())
            };
            bench.writer.send(work).unwrap()
        })
        .collect();
    hold.release();
    for pending in pending {
        wait(pending).unwrap();
    }
    assert_eq!(bench.generation(), before + 2, "a full batch and the rest");
    let expected: Vec<_> = (0..MAX_BATCH + 10).map(|n| n.to_string()).collect();
    assert_eq!(bench.notes(), expected, "in the order in which they were sent");
}

#[test]
fn a_write_commits_even_if_its_caller_is_gone() {
    let bench = bench(8);
    let hold = bench.hold();
    drop(bench.writer.send(note("nobody waits")).unwrap());
    hold.release();
    bench.now(|_| Ok(())).unwrap();
    assert_eq!(bench.notes(), ["nobody waits"]);
}

#[test]
fn a_write_that_changes_nothing_leaves_the_generation_unchanged() {
    let bench = bench(8);
    let before = bench.generation();
    bench.now(|_| Ok(())).unwrap();
    bench
        .now(|tx| Ok(tx.conn.sqlite().unwrap().execute("UPDATE note SET text = 'x' WHERE id = 4711", []).map(drop)?))
        .unwrap();
    assert_eq!(bench.generation(), before);
    bench.now(note("something")).unwrap();
    assert_eq!(bench.generation(), before + 1);
    bench.now(note("something")).unwrap_err();
    assert_eq!(bench.generation(), before + 1);
}

#[test]
fn only_a_long_write_is_logged_with_its_verb_and_its_rows() {
    assert_eq!(long_write(LONG_WRITE, Some("users.block"), 7), None);
    let long = long_write(Duration::from_millis(1300), Some("users.block"), 30_001);
    assert_eq!(long.as_deref(), Some("users.block held the writer for 1300 ms and changed 30001 rows"));
    let refused = long_write(Duration::from_millis(251), None, 0);
    assert_eq!(refused.as_deref(), Some("a write without an audit row held the writer for 251 ms and changed 0 rows"));
}
