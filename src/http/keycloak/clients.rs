//! `/auth/admin/realms/master/clients`: the registered clients, read-only and without their secrets.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::users::{ServiceUser, flag, number, parsed};
use super::{Caller, Failure};
use crate::app::identity::oauth::clients::{self, Registered};
use crate::app::identity::oauth::service_accounts::ServiceAccount;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::client::{Grant, PkcePolicy, RedirectUri, Scope};
use crate::domain::noun::Noun;
use crate::error::{Error, Result};
use crate::http::pieces;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClientQuery {
    client_id: Option<String>,
    /// Whether `clientId` matches a part of the id.
    search: Option<String>,
    /// Whether to omit the clients that the caller may not change. Every client here is read-only and is listed in any
    /// case.
    viewable_only: Option<String>,
    first: Option<String>,
    max: Option<String>,
}

/// `GET /auth/admin/realms/master/clients`
pub(super) async fn list(
    state: Data<AppState>,
    caller: Caller,
    query: Result<Query<ClientQuery>, actix_web::Error>,
) -> Result<HttpResponse, Failure> {
    let query = parsed(query)?;
    let part = flag("search", query.search)?.unwrap_or(false);
    flag("viewableOnly", query.viewable_only)?;
    let (first, max) = (number("first", query.first)?, number("max", query.max)?);
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let matches = |one: &Registered| {
            let id = one.client.id.as_str();
            query.client_id.as_deref().is_none_or(|searched| if part { id.contains(searched) } else { id == searched })
        };
        let matching = clients::list(view, caller)?.into_iter().filter(matches);
        let mut is_first = true;
        out.text("[")?;
        for one in matching.skip(first.unwrap_or(0)).take(max.unwrap_or(usize::MAX)) {
            out.separate(&mut is_first)?;
            out.json(&representation(&one))?;
        }
        out.text("]")
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// `GET /auth/admin/realms/master/clients/{id}`
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        out.json(&representation(&clients::get_by_uuid(view, caller, uuid)?))
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// `GET /auth/admin/realms/master/clients/{id}/service-account-user`
pub(super) async fn service_account(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, Failure> {
    let uuid = parse(&id)?;
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let Registered { client, service } = clients::get_by_uuid(view, caller, uuid)?;
        let user = service.ok_or(Error::Refused { rule: "Service account not enabled for the client" })?;
        out.json(&ServiceUser::new(&ServiceAccount { user, client: Some(client.id) }))
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// An id that is no UUID belongs to no client.
pub(super) fn parse(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| Error::not_found(Noun::Client, id))
}

/// A client (Keycloak's `ClientRepresentation`).
fn representation(registered: &Registered) -> Value {
    let client = &registered.client;
    let uris = |uris: &[RedirectUri]| uris.iter().map(|uri| uri.as_str().to_owned()).collect::<Vec<_>>();
    let mut attributes = json!({
        "oauth2.device.authorization.grant.enabled": client.may(Grant::DeviceCode).to_string(),
        "post.logout.redirect.uris": uris(&client.post_logout_redirect_uris).join("##"),
        "use.refresh.tokens": client.may(Grant::RefreshToken).to_string(),
    });
    if client.pkce == PkcePolicy::Required {
        attributes["pkce.code.challenge.method"] = "S256".into();
    }
    for (name, life) in [
        ("access.token.lifespan", client.access_token_life),
        ("client.session.idle.timeout", client.session_idle),
        ("client.session.max.lifespan", client.session_life),
    ] {
        if let Some(seconds) = life.as_ref().map(Duration::as_secs) {
            attributes[name] = seconds.to_string().into();
        }
    }
    json!({
        "id": clients::uuid(&client.id),
        "clientId": client.id.as_str(),
        "name": client.name.as_str(),
        "enabled": true,
        "protocol": "openid-connect",
        "publicClient": !client.confidential,
        "bearerOnly": false,
        "clientAuthenticatorType": "client-secret",
        "standardFlowEnabled": client.may(Grant::AuthorizationCode),
        "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": client.may(Grant::Password),
        "serviceAccountsEnabled": client.may(Grant::ClientCredentials),
        "consentRequired": !client.built_in,
        "redirectUris": uris(&client.redirect_uris),
        "webOrigins": [],
        "defaultClientScopes": [],
        "optionalClientScopes": client.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "notBefore": 0,
        "attributes": attributes,
        "access": { "view": true, "configure": false, "manage": false },
    })
}
