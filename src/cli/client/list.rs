//! The list of clients.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::identity::oauth::clients::{self, Registered};
use crate::cli::list::{Entry, List, PAGE, Printer};
use crate::cli::{CliError, data};
use crate::domain::actor::Actor;
use crate::domain::client::{ClientId, Grant, RedirectUri, Scope};
use crate::store::data_dir::DataDir;

impl Entry<7> for Registered {
    const HEAD: [&'static str; 7] = ["ID", "NAME", "KIND", "GRANTS", "REFRESH", "API", "BUILT IN"];

    fn row(&self) -> [String; 7] {
        let client = &self.client;
        [
            client.id.to_string(),
            client.name.as_str().to_owned(),
            if client.confidential { "confidential" } else { "public" }.to_owned(),
            client.grants.iter().map(|grant| short_name(*grant)).collect::<Vec<_>>().join(","),
            client.refresh.as_str().to_owned(),
            if client.scopes.has(Scope::Api) { "yes" } else { "no" }.to_owned(),
            if client.built_in { "yes" } else { "no" }.to_owned(),
        ]
    }

    fn to_json(&self) -> Value {
        to_json(self)
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.client.id.as_str(), self.client.name.as_str()]
    }
}

pub(super) fn list(home: &DataDir, options: &List) -> Result<(), CliError> {
    let mut printer = Printer::new::<Registered>(options);
    data::with(home, |store| {
        let mut last: Option<ClientId> = None;
        loop {
            let found = store.read(|view| clients::page(view, &Actor::operator(), last.as_ref(), PAGE))?;
            last = found.last().map(|one| one.client.id.clone());
            if !printer.print(&found)? || last.is_none() {
                return Ok(());
            }
        }
    })?;
    printer.finish("there are no clients; `atelier client add ID` registers one")
}

/// The name of a grant in lists, with a short name for the device code.
fn short_name(grant: Grant) -> &'static str {
    match grant {
        Grant::DeviceCode => "device_code",
        Grant::AuthorizationCode | Grant::ClientCredentials | Grant::Password | Grant::RefreshToken => grant.as_str(),
    }
}

pub(super) fn to_json(registered: &Registered) -> Value {
    let client = &registered.client;
    let uris = |uris: &[RedirectUri]| uris.iter().map(RedirectUri::as_str).collect::<Value>();
    let seconds = |life: Option<Duration>| life.map(|life| life.as_secs());
    let service = registered.service.as_ref();
    json!({
        "id": client.id.as_str(),
        "name": client.name.as_str(),
        "kind": if client.confidential { "confidential" } else { "public" },
        "built_in": client.built_in,
        "grants": client.grants.iter().map(|grant| short_name(*grant)).collect::<Value>(),
        "scopes": client.scopes.iter().map(Scope::as_str).collect::<Value>(),
        "redirect_uris": uris(&client.redirect_uris),
        "post_logout_redirect_uris": uris(&client.post_logout_redirect_uris),
        "refresh": client.refresh.as_str(),
        "pkce": client.pkce.as_str(),
        "groups": client.groups.pairs().collect::<Value>(),
        "access_token_life": seconds(client.access_token_life),
        "session_idle": seconds(client.session_idle),
        "session_life": seconds(client.session_life),
        "service_user": service.map(|bot| bot.uuid.to_string()),
        "service_role": service.map(|bot| bot.role.as_str()),
        "created_at": client.created_at.to_string(),
        "updated_at": client.updated_at.to_string(),
    })
}
