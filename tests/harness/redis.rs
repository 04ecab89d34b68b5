//! One throw-away Redis per test process, started when first asked for, and those of tests that
//! take theirs away.

use std::sync::OnceLock;

use crate::throwaway::Throwaway;

/// The address of an empty Redis, shared by the tests of this process: use keys of your own.
#[must_use]
pub fn url() -> String {
    static SERVER: OnceLock<Throwaway> = OnceLock::new();
    address(SERVER.get_or_init(|| Throwaway::start("redis")).port)
}

/// A Redis of one test's own.
pub struct Own(Throwaway);

impl Own {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(Throwaway::start("redis"))
    }

    /// Starts it at a port where one was stopped.
    #[must_use]
    pub fn start_at(port: u16) -> Self {
        Self(Throwaway::start_at("redis", port))
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        address(self.0.port)
    }

    /// Stops it and waits until it is gone; its port.
    #[must_use]
    pub fn stop(self) -> u16 {
        self.0.stop()
    }
}

fn address(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}
