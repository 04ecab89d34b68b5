//! One throw-away Redis per test process, started when first asked for.

use std::sync::OnceLock;

use crate::throwaway::Throwaway;

/// The address of an empty Redis, shared by the tests of this process: use keys of your own.
#[must_use]
pub fn url() -> String {
    static SERVER: OnceLock<Throwaway> = OnceLock::new();
    format!("redis://127.0.0.1:{}", SERVER.get_or_init(|| Throwaway::start("redis")).port)
}
