//! The processes that the benchmarks start: their lifetime, CPU time and memory.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::ops::AddAssign;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::error::{BenchError, Result};

/// The maximum time until a process reports that it listens, and until it ends after a signal.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The running processes and the signal that ends each.
static RUNNING: Mutex<Vec<(u32, Signal)>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<(u32, Signal)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all running processes and deletes this folder when a signal ends the program.
pub fn end_together(scratch: PathBuf) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let signals = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::spawn(move || {
        let (mut terminate, mut interrupt) = signals;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        for (pid, by) in running().drain(..) {
            ask_to_end(pid, by);
        }
        // A process that is still writing keeps its open files until it ends.
        let _ = fs::remove_dir_all(scratch);
        std::process::exit(130);
    });
    Ok(())
}

fn ask_to_end(pid: u32, by: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // The process may have ended already.
        let _ = kill_process(pid, by);
    }
}

/// A child process. Dropping the value ends it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stop_by: Signal,
}

impl Process {
    /// Starts a process without standard input.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null());
        let child = command.spawn().map_err(|error| BenchError::from(error).when(format!("cannot start {name}")))?;
        running().push((child.id(), Signal::TERM));
        Ok(Self { name: name.to_owned(), child, stop_by: Signal::TERM })
    }

    /// Starts a server and waits for the line that announces its address. Returns the text after `announced`.
    pub fn serving(name: &str, command: &mut Command, announced: &'static str) -> Result<(Self, String)> {
        let mut process = Self::start(name, command.stdout(Stdio::piped()))?;
        let pipe = process.child.stdout.take().ok_or_else(|| BenchError::new("stdout is not piped"))?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(place) = line.trim_end().strip_prefix(announced) {
                    // The receiver may be gone.
                    let _ = sender.send(place.to_owned());
                }
                line.clear();
            }
            let _ = pipe.read_to_end(&mut Vec::new());
        });
        match receiver.recv_timeout(TIMEOUT) {
            Ok(place) => Ok((process, place)),
            Err(_) => Err(BenchError::new(format!("{name} did not say {announced:?}; try {command:?} by hand"))),
        }
    }

    /// Sets another signal than SIGTERM for ending the process.
    #[must_use]
    pub fn stopped_by(mut self, signal: Signal) -> Self {
        self.stop_by = signal;
        running().iter_mut().filter(|(pid, _)| *pid == self.child.id()).for_each(|(_, by)| *by = signal);
        self
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().map_or(true, |ended| ended.is_some())
    }

    /// Sends the signal and waits for the end of the process.
    pub fn stop(mut self) -> Result<()> {
        ask_to_end(self.child.id(), self.stop_by);
        if self.wait(TIMEOUT) { Ok(()) } else { Err(BenchError::new(format!("{} does not end", self.name))) }
    }

    fn wait(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
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
            // The process is our child and did not react to the signal.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The CPU time, user and system, of a process and all its children so far.
pub fn cpu_of(pid: u32) -> Result<Duration> {
    let ticks = ticks_of(pid)?;
    Ok(Duration::from_secs_f64(to_f64(ticks) / to_f64(rustix::param::clock_ticks_per_second())))
}

fn ticks_of(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may contain anything. utime, stime, cutime and cstime are fields 14 to 17.
    let (_, rest) = stat.rsplit_once(')').ok_or_else(|| BenchError::new("/proc/PID/stat is not as it was"))?;
    let mut ticks: u64 = rest.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        // The CPU time of a child that has just ended is counted with its parent the next time.
        ticks += ticks_of(child).unwrap_or(0);
    }
    Ok(ticks)
}

/// Memory of a process and its children, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// The memory that is resident now.
    pub resident: u64,
    /// The peak; for several processes, the sum of their peaks.
    pub most: u64,
}

impl AddAssign for Memory {
    fn add_assign(&mut self, other: Self) {
        self.resident += other.resident;
        self.most += other.most;
    }
}

pub fn memory_of(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let mut memory = Memory { resident: field("VmRSS:"), most: field("VmHWM:") };
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        let Ok(child) = memory_of(child) else { continue };
        memory += child;
    }
    Ok(memory)
}

#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
fn to_f64(number: u64) -> f64 {
    number as f64
}
