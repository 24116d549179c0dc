//! Signals that the server ignores, and those after which a command cleans up. By default they would end the process.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;

use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// The signals and their names. SIGXFSZ is ignored because the failed write reports that a file is too large.
const IGNORED: [(&str, Signal); 7] = [
    ("SIGUSR1", Signal::USR1),
    ("SIGUSR2", Signal::USR2),
    ("SIGALRM", Signal::ALARM),
    ("SIGVTALRM", Signal::VTALARM),
    ("SIGPROF", Signal::PROF),
    ("SIGIO", Signal::IO),
    ("SIGXFSZ", Signal::XFSZ),
];

/// The signals that stop a command.
const STOPPING: [(&str, Signal); 3] = [("SIGINT", Signal::INT), ("SIGTERM", Signal::TERM), ("SIGHUP", Signal::HUP)];

static IS_STOPPED: AtomicBool = AtomicBool::new(false);

/// Logs and ignores these signals from now on.
pub(super) fn ignore_other_signals() -> io::Result<()> {
    watch(&IGNORED, |name| log::info!("ignored {name}; SIGTERM, SIGINT and SIGQUIT stop the server"))
}

/// From now on, the first signal that stops a command only sets [`is_stopped`], so that it removes what it has begun. The
/// second one ends it.
pub(super) fn clean_up_when_stopped() {
    let ignored = ignored();
    let is_watched = |signal: &Signal| ignored & (1 << (signal.as_raw() - 1)) == 0;
    let stopping: Vec<_> = STOPPING.into_iter().filter(|(_, signal)| is_watched(signal)).collect();
    let watched = watch(&stopping, |_| {
        if IS_STOPPED.swap(true, Ordering::AcqRel) {
            std::process::exit(1);
        }
    });
    if let Err(error) = watched {
        log::debug!("signals end this command at once: {error}");
    }
}

/// The signals that this process was told to ignore, by `nohup` for example, as a mask.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Whether a signal has stopped this command.
pub(super) fn is_stopped() -> bool {
    IS_STOPPED.load(Ordering::Acquire)
}

/// Calls `each` with the name of every signal of these that arrives, on a thread of its own.
fn watch(numbers: &[(&'static str, Signal)], each: impl Fn(&'static str) + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let mut signals = Vec::new();
    for (name, number) in numbers {
        signals.push((*name, signal(SignalKind::from_raw(number.as_raw()))?));
    }
    drop(entered);
    let next = move |signals: &mut Vec<(&'static str, tokio::signal::unix::Signal)>| {
        runtime.block_on(std::future::poll_fn(|context| {
            let received =
                signals.iter_mut().find_map(|(name, signal)| signal.poll_recv(context).is_ready().then_some(*name));
            received.map_or(Poll::Pending, Poll::Ready)
        }))
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        loop {
            each(next(&mut signals));
        }
    })?;
    Ok(())
}
