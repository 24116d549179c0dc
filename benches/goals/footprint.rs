//! G9: the time from start to the first response, memory, and the size of the binary.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bench::{Bench, Neighbour};
use crate::error::{BenchError, Result};
use crate::goals::{Goal, creates, lists};
use crate::load::{InTurn, Same, count};
use crate::process::memory_of;
use crate::report::Target;
use crate::seed::{TEN_THOUSAND, person};
use crate::server::{Server, SignIns};

const GOAL: Goal = Goal::G9;

/// The number of idle connections.
const IDLE: u64 = 10_000;

pub(super) fn small(bench: &mut Bench) -> Result<()> {
    starts(bench)?;
    loads(bench)?;
    if let Err(error) = connections(bench) {
        bench.report.absent(GOAL, "resident with 10,000 idle connections", &error.to_string())?;
    }
    let size = count(fs::metadata(&bench.arguments.binary)?.len()) / 1e6;
    bench.report.measure(GOAL, "size of the stripped binary", " MB", Target::AtMost(30.0), &[size])
}

fn resident(server: &Server) -> Result<f64> {
    Ok(count(memory_of(server.pid())?.resident) * 1024.0 / 1e6)
}

fn starts(bench: &mut Bench) -> Result<()> {
    let copy = bench.copy(TEN_THOUSAND)?;
    let (mut starts, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..bench.arguments.rounds.max(3) * 2 {
        let (server, took) = Server::start_timed(&bench.arguments, &copy)?;
        starts.push(took.as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(200));
        idle.push(resident(&server)?);
        server.stop()?;
    }
    let report = &mut bench.report;
    report.measure(GOAL, "from exec to the first 200, 10,000 workspaces", " ms", Target::AtMost(40.0), &starts)?;
    report.measure(GOAL, "resident, idle", " MB", Target::AtMost(20.0), &idle)
}

/// Runs the loads of the other goals on one server.
fn loads(bench: &mut Bench) -> Result<()> {
    let server = bench.serve(TEN_THOUSAND)?;
    let people = TEN_THOUSAND.emails();
    let tokens = server.sign_in_all(&people)?;
    let admin = server.admin()?;
    let times = bench.times();
    let requests: Vec<Vec<u8>> = tokens.iter().map(|token| lists::request(token)).collect();
    let neighbour = Neighbour::of(&server)?;
    let body = server.client.send("POST", lists::LIST, Some(&admin), "application/json", "{}")?;
    let next = Cell::new(0);
    let run = server.load(32, times).go(&mut InTurn::new(&requests, || ()))?;
    bench.report.run(GOAL, 0, "lists, remembered", &run)?;
    let run = server.load(32, times).go(&mut InTurn::new(&requests, || neighbour.touch()))?;
    bench.report.run(GOAL, 0, "lists, not remembered", &run)?;
    let run = server.load(8, times).go(&mut Same::new(lists::request(&admin), body.len()))?;
    bench.report.run(GOAL, 0, "lists of all 10,000", &run)?;
    let run = server.load(64, times).go(&mut creates::Creates::new(&tokens, &next))?;
    bench.report.run(GOAL, 0, "creates", &run)?;
    let run = server.load(64, times).go(&mut SignIns::each(&people))?;
    bench.report.run(GOAL, 0, "sign-ins", &run)?;
    let pages = super::pages::pages(&server.client, &admin)?;
    let run = server.load(32, times).go(&mut InTurn::new(&pages, || neighbour.touch()))?;
    bench.report.run(GOAL, 0, "pages, not remembered", &run)?;
    std::thread::sleep(Duration::from_secs(1));
    let most = count(memory_of(server.pid())?.most) * 1024.0 / 1e6;
    let report = &mut bench.report;
    report.measure(GOAL, "resident after all loads", " MB", Target::AtMost(64.0), &[resident(&server)?])?;
    report.measure(GOAL, "most resident during all loads", " MB", Target::Reported, &[most])
}

/// Opens ten thousand connections that send one request each and then stay idle.
fn connections(bench: &mut Bench) -> Result<()> {
    let limits = getrlimit(Resource::Nofile);
    let needed = IDLE + 1000;
    if limits.maximum.is_some_and(|most| most < needed) {
        return Err(BenchError::new(format!(
            "this system allows {:?} open files, {needed} are needed",
            limits.maximum
        )));
    }
    // The server is started after this and inherits the limit.
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum.or(Some(needed)), maximum: limits.maximum })?;
    let server = bench.serve(TEN_THOUSAND)?;
    let token = server.sign_in(&person(0))?.access;
    let body = server.client.send("POST", lists::LIST, Some(&token), "application/json", "{}")?;
    let request = lists::request(&token);
    let mut open = Vec::new();
    let mut response = vec![0; 64 * 1024];
    for _ in 0..IDLE {
        let mut stream = TcpStream::connect(server.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(&request)?;
        let mut filled = 0;
        while filled < body.len() || !response[..filled].ends_with(body.as_bytes()) {
            match stream.read(&mut response[filled..])? {
                0 => return Err(BenchError::new(format!("the server closed connection {}", open.len()))),
                read => filled += read,
            }
        }
        open.push(stream);
    }
    let idle = resident(&server)?;
    let times = bench.times();
    let run = server.load(32, times).go(&mut Same::new(request, body.len()))?;
    bench.report.run(GOAL, 0, "lists beside 10,000 connections", &run)?;
    let report = &mut bench.report;
    report.measure(GOAL, "resident with 10,000 idle connections", " MB", Target::AtMost(200.0), &[idle])?;
    let loaded = resident(&server)?;
    report.measure(GOAL, "resident under load beside 10,000 idle connections", " MB", Target::AtMost(200.0), &[loaded])
}
