//! The accent of the Arize SDK and its `ax` command line: `/v2/*`.
//!
//! Statuses are exact (201, 200, 204); a refusal is problem+json of exactly five fields. Answers are shaped for the
//! caller's `sdk-version` (`generations.rs`); input is read in every spelling (contract, section 7).

mod api_keys;
mod body;
mod failure;
mod generations;
mod ids;
mod page;
mod reply;
mod spaces;
mod spelling;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, web};

use super::dialect::Dialect;
use super::ops::documents::BearerSignIn;
use super::routes::{Entry, entry, mount};

pub use failure::Failure;

/// The dialect.
pub struct Arize;

impl Dialect for Arize {
    const NAME: &'static str = "arize";
    type Failure = Failure;

    /// `Authorization: Bearer ...`, or the bare key, as some of the SDK's transports send it.
    fn credential(request: &HttpRequest) -> Option<&str> {
        let text = request.headers().get(AUTHORIZATION)?.to_str().ok()?.trim();
        match text.split_once(' ') {
            Some((scheme, credential)) => scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim()),
            None => Some(text),
        }
    }
}

/// Who calls, in this dialect.
pub type Caller = super::dialect::Caller<Arize>;

/// What a handler answers.
type Answer<T> = Result<reply::Reply<T>, Failure>;

/// Each way in.
pub fn routes() -> Vec<Entry> {
    vec![
        entry!(GET "/v2/spaces" => spaces::list),
        entry!(POST "/v2/spaces" => spaces::create),
        entry!(GET "/v2/spaces/{space_id}" => spaces::get),
        entry!(PATCH "/v2/spaces/{space_id}" => spaces::update),
        entry!(DELETE "/v2/spaces/{space_id}" => spaces::delete),
        entry!(POST "/v2/spaces/{space_id}/users" => spaces::add_user),
        entry!(DELETE "/v2/spaces/{space_id}/users/{user_id}" => spaces::remove_user),
        entry!(GET "/v2/api-keys" => api_keys::list),
        entry!(POST "/v2/api-keys" => api_keys::create),
        entry!(DELETE "/v2/api-keys/{api_key_id}" => api_keys::delete),
        entry!(POST "/v2/api-keys/{api_key_id}/refresh" => api_keys::refresh),
        entry!(PUT "/v2/api-keys/{api_key_id}/revoke" => api_keys::revoke),
    ]
}

/// Mounts the dialect.
pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(failure::wrong_method));
    config.service(web::scope("/v2").default_service(web::route().to(failure::no_endpoint)));
}

/// The description of the dialect (OpenAPI 3.1).
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "atelier: the Arize API",
        description = "Spaces and people, in the words of the Arize SDK. A refusal is problem+json (RFC 9457)."
    ),
    paths(
        spaces::list,
        spaces::create,
        spaces::get,
        spaces::update,
        spaces::delete,
        spaces::add_user,
        spaces::remove_user,
        api_keys::list,
        api_keys::create,
        api_keys::delete,
        api_keys::refresh,
        api_keys::revoke,
    ),
    security(("bearer" = [])),
    modifiers(&BearerSignIn)
)]
pub struct Description;
