//! OAuth clients: the programs that may request tokens, and how.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::{Builder, Uuid};

pub use crate::app::identity::oauth::client_changes::ClientChange;
use crate::app::identity::oauth::client_rules::{check, check_id};
use crate::app::runtime::long_view::LongView;
use crate::app::{audit, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::client::{
    Client, ClientId, ClientName, Grant, PkcePolicy, RedirectUri, RefreshPolicy, Scope, Scopes,
};
use crate::domain::field::Field;
use crate::domain::group::GroupNames;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, User};
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};
use crate::tokens::opaque::Fingerprint;

pub const BUILT_IN: &str = "only the lifetimes and the secret of a built-in client can be changed";

/// A new client. What `settings` leaves out has its default: the grants `authorization_code` and `refresh_token`, every
/// scope but `api`, rotating refresh tokens, and the server's lifetimes.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The `client_id`.
    pub id: ClientId,
    /// The name that people see.
    pub name: ClientName,
    /// Whether it authenticates by a secret.
    pub confidential: bool,
    pub settings: ClientChange,
}

/// A client and its bot, as which it acts on its own behalf.
#[derive(Clone, Debug)]
pub struct Registered {
    pub client: Client,
    pub service: Option<User>,
}

/// The client that a request names. `None` if it is unknown.
pub fn find(view: &View, id: &str) -> Result<Option<Client>> {
    match ClientId::parse(id) {
        Ok(id) => store::clients::find(view, &id),
        Err(_) => Ok(None),
    }
}

/// The UUID of a client in Keycloak's API. It is derived from the id and never changes.
pub fn uuid(id: &ClientId) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Fingerprint::of(&format!("client {id}")).as_bytes()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Requires an administrator, who may read the clients of the account.
pub fn may_read(actor: &Actor) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::ReadClients, Noun::Client, "of the account")
}

/// Every client, by id.
///
/// Requires an administrator.
pub fn list(view: &LongView, actor: &Actor) -> Result<Vec<Registered>> {
    may_read(actor)?;
    let counted = |client| view.count_row().and_then(|()| registered(view, client));
    store::clients::list(view)?.into_iter().map(counted).collect()
}

/// At most `limit` clients after this one, by id.
///
/// Requires an administrator.
pub fn page(view: &View, actor: &Actor, after: Option<&ClientId>, limit: u32) -> Result<Vec<Registered>> {
    may_read(actor)?;
    store::clients::page(view, after, limit)?.into_iter().map(|client| registered(view, client)).collect()
}

/// The client with this id.
///
/// Requires an administrator.
pub fn get(view: &View, actor: &Actor, id: &ClientId) -> Result<Registered> {
    standing::require(&standing::in_account(actor), Action::ReadClients, Noun::Client, id)?;
    let client = store::clients::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Client, id))?;
    registered(view, client)
}

/// The client with this [`uuid`].
///
/// Requires an administrator.
pub fn get_by_uuid(view: &LongView, actor: &Actor, wanted: Uuid) -> Result<Registered> {
    standing::require(&standing::in_account(actor), Action::ReadClients, Noun::Client, wanted)?;
    let found = store::clients::list(view)?.into_iter().find(|client| uuid(&client.id) == wanted);
    registered(view, found.ok_or_else(|| Error::not_found(Noun::Client, wanted))?)
}

pub(in crate::app) fn registered(view: &View, client: Client) -> Result<Registered> {
    let service = client.service_user.map(|bot| store::users::find_principal(view, bot)).transpose()?.flatten();
    Ok(Registered { client, service })
}

/// Registers a client. A client that may act on its own behalf gets a bot with this UUID, in the home organization.
///
/// Requires an administrator. Refused when the id is taken, and when the client is inconsistent ([`check`]). A
/// confidential client requires a secret, and a public client must not have one.
pub fn register(
    tx: &Tx,
    actor: &Actor,
    new: &NewClient,
    secret: Option<&Fingerprint>,
    bot: Uuid,
) -> Result<Registered> {
    standing::require(&standing::in_account(actor), Action::ManageClients, Noun::Client, &new.id)?;
    if new.confidential != secret.is_some() {
        return Err(Error::invalid(Field::Secret, "requires a confidential client"));
    }
    let with_defaults = Client {
        id: new.id.clone(),
        name: new.name.clone(),
        built_in: false,
        confidential: new.confidential,
        grants: [Grant::AuthorizationCode, Grant::RefreshToken].into(),
        scopes: Scopes::of(Scope::ALL.into_iter().filter(|scope| *scope != Scope::Api)),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        refresh: RefreshPolicy::Rotating,
        pkce: PkcePolicy::Required,
        groups: GroupNames::default(),
        access_token_life: None,
        session_idle: None,
        session_life: None,
        service_user: None,
        created_at: tx.now,
        updated_at: tx.now,
    };
    let mut client = new.settings.applied_to(&with_defaults);
    check(&client)?;
    check_id(&client.id)?;
    if store::clients::find(tx, &client.id)?.is_some() {
        return Err(Error::Conflict { what: Noun::Client, key: client.id.to_string() });
    }
    client.service_user = create_bot(tx, &client, bot, new.settings.service_role)?;
    store::clients::insert(tx, &client, secret)?;
    let done = registered(tx, client)?;
    audit::record(
        tx,
        actor,
        "clients.register",
        (ObjectKind::Client, &done.client.id),
        (Value::Null, to_audit(&done)),
    )?;
    Ok(done)
}

/// Changes a client. When it loses a grant or a scope, all its sessions end at once. Lifetimes and the refresh policy
/// apply to new sessions.
///
/// Requires an administrator. A client that newly may act on its own behalf gets a bot with this UUID. The bot of a
/// client that may no longer do so is blocked for good. Refused when anything but the lifetimes of a built-in client
/// changes, and when the client would be inconsistent ([`check`]).
pub fn change(tx: &Tx, actor: &Actor, id: &ClientId, change: &ClientChange, bot: Uuid) -> Result<Registered> {
    let before = managed(tx, actor, id)?;
    let mut client = change.applied_to(&before.client);
    check(&client)?;
    if client.built_in && !differ_only_in_lifetimes(&before.client, &client) {
        return Err(Error::Refused { rule: BUILT_IN });
    }
    let role = before.service.as_ref().map(|bot| bot.role);
    if client == before.client && (change.service_role.is_none() || change.service_role == role) {
        return Ok(before);
    }
    let serves = client.may(Grant::ClientCredentials);
    match (client.service_user, serves) {
        (Some(bot), true) => {
            let role = change.service_role.or(role).unwrap_or(AccountRole::Member);
            store::bots::update(tx, bot, client.name.as_str(), role)?;
        }
        (Some(bot), false) => {
            no_role(change.service_role)?;
            store::bots::block(tx, bot)?;
            client.service_user = None;
        }
        // A built-in client has no secret until one is created, and gets its bot with the secret.
        (None, true) if client.built_in => no_role(change.service_role)?,
        (None, true | false) => client.service_user = create_bot(tx, &client, bot, change.service_role)?,
    }
    store::clients::update(tx, &client)?;
    let after = registered(tx, Client { updated_at: tx.now, ..client })?;
    let mut audited = to_audit(&after);
    let less =
        !before.client.grants.is_subset(&after.client.grants) || !before.client.scopes.is_subset(&after.client.scopes);
    if less {
        audited["sessions_ended"] = store::sessions::delete_all_through(tx, id)?.into();
    }
    audit::record(tx, actor, "clients.change", (ObjectKind::Client, id), (to_audit(&before), audited))?;
    Ok(after)
}

/// Removes a client with its sessions, codes and consents. Blocks its bot for good.
///
/// Requires an administrator. Refused for a built-in client.
pub fn remove(tx: &Tx, actor: &Actor, id: &ClientId) -> Result<()> {
    let before = managed(tx, actor, id)?;
    if before.client.built_in {
        return Err(Error::Refused { rule: "a built-in client cannot be removed" });
    }
    if let Some(bot) = before.client.service_user {
        store::bots::block(tx, bot)?;
    }
    let sessions = store::sessions::delete_all_through(tx, id)?;
    store::clients::delete(tx, id)?;
    let mut audited = to_audit(&before);
    audited["sessions_ended"] = sessions.into();
    audit::record(tx, actor, "clients.remove", (ObjectKind::Client, id), (audited, Value::Null))
}

/// Replaces the secret of a confidential client. The old one is invalid at once, and nothing else ends. A client that
/// may act on its own behalf and has no bot yet gets one with this UUID.
///
/// Requires an administrator. Refused for a public client.
pub fn renew_secret(tx: &Tx, actor: &Actor, id: &ClientId, secret: &Fingerprint, bot: Uuid) -> Result<Registered> {
    let Registered { mut client, .. } = managed(tx, actor, id)?;
    if !client.confidential {
        return Err(Error::Refused { rule: "a public client has no secret" });
    }
    let first = store::clients::secret(tx, id)?.is_none();
    store::clients::update_secret(tx, id, secret)?;
    if client.service_user.is_none() && client.may(Grant::ClientCredentials) {
        client.service_user = create_bot(tx, &client, bot, None)?;
        store::clients::update(tx, &client)?;
    }
    let done = registered(tx, Client { updated_at: tx.now, ..client })?;
    let after = json!({ "first": first, "service_account": service_to_audit(&done) });
    audit::record(tx, actor, "clients.renew_secret", (ObjectKind::Client, id), (Value::Null, after))?;
    Ok(done)
}

fn managed(tx: &Tx, actor: &Actor, id: &ClientId) -> Result<Registered> {
    standing::require(&standing::in_account(actor), Action::ManageClients, Noun::Client, id)?;
    let client = store::clients::find(tx, id)?.ok_or_else(|| Error::not_found(Noun::Client, id))?;
    registered(tx, client)
}

/// Creates the bot of a client that may act on its own behalf. Another client gets none, and must not have a role.
fn create_bot(tx: &Tx, client: &Client, uuid: Uuid, role: Option<AccountRole>) -> Result<Option<UserId>> {
    if !client.may(Grant::ClientCredentials) {
        no_role(role)?;
        return Ok(None);
    }
    let bot = store::bots::insert(tx, uuid, client.name.as_str(), role.unwrap_or(AccountRole::Member))?;
    let home = lookup::home(tx)?;
    store::organizations::upsert_member(tx, home.id, bot, OrganizationRole::Member)?;
    Ok(Some(bot))
}

fn no_role(role: Option<AccountRole>) -> Result<()> {
    match role {
        None => Ok(()),
        Some(_) => Err(Error::invalid(
            Field::ServiceRole,
            "requires the grant client_credentials, which this client does not have",
        )),
    }
}

fn differ_only_in_lifetimes(before: &Client, after: &Client) -> bool {
    let lives = (before.access_token_life, before.session_idle, before.session_life);
    let (access_token_life, session_idle, session_life) = lives;
    *before == Client { access_token_life, session_idle, session_life, ..after.clone() }
}

/// The UUID and the role of a client's bot for the audit.
fn service_to_audit(registered: &Registered) -> Value {
    let to_json = |bot: &User| json!({ "id": bot.uuid.to_string(), "role": bot.role.as_str() });
    registered.service.as_ref().map_or(Value::Null, to_json)
}

fn to_audit(registered: &Registered) -> Value {
    let client = &registered.client;
    let uris = |uris: &[RedirectUri]| uris.iter().map(RedirectUri::as_str).collect::<Value>();
    let seconds = |life: Option<Duration>| life.map(|life| life.as_secs());
    json!({
        "name": client.name.as_str(),
        "confidential": client.confidential,
        "grants": client.grants.iter().map(|grant| grant.as_str()).collect::<Value>(),
        "scopes": client.scopes.to_string(),
        "redirect_uris": uris(&client.redirect_uris),
        "post_logout_redirect_uris": uris(&client.post_logout_redirect_uris),
        "refresh": client.refresh.as_str(),
        "pkce": client.pkce.as_str(),
        "groups": client.groups.to_string(),
        "access_token_life": seconds(client.access_token_life),
        "session_idle": seconds(client.session_idle),
        "session_life": seconds(client.session_life),
        "service_account": service_to_audit(registered),
    })
}
