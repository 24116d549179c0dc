//! Approvals of a person in one browser session, for clients that cannot prove which program they are.
//!
//! Any other program on the same machine can use the id of such a client. It therefore gets a code only after the
//! person approved it on a page in this browser session (RFC 8252, section 8.6; RFC 6749, section 10.2).

use serde_json::{Value, json};

use crate::app::audit;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::client::{Client, Scopes};
use crate::domain::session::Session;
use crate::error::Result;
use crate::store::{self, Tx, View};

/// The hosts of a loopback address.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Whether a client with this redirect URI needs an approval in each browser session. It does not if it has a secret or
/// an https address, because both prove which program it is.
pub(in crate::app) fn are_needed(client: &Client, redirect_uri: &str) -> bool {
    !client.confidential && !redirect_uri.starts_with("https://")
}

/// Whether an address leads to a program on the person's own machine: a loopback address, or a private-use scheme that
/// the program has registered there (RFC 8252, section 7).
pub fn is_native(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else { return !uri.starts_with("https://") };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let is_named = |name| host.strip_prefix(name).is_some_and(|port| port.is_empty() || port.starts_with(':'));
    LOOPBACK.into_iter().any(is_named)
}

/// Whether the person has approved this client and these scopes in this browser session.
pub(in crate::app) fn cover(view: &View, session: &Session, client: &Client, scopes: &Scopes) -> Result<bool> {
    let granted = store::approvals::find(view, session.id, &client.id)?;
    Ok(granted.is_some_and(|granted| scopes.is_subset(&granted)))
}

/// Adds an approval to this browser session. Nothing changes if it contains all the scopes already.
pub(in crate::app) fn give(tx: &Tx, actor: &Actor, session: &Session, client: &Client, scopes: &Scopes) -> Result<()> {
    let before = store::approvals::find(tx, session.id, &client.id)?;
    if before.as_ref().is_some_and(|granted| scopes.is_subset(granted)) {
        return Ok(());
    }
    let after = before.map_or_else(|| scopes.clone(), |granted| granted.union(scopes));
    store::approvals::upsert(tx, session.id, &client.id, &after)?;
    let after = json!({ "client": client.id.as_str(), "scope": after.to_string() });
    audit::record(tx, actor, "approvals.give", (ObjectKind::Session, session.uuid), (Value::Null, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_native_recognizes_loopback_and_private_schemes() {
        for native in [
            "http://127.0.0.1/cb",
            "http://127.0.0.1:5000/cb",
            "http://[::1]/cb",
            "http://[::1]:5000?x",
            "http://localhost",
            "http://localhost:1/cb",
            "com.example.app:/cb",
            "com.example.app://cb",
        ] {
            assert!(is_native(native), "{native}");
        }
        for other in [
            "https://127.0.0.1/cb",
            "https://grafana.example/cb",
            "http://grafana.lan/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/cb",
            "http://evil.example/127.0.0.1",
        ] {
            assert!(!is_native(other), "{other}");
        }
    }
}
