//! A cluster: processes of the real binary on a PostgreSQL and a Redis of their own, behind a load
//! balancer, so that a test can kill, stop and pause each of them.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::clients::{bailiwick, succeed};
use crate::free_port;
use crate::proxy::{Balancer, Line};
use crate::server::{client, write_master_key};
use crate::throwaway::Throwaway;

/// Two nodes and what they stand on.
pub struct Cluster {
    /// Its public address, without a trailing slash.
    pub base: String,
    /// Its PostgreSQL.
    pub postgres: Throwaway,
    /// Its Redis.
    pub redis: Throwaway,
    /// The line between the nodes and PostgreSQL.
    pub line: Line,
    /// The nodes.
    pub nodes: [Node; 2],
    /// Follows no redirects and keeps no cookies.
    pub http: Client,
    config: HashMap<String, String>,
    data: TempDir,
    _balancer: Balancer,
}

/// A process of the binary.
pub struct Node {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub base: String,
    config: HashMap<String, String>,
    log: PathBuf,
    /// How its clock is wrong, as `faketime` takes it.
    clock: Option<&'static str>,
    process: Mutex<Option<Child>>,
}

impl Cluster {
    /// Starts a cluster of two nodes and applies a manifest.
    pub async fn start(manifest: &str) -> Self {
        Self::with_clocks(manifest, [None, None]).await
    }

    /// As [`Cluster::start`], with nodes whose machines' clocks are wrong by that: `+90s`.
    pub async fn with_clocks(manifest: &str, clocks: [Option<&'static str>; 2]) -> Self {
        let (postgres, redis) = (Throwaway::start("postgres"), Throwaway::start("redis"));
        let line = Line::to(postgres.port).await;
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        write_master_key(&data.path().join("master.key"));
        create_database(postgres.port).await;
        let ports = [free_port(), free_port()];
        let balancer = Balancer::start(ports.to_vec()).await;
        let base = format!("http://{}", balancer.address);
        let url = |role: &str, port: u16| format!("postgres://{role}@127.0.0.1:{port}/bailiwick");
        let config: HashMap<String, String> = [
            ("PUBLIC_URL", base.clone()),
            ("DATA_DIR", data.path().display().to_string()),
            ("DATABASE_URL", url("bailiwick_app", line.port)),
            ("DATABASE_SYSTEM_URL", url("bailiwick_system", postgres.port)),
            ("REDIS_URL", format!("redis://127.0.0.1:{}/0", redis.port)),
        ]
        .into_iter()
        .map(|(key, value)| (format!("BAILIWICK_{key}"), value))
        .collect();
        let mut migrate = bailiwick();
        let owner = url("bailiwick_owner", postgres.port);
        migrate.arg("migrate").envs(&config).env("BAILIWICK_DATABASE_OWNER_URL", owner);
        succeed(migrate).await;
        let nodes = [0, 1].map(|n| Node::new(&config, data.path(), (n, ports[n]), clocks[n]));
        let http = client();
        let cluster =
            Self { base, postgres, redis, line, nodes, http, config, data, _balancer: balancer };
        for node in &cluster.nodes {
            node.start();
            node.ready(&cluster.http).await;
        }
        cluster.apply(manifest).await;
        cluster
    }

    /// Applies a manifest by the binary, beside the nodes.
    pub async fn apply(&self, manifest: &str) {
        let file = self.data.path().join("manifest.yaml");
        std::fs::write(&file, manifest).expect("a temporary folder is writable");
        succeed(self.command(&["apply", "-f", &file.display().to_string()])).await;
    }

    /// The binary, with the configuration of the nodes.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bailiwick();
        command.args(arguments).envs(&self.config);
        command
    }

    /// Runs a statement as the superuser, and gives its one number.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        let mut connection = superuser(self.postgres.port, "bailiwick").await;
        let row: (i64,) =
            sqlx::query_as(sql).fetch_one(&mut connection).await.expect("the statement is right");
        row.0
    }

    /// Runs a statement as the superuser.
    pub async fn execute(&self, sql: &str) {
        execute(self.postgres.port, "bailiwick", sql).await;
    }

    /// What a node says at `/health/ready`.
    pub async fn health(&self, node: usize) -> Value {
        let url = format!("{}/health/ready", self.nodes[node].base);
        let answer = self.http.get(url).send().await.expect("the node answers");
        answer.json().await.expect("it is JSON")
    }

    /// Waits until every node is ready, and what `is_so` says of its health holds.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        for n in 0..self.nodes.len() {
            let mut last = Value::Null;
            for _ in 0..600 {
                last = self.health(n).await;
                if is_so(&last) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(is_so(&last), "node {n} never was {what}: {last}");
        }
    }
}

impl Node {
    fn new(
        config: &HashMap<String, String>,
        data: &Path,
        (n, port): (usize, u16),
        clock: Option<&'static str>,
    ) -> Self {
        let mut config = config.clone();
        config.insert("BAILIWICK_LISTEN".into(), format!("127.0.0.1:{port}"));
        let base = format!("http://127.0.0.1:{port}");
        let log = data.join(format!("node{n}.log"));
        Self { base, config, log, clock, process: Mutex::new(None) }
    }

    /// Starts it.
    pub fn start(&self) {
        let mut command = Command::new("setpriv");
        // Dies with us, however we end.
        command.arg("--pdeathsig=KILL");
        if let Some(wrong) = self.clock {
            // Not by the program `faketime`, which would stand between us and the node.
            command.env("LD_PRELOAD", libfaketime()).env("FAKETIME", wrong);
        }
        command.arg(bailiwick().get_program());
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.expect("a temporary folder is writable");
        let process = command
            .arg("serve")
            .envs(&self.config)
            .stdin(Stdio::null())
            // A node that outlives us must not hold a pipe that somebody reads to its end.
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}: run scripts/setup.sh test"));
        *self.process.lock().expect("no test panics in here") = Some(process);
    }

    /// Waits until it is ready.
    pub async fn ready(&self, http: &Client) {
        for _ in 0..600 {
            let asked = http.get(format!("{}/health/ready", self.base)).send().await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("a node did not get ready:\n{}", self.last_lines());
    }

    /// Kills it: nothing that it has in hand is finished.
    pub fn kill(&self) {
        if let Some(mut process) = self.process.lock().expect("no test panics in here").take() {
            process.kill().expect("our own child can be killed");
            process.wait().expect("our own child can be waited for");
        }
    }

    /// Asks it to stop, and waits until it has. Gives whether it ended well.
    pub async fn stop(&self) -> bool {
        let process = self.process.lock().expect("no test panics in here").take();
        let Some(mut process) = process else { return true };
        let pid = process.id().to_string();
        let told = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
        assert!(told.expect("sh is there").success());
        let ended = tokio::task::spawn_blocking(move || process.wait()).await;
        ended.expect("waiting does not panic").expect("our own child can be waited for").success()
    }

    fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().filter(|l| !l.contains("\"INFO\"")).collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Node {
    #[expect(clippy::print_stderr, reason = "what a failing test needs to be understood")]
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.last_lines());
        }
    }
}

/// Where the package of it puts the library: in a folder named after the machine's architecture.
fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("every Linux has it");
    let mut found = folders.filter_map(|f| Some(f.ok()?.path().join("faketime/libfaketime.so.1")));
    found.find(|path| path.exists()).expect("faketime is installed: run scripts/setup.sh test")
}

async fn create_database(port: u16) {
    for role in ["owner", "app", "system"] {
        let sql = format!("CREATE ROLE bailiwick_{role} LOGIN NOSUPERUSER NOBYPASSRLS");
        execute(port, "postgres", &sql).await;
    }
    execute(port, "postgres", "CREATE DATABASE bailiwick OWNER bailiwick_owner").await;
}

async fn execute(port: u16, database: &str, sql: &str) {
    let mut connection = superuser(port, database).await;
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    done.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

async fn superuser(port: u16, database: &str) -> PgConnection {
    let url = format!("postgres://postgres@127.0.0.1:{port}/{database}");
    PgConnection::connect(&url).await.expect("the throw-away PostgreSQL answers")
}
