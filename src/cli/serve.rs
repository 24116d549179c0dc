//! `atelier serve`: runs the server.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::backup::{self, Scheduler};
use super::deadline::Deadline;
use super::first_administrator::first_administrator;
use super::sockets::{self, Sockets};
use super::{
    CliError, brand, certificate, database, file_place, greeting, limits, master_key, output, print, requirements,
    running, service_manager, signals,
};
use crate::app::identity::signing_keys;
use crate::app::runtime::installation::Installation;
use crate::app::runtime::issuers::Issuers;
use crate::app::runtime::pool::{Pool, PoolKind};
use crate::app::runtime::state::{AppState, Fields};
use crate::app::runtime::throttle::Throttle;
use crate::app::runtime::unsent_memory::UnsentMemory;
use crate::app::{audit, files, setup};
use crate::config::{Config, ForwardedHeader, SigningAlgorithm};
use crate::domain::key::KeyRules;
use crate::domain::lifetimes::Lifetimes;
use crate::http;
use crate::store::data_dir::DataDir;
use crate::store::lock::Lock;
use crate::store::{Store, StoreFault, health};
use crate::tokens::chain::to_hex;
use crate::tokens::opaque;
use crate::tokens::signing::Algorithm;
use crate::tokens::tags::TagKey;

/// Runs the server until it is stopped.
pub fn run(config: &Config) -> Result<(), CliError> {
    let workers = http::workers(config.workers);
    let config = &Config { max_connections: limits::connections(config, workers)?, ..config.clone() };
    limits::require_threads(config, workers)?;
    signals::ignore_other_signals().map_err(|error| {
        CliError::Failed(format!("cannot wait for signals: {error}; raise the thread limit of the server"))
    })?;
    let deadline = Deadline::new(config.stop_grace).map_err(|error| {
        CliError::Failed(format!("cannot start a thread: {error}; raise the thread limit of the server"))
    })?;
    // Before anything is created.
    let home = database::at(config)?;
    if let Some((_, error)) = requirements::unmet(config, &home).into_iter().next() {
        return Err(error);
    }
    let home = home.opened()?;
    let mut lock = home.lock()?;
    if let Some(address) = home.server() {
        database::warn(address);
    } else if let Some(kind) = home.network_file_system() {
        log::warn!(
            "{} is on a network file system ({kind}), where SQLite can lose data; move it to a local disk",
            home.path().display()
        );
    }
    let settings = http::Settings { tls: certificate::load(config, &home)?, ..settings(config)? };
    let sockets = Sockets::open(config)?;
    let store = Store::open_for_server(&home, database::sizes(config))?;
    let served = serve(config, &home, &mut lock, &store, (sockets, &settings, deadline));
    let lost = store.fault().filter(|fault| fault.ends_server());
    if lost.is_none() {
        note_audit(&store);
    }
    store.close();
    lost.map_or(served, |fault| Err(CliError::Replaced(format!("{fault}; {}", fault.next()))))
}

fn serve(
    config: &Config,
    home: &DataDir,
    lock: &mut Lock,
    store: &Store,
    (sockets, settings, deadline): (Sockets, &http::Settings, Deadline),
) -> Result<(), CliError> {
    database::register(config, store)?;
    setup::settle(store)?;
    files::expire_waiting(store)?;
    let master = master_key::load_or_create(config, home, store)?;
    signing_keys::keep_up(store, &master, key_plan(config))?;
    let first = first_administrator(config, home, store)?;
    let addresses = sockets.addresses();
    let transport = sockets::transport(config);
    let (local_key, fingerprint) = opaque::mint(opaque::Kind::Local);
    let control = backup::control(config)?;
    let tags = TagKey::new(&store.read(health::secret)?);
    let free_failures = u32::try_from(config.sign_in_free_failures).unwrap_or(u32::MAX);
    let state = AppState::new(Fields {
        store: store.clone(),
        installation: Installation::new(
            home.clone(),
            &addresses,
            !config.trusted_hosts.is_empty(),
            control.clone(),
            fingerprint,
        ),
        master_key: Arc::new(master),
        key_plan: key_plan(config),
        password_pool: password_pool(config)?,
        signing_pool: signing_pool()?,
        read_pool: read_pool(store)?,
        list_pool: list_pool()?,
        unsent_memory: UnsentMemory::new(config.unsent_memory),
        files: Arc::new(file_place::open_for_server(config, home)?),
        file_pool: file_place::pool(PoolKind::Files)?,
        place_pool: file_place::pool(PoolKind::Placing)?,
        throttle: Throttle::of(free_failures, config.sign_in_longest_wait, store, &tags),
        tags,
        issuers: Issuers::new(config.public_url.clone(), sockets::hosts(config, &addresses), &addresses)
            .over(transport),
        lifetimes: Lifetimes {
            access_token: config.access_token_life,
            session_idle: config.session_idle,
            session_life: config.session_life,
            offline_idle: config.offline_idle,
            offline_life: config.offline_life,
            browser_idle: config.browser_idle,
            browser_life: config.browser_life,
        },
        key_rules: key_rules(config),
        retention: config.retention(),
        password_grant: config.password_grant,
        administrators_need_second_factor: config.administrators_need_second_factor,
        response_cache_size: config.answer_memory,
    });
    // Signing keys that do not open must stop the start, not the first sign-in.
    state.keyring()?;
    sockets::warn(config, &addresses);
    note_audit(store);
    let in_force = running::in_force(
        config,
        (&addresses, sockets.paths()),
        master_key::Source::of(config, home)?.file(),
        local_key,
    );
    if let Err(error) = lock.publish(&in_force) {
        log::warn!("other atelier commands cannot see this server's configuration: {error}");
    }
    // Dropped before the store is closed.
    let _backups = Scheduler::start(config, home, store, &control)?;
    let announced = sockets.announced(transport) + &certificate::announced(config, home);
    let greeting = greeting::text(&state, (announced, &sockets.metrics()?), first.as_ref());
    // The files of the sockets are removed at the end.
    let (listeners, _files) = sockets.into_parts();
    let ready = move || {
        // If stdout is closed, the server starts without the greeting.
        let _ = print(&greeting);
        service_manager::ready();
    };
    let watched = store.clone();
    let stopping = move || {
        let is_lost = watched.fault().is_some_and(StoreFault::ends_server);
        deadline.begin(if is_lost { output::REPLACED.into() } else { 0 });
        service_manager::stopping();
    };
    http::serve(state, settings, listeners, ready, stopping)
        .map_err(|error| CliError::Failed(format!("the server stopped: {error}; see the log above")))
}

/// Logs the newest audit row at the start and at the end, so that its hash is also stored outside of the data file.
fn note_audit(store: &Store) {
    match store.read(audit::newest) {
        Ok(newest) => log::info!("audit log: the newest row is {}, hash {}", newest.id, to_hex(&newest.hash)),
        Err(error) => log::error!("cannot read the audit log: {error}"),
    }
}

pub(super) fn key_rules(config: &Config) -> KeyRules {
    KeyRules { allowed: config.keys_allowed, max_life: config.key_longest_life }
}

fn key_plan(config: &Config) -> signing_keys::Plan {
    signing_keys::Plan {
        algorithm: algorithm(config.signing_algorithm),
        rsa_bits: rsa_bits(config),
        life: config.signing_key_life,
        token_life: config.access_token_life,
    }
}

fn settings(config: &Config) -> Result<http::Settings, CliError> {
    Ok(http::Settings {
        workers: config.workers,
        max_connections: config.max_connections,
        connections_per_address: config.connections_per_address,
        max_body: config.max_body,
        body_memory: config.body_memory,
        request_timeout: config.request_timeout,
        write_timeout: config.write_timeout,
        keep_alive: config.keep_alive,
        stop_grace: config.stop_grace,
        trusted_proxies: config.trusted_proxies.clone(),
        forwarded_header: match config.forwarded_header {
            None => http::ForwardedHeader::Either,
            Some(ForwardedHeader::XForwardedFor) => http::ForwardedHeader::XForwardedFor,
            Some(ForwardedHeader::Forwarded) => http::ForwardedHeader::Forwarded,
        },
        cors_origins: config.cors_origins.clone(),
        graphql: http::wallaroo::graphql::Bounds { depth: config.graphql_depth, complexity: config.graphql_complexity },
        tls: None,
        brand: brand::read(config)?,
        configuration: config.entries(),
    })
}

/// The maximum number of queued signatures. All of them take less than a second.
const MAX_QUEUED_SIGNATURES: NonZeroUsize = NonZeroUsize::new(1024).expect("more than none");

/// The maximum number of queued long reads.
const MAX_QUEUED_READS: NonZeroUsize = NonZeroUsize::new(1024).expect("more than none");

fn password_pool(config: &Config) -> Result<Pool, CliError> {
    let threads =
        NonZeroUsize::new(config.password_threads).unwrap_or_else(|| Pool::default_threads(PoolKind::Hashing));
    let waiting = NonZeroUsize::new(config.password_queue).unwrap_or(NonZeroUsize::MIN);
    Pool::start(PoolKind::Hashing, threads, waiting).map_err(|error| {
        CliError::Failed(format!("cannot start the password threads: {error}; lower password_threads"))
    })
}

fn signing_pool() -> Result<Pool, CliError> {
    Pool::start(PoolKind::Signing, Pool::default_threads(PoolKind::Signing), MAX_QUEUED_SIGNATURES).map_err(|error| {
        CliError::Failed(format!("cannot start the signing threads: {error}; raise the thread limit of the server"))
    })
}

/// Two threads fewer than there are read connections, so that an inline read never waits for long reads and answers.
fn read_pool(store: &Store) -> Result<Pool, CliError> {
    let threads = NonZeroUsize::new(store.readers().saturating_sub(2)).unwrap_or(NonZeroUsize::MIN);
    Pool::start(PoolKind::Reading, threads, MAX_QUEUED_READS)
        .map_err(|error| CliError::Failed(format!("cannot start the threads for long reads: {error}; lower readers")))
}

/// One thread, so that long answers use at most one core, and the memory of one at a time beside `unsent_memory`.
fn list_pool() -> Result<Pool, CliError> {
    Pool::start(PoolKind::Reading, NonZeroUsize::MIN, MAX_QUEUED_READS).map_err(|error| {
        CliError::Failed(format!(
            "cannot start the thread for long answers: {error}; raise the thread limit of the server"
        ))
    })
}

/// The size of a new RSA key, in bits.
pub(super) fn rsa_bits(config: &Config) -> u32 {
    u32::try_from(config.signing_key_bits).unwrap_or(u32::MAX)
}

const fn algorithm(configured: SigningAlgorithm) -> Algorithm {
    match configured {
        SigningAlgorithm::Rs256 => Algorithm::Rs256,
        SigningAlgorithm::Es256 => Algorithm::Es256,
        SigningAlgorithm::EdDsa => Algorithm::EdDsa,
    }
}
