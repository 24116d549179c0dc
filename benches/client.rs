//! An HTTP client for the requests before and after a run.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

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
        if response.status().is_success() {
            return Ok(text);
        }
        Err(BenchError::new(format!("{method} {path}: status {}: {text}", response.status().as_u16())))
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
