//! The configuration: one struct, one commented default file, `BAILIWICK_*` over it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use bailiwick_domain::application::is_loopback;
use bailiwick_domain::limits::Ceilings;
use bailiwick_outbound::Mailer;
use bailiwick_policy::{Finding, Layer, compile_guardrails};

/// The commented default file: what `bailiwick check-config --defaults` prints.
pub const DEFAULTS: &str = include_str!("../../deploy/bailiwick.toml");

/// Variables that are no settings: which file to read, and the key of the management API.
const NOT_SETTINGS: [&str; 2] = ["BAILIWICK_CONFIG", "BAILIWICK_API_KEY"];

/// How strict the server is about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Loopback addresses are allowed where production asks for https.
    Development,
    /// Weak or missing secrets stop the start.
    Production,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers requests and runs jobs.
    All,
    /// Answers requests.
    Api,
    /// Runs jobs and cleans up; answers only health checks and metrics.
    Worker,
}

impl Role {
    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// Everything that can be configured. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `development` or `production`; when absent, development if `public_url` is on loopback.
    pub mode: Option<Mode>,
    /// The platform's public address.
    pub public_url: Url,
    /// Tenants at `https://{slug}.{base_domain}` instead of `{public_url}/t/{slug}`.
    pub base_domain: Option<String>,
    /// What this process does.
    pub role: Role,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where policy decisions are asked for; on `listen` when absent.
    pub policy_listen: Option<SocketAddr>,
    /// Where operators read metrics, not public. When absent, `listen` answers them in development
    /// mode and nobody does in production.
    pub private_listen: Option<SocketAddr>,
    /// Where the embedded database and the master key are.
    pub data_dir: PathBuf,
    /// `postgres://...` of the app role; the embedded SQLite file when absent.
    pub database_url: Option<SecretString>,
    /// `postgres://...` of the owner role: `bailiwick migrate` only.
    pub database_owner_url: Option<SecretString>,
    /// `postgres://...` of the system role: routing, change feed, jobs.
    pub database_system_url: Option<SecretString>,
    /// Connections of the app role's pool.
    pub database_max_connections: u32,
    /// `redis://...`: what the nodes of a cluster share beside PostgreSQL.
    pub redis_url: Option<SecretString>,
    /// The master keyring; `{data_dir}/master.key` when absent (embedded mode creates it).
    pub master_key_file: Option<PathBuf>,
    /// Networks whose `X-Forwarded-For` header is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What is logged: a level, or directives such as `info,bailiwick=debug`.
    pub log: String,
    /// Web threads; one a core when 0.
    pub workers: usize,
    /// Megabytes that warm tenants may take, about.
    pub tenant_memory_mb: u32,
    /// Mail to the people who sign in.
    pub mail: MailConfig,
    /// Tells where addresses are: a database of cities or countries in the format of `MaxMind`.
    pub places_file: Option<PathBuf>,
    /// Policies of the operator in Cedar, above those of every tenant: they only forbid.
    pub guardrails_file: Option<PathBuf>,
    /// Text messages to them.
    #[serde(default)]
    pub texts: Texts,
    /// Password hashing, and the check for breaches.
    pub passwords: Passwords,
    /// The most that tenants can set their limits to, and what is served in all.
    pub limits: Ceilings,
    /// Stopping.
    pub shutdown: Shutdown,
}

/// Mail to the people who sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The address that mail comes from; tenants' names stand before it.
    pub from: String,
    /// `smtps://user:password@host`; mail is written to `{data_dir}/mail` when absent.
    pub smtp_url: Option<SecretString>,
}

/// Text messages to the people who sign in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Takes a POST of `{"to": "+49...", "text": "..."}`. Without one there are no codes by text
    /// message, but in development mode, where the mailbox shows them.
    pub url: Option<Url>,
    /// Sent to it as a bearer token.
    pub token: Option<SecretString>,
}

/// How a process stops: not ready, then no new connections, then what is under way, then the end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Seconds between being not ready and refusing connections: for load balancers to notice.
    pub delay: u64,
    /// Seconds that requests under way may take.
    pub grace: u64,
}

/// Passwords: hashing, the one slow step, and who knows of breaches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// Threads that hash; one a core when 0.
    pub threads: usize,
    /// How many may wait for a thread; beyond it the answer is 503.
    pub queue: usize,
    /// Where tenants that want it learn whether a password is known from a breach.
    pub breach_url: Url,
}

/// A configuration that cannot work, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the defaults, then `file`, then the environment.
    ///
    /// # Errors
    /// For unreadable files, unknown keys, wrong types and values that cannot work.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let env = std::env::vars()
            .filter(|(k, _)| !NOT_SETTINGS.contains(&k.as_str()))
            .filter(|(k, _)| !k.starts_with("BAILIWICK_TEST_"))
            .collect();
        Self::from_sources(file, env)
    }

    /// As [`Config::load`], with this environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_sources(
        file: Option<&std::path::Path>,
        env: std::collections::HashMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder()
            .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
        if let Some(path) = file {
            builder = builder.add_source(config::File::from(path));
        }
        let env = config::Environment::with_prefix("BAILIWICK")
            .prefix_separator("_")
            .separator("__")
            .list_separator(",")
            .with_list_parse_key("trusted_proxies")
            .try_parsing(true)
            .ignore_empty(true)
            .source(Some(env));
        let mut loaded: Self = builder
            .add_source(env)
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|e| ConfigError(e.to_string()))?;
        loaded.settle()?;
        Ok(loaded)
    }

    /// Takes another role than the configured one.
    ///
    /// # Errors
    /// When the rest of the configuration cannot work with it.
    pub fn set_role(&mut self, role: Option<Role>) -> Result<(), ConfigError> {
        self.role = role.unwrap_or(self.role);
        self.settle()
    }

    /// Whether development rules hold.
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.mode == Some(Mode::Development)
    }

    /// The public address without a trailing slash: the start of every issuer.
    #[must_use]
    pub fn public_base(&self) -> String {
        self.public_url.as_str().trim_end_matches('/').to_owned()
    }

    /// Where the master keyring is.
    #[must_use]
    pub fn master_key_path(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// Whether codes can be sent as text messages.
    #[must_use]
    pub fn has_texts(&self) -> bool {
        self.texts.url.is_some() || self.is_development()
    }

    /// Whether the embedded database is used.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.database_url.is_none()
    }

    /// What the store is opened with.
    #[must_use]
    pub fn store(&self) -> bailiwick_store::StoreConfig {
        let file = self.data_dir.join("bailiwick.db");
        let embedded = || SecretString::from(format!("sqlite://{}", file.display()));
        bailiwick_store::StoreConfig {
            url: self.database_url.clone().unwrap_or_else(embedded),
            owner_url: self.database_owner_url.clone(),
            system_url: self.database_system_url.clone(),
            max_connections: self.database_max_connections,
            redis_url: self.redis_url.clone(),
        }
    }

    /// The operator's policies above those of every tenant, read and compiled.
    ///
    /// # Errors
    /// When the file cannot be read, and everything that is wrong with it, with its place.
    pub fn guardrails(&self) -> Result<Option<Arc<Layer>>, ConfigError> {
        let Some(file) = &self.guardrails_file else { return Ok(None) };
        let name = file.display();
        let wrong = |what: String| ConfigError(format!("guardrails_file: {what}"));
        let text = std::fs::read_to_string(file).map_err(|e| wrong(format!("{name}: {e}")))?;
        let line = |found: &Finding| {
            let place = match (found.line, found.column) {
                (Some(line), Some(column)) => format!("{name}:{line}:{column}"),
                _ => name.to_string(),
            };
            let policy = found.policy.as_ref().map(|id| format!(" {}:", id.escape_debug()));
            let help = found.help.as_ref().map(|help| format!(" ({help})"));
            let (policy, help) = (policy.unwrap_or_default(), help.unwrap_or_default());
            format!("{place}:{policy} {}{help}", found.message)
        };
        let found = |found: Vec<Finding>| found.iter().map(line).collect::<Vec<_>>().join("\n");
        let layer = compile_guardrails(&text).map_err(|all| wrong(found(all)))?;
        Ok(Some(Arc::new(layer)))
    }

    /// How mail leaves; the folder is made.
    ///
    /// # Errors
    /// When the sender or the URL is not valid, or the folder cannot be made.
    pub fn mailer(&self) -> Result<Mailer, ConfigError> {
        let MailConfig { from, smtp_url } = &self.mail;
        let mailer = if let Some(url) = smtp_url {
            Mailer::smtp(from, url.expose_secret())
        } else {
            let folder = self.data_dir.join("mail");
            std::fs::create_dir_all(&folder)
                .map_err(|e| ConfigError(format!("{}: {e}", folder.display())))?;
            Mailer::folder(from, folder)
        };
        mailer.map_err(|e| ConfigError(format!("mail: {e}")))
    }

    fn settle(&mut self) -> Result<(), ConfigError> {
        let err = |message: &str| Err(ConfigError(message.to_owned()));
        let local = is_loopback(&self.public_url);
        let mode =
            *self.mode.get_or_insert(if local { Mode::Development } else { Mode::Production });
        let url = &self.public_url;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return err("public_url must not have a query, a fragment or user information");
        }
        if url.path() != "/" {
            return err("public_url must not have a path: tenants live below its root");
        }
        match url.scheme() {
            "https" => {}
            "http" if local && mode == Mode::Development => {}
            _ => {
                return err("public_url must be https; http is only for loopback in development \
                     mode (set BAILIWICK_PUBLIC_URL=https://id.example.com)");
            }
        }
        if let Some(base) = &mut self.base_domain {
            base.make_ascii_lowercase();
            if !base.contains('.') || Url::parse(&format!("https://{base}/")).is_err() {
                return err("base_domain must be a domain name such as id.example.com");
            }
        }
        if let Some(url) = &self.database_url {
            if !url.expose_secret().starts_with("postgres") {
                return err("database_url must start with postgres://; leave it out for SQLite");
            }
            if self.database_system_url.is_none() {
                return err(
                    "database_system_url is needed on PostgreSQL: the address of the role \
                     that routes requests and claims jobs (see docs/guides/postgresql.md)",
                );
            }
            if mode == Mode::Production && self.master_key_file.is_none() {
                return err("master_key_file is needed in production: create one with \
                     `openssl rand -base64 32 | sed 's/^/k1:/' > master.key; chmod 600 master.key`");
            }
        }
        if self.redis_url.is_some() && self.database_url.is_none() {
            return err("redis_url is for nodes that share a PostgreSQL: set database_url, too");
        }
        if !(1..=200).contains(&self.database_max_connections) {
            return err("database_max_connections must be 1 to 200");
        }
        if !(16..=1_048_576).contains(&self.tenant_memory_mb) {
            return err("tenant_memory_mb must be 16 to 1,048,576");
        }
        if self.shutdown.delay > 300 || self.shutdown.grace > 300 {
            return err("shutdown.delay and shutdown.grace must be at most 300 seconds");
        }
        if self.role == Role::Worker && self.is_embedded() {
            return err("role worker needs database_url: the embedded database has one process");
        }
        if self.passwords.queue == 0 || self.passwords.queue > 10_000 {
            return err("passwords.queue must be 1 to 10,000");
        }
        let (breaches, local) = (&self.passwords.breach_url, mode == Mode::Development);
        if breaches.scheme() != "https" && !(local && is_loopback(breaches)) {
            return err("passwords.breach_url must be https");
        }
        let gateway = self.texts.url.as_ref();
        if gateway.is_some_and(|u| u.scheme() != "https" && !(local && is_loopback(u))) {
            return err("texts.url must be https");
        }
        if let Some(name) = self.limits.wrong() {
            return err(&format!("limits.{name} must be 1 to 1,000,000"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::from_sources(None, env)
    }

    #[test]
    fn defaults_are_for_development_on_loopback() {
        let config = load(&[]).expect("the default file is valid");
        assert!(config.is_development() && config.is_embedded());
        assert_eq!(config.public_base(), "http://localhost:8080");
    }

    #[test]
    fn the_environment_is_over_the_file() {
        let config = load(&[
            ("BAILIWICK_PUBLIC_URL", "https://id.example.com"),
            ("BAILIWICK_LISTEN", "127.0.0.1:9999"),
            ("BAILIWICK_TRUSTED_PROXIES", "10.0.0.0/8,::1/128"),
            ("BAILIWICK_PASSWORDS__QUEUE", "7"),
        ])
        .expect("valid");
        assert!(!config.is_development());
        assert_eq!(config.listen.port(), 9999);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.passwords.queue, 7);
    }

    #[test]
    fn mistakes_in_guardrails_have_a_place() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().display().to_string();
        let config = load(&[("BAILIWICK_GUARDRAILS_FILE", &path)]).expect("valid");
        let guardrails = || config.guardrails().map(|layer| layer.expect("a layer"));
        let write = |text: &str| std::fs::write(file.path(), text).expect("written");
        write("// Nobody.\n@id(\"no\") forbid (principal, action, resource);");
        assert_eq!(guardrails().expect("they compile").policies().count(), 1);
        write("\n  @id(\"yes\") permit (principal, action, resource);");
        let told = guardrails().expect_err("it permits").to_string();
        let wanted =
            format!("guardrails_file: {path}:2:3: guardrail:yes: a guardrail only forbids");
        assert_eq!(told, wanted);
        write("forbid (principal, action,\n  rsource);");
        let told = guardrails().expect_err("it is no policy").to_string();
        assert!(told.starts_with(&format!("guardrails_file: {path}:2:3: ")), "{told}");
        drop(file);
        let told = guardrails().expect_err("it is not there");
        assert!(told.to_string().contains(&path), "{told}");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for env in [
            &[("BAILIWICK_PUBLIK_URL", "https://id.example.com")][..],
            &[("BAILIWICK_PUBLIC_URL", "http://id.example.com")],
            &[("BAILIWICK_PUBLIC_URL", "https://id.example.com/auth")],
            &[("BAILIWICK_MODE", "production")],
            &[("BAILIWICK_PASSWORDS__BREACH_URL", "http://breaches.example")],
            &[("BAILIWICK_DATABASE_URL", "mysql://x")],
            &[("BAILIWICK_LIMITS__GLOBAL_PER_SECOND", "0")],
            &[("BAILIWICK_LIMITS__PER_SECOND", "1")],
            &[("BAILIWICK_DATABASE_URL", "postgres://app@db/bailiwick")],
        ] {
            assert!(load(env).is_err(), "{env:?}");
        }
    }
}
