//! The context of a request: its id, origin, target and log line. It knows no dialect.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{AUTHORIZATION, FORWARDED, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT, VIA};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use uuid::Uuid;

use super::base_path;
use super::connection::{Connection, StreamState};
use super::cors::Cors;
use super::forwarded::TrustedProxies;
use super::headers;
use super::request_stats::{NO_ROUTE, RequestStats};
use super::socket::Reached;
use crate::app::runtime::current_request::{self, CurrentRequest, Parts};
use crate::app::runtime::issuers::Target;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Origin;
use crate::domain::trace::TraceParent;

pub(super) use crate::app::runtime::current_request::{is_signed_in, set_signed_in};

/// The actor's name in the log line of a request.
#[derive(Clone)]
pub(super) struct ActorName(pub(super) String);

/// The response header with the request's id in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum characters of a `User-Agent` in the audit log.
const MAX_AGENT_LENGTH: usize = 255;

/// The maximum characters of a host that is shown.
const MAX_HOST_LENGTH: usize = 255;

/// The headers that proxies add. Any one of them shows that there is a proxy.
const PROXY_HEADERS: [HeaderName; 5] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// The trace that a client sends (W3C Trace Context), and the server's span in it (Trace Context Level 2, a draft).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// The id of the current request.
pub(super) fn id() -> Uuid {
    current_request::get(|current| current.id).unwrap_or_default()
}

/// The trace of a request. None if it has none, a malformed one, or several.
fn trace(request: &ServiceRequest) -> Option<TraceParent> {
    let mut all = request.headers().get_all(TRACEPARENT);
    let first = all.next()?;
    if all.next().is_some() { None } else { TraceParent::parse(first.to_str().ok()?) }
}

/// Gives the request its id, adds the common headers and `x-request-id` to the response, and logs and counts the request.
/// `remote` is the state of a server whose data is not in a file: a request with a credential gets the version of the data.
pub(super) async fn track(
    request: ServiceRequest,
    next: Next<BoxBody>,
    (cors, is_strict): (&Cors, bool),
    remote: Option<web::Data<AppState>>,
) -> Result<ServiceResponse, actix_web::Error> {
    let (started, id, trace) = (Instant::now(), Uuid::new_v4(), trace(&request));
    let current = CurrentRequest::new(id, trace);
    let span = trace.map(|trace| (trace, current.span()));
    current.handle(answer(request, next, (cors, is_strict, remote), (started, id, span))).await
}

async fn answer(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
    (cors, is_strict, remote): (&Cors, bool, Option<web::Data<AppState>>),
    (started, id, span): (Instant, Uuid, Option<(TraceParent, u64)>),
) -> Result<ServiceResponse, actix_web::Error> {
    let method = request.method().clone();
    let has_body = !matches!(request.parts().1, Payload::None);
    let connection = request.conn_data::<Arc<Connection>>().cloned();
    if let Some(connection) = &connection {
        connection.begin_request(has_body);
    }
    if has_body {
        yield_once().await;
    }
    // A handler that asked for the version would block its worker for a round trip.
    if let Some(state) = remote
        && request.headers().contains_key(AUTHORIZATION)
    {
        let version = state.store.awaited_data_version().await;
        request.extensions_mut().insert(version);
    }
    base_path::enter(&mut request);
    let sharing = cors.judge(&request).await;
    let mut response = match sharing.preflight(&request) {
        Some(answer) => request.into_response(answer),
        None => next.call(request).await?,
    };
    sharing.tell(response.headers_mut());
    let mut response = headers::complete(response, is_strict);
    base_path::leave(response.headers_mut());
    let mut written = Uuid::encode_buffer();
    let id: &str = id.hyphenated().encode_lower(&mut written);
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let trace = span.map_or_else(String::new, |(trace, span)| {
        if let Ok(value) = HeaderValue::try_from(trace.response(span)) {
            response.headers_mut().insert(TRACERESPONSE, value);
        }
        format!(" trace={}", trace.trace_id())
    });
    let is_chunked = || response.request().headers().contains_key(TRANSFER_ENCODING);
    if connection.is_some_and(|connection| connection.end_request(is_chunked)) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let (elapsed, status) = (started.elapsed(), response.status().as_u16());
    let micros = elapsed.as_micros();
    let request = response.request();
    let (route, extensions) = (request.match_pattern(), request.extensions());
    let route = route.as_deref().unwrap_or(NO_ROUTE);
    if let Some(stats) = request.app_data::<web::Data<RequestStats>>() {
        stats.count(&method, route, status, elapsed);
    }
    let actor = extensions.get::<ActorName>().map_or("-", |name| &name.0);
    let (address, whole, part) = (address(request), micros / 1000, micros % 1000);
    current_request::note_parts(|| Parts {
        method: method.to_string(),
        route: route.to_owned(),
        status,
        micros: u64::try_from(micros).unwrap_or(u64::MAX),
        user: actor.to_owned(),
        address: address.to_string(),
    });
    log::info!("{method} {route} {status} {whole}.{part:03} ms {actor} {address} {id}{trace}");
    drop(extensions);
    Ok(response)
}

/// Yields to the web server once. Only then does it hand over a body that arrived together with the head. With the
/// whole request present, the handler reads the body at once and sets no timer.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A header as text. It may contain characters that are not visible ASCII, which the caller must handle: checking each
/// byte takes longer than all other work on a token.
pub(super) fn text(value: &HeaderValue) -> Option<&str> {
    str::from_utf8(value.as_bytes()).ok()
}

/// The origin of a request for the audit log.
pub(super) fn origin(request: &HttpRequest, dialect: &'static str) -> Origin {
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let agent = agent
        .map(|agent| agent.char_indices().nth(MAX_AGENT_LENGTH).map_or(agent, |(end, _)| &agent[..end]).to_owned());
    Origin { dialect, address: Some(address(request)), request: id(), agent }
}

/// The `Host` header.
pub(super) fn host(request: &HttpRequest) -> Option<&str> {
    request.headers().get(actix_web::http::header::HOST)?.to_str().ok()
}

/// The origin that the browser asked for, as far as the request tells. The scheme is left out if it is unknown.
pub(super) fn asked_for(request: &HttpRequest) -> String {
    const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
    const SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");
    let is_proxied = is_from_proxy(request);
    // A proxy appends to what came before it, so the first value is that of the browser.
    let told = |name: &HeaderName| {
        let value = request.headers().get(name).filter(|_| is_proxied)?.to_str().ok()?;
        value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    let host: String =
        told(&HOST).or_else(|| host(request)).unwrap_or_default().chars().take(MAX_HOST_LENGTH).collect();
    match told(&SCHEME) {
        Some(scheme @ ("http" | "https")) => format!("{scheme}://{host}"),
        _ if target(request).is_proxied => host,
        _ => format!("{}://{host}", scheme(request)),
    }
}

/// The scheme that a client of this server uses.
fn scheme(request: &HttpRequest) -> &'static str {
    let state = request.app_data::<web::Data<AppState>>();
    state.map_or("http", |state| state.issuers.scheme())
}

/// The address that a request was sent to.
pub(super) fn target(request: &HttpRequest) -> Target<'_> {
    let reached = match reached(request) {
        Some(Reached::Tcp(address)) => address,
        Some(Reached::Unix) | None => None,
    };
    // A client can send these headers too, so they count only if a trusted proxy sent the request.
    let is_proxied = is_from_proxy(request) && PROXY_HEADERS.iter().any(|name| request.headers().contains_key(name));
    Target { host: host(request), reached, is_proxied }
}

/// Notes that the request is authenticated. More of its body is read if it is refused.
pub(super) fn mark_authenticated(request: &HttpRequest) {
    if let Some(connection) = request.conn_data::<Arc<Connection>>() {
        connection.mark_authenticated();
    } else if let Some(stream) = request.extensions().get::<Rc<StreamState>>() {
        stream.mark_authenticated();
    }
}

/// The socket that a request came to.
fn reached(request: &HttpRequest) -> Option<Reached> {
    let of_request = || request.extensions().get::<Reached>().copied();
    request.conn_data::<Reached>().copied().or_else(of_request)
}

/// Whether a trusted proxy sent the request. Every peer of a Unix socket is one, by its permissions.
fn is_from_proxy(request: &HttpRequest) -> bool {
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    match request.peer_addr() {
        Some(peer) => proxies.is_some_and(|proxies| proxies.contains(peer.ip().to_canonical())),
        None => reached(request) == Some(Reached::Unix),
    }
}

/// The client's address: the peer's address, or the address that the trusted proxies report.
pub(super) fn address(request: &HttpRequest) -> IpAddr {
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    match request.peer_addr().map(|peer| peer.ip().to_canonical()) {
        Some(peer) => proxies.map_or(peer, |proxies| proxies.client(peer, request.headers())),
        None if reached(request) == Some(Reached::Unix) => {
            let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
            proxies.map_or(here, |proxies| proxies.told(here, request.headers()))
        }
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}
