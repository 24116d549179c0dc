//! The progress bar of a command that takes longer than a second. It is on stderr, and only if that is a terminal.

use std::cell::Cell;
use std::fmt::Write;
use std::time::Duration;

pub(super) use crate::domain::quantity::size;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Shorter work shows no bar.
const DELAY: Duration = Duration::from_secs(1);

const BYTES: &str =
    "{msg}[{bar:24}] {percent:>3} %  {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
const ITEMS: &str = "{msg}[{bar:24}] {percent:>3} %  {human_pos} of {human_len}, {rate}/s, {eta} left";

const UNKNOWN: &str = "{msg}{spinner} {elapsed}";

/// How far a piece of work is. Dropping it clears the bar.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    is_shown: Cell<bool>,
}

impl Progress {
    /// Of this many bytes.
    pub(super) fn bytes(total: u64) -> Self {
        Self::with_style(total, BYTES)
    }

    /// Of this many rows, files or steps.
    pub(super) fn items(total: u64) -> Self {
        Self::with_style(total, ITEMS)
    }

    /// Of work whose amount is not known: it shows that time passes.
    pub(super) fn unknown() -> Self {
        Self::with_style(0, UNKNOWN)
    }

    fn with_style(total: u64, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        // The templates are constant; with a wrong one the bar looks plain.
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                // Writing to a String never fails.
                let _ = write!(out, "{:.0}", state.per_sec());
            });
            bar.set_style(style.progress_chars("##."));
        }
        Self { bar, is_shown: Cell::new(false) }
    }

    /// Names what is done now, before the bar.
    pub(super) fn name(&self, what: &str) {
        self.bar.set_message(format!("{what} "));
        self.show_if_late();
    }

    pub(super) fn add(&self, done: u64) {
        self.bar.inc(done);
        self.show_if_late();
    }

    /// Sets how much is done, for work that counts itself.
    pub(super) fn set(&self, done: u64) {
        self.bar.set_position(done);
        self.show_if_late();
    }

    /// Shows that the work goes on.
    pub(super) fn tick(&self) {
        self.bar.tick();
        self.show_if_late();
    }

    fn show_if_late(&self) {
        if !self.is_shown.get() && self.bar.elapsed() >= DELAY {
            self.is_shown.set(true);
            // Nothing is drawn unless stderr is a terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        for template in [BYTES, ITEMS, UNKNOWN] {
            ProgressStyle::with_template(template).unwrap();
        }
    }

    #[test]
    fn a_size_has_its_unit() {
        assert_eq!(size(10), "10 B");
        assert_eq!(size(3 << 29), "1.50 GiB");
    }
}
