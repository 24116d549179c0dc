//! An HTTP client for the requests before and after a run.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

use super::error::{BenchError, Result};

/// Sends requests to one server, one after the other.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A server may close an idle connection at the moment of the next request.
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_mins(1)));
        Self { agent: config.build().into(), base: base.to_owned() }
    }

    /// Sends a request and returns the body. Fails if the status is not a success.
    pub fn send(&self, method: &str, path: &str, token: Option<&str>, kind: &str, body: &str) -> Result<String> {
        let (status, text) = self.answer(method, path, token, kind, body)?;
        if (200..300).contains(&status) {
            return Ok(text);
        }
        Err(BenchError::new(format!("{method} {path}: status {status}: {text}")))
    }

    /// Sends a request and returns the status and the body.
    pub fn answer(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        kind: &str,
        body: &str,
    ) -> Result<(u16, String)> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = if method == "GET" {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.header("content-type", kind).body(body)?)
        };
        let mut response = response.map_err(|error| BenchError::from(error).when(format!("{method} {path}")))?;
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string()?;
        Ok((response.status().as_u16(), text))
    }

    /// Signs in by the page for people. Returns the cookies of the session.
    pub fn browse(&self, email: &str, password: &str) -> Result<String> {
        const SIGN_IN: &str = "/auth/sign-in";
        let page = Request::builder().method("GET").uri(format!("{}{SIGN_IN}", self.base)).body(())?;
        let mut page = self.agent.run(page)?;
        let form_cookie = cookies(page.headers());
        let text = page.body_mut().read_to_string()?;
        let token = text.split_once("name=\"token\" value=\"").and_then(|(_, rest)| rest.split('"').next());
        let token = token.ok_or_else(|| BenchError::new("the sign-in page has no token"))?;
        let body = serde_urlencoded::to_string([("token", token), ("username", email), ("password", password)])?;
        let request = Request::builder().method("POST").uri(format!("{}{SIGN_IN}", self.base));
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").header("cookie", &form_cookie);
        let answer = self.agent.run(request.body(body)?)?;
        let session = cookies(answer.headers());
        if answer.status().as_u16() != 303 || session.is_empty() {
            return Err(BenchError::new(format!("the sign-in page answered {}", answer.status())));
        }
        Ok(format!("{form_cookie}; {session}"))
    }

    /// The body of a page for the browser with these cookies.
    pub fn page(&self, path: &str, cookies: &str) -> Result<String> {
        let request = Request::builder().method("GET").uri(format!("{}{path}", self.base)).header("cookie", cookies);
        let mut answer = self.agent.run(request.body(())?)?;
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
        if answer.status().is_success() {
            return Ok(text);
        }
        Err(BenchError::new(format!("{path}: status {}", answer.status().as_u16())))
    }

    /// The number of bytes of a static file with gzip.
    pub fn compressed(&self, path: &str) -> Result<usize> {
        let request =
            Request::builder().method("GET").uri(format!("{}{path}", self.base)).header("accept-encoding", "gzip");
        let mut answer = self.agent.run(request.body(())?)?;
        Ok(answer.body_mut().read_to_vec()?.len())
    }

    pub fn get(&self, path: &str, token: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.send("GET", path, Some(token), "", "")?)?)
    }

    /// Posts a form and returns the JSON response.
    pub fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let body = serde_urlencoded::to_string(parameters)?;
        Ok(serde_json::from_str(&self.send("POST", path, None, "application/x-www-form-urlencoded", &body)?)?)
    }
}

/// The cookies that a response sets, for the next request.
fn cookies(headers: &HeaderMap) -> String {
    let set = headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let pairs = set.filter(|cookie| !cookie.contains("Max-Age=0")).filter_map(|cookie| cookie.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}
