//! `bailiwick check-config`: whether the configuration works, and what it is.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::out;
use crate::config::{Config, DEFAULTS};
use crate::telemetry;

/// The arguments of `check-config`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bailiwick --config /etc/bailiwick.toml check-config
  bailiwick check-config --defaults > bailiwick.toml

Ends with exit code 1 when the configuration cannot work, and says why. Secrets are not shown.
Only the guardrails are read and compiled: whether the database answers, `bailiwick serve` says.")]
pub struct Arguments {
    /// Prints the commented default file instead
    #[arg(long)]
    defaults: bool,
}

/// Runs the command.
///
/// # Errors
/// When the configuration cannot work.
pub fn run(file: Option<&Path>, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.defaults {
        return Ok(out::line(DEFAULTS.trim_end())?);
    }
    let config = Config::load(file)?;
    config.guardrails()?;
    telemetry::subscriber(&config.log, std::io::sink)?;
    out::line(effective(&config).trim_end())?;
    for warning in warnings(&config) {
        out::note(&format!("warning: {warning}"));
    }
    Ok(())
}

/// The configuration as it is used, in the form of the file, without secrets.
fn effective(config: &Config) -> String {
    let mut out = String::new();
    let mut put = |key: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{key} = {value}");
    };
    let text = |text: &str| format!("{text:?}");
    let mode = if config.is_development() { "development" } else { "production" };
    put("mode", text(mode));
    put("public_url", text(&config.public_base()));
    if let Some(base) = &config.base_domain {
        put("base_domain", text(base));
    }
    put("role", text(config.role.name()));
    put("listen", text(&config.listen.to_string()));
    for (key, address) in
        [("policy_listen", config.policy_listen), ("private_listen", config.private_listen)]
    {
        if let Some(address) = address {
            put(key, text(&address.to_string()));
        }
    }
    put("data_dir", text(&config.data_dir.display().to_string()));
    for (key, url) in [
        ("database_url", &config.database_url),
        ("database_system_url", &config.database_system_url),
        ("database_owner_url", &config.database_owner_url),
        ("redis_url", &config.redis_url),
    ] {
        if let Some(url) = url {
            put(key, text(&without_password(url)));
        }
    }
    put("database_max_connections", config.database_max_connections.to_string());
    put("master_key_file", text(&config.master_key_path().display().to_string()));
    if let Some(file) = &config.places_file {
        put("places_file", text(&file.display().to_string()));
    }
    if let Some(file) = &config.guardrails_file {
        put("guardrails_file", text(&file.display().to_string()));
    }
    let proxies: Vec<_> = config.trusted_proxies.iter().map(|p| text(&p.to_string())).collect();
    put("trusted_proxies", format!("[{}]", proxies.join(", ")));
    put("log", text(&config.log));
    put("workers", config.workers.to_string());
    let (threads, queue) = (config.passwords.threads, config.passwords.queue);
    let _ = write!(out, "\n[passwords]\nthreads = {threads}\nqueue = {queue}\n");
    let _ = writeln!(out, "breach_url = {}", text(config.passwords.breach_url.as_str()));
    if let Some(url) = &config.texts.url {
        let _ = write!(out, "\n[texts]\nurl = {}\n", text(url.as_str()));
    }
    let (delay, grace) = (config.shutdown.delay, config.shutdown.grace);
    let _ = write!(out, "\n[shutdown]\ndelay = {delay}\ngrace = {grace}\n");
    let _ = writeln!(out, "\n[limits]");
    for (key, number) in [
        ("client_per_minute", config.limits.client_per_minute),
        ("address_per_minute", config.limits.address_per_minute),
        ("address_burst", config.limits.address_burst),
        ("tenant_per_second", config.limits.tenant_per_second),
        ("global_per_second", config.limits.global_per_second),
    ] {
        let _ = writeln!(out, "{key} = {number}");
    }
    out
}

fn without_password(url: &SecretString) -> String {
    let Ok(mut url) = Url::parse(url.expose_secret()) else { return "(not a URL)".into() };
    if url.password().is_some() {
        let _ = url.set_password(Some("..."));
    }
    // A password may be a parameter too; which parameters are harmless is not ours to know.
    if url.query().is_some() {
        url.set_query(Some("..."));
    }
    url.into()
}

/// What works and is unwise.
fn warnings(config: &Config) -> Vec<&'static str> {
    let production = !config.is_development();
    let everywhere = config.listen.ip().is_unspecified();
    let list = [
        (
            !production && !config.listen.ip().is_loopback(),
            "development mode listens beyond this machine: set BAILIWICK_MODE=production and an \
             https BAILIWICK_PUBLIC_URL before others use it",
        ),
        (
            production && everywhere && config.trusted_proxies.is_empty(),
            "no proxy is trusted: behind one, every client has the proxy's address; set \
             BAILIWICK_TRUSTED_PROXIES",
        ),
        (
            production && config.is_embedded() && config.master_key_file.is_none(),
            "the master key lies beside the database, so a copy of the folder opens it: set \
             BAILIWICK_MASTER_KEY_FILE",
        ),
        (
            config.private_listen.is_some_and(|a| a.ip().is_unspecified()),
            "private_listen is on every address of this machine: whoever reaches it reads the \
             metrics",
        ),
        (
            production && !config.is_embedded() && config.redis_url.is_none(),
            "no Redis: several nodes limit requests each on its own, and tell each other of \
             changes twice a second; set BAILIWICK_REDIS_URL",
        ),
        (
            config.database_owner_url.is_some(),
            "database_owner_url is set: only `bailiwick migrate` needs it, do not give it to \
             `bailiwick serve`",
        ),
    ];
    list.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn config(env: &[(&str, &str)]) -> Config {
        let env: HashMap<_, _> =
            env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::from_sources(None, env).expect("valid")
    }

    #[test]
    fn what_is_shown_can_be_loaded_and_holds_no_secret() {
        let config = config(&[
            ("BAILIWICK_DATABASE_URL", "postgres://app:hush1@db/b"),
            ("BAILIWICK_DATABASE_SYSTEM_URL", "postgres://system@db/b?password=hush2"),
        ]);
        let shown = effective(&config);
        assert!(!shown.contains("hush"), "{shown}");
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
        std::fs::write(file.path(), &shown).expect("written");
        let again = Config::from_sources(Some(file.path()), HashMap::new()).expect("loads");
        assert_eq!(effective(&again), shown);
    }

    #[test]
    fn unwise_settings_are_warned_of() {
        assert!(warnings(&config(&[])).is_empty());
        let open = [("BAILIWICK_LISTEN", "0.0.0.0:80")];
        assert_eq!(warnings(&config(&open)).len(), 1);
        let public = [
            ("BAILIWICK_PUBLIC_URL", "https://id.example.com"),
            ("BAILIWICK_LISTEN", "0.0.0.0:80"),
        ];
        assert_eq!(warnings(&config(&public)).len(), 2);
    }
}
