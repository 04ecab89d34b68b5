//! The test harness: a real server on a free port with a fresh database, a clock that tests move
//! and seeded randomness.
//!
//! A test is an async function over a [`Server`], registered by [`both!`], which runs it on SQLite
//! and on PostgreSQL:
//!
//! ```ignore
//! use harness::{Server, both};
//!
//! both!(answers_health);
//!
//! async fn answers_health(server: &Server) {
//!     assert_eq!(server.get("/health/live").await.status(), 200);
//! }
//! ```
//!
//! `BAILIWICK_TEST_DATABASES=sqlite` (or `postgres`) leaves the other one out.

#![expect(clippy::panic, reason = "a test fails by panicking")]

pub mod authenticator;
pub mod browser;
pub mod clients;
pub mod cluster;
pub mod env;
pub mod node;
pub mod page;
pub mod postgres;
pub mod proxy;
pub mod receiver;
pub mod redis;
pub mod server;
pub mod smtp;
pub mod throwaway;

pub use authenticator::Authenticator;
pub use browser::{Browser, Visit};
pub use cluster::Cluster;
pub use env::TestClock;
pub use page::{Form, Page};
pub use server::{Backend, Options, Peer, Server, Time};
pub use throwaway::free_port;

/// Registers tests, each a function `async fn name(server: &Server)`, on both databases, as
/// `name::sqlite` and `name::postgres`. A function that is not registered is dead code, so that
/// none is forgotten. Options come first: `both!(Options::real_time() => name, other)`.
#[macro_export]
macro_rules! both {
    ($options:expr => $($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                use super::*;
                $crate::run($crate::Backend::Sqlite, $options, super::$name);
            }
            #[test]
            fn postgres() {
                use super::*;
                $crate::run($crate::Backend::Postgres, $options, super::$name);
            }
        }
    )+};
    ($($name:ident),+ $(,)?) => {
        $crate::both!($crate::Options::default() => $($name),+);
    };
}

/// Runs one test on one database: what [`both!`] makes a test of.
pub fn run(backend: Backend, options: Options, test: impl AsyncFnOnce(&Server)) {
    if !backend.is_wanted() {
        return;
    }
    block_on(async {
        let server = Server::start(backend, options).await;
        test(&server).await;
    });
}

/// Runs a test that needs no server, or starts its own, on a runtime like that of [`run`].
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    // Two workers: a server that is dropped is stopped while the test's own thread waits.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started");
    runtime.block_on(test)
}
