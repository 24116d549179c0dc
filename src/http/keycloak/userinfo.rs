//! The user of an access token (OpenID Connect Core, section 5.3).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use uuid::Uuid;

use super::{Failure, Keycloak};
use crate::app::identity::oauth::{groups, token_status};
use crate::app::runtime::state::AppState;
use crate::domain::client::Scope;
use crate::error::Error;
use crate::http::dialect::{self, Dialect};
use crate::tokens::id_claims::Profile;

#[derive(Serialize)]
struct UserInfo<'a> {
    sub: Uuid,
    #[serde(flatten)]
    profile: Profile<'a>,
}

/// `GET` and `POST /auth/realms/master/protocol/openid-connect/userinfo`, `/oauth2/userinfo`
///
/// As in Keycloak, the token needs the scope `openid`.
pub(super) async fn show(state: Data<AppState>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let bearer = Keycloak::credential(&request)
        .ok_or_else(|| Error::from(dialect::missing(&request)))
        .map_err(Failure::Bearer)?;
    let (user, scopes, client) = token_status::bearer(&state, bearer).map_err(Failure::Bearer)?;
    dialect::name_actor(&request, &user.email);
    if !scopes.has(Scope::OpenId) {
        return Err(Failure::Scope);
    }
    let groups = groups::claim_of(&state, &user, &client, &scopes).map_err(Failure::Bearer)?;
    let user_info = UserInfo { sub: user.uuid, profile: Profile::of(&user, &scopes, groups.as_deref()) };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(user_info))
}
