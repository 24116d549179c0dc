//! A line on stderr that shows how far a transfer is. Nothing is shown unless stderr is a terminal.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// The time between two updates of the line.
const INTERVAL: Duration = Duration::from_millis(100);

/// The cells of the bar.
const CELLS: u64 = 24;

pub(super) struct Progress {
    total: u64,
    done: u64,
    begun: Instant,
    shown: Option<Instant>,
    is_visible: bool,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        Self { total, done: 0, begun: Instant::now(), shown: None, is_visible: stderr().is_terminal() }
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.done = self.done.saturating_add(bytes as u64);
        if self.is_visible && self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL) {
            self.shown = Some(Instant::now());
            // The transfer does not depend on the line.
            let _ = write!(stderr(), "\r{}\x1b[K", line(self.done, self.total, self.begun.elapsed()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: u64, total: u64, elapsed: Duration) -> String {
    let part = |of: u64| {
        let part = (u128::from(done.min(total)) * u128::from(of)).checked_div(u128::from(total));
        part.map_or(of, saturated)
    };
    let bar: String = (0..CELLS).map(|cell| if cell < part(CELLS) { '#' } else { '.' }).collect();
    let rate = u128::from(done) * 1000 / elapsed.as_millis().max(1);
    format!("[{bar}] {:3} %  {} of {}, {}/s", part(100), size(done), size(total), size(saturated(rate)))
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A size with one digit after the point: `1.5 GiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_how_much_is_done_and_how_fast() {
        let second = Duration::from_secs(1);
        assert_eq!(line(0, 10, Duration::ZERO), "[........................]   0 %  0 B of 10 B, 0 B/s");
        assert_eq!(
            line(3 << 29, 2 << 30, second * 3),
            "[##################......]  75 %  1.5 GiB of 2.0 GiB, 512.0 MiB/s"
        );
        assert_eq!(line(0, 0, second), "[########################] 100 %  0 B of 0 B, 0 B/s");
    }
}
