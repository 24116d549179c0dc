//! What is known of a request before anybody reads it: its id and where it comes from.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::Poll;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use uuid::Uuid;

use super::dialect::ActorName;
use crate::app::desk::Desk;
use crate::domain::actor::Origin;
use crate::store::turn;

/// The header that tells a client what the log calls its request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much is kept of what a client calls itself, in characters.
const AGENT_LENGTH: usize = 255;

tokio::task_local! {
    /// The id of the request that the current task answers, so that a refusal can name it.
    static CURRENT: Uuid;
}

/// The id of the request that is being answered.
pub(super) fn id() -> Uuid {
    CURRENT.try_with(|id| *id).unwrap_or_default()
}

/// The proxies whose word about the client's address is believed.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustedProxies(pub(super) Vec<IpAddr>);

/// Gives the request its id, the answer its `x-request-id`, and the log its line.
pub(super) async fn keep_book<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = std::time::Instant::now();
    let id = Uuid::new_v4();
    let method = request.method().clone();
    if !matches!(request.parts().1, Payload::None) {
        go_on_once().await;
    }
    let mut answering = pin!(CURRENT.scope(id, next.call(request)));
    let mut answer = poll_fn(|context| turn::take(|| answering.as_mut().poll(context))).await?;
    let mut written = Uuid::encode_buffer();
    let id: &str = id.hyphenated().encode_lower(&mut written);
    if let Ok(value) = HeaderValue::from_str(id) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    let (micros, status) = (started.elapsed().as_micros(), answer.status().as_u16());
    let is_https = answer.request().app_data::<web::Data<Desk>>().is_some_and(|desk| desk.issuers.is_https());
    protect(answer.headers_mut(), is_https);
    let request = answer.request();
    let (route, known) = (request.match_pattern(), request.extensions());
    let route = route.as_deref().unwrap_or("(no route)");
    let actor = known.get::<ActorName>().map_or("-", |name| &name.0);
    log::info!("{method} {route} {status} {}.{:03} ms {actor} {id}", micros / 1000, micros % 1000);
    drop(known);
    Ok(answer)
}

/// Adds what protects every answer: nobody guesses its type, nobody keeps it unless it says otherwise, and browsers come
/// back by https where that is the server's address (RFC 6797).
fn protect(headers: &mut HeaderMap, is_https: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// Lets the web server go on once. A body that came along with its head is handed over only then, and who has all of a
/// request at once reads it in one turn and sets no clock.
async fn go_on_once() {
    let mut gone_on = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gone_on, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A header as text. What is not visible ASCII is left to whoever reads it, for looking at each byte takes longer than
/// all that is done with a token.
pub(super) fn text(value: &HeaderValue) -> Option<&str> {
    str::from_utf8(value.as_bytes()).ok()
}

/// Where a request comes from, as the audit keeps it.
pub(super) fn origin(request: &HttpRequest, dialect: &'static str) -> Origin {
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let agent =
        agent.map(|agent| agent.char_indices().nth(AGENT_LENGTH).map_or(agent, |(end, _)| &agent[..end]).to_owned());
    Origin { dialect, address: Some(address(request)), request: id(), agent }
}

/// The `Host` that the request was made for.
pub(super) fn host(request: &HttpRequest) -> Option<&str> {
    request.headers().get(actix_web::http::header::HOST)?.to_str().ok()
}

/// The client's address: the connection's, or what the trusted proxies before it say.
fn address(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let Some(proxies) = request.app_data::<web::Data<TrustedProxies>>() else { return peer };
    let trusted = |address: &IpAddr| proxies.0.contains(address);
    if !trusted(&peer) {
        return peer;
    }
    // Each proxy appends the address that it was called from, so the last one that is no proxy of ours counts.
    let headers = request.headers().get_all("x-forwarded-for").collect::<Vec<_>>();
    let said = headers.iter().rev().filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(','));
    let mut nearest = peer;
    for word in said {
        let Ok(address) = word.trim().parse::<IpAddr>() else { return nearest };
        nearest = address.to_canonical();
        if !trusted(&nearest) {
            return nearest;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let proxies = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().expect("an address")).to_vec();
        let mut request = TestRequest::default()
            .app_data(web::Data::new(TrustedProxies(proxies)))
            .peer_addr(format!("{peer}:1").parse().expect("a socket address"));
        for value in forwarded {
            request = request.append_header(("x-forwarded-for", *value));
        }
        address(&request.to_http_request()).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_the_client_itself_wrote_is_not() {
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
    }
}
