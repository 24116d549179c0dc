//! Processes that the measurements start: what they cost, and how they end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::trouble::{Result, Trouble};

/// How long a process may take to say that it serves, and to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// The processes of ours that run, and how each is asked to end.
static RUNNING: Mutex<Vec<(u32, Signal)>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<(u32, Signal)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, a signal that ends this program ends all that it has started, and removes this folder.
pub fn end_together(scratch: PathBuf) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let told = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::spawn(move || {
        let (mut terminate, mut interrupt) = told;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        for (pid, by) in running().drain(..) {
            ask_to_end(pid, by);
        }
        // Whatever still writes there keeps its files until it has ended.
        let _ = fs::remove_dir_all(scratch);
        std::process::exit(130);
    });
    Ok(())
}

fn ask_to_end(pid: u32, by: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already.
        let _ = kill_process(pid, by);
    }
}

/// A process of ours, which ends with this value.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stop_by: Signal,
}

impl Process {
    /// Starts a program that nobody listens to.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null());
        let child = command.spawn().map_err(|error| Trouble::from(error).when(format!("cannot start {name}")))?;
        running().push((child.id(), Signal::TERM));
        Ok(Self { name: name.to_owned(), child, stop_by: Signal::TERM })
    }

    /// Starts a server and waits for the line in which it says where it listens; gives what follows `announced`.
    pub fn serving(name: &str, command: &mut Command, announced: &'static str) -> Result<(Self, String)> {
        let mut process = Self::start(name, command.stdout(Stdio::piped()))?;
        let pipe = process.child.stdout.take().ok_or_else(|| Trouble::new("stdout is not piped"))?;
        let (said, heard) = mpsc::channel();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(place) = line.trim_end().strip_prefix(announced) {
                    // Nobody may listen any more.
                    let _ = said.send(place.to_owned());
                }
                line.clear();
            }
            let _ = pipe.read_to_end(&mut Vec::new());
        });
        match heard.recv_timeout(PATIENCE) {
            Ok(place) => Ok((process, place)),
            Err(_) => Err(Trouble::new(format!("{name} did not say {announced:?}; try {command:?} by hand"))),
        }
    }

    /// The same process, to be ended by another signal than SIGTERM.
    #[must_use]
    pub fn stopped_by(mut self, signal: Signal) -> Self {
        self.stop_by = signal;
        running().iter_mut().filter(|(pid, _)| *pid == self.child.id()).for_each(|(_, by)| *by = signal);
        self
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().map_or(true, |ended| ended.is_some())
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        ask_to_end(self.child.id(), self.stop_by);
        if self.wait(PATIENCE) { Ok(()) } else { Err(Trouble::new(format!("{} does not end", self.name))) }
    }

    fn wait(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.has_ended() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        running().retain(|(pid, _)| *pid != self.child.id());
        if self.has_ended() {
            return;
        }
        ask_to_end(self.child.id(), self.stop_by);
        if !self.wait(Duration::from_secs(10)) {
            // It is ours and does not listen.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The processor time, user and system, that a process and all its children have used until now.
pub fn cpu_of(pid: u32) -> Result<Duration> {
    let ticks = ticks_of(pid)?;
    Ok(Duration::from_secs_f64(to_f64(ticks) / to_f64(rustix::param::clock_ticks_per_second())))
}

fn ticks_of(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; utime, stime, cutime and cstime are the 14th to the 17th field.
    let (_, rest) = stat.rsplit_once(')').ok_or_else(|| Trouble::new("/proc/PID/stat is not as it was"))?;
    let mut ticks: u64 = rest.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
        // A child that has ended meanwhile is counted with its parent the next time.
        ticks += ticks_of(child).unwrap_or(0);
    }
    Ok(ticks)
}

/// Memory of a process and its children, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// What is resident now.
    pub resident: u64,
    /// The most that ever was; of several processes, the sum of what each had.
    pub most: u64,
}

/// The memory of a process and its children.
pub fn memory_of(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let mut memory = Memory { resident: field("VmRSS:"), most: field("VmHWM:") };
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
        let Ok(child) = memory_of(child) else { continue };
        memory.resident += child.resident;
        memory.most += child.most;
    }
    Ok(memory)
}

#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
fn to_f64(number: u64) -> f64 {
    number as f64
}
