//! P5: two nodes on one database. Rights are revoked on one and used on the other at once, and all owners of a
//! workspace leave it at once through both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::goals::lists::{self, LIST};
use crate::load::{Load, Script, count, encode};
use crate::nodes::Shared;
use crate::report::Target;
use crate::seed::{TEN_THOUSAND, person};
use crate::server::Server;

const GOAL: Goal = Goal::P5;

const CREATE: &str = "/v1/api/workspaces/create";
const ADD: &str = "/v1/api/workspaces/add_user";
const REMOVE: &str = "/v1/api/workspaces/remove_user";
const MEMBERS: &str = "/v1/api/workspaces/list_users";
const VALIDATE: &str = "/v1/api/workspaces/validate";
const KEYS: &str = "/v2/api-keys";
const USERS: &str = "/auth/admin/realms/master/users";

/// The owners who leave a workspace at once.
const OWNERS: usize = 50;

/// Those who make keys in turn, because one person may make only so many within a minute.
const KEY_OWNERS: u64 = 100;

/// The lists per second on each node while rights are revoked, so that requests share looks at the version of the data.
const LISTS: f64 = 100.0;
const LISTERS: usize = 8;

pub(super) fn agree(bench: &mut Bench) -> Result<()> {
    let (revocations, rounds) = if bench.arguments.quick { (500, 10) } else { (10_000, 200) };
    let shared = Shared::start(bench, TEN_THOUSAND)?;
    let pair = Pair { nodes: [shared.node(bench)?, shared.node(bench)?] };
    let stale = beside_lists(&pair, || stale(&pair, revocations))?;
    let what = format!("stale answers of {revocations} revocations");
    bench.report.measure(GOAL, &what, "", Target::AtMost(0.0), &[count(stale)])?;
    let (lost, kept) = owners(&pair, rounds)?;
    let what = format!("owners lost in {rounds} rounds of {OWNERS} who leave");
    bench.report.measure(GOAL, &what, "", Target::AtMost(0.0), &[count(lost)])?;
    bench.report.measure(GOAL, "rounds in which more than one stayed", "", Target::AtMost(0.0), &[count(kept)])?;
    bench.report.note(
        GOAL,
        "a membership, a role, a key or a session ends on one node; the next request goes to the other, which has \
         answered the same one from its caches just before",
    )
}

/// Two nodes.
struct Pair {
    nodes: [Server; 2],
}

/// Somebody with a token, which is valid on both nodes.
struct Person {
    email: String,
    token: String,
}

impl Pair {
    fn person(&self, number: u64) -> Result<Person> {
        let email = person(number);
        let token = self.nodes[0].sign_in(&email)?.access;
        Ok(Person { email, token })
    }

    fn post(&self, node: usize, path: &str, token: &str, body: &Value) -> Result<(u16, String)> {
        self.nodes[node].client.answer("POST", path, Some(token), "application/json", &body.to_string())
    }

    /// Sends a request that must succeed.
    fn done(&self, node: usize, path: &str, token: &str, body: &Value) -> Result<Value> {
        let text = self.nodes[node].client.send("POST", path, Some(token), "application/json", &body.to_string())?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    fn create(&self, node: usize, owner: &Person, name: &str) -> Result<i64> {
        let created = self.done(node, CREATE, &owner.token, &json!({ "workspace_name": name }))?;
        created["workspace_id"].as_i64().ok_or_else(|| BenchError::new("a create returned no id"))
    }

    /// The list of workspaces, which may come from the response cache.
    fn lists(&self, node: usize, who: &Person, workspace: i64) -> Result<bool> {
        let (status, text) = self.post(node, LIST, &who.token, &json!({}))?;
        Ok(status == 200 && text.contains(&format!("\"id\":{workspace},")))
    }
}

/// Runs something while both nodes answer lists.
fn beside_lists<T>(pair: &Pair, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_over = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut listers = Vec::new();
        for node in &pair.nodes {
            listers.push(scope.spawn(move || -> Result<()> {
                let list = lists::of_one(node)?;
                let load = Load::new(node.address(), LISTERS, (Duration::ZERO, Duration::from_secs(1))).paced(LISTS);
                while !is_over.load(Ordering::Relaxed) {
                    load.go(&mut list.clone())?;
                }
                Ok(())
            }));
        }
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        for lister in listers {
            lister.join().map_err(|_| BenchError::new("a client panicked"))??;
        }
        done
    })
}

/// Revokes rights on one node. Returns how often the other one still granted them on the next request.
fn stale(pair: &Pair, revocations: usize) -> Result<u64> {
    let admin = pair.nodes[0].admin()?;
    let (owner, member, guest) = (pair.person(1)?, pair.person(2)?, pair.person(3)?);
    let third = person(4);
    let guest_id = {
        let found = pair.nodes[0].client.get(&format!("{USERS}?email={}", guest.email), &admin)?;
        found[0]["id"].as_str().map(str::to_owned).ok_or_else(|| BenchError::new("a user has no id"))?
    };
    let den = pair.create(0, &owner, "bench-freshness")?;
    let key_owners = (100..100 + KEY_OWNERS).map(|number| pair.person(number)).collect::<Result<Vec<_>>>()?;
    let mut key_owners = key_owners.iter().cycle();
    let mut stale = 0;
    for round in 0..revocations {
        let (here, there) = (round % 2, 1 - round % 2);
        let grant = |role: &str| json!({ "workspace_id": den, "email": member.email, "user_type": role });
        let remove = |email: &str| json!({ "workspace_id": den, "email": email });
        let granted = match round % 20 {
            0 => {
                let token = pair.nodes[here].sign_in(&guest.email)?.access;
                let is_valid = || Ok(pair.post(there, VALIDATE, &token, &json!({}))?.0 == 200);
                twice(&is_valid)?;
                pair.done(here, &format!("{USERS}/{guest_id}/logout"), &admin, &json!({}))?;
                is_valid()?
            }
            1..=4 => {
                let name = format!("bench-{round}");
                let owner = key_owners.next().ok_or_else(|| BenchError::new("nobody makes keys"))?;
                let key = pair.done(here, KEYS, &owner.token, &json!({ "key_type": "USER", "name": name }))?;
                let text = |name: &str| {
                    key[name].as_str().map(str::to_owned).ok_or_else(|| BenchError::new("a key lacks a field"))
                };
                let (secret, id) = (text("key")?, text("id")?);
                let is_valid = || Ok(pair.post(there, VALIDATE, &secret, &json!({}))?.0 == 200);
                twice(&is_valid)?;
                let path = format!("{KEYS}/{id}/revoke");
                pair.nodes[here].client.send("PUT", &path, Some(&owner.token), "application/json", "")?;
                is_valid()?
            }
            5..=9 => {
                pair.done(here, ADD, &owner.token, &grant("OWNER"))?;
                let invite = json!({ "workspace_id": den, "email": third, "user_type": "COLLABORATOR" });
                let may_invite = || Ok(pair.post(there, ADD, &member.token, &invite)?.0 == 200);
                twice(&may_invite)?;
                pair.done(here, ADD, &owner.token, &grant("COLLABORATOR"))?;
                may_invite()?
            }
            _ => {
                pair.done(here, ADD, &owner.token, &grant("COLLABORATOR"))?;
                let sees = || pair.lists(there, &member, den);
                twice(&sees)?;
                pair.done(here, REMOVE, &owner.token, &remove(&member.email))?;
                sees()?
            }
        };
        stale += u64::from(granted);
    }
    Ok(stale)
}

/// Uses a right twice: the second time it may be found in a cache.
fn twice(is_granted: &dyn Fn() -> Result<bool>) -> Result<()> {
    if is_granted()? && is_granted()? { Ok(()) } else { Err(BenchError::new("a right that was granted is not there")) }
}

/// Lets all owners of a workspace leave at once, again and again. Returns the numbers of rounds in which nobody and in
/// which several stayed.
fn owners(pair: &Pair, rounds: usize) -> Result<(u64, u64)> {
    let admin = pair.nodes[0].admin()?;
    let people = (0..OWNERS as u64).map(|number| pair.person(number)).collect::<Result<Vec<_>>>()?;
    let (mut lost, mut kept) = (0, 0);
    for round in 0..rounds {
        // Each creates in turn, for the same reason.
        let creator = &people[round % OWNERS];
        let den = pair.create(round % 2, creator, &format!("bench-owners-{round}"))?;
        let add = people.iter().filter(|one| one.email != creator.email).map(|one| {
            let body = json!({ "workspace_id": den, "email": one.email, "user_type": "OWNER" });
            encode("POST", ADD, Some(&creator.token), "application/json", &body.to_string())
        });
        let added = Each::of(add.collect()).go(&pair.nodes[round % 2])?;
        if added != OWNERS - 1 {
            return Err(BenchError::new(format!("{added} of {} owners were added", OWNERS - 1)));
        }
        let leave = |part: &[Person]| {
            let requests = part.iter().map(|one| {
                let body = json!({ "workspace_id": den, "email": one.email });
                encode("POST", REMOVE, Some(&one.token), "application/json", &body.to_string())
            });
            Each::of(requests.collect())
        };
        let (one, other) = people.split_at(OWNERS / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| leave(other).go(&pair.nodes[1]));
            leave(one).go(&pair.nodes[0])?;
            other.join().map_err(|_| BenchError::new("a client panicked"))?
        })?;
        let left = pair.done(round % 2, MEMBERS, &admin, &json!({ "workspace_id": den }))?;
        let left = left["users"].as_array().ok_or_else(|| BenchError::new("a workspace has no list of members"))?;
        match left.iter().filter(|user| user["user_type"] == "OWNER").count() {
            0 => lost += 1,
            1 => {}
            _ => kept += 1,
        }
    }
    Ok((lost, kept))
}

/// Sends each of some requests once, all at the same time. The server may refuse them.
struct Each {
    requests: Vec<Vec<u8>>,
    next: usize,
    succeeded: usize,
    wrong: Option<(u16, String)>,
}

impl Each {
    fn of(requests: Vec<Vec<u8>>) -> Self {
        Self { requests, next: 0, succeeded: 0, wrong: None }
    }

    /// Returns how many succeeded.
    fn go(mut self, server: &Server) -> Result<usize> {
        let many = self.requests.len();
        let load = Load::new(server.address(), many, (Duration::ZERO, Duration::ZERO)).limited(many as u64);
        load.go(&mut self)?;
        Ok(self.succeeded)
    }
}

impl Script for Each {
    fn write(&mut self, _: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.requests[self.next]);
        self.next += 1;
    }

    fn take(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        self.succeeded += usize::from(status == 200);
        if status >= 500 {
            self.wrong = Some((status, String::from_utf8_lossy(body).into_owned()));
        }
        status < 500
    }

    fn last_error(&self) -> String {
        self.wrong.as_ref().map_or_else(String::new, |(status, body)| format!("status {status}: {body}"))
    }
}
