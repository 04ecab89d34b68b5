//! The one place where the harness meets the product: migrating, starting, applying, stopping.

use std::collections::HashMap;
use std::thread::JoinHandle;

use actix_web::rt::System;
use actix_web::web::Data;
use bailiwick::api_key;
use bailiwick::cli::{apply, manifest};
use bailiwick::config::Config;
use bailiwick::server;
use bailiwick::state::State;
use bailiwick_domain::Env;
use bailiwick_store::{Error as StoreError, Store, StoreConfig, api_keys};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::env::START;
use crate::postgres::Database;

/// A running node of the product, in this process.
pub(crate) struct Node {
    state: Data<State>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Node {
    /// Starts a node configured by `BAILIWICK_*` variables.
    pub(crate) async fn start(config: HashMap<String, String>, env: Env) -> Self {
        // The first node installs it; the others find it there.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = Config::from_sources(None, config).expect("the configuration is valid");
        let (started, state) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let running = server::start(config, env).await.expect("the server starts");
            let _ = started.send(running.state.clone());
            let _ = stopped.await;
            running.stop().await;
        };
        let thread = std::thread::Builder::new()
            .name("node".into())
            .spawn(|| System::new().block_on(serve))
            .expect("a thread can be started");
        let state = state.await.expect("the server starts");
        Self { state, stop, thread }
    }

    /// What `bailiwick apply` does with a manifest, and its answer in JSON.
    pub(crate) async fn apply(&self, manifest: &str) -> Value {
        let rules = manifest::Rules { development: true, variable: &|_| None };
        let manifest = manifest::read(manifest, &rules)
            .unwrap_or_else(|mistakes| panic!("the manifest has mistakes: {mistakes:#?}"));
        let (platform, passwords) = (&self.state.platform, &self.state.passwords);
        let applied = apply::apply(platform, passwords, manifest, apply::Options::default()).await;
        let applied = applied.unwrap_or_else(|e| panic!("the manifest is refused: {e:?}"));
        assert!(applied.failure.is_none(), "{:?}", applied.failure);
        serde_json::to_value(applied.report).expect("a report is JSON")
    }

    /// A new key of the management API for a tenant that is there.
    pub(crate) async fn api_key(&self, slug: &str, roles: &[&str]) -> String {
        let platform = &self.state.platform;
        let route = platform.by_slug(slug).await.expect("the store answers");
        let view = route.expect("the tenant is there").tenant.view();
        let (tenant, now) = (view.tenant.id, platform.env().now());
        let (text, row) = api_key::create(&view.vault, platform.env(), "test", roles);
        let write = move |tx| async move { api_keys::insert(&tx, tenant, &row, now).await };
        platform.store().write::<_, StoreError, _, _>(tenant, write).await.expect("it is stored");
        text.expose_secret().to_owned()
    }

    /// Stops in order: what was accepted is finished and written.
    pub(crate) async fn stop(self) {
        drop(self.state);
        let _ = self.stop.send(());
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await;
        if let Err(panic) = ended.expect("waiting for a thread does not panic") {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Brings an empty database to the newest schema, as the owner, as `bailiwick migrate` does.
pub(crate) async fn migrate(database: &Database) {
    let config = StoreConfig {
        url: database.app.clone().into(),
        owner_url: Some(database.owner.clone().into()),
        system_url: Some(database.system.clone().into()),
        max_connections: 1,
        redis_url: None,
    };
    Store::migrate(&config, START).await.expect("an empty database can be migrated");
}
