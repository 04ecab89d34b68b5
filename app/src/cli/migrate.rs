//! `bailiwick migrate`: brings the database to this version's schema.

use anyhow::Context as _;
use bailiwick_domain::Env;
use bailiwick_store::Store;

use super::out;
use crate::config::Config;

pub(super) async fn run(config: &Config, env: &Env) -> anyhow::Result<()> {
    if config.is_embedded() {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
    }
    let done = Store::migrate(&config.store(), env.now()).await?;
    if done.applied.is_empty() {
        return Ok(out::line(&format!("The schema is at version {}: nothing to do.", done.to))?);
    }
    if let Some(backup) = &done.backup {
        out::line(&format!("The database as it was: {}", backup.display()))?;
    }
    out::line(&format!(
        "The schema went from version {} to {}: {}.",
        done.from,
        done.to,
        done.applied.join(", ")
    ))?;
    Ok(())
}
