//! A client that asks for tokens on its own behalf (RFC 6749, section 4.4) and introspects them (RFC 7662).

use std::process::Command;

use serde_json::Value;

use super::arguments::Arguments;
use super::client::Client;
use super::error::{BenchError, Result};
use super::load::encode;
use super::references::peer::Ask;
use super::server::{Server, TOKEN};

/// The id of the client.
pub const CLIENT: &str = "bench";

/// The endpoints of atelier.
pub const ENDPOINTS: Endpoints =
    Endpoints { token: TOKEN, introspection: "/auth/realms/master/protocol/openid-connect/token/introspect" };

/// The endpoints of a provider. The client sends its secret in the form.
pub struct Endpoints {
    pub token: &'static str,
    pub introspection: &'static str,
}

impl Endpoints {
    /// Requests for new tokens with these parameters. `contains` is a text of every correct response.
    pub fn tokens(&self, secret: &str, parameters: &[(&str, &str)], contains: &'static str) -> Ask {
        let parameters = [&[("grant_type", "client_credentials")], parameters].concat();
        Ask::same(request(self.token, secret, &parameters), 200, contains)
    }

    /// Introspections of a new token.
    pub fn introspections(&self, client: &Client, secret: &str) -> Result<Ask> {
        let form = [("client_id", CLIENT), ("client_secret", secret), ("grant_type", "client_credentials")];
        let response = client.form(self.token, &form)?;
        let token = response.get("access_token").and_then(Value::as_str);
        let token = token.ok_or_else(|| BenchError::new("the token endpoint gave no token"))?;
        Ok(Ask::same(request(self.introspection, secret, &[("token", token)]), 200, "\"active\":true"))
    }
}

fn request(path: &str, secret: &str, parameters: &[(&str, &str)]) -> Vec<u8> {
    let form = [&[("client_id", CLIENT), ("client_secret", secret)], parameters].concat();
    let form = serde_urlencoded::to_string(form).unwrap_or_default();
    encode("POST", path, None, "application/x-www-form-urlencoded", &form)
}

/// Registers the client at a running server. Returns its secret.
pub fn register(arguments: &Arguments, server: &Server) -> Result<String> {
    let mut command = Command::new(&arguments.binary);
    command.args(["client", "add", CLIENT, "--grant", "client_credentials", "--json", "--data-dir"]);
    let output = command.arg(server.home()).output()?;
    if !output.status.success() {
        return Err(BenchError::new(String::from_utf8_lossy(&output.stderr)).when("atelier client add"));
    }
    let response: Value = serde_json::from_slice(&output.stdout)?;
    let secret = response.get("secret").and_then(Value::as_str);
    secret.map(str::to_owned).ok_or_else(|| BenchError::new("atelier client add printed no secret"))
}
