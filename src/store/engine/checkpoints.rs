//! Checkpoints: they move the write-ahead log into the data file and keep the log short.
//!
//! The writer does them between two batches, and not SQLite in the middle of a commit, because SQLite tells nobody that
//! one failed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::ffi;

use super::data_version::{DataVersionProbe, LogReader};
use super::disk::Disk;
use super::measures::WriteMeasures;

/// The length of the log, in pages of 4 KiB, at which it is moved into the file. It is longer than SQLite's default,
/// because a page that changes often is then moved once for all of its changes. It is not longer still, because one
/// table of the log's index covers 4096 pages.
const MOVED_AT: i64 = 4000;

/// The number of pages that the log may keep on the disk once it is moved. A longer one was held back, and is cut.
const KEPT: i64 = MOVED_AT + MOVED_AT / 4;

/// The length at which no write is accepted any more while the log cannot be moved into the file.
const MAX_UNMOVABLE: i64 = 4 * MOVED_AT;

/// The bytes of a page in the log, with its header.
const PAGE: i64 = 4096 + 24;

/// The bytes that the log may keep on the disk when SQLite begins it anew.
pub(super) const SIZE_LIMIT: i64 = KEPT * PAGE;

/// When a checkpoint that could not move everything is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The wait for the end of the reads that began before the log was moved.
const MAX_CUT_WAIT: Duration = Duration::from_millis(20);

/// How long a read may hold the log before it is logged, and how long until it is logged again.
const HELD_LOGGED_AFTER: Duration = Duration::from_mins(1);
const HELD_LOGGED_EVERY: Duration = Duration::from_mins(10);

/// The checkpoints of one writer.
pub(in crate::store) struct Checkpoints {
    disk: Arc<Disk>,
    probe: DataVersionProbe,
    busy_timeout: Duration,
    /// When to try again, if the last checkpoint could not move everything.
    retry_at: Option<Instant>,
    has_failed: bool,
    /// Since when reads hold the log, and when to log it.
    held: Option<Held>,
    pages: i64,
    measures: Arc<WriteMeasures>,
}

#[derive(Clone, Copy)]
struct Held {
    since: Instant,
    log_at: Instant,
}

/// The number of pages in the log, and how many of them are in the file.
struct Log {
    pages: i64,
    moved: i64,
}

/// A checkpoint as SQLite does it.
#[derive(Clone, Copy)]
enum Mode {
    /// Nothing is moved.
    Measure,
    /// What no read needs any more is moved, without waiting for anybody.
    Move,
    /// Everything is moved, and the log is cut to nothing.
    Cut,
}

impl Mode {
    const fn sql(self) -> &'static str {
        match self {
            Self::Measure => "PRAGMA wal_checkpoint(NOOP)",
            Self::Move => "PRAGMA wal_checkpoint(PASSIVE)",
            Self::Cut => "PRAGMA wal_checkpoint(TRUNCATE)",
        }
    }
}

impl Checkpoints {
    /// `busy_timeout` is the wait for locks outside of checkpoints.
    pub(super) fn new(disk: Arc<Disk>, probe: DataVersionProbe, busy_timeout: Duration) -> Self {
        let measures = Arc::default();
        Self { disk, probe, busy_timeout, retry_at: None, has_failed: false, held: None, pages: 0, measures }
    }

    /// Counts the time of each checkpoint here.
    pub(super) fn counted_by(self, measures: Arc<WriteMeasures>) -> Self {
        Self { measures, ..self }
    }

    /// How long the writer may wait for a write before it calls [`Checkpoints::keep`] again; none if there is nothing
    /// to do without a write.
    pub(super) fn wait(&self) -> Option<Duration> {
        Some(self.retry_at?.saturating_duration_since(Instant::now()))
    }

    /// Why no write is accepted now, if that is so: the log has its maximum length and cannot be moved.
    pub(super) fn refusal(&self) -> Option<rusqlite::Error> {
        (self.has_failed && self.pages >= MAX_UNMOVABLE).then(|| {
            let reason = "the write-ahead log is full and cannot be moved into the data file";
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR), Some(reason.to_owned()))
        })
    }

    /// Does a checkpoint if a check of the disk asks for one.
    pub(super) fn serve_check(&mut self, conn: &Connection) {
        if self.disk.takes_wanted_checkpoint() {
            self.run(conn);
        }
    }

    /// Does a checkpoint if the log is long enough, or if an earlier one could not move everything.
    pub(super) fn keep(&mut self, conn: &Connection) {
        let is_due = match self.retry_at {
            Some(at) => at <= Instant::now(),
            None => match checkpoint(conn, Mode::Measure) {
                Ok(Some(log)) => log.pages >= MOVED_AT,
                Ok(None) => false,
                Err(_) => true,
            },
        };
        if is_due {
            self.run(conn);
        }
    }

    fn run(&mut self, conn: &Connection) {
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
        let start = Instant::now();
        let moved = checkpoint(conn, Mode::Move);
        self.measures.checkpoints.count_duration(start.elapsed());
        self.has_failed = moved.is_err();
        self.disk.note_checkpoint(moved.as_ref().err());
        match moved {
            Ok(Some(log)) if log.moved < log.pages => {
                if let Some(line) = self.note_held(log.pages, Instant::now()) {
                    log::warn!("{line}");
                }
            }
            Ok(Some(log)) => {
                self.held = None;
                if log.pages <= KEPT || self.cut(conn) {
                    self.retry_at = None;
                }
            }
            // Another process is at it.
            Ok(None) => {}
            Err(_) => self.pages = checkpoint(conn, Mode::Measure).ok().flatten().map_or(self.pages, |log| log.pages),
        }
    }

    /// Cuts the log. Returns whether no read was in the way.
    fn cut(&self, conn: &Connection) -> bool {
        let done = cut(conn);
        if let Err(error) = conn.busy_timeout(self.busy_timeout) {
            log::error!("cannot set the wait for locks: {error}");
        }
        self.disk.note_checkpoint(done.as_ref().err());
        matches!(done, Ok(Some(_)))
    }

    /// Notes that a read holds the log. Returns the line to log, if it is due.
    fn note_held(&mut self, pages: i64, now: Instant) -> Option<String> {
        let held = self.held.get_or_insert(Held { since: now, log_at: now + HELD_LOGGED_AFTER });
        if now < held.log_at {
            return None;
        }
        held.log_at = now + HELD_LOGGED_EVERY;
        let reader = self.probe.log_reader();
        let (seconds, size) = (now.duration_since(held.since).as_secs(), pages * PAGE / 1_000_000);
        Some(format!(
            "{reader} for {seconds} s, so the write-ahead log cannot be shortened and has grown to {size} MB; end it, or \
             the log grows until the disk is full"
        ))
    }
}

impl fmt::Display for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(pid) => write!(f, "process {pid} has had a read transaction open on the data file"),
            Self::This => f.write_str("a read of this server has been running"),
        }
    }
}

/// The checkpoint at the end of a writer, which waits no longer for reads than any other: a program that copies the log,
/// such as Litestream, reads all the time.
pub(super) fn finish(conn: &Connection) {
    if let Err(error) = cut(conn) {
        log::warn!("cannot fold the write-ahead log into the data file: {error}");
    }
}

/// Runs a checkpoint that cuts the log.
fn cut(conn: &Connection) -> rusqlite::Result<Option<Log>> {
    conn.busy_timeout(MAX_CUT_WAIT)?;
    checkpoint(conn, Mode::Cut)
}

/// Runs a checkpoint. Returns none if it could not be done now.
fn checkpoint(conn: &Connection, mode: Mode) -> rusqlite::Result<Option<Log>> {
    let mut statement = conn.prepare_cached(mode.sql())?;
    statement.query_row([], |row| {
        let (is_busy, pages, moved): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((!is_busy && pages >= 0).then_some(Log { pages, moved }))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::store::engine::{open, schema};

    const BUSY: Duration = Duration::from_millis(100);

    /// The variable that makes this program read a data file until its stdin is closed; see [`reads_until_told`].
    const READ: &str = "ATELIER_TEST_READS";

    struct Bench {
        conn: Connection,
        checkpoints: Checkpoints,
        folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("atelier.db");
            std::fs::write(&path, "").unwrap();
            let mut conn = open::for_writing(&path, 2048).unwrap();
            schema::bring_up_to_date(&mut conn).unwrap();
            conn.execute_batch("CREATE TABLE note (bytes BLOB)").unwrap();
            let checkpoints = Checkpoints::new(Arc::default(), DataVersionProbe::on(&path).unwrap(), BUSY);
            Self { conn, checkpoints, folder }
        }

        fn path(&self) -> std::path::PathBuf {
            self.folder.path().join("atelier.db")
        }

        /// Adds at least so many pages to the log.
        fn write(&self, pages: i64) {
            self.conn.execute("INSERT INTO note VALUES (zeroblob(?1))", [pages * 4096]).unwrap();
        }

        fn length(&self) -> i64 {
            let log = self.folder.path().join("atelier.db-wal");
            i64::try_from(log.metadata().unwrap().len()).unwrap()
        }

        /// Another connection that reads.
        fn reader(&self) -> Connection {
            let reader = Connection::open(self.path()).unwrap();
            reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
            reader
        }
    }

    #[test]
    fn a_short_log_is_left_alone_and_a_long_one_is_moved_but_kept() {
        let mut bench = Bench::new();
        bench.write(MOVED_AT / 2);
        bench.checkpoints.keep(&bench.conn);
        let log = checkpoint(&bench.conn, Mode::Measure).unwrap().unwrap();
        assert!(log.moved == 0 && bench.checkpoints.wait().is_none());
        bench.write(MOVED_AT / 2);
        bench.checkpoints.keep(&bench.conn);
        let log = checkpoint(&bench.conn, Mode::Measure).unwrap().unwrap();
        assert!(log.moved == log.pages && log.pages >= MOVED_AT, "{} of {}", log.moved, log.pages);
        assert!(bench.checkpoints.wait().is_none() && bench.length() > MOVED_AT * PAGE);
    }

    #[test]
    fn a_log_that_a_reader_held_is_cut_once_the_reader_has_gone() {
        let mut bench = Bench::new();
        let reader = bench.reader();
        bench.write(2 * MOVED_AT);
        bench.checkpoints.keep(&bench.conn);
        assert!(bench.checkpoints.wait().is_some_and(|wait| wait <= RETRY_AFTER));
        assert!(bench.length() > 2 * MOVED_AT * PAGE);
        reader.execute_batch("COMMIT").unwrap();
        std::thread::sleep(bench.checkpoints.wait().unwrap());
        bench.checkpoints.keep(&bench.conn);
        assert_eq!((bench.length(), bench.checkpoints.wait()), (0, None));
        let busy: i64 = bench.conn.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, i64::try_from(BUSY.as_millis()).unwrap(), "the wait for locks is as before");
    }

    #[test]
    fn the_last_checkpoint_does_not_wait_until_a_long_read_ends() {
        let bench = Bench::new();
        bench.write(1);
        let reader = bench.reader();
        bench.conn.busy_timeout(Duration::from_mins(1)).unwrap();
        let start = Instant::now();
        finish(&bench.conn);
        assert!(start.elapsed() < Duration::from_secs(30), "it waited for {:?}", start.elapsed());
        let log = checkpoint(&bench.conn, Mode::Measure).unwrap().unwrap();
        assert_eq!(log.moved, log.pages, "all is in the file");
        drop(reader);
    }

    /// Without a cut, SQLite itself shortens the log when it begins it anew.
    #[test]
    fn a_log_that_begins_anew_has_its_usual_length() {
        let bench = Bench::new();
        bench.write(3 * MOVED_AT);
        checkpoint(&bench.conn, Mode::Move).unwrap();
        assert!(bench.length() > 3 * MOVED_AT * PAGE);
        bench.write(1);
        assert_eq!(bench.length(), SIZE_LIMIT);
    }

    #[test]
    fn a_reader_that_holds_the_log_is_logged_after_a_minute_and_then_every_ten() {
        let mut bench = Bench::new();
        let start = Instant::now();
        let mut at = |seconds| bench.checkpoints.note_held(20_000, start + Duration::from_secs(seconds));
        assert_eq!((at(0), at(59)), (None, None));
        assert_eq!(
            at(60).unwrap(),
            "a read of this server has been running for 60 s, so the write-ahead log cannot be shortened and has grown \
             to 82 MB; end it, or the log grows until the disk is full"
        );
        assert_eq!((at(61), at(659)), (None, None));
        assert!(at(660).unwrap().contains(" for 660 s, "));
        bench.checkpoints.held = None;
        assert_eq!(bench.checkpoints.note_held(20_000, start + Duration::from_secs(661)), None, "another reader");
    }

    /// Not a test: the body of the process that `the_process_that_holds_the_log_is_found` starts.
    #[test]
    fn reads_until_told() {
        let Some(path) = std::env::var_os(READ) else { return };
        let reader = Connection::open(Path::new(&path)).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
        println!("\nreading");
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }

    #[test]
    fn the_process_that_holds_the_log_is_found() {
        let bench = Bench::new();
        assert_eq!(bench.checkpoints.probe.log_reader(), LogReader::This);
        bench.write(1);
        let own = bench.reader();
        bench.write(1);
        assert_eq!(bench.checkpoints.probe.log_reader(), LogReader::This);
        drop(own);
        let name = "store::engine::checkpoints::tests::reads_until_told";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(READ, bench.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "reading"));
        bench.write(1);
        assert_eq!(bench.checkpoints.probe.log_reader(), LogReader::Other(child.id()));
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(bench.checkpoints.probe.log_reader(), LogReader::This);
    }
}
