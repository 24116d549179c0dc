//! Replaces actix-web's `HttpServer`, which has no hook for limiting connections before they are served.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;

use super::connection::Stream;
use super::connections::Connections;
use super::request::Reached;

pub(super) type Builder = actix_server::ServerBuilder;

/// The timeouts of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For the head of the first request, and for reading the last response.
    pub(super) request: Duration,
    /// For the head of the next request.
    pub(super) keep_alive: Duration,
}

/// A server without a socket.
pub(super) fn build() -> Builder {
    Server::build()
}

/// Adds a socket to the server.
pub(super) fn listen<F, I, S, B>(
    server: Builder,
    listener: TcpListener,
    connections: &Arc<Connections>,
    times: Times,
    app: F,
) -> io::Result<Builder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let stopping = server.graceful_shutdown_signal();
    let connections = connections.clone();
    let address = listener.local_addr()?;
    server.listen(format!("http {address}"), listener, move || {
        let (stopping, connections) = (stopping.clone(), connections.clone());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(times.keep_alive)
            .client_request_timeout(times.request)
            .client_disconnect_timeout(times.request)
            .local_addr(address)
            .on_connect_ext(|stream: &Stream, known| {
                known.insert(stream.connection());
                known.insert(Reached(stream.reached()));
            });
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = http.h1(map_config(app, |()| AppConfig::default()));
        let admit = fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok::<_, DispatchError>((connections.admit(stream), peer)))
        });
        admit.and_then(http)
    })
}
