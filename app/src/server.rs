//! Starting and stopping: one function builds the server, for `bailiwick serve` and for tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use actix_web::rt::task::JoinHandle;
use actix_web::web::Data;
use anyhow::Context as _;
use bailiwick_actors::{Options, Platform};
use bailiwick_domain::Env;
use bailiwick_outbound::{Breaches, Fetcher, JwksCache, Texter};
use bailiwick_store::Store;
use bailiwick_store::vault::MasterKeyring;

use crate::config::{Config, Role};
use crate::flow::verified::VerifiedTokens;
use crate::mails::mailbox::Mailbox;
use crate::mails::send::Post;
use crate::password::PasswordPool;
use crate::places::Places;
use crate::state::State;
use crate::{metrics, openapi, routes, worker};

/// How long a client may take to send the head of a request, and stay silent between two.
const HEAD: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A running server.
pub struct Running {
    /// Where it listens: for requests, or for health checks when it only runs jobs.
    pub address: SocketAddr,
    /// What its handlers stand on.
    pub state: Data<State>,
    listeners: Vec<Listener>,
    worker: Option<worker::Worker>,
    upkeep: JoinHandle<()>,
}

struct Listener {
    address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

/// Opens the store and starts the owners. Must run inside an actor system.
///
/// # Errors
/// When the database, the schema, the master key or the operator's guardrails are not usable.
pub async fn open_platform(config: &Config, env: &Env) -> anyhow::Result<Platform> {
    if config.is_embedded() {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
    }
    let guardrails = config.guardrails()?;
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
        ceilings: config.limits,
        tenant_memory: u64::from(config.tenant_memory_mb) * 1024 * 1024,
        guardrails,
    };
    Ok(Platform::start(store, env.clone(), keyring, options).await?)
}

/// Starts a server. Must run inside an actor system.
///
/// # Errors
/// As [`open_platform`], and when an address is taken.
pub async fn start(config: Config, env: Env) -> anyhow::Result<Running> {
    metrics::start()?;
    let platform = open_platform(&config, &env).await?;
    let passwords = PasswordPool::start(&config.passwords, &env)?;
    let fetcher = Fetcher::new(config.is_development())?;
    let breaches = Breaches::new(fetcher.clone(), &config.passwords.breach_url);
    let jwks = JwksCache::new(fetcher.clone());
    let mailbox = config.is_development().then(Arc::<Mailbox>::default);
    let texts = config.texts.clone();
    let texter = texts.url.map(|url| Arc::new(Texter::new(fetcher.clone(), url, texts.token)));
    let post = Post { mailer: Arc::new(config.mailer()?), texter, mailbox };
    let worker = (config.role != Role::Api).then(|| worker::start(&platform, &post, fetcher));
    let stopping = AtomicBool::new(false);
    let verified = VerifiedTokens::default();
    let places = Places::open(config.places_file.as_deref())?;
    let state = Data::new(State {
        platform,
        config,
        passwords,
        post,
        jwks,
        breaches,
        places,
        verified,
        stopping,
    });
    let listeners = listen(&state)?;
    let address = listeners.first().map_or(state.config.listen, |l| l.address);
    Ok(Running { address, state, listeners, worker, upkeep: metrics::keep_up() })
}

/// Starts to listen, at the main address first.
fn listen(state: &Data<State>) -> anyhow::Result<Vec<Listener>> {
    let config = &state.config;
    let mut listeners = Vec::new();
    if config.role == Role::Worker {
        let address = config.private_listen.unwrap_or(config.listen);
        return Ok(vec![side(state, address, true)?]);
    }
    let factory = {
        let (state, document) = (state.clone(), openapi::document());
        move || routes::app(state.clone(), document.clone())
    };
    let mut server = HttpServer::new(factory);
    if config.workers > 0 {
        server = server.workers(config.workers);
    }
    let server = server
        .disable_signals()
        .shutdown_timeout(config.shutdown.grace)
        .client_request_timeout(HEAD)
        .keep_alive(KEEP_ALIVE)
        .bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = server.addrs().first().copied().unwrap_or(config.listen);
    listeners.push(run(address, server.run()));
    if let Some(address) = config.policy_listen {
        listeners.push(side(state, address, false)?);
    }
    if let Some(address) = config.private_listen {
        listeners.push(side(state, address, true)?);
    }
    Ok(listeners)
}

fn side(state: &Data<State>, address: SocketAddr, private: bool) -> anyhow::Result<Listener> {
    let factory = {
        let state = state.clone();
        move || routes::side(state.clone(), private)
    };
    let server = HttpServer::new(factory)
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .client_request_timeout(HEAD)
        .bind(address)
        .with_context(|| format!("cannot listen on {address}"))?;
    let bound = server.addrs().first().copied().unwrap_or(address);
    Ok(run(bound, server.run()))
}

fn run(address: SocketAddr, server: Server) -> Listener {
    Listener { address, handle: server.handle(), task: actix_web::rt::spawn(server) }
}

impl Running {
    /// Stops in order: not ready, no new connections, requests under way finish, the job at hand
    /// finishes, what is counted is written.
    pub async fn stop(self) {
        self.state.stopping.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(self.state.config.shutdown.delay)).await;
        for listener in self.listeners {
            listener.handle.stop(true).await;
            let _ = listener.task.await;
        }
        if let Some(worker) = self.worker {
            worker.stop().await;
        }
        self.state.platform.stop().await;
        self.upkeep.abort();
    }
}

/// Serves until a signal asks to stop.
///
/// # Errors
/// As [`start`].
pub async fn serve(config: Config, env: Env) -> anyhow::Result<()> {
    let mode = if config.is_development() { "development" } else { "production" };
    let public_url = config.public_base();
    let role = config.role.name();
    let running = start(config, env).await?;
    tracing::info!(address = %running.address, public_url, mode, role, "serving");
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
