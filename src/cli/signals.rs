//! Signals that the server ignores. By default they would end the process.

use std::io;
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

/// Logs and ignores these signals from now on.
pub(super) fn ignore_other_signals() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let mut signals = Vec::new();
    for (name, number) in IGNORED {
        signals.push((name, signal(SignalKind::from_raw(number.as_raw()))?));
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
            let name = next(&mut signals);
            log::info!("ignored {name}; SIGTERM, SIGINT, SIGQUIT and SIGHUP stop the server");
        }
    })?;
    Ok(())
}
