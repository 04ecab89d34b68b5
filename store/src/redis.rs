//! The only door to Redis: what nodes share for speed, never the truth.
//!
//! Every call is bounded in time and fails at once while Redis is away. Whoever calls goes on
//! without: with tightened local limits, with sessions from SQL, with the poll of the change feed.

pub mod limits;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{AsyncCommands as _, Client, RedisResult, Script};
use bailiwick_domain::Env;
use bailiwick_domain::breaker::{Breaker, Rule};
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::{Error, Result};

/// The longest that a call takes.
const CALL: Duration = Duration::from_millis(250);
/// The longest that connecting takes.
const CONNECT: Duration = Duration::from_secs(2);
const BREAKER: Rule =
    Rule { failures: 3, first: Duration::from_millis(200), longest: Duration::from_secs(2) };
/// Where nodes tell each other that the change feed has something new.
const CHANGES: &str = "bw:changes";

/// A connection that all callers share. Cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    manager: ConnectionManager,
    client: Client,
    breaker: Breaker,
    runtime: Handle,
    env: Env,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}

/// A script that Redis runs atomically. It is sent once and then named by its hash.
#[derive(Debug)]
pub struct Lua {
    source: &'static str,
    script: OnceLock<Script>,
}

impl Lua {
    /// A script of this source.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self { source, script: OnceLock::new() }
    }

    fn script(&self) -> &Script {
        self.script.get_or_init(|| Script::new(self.source))
    }
}

impl Redis {
    /// Opens the door; the first call connects. `runtime` is where all of its I/O runs.
    ///
    /// # Errors
    /// [`Error::Config`] for an address that cannot be one.
    pub(crate) fn open(url: &SecretString, runtime: &Handle, env: &Env) -> Result<Self> {
        // Never the URL itself in a message: it may hold a password.
        let bad = |_| Error::Config("redis_url must look like redis://host:6379/0".into());
        let client = Client::open(url.expose_secret()).map_err(bad)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(CALL))
            // The breaker decides how often it is tried.
            .set_number_of_retries(0);
        let _inside = runtime.enter();
        let manager =
            ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(bad)?;
        let (breaker, runtime, env) = (Breaker::new(BREAKER), runtime.clone(), env.clone());
        Ok(Self(Arc::new(Inner { manager, client, breaker, runtime, env })))
    }

    /// Whether the last attempts failed.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.0.breaker.is_open()
    }

    /// Asks whether it answers: so that it is noticed when nobody else calls.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.call(|mut c| async move { c.ping().await }).await
    }

    /// Runs a script on numbers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while Redis is away; nothing is known about what it did then.
    pub async fn eval(
        &self,
        script: &'static Lua,
        keys: &[String],
        args: &[i64],
    ) -> Result<Vec<i64>> {
        let mut call = script.script().prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for arg in args {
            call.arg(arg);
        }
        self.call(|mut c| async move { call.invoke_async(&mut c).await }).await
    }

    /// Tells every node that the change feed has something new. It may get lost.
    pub(crate) fn announce(&self) {
        let redis = self.clone();
        self.0.runtime.spawn(async move {
            let told = redis.call(|mut c| async move { c.publish::<_, _, ()>(CHANGES, 1).await });
            if let Err(e) = told.await {
                tracing::debug!(error = %e, "the other nodes learn of a change by polling");
            }
        });
    }

    /// Something arrives whenever a node announced a change, until the receiver is dropped.
    #[must_use]
    pub fn announcements(&self) -> mpsc::Receiver<()> {
        let (tell, told) = mpsc::channel(1);
        let redis = self.clone();
        self.0.runtime.spawn(async move {
            while !tell.is_closed() {
                if let Err(e) = redis.listen(&tell).await {
                    tracing::debug!(error = %e, "not listening to the other nodes");
                }
                let spread = u64::from(redis.0.env.bytes::<1>()[0]);
                tokio::time::sleep(Duration::from_millis(250 + 2 * spread)).await;
            }
        });
        told
    }

    async fn listen(&self, tell: &mpsc::Sender<()>) -> RedisResult<()> {
        let mut listener = self.0.client.get_async_pubsub().await?;
        listener.subscribe(CHANGES).await?;
        // What was announced while nobody listened.
        let _ = tell.try_send(());
        let mut messages = listener.on_message();
        loop {
            tokio::select! {
                () = tell.closed() => return Ok(()),
                message = messages.next() => match message {
                    // One that waits says all that the next ones would.
                    Some(_) => drop(tell.try_send(())),
                    None => return Ok(()),
                },
            }
        }
    }

    async fn call<T, Fut>(&self, f: impl FnOnce(ConnectionManager) -> Fut) -> Result<T>
    where
        Fut: Future<Output = RedisResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        let away = |why: String| Error::Unavailable(format!("Redis: {why}"));
        let inner = &self.0;
        if !inner.breaker.admits(Instant::now().into_std()) {
            return Err(away("was away a moment ago".into()));
        }
        let call = inner.runtime.spawn(tokio::time::timeout(CALL, f(inner.manager.clone())));
        let failed = match call.await {
            Ok(Ok(Ok(value))) => {
                if inner.breaker.succeeded() {
                    tracing::info!("Redis is back");
                }
                return Ok(value);
            }
            // A mistake of ours is not Redis being away.
            Ok(Ok(Err(e))) if !is_away(&e) => return Err(Error::Statement(format!("Redis: {e}"))),
            Ok(Ok(Err(e))) => e.to_string(),
            Ok(Err(_)) => "does not answer in time".to_owned(),
            Err(_) => "the store is stopping".to_owned(),
        };
        if inner.breaker.failed(Instant::now().into_std(), inner.env.bytes::<1>()[0]) {
            tracing::warn!(error = failed, "Redis is away: this node goes on without it");
        }
        Err(away(failed))
    }
}

fn is_away(e: &::redis::RedisError) -> bool {
    e.is_io_error() || e.is_timeout() || e.is_connection_dropped() || e.is_connection_refusal()
}
