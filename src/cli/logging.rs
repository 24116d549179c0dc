//! The log on stderr. The server writes its log on a separate thread and in batches, because stderr may be slow or
//! blocked and requests must not wait for it.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use env_logger::{Builder, Target};

use super::json_log;
use crate::app::runtime::current_request;
use crate::config::LogFormat;

/// The maximum size of unwritten lines, in bytes. Further lines are dropped, and their number is logged.
const MAX_UNWRITTEN: usize = 1 << 20;

/// The time for which lines are collected into one batch.
const BATCH_DELAY: Duration = Duration::from_millis(10);

/// The maximum time to wait for unwritten lines at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn to_stderr(filter: &str) {
    init(filter, LogFormat::Text, Target::Stderr);
}

/// Logs to stderr on a separate thread until the result is dropped. Only the drop waits for stderr.
pub(super) fn to_stderr_async(filter: &str, format: LogFormat) -> LogThread {
    let queue = Arc::new(Queue { format, ..Queue::default() });
    let writer = queue.clone();
    let spawned = thread::Builder::new().name("log".to_owned()).spawn(move || writer.write_to(&mut io::stderr()));
    if spawned.is_err() {
        init(filter, format, Target::Stderr);
        return LogThread(None);
    }
    init(filter, format, Target::Pipe(Box::new(QueueWriter(queue.clone()))));
    LogThread(Some(queue))
}

fn init(filter: &str, format: LogFormat, target: Target) {
    let mut builder = Builder::new();
    builder.filter_module("actix_server", log::LevelFilter::Warn).parse_filters(filter).target(target);
    if format == LogFormat::Json {
        current_request::keep_parts();
        builder.format(json_log::write);
    }
    // It fails only if a logger is installed already.
    let _ = builder.try_init();
}

/// The handle of the log thread. Dropping it writes the remaining lines. Later lines are written synchronously.
pub(super) struct LogThread(Option<Arc<Queue>>);

impl Drop for LogThread {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.close();
            queue.wait_for_end();
        }
    }
}

/// The queue of unwritten lines.
#[derive(Default)]
struct Queue {
    format: LogFormat,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    lost: u64,
    closed: bool,
    /// Whether the log thread has ended.
    ended: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds lines to the queue. `false` if the queue is closed.
    fn add(&self, lines: &[u8]) -> bool {
        let mut state = self.state();
        if state.closed {
            return false;
        }
        if state.waiting.len() + lines.len() > MAX_UNWRITTEN {
            state.lost += 1;
            return true;
        }
        let first = state.waiting.is_empty();
        state.waiting.extend_from_slice(lines);
        drop(state);
        if first {
            self.changed.notify_all();
        }
        true
    }

    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn wait_for_end(&self) {
        // The reader of stderr may be blocked forever.
        let ended = self.changed.wait_timeout_while(self.state(), FLUSH_TIMEOUT, |state| !state.ended);
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }

    /// Writes the lines of the queue until it is closed and empty.
    fn write_to(&self, out: &mut impl Write) {
        let mut lines = Vec::new();
        loop {
            let is_idle = |state: &mut State| state.waiting.is_empty() && state.lost == 0 && !state.closed;
            let state = self.changed.wait_while(self.state(), is_idle).unwrap_or_else(PoisonError::into_inner);
            let batch = self.changed.wait_timeout_while(state, BATCH_DELAY, |state| !state.closed);
            let mut state = batch.unwrap_or_else(PoisonError::into_inner).0;
            lines.clear();
            mem::swap(&mut lines, &mut state.waiting);
            let lost = mem::take(&mut state.lost);
            let closed = state.closed;
            drop(state);
            // If stderr is closed, the error cannot be reported.
            let _ = out.write_all(&lines);
            if lost > 0 {
                let words = format!("{lost} log lines lost: the log was not read fast enough");
                let _ = match self.format {
                    LogFormat::Text => writeln!(out, "[{words}]"),
                    LogFormat::Json => json_log::write_warning(out, &words),
                };
            }
            if closed {
                break;
            }
        }
        self.state().ended = true;
        self.changed.notify_all();
    }
}

/// The writer of the logger, which adds lines to the queue.
struct QueueWriter(Arc<Queue>);

impl Write for QueueWriter {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if !self.0.add(lines) {
            io::stderr().write_all(lines)?;
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A writer that blocks until the test reads from it.
    struct Slow {
        unblock: mpsc::Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.unblock.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn writers_never_wait_and_lost_lines_are_counted() {
        let queue = Arc::new(Queue::default());
        let (unblock, unblocked) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut slow = Slow { unblock: unblocked, written: written.clone() };
        let writer = queue.clone();
        let writer = thread::spawn(move || writer.write_to(&mut slow));

        // The writer blocks, and all lines enter the queue.
        let text = "x".repeat(1000);
        let wanted = 3 * MAX_UNWRITTEN / 1000;
        for number in 0..wanted {
            assert!(queue.add(format!("{number} {text}\n").as_bytes()));
        }
        assert!(queue.state().waiting.len() <= MAX_UNWRITTEN);
        drop(unblock);
        queue.close();
        writer.join().unwrap();
        assert!(!queue.add(b"too late\n"), "a closed queue accepts no lines");

        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let (lines, lost_lines): (Vec<&str>, Vec<&str>) = written.lines().partition(|line| line.ends_with(&text));
        let numbers: Vec<usize> = lines.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
        assert!(numbers.is_sorted() && numbers.len() < wanted);
        let lost: usize =
            lost_lines.iter().map(|line| line[1..].split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
        assert_eq!(lost + numbers.len(), wanted);
    }

    #[test]
    fn queued_lines_are_written_before_the_end() {
        let queue = Arc::new(Queue::default());
        assert!(queue.add(b"one\n") && queue.add(b"two\n"));
        queue.close();
        let mut out = Vec::new();
        queue.write_to(&mut out);
        assert_eq!(out, b"one\ntwo\n");
        queue.wait_for_end();
    }
}
