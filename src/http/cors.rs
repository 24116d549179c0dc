//! Which pages of other origins may read the answers of the APIs (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! The APIs take bearer tokens, so no answer allows cookies. The pages of the console are never shared.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::{HttpMessage, HttpResponse, web};

use crate::app::runtime::state::AppState;
use crate::error::Result;
use crate::store::DataVersion;

/// Where clients of OpenID Connect in a browser ask: discovery, keys, tokens, the user, and revocation.
const OF_CLIENTS: [&str; 11] = [
    "/auth/realms/master/.well-known/openid-configuration",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/auth/realms/master",
    "/.well-known/oauth-authorization-server",
    "/auth/realms/master/protocol/openid-connect/certs",
    "/auth/realms/master/protocol/openid-connect/token",
    "/auth/realms/master/protocol/openid-connect/userinfo",
    "/auth/realms/master/protocol/openid-connect/revoke",
    "/oauth2/token",
    "/oauth2/userinfo",
    "/oauth2/revoke",
];

/// The begins of the paths of the APIs.
const OF_APIS: [&str; 6] = [
    "/v1/",
    "/v2/",
    "/oauth2/",
    "/auth/admin/realms",
    "/auth/realms/master/protocol/openid-connect/token/",
    "/auth/realms/master/protocol/openid-connect/auth/device",
];

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// The headers of responses that pages may read.
const EXPOSED: &str = "content-disposition, etag, retry-after, www-authenticate, x-request-id";

/// Seconds for which a browser may keep the answer to a preflight.
const MAX_AGE: &str = "600";

/// The maximum bytes of the header names that a preflight asks for.
const MAX_HEADERS: usize = 1024;

/// The origins that may read the answers of the APIs.
#[derive(Clone, Debug, Default)]
pub(super) struct Cors(Arc<[String]>);

/// What the answer to a request says about other origins.
pub(super) enum Sharing {
    /// Nothing.
    Private,
    /// It depends on the origin; this one may not read it, or the request has none.
    Refused,
    /// This origin may read it.
    Allowed(HeaderValue),
}

impl Cors {
    pub(super) fn new(origins: &[String]) -> Self {
        Self(origins.iter().map(|origin| origin.to_ascii_lowercase()).collect())
    }

    pub(super) async fn judge(&self, request: &ServiceRequest) -> Sharing {
        let path = request.path();
        let is_of_clients = OF_CLIENTS.contains(&path);
        let is_of_apis = !self.0.is_empty() && OF_APIS.iter().any(|begin| path.starts_with(begin));
        if !is_of_clients && !is_of_apis {
            return Sharing::Private;
        }
        let Some(origin) = request.headers().get(ORIGIN) else { return Sharing::Refused };
        let Ok(text) = origin.to_str() else { return Sharing::Refused };
        let is_listed = self.0.iter().any(|allowed| allowed == text);
        if is_listed || is_of_clients && is_of_client(request, text).await {
            Sharing::Allowed(origin.clone())
        } else {
            Sharing::Refused
        }
    }
}

/// Whether a client has a redirect URI there.
async fn is_of_client(request: &ServiceRequest, origin: &str) -> bool {
    match request.app_data::<web::Data<AppState>>() {
        Some(state) => {
            let version =
                request.extensions().get::<Result<DataVersion>>().and_then(|version| version.as_ref().ok()).copied();
            // The request itself reports a fault of the data.
            state.is_client_origin(version, origin).await.unwrap_or_default()
        }
        None => false,
    }
}

impl Sharing {
    /// The answer to a preflight of an allowed origin.
    pub(super) fn preflight(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let asks = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD);
        if !matches!(self, Self::Allowed(_)) || request.method() != Method::OPTIONS || asks.is_none() {
            return None;
        }
        let mut answer = HttpResponse::NoContent();
        answer.insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS));
        answer.insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE));
        if let Some(names) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS)
            && names.len() <= MAX_HEADERS
        {
            answer.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, names.clone()));
        }
        Some(answer.finish())
    }

    pub(super) fn tell(self, headers: &mut HeaderMap) {
        if matches!(self, Self::Private) {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Self::Allowed(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}
