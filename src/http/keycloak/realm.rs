//! The realm, the server, and the parts of a user that Keycloak shows separately: credentials, roles and groups.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::users::parse;
use super::{Caller, Failure};
use crate::app::identity::oauth::clients;
use crate::app::identity::second_factors;
use crate::app::people;
use crate::app::runtime::issuers::REALM_PATH;
use crate::app::runtime::state::AppState;
use crate::app::users::Named;
use crate::domain::actor::Actor;
use crate::domain::noun::Noun;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::AccountRole;
use crate::error::{Error, Result};
use crate::http::request;
use crate::store::Tx;
use crate::tokens::opaque::Fingerprint;
use crate::tokens::spki;

/// The name of the realm, and its id.
const REALM: &str = "master";

/// `GET /auth/realms/master`: the public description, with the public key of the tokens.
pub(super) async fn about(state: Data<AppState>, request: HttpRequest) -> Result<Json<Value>, Failure> {
    let issuer = state.issuers.reachable_issuer(&request::target(&request))?;
    let origin = issuer.trim_end_matches(REALM_PATH);
    Ok(Json(json!({
        "realm": REALM,
        "public_key": STANDARD.encode(spki::der(state.keyring()?.active().public())),
        "token-service": format!("{issuer}/protocol/openid-connect"),
        "account-service": format!("{origin}/auth/account"),
        "tokens-not-before": 0,
    })))
}

/// `GET /auth/admin/serverinfo`
pub(super) async fn server(caller: Caller) -> Result<Json<Value>, Failure> {
    clients::may_read(&caller)?;
    Ok(Json(json!({
        "systemInfo": { "version": env!("CARGO_PKG_VERSION"), "serverTime": Timestamp::now().to_string() },
        "profileInfo": { "name": env!("CARGO_PKG_NAME"), "disabledFeatures": [], "previewFeatures": [] },
    })))
}

/// `GET /auth/admin/realms`
pub(super) async fn list(state: Data<AppState>, caller: Caller) -> Result<Json<Vec<Value>>, Failure> {
    Ok(Json(vec![representation(&state, &caller)?]))
}

/// `GET /auth/admin/realms/master`
pub(super) async fn get(state: Data<AppState>, caller: Caller) -> Result<Json<Value>, Failure> {
    Ok(Json(representation(&state, &caller)?))
}

/// The realm (Keycloak's `RealmRepresentation`), with only the fields that have a meaning here.
fn representation(state: &AppState, caller: &Caller) -> Result<Value> {
    clients::may_read(caller)?;
    let lifetimes = &state.lifetimes;
    Ok(json!({
        "id": REALM,
        "realm": REALM,
        "enabled": true,
        "notBefore": 0,
        "defaultSignatureAlgorithm": state.keyring()?.active().algorithm().to_string(),
        "accessTokenLifespan": lifetimes.access_token.as_secs(),
        "ssoSessionIdleTimeout": lifetimes.session_idle.as_secs(),
        "ssoSessionMaxLifespan": lifetimes.session_life.as_secs(),
        "registrationAllowed": false,
        "registrationEmailAsUsername": true,
        "loginWithEmailAllowed": true,
        "duplicateEmailsAllowed": false,
        "editUsernameAllowed": false,
        "resetPasswordAllowed": false,
        "rememberMe": false,
        "verifyEmail": false,
        "bruteForceProtected": true,
        "permanentLockout": false,
        "userManagedAccessAllowed": false,
        "organizationsEnabled": false,
        "eventsEnabled": false,
        "supportedLocales": [],
    }))
}

/// `GET /auth/admin/realms/master/users/{id}/credentials`: the kinds of credentials, never their values.
pub(super) async fn credentials(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<Json<Vec<Value>>, Failure> {
    let uuid = parse(&id)?;
    let entry = state.read_inline(|view| people::entry(view, &caller, uuid))?;
    let mut found = Vec::new();
    if entry.password {
        found.push(json!({ "id": derived(uuid, "password"), "type": "password" }));
    }
    if let Some(confirmed_at) = entry.second_factor {
        let created = confirmed_at.millis();
        found.push(json!({ "id": derived(uuid, "otp"), "type": "otp", "createdDate": created }));
    }
    Ok(Json(found))
}

/// `DELETE /auth/admin/realms/master/users/{id}/credentials/{credential}`: removes the second factor of a user who has
/// lost it. A password cannot be removed: reset it, or disable the user.
pub(super) async fn delete_credential(
    state: Data<AppState>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (id, credential) = path.into_inner();
    let uuid = parse(&id)?;
    // Whether the credential exists depends on the user, so access to the user is checked first.
    state.read_inline(|view| people::get(view, &caller, uuid))?;
    let unknown = Error::not_found(Noun::Credential, &credential);
    match Uuid::parse_str(&credential) {
        Ok(credential) if credential == derived(uuid, "otp") => {}
        Ok(credential) if credential == derived(uuid, "password") => {
            return Err(
                Error::Refused { rule: "a password cannot be removed; set another one, or disable the user" }.into()
            );
        }
        Ok(_) | Err(_) => return Err(unknown.into()),
    }
    let reset = move |tx: &Tx, caller: &Actor| second_factors::reset(tx, caller, &Named::Uuid(uuid));
    let (_, had_one) = state.write_as(&caller, reset).await?;
    if had_one { Ok(HttpResponse::new(StatusCode::NO_CONTENT)) } else { Err(unknown.into()) }
}

/// A stable id, derived from a user and the kind of thing.
fn derived(user: Uuid, what: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Fingerprint::of(&format!("{what} of {user}")).as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// `GET /auth/admin/realms/master/users/{id}/role-mappings/realm`: the role `admin` for administrators.
pub(super) async fn roles(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<Json<Vec<Value>>, Failure> {
    let uuid = parse(&id)?;
    let found = state.read_inline(|view| people::find(view, &caller, uuid))?;
    let admin = json!({
        "id": derived(Uuid::nil(), "admin"),
        "name": "admin",
        "description": "administers the account",
        "composite": false,
        "clientRole": false,
        "containerId": REALM,
    });
    Ok(Json(match found.user().role {
        AccountRole::Administrator => vec![admin],
        AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator => Vec::new(),
    }))
}

/// `GET /auth/admin/realms/master/users/{id}/groups`: always empty, because there are no groups.
pub(super) async fn groups(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<Json<[Value; 0]>, Failure> {
    let uuid = parse(&id)?;
    state.read_inline(|view| people::find(view, &caller, uuid))?;
    Ok(Json([]))
}
