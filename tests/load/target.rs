//! The server that is measured: a process of the release binary on a fresh database.

use std::collections::HashMap;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use harness::throwaway::{Throwaway, free_port};
use reqwest::Client;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

const ROLES: [&str; 3] = ["bailiwick_owner", "bailiwick_app", "bailiwick_system"];

/// A running server.
pub(crate) struct Target {
    pub(crate) base: String,
    pub(crate) http: Client,
    process: Child,
    config: HashMap<String, String>,
    data: TempDir,
    key: OnceLock<String>,
    postgres: Option<Throwaway>,
    _redis: Option<Throwaway>,
}

impl Target {
    /// Starts one on SQLite, or on PostgreSQL with Redis, both writing to disk as in earnest.
    pub(crate) async fn start(postgres: bool) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let listen = format!("127.0.0.1:{}", free_port());
        let base = format!("http://{listen}");
        let mut config = HashMap::from([
            ("BAILIWICK_LISTEN".to_owned(), listen),
            ("BAILIWICK_PUBLIC_URL".to_owned(), base.clone()),
            ("BAILIWICK_DATA_DIR".to_owned(), data.path().display().to_string()),
            ("BAILIWICK_LOG".to_owned(), "warn".to_owned()),
            // What is measured is how fast it is, not what it refuses.
            ("BAILIWICK_LIMITS__GLOBAL_PER_SECOND".to_owned(), "1000000".to_owned()),
        ]);
        let servers =
            postgres.then(|| (Throwaway::start("postgres-durable"), Throwaway::start("redis")));
        let (postgres, redis) = servers.unzip();
        if let (Some(postgres), Some(redis)) = (&postgres, &redis) {
            let mut connection = superuser(postgres, "postgres").await;
            for role in ROLES {
                let sql = format!("CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS");
                execute(&mut connection, &sql).await;
            }
            execute(&mut connection, "CREATE DATABASE bailiwick OWNER bailiwick_owner").await;
            for (key, role) in
                [("OWNER_URL", ROLES[0]), ("URL", ROLES[1]), ("SYSTEM_URL", ROLES[2])]
            {
                let url = format!("postgres://{role}@127.0.0.1:{}/bailiwick", postgres.port);
                config.insert(format!("BAILIWICK_DATABASE_{key}"), url);
            }
            let url = format!("redis://127.0.0.1:{}/0", redis.port);
            config.insert("BAILIWICK_REDIS_URL".to_owned(), url);
            harness::server::write_master_key(&data.path().join("master.key"));
            run(binary().arg("migrate").envs(&config));
        }
        let log = File::create(data.path().join("log")).expect("a file");
        let process = binary().arg("serve").envs(&config).stderr(log).spawn().expect("it starts");
        let http = harness::server::client();
        let key = OnceLock::new();
        let target = Self { base, http, process, config, data, key, postgres, _redis: redis };
        target.ready().await;
        target
    }

    /// Applies a manifest.
    pub(crate) fn apply(&self, manifest: &str) {
        let file = self.data.path().join("manifest.yaml");
        std::fs::write(&file, manifest).expect("written");
        run(binary().arg("apply").arg("-f").arg(file).envs(&self.config).stdout(Stdio::null()));
    }

    /// The key of the management API of the operator, who is made first.
    pub(crate) fn operator_key(&self) -> String {
        self.key.get_or_init(|| self.make_operator()).clone()
    }

    fn make_operator(&self) -> String {
        let password = self.data.path().join("operator.password");
        std::fs::write(&password, "hopper-measured-1906-operator").expect("written");
        let output = binary()
            .args(["init", "--operator-email", "ops@example.com", "--output", "json"])
            .arg("--operator-password-file")
            .arg(&password)
            .envs(&self.config)
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let told: serde_json::Value = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        told["api_key"].as_str().unwrap_or_else(|| panic!("no key in {told}")).to_owned()
    }

    /// Runs a statement past all row-level security.
    pub(crate) async fn execute(&self, sqlite: &str, postgres: &str) {
        match &self.postgres {
            Some(server) => execute(&mut superuser(server, "bailiwick").await, postgres).await,
            None => {
                let url = format!("sqlite://{}", self.data.path().join("bailiwick.db").display());
                let mut connection = SqliteConnection::connect(&url).await.expect("the file");
                let sql = AssertSqlSafe(sqlite.to_owned());
                sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statement is right");
            }
        }
    }

    /// Its resident memory, in kilobytes.
    pub(crate) fn memory(&self) -> f64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(f64::NAN)
    }

    /// A file of its own folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.data.path().join(name).display().to_string()
    }

    async fn ready(&self) {
        for _ in 0..500 {
            let asked = self.http.get(format!("{}/health/ready", self.base)).send().await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(self.file("log")).unwrap_or_default();
        panic!("the server did not get ready:\n{log}");
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The binary of the same build as this program.
fn binary() -> Command {
    let this = std::env::current_exe().expect("a process knows its program");
    let built = this.ancestors().nth(2).expect("two folders above").join("bailiwick");
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=KILL").arg(built).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?}: {status}");
}

async fn superuser(server: &Throwaway, database: &str) -> PgConnection {
    let url = format!("postgres://postgres@127.0.0.1:{}/{database}", server.port);
    PgConnection::connect(&url).await.expect("PostgreSQL answers")
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.unwrap_or_else(|e| panic!("{sql}: {e}"));
}
