//! Serves HTTP/2 on a TLS connection.
//!
//! Replaces actix-web's part for HTTP/2, which limits neither the streams of a connection, nor their heads, nor how long
//! a client may take to accept a response, and which does not end its connections when the server stops.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use actix_http::error::PayloadError;
use actix_http::{Payload, Request, Response};
use actix_server::GracefulShutdownSignal;
use actix_service::Service;
use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, DATE, HOST, HeaderName, HeaderValue, HttpDate, TRANSFER_ENCODING,
    TryIntoHeaderValue, UPGRADE,
};
use actix_web::http::{Method, StatusCode, Uri, Version};
use actix_web::rt::spawn;
use actix_web::rt::time::{Instant, sleep_until, timeout};
use actix_web::web::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{Connection, StreamState, Times, max_drain};
use super::socket::Client;

/// The maximum number of requests that a connection serves at once.
const MAX_STREAMS: u32 = 100;

/// The maximum bytes of a request's head, as counted by RFC 9113, section 6.5.2.
const MAX_HEAD: u32 = 32 << 10;

/// The bytes of a body that a client may send before they are read, and of all bodies of a connection.
const WINDOW: u32 = 256 << 10;

/// The bytes of a response that wait for the connection.
const MAX_UNSENT: usize = 64 << 10;

/// The bytes of a response for which room is reserved at once.
const CHUNK: usize = 16 << 10;

/// The time in which the rest of a refused body must arrive.
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// The response to a request, as the web server makes it.
type Answer = Response<BoxBody>;

/// Serves the requests of a connection until one side ends it.
pub(super) async fn serve<T, S>(
    socket: T,
    service: Rc<S>,
    (client, connection): (Client, Arc<Connection>),
    times: Times,
    stopping: GracefulShutdownSignal,
) -> Result<(), h2::Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request, Error = Answer> + 'static,
    S::Response: Into<Answer>,
    S::Future: 'static,
{
    connection.begin_http2();
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buffer_size(MAX_UNSENT);
    let mut http2 = builder.handshake(socket).await?;
    let open = Rc::new(Open { count: Cell::new(0), ended: Cell::new(Instant::now()), connection });
    let mut idle = pin!(sleep_until(Instant::now() + times.keep_alive));
    let mut stop = pin!(stopping.notified());
    let mut is_ending = false;
    loop {
        tokio::select! {
            accepted = http2.accept() => {
                let Some(accepted) = accepted else { return Ok(()) };
                let (request, respond) = accepted?;
                let (request, body) = converted(request, client);
                let (service, open) = (service.clone(), Open::begin(&open));
                let state = Rc::new(StreamState::default());
                request.extensions_mut().insert(state.clone());
                spawn(async move {
                    answer(request, respond, &*service, times.write).await;
                    discard(&body, max_drain(state.is_authenticated())).await;
                    drop(open);
                });
            }
            () = &mut stop, if !is_ending => {
                is_ending = true;
                http2.graceful_shutdown();
                open.end_if_unused();
            }
            () = &mut idle, if !is_ending => {
                let due = open.ended.get() + times.keep_alive;
                if open.count.get() == 0 && due <= Instant::now() {
                    is_ending = true;
                    http2.graceful_shutdown();
                    open.end_if_unused();
                } else {
                    idle.as_mut().reset(due.max(Instant::now() + Duration::from_secs(1)));
                }
            }
        }
    }
}

/// The requests of a connection that are in progress.
struct Open {
    count: Cell<usize>,
    /// When the last one ended.
    ended: Cell<Instant>,
    connection: Arc<Connection>,
}

/// One request in progress.
struct Serving(Rc<Open>);

impl Open {
    fn begin(this: &Rc<Self>) -> Serving {
        this.count.set(this.count.get() + 1);
        this.connection.set_serving(true);
        Serving(this.clone())
    }

    /// The client may not confirm the end of the connection.
    fn end_if_unused(&self) {
        if self.count.get() == 0 {
            self.connection.close_soon();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let left = self.0.count.get() - 1;
        self.0.count.set(left);
        if left == 0 {
            self.0.ended.set(Instant::now());
            self.0.connection.set_serving(false);
        }
    }
}

/// The request in the types of the web server, in the form of HTTP/1: a path with a `Host`, and one `Cookie`.
///
/// The body is shared, so that what a handler does not read can be read after its response.
fn converted(request: http::Request<RecvStream>, client: Client) -> (Request, Rc<RefCell<RecvStream>>) {
    let (parts, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    let body = Rc::new(RefCell::new(body));
    let payload = if has_body {
        Payload::Stream { payload: Box::pin(Body(body.clone())) as actix_http::BoxedPayloadStream }
    } else {
        Payload::None
    };
    let mut request = Request::with_payload(payload);
    let head = request.head_mut();
    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    head.uri = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
    head.version = Version::HTTP_2;
    head.peer_addr = client.peer;
    let mut cookies = BytesMut::new();
    for (name, value) in &parts.headers {
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        else {
            continue;
        };
        if name == COOKIE {
            // RFC 9113, section 8.2.3.
            cookies.extend_from_slice(if cookies.is_empty() { b"" } else { b"; " });
            cookies.extend_from_slice(value.as_bytes());
        } else {
            head.headers.append(name, value);
        }
    }
    if let Ok(cookies) = HeaderValue::from_maybe_shared(cookies.freeze())
        && !cookies.is_empty()
    {
        head.headers.insert(COOKIE, cookies);
    }
    // RFC 9113, section 8.3.1.
    if let Some(host) = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        head.headers.insert(HOST, host);
    }
    request.extensions_mut().insert(client.reached);
    (request, body)
}

/// The body of a request.
struct Body(Rc<RefCell<RecvStream>>);

impl futures_core::Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll_body(&mut self.0.borrow_mut(), context)
    }
}

fn poll_body(body: &mut RecvStream, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
    let chunk = ready!(body.poll_data(context)).map(|chunk| {
        let chunk = chunk.map_err(|_| PayloadError::Incomplete(None))?;
        body.flow_control().release_capacity(chunk.len()).map_err(|_| PayloadError::Incomplete(None))?;
        Ok(chunk)
    });
    Poll::Ready(chunk)
}

/// Reads the rest of a refused body, for a limited time. Many clients read no response before they have sent the whole
/// body, and take a stream that is reset before as an error.
async fn discard(body: &RefCell<RecvStream>, max: usize) {
    let rest = async {
        let mut left = max;
        while let Some(Ok(chunk)) = poll_fn(|context| poll_body(&mut body.borrow_mut(), context)).await {
            if chunk.len() > left {
                break;
            }
            left -= chunk.len();
        }
    };
    // The stream is reset if there is more.
    let _ = timeout(DISCARD_TIME, rest).await;
}

/// Answers a request, unless its client cancels it.
async fn answer<S>(request: Request, mut respond: SendResponse<Bytes>, service: &S, write_time: Duration)
where
    S: Service<Request, Error = Answer>,
    S::Response: Into<Answer>,
{
    let is_head = request.method() == Method::HEAD;
    let answered = tokio::select! {
        answered = service.call(request) => answered.map_or_else(|failure| failure, Into::into),
        _ = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    let (head, body) = answered.into_parts();
    // Errors mean that the client is gone.
    let Ok(head) = converted_head(&head, body.size()) else { return };
    let is_whole = is_head || body.size().is_eof();
    let Ok(mut stream) = respond.send_response(head, is_whole) else { return };
    if !is_whole && let Err(reason) = send(body, &mut stream, write_time).await {
        stream.send_reset(reason);
    }
}

/// The head of a response, without the headers that belong to HTTP/1 (RFC 9113, section 8.2.2).
fn converted_head(head: &Response<()>, size: BodySize) -> http::Result<http::Response<()>> {
    const OF_HTTP1: [HeaderName; 5] = [
        CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    let is_empty = head.status() == StatusCode::NO_CONTENT;
    let length = match size {
        BodySize::Sized(length) if !is_empty => Some(length),
        _ => None,
    };
    let mut response = http::Response::builder().status(head.status().as_u16());
    for (name, value) in head.headers() {
        if OF_HTTP1.contains(name) || name == CONTENT_LENGTH && (length.is_some() || is_empty) {
            continue;
        }
        response = response.header(name.as_str(), value.as_bytes());
    }
    if let Some(length) = length {
        response = response.header(CONTENT_LENGTH.as_str(), length);
    }
    if !head.headers().contains_key(DATE)
        && let Ok(date) = HttpDate::from(SystemTime::now()).try_into_value()
    {
        response = response.header(DATE.as_str(), date.as_bytes());
    }
    response.body(())
}

/// Sends a body. Fails with the reason for which the stream is reset: a client that accepts nothing for too long, or a
/// body that ends early.
async fn send(body: BoxBody, stream: &mut SendStream<Bytes>, write_time: Duration) -> Result<(), Reason> {
    let mut body = pin!(body);
    loop {
        let next = tokio::select! {
            next = poll_fn(|context| body.as_mut().poll_next(context)) => next,
            _ = poll_fn(|context| stream.poll_reset(context)) => return Ok(()),
        };
        let Some(chunk) = next else { break };
        let mut chunk = chunk.map_err(|_| Reason::INTERNAL_ERROR)?;
        while !chunk.is_empty() {
            stream.reserve_capacity(chunk.len().min(CHUNK));
            let room = timeout(write_time, poll_fn(|context| stream.poll_capacity(context))).await;
            let Some(Ok(room)) = room.map_err(|_| Reason::CANCEL)? else { return Ok(()) };
            if stream.send_data(chunk.split_to(room.min(chunk.len())), false).is_err() {
                return Ok(());
            }
        }
    }
    // It fails only if the client is gone.
    let _ = stream.send_data(Bytes::new(), true);
    Ok(())
}
