//! A load generator: sends requests to a server over many keep-alive connections on one thread, at the maximum or at a
//! given rate.
//!
//! Each connection sends the next request as soon as it has its response. Every response is checked, and wrong ones are
//! counted.

mod connection;
mod script;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::error::{BenchError, Result};
use super::process::{Memory, cpu_of, memory_of};
use connection::{Connection, Progress};
pub use script::{InTurn, Same, Script, encode, with_header};

/// The maximum time for outstanding requests after a run.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The minimum time of a poll, so that a paced run does not spin.
const TICK: Duration = Duration::from_millis(1);

/// The minimum number of responses in a run. A run is extended until it has them, up to ten times its length.
const MIN_RESPONSES: u64 = 20;

/// The maximum number of connections that may break in a run.
const MAX_BROKEN: u64 = 100;

/// The parameters of a run.
#[derive(Clone, Debug)]
pub struct Load {
    pub address: SocketAddr,
    /// The number of connections.
    pub connections: usize,
    /// The time before the measurement begins.
    pub warm_up: Duration,
    /// The measured time.
    pub run: Duration,
    /// Requests per second; `None` for the maximum rate.
    pub pace: Option<f64>,
    /// The maximum number of requests. The run ends early once they have their responses.
    pub limit: Option<u64>,
    /// The processes whose CPU time and memory are measured.
    pub watched: Vec<u32>,
}

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The responses in the measured time.
    pub responses: u64,
    /// The measured time, in seconds.
    pub seconds: f64,
    /// All responses, including those before and after the measured time.
    pub all: u64,
    /// Wrong responses and broken connections.
    pub wrong: u64,
    /// `None` if the latencies were not measured.
    pub latencies: Option<Latencies>,
    /// CPU time of each watched process in the measured time, in seconds.
    pub cpu: Vec<f64>,
    /// Memory of the watched processes at the end.
    pub memory: Memory,
}

impl Run {
    /// A run of something that is no request, with these latencies in nanoseconds.
    pub fn timed(nanos: Vec<u64>) -> Self {
        let (all, seconds) = (nanos.len() as u64, nanos.iter().copied().map(count).sum::<f64>() / 1e9);
        Self { responses: all, all, seconds, latencies: Latencies::of(nanos), ..Self::default() }
    }

    /// Responses per second.
    pub fn per_second(&self) -> f64 {
        count(self.responses) / self.seconds
    }

    /// The median latency, in microseconds.
    pub fn p50(&self) -> f64 {
        self.latencies.map_or(f64::NAN, |latencies| latencies.p50)
    }

    /// The 99th percentile of the latency, in microseconds.
    pub fn p99(&self) -> f64 {
        self.latencies.map_or(f64::NAN, |latencies| latencies.p99)
    }

    /// The maximum latency, in microseconds.
    pub fn longest(&self) -> f64 {
        self.latencies.map_or(f64::NAN, |latencies| latencies.longest)
    }

    /// CPU time of all watched processes, in seconds.
    pub fn cpu(&self) -> Option<f64> {
        (!self.cpu.is_empty()).then(|| self.cpu.iter().sum())
    }

    /// CPU time of all watched processes per response, in microseconds.
    pub fn cpu_each(&self) -> f64 {
        self.cpu().map_or(f64::NAN, |cpu| cpu * 1e6 / count(self.responses))
    }

    /// The same of the process that was named last.
    pub fn last_cpu_each(&self) -> f64 {
        self.cpu.last().map_or(f64::NAN, |cpu| cpu * 1e6 / count(self.responses))
    }
}

/// Exact latencies, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latencies {
    p50: f64,
    p99: f64,
    longest: f64,
}

impl Latencies {
    fn of(mut nanos: Vec<u64>) -> Option<Self> {
        nanos.sort_unstable();
        let last = nanos.len().checked_sub(1)?;
        let at = |percent: usize| {
            let place = (nanos.len() * percent).div_ceil(100).saturating_sub(1).min(last);
            count(nanos[place]) / 1e3
        };
        Some(Self { p50: at(50), p99: at(99), longest: at(100) })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

/// The state of a run.
struct Tally {
    run: Run,
    nanos: Vec<u64>,
    sent: u64,
    counting: bool,
}

impl Load {
    pub fn new(address: SocketAddr, connections: usize, (warm_up, run): (Duration, Duration)) -> Self {
        Self { address, connections, warm_up, run, pace: None, limit: None, watched: Vec::new() }
    }

    /// Also measures the CPU time and memory of this process and its children.
    #[must_use]
    pub fn watching(mut self, pid: u32) -> Self {
        self.watched.push(pid);
        self
    }

    /// Limits the rate to this number of requests per second.
    #[must_use]
    pub fn paced(mut self, per_second: f64) -> Self {
        self.pace = Some(per_second);
        self
    }

    /// Limits the run to this number of requests, without warm-up.
    #[must_use]
    pub fn limited(mut self, requests: u64) -> Self {
        self.limit = Some(requests);
        self.warm_up = Duration::ZERO;
        self.run = Duration::from_mins(10);
        self
    }

    pub fn go(&self, script: &mut dyn Script) -> Result<Run> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        let mut connections = Vec::with_capacity(self.connections);
        for number in 0..self.connections {
            connections.push(Connection::open(self.address, poll.registry(), Token(number))?);
        }
        let mut tally = Tally { run: Run::default(), nanos: Vec::new(), sent: 0, counting: false };
        let start = Instant::now();
        let counts_from = start + self.warm_up;
        let mut counted_from = counts_from;
        let mut ends = counts_from + self.run;
        let mut before = Vec::new();
        let mut pace = self.pace.map(|per_second| Pace::new(start, per_second));
        let mut idle: VecDeque<usize> = (0..self.connections).collect();
        loop {
            let now = Instant::now();
            if !tally.counting && now >= counts_from {
                tally.counting = true;
                before = self.cpu_times()?;
                counted_from = Instant::now();
                ends = counted_from + self.run;
            }
            if now >= ends && (tally.run.responses >= MIN_RESPONSES || now >= ends + self.run * 9) {
                break;
            }
            if self.limit.is_some_and(|limit| tally.run.all >= limit) {
                break;
            }
            let wait = self.hand_out(script, &mut connections, &mut idle, &mut tally, &mut pace)?;
            let until = if tally.counting { ends } else { counts_from };
            let until = until.saturating_duration_since(Instant::now()).max(TICK);
            poll.poll(&mut events, Some(wait.map_or(until, |wait| wait.min(until))))?;
            for event in &events {
                self.turn(event.token(), script, &mut connections, &mut idle, &mut tally, &poll)?;
            }
        }
        let mut run = {
            tally.run.seconds = counted_from.elapsed().as_secs_f64();
            tally.counting = false;
            let after = self.cpu_times()?;
            tally.run.cpu =
                after.iter().zip(&before).map(|(after, before)| after.saturating_sub(*before).as_secs_f64()).collect();
            for pid in &self.watched {
                tally.run.memory += memory_of(*pid)?;
            }
            // Waits for outstanding requests, so that they do not disturb the next run.
            let deadline = Instant::now() + TIMEOUT;
            while idle.len() < connections.len() && Instant::now() < deadline {
                poll.poll(&mut events, Some(Duration::from_millis(100)))?;
                for event in &events {
                    self.turn(event.token(), script, &mut connections, &mut idle, &mut tally, &poll)?;
                }
            }
            tally.run
        };
        run.latencies = Latencies::of(tally.nanos);
        if run.responses == 0 {
            return Err(BenchError::new(format!("{} answered nothing", self.address)));
        }
        if run.wrong * 1000 > run.all {
            return Err(BenchError::new(format!(
                "{} of {} answers were wrong: {}",
                run.wrong,
                run.all,
                script.last_error()
            )));
        }
        Ok(run)
    }

    fn cpu_times(&self) -> Result<Vec<Duration>> {
        self.watched.iter().map(|pid| cpu_of(*pid)).collect()
    }

    /// Sends requests over idle connections. Returns when the next request is due, if that is known.
    fn hand_out(
        &self,
        script: &mut dyn Script,
        connections: &mut [Connection],
        idle: &mut VecDeque<usize>,
        tally: &mut Tally,
        pace: &mut Option<Pace>,
    ) -> Result<Option<Duration>> {
        loop {
            if self.limit.is_some_and(|limit| tally.sent >= limit) {
                return Ok(None);
            }
            let Some(number) = idle.front().copied() else { return Ok(pace.as_mut().map(Pace::wait)) };
            let since = match pace {
                None => None,
                Some(pace) => match pace.take() {
                    Some(since) => Some(since),
                    None => return Ok(Some(pace.wait())),
                },
            };
            idle.pop_front();
            tally.sent += 1;
            connections[number].start(|request| script.write(number, request), since)?;
        }
    }

    /// Continues with a connection that is readable or writable.
    fn turn(
        &self,
        token: Token,
        script: &mut dyn Script,
        connections: &mut [Connection],
        idle: &mut VecDeque<usize>,
        tally: &mut Tally,
        poll: &Poll,
    ) -> Result<()> {
        let Token(number) = token;
        match connections[number].advance() {
            Progress::Waiting => {}
            Progress::Complete { status, took } => {
                tally.run.all += 1;
                if !script.take(number, status, connections[number].body()) {
                    tally.run.wrong += 1;
                }
                connections[number].clear();
                if tally.counting {
                    tally.run.responses += 1;
                    tally.nanos.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
                }
                idle.push_back(number);
            }
            Progress::Broken { outstanding } => {
                tally.run.wrong += u64::from(outstanding);
                if outstanding {
                    idle.push_back(number);
                }
                if tally.run.wrong > MAX_BROKEN + tally.run.all / 100 {
                    return Err(BenchError::new(format!("{} breaks connections", self.address)));
                }
                connections[number] = Connection::open(self.address, poll.registry(), token)?;
            }
        }
        Ok(())
    }
}

/// The schedule of a paced run. It does not depend on the responses.
struct Pace {
    next: Instant,
    each: Duration,
    late: VecDeque<Instant>,
}

impl Pace {
    fn new(start: Instant, per_second: f64) -> Self {
        Self { next: start, each: Duration::from_secs_f64(1.0 / per_second), late: VecDeque::new() }
    }

    /// The time since which the next request has been waiting, if one is due.
    fn take(&mut self) -> Option<Instant> {
        self.note_due();
        self.late.pop_front()
    }

    /// The time until the next request is due. The latency of a request that became due while all connections were busy
    /// counts from this call.
    fn wait(&mut self) -> Duration {
        self.note_due();
        self.next.saturating_duration_since(Instant::now())
    }

    fn note_due(&mut self) {
        let now = Instant::now();
        while self.next <= now {
            self.late.push_back(now);
            self.next += self.each;
        }
    }
}
