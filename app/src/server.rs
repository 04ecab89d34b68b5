//! Starting and stopping: one function builds the server, for `bailiwick serve` and for tests.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use anyhow::Context as _;
use bailiwick_actors::{Options, Platform};
use bailiwick_domain::Env;
use bailiwick_outbound::{Fetcher, JwksCache};
use bailiwick_store::Store;
use bailiwick_store::vault::MasterKeyring;

use crate::config::Config;
use crate::password::PasswordPool;
use crate::state::State;
use crate::{openapi, routes, worker};

/// How long requests that are under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// A running server.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its handlers stand on.
    pub state: Data<State>,
    handle: ServerHandle,
    worker: worker::Worker,
    server: actix_web::rt::task::JoinHandle<std::io::Result<()>>,
}

/// Opens the store and starts the owners. Must run inside an actor system.
///
/// # Errors
/// When the database, the schema or the master key is not usable.
pub async fn open_platform(config: &Config, env: &Env) -> anyhow::Result<Platform> {
    if config.is_embedded() {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
    }
    let path = config.master_key_path();
    // Only the embedded mode makes one: nodes of a cluster share theirs, and a mistyped path must
    // not silently start a second one.
    let keyring = if config.is_embedded() {
        MasterKeyring::load_or_create(&path, env)
    } else {
        MasterKeyring::load(&path)
    };
    let keyring = keyring.with_context(|| format!("the master keyring {}", path.display()))?;
    let store = Store::open(&config.store(), env).await?;
    let options = Options {
        public_url: config.public_base(),
        base_domain: config.base_domain.clone(),
        development: config.is_development(),
    };
    Ok(Platform::start(store, env.clone(), keyring, options).await?)
}

/// Starts a server. Must run inside an actor system.
///
/// # Errors
/// As [`open_platform`], and when the address is taken.
pub async fn start(config: Config, env: Env) -> anyhow::Result<Running> {
    let platform = open_platform(&config, &env).await?;
    let passwords = PasswordPool::start(config.passwords, &env)?;
    let jwks = JwksCache::new(Fetcher::new(config.is_development())?);
    let worker = worker::start(&platform);
    let (listen, workers) = (config.listen, config.workers);
    let state = Data::new(State { platform, config, passwords, jwks });
    let document = openapi::document();
    let factory = {
        let state = state.clone();
        move || routes::app(state.clone(), document.clone())
    };
    let mut server = HttpServer::new(factory)
        .disable_signals()
        .shutdown_timeout(GRACE.as_secs())
        .client_request_timeout(Duration::from_secs(10))
        .keep_alive(Duration::from_secs(75));
    if workers > 0 {
        server = server.workers(workers);
    }
    let server = server.bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    let server = server.run();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    Ok(Running { address, state, handle, worker, server })
}

impl Running {
    /// Stops in order: no new connections, requests under way finish, receipts are flushed.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        let _ = self.server.await;
        self.worker.stop().await;
        self.state.platform.stop().await;
    }
}

/// Serves until a signal asks to stop.
///
/// # Errors
/// As [`start`].
pub async fn serve(config: Config, env: Env) -> anyhow::Result<()> {
    let mode = if config.is_development() { "development" } else { "production" };
    let public_url = config.public_base();
    let running = start(config, env).await?;
    tracing::info!(address = %running.address, public_url, mode, "serving");
    signal().await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

async fn signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
