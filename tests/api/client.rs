//! A small HTTP client that follows no redirects and returns responses of every status.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, AsSendBody};

/// Where tokens are asked for.
pub const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";

/// Calls one server, or several in turn, with one credential or none, over persistent connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    bases: Vec<String>,
    /// The number of requests so far.
    sent: Arc<AtomicUsize>,
    credential: Option<String>,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    headers: HeaderMap,
}

impl Client {
    /// A client without a credential.
    pub fn new(base: &str) -> Self {
        Self::among(&[base])
    }

    /// A client without a credential, each of whose requests goes to the server after the last one's.
    pub fn among(bases: &[&str]) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_mins(1)));
        let bases = bases.iter().map(|base| (*base).to_owned()).collect();
        Self { agent: config.build().into(), bases, sent: Arc::default(), credential: None }
    }

    /// The same client with a bearer credential, over connections of its own.
    pub fn with(&self, credential: &str) -> Self {
        let bases: Vec<_> = self.bases.iter().map(String::as_str).collect();
        Self { credential: Some(credential.to_owned()), ..Self::among(&bases) }
    }

    /// Where the first server is.
    pub fn base(&self) -> &str {
        &self.bases[0]
    }

    /// The bearer credential.
    pub fn credential(&self) -> &str {
        self.credential.as_deref().expect("this client has a credential")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], ())
    }

    /// Posts JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string())
    }

    /// Puts JSON.
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[("content-type", "application/json")], body.to_string())
    }

    /// Posts a form.
    pub fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(parameters).expect("a form");
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], body)
    }

    /// Sends a request. A body that is `()` is no body.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl AsSendBody) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same as [`Client::send`], to a server that may be gone.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> Result<Answer, ureq::Error> {
        let base = &self.bases[self.sent.fetch_add(1, Ordering::Relaxed) % self.bases.len()];
        let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
        if let Some(credential) = &self.credential {
            request = request.header("authorization", format!("Bearer {credential}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, body) = self.agent.run(request.body(body).expect("a request"))?.into_parts();
        let body = body.into_with_config().limit(64 << 20).read_to_vec()?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: head.status.as_u16(), body, headers: head.headers })
    }

    /// Asks for tokens with a password.
    pub fn sign_in(&self, email: &str, password: &str) -> Answer {
        let parameters =
            [("client_id", "sdk-client"), ("grant_type", "password"), ("username", email), ("password", password)];
        self.form(TOKEN, &parameters)
    }

    /// Asks for tokens with a refresh token.
    pub fn refresh(&self, refresh_token: &str) -> Answer {
        let parameters =
            [("client_id", "sdk-client"), ("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.form(TOKEN, &parameters)
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// A header's value, if there is just one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().expect("a printable header"));
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        first
    }

    /// Every value of a header.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().expect("a printable header")).collect()
    }

    /// Every header by name, in order.
    pub fn all_headers(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        all.sort();
        all
    }

    /// Status and body, to compare both at once.
    pub fn outcome(&self) -> (u16, Value) {
        (self.status, self.json())
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// A text in the body of a success.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        self.ok()[field].as_str().unwrap_or_else(|| panic!("no text {field}: {self:?}")).to_owned()
    }

    /// A whole number in the body of a success.
    #[track_caller]
    pub fn number(&self, field: &str) -> i64 {
        self.ok()[field].as_i64().unwrap_or_else(|| panic!("no number {field}: {self:?}"))
    }
}

/// A refusal of the Wallaroo dialect, to compare with [`Answer::outcome`].
pub fn refused(msg: &str) -> (u16, Value) {
    (400, json!({ "msg": msg, "code": 400 }))
}

/// The Wallaroo dialect's refusal of an invalid credential.
pub fn unauthenticated(msg: &str) -> (u16, Value) {
    (401, json!({ "msg": msg, "code": 401 }))
}
