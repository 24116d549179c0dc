//! The web server: dialects over the verbs of `app`. A handler parses, calls, converts and sets the status; it has no
//! rule of its own.

pub mod arize;
mod base_path;
mod bearer;
mod body;
mod body_memory;
mod compression;
mod connection;
mod connections;
pub mod console;
mod cors;
mod dialect;
pub mod downloads;
mod encrypted;
mod forwarded;
mod headers;
mod http2;
pub mod keycloak;
pub mod listening;
mod nowhere;
pub mod ops;
mod person;
mod pieces;
mod public_ids;
mod request;
mod request_stats;
mod retention;
pub mod routes;
mod server;
mod signals;
mod socket;
mod stream;
mod tls;
pub mod uploads;
pub mod wallaroo;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use tokio::sync::Notify;

use crate::app::files::Remover;
use crate::app::runtime::log_limiter::LogLimiter;
use crate::app::runtime::state::AppState;
use crate::domain::network::Network;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreFault;
use connection::Times;
use connections::{Connections, Limits};
use cors::Cors;
pub use forwarded::ForwardedHeader;
use ops::health::Readiness;
use ops::metrics::Meters;
use ops::status::Configuration;
use request_stats::RequestStats;
pub use server::Listener;
pub use tls::Tls;

/// The settings of the web server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The number of worker threads; 0 for the number of cores.
    pub workers: usize,
    /// The maximum number of open connections.
    pub max_connections: usize,
    /// The maximum number of open connections from one address; 0 for a share of the total.
    pub connections_per_address: usize,
    /// The maximum size of a body, in bytes.
    pub max_body: usize,
    /// The memory for all bodies that are being received, in bytes.
    pub body_memory: usize,
    /// The time in which a client must send the head of a request, and again for its body.
    pub request_timeout: Duration,
    /// The time in which a client must accept more of a response.
    pub write_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long a stop may take. Requests in progress are waited for until a second before its end.
    pub stop_grace: Duration,
    /// The proxies that may report the client's address.
    pub trusted_proxies: Vec<Network>,
    pub forwarded_header: ForwardedHeader,
    /// The origins whose pages may read the answers of the APIs.
    pub cors_origins: Vec<String>,
    pub graphql: wallaroo::graphql::Bounds,
    /// The certificate of the server; none for plain HTTP.
    pub tls: Option<Tls>,
    /// The name and the logo of the pages.
    pub brand: console::Brand,
    /// Each key of the configuration with its value and its source, secrets masked.
    pub configuration: Vec<(&'static str, String, String)>,
}

/// The sockets of a server.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody.
    pub main: Vec<Listener>,
    /// For those who collect the metrics, without a credential.
    pub metrics: Vec<TcpListener>,
}

/// Serves on these sockets until SIGTERM, SIGINT, SIGQUIT, SIGXCPU or the end of its terminal, then finishes the accepted
/// requests.
///
/// `ready` is called once the server accepts requests, and `stopping` once it is told to stop.
pub fn serve(
    state: AppState,
    settings: &Settings,
    listeners: Listeners,
    ready: impl FnOnce(),
    stopping: impl Fn() + Clone + 'static,
) -> io::Result<()> {
    base_path::set(state.issuers.public_url());
    actix_web::rt::System::new().block_on(run(state, settings, listeners, ready, stopping))
}

/// The number of worker threads; 0 is configured for the number of cores.
pub fn workers(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some,
    }
}

async fn run(
    state: AppState,
    settings: &Settings,
    listeners: Listeners,
    ready: impl FnOnce(),
    stopping: impl Fn() + Clone + 'static,
) -> io::Result<()> {
    console::set_brand(settings.brand.clone());
    let readiness = web::Data::new(Readiness::default());
    let proxies = forwarded::TrustedProxies::new(&settings.trusted_proxies, settings.forwarded_header);
    let graphql = web::Data::new(wallaroo::graphql::schema(&state, settings.graphql));
    let is_strict = state.issuers.is_strict();
    let state = web::Data::new(state);
    let remote = (!state.store.is_file()).then(|| state.clone());
    let limits = Limits {
        total: settings.max_connections,
        per_address: settings.connections_per_address,
        head_time: settings.request_timeout,
        write_time: settings.write_timeout,
    };
    let connections = Connections::new(limits, proxies.clone());
    let bodies = web::Data::new(body::Bodies::new(settings.max_body, settings.body_memory, settings.request_timeout));
    let tables = [wallaroo::routes(), arize::routes(), ops::routes(), console::routes(), keycloak::routes()];
    let requests = web::Data::new(RequestStats::new(&tables));
    let meters = web::Data::new(Meters::new(connections.clone()));
    let configuration = web::Data::new(Configuration(settings.configuration.clone()));
    let metrics_app = {
        let (state, readiness, requests, meters) = (state.clone(), readiness.clone(), requests.clone(), meters.clone());
        move || {
            App::new()
                .app_data(state.clone())
                .app_data(readiness.clone())
                .app_data(requests.clone())
                .app_data(meters.clone())
                .wrap(from_fn(|request, next| async {
                    request::track(request, next, (&Cors::default(), false), None).await
                }))
                .configure(ops::of_metrics)
                .default_service(web::route().to(ops::no_page))
        }
    };
    let cors = Cors::new(&settings.cors_origins);
    let app = {
        let (state, readiness, proxies) = (state.clone(), readiness.clone(), web::Data::new(proxies));
        move || {
            let (cors, remote) = (cors.clone(), remote.clone());
            App::new()
                .app_data(requests.clone())
                .app_data(meters.clone())
                .app_data(configuration.clone())
                .app_data(state.clone())
                .app_data(readiness.clone())
                .app_data(proxies.clone())
                .app_data(graphql.clone())
                .app_data(bodies.clone())
                .wrap(from_fn(move |request, next| {
                    let (cors, remote) = (cors.clone(), remote.clone());
                    async move { request::track(request, next, (&cors, is_strict), remote).await }
                }))
                // The router tries the dialects in this order, so the one with the most requests comes first.
                .configure(wallaroo::mounted)
                .configure(arize::mounted)
                .configure(ops::mounted)
                .configure(console::mounted)
                .configure(keycloak::mounted)
                .configure(console::closed)
                .configure(wallaroo::closed)
                .configure(arize::closed)
                .configure(keycloak::closed)
                .default_service(web::route().to(ops::no_page))
        }
    };
    let workers = workers(settings.workers);
    let mut server = server::build()
        .workers(workers)
        .max_concurrent_connections(settings.max_connections.div_ceil(workers))
        // The web server looks once a second whether the time is over. The rest is for closing the data file.
        .shutdown_timeout(settings.stop_grace.as_secs().saturating_sub(1))
        .disable_signals();
    let times =
        Times { request: settings.request_timeout, keep_alive: settings.keep_alive, write: settings.write_timeout };
    for listener in listeners.main {
        server = server::listen(server, (listener, settings.tls.as_ref()), &connections, times, app.clone())?;
    }
    for listener in listeners.metrics {
        let listener = Listener::Tcp(listener);
        server = server::listen(server, (listener, None), &connections, times, metrics_app.clone())?;
    }
    let server = server.run();
    let hangup = settings.tls.as_ref().map(|_| Arc::<Notify>::default());
    actix_web::rt::spawn(stop_on_signal(server.handle(), readiness.clone(), stopping.clone(), hangup.clone())?);
    let mut tasks = vec![
        actix_web::rt::spawn(stop_on_fault(server.handle(), state.clone(), stopping)).abort_handle(),
        actix_web::rt::spawn(maintain_keys(state.clone())).abort_handle(),
        actix_web::rt::spawn(remove_files(state.clone())).abort_handle(),
        actix_web::rt::spawn(retention::sweep(state)).abort_handle(),
        actix_web::rt::spawn(connections.sweep()).abort_handle(),
    ];
    if let Some((tls, hangup)) = settings.tls.clone().zip(hangup) {
        tasks.push(actix_web::rt::spawn(tls.watch(hangup)).abort_handle());
    }
    ready();
    let ended = server.await;
    for task in tasks {
        task.abort();
    }
    ended
}

/// Stops the server some seconds after its data file was removed or replaced. Until then every request and every health
/// check is told so.
async fn stop_on_fault(server: ServerHandle, state: web::Data<AppState>, stopping: impl Fn()) {
    const LOOK_EVERY: Duration = Duration::from_secs(1);
    const STOP_AFTER: Duration = Duration::from_secs(5);
    while !state.store.fault().is_some_and(StoreFault::ends_server) {
        actix_web::rt::time::sleep(LOOK_EVERY).await;
    }
    actix_web::rt::time::sleep(STOP_AFTER).await;
    stopping();
    server.stop(true).await;
}

/// Maintains the signing keys while the server runs: when they are due, and at least once a minute, because other
/// processes can change them too.
async fn maintain_keys(state: web::Data<AppState>) {
    const MAX_WAIT: Duration = Duration::from_mins(1);
    const MIN_WAIT: Duration = Duration::from_secs(1);
    loop {
        let wait = match state.keep_up_keys().await {
            Ok(due) => Timestamp::now().until(due).clamp(MIN_WAIT, MAX_WAIT),
            Err(error) => {
                log::error!("cannot maintain the signing keys: {}", error.chain());
                MAX_WAIT
            }
        };
        actix_web::rt::time::sleep(wait).await;
    }
}

/// Removes files that no model version refers to, shortly after they have become so.
async fn remove_files(state: web::Data<AppState>) {
    const LOOK_EVERY: Duration = Duration::from_secs(1);
    const LOGGED_EVERY: Duration = Duration::from_mins(1);
    let (mut remover, log) = (Remover::default(), LogLimiter::new(LOGGED_EVERY));
    loop {
        // A fault of the data file is logged where it is found, once.
        if let Err(error) = remover.look(&state).await
            && state.store.fault().is_none()
            && log.allows("")
        {
            log::error!("cannot remove files of deleted models: {}; it is tried again", error.chain());
        }
        actix_web::rt::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits for a signal, then reports the server as not ready and stops it gracefully.
fn stop_on_signal(
    server: ServerHandle,
    readiness: web::Data<Readiness>,
    stopping: impl Fn(),
    hangup: Option<Arc<Notify>>,
) -> io::Result<impl Future<Output = ()>> {
    let signal = signals::stopping(hangup)?;
    Ok(async move {
        // Not in the line of the log, whose values are only asked for if it is written.
        let name = signal.await;
        log::info!("stopping on {name}");
        stopping();
        readiness.stop();
        server.stop(true).await;
    })
}
