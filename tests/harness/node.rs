//! The one place where the harness meets the product: migrating, starting, applying, stopping.

use std::collections::HashMap;

use bailiwick_domain::Env;
use bailiwick_store::{Store, StoreConfig};
use serde_json::Value;

use crate::env::START;
use crate::postgres::Database;

/// A running node of the product, in this process.
pub(crate) struct Node;

impl Node {
    /// Starts a node configured by `BAILIWICK_*` variables.
    pub(crate) async fn start(config: HashMap<String, String>, env: Env) -> Self {
        let _ = (config, env);
        panic!("the server cannot be started in a process yet")
    }

    /// What `bailiwick apply` does with a manifest, and its answer in JSON.
    pub(crate) async fn apply(&self, manifest: &str) -> Value {
        panic!("not yet: {manifest}")
    }

    /// Stops in order: what was accepted is finished and written.
    pub(crate) async fn stop(self) {}
}

/// Brings an empty database to the newest schema, as the owner, as `bailiwick migrate` does.
pub(crate) async fn migrate(database: &Database) {
    let config = StoreConfig {
        url: database.app.clone().into(),
        owner_url: Some(database.owner.clone().into()),
        system_url: Some(database.system.clone().into()),
        max_connections: 1,
    };
    Store::migrate(&config, START).await.expect("an empty database can be migrated");
}
