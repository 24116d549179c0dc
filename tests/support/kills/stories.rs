//! What the people do: short stories of writes, each with what has to be in the file once it is acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use super::{ADMIN, PASSWORD, Result, text};

const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";
const LOGOUT: &str = "/auth/realms/master/protocol/openid-connect/logout";
const MATE: &str = "mate@example.com";

/// Something that a write leaves in the file. It has a key and a text, or it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    Space,
    Member,
    Project,
    Organization,
    Role,
    Binding,
    Key,
    Person,
    Session,
}

impl Fact {
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Space => "SELECT description FROM workspaces WHERE name = ?1",
            Self::Member => {
                "SELECT m.role FROM members m JOIN workspaces w ON w.id = m.workspace_id JOIN users u ON u.id = m.user_id
                 WHERE w.name = ?1 AND u.email = 'mate@example.com'"
            }
            Self::Project => "SELECT name FROM projects WHERE name = ?1",
            Self::Organization => "SELECT description FROM organizations WHERE name = ?1",
            Self::Role => "SELECT description FROM roles WHERE name = ?1",
            Self::Binding => {
                "SELECT r.name FROM bindings b JOIN workspaces w ON w.id = b.workspace_id JOIN roles r ON r.id = b.role_id
                 WHERE w.name = ?1"
            }
            Self::Key => "SELECT iif(revoked_at IS NULL, 'live', 'revoked') FROM keys WHERE name = ?1",
            Self::Person => "SELECT first_name || ' ' || enabled FROM users WHERE email = ?1 AND state <> 'blocked'",
            Self::Session => "SELECT 'live' FROM sessions WHERE uuid = ?1",
        }
    }
}

/// What one person did and was told.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Each acknowledged write: its verb, and the id of its request if it must have an audit row.
    pub(super) requests: Vec<(&'static str, Option<String>)>,
    /// What has to be in the file. A fact that a write without an answer may have changed is not among them.
    pub(super) facts: BTreeMap<(Fact, String), Option<String>>,
    /// API keys, and the status that a request with each has.
    pub(super) keys: BTreeMap<String, u16>,
    /// The newest refresh token, which must be good.
    refresh_token: Option<String>,
}

/// What the stories need.
pub(super) struct Scene {
    token: String,
    organization: String,
    mate: String,
    mate_uuid: String,
}

impl Scene {
    pub(super) fn prepare(base: &str) -> Result<Self> {
        let (mut memory, count) = (Memory::default(), AtomicU64::new(0));
        let empty = ["", "", "", ""].map(str::to_owned);
        let [token, organization, mate, mate_uuid] = empty;
        let mut scene = Self { token, organization, mate, mate_uuid };
        let told = |stop: Stop| stop.to_string();
        {
            let mut writer = Writer::new(base, &scene, &mut memory, &count, String::new());
            let signed_in = writer.form("sign in", TOKEN, &password_form(), &[]).map_err(told)?;
            drop(writer);
            scene.token = text(&signed_in, "access_token")?;
        }
        let mut writer = Writer::new(base, &scene, &mut memory, &count, String::new());
        let organizations = writer.get("/v2/organizations").map_err(told)?;
        let person = writer.act("create person", "POST", "/v2/users", &new_person("mate", MATE), &[]).map_err(told)?;
        let people = writer.get(&format!("/auth/admin/realms/master/users?email={MATE}")).map_err(told)?;
        let (organization, mate) = (text(&organizations["organizations"][0], "id")?, text(&person, "id")?);
        let body = json!({ "user_id": mate, "role": { "type": "PREDEFINED", "name": "MEMBER" } });
        let path = format!("/v2/organizations/{organization}/users");
        writer.act("add to organization", "POST", &path, &body, &[]).map_err(told)?;
        drop(writer);
        (scene.organization, scene.mate) = (organization, mate);
        scene.mate_uuid = text(&people[0], "id")?;
        Ok(scene)
    }
}

/// Why a story ends.
#[derive(Debug)]
pub(super) enum Stop {
    /// The server is gone.
    Killed,
    /// Too much was created within a minute.
    Enough,
    Wrong(String),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Killed => f.write_str("the server is gone"),
            Self::Enough => f.write_str("too much was created"),
            Self::Wrong(why) => f.write_str(why),
        }
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Stop {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Wrong(error.to_string())
    }
}

type Step<T> = std::result::Result<T, Stop>;
type Change<'a> = (Fact, &'a str, Option<&'a str>);

/// One person at work.
pub(super) struct Writer<'a> {
    agent: Agent,
    base: &'a str,
    scene: &'a Scene,
    memory: &'a mut Memory,
    acknowledged: &'a AtomicU64,
    prefix: String,
}

impl<'a> Writer<'a> {
    /// Counts what is acknowledged. Names begin with the prefix.
    pub(super) fn new(
        base: &'a str,
        scene: &'a Scene,
        memory: &'a mut Memory,
        acknowledged: &'a AtomicU64,
        prefix: String,
    ) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(30)));
        Self { agent: config.build().into(), base, scene, memory, acknowledged, prefix }
    }

    /// Goes from story to story, beginning with this one, until the server is gone.
    pub(super) fn write_until_killed(&mut self, first: u64) -> Result<()> {
        match self.keep_session() {
            Ok(()) | Err(Stop::Enough) => {}
            Err(Stop::Killed) => return Ok(()),
            Err(Stop::Wrong(why)) => return Err(why.into()),
        }
        for turn in 0.. {
            let name = format!("{}n{turn}", self.prefix);
            let done = match (first + turn) % 6 {
                0 => self.space(&name, turn),
                1 => self.key(&name),
                2 => self.person(&name),
                3 => self.role(&name),
                4 => self.organization(&name),
                _ => self.session(turn),
            };
            match done {
                Ok(()) | Err(Stop::Enough) => {}
                Err(Stop::Killed) => break,
                Err(Stop::Wrong(why)) => return Err(why.into()),
            }
        }
        Ok(())
    }

    fn space(&mut self, name: &str, turn: u64) -> Step<()> {
        let body = json!({ "workspace_name": name });
        let made =
            self.act("create workspace", "POST", "/v1/api/workspaces/create", &body, &[(Fact::Space, name, Some(""))])?;
        let found = self.get(&format!("/v2/spaces?name={name}"))?;
        let id = text(&found["spaces"][0], "id")?;
        let path = format!("/v2/spaces/{id}");
        let body = json!({ "description": "changed" });
        self.act("change space", "PATCH", &path, &body, &[(Fact::Space, name, Some("changed"))])?;
        let body = json!({ "user_id": self.scene.mate, "role": { "type": "PREDEFINED", "name": "MEMBER" } });
        let users = format!("{path}/users");
        self.act("add member", "POST", &users, &body, &[(Fact::Member, name, Some("member"))])?;
        let body = json!({ "name": name, "space_id": id });
        let project =
            self.act("create project", "POST", "/v2/projects", &body, &[(Fact::Project, name, Some(name))])?;
        if turn.is_multiple_of(2) {
            let project = format!("/v2/projects/{}", text(&project, "id")?);
            self.act("delete project", "DELETE", &project, &Value::Null, &[(Fact::Project, name, None)])?;
            let mutation = format!(
                "mutation {{ delete_workspace_users(where: {{user_id: {{_eq: \"{}\"}}, workspace_id: {{_eq: {}}}}}) {{ \
                 affected_rows }} }}",
                self.scene.mate_uuid, made["workspace_id"]
            );
            let body = json!({ "query": mutation });
            self.act("remove member", "POST", "/v1/graphql", &body, &[(Fact::Member, name, None)])?;
        }
        if turn % 4 < 2 {
            let gone = [(Fact::Space, name, None), (Fact::Member, name, None), (Fact::Project, name, None)];
            self.act("delete space", "DELETE", &path, &Value::Null, &gone)?;
        }
        Ok(())
    }

    fn key(&mut self, name: &str) -> Step<()> {
        let body = json!({ "key_type": "USER", "name": name });
        let made = self.act("create key", "POST", "/v2/api-keys", &body, &[(Fact::Key, name, Some("live"))])?;
        let (id, secret) = (text(&made, "id")?, text(&made, "key")?);
        self.memory.keys.insert(secret.clone(), 200);
        if name.len().is_multiple_of(2) {
            self.memory.keys.remove(&secret);
            let path = format!("/v2/api-keys/{id}/revoke");
            self.act("revoke key", "PUT", &path, &Value::Null, &[(Fact::Key, name, Some("revoked"))])?;
            self.memory.keys.insert(secret, 401);
        }
        Ok(())
    }

    fn person(&mut self, name: &str) -> Step<()> {
        let email = format!("{name}@example.com");
        let first = format!("{name} 1");
        let body = new_person(name, &email);
        self.act("create person", "POST", "/v2/users", &body, &[(Fact::Person, &email, Some(&first))])?;
        let found = self.get(&format!("/auth/admin/realms/master/users?email={email}"))?;
        let path = format!("/auth/admin/realms/master/users/{}", text(&found[0], "id")?);
        let body = json!({ "firstName": "Changed" });
        self.act("change person", "PUT", &path, &body, &[(Fact::Person, &email, Some("Changed 1"))])?;
        let body = json!({ "email": email });
        for (verb, path, now) in [
            ("disable person", "/v1/api/users/deactivate", "Changed 0"),
            ("enable person", "/v1/api/users/activate", "Changed 1"),
        ] {
            self.act(verb, "POST", path, &body, &[(Fact::Person, &email, Some(now))])?;
        }
        self.act("delete person", "DELETE", &path, &Value::Null, &[(Fact::Person, &email, None)])?;
        Ok(())
    }

    fn role(&mut self, name: &str) -> Step<()> {
        let body = json!({ "workspace_name": name });
        self.act("create workspace", "POST", "/v1/api/workspaces/create", &body, &[(Fact::Space, name, Some(""))])?;
        let found = self.get(&format!("/v2/spaces?name={name}"))?;
        let body = json!({ "name": name, "permissions": ["SPACE_READ"] });
        let made = self.act("create role", "POST", "/v2/roles", &body, &[(Fact::Role, name, Some(""))])?;
        let role = text(&made, "id")?;
        let space = text(&found["spaces"][0], "id")?;
        let body =
            json!({ "role_id": role, "user_id": self.scene.mate, "resource_type": "SPACE", "resource_id": space });
        let bound = [(Fact::Binding, name, Some(name))];
        let binding = self.act("create binding", "POST", "/v2/role-bindings", &body, &bound)?;
        let path = format!("/v2/role-bindings/{}", text(&binding, "id")?);
        self.act("delete binding", "DELETE", &path, &Value::Null, &[(Fact::Binding, name, None)])?;
        let path = format!("/v2/roles/{role}");
        self.act("delete role", "DELETE", &path, &Value::Null, &[(Fact::Role, name, None)])?;
        Ok(())
    }

    fn organization(&mut self, name: &str) -> Step<()> {
        let is = |text| [(Fact::Organization, name, text)];
        let body = json!({ "name": name });
        let made = self.act("create organization", "POST", "/v2/organizations", &body, &is(Some("")))?;
        let path = format!("/v2/organizations/{}", text(&made, "id")?);
        let body = json!({ "description": "changed" });
        self.act("change organization", "PATCH", &path, &body, &is(Some("changed")))?;
        let body = json!({ "name": name, "organization_id": text(&made, "id")?, "is_private": true });
        self.act("create space", "POST", "/v2/spaces", &body, &[(Fact::Space, name, Some(""))])?;
        let gone = [(Fact::Organization, name, None), (Fact::Space, name, None)];
        self.act("delete organization", "DELETE", &path, &Value::Null, &gone)?;
        Ok(())
    }

    fn session(&mut self, turn: u64) -> Step<()> {
        let made = self.form("sign in", TOKEN, &password_form(), &[])?;
        let session = text(&made, "session_state")?;
        self.memory.facts.insert((Fact::Session, session.clone()), Some("live".to_owned()));
        if turn.is_multiple_of(2) {
            let token = text(&made, "refresh_token")?;
            let form = [("client_id", "sdk-client"), ("refresh_token", &token)];
            self.form("sign out", LOGOUT, &form, &[(Fact::Session, &session, None)])?;
        } else {
            self.memory.refresh_token = Some(text(&made, "refresh_token")?);
            self.keep_session()?;
        }
        Ok(())
    }

    /// Exchanges the newest refresh token, which is good if the answer with it was seen.
    fn keep_session(&mut self) -> Step<()> {
        for _ in 0..3 {
            let Some(token) = self.memory.refresh_token.take() else { return Ok(()) };
            let form = [("client_id", "sdk-client"), ("grant_type", "refresh_token"), ("refresh_token", &token)];
            let made = self.form("refresh", TOKEN, &form, &[])?;
            self.memory.refresh_token = Some(text(&made, "refresh_token")?);
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Step<Value> {
        Ok(self.send("GET", path, "application/json", String::new())?.1)
    }

    /// Writes, and remembers what was acknowledged.
    fn act(&mut self, verb: &'static str, method: &str, path: &str, body: &Value, changes: &[Change]) -> Step<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.write(verb, method, path, "application/json", body, changes)
    }

    fn form(&mut self, verb: &'static str, path: &str, form: &[(&str, &str)], changes: &[Change]) -> Step<Value> {
        let body = serde_urlencoded::to_string(form).unwrap_or_default();
        self.write(verb, "POST", path, "application/x-www-form-urlencoded", body, changes)
    }

    fn write(
        &mut self,
        verb: &'static str,
        method: &str,
        path: &str,
        kind: &str,
        body: String,
        changes: &[Change],
    ) -> Step<Value> {
        // Without an answer, it is not known whether the write was done.
        for (fact, key, _) in changes {
            self.memory.facts.remove(&(*fact, (*key).to_owned()));
        }
        let (request, answer) = self.send(method, path, kind, body)?;
        for (fact, key, now) in changes {
            self.memory.facts.insert((*fact, (*key).to_owned()), now.map(str::to_owned));
        }
        self.acknowledged.fetch_add(1, Ordering::AcqRel);
        // A refresh is not a change that a person made.
        self.memory.requests.push((verb, (verb != "refresh").then_some(request)));
        Ok(answer)
    }

    /// The id of the request and the body of a success.
    fn send(&self, method: &str, path: &str, kind: &str, body: String) -> Step<(String, Value)> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if !self.scene.token.is_empty() && kind == "application/json" {
            request = request.header("authorization", format!("Bearer {}", self.scene.token));
        }
        let wrong = |why: String| Stop::Wrong(format!("{method} {path}: {why}"));
        let answer = if body.is_empty() {
            self.agent.run(request.body(()).map_err(|error| wrong(error.to_string()))?)
        } else {
            let request = request.header("content-type", kind).body(body).map_err(|error| wrong(error.to_string()))?;
            self.agent.run(request)
        };
        let Ok(mut answer) = answer else { return Err(Stop::Killed) };
        let status = answer.status().as_u16();
        let id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let Ok(body) = answer.body_mut().read_to_string() else { return Err(Stop::Killed) };
        match status {
            429 => return Err(Stop::Enough),
            200..=299 if body.is_empty() => return Ok((id, Value::Null)),
            200..=299 => {}
            _ => return Err(wrong(format!("{status} {body}"))),
        }
        let body: Value = serde_json::from_str(&body).map_err(|error| wrong(format!("{error}: {body}")))?;
        if body.get("errors").is_some() { Err(wrong(body.to_string())) } else { Ok((id, body)) }
    }
}

fn password_form() -> [(&'static str, &'static str); 4] {
    [("client_id", "sdk-client"), ("grant_type", "password"), ("username", ADMIN), ("password", PASSWORD)]
}

fn new_person(name: &str, email: &str) -> Value {
    json!({ "name": name, "email": email, "role": { "type": "PREDEFINED", "name": "MEMBER" }, "invite_mode": "NONE" })
}

/// The status of a request with this API key.
pub(super) fn status_with(base: &str, key: &str) -> Result<u16> {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let request = Request::builder().uri(format!("{base}/v2/spaces?limit=1"));
    let request = request.header("authorization", format!("Bearer {key}")).body(())?;
    Ok(agent.run(request)?.status().as_u16())
}
