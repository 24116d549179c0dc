//! The signals that stop the server, and SIGHUP, which reads its certificate again. They know no dialect.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, IsTerminal as _, stderr, stdin, stdout};
use std::sync::Arc;
use std::task::Poll;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

const HANGUP: &str = "SIGHUP";

/// Waits for a signal that stops the server, and returns its name.
///
/// A closing terminal sends SIGHUP, which stops the server. Otherwise, somebody asks to read the files of the server
/// again: `hangup` is notified, if there is a certificate to read. The configuration is not read again, because most
/// settings need a restart anyway.
pub(super) fn stopping(hangup: Option<Arc<Notify>>) -> io::Result<impl Future<Output = &'static str>> {
    let mut kinds = vec![
        ("SIGTERM", SignalKind::terminate()),
        ("SIGINT", SignalKind::interrupt()),
        ("SIGQUIT", SignalKind::quit()),
        ("SIGXCPU", SignalKind::from_raw(Signal::XCPU.as_raw())),
    ];
    if !hangup_is_ignored() {
        kinds.push((HANGUP, SignalKind::hangup()));
    }
    let mut signals = Vec::new();
    for (name, kind) in kinds {
        signals.push((name, signal(kind)?));
    }
    let terminals = terminals();
    Ok(async move {
        loop {
            let name = poll_fn(|context| {
                let received =
                    signals.iter_mut().find_map(|(name, signal)| signal.poll_recv(context).is_ready().then_some(*name));
                received.map_or(Poll::Pending, Poll::Ready)
            })
            .await;
            if name != HANGUP || is_closed(terminals) {
                return name;
            }
            match &hangup {
                Some(hangup) => hangup.notify_one(),
                None => log::info!("ignored SIGHUP; SIGTERM, SIGINT and SIGQUIT stop the server"),
            }
        }
    })
}

/// Whether there is a terminal that belongs to this process, and which of the standard streams are terminals.
fn terminals() -> [bool; 4] {
    [File::open("/dev/tty").is_ok(), stdin().is_terminal(), stdout().is_terminal(), stderr().is_terminal()]
}

/// Whether one of these terminals has closed. Linux closes a terminal before it sends SIGHUP.
fn is_closed(before: [bool; 4]) -> bool {
    before.into_iter().zip(terminals()).any(|(was_terminal, is_terminal)| was_terminal && !is_terminal)
}

/// Whether the server was started with SIGHUP ignored, as `nohup` does for a process that must outlive its terminal.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}
