//! Replaces actix-web's `HttpServer`, which has no hook for limiting connections before they are served.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::error::DispatchError;
use actix_http::h1::H1Service;
use actix_http::{HttpService, Request, Response};
use actix_server::GracefulShutdownSignal;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_factory, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::connection::Times;
use super::connections::Connections;
use super::encrypted::Encrypted;
use super::http2;
use super::socket::{Client, Socket};
use super::stream::{Stream, Wire};
use super::tls::{HTTP2, Tls};

pub(super) type Builder = actix_server::ServerBuilder;

/// A server without a socket.
pub(super) fn build() -> Builder {
    Server::build()
}

/// A socket that the server listens on.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    /// Its connections are not encrypted: they do not leave this machine.
    Unix(UnixListener),
}

/// Adds a socket to the server; with TLS, if it is one of TCP and there is a certificate.
pub(super) fn listen<F, I, S>(
    server: Builder,
    (listener, tls): (Listener, Option<&Tls>),
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
    S::Response: Into<Response<BoxBody>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
{
    let place = Place { stopping: server.graceful_shutdown_signal(), connections: connections.clone(), times };
    let app = move || app().into_factory().map_err(|error| error.into().error_response().into());
    match (listener, tls) {
        (Listener::Tcp(listener), None) => {
            let name = format!("http {}", listener.local_addr()?);
            server.listen(name, listener, move || plain(place.clone(), Socket::Tcp, app()))
        }
        (Listener::Tcp(listener), Some(tls)) => {
            let name = format!("https {}", listener.local_addr()?);
            let acceptor = TlsAcceptor::from(tls.config());
            server.listen(name, listener, move || encrypted(place.clone(), acceptor.clone(), app()))
        }
        (Listener::Unix(listener), _) => {
            server.listen_uds("unix", listener, move || plain(place.clone(), Socket::Unix, app()))
        }
    }
}

/// The place of a connection.
#[derive(Clone)]
struct Place {
    stopping: GracefulShutdownSignal,
    connections: Arc<Connections>,
    times: Times,
}

/// Serves HTTP/1.
fn plain<T, S>(
    place: Place,
    socket: fn(T) -> Socket,
    app: S,
) -> impl ServiceFactory<T, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    T: 'static,
    S: ServiceFactory<Request, Config = AppConfig, Error = Response<BoxBody>> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<BoxBody>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
{
    let http1 = http1(&place, |stream: &Stream| stream, map_config(app, |()| AppConfig::default()));
    let admit = fn_service(move |stream: T| {
        let stream = place.connections.admit(socket(stream), Wire::Plain);
        let peer = stream.socket().peer();
        ready(Ok::<_, DispatchError>((stream, peer)))
    });
    admit.and_then(http1)
}

/// Serves HTTP/1 and HTTP/2 over TLS.
fn encrypted<S>(
    place: Place,
    acceptor: TlsAcceptor,
    app: S,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    S: ServiceFactory<Request, Config = AppConfig, Error = Response<BoxBody>> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<BoxBody>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
{
    let app = Rc::new(app);
    fn_factory(move || {
        let (place, acceptor, app) = (place.clone(), acceptor.clone(), app.clone());
        async move {
            // Both versions of HTTP share one service.
            let app = Rc::new(app.new_service(AppConfig::default()).await.map_err(|_| ())?);
            let shared = app.clone();
            let shared = fn_factory(move || ready(Ok::<_, ()>(shared.clone())));
            let http1 = http1(&place, Encrypted::stream, shared);
            let http1 = Rc::new(http1.new_service(()).await?);
            Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                let stream = place.connections.admit(Socket::Tcp(stream), Wire::Tls);
                let (place, acceptor) = (place.clone(), acceptor.clone());
                let (app, http1) = (app.clone(), http1.clone());
                async move {
                    let client = Client { peer: stream.socket().peer(), reached: stream.socket().reached() };
                    let connection = stream.connection();
                    let stream = match timeout(place.times.request, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => stream,
                        Ok(Err(error)) => {
                            place.connections.log_handshake(client.peer, &error);
                            return Ok(());
                        }
                        Err(_) => return Ok(()),
                    };
                    if stream.get_ref().1.alpn_protocol() == Some(HTTP2) {
                        // Errors are those of the client.
                        let _ = http2::serve(stream, app, (client, connection), place.times, place.stopping).await;
                        return Ok(());
                    }
                    http1.call((Encrypted::new(stream), client.peer)).await
                }
            }))
        }
    })
}

/// HTTP/1 over a kind of stream.
fn http1<T, A, S>(place: &Place, stream: fn(&T) -> &Stream, app: A) -> H1Service<T, S, BoxBody>
where
    T: 'static,
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = (), Error = Response<BoxBody>>,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<BoxBody>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
{
    let (times, stopping) = (place.times, place.stopping.clone());
    let http = HttpService::<T, S, BoxBody>::build()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(times.keep_alive)
        .client_request_timeout(times.request)
        .client_disconnect_timeout(times.request)
        .on_connect_ext(move |io: &T, known| {
            let stream = stream(io);
            known.insert(stream.connection());
            known.insert(stream.socket().reached());
        });
    http.h1(app)
}
