//! The clients of a realm.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::realm::{Client, Realm};
use crate::app::identity::oauth::client_rules::MAX_ADDRESSES;
use crate::app::identity::oauth::clients::{ClientChange, NewClient};
use crate::cli::import::file::excerpt;
use crate::cli::import::plan::{ImportedClient, Item, Work};
use crate::domain::client::{ClientId, ClientName, Grant, RedirectUri};
use crate::tokens::opaque::Fingerprint;

/// The clients that each realm of Keycloak has.
const BUILT_IN: [&str; 6] =
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];

/// The minimum length of a secret. Only its SHA-256 is stored, from which a shorter one could be guessed.
const MIN_SECRET: usize = 20;

pub(super) fn items(realm: &Realm) -> Vec<Item> {
    let bots: HashMap<&str, Uuid> = realm
        .users
        .iter()
        .filter_map(|user| {
            let uuid = Uuid::parse_str(user.id.as_deref()?).ok()?;
            Some((user.service_account_client_id.as_deref()?, uuid))
        })
        .collect();
    let clients = realm.clients.iter().enumerate();
    clients.map(|(at, client)| item(realm, client, at, &bots)).collect()
}

fn item(realm: &Realm, client: &Client, at: usize, bots: &HashMap<&str, Uuid>) -> Item {
    let (place, name) = (format!("clients[{at}]"), excerpt(&client.client_id));
    if let Some(reason) = reason_to_skip(realm, client) {
        return Item::skipped(place, "client", name, reason.to_owned());
    }
    let mut notes = Vec::new();
    let work = match parsed(client, &mut notes) {
        Ok((new, secret)) => {
            let bot = bots.get(client.client_id.as_str()).copied().unwrap_or_else(Uuid::new_v4);
            Work::Client(Box::new(ImportedClient { new, secret, bot }))
        }
        Err(reasons) => Work::Refuse(reasons),
    };
    Item { place, kind: "client", name, work, notes }
}

fn reason_to_skip(realm: &Realm, client: &Client) -> Option<&'static str> {
    let is_of_a_realm = realm.name == "master" && client.client_id.ends_with("-realm");
    if BUILT_IN.contains(&client.client_id.as_str()) || is_of_a_realm {
        Some("is a part of Keycloak")
    } else if client.enabled == Some(false) {
        Some("is disabled in Keycloak")
    } else if client.protocol.as_deref().is_some_and(|protocol| protocol != "openid-connect") {
        Some("does not use OpenID Connect")
    } else if client.bearer_only {
        Some("only accepts tokens, for which it needs no registration")
    } else {
        None
    }
}

/// The client to register. Notes what is not taken.
fn parsed(client: &Client, notes: &mut Vec<String>) -> Result<(NewClient, Option<Fingerprint>), Vec<String>> {
    let mut faults = Vec::new();
    let id = ClientId::parse(&client.client_id).map_err(|invalid| faults.push(format!("clientId {invalid}"))).ok();
    // Keycloak's own names are keys of translations, such as ${client_account}.
    let name = client.name.as_deref().filter(|name| !name.trim().is_empty() && !name.starts_with("${"));
    let name = ClientName::parse(name.unwrap_or(&client.client_id));
    let name = name.map_err(|invalid| faults.push(format!("name {invalid}"))).ok();
    let secret = secret(client).map_err(|fault| faults.push(fault)).ok().flatten();
    let redirect_uris = redirect_uris(client, notes);
    let post_logout_redirect_uris = post_logout_redirect_uris(client, &redirect_uris, notes);
    let grants = grants(client, &redirect_uris, notes);
    if grants.is_empty() {
        faults.push("none of its flows can be used here".to_owned());
    }
    note_rest(client, notes);
    let (Some(id), Some(name), true) = (id, name, faults.is_empty()) else { return Err(faults) };
    let settings = ClientChange {
        grants: Some(grants),
        redirect_uris: Some(redirect_uris),
        post_logout_redirect_uris: Some(post_logout_redirect_uris),
        ..ClientChange::default()
    };
    Ok((NewClient { id, name, confidential: !client.public_client, settings }, secret))
}

fn secret(client: &Client) -> Result<Option<Fingerprint>, String> {
    if client.public_client {
        return Ok(None);
    }
    let next = "register it with `atelier client add`";
    if let Some(other) = client.client_authenticator_type.as_deref().filter(|kind| *kind != "client-secret") {
        return Err(format!("authenticates by {}, not by a secret; {next}", excerpt(other)));
    }
    match client.secret.as_deref() {
        None => Err(format!("has no secret in the file; {next}")),
        Some(secret) if secret.bytes().all(|b| b == b'*') => {
            Err(format!("has a masked secret; export with `kc.sh export`, or {next}"))
        }
        Some(secret) if secret.chars().count() < MIN_SECRET => {
            Err(format!("has a secret of less than {MIN_SECRET} characters; replace it in Keycloak, or {next}"))
        }
        Some(secret) => Ok(Some(Fingerprint::of(secret))),
    }
}

fn redirect_uris(client: &Client, notes: &mut Vec<String>) -> Vec<RedirectUri> {
    let root = client.root_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let absolute = |uri: &String| if uri.starts_with('/') { format!("{root}{uri}") } else { uri.clone() };
    let raw: Vec<String> = client.redirect_uris.iter().map(absolute).collect();
    uris(raw.iter().map(String::as_str), "redirect URI", notes)
}

fn post_logout_redirect_uris(client: &Client, redirect: &[RedirectUri], notes: &mut Vec<String>) -> Vec<RedirectUri> {
    match client.attributes.get("post.logout.redirect.uris").and_then(Value::as_str) {
        // Keycloak's words for the same as the redirect URIs, and for none.
        Some("+") => redirect.to_vec(),
        None | Some("" | "-") => Vec::new(),
        Some(text) => uris(text.split("##"), "post-logout redirect URI", notes),
    }
}

/// The first URIs that can be registered. There may be one more than a client may have, which is then refused.
fn uris<'a>(raw: impl Iterator<Item = &'a str>, what: &str, notes: &mut Vec<String>) -> Vec<RedirectUri> {
    let mut found: Vec<RedirectUri> = Vec::new();
    for raw in raw {
        if found.len() > MAX_ADDRESSES || notes.len() > MAX_ADDRESSES {
            notes.push(format!("only the first {what}s are imported"));
            break;
        }
        match RedirectUri::parse(raw) {
            Ok(uri) if found.contains(&uri) => {}
            Ok(uri) => found.push(uri),
            Err(_) if raw.contains('*') => {
                notes.push(format!("{what} {} is not imported: it has a wildcard", excerpt(raw)));
            }
            Err(invalid) => notes.push(format!("{what} {} is not imported: it {invalid}", excerpt(raw))),
        }
    }
    found
}

fn grants(client: &Client, redirect_uris: &[RedirectUri], notes: &mut Vec<String>) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    if client.standard_flow_enabled.unwrap_or(true) {
        if redirect_uris.is_empty() {
            notes.push("cannot sign in through a browser: no redirect URI is left".to_owned());
        } else {
            grants.insert(Grant::AuthorizationCode);
        }
    }
    if client.direct_access_grants_enabled {
        grants.insert(Grant::Password);
    }
    let device = client.attributes.get("oauth2.device.authorization.grant.enabled").and_then(Value::as_str);
    if device == Some("true") {
        grants.insert(Grant::DeviceCode);
    }
    if !grants.is_empty() {
        grants.insert(Grant::RefreshToken);
    }
    if client.service_accounts_enabled && !client.public_client {
        grants.insert(Grant::ClientCredentials);
    }
    if client.implicit_flow_enabled {
        notes.push("the implicit flow is not imported: it is not secure".to_owned());
    }
    grants
}

fn note_rest(client: &Client, notes: &mut Vec<String>) {
    let mut lost = Vec::new();
    let origins = client.web_origins.join(", ");
    if !origins.is_empty() {
        lost.push(format!("web origins {}", excerpt(&origins)));
    }
    if !client.protocol_mappers.is_empty() {
        lost.push("protocol mappers".to_owned());
    }
    if client.authorization_services_enabled {
        lost.push("authorization services".to_owned());
    }
    let lifetimes = ["access.token.lifespan", "client.session.idle.timeout", "client.session.max.lifespan"];
    if lifetimes.iter().any(|name| client.attributes.contains_key(*name)) {
        lost.push("lifetimes of tokens and sessions".to_owned());
    }
    if !lost.is_empty() {
        notes.push(format!("not imported: {}", lost.join(", ")));
    }
}
