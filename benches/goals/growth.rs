//! L3: the growth of the data file in a simulated year of a team: 50 programs that refresh their tokens every five
//! minutes, and 20 people who sign in and change something every day.
//!
//! All requests are real. The clock stays: every stored time but those of the audit log moves back instead, which is the
//! same for the server. The people do what they do on each day. The programs refresh on some days, all day long, and the
//! growth of such a day counts for each other day too.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::bench::{Bench, Neighbour};
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::{InTurn, Run, count, encode};
use crate::process::memory_of;
use crate::report::Target;
use crate::seed::{ADMIN, PASSWORD, begin};
use crate::server::{Server, TOKEN};

const GOAL: Goal = Goal::L3;

const PEOPLE: usize = 20;
const PROGRAMS: usize = 50;
/// The clients of the programs: one keeps its refresh token, one gets another each time.
const CLIENTS: [&str; 2] = ["sdk-client", "admin-cli"];

const YEAR: u32 = 365;
/// The number of days that are simulated if the measurement is only a trial.
const TRIAL: u32 = 3;
/// The programs refresh on every so many days; in a trial only on the first.
const SAMPLED: u32 = 52;

const DAY: Duration = Duration::from_hours(24);
/// The time between two refreshes of a program.
const STEP: Duration = Duration::from_mins(5);

const CREATE: &str = "/v1/api/workspaces/create";
const ADD: &str = "/v1/api/workspaces/add_user";

/// The numbers of workspaces that a person creates each day, and of other changes to each of them.
const CREATES: usize = 2;
const CHANGES: usize = 4;

struct Team {
    server: Server,
    file: Connection,
    /// The columns with times, each with its table.
    times: Vec<(String, String)>,
    people: Vec<(String, String)>,
}

pub(super) fn slow(bench: &mut Bench) -> Result<()> {
    let days = if bench.arguments.quick { TRIAL } else { YEAR };
    let home = bench.scratch().join("year");
    begin(&bench.arguments, &home)?;
    let mut team = Team::start(bench, &home)?;
    let (mut refreshes, mut samples) = (0.0, 0_u32);
    let mut first = None;
    for day in 0..days {
        team.people_work(day)?;
        if day % SAMPLED == 0 {
            refreshes += team.programs_refresh()?;
            samples += 1;
        }
        team.age(DAY)?;
        if first.is_none() {
            first = Some((team.bytes()?, team.look(bench, "on the first day")?));
            team = Team::start(bench, &home)?;
        }
    }
    let (first_bytes, first_look) = first.ok_or_else(|| BenchError::new("there was no day"))?;
    let per_day = refreshes / f64::from(samples);
    let grown = team.bytes()? - first_bytes + per_day * f64::from(days - samples);
    let last_look = team.look(bench, "on the last day")?;
    let year = grown / f64::from(days - 1).max(1.0) * f64::from(YEAR) / 1e6;
    let report = &mut bench.report;
    report.measure(GOAL, "growth of the data file in a year", " MB", Target::AtMost(100.0), &[year])?;
    report.measure(GOAL, "of that by a day of refreshes", " kB", Target::Reported, &[per_day / 1e3])?;
    for ((what, last), (_, first)) in last_look.into_iter().zip(first_look) {
        let what = format!("{what} after {days} days, of the first");
        report.measure(GOAL, &what, "x", Target::AtMost(1.5), &[last / first])?;
    }
    report.note(GOAL, &format!("{days} days of {PEOPLE} people, {samples} of them with {PROGRAMS} programs"))
}

impl Team {
    fn start(bench: &Bench, home: &Path) -> Result<Self> {
        let server = Server::start(&bench.arguments, home)?;
        let file = Connection::open(server.database())?;
        file.busy_timeout(Duration::from_secs(30))?;
        let times = columns_with_times(&file)?;
        let admin = server.admin()?;
        let people = (0..PEOPLE).map(|number| person(&server, &admin, number)).collect::<Result<_>>()?;
        Ok(Self { server, file, times, people })
    }

    /// Each person signs in and makes their changes, all at the same time.
    fn people_work(&self, day: u32) -> Result<()> {
        let (server, people) = (&self.server, &self.people);
        let work = |number: usize| -> Result<()> {
            let (email, _) = &people[number];
            let (_, colleague) = &people[(number + 1) % PEOPLE];
            let token = server.sign_in(email)?.access;
            let post = |path: &str, body: &str| -> Result<serde_json::Value> {
                let answer = server.client.send("POST", path, Some(&token), "application/json", body)?;
                Ok(serde_json::from_str(&answer)?)
            };
            for create in 0..CREATES {
                let made = post(CREATE, &format!("{{\"workspace_name\":\"day-{day}-{number}-{create}\"}}"))?;
                let id = made.get("workspace_id").and_then(serde_json::Value::as_u64).unwrap_or_default();
                for change in 0..CHANGES {
                    let role = if change % 2 == 0 { "COLLABORATOR" } else { "OWNER" };
                    let body =
                        format!("{{\"workspace_id\":{id},\"user_id\":\"{colleague}\",\"user_type\":\"{role}\"}}");
                    post(ADD, &body)?;
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let people: Vec<_> = (0..PEOPLE).map(|number| scope.spawn(move || work(number))).collect();
            people
                .into_iter()
                .try_for_each(|person| person.join().unwrap_or_else(|_| Err(BenchError::new("a person panicked"))))
        })
    }

    /// The programs sign in, and refresh their tokens for a day. Returns the growth by the refreshes, in bytes.
    fn programs_refresh(&self) -> Result<f64> {
        let server = &self.server;
        let sign_in = |number: usize| -> Result<(&str, String)> {
            let client = CLIENTS[number % CLIENTS.len()];
            let (email, _) = &self.people[number % PEOPLE];
            let form = [("client_id", client), ("grant_type", "password"), ("username", email), ("password", PASSWORD)];
            Ok((client, refresh_token(server, &form)?))
        };
        let mut programs = (0..PROGRAMS).map(sign_in).collect::<Result<Vec<_>>>()?;
        let before = self.bytes()?;
        for _ in 0..DAY.as_secs() / STEP.as_secs() {
            self.age(STEP)?;
            std::thread::scope(|scope| {
                let refreshing: Vec<_> = programs
                    .iter_mut()
                    .map(|(client, token)| {
                        scope.spawn(|| -> Result<()> {
                            let form =
                                [("client_id", *client), ("grant_type", "refresh_token"), ("refresh_token", token)];
                            *token = refresh_token(server, &form)?;
                            Ok(())
                        })
                    })
                    .collect();
                refreshing.into_iter().try_for_each(|program| {
                    program.join().unwrap_or_else(|_| Err(BenchError::new("a program panicked")))
                })
            })?;
        }
        Ok(self.bytes()? - before)
    }

    /// Lets time pass for everything that is stored.
    fn age(&self, by: Duration) -> Result<()> {
        self.file.execute_batch("BEGIN IMMEDIATE")?;
        for (table, column) in &self.times {
            self.file.execute(&format!("UPDATE {table} SET {column} = {column} - {}", by.as_micros()), [])?;
        }
        self.file.execute_batch("UPDATE meta SET generation = generation + 1; COMMIT")?;
        Ok(())
    }

    /// The size of what is stored, in bytes.
    fn bytes(&self) -> Result<f64> {
        let number = |pragma: &str| self.file.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
        Ok(f64::from(number("page_count")? - number("freelist_count")?) * f64::from(number("page_size")?))
    }

    /// Stops the server, and measures a start, the memory and first pages.
    fn look(self, bench: &mut Bench, when: &str) -> Result<Vec<(&'static str, f64)>> {
        let home = self.server.database().parent().map(Path::to_owned);
        let home = home.ok_or_else(|| BenchError::new("the data file is nowhere"))?;
        drop(self.file);
        self.server.stop()?;
        // The times in the file were rewritten to let a year pass. A start would pay for writing them to the disk.
        File::open(home.join("atelier.db"))?.sync_all()?;
        let mut starts = Vec::new();
        for _ in 0..bench.arguments.rounds {
            let (server, took) = Server::start_timed(&bench.arguments, &home)?;
            starts.push(took.as_secs_f64());
            server.stop()?;
        }
        let server = Server::start(&bench.arguments, &home)?;
        let admin = server.admin()?;
        std::thread::sleep(Duration::from_millis(200));
        let resident = count(memory_of(server.pid())?.resident);
        let neighbour = Neighbour::of(&server)?;
        let mut first_page = |path: &str| -> Result<f64> {
            let request = [encode("GET", path, Some(&admin), "", "")];
            let run = server.load(1, bench.times()).go(&mut InTurn::new(&request, || neighbour.touch()))?;
            bench.report.run(GOAL, 0, &format!("{path} {when}"), &run)?;
            Ok(Run::p50(&run))
        };
        let (spaces, audit) = (first_page("/v2/spaces?limit=50")?, first_page("/v2/audit-logs?limit=50")?);
        neighbour.verify()?;
        server.stop()?;
        let size = count(fs::metadata(home.join("atelier.db"))?.len()) / 1e6;
        bench.report.note(GOAL, &format!("the data file has {size:.1} MB {when}"))?;
        let start = crate::report::median(&starts);
        Ok(vec![("a start", start), ("memory", resident), ("a page of spaces", spaces), ("a page of the audit", audit)])
    }
}

fn columns_with_times(file: &Connection) -> Result<Vec<(String, String)>> {
    let mut query = file.prepare(
        "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c
         WHERE s.type = 'table' AND s.name NOT IN ('audit', 'meta', 'clients', 'name_changes')
             AND (c.name LIKE '%\\_at' ESCAPE '\\' OR c.name LIKE '%\\_until' ESCAPE '\\')",
    )?;
    let columns = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(columns.collect::<rusqlite::Result<_>>()?)
}

/// The refresh token that the token endpoint answers with.
fn refresh_token(server: &Server, form: &[(&str, &str)]) -> Result<String> {
    let answer = server.client.form(TOKEN, form)?;
    let token = answer.get("refresh_token").and_then(serde_json::Value::as_str);
    Ok(token.ok_or_else(|| BenchError::new("there is no refresh token"))?.to_owned())
}

/// The email and the id of a person, who is invited unless they are there.
fn person(server: &Server, admin: &str, number: usize) -> Result<(String, String)> {
    let email = format!("person-{number}@example.com");
    let path = format!("/auth/admin/realms/master/users?email={email}");
    let find = || -> Result<Option<String>> {
        let found = server.client.get(&path, admin)?;
        Ok(found.pointer("/0/id").and_then(serde_json::Value::as_str).map(str::to_owned))
    };
    if let Some(id) = find()? {
        return Ok((email, id));
    }
    let body = format!("{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}");
    server.client.send("POST", "/v1/api/users/invite", Some(admin), "application/json", &body)?;
    let id = find()?.ok_or_else(|| BenchError::new(format!("{email} was not created beside {ADMIN}")))?;
    Ok((email, id))
}
