//! L1: requests that delete much, and how long another client's create waits meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::count;
use crate::process::cpu_of;
use crate::report::Target;
use crate::seed::{self, ADMIN};
use crate::server::Server;

/// The sizes that are compared. The goal is about the last one.
const SIZES: [u32; 2] = [1_000, 10_000];

/// A time far in the future, in microseconds since 1970.
const LATE: i64 = 4_000_000_000_000_000;

/// How long the other client creates before and after the request.
const MARGIN: Duration = Duration::from_millis(50);

/// A request that deletes many rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// Deletes a user who owns spaces alone, which the administrator takes over.
    DeleteUser,
    DeleteOrganization,
    DeleteSpace,
    /// Removes a user from an organization and from all of its spaces.
    LeaveOrganization,
    RemoveMembers,
    /// Removes members, by somebody who is an admin of as many organizations.
    RemoveMembersAsAdmin,
    LogOut,
}

impl Verb {
    const ALL: [Self; 7] = [
        Self::DeleteUser,
        Self::DeleteOrganization,
        Self::DeleteSpace,
        Self::LeaveOrganization,
        Self::RemoveMembers,
        Self::RemoveMembersAsAdmin,
        Self::LogOut,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::DeleteUser => "delete an owner of spaces",
            Self::DeleteOrganization => "delete an organization of spaces",
            Self::DeleteSpace => "delete a space of members",
            Self::LeaveOrganization => "remove somebody from an organization of spaces",
            Self::RemoveMembers => "remove members of a space",
            Self::RemoveMembersAsAdmin => "remove members, as admin of as many organizations",
            Self::LogOut => "log out sessions",
        }
    }
}

/// A user, an organization and a space of one turn, and what is to be deleted with them.
struct Scene {
    /// The name of the organization and the space, and the local part of the user's email address.
    tag: String,
    user: i64,
    organization: i64,
    space: i64,
}

impl Scene {
    fn email(&self) -> String {
        format!("{}@example.com", self.tag)
    }

    fn new(conn: &Connection, tag: String) -> Result<Self> {
        let email = format!("{tag}@example.com");
        conn.execute(
            "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                 password_hash, must_change_password, created_at)
             SELECT printf('%s-%s-4%s-8%s-%s', lower(hex(randomblob(4))), lower(hex(randomblob(2))),
                        substr(lower(hex(randomblob(2))), 2), substr(lower(hex(randomblob(2))), 2),
                        lower(hex(randomblob(6)))),
                 ?1, ?1, '', '', 'person', 'active', 1, 1, 'member', password_hash, 0, 1
             FROM users WHERE email = ?2",
            params![email, ADMIN],
        )?;
        let user = conn.last_insert_rowid();
        conn.execute(
            "INSERT INTO organizations (name, name_key, description, home, created_at) VALUES (?1, ?1, '', 0, 1)",
            [&tag],
        )?;
        let organization = conn.last_insert_rowid();
        conn.execute(
            "INSERT INTO organization_members (organization_id, user_id, role, created_at)
             SELECT id, ?1, 'member', 1 FROM organizations WHERE home = 1 OR id = ?2
             UNION ALL SELECT ?2, id, 'admin', 1 FROM users WHERE email = ?3",
            params![user, organization, ADMIN],
        )?;
        conn.execute(
            "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at,
                 ml_models_enabled)
             SELECT id, ?1, ?1, '', 1, 0, ?2, 1, 0 FROM organizations WHERE home = 1",
            params![tag, user],
        )?;
        let space = conn.last_insert_rowid();
        conn.execute(
            "INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (?1, ?2, 'owner', 1)",
            params![space, user],
        )?;
        Ok(Self { tag, user, organization, space })
    }

    /// Inserts so many rows for a verb.
    fn fill(&self, conn: &Connection, verb: Verb, many: u32) -> Result<()> {
        match verb {
            Verb::DeleteUser | Verb::DeleteOrganization => self.spaces(conn, many, &[(self.user, "owner")]),
            Verb::LeaveOrganization => {
                let admin = conn.query_row("SELECT id FROM users WHERE email = ?1", [ADMIN], |row| row.get(0))?;
                self.spaces(conn, many, &[(admin, "owner"), (self.user, "member")])
            }
            Verb::DeleteSpace | Verb::RemoveMembers => self.members(conn, many),
            Verb::RemoveMembersAsAdmin => {
                self.members(conn, many)?;
                conn.execute(
                    "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                     INSERT INTO organizations (name, name_key, description, home, created_at)
                     SELECT ?2 || '-' || n, ?2 || '-' || n, '', 0, 1 FROM n",
                    params![many, self.tag],
                )?;
                conn.execute(
                    "INSERT INTO organization_members (organization_id, user_id, role, created_at)
                     SELECT id, ?1, 'admin', 1 FROM organizations WHERE name LIKE ?2 || '-%'",
                    params![self.user, self.tag],
                )?;
                Ok(())
            }
            Verb::LogOut => self.sessions(conn, many),
        }
    }

    /// Spaces of the organization, with these members.
    fn spaces(&self, conn: &Connection, many: u32, members: &[(i64, &str)]) -> Result<()> {
        conn.execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
             INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at,
                 ml_models_enabled)
             SELECT ?2, name, name, '', 1, 0, ?3, 1, 0 FROM (SELECT lower(hex(randomblob(8))) AS name FROM n)",
            params![many, self.organization, self.user],
        )?;
        for (user, role) in members {
            conn.execute(
                "INSERT INTO members (workspace_id, user_id, role, created_at)
                 SELECT id, ?2, ?3, 1 FROM workspaces WHERE organization_id = ?1",
                params![self.organization, user, role],
            )?;
        }
        Ok(())
    }

    /// Members of the space, who are people of the home organization.
    fn members(&self, conn: &Connection, many: u32) -> Result<()> {
        conn.execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
             INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                 must_change_password, created_at)
             SELECT printf('%s-%s-4%s-8%s-%s', lower(hex(randomblob(4))), lower(hex(randomblob(2))),
                        substr(lower(hex(randomblob(2))), 2), substr(lower(hex(randomblob(2))), 2),
                        lower(hex(randomblob(6)))),
                 ?2 || '-' || n || '@example.com', ?2 || '-' || n || '@example.com', '', '', 'person', 'active', 1, 1,
                 'member', 0, 1
             FROM n",
            params![many, self.tag],
        )?;
        for sql in [
            "INSERT INTO organization_members (organization_id, user_id, role, created_at)
             SELECT o.id, u.id, 'member', 1 FROM users u, organizations o WHERE u.email LIKE ?1 || '-%' AND o.home = 1",
            "INSERT INTO members (workspace_id, user_id, role, created_at)
             SELECT w.id, u.id, 'member', 1 FROM users u, workspaces w WHERE u.email LIKE ?1 || '-%' AND w.name = ?1",
        ] {
            conn.execute(sql, [&self.tag])?;
        }
        Ok(())
    }

    /// Sessions of the user, each with a refresh token.
    fn sessions(&self, conn: &Connection, many: u32) -> Result<()> {
        conn.execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
             INSERT INTO sessions (uuid, user_id, client, family, scope, authenticated_at, second_factor, created_at,
                 last_used_at, idle_until, ends_at)
             SELECT lower(hex(randomblob(18))), ?2, 'arize-cli', randomblob(32), 'openid api', 1, 0, 1, 1, ?3, ?3 FROM n",
            params![many, self.user, LATE],
        )?;
        conn.execute(
            "INSERT INTO refresh_tokens (fingerprint, session_id, created_at)
             SELECT randomblob(32), id, 1 FROM sessions WHERE user_id = ?1",
            [self.user],
        )?;
        Ok(())
    }

    /// Who sends the request: the access token.
    fn actor(&self, server: &Server, verb: Verb, admin: &str) -> Result<String> {
        match verb {
            Verb::RemoveMembersAsAdmin => Ok(server.sign_in(&self.email())?.access),
            _ => Ok(admin.to_owned()),
        }
    }

    /// The request: its method, its path and its body.
    fn request(&self, server: &Server, verb: Verb, admin: &str) -> Result<(&'static str, String, String)> {
        let find = |list: &str, by: &str, name: &str| {
            let found = server.client.get(&format!("/v2/{list}?{by}={name}&limit=1"), admin)?;
            let id = found[list][0]["id"].as_str().map(str::to_owned);
            id.ok_or_else(|| BenchError::new(format!("no {list} are called {name}")))
        };
        let user = || find("users", "email", &self.email());
        let organization = || find("organizations", "name", &self.tag);
        Ok(match verb {
            Verb::DeleteUser => ("DELETE", format!("/v2/users/{}", user()?), String::new()),
            Verb::DeleteOrganization => ("DELETE", format!("/v2/organizations/{}", organization()?), String::new()),
            Verb::DeleteSpace => {
                ("DELETE", format!("/v2/spaces/{}", find("spaces", "name", &self.tag)?), String::new())
            }
            Verb::LeaveOrganization => {
                ("DELETE", format!("/v2/organizations/{}/users/{}", organization()?, user()?), String::new())
            }
            Verb::RemoveMembers | Verb::RemoveMembersAsAdmin => {
                let query = "mutation($in: bigint!, $me: String!) {
                    delete_workspace_users(where: {workspace_id: {_eq: $in}, user_id: {_neq: $me}}) { affected_rows } }";
                let owner = self.uuid(server)?;
                let body = json!({ "query": query, "variables": { "in": self.space, "me": owner } });
                ("POST", "/v1/graphql".to_owned(), body.to_string())
            }
            Verb::LogOut => {
                let path = format!("/auth/admin/realms/master/users/{}/logout", self.uuid(server)?);
                ("POST", path, "{}".to_owned())
            }
        })
    }

    fn uuid(&self, server: &Server) -> Result<String> {
        let conn = Connection::open(server.database())?;
        Ok(conn.query_row("SELECT uuid FROM users WHERE id = ?1", [self.user], |row| row.get(0))?)
    }
}

/// What one request cost.
struct Turn {
    /// The longest time that a create took meanwhile.
    longest: Duration,
    /// The processor time of the server.
    cpu: Duration,
}

/// Sends a request while another client creates workspaces.
fn turn(server: &Server, scene: &Scene, verb: Verb, admin: &str, many: u32) -> Result<Turn> {
    let (method, path, body) = scene.request(server, verb, admin)?;
    let actor = scene.actor(server, verb, admin)?;
    let (done, client) = (AtomicBool::new(false), server.client.clone());
    thread::scope(|scope| {
        let creating = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                let body = format!("{{\"workspace_name\":\"{}-{number}\"}}", scene.tag);
                let start = Instant::now();
                client.send("POST", "/v1/api/workspaces/create", Some(admin), "application/json", &body)?;
                longest = longest.max(start.elapsed());
                number += 1;
                // Few creates, so that their processor time does not count.
                thread::sleep(Duration::from_millis(2));
            }
            Ok::<_, BenchError>(longest)
        });
        thread::sleep(MARGIN);
        let before = cpu_of(server.pid());
        let answer = server.client.send(method, &path, Some(&actor), "application/json", &body);
        let after = cpu_of(server.pid());
        thread::sleep(MARGIN);
        done.store(true, Ordering::Relaxed);
        let longest = creating.join().map_err(|_| BenchError::new("the creating client panicked"))??;
        check(verb, &answer?, many)?;
        Ok(Turn { longest, cpu: after?.saturating_sub(before?) })
    })
}

fn check(verb: Verb, answer: &str, many: u32) -> Result<()> {
    if !matches!(verb, Verb::RemoveMembers | Verb::RemoveMembersAsAdmin) {
        return Ok(());
    }
    let rows = serde_json::from_str::<Value>(answer)?["data"]["delete_workspace_users"]["affected_rows"].as_u64();
    if rows == Some(u64::from(many)) { Ok(()) } else { Err(BenchError::new(format!("not all are removed: {answer}"))) }
}

pub(super) fn holds(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::L1;
    let home = bench.scratch().join("deletes");
    seed::begin(&bench.arguments, &home)?;
    let server = Server::start(&bench.arguments, &home)?;
    let admin = server.admin()?;
    let conn = Connection::open(server.database())?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "synchronous", "OFF")?;
    for verb in Verb::ALL {
        for many in SIZES {
            let (mut longest, mut cpu) = (Vec::new(), Vec::new());
            for round in 0..bench.arguments.rounds {
                let inside = conn.unchecked_transaction()?;
                let scene = Scene::new(&conn, format!("l1-{}-{many}-{round}", verb as u8))?;
                scene.fill(&conn, verb, many)?;
                inside.commit()?;
                let turn = turn(&server, &scene, verb, &admin, many)?;
                longest.push(turn.longest.as_secs_f64() * 1e3);
                cpu.push(turn.cpu.as_secs_f64() * 1e6 / count(u64::from(many)));
            }
            let is_goal = Some(&many) == SIZES.last();
            let target = |most| if is_goal { Target::AtMost(most) } else { Target::Reported };
            let what = format!("{}, {many}: longest create meanwhile", verb.name());
            bench.report.measure(GOAL, &what, " ms", target(250.0), &longest)?;
            let what = format!("{}, {many}: CPU for each", verb.name());
            bench.report.measure(GOAL, &what, " us", target(20.0), &cpu)?;
        }
    }
    bench.report.note(GOAL, "the processor time is that of the whole request, which ticks of 10 ms make rough at 1,000")
}
