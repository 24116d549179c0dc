//! What is known of a request before anybody reads it: its id and where it comes from.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue, USER_AGENT};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use uuid::Uuid;

use super::dialect::ActorName;
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
    request.extensions_mut().insert(id);
    let method = request.method().clone();
    let mut answering = pin!(CURRENT.scope(id, next.call(request)));
    let mut answer = poll_fn(|context| turn::take(|| answering.as_mut().poll(context))).await?;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    let route = answer.request().match_pattern().unwrap_or_else(|| "(no route)".to_owned());
    let actor = answer.request().extensions().get::<ActorName>().cloned();
    let actor = actor.map_or_else(|| "-".to_owned(), |name| name.0);
    let millis = started.elapsed().as_secs_f64() * 1e3;
    log::info!("{method} {route} {} {millis:.3} ms {actor} {id}", answer.status().as_u16());
    Ok(answer)
}

/// Where a request comes from, as the audit keeps it.
pub(super) fn origin(request: &HttpRequest, dialect: &'static str) -> Origin {
    let id = request.extensions().get::<Uuid>().copied().unwrap_or_default();
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let agent =
        agent.map(|agent| agent.char_indices().nth(AGENT_LENGTH).map_or(agent, |(end, _)| &agent[..end]).to_owned());
    Origin { dialect, address: Some(address(request)), request: id, agent }
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
