//! One throw-away PostgreSQL per test process, started when first asked for, and a fresh database
//! in it for every test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;

use crate::node;
use crate::throwaway::Throwaway;

/// The role that owns the tables.
pub const OWNER: &str = "bailiwick_owner";
/// The role of requests, held to their tenants by row-level security.
pub const APP: &str = "bailiwick_app";
/// The role that sees every tenant.
pub const SYSTEM: &str = "bailiwick_system";

const TEMPLATE: &str = "migrated";

/// A database of one test. Dropped with this value.
pub struct Database {
    name: String,
    /// `postgres://` address of the [`APP`] role.
    pub app: String,
    /// `postgres://` address of the [`OWNER`] role.
    pub owner: String,
    /// `postgres://` address of the [`SYSTEM`] role.
    pub system: String,
    /// `postgres://` address of the superuser, whom row-level security does not hold: for looking
    /// at what was written.
    pub superuser: String,
}

impl Database {
    /// A database with the newest schema and no rows.
    pub async fn migrated() -> Self {
        static MIGRATED: OnceCell<()> = OnceCell::const_new();
        let migrate = || async {
            let template = Self::named(TEMPLATE.to_owned(), "template0").await;
            node::migrate(&template).await;
            // It must outlive this process's tests, and be without connections to be copied.
            std::mem::forget(template);
        };
        MIGRATED.get_or_init(migrate).await;
        Self::copy_of(TEMPLATE).await
    }

    /// A database without a schema.
    pub async fn empty() -> Self {
        Self::copy_of("template0").await
    }

    async fn copy_of(template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::named(format!("test_{count}"), template).await
    }

    async fn named(name: String, template: &str) -> Self {
        admin(&format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")).await;
        Self {
            app: url(APP, &name),
            owner: url(OWNER, &name),
            system: url(SYSTEM, &name),
            superuser: url("postgres", &name),
            name,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // FORCE: a server that panicked may still hold connections.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own, because this may be inside a runtime.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be built")
                .block_on(admin(&sql));
        });
        let _ = dropping.join();
    }
}

fn url(role: &str, database: &str) -> String {
    format!("postgres://{role}@127.0.0.1:{}/{database}", port())
}

fn port() -> u16 {
    static SERVER: OnceLock<Throwaway> = OnceLock::new();
    SERVER.get_or_init(|| Throwaway::start("postgres")).port
}

/// Runs a statement as the superuser. The roles are there from the first one on.
async fn admin(sql: &str) {
    static ROLES: OnceCell<()> = OnceCell::const_new();
    let roles = || async {
        for role in [OWNER, APP, SYSTEM] {
            execute(&format!("CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS")).await;
        }
    };
    ROLES.get_or_init(roles).await;
    execute(sql).await;
}

async fn execute(sql: &str) {
    let mut connection = PgConnection::connect(&url("postgres", "postgres"))
        .await
        .expect("the throw-away PostgreSQL answers");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    connection.close().await.expect("an idle connection closes");
}
