//! Cached responses are as fresh as uncached ones: after each of many random writes, through every dialect, the command
//! line and another process, every response that may be cached is compared with an uncached one and with the rows.
//!
//! `ATELIER_TEST_SEED` repeats a run; a test that fails prints its seed.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::arize::scene;
use crate::client::{Answer, Client};
use crate::support::database::Database;
use crate::support::stop::Stop;
use crate::support::{ADMIN_PASSWORD, Setup};
use crate::world::{Person, World, fresh};

/// How many writes there are.
const WRITES: usize = 150;

/// Credentials of one person that are looked at, the oldest of which gives way to a new one.
const CREDENTIALS: usize = 3;

/// Pseudorandom numbers.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = std::env::var("ATELIER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()));
        let seed = seed.unwrap_or_else(now) | 1;
        eprintln!("ATELIER_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("a number below another one")
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// A credential of somebody, and the row that it hangs on.
#[derive(Clone)]
struct Held {
    email: String,
    client: Client,
    row: Row,
}

#[derive(Clone, Debug)]
enum Row {
    Session(String),
    Key(String),
}

impl Held {
    fn session(who: &str, client: &Client, token: &str) -> Self {
        let payload = token.split('.').nth(1).expect("a payload");
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("the claims");
        let session = claims["sid"].as_str().expect("a session").to_owned();
        Self { email: who.to_owned(), client: client.with(token), row: Row::Session(session) }
    }

    /// Whether it is valid according to the rows.
    fn is_good(&self, rows: &Database) -> bool {
        let (sql, key) = match &self.row {
            Row::Session(uuid) => ("SELECT count(*) FROM sessions WHERE uuid = ?1", uuid),
            Row::Key(shown) => ("SELECT count(*) FROM keys WHERE redacted = ?1 AND revoked_at IS NULL", shown),
        };
        let user = "SELECT count(*) FROM users WHERE email = ?1 AND enabled = 1 AND state = 'active'";
        rows.one::<i64>(sql, [key]) > 0 && rows.one::<i64>(user, [&self.email]) > 0
    }

    /// The names of the workspaces that it lists, according to the rows.
    fn workspaces(&self, rows: &Database) -> Vec<String> {
        let joined = "SELECT w.name FROM workspaces w JOIN users u ON u.email = ?1 WHERE w.organization_id = 1
             AND (u.role = 'administrator'
                 OR EXISTS (SELECT 1 FROM members m WHERE m.workspace_id = w.id AND m.user_id = u.id))
             ORDER BY w.id";
        rows.rows(joined, [&self.email])
    }

    /// Compares every response.
    fn compare(&self, questions: &[Question], is_good: bool, workspaces: &[String], when: &str) {
        let who = format!("{when}, {} by {:?}", self.email, self.row);
        for question in questions {
            let (first, anew) = (ask(&self.client, question, false), ask(&self.client, question, true));
            let again = ask(&self.client, question, false);
            assert_eq!(first.status, if is_good { 200 } else { 401 }, "{who}: {question:?}");
            if is_good {
                assert_eq!((first.status, &first.body), (anew.status, &anew.body), "{who}: {question:?}");
                assert_eq!((again.status, &again.body), (anew.status, &anew.body), "{who}: {question:?}");
            } else {
                assert_eq!((anew.status, again.status), (401, 401), "{who}: {question:?}");
            }
        }
        if is_good {
            let list = ask(&self.client, &questions[0], false).ok();
            let names = list["workspaces"].as_array().expect("a list").iter().map(|w| scene::text(w, "name"));
            assert_eq!(names.collect::<Vec<_>>(), workspaces, "{who}");
        }
    }
}

/// A request that may be answered from a cache.
type Question = (&'static str, String, Option<Value>, &'static [(&'static str, &'static str)]);

const OLD_SDK: &[(&str, &str)] =
    &[("sdk-package-name", "arize"), ("sdk-language", "python"), ("sdk-version", "8.36.0")];

fn questions(world: &World) -> Vec<Question> {
    let others = json!({ "user_ids": [world.bob.uuid, world.carol.uuid] });
    let graphql = json!({ "query": "query Q { workspace_by_pk(id: 1) { id name archived users { user_id } } }" });
    vec![
        ("POST", "/v1/api/workspaces/list".to_owned(), Some(json!({})), &[]),
        ("POST", "/v1/api/workspaces/list".to_owned(), Some(others), &[]),
        ("POST", "/v1/api/workspaces/validate".to_owned(), None, &[]),
        ("POST", "/v1/graphql".to_owned(), Some(graphql), &[]),
        ("GET", "/v2/spaces".to_owned(), None, &[]),
        ("GET", "/v2/spaces".to_owned(), None, OLD_SDK),
        ("GET", "/v2/spaces?limit=2".to_owned(), None, &[]),
        ("GET", "/v2/spaces?name=E".to_owned(), None, &[]),
        ("GET", format!("/v2/spaces?org_id={}", scene::home(world)), None, &[]),
        ("GET", "/v2/organizations".to_owned(), None, &[]),
        ("GET", "/v2/projects".to_owned(), None, &[]),
        ("GET", "/v2/users?limit=3".to_owned(), None, &[]),
    ]
}

fn ask(client: &Client, (method, path, body, headers): &Question, anew: bool) -> Answer {
    let mut headers = headers.to_vec();
    if anew {
        headers.push(("cache-control", "no-cache"));
    }
    match body {
        Some(body) => client.send(method, path, &headers, body.to_string()),
        None => client.send(method, path, &headers, ()),
    }
}

/// The state of a run.
struct Story<'a> {
    world: &'a World,
    rows: Database,
    dice: Dice,
    held: Vec<Held>,
}

#[test]
fn cached_responses_are_as_fresh_as_uncached_ones() {
    // On a busy machine the story takes longer than a token lives by default.
    let world = World::of(Setup::new().args(&["--log", "warn", "--access-token-life", "1h"]));
    world.bob.create("engines");
    scene::space(&world.carol, &scene::home(&world), "Den");
    let mut story = Story { world: &world, rows: world.database(), dice: Dice::new(), held: Vec::new() };
    for who in [&world.ada, &world.bob, &world.carol] {
        story.held.push(Held::session(&who.email, &world.nobody, who.credential()));
        story.key(who);
    }
    let questions = questions(&world);
    let (over, is_written, asked) = (Stop::default(), AtomicBool::new(false), AtomicUsize::new(0));
    // Another thread asks during each write, so that answers are kept at every moment of it.
    let crowd: Vec<Client> = story.held.iter().map(|held| held.client.with(held.client.credential())).collect();
    std::thread::scope(|scope| {
        let _stops = over.at_the_end();
        let asks = scope.spawn(|| {
            let all = crowd.iter().flat_map(|client| questions.iter().map(move |question| (client, question)));
            for (client, question) in all.cycle() {
                while !is_written.load(SeqCst) && !over.is_set() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                if over.is_set() {
                    break;
                }
                let status = ask(client, question, false).status;
                assert!(matches!(status, 200 | 401), "{status} {question:?}");
                asked.fetch_add(1, SeqCst);
            }
        });
        for step in 0..WRITES {
            let before = asked.load(SeqCst);
            is_written.store(true, SeqCst);
            while asked.load(SeqCst) == before {
                assert!(!asks.is_finished(), "the other thread asks");
                std::thread::sleep(Duration::from_millis(1));
            }
            let told = story.write();
            is_written.store(false, SeqCst);
            story.compare(&questions, &format!("step {step}: {told}"));
        }
    });
}

impl Story<'_> {
    /// Compares every response to every holder of a credential, for several holders at once.
    fn compare(&self, questions: &[Question], when: &str) {
        let held = self.held.iter().map(|held| (held, held.is_good(&self.rows), held.workspaces(&self.rows)));
        let held: Vec<_> = held.collect();
        std::thread::scope(|scope| {
            for some in held.chunks(CREDENTIALS) {
                scope.spawn(move || {
                    for (held, is_good, workspaces) in some {
                        held.compare(questions, *is_good, workspaces, when);
                    }
                });
            }
        });
    }

    /// Creates a key for a user who can have one.
    fn key(&mut self, who: &Client) {
        let made = who.post("/v2/api-keys", &json!({ "key_type": "USER", "name": fresh("key") }));
        if made.status != 201 {
            return;
        }
        let secret = scene::text(&made.json(), "key");
        let redacted = format!("atl_****{}", &secret[secret.len() - 4..]);
        let owner = self
            .rows
            .one("SELECT u.email FROM keys k JOIN users u ON u.id = k.user_id WHERE k.redacted = ?1", [&redacted]);
        self.hold(Held { email: owner, client: self.world.nobody.with(&secret), row: Row::Key(redacted) });
    }

    fn hold(&mut self, held: Held) {
        let same: Vec<usize> = (0..self.held.len()).filter(|n| self.held[*n].email == held.email).collect();
        if same.len() >= CREDENTIALS {
            self.held.remove(same[0]);
        }
        self.held.push(held);
    }

    /// Does one random write and returns its description.
    fn write(&mut self) -> String {
        let world = self.world;
        let ada = self.ada();
        let home = scene::home(world);
        let member = if self.dice.coin() { &world.bob } else { &world.carol };
        let workspace = self.workspace();
        let space = format!("/v2/spaces/{}", scene::id(world, "Space", workspace));
        let public = scene::user(world, member);
        let user = format!("/auth/admin/realms/master/users/{}", member.uuid);
        match self.dice.below(20) {
            0 => said("a workspace", &ada.post("/v1/api/workspaces/create", &json!({ "workspace_name": fresh("w") }))),
            1 | 2 => {
                let role = *self.dice.one(&["OWNER", "COLLABORATOR"]);
                let body = json!({ "workspace_id": workspace, "user_id": member.uuid, "user_type": role });
                said("put in", &ada.post("/v1/api/workspaces/add_user", &body))
            }
            3 => {
                let body = json!({ "workspace_id": workspace, "user_id": member.uuid });
                said("taken out", &ada.post("/v1/api/workspaces/remove_user", &body))
            }
            4 => {
                let mutation = "mutation M($user: String!, $workspace: bigint!) { delete_workspace_users(where:
                    {user_id: {_eq: $user}, _and: {workspace_id: {_eq: $workspace}}}) { affected_rows } }";
                let variables = json!({ "user": member.uuid, "workspace": workspace });
                let body = json!({ "query": mutation, "variables": variables });
                said("taken out by GraphQL", &ada.post("/v1/graphql", &body))
            }
            5 => {
                let body = json!({ "name": fresh("Space E"), "organization_id": home, "is_private": self.dice.coin() });
                said("a space", &ada.post("/v2/spaces", &body))
            }
            6 => {
                let body = json!({ "name": fresh("Renamed"), "is_private": self.dice.coin() });
                said("a space changed", &scene::patch(&ada, &space, &body))
            }
            7 => said("a space deleted", &scene::delete(&ada, &space)),
            8 => {
                let body = json!({ "user_id": public, "role": scene::role("READ_ONLY") });
                said("joined a space", &ada.post(&format!("{space}/users"), &body))
            }
            9 => said("left a space", &scene::delete(&ada, &format!("{space}/users/{public}"))),
            10 => {
                let body = json!({ "name": fresh("project"), "space_id": scene::id(world, "Space", workspace) });
                said("a project", &ada.post("/v2/projects", &body))
            }
            11 => {
                let organization = scene::organization(world, &fresh("organization"));
                scene::add_to_organization(world, &organization, member, "MEMBER");
                format!("{} is in another organization", member.email)
            }
            12 => said("switched", &ada.put(&user, &json!({ "enabled": self.dice.coin() }))),
            13 => said("signed out", &ada.post(&format!("{user}/logout"), &json!({}))),
            14 => {
                let verb = *self.dice.one(&["disable", "enable", "enable"]);
                self.cli(&["user", verb, &member.email])
            }
            15 => {
                let ids = self.rows.rows("SELECT id FROM keys WHERE revoked_at IS NULL", []);
                if ids.is_empty() {
                    return "no key to revoke".to_owned();
                }
                let id = self.dice.one(&ids).clone();
                self.cli(&["key", "revoke", &id, "--yes"])
            }
            16 => {
                let role = *self.dice.one(&["administrator", "member", "member"]);
                self.rows.write("UPDATE users SET role = ?1 WHERE email = ?2", [role, &member.email]);
                format!("another process makes {} {role}", member.email)
            }
            17 => {
                let sql = if self.dice.coin() {
                    "DELETE FROM members WHERE workspace_id = ?1 AND user_id = (SELECT id FROM users WHERE email = ?2)"
                } else {
                    "INSERT INTO members (workspace_id, user_id, role, created_at)
                     SELECT w.id, u.id, 'member', 0 FROM users u JOIN workspaces w ON w.id = ?1 WHERE u.email = ?2
                     ON CONFLICT DO NOTHING"
                };
                // Without a word of it in `meta`, as only a program would that is not atelier's.
                self.rows.write_unannounced(sql, (workspace, &member.email));
                format!("another process: {sql}")
            }
            18 => {
                let sql =
                    "DELETE FROM sessions WHERE id = (SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id
                     WHERE u.email = ?1 ORDER BY random() LIMIT 1)";
                self.rows.write(sql, [&member.email]);
                format!("another process ends a session of {}", member.email)
            }
            _ => self.new_person(member),
        }
    }

    /// Replaces a person without a valid credential.
    fn new_person(&mut self, who: &Person) -> String {
        self.cli(&["user", "enable", &who.email]);
        let answer = self.world.nobody.sign_in(&who.email, &who.password);
        if answer.status == 200 {
            let held = Held::session(&who.email, &self.world.nobody, &answer.text("access_token"));
            self.key(&held.client);
            self.hold(held);
        }
        format!("{} signs in: {}", who.email, answer.status)
    }

    /// The administrator, who may have been signed out by another administrator.
    fn ada(&mut self) -> Client {
        let ada = &self.world.ada;
        if ada.post("/v1/api/workspaces/validate", &json!({})).status == 200 {
            return ada.with(ada.credential());
        }
        let answer = self.world.nobody.sign_in(&ada.email, ADMIN_PASSWORD);
        self.world.nobody.with(&answer.text("access_token"))
    }

    fn workspace(&mut self) -> i64 {
        let ids = self.rows.rows("SELECT id FROM workspaces WHERE organization_id = 1", []);
        if ids.is_empty() { 1 } else { self.dice.one(&ids).parse().expect("a number") }
    }

    fn cli(&self, line: &[&str]) -> String {
        let done = self.world.server.cli(line);
        format!("{line:?}: {}", done.status)
    }
}

fn said(what: &str, answer: &Answer) -> String {
    assert!(answer.status < 500, "{what}: {answer:?}");
    format!("{what}: {}", answer.status)
}

#[test]
fn a_revoked_token_is_refused_on_the_next_request_of_every_connection() {
    let world = World::start();
    let bob = &world.bob;
    let connections: Vec<Client> = (0..8).map(|_| bob.with(bob.credential())).collect();
    for way in ["disable", "sign out", "session"] {
        let token = world.nobody.sign_in(&bob.email, &bob.password).text("access_token");
        let connections: Vec<Client> = connections.iter().map(|open| open.with(&token)).collect();
        for client in &connections {
            assert_eq!(client.get("/v2/spaces").status, 200);
        }
        match way {
            "disable" => drop(world.server.cli(&["user", "disable", &bob.email, "--yes"])),
            "sign out" => {
                world.ada.post(&format!("/auth/admin/realms/master/users/{}/logout", bob.uuid), &json!({}));
            }
            _ => world.database().write_unannounced("DELETE FROM sessions", []),
        }
        for client in &connections {
            assert_eq!(client.get("/v2/spaces").status, 401, "{way}");
            assert_eq!(client.post("/v1/api/workspaces/list", &json!({})).status, 401, "{way}");
        }
        world.server.cli(&["user", "enable", &bob.email]);
    }
}

#[test]
fn cached_responses_are_not_served_to_an_expired_token() {
    let world = World::of(Setup::new().args(&["--access-token-life", "3s"]));
    let token = world.nobody.sign_in(&world.bob.email, &world.bob.password).text("access_token");
    let client = world.nobody.with(&token);
    let list = || client.post("/v1/api/workspaces/list", &json!({})).status;
    assert_eq!((list(), list()), (200, 200));
    std::thread::sleep(Duration::from_millis(3200));
    assert_eq!(list(), 401, "nobody has changed anything");
}
