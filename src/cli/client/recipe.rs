//! The lines that tell a program of this server, for its configuration.

use std::net::SocketAddr;

use crate::app::identity::oauth::recipes::{Facts, Recipe};
use crate::app::runtime::issuers::REALM_PATH;
use crate::cli::{say, sockets};
use crate::config::Config;
use crate::domain::client::Client;

/// Prints the lines to stderr, so that the secret stands alone on stdout.
pub(super) fn print(config: &Config, client: &Client, recipe: Recipe) {
    // Without `public_url`, only programs on this machine are sure to reach the server.
    let port = config.addresses().first().map_or(0, SocketAddr::port);
    let scheme = sockets::transport(config).scheme();
    let base = config.public_url.clone().unwrap_or_else(|| format!("{scheme}://127.0.0.1:{port}"));
    let facts = Facts {
        issuer: &format!("{base}{REALM_PATH}"),
        client: &client.id,
        secret: client.confidential.then_some("YOUR_SECRET"),
        redirect: client.redirect_uris.first().map_or("YOUR_REDIRECT_ADDRESS", |uri| uri.as_str()),
    };
    say(&format!("for the configuration of {}:\n\n{}", recipe.name(), recipe.lines(&facts)));
}
