//! The personas: ada, the first administrator; bob and carol, ordinary members; and nobody.

use std::io::Write;
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Client;
use crate::support::database::Database;
use crate::support::stop::Stop;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};

/// A signed-in user.
#[derive(Debug)]
pub struct Person {
    client: Client,
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The UUID.
    pub uuid: String,
    /// The refresh token of the sign-in.
    pub refresh_token: String,
}

impl Deref for Person {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Person {
    /// Signs in.
    pub fn enter(nobody: &Client, email: &str, password: &str) -> Self {
        let answer = nobody.sign_in(email, password);
        let client = nobody.with(&answer.text("access_token"));
        let me = client.get(&format!("/auth/admin/realms/master/users?email={}", encoded(email))).ok();
        Self {
            client,
            email: email.to_owned(),
            password: password.to_owned(),
            uuid: me[0]["id"].as_str().expect("an id").to_owned(),
            refresh_token: answer.text("refresh_token"),
        }
    }

    /// Creates a workspace and returns its id.
    #[track_caller]
    pub fn create(&self, name: &str) -> i64 {
        self.post("/v1/api/workspaces/create", &json!({ "workspace_name": name })).number("workspace_id")
    }

    /// Adds a member to a workspace.
    #[track_caller]
    pub fn add(&self, workspace: i64, who: &Person, user_type: &str) {
        let body = json!({ "workspace_id": workspace, "user_id": who.uuid, "user_type": user_type });
        assert_eq!(self.post("/v1/api/workspaces/add_user", &body).outcome(), (200, json!({})));
    }

    /// The members of a workspace and their roles.
    #[track_caller]
    pub fn members(&self, workspace: i64) -> Vec<(String, String)> {
        let answer = self.post("/v1/api/workspaces/list_users", &json!({ "workspace_id": workspace })).ok();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let users = answer["users"].as_array().expect("a list");
        users.iter().map(|member| (text(&member["user_id"]), text(&member["user_type"]))).collect()
    }
}

/// An address as it stands in a query.
pub fn encoded(text: &str) -> String {
    serde_urlencoded::to_string([("", text)]).expect("a query").trim_start_matches('=').to_owned()
}

/// A server and the people who use it.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub server: Server,
    /// The first administrator.
    pub ada: Person,
    /// A member.
    pub bob: Person,
    /// Another member.
    pub carol: Person,
    /// A client without a credential.
    pub nobody: Client,
}

impl World {
    /// A server for one test.
    pub fn start() -> Self {
        Self::of(Setup::new())
    }

    /// A server for one test with this setup.
    pub fn of(setup: Setup) -> Self {
        let server = setup.after_first_start().start();
        let nobody = Client::new(server.base());
        let ada = Person::enter(&nobody, ADMIN, ADMIN_PASSWORD);
        let bob = invite(&ada, &nobody, "bob@example.com", "bob builds bridges");
        let carol = invite(&ada, &nobody, "carol@example.com", "carol counts crows");
        Self { server, ada, bob, carol, nobody }
    }

    /// A server that the tests of one file share, until the test binary ends.
    pub fn shared(place: &'static OnceLock<Self>) -> &'static Self {
        place.get_or_init(|| Self::shared_of(Setup::new()))
    }

    /// Like [`World::shared`], with this setup, and kept by the caller.
    pub fn shared_of(setup: Setup) -> Self {
        let world = Self::of(setup);
        let watch = watchdog(&world.server);
        // It has to outlive every test: what it waits for is the end of this process.
        std::mem::forget(watch);
        world
    }

    /// Creates another member, for one test.
    pub fn new_member(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        invite(&self.ada, &self.nobody, &email, &format!("the password of {name}"))
    }

    /// The server's file.
    pub fn database(&self) -> Database {
        Database::open(self.server.data_dir())
    }
}

/// Makes an account and signs in.
pub fn invite(ada: &Person, nobody: &Client, email: &str, password: &str) -> Person {
    ada.post("/v1/api/users/invite", &json!({ "email": email, "password": password })).ok();
    Person::enter(nobody, email, password)
}

/// Does something while the queue of a server with `--write-queue 1` is full, and two accepted writes wait.
pub fn full_line(ada: &Person, database: &Database, meanwhile: impl FnOnce()) {
    let lock = database.lock();
    let (locked, enough) = (Instant::now(), Stop::default());
    std::thread::scope(|scope| {
        let stops = enough.at_the_end();
        let (tell, told) = mpsc::channel();
        for feeder in 0..3 {
            let (client, tell, enough) = (ada.with(ada.credential()), tell.clone(), &enough);
            scope.spawn(move || {
                loop {
                    let body = json!({ "workspace_name": fresh("in-line") }).to_string();
                    let status =
                        client.try_send("POST", "/v1/api/workspaces/create", &[], body).map_or(0, |a| a.status);
                    let _ = tell.send((feeder, status));
                    // A server that stops meanwhile owes nothing to a request that it refused.
                    if status != 503 || enough.is_set() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
        drop(tell);
        // One write is with the writer and one in the line once only the third feeder is turned away, again and again.
        let (mut last, mut times) = (None, 0);
        while times < 20 {
            let (feeder, status) = told.recv_timeout(Duration::from_secs(30)).expect("an answer");
            assert_eq!(status, 503);
            times = if last == Some(feeder) { times + 1 } else { 1 };
            last = Some(feeder);
        }
        drop(stops);
        meanwhile();
        drop(lock);
        // The writer gives up after five seconds, which a busy machine may take for all this.
        let in_time = locked.elapsed() < Duration::from_secs(4);
        let done = told.iter().filter(|(_, status)| *status == 200).count();
        assert!(!in_time || done == 2, "what was accepted is done: {done}");
    });
}

/// Returns once the server's log has this text, which may come a moment after the answer.
#[track_caller]
pub fn wait_for_log(server: &Server, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.log().contains(text) {
        assert!(Instant::now() < deadline, "the log has no {text:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A name for a workspace that no other test uses.
pub fn fresh(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Ends the server when this process is gone: nothing that is `static` is ever dropped.
fn watchdog(server: &Server) -> Child {
    let mut script = format!("read -r _; kill -KILL {}", server.pid());
    if std::env::var_os("ATELIER_TEST_KEEP").is_none() {
        script.push_str("; rm -rf \"$1\"");
    }
    let mut shell = Command::new("sh")
        .args(["-c", &script, "watchdog"])
        .arg(server.data_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    // The pipe ends with this process, and `read` with the pipe.
    shell.stdin.as_mut().expect("stdin is piped").flush().expect("an open pipe");
    shell
}
